"""The story of a call in words, each sentence beside the lines of Python and of Elixir that did it.

    for row in render(explain(steps, "c2"), width=120):
        console.print(row.text, style=row.style)

`StoryTeller` does the same while the steps come, and keeps only the stories worth telling.
"""

from collections import deque
from collections.abc import Collection, Iterable, Iterator
from pathlib import Path
from typing import Final, NamedTuple

from genreply_cli.explain.meaning import action, handling, meaning
from genreply_cli.explain.own_code import OwnCode
from genreply_cli.explain.quotes import Code, Quote, quote
from genreply_cli.timeline.kinds import style_of
from genreply_cli.transcript.pretty import pretty_message, pretty_name
from genreply_cli.transcript.snapshot import Snapshot
from genreply_cli.transcript.step import Step, is_answer
from genreply_cli.variations import COORDINATORS

MAX_STORIES: Final = 3  # of more calls, only the first that went wrong and the last are told
MAX_MESSAGES: Final = 1000  # that may still turn out to belong to a call
MAX_ENDED: Final = 1000  # calls that have ended and are kept, since a late answer may follow

# The outcomes of replies that have words and a look of their own.
ROWS: Final = {"wrong caller": "wrong", "error": "raised"}

# A `start` step names the class of the server; the design is the coordinator of that class.
DESIGNS: Final = {cls.__name__: design for design, (cls, _) in COORDINATORS.items()}

REAL_SOCKETS: Final = frozenset({"RealWebSocket", "RealKeyedWebSocket"})  # a server answers there

# What a design does in its own way, said after the meaning of the step.
# fmt: off
BY_DESIGN: Final = {
    ("cast", "blocking"):
        "It waits for the answer inside handle_call, and hears nothing else meanwhile.",
    ("noreply", "single"):
        "There is one slot, and this caller is in it now.",
    ("noreply", "fifo"):
        "This caller is the last in the queue now.",
    ("noreply", "keyed"):
        "It is kept under the reference that its question got.",
    ("reply", "immediate"):
        "That is not the answer: there is none yet.",
    ("wrong", "single"):
        "Whoever is in the slot gets what comes.",
    ("wrong", "fifo"):
        "The first in the queue gets what comes, and an answer was lost, repeated or overtaken.",
    ("wrong", "blocking"):
        "It took the first message that came for the answer.",
}
# fmt: on


class Sentence(NamedTuple):
    """One sentence of a story, `t` seconds after the start; code is None if no exhibit did it."""

    t: float
    sentence: str
    python: Code | None = None
    elixir: Code | None = None
    seq: int = 0  # of the step that it is about
    style: str = ""  # as Rich names it: red for what went wrong


class Story:
    """What has become of one call so far: its sentences, in the order of the steps."""

    def __init__(self, call: str, question: str) -> None:
        self.call = call
        self.question = question
        self.is_forgotten = False  # the server keeps another caller in place of this one
        self._sentences: list[tuple[Step, Sentence]] = []
        self._kinds: dict[int, str] = {}  # by the number of the step
        self._quoted: set[Quote] = set()
        self._if_nothing_follows: dict[int, Sentence] = {}

    def tell(self, step: Step, sentence: str, quoted: Quote) -> None:
        """Add a sentence."""
        style = style_of(step).colour if step.outcome in ROWS else ""
        if quoted.elixir is None and quoted in self._quoted:  # a whole callback is shown once
            quoted = Quote()
        self._quoted.add(quoted)
        self._sentences.append((step, Sentence(step.t, sentence, *quoted, step.seq, style)))
        self._kinds[step.seq] = step.kind

    def if_nothing_follows(self, step: Step, sentence: str, quoted: Quote) -> None:
        """Add a sentence that is dropped if the step turns out to have an effect.

        It is told only if the call has its answer, or if its server was told that it needs none.
        """
        self._if_nothing_follows[step.seq] = Sentence(step.t, sentence, *quoted, step.seq)

    def has_effect(self, cause: int | None) -> str | None:
        """The step with this number has had an effect. Returns its kind if this story has it."""
        if cause is None:
            return None
        self._if_nothing_follows.pop(cause, None)
        return self._kinds.get(cause)

    @property
    def is_answered(self) -> bool:
        return any(step.kind == "reply" and step.call == self.call for step, _ in self._sentences)

    def __iter__(self) -> Iterator[Sentence]:
        answered = self.is_answered or any(step.told for step, _ in self._sentences)
        for step, sentence in self._sentences:
            yield sentence
            if answered and step.seq in self._if_nothing_follows:
                yield self._if_nothing_follows[step.seq]


