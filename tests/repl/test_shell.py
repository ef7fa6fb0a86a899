"""A session, line by line, on the virtual clock."""

import asyncio
import re
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from genreply_cli.export.formats import FORMATS
from genreply_cli.otp.virtual_time import run
from genreply_cli.repl.frontend import Frontend, PromptSource
from genreply_cli.repl.history import History
from genreply_cli.repl.run import execute
from genreply_cli.repl.shell import Failure, Shell
from genreply_cli.session.callers import Call
from genreply_cli.session.faults import parse_faults
from genreply_cli.session.recording import header
from genreply_cli.session.session import session
from genreply_cli.session.settings import Settings
from genreply_cli.session.supervisor import Supervisor
from genreply_cli.terminal.screen import Screen
from genreply_cli.transcript.reader import read
from genreply_cli.transcript.step import Step
from genreply_cli.transcript.writer import Writer

ENDINGS = [ending for form in FORMATS.values() for ending in form.endings]

Act = Callable[["Session"], Any]


class Spy(Frontend):
    """What a session shows, as a list. The test types the lines itself."""

    def __init__(self, *, interactive: bool) -> None:
        super().__init__()
        self.interactive = interactive
        self.shows = interactive
        self.said: list[str] = []
        self.keys: list[str] = []  # pressed while a call blocks, 0.1 s after it has begun

    @property
    def shows_outcomes(self) -> bool:
        return self.shows

    def show_reply(self, call: str, reply: str) -> None:
        self.said.append(f"{call}: {reply}")

    def say(self, text: str) -> None:
        self.said += text.splitlines()

    def complain(self, problem: str) -> None:
        self.said.append(f"! {problem}")

    def draw(self, draw: Callable[[Screen], None]) -> None:
        self.said.append("drawn")

    def set_view(self, name: str) -> None:
        self.said.append(f"view {name}")

    def clear(self) -> None:
        self.said.append("cleared")

    @contextmanager
    def blocked(
        self,
        call: Call,
        give_up: Callable[[], None],
        send_to_background: Callable[[], object],
        hint: str,
    ) -> Iterator[None]:
        for key in self.keys[:1]:
            pressed = {"c-c": give_up, "c-z": send_to_background}[key]
            asyncio.get_running_loop().call_later(0.1, pressed)
        del self.keys[:1]
        yield

    async def read_lines(self, source: PromptSource) -> AsyncIterator[str]:
        return
        yield


class Session:
    """What a test sees of it."""

    def __init__(self) -> None:
        self.steps: list[Step] = []
        self.said: list[str] = []
        self.failures: list[Failure] = []
        self.status = 0
        self.leaving = False

    @property
    def kinds(self) -> list[str]:
        return [f"{step.call} {step.kind}" for step in self.steps if step.call is not None]

    def at(self, kind: str) -> list[float]:
        return [step.t for step in self.steps if step.kind == kind]


def converse(
    *lines: str | float,
    keys: tuple[str, ...] = (),
    interactive: bool = False,
    transcript: Path | None = None,
    frontend: type[Spy] = Spy,
    **settings: Any,
) -> Session:
    """Type these lines; a number among them is so many seconds of waiting."""
    told = Session()
    chosen = Settings(**{"delay": (0.4, 0.4), "clock": "virtual"} | settings)

    async def main() -> None:
        spy, history = frontend(interactive=interactive), History()
        spy.keys, told.said = list(keys), spy.said
        sinks: list[Any] = [history.update, told.steps.append]
        writer = None if transcript is None else Writer(transcript, header(chosen))
        if writer is not None:
            sinks.append(writer.write)
        async with session(lambda: Supervisor(chosen), sinks) as (supervisor, observers):
            assert observers is not None
            path = None if transcript is None else str(transcript)
            shell = Shell(supervisor, observers, spy, history, path)
            try:
                for line in lines:
                    if isinstance(line, str):
                        await execute(shell, line)
                    else:
                        await asyncio.sleep(line)
                told.failures, told.leaving = shell.failures, shell.leaving
                told.status = shell.exit_status()
            finally:
                await shell.close()
        if writer is not None:
            writer.close()

    run(main())
    return told


