"""A call: how it fails, at once or in time, and what it leaves alone."""

import asyncio
import gc
import time
import tracemalloc
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Any

import pytest
from servers import (
    Boom,
    Doer,
    Echo,
    Keeper,
    Placed,
    Stateless,
    Terminated,
    TrappingDoer,
    all_quiet,
    now,
    outcome,
)

from genreply_cli.otp import (
    CallError,
    CallingSelf,
    CallTimeout,
    Exited,
    GenServer,
    Node,
    NoProcess,
    NoReply,
    Reply,
    Request,
    ServerExit,
    Stop,
    StopTimeout,
    call,
    debug,
    link,
    reply,
    send_after,
    stop,
)
from genreply_cli.otp.virtual_time import Loop, run


@dataclass(frozen=True)
class Ask(Request[str]):
    what: str


class Recorder(Placed[tuple[list[Any], float]]):
    """Keeps what it is asked, and replies with all of it; each request takes it so many seconds."""

    def init(self, handled: list[Any], takes: float = 0.0) -> Any:
        return handled, takes

    async def handle_call(self, request: Any, from_: Any, state: tuple[list[Any], float]) -> Any:
        handled, takes = state
        handled.append(("began", request))
        await asyncio.sleep(takes)
        handled.append(("ended", request))
        return Reply(list(handled), state)


# --- how it fails


async def test_a_timeout_names_server_request_and_timeout_and_is_a_timeout_error() -> None:
    keeper = Keeper.start()
    with pytest.raises(CallTimeout) as failed:
        await keeper.call(Ask("a"), 2.5)
    assert now() == 2.5
    assert (failed.value.server, failed.value.request, failed.value.timeout) == (
        keeper,
        Ask("a"),
        2.5,
    )
    assert isinstance(failed.value, CallError)
    assert isinstance(failed.value, TimeoutError)
    for part in (repr(keeper), "Ask(what='a')", "2.5 s", "no reply"):
        assert part in str(failed.value)


async def test_a_call_waits_five_seconds_unless_it_is_told_otherwise() -> None:
    keeper = Keeper.start()
    with pytest.raises(CallTimeout) as failed:
        await keeper.call("a")
    assert (now(), failed.value.timeout) == (5.0, 5.0)
    with pytest.raises(CallTimeout):
        await call(keeper, "b")
    assert now() == 10.0


async def test_a_call_without_a_timeout_waits_for_as_long_as_it_takes() -> None:
    keeper = Keeper.start(callers := dict[Any, Any]())
    asking = asyncio.create_task(keeper.call("a", None))
    await asyncio.sleep(1_000_000)
    reply(callers["a"], "at last")
    assert await asking == "at last"


async def test_no_process_names_server_and_request_and_is_a_lookup_error() -> None:
    dead = Keeper.start()
    await dead.stop()
    with pytest.raises(NoProcess) as failed:
        await dead.call(Ask("a"), None)
    assert (failed.value.server, failed.value.request, failed.value.timeout) == (
        dead,
        Ask("a"),
        None,
    )
    assert isinstance(failed.value, CallError)
    assert isinstance(failed.value, LookupError)
    for part in (repr(dead), "Ask(what='a')", "no timeout", "no process"):
        assert part in str(failed.value)
    assert now() == 0.0


async def test_the_exit_of_a_server_names_server_request_and_reason() -> None:
    keeper = Keeper.start()
    asking = asyncio.create_task(outcome(keeper.call(Ask("a"))))
    await all_quiet()
    keeper.cast(why := Boom("in the middle"))
    failed = await asking
    assert type(failed) is ServerExit
    assert isinstance(failed, CallError)
    assert (failed.server, failed.request, failed.timeout, failed.reason) == (
        keeper,
        Ask("a"),
        5.0,
        why,
    )
    assert failed.__cause__ is why
    for part in (repr(keeper), "Ask(what='a')", "5 s", "Boom('in the middle')"):
        assert part in str(failed)


async def test_a_reason_that_is_no_exception_is_no_cause() -> None:
    keeper = Keeper.start()
    asking = asyncio.create_task(outcome(keeper.call("a")))
    await all_quiet()
    keeper.exit(("shutdown", "tea time"))
    failed = await asking
    assert (failed.reason, failed.__cause__) == (("shutdown", "tea time"), None)


