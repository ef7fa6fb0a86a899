"""A process: its mailbox, its state, its callbacks one message at a time, its end.

A process is no task. It is a queue of entries and a flag. Processes with entries stand in the run
queue of the node. A plain callback is called on the spot; so is an `async def` one up to its first
wait, where a task takes over (`async_callbacks`). Each process has a `contextvars.Context` in which
all its callbacks run; it says which server is running and which event is being handled.

The states of a process, and the flags that go with each, are drawn up in `states`.
"""

import asyncio
import contextlib
import math
from collections import deque
from collections.abc import Callable, Coroutine, Iterator
from contextvars import copy_context
from functools import partial
from typing import Any, Final

from genreply_cli.otp.answers import (
    NOTHING,
    Continue,
    Down,
    Exited,
    Ignore,
    Init,
    Item,
    Monitor,
    NoReply,
    Opened,
    Reply,
    Result,
    Stop,
    Timeout,
)
from genreply_cli.otp.async_callbacks import PENDING, AsyncRunner, SelectiveReceive
from genreply_cli.otp.callbacks import Report
from genreply_cli.otp.calls import (
    FAILED,
    WAITING,
    From,
    MonitoredCall,
    OpenCalls,
    answer_call,
    fail_call,
)
from genreply_cli.otp.closing import GRACE_SECONDS
from genreply_cli.otp.exits import (
    BadReturn,
    CallingSelf,
    Exit,
    MailboxFull,
    NoProcess,
    describe,
    is_normal,
    is_quiet,
    shorten,
)
from genreply_cli.otp.node import Node, failed
from genreply_cli.otp.run_queue import MESSAGES_PER_RUN
from genreply_cli.otp.status import (
    BUSY,
    CALL,
    CAST,
    CONTINUE,
    EXITED,
    INFO,
    ITEM,
    NO_ENTRY,
    READY,
    STARTING,
    STOPPING,
    SUSPENDED,
    SYSTEM,
    TERMINATE,
    Entry,
    bad_part,
    check_timeout,
    handling,
    logger,
    running,
)

ANSWERS: Final = (Reply, NoReply, Stop)
NOT_LIMITED: Final = (SYSTEM, CONTINUE, ITEM)  # entries that take no room in a limited mailbox