# --- greetings --------------------------------------------------------------------------


def test_a_greeting_blocks_until_its_reply() -> None:
    told = converse("A", "B")
    assert told.said == ["c1: A to you too!", "c2: B to you too!"]
    assert told.at("call") == [0.0, 0.4]


def test_all_are_asked_by_the_same_caller_unless_they_overlap() -> None:
    told = converse("A", "B", "C &", "D &", 1.0, "E &", "F")
    assert [step.source for step in told.steps if step.kind == "call"] == [
        "caller", "caller", "caller", "caller-2", "caller", "caller-2",
    ]  # fmt: skip


def test_a_greeting_in_the_background_does_not_block() -> None:
    told = converse("A &", "B &", "C")
    assert told.at("call") == [0.0, 0.0, 0.0]
    assert told.said == ["c1: A to you too!", "c2: B to you too!", "c3: C to you too!"]


def test_at_a_prompt_the_timeline_tells_of_the_background() -> None:
    assert converse("A &", "C", interactive=True).said == ["c2: C to you too!"]


def test_giving_up_ends_one_call_and_nothing_else() -> None:
    told = converse("A &", "B", "C", keys=("c-c",))
    assert (
        told.said[0]
        == "! c2 cancelled; the server is told, and a reply that comes later is dropped"
    )
    assert told.said[1:] == ["c1: A to you too!", "c3: C to you too!"]
    assert told.kinds.index("c2 cancel") < told.kinds.index("c2 down") < told.kinds.index("c2 info")
    assert told.failures == []
    assert told.status == 0


def test_a_call_put_aside_goes_on() -> None:
    told = converse("A", "/calls", "B", keys=("c-z",))
    assert told.said[0] == 'c1    0.1 s of 5s  kept at coordinator since +0.000 s  "A"'
    assert told.said[1:] == ["c1: A to you too!", "c2: B to you too!"]


def test_the_first_failure_in_ask_order_counts() -> None:
    told = converse("A &", "B &", "/crash websocket", "/wait", timeout=1.0)
    assert sorted(told.failures) == [(1, False, 4), (2, False, 4)]
    assert converse("A", "B", timeout=0.1).failures == [(1, False, 3), (2, False, 3)]
    late = converse("/timeout 1", "A &", "/timeout 0.1", "/dealy", "B", "/wait", delay=(9.0, 9.0))
    assert late.failures == [(1, True, 2), (2, False, 3), (1, False, 3)]
    assert late.status == 3


# --- calls in flight --------------------------------------------------------------------


def test_calls_lists_those_in_flight() -> None:
    assert converse("/calls").said == ["no call is in flight"]
    told = converse("A &", 0.1, "/timeout infinity", "B &", "/calls", coordinator="blocking")
    assert told.said[1:] == [
        'c1    0.1 s of 5s  handled by coordinator since +0.000 s  "A"',
        'c2    0.0 s  not handled yet  "B"',
    ]
    told = converse("A &", 0.1, "B &", 0.1, "/calls", coordinator="single", delay=(9.0, 9.0))
    assert told.said == [
        'c1    0.2 s of 5s  forgotten by coordinator, and waits in vain  "A"',
        'c2    0.1 s of 5s  kept at coordinator since +0.100 s  "B"',
    ]


def test_wait_blocks_on_one_call_or_on_all() -> None:
    told = converse(
        "A &",
        0.2,
        "B &",
        "/wait c1",
        "/mark one",
        "/wait 2",
        "/mark other",
        "C &",
        "/wait",
        "/mark all",
    )
    assert told.at("mark") == [0.4, 0.6, 1.0]


