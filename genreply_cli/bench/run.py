"""genreply bench: what a deferred reply costs, each figure beside raw asyncio, in turn, in the same run.

Raw asyncio is what one writes without a runtime: two tasks, two queues, a future a call, no timeout, no errors. Both sides pass
the same plain tuples and do the same work: caller → coordinator → socket → coordinator → caller, each answer checked. With
`--coordinator` the runtime's side is one of the exhibits, whose messages are dataclasses.
"""

import asyncio
import gc
import json
import statistics
import sys
import time
import tracemalloc
from collections.abc import Callable, Coroutine, Iterator
from dataclasses import asdict, dataclass, field
from typing import Any, Literal, TypeVar

from genreply_cli.bench.baseline import (
    Baseline,
    Coordinator,
    Greet,
    ParkedCallers,
    holding,
    release,
)
from genreply_cli.errors import GenreplyError
from genreply_cli.otp import Event, Node
from genreply_cli.variations import COORDINATORS

T = TypeVar("T")
LoopFactory = Callable[[], asyncio.AbstractEventLoop] | None

CALLS = 20_000  # of one caller
CALLERS, EACH = 1_000, 100
WAITING = 100_000
WEIGHED = 10_000  # waiting calls that are weighed, which is slow
THREADED = 3_000
DRAWN = 20_000  # greetings that have been drawn before the drawing is measured, five rows each
ROWS = 1_000  # greetings whose drawing is measured
READ = 40_000  # greetings in the transcript that is read, five events each


@dataclass(frozen=True)
class Figure:
    """One thing measured: the median of each side, and of the ratios round by round."""

    name: str
    unit: str
    genreply: float
    baseline: float
    ratio: float
    beside: str = "raw asyncio"  # what the baseline is


# What is measured ---------------------------------------------------------------------------------------------------------------


