"""One call, from its request until it is answered or fails.

`GenServer.call` makes a `From`, puts it into the mailbox of the server with the request, and waits.
The status of a `From` is WAITING at first. It changes once, and never again:

    WAITING -> REPLIED     a reply came: the caller gets it
            -> TIMED_OUT   the timeout of the caller passed
            -> CANCELLED   the caller was cancelled
            -> FAILED      the server exited

While it is WAITING, it stands in the table of open calls of its server. A reply to a call in any
other state is dropped. A caller first lets the server run; only if there is no reply by then does
it make a future and await it.
"""

import asyncio
from collections.abc import Callable
from contextvars import Context
from itertools import takewhile
from threading import get_ident
from typing import Any, Final, Generic, Literal, NamedTuple, Protocol, TypeVar

from genreply_cli.otp.answers import Monitor, Raise
from genreply_cli.otp.exits import copy_error

T = TypeVar("T")

# The states of a call. Compared by identity.
WAITING: Final = "waiting"
REPLIED: Final = "replied"
TIMED_OUT: Final = "timed out"
CANCELLED: Final = "cancelled"
FAILED: Final = "failed"

LATE_SECONDS: Final = 0.02  # after a deadline, if the loop was busy and not only inexact

End = Literal["reply", "late", "duplicate", "timeout", "cancel", "down"]  # of the kinds of events


class Raised(NamedTuple):
    """The outcome of a call that fails with an error of its own."""

    error: Exception


class _Watcher(Protocol):
    """What a call needs of a process that monitors it."""

    server: Any
    monitored: dict[Monitor, Any]

    def send_down(self, ref: Monitor, reason: Any, ended: Any) -> None: ...


class _Host(Protocol):
    """What a call needs of the node in which it is made."""

    loop: asyncio.AbstractEventLoop
    thread_id: int
    deadlines: "dict[float, Deadlines]"
    monitored_calls: "dict[From[Any], MonitoredCall]"

    @property
    def observe(self) -> object: ...
    def check_thread(self) -> None: ...
    def current_actor(self) -> Any: ...
    def catch_up(self) -> None: ...
    def call_later(self, delay: float, function: Any, *args: Any) -> asyncio.TimerHandle: ...
    def cancel_timer(self, timer: asyncio.TimerHandle) -> None: ...
    def emit(
        self,
        kind: End,
        source: Any,
        target: Any,
        message: Any = None,
        about: "From[Any] | None" = None,
        detail: Any = None,
    ) -> object: ...


class OpenCalls(dict["From[Any]", None]):
    """The calls that wait for a reply of one server, oldest first."""

    __slots__ = ("node",)

    def __init__(self, node: _Host) -> None:
        self.node = node


class Deadlines(dict["From[Any]", float]):
    """When calls with one and the same timeout fall due, the oldest first. They share a timer.

    The queue goes with its last call, and takes its timer along.
    """

    __slots__ = ("_node", "_timeout", "_timer")

    def __init__(self, node: _Host, timeout: float) -> None:
        self._node = node
        self._timeout = timeout
        self._set_timer(timeout, self._fall_due)
        node.deadlines[timeout] = self

    def started(self, from_: "From[Any]") -> float:
        """When a call began to wait."""
        return self[from_] - self._timeout

    def remove(self, from_: "From[Any]") -> None:
        """Remove a call that has ended."""
        del self[from_]
        if not self:
            self._node.cancel_timer(self._timer)
            del self._node.deadlines[self._timeout]

    def _fall_due(self) -> None:
        """Fail the calls that are overdue. If the loop is late, what was due before goes first.

        A loop that was busy has answers that came in time, and that no server has seen yet.
        """
        now = self._node.loop.time()
        if now - self[next(iter(self))] < LATE_SECONDS:
            self._fail_overdue(now)
        else:  # in the next turn of the loop, all timers that are due by now come before this one
            self._set_timer(0, self._catch_up, now)

    def _catch_up(self, now: float) -> None:
        self._node.catch_up()
        if self:
            self._fail_overdue(now)

    def _fail_overdue(self, now: float) -> None:
        for from_ in list(takewhile(lambda from_: self[from_] <= now, self)):
            fail_call(from_, TIMED_OUT)
        if self:
            delay = self[next(iter(self))] - self._node.loop.time()
            self._set_timer(delay, self._fall_due)

    def _set_timer(self, delay: float, function: Any, *args: Any) -> None:
        """Have a function called later, outside the context of the call that happens to be first.

        The calls that share the timer may be made by several processes, or by none.
        """
        self._timer = Context().run(self._node.call_later, delay, function, *args)


class From(Generic[T]):
    """One call, as `handle_call` gets it. `reply(from_, value)` answers it: once, at any time.

    It is a value: hashable, equal only to itself, and any process may use it. `caller` is a
    GenServer, or the asyncio.Task of a caller that is no process; `server` is the GenServer that
    was called; `timeout` is in seconds, or None.
    """

    __slots__ = (
        "__weakref__", "_calls", "_deadlines", "_future", "_outcome", "_status", "caller", "seen",
        "server", "timeout",
    )  # fmt: skip

    _outcome: Any  # the reply, or why there is none; set with the status
    _deadlines: Deadlines | None  # where its deadline is kept; set with the future

    def __init__(
        self, caller: Any, server: Any, timeout: float | None, calls: OpenCalls | None = None
    ) -> None:
        self.caller = caller
        self.server = server
        self.timeout = timeout
        self._calls: OpenCalls = calls  # type: ignore[assignment]  # None if made by hand
        self._status = WAITING
        self.seen: Any = None  # what observers remember of it
        # made only if the caller has to wait
        self._future: asyncio.Future[None] | Pending | None = None

    @property
    def waiting(self) -> bool:
        """Whether the caller still waits for a reply: it has none, and has not gone."""
        return self._status is WAITING

    @property
    def monitored_by(self) -> tuple[Any, ...]:
        """The servers that get a `Down` if the caller gives up: see `monitor`."""
        monitored = None if self._calls is None else self._calls.node.monitored_calls.get(self)
        if monitored is None:
            return ()
        return tuple(dict.fromkeys(watcher.server for watcher in monitored.monitors.values()))

    def __repr__(self) -> str:
        return f"<From {id(self):#x}, asking {self.server!r}, {self._status}>"