async def test_calling_oneself_names_server_and_request() -> None:
    doer = Doer.start()
    failed = await doer.call(lambda: outcome(doer.call(Ask("a"))))
    assert type(failed) is CallingSelf
    assert isinstance(failed, CallError)
    assert (failed.server, failed.request, failed.timeout) == (doer, Ask("a"), 5.0)
    for part in (repr(doer), "Ask(what='a')", "itself"):
        assert part in str(failed)


async def test_a_stop_that_takes_too_long_names_server_and_timeout() -> None:
    class Slow(Keeper):
        async def terminate(self, reason: Any, state: Any) -> None:
            await asyncio.sleep(10)

    slow = Slow.start()
    with pytest.raises(StopTimeout) as failed:
        await slow.stop("enough", 1.5)
    assert (failed.value.server, failed.value.timeout) == (slow, 1.5)
    for part in (repr(slow), "'enough'", "1.5 s", "stop"):
        assert part in str(failed.value)


@pytest.mark.parametrize("timeout", [-1, -0.001, float("nan"), float("inf"), float("-inf")])
async def test_a_timeout_that_is_no_time_is_a_value_error_and_nothing_is_sent(
    timeout: float,
) -> None:
    recorder = Recorder.start(handled := list[Any]())
    for calling in (recorder.call("a", timeout), call(recorder, "b", timeout)):
        with pytest.raises(ValueError, match="timeout"):
            await calling
    await all_quiet()
    assert handled == []


@pytest.mark.parametrize("timeout", ["5", True, False, b"5", [5], 1j])
async def test_a_timeout_that_is_no_number_is_a_type_error_and_nothing_is_sent(
    timeout: Any,
) -> None:
    recorder = Recorder.start(handled := list[Any]())
    for calling in (recorder.call("a", timeout), call(recorder, "b", timeout)):
        with pytest.raises(TypeError, match="timeout"):
            await calling
    await all_quiet()
    assert handled == []


@pytest.mark.parametrize("name", ["nobody", None, ("a", "tuple"), 7])
async def test_a_name_that_nobody_has_is_no_process_and_the_error_carries_the_name_as_given(
    name: Any,
) -> None:
    with pytest.raises(NoProcess) as failed:
        await call(name, "a")
    assert failed.value.server == name
    assert repr(name) in str(failed.value)


async def test_an_error_repeats_the_name_as_it_was_given_whatever_the_reason() -> None:
    keeper = Keeper.start(name="the keeper")
    timed_out = await outcome(call("the keeper", "a", 1.0))
    asking = asyncio.create_task(outcome(call("the keeper", "b", 2.0)))
    await all_quiet()
    keeper.exit("boom")
    exited = await asking
    gone = await outcome(call("the keeper", "c", 3.0))
    doer = Doer.start(name="the doer")
    itself = await doer.call(lambda: outcome(call("the doer", "d", 4.0)))
    stopped = await outcome(stop("the keeper", "e", 5.0))
    assert [
        (type(error), error.server, error.timeout)
        for error in (timed_out, exited, gone, itself, stopped)
    ] == [
        (CallTimeout, "the keeper", 1.0),
        (ServerExit, "the keeper", 2.0),
        (NoProcess, "the keeper", 3.0),
        (CallingSelf, "the doer", 4.0),
        (NoProcess, "the keeper", 5.0),
    ]


async def test_a_server_that_calls_itself_crashes_unless_it_catches_that() -> None:
    doer = Doer.start()
    assert type(await doer.call(lambda: outcome(doer.call("a")))) is CallingSelf
    assert doer.alive
    failed = await outcome(doer.call(lambda: doer.call("a")))
    assert type(failed.reason) is CallingSelf
    assert await doer.wait() is failed.reason


# --- what a timeout does, and what it does not


async def test_a_request_whose_caller_timed_out_in_the_queue_is_handled_all_the_same() -> None:
    recorder = Recorder.start(handled := list[Any](), 3.0)
    first = asyncio.create_task(recorder.call("first"))
    await all_quiet()
    assert type(await outcome(recorder.call("second", 1.0))) is CallTimeout
    assert handled == [("began", "first")]
    await first
    await asyncio.sleep(10)
    assert handled == [
        ("began", "first"),
        ("ended", "first"),
        ("began", "second"),
        ("ended", "second"),
    ]


