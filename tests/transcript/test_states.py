"""A server's state as data, the calls that stand in it, and the steps that a tracer makes of it."""

import asyncio
import enum
import gc
import json
import tracemalloc
from collections import OrderedDict, deque, namedtuple
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from servers import Stateless, outcome

from genreply_cli.analysis.check import Checker
from genreply_cli.otp import (
    Continue,
    From,
    GenServer,
    Node,
    NoReply,
    Reply,
    cast,
    debug,
    note,
    reply,
    send,
    whereis,
)
from genreply_cli.otp.virtual_time import run
from genreply_cli.text import visible
from genreply_cli.transcript.format import Header
from genreply_cli.transcript.pretty import pretty_state
from genreply_cli.transcript.states import (
    MAX_ITEMS,
    MAX_LEVELS,
    MAX_TEXT,
    MAX_VALUES,
    Description,
    StateWriter,
)
from genreply_cli.transcript.step import Step
from genreply_cli.transcript.tracer import Tracer

CALLS: dict[From[Any], str] = {From(None, None, None): f"c{number}" for number in range(1, 41)}
C1, C2, C3, *_ = CALLS
SERVER = Stateless()


def writer() -> StateWriter:
    return StateWriter(lambda _: "websocket", CALLS.__getitem__)


def described(state: Any) -> Description:
    return writer().describe(state)


def calls_in(state: Any) -> list[str]:
    return [CALLS[call] for call in described(state).keeps]


# --- data


@dataclass
class State:
    async_pid: Any
    caller: Any = None


@dataclass
class Hidden:
    caller: Any = field(repr=False)


class Slot:
    def __init__(self, caller: Any) -> None:
        self.caller = caller

    def __repr__(self) -> str:
        return "a slot"


class Slotted:
    __slots__ = ("caller",)

    def __init__(self, caller: Any) -> None:
        self.caller = caller


class Colour(enum.Enum):
    RED = 1


Pair = namedtuple("Pair", "left right")  # noqa: PYI024  # as a program may have it


@pytest.mark.parametrize(
    ("state", "data", "text"),
    [
        (None, None, "null"),
        (7, 7, "7"),
        ("free", "free", '"free"'),
        (C1, {"call": "c1"}, "c1"),
        (SERVER, {"process": "websocket"}, "websocket"),
        (object(), {"ref": 1}, "ref_1"),
        (
            State(SERVER, C1),
            {"State": {"async_pid": {"process": "websocket"}, "caller": {"call": "c1"}}},
            "State(async_pid=websocket, caller=c1)",
        ),
        (Hidden(C1), {"Hidden": {"caller": {"call": "c1"}}}, "Hidden(caller=c1)"),
        (Pair(C1, 2), {"Pair": {"left": {"call": "c1"}, "right": 2}}, "Pair(left=c1, right=2)"),
        (deque([C1, C2]), [{"call": "c1"}, {"call": "c2"}], "[c1, c2]"),
        ((1, (2, "x")), [1, [2, "x"]], '[1, [2, "x"]]'),
        ({"a": C1, "b": []}, {"a": {"call": "c1"}, "b": []}, '{"a": c1, "b": []}'),
        ({object(): C1}, [[{"ref": 1}, {"call": "c1"}]], "{ref_1: c1}"),
        ({1: "x"}, [[1, "x"]], '[[1, "x"]]'),
        ({"call": "c1"}, [["call", "c1"]], '[["call", "c1"]]'),  # no call, but a text
        ({C2, C1}, [{"call": "c1"}, {"call": "c2"}], "[c1, c2]"),
        (range(10**9), {"count": 10**9}, "1,000,000,000 values"),
        (b"x" * 10**6, {"count": 10**6}, "1,000,000 values"),
        (Colour.RED, {"repr": "<Colour.RED: 1>"}, "<Colour.RED: 1>"),
        (Slot(None), {"repr": "a slot"}, "a slot"),
        (Path("x"), {"repr": "PosixPath('x')"}, "PosixPath('x')"),
        (2.5, 2.5, "2.5"),
        (float("nan"), {"repr": "nan"}, "nan"),
        ({"State": {"caller": 1}}, {"State": {"caller": 1}}, "State(caller=1)"),
    ],
)
def test_a_state_as_data_and_as_text(state: Any, data: Any, text: str) -> None:
    assert described(state).data == data
    assert pretty_state(data) == text
    json.dumps(data, allow_nan=False)


