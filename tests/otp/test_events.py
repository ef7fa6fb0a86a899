"""What the observer of a node gets: what happened, in which order, why, and for which call."""

import asyncio
import random
from collections.abc import Awaitable, Callable
from copy import copy
from itertools import pairwise
from typing import Any

import pytest
from servers import (
    Boom,
    CrashingSocket,
    Doer,
    Keeper,
    SlowSocket,
    Starting,
    Stateless,
    TrappingDoer,
    all_quiet,
    kinds,
    outcome,
    raising,
)

from genreply_cli.coordinator import Coordinator, Greet
from genreply_cli.otp import (
    CallTimeout,
    Continue,
    Down,
    Event,
    From,
    GenServer,
    Init,
    Node,
    NoProcess,
    NoReply,
    Reply,
    Stop,
    Timeout,
    cast,
    debug,
    exit,
    link,
    monitor,
    note,
    reply,
    send,
    send_after,
)
from genreply_cli.otp.virtual_time import run
from genreply_cli.websocket import MessageReceived, SendMessage


def told(events: list[Event], *fields: str) -> list[Any]:
    """These fields of each event."""
    return [tuple(getattr(event, field) for field in fields) for event in events]


def of_kind(events: list[Event], *wanted: str) -> list[Event]:
    """The events of these kinds."""
    return [event for event in events if event.kind in wanted]


# --- one deferred greeting


async def test_one_deferred_greeting_is_told_in_this_order_with_these_ends_and_messages(
    events: list[Event],
) -> None:
    coordinator = Coordinator.start_link()
    socket = (await debug.get_state(coordinator)).async_pid
    caller = asyncio.current_task()
    await coordinator.greet("Hello")
    assert told(events, "kind", "source", "target", "message") == [
        ("start", coordinator, None, None),
        ("start", socket, None, None),
        ("call", caller, coordinator, Greet("Hello")),
        ("cast", coordinator, socket, SendMessage("Hello")),
        ("noreply", coordinator, None, None),
        ("info", socket, coordinator, MessageReceived("Hello to you too!")),
        ("reply", coordinator, caller, "Hello to you too!"),
    ]


async def test_each_event_of_a_greeting_names_the_one_that_caused_it_and_the_call_it_belongs_to(
    events: list[Event],
) -> None:
    coordinator = Coordinator.start_link()
    events.clear()
    await coordinator.greet("Hello")
    call, cast, noreply, info, answer = events
    assert [event.cause for event in events] == [None, call.seq, call.seq, cast.seq, info.seq]
    assert isinstance(call.about, From)
    assert {event.call for event in events} == {call.about}
    assert [event.about for event in events] == [call.about, None, call.about, None, call.about]
    assert (call.detail, noreply.detail, answer.detail) == (5.0, None, None)


async def test_events_are_numbered_from_one_and_carry_the_time_of_the_loop(
    events: list[Event],
) -> None:
    coordinator = Coordinator.start_link(SlowSocket.start_link)
    await asyncio.sleep(1)
    await coordinator.greet("Hello")
    assert [event.seq for event in events] == list(range(1, len(events) + 1))
    assert told(events, "kind", "time") == [
        ("start", 0.0), ("start", 0.0), ("call", 1.0), ("cast", 1.0), ("noreply", 1.0),
        ("info", 2.0), ("reply", 2.0),
    ]  # fmt: skip


async def test_a_start_tells_the_parent_if_there_is_one(events: list[Event]) -> None:
    coordinator = Coordinator.start_link()
    socket = (await debug.get_state(coordinator)).async_pid
    assert told(events, "kind", "source", "detail") == [
        ("start", coordinator, None),
        ("start", socket, coordinator),
    ]


