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
from collections.abc import Awaitable, Callable, Coroutine, Iterator
from dataclasses import asdict, dataclass, field
from typing import Any, Literal, Self, TypeVar

from genreply_cli.errors import GenreplyError
from genreply_cli.otp import Event, From, GenServer, Node, NoReply
from genreply_cli.trace import Step
from genreply_cli.variations import COORDINATORS

T = TypeVar("T")
Greet = Callable[[str], Awaitable[str]]
LoopFactory = Callable[[], asyncio.AbstractEventLoop] | None

CALLS = 20_000  # of one caller
CALLERS, EACH = 1_000, 100
WAITING = 100_000
WEIGHED = 10_000  # waiting calls that are weighed, which is slow
THREADED = 3_000
DRAWN = 20_000  # greetings that have been drawn before the drawing is measured, five rows each
ROWS = 1_000  # greetings whose drawing is measured


@dataclass(frozen=True)
class Figure:
    """One thing measured: the median of each side, and of the ratios round by round."""

    name: str
    unit: str
    genreply: float
    baseline: float
    ratio: float
    beside: str = "raw asyncio"  # what the baseline is


# Raw asyncio --------------------------------------------------------------------------------------------------------------------


class Raw:
    """The same work without a runtime."""

    def __init__(self) -> None:
        self.loop = asyncio.get_running_loop()
        self.to_coordinator: asyncio.Queue[tuple[Any, ...]] = asyncio.Queue()
        self.to_socket: asyncio.Queue[tuple[int, str]] = asyncio.Queue()
        self.tasks = [self.loop.create_task(self.coordinator()), self.loop.create_task(self.socket())]

    async def coordinator(self) -> None:
        callers: dict[int, asyncio.Future[str]] = {}
        ref = 0
        while True:
            message = await self.to_coordinator.get()
            if message[0] == "greet":
                ref += 1
                callers[ref] = message[2]
                self.to_socket.put_nowait((ref, message[1]))
            else:
                caller = callers.pop(message[1])
                if not caller.done():
                    caller.set_result(message[2])

    async def socket(self) -> None:
        while True:
            ref, msg = await self.to_socket.get()
            self.to_coordinator.put_nowait(("message_received", ref, f"{msg} to you too!"))

    async def greet(self, msg: str) -> str:
        caller: asyncio.Future[str] = self.loop.create_future()
        self.to_coordinator.put_nowait(("greet", msg, caller))
        return await caller

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        for task in self.tasks:
            task.cancel()
        await asyncio.gather(*self.tasks, return_exceptions=True)


# The runtime --------------------------------------------------------------------------------------------------------------------


class Socket(GenServer[GenServer[Any]]):
    """The raw socket as a server."""

    def init(self, caller: GenServer[Any]) -> GenServer[Any]:
        return caller

    def handle_cast(self, request: tuple[int, str], state: GenServer[Any]) -> NoReply[GenServer[Any]]:
        ref, msg = request
        state.send((ref, f"{msg} to you too!"))
        return NoReply(state)


class Coordinator(GenServer[Any]):
    """The raw coordinator as a server."""

    async def greet(self, msg: str) -> str:
        return await self.call(msg)  # type: ignore[no-any-return]

    def init(self) -> list[Any]:
        return [Socket.start_link(self), {}, 0]

    def handle_call(self, request: str, from_: From[str], state: list[Any]) -> NoReply[list[Any]]:
        state[2] += 1
        state[1][state[2]] = from_
        state[0].cast((state[2], request))
        return NoReply(state)

    def handle_info(self, message: tuple[int, str], state: list[Any]) -> NoReply[list[Any]]:
        ref, response = message
        GenServer.reply(state[1].pop(ref), response)
        return NoReply(state)


