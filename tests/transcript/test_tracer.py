"""Events become steps.

Most events are made by hand here, so that each case is complete; the last ones are of the runtime.
"""

import asyncio
import enum
import gc
import json
import math
import tracemalloc
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from genreply_cli.coordinator import Coordinator
from genreply_cli.otp import (
    CallTimeout,
    GenServer,
    Node,
    Reply,
    call,
    demonitor,
    link,
    monitor,
    note,
)
from genreply_cli.otp.events import Event
from genreply_cli.otp.virtual_time import run
from genreply_cli.session.network import Network
from genreply_cli.transcript.by_identity import ByIdentity
from genreply_cli.transcript.step import NO_MESSAGE, Step
from genreply_cli.transcript.tracer import Tracer
from genreply_cli.transcript.values import MAX_DEPTH, describe_reason, to_json_value
from genreply_cli.websocket import WebSocket


class Server:
    """A stand-in for a process."""

    def __init__(self, name: object = None) -> None:
        self.name = name

    def __repr__(self) -> str:
        return f"<{type(self).__name__} object at {id(self):#x}>"


class Room(Server):
    pass


class Socket(Server):
    pass


class Task:
    """A stand-in for the task of a caller."""

    def add_done_callback(self) -> None: ...


class From:
    """A stand-in for a call."""

    seen = None
    server: Any = None
    monitored_by: tuple[Any, ...] = ()


@dataclass(frozen=True)
class Greet:
    msg: str


@dataclass(frozen=True)
class SendMessage:
    msg: str
    ref: object = field(default=None, repr=False)


class Story:
    """Events, numbered and told to a tracer as they are added; each answers its step."""

    def __init__(self, tracer: Tracer | None = None) -> None:
        self.tracer = Tracer() if tracer is None else tracer
        self.seq = 0

    def add(
        self,
        kind: Any,
        source: Any = None,
        target: Any = None,
        message: Any = None,
        at: float = 0.0,
        **more: Any,
    ) -> Step:
        self.seq += 1
        return self.tracer(Event(self.seq, at, kind, source, target, message, **more))

    def call(self, caller: Any, server: Any, at: float = 0.0) -> From:
        call = From()
        call.server = server
        self.add("call", caller, server, Greet("A"), at, call=call, about=call, detail=5.0)
        return call


def one_greeting() -> list[Step]:
    story, room, socket, caller, call = Story(), Room("coordinator"), Socket(), Task(), From()
    return [
        story.add("start", room, at=7.0),
        story.add("start", socket, at=7.000031, detail=room),
        story.add(
            "call", caller, room, Greet("Hello"), 7.000112, call=call, about=call, detail=5.0
        ),
        story.add("noreply", room, None, None, 7.00014, call=call, about=call, cause=3),
        story.add(
            "cast", room, socket, SendMessage("Hello", object()), 7.000195, call=call, cause=3
        ),
        story.add(
            "info",
            socket,
            room,
            ["message_received", "Hello to you too!"],
            7.251033,
            call=call,
            cause=5,
        ),
        story.add(
            "reply", room, caller, "Hello to you too!", 7.25109, call=call, about=call, cause=6
        ),
        story.tracer.end(),
    ]


# One greeting.


def test_one_greeting_is_told_as_the_format_says() -> None:
    assert one_greeting() == [
        Step(1, 0.0, "start", at="coordinator", details={"module": "Room"}),
        Step(
            2, 0.000031, "start", at="socket", details={"module": "Socket", "linked": "coordinator"}
        ),
        Step(
            3,
            0.000112,
            "call",
            "c1",
            "caller",
            "coordinator",
            None,
            ["greet", "Hello"],
            {"timeout": 5.0},
        ),
        Step(4, 0.00014, "noreply", "c1", at="coordinator", details={"waiting": 1}, cause=3),
        Step(
            5,
            0.000195,
            "cast",
            "c1",
            "coordinator",
            "socket",
            None,
            ["send_message", "Hello"],
            cause=3,
        ),
        Step(
            6,
            0.251033,
            "info",
            "c1",
            "socket",
            "coordinator",
            None,
            ["message_received", "Hello to you too!"],
            cause=5,
        ),
        Step(
            7,
            0.25109,
            "reply",
            "c1",
            "coordinator",
            "caller",
            None,
            "Hello to you too!",
            {"blocked": 0.250978},
            6,
        ),
        Step(
            8,
            0.25109,
            "end",
            details={"calls": 1, "replied": 1, "timed_out": 0, "failed": 0, "dropped": 0},
        ),
    ]


