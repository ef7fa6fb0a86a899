"""A node: where processes run. It has their names, the observer, and stops them when it closes.

`async with Node():` opens one in the running event loop, or joins the one that is there;
`with Node.in_thread():` opens one in a thread of its own, for programs that are not async.
"""

import asyncio
import itertools
from collections import deque
from collections.abc import Callable, Iterable
from threading import get_ident
from typing import Any, Final, Protocol, Self, TypeVar

from genreply_cli.otp.answers import Exited, Item, Opened, Result
from genreply_cli.otp.callbacks import Callbacks
from genreply_cli.otp.calls import Deadlines, From, MonitoredCall
from genreply_cli.otp.closing import GRACE_SECONDS, Closing
from genreply_cli.otp.events import Event, Kind
from genreply_cli.otp.exits import AlreadyStarted
from genreply_cli.otp.run_queue import Runnable, RunQueue
from genreply_cli.otp.status import CALL, CAST, EXITED, SYSTEM, handling, home, logger, running
from genreply_cli.otp.threads import Threads

_new = tuple.__new__  # half the time of Event's own constructor, and it is called for each message

SHOWS_ALL: Final = Callbacks.format_status  # of a server that hides nothing
FROM_OWNED: Final = (Item, Opened, Result)  # messages that a task or a source sends

E = TypeVar("E", bound=Exception)

_nodes: dict[asyncio.AbstractEventLoop, "Node"] = {}

# Called with each node that opens and joins no other one. What a function returns is called when
# that node, and all that have joined it, have closed. They must not raise.
on_open: "list[Callable[[Node], Callable[[], object]]]" = []


class _Receiver(Protocol):
    """What a node knows of a process that gets a message."""

    server: Any
    status: str


class _Hosted(_Receiver, Runnable, Protocol):
    """What a node knows of a process."""

    name: Any
    home: Any
    starter: Any

    @property
    def alive(self) -> bool: ...
    def uses(self) -> Iterable[Any]: ...
    def shut_down(self) -> None: ...
    def exit(self, reason: Any) -> None: ...
    def notify_links_and_monitors(self) -> None: ...


class Observers(list[tuple[object, Callable[[Event], object], bool]]):
    """Several observers of a node: each is told of all, and of states if it asked.

    Each stands beside its owner, which is a node, or what stands for one call of `add_observer`.
    """

    def without(self, owner: object) -> "Observers | None":
        """Return those of the other owners; None if there is none."""
        return Observers(each for each in self if each[0] is not owner) or None

    def __call__(self, event: Event) -> None:
        """Tell them of an event."""
        for _, observe, states in self:
            if states or event.kind != "state":
                try:
                    observe(event)
                except Exception:
                    logger.exception("the observer of a node raised; it must not")