async def test_overlapping_greetings_keep_their_own_calls_and_an_answer_for_the_wrong_caller_shows(
    events: list[Event],
) -> None:
    coordinator = Coordinator.start_link(SlowSocket.start_link)
    await asyncio.gather(*(outcome(coordinator.greet(name)) for name in "abc"))
    a, b, c = (event.about for event in of_kind(events, "call"))
    sent = [(SendMessage("a"), a), (SendMessage("b"), b), (SendMessage("c"), c)]
    assert told(of_kind(events, "cast"), "message", "call") == sent
    assert told(of_kind(events, "reply", "duplicate"), "kind", "message", "call", "about") == [
        ("reply", "a to you too!", a, c),
        ("duplicate", "b to you too!", b, c),
        ("duplicate", "c to you too!", c, c),
    ]


# --- how a call may end


async def test_a_timeout_is_told_when_it_happens_and_the_reply_that_comes_then_is_late(
    events: list[Event],
) -> None:
    keeper = Keeper.start(callers := dict[Any, Any]())
    caller = asyncio.current_task()
    await outcome(keeper.call("a", 1.5))
    reply(callers["a"], "too late")
    assert told(events[1:], "kind", "time", "source", "target", "message", "about", "detail") == [
        ("call", 0.0, caller, keeper, "a", callers["a"], 1.5),
        ("noreply", 0.0, keeper, None, None, callers["a"], None),
        ("timeout", 1.5, caller, keeper, None, callers["a"], 1.5),
        ("late", 1.5, caller, caller, "too late", callers["a"], None),
    ]
    assert {event.call for event in events[1:]} == {callers["a"]}


async def test_a_second_reply_is_told_as_a_duplicate_with_who_gave_it(events: list[Event]) -> None:
    keeper, other = Keeper.start(callers := dict[Any, Any]()), Doer.start()
    asking = asyncio.create_task(keeper.call("a"))
    await all_quiet()
    other.cast(lambda: reply(callers["a"], "first"))
    other.cast(lambda: reply(callers["a"], "second"))
    assert await asking == "first"
    assert told(
        of_kind(events, "reply", "duplicate"), "kind", "source", "target", "message", "about"
    ) == [
        ("reply", other, asking, "first", callers["a"]),
        ("duplicate", other, asking, "second", callers["a"]),
    ]


async def test_a_cancelled_caller_is_told_and_the_reply_that_comes_then_is_late(
    events: list[Event],
) -> None:
    keeper = Keeper.start(callers := dict[Any, Any]())
    asking = asyncio.create_task(keeper.call("a"))
    await all_quiet()
    asking.cancel()
    await asyncio.wait([asking])
    reply(callers["a"], "too late")
    assert told(events[-2:], "kind", "about", "call") == [
        (kind, callers["a"], callers["a"]) for kind in ("cancel", "late")
    ]
    assert told(events[-2:-1], "source", "target") == [(asking, keeper)]


async def test_a_crash_is_told_then_the_exit_then_whoever_waits(events: list[Event]) -> None:
    keeper = Keeper.start()
    asking = asyncio.create_task(outcome(keeper.call("a")))
    await all_quiet()
    keeper.cast(why := Boom("why"))
    await asking
    call = events[1].about
    assert told(events[3:], "kind", "source", "target", "message", "about") == [
        ("cast", asyncio.current_task(), keeper, why, None),
        ("crash", keeper, None, why, None),
        ("exit", keeper, None, why, None),
        ("down", keeper, asking, why, call),
    ]
    _, cast, crash, exited, down = events[2:]
    assert {crash.cause, exited.cause, down.cause} == {cast.seq}


async def test_a_reply_after_the_server_has_ended_is_late(events: list[Event]) -> None:
    keeper = Keeper.start(callers := dict[Any, Any]())
    asking = asyncio.create_task(outcome(keeper.call("a")))
    await all_quiet()
    keeper.exit("boom")
    await asking
    reply(callers["a"], "too late")
    assert kinds(events) == ["start", "call", "noreply", "exit", "down", "late"]


async def test_a_stop_is_no_crash(events: list[Event]) -> None:
    keeper = Keeper.start()
    await keeper.stop("enough")
    assert told(events, "kind", "message") == [("start", None), ("exit", "enough")]


