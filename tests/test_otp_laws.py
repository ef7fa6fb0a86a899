"""Laws: what holds whatever servers and callers do, tried on random programs.

A program is plain data, so that a failure shrinks to a few lines that can be read. A message says what its handler is to do, and
may hold the messages that this handler sends; so no program goes on for ever. `play` runs one on the virtual clock.
"""

import asyncio
import gc
import itertools
import logging
import threading
import weakref
from collections import Counter, defaultdict
from collections.abc import Callable, Coroutine, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, Literal, TypeVar

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from servers import Boom, now

from genreply_cli.faults import KINDS, Fault
from genreply_cli.otp import (
    CallError,
    CallingSelf,
    CallTimeout,
    Continue,
    Down,
    Event,
    Exit,
    Exited,
    From,
    GenServer,
    Init,
    Node,
    NoProcess,
    NoReply,
    Reply,
    ServerExit,
    Stop,
    Timeout,
    debug,
    monitor,
    reply,
    send_after,
)
from genreply_cli.otp.virtual_time import Loop, run
from genreply_cli.session import Settings
from genreply_cli.trace import Step as Traced
from genreply_cli.trace import Tracer

T = TypeVar("T")

# --- programs ----------------------------------------------------------------------------------------------------------------
# A server is meant by its number, a caller that is kept waiting by its number, too: in the order in which they came, modulo how
# many there are. Times are whole seconds, so that many things happen at once.


@dataclass(frozen=True)
class Wait:
    """Sleep. The stubborn sleep no longer when they are cancelled, but go on with what comes next."""

    seconds: int
    stubborn: bool = False


@dataclass(frozen=True)
class Ask:
    """Call a server."""

    server: int
    script: "Script"
    timeout: int | None


@dataclass(frozen=True)
class Tell:
    """Cast or send to a server, or send to it after some seconds."""

    server: int
    script: "Script"
    how: Literal["cast", "send"] | int = "cast"


@dataclass(frozen=True)
class Answer:
    """Answer a caller that is, or was, kept waiting. It may have been answered, and it may have gone."""

    caller: int


@dataclass(frozen=True)
class Kill:
    """Send an exit signal."""

    server: int
    reason: str


@dataclass(frozen=True)
class Stopping:
    """Stop a server, and wait for that."""

    server: int
    timeout: int | None


@dataclass(frozen=True)
class Start:
    """Start a server, linked to the process that starts it, and call `first` what it does before all else."""

    server: "Server"


@dataclass(frozen=True)
class Watch:
    """Monitor a server."""

    server: int


@dataclass(frozen=True)
class Hint:
    """Send a server what it may `receive`."""

    server: int


@dataclass(frozen=True)
class Receive:
    """Wait for a hint in the handler."""

    timeout: int | None


@dataclass(frozen=True)
class Within:
    """Do this within some seconds, or leave it."""

    seconds: int
    steps: "tuple[Step, ...]"


@dataclass(frozen=True)
class Aside:
    """Do this in a task of its own."""

    steps: "tuple[Step, ...]"


@dataclass(frozen=True)
class Suspend:
    """Have a server handle nothing for some seconds."""

    server: int
    seconds: int


Step = Wait | Ask | Tell | Answer | Kill | Stopping | Start | Watch | Hint | Receive | Within | Aside | Suspend
WAITING = (Wait, Ask, Stopping, Receive, Within, Suspend)  # what only an async handler can do
End = Literal["reply", "keep", "crash", "stop", "stop and reply", "garbage"]


@dataclass(frozen=True)
class Script:
    """What a handler does, and how it ends."""

    steps: tuple[Step, ...] = ()
    end: End = "reply"
    then: "Script | None" = None  # what handle_continue does
    idle: int | None = None


@dataclass(frozen=True)
class Server:
    """How a server begins, and what it does when it terminates."""

    traps: bool = False
    first: Script | None = None
    last: tuple[Step, ...] = ()


@dataclass(frozen=True)
class Caller:
    """A plain task."""

    steps: tuple[Step, ...]
    cancelled: int | None = None  # when


@dataclass(frozen=True)
class Program:
    servers: tuple[Server, ...]
    callers: tuple[Caller, ...]
    closes: int = 20  # when the node does, if somebody still waits then


