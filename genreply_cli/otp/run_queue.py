"""Which process runs next, and for how long before the event loop gets its turn.

Processes with messages stand in one queue, which a callback of the event loop empties: the turn.
A caller that is alone empties it at once instead of waiting for the turn: that is twice as fast.
Budgets keep both from starving timers and sockets.

Callers that are let go together must overlap, as on the BEAM: a call is not answered before those
that are ready to run by then have run, and have asked. Therefore no caller empties the queue while
the event loop has other callbacks to run, and the turn pauses for these, too. asyncio has no public
way to tell, so its queue of callbacks is looked at. On a loop that has none, such as uvloop's, all
callers wait for the turn.

A process that runs on the stack of a caller must see nothing of who happened to call. So the task
of the caller is not the current one meanwhile. The exception that a caller handles cannot be
hidden; such a caller waits for the turn.
"""

import asyncio
import sys
import types
from asyncio.tasks import _enter_task, _leave_task, current_task
from collections import deque
from collections.abc import Callable, Generator, Sized
from threading import get_ident
from typing import Any, Final, Protocol, TypeVar

T = TypeVar("T")

CALLS_PER_CLOCK_CHECK: Final = 64  # that callers may run themselves
MESSAGES_PER_RUN: Final = 100  # that a process may handle before other processes get their turn
RUNS_PER_DRAIN: Final = 64  # processes that may run before the event loop gets its turn
SECONDS_PER_TURN: Final = 0.001  # for which callers may run processes in one turn of the loop
CLOCK_CHECKS_PER_TURN: Final = 16  # the other limit of a turn: a virtual clock stands still
MAX_NESTED_DRAINS: Final = 8  # servers on one stack that call each other; the next waits its turn


class Runnable(Protocol):
    """What stands in the queue: a process."""

    run_in_context: Callable[[], None]

    @property
    def mailbox(self) -> Sized:
        """The messages that it has not handled."""