@dataclass
class Bench:
    """A run of all figures. `rounds` times each side is measured, the two in turn."""

    coordinator: str | None = None
    loop_factory: LoopFactory = None
    rounds: int = 5
    scale: float = 1.0
    events: list[Event] = field(default_factory=list)

    def figures(self) -> Iterator[tuple[str, Callable[[], Figure]]]:
        """What there is to measure: a name, and what measures it."""
        observe = self.events.append
        overlapping = self.coordinator != "single"  # which is wrong as soon as calls overlap
        yield (
            "one caller",
            lambda: self.compare("one caller", "greetings/s", self.one(None), self.raw_one()),
        )
        if overlapping:
            yield (
                "1,000 callers",
                lambda: self.compare("1,000 callers", "greetings/s", self.many(), self.raw_many()),
            )
        yield (
            "waiting",
            lambda: self.compare("a waiting call", "bytes", self.weight, self.raw_weight),
        )
        many = f"{self.n(WAITING):,} waiting calls answered"
        yield "answering", lambda: self.compare(many, "s", self.answering, self.raw_answering)
        seen = "one caller, observed"
        yield (
            "observed",
            lambda: self.compare(
                seen, "greetings/s", self.one(observe), self.one(None), "unobserved"
            ),
        )
        yield (
            "threads",
            lambda: self.compare("a plain thread", "greetings/s", self.thread, self.raw_one()),
        )
        if overlapping:
            yield (
                "timer",
                lambda: self.compare("a 10 ms timer meanwhile", "ms", self.timer, self.raw_timer),
            )
        yield (
            "plain",
            lambda: self.compare(
                "a row, plain", "rows/s", *self.drawing("plain"), "the first rows"
            ),
        )
        yield (
            "wide",
            lambda: self.compare("a row, wide", "rows/s", *self.drawing("wide"), "the first rows"),
        )
        parsing = "json.loads alone"
        yield "check", lambda: self.reading("trace --check", "events/s", "check", parsing)
        yield "print", lambda: self.reading("trace --print", "events/s", "draw", parsing)
        yield (
            "memory",
            lambda: self.reading("trace --check, memory", "MB", "memory", "hello --check"),
        )

    def n(self, number: int) -> int:
        return max(1, int(number * self.scale))

    def compare(
        self,
        name: str,
        unit: str,
        ours: Callable[[], float],
        raw: Callable[[], float],
        beside: str = "raw asyncio",
    ) -> Figure:
        pairs = []
        for _ in range(self.rounds):
            pairs.append((raw(), ours()))
            self.events.clear()
            gc.collect()
        return Figure(
            name,
            unit,
            statistics.median(mine for _, mine in pairs),
            statistics.median(theirs for theirs, _ in pairs),
            statistics.median(mine / theirs for theirs, mine in pairs),
            beside,
        )

    def run(self, main: Coroutine[Any, Any, T]) -> T:
        with asyncio.Runner(loop_factory=self.loop_factory) as runner:
            return runner.run(main)

    def start(self) -> Any:
        if self.coordinator is None:
            return Coordinator.start_link()
        return COORDINATORS[self.coordinator][0].start_link()

    # rates

    def one(self, observe: Callable[[Event], object] | None) -> Callable[[], float]:
        async def main() -> float:
            async with Node(observe):
                return await rate(self.start().greet, 1, self.n(CALLS))

        return lambda: self.run(main())

    def many(self) -> Callable[[], float]:
        async def main() -> float:
            async with Node():
                return await rate(self.start().greet, CALLERS, self.n(EACH))

        return lambda: self.run(main())

    def raw_one(self) -> Callable[[], float]:
        async def main() -> float:
            async with Baseline() as raw:
                return await rate(raw.greet, 1, self.n(CALLS))

        return lambda: self.run(main())

    def raw_many(self) -> Callable[[], float]:
        async def main() -> float:
            async with Baseline() as raw:
                return await rate(raw.greet, CALLERS, self.n(EACH))

        return lambda: self.run(main())

    def thread(self) -> float:
        with Node.in_thread() as node:
            coordinator = node.run(self.start)
            calls = self.n(THREADED)
            began = time.perf_counter()
            for _ in range(calls):
                node.run(coordinator.greet, "Hello")
            return calls / (time.perf_counter() - began)

    # drawing

    def drawing(
        self, view: Literal["plain", "wide"]
    ) -> tuple[Callable[[], float], Callable[[], float]]:
        """The rate at which a timeline draws after so many steps, and at its beginning."""
        from genreply_cli.bench.transcripts import greetings_seen
        from genreply_cli.timeline.timeline import Timeline

        timeline = Timeline(120, view)

        def draw(timeline: Timeline, greetings: int) -> float:
            steps = list(greetings_seen(greetings))
            began = time.perf_counter()
            for step in steps:
                timeline.lines(step)
            return len(steps) / (time.perf_counter() - began)

        draw(timeline, self.n(DRAWN))
        return lambda: draw(timeline, self.n(ROWS)), lambda: draw(Timeline(120, view), self.n(ROWS))

    # transcripts

    def reading(
        self, name: str, unit: str, what: Literal["check", "draw", "memory"], beside: str
    ) -> Figure:
        """What it takes to read a long transcript, which is made for it."""
        from genreply_cli.bench import transcripts

        with transcripts.transcript(self.n(READ)) as path:
            if what == "memory":
                return self.compare(
                    name,
                    unit,
                    lambda: transcripts.peak_memory(path),
                    lambda: transcripts.peak_memory("hello"),
                    beside,
                )
            ours = transcripts.check if what == "check" else transcripts.draw
            return self.compare(
                name, unit, lambda: ours(path), lambda: transcripts.parse(path), beside
            )

    # waiting calls

    def weight(self) -> float:
        async def main() -> float:
            async with Node():
                holder = ParkedCallers.start()
                return await weigh(holder.call, lambda: holder.cast("answer"), self.n(WEIGHED))

        return self.run(main())

    def raw_weight(self) -> float:
        async def main() -> float:
            held: list[asyncio.Future[str]] = []
            return await weigh(holding(held), lambda: release(held), self.n(WEIGHED))

        return self.run(main())

    def answering(self) -> float:
        async def main() -> float:
            async with Node():
                holder = ParkedCallers.start()
                return await answer(holder.call, lambda: holder.cast("answer"), self.n(WAITING))

        return self.run(main())

    def raw_answering(self) -> float:
        async def main() -> float:
            held: list[asyncio.Future[str]] = []
            return await answer(holding(held), lambda: release(held), self.n(WAITING))

        return self.run(main())

    # timers

    def timer(self) -> float:
        async def main() -> float:
            async with Node():
                return await lateness(self.start().greet)

        return self.run(main())

    def raw_timer(self) -> float:
        async def main() -> float:
            async with Baseline() as raw:
                return await lateness(raw.greet)

        return self.run(main())


