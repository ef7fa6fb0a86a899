"""A loop whose clock jumps: runs take no time, are all the same, and deadlocks are found."""

import asyncio
import contextlib
import contextvars
import time
import tracemalloc
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from servers import Boom, Keeper, SilentSocket, Stateless, now

from genreply_cli.coordinator import Coordinator
from genreply_cli.otp import Node, NoReply, reply
from genreply_cli.otp.virtual_time import Deadlock, Loop, run

# --- like asyncio.run


def test_it_returns_what_main_returns() -> None:
    async def main() -> str:
        return "result"

    assert run(main()) == "result"


def test_it_raises_what_main_raises() -> None:
    async def main() -> None:
        await asyncio.sleep(1)
        raise Boom

    with pytest.raises(Boom):
        run(main())


def test_tasks_that_still_run_at_the_end_are_cancelled_and_may_clean_up() -> None:
    steps: list[str] = []

    async def linger() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            await asyncio.sleep(1)
            steps.append("cleaned up")

    async def main() -> asyncio.Task[None]:
        task = asyncio.create_task(linger())
        await asyncio.sleep(0)
        return task

    assert run(main()).cancelled()
    assert steps == ["cleaned up"]


def test_it_works_in_debug_mode_too() -> None:
    async def main() -> float:
        assert asyncio.get_running_loop().get_debug()
        await asyncio.sleep(3600)
        return now()

    assert run(main(), debug=True) == 3600.0


def test_its_loop_can_be_given_to_a_runner() -> None:
    async def main() -> float:
        await asyncio.sleep(3600)
        return now()

    with asyncio.Runner(loop_factory=Loop) as runner:
        assert runner.run(main()) == 3600.0
        assert runner.run(main()) == 7200.0


# --- the clock


def test_the_clock_starts_at_zero() -> None:
    async def main() -> float:
        return now()

    assert run(main()) == 0.0


@pytest.mark.parametrize("seconds", [0.001, 1.0, 3600.0, 1e9, 0.1 + 0.2])
def test_a_sleep_takes_its_time_on_the_clock_and_none_of_ours(seconds: float) -> None:
    async def main() -> float:
        await asyncio.sleep(seconds)
        return now()

    began = time.perf_counter()
    assert run(main()) == seconds
    assert time.perf_counter() - began < 1.0


def test_the_clock_stands_still_while_anything_is_ready() -> None:
    async def main() -> float:
        asyncio.get_running_loop().call_later(1, lambda: None)
        for _ in range(1000):
            await asyncio.sleep(0)
        return now()

    assert run(main()) == 0.0


def test_each_deadline_is_met_exactly() -> None:
    async def main() -> list[Any]:
        met: list[Any] = []
        loop = asyncio.get_running_loop()
        for when in (3.0, 1.0, 2.0, 1.5):
            loop.call_at(when, lambda when: met.append((when, now())), when)
        await asyncio.sleep(5)
        return met

    assert run(main()) == [(1.0, 1.0), (1.5, 1.5), (2.0, 2.0), (3.0, 3.0)]


def test_a_deadline_in_the_past_is_met_at_once_and_the_clock_does_not_go_back() -> None:
    async def main() -> list[Any]:
        met: list[Any] = []
        await asyncio.sleep(5)
        asyncio.get_running_loop().call_at(1.0, lambda: met.append(now()))
        asyncio.get_running_loop().call_later(-1.0, lambda: met.append(now()))
        await asyncio.sleep(1)
        return [*met, now()]

    assert run(main()) == [5.0, 5.0, 6.0]


def test_equal_deadlines_keep_their_order() -> None:
    async def main() -> list[int]:
        order: list[int] = []
        loop = asyncio.get_running_loop()
        for number in range(1000):
            loop.call_at(1.0, order.append, number)
        await asyncio.sleep(2)
        return order

    assert run(main()) == list(range(1000))