async def test_an_exit_by_a_link_says_who_brought_it_down(events: list[Event]) -> None:
    coordinator = Coordinator.start_link(CrashingSocket.start_link)
    socket = (await debug.get_state(coordinator)).async_pid
    failed = await outcome(coordinator.greet("Hello"))
    assert told(
        of_kind(events, "crash", "exit", "down"), "kind", "source", "message", "detail"
    ) == [
        ("crash", socket, failed.reason, None),
        ("exit", socket, failed.reason, None),
        ("exit", coordinator, failed.reason, socket),
        ("down", coordinator, failed.reason, None),
    ]
    assert {event.call for event in of_kind(events, "crash", "exit", "down")} == {
        of_kind(events, "call")[0].about
    }


async def test_an_exit_with_the_parent_of_a_server_that_traps_says_so_too(
    events: list[Event],
) -> None:
    parent = Doer.start()
    child = await parent.call(TrappingDoer.start_link)
    parent.exit("boom")
    await child.wait()
    assert told(of_kind(events, "exit"), "source", "message", "detail") == [
        (parent, "boom", None),
        (child, "boom", parent),
    ]


async def test_the_end_of_a_process_is_not_told_to_watchers_that_ended_before(
    events: list[Event],
) -> None:
    watched, watcher = Doer.start(), Doer.start()
    await watcher.call(lambda: monitor(watched))
    await watcher.stop()
    events.clear()
    watched.exit("boom")
    await all_quiet()
    assert kinds(events) == ["exit"]


async def test_an_exit_signal_from_a_process_says_who_sent_it(events: list[Event]) -> None:
    sender, doer = Doer.start(), Doer.start()
    await sender.call(lambda: exit(doer, "boom"))
    assert told(of_kind(events, "exit"), "source", "message", "detail") == [(doer, "boom", sender)]


async def test_an_init_that_fails_is_told_as_start_crash_and_exit(events: list[Event]) -> None:
    with pytest.raises(Boom):
        Starting.start(raising(Boom()))
    assert kinds(events) == ["start", "crash", "exit"]


# --- messages


async def test_what_is_sent_to_the_dead_or_to_nobody_is_lost(events: list[Event]) -> None:
    dead, me = Doer.start(), asyncio.current_task()
    await dead.stop()
    dead.cast("cast")
    dead.send("sent")
    cast("nobody", "cast")
    send_after("nobody", 0, "sent later")
    await all_quiet()
    assert told(events[2:], "kind", "source", "target", "message", "detail") == [
        ("lost", me, dead, "cast", "cast"),
        ("lost", me, dead, "sent", "info"),
        ("lost", me, "nobody", "cast", "cast"),
        ("lost", None, "nobody", "sent later", "info"),
    ]


async def test_a_send_that_raises_is_not_told(events: list[Event]) -> None:
    with pytest.raises(NoProcess):
        send("nobody", "sent")
    assert events == []


async def test_a_caller_that_gives_up_is_told_to_who_monitors_the_call_and_to_nobody_else(
    events: list[Event],
) -> None:
    class Keeper(GenServer[bool]):
        def handle_call(self, request: str, from_: From[Any], state: bool) -> NoReply[bool]:
            if state:
                monitor(from_)
                monitor(from_)
                assert from_.monitored_by == (self,)
            return NoReply(state)

    keeper = Keeper.start(True)
    silent = Keeper.start(False)
    caller = asyncio.current_task()
    for server, knows in ((keeper, True), (silent, False)):
        with pytest.raises(CallTimeout) as error:
            await server.call("wait", 1.0)
        assert error.value.told is knows
        assert ("the server is told" in str(error.value)) == knows
    await asyncio.sleep(0)
    timeout, *downs = of_kind(events, "timeout", "down")[:3]
    assert (
        told(downs, "source", "target", "message", "about")
        == [(caller, keeper, "timed out", timeout.about)] * 2
    )
    assert timeout.about is not None
    assert timeout.about.monitored_by == ()