def test_no_message_is_not_a_message_of_none() -> None:
    story, room, caller = Story(), Room(), Task()
    call = story.call(caller, room)
    assert story.add("noreply", room, about=call).message is NO_MESSAGE
    assert story.add("reply", room, caller, None, about=call).message is None


# Answers to other calls.


def test_an_answer_to_the_wrong_caller_says_whom_it_was_meant_for() -> None:
    story, room, first, second = Story(), Room(), Task(), Task()
    meant, answered = story.call(first, room), story.call(second, room)
    step = story.add("reply", room, second, "A to you too!", 0.4, call=meant, about=answered)
    assert (step.call, step.target, step.details["for"]) == ("c2", "caller-2", "c1")


def test_whoever_gives_up_is_told_where_the_answer_went() -> None:
    story, room, first, second = Story(), Room(), Task(), Task()
    meant, answered = story.call(first, room), story.call(second, room)
    story.add("reply", room, second, "A to you too!", 0.4, call=meant, about=answered)
    gave_up = story.add("timeout", first, room, at=5.0, about=meant, detail=5.0)
    assert gave_up == Step(
        4, 5.0, "timeout", "c1", "caller", "room",
        details={"timeout": 5.0, "blocked": 5.0, "went_to": "c2", "went_at": 0.4},
    )  # fmt: skip


@pytest.mark.parametrize("kind", ["late", "duplicate"])
def test_a_dropped_answer_says_whom_it_was_meant_for_and_how_late_it_is(kind: str) -> None:
    story, room, first, second = Story(), Room(), Task(), Task()
    meant, answered = story.call(first, room), story.call(second, room)
    if kind == "late":
        story.add("timeout", second, room, at=1.0, about=answered)
    else:
        story.add("reply", room, second, "B", 1.0, call=answered, about=answered)
    assert story.add(kind, room, second, "A", 1.5, call=meant, about=answered).details == {
        "ago": 0.5,
        "for": "c1",
    }


def test_a_right_answer_was_meant_for_nobody_else() -> None:
    story, room, caller = Story(), Room(), Task()
    call = story.call(caller, room)
    assert story.add("reply", room, caller, "A", 0.3, call=call, about=call).details == {
        "blocked": 0.3
    }


def test_an_answer_with_no_cause_accuses_nobody() -> None:
    story, room, caller = Story(), Room(), Task()
    call = story.call(caller, room)
    assert "for" not in story.add("reply", room, caller, "A", 0.3, about=call).details


# Calls that are kept waiting.


def test_noreply_counts_all_whom_this_server_keeps_waiting() -> None:
    story, room, other, tasks = Story(), Room(), Room(), [Task() for _ in range(4)]
    calls = [story.call(task, room) for task in tasks]

    def kept(server: Server, call: From) -> Any:
        return story.add("noreply", server, about=call).details["waiting"]

    assert kept(room, calls[0]) == 1
    assert kept(room, calls[1]) == 2
    assert kept(other, calls[2]) == 1
    story.add("timeout", tasks[0], room, about=calls[0])
    assert kept(room, calls[3]) == 2
    assert kept(room, calls[3]) == 2  # it waits only once


