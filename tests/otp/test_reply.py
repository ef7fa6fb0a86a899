"""Deferred replies: which caller gets one and which does not. Mostly with the article's modules."""

import asyncio
import gc
import random
from typing import Any

import pytest
from servers import (
    Boom,
    CrashingSocket,
    Doer,
    Keeper,
    SilentSocket,
    SlowSocket,
    Stateless,
    all_quiet,
    kinds,
    now,
    outcome,
)

from genreply_cli.coordinator import Coordinator, Greet
from genreply_cli.otp import (
    CallTimeout,
    Event,
    From,
    GenServer,
    NoReply,
    Reply,
    ServerExit,
    Stop,
    call,
    debug,
    reply,
)
from genreply_cli.variations import KeyedCoordinator, KeyedWebSocket
from genreply_cli.variations import MessageReceived as KeyedMessageReceived
from genreply_cli.variations import SendMessage as KeyedSendMessage
from genreply_cli.websocket import MessageReceived

# --- greetings


async def test_a_greeting_comes_back_as_if_greet_were_a_function() -> None:
    coordinator = Coordinator.start_link()
    assert await coordinator.greet("Hello world") == "Hello world to you too!"


@pytest.mark.parametrize("text", ["", " ", "Grüße 👋🏽", "\x1b[2J", "{}", "a" * 100_000])
async def test_every_text_is_greeted(text: str) -> None:
    assert await Coordinator.start_link().greet(text) == f"{text} to you too!"


@pytest.mark.parametrize("message", [None, 1, ("a", "tuple"), b"bytes"])
async def test_what_is_no_text_crashes_the_socket_then_the_coordinator_and_the_caller_hears_of_it(
    message: Any,
) -> None:
    coordinator = Coordinator.start_link()
    socket = (await debug.get_state(coordinator)).async_pid
    with pytest.raises(ServerExit) as failed:
        await coordinator.greet(message)
    assert isinstance(failed.value.reason, TypeError)
    assert await socket.wait() is await coordinator.wait() is failed.value.reason


@pytest.mark.parametrize("names", ["ab", "abc", "abcdefghij"])
async def test_with_one_slot_the_last_caller_gets_the_first_answer_and_all_others_time_out(
    names: str,
) -> None:
    coordinator = Coordinator.start_link(SlowSocket.start_link)
    *others, last = await asyncio.gather(*(outcome(coordinator.greet(name)) for name in names))
    assert last == f"{names[0]} to you too!"
    assert [type(other) for other in others] == [CallTimeout] * len(others)
    assert coordinator.alive
    assert await coordinator.greet("next") == "next to you too!"


async def test_answers_that_come_one_by_one_after_the_slot_was_answered_are_dropped() -> None:
    coordinator = Coordinator.start_link(SilentSocket.start_link)
    greeter = Doer.start(heard := list[Any]())
    greetings = [asyncio.create_task(outcome(coordinator.greet(name))) for name in "ab"]
    await all_quiet()
    last = asyncio.create_task(greeter.call(lambda: coordinator.greet("c")))
    for name in "abc":
        await all_quiet()
        coordinator.send(MessageReceived(f"{name} to you too!"))
    assert await last == "a to you too!"
    assert [type(await greeting) for greeting in greetings] == [CallTimeout] * 2
    assert coordinator.alive
    assert (await debug.status(greeter)).mailbox == ()
    assert heard == []


async def test_callers_one_after_the_other_each_get_their_own_answer() -> None:
    coordinator = Coordinator.start_link(SlowSocket.start_link)
    assert [await coordinator.greet(name) for name in "abc"] == [
        "a to you too!",
        "b to you too!",
        "c to you too!",
    ]


async def test_an_answer_after_the_timeout_is_dropped_and_the_next_greeting_gets_its_own() -> None:
    coordinator = Coordinator.start_link(SilentSocket.start_link)
    greeter = Doer.start(heard := list[Any]())
    assert type(await greeter.call(lambda: outcome(coordinator.greet("slow")), None)) is CallTimeout
    coordinator.send(MessageReceived("slow to you too!"))
    await all_quiet()
    greeting = asyncio.create_task(greeter.call(lambda: coordinator.greet("fast")))
    await all_quiet()
    coordinator.send(MessageReceived("fast to you too!"))
    assert await greeting == "fast to you too!"
    assert (await debug.status(greeter)).mailbox == ()
    assert heard == []
    assert coordinator.alive


async def test_an_answer_that_comes_before_any_greeting_crashes_coordinator_and_socket() -> None:
    coordinator = Coordinator.start_link()
    socket = (await debug.get_state(coordinator)).async_pid
    coordinator.send(MessageReceived("out of the blue"))
    reason = await coordinator.wait()
    assert isinstance(reason, TypeError)
    assert await socket.wait() is reason