async def test_timeouts_that_share_a_timer_have_no_cause_in_common(events: list[Event]) -> None:
    class Waits(GenServer[None]):
        def handle_call(self, request: str, from_: From[Any], state: None) -> NoReply[None]:
            return NoReply(state)

    class Asks(GenServer[GenServer[Any]]):
        async def handle_cast(self, _: str, state: GenServer[Any]) -> NoReply[GenServer[Any]]:
            with pytest.raises(CallTimeout):
                await state.call("from a server", 1.0)
            return NoReply(state)

    silent = Waits.start(None)
    asks = Asks.start(silent)
    asks.cast("ask")
    await asyncio.sleep(0.5)
    with pytest.raises(CallTimeout):
        await silent.call("from a task", 1.0)
    assert told(of_kind(events, "timeout"), "source", "cause") == [
        (asks, None), (asyncio.current_task(), None),
    ]  # fmt: skip


async def test_the_end_that_a_monitor_by_name_hears_of_is_told_from_the_server_itself(
    events: list[Event],
) -> None:
    doer, watcher = Doer.start(name="doer"), Doer.start()
    await watcher.call(lambda: monitor("doer"))
    events.clear()
    doer.exit("boom")
    assert told(of_kind(events, "down"), "source", "target", "message") == [(doer, watcher, "boom")]


async def test_a_down_that_a_server_makes_up_is_told_as_the_message_that_it_is(
    events: list[Event],
) -> None:
    doer, watcher = Doer.start(), Doer.start()
    ref = await watcher.call(lambda: monitor(doer))
    events.clear()
    watcher.send(made_up := Down(ref, doer, "made up"))
    assert told(events, "kind", "message") == [("info", made_up)]


async def test_exit_and_down_messages_are_told_with_who_they_come_from(events: list[Event]) -> None:
    trapping, doer = TrappingDoer.start(heard := list[Any]()), Doer.start()
    await trapping.call(lambda: link(doer))
    await trapping.call(lambda: monitor(doer))
    events.clear()
    doer.exit("boom")
    await all_quiet()
    exited, down = sorted(heard, key=lambda message: type(message).__name__, reverse=True)
    assert sorted(told(of_kind(events, "info", "down"), "kind", "source", "target", "message")) == [
        ("down", doer, trapping, "boom"),
        ("info", doer, trapping, exited),
    ]
    assert down.reason == "boom"


async def test_an_idle_timeout_is_told_as_an_info_from_the_server_to_itself(
    events: list[Event],
) -> None:
    class Idle(GenServer[None]):
        def init(self) -> Any:
            return Init(None, timeout=1)

        def handle_info(self, message: Any, state: None) -> Any:
            return NoReply(state)

    idle = Idle.start()
    await asyncio.sleep(2)
    assert told(events[1:], "kind", "source", "target", "message", "time") == [
        ("info", idle, idle, Timeout(), 1.0)
    ]


async def test_a_call_within_a_handler_is_a_call_of_its_own_caused_by_what_is_handled(
    events: list[Event],
) -> None:
    keeper, doer = Keeper.start(callers := dict[Any, Any]()), Doer.start()
    asking = asyncio.create_task(doer.call(lambda: keeper.call("inner")))
    await all_quiet()
    reply(callers["inner"], "answer")
    await asking
    outer, inner = of_kind(events, "call")
    assert (inner.source, inner.target, inner.cause) == (doer, keeper, outer.seq)
    assert inner.about is inner.call is callers["inner"] is not outer.about
    assert told(of_kind(events, "reply"), "source", "target", "about") == [
        (asyncio.current_task(), doer, inner.about),
        (doer, asking, outer.about),
    ]


