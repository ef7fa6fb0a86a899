"""The six lessons, in the order of the article: what each says, runs and asks, and when it passes.

A check is a predicate over the transcript of the run: it compares what was typed with what
happened, so it does not hold the answer itself.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from genreply_cli.coordinator import Coordinator
from genreply_cli.learn import answers, checks
from genreply_cli.session.faults import Fault
from genreply_cli.session.scenarios import SCENARIOS, Scenario, overlap
from genreply_cli.session.settings import Settings
from genreply_cli.transcript.step import Step
from genreply_cli.variations import (
    AnyCoordinator,
    BlockingCoordinator,
    FifoCoordinator,
    ImmediateCoordinator,
)


@dataclass(frozen=True)
class Lesson:
    """A lesson. `read` makes a value of what was typed, and raises ValueError with a sentence."""

    title: str
    text: str  # paragraphs, with an empty line between them
    coordinator: type[AnyCoordinator]  # whose code is shown
    question: str
    hint: str
    moral: str  # what to take along
    check: Callable[[Any, list[Step]], tuple[bool, str]]
    read: Callable[[str], Any] | None = None  # None: the learner edits a file instead
    scenario: Scenario | None = None
    is_timeout: bool = False  # what is typed becomes the timeout of the run

    def settings(self, value: Any) -> Settings:
        """The settings of the run for this answer."""
        assert self.scenario is not None
        settings = self.scenario.settings
        return settings._replace(timeout=value) if self.is_timeout else settings


def _settings(coordinator: str) -> Settings:
    return Settings(coordinator, (0.25, 0.25), 5.0, clock="virtual")


CRASH: Final = (Fault("crash", 0.4),)
CRASH_SEED: Final = 3  # with it, the socket crashes when the third greeting comes

LESSONS: Final[Sequence[Lesson]] = (
    Lesson(
        "The basic way: wait inside the handler",
        (
            "A GenServer is a process with a mailbox. It takes one message at a time, runs the"
            " handler for it, and takes the next one only when that handler has returned.\n\n"
            "A caller of our coordinator wants the answer of a WebSocket, but that answer comes"
            " later, as another message. The basic way is to send the greeting, and to wait for the"
            " answer inside handle_call. The caller is blocked, as it wants to be. But the"
            " whole coordinator is blocked, too."
        ),
        BlockingCoordinator,
        "Three callers greet with A, B and C, 30 ms after each other. The socket needs 250 ms for"
        " an answer. For how long is C, the last one, blocked? Type a time, like 250ms.",
        "The coordinator takes B out of its mailbox when it has replied to A, and C when it has"
        " replied to B. Only then does it send C to the socket.",
        "A server that waits inside its handler serves one caller at a time. Meanwhile it is deaf:"
        " it takes no other message, and if one answer never comes, it stays deaf for ever.",
        checks.longest_wait,
        answers.duration,
        SCENARIOS["blocking"],
    ),
    Lesson(
        "The problem: the reply comes too soon",
        (
            "So the handler must return at once. But what it returns is the reply: this coordinator"
            ' sends the greeting, and returns Reply("ok", state), because it has no answer yet.\n\n'
            "The answer comes 250 ms later, as a message, to handle_info. By then the call is over,"
            " and handle_info does not know who has asked."
        ),
        ImmediateCoordinator,
        'A caller greets with "Hello world". What does it get? Type the text of its reply.',
        "Look at the line of handle_call that begins with return. The caller waits for nothing"
        " else.",
        "A reply that is returned at once cannot hold an answer that comes later. What is missing"
        " is a way to say who is to get that answer.",
        checks.reply_text,
        answers.reply,
        SCENARIOS["immediate"],
    ),
    Lesson(
        "The solution: keep from, and reply later",
        (
            "handle_call gets a second argument, from: the address of this one call. A handler may"
            " return NoReply(state) instead of a reply. Then the caller stays blocked, and the"
            " server is free for other messages.\n\n"
            "So the coordinator keeps from in its state. When the answer comes, handle_info finds"
            " it there, and GenServer.reply(from, answer) sends the reply. Nothing changes for the"
            " caller: it has called a function, and gets the answer. This is a deferred reply."
        ),
        Coordinator,
        "Now you. The file named below has the problem of lesson 2. Change the two places that are"
        " marked with CHANGE, save the file, and press Enter to run it.",
        "handle_call: return NoReply(replace(state, caller=from_)). handle_info, before its return:"
        " GenServer.reply(state.caller, message.msg).",
        "NoReply keeps the caller waiting, From says who it is, and the reply may come from any"
        " later handler.",
        checks.deferred_reply,
    ),
    Lesson(
        "Overlapping callers: one slot",
        (
            "The state of lesson 3 has one slot for a caller. The server is free while a caller"
            " waits, so another caller can come before the first one has its answer. Its from goes"
            " into the same slot."
        ),
        Coordinator,
        "A, B and C greet 30 ms after each other; each answer takes 250 ms. The first answer that"
        " comes is the one to A. Who gets it: A, B, C or nobody?",
        "Who was the last one to be kept, before the first answer came? GenServer.reply sends to"
        " whoever is in the slot then.",
        "A server that keeps callers has to know which answer belongs to which caller. A queue of"
        " callers is enough if the answers come in order, and each of them exactly once. A"
        " reference in each request, which its answer repeats, is always enough. See it in"
        " genreply trace overlap-keyed, and all designs in genreply compare.",
        checks.who_got_the_first_answer,
        answers.caller,
        SCENARIOS["overlap-single"],
    ),
    Lesson(
        "Late replies, and timeouts",
        (
            "A call waits for its timeout at most: 5 seconds, unless it says another time. Then the"
            " caller goes on with an error. The server is not told. It still keeps the caller, and"
            " replies when the answer comes.\n\n"
            "That reply is late. Each call has its own reference, so the runtime sees that nobody"
            " waits for this reply any more, and drops it. It can never be taken for the reply to"
            " another call."
        ),
        Coordinator,
        "An answer takes 300 ms. Choose a timeout with which the first caller gives up, and see"
        " what becomes of its answer. Type a time, like 400ms.",
        "The caller gives up if its timeout ends before the answer is there, after 300 ms.",
        "A timeout ends the waiting, and not the work. What comes too late is dropped, and the next"
        " call gets its own answer.",
        checks.gave_up_and_was_late,
        answers.timeout,
        SCENARIOS["late"],
        is_timeout=True,
    ),
    Lesson(
        "A crash: who waits is told",
        (
            "The coordinator is linked to its socket: if one of them crashes, the other one ends"
            " with it. And a caller watches the server that it calls, for as long as the call"
            " lasts.\n\n"
            "So nobody waits in vain for a server that is gone: a crash is an answer, too, and"
            " it comes at once. Here the coordinator keeps a queue of callers."
        ),
        FifoCoordinator,
        "A, B and C wait, each with a timeout of 5 s. Then the socket crashes, before any answer"
        " has come. How many of the three are told at once? Type a number.",
        "All callers watch the coordinator. It ends with the socket to which it is linked.",
        "Let it crash: who waits is told at once, a supervisor starts the server again, and the"
        " callers decide whether to ask again.",
        checks.told_at_once,
        answers.number,
        Scenario("a crash", _settings("fifo")._replace(faults=CRASH, seed=CRASH_SEED), overlap),
    ),
)