async def test_a_message_that_the_socket_does_not_know_is_logged_and_survived(
    caplog: pytest.LogCaptureFixture,
) -> None:
    coordinator = Coordinator.start_link()
    socket = (await debug.get_state(coordinator)).async_pid
    socket.send("ping of an unknown kind")
    assert await coordinator.greet("Hello") == "Hello to you too!"
    assert [record.getMessage() for record in caplog.records] == [
        f"{socket!r} received unexpected message in handle_info: 'ping of an unknown kind'"
    ]


async def test_an_answer_for_a_caller_that_was_killed_hurts_nobody() -> None:
    coordinator = Coordinator.start_link(SilentSocket.start_link)
    greeter = Doer.start()
    greeter.cast(lambda: coordinator.greet("Hello"))
    await all_quiet()
    greeter.exit("kill")
    coordinator.send(MessageReceived("Hello to you too!"))
    await all_quiet()
    assert coordinator.alive
    assert (await debug.get_state(coordinator)).async_pid.alive
    greeting = asyncio.create_task(coordinator.greet("next"))
    await all_quiet()
    coordinator.send(MessageReceived("next to you too!"))
    assert await greeting == "next to you too!"


async def test_an_answer_for_a_caller_that_was_cancelled_hurts_nobody() -> None:
    coordinator = Coordinator.start_link(SlowSocket.start_link)
    greeting = asyncio.create_task(coordinator.greet("Hello"))
    await all_quiet()
    greeting.cancel()
    await asyncio.wait([greeting])
    assert greeting.cancelled()
    assert (
        await coordinator.greet("next") == "Hello to you too!"
    )  # the slot is its own: nobody took the first greeting back
    assert coordinator.alive


async def test_when_the_socket_crashes_all_who_wait_for_the_coordinator_hear_why() -> None:
    coordinator = Coordinator.start_link(CrashingSocket.start_link)
    socket = (await debug.get_state(coordinator)).async_pid
    await debug.suspend(socket)
    greetings = [asyncio.create_task(outcome(coordinator.greet(name))) for name in "ab"]
    await all_quiet()
    await debug.resume(socket)
    a, b = [await greeting for greeting in greetings]
    reason = await socket.wait()
    assert isinstance(reason, Boom)
    assert [(type(error), error.server, error.request) for error in (a, b)] == [
        (ServerExit, coordinator, Greet("a")),
        (ServerExit, coordinator, Greet("b")),
    ]
    assert a.reason is b.reason is a.__cause__ is b.__cause__ is await coordinator.wait() is reason


async def test_when_the_coordinator_crashes_its_socket_goes_down_for_the_same_reason() -> None:
    coordinator = Coordinator.start_link()
    socket = (await debug.get_state(coordinator)).async_pid
    coordinator.cast("nothing that it knows")
    reason = await coordinator.wait()
    assert isinstance(reason, RuntimeError)
    assert await socket.wait() is reason


async def test_with_a_slot_for_each_request_each_caller_gets_its_own_answer_in_any_order() -> None:
    asked: list[KeyedSendMessage] = []

    class Collecting(KeyedWebSocket):
        def handle_cast(self, request: Any, state: Any) -> Any:
            asked.append(request)
            return NoReply(state)

    coordinator = KeyedCoordinator.start_link(Collecting.start_link)
    greetings = [asyncio.create_task(coordinator.greet(name)) for name in "abc"]
    await all_quiet()
    for request in reversed(asked):
        coordinator.send(KeyedMessageReceived(f"{request.msg} to you too!", request.ref))
    assert await asyncio.gather(*greetings) == ["a to you too!", "b to you too!", "c to you too!"]


# --- any server


async def test_any_process_that_has_the_from_may_reply() -> None:
    keeper, other = Keeper.start(callers := dict[Any, Any]()), Doer.start()
    asking = asyncio.create_task(keeper.call("request"))
    await all_quiet()
    await other.call(lambda: reply(callers["request"], "from somebody else"))
    assert await asking == "from somebody else"


async def test_a_plain_task_may_reply() -> None:
    keeper = Keeper.start(callers := dict[Any, Any]())
    asking = asyncio.create_task(keeper.call("request"))
    await all_quiet()
    reply(callers["request"], "from a task")
    assert await asking == "from a task"


async def test_a_reply_frees_the_caller_at_once_though_the_handler_goes_on_working() -> None:
    steps: list[Any] = []

    class Busy(Stateless):
        async def handle_call(self, request: Any, from_: Any, state: None) -> Any:
            GenServer.reply(from_, "done")
            await asyncio.sleep(0.3)
            steps.append(("handled", now()))
            return NoReply(state)

    busy = Busy.start()
    steps.append((await busy.call("work"), now()))
    await asyncio.sleep(1)
    assert steps == [("done", 0.0), ("handled", 0.3)]


async def test_of_two_replies_the_first_counts_and_the_second_goes_nowhere() -> None:
    class Twice(Stateless):
        def handle_call(self, request: Any, from_: Any, state: None) -> Any:
            GenServer.reply(from_, "first")
            return Reply("second", state)

    twice, caller = Twice.start(), Doer.start(heard := list[Any]())
    assert await caller.call(lambda: twice.call("request")) == "first"
    await all_quiet()
    assert (await debug.status(caller)).mailbox == ()
    assert heard == []
    assert twice.alive