async def test_what_a_timer_or_a_task_does_belongs_to_the_call_in_which_it_was_started(
    events: list[Event],
) -> None:
    target = Doer.start()
    tasks: list[Any] = []

    class Starting(Stateless):
        def handle_call(self, request: str, from_: Any, state: None) -> Any:
            send_after(target, 1, f"{request} by a timer")
            tasks.append(asyncio.create_task(self.later(request)))
            asyncio.get_running_loop().call_later(3, target.send, f"{request} by the loop")
            return Reply(None, state)

        async def later(self, request: str) -> None:
            await asyncio.sleep(2)
            target.send(f"{request} by a task")

    starting = Starting.start()
    await asyncio.gather(starting.call("a"), starting.call("b"))
    await asyncio.sleep(5)
    calls = {event.message: event for event in of_kind(events, "call")}
    infos = of_kind(events, "info")
    ways = ("a timer", "a task", "the loop")
    assert [event.message for event in infos] == [
        f"{name} by {way}" for way in ways for name in "ab"
    ]
    for event in infos:
        name = str(event.message)[0]
        assert (event.call, event.cause) == (calls[name].about, calls[name].seq)
        assert event.source is starting


@pytest.mark.parametrize("is_async", [False, True])
async def test_a_continue_belongs_to_the_message_that_asked_for_it(
    is_async: bool, events: list[Event]
) -> None:
    class Continuing(Stateless):
        def handle_call(self, request: Any, from_: Any, state: None) -> Any:
            return NoReply(state, then=Continue(from_))

        def handle_continue(self, continuation: Any, state: None) -> Any:
            if is_async:
                return self.later(continuation, state)
            GenServer.reply(continuation, "answer")
            return NoReply(state)

        async def later(self, from_: Any, state: None) -> Any:
            await asyncio.sleep(1)
            GenServer.reply(from_, "answer")
            return NoReply(state)

    continuing = Continuing.start()
    assert tuple(await asyncio.gather(continuing.call("a"), continuing.call("b"))) == (
        "answer",
        "answer",
    )
    for event in of_kind(events, "reply"):
        asked = next(call for call in of_kind(events, "call") if call.about is event.about)
        assert (event.call, event.cause) == (asked.about, asked.seq)


async def test_a_plain_task_is_not_drawn_into_the_call_that_it_waits_for(
    events: list[Event],
) -> None:
    keeper, doer = Keeper.start(callers := dict[Any, Any]()), Doer.start()
    asking = asyncio.create_task(keeper.call("a"))
    await all_quiet()
    reply(callers["a"], "answer")
    await asking
    doer.send("afterwards")
    assert (events[-1].kind, events[-1].cause, events[-1].call) == ("info", None, None)


async def test_a_stop_is_not_caused_by_the_message_that_was_handled_before(
    events: list[Event],
) -> None:
    doer = Doer.start()
    await doer.call(lambda: "a call")
    await doer.stop()
    assert (events[-1].kind, events[-1].call, events[-1].cause) == ("exit", None, None)


async def test_a_note_is_told_as_said_by_who_said_it_in_the_call_that_is_handled(
    events: list[Event],
) -> None:
    doer = Doer.start()
    note("of a task")
    await doer.call(lambda: note("of a process"))
    notes = of_kind(events, "note")
    asked = of_kind(events, "call")[0]
    assert told(notes, "source", "message", "call", "cause") == [
        (asyncio.current_task(), "of a task", None, None),
        (doer, "of a process", asked.about, asked.seq),
    ]


async def test_noreply_is_only_told_of_a_caller_that_is_kept_waiting(events: list[Event]) -> None:
    class Answering(Stateless):
        def handle_call(self, request: Any, from_: Any, state: None) -> Any:
            GenServer.reply(from_, "at once")
            return NoReply(state)

    await Answering.start().call("a")
    assert kinds(events) == ["start", "call", "reply"]


