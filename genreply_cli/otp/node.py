"""A node: the run queue, the names, the deadlines, and the one door through which an observer is told of every message.

One node runs in one event loop. `async with Node():` starts it where you are; `with Node.in_thread():` starts one in a thread of
its own, for programs that are not async at all. Leaving it stops what still runs, newest first.
"""

import asyncio
import contextlib
import itertools
import threading
import types
from collections import deque
from collections.abc import Callable, Generator
from threading import get_ident
from typing import Any, Final, Self

from genreply_cli.otp.answers import FAILED, REPLIED, TIMED_OUT, WAITING, Down, Exited, From, Stop
from genreply_cli.otp.events import Event, Kind
from genreply_cli.otp.exits import AlreadyStarted
from genreply_cli.otp.process import (
    BUSY,
    CALL,
    CAST,
    EXITED,
    NO_ENTRY,
    SYSTEM,
    Process,
    handling,
    logger,
    running,
)

BUDGET: Final = (
    64  # calls that may be answered, or processes run, before somebody looks at the clock
)
SLICE: Final = 0.001  # seconds for which calls may be answered before the event loop gets a turn
SLICES: Final = 16  # and looks at the clock before it gets one all the same: a virtual clock does not move meanwhile
DEPTH: Final = (
    8  # servers that may call one another on one stack before the next one waits its turn
)
GRACE: Final = 5.0  # seconds that a server has to stop when its node closes

SIGNALS: Final = (Down, Exited)

_new = (
    tuple.__new__
)  # an Event is made for each message: this takes half the time of its own constructor

_nodes: dict[asyncio.AbstractEventLoop, "Node"] = {}