async def test_a_timeout_does_not_interrupt_the_handler() -> None:
    recorder = Recorder.start(handled := list[Any](), 3.0)
    assert type(await outcome(recorder.call("a", 1.0))) is CallTimeout
    assert (now(), handled) == (1.0, [("began", "a")])
    await asyncio.sleep(2)
    assert handled == [("began", "a"), ("ended", "a")]
    assert recorder.alive


async def test_cancelling_a_caller_neither_stops_the_handler_nor_takes_the_request_back() -> None:
    recorder = Recorder.start([], 1.0)
    asking = [asyncio.create_task(recorder.call(request)) for request in "ab"]
    await all_quiet()
    for task in asking:
        task.cancel()
    await asyncio.wait(asking)
    assert [task.cancelled() for task in asking] == [True, True]
    assert await recorder.call("c") == [
        (did, request) for request in "abc" for did in ("began", "ended")
    ]


async def test_a_late_reply_is_not_delivered_anywhere() -> None:
    keeper = Keeper.start(callers := dict[Any, Any]())
    caller = Doer.start(heard := list[Any]())
    assert type(await caller.call(lambda: outcome(keeper.call("a", 1.0)))) is CallTimeout
    reply(callers["a"], "too late")
    await all_quiet()
    assert (await debug.status(caller)).mailbox == ()
    assert heard == []
    asking = asyncio.create_task(caller.call(lambda: keeper.call("b")))
    await all_quiet()
    reply(callers["b"], "in time")
    assert await asking == "in time"


async def test_a_timeout_of_zero_sends_the_request_all_the_same() -> None:
    recorder = Recorder.start(handled := list[Any]())
    assert type(await outcome(recorder.call("a", 0))) is CallTimeout
    await all_quiet()
    assert handled == [("began", "a"), ("ended", "a")]
    assert now() == 0.0


async def test_a_timeout_that_a_process_does_not_catch_ends_it_and_not_the_server() -> None:
    keeper, caller = Keeper.start(), Doer.start(heard := list[Any]())
    failed = await outcome(caller.call(lambda: keeper.call("a", 1.0)))
    assert type(failed) is ServerExit
    assert type(failed.reason) is CallTimeout
    assert failed.reason.server is keeper
    assert await caller.wait() is failed.reason
    assert heard == [Terminated(failed.reason)]
    assert keeper.alive


@pytest.mark.parametrize(
    "timeouts", [[1.0, 1.0, 1.0], [3.0, 2.0, 1.0], [0.1, 0.2, 0.3, 0.1], [5.0, 5.0, 2.5, 5.0]]
)
async def test_every_call_times_out_exactly_when_it_should(timeouts: list[float]) -> None:
    keeper = Keeper.start()
    ended: list[Any] = []

    async def ask(began: float, timeout: float) -> None:
        await asyncio.sleep(began)
        await outcome(keeper.call(object(), timeout))
        ended.append(now() - began)

    async with asyncio.TaskGroup() as group:
        for number, timeout in enumerate(timeouts):
            group.create_task(ask(float(number), timeout))
    assert sorted(ended) == pytest.approx(sorted(timeouts), abs=1e-12)


def run_in_real_time(main: Coroutine[Any, Any, None]) -> None:
    asyncio.run(main)


@pytest.mark.parametrize("run_it", [run, run_in_real_time])
@pytest.mark.parametrize("left", [lambda seconds: seconds, lambda seconds: 3600.0])
def test_an_answered_call_leaves_no_timer_and_no_memory_whatever_its_timeout(
    run_it: Callable[[Coroutine[Any, Any, None]], None], left: Callable[[float], float]
) -> None:
    async def main() -> None:
        async with Node():
            slow = Slow.start()
            for number in range(6_000):
                if number == 1_000:
                    tracemalloc.start()
                    before = tracemalloc.get_traced_memory()[0]
                await slow.call(number, left(3600.0 - number / 100))
            used.append(tracemalloc.get_traced_memory()[0] - before)
            gc.collect()
            timers = (each for each in gc.get_objects() if isinstance(each, asyncio.TimerHandle))
            used.append(sum(not each.cancelled() for each in timers))

    class Slow(Stateless):
        async def handle_call(self, request: Any, from_: Any, state: None) -> Any:
            await asyncio.sleep(0)
            return Reply(request, state)

    used: list[int] = []
    try:
        run_it(main())
    finally:
        tracemalloc.stop()
    assert used[0] < 100_000
    assert used[1] == 0