class Node(RunQueue, Threads):
    """Where processes run: open it with `async with`; leaving it stops them.

    `observe`, if given, is called with an `Event` for all that happens; with `states`, also for the
    state that each callback returns. It must not raise: what it raises is logged and dropped.

    What depends on others stops before them, all of them within five seconds (see `closing`).

    A node that is opened in an event loop which has one joins that one, as an application of its
    own: both have the same names, and an observer is told of all that happens in the loop. Leaving
    it stops the servers that were started in its `async with` block, and in what runs for these.
    """

    def __init__(
        self, observe: Callable[[Event], object] | None = None, *, states: bool = False
    ) -> None:
        super().__init__()
        self.observe = observe
        self.states = states
        self.names: dict[Any, _Hosted] = {}
        self.processes: dict[_Hosted, None] = {}  # that have not exited, oldest first
        self.next_id = itertools.count(1).__next__
        self.deadlines: dict[float, Deadlines] = {}  # of calls, by their timeout
        self.monitored_calls: dict[From[Any], MonitoredCall] = {}
        # by id: handles that are due at the same time have the same hash
        self.timers: dict[int, asyncio.TimerHandle] = {}
        self.tasks: set[asyncio.Task[None]] = set()  # of processes
        self._exits: deque[_Hosted] = deque()  # whose links and monitors are being notified
        self._seq = 0
        self._closing: Closing | None = None
        self._when_closed: list[Callable[[], object]] = []  # what the functions of on_open returned
        self._host = self  # the node that this one has joined
        self._joined: dict[Node, None] = {}  # that are open and have this one as the host; it, too
        self._outer: Node | None = None  # the home of what is started when this one has closed

    async def __aenter__(self) -> Self:
        if self.thread_id:
            raise RuntimeError("this node is open already; open another one, which joins it")
        loop = self.loop = asyncio.get_running_loop()
        self.thread_id = get_ident()
        self._closing = None
        self._host = host = _nodes.setdefault(loop, self)
        if host is self:
            self._clock = loop.time
            self.watch_callbacks()
            self._when_closed = [opened(self) for opened in on_open]
        host._joined[self] = None
        if host is not self and self.observe is not None:
            host._observe_for(self, self.observe, states=self.states)
        self._outer = home.get()
        home.set(self)
        return self

    async def __aexit__(self, *_: object) -> None:
        host = self._host
        deadline = self.loop.time() + GRACE_SECONDS
        self._closing = Closing(each for each in host.processes if each.home is self)
        try:
            await self._closing.run(deadline)
            await self._end_tasks(deadline)
        finally:
            if host is not self:
                self.thread_id = 0
            if home.get() is self:
                home.set(self._outer)
            host._leave(self)

    async def _end_tasks(self, deadline: float) -> None:
        """Wait for what has been cancelled; at the deadline, cancel it again and again."""
        if self.tasks:
            await asyncio.wait(self.tasks, timeout=deadline - self.loop.time())
        pause = 0.0
        while self.tasks:
            for task in self.tasks:
                task.cancel()
            await asyncio.wait(self.tasks, timeout=pause)
            pause = min(1.0, 2 * pause + 0.001)

    def _leave(self, node: "Node") -> None:
        """Take note that a node has closed which has joined this one. The last one ends it all."""
        del self._joined[node]
        if node is not self:
            node._cancel_timers()
        if self._joined:
            if isinstance(self.observe, Observers):
                self._unobserve(node)
            elif node is self:
                self.observe = None
            return
        for closed in self._when_closed:
            closed()
        self._cancel_timers()  # among them those of calls, which all that have joined share
        self.deadlines.clear()
        self.ready.clear()
        self.thread_id = 0
        del _nodes[self.loop]

    def _cancel_timers(self) -> None:
        for timer in self.timers.values():
            timer.cancel()
        self.timers.clear()

    @property
    def closing(self) -> bool:
        """Whether it is being left, or one that has joined it is."""
        return any(node._closing is not None for node in self._joined)

    def home_of_new(self) -> "Node":
        """Return the node in whose block the running code stands: it ends what is started there."""
        node: Node | None = home.get()
        while node is not None and node not in self._joined:
            node = node._outer
        return next(iter(self._joined)) if node is None else node

    def register(self, process: _Hosted) -> None:
        """Add a new process, and its name, if it has one. Raises AlreadyStarted if it is taken."""
        if process.home._closing is not None:
            raise RuntimeError(f"{process.server!r} cannot start: its node is closing")
        if process.name is not None:
            holder = self.names.setdefault(process.name, process)
            if holder is not process:
                raise AlreadyStarted(holder.server, process.name)
        self.processes[process] = None

    def unregister(self, process: _Hosted) -> None:
        """Remove a process that has exited; its name is free again."""
        self.processes.pop(process, None)
        if process.home._closing is not None:
            process.home._closing.exited(process)
        if process.name is not None and self.names.get(process.name) is process:
            del self.names[process.name]

    def notify_exit(self, process: _Hosted) -> None:
        """Notify the links and monitors of a process that has exited.

        Exits that follow from it are queued, not nested: long chains cannot overflow the stack.
        """
        self._exits.append(process)
        if len(self._exits) == 1:
            while self._exits:
                self._exits[0].notify_links_and_monitors()
                self._exits.popleft()

    def track_task(self, task: "asyncio.Task[None]") -> None:
        """Wait for this task when the node closes."""
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)
        task.add_done_callback(_retrieve)  # what ends the program is raised by the loop, too

    def call_later(
        self, delay: float, function: Callable[..., object], *args: Any
    ) -> asyncio.TimerHandle:
        """`loop.call_later`, with a timer that is cancelled when the node closes."""

        def fire() -> None:
            self.timers.pop(id(timer), None)
            function(*args)

        timer = self.loop.call_later(delay, fire)
        self.timers[id(timer)] = timer
        return timer

    def cancel_timer(self, timer: asyncio.TimerHandle) -> None:
        """Cancel a timer of `call_later`."""
        timer.cancel()
        self.timers.pop(id(timer), None)

    # --- the observer

    def add_observer(
        self, observe: Callable[[Event], object], *, states: bool = False
    ) -> Callable[[], None]:
        """Have one more observer called, from now on. Returns the function that removes it again.

        It is called after the observers that are there already, with the same events, as if it had
        been given to `Node(observe=…, states=…)`.
        """
        host, owner = self._host, object()
        host._observe_for(owner, observe, states=states)
        return lambda: host._unobserve(owner)

    def _observe_for(
        self, owner: object, observe: Callable[[Event], object], *, states: bool
    ) -> None:
        """Add an observer to those that are there."""
        have = self.observe
        if not isinstance(have, Observers):
            have = Observers([] if have is None else [(self, have, self.states)])
        self.observe = Observers([*have, (owner, observe, states)])
        self.states = self.states or states

    def _unobserve(self, owner: object) -> None:
        """Remove the observer of this owner. If only the node's own is left, it is as before."""
        if not isinstance(self.observe, Observers):
            return
        left = self.observe.without(owner)
        self.states = left is not None and any(states for _, _, states in left)
        own = left is not None and [owner for owner, _, _ in left] == [self]
        self.observe = left[0][1] if left is not None and own else left

    def emit(
        self,
        kind: Kind,
        source: Any,
        target: Any,
        message: Any = None,
        about: From[Any] | None = None,
        detail: Any = None,
    ) -> Event | None:
        """Call the observer with an event, and return the event; None if there is no observer."""
        if self.observe is None:
            return None
        cause = handling.get()
        if cause is None:
            call, cause_seq = about, None
        else:
            call, cause_seq = about if kind is CALL else cause.call, cause.seq
        self._seq = seq = self._seq + 1
        event = _new(
            Event,
            (seq, self._clock(), kind, source, target, message, call, cause_seq, about, detail),
        )
        try:
            self.observe(event)
        except Exception:
            logger.exception("the observer of a node raised; it must not")
        return event

    def emit_state(self, server: Any, state: Any, then: Any = None) -> None:
        """Call the observer, if it has asked for states, with one that a callback has returned.

        The event has no number of its own.
        """
        if not self.states or self.observe is None:
            return
        cause = handling.get()
        call, cause_seq = (None, None) if cause is None else (cause.call, cause.seq)
        if getattr(server.format_status, "__func__", None) is not SHOWS_ALL:
            state = server._process.report(state).state
        event = _new(
            Event,
            (self._seq, self._clock(), "state", server, None, state, call, cause_seq, None, then),
        )
        try:
            self.observe(event)
        except Exception:
            logger.exception("the observer of a node raised; it must not")

    def emit_message(
        self, kind: str, process: _Receiver, message: Any, from_: From[Any] | None, ended: Any
    ) -> Event | None:
        """Emit the event of a message that is put into the mailbox of a process.

        If it is the `Down` of a monitor, `ended` is the process that has ended, or the call that
        was given up.
        """
        server = process.server
        if kind is SYSTEM:
            return None
        if from_ is not None:
            return self.emit(CALL, from_.caller, server, message, from_, from_.timeout)
        if isinstance(ended, From):
            return self.emit("down", ended.caller, server, message.reason, ended)
        if ended is not None:
            return self.emit("down", ended, server, message.reason)
        if isinstance(message, FROM_OWNED):
            return self.emit("info", message.ref, server, message)
        source = running.get()
        if source is None:
            source = asyncio.current_task(self.loop)
        if process.status is EXITED:
            return self.emit("lost", source, server, message, None, kind)
        if kind is CAST:
            return self.emit("cast", source, server, message)
        return self.emit(
            "info", message.process if isinstance(message, Exited) else source, server, message
        )

    def current_actor(self) -> Any:
        """Return what runs now: a GenServer, or the current task, or None outside any task."""
        server = running.get()
        return server if server is not None else asyncio.current_task(self.loop)


def failed(error: E, future: "asyncio.Future[Any] | None" = None) -> E:
    """Return an error that a future, or the running task, gets because its call has failed.

    When the node closes or has closed, it may have been left by the code that would await it.
    Then asyncio must not complain that its exception was never retrieved.
    """
    future = asyncio.current_task() if future is None else future
    node = _nodes.get(asyncio.get_running_loop())
    if future is not None and (node is None or node.closing):
        future.add_done_callback(_retrieve)
    return error


def _retrieve(future: "asyncio.Future[Any]") -> None:
    """Have asyncio know that the exception of a future is no news."""
    if not future.cancelled():
        future.exception()


def current_node() -> Node:
    """Return the node of the running event loop. Raises RuntimeError if there is none."""
    try:
        return _nodes[asyncio.get_running_loop()]
    except (RuntimeError, KeyError):
        raise RuntimeError(
            "no node is running here; open one with `async with Node():`, "
            "or with `with Node.in_thread() as node:` and use node.run(function, …)"
        ) from None