async def test_noreply_is_told_of_an_async_handler_when_it_answers(events: list[Event]) -> None:
    class Slow(Keeper):
        async def handle_call(self, request: Any, from_: Any, callers: Any) -> Any:
            await asyncio.sleep(1)
            return super().handle_call(request, from_, callers)

    await outcome(Slow.start().call("a", 2))
    assert told(events[1:], "kind", "time") == [("call", 0.0), ("noreply", 1.0), ("timeout", 2.0)]
    assert events[2].about is events[1].about


async def test_a_stop_with_a_reply_is_told_as_a_reply_before_the_exit(events: list[Event]) -> None:
    class Ending(Stateless):
        def handle_call(self, request: Any, from_: Any, state: None) -> Any:
            return Stop("normal", state, reply="bye")

    await Ending.start().call("end")
    assert kinds(events) == ["start", "call", "reply", "exit"]


# --- states


def watched_with_states(program: Callable[[], Awaitable[object]]) -> list[Event]:
    """The events of a program, with a copy of each state as it was then."""
    events: list[Event] = []

    async def main() -> None:
        async with Node(lambda event: events.append(copied(event)), states=True):
            await program()

    def copied(event: Event) -> Event:
        return event._replace(message=copy(event.message)) if event.kind == "state" else event

    run(main())
    return events


def test_a_state_is_told_after_init_and_after_each_callback_before_its_noreply() -> None:
    async def greet() -> None:
        await Coordinator.start_link().greet("Hello")

    assert [event.kind for event in watched_with_states(greet)][:-2] == [
        "start", "start", "state", "state",
        "call", "cast", "state", "noreply", "info", "state", "reply", "state",
    ]  # fmt: skip


def test_a_state_event_says_whose_state_it_is_and_which_message_has_led_to_it() -> None:
    keepers: list[Keeper] = []

    async def ask() -> None:
        keepers.append(Keeper.start())
        await outcome(keepers[0].call("a", 1.0))

    first, call, second = watched_with_states(ask)[1:4]
    assert (first.kind, first.source, first.message) == ("state", keepers[0], {})
    assert (first.cause, first.call, first.target, first.detail) == (None, None, None, None)
    assert (second.kind, second.message) == ("state", {"a": call.about})
    assert (second.cause, second.call, second.about) == (call.seq, call.about, None)


def test_states_do_not_change_the_numbers_of_the_other_events() -> None:
    async def greet() -> None:
        await Coordinator.start_link().greet("Hello")

    events = watched_with_states(greet)
    others = [event for event in events if event.kind != "state"]
    assert [event.seq for event in others] == list(range(1, len(others) + 1))
    for before, event in pairwise(events):
        if event.kind == "state":
            assert event.seq == before.seq


async def test_nobody_is_told_of_states_who_has_not_asked(events: list[Event]) -> None:
    await Coordinator.start_link().greet("Hello")
    assert not of_kind(events, "state")


def test_a_callback_that_waits_tells_its_state_when_it_returns() -> None:
    class Slow(Stateless):
        async def handle_call(self, request: Any, from_: Any, state: Any) -> Any:
            await asyncio.sleep(1)
            return Reply(request, request)

    async def ask() -> None:
        assert await Slow.start().call("later") == "later"

    states = of_kind(watched_with_states(ask), "state")
    assert told(states, "time", "message") == [(0.0, None), (1.0, "later")]


def test_a_state_event_says_what_is_continued_with() -> None:
    class Going(Stateless):
        def handle_call(self, request: Any, from_: Any, state: Any) -> Any:
            return NoReply(1, then=Continue(from_))

        def handle_continue(self, continuation: Any, state: Any) -> Any:
            reply(continuation, "done")
            return NoReply(2)

    async def ask() -> None:
        assert await Going.start().call("now") == "done"

    events = watched_with_states(ask)
    [request] = of_kind(events, "call")
    assert told(of_kind(events, "state"), "message", "detail") == [
        (None, None), (1, Continue(request.about)), (2, None),
    ]  # fmt: skip