def test_wait_shows_all_answers_in_every_view_as_they_come() -> None:
    told = converse("A &", "/delay 0.1", "B &", "/wait", interactive=True)
    assert told.said[-2:] == ["c2: B to you too!", "c1: A to you too!"]


def test_ctrl_c_at_wait_gives_up_the_waiting_and_not_the_call() -> None:
    told = converse("A &", "B &", "/wait", "/calls", 1.0, keys=("c-c",), interactive=True)
    assert [line[:2] for line in told.said] == ["c1", "c2"]
    assert [step.kind for step in told.steps].count("reply") == 2


def test_waiting_can_be_put_aside() -> None:
    told = converse("A &", "/wait", "/calls", keys=("c-z",))
    assert told.said[0].startswith("c1    0.1 s of 5s")


def test_cancel_gives_up_one_or_all() -> None:
    assert converse("A &", "B &", "/cancel c1", 1.0).kinds.count("c1 cancel") == 1
    assert converse("A &", "/cancel", 1.0).kinds.count("c1 cancel") == 1
    told = converse("A &", "B &", "/cancel all", 1.0)
    assert {"c1 cancel", "c2 cancel", "c1 down", "c2 down"} <= set(told.kinds)


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ("/wait c9", "! there is no call 'c9' in flight; in flight: c1, c2"),
        ("/cancel", "! which call? in flight: c1, c2"),
        ("/show c9", "! no call c9 is known; the latest are c1, c2"),
        ("/burst", "! /burst needs a number and a text, as in: /burst 50 hello"),
        ("/burst 0 x", "! '0' is no number of calls; expected 1 to 10,000, like 50"),
        ("/delay soon", ("! 'soon' is no duration; expected something like 250ms, 1.5s or 2,"
         " or a range like 100ms..1s")),
        ("/coordinator singel",
         ("! there is no coordinator 'singel'; expected one of blocking, immediate, single, fifo,"
         " keyed; did you mean single?")),
        ("/fault flood", ("! there is no fault 'flood'; expected one of drop,"
         " late, duplicate, reorder, crash")),
        ("/burst 99999999999 x", "! 99999999999 calls are too many; expected 1 to 10,000, like 50"),
        ("/seed x", "! 'x' is no seed; expected a whole number, like 7"),
        ("/seed 9999999999999999999", ("! the seed 9999999999999999999 is too long; expected at"
         " most 18 digits, like 7")),
        ("/crash", "! /crash needs a process, as in: /crash websocket"),
        ("/crash websocket now", ("! /crash takes one word, as in: /crash websocket;"
         " found 'websocket now'")),
        ("/restart now", "! /restart takes no words; found 'now'"),
        ("/view", "! /view needs a view, as in: /view narrow"),
        ("/crash me", ("! there is no process to crash"
         " 'me'; expected one of coordinator, websocket")),
        ("/step maybe", "! there is no way to step 'maybe'; expected one of on, off"),
        ("/mark", "! /mark needs a label, as in: /mark lunch"),
        ("/save", "! /save needs a file, as in: /save lunch.jsonl"),
        ("/save x.jsonl", ("! this session is not recorded;"
         " leave, and come back without --no-record")),
        ("/export", "! /export needs a file, as in: /export lunch.svg"),
        ("/export x.png",
         ("! 'x.png' does not say what it is to be; expected a name that ends in one of"
         f" {', '.join(ENDINGS)}")),
        ("/export x.svg", ("! this session is not recorded;"
         " leave, and come back without --no-record")),
        ("/view sideways", ("! there is no view 'sideways'; expected"
         " one of auto, wide, narrow, smallest, plain, accessible, off")),
        ("/dealy 1s", ("! there is no command /dealy; did"
         " you mean /delay? (//dealy greets with /dealy)")),
    ],
)  # fmt: skip
def test_what_cannot_be_done_gets_one_sentence(line: str, problem: str) -> None:
    told = converse("A &", "B &", line)
    assert told.said[0] == problem
    assert told.said[1:] == []