class Node:
    """Where processes run. `observe`, if given, is called with an `Event` for all that happens; it must not raise.

    Raises RuntimeError if the event loop has a node already.
    """

    def __init__(self, observe: Callable[[Event], object] | None = None) -> None:
        self.observe = observe
        self.ready: deque[Process] = deque()
        self.awake = (
            False  # the run queue is being drained, or will be in the next turn of the loop
        )
        self.depth = 0  # drains on the stack
        self.budget = BUDGET  # calls that may still be answered before somebody looks at the clock
        self._looks = 0
        self._turn_began = 0.0
        self.names: dict[Any, Process] = {}
        self.processes: dict[Process, None] = {}  # oldest first
        self.next_id = itertools.count(1).__next__
        self._ends: deque[Process] = deque()  # those that others are still to be told of
        self._seq = 0
        self._thread = 0  # none yet
        self._closing = False
        self._deadlines: dict[float, dict[From[Any], float]] = {}
        self._timers: set[asyncio.TimerHandle] = set()
        self._runners: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> Self:
        self.loop = asyncio.get_running_loop()
        self._clock = self.loop.time
        self._thread = get_ident()
        if self.loop in _nodes:
            raise RuntimeError(
                "a node is running in this event loop already; one loop has one node"
            )
        _nodes[self.loop] = self
        return self

    async def __aexit__(self, *_: object) -> None:
        self._closing = True
        try:
            while self.processes:
                await self._shut_down(next(reversed(self.processes)))
            pause = 0.0
            while (
                self._runners
            ):  # a callback that ignores its cancellation is told again, less and less often
                await asyncio.wait(self._runners, timeout=pause)
                for runner in self._runners:
                    runner.cancel()
                pause = min(1.0, 2 * pause + 0.001)
        finally:
            for timer in self._timers:
                timer.cancel()
            self._timers.clear()
            self._deadlines.clear()
            self.ready.clear()
            del _nodes[self.loop]
            self._thread = 0

    async def _shut_down(self, process: Process) -> None:
        if process.status is BUSY and not process.server.trap_exit:  # as an exit signal does
            process.exit("shutdown")
            return
        process.post(
            SYSTEM, lambda process: process.finish(Stop("shutdown", process.state), NO_ENTRY)
        )
        try:
            async with asyncio.timeout(GRACE):
                await process.server.wait()
        except TimeoutError:
            process.exit("killed")

    # --- the run queue ------------------------------------------------------------------------------------------------------

    def schedule(self, process: Process) -> None:
        """Let a process run, in its turn."""
        self.ready.append(process)
        if not self.awake:
            self.wake()

    def wake(self) -> None:
        """Have the run queue drained in the next turn of the event loop."""
        self.check_thread()
        self.awake = True
        self.loop.call_soon(self._turn)

    def check_thread(self) -> None:
        """Raise RuntimeError in any thread but the node's own."""
        if get_ident() != self._thread:
            raise RuntimeError(
                "this node runs in another thread; from here, use node.run(function, …)"
            )

    def _turn(self) -> None:
        self.budget = BUDGET
        self._looks = 0
        self._turn_began = self.loop.time()
        self.drain()

    def may_drain(self) -> bool:
        """Whether a caller will now drain the queue itself, instead of waiting for the next turn of the loop."""
        if not self.budget and self._looks < SLICES and self.loop.time() - self._turn_began < SLICE:
            self._looks += 1
            self.budget = BUDGET
        if not self.budget or self.depth >= DEPTH:
            return False
        self.budget -= 1
        self.awake = True  # so that nobody asks the loop for a turn meanwhile
        return True

    def drain(self) -> None:
        """Run the processes that are ready, up to a number; what is left has its turn after the loop's other work."""
        ready = self.ready
        self.awake = True
        self.depth += 1
        count = BUDGET
        try:
            while ready and count:
                count -= 1
                ready.popleft().have_a_go()
        finally:
            self.depth -= 1
            if not self.depth:
                self.awake = False
                if ready:
                    self.wake()

    def adopt(self, task: "asyncio.Task[None]") -> "asyncio.Task[None]":
        """Keep a task of a process, to wait for its end when the node closes."""
        self._runners.add(task)
        task.add_done_callback(self._runners.discard)
        return task

    # --- names --------------------------------------------------------------------------------------------------------------

    def enrol(self, process: Process) -> None:
        """Take up a new process, and its name, if it has one. Raises AlreadyStarted if that is taken."""
        if self._closing:
            raise RuntimeError(f"{process.server!r} cannot start: its node is closing")
        if process.name is not None:
            holder = self.names.setdefault(process.name, process)
            if holder is not process:
                raise AlreadyStarted(holder.server, process.name)
        self.processes[process] = None

    def forget(self, process: Process) -> None:
        """A process has ended; its name is free."""
        self.processes.pop(process, None)
        if process.name is not None and self.names.get(process.name) is process:
            del self.names[process.name]

    def pass_on(self, process: Process) -> None:
        """Tell others of an end. Of theirs is told after it, not within it: chains may be long."""
        self._ends.append(process)
        if len(self._ends) == 1:  # otherwise somebody is at it
            while self._ends:
                self._ends[0].pass_on()
                self._ends.popleft()

    # --- calls --------------------------------------------------------------------------------------------------------------

    def reply(self, from_: From[Any], value: Any) -> None:
        """Answer a call. Only the first answer of a call that still waits arrives; all others are dropped."""
        if get_ident() != self._thread:  # it would leave the caller waiting for ever
            self.check_thread()
        if self.observe is not None:
            source: Any = running.get()
            if source is None:
                source = asyncio.current_task(self.loop)
            kind: Kind = (
                "reply"
                if from_._status is WAITING
                else "duplicate"
                if from_._status is REPLIED
                else "late"
            )
            self.tell(kind, source, from_.caller, value, from_)
        if from_._status is WAITING:
            from_._status = REPLIED
            from_._outcome = value
            del from_.server._process.open[from_]
            if from_._future is not None:
                self._wake_caller(from_)

    def give_up(self, from_: From[Any], status: str, why: Any) -> None:
        """A call that waits ends without a reply, for one of three reasons."""
        if self.observe is not None:
            if status is FAILED:
                self.tell("down", from_.server, from_.caller, why, about=from_)
            else:
                self.tell(
                    "timeout" if status is TIMED_OUT else "cancel",
                    from_.caller,
                    from_.server,
                    about=from_,
                    detail=why,
                )
        from_._status = status
        from_._outcome = why
        del from_.server._process.open[from_]
        if from_._future is not None:
            self._wake_caller(from_)

    def _wake_caller(self, from_: From[Any]) -> None:
        future = from_._future
        if from_._deadlines is not None:
            del from_._deadlines[from_]
        from_._future = from_._deadlines = None
        if future is not None and not future.done():
            future.set_result(None)

    def wait_for(self, from_: From[Any], timeout: float | None) -> "asyncio.Future[None]":
        """What the caller of a call awaits. Equal timeouts share a queue and one timer: they fall due in their order."""
        future = from_._future = self.loop.create_future()
        if timeout is None:
            from_._deadlines = None
            return future
        queue = self._deadlines.get(timeout)
        if queue is None:
            queue = self._deadlines[timeout] = {}
            self.after(timeout, self._expired, timeout, queue)
        queue[from_] = self.loop.time() + timeout
        from_._deadlines = queue
        return future

    def _expired(self, timeout: float, queue: "dict[From[Any], float]") -> None:
        now = self.loop.time()
        due = list(itertools.takewhile(lambda from_: queue[from_] <= now, queue))
        for from_ in due:
            self.give_up(from_, TIMED_OUT, timeout)
        if queue:
            self.after(queue[next(iter(queue))] - now, self._expired, timeout, queue)
        else:
            del self._deadlines[timeout]

    def after(
        self, delay: float, function: Callable[..., object], *args: Any
    ) -> asyncio.TimerHandle:
        """`call_later`, with a handle that the node cancels when it closes."""

        def fire() -> None:
            self._timers.discard(timer)
            function(*args)

        timer = self.loop.call_later(delay, fire)
        self._timers.add(timer)
        return timer

    def drop_timer(self, timer: asyncio.TimerHandle) -> None:
        """Cancel what `after` has returned."""
        timer.cancel()
        self._timers.discard(timer)

    # --- the door -----------------------------------------------------------------------------------------------------------

    def tell(
        self,
        kind: Kind,
        source: Any,
        target: Any,
        message: Any = None,
        about: From[Any] | None = None,
        detail: Any = None,
    ) -> Event | None:
        """Tell the observer, if there is one, and return what it was told."""
        if self.observe is None:
            return None
        cause = handling.get()
        call, cause_seq = (
            (about, None) if cause is None else (about if kind is CALL else cause.call, cause.seq)
        )
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

    def tell_message(
        self, kind: str, process: Process, message: Any, from_: From[Any] | None
    ) -> Event | None:
        """Tell of a message to a process."""
        server = process.server
        if kind is SYSTEM:
            return None
        if from_ is not None:
            return self.tell(CALL, from_.caller, server, message, from_, from_.timeout)
        source: Any = running.get()
        if source is None:
            source = asyncio.current_task(self.loop)
        if process.status is EXITED:
            return self.tell("lost", source, server, message, None, kind)
        if kind is CAST:
            return self.tell("cast", source, server, message)
        if isinstance(message, SIGNALS):
            if isinstance(message, Down):
                return self.tell("down", message.process, server, message.reason)
            source = message.process
        return self.tell("info", source, server, message)

    def who(self) -> Any:
        """Who is running now: a GenServer, a plain task, or None outside both."""
        server = running.get()
        return server if server is not None else asyncio.current_task(self.loop)

    # --- from other threads -------------------------------------------------------------------------------------------------

    @staticmethod
    @contextlib.contextmanager
    def in_thread(observe: Callable[[Event], object] | None = None) -> "Generator[Node]":
        """A node in a thread of its own, for code that is not async: `with Node.in_thread() as node: node.run(…)`."""
        node = Node(observe)
        started = threading.Event()
        leave = asyncio.Event()

        async def serve() -> None:
            async with node:
                started.set()
                await leave.wait()

        thread = threading.Thread(
            target=asyncio.run, args=(serve(),), name="genreply node", daemon=True
        )
        thread.start()
        started.wait()
        try:
            yield node
        finally:
            with contextlib.suppress(
                RuntimeError
            ):  # a SystemExit in a callback has ended the thread already
                node.loop.call_soon_threadsafe(leave.set)
            thread.join()

    def run(self, function: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        """Call a function, async or not, in the node's thread, and block this thread until it returns or raises.

        `node.run(coordinator.greet, "Hello")` is an ordinary function call that waits for a deferred reply.
        Raises RuntimeError in the node's own thread, which would wait for itself.
        """
        if asyncio.iscoroutine(function):
            function.close()
            raise TypeError(
                f"node.run was given the coroutine {function.__qualname__}(…); expected a function and its arguments, "
                "as in node.run(coordinator.greet, 'Hello')"
            )
        if not self._thread:
            raise RuntimeError(
                "this node is not running; use it inside `with Node.in_thread() as node:`"
            )
        if get_ident() == self._thread:
            raise RuntimeError(
                "node.run() blocks, and this is the thread that would have to do the work; await it instead"
            )

        finished = (
            threading.Lock()
        )  # half the cost of a concurrent future, and two locks less a call
        finished.acquire()
        outcome: list[tuple[Any, BaseException | None]] = []
        tasks: list[asyncio.Task[None]] = []

        async def do() -> None:
            try:
                result = function(*args, **kwargs)
                outcome.append((await result if asyncio.iscoroutine(result) else result, None))
            except BaseException as error:
                outcome.append((None, error))
            finally:
                finished.release()

        self.loop.call_soon_threadsafe(lambda: tasks.append(self.loop.create_task(do())))
        try:
            finished.acquire()
        except BaseException:  # Ctrl-C here is the death of the caller there
            self.loop.call_soon_threadsafe(tasks[0].cancel)
            raise
        [(value, failure)] = outcome
        if failure is not None:
            raise failure
        return value


@types.coroutine
def one_turn() -> Generator[None, None, None]:
    """To be awaited for one turn of the event loop."""
    yield


def node_here() -> Node:
    """The node of the running event loop. Raises RuntimeError if there is none."""
    try:
        return _nodes[asyncio.get_running_loop()]
    except (RuntimeError, KeyError):
        raise RuntimeError(
            "no node is running here; open one with `async with Node():`, or with `with Node.in_thread() as node:` "
            "and use node.run(function, …)"
        ) from None