class ServerState:
    """What the steps have shown of the coordinator: its design, and its calls."""

    def __init__(self, design: str | None, own_code: OwnCode) -> None:
        self._given_design = design
        self._own_code = own_code
        self.design = design
        self.slot: str | None = None  # the call kept last; a single slot holds no other
        self.handled: str | None = None  # the call for which it waits inside handle_call
        self.recorded: set[str] = set()  # servers whose states are recorded
        self.crashed: set[str] = set()  # processes
        self.crash_injected: set[str] = set()  # processes that a fault makes crash
        self.has_real_socket = False

    def update(self, step: Step) -> None:
        """Take one more step into account."""
        match step.kind:
            case "state" if step.at is not None:
                self.recorded.add(step.at)
            case "noreply":
                self.slot = step.call
            case "cast":
                self.handled = step.call
            case "reply" | "late" | "duplicate":
                self.handled = None
            case "fault" if step.at is not None and step.details.get("what") == "crash":
                self.crash_injected.add(step.at)
            case "crash" if step.at is not None:
                self.crashed.add(step.at)
            case "start" | "exit":
                self.slot = self.handled = None
                self.crashed.discard(step.at or "")
                self.crash_injected.discard(step.at or "")
        if step.kind == "start" and step.details.get("module") in REAL_SOCKETS:
            self.has_real_socket = True
        self._own_code.update(step)
        is_own = step.details.get("callbacks") is not None  # it may have the name of an exhibit
        if step.kind == "start" and self._given_design is None and not is_own:
            self.design = DESIGNS.get(str(step.details.get("module")), self.design)

    def quote(self, action: str | None, step: Step) -> Quote:
        """The lines that carry out an action: those of this design, or the callback of a server.

        None if both are unknown.
        """
        if self._own_code.has(step):
            return self._own_code.quote(step)
        if action is None or self.design is None or (action == "answer" and self.has_real_socket):
            return Quote()
        return quote(action, self.design)


def quote_at(step: Step, snapshot: Snapshot) -> Quote:
    """The lines that carried out a step, in the design of the coordinator that was started last.

    `snapshot` is the state after the step.
    """
    done = action(step)
    designs = [DESIGNS[module] for module in snapshot.modules.values() if module in DESIGNS]
    is_elsewhere = done == "answer" and not REAL_SOCKETS.isdisjoint(snapshot.modules.values())
    return Quote() if done is None or not designs or is_elsewhere else quote(done, designs[-1])


