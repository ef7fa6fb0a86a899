"""Laws: what holds whatever servers and callers do, tried on random programs.

A program is plain data, so that a failure shrinks to a few lines that can be read. A message says
what its handler is to do, and may hold the messages that this handler sends; so every program ends.
`play` runs one on the virtual clock.
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
from functools import partial
from typing import Any, Literal, TypeVar

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from servers import Boom, now

from genreply_cli.otp import (
    BadReturn,
    CallError,
    CallingSelf,
    CallTimeout,
    Continue,
    Down,
    Event,
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
from genreply_cli.otp.virtual_time import Deadlock, Loop, run
from genreply_cli.session.faults import FAULT_KINDS, Fault
from genreply_cli.session.settings import Settings
from genreply_cli.transcript.step import Step as Traced
from genreply_cli.transcript.tracer import Tracer

T = TypeVar("T")

# --- programs
#
# Servers have numbers, and so have waiting callers: their order, modulo how many there
# are. Times are whole seconds, so that many things happen at once.


@dataclass(frozen=True)
class Wait:
    """Sleep. When it is cancelled, a stubborn one ends its sleep and goes on with the next step."""

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
    """Reply to a caller that was kept waiting. It may have its reply already, or may have gone."""

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
    """Start a server, linked to the process that starts it."""

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


Step = (
    Wait
    | Ask
    | Tell
    | Answer
    | Kill
    | Stopping
    | Start
    | Watch
    | Hint
    | Receive
    | Within
    | Aside
    | Suspend
)
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
    """A server: what it does before its first message, and when it terminates."""

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
    """What is there when it begins, and when it is over."""

    servers: tuple[Server, ...]
    callers: tuple[Caller, ...]
    closes: int = 20  # when the node does, if somebody still waits then


SERVERS = st.integers(0, 3)
SECONDS = st.integers(0, 3)
TIMEOUTS = st.sampled_from([2, 1, 0, None])
ENDS: st.SearchStrategy[End] = st.sampled_from(
    [*["reply", "keep"] * 5, "crash", "stop", "stop and reply", "garbage"]
)
NOTHING = st.none()
EXAMPLES = 40


def one_of(*weighted: tuple[int, st.SearchStrategy[Any]]) -> st.SearchStrategy[Any]:
    """Like `st.one_of`, which knows no weights. Simpler ones come first."""
    branches = [branch for weight, branch in weighted for _ in range(weight)]
    return st.integers(0, len(branches) - 1).flatmap(branches.__getitem__)


def several(
    steps: st.SearchStrategy[T], least: int = 0, most: int = 3
) -> st.SearchStrategy[tuple[T, ...]]:
    return st.lists(steps, min_size=least, max_size=most).map(tuple)


def mostly(usual: st.SearchStrategy[T], else_: st.SearchStrategy[T]) -> st.SearchStrategy[T]:
    return one_of((4, usual), (1, else_))


def scripts(depth: int) -> st.SearchStrategy[Script]:
    then = mostly(NOTHING, scripts(depth - 1)) if depth else NOTHING
    return st.builds(
        Script, steps=several(steps(depth)), end=ENDS, then=then, idle=mostly(NOTHING, SECONDS)
    )


def servers(depth: int) -> st.SearchStrategy[Server]:
    last = mostly(st.just(()), several(steps(depth)))
    return st.builds(Server, traps=st.booleans(), first=mostly(NOTHING, scripts(depth)), last=last)


def steps(depth: int) -> st.SearchStrategy[Step]:
    """One step, in which others are nested so deep."""
    wait = st.builds(Wait, seconds=SECONDS, stubborn=st.booleans())
    answer = st.builds(Answer, caller=st.integers(0, 5))
    rare = st.one_of(
        st.builds(
            Kill, server=SERVERS, reason=st.sampled_from(["kill", "normal", "shutdown", "boom"])
        ),
        st.builds(Stopping, server=SERVERS, timeout=TIMEOUTS),
        st.builds(Watch, server=SERVERS),
        st.builds(Hint, server=SERVERS),
        st.builds(Receive, timeout=TIMEOUTS),
        st.builds(Suspend, server=SERVERS, seconds=SECONDS),
    )
    if not depth:
        return one_of((4, wait), (4, answer), (3, rare))
    message = scripts(depth - 1)
    ask = st.builds(Ask, server=SERVERS, script=message, timeout=TIMEOUTS)
    cast = st.builds(Tell, server=SERVERS, script=message, how=st.sampled_from(["cast", "send"]))
    later = st.builds(Tell, server=SERVERS, script=message, how=SECONDS)
    within = st.builds(Within, seconds=SECONDS, steps=several(steps(depth - 1), least=1))
    aside = st.builds(Aside, steps=several(steps(depth - 1), least=1))
    start = st.builds(Start, server=servers(depth - 1))
    often = one_of((6, ask), (3, cast), (2, wait), (2, answer))
    seldom = st.one_of(later, within, aside, start)
    return one_of((12, often), (4, seldom), (1, rare))


PROGRAMS = st.builds(
    Program,
    servers=several(servers(1), least=1),
    callers=several(
        st.builds(
            Caller, steps=several(steps(2), least=1, most=6), cancelled=mostly(NOTHING, SECONDS)
        ),
        least=1,
        most=4,
    ),
    closes=mostly(st.just(20), SECONDS),
)

# --- their interpreter


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
    """A running program: its servers, whose state it is, and what has happened so far."""

    def __init__(self, node: Node) -> None:
        self.node = node
        self.closed = False
        self.servers: list[Actor] = []
        self.processes: list[Any] = []  # the same, as the runtime knows them
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
                send_after(
                    self.server(server),
                    delay,
                    self.message(f"{who}, at {due},", self.server(server), script),
                )
            case Answer(caller):
                if self.kept:
                    reply(self.kept[caller % len(self.kept)], self.number())
            case Kill(server, reason):
                self.server(server).exit(reason)
            case Stopping(server, timeout):
                await self.attempt(self.server(server).stop("normal", timeout), who)
            case Start(server):
                try:
                    (Trapping if server.traps else Actor).start_link(self, server)
                except RuntimeError as error:
                    if "node is closing" not in str(error):
                        raise
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
        asked = self.asked[message.number] = Asked(
            message.number, repr(server), step.timeout, now()
        )
        try:
            asked.end("reply", await server.call(message, step.timeout))
        except CallTimeout:
            asked.end("timeout")
        except ServerExit as error:
            asked.end("exit", error.reason)
        except NoProcess:
            asked.end("exit", "noproc")
        except CallingSelf:
            asked.end("calling self")
        except asyncio.CancelledError:
            asked.end("cancel")
            raise
        finally:
            self.see(who, "has asked", (asked.number, asked.ends))

    def handle(self, me: "Actor", message: Message, from_: From[Any] | None = None) -> Any:
        handling = self.handling(me, message, from_)
        return (
            handling
            if any(isinstance(step, WAITING) for step in message.script.steps)
            else at_once(handling)
        )

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
                    return (
                        Stop("normal", self, self.number())
                        if from_ is not None
                        else Stop("normal", self)
                    )
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
        world.processes.append(next(reversed(world.node.processes)))
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
                world.see(repr(self), "gets a signal of", reason, repr(process))
            case Timeout():
                world.see(repr(self), "is idle")
        return NoReply(world)

    def terminate(self, reason: Any, world: World) -> Any:
        ending = world.ending(self, self.last)
        return ending if any(isinstance(step, WAITING) for step in self.last) else at_once(ending)


class Trapping(Actor):
    trap_exit = True


Probe = Callable[[World], None]


async def play(
    program: Program, observe: Callable[[Event], object] | None = None, probe: Probe | None = None
) -> World:
    """Run a program, and return its world. A probe is called every second, when nothing is due."""
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
    try:
        loop.jump()
    except Deadlock:  # no timer is left
        return world
    world.left.append("a timer")
    return world


def remains(node: Node, world: World, loop: Loop) -> Iterator[str]:
    """What a node that has closed keeps, and should not."""
    own = {asyncio.current_task(), *world.tasks}
    yield from (repr(task) for task in asyncio.all_tasks() if task not in own)
    for name in ("processes", "names", "ready", "deadlines", "timers", "tasks"):
        kept = getattr(node, name)
        if kept:
            yield f"{name}: {kept}"
    for process in world.processes:
        for name in (
            "mailbox",
            "open_calls",
            "waiters",
            "links",
            "monitors",
            "monitored",
            "state",
            "idle",
            "receiving",
        ):
            kept = getattr(process, name)
            if kept:
                yield f"{name} of {process.server}: {kept}"


# --- the laws

FOUND = {
    "a handler whose server is killed before its task has begun": Program(
        servers=(Server(first=Script((Wait(0),))),),
        callers=(Caller((Kill(0, "kill"),)),),
    ),
    "a server that is started while its node closes": Program(
        servers=(Server(), Server()),
        callers=(Caller((Ask(0, Script((Wait(0),)), 2), Start(Server()))),),
        closes=0,
    ),
    "a server that stops to receive at the moment when another message comes": Program(
        servers=(Server(), Server()),
        callers=(
            Caller(
                (
                    Tell(0, Script((Receive(1),))),
                    Wait(0),
                    Tell(0, Script((Ask(1, Script(), 2),)), how=1),
                )
            ),
        ),
    ),
    "somebody who looks into a server when both are killed": Program(
        servers=(Server(), Server()),
        callers=(
            Caller(
                (
                    Tell(1, Script((Wait(3),))),
                    Wait(0),
                    Tell(0, Script((Suspend(1, 0),))),
                    Wait(0),
                    Kill(1, "kill"),
                    Kill(0, "kill"),
                )
            ),
        ),
    ),
}  # what these laws have found once


def law(test: Callable[[Program], None], examples: int = EXAMPLES) -> Callable[[], None]:
    """This holds for all programs."""
    for program in FOUND.values():
        test = example(program)(test)
    return given(PROGRAMS)(settings(max_examples=examples, deadline=None)(test))


@pytest.fixture(autouse=True, scope="module")
def _no_crash_reports() -> Iterator[None]:
    """Servers crash here by the thousand."""
    logger = logging.getLogger("genreply_cli.otp")
    logger.setLevel(logging.CRITICAL)
    yield
    logger.setLevel(logging.NOTSET)


def watched(program: Program) -> tuple[World, list[Event]]:
    """Run a program, and return what has become of it with what the observer was told."""
    events: list[Event] = []
    return run(play(program, events.append)), events


ENDS_OF_CALLS = {"reply": "reply", "timeout": "timeout", "cancel": "cancel", "down": "exit"}


def ends_of_calls(events: Iterable[Event]) -> Iterator[Event]:
    """The ends of calls. The news of one, for who monitors the call, is none."""
    return (
        event
        for event in events
        if event.kind in ENDS_OF_CALLS
        and event.about is not None
        and not (event.kind == "down" and event.source is not event.about.server)
    )


@law
def test_every_call_ends_exactly_once(program: Program) -> None:
    world, events = watched(program)
    assert [asked for asked in world.asked.values() if len(asked.ends) != 1] == []
    calls = Counter(event.about for event in events if event.kind == "call")
    assert calls == Counter(event.about for event in ends_of_calls(events))
    assert set(calls.values()) <= {1}
    assert {event.message.number for event in events if event.kind == "call"} == {  # type: ignore[attr-defined]
        asked.number for asked in world.asked.values() if asked.ends[0][0] != "calling self"
    }


@law
def test_a_caller_and_the_observer_are_told_the_same(program: Program) -> None:
    world, events = watched(program)
    calls = [event for event in events if event.kind == "call"]
    asked = {event.about: world.asked[event.message.number] for event in calls}  # type: ignore[attr-defined]
    for event in ends_of_calls(events):
        call = asked[event.about]
        ((how, what),) = call.ends
        if how == "cancel" and event.kind != "cancel":
            assert event.time == call.ended, (
                "an answer that comes at the moment when its caller is cancelled"
            )
        else:
            assert (how, event.time) == (ENDS_OF_CALLS[event.kind], call.ended)
            assert what is event.message


@law
def test_no_call_lasts_longer_than_its_timeout_and_a_timeout_comes_neither_sooner_nor_later(
    program: Program,
) -> None:
    world, _ = watched(program)
    for asked in world.asked.values():
        assert asked.ended is not None
        lasted = asked.ended - asked.began
        assert asked.timeout is None or lasted <= asked.timeout
        assert asked.ends != [("timeout", None)] or lasted == asked.timeout


def never_sent(world: World) -> set[int]:
    nowhere = [("exit", "noproc")], [("calling self", None)]
    return {asked.number for asked in world.asked.values() if asked.ends in nowhere}


@law
def test_messages_between_two_processes_all_arrive_and_in_the_order_they_were_sent(
    program: Program,
) -> None:
    world, _ = watched(program)
    never = never_sent(world)
    sent: defaultdict[tuple[str, str | None], list[int]] = defaultdict(list)
    came: defaultdict[tuple[str, str | None], list[int]] = defaultdict(list)
    for seen in world.log:
        if seen.what == "sends" and seen.about not in never:
            sent[seen.who, seen.whom].append(seen.about)
        if (
            seen.what == "begins"
            and seen.whom is not None
            and not seen.whom.endswith(("first,", "then,"))
        ):
            assert seen.whom is not None
            came[seen.whom, seen.who].append(seen.about)
    for pair, numbers in came.items():
        assert numbers == sent[pair][: len(numbers)]


@law
def test_who_hears_of_the_end_of_a_process_has_had_all_its_messages(program: Program) -> None:
    world, _ = watched(program)
    never = never_sent(world)
    on_the_way: defaultdict[tuple[str | None, str | None], set[int]] = defaultdict(set)
    for seen in world.log:
        if seen.what == "sends" and seen.about not in never:
            on_the_way[seen.who, seen.whom].add(seen.about)
        elif seen.what == "begins" and seen.whom is not None:
            on_the_way[seen.whom, seen.who].discard(seen.about)
        elif seen.what == "hears of the end of" and seen.about != "noproc":
            assert not on_the_way[seen.whom, seen.who]


@law
def test_a_process_runs_one_handler_at_a_time_each_to_its_end_and_none_after_its_own(
    program: Program,
) -> None:
    world, _ = watched(program)
    busy: dict[str, Any] = {}
    for seen in world.log:
        assert seen.what != "begins, dead"
        if seen.what == "begins":
            assert seen.who not in busy
            busy[seen.who] = seen.about
        elif seen.what == "ends":
            assert busy.pop(seen.who) == seen.about
    assert not busy


@law
def test_events_are_numbered_and_come_after_their_causes_to_whose_calls_they_belong(
    program: Program,
) -> None:
    _, events = watched(program)
    assert [event.seq for event in events] == list(range(1, len(events) + 1))
    assert [event.time for event in events] == sorted(event.time for event in events)
    for event in events:
        assert event.cause is None or 0 < event.cause < event.seq
        if event.kind == "call" or event.cause is None:
            assert event.call is event.about
        else:
            assert event.call is events[event.cause - 1].call


@law
def test_answers_that_come_too_late_are_told_as_what_they_are(program: Program) -> None:
    _, events = watched(program)
    ends: dict[Any, str] = {}
    for event in events:
        match event.kind:
            case "call":
                ends[event.about] = "waits"
            case "noreply":
                assert ends[event.about] == "waits"
            case "reply" | "timeout" | "cancel" | "down" if event.about is not None:
                assert ends[event.about] == "waits"
                ends[event.about] = event.kind
            case "duplicate":
                assert ends[event.about] == "reply"
            case "late":
                assert ends[event.about] in ("timeout", "cancel", "down")


@law
def test_every_process_starts_once_and_exits_once_and_hears_nothing_before_and_after(
    program: Program,
) -> None:
    _, events = watched(program)
    life: dict[Any, str] = {}
    to_nobody = [
        event.about
        for event in events
        if event.kind == "down" and event.message == "noproc" and event.about
    ]
    for event in events:
        if event.kind == "start":
            assert event.source not in life
            life[event.source] = "runs"
        elif event.kind == "exit":
            assert life[event.source] == "runs"
            life[event.source] = "has ended"
        elif event.kind in ("call", "cast", "info") and event.about not in to_nobody:
            assert life[event.target] == "runs"
        elif event.kind in ("lost", "call"):
            assert life[event.target] == "has ended"
    assert set(life.values()) == {"has ended"}


@law
def test_a_server_crashes_for_what_its_callbacks_do_and_for_nothing_else(program: Program) -> None:
    _, events = watched(program)
    assert [
        event
        for event in events
        if event.kind == "crash" and not isinstance(event.message, Boom | BadReturn)
    ] == []


@law
def test_the_steps_of_a_tracer_agree_with_the_events(program: Program) -> None:
    _, events = watched(program)
    tracer = Tracer()
    steps = [tracer(event) for event in events]
    assert [(step.seq, step.t, step.kind, step.cause) for step in steps] == [
        (event.seq, event.time, event.kind, event.cause) for event in events
    ]
    kinds = Counter(event.kind for event in events)
    ends = Counter(ENDS_OF_CALLS[event.kind] for event in ends_of_calls(events))
    wrong = sum(step.outcome == "wrong caller" for step in steps)
    rare = {"wrong_caller": wrong, "cancelled": ends["cancel"]}
    assert tracer.end().details == {
        "calls": kinds["call"],
        "replied": ends["reply"] - wrong,
        "timed_out": ends["timeout"],
        "failed": ends["exit"],
        "dropped": kinds["late"] + kinds["duplicate"],
    } | {name: count for name, count in rare.items() if count}
    waiting: defaultdict[Any, list[str]] = defaultdict(list)
    began: dict[str | None, float] = {}
    for event, step in zip(events, steps, strict=True):
        about = event.call if event.about is None else event.about
        assert step.call == (None if about is None else tracer.call(about))
        assert {step.source, step.target, step.at} - {None} <= {
            tracer.name(event.source),
            tracer.name(event.target),
        }
        if step.kind == "call":
            began[step.call] = step.t
        elif step.kind == "noreply":
            waiting[event.source].append(step.call or "")
            assert step.details["waiting"] == len(waiting[event.source])
        elif event.kind in ENDS_OF_CALLS and event.about is not None:
            assert step.details["blocked"] == step.t - began[step.call]
            for calls in waiting.values():
                if step.call in calls:
                    calls.remove(step.call)


@law
def test_a_program_does_the_same_whether_it_is_watched_or_not(program: Program) -> None:
    world, _ = watched(program)
    assert repr(run(play(program)).log) == repr(world.log)


@law
def test_a_program_does_the_same_each_time(program: Program) -> None:
    def steps() -> list[Traced]:
        tracer = Tracer()
        return [tracer(event) for event in watched(program)[1]]

    assert steps() == steps()


def gone_callers_are_not_waited_for(world: World) -> None:
    """Only calls that are waited for, and timers that are not due yet, are kept."""
    waiting = [asked for asked in world.asked.values() if not asked.ends]
    assert Counter(asked.server for asked in waiting) == Counter(
        repr(p.server) for p in world.processes for _ in p.open_calls
    )
    deadlines = world.node.deadlines
    assert sum(map(len, deadlines.values())) == sum(asked.timeout is not None for asked in waiting)
    assert len(world.node.timers) == len(deadlines) + sum(due > now() for due in world.timers)


@law
def test_nothing_is_kept_for_a_caller_that_has_gone(program: Program) -> None:
    run(play(program, probe=gone_callers_are_not_waited_for))


@law
def test_a_node_that_has_closed_leaves_nothing_behind(program: Program) -> None:
    threads = threading.active_count()
    for world in run(play(program)), watched(program)[0]:
        assert world.left == []
        assert world.complaints == []
    assert threading.active_count() == threads


@partial(law, examples=5)  # it takes its time
def test_a_process_that_has_ended_can_be_forgotten_and_nobody_complains(program: Program) -> None:
    def play_it() -> tuple[list[weakref.ref[Actor]], list[Any]]:
        world = run(play(program))
        return [weakref.ref(server) for server in world.servers], world.complaints

    ended, complaints = play_it()
    gc.collect()
    assert [server() for server in ended if server() is not None] == []
    assert complaints == []  # asyncio makes some of them when a future or a task is deleted


# --- the coordinators


@dataclass(frozen=True)
class Greeter:
    """Greets at some time, and is perhaps cancelled later. Each has a message of its own."""

    begins: int
    timeout: int | None
    cancelled: int | None


GREETERS = several(
    st.builds(Greeter, begins=SECONDS, timeout=TIMEOUTS, cancelled=mostly(NOTHING, SECONDS)),
    least=1,
    most=8,
)
FAULTS = several(
    st.builds(
        Fault, kind=st.sampled_from([*FAULT_KINDS]), rate=NOTHING | st.sampled_from([0.2, 0.5])
    )
)


async def greet(
    settings: Settings, greeters: Iterable[Greeter], observe: Callable[[Event], object]
) -> list[Any]:
    """What each greeter gets, a reply or an error. The node closes after 60 seconds."""

    async def one(message: str, greeter: Greeter) -> str:
        await asyncio.sleep(greeter.begins)
        return await coordinator.greet(message, greeter.timeout)

    async with Node(observe):
        coordinator = settings.start()
        tasks = [
            asyncio.create_task(one(f"message {number}", greeter))
            for number, greeter in enumerate(greeters)
        ]
        for task, greeter in zip(tasks, greeters, strict=True):
            if greeter.cancelled is not None:
                asyncio.get_running_loop().call_later(
                    greeter.begins + greeter.cancelled, task.cancel
                )
        await asyncio.sleep(60)
    return await asyncio.gather(*tasks, return_exceptions=True)


def hears_its_own_answer_or_none(settings: Settings, greeters: tuple[Greeter, ...]) -> list[Any]:
    events: list[Event] = []
    heard = run(greet(settings, greeters, events.append))
    for number, answer in enumerate(heard):
        if isinstance(answer, str):
            assert answer == f"message {number} to you too!"
        else:
            assert isinstance(answer, CallError | asyncio.CancelledError)
    calls = Counter(event.about for event in events if event.kind == "call")
    assert calls == Counter(event.about for event in ends_of_calls(events))
    tracer = Tracer()
    assert [
        step for step in map(tracer, events) if "for" in step.details or "went_to" in step.details
    ] == []
    return heard


@given(GREETERS, FAULTS, SECONDS, SECONDS, st.integers(0, 99))
@settings(max_examples=2 * EXAMPLES, deadline=None)
def test_a_keyed_coordinator_never_gives_a_caller_the_answer_of_another_whatever_the_network_does(
    greeters: tuple[Greeter, ...], faults: tuple[Fault, ...], least: int, more: int, seed: int
) -> None:
    hears_its_own_answer_or_none(
        Settings("keyed", (least, least + more), 2.0, faults, seed), greeters
    )


@pytest.mark.parametrize("name", ["blocking", "fifo", "keyed"])
@given(greeters=GREETERS, delay=SECONDS)
@settings(max_examples=EXAMPLES // 2, deadline=None)
def test_behind_a_network_that_answers_in_order_these_do_not_either(
    name: str, greeters: tuple[Greeter, ...], delay: int
) -> None:
    heard = hears_its_own_answer_or_none(Settings(name, (delay, delay)), greeters)
    for greeter, answer in zip(greeters, heard, strict=True):
        assert (
            greeter.timeout is not None or greeter.cancelled is not None or isinstance(answer, str)
        )