@pytest.mark.parametrize("kind", ["reply", "timeout", "cancel", "down"])
def test_whoever_is_answered_gives_up_or_is_told_is_kept_no_longer(kind: str) -> None:
    story, room, caller, other = Story(), Room(), Task(), Task()
    call = story.call(caller, room)
    story.add("noreply", room, about=call)
    ends = (room, caller) if kind in {"reply", "down"} else (caller, room)
    story.add(kind, *ends, about=call)
    assert story.add("noreply", room, about=story.call(other, room)).details["waiting"] == 1


# Ends of processes and calls.


def test_a_crash_an_exit_by_a_link_and_who_is_told() -> None:
    story, room, socket, caller = Story(), Room("coordinator"), Socket(), Task()
    boom = RuntimeError("injected by --fault crash")
    text = "RuntimeError: injected by --fault crash"
    call = story.call(caller, room)
    assert [
        story.add("crash", socket, None, boom, 0.002, call=call, cause=1),
        story.add("exit", socket, None, boom, 0.002, call=call, cause=1),
        story.add("exit", room, None, boom, 0.002, call=call, cause=1, detail=socket),
        story.add("down", room, caller, boom, 0.002, call=call, cause=1, about=call),
    ] == [
        Step(2, 0.002, "crash", "c1", at="socket", details={"error": text}, cause=1),
        Step(3, 0.002, "exit", "c1", at="socket", details={"reason": text}, cause=1),
        Step(
            4, 0.002, "exit", "c1", at="coordinator", cause=1,
            details={"reason": text, "link": "socket"},
        ),
        Step(
            5, 0.002, "down", "c1", "coordinator", "caller", cause=1,
            details={"reason": text, "blocked": 0.002},
        ),
    ]  # fmt: skip


def test_a_monitor_that_is_told_ends_no_call() -> None:
    story, room, watcher, caller = Story(), Room(), Server(), Task()
    call = story.call(caller, room)
    assert story.add("down", room, watcher, "normal", call=call).details == {"reason": "normal"}
    assert story.tracer.end().details["failed"] == 0


def test_what_is_sent_to_the_dead_is_kept_with_how_it_was_sent() -> None:
    story, room, caller = Story(), Room(), Task()
    step = story.add("lost", caller, room, Greet("A"), detail="cast")
    assert (step.message, step.details) == (["greet", "A"], {"sent": "cast"})


@pytest.mark.parametrize(
    ("reason", "text"),
    [
        ("normal", "normal"),
        (RuntimeError("boom"), "RuntimeError: boom"),
        (RuntimeError(), "RuntimeError"),
        (("shutdown", 1), "('shutdown', 1)"),
        (None, "None"),
    ],
)
def test_a_reason_in_words(reason: object, text: str) -> None:
    assert describe_reason(reason) == text


def test_an_error_that_cannot_say_what_it_is_is_told_all_the_same() -> None:
    class MuteError(Exception):
        def __str__(self) -> str:
            raise KeyError

    assert describe_reason(MuteError()) == "MuteError: its text raised KeyError"


def test_the_end_counts_what_became_of_all_calls() -> None:
    story, room, tasks = Story(), Room(), [Task() for _ in range(5)]
    calls = [story.call(task, room) for task in tasks]
    story.add("reply", room, tasks[0], "A", call=calls[0], about=calls[0])
    story.add("duplicate", room, tasks[0], "A", call=calls[0], about=calls[0])
    story.add("timeout", tasks[1], room, about=calls[1])
    story.add("late", room, tasks[1], "A", call=calls[1], about=calls[1])
    story.add("cancel", tasks[2], room, about=calls[2])
    story.add("down", room, tasks[3], "normal", about=calls[3])
    assert story.tracer.end().details == {
        "calls": 5,
        "replied": 1,
        "timed_out": 1,
        "cancelled": 1,
        "failed": 1,
        "dropped": 2,
    }