def test_a_callback_that_raises_or_stops_tells_no_state() -> None:
    async def stop() -> None:
        doer = Doer.start()
        await outcome(doer.call(raising(Boom())))
        stopping = Doer.start()
        await outcome(stopping.stop())

    assert len(of_kind(watched_with_states(stop), "state")) == 2


def test_a_state_that_debug_replaces_is_told_without_a_cause() -> None:
    async def replace() -> None:
        keeper = Keeper.start()
        await outcome(keeper.call("a", 1.0))
        await debug.replace_state(keeper, lambda state: {})

    last = of_kind(watched_with_states(replace), "state")[-1]
    assert (last.message, last.cause, last.call) == ({}, None, None)


def test_an_observer_of_states_may_send_messages_and_raise() -> None:
    seen: list[int] = []

    async def main() -> Any:
        def observe(event: Event) -> None:
            seen.append(event.seq)
            if event.kind == "state":
                note("seen")
                raise Boom

        async with Node(observe, states=True) as node:
            answer = await Coordinator.start_link().greet("Hello")
            node.observe = None
            return answer

    assert run(main()) == "Hello to you too!"
    assert seen == sorted(seen)


# --- the observer itself


def test_without_an_observer_nothing_is_told(
    capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    async def main() -> Any:
        async with Node():
            note("to nobody")
            cast("nobody", "lost")
            return await Coordinator.start_link().greet("Hello")

    assert run(main()) == "Hello to you too!"
    assert tuple(capsys.readouterr()) == ("", "")
    assert caplog.records == []


def test_watching_changes_nothing_of_what_happens() -> None:
    async def main(watched: bool) -> Any:
        steps: list[Any] = []
        async with Node((lambda event: None) if watched else None):
            coordinator = Coordinator.start_link(SlowSocket.start_link)

            async def greet(name: str) -> None:
                steps.append(
                    (
                        name,
                        type(await outcome(coordinator.greet(name))),
                        asyncio.get_running_loop().time(),
                    )
                )

            await asyncio.gather(*(greet(name) for name in "abc"))
        return steps

    assert run(main(watched=True)) == run(main(watched=False)) != []


def test_an_observer_that_raises_is_logged_and_hurts_nobody(
    caplog: pytest.LogCaptureFixture,
) -> None:
    def observe(event: Event) -> None:
        raise Boom(event.kind)

    async def main() -> str:
        async with Node(observe):
            return await Coordinator.start_link().greet("Hello")

    assert run(main()) == "Hello to you too!"
    assert {record.levelname for record in caplog.records} == {"ERROR"}
    assert all(record.exc_info and record.exc_info[0] is Boom for record in caplog.records)


def test_an_observer_may_send_messages_of_its_own() -> None:
    heard: list[Any] = []

    async def main() -> None:
        def observe(event: Event) -> None:
            if event.kind == "reply":
                send("journal", event.message)

        async with Node(observe):
            Doer.start(heard, name="journal")
            await Coordinator.start_link().greet("Hello")
            await all_quiet()
            assert heard == ["Hello to you too!"]

    run(main())


def test_the_same_program_is_told_the_same_way_each_time() -> None:
    def record() -> list[Any]:
        chance = random.Random(7)
        events: list[Event] = []

        class Socket(SlowSocket):
            def handle_cast(self, request: Any, state: Any) -> Any:
                for _ in range(chance.randrange(3)):
                    send_after(state.caller, chance.uniform(0, 2), MessageReceived(request.msg))
                return NoReply(state)

        async def main() -> None:
            async with Node(events.append):
                coordinator = Coordinator.start_link(Socket.start_link)
                await asyncio.gather(
                    *(outcome(coordinator.greet(str(number), 1.0)) for number in range(50))
                )

        run(main())
        return [
            (type(event.source).__name__, *fields)
            for event, fields in zip(events, told(events, *shown), strict=True)
        ]

    shown = ("seq", "time", "kind", "message", "cause")
    assert record() == record() != []