class StoryTeller:
    """Tells the stories of all calls, or `only` those of some, from the steps of a transcript.

    The design of the coordinator is seen from the steps unless it is given by its name. Other
    servers are shown beside their own code, which is in the folder `sources`: None is the current
    one. Memory does not grow with the number of calls that have ended.
    """

    def __init__(
        self,
        only: Collection[str] = (),
        design: str | None = None,
        sources: Path | None = None,
    ) -> None:
        self.calls = 0  # those with a story, forgotten ones included
        self._only = only
        self._server = ServerState(design, OwnCode(sources))
        self._stories: dict[str, Story] = {}
        self._open: dict[str, None] = {}  # calls that still wait
        self._ended: deque[str] = deque()  # calls whose stories may be forgotten
        self._messages: dict[int, Step] = {}  # of which it is not known which call they are for
        self._first_wrong: str | None = None
        self._last: str | None = None

    def update(self, step: Step) -> None:
        """Take one more step into account."""
        wanted = not self._only or step.call in self._only
        if step.kind == "call" and step.call is not None and wanted:
            self._begin(step.call, pretty_message(step.message))
        self._place_message(step)
        for story in self._stories_for(step):
            cause = story.has_effect(step.cause)
            self._tell(story, step, cause)
        self._server.update(step)
        if step.call is not None and step.call in self._stories:
            self._note_outcome(step, step.call)

    def sentences(self) -> dict[int, list[Sentence]]:
        """What is told of each step, by its number. A step may be told of in several stories."""
        told: dict[int, list[Sentence]] = {}
        for story in self._stories.values():
            for sentence in story:
                of_step = told.setdefault(sentence.seq, [])
                if sentence not in of_step:
                    of_step.append(sentence)
        return told

    def _place_message(self, step: Step) -> None:
        """Find out from the answer that a message has led to which call the message was for."""
        if step.kind == "info" and step.call is None:
            self._messages[step.seq] = step
            if len(self._messages) > MAX_MESSAGES:
                del self._messages[next(iter(self._messages))]
            return
        if step.cause not in self._messages or not is_answer(step):
            return
        message = self._messages.pop(step.cause)
        story = self._stories.get(step.details.get("for") or step.call or "")
        if story is not None:
            told = message._replace(call=story.call)
            story.tell(told, meaning(told), self._server.quote(action(told), told))

    def worth_telling(self) -> list[Story]:
        """All stories if there are few, or if they were asked for.

        Else the first that went wrong, and the last.
        """
        if self.calls <= MAX_STORIES or self._only:
            return list(self._stories.values())
        calls = dict.fromkeys([self._first_wrong, self._last])
        return [self._stories[call] for call in calls if call is not None]

    def _begin(self, call: str, question: str) -> None:
        self.calls += 1
        self._last = call
        self._stories[call] = Story(call, question)
        self._open[call] = None

    def _stories_for(self, step: Step) -> list[Story]:
        """The stories of a step: of its call, of the call it was meant for, of those it hits."""
        if step.kind == "state":
            return [self._stories[call] for call in step.forgot if call in self._stories]
        calls = [step.call, step.details.get("for")]
        if step.kind in {"crash", "exit"}:
            calls += self._open
        elif (
            step.kind == "noreply"
            and self._server.design == "single"
            and step.at not in self._server.recorded
        ):
            calls.append(self._server.slot)
        names = dict.fromkeys(call for call in calls if isinstance(call, str))
        return [self._stories[call] for call in names if call in self._stories]

    def _tell(self, story: Story, step: Step, cause: str | None) -> None:
        """Tell what the step means for this story. `cause`: the kind of the step that led to it."""
        server = self._server
        match step.kind:
            case "noreply" if step.call != story.call:
                self._tell_of_overwriting(story, step)
            case "state" if step.details.get("keeps") == [step.call]:
                self._tell_of_overwriting(story, step)
            case "crash":
                injected = step.at in server.crash_injected
                doing = "crash" if injected else handling(cause)
                story.tell(step, meaning(step), server.quote(doing, step))
            case "exit" if step.details.get("link") is None and step.at in server.crashed:
                pass  # its crash is told already
            case "fault" if step.details.get("what") == "crash":
                pass  # the crash that follows is told
            case kind:
                row = ROWS.get(step.outcome or "", kind)
                own = BY_DESIGN.get((row, str(server.design)))
                sentence = f"{meaning(step)} {own}" if own else meaning(step)
                story.tell(step, sentence, server.quote(action(step), step))
        if step.kind == "call" and server.design == "blocking" and server.handled is not None:
            sentence = (
                f"{pretty_name(step.target)} does not hear it yet: it waits inside handle_call,"
                f" for the answer to {pretty_name(server.handled)}."
            )
            story.tell(step, sentence, server.quote("wait inside", step))
        elif step.kind == "info" and server.design is not None:
            sentence = f"{pretty_name(step.target)} has nobody to give it to."
            story.if_nothing_follows(step, sentence, server.quote("ignore", step))

    def _tell_of_overwriting(self, story: Story, step: Step) -> None:
        """The coordinator with one slot has put another caller where this one was."""
        if story.call in self._open and not story.is_forgotten:
            story.is_forgotten = True
            sentence = (
                f"{pretty_name(step.at)} keeps one caller, and from now on that is the one of"
                f" {pretty_name(step.call)}: the caller of {pretty_name(story.call)} is forgotten."
            )
            story.tell(step, sentence, self._server.quote(action(step), step))

    def _note_outcome(self, step: Step, call: str) -> None:
        """Note which call was the first to go wrong and which have ended; forget the oldest."""
        failed = step.ends_call and step.outcome != "replied"
        if self._first_wrong is None and (failed or "for" in step.details):
            self._first_wrong = call
        if step.ends_call and call in self._open:
            del self._open[call]
            self._ended.append(call)
        while len(self._ended) > MAX_ENDED:
            oldest = self._ended.popleft()
            if oldest not in {self._first_wrong, self._last}:
                self._stories.pop(oldest, None)  # a transcript may use a name twice


def explain(steps: Iterable[Step], call: str, design: str | None = None) -> list[Sentence]:
    """The story of one call; [] if there is no such call.

    The design is seen from the steps unless it is given by its name.
    """
    stories = StoryTeller([call], design)
    for step in steps:
        stories.update(step)
    return [sentence for story in stories.worth_telling() for sentence in story]
