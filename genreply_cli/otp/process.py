"""Processes: a mailbox and a state each, one message at a time, and what their end means to others.

A process here is no task. It is a deque of messages and a flag. Processes with messages stand in the node's run queue, which one
callback of the event loop drains, or a caller does where it could only wait. A plain callback is called on the spot. An `async
def` callback is stepped on the spot, too; only if it really has to wait does a task take it over, and until it is through its
process handles nothing else. Each process has a `contextvars.Context` of its own, in which all its callbacks run: it says who is
running and which event is being handled, and whatever tasks and timers a callback starts inherit both.
"""

import asyncio
import contextlib
import inspect
import logging
import types
from collections import deque
from collections.abc import Callable, Coroutine, Generator
from contextvars import ContextVar, copy_context
from functools import partial
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from genreply_cli.otp.answers import (
    FAILED,
    NOTHING,
    WAITING,
    Continue,
    Down,
    Exited,
    From,
    Init,
    Monitor,
    NoReply,
    Reply,
    Stop,
    Timeout,
)
from genreply_cli.otp.events import Event
from genreply_cli.otp.exits import BadReturn, Exit, is_normal, is_quiet, shorten

if TYPE_CHECKING:
    from genreply_cli.otp.genserver import GenServer
    from genreply_cli.otp.node import Node

logger = logging.getLogger("genreply_cli.otp")

# Kinds of entries in a mailbox. Compared by identity.
CALL: Final = "call"
CAST: Final = "cast"
INFO: Final = "info"
CONTINUE: Final = "continue"  # always leftmost, so it comes before all messages
SYSTEM: Final = "system"  # the message is a function of the process
TERMINATE: Final = (
    "terminate"  # never in a mailbox; the message is (Stop, the entry that led to it)
)

# What a process is doing. Compared by identity.
READY: Final = "ready"
STARTING: Final = "starting"  # in init
BUSY: Final = "busy"  # in an async callback that waits
SUSPENDED: Final = "suspended"  # by debug.suspend
STOPPING: Final = "stopping"  # in terminate
EXITED: Final = "exited"

QUOTA: Final = 100  # messages that a process may handle before others get their turn

ANSWERS: Final = (Reply, NoReply, Stop)

Entry = tuple[
    str, Any, "From[Any] | None", Event | None
]  # kind, message, who asks, what the observer was told

running: ContextVar["GenServer[Any] | None"] = ContextVar("running", default=None)
handling: ContextVar[Event | None] = ContextVar("handling", default=None)