SERVERS = st.integers(0, 3)
SECONDS = st.integers(0, 3)
TIMEOUTS = st.sampled_from([2, 1, 0, None])
ENDS: st.SearchStrategy[End] = st.sampled_from(["reply", "keep", "keep", "keep", "crash", "stop", "stop and reply", "garbage"])
REASONS = st.sampled_from(["kill", "normal", "shutdown", "boom"])


def several(steps: st.SearchStrategy[T], most: int = 3) -> st.SearchStrategy[tuple[T, ...]]:
    return st.lists(steps, max_size=most).map(tuple)


def scripts(depth: int) -> st.SearchStrategy[Script]:
    then = st.none() | scripts(depth - 1) if depth else st.none()
    return st.builds(Script, several(steps(depth), 3 if depth else 1), ENDS, then, st.none() | SECONDS)


def servers(depth: int) -> st.SearchStrategy[Server]:
    return st.builds(Server, st.booleans(), st.none() | scripts(depth), several(steps(depth), 2))


def steps(depth: int) -> st.SearchStrategy[Step]:
    """One step, in which others are nested so deep."""
    simple = st.one_of(
        st.builds(Wait, SECONDS, st.booleans()),
        st.builds(Answer, st.integers(0, 5)),
        st.builds(Kill, SERVERS, REASONS),
        st.builds(Stopping, SERVERS, TIMEOUTS),
        st.builds(Watch, SERVERS),
        st.builds(Hint, SERVERS),
        st.builds(Receive, TIMEOUTS),
        st.builds(Suspend, SERVERS, SECONDS),
    )
    if not depth:
        return simple
    inner = depth - 1
    asks = st.builds(Ask, SERVERS, scripts(inner), TIMEOUTS)
    return st.one_of(
        asks,
        st.builds(Tell, SERVERS, scripts(inner), st.sampled_from(["cast", "send"]) | SECONDS),
        asks,
        simple,
        st.builds(Within, SECONDS, several(steps(inner))),
        st.builds(Aside, several(steps(inner))),
        st.builds(Start, servers(inner)),
    )


PROGRAMS = st.builds(
    Program,
    st.lists(servers(1), min_size=1, max_size=3).map(tuple),
    st.lists(st.builds(Caller, several(steps(2), 4), st.none() | SECONDS), min_size=1, max_size=3).map(tuple),
    st.sampled_from([20, 3, 2, 1, 0]),
)

# --- their interpreter -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Message:
    number: int
    sender: str
    script: Script = field(repr=False)


@dataclass(frozen=True)
class Hinted:
    """What a hint is."""


@dataclass
class Asked:
    """A call, as its caller sees it."""

    number: int
    server: str
    timeout: int | None
    began: float
    ended: float | None = None
    ends: list[tuple[str, Any]] = field(default_factory=list)  # there should be one

    def end(self, how: str, what: Any = None) -> None:
        self.ended = now()
        self.ends.append((how, what))


@dataclass(frozen=True)
class Seen:
    """A line of the log: who did what, when."""

    time: float
    who: str
    what: str
    about: Any = None
    whom: str | None = None