def test_an_answer_that_cannot_be_written_ends_the_session() -> None:
    class Full(Spy):
        def show_reply(self, call: str, reply: str) -> None:
            raise BrokenPipeError(f"{call}: {reply}")

    with pytest.raises(BrokenPipeError, match="c1: A to you too!"):
        converse("A", "B", frontend=Full)


def test_what_cannot_be_done_is_a_failure_in_its_place() -> None:
    told = converse("A", "/dealy", "/save x.jsonl", "B", timeout=0.1)
    assert told.failures == [(1, False, 3), (1, True, 2), (1, True, 1), (2, False, 3)]
    assert told.status == 3
    assert converse("/save x.jsonl", "/dealy", "A", timeout=0.1).status == 1


def test_how_long_it_waited_is_said_of_the_call_and_not_of_the_settings() -> None:
    assert (
        converse("/timeout 0.1", "A &", "/timeout 5", "/wait")
        .said[-1]
        .startswith("! c1 got no reply within 100ms")
    )


def test_show_tells_all_of_a_call() -> None:
    said = converse("A", "/show c1").said
    assert said[0] == "c1: A to you too!"
    assert [line.split()[2] for line in said[1:]] == ["call", "cast", "noreply", "info", "reply"]
    assert converse("/show").said == ["! no greeting has been sent yet"]


def test_explain_tells_the_last_call_or_that_one() -> None:
    assert converse("A", "/explain", "/explain c1").said[1:] == ["drawn", "drawn"]
    assert converse("/explain").said == ["! no greeting has been sent yet"]


def test_a_burst_is_many_calls_at_once() -> None:
    told = converse("/burst 50 hello", "/wait")
    assert told.said == [f"c{number}: hello to you too!" for number in range(1, 51)]
    assert set(told.at("call")) == {0.0}


def test_a_burst_at_a_prompt_leaves_it_open() -> None:
    told = converse("/burst 50 hello", "/calls", 1.0, interactive=True)
    assert told.said == [
        "no call is in flight",
        "burst from c1 to c50: replied 50; median wait 0.400 s",
    ]
    assert told.kinds.count("c50 reply") == 1


def test_a_burst_says_what_became_of_its_calls_and_of_no_others() -> None:
    told = converse("A &", "/burst 3 B", "C &", 9.0, interactive=True, coordinator="single")
    assert told.said[-1].startswith("burst from c3 to c5: wrong caller 1, timed out 2; ")


# --- settings ---------------------------------------------------------------------------


def test_all_settings_in_force_are_shown_and_a_fault_that_has_struck_is_off() -> None:
    told = converse("/fault drop late:0.5", "/set", "A", "/set", "/fault", timeout=0.1)
    first, second = told.said[1:6], told.said[7:12]
    assert [line.split()[0] for line in first] == [
        "delay",
        "timeout",
        "coordinator",
        "fault",
        "seed",
    ]
    assert "fault        drop late:0.5" in first
    assert "fault        late:0.5" in second
    assert told.said[12] == "fault is late:0.5"


def test_settings_are_shown() -> None:
    told = converse(
        "/delay",
        "/timeout",
        "/coordinator",
        "/fault",
        "/seed",
        delay=(0.1, 1.0),
        faults=parse_faults("drop late:0.2"),
    )
    assert told.said == [
        "delay is 100ms..1s",
        "timeout is 5s",
        "coordinator is keyed",
        "fault is drop late:0.2",
        "seed is 0",
    ]


def test_a_delay_holds_for_what_is_sent_from_now_on() -> None:
    told = converse("A &", "/delay 1s", "B", "/wait")
    assert told.said == [
        "delay is 1s for what is sent from now on",
        "c1: A to you too!",
        "c2: B to you too!",
    ]
    assert told.at("reply") == [0.4, 1.0]