def test_tasks_that_sleep_equally_long_wake_in_the_order_in_which_they_fell_asleep() -> None:
    async def main() -> list[int]:
        order: list[int] = []

        async def sleep(number: int) -> None:
            await asyncio.sleep(1.0)
            order.append(number)

        await asyncio.gather(*(sleep(number) for number in range(100)))
        return order

    assert run(main()) == list(range(100))


@settings(deadline=None)
@given(
    st.lists(
        st.tuples(st.sampled_from([0.0, 0.1, 0.2, 0.3, 0.1 + 0.2, 1.0]), st.booleans()), max_size=50
    )
)
def test_timers_fire_by_deadline_then_by_age_and_cancelled_ones_never(
    timers: list[tuple[float, bool]],
) -> None:
    async def main() -> list[Any]:
        fired: list[Any] = []
        loop = asyncio.get_running_loop()
        handles = [
            loop.call_at(when, lambda number: fired.append((now(), number)), number)
            for number, (when, _) in enumerate(timers)
        ]
        for handle, (_, cancel) in zip(handles, timers, strict=True):
            if cancel:
                handle.cancel()
        await asyncio.sleep(2)
        return fired

    assert run(main()) == sorted(
        (when, number) for number, (when, cancel) in enumerate(timers) if not cancel
    )


def test_a_timer_cancelled_by_another_of_the_same_deadline_does_not_fire() -> None:
    async def main() -> list[str]:
        fired: list[str] = []
        loop = asyncio.get_running_loop()
        handles: list[asyncio.TimerHandle] = []
        loop.call_at(1.0, lambda: handles[0].cancel())  # noqa: PLW0108  # there is none yet
        handles.append(loop.call_at(1.0, fired.append, "second"))
        loop.call_at(1.0, fired.append, "third")
        await asyncio.sleep(2)
        return fired

    assert run(main()) == ["third"]


def test_a_timer_handle_knows_when_it_is_due() -> None:
    async def main() -> float:
        await asyncio.sleep(1)
        return asyncio.get_running_loop().call_later(2.5, lambda: None).when()

    assert run(main()) == 3.5


def test_timeouts_of_asyncio_are_on_the_same_clock() -> None:
    async def main() -> list[float]:
        times = []
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(asyncio.Event().wait(), 10)
        times.append(now())
        await asyncio.wait([asyncio.create_task(asyncio.Event().wait())], timeout=10)
        times.append(now())
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(10):
                await asyncio.Event().wait()
        return [*times, now()]

    assert run(main()) == [10.0, 20.0, 30.0]


def test_a_timer_runs_in_the_context_it_is_given() -> None:
    name = contextvars.ContextVar("name", default="unset")

    async def main() -> list[str]:
        seen: list[str] = []
        name.set("of main")
        loop = asyncio.get_running_loop()
        loop.call_later(1, lambda: seen.append(name.get()))
        loop.call_later(1, lambda: seen.append(name.get()), context=contextvars.Context())
        name.set("changed")
        await asyncio.sleep(2)
        return seen

    assert run(main()) == ["of main", "unset"]


