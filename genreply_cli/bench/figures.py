"""What `genreply bench` measures: the figures of a deferred reply, each beside raw asyncio.

Raw asyncio is what one writes without a runtime: two tasks, two queues, one future for each call,
no timeout, no errors. Both sides do the same work with the same plain tuples, caller → coordinator
→ socket → coordinator → caller, and check each answer. With a coordinator of the exhibits, whose
messages are dataclasses, the runtime's side is that coordinator.
"""

import asyncio
import gc
import statistics
import time
import tracemalloc
from collections.abc import (
    AsyncIterator,
    Awaitable,
    Callable,
    Coroutine,
    Iterable,
    Iterator,
)
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from itertools import repeat
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from genreply_cli.bench.baseline import (
    Baseline,
    Coordinator,
    Greet,
    Parked,
    ParkedCallers,
    ParkedFutures,
)
from genreply_cli.observe import watch
from genreply_cli.otp import Event, Node
from genreply_cli.session.signals import until_terminated
from genreply_cli.variations import COORDINATORS

LoopFactory = Callable[[], asyncio.AbstractEventLoop] | None

CALLS = 20_000  # of one caller
CALLERS, CALLS_EACH = 1_000, 100
RECORDED_CALLS_EACH = 10  # a recording takes its time
OBSERVED_GOAL, RECORDED_GOAL = 0.4, 0.25  # of the rate without an observer
WAITING_CALLS = 100_000
WEIGHED_CALLS = 10_000  # waiting calls whose memory is measured, which is slow
THREAD_CALLS = 3_000
TIMER_SECONDS, TIMER_RUNS = 0.01, 20


@dataclass(frozen=True)
class Comparison:
    """Something to measure on two sides, each of which returns a number of units."""

    name: str
    unit: str
    genreply: Callable[[], float]
    baseline: Callable[[], float]
    beside: str = "raw asyncio"  # what the baseline is
    goal: float | None = None  # the ratio that it is to have


@dataclass(frozen=True)
class Figure:
    """A comparison that was measured: the median of each side, and of the ratios of the rounds."""

    name: str
    unit: str
    genreply: float
    baseline: float
    ratio: float
    beside: str
    goal: float | None = None  # for the ratio

    @property
    def good(self) -> str:
        """Whether a high or a low figure is good."""
        return "high" if self.unit.endswith("/s") else "low"


def measure(comparison: Comparison, rounds: int) -> Figure:
    """Measure the two sides in turn, so many times."""
    baseline, genreply = [], []
    for _ in range(rounds):
        baseline.append(comparison.baseline())
        genreply.append(comparison.genreply())
        gc.collect()
    ratios = [ours / theirs for ours, theirs in zip(genreply, baseline, strict=True)]
    return Figure(
        comparison.name,
        comparison.unit,
        statistics.median(genreply),
        statistics.median(baseline),
        statistics.median(ratios),
        comparison.beside,
        comparison.goal,
    )