def test_a_change_is_marked_in_the_transcript_as_it_was_typed() -> None:
    told = converse("/delay 1s", "/fault drop:0.5", "/timeout nonsense", "/seed 7")
    assert [step.details["label"] for step in told.steps if step.kind == "mark"] == [
        "/delay 1s",
        "/fault drop:0.5",
        "/seed 7",
    ]


def test_a_timeout_holds_for_what_is_asked_from_now_on() -> None:
    told = converse(
        "/delay 10s", "A &", "/timeout 1s", "B", "/calls", "/timeout infinity", "/cancel c1", "C"
    )
    assert [round(step.t, 6) for step in told.steps if step.kind == "timeout"] == [1.0]
    assert told.said[-1] == "c3: C to you too!"


def test_another_coordinator_takes_over_and_nothing_in_flight_is_lost() -> None:
    told = converse("A &", "/coordinator single", "B", "/wait", "C")
    assert [line for line in told.said if ":" in line] == [
        "c1: A to you too!",
        "c2: B to you too!",
        "c3: C to you too!",
    ]
    assert [step.target for step in told.steps if step.kind == "call"] == [
        "coordinator",
        "coordinator-2",
        "coordinator-2",
    ]
    ended = [step.at for step in told.steps if step.kind == "exit"]
    assert ended == ["coordinator", "websocket"]  # when nobody waited for it any more


def test_a_fault_for_the_next_answer_happens_once_and_again_when_it_is_asked_for_again() -> None:
    told = converse("/fault drop", "A", "B", "/delay 0.1", "C", "/fault drop", "D", timeout=1.0)
    assert [kind for kind in told.kinds if "timeout" in kind] == ["c1 timeout", "c4 timeout"]


def test_the_same_seed_gives_the_same_chances() -> None:
    told = converse("/fault drop:0.5", *"ABCDEF", "/seed 0", *"ABCDEF", timeout=1.0)
    fates = [kind.split()[1] for kind in told.kinds if kind.split()[1] in {"reply", "timeout"}]
    assert fates[:6] == fates[6:]
    assert len(set(fates)) == 2


# --- let it crash -----------------------------------------------------------------------


def test_who_waits_is_told_of_a_crash_and_the_next_greeting_starts_a_new_coordinator() -> None:
    told = converse("A &", "/crash websocket", "B")
    assert told.said == [
        "the next call, or /restart, starts a new coordinator",
        "! c1 got no reply: the server exited, RuntimeError: /crash websocket",
        "c2: B to you too!",
    ]
    started = [step.at for step in told.steps if step.kind == "start"]
    assert started == ["coordinator", "websocket", "coordinator-2", "websocket-2"]


@pytest.mark.parametrize("command", ["/restart", "/coordinator single"])
def test_an_old_coordinator_with_nothing_to_do_ends_at_once(command: str) -> None:
    told = converse("A", command, "/state")
    assert [step.at for step in told.steps if step.kind == "exit"] == ["coordinator", "websocket"]
    assert not any("nothing is under way" in line for line in told.said)


@pytest.mark.parametrize("command", ["/restart", "/coordinator single"])
def test_an_old_coordinator_with_a_call_says_when_it_ends_and_ends_then(command: str) -> None:
    told = converse("A &", command, 2.0, "/state", interactive=True)
    assert "the one before it ends when nothing is under way any more" in told.said
    assert [step.at for step in told.steps if step.kind == "exit"] == ["coordinator", "websocket"]
    assert told.at("reply") == [0.4]
    assert told.at("exit") == [pytest.approx(0.45)] * 2


def test_an_old_coordinator_still_gets_the_answer_to_a_call_that_was_given_up() -> None:
    told = converse("A &", "/cancel c1", "/restart", 2.0)
    assert [step.kind for step in told.steps if step.kind in {"info", "exit"}] == [
        "info",
        "exit",
        "exit",
    ]


def test_a_burst_that_is_left_leaves_no_call_open() -> None:
    told = converse("/burst 1000 A", 0.0, 0.0, 0.0, interactive=True)
    begun = {step.call for step in told.steps if step.kind == "call"}
    assert 0 < len(begun) < 1000
    assert {step.call for step in told.steps if step.kind == "cancel"} == begun