class World:
    """All servers of a running program, and what has become of it so far. It is the state of each of them."""

    def __init__(self, node: Node) -> None:
        self.node = node
        self.closed = False
        self.servers: list[Actor] = []
        self.kept: list[From[Any]] = []
        self.tasks: list[asyncio.Task[None]] = []
        self.timers: list[float] = []  # when they are due
        self.asked: dict[int, Asked] = {}
        self.log: list[Seen] = []
        self.complaints: list[Any] = []  # of the event loop
        self.left: list[str] = []  # by the node, when it closed
        self.number = itertools.count(1).__next__

    def see(self, who: str, what: str, about: Any = None, whom: str | None = None) -> None:
        self.log.append(Seen(now(), who, what, about, whom))

    def server(self, number: int) -> "Actor":
        return self.servers[number % len(self.servers)]

    def message(self, who: str, server: "Actor", script: Script) -> Message:
        message = Message(self.number(), who, script)
        self.see(who, "sends", message.number, repr(server))
        return message

    def spawn(self, coroutine: Coroutine[Any, Any, None], name: str) -> "asyncio.Task[None]":
        task = asyncio.create_task(coroutine, name=name)
        self.tasks.append(task)
        return task

    async def perform(self, steps: Iterable[Step], who: str, me: "Actor | None" = None) -> None:
        for step in steps:
            if self.closed:
                return
            await self.do(step, who if me is None or me.alive else f"{who}, dead,", me)

    async def do(self, step: Step, who: str, me: "Actor | None") -> None:
        match step:
            case Wait(seconds, stubborn):
                try:
                    await asyncio.sleep(seconds)
                except asyncio.CancelledError:
                    if not stubborn:
                        raise
            case Ask():
                await self.ask(step, who)
            case Tell(server, script, "cast"):
                self.server(server).cast(self.message(who, self.server(server), script))
            case Tell(server, script, "send"):
                self.server(server).send(self.message(who, self.server(server), script))
            case Tell(server, script, int(delay)):
                due = now() + delay
                self.timers.append(due)
                send_after(self.server(server), delay, self.message(f"{who}, at {due},", self.server(server), script))
            case Answer(caller):
                if self.kept:
                    reply(self.kept[caller % len(self.kept)], self.number())
            case Kill(server, reason):
                self.server(server).exit(reason)
            case Stopping(server, timeout):
                await self.attempt(self.server(server).stop("normal", timeout), who)
            case Start(server):
                (Trapping if server.traps else Actor).start_link(self, server)
            case Watch(server):
                if me is not None:
                    monitor(self.server(server))
            case Hint(server):
                self.server(server).send(Hinted())
            case Receive(timeout):
                if me is not None and asyncio.current_task() not in self.tasks:
                    await self.attempt(me.receive(Hinted, timeout), who)
            case Within(seconds, steps):
                try:
                    async with asyncio.timeout(seconds):
                        await self.perform(steps, who, me)
                except TimeoutError:
                    self.see(who, "gave up")
            case Aside(steps):
                aside = f"{who}, aside {len(self.tasks)},"
                self.spawn(self.perform(steps, aside, me), aside)
            case Suspend(server, seconds):
                await self.attempt(debug.suspend(self.server(server), 1), who)
                await asyncio.sleep(seconds)
                await self.attempt(debug.resume(self.server(server), 1), who)

    async def attempt(self, coroutine: Coroutine[Any, Any, Any], who: str) -> None:
        try:
            await coroutine
        except (CallError, TimeoutError) as error:
            self.see(who, "failed", type(error).__name__)

    async def ask(self, step: Ask, who: str) -> None:
        server = self.server(step.server)
        message = self.message(who, server, step.script)
        asked = self.asked[message.number] = Asked(message.number, repr(server), step.timeout, now())
        try:
            asked.end("reply", await server.call(message, step.timeout))
        except CallTimeout:
            asked.end("timeout")
        except ServerExit as error:
            asked.end("exit", error.reason)
        except (NoProcess, CallingSelf):
            asked.end("not sent")
        except asyncio.CancelledError:
            asked.end("cancel")
            raise
        finally:
            self.see(who, "has asked", (asked.number, asked.ends))

    def handle(self, me: "Actor", message: Message, from_: From[Any] | None = None) -> Any:
        handling = self.handling(me, message, from_)
        return handling if any(isinstance(step, WAITING) for step in message.script.steps) else at_once(handling)

    async def handling(self, me: "Actor", message: Message, from_: From[Any] | None) -> Any:
        script = message.script
        self.see(repr(me), "begins" if me.alive else "begins, dead", message.number, message.sender)
        try:
            if from_ is not None:
                self.kept.append(from_)
            await self.perform(script.steps, repr(me), me)
            then = None
            if script.then is not None:
                then = Continue(Message(self.number(), f"{me!r}, then,", script.then))
            match script.end:
                case "reply" if from_ is not None:
                    return Reply(self.number(), self, then, script.idle)
                case "reply" | "keep":
                    return NoReply(self, then, script.idle)
                case "crash":
                    raise Boom(message.number)
                case "stop":
                    return Stop("shutdown", self)
                case "stop and reply":
                    return Stop("normal", self, self.number()) if from_ is not None else Stop("normal", self)
                case "garbage":
                    return None
        finally:
            self.see(repr(me), "ends", message.number)

    async def ending(self, me: "Actor", last: tuple[Step, ...]) -> None:
        self.see(repr(me), "begins" if me.alive else "begins, dead", "terminate")
        try:
            await self.perform(last, repr(me), me)
        finally:
            self.see(repr(me), "ends", "terminate")


