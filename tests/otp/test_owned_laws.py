"""The law of closing: when a node has closed, nothing is left of what a program has started.

The programs are random: servers that start tasks, sources, timers, monitors, supervisors and other
servers, and end in each way, on the virtual clock and in a node in a thread.
"""

import asyncio
import logging
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from servers import Boom, now, outcome, raising

from genreply_cli.analysis.check import Checker
from genreply_cli.otp import (
    ChildSpec,
    Event,
    GenServer,
    Node,
    NoReply,
    Result,
    Strategy,
    Supervisor,
    monitor,
    reply,
    send_after,
    start_source,
    start_task,
)
from genreply_cli.otp.supervisor import RESTARTS, STRATEGIES
from genreply_cli.otp.virtual_time import Loop
from genreply_cli.transcript.step import Step
from genreply_cli.transcript.tracer import Tracer

# --- programs


@dataclass(frozen=True)
class Work:
    """What a task or a source does. All times are in quarters of a second, of virtual time."""

    seconds: int  # before its end, or between two items
    items: int | None  # of a source; None: it is a task
    manager: bool  # a source within an async context manager
    ending: str  # "returns" or "raises", if it comes to its end
    cleaning: int  # how long its `finally` block takes
    clumsy: bool  # its `finally` block raises


@dataclass(frozen=True)
class Do:
    """What a server does when it is told: it starts work or a child, is busy, sets a timer."""

    what: str
    work: Work
    then: "tuple[Do, ...]"  # for the child, or one for each child of a supervisor
    quarters: int  # a time, or another choice


@dataclass(frozen=True)
class Tell:
    """After some quarters, tell a server what to do, or end it."""

    after: int
    server: int
    do: Do | str


SHUTDOWNS: tuple[Any, ...] = ("infinity", "brutal_kill", 0.5)


def quarters(number: int) -> float:
    virtual = isinstance(asyncio.get_running_loop(), Loop)
    return number * (0.25 if virtual else 0.0005)  # seconds


works = st.builds(
    Work,
    st.integers(0, 8),
    st.none() | st.integers(0, 5),
    st.booleans(),
    st.sampled_from(["returns", "raises"]),
    st.integers(0, 30),
    st.booleans(),
)
KINDS = [
    "work", "wait", "timer", "idle", "child", "linked child", "cancel", "answered call", "monitor",
    "supervisor", "end of a supervisor",
]  # fmt: skip


def dos(depth: int) -> st.SearchStrategy[Do]:
    then = st.lists(dos(depth - 1), max_size=2).map(tuple) if depth else st.just(())
    return st.builds(Do, st.sampled_from(KINDS), works, then, st.integers(0, 40))


ENDS = ["stop", "crash", "exit", "kill", "normal"]
programs = st.tuples(
    st.lists(st.booleans(), min_size=1, max_size=3),  # servers, and whether they trap exits
    st.lists(
        st.builds(Tell, st.integers(0, 8), st.integers(0, 9), st.sampled_from(ENDS) | dos(2)),
        max_size=12,
    ),
    st.integers(0, 12),  # when the node closes
)


def law(test: Callable[..., None]) -> Callable[..., None]:
    return settings(max_examples=300)(given(programs)(test))


# --- playing them


class Played(GenServer[list[Any]]):
    """Does what it is told."""

    def init(self, world: "World", first: tuple[Do, ...]) -> list[Any]:
        self.world = world
        world.servers.append(self)
        for do in first:
            self.send(do)
        return []

    def handle_call(self, request: Any, from_: Any, owned: list[Any]) -> Any:
        if request % 2:
            monitor(from_)
        start_task(asyncio.sleep(quarters(request), from_), about=from_)
        return NoReply(owned)

    def handle_cast(self, request: Callable[[], Any], owned: list[Any]) -> Any:
        return NoReply([request(), *owned])

    async def handle_info(self, message: Any, owned: list[Any]) -> Any:
        match message:
            case Do("work", work):
                owned.append(self.world.start(self, work))
            case Do("wait"):
                await asyncio.sleep(quarters(message.quarters))
            case Do("timer"):
                send_after(self, quarters(message.quarters), "timer")
            case Do("idle"):
                return NoReply(owned, timeout=quarters(message.quarters))
            case Do("monitor", quarters=count):
                monitor(self.world.servers[count % len(self.world.servers)])
            case Do("supervisor", _, then):
                self.world.supervise(then, message.quarters)
            case Do("end of a supervisor", quarters=count) if self.world.supervisors:
                supervisor = self.world.supervisors[count % len(self.world.supervisors)]
                supervisor.exit(["shutdown", "kill", "enough"][count % 3])
            case Do("child", _, then):
                Played.start(self.world, then)
            case Do("linked child", _, then):
                Trapping.start_link(self.world, then)
            case Do("cancel") if owned:
                owned[0].cancel()
            case Do("answered call", quarters=count):
                other = self.world.servers[count % len(self.world.servers)]
                start_task(self.ask(other, count))
            case Result(_, from_) if hasattr(from_, "waiting"):
                reply(from_, "answer")
        return NoReply(owned)

    async def ask(self, other: "Played", quarters: int) -> Any:
        return await outcome(other.call(quarters))


class Trapping(Played):
    trap_exit = True