def test_restart_starts_a_new_coordinator_and_lets_the_old_one_finish() -> None:
    told = converse("A &", "/restart", "B", "/wait")
    assert [line for line in told.said if ":" in line] == ["c1: A to you too!", "c2: B to you too!"]


def test_three_crashes_within_five_seconds_are_enough() -> None:
    told = converse(*["/crash coordinator", "A"] * 3, "/restart", "B")
    answers = [line for line in told.said if not line.startswith("the next")]
    assert answers == [
        "c1: A to you too!",
        "c2: A to you too!",
        (
            "! the coordinator crashed 3 times within 5 s, so it is not started"
            " again by itself; /restart starts it"
        ),
        "c3: B to you too!",
    ]


def test_three_crashes_in_a_longer_time_are_not() -> None:
    told = converse(*("/crash coordinator", "A", 3.0) * 4)
    assert [line for line in told.said if line.startswith("!")] == []
    assert told.kinds.count("c4 reply") == 1


def test_what_has_crashed_cannot_crash_again() -> None:
    told = converse("/crash websocket", "/crash websocket", "/state")
    assert (
        told.said[1]
        == "! the websocket has ended already; the next call, or /restart, starts a new one"
    )
    assert told.said[2] == "no coordinator is running; the next call, or /restart, starts one"


# --- looking into it --------------------------------------------------------------------


def test_state_shows_whom_it_keeps_in_python_and_in_elixir() -> None:
    told = converse("A &", "/state", coordinator="single")
    assert told.said == [
        "coordinator is Coordinator, linked to websocket",
        "  Python  State(async_pid=websocket, caller=From(c1))",
        (
            "  Elixir  %{async_pid: #PID<websocket>,"
            " caller: {#PID<caller>, [:alias | #Reference<c1>]}}"
        ),
        "  keeps c1, since +0.000 s",
        "  coordinator's mailbox: empty",
        "  websocket's mailbox: empty",
    ]


def test_state_shows_the_references_under_which_callers_are_kept() -> None:
    told = converse("A &", "B &", "/state", coordinator="keyed")
    assert told.said[1:3] == [
        "  Python  KeyedState(async_pid=websocket, callers={ref_1: From(c1), ref_2: From(c2)})",
        (
            "  Elixir  %{async_pid: #PID<websocket>, callers: %{"
            "#Reference<1> => {#PID<caller>, [:alias | #Reference<c1>]}, "
            "#Reference<2> => {#PID<caller-2>, [:alias | #Reference<c2>]}}}"
        ),
    ]


def test_state_shows_who_was_forgotten() -> None:
    told = converse("A &", "B &", "/state", coordinator="single")
    assert "  keeps c2, since +0.000 s" in told.said
    assert "  c1 still waits, but nothing in the state leads to it" in told.said


def test_of_a_caller_that_was_forgotten_calls_and_state_say_the_same() -> None:
    told = converse("A &", "B &", "/calls", "/state", coordinator="single", delay=(9.0, 9.0))
    forgotten, kept = told.said[:2]
    assert "forgotten by coordinator, and waits in vain" in forgotten
    assert "kept at coordinator since" in kept
    assert "  keeps c1, since +0.000 s" not in told.said


def test_state_shows_a_caller_that_is_kept_though_it_does_not_wait_any_more() -> None:
    told = converse("A", "/state", coordinator="single")
    assert "  keeps c1, which does not wait any more" in told.said


def test_of_many_kept_callers_state_shows_the_first() -> None:
    told = converse("/burst 30 hello", "/state", delay=(9.0, 9.0))
    assert told.said[-3] == "  and 10 more"
    assert "  keeps c20, since +0.000 s" in told.said


def test_a_deaf_coordinator_cannot_be_asked_for_its_state() -> None:
    told = converse("A &", "/state", coordinator="blocking", delay=(9.0, 9.0))
    assert told.said[0].startswith("! the coordinator cannot be asked just now: ")