@pytest.mark.parametrize(
    "state",
    [
        State(None, C1),
        Slot(C1),
        Slotted([C1]),
        [{"a": (C1,)}],
        {C1},
        {C1: 1},
        OrderedDict(a=Slot({"b": C1})),
        Hidden(Pair(1, C1)),
    ],
)
def test_a_call_is_found_wherever_it_stands(state: Any) -> None:
    assert calls_in(state) == ["c1"]
    assert described(state).more == 0


def test_calls_come_as_they_were_found_and_once() -> None:
    assert calls_in([C3, {"a": C1}, State(C2, C3)]) == ["c3", "c1", "c2"]


# --- short, whatever it is


def test_a_long_container_is_counted_and_not_looked_into() -> None:
    class Long(list[Any]):
        def __iter__(self) -> Any:
            raise AssertionError("it was iterated")

        def __getitem__(self, index: Any) -> Any:
            raise AssertionError("it was looked into")

    assert described(Long([C1] * 17)) == ({"count": 17}, [], 17)
    assert described(State(C2, Long([C1] * 20))) == (
        {"State": {"async_pid": {"call": "c2"}, "caller": {"count": 20}}},
        [C2],
        20,
    )
    assert calls_in(list(CALLS)[:MAX_ITEMS]) == [f"c{number}" for number in range(1, MAX_ITEMS + 1)]


@pytest.mark.parametrize(
    "state",
    [lambda: C1, partial(print, C1), iter([C1]), asyncio.Queue(), {"task": (_ for _ in ())}],
)
def test_what_may_lead_to_a_call_that_is_not_seen_is_counted(state: Any) -> None:
    assert described(state).more == 1


def test_what_is_nested_deep_or_in_a_circle_ends() -> None:
    circle: list[Any] = []
    circle.append(circle)
    wide: Any = C1
    for _ in range(4):
        wide = [wide] * MAX_ITEMS
    for state in (circle, wide, Slot(circle)):
        found = described(state)
        assert found.more > 0
        assert len(json.dumps(found.data)) < 20 * MAX_ITEMS * MAX_VALUES
    deep: Any = C1
    for _ in range(MAX_LEVELS - 1):
        deep = [deep]
    assert calls_in(deep) == ["c1"]


def test_a_long_text_is_cut() -> None:
    for state in ("x" * 5000, Slot("x" * 5000), {"x" * 5000: 1}, 10**5000):
        assert len(json.dumps(described(state).data)) < 2 * MAX_TEXT


STATES = st.recursive(
    st.none()
    | st.integers()
    | st.floats()
    | st.text()
    | st.binary()
    | st.sampled_from(list(CALLS)),
    lambda inner: st.one_of(
        st.lists(inner),
        st.dictionaries(st.text() | st.integers() | st.sampled_from(list(CALLS)), inner),
        st.builds(State, inner, inner),
        st.builds(Slot, inner),
        st.tuples(inner, inner),
    ),
    max_leaves=40,
)


@given(STATES)
def test_every_state_is_held_by_json_and_has_a_text(state: Any) -> None:
    found = described(state)
    assert json.loads(json.dumps(found.data, allow_nan=False)) == found.data
    text = pretty_state(found.data)
    assert visible(text) == text
    assert described(state) == found


# --- references


def test_a_reference_keeps_its_number_while_it_stands_in_the_state() -> None:
    states, a, b = writer(), object(), object()
    assert states.describe([a, b, a]).data == [{"ref": 1}, {"ref": 2}, {"ref": 1}]
    assert states.describe([b]).data == [{"ref": 2}]
    assert states.describe([object(), b]).data == [{"ref": 3}, {"ref": 2}]