class World:
    """What was started, and what is open."""

    def __init__(self) -> None:
        self.servers: list[Played] = []
        self.supervisors: list[Supervisor] = []
        self.open = 0
        self.slowest = 0.0
        self.ends: dict[Any, float] = {}  # of servers
        self.outlived: list[Any] = []  # works that did not end with their server

    @property
    def everybody(self) -> list[GenServer[Any]]:
        return [*self.servers, *self.supervisors]

    def note(self, event: Event) -> None:
        if event.kind == "exit":
            self.ends[event.source] = event.time

    def supervise(self, children: tuple[Do, ...], choice: int) -> None:
        """Start a supervisor of servers, each of which does one thing as soon as it runs."""
        specs = [
            ChildSpec(
                number,
                partial([Played, Trapping][(number + choice) % 2].start_link, self, (do,)),
                restart=RESTARTS[choice % 3],
                shutdown=SHUTDOWNS[(number + choice) % 3],
            )
            for number, do in enumerate(children)
        ]
        strategy = Strategy(STRATEGIES[choice % 3])
        self.supervisors.append(Supervisor.start_link(specs, strategy))

    def start(self, owner: Played, work: Work) -> Any:
        if work.items is None:
            return start_task(self.task(owner, work))
        source = self.source(owner, work)
        return start_source(self.manager(source) if work.manager else source, limit=1)

    async def task(self, owner: Played, work: Work) -> str:
        async with self.block(owner, work):
            await asyncio.sleep(quarters(work.seconds))
            if work.ending == "raises":
                raise Boom
            return "result"

    async def source(self, owner: Played, work: Work) -> AsyncIterator[int]:
        async with self.block(owner, work):
            for number in range(work.items or 0):
                await asyncio.sleep(quarters(work.seconds))
                yield number
            if work.ending == "raises":
                raise Boom

    @asynccontextmanager
    async def manager(self, source: Any) -> AsyncIterator[Any]:
        self.open += 1
        try:
            yield source
        finally:
            self.open -= 1

    @asynccontextmanager
    async def block(self, owner: Played, work: Work) -> AsyncIterator[None]:
        self.open += 1
        try:
            yield
        finally:
            self.open -= 1
            if self.ends.get(owner, now()) < now():
                self.outlived.append(work)
            await asyncio.sleep(quarters(work.cleaning))
            if work.clumsy:
                raise Boom


def end(server: Played, how: str) -> list[Any]:
    match how:
        case "stop":
            return [asyncio.create_task(outcome(server.stop(timeout=30)))]
        case "crash":
            server.cast(raising(Boom()))
        case "exit":
            server.exit("enough")
        case _:
            server.exit(how)
    return []


async def act(program: Any, world: World) -> list[Any]:
    """Start the servers, and tell each its part. Returns the tasks that wait for the end of one."""
    traps, tells, closes = program
    stopping: list[Any] = []
    for trap in traps:
        (Trapping if trap else Played).start(world, ())
    began = now()
    for tell in sorted(tells, key=lambda tell: tell.after):
        await asyncio.sleep(max(0.0, quarters(tell.after) - now() + began))
        server = world.servers[tell.server % len(world.servers)]
        if isinstance(tell.do, str):
            stopping += end(server, tell.do)
        else:
            server.send(tell.do)
    await asyncio.sleep(quarters(closes))
    return stopping


async def play(program: Any, observe: Callable[[Event], Any] = lambda _: None) -> World:
    world = World()

    def note(event: Event) -> None:
        world.note(event)
        observe(event)

    async with Node(note) as node:
        stopping = await act(program, world)
        closing = now()
    assert node.monitored_calls == {}
    world.slowest = now() - closing
    for each in stopping:
        await each
    return world


@pytest.fixture(autouse=True)
def _no_log() -> Any:
    logging.getLogger("genreply_cli.otp").disabled = True
    yield
    logging.getLogger("genreply_cli.otp").disabled = False


@law
def test_nothing_is_left_when_a_node_has_closed(program: Any) -> None:
    async def main() -> tuple[World, list[Any], list[Any]]:
        world = await play(program)
        tasks = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
        timers = [timer for timer in loop._timers if not timer[2].cancelled()]  # noqa: SLF001
        return world, tasks, timers

    threads = threading.active_count()
    with asyncio.Runner(loop_factory=Loop) as runner:
        loop: Any = runner.get_loop()
        world, tasks, timers = runner.run(main())
    assert tasks == timers == []
    assert world.open == 0
    assert world.outlived == []
    assert not any(server.alive for server in world.everybody)
    assert threading.active_count() == threads
    assert world.slowest <= 5.1  # what is cancelled again ends within milliseconds


@settings(max_examples=50, deadline=None)
@given(programs)
def test_nothing_is_left_of_a_node_in_a_thread(program: Any) -> None:
    threads, world = set(threading.enumerate()), World()
    with Node.in_thread(world.note) as node:
        node.run(act, program, world)
        for server in [*world.servers]:
            server.send("from another thread")
            server.cast(lambda: "from another thread")
    assert set(threading.enumerate()) <= threads
    assert node.loop.is_closed()
    assert asyncio.all_tasks(node.loop) == set()
    assert world.open == 0
    assert not any(server.alive for server in world.everybody)


@law
def test_a_recording_of_tasks_and_sources_is_possible(program: Any) -> None:
    tracer, steps, found = Tracer(), list[Step](), list[Any]()
    with asyncio.Runner(loop_factory=Loop) as runner:
        runner.run(play(program, lambda event: steps.append(tracer(event))))
    checker = Checker(lambda *finding: found.append((steps[finding[0]], finding)))
    for number, step in enumerate(steps):
        checker.update(step, number)
    assert found == []