class Process:
    """What the runtime knows of one server. Users hold its `server`, the GenServer, through which no state can be reached."""

    __slots__ = (
        "brought_down_by", "call_runner", "context", "have_a_go", "id", "idle", "idle_timeout", "links", "mailbox",
        "monitored", "monitors", "name", "node", "open", "parent", "queued", "reason", "receiving", "runner", "scheduled",
        "server", "state", "status", "waiters", "work",
    )  # fmt: skip

    def __init__(
        self, server: "GenServer[Any]", node: "Node", name: Any, parent: "Process | None"
    ) -> None:
        self.server = server
        self.node = node
        self.name = name
        self.id = node.next_id()
        self.parent = parent
        self.state: Any = None
        self.status: str = STARTING
        self.reason: Any = None  # why it has exited
        self.brought_down_by: Process | None = None
        self.mailbox: deque[Entry] = deque()
        self.scheduled = True  # in the run queue, being run, or kept from it
        self.queued = False  # in the run queue, since a `receive` that is over
        self.open: dict[
            From[Any], None
        ] = {}  # the calls that wait for a reply of this server, oldest first
        self.links: dict[Process, None] = {}
        self.monitors: dict[Monitor, None] = {}  # who watches this process
        self.monitored: dict[Monitor, None] = {}  # whom this process watches
        self.waiters: dict[Callable[[Any], None], None] = {}  # called with the exit reason
        self.idle: asyncio.TimerHandle | None = None
        self.idle_timeout: float | None = None
        self.receiving: Receiving | None = None
        self.runner: asyncio.Task[None] | None = (
            None  # carries on async callbacks; made when the first one comes
        )
        self.work: Work | None = None  # what it is to carry on
        self.call_runner: asyncio.Future[None] | None = None  # where it waits for that
        self.context = copy_context()
        self.context.run(running.set, server)
        self.have_a_go: Callable[[], None] = partial(
            self.context.run, self.run
        )  # what the run queue calls

    # --- the mailbox --------------------------------------------------------------------------------------------------------

    def post(self, kind: str, message: Any, from_: From[Any] | None = None) -> None:
        """Put a message into the mailbox: the one door through which all messages to processes pass.

        It never waits: mailboxes have no limit, or two servers could block each other. The mailbox of the dead holds nothing.
        """
        node = self.node
        if not self.scheduled:
            if not node.awake:
                node.wake()
            self.scheduled = True
            node.ready.append(self)
        event = None if node.observe is None else node.tell_message(kind, self, message, from_)
        self.mailbox.append((kind, message, from_, event))

    def go_on(self) -> None:
        """Nothing keeps the process from its mailbox any more."""
        self.status = READY
        if self.queued:  # it has its place in the run queue already
            self.queued = False
            return
        self.scheduled = bool(self.mailbox)
        if self.scheduled:
            self.node.schedule(self)

    def run(self) -> None:
        """Handle messages until there are none, something keeps the process from them, or its quota is used up."""
        if self.status is not READY:
            self._run_otherwise()
            return
        mailbox, server = self.mailbox, self.server
        quota = QUOTA
        while mailbox:
            if not quota:
                self.node.schedule(self)
                return
            quota -= 1
            entry = mailbox.popleft()
            kind, message, from_, event = entry
            if self.idle_timeout is not None and kind is not SYSTEM:
                self._forget_idle()
            if event is not None:
                handling.set(event)
            try:
                if kind is CALL:
                    answer: Any = server.handle_call(message, from_, self.state)  # type: ignore[arg-type]  # calls have a from_
                elif kind is CAST:
                    answer = server.handle_cast(message, self.state)
                elif kind is INFO:
                    answer = server.handle_info(message, self.state)
                elif kind is CONTINUE:
                    answer = server.handle_continue(message, self.state)
                else:
                    self.handle_system(message)
                    if self.status is not READY:
                        return
                    continue
                if type(answer) is NoReply and answer.then is None is answer.timeout:
                    self.state = answer.state
                    if kind is CALL and event is not None and from_._status is WAITING:  # type: ignore[union-attr]
                        self.node.tell("noreply", server, None, None, from_)
                elif (
                    type(answer) is Reply and kind is CALL and answer.then is None is answer.timeout
                ):
                    self.state = answer.state
                    self.node.reply(from_, answer.value)  # type: ignore[arg-type]  # calls have a from_
                else:
                    self.settle(answer, entry)
            except BaseException as error:
                self.crash(error, entry)
            if self.status is not READY:
                if not self.server.alive:
                    self.state = None
                return
        self.scheduled = False

    def _run_otherwise(self) -> None:
        """A message has come although the process is not ready for all: it may be one that it waits for."""
        self.queued = False
        if self.receiving is not None:
            self.scheduled = False
            self.receiving.look(self.mailbox)
        elif self.status is SUSPENDED:
            self.scheduled = False
            place = next(
                (place for place, entry in enumerate(self.mailbox) if entry[0] is SYSTEM), None
            )
            if place is not None:
                self.scheduled = True
                message = self.mailbox[place][1]
                del self.mailbox[place]
                self.handle_system(message)

    def handle_system(self, function: Callable[["Process"], None]) -> None:
        """Run a function of the process on behalf of `stop`, of `debug`, or of a parent that has ended."""
        function(self)
        if self.status is SUSPENDED:  # there may be more of these, further behind
            self.node.schedule(self)
        elif self.idle_timeout is not None and self.status is READY:
            self.set_idle(self.idle_timeout)

    def suspend(self) -> None:
        """Handle nothing but system messages until `resume`."""
        self.status = SUSPENDED
        if self.idle is not None:
            self.idle.cancel()

    def resume(self) -> None:
        """Go on after `suspend`."""
        if self.status is SUSPENDED:
            self.go_on()
            if self.idle_timeout is not None:
                self.set_idle(self.idle_timeout)

    def step(self) -> None:
        """Handle one message, and be suspended again. What a callback continues with belongs to its message."""
        if self.status is SUSPENDED and self.mailbox:
            self.mailbox.insert(1, (SYSTEM, Process.suspend, None, None))
            self.resume()

    # --- callbacks and their answers ----------------------------------------------------------------------------------------

    def started(self, answer: Any) -> None:
        """`init` has answered; the first message may come."""
        init = answer if isinstance(answer, Init) else Init(answer)
        if init.timeout is not None:
            check_timeout(init.timeout)
        self.state = init.state
        if init.then is not None:
            self.mailbox.appendleft((CONTINUE, _continuation(init.then), None, handling.get()))
        self.go_on()
        if init.timeout is not None:
            self.set_idle(init.timeout)

    def settle(self, answer: Any, entry: Entry) -> None:
        """Do what the answer of a callback asks for."""
        kind, message, from_, event = entry
        if not isinstance(answer, ANSWERS) and isinstance(answer, Coroutine):
            answer = self._step(answer, entry)
            if answer is WAITS:
                return
        if self.status is EXITED:
            return
        if kind is TERMINATE:
            self._end(message, message[0].reason, from_)
            return
        if isinstance(answer, Stop) and (kind is CALL or answer.reply is NOTHING):
            self.finish(answer, entry)
            return
        if isinstance(answer, Reply) and kind is CALL and from_ is not None:
            self.node.reply(from_, answer.value)
        elif isinstance(answer, NoReply):
            if from_ is not None and event is not None and from_._status is WAITING:
                self.node.tell("noreply", self.server, None, None, from_)
        else:
            expected = "Reply, NoReply or Stop" if kind is CALL else "NoReply or Stop"
            if isinstance(answer, Stop):
                expected += " without a reply"
            raise BadReturn(self.server, f"handle_{kind}", answer, shorten(message), expected)
        timeout = None if answer.timeout is None else check_timeout(answer.timeout)
        self.state = answer.state
        if answer.then is not None:
            self.mailbox.appendleft((CONTINUE, _continuation(answer.then), None, event))
        if self.status is BUSY:  # an async callback has come to its end
            self.go_on()
        if timeout is not None:
            self.set_idle(timeout)

    def set_idle(self, timeout: float) -> None:
        """Send `Timeout()` if nothing comes for so many seconds. A message that is there already wins, even against 0."""
        if self.idle is not None:
            self.idle.cancel()
        self.idle_timeout = timeout
        self.idle = self.node.loop.call_later(timeout, self._idle_is_over, context=self.context)

    def _idle_is_over(self) -> None:
        if self.status is READY and not self.mailbox and self.idle_timeout is not None:
            self.idle = self.idle_timeout = None
            self.post(INFO, Timeout())

    def _forget_idle(self) -> None:
        if self.idle is not None:
            self.idle.cancel()
        self.idle = self.idle_timeout = None

    # --- async callbacks ----------------------------------------------------------------------------------------------------

    def _step(self, coroutine: Coroutine[Any, Any, Any], entry: Entry) -> Any:
        """Run an async callback on the spot up to its first wait; if it has none, return its answer, else `WAITS`.

        The runner is the current task meanwhile, so that what takes hold of the current task (`asyncio.timeout` does) takes hold
        of the one that will carry the callback on. Entering and leaving tasks is what asyncio documents for such uses.
        """
        loop = self.node.loop
        runner = self.runner or self._make_runner()
        cancelled = runner.cancelling()
        around = asyncio.current_task(loop)
        switch = around is not runner
        if switch:
            if around is not None:
                asyncio.tasks._leave_task(loop, around)
            asyncio.tasks._enter_task(loop, runner)
        try:
            waits_for = coroutine.send(None)
            if runner.cancelling() > cancelled:  # it has cancelled itself before it waited at all
                if inspect.getcoroutinestate(runner.get_coro()) == inspect.CORO_CREATED:  # type: ignore[arg-type]
                    self.runner = None  # a task that is cancelled before it has begun never does
                waits_for = coroutine.throw(asyncio.CancelledError())
        except StopIteration as end:
            return end.value
        finally:
            if switch:
                asyncio.tasks._leave_task(loop, runner)
                if around is not None:
                    asyncio.tasks._enter_task(loop, around)
        if self.status is EXITED:  # killed, by its own doing, while it was stepped
            with contextlib.suppress(BaseException):
                coroutine.throw(asyncio.CancelledError())
            with contextlib.suppress(
                BaseException
            ):  # unless it is through: it has caught that, and waits again
                coroutine.close()
            return WAITS
        if self.status is READY:
            self.status = BUSY
        if self.runner is None:
            self._make_runner()
        self.work = Work(coroutine, waits_for, entry)
        if self.call_runner is not None and not self.call_runner.done():
            self.call_runner.set_result(None)
        return WAITS

    def _make_runner(self) -> "asyncio.Task[None]":
        loop = self.node.loop
        self.call_runner = loop.create_future()
        task = asyncio.Task(
            self._carry_on(), loop=loop, name=repr(self.server), context=self.context
        )  # never an eager one
        self.runner = self.node.adopt(task)
        return self.runner

    async def _carry_on(self) -> None:
        runner = asyncio.current_task()
        while self.call_runner is not None and (self.status is not EXITED or self.work is not None):
            interrupted: BaseException | None = None
            try:
                await self.call_runner
            except (
                asyncio.CancelledError
            ) as error:  # by an asyncio.timeout of the callback, before we came to it
                interrupted = error
            self.call_runner = self.node.loop.create_future()
            work, self.work = self.work, None
            if self.status is EXITED:
                interrupted = interrupted or asyncio.CancelledError()
            if work is None:  # the callback that was to be cancelled was through by then
                if runner is not None:
                    runner.uncancel()
                continue
            try:
                self.settle(await _resume(work.coroutine, work.waits_for, interrupted), work.entry)
            except BaseException as error:
                self.crash(error, work.entry)

    # --- the end ------------------------------------------------------------------------------------------------------------

    def crash(self, error: BaseException, entry: Entry) -> None:
        """A callback has raised: the server ends for that reason, and `terminate` gets the state from before."""
        fatal = isinstance(error, KeyboardInterrupt | SystemExit)
        if self.status is not EXITED:
            reason = error.reason if isinstance(error, Exit) else error
            if (
                entry[0] is TERMINATE
                and isinstance(entry[1][0].reason, BaseException)
                and error.__context__ is None
            ):
                error.__context__ = entry[1][
                    0
                ].reason  # as it is anyway where terminate is no coroutine
            if not isinstance(error, Exit):
                self.node.tell("crash", self.server, None, error)
            if entry[0] is TERMINATE:
                self._end(entry[1], reason, entry[2])
            else:
                self.finish(Stop(reason, self.state), entry)
        if fatal:
            raise error

    def finish(self, stop: Stop[Any], entry: Entry) -> None:
        """Run `terminate`, then end."""
        self.status = STOPPING
        terminate: Entry = (
            TERMINATE,
            (stop, entry),
            entry[2] if stop.reply is not NOTHING else None,
            entry[3],
        )
        try:
            self.settle(self.server.terminate(stop.reason, stop.state), terminate)
        except BaseException as error:
            self.crash(error, terminate)

    def _end(self, ending: tuple[Stop[Any], Entry], reason: Any, from_: From[Any] | None) -> None:
        """`terminate` is through: the last reply, the crash report, and the exit, in this order."""
        stop, entry = ending
        if from_ is not None:
            self.node.reply(from_, stop.reply)
        if not is_quiet(reason):
            self._report(reason, stop.state, entry)
        self.exit(reason)

    def _report(self, reason: Any, state: Any, entry: Entry) -> None:
        kind, message, from_, _ = entry
        client = None if from_ is None else from_.caller
        linked = [process.server for process in self.links]
        lines = [
            f"{self.server!r} terminating, reason {shorten(reason)}",
            f"last message ({kind}): {shorten(message)}",
            f"state: {shorten(state)}",
            *([f"client: {client!r}"] if from_ is not None else []),
            *([f"linked: {linked!r}"] if linked else []),
        ]
        extra = {"server": self.server, "last_message": message, "state": state, "reason": reason}
        extra |= {"client": client, "linked": linked}
        error = (
            (type(reason), reason, reason.__traceback__)
            if isinstance(reason, BaseException)
            else None
        )
        logger.error("%s", "\n  ".join(lines), exc_info=error, extra=extra)

    def signal(self, source: "Process | None", reason: Any, *, kill: bool = False) -> None:
        """An exit signal arrives, from a link or from `exit`."""
        if self.status is EXITED:
            return
        if not kill and self.server.trap_exit:
            if source is not None and source is (
                self.parent or self
            ):  # who was started by nobody is its own parent
                self.brought_down_by = self.parent
                self.post(
                    SYSTEM, lambda process: process.finish(Stop(reason, process.state), NO_ENTRY)
                )
            else:
                self.post(INFO, Exited(None if source is None else source.server, reason))
        elif kill or not is_normal(reason):
            self.die(source, "killed" if kill else reason)

    def die(self, source: "Process | None", reason: Any) -> None:
        """End because of an exit signal."""
        self.brought_down_by = source
        if self.status is STARTING and self.parent is not None and self.parent.server.trap_exit:
            self.unlink(self.parent)  # that waits for its start, and hears of its end by that alone
        self.exit(reason)

    def exit(self, reason: Any) -> None:
        """End now. First the name is free; only then do waiting callers, links and monitors hear of it."""
        if self.status is EXITED:
            return
        node = self.node
        self.status = EXITED
        self.reason = reason
        self.state = None
        self.scheduled = True  # for ever: nothing that comes now is handled
        self.mailbox = deque(maxlen=0)
        self._forget_idle()
        node.forget(self)
        node.tell(
            "exit",
            self.server,
            None,
            reason,
            detail=self.brought_down_by and self.brought_down_by.server,
        )
        for from_ in list(self.open):
            node.give_up(from_, FAILED, reason)
        for waiter in list(self.waiters):
            waiter(reason)
        self.waiters.clear()
        for monitor in self.monitored:
            monitor.process._process.monitors.pop(monitor, None)
        self.monitored = {}
        for linked in self.links:
            linked.links.pop(self, None)
        if self.links or self.monitors:
            node.pass_on(self)
        if (
            self.runner is not None and self.work is None
        ):  # otherwise it has not come to that yet, and will cancel it itself
            self.runner.cancel()

    def pass_on(self) -> None:
        """Tell links, then monitors, of the end."""
        for linked in self.links:
            linked.signal(self, self.reason)
        for monitor in list(self.monitors):
            watcher = monitor.watcher._process
            if watcher.monitored.pop(monitor, NOTHING) is None:  # otherwise it has ended meanwhile
                watcher.hear_down(monitor, self.reason)
        self.links, self.monitors = {}, {}

    def hear_down(self, monitor: Monitor, reason: Any) -> None:
        """Somebody whom this process watches has ended, or was not there."""
        self.post(INFO, Down(monitor, monitor.process, reason))

    def link(self, other: "Process") -> None:
        """Let each of the two hear of the other's end."""
        if other is not self:
            self.links[other] = other.links[self] = None

    def unlink(self, other: "Process") -> None:
        """Nothing passes between the two any more."""
        self.links.pop(other, None)
        other.links.pop(self, None)