class Holder(GenServer[list[From[str]]]):
    """Keeps all callers waiting until it is told to answer them."""

    def init(self) -> list[From[str]]:
        return []

    def handle_call(self, request: str, from_: From[str], state: list[From[str]]) -> NoReply[list[From[str]]]:
        state.append(from_)
        return NoReply(state)

    def handle_cast(self, request: str, state: list[From[str]]) -> NoReply[list[From[str]]]:
        for caller in state:
            GenServer.reply(caller, request)
        return NoReply([])


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
        yield "one caller", lambda: self.compare("one caller", "greetings/s", self.one(None), self.raw_one())
        if overlapping:
            yield "1,000 callers", lambda: self.compare("1,000 callers", "greetings/s", self.many(), self.raw_many())
        yield "waiting", lambda: self.compare("a waiting call", "bytes", self.weight, self.raw_weight)
        many = f"{self.n(WAITING):,} waiting calls answered"
        yield "answering", lambda: self.compare(many, "s", self.answering, self.raw_answering)
        seen = "one caller, observed"
        yield "observed", lambda: self.compare(seen, "greetings/s", self.one(observe), self.one(None), "unobserved")
        yield "threads", lambda: self.compare("a plain thread", "greetings/s", self.thread, self.raw_one())
        if overlapping:
            yield "timer", lambda: self.compare("a 10 ms timer meanwhile", "ms", self.timer, self.raw_timer)
        yield "plain", lambda: self.compare("a row, plain", "rows/s", *self.drawing("plain"), "the first rows")
        yield "wide", lambda: self.compare("a row, wide", "rows/s", *self.drawing("wide"), "the first rows")

    def n(self, number: int) -> int:
        return max(1, int(number * self.scale))

    def compare(
        self, name: str, unit: str, ours: Callable[[], float], raw: Callable[[], float], beside: str = "raw asyncio"
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
            async with Raw() as raw:
                return await rate(raw.greet, 1, self.n(CALLS))

        return lambda: self.run(main())

    def raw_many(self) -> Callable[[], float]:
        async def main() -> float:
            async with Raw() as raw:
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

    def drawing(self, view: Literal["plain", "wide"]) -> tuple[Callable[[], float], Callable[[], float]]:
        """The rate at which a timeline draws after so many steps, and at its beginning."""
        from genreply_cli.timeline import Timeline

        timeline = Timeline(120, view)

        def draw(timeline: Timeline, greetings: int) -> float:
            steps = list(_steps(greetings))
            began = time.perf_counter()
            for step in steps:
                timeline.lines(step)
            return len(steps) / (time.perf_counter() - began)

        draw(timeline, self.n(DRAWN))
        return lambda: draw(timeline, self.n(ROWS)), lambda: draw(Timeline(120, view), self.n(ROWS))

    # waiting calls

    def weight(self) -> float:
        async def main() -> float:
            async with Node():
                holder = Holder.start()
                return await weigh(holder.call, lambda: holder.cast("answer"), self.n(WEIGHED))

        return self.run(main())

    def raw_weight(self) -> float:
        async def main() -> float:
            held: list[asyncio.Future[str]] = []
            return await weigh(_holding(held), lambda: _release(held), self.n(WEIGHED))

        return self.run(main())

    def answering(self) -> float:
        async def main() -> float:
            async with Node():
                holder = Holder.start()
                return await answer(holder.call, lambda: holder.cast("answer"), self.n(WAITING))

        return self.run(main())

    def raw_answering(self) -> float:
        async def main() -> float:
            held: list[asyncio.Future[str]] = []
            return await answer(_holding(held), lambda: _release(held), self.n(WAITING))

        return self.run(main())

    # timers

    def timer(self) -> float:
        async def main() -> float:
            async with Node():
                return await lateness(self.start().greet)

        return self.run(main())

    def raw_timer(self) -> float:
        async def main() -> float:
            async with Raw() as raw:
                return await lateness(raw.greet)

        return self.run(main())


def _steps(greetings: int) -> Iterator[Step]:
    """What is seen of so many greetings, one after the other."""
    for number in range(1, greetings + 1):
        call = f"c{number}"
        yield Step(1, 0.0, "call", call, "caller", "coordinator", message=["greet", "Hello"], details={"timeout": 5.0})
        yield Step(2, 0.0, "cast", call, "coordinator", "websocket", message=["send_message", "Hello"])
        yield Step(3, 0.0, "noreply", call, at="coordinator", details={"waiting": [call]})
        yield Step(4, 0.1, "info", call, "websocket", "coordinator", message=["message_received", "Hello to you too!"])
        yield Step(5, 0.1, "reply", call, "coordinator", "caller", message="Hello to you too!", details={"blocked": 0.1})


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


def _holding(held: list[asyncio.Future[str]]) -> Greet:
    async def call(_: str) -> str:
        held.append(asyncio.get_running_loop().create_future())
        return await held[-1]

    return call


def _release(held: list[asyncio.Future[str]]) -> None:
    for caller in held:
        caller.set_result("answer")


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
        told: dict[str, Any] = {"python": sys.version.split()[0], "loop": loop, "coordinator": coordinator}
        print(json.dumps(told | {"figures": [asdict(one) for one in figures]}, indent=2))
        return 0
    print(f"{'':32} {'genreply':>12} {'baseline':>12} {'ratio':>6}")
    for one in figures:
        digits = 3 if one.unit == "s" else 1 if one.unit == "ms" else 0
        columns = f"{one.genreply:12,.{digits}f} {one.baseline:12,.{digits}f} {one.ratio:6.2f}"
        print(f"{one.name:32} {columns} {one.unit}, beside {one.beside}")
    return 0


def _loop_factory(loop: str) -> LoopFactory:
    if loop == "asyncio":
        return None
    try:
        import uvloop
    except ImportError:
        raise GenreplyError("uvloop is not installed", hint="pip install 'genreply-cli[fast]'") from None
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