def test_step_by_step_the_slot_is_overwritten() -> None:
    told = converse(
        "/step on", "A", "B", "", "/state", "", "/state", "", "", 1.0, "", "", coordinator="single"
    )
    delivered = [line for line in told.said if line.startswith("delivered")]
    assert delivered == [
        'delivered to coordinator: greet "A"',
        'delivered to coordinator: greet "B"',
        'delivered to websocket: send_message "A"',
        'delivered to websocket: send_message "B"',
        'delivered to coordinator: message_received "A to you too!"',
        'delivered to coordinator: message_received "B to you too!"',
    ]
    kept = [line for line in told.said if "Python" in line]
    assert kept == [
        "  Python  State(async_pid=websocket, caller=From(c1))",
        "  Python  State(async_pid=websocket, caller=From(c2))",
    ]
    assert '  coordinator\'s mailbox: greet "B"' in told.said
    assert '  websocket\'s mailbox: send_message "A"; send_message "B"' in told.said
    assert [kind for kind in told.kinds if kind.split()[1] in {"reply", "duplicate"}] == [
        "c2 reply",
        "c2 duplicate",
    ]


def test_while_messages_are_held_back_callers_wait_for_ever() -> None:
    told = converse("/step on", "A", 60.0, "/step off", "/wait", 1.0)
    assert told.said[-1] == "c1: A to you too!"
    assert told.at("reply") == [60.4]


def test_with_nothing_to_deliver_enter_says_so() -> None:
    assert converse("").said == []
    assert (
        converse("/step on", "").said[1]
        == "no message waits to be delivered; greet, and something will"
    )
    told = converse("/step on", "A", "", "", "")
    assert (
        told.said[-1] == "no message waits to be delivered; the socket's answer is still under way"
    )


def test_a_receive_takes_its_message_without_a_step() -> None:
    told = converse("/step on", "A", "", "", 1.0, "", "/step off", coordinator="blocking")
    assert "c1: A to you too!" in told.said
    assert [line for line in told.said if line.startswith("delivered")] == [
        'delivered to coordinator: greet "A"',
        'delivered to websocket: send_message "A"',
    ]


def test_stepping_goes_on_with_a_new_coordinator() -> None:
    told = converse("/step on", "A", "/crash websocket", "B", "", "", 1.0, "", 0.1)
    assert told.said[-5] == 'delivered to coordinator-2: message_received "B to you too!"'
    assert "c2: B to you too!" in told.said


# --- the transcript ---------------------------------------------------------------------


def test_a_copy_of_the_transcript_is_whole(tmp_path: Path) -> None:
    copy = tmp_path / "copy.jsonl"
    told = converse(
        "A", f"/save {copy}", "B", f"/save {copy}", transcript=tmp_path / "session.jsonl"
    )
    assert told.said[1] == f"saved; see it with: genreply trace {copy}"
    assert re.fullmatch(rf"! {re.escape(str(copy))}: exists already; .*", told.said[3])
    _, steps = read(copy)
    kinds = [step.kind for step in steps]
    assert [kind for kind in kinds if kind != "state"] == [
        "start", "start", "call", "cast", "noreply", "info", "reply", "end",
    ]  # fmt: skip
    assert kinds.count("state") == 4
    assert steps.notes == []
    _, steps = read(tmp_path / "session.jsonl")
    assert [step.seq for step in steps] == list(range(1, 20))


def test_a_session_can_be_exported_while_it_goes_on(tmp_path: Path) -> None:
    picture = tmp_path / "it.mmd"
    told = converse(
        "A", f"/export {picture}", "B", f"/export {picture}", transcript=tmp_path / "session.jsonl"
    )
    assert told.said[1] == f"exported as mermaid to {picture}"
    assert told.said[3] == f"! {picture}: exists already; choose another name, or add --overwrite"
    assert picture.read_text().startswith("sequenceDiagram\n")
    assert "B to you too" not in picture.read_text()