async def test_of_calls_with_one_timeout_the_others_still_fall_due_when_one_was_answered() -> None:
    keeper = Keeper.start(callers := dict[Any, Any]())
    ended: list[Any] = []

    async def ask(request: int) -> None:
        await asyncio.sleep(request)
        ended.append((await outcome(keeper.call(request, 2.5)), now()))

    async def answer() -> None:
        for request in (0, 3):
            await asyncio.sleep(request - now() + 1)
            reply(callers[request], "answer")

    await asyncio.gather(*map(ask, range(5)), answer())
    assert [(request == "answer" or type(request), at) for request, at in ended] == [
        (True, 1.0),
        (CallTimeout, 3.5),
        (True, 4.0),
        (CallTimeout, 4.5),
        (CallTimeout, 6.5),
    ]


# --- the end of a server


class Breaking(Placed[dict[Any, Any]]):
    """Keeps "deferred" waiting and crashes at "end" after a while, before it handles "queued"."""

    def init(self, ends: Any) -> Any:
        return ends

    async def handle_call(self, request: Any, from_: Any, ends: Any) -> Any:
        if request == "end":
            await asyncio.sleep(1)
            return ends(ends)
        return NoReply(ends)


def raise_boom(state: Any) -> Any:
    raise Boom


@pytest.mark.parametrize(
    ("ends", "reason"),
    [
        (raise_boom, Boom),
        (lambda state: Stop("normal", state), "normal"),
        (lambda state: Stop("shutdown", state), "shutdown"),
        (lambda state: Stop(("shutdown", 1), state), ("shutdown", 1)),
    ],
    ids=["crash", "normal", "shutdown", "shutdown with a value"],
)
async def test_when_a_server_ends_its_deferred_current_and_queued_callers_all_hear_it_at_once(
    ends: Any, reason: Any
) -> None:
    server = Breaking.start(ends)
    asking = [
        asyncio.create_task(outcome(server.call(request, None)))
        for request in ("deferred", "end", "queued")
    ]
    failed = [await task for task in asking]
    assert now() == 1.0
    assert [type(error) for error in failed] == [ServerExit] * 3
    assert [error.request for error in failed] == ["deferred", "end", "queued"]
    assert failed[0].reason == failed[1].reason == failed[2].reason == await server.wait()
    assert failed[0].reason == reason or type(failed[0].reason) is reason


async def test_callers_of_a_killed_server_hear_killed_and_terminate_does_not_run() -> None:
    doer = Doer.start(heard := list[Any]())
    asking = [asyncio.create_task(outcome(doer.call(lambda: asyncio.sleep(9)))) for _ in range(2)]
    await all_quiet()
    doer.exit("kill")
    failed = [await task for task in asking]
    assert [(type(error), error.reason) for error in failed] == [(ServerExit, "killed")] * 2
    assert heard == []
    assert now() == 0.0


async def test_a_server_that_stops_with_a_reply_answers_its_caller_and_fails_the_other() -> None:
    class Last(Keeper):
        def handle_call(self, request: Any, from_: Any, state: Any) -> Any:
            return Stop("normal", state, reply="bye") if request == "end" else NoReply(state)

    last = Last.start()
    asking = [asyncio.create_task(outcome(last.call(request))) for request in ("deferred", "end")]
    deferred, end = [await task for task in asking]
    assert end == "bye"
    assert (type(deferred), deferred.reason) == (ServerExit, "normal")


async def test_a_caller_linked_to_its_server_dies_of_the_link_though_it_catches_the_error() -> None:
    keeper, caller = Keeper.start(), Doer.start(heard := list[Any]())
    went_on: list[Any] = []

    async def ask() -> None:
        link(keeper)
        went_on.append(await outcome(keeper.call("a")))

    caller.cast(ask)
    await all_quiet()
    keeper.cast(why := Boom())
    assert await caller.wait() is why
    await all_quiet()
    assert (heard, went_on) == ([], [])