class MonitoredCall:
    """Who is sent a `Down` if the caller of a call gives up: the watcher of each monitor."""

    __slots__ = ("_from", "monitors")

    def __init__(self, from_: From[Any]) -> None:
        self._from = from_
        self.monitors: dict[Monitor, _Watcher] = {}

    def forget(self) -> None:
        """Remove the monitors: the caller has its outcome, and there is nothing to tell."""
        for ref, watcher in self.monitors.items():
            watcher.monitored.pop(ref, None)

    def notify(self, status: str) -> None:
        """Send each watcher its `Down`, with what has become of the call as the reason."""
        self.forget()
        for ref, watcher in self.monitors.items():
            watcher.send_down(ref, status, self._from)


def answer_call(from_: From[Any], value: Any) -> None:
    """Send a reply to the caller. It is dropped unless the call still waits.

    Raises RuntimeError in any thread but the node's own.
    """
    calls = from_._calls
    if calls is None:  # it was made by hand, to test a callback
        return
    node = calls.node
    if get_ident() != node.thread_id:  # nothing would wake the caller
        node.check_thread()
    if node.observe is not None:
        status = from_._status
        kind: End = "reply" if status is WAITING else "duplicate" if status is REPLIED else "late"
        node.emit(kind, node.current_actor(), from_.caller, value, from_)
    if from_._status is WAITING:  # asked again: an observer may have answered it
        from_._status = REPLIED
        from_._outcome = value
        del calls[from_]
        if node.monitored_calls and from_ in node.monitored_calls:
            node.monitored_calls.pop(from_).forget()
        if from_._future is not None:
            _wake_caller(from_)


def fail_call(
    from_: From[Any], status: str, reason: Any = None, error: Exception | None = None
) -> None:
    """End a call that waits, without a reply: TIMED_OUT, CANCELLED, or FAILED for a reason.

    `error`, if given, is raised in the caller in place of a `ServerExit` for the reason.
    """
    calls = from_._calls
    node = calls.node
    if status is TIMED_OUT and node.monitored_calls:
        reason = from_.server in from_.monitored_by  # the caller's error says whether it is told
    if node.observe is not None:
        if status is FAILED:
            node.emit("down", from_.server, from_.caller, reason, from_)
        elif status is TIMED_OUT:
            node.emit("timeout", from_.caller, from_.server, None, from_, from_.timeout)
        else:
            node.emit("cancel", from_.caller, from_.server, None, from_)
    from_._status = status
    from_._outcome = reason if error is None else Raised(error)
    del calls[from_]
    if from_ in node.monitored_calls:
        monitored = node.monitored_calls.pop(from_)
        if status is FAILED:
            monitored.forget()
        else:
            monitored.notify(status)
    if from_._future is not None:
        _wake_caller(from_)


def _wake_caller(from_: From[Any]) -> None:
    future = from_._future
    if from_._deadlines is not None:
        from_._deadlines.remove(from_)
    from_._future = from_._deadlines = None
    if future is not None and not future.done():
        future.set_result(None)


def asked_at(from_: From[Any]) -> float | None:
    """When a call began, on the clock of the event loop. None if it waits for ever, or not yet."""
    queue = from_._deadlines if from_._future is not None else None
    return None if queue is None else queue.started(from_)


def reply_future(from_: From[Any], timeout: float | None) -> "asyncio.Future[None]":
    """Return the future that is done when the call has ended, after `timeout` seconds at most."""
    node = from_._calls.node
    future = from_._future = node.loop.create_future()
    if timeout is None:
        from_._deadlines = None
        return future
    queue = node.deadlines.get(timeout)
    if queue is None:
        queue = Deadlines(node, timeout)
    queue[from_] = node.loop.time() + timeout
    from_._deadlines = queue
    return future


class Pending:
    """A call that no task waits for: a future gets its outcome. It stands in for `From._future`."""

    __slots__ = ("_failure", "_from", "_future")

    def __init__(
        self, from_: From[Any], future: "asyncio.Future[Any]", failure: Callable[[], Exception]
    ) -> None:
        self._from = from_
        self._future = future
        self._failure = failure
        future.add_done_callback(self._give_up)

    def done(self) -> bool:
        """Whether the future has the outcome, or was cancelled."""
        return self._future.done()

    def set_result(self, _: None) -> None:
        """Pass on how the call has ended."""
        outcome = self._from._outcome
        if self._from._status is not REPLIED:
            self._future.set_exception(self._failure())
        elif type(outcome) is Raise:
            self._future.set_exception(copy_error(outcome.error))
        else:
            self._future.set_result(outcome)

    def _give_up(self, future: "asyncio.Future[Any]") -> None:
        if future.cancelled() and self._from._status is WAITING:
            fail_call(self._from, CANCELLED)