def test_an_answer_to_a_wrong_caller_is_not_counted_as_a_reply() -> None:
    story, room, tasks = Story(), Room(), [Task() for _ in range(2)]
    calls = [story.call(task, room) for task in tasks]
    story.add("reply", room, tasks[1], "A", call=calls[0], about=calls[1])
    story.add("timeout", tasks[0], room, about=calls[0])
    assert story.tracer.end().details == {
        "calls": 2,
        "replied": 0,
        "wrong_caller": 1,
        "timed_out": 1,
        "failed": 0,
        "dropped": 0,
    }


# Names.


def test_a_process_is_called_by_its_registered_name_or_by_its_class() -> None:
    tracer = Tracer()
    processes = [Room("coordinator"), Socket(), Room(("a", "tuple")), Room("")]
    assert [*map(tracer.name, processes)] == ["coordinator", "socket", "room", "room-2"]


class Unlike:
    """No two of its instances can be compared, and none can be hashed."""

    def __eq__(self, other: object) -> bool:
        raise TypeError("not to be compared")

    def __hash__(self) -> int:
        raise TypeError("not to be hashed")

    def __bool__(self) -> bool:
        raise TypeError("neither true nor false")


@pytest.mark.parametrize(
    ("wrap", "base"),
    [
        (lambda cls: cls, object),
        (dataclass, object),
        (dataclass(frozen=True), object),
        (dataclass(slots=True), object),
        (lambda cls: cls, Unlike),
        (lambda cls: cls, dict),
        (lambda cls: cls, list),
    ],
)
def test_a_server_is_known_by_identity_whatever_its_class_does(wrap: Any, base: Any) -> None:
    class Counter(GenServer[Any], base):  # type: ignore[misc]
        name: Any = "the class has a name of its own"
        alive: Any = None
        count: int = 0

        def init(self, *args: Any) -> Any:
            return 0

        def handle_call(self, request: Any, from_: Any, state: Any) -> Any:
            if request == "watch":
                link(others[0])
                demonitor(monitor(others[0]), flush=True)
                return Reply(others[0], state)
            return Reply(state + 1, state + 1)

    async def main() -> list[Step]:
        steps: list[Step | None] = []
        tracer = Tracer()

        def observe(event: Event) -> None:
            steps.append(tracer.state(event) if event.kind == "state" else tracer(event))

        async with Node(observe, states=True):
            counter, other = made.start(name="counter"), made.start()
            others.append(other)
            assert (await counter.call("count"), await other.call("count")) == (1, 1)
            assert await call("counter", "watch") is other
            await other.stop("boom")
            assert await counter.wait() == "boom"
        return [step for step in steps if step is not None]

    made = wrap(Counter)
    others: list[Any] = []
    steps = run(main())
    calls = [(step.target, step.message) for step in steps if step.kind == "call"]
    assert calls == [("counter", "count"), ("counter-2", "count"), ("counter", "watch")]
    told = [step.message for step in steps if step.kind == "reply"]
    assert told == [1, 1, {"process": "counter-2"}]
    assert [step.at for step in steps if step.kind == "exit"] == ["counter-2", "counter"]


def test_a_server_that_has_ended_is_forgotten() -> None:
    @dataclass
    class Counter(GenServer[Any]):
        count: int = 0

    names = ByIdentity[str]()
    counter = Counter()
    assert names.put(counter, "counter") == "counter"
    assert names.get(counter) == "counter"
    assert names.get(Counter()) is None
    del counter
    gc.collect()
    assert names.get(Counter()) is None
    assert not vars(names)["_entries"]


def test_a_second_one_of_a_name_is_numbered_even_when_the_first_is_gone() -> None:
    tracer, first = Tracer(), Room("coordinator")
    assert tracer.name(first) == "coordinator"
    del first
    gc.collect()
    assert tracer.name(Room("coordinator")) == "coordinator-2"


def test_a_name_stays_the_same() -> None:
    tracer, room, task = Tracer(), Room(), Task()
    assert [tracer.name(who) for who in (room, task, None)] == [
        tracer.name(who) for who in (room, task, None)
    ]