NO_ENTRY: Final[Entry] = (SYSTEM, None, None, None)


class Waits:
    """The type of `WAITS`: the answer of a callback is not there yet."""


WAITS: Final = Waits()


class Work(NamedTuple):
    """An async callback that waits, to be carried on by the runner."""

    coroutine: Coroutine[Any, Any, Any]
    waits_for: Any
    entry: Entry


@types.coroutine
def _resume(
    coroutine: Coroutine[Any, Any, Any], waits_for: Any, interrupted: BaseException | None
) -> Generator[Any, Any, Any]:
    """Await a coroutine that has been stepped already, and waits for `waits_for`."""
    while True:
        try:
            if interrupted is not None:
                raise interrupted
            yield waits_for
        except BaseException as error:
            interrupted = None
            try:
                waits_for = coroutine.throw(error)
            except StopIteration as end:
                return end.value
        else:
            return (yield from coroutine)


class Receiving:
    """A wait for the first message of a type, in `GenServer.receive`; it looks at each message once."""

    __slots__ = ("future", "kind", "seen")

    def __init__(self, kind: Any, future: "asyncio.Future[tuple[Any, Event | None]]") -> None:
        try:
            isinstance(None, kind)
        except TypeError:
            raise TypeError(
                f"receive was given {shorten(kind)}; expected the type of a message"
            ) from None
        self.kind = kind
        self.future = future
        self.seen = 0

    def look(self, mailbox: deque[Entry]) -> None:
        """Take the first message that fits out of the mailbox; the others keep their order."""
        while self.seen < len(mailbox) and not self.future.done():
            kind, message, _, event = mailbox[self.seen]
            if kind is INFO and isinstance(message, self.kind):
                del mailbox[self.seen]
                self.future.set_result((message, event))
            else:
                self.seen += 1


def check_timeout(timeout: Any) -> float:
    """A timeout in seconds, or an error that says what it should be."""
    if isinstance(timeout, bool) or not isinstance(timeout, int | float):
        raise TypeError(
            f"timeout is {shorten(timeout)}; expected seconds as an int or float, or None to wait for ever"
        )
    if not 0 <= timeout < float("inf"):
        raise ValueError(
            f"timeout is {timeout!r}; expected 0 seconds or more, or None to wait for ever"
        )
    return timeout


def _continuation(then: Any) -> Any:
    if not isinstance(then, Continue):
        raise TypeError(f"then is {shorten(then)}; expected Continue(…)")
    return then.continuation