@dataclass
class Bench:
    """The comparisons for one coordinator on one kind of event loop."""

    coordinator: str | None = None
    loop_factory: LoopFactory = None
    scale: float = 1.0  # 0.1 makes a tenth of the calls
    clock: Callable[[], float] = time.perf_counter  # seconds

    def comparisons(self) -> Iterator[Comparison]:
        """Everything to measure."""
        served, raw, parked, parked_raw = self.served, self.raw, self.parked, self.parked_raw
        overlapping = self.coordinator != "single"  # with overlapping calls it answers wrongly
        one, many, timer = self.one_caller, self.many_callers, self.timer
        yield Comparison("one caller", "greetings/s", served(one), raw(one))
        if overlapping:
            yield Comparison("1,000 callers", "greetings/s", served(many), raw(many))
        memory, answering = self.memory, self.answering
        yield Comparison("a waiting call", "bytes", parked(memory), parked_raw(memory))
        answered = f"{self.scaled(WAITING_CALLS):,} waiting calls answered"
        yield Comparison(answered, "s", parked(answering), parked_raw(answering))
        observed = served(one, observed=True)
        yield Comparison("one caller, observed", "greetings/s", observed, served(one), "unobserved")
        if overlapping:
            few = partial(many, calls_each=RECORDED_CALLS_EACH)
            for name, measured, goal in (
                ("observed", served(few, observed=True), OBSERVED_GOAL),
                ("recorded", self.recorded(few), RECORDED_GOAL),
            ):
                what = f"1,000 callers, {name}"
                yield Comparison(what, "greetings/s", measured, served(few), "unobserved", goal)
        yield Comparison("a plain thread", "greetings/s", self.thread, raw(one))
        if overlapping:
            yield Comparison("a 10 ms timer meanwhile", "ms", served(timer), raw(timer))

    def scaled(self, number: int) -> int:
        """A number of calls at the scale of this run, at least 1."""
        return max(1, int(number * self.scale))

    def start(self) -> Any:
        """Start the coordinator that is measured."""
        if self.coordinator is None:
            return Coordinator.start_link()
        return COORDINATORS[self.coordinator][0].start_link()

    # --- the two sides

    def served(
        self, measured: Callable[[Greet], Awaitable[float]], *, observed: bool = False
    ) -> Callable[[], float]:
        """Something that callers of a coordinator do."""

        async def main() -> float:
            events: list[Event] = []
            async with Node(events.append if observed else None):
                return await measured(self.start().greet)

        return lambda: self._run(main())

    def recorded(self, measured: Callable[[Greet], Awaitable[float]]) -> Callable[[], float]:
        """The same, with a transcript of it in a file, which is removed."""

        async def main() -> float:
            with TemporaryDirectory(prefix="genreply-") as folder:
                async with Node():
                    with watch(record=Path(folder, "bench.jsonl")):
                        return await measured(self.start().greet)

        return lambda: self._run(main())

    def raw(self, measured: Callable[[Greet], Awaitable[float]]) -> Callable[[], float]:
        """The same in raw asyncio."""

        async def main() -> float:
            async with Baseline() as baseline:
                return await measured(baseline.greet)

        return lambda: self._run(main())

    def parked(self, measured: Callable[[Parked], Awaitable[float]]) -> Callable[[], float]:
        """Something that callers do whose answers a server holds back."""

        async def main() -> float:
            async with Node():
                return await measured(ParkedCallers.start())

        return lambda: self._run(main())

    def parked_raw(self, measured: Callable[[Parked], Awaitable[float]]) -> Callable[[], float]:
        """The same in raw asyncio."""

        async def main() -> float:
            return await measured(ParkedFutures())

        return lambda: self._run(main())

    def _run(self, main: Coroutine[Any, Any, float]) -> float:
        with asyncio.Runner(loop_factory=self.loop_factory) as runner:
            try:
                return runner.run(until_terminated(main))
            except BaseException:  # also a second Ctrl-C, which leaves callers behind
                runner.get_loop().set_exception_handler(lambda *_: None)
                raise

    # --- what is measured

    async def one_caller(self, greet: Greet) -> float:
        """Greetings per second of one caller."""
        calls = self.scaled(CALLS)
        began = self.clock()
        await _greet(greet, calls)
        return calls / (self.clock() - began)

    async def many_callers(self, greet: Greet, calls_each: int = CALLS_EACH) -> float:
        """Greetings per second of 1,000 callers at once."""
        calls = self.scaled(calls_each)
        began = self.clock()
        async with callers(_greet(greet, calls) for _ in range(CALLERS)) as tasks:
            await asyncio.gather(*tasks)
        return CALLERS * calls / (self.clock() - began)

    def thread(self) -> float:
        """Greetings per second of a plain thread."""
        with Node.in_thread() as node:
            coordinator = node.run(self.start)
            calls = self.scaled(THREAD_CALLS)
            began = self.clock()
            for _ in range(calls):
                node.run(coordinator.greet, "Hello")
            return calls / (self.clock() - began)

    async def memory(self, server: Parked) -> float:
        """The bytes of a waiting call, including its task."""
        calls = self.scaled(WEIGHED_CALLS)
        gc.collect()
        tracemalloc.start()
        try:
            before, _ = tracemalloc.get_traced_memory()
            async with callers(server.call("Hello") for _ in range(calls)) as tasks:
                await _all_wait()
                gc.collect()
                after, _ = tracemalloc.get_traced_memory()
                tracemalloc.stop()
                server.answer_all()
                await asyncio.gather(*tasks)
        finally:
            tracemalloc.stop()
        return (after - before) / calls

    async def answering(self, server: Parked) -> float:
        """The seconds until waiting callers all have their answers."""
        left, done = self.scaled(WAITING_CALLS), asyncio.Event()

        async def caller() -> None:
            nonlocal left
            await server.call("Hello")
            left -= 1
            if not left:
                done.set()

        async with callers(caller() for _ in range(left)) as tasks:
            await _all_wait()
            gc.collect()
            began = self.clock()
            server.answer_all()
            await done.wait()
            seconds = self.clock() - began
            await asyncio.gather(*tasks)
        return seconds

    async def timer(self, greet: Greet) -> float:
        """The median of how many ms a 10 ms timer takes while 1,000 callers greet all the time."""
        milliseconds = []
        async with callers(_greet(greet) for _ in range(CALLERS)):
            for _ in range(self.scaled(TIMER_RUNS)):
                began = self.clock()
                await asyncio.sleep(TIMER_SECONDS)
                milliseconds.append((self.clock() - began) * 1000)
        return statistics.median(milliseconds)


async def _greet(greet: Greet, times: int | None = None) -> None:
    """Greet so many times in sequence, or without end, and check each answer."""
    for _ in repeat(None) if times is None else repeat(None, times):
        if (reply := await greet("Hello")) not in {"Hello to you too!", "ok"}:
            raise RuntimeError(f"a wrong answer: {reply!r}")


@asynccontextmanager
async def callers(
    coroutines: Iterable[Coroutine[Any, Any, Any]],
) -> AsyncIterator[list[asyncio.Task[Any]]]:
    """Run each coroutine in a task. However this ends, all tasks have ended after it."""
    tasks = [asyncio.ensure_future(each) for each in coroutines]
    try:
        yield tasks
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _all_wait() -> None:
    """Return when all callers that were started wait for their answers."""
    for _ in range(3):  # turns of the loop: after these, all calls have been handled
        await asyncio.sleep(0.01)