class Process:
    """What the runtime knows of one server. Users hold `server`, and cannot get at this."""

    __slots__ = (
        "async_runner", "context", "ended_at", "given", "home", "id", "idle", "idle_timeout",
        "killed_by", "links", "mailbox", "mailbox_limit", "monitored", "monitors", "name", "node",
        "open_calls", "orphaned", "owned", "parent", "queued", "reason", "receiving",
        "run_in_context", "scheduled", "server", "starter", "state", "status", "waiters",
    )  # fmt: skip

    def __init__(self, server: Any, node: Node, name: Any, parent: "Process | None") -> None:
        self.server = server  # a GenServer; genserver.py imports this module
        self.node = node
        self.name = name
        self.id = node.next_id()
        self.parent = parent
        starter = running.get()
        self.starter: Process | None = None if starter is None else starter._process
        self.given: tuple[Any, ...] = ()  # the servers among the arguments of init
        self.home = node.home_of_new()  # whose end is the end of this process
        self.state: Any = None
        self.status: str = STARTING
        self.reason: Any = None  # why it has exited
        self.ended_at: float | None = None  # on the clock of the loop
        self.killed_by: Process | None = None  # whose exit signal ended it
        self.mailbox: deque[Entry] = deque()
        self.mailbox_limit: int | None = None  # messages that others may have waiting in it
        self.scheduled = True
        self.queued = False
        self.receiving: SelectiveReceive | None = None
        self.async_runner: AsyncRunner | None = None
        self.idle: asyncio.TimerHandle | None = None
        self.idle_timeout: float | None = None  # seconds
        self.orphaned: asyncio.TimerHandle | None = None  # kills it if it outlives its parent
        self.open_calls = OpenCalls(node)
        self.links: dict[Process, None] = {}
        self.monitors: dict[Monitor, Process] = {}  # of this process, with the watcher
        # by this process, with the watched
        self.monitored: dict[Monitor, Process | MonitoredCall] = {}
        self.waiters: dict[asyncio.Future[Any], None] = {}  # that get the exit reason
        self.owned: dict[asyncio.Task[None], None] | None = None  # that end with it
        self.context = copy_context()
        self.context.run(running.set, server)
        self.run_in_context: Callable[[], None] = partial(self.context.run, self.run)

    @property
    def alive(self) -> bool:
        """Whether it has not exited."""
        return self.status is not EXITED

    # --- the mailbox

    def post(
        self, kind: str, message: Any, from_: From[Any] | None = None, ended: Any = None
    ) -> None:
        """Put a message into the mailbox. All messages to processes pass through here.

        It never waits, or two servers could block each other. A process that has exited drops it.
        """
        node = self.node
        if not self.scheduled:
            if not node.awake:
                node.wake()
            self.scheduled = True
            node.ready.append(self)
        event = (
            None if node.observe is None else node.emit_message(kind, self, message, from_, ended)
        )
        self.mailbox.append((kind, message, from_, event))

    def check_room(self, server: Any, request: Any, timeout: float | None, operation: str) -> None:
        """Raise MailboxFull if as many messages wait as the limit allows."""
        limit = self.mailbox_limit
        if limit is not None and len(self.mailbox) >= limit:
            kinds = [entry[0] for entry in self.mailbox]
            if len(kinds) - sum(map(kinds.count, NOT_LIMITED)) >= limit:
                raise MailboxFull(server, request, timeout, limit, operation)

    def send_from_outside(self, send: Callable[[Any, Any], None], message: Any) -> None:
        """Send a message from a thread that is not the node's.

        If the mailbox has a limit, this waits until the node has looked whether there is room.
        """
        if self.mailbox_limit is not None:
            self.node.run(send, self.server, message)
            return
        with contextlib.suppress(RuntimeError):  # the loop has closed; the message is lost
            self.node.loop.call_soon_threadsafe(send, self.server, message)

    def post_stop(self, reason: Any) -> None:
        """Have it stop for `reason` when it has handled what is in its mailbox now."""
        self.post(SYSTEM, lambda process: process.terminate(Stop(reason, process.state), NO_ENTRY))

    def become_ready(self) -> None:
        """Handle messages from now on."""
        self.status = READY
        if self.queued:
            self.queued = False
            return
        self.scheduled = bool(self.mailbox)
        if self.scheduled:
            self.node.schedule(self)

    def run(self) -> None:
        """Handle messages until there are none, the status changes, or others must have a turn.

        The commonest answers are dealt with here, which is fast, all others in `handle_return`.
        """
        if self.status is not READY:
            self._run_while_not_ready()
            return
        mailbox, server, states = self.mailbox, self.server, self.node.states
        messages_left = MESSAGES_PER_RUN
        while mailbox:
            if not messages_left:
                self.node.schedule(self)
                return
            messages_left -= 1
            entry = mailbox.popleft()
            kind, message, from_, event = entry
            if self.idle_timeout is not None and kind is not SYSTEM:
                self._cancel_idle()
            if event is not None:
                handling.set(event)
            try:
                if kind is CALL:
                    answer: Any = server.handle_call(message, from_, self.state)
                elif kind is CAST:
                    answer = server.handle_cast(message, self.state)
                elif kind is INFO:
                    answer = server.handle_info(message, self.state)
                elif kind is CONTINUE:
                    answer = server.handle_continue(message, self.state)
                elif kind is ITEM:
                    message.ref.make_room()
                    answer = server.handle_info(message, self.state)
                else:
                    answer = None
                    self._handle_system(message)
                if type(answer) is NoReply and answer.then is None is answer.timeout:
                    self.state = answer.state
                    if states:
                        self.node.emit_state(server, answer.state)
                    if kind is CALL and event is not None and from_._status is WAITING:
                        self.node.emit("noreply", server, None, None, from_)
                elif (
                    type(answer) is Reply and kind is CALL and answer.then is None is answer.timeout
                ):
                    self.state = answer.state
                    if states:
                        self.node.emit_state(server, answer.state)
                    answer_call(from_, answer.value)
                else:
                    self.handle_return(answer, entry)
            except BaseException as error:
                self.crash(error, entry)
            if self.status is not READY:
                if not self.alive:  # it was killed in the callback, which then returned a state
                    self.state = None
                return
        self.scheduled = False

    def _run_while_not_ready(self) -> None:
        self.queued = False
        if self.receiving is not None:
            self.scheduled = False
            self.receiving.scan(self.mailbox)
        elif self.status is SUSPENDED:
            kinds = [entry[0] for entry in self.mailbox]
            self.scheduled = SYSTEM in kinds
            if self.scheduled:
                index = kinds.index(SYSTEM)
                function = self.mailbox[index][1]
                del self.mailbox[index]
                self._handle_system(function)

    def _handle_system(self, function: Callable[["Process"], None]) -> None:
        """Run a function of the process: for `stop`, `debug`, or a parent that has exited."""
        handling.set(None)  # no message has led to this
        function(self)
        if self.status is SUSPENDED:  # there may be more system entries, further behind
            self.node.schedule(self)
        elif self.idle_timeout is not None and self.status is READY:
            self._set_idle(self.idle_timeout)

    async def receive(self, type_: Any, timeout: float | None) -> Any:
        """Take the first message of a type out of the mailbox. Raises TimeoutError."""
        receiving = self.receiving = SelectiveReceive(type_, self.node.loop.create_future())
        self.scheduled = self.queued  # so that the next message has the mailbox scanned
        try:
            receiving.scan(self.mailbox)
            async with asyncio.timeout(timeout):
                message, event, error = await receiving.future
        finally:
            self.receiving = None
            self.queued, self.scheduled = self.scheduled, True
        if error is not None:
            raise error
        handling.set(event)
        return message

    # --- for debug

    def suspend(self) -> None:
        """Handle nothing but system entries until `resume`."""
        self.status = SUSPENDED
        if self.idle is not None:
            self.idle.cancel()

    def resume(self) -> None:
        """End `suspend`. The idle timeout starts anew."""
        if self.status is SUSPENDED:
            self.become_ready()
            if self.idle_timeout is not None:
                self._set_idle(self.idle_timeout)

    def step(self) -> None:
        """Handle one message, and what it continues with, then be suspended again."""
        if self.status is SUSPENDED and self.mailbox:
            self.mailbox.insert(1, (SYSTEM, Process.suspend, None, None))
            self.resume()

    # --- callbacks and their answers

    def start(self, args: tuple[Any, ...], timeout: float | None) -> Any:
        """Run `init`, and do what it asks for. Returns its answer; raises what it raises.

        Raises TimeoutError if it took longer than `timeout` seconds, whatever its outcome.
        """
        self.given = tuple(given for given in args if hasattr(type(given), "_process"))
        clock = self.node.loop.time
        limit = math.inf if timeout is None else clock() + timeout
        answer, failure = None, None
        try:
            answer = self.node.run_apart(self.context.run, self.server.init, *args)
            self._check_init(answer, args)
        except BaseException as error:
            if clock() <= limit or isinstance(error, KeyboardInterrupt | SystemExit):
                if not isinstance(error, Exit):
                    self.node.emit("crash", self.server, None, error)
                self.exit(error.reason if isinstance(error, Exit) else error)
                raise
            failure = error
        if clock() > limit:
            self._void_start()
            text = f"{self.server!r} took longer than {timeout:g} s in init"
            raise TimeoutError(text) from failure
        if isinstance(answer, Stop | Ignore):
            self.exit(answer.reason if isinstance(answer, Stop) else "normal")
        elif self.status is not EXITED:
            self._take_first_state(answer if isinstance(answer, Init) else Init(answer))
        return answer

    def _void_start(self) -> None:
        """End a server whose starter waits no longer. It is killed, and the starter is unharmed."""
        if self.parent is not None:
            self.unlink(self.parent)
        self.killed_by = self.parent
        self.exit("killed")

    def _check_init(self, answer: Any, args: tuple[Any, ...]) -> None:
        if isinstance(answer, Coroutine):
            answer.close()
            raise TypeError(
                f"{type(self.server).__qualname__}.init is async, but start does not wait; "
                "move what waits to handle_continue"
            )
        expected = None
        if isinstance(answer, Reply | NoReply):
            expected = "a state, Init, Stop or Ignore"
        elif isinstance(answer, Init):
            expected = bad_part(answer.then, answer.timeout)
        if expected is not None:
            raise BadReturn(self.server, "init", answer, shorten(args), expected)

    def _take_first_state(self, init: Init[Any]) -> None:
        self.state = init.state
        self.node.emit_state(self.server, init.state, init.then)
        if init.then is not None:
            self._continue_with(init.then, handling.get())
        self.become_ready()
        if init.timeout is not None:
            self._set_idle(init.timeout)

    def handle_return(self, answer: Any, entry: Entry) -> None:
        """Do what the answer of a callback asks for. Raises BadReturn if it is no answer."""
        kind, message, from_, event = entry
        if kind is SYSTEM:
            return
        if not isinstance(answer, ANSWERS) and isinstance(answer, Coroutine):
            if self.async_runner is None:
                self.async_runner = AsyncRunner(self)
            answer = self.async_runner.start(answer, entry)
            if answer is PENDING:
                return
        if self.status is EXITED:
            return
        if kind is TERMINATE:
            self._after_terminate(message, message[0].reason, from_)
            return
        if isinstance(answer, Stop) and (kind is CALL or answer.reply is NOTHING):
            self.terminate(answer, entry)
            return
        if isinstance(answer, NoReply) or (isinstance(answer, Reply) and kind is CALL):
            expected = bad_part(answer.then, answer.timeout)
        else:
            expected = "Reply, NoReply or Stop" if kind is CALL else "NoReply or Stop"
            if isinstance(answer, Stop):
                expected += " without a reply"
        if expected is not None:
            callback = f"handle_{INFO if kind is ITEM else kind}"
            raise BadReturn(self.server, callback, answer, shorten(message), expected)
        self.state = answer.state
        self.node.emit_state(self.server, answer.state, answer.then)
        if isinstance(answer, Reply):
            answer_call(from_, answer.value)
        elif from_ is not None and event is not None and from_._status is WAITING:
            self.node.emit("noreply", self.server, None, None, from_)
        if answer.then is not None:
            self._continue_with(answer.then, event)
        if self.status is BUSY:  # an async callback has returned
            self.become_ready()
        if answer.timeout is not None:
            self._set_idle(answer.timeout)

    def _continue_with(self, then: Continue, event: Any) -> None:
        self.mailbox.appendleft((CONTINUE, then.continuation, None, event))

    def _set_idle(self, timeout: float) -> None:
        """Send `Timeout()` in so many seconds, if no message has come by then."""
        if self.idle is not None:
            self.idle.cancel()
        self.idle_timeout = timeout
        self.idle = self.node.loop.call_later(timeout, self._send_timeout, context=self.context)

    def _send_timeout(self) -> None:
        if self.status is READY and not self.mailbox and self.idle_timeout is not None:
            self.idle = self.idle_timeout = None
            self.post(INFO, Timeout())

    def _cancel_idle(self) -> None:
        if self.idle is not None:
            self.idle.cancel()
        self.idle = self.idle_timeout = None

    # --- the end

    def crash(self, error: BaseException, entry: Entry) -> None:
        """End because a callback has raised; `terminate` gets the state from before.

        KeyboardInterrupt and SystemExit are raised again.
        """
        kind, message, from_, _ = entry
        if self.status is not EXITED:
            reason = error.reason if isinstance(error, Exit) else error
            if kind is TERMINATE and error.__context__ is None:
                first = message[0].reason
                if isinstance(first, BaseException):
                    error.__context__ = first  # as Python does where terminate is not async
            if not isinstance(error, Exit):
                self.node.emit("crash", self.server, None, error)
            if kind is TERMINATE:
                self._after_terminate(message, reason, from_)
            else:
                self.terminate(Stop(reason, self.state), entry)
        if isinstance(error, KeyboardInterrupt | SystemExit):
            raise error

    def terminate(self, stop: Stop[Any], entry: Entry) -> None:
        """Run the callback `terminate`, then exit. `entry` is what led to it."""
        self.status = STOPPING
        from_ = None if stop.reply is NOTHING else entry[2]
        terminate: Entry = (TERMINATE, (stop, entry), from_, entry[3])
        try:
            self.handle_return(self.server.terminate(stop.reason, stop.state), terminate)
        except BaseException as error:
            self.crash(error, terminate)

    def _after_terminate(
        self, ending: tuple[Stop[Any], Entry], reason: Any, from_: From[Any] | None
    ) -> None:
        """Send the last reply, log a crash, and exit, in this order."""
        stop, entry = ending
        if from_ is not None:
            answer_call(from_, stop.reply)
        if not is_quiet(reason):
            self._log_crash(reason, stop.state, entry)
        self.exit(reason)

    def _log_crash(self, reason: Any, state: Any, entry: Entry) -> None:
        kind, message, from_, _ = entry
        state, message, reason = self.report(state, message, reason)
        client = None if from_ is None else from_.caller
        linked = [process.server for process in self.links]
        lines = [
            f"{describe(self.server)} terminating, reason {shorten(reason)}",
            f"last message ({kind}): {shorten(message)}",
            f"state: {shorten(state)}",
            *([f"client: {describe(client)}"] if from_ is not None else []),
            *([f"linked: {', '.join(map(describe, linked))}"] if linked else []),
        ]
        extra = {"server": self.server, "last_message": message, "state": state, "reason": reason}
        extra |= {"client": client, "linked": linked}
        raised = reason if isinstance(reason, BaseException) else None
        logger.error("%s", "\n  ".join(lines), exc_info=raised, extra=extra)

    def report(self, state: Any, message: Any = None, reason: Any = None) -> Report:
        """Return what may be shown of these: see `Callbacks.format_status`."""
        try:
            shown = self.server.format_status(Report(state, message, reason))
            if not isinstance(shown, Report):
                raise TypeError(f"format_status returned {type(shown).__name__}; expected a Report")
        except Exception as error:  # what it was to hide must not be shown
            hidden = f"hidden: format_status raised {type(error).__name__}"
            return Report(hidden, hidden, hidden)
        return shown

    def receive_exit_signal(
        self, source: "Process | None", reason: Any, *, kill: bool = False
    ) -> None:
        """Do what an exit signal asks for. It comes from a link, or from `exit`."""
        if self.status is EXITED:
            return
        if not kill and self.server.trap_exit:
            if source is not None and source is (self.parent or self):  # without one, it is its own
                self.killed_by = self.parent
                self.post_stop(reason)
                gone = source is self or source.status is EXITED  # a supervisor sets its own limit
                if (
                    gone and self.orphaned is None
                ):  # a callback that hangs must not make it immortal
                    self.orphaned = self.node.call_later(GRACE_SECONDS, self.exit, "killed")
            else:
                self.post(INFO, Exited(None if source is None else source.server, reason))
        elif kill or not is_normal(reason):
            self.exit_by_signal(source, "killed" if kill else reason)

    def exit_by_signal(self, source: "Process | None", reason: Any) -> None:
        """Exit because of an exit signal: `terminate` is not run."""
        self.killed_by = source
        if self.status is STARTING and self.parent is not None and self.parent.server.trap_exit:
            self.unlink(self.parent)  # its call of `start` fails: it gets no Exited as well
        self.exit(reason)

    def exit(self, reason: Any) -> None:
        """Exit now. First the name is free; then callers, links and monitors are notified."""
        if self.status is EXITED:
            return
        node = self.node
        self.status = EXITED
        self.reason = reason
        self.ended_at = node.loop.time()
        self.state = None
        self.scheduled = True  # for ever
        self.mailbox = deque(maxlen=0)
        self.starter, self.given = None, ()
        self._cancel_idle()
        if self.orphaned is not None:
            node.cancel_timer(self.orphaned)
        node.unregister(self)
        killer = None if self.killed_by is None else self.killed_by.server
        node.emit("exit", self.server, None, reason, detail=killer)
        for from_ in list(self.open_calls):
            fail_call(from_, FAILED, reason)
        for waiter in self.waiters:
            if not waiter.done():
                waiter.set_result(reason)
        self.waiters.clear()
        for monitor, watched in self.monitored.items():
            watched.monitors.pop(monitor, None)
        self.monitored = {}
        for linked in self.links:
            linked.links.pop(self, None)
        if self.links or self.monitors:
            node.notify_exit(self)
        if self.async_runner is not None:
            self.async_runner.cancel()
        for task in self.owned or ():
            task.cancel()

    def own(self, task: "asyncio.Task[None]") -> None:
        """Have a task end with this process, or with the node."""
        if self.owned is None:
            self.owned = {}
        self.owned[task] = None
        task.add_done_callback(self.owned.pop)
        self.home.track_task(task)

    def notify_links_and_monitors(self) -> None:
        """Send the exit signal to links, then a Down for each monitor."""
        for linked in self.links:
            linked.receive_exit_signal(self, self.reason)
        for monitor, watcher in list(self.monitors.items()):
            if watcher.monitored.pop(monitor, None) is not None:  # else it has exited meanwhile
                watcher.send_down(monitor, self.reason, self.server)
        self.links, self.monitors = {}, {}

    def send_down(self, ref: Monitor, reason: Any, ended: Any) -> None:
        """Tell this process that what it monitors has ended: a process, or a call given up."""
        self.post(INFO, Down(ref, ref.process, reason), ended=ended)

    def link(self, other: "Process") -> None:
        """Link the two: each gets an exit signal when the other exits."""
        if other is not self:
            self.links[other] = other.links[self] = None
            self._tell_of_link(other, linked=True)

    def unlink(self, other: "Process") -> None:
        """Undo `link`."""
        self.links.pop(other, None)
        other.links.pop(self, None)
        self._tell_of_link(other, linked=False)

    def _tell_of_link(self, other: "Process", *, linked: bool) -> None:
        self.server.link_changed(other.server, linked=linked)
        other.server.link_changed(self.server, linked=linked)

    def monitor(self, other: "Process | MonitoredCall", ref: Monitor) -> None:
        """Have this process sent a `Down` when the other exits, or the caller gives up."""
        self.monitored[ref] = other
        other.monitors[ref] = self

    def demonitor(self, ref: Monitor, *, flush: bool) -> None:
        """Undo `monitor`; with `flush`, also take a `Down` that has come out of the mailbox."""
        watched = self.monitored.pop(ref, None)
        if watched is not None:
            del watched.monitors[ref]
        if flush:
            self.take_back(ref)

    def take_back(self, ref: Any) -> None:
        """Remove what has come for a monitor, a task or a source from the mailbox."""
        left = [entry for entry in self.mailbox if not _is_for(entry[1], ref)]
        if len(left) < len(self.mailbox):
            self.mailbox.clear()
            self.mailbox.extend(left)
            if self.receiving is not None:
                self.receiving.scan_again()

    # --- waiting

    def is_running_here(self) -> bool:
        """Whether the running code is this server, and not a task that a callback started."""
        runner = self.async_runner
        task = None if runner is None else runner.task
        return running.get() is self.server and asyncio.current_task(self.node.loop) is task

    def check_can_wait(
        self, server: Any, request: Any, timeout: float | None, operation: str
    ) -> None:
        """Raise what keeps the running code from waiting for this process, which is `server`."""
        if timeout is not None:
            check_timeout(timeout)
        if self.status is EXITED:
            raise failed(NoProcess(server, request, timeout, operation))
        if self.is_running_here():
            raise CallingSelf(server, request, timeout, operation)

    async def wait_for(
        self,
        future: "asyncio.Future[Any]",
        timeout: float | None = None,
        overdue: Exception | None = None,
    ) -> None:
        """Wait until the future is done or the process has exited, which sets it to the reason.

        Raises `overdue` after `timeout` seconds.
        """
        self.waiters[future] = None
        try:
            async with asyncio.timeout(timeout) as limit:
                await future
        except TimeoutError:
            if limit.expired() and overdue is not None:
                raise failed(overdue) from None
            raise
        finally:
            self.waiters.pop(future, None)

    def shut_down(self) -> None:
        """Have it stop because its node closes."""
        if self.status is BUSY and not self.server.trap_exit:  # an exit signal would end it, too
            self.exit("shutdown")
        else:
            self.post_stop("shutdown")

    def uses(self) -> Iterator[Any]:
        """Yield the processes that this one was given when it started, and what it monitors."""
        yield from (server._process for server in self.given)
        yield from self.monitored.values()


class NotStarted(Process):
    """Stands for the process of a server that was never started: it behaves as if it had exited."""

    __slots__ = ()

    def __init__(self) -> None:
        self.status = EXITED
        self.reason = "noproc"
        self.ended_at = None
        self.name = None
        self.id = 0
        self.mailbox_limit = None

    def post(
        self, kind: str, message: Any, from_: From[Any] | None = None, ended: Any = None
    ) -> None:
        """Drop the message."""


NOT_STARTED: Final = NotStarted()


def _is_for(message: Any, ref: Any) -> bool:
    return isinstance(message, Down | Result | Opened | Item) and message.ref is ref