class RunQueue:
    """The processes that are ready to run. A base of Node, so that no hop is between the two."""

    # A call looks at these all the time, and a Node has more attributes than the 30 that CPython
    # finds fast in an object without slots.
    __slots__ = (
        "_budget", "_callbacks", "_clock_checks", "_drains", "_left", "_paused", "_scheduled",
        "_turn_began", "asked", "awake", "callers_waiting", "loop", "ready", "thread_id",
    )  # fmt: skip

    loop: asyncio.AbstractEventLoop

    def __init__(self) -> None:
        self.ready: deque[Runnable] = deque()
        self.awake = False  # the queue is being drained, or will be in the next turn of the loop
        self.callers_waiting = 0  # that stand in the queue of the loop until the turn is over
        self.asked = False  # a caller has begun to wait for the turn
        self._callbacks: Sized | None = None  # that the loop will run next, if that can be told
        self._scheduled = False  # the turn is among them
        self._paused = False  # the turn has let others go first
        self.thread_id = 0  # of the thread that runs the loop; 0: not open
        self._drains = 0  # on the stack
        self._left = 0  # processes to run before the turn may pause for others
        self._budget = CALLS_PER_CLOCK_CHECK  # calls left before the next look at the clock
        self._clock_checks = 0
        self._turn_began = 0.0  # on the clock of the loop

    def schedule(self, process: Runnable) -> None:
        """Put a process at the end of the queue."""
        self.ready.append(process)
        if not self.awake:
            self.wake()

    def wake(self) -> None:
        """Have the queue drained in the next turn of the event loop."""
        self.check_thread()
        self.awake = self._scheduled = True
        self.loop.call_soon(self._turn)

    def check_thread(self) -> None:
        """Raise RuntimeError in any thread but the node's own."""
        if get_ident() != self.thread_id:
            raise RuntimeError(
                "this node runs in another thread; from here, use node.run(function, …)"
            )

    def watch_callbacks(self) -> None:
        """Look at the queue of the loop from now on."""
        self._callbacks = getattr(self.loop, "_ready", None)

    def _others_ready(self) -> bool:
        """Whether the loop has callbacks to run that are neither the turn nor wait for it."""
        callbacks = self._callbacks
        return callbacks is not None and len(callbacks) > self.callers_waiting + self._scheduled

    def _turn(self) -> None:
        self._scheduled = False
        if self.asked and self.ready and not self._paused and self._others_ready():
            self._paused = True  # but only once, or these could keep it waiting for ever
            self.wake()
            return
        self.asked = self._paused = False
        self._budget = CALLS_PER_CLOCK_CHECK
        self._clock_checks = 0
        self._turn_began = self.loop.time()
        self.drain()

    def may_drain(self) -> bool:
        """Whether a caller may drain the queue itself, and need not wait for the turn.

        If so, it must call `drain` next.
        """
        if (
            self._callbacks is None
            or len(self._callbacks) > self._scheduled
            or sys.exception() is not None
        ):
            return False
        if (
            not self._budget
            and self._clock_checks < CLOCK_CHECKS_PER_TURN
            and self.loop.time() - self._turn_began < SECONDS_PER_TURN
        ):
            self._clock_checks += 1
            self._budget = CALLS_PER_CLOCK_CHECK
        if not self._budget or self._drains >= MAX_NESTED_DRAINS:
            return False
        self._budget -= 1
        self.awake = True  # so that `post` does not ask the loop for a turn meanwhile
        return True

    def run_apart(self, function: Callable[..., T], *args: Any) -> T:
        """Call a function that may run on the stack of a task, but not as that task."""
        loop = self.loop
        task = current_task(loop)
        if task is None:
            return function(*args)
        _leave_task(loop, task)
        try:
            return function(*args)
        finally:
            _enter_task(loop, task)

    def stand_back(self, process: Runnable) -> None:
        """Have a process that has been called run after those that are ready, and may call it."""
        if process in self.ready:  # otherwise it is running
            self.ready.remove(process)
            self.ready.append(process)
            self._left -= 1

    def drain(self, task: "asyncio.Task[Any] | None" = None) -> None:
        """Run the processes that are ready, and those that become so; none as the current `task`.

        The rest run in a later turn: above the limit, or if others have become ready meanwhile.
        """
        ready = self.ready
        self.awake = True
        self._drains += 1
        runs_left = RUNS_PER_DRAIN
        if task is not None:
            _leave_task(self.loop, task)
        try:
            self._left = len(ready)
            while ready and runs_left:
                runs_left -= 1
                self._left -= 1
                ready.popleft().run_in_context()
                if self._left <= 0:
                    self._left = len(ready)
                    if self.asked and ready and self._others_ready():
                        break  # a process has made a call that others may overlap
        finally:
            if task is not None:
                _enter_task(self.loop, task)
            self._leave_drain()

    def catch_up(self) -> None:
        """Have each process that is ready handle what it has now; what follows runs in turns."""
        ready = self.ready
        backlog = max((len(process.mailbox) for process in ready), default=0)
        self.awake = True
        self._drains += 1
        try:
            for _ in range(0, backlog, MESSAGES_PER_RUN):
                for _ in range(len(ready)):
                    if ready:  # a caller among them may have emptied the queue itself
                        ready.popleft().run_in_context()
        finally:
            self._leave_drain()

    def _leave_drain(self) -> None:
        self._drains -= 1
        if not self._drains:
            self.awake = self._scheduled
            if self.ready and not self.awake:
                self.wake()

    @types.coroutine
    def wait_for_turn(self) -> Generator[None]:
        """Await it to let the loop run all that is ready, and the turn if nothing keeps it."""
        self.asked = True
        if self._left == len(self.ready):  # what was called may be the last of them: let it wait
            self._left -= 1
        self.callers_waiting += 1
        try:
            yield
        finally:
            self.callers_waiting -= 1