def test_the_number_of_a_reference_that_has_gone_is_not_used_again() -> None:
    states = writer()
    numbers = [states.describe(object()).data["ref"] for _ in range(100)]
    assert numbers == list(range(1, 101))


# --- steps


class Room(GenServer[Any]):
    """Does what it is asked with its state, which holds calls."""

    def init(self, state: Any) -> Any:
        return state

    def handle_call(self, change: Callable[[Any, Any], Any], from_: Any, state: Any) -> Any:
        state = change(state, from_)
        return state if isinstance(state, NoReply | Reply) else NoReply(state)

    def handle_cast(self, change: Callable[[Any], Any], state: Any) -> Any:
        return NoReply(change(state))

    def handle_info(self, message: Any, state: Any) -> Any:
        return NoReply(state)

    def handle_continue(self, continuation: Any, state: Any) -> Any:
        reply(continuation, "done")
        return NoReply(state)


async def ask(room: Room, change: Callable[[Any, Any], Any]) -> "asyncio.Task[Any]":
    asking = asyncio.create_task(outcome(room.call(change, 5.0)), name="caller")
    await asyncio.sleep(1)
    return asking


def recorded(program: Callable[[Room], Any], state: Any) -> list[Step]:
    """The steps of a program with a room that begins with this state."""
    steps: list[Step] = []

    async def main() -> None:
        tracer = Tracer(asyncio.get_running_loop().time)

        def observe(event: Any) -> None:
            step = tracer.state(event) if event.kind == "state" else tracer(event)
            if step is not None:
                steps.append(step)

        async with Node(observe, states=True) as node:
            await program(Room.start(state, name="room"))
            await asyncio.sleep(1)
            node.observe = None

    run(main())
    findings: list[tuple[int, str, str]] = []
    checker = Checker(lambda *finding: findings.append(finding), Header(clock="virtual"))
    for step in steps:
        checker.update(step)
    assert findings == []
    assert [step.seq for step in steps] == list(range(1, len(steps) + 1))
    kinds = {step.seq: step.kind for step in steps}
    assert {kinds[step.cause] for step in steps if step.cause} <= {"call", "cast", "info"}
    return steps


def states_of(steps: list[Step]) -> list[Step]:
    return [step for step in steps if step.kind == "state"]


async def two_callers(room: Room) -> None:
    await ask(room, lambda _, from_: {"caller": from_})
    await ask(room, lambda _, from_: {"caller": from_})


def test_a_state_step_says_what_is_kept_and_what_was_forgotten() -> None:
    assert states_of(recorded(two_callers, {"caller": None})) == [
        Step(2, 0.0, "state", at="room", details={"state": {"caller": None}, "keeps": []}),
        Step(
            4, 0.0, "state", "c1", at="room", cause=3,
            details={"state": {"caller": {"call": "c1"}}, "keeps": ["c1"]},
        ),
        Step(
            7, 1.0, "state", "c2", at="room", cause=6,
            details={"state": {"caller": {"call": "c2"}}, "keeps": ["c2"], "forgot": ["c1"]},
        ),
    ]  # fmt: skip


def test_a_state_is_written_only_if_it_differs() -> None:
    async def program(room: Room) -> None:
        for _ in range(3):
            room.cast(dict)
            await asyncio.sleep(0)
        room.cast(lambda state: {**state, "b": 2})

    steps = states_of(recorded(program, {"a": 1}))
    assert [step.details["state"] for step in steps] == [{"a": 1}, {"a": 1, "b": 2}]


def test_a_state_that_is_changed_in_place_is_written_as_it_was() -> None:
    def put(state: Any, from_: Any) -> Any:
        state.append(from_)
        return state

    def answer_first(state: Any) -> Any:
        reply(state.pop(0), "x")
        return state

    async def program(room: Room) -> None:
        await ask(room, put)
        await ask(room, put)
        room.cast(answer_first)

    steps = states_of(recorded(program, []))
    assert [step.details["keeps"] for step in steps] == [[], ["c1"], ["c1", "c2"], ["c2"]]
    assert not any(step.forgot for step in steps)