def test_an_error_in_a_timer_is_reported_and_the_loop_goes_on(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def main() -> float:
        asyncio.get_running_loop().call_later(1, lambda: 1 // 0)
        await asyncio.sleep(2)
        return now()

    assert run(main()) == 2.0
    assert [record.exc_info[0] for record in caplog.records if record.exc_info] == [
        ZeroDivisionError
    ]


def test_the_same_program_takes_the_same_steps_each_time() -> None:
    def steps() -> list[Any]:
        seen: list[Any] = []

        async def worker(number: int) -> None:
            for step in range(5):
                await asyncio.sleep(0.1 * ((number * 7 + step * 3) % 4))
                seen.append((now(), number, step))

        async def main() -> None:
            async with asyncio.TaskGroup() as group:
                for number in range(20):
                    group.create_task(worker(number))

        run(main())
        return seen

    assert steps() == steps() != []


# --- deadlocks


def test_a_wait_that_can_never_end_is_a_deadlock_at_once() -> None:
    async def main() -> None:
        await asyncio.sleep(2.5)
        await asyncio.Event().wait()

    began = time.perf_counter()
    with pytest.raises(Deadlock, match=r"at 2\.5 s"):
        run(main())
    assert time.perf_counter() - began < 1.0


def test_a_deadlock_says_who_waits_and_where() -> None:
    async def waits_for_ever() -> None:
        await asyncio.get_running_loop().create_future()

    async def main() -> None:
        task = asyncio.create_task(waits_for_ever(), name="the waiter")
        await task

    with pytest.raises(Deadlock) as failed:
        run(main())
    for part in ("the waiter", "waits_for_ever", "main", "test_virtual_time.py:"):
        assert part in str(failed.value)


def test_a_deadlock_names_the_servers_that_wait_and_those_who_wait_for_them() -> None:
    class Waiting(Stateless):
        async def handle_cast(self, request: Any, state: None) -> Any:
            await asyncio.Event().wait()
            return NoReply(state)

    async def main() -> None:
        async with Node():
            waiting = Waiting.start()
            waiting.cast("wait")
            await waiting.call("request", None)

    with pytest.raises(Deadlock) as failed:
        run(main())
    server, caller = sorted(
        str(failed.value).partition("waiting: ")[2].split("; "),
        key=lambda text: "GenServer.call" in text,
    )
    assert "Waiting<1> in" in server
    assert "handle_cast" in server
    assert "main" in caller


def test_a_call_without_a_timeout_that_nobody_answers_is_a_deadlock() -> None:
    async def main() -> None:
        async with Node():
            await Keeper.start().call("request", None)

    with pytest.raises(Deadlock, match="call"):
        run(main())


def test_a_greeting_with_a_timeout_that_nobody_answers_is_none() -> None:
    async def main() -> float:
        async with Node():
            with pytest.raises(TimeoutError):
                await Coordinator.start_link(SilentSocket.start_link).greet("Hello")
            return now()

    assert run(main()) == 5.0


def test_two_servers_that_call_each_other_without_a_timeout_are_a_named_deadlock() -> None:
    class Mutual(Stateless):
        async def handle_call(self, request: Any, from_: Any, state: None) -> Any:
            await request.call(self, None)
            return NoReply(state)

    async def main() -> None:
        async with Node():
            one, other = Mutual.start(), Mutual.start()
            await one.call(other, None)

    with pytest.raises(Deadlock) as failed:
        run(main())
    assert "Mutual<1>" in str(failed.value)
    assert "Mutual<2>" in str(failed.value)


def test_after_a_deadlock_everybody_may_clean_up() -> None:
    steps: list[str] = []

    async def main() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            await asyncio.sleep(1)
            steps.append("cleaned up")

    with pytest.raises(Deadlock):
        run(main())
    assert steps == ["cleaned up"]


def test_a_cancelled_timer_is_no_reason_to_wait() -> None:
    async def main() -> None:
        asyncio.get_running_loop().call_later(1000, lambda: None).cancel()
        await asyncio.Event().wait()

    with pytest.raises(Deadlock, match="at 0 s"):
        run(main())


def test_an_answered_call_is_no_reason_to_wait() -> None:
    async def main() -> None:
        async with Node():
            keeper = Keeper.start(callers := dict[Any, Any]())
            asking = asyncio.create_task(keeper.call("request", 1000))
            await asyncio.sleep(1)
            reply(callers["request"], "answer")
            assert await asking == "answer"
            await asyncio.Event().wait()

    with pytest.raises(Deadlock, match="at 1 s"):
        run(main())


def test_cancelled_timers_are_thrown_out_and_the_others_keep_their_order() -> None:
    async def main() -> None:
        loop = asyncio.get_running_loop()
        tracemalloc.start()
        for number in range(50):
            loop.call_later(1 + number // 10, fired.append, number)
        for _ in range(5_000):
            loop.call_later(1000, bytes(1000).hex).cancel()
        used.append(tracemalloc.get_traced_memory()[0])
        await asyncio.sleep(10)

    fired: list[int] = []
    used: list[int] = []
    try:
        run(main())
    finally:
        tracemalloc.stop()
    assert fired == list(range(50))
    assert used[0] < 1_000_000