def test_callers_are_numbered_and_those_that_are_no_task_are_unknown() -> None:
    tracer, first, second, named = Tracer(), Task(), Task(), Server("caller:unknown")
    assert [tracer.name(who) for who in (first, None, second, None, named)] == [
        "caller",
        "caller:unknown",
        "caller-2",
        "caller:unknown",
        "caller:unknown-2",
    ]


@given(st.lists(st.sampled_from(["a", "a-2", "a-3", "a-2-2", "a-", "-2", "b-1"])))
def test_no_two_have_the_same_name_whatever_they_are_registered_as(names: list[str]) -> None:
    tracer, servers = Tracer(), [Server(name) for name in names]
    assert len({tracer.name(server) for server in servers}) == len(servers)


def test_calls_are_numbered_in_the_order_in_which_they_are_made() -> None:
    story, room, tasks = Story(), Room(), [Task() for _ in range(3)]
    calls = [story.call(task, room) for task in tasks]
    assert [story.tracer.call(call) for call in reversed(calls)] == ["c3", "c2", "c1"]


# Numbers and times.


def test_notes_take_numbers_and_causes_still_point_to_the_right_step() -> None:
    story, room, caller = Story(), Room(), Task()
    mark = story.tracer.note("mark", label="before")
    call = story.call(caller, room)
    kept = story.add("noreply", room, about=call, cause=1)
    lunch = story.tracer.note("mark", label="lunch")
    cast = story.add("cast", room, Server(), "x", call=call, cause=1)
    fault = story.tracer.note("fault", at=room, call=call, cause=3, what="drop")
    reply = story.add("reply", room, caller, "x", call=call, about=call, cause=3)
    assert [step.seq for step in (mark, kept, lunch, cast, fault, reply)] == [1, 3, 4, 5, 6, 7]
    assert [step.cause for step in (mark, kept, lunch, cast, fault, reply)] == [
        None,
        2,
        None,
        2,
        5,
        5,
    ]
    assert (fault.at, fault.call, fault.details) == ("room", "c1", {"what": "drop"})


def test_a_program_can_tell_a_note_of_its_own_through_the_runtime() -> None:
    story, socket, task = Story(), Socket(), Task()
    assert story.add("note", socket, None, ("fault", {"what": "drop"})) == Step(
        1, 0.0, "fault", at="socket", details={"what": "drop"}
    )
    assert story.add("note", task, None, ("mark", {"label": "lunch"})) == Step(
        2, 0.0, "mark", details={"label": "lunch"}
    )
    assert story.add("note", socket, None, Greet("A")) == Step(
        3, 0.0, "note", at="socket", message=["greet", "A"]
    )


def test_a_note_cannot_pass_for_what_all_steps_have() -> None:
    disguise: dict[str, Any] = {"from": "nobody", "to": "nobody", "seq": 9}
    assert Tracer().note("mark", label="x", **disguise).details == {"label": "x"}


def test_time_begins_with_the_first_event_and_has_six_decimals() -> None:
    story = Story()
    assert [story.add("info", at=at).t for at in (100.0, 100.0000004, 100.1234567)] == [
        0.0,
        0.0,
        0.123457,
    ]


def test_time_may_begin_earlier_and_a_clock_says_when_a_note_is_made() -> None:
    clock = iter([12.0, 15.0])
    tracer = Tracer(clock=lambda: next(clock), begin=10.0)
    assert tracer.note("mark").t == 2.0
    assert Story(tracer).add("info", at=13.5).t == 3.5
    assert tracer.note("mark").t == 5.0


@given(st.lists(st.floats(0, 1e9)))
def test_time_never_goes_back(times: list[float]) -> None:
    story = Story()
    steps = [story.add("info", at=at).t for at in times]
    assert steps == sorted(steps)