def test_a_call_that_has_ended_is_not_forgotten() -> None:
    async def program(room: Room) -> None:
        await ask(room, lambda _, from_: from_)
        await asyncio.sleep(10)  # it gives up
        room.cast(lambda _: None)

    steps = states_of(recorded(program, None))
    assert [step.details["keeps"] for step in steps] == [[], ["c1"], []]
    assert not any(step.forgot for step in steps)


@pytest.mark.parametrize("worker", ["room", "nobody"])
def test_a_call_that_was_handed_on_in_a_message_is_not_forgotten(worker: str) -> None:
    def hand_on(state: Any) -> Any:
        if worker == "nobody":  # the message is lost
            cast(worker, ("answer", state))
        else:
            send(worker, ("answer", state))

    async def program(room: Room) -> None:
        await ask(room, lambda _, from_: from_)
        room.cast(hand_on)

    last = states_of(recorded(program, None))[-1]
    assert last.details["keeps"] == []
    assert not last.forgot


def test_a_call_that_is_continued_with_is_not_forgotten() -> None:
    async def program(room: Room) -> None:
        await ask(room, lambda _, from_: from_)
        await ask(room, lambda state, _: Reply("ok", None, then=Continue(state)))

    steps = states_of(recorded(program, None))
    assert [step.details["keeps"] for step in steps] == [[], ["c1"], []]
    assert not any(step.forgot for step in steps)


def test_nothing_is_said_to_be_forgotten_where_not_all_is_known() -> None:
    async def program(room: Room) -> None:
        await ask(room, lambda _, from_: [from_])
        room.cast(lambda state: state * 20)
        await asyncio.sleep(1)
        room.cast(lambda _: [])
        await asyncio.sleep(1)

    steps = states_of(recorded(program, None))
    assert [(step.details.get("keeps"), step.details.get("more")) for step in steps] == [
        ([], None), (["c1"], None), (None, 20), ([], None),
    ]  # fmt: skip
    assert not any(step.forgot for step in steps)


def test_calls_and_processes_in_messages_are_named() -> None:
    def tell(state: Any) -> Any:
        send("room", {"of": [state, whereis("room")]})
        return state

    async def program(room: Room) -> None:
        await ask(room, lambda _, from_: from_)
        room.cast(tell)

    [info] = [step for step in recorded(program, None) if step.kind == "info"]
    assert info.message == {"of": [{"call": "c1"}, {"process": "room"}]}


def test_causes_point_to_the_right_steps_whatever_is_written_in_between() -> None:
    async def program(room: Room) -> None:
        for number in range(20):
            room.cast(partial(lambda state, now: now if now % 3 else state, now=number))
            note("noted")
            await ask(room, lambda state, _: Reply(1, state))

    steps = recorded(program, None)
    calls = {step.call: step.seq for step in steps if step.kind == "call"}
    replies = [step for step in steps if step.kind == "reply"]
    assert [step.cause for step in replies] == list(calls.values())


def test_a_replaced_state_belongs_to_no_call() -> None:
    async def program(room: Room) -> None:
        await ask(room, lambda _, from_: from_)
        await debug.replace_state(room, lambda _: None)

    last = states_of(recorded(program, None))[-1]
    assert (last.call, last.cause, last.forgot) == (None, None, ["c1"])


def test_states_take_next_to_no_memory() -> None:
    """Eight bytes for each state that is written, so that causes are found."""

    def used(calls: int) -> int:
        async def main() -> None:
            tracer = Tracer(asyncio.get_running_loop().time)

            def observe(event: Any) -> None:
                _ = tracer.state(event) if event.kind == "state" else tracer(event)

            async with Node(observe, states=True):
                room = Room.start(None)
                for number in range(calls):
                    await room.call(partial(lambda state, _, now: Reply(1, now), now=number))
                gc.collect()

        tracemalloc.start()
        run(main())
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return peak

    used(10)
    assert used(4000) < used(400) + 100_000