async def test_a_second_reply_to_the_same_from_leaves_the_server_and_the_next_call_alone() -> None:
    keeper = Keeper.start(callers := dict[Any, Any]())
    asking = asyncio.create_task(keeper.call("a"))
    await all_quiet()
    for answer in ("first", "second", "third"):
        reply(callers["a"], answer)
    assert await asking == "first"
    asking = asyncio.create_task(keeper.call("b"))
    await all_quiet()
    reply(callers["a"], "fourth")
    reply(callers["b"], "its own")
    assert await asking == "its own"


async def test_a_from_says_who_asked_is_hashable_and_is_equal_only_to_itself() -> None:
    keeper, caller = Keeper.start(callers := dict[Any, Any]()), Doer.start()
    asking = [asyncio.create_task(keeper.call(request)) for request in "ab"]
    await all_quiet()
    caller.cast(lambda: keeper.call("c"))
    await all_quiet()
    a, b, c = callers.values()
    assert {a: "a", b: "b", c: "c"}[b] == "b"
    assert a == a  # noqa: PLR0124
    assert a != b
    assert (a.caller, b.caller, c.caller) == (asking[0], asking[1], caller)
    assert repr(keeper) in repr(a)
    assert not hasattr(a, "set_result")
    assert not isinstance(a, asyncio.Future)


async def test_who_is_answered_in_terminate_does_not_see_the_exit() -> None:
    class LastWords(Keeper):
        def handle_info(self, message: Any, callers: Any) -> Any:
            return Stop("normal", callers)

        def terminate(self, reason: Any, callers: dict[Any, From[Any]]) -> None:
            for request, from_ in callers.items():
                GenServer.reply(from_, f"{request}: goodbye")

    server = LastWords.start()
    asking = [asyncio.create_task(server.call(request)) for request in "ab"]
    await all_quiet()
    server.send("end")
    assert await asyncio.gather(*asking) == ["a: goodbye", "b: goodbye"]
    assert await server.wait() == "normal"


async def test_a_thousand_callers_answered_in_any_order_each_get_their_own_answer() -> None:
    keeper = Keeper.start(callers := dict[Any, Any]())
    asking = [asyncio.create_task(keeper.call(number)) for number in range(1000)]
    await all_quiet()
    order = list(range(1000))
    random.Random(7).shuffle(order)
    for number in order:
        reply(callers[number], f"answer {number}")
    assert await asyncio.gather(*asking) == [f"answer {number}" for number in range(1000)]


async def test_a_from_that_is_thrown_away_leaves_its_caller_waiting_for_the_whole_timeout() -> None:
    class Forgetful(Stateless):
        def handle_call(self, request: Any, from_: Any, state: None) -> Any:
            return NoReply(state)

    forgetful = Forgetful.start()
    asking = asyncio.create_task(outcome(forgetful.call("request")))
    await all_quiet()
    gc.collect()
    await asyncio.sleep(4.999)
    assert not asking.done()
    assert type(await asking) is CallTimeout
    assert now() == 5.0
    assert forgetful.alive


# --- what a port most likely gets wrong, as far as it is about replies


async def test_a_second_reply_a_late_one_and_one_to_a_cancelled_caller_are_told_and_raise_nowhere(
    events: list[Event],
) -> None:
    keeper = Keeper.start(callers := dict[Any, Any]())
    answered = asyncio.create_task(keeper.call("answered"))
    cancelled = asyncio.create_task(keeper.call("cancelled"))
    late = asyncio.create_task(outcome(keeper.call("late", 1.0)))
    await all_quiet()
    cancelled.cancel()
    await asyncio.sleep(2)
    for request in ("answered", "answered", "cancelled", "late"):
        reply(callers[request], request)
    assert await answered == "answered"
    assert cancelled.cancelled()
    assert type(await late) is CallTimeout
    assert kinds(events)[-4:] == ["reply", "duplicate", "late", "late"]
    assert keeper.alive


async def test_the_slot_is_not_cleared_when_its_caller_times_out() -> None:
    coordinator = Coordinator.start_link(SilentSocket.start_link)
    await outcome(coordinator.greet("Hello", 1.0))
    assert (await debug.get_state(coordinator)).caller is not None
    coordinator.send(MessageReceived("Hello to you too!"))
    await all_quiet()
    assert coordinator.alive


@pytest.mark.parametrize(
    "failure", [Boom("as a value"), asyncio.CancelledError(), StopIteration(1), KeyboardInterrupt()]
)
async def test_an_exception_given_as_a_reply_is_returned_and_not_raised(
    failure: BaseException,
) -> None:
    keeper = Keeper.start(callers := dict[Any, Any]())
    asking = asyncio.create_task(call(keeper, "request"))
    await all_quiet()
    reply(callers["request"], failure)
    assert await asking is failure