def test_a_second_node_goes_on_where_the_first_has_ended() -> None:
    tracer, caller, room = Tracer(), Task(), Room()
    first, second = Story(tracer), Story(tracer)
    first.call(caller, room, at=500.0)
    first.add("info", at=501.0, cause=1)
    step = second.add("info", at=0.0)
    assert (step.seq, step.t) == (3, 1.0)
    assert second.add("info", at=2.0, cause=1) == Step(
        4, 3.0, "info", None, "caller:unknown", "caller:unknown", None, None, {}, 3
    )


def test_an_observer_that_comes_late_counts_from_one() -> None:
    tracer = Tracer()
    first = tracer(Event(57, 1.0, "info", None, None, cause=41))
    second = tracer(Event(58, 1.0, "info", None, None, cause=57))
    assert [(step.seq, step.cause) for step in (first, second)] == [(1, None), (2, 1)]


def test_appended_steps_follow_those_that_are_there() -> None:
    steps = one_greeting()
    story = Story(Tracer().continue_after(steps))
    step = story.add(
        "call", Task(), Room("coordinator"), Greet("B"), 99.0, about=From(), detail=5.0
    )
    assert (step.seq, step.t, step.call, step.source, step.target) == (
        9,
        0.25109,
        "c2",
        "caller",
        "coordinator",
    )
    assert story.tracer.end().details == {
        "calls": 2,
        "replied": 1,
        "timed_out": 0,
        "failed": 0,
        "dropped": 0,
    }


# Values.


class Colour(enum.Enum):
    RED = 1


class Level(enum.IntEnum):
    HIGH = 3


class Word(str):
    __slots__ = ()


class HTTPServerUp:
    pass


@dataclass
class HTTPServerDown2Now:
    port: int
    secret: str = field(default="", repr=False)
    inner: Any = None


def loop() -> list[Any]:
    inside: list[Any] = []
    inside.append(inside)
    return inside


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (None, None),
        (True, True),
        (0, 0),
        (1.5, 1.5),
        ("é", "é"),
        (Word("x"), "x"),
        (Level.HIGH, 3),
        ([1, ("a", None)], [1, ["a", None]]),
        ({"a": {"b": (1,)}}, {"a": {"b": [1]}}),
        (Greet("Hello"), ["greet", "Hello"]),
        (SendMessage("Hello", object()), ["send_message", "Hello"]),
        (HTTPServerDown2Now(1, inner=[Greet("A")]), ["http_server_down2_now", 1, [["greet", "A"]]]),
        (int, {"repr": "<class 'int'>"}),
        (math.nan, {"repr": "nan"}),
        (-math.inf, {"repr": "-inf"}),
        (b"\x00", {"repr": "b'\\x00'"}),
        ({1: 2}, {"repr": "{1: 2}"}),
        ({"b", "a"}, {"repr": "set({'a', 'b'})"}),
        (set(), {"repr": "set()"}),
        (ValueError("x"), {"repr": "ValueError('x')"}),
        (Colour.RED, {"repr": "<Colour.RED: 1>"}),
        (object(), {"repr": "<object>"}),
        (HTTPServerUp(), {"repr": "<HTTPServerUp>"}),
        ({(): object()}, {"repr": "{(): <object object>}"}),
        (json, {"repr": "<module>"}),
    ],
)
def test_a_value_as_json_holds_it(value: object, expected: object) -> None:
    assert to_json_value(value) == expected
    assert type(to_json_value(value)) is type(expected)


def test_what_cannot_say_what_it_is_is_told_by_its_type() -> None:
    class Mute:
        def __repr__(self) -> str:
            raise KeyError

    assert to_json_value(Mute()) == {"repr": "<Mute whose repr raised KeyError>"}


@pytest.mark.parametrize(
    "value", [10**20_000, loop(), {"a": loop()}], ids=["long", "a loop", "a loop in a dict"]
)
def test_what_is_too_long_or_has_no_end_is_held_all_the_same(value: object) -> None:
    json.dumps(to_json_value(value), allow_nan=False)