def test_a_copy_and_a_picture_can_be_overwritten_and_their_names_may_have_blanks(
    tmp_path: Path,
) -> None:
    copy, picture = tmp_path / "my lunch.jsonl", tmp_path / "my lunch.mmd"
    told = converse(
        "A",
        *(f"/save {copy}", f"/export {picture}", "B"),
        *(f"/save --overwrite '{copy}'", f"/export {picture} --overwrite"),
        transcript=tmp_path / "session.jsonl",
    )
    assert told.failures == []
    assert "B to you too" in copy.read_text()
    assert "B to you too" in picture.read_text()


def test_the_recording_itself_is_not_overwritten(tmp_path: Path) -> None:
    session = tmp_path / "session.jsonl"
    told = converse("A", f"/save {session} --overwrite", transcript=session)
    assert told.said[-1] == f"! {session} is the recording of this session; choose another name"
    assert "A to you too" in session.read_text()


@pytest.mark.parametrize(
    "command", ["{} --from late lunch --overwrite", "--from 'late lunch' {}", "{} --from 1s"]
)
def test_a_part_of_a_session_can_be_exported(tmp_path: Path, command: str) -> None:
    one, rest = tmp_path / "one.txt", tmp_path / "the rest.txt"
    told = converse(
        *("A", 1.0, "/mark late lunch", "B"),
        *(f"/export {one} --call c1", f"/export {command.format(rest)}"),
        transcript=tmp_path / "session.jsonl",
    )
    assert told.failures == []
    assert '"A to you too!"' in one.read_text()
    assert '"B to you too!"' not in one.read_text()
    assert '"A to you too!"' not in rest.read_text()
    assert '"B to you too!"' in rest.read_text()


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ("/export x.svg --call", "--call needs a call, like c3"),
        ("/export x.svg --call c9", "no call c9 is known; the latest are c1"),
        ("/export x.svg --from tea", "there is no mark 'tea'; marks: lunch"),
        ("/export x.svg --to 3", "/export has no --to; it takes --overwrite, --call and --from"),
        ("/save x.jsonl --call c1", "/save has no --call; it takes --overwrite"),
        ("/save --overwrite", "/save needs a file, as in: /save lunch.jsonl"),
        ("/save ~nobody-has-this-name/x", "~nobody-has-this-name/x: there is no such home folder"),
    ],
)
def test_a_file_that_is_asked_for_wrongly_gets_a_sentence(
    tmp_path: Path, line: str, problem: str
) -> None:
    told = converse("A", "/mark lunch", line, transcript=tmp_path / "session.jsonl")
    assert told.said[-1] == f"! {problem}"


@pytest.mark.parametrize("word", ["exit", "quit", "help", "?"])
def test_a_word_that_was_meant_as_a_command_is_sent_and_gets_a_hint(word: str) -> None:
    told = converse(word, interactive=True)
    assert told.said[0].startswith("this is a greeting, and is sent; /")
    assert told.kinds[0] == "c1 call"
    assert converse(word).said == [f"c1: {word} to you too!"]  # a script knows what it does


def test_leaving_with_calls_in_flight_is_asked_for_twice_at_a_prompt_only() -> None:
    once = converse("A &", "/quit", interactive=True)
    assert once.said == ["c1 still waits; once more, and you leave without the answer"]
    assert not once.leaving
    assert converse("A &", "/quit", "/quit", interactive=True).leaving
    assert converse("A &", "/quit").leaving
    assert converse("A", "/quit", interactive=True).leaving


def test_marks_views_and_leaving() -> None:
    told = converse("/mark lunch", "/view narrow", "/clear", "/help quit", "/quit")
    assert [step.details for step in told.steps if step.kind == "mark"] == [{"label": "lunch"}]
    assert told.said[:2] == ["view narrow", "cleared"]
    assert told.leaving