def at_once(coroutine: Coroutine[Any, Any, T]) -> T:
    """The result of a coroutine that never waits: what a plain handler answers."""
    try:
        coroutine.send(None)
    except StopIteration as end:
        return end.value  # type: ignore[no-any-return]
    raise AssertionError("it waits")


class Actor(GenServer[World]):
    """Does what its messages say."""

    last: tuple[Step, ...]

    def init(self, world: World, how: Server) -> Any:
        self.last = how.last
        world.servers.append(self)
        if how.first is None:
            return world
        return Init(world, Continue(Message(world.number(), f"{self!r}, first,", how.first)))

    def handle_call(self, request: Message, from_: From[Any], world: World) -> Any:
        return world.handle(self, request, from_)

    def handle_cast(self, request: Message, world: World) -> Any:
        return world.handle(self, request)

    def handle_continue(self, continuation: Message, world: World) -> Any:
        return world.handle(self, continuation)

    def handle_info(self, message: Any, world: World) -> Any:
        match message:
            case Message():
                return world.handle(self, message)
            case Down(_, process, reason):
                world.see(repr(self), "hears of the end of", reason, repr(process))
            case Exited(process, reason):
                world.see(repr(self), "hears of the end of" if process and not process.alive else "is told", reason, repr(process))
            case Timeout():
                world.see(repr(self), "is idle")
        return NoReply(world)

    def terminate(self, reason: Any, world: World) -> Any:
        ending = world.ending(self, self.last)
        return ending if any(isinstance(step, WAITING) for step in self.last) else at_once(ending)


class Trapping(Actor):
    trap_exit = True


async def play(program: Program, observe: Callable[[Event], object] | None = None, probe: Callable[[World], None] | None = None) -> World:
    """Run a program, and return what has become of it. A probe looks in between, when nothing is due."""
    loop = asyncio.get_running_loop()
    assert isinstance(loop, Loop)
    async with Node(observe) as node:
        world = World(node)
        loop.set_exception_handler(lambda _, context: world.complaints.append(context))
        for server in program.servers:
            (Trapping if server.traps else Actor).start(world, server)
        for number, caller in enumerate(program.callers, 1):
            who = f"caller {number}"
            task = world.spawn(world.perform(caller.steps, who), who)
            if caller.cancelled is not None:
                loop.call_later(caller.cancelled, task.cancel)
        while now() < program.closes and not all(task.done() for task in world.tasks):
            if probe is not None:
                await asyncio.sleep(0.5)
                probe(world)
                await asyncio.sleep(0.5)
            else:
                await asyncio.sleep(1)
    world.closed = True
    world.left = list(remains(node, world, loop))
    if world.tasks:
        await asyncio.wait(world.tasks, timeout=100)
    await asyncio.sleep(100)
    world.left += [repr(task) for task in asyncio.all_tasks() if task is not asyncio.current_task()]
    world.left += [repr(timer) for _, _, timer, *_ in loop._timers if not timer.cancelled()]
    return world


def remains(node: Node, world: World, loop: Loop) -> Iterator[str]:
    """What a node that has closed keeps, and should not."""
    own = {asyncio.current_task(), *world.tasks}
    yield from (repr(task) for task in asyncio.all_tasks() if task not in own)
    for name in ("processes", "names", "ready", "_deadlines", "_timers", "_runners"):
        kept = getattr(node, name)
        if kept:
            yield f"{name}: {kept}"
    for server in world.servers:
        process = server._process
        for name in ("mailbox", "open", "waiters", "links", "monitors", "monitored", "state", "work", "idle", "receiving"):
            kept = getattr(process, name)
            if kept:
                yield f"{name} of {server}: {kept}"