def test_what_nests_deeper_than_anybody_reads_ends_in_a_repr() -> None:
    deep: Any = "x"
    for _ in range(MAX_DEPTH + 10):
        deep = [deep]
    assert json.dumps(to_json_value(deep)).count("repr") == 1


VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text()
    | st.binary()
    | st.builds(Greet, st.text()),
    lambda inner: st.one_of(
        st.lists(inner),
        st.tuples(inner, inner),
        st.dictionaries(st.text() | st.integers(), inner),
        st.builds(Greet, inner),
    ),
    max_leaves=20,
)


@given(VALUES)
def test_every_value_is_held_by_json_as_it_is_shown(value: object) -> None:
    held = to_json_value(value)
    assert json.loads(json.dumps(held, allow_nan=False)) == held
    assert to_json_value(held) == held


# Memory.


def greetings(count: int) -> Iterable[Step]:
    story, room, socket = Story(), Room(), Socket()
    for number in range(count):
        caller, call = Task(), From()
        yield story.add("call", caller, room, Greet("A"), number, call=call, about=call, detail=5.0)
        yield story.add("noreply", room, None, None, number, call=call, about=call, cause=1)
        yield story.add("info", socket, room, "A", number, call=call, cause=1)
        yield story.add(
            "timeout" if number % 2 else "reply", caller, room, None, number, call=call, about=call
        )


def test_calls_and_callers_that_are_gone_take_no_memory() -> None:
    def used(count: int) -> int:
        gc.collect()
        tracemalloc.start()
        for _ in greetings(count):
            pass
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return peak

    used(10)
    assert used(4000) < used(400) + 50_000


# With the runtime.


def told_by_a_node(program: Any, *connect: Any) -> list[Step]:
    steps: list[Step] = []

    async def main() -> None:
        tracer = Tracer(asyncio.get_running_loop().time)
        async with Node(observe=lambda event: steps.append(tracer(event))) as node:
            await program(Coordinator.start_link(*connect))
            node.observe = None

    run(main())
    return steps


def test_a_greeting_as_the_runtime_tells_it() -> None:
    async def greet(coordinator: Coordinator) -> None:
        await coordinator.greet("Hello")

    assert [
        (step.kind, step.call, step.source or step.at, step.target, step.cause)
        for step in told_by_a_node(greet)
    ] == [
        ("start", None, "coordinator", None, None),
        ("start", None, "websocket", None, None),
        ("call", "c1", "caller", "coordinator", None),
        ("cast", "c1", "coordinator", "websocket", 3),
        ("noreply", "c1", "coordinator", None, 3),
        ("info", "c1", "websocket", "coordinator", 4),
        ("reply", "c1", "coordinator", "caller", 6),
    ]


def test_three_callers_of_one_slot_as_the_runtime_tells_them() -> None:
    async def greet(coordinator: Coordinator) -> None:
        async def ask(text: str) -> None:
            try:
                await coordinator.greet(text, 1.0)
            except CallTimeout:
                note(("mark", {"label": f"{text} gave up"}))

        await asyncio.gather(*map(ask, "ABC"))

    network = Network(delay=(0.25, 0.25))
    steps = told_by_a_node(greet, network.connector(WebSocket))
    assert [
        (
            step.t,
            step.kind,
            step.call,
            step.details.get("for"),
            step.details.get("went_to"),
            step.details.get("label"),
        )
        for step in steps
        if step.kind in {"reply", "duplicate", "timeout", "mark"}
    ] == [
        (0.25, "reply", "c3", "c1", None, None),
        (0.25, "duplicate", "c3", "c2", None, None),
        (0.25, "duplicate", "c3", None, None, None),
        (1.0, "timeout", "c1", None, "c3", None),
        (1.0, "timeout", "c2", None, "c3", None),
        (1.0, "mark", None, None, None, "A gave up"),
        (1.0, "mark", None, None, None, "B gave up"),
    ]