async def test_a_trapping_caller_is_not_interrupted_by_an_exit_or_any_other_message() -> None:
    keeper, caller = (
        Keeper.start(callers := dict[Any, Any]()),
        TrappingDoer.start(heard := list[Any]()),
    )
    asking = asyncio.create_task(caller.call(lambda: keeper.call("a")))
    await all_quiet()
    caller.exit("boom")
    caller.send("something else")
    await all_quiet()
    assert heard == []
    reply(callers["a"], "answer")
    assert await asking == "answer"
    await all_quiet()
    assert heard == [Exited(None, "boom"), "something else"]


async def test_a_caller_that_dies_leaves_the_handler_and_the_server_alone() -> None:
    recorder, caller = Recorder.start(handled := list[Any](), 3.0), Doer.start()
    caller.cast(lambda: recorder.call("a"))
    await asyncio.sleep(1)
    caller.exit("boom")
    await asyncio.sleep(5)
    assert handled == [("began", "a"), ("ended", "a")]
    assert recorder.alive


# --- replies


@pytest.mark.parametrize(
    "value",
    [None, False, 0, "", ("error", "why"), ("EXIT", "why"), Boom("a value"), Boom,
     asyncio.CancelledError(), StopIteration(1), StopAsyncIteration(), TimeoutError(),
     Stop("normal", None), NoReply(None), ...],
)  # fmt: skip
@pytest.mark.parametrize("deferred", [False, True])
@pytest.mark.parametrize("is_async", [False, True])
async def test_anything_is_a_reply_and_nothing_in_it_is_taken_for_a_failure(
    value: Any, deferred: bool, is_async: bool
) -> None:
    class Answering(Stateless):
        def handle_call(self, request: Any, from_: Any, state: None) -> Any:
            return self.later(from_, state) if is_async else self.answer(from_, state)

        def answer(self, from_: Any, state: None) -> Any:
            if deferred:
                GenServer.reply(from_, value)
                return NoReply(state)
            return Reply(value, state)

        async def later(self, from_: Any, state: None) -> Any:
            await asyncio.sleep(1)
            return self.answer(from_, state)

    answering = Answering.start()
    assert await answering.call("a") is value
    assert await answering.call("b") is value


async def test_calls_of_a_process_with_a_huge_mailbox_are_as_fast_as_with_an_empty_one() -> None:
    echo = Echo.start()

    async def measure() -> float:
        took = []
        for _ in range(3):
            began = time.perf_counter()
            for number in range(2000):
                await echo.call(number)
            took.append(time.perf_counter() - began)
        return min(took)

    caller = Doer.start()
    empty = await caller.call(measure, None)
    waiting = asyncio.create_task(caller.call(measure, None))
    for number in range(200_000):
        caller.send(number)
    assert await waiting < 10 * empty


class BusyLoop(Loop):
    """A loop on which a callback can take time."""

    def be_busy(self, seconds: float) -> None:
        self._now += seconds


class AnswersLater(GenServer[float]):
    """Replies to each call after so many seconds."""

    def init(self, seconds: float) -> float:
        return seconds

    def handle_call(self, request: object, from_: Any, state: float) -> NoReply[float]:
        send_after(self, state, from_)
        return NoReply(state)

    def handle_info(self, message: Any, state: float) -> NoReply[float]:
        reply(message, "in time")
        return NoReply(state)


def outcomes_on_a_busy_loop(calls: int, seconds: float, timeout: float) -> list[str]:
    """What becomes of calls that are answered after so many seconds, if the loop is busy."""

    async def main() -> list[str]:
        loop = asyncio.get_running_loop()
        assert isinstance(loop, BusyLoop)
        async with Node():
            server = AnswersLater.start_link(seconds)
            loop.call_later(0.1, loop.be_busy, 10.0)
            asked = (server.call("Hello", timeout) for _ in range(calls))
            ended = await asyncio.gather(*asked, return_exceptions=True)
            return [str(type(one).__name__ if isinstance(one, Exception) else one) for one in ended]

    with asyncio.Runner(loop_factory=BusyLoop) as runner:
        return runner.run(main())


def test_an_answer_that_came_in_time_is_given_although_the_loop_was_busy_until_after() -> None:
    assert outcomes_on_a_busy_loop(1000, 1.0, 5.0) == ["in time"] * 1000


def test_a_call_without_an_answer_in_time_times_out_on_a_busy_loop_too() -> None:
    assert outcomes_on_a_busy_loop(300, 20.0, 5.0) == ["CallTimeout"] * 300