async def rate(greet: Greet, callers: int, each: int) -> float:
    """Greetings a second of so many callers, who greet so many times each, one after the other."""

    async def caller() -> None:
        for _ in range(each):
            if (reply := await greet("Hello")) not in {"Hello to you too!", "ok"}:
                raise RuntimeError(f"a wrong answer: {reply!r}")

    began = time.perf_counter()
    if callers == 1:
        await caller()
    else:
        await asyncio.gather(*(caller() for _ in range(callers)))
    return callers * each / (time.perf_counter() - began)


async def _all_wait(call: Greet, count: int) -> list[asyncio.Task[str]]:
    async def caller() -> str:
        return await call("Hello")

    tasks = [asyncio.ensure_future(caller()) for _ in range(count)]
    for _ in range(3):  # turns of the loop, by which all have asked and wait
        await asyncio.sleep(0.01)
    return tasks


async def weigh(call: Greet, release: Callable[[], None], count: int) -> float:
    """The bytes of a waiting call, its task included."""
    gc.collect()
    tracemalloc.start()
    try:
        before, _ = tracemalloc.get_traced_memory()
        tasks = await _all_wait(call, count)
        gc.collect()
        after, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    release()
    await asyncio.gather(*tasks)
    return (after - before) / count


async def answer(call: Greet, release: Callable[[], None], count: int) -> float:
    """The seconds until all of so many waiting calls have been answered, and their callers know."""
    left, done = count, asyncio.Event()

    async def counted(msg: str) -> str:
        nonlocal left
        reply = await call(msg)
        left -= 1
        if not left:
            done.set()
        return reply

    tasks = await _all_wait(counted, count)
    gc.collect()
    began = time.perf_counter()
    release()
    await done.wait()
    took = time.perf_counter() - began
    await asyncio.gather(*tasks)
    return took


async def lateness(greet: Greet, rings: int = 20) -> float:
    """How long a timer of 10 ms takes, in ms, while 1,000 callers never stop asking: the median."""

    async def caller() -> None:
        while True:
            await greet("Hello")

    callers = [asyncio.ensure_future(caller()) for _ in range(CALLERS)]
    took = []
    for _ in range(rings):
        began = time.perf_counter()
        await asyncio.sleep(0.01)
        took.append((time.perf_counter() - began) * 1000)
    for task in callers:
        task.cancel()
    await asyncio.gather(*callers, return_exceptions=True)
    return statistics.median(took)


# The command --------------------------------------------------------------------------------------------------------------------


def run(*, coordinator: str | None, loop: str, rounds: int, scale: float, as_json: bool) -> int:
    """Measure everything, and print it as a table or as JSON."""
    bench = Bench(coordinator, _loop_factory(loop), rounds, scale)
    figures = list(_with_progress(list(bench.figures())))
    if as_json:
        told: dict[str, Any] = {
            "python": sys.version.split()[0],
            "loop": loop,
            "coordinator": coordinator,
        }
        print(json.dumps(told | {"figures": [asdict(one) for one in figures]}, indent=2))
        return 0
    print(f"{'':32} {'genreply':>12} {'baseline':>12} {'ratio':>6}")
    for one in figures:
        digits = {"s": 3, "ms": 1, "MB": 1}.get(one.unit, 0)
        columns = f"{one.genreply:12,.{digits}f} {one.baseline:12,.{digits}f} {one.ratio:6.2f}"
        print(f"{one.name:32} {columns} {one.unit}, beside {one.beside}")
    return 0


def _loop_factory(loop: str) -> LoopFactory:
    if loop == "asyncio":
        return None
    try:
        import uvloop
    except ImportError:
        raise GenreplyError(
            "uvloop is not installed", hint="pip install 'genreply-cli[fast]'"
        ) from None
    factory: LoopFactory = uvloop.new_event_loop
    return factory


def _with_progress(figures: list[tuple[str, Callable[[], Figure]]]) -> Iterator[Figure]:
    if not sys.stderr.isatty():
        yield from (measure() for _, measure in figures)
        return
    from rich.console import Console
    from rich.progress import Progress

    with Progress(console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task("", total=len(figures))
        for name, measure in figures:
            progress.update(task, description=name)
            yield measure()
            progress.advance(task)
