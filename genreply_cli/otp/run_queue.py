"""Which process runs next, and for how long before the event loop gets its turn.

Processes with messages stand in one queue. A callback of the event loop empties it, or the caller
of a call does so at once instead of waiting for the next turn of the loop: that is twice as fast.
Budgets keep both from starving timers and sockets.
"""

import asyncio
import types
from collections import deque
from collections.abc import Callable, Generator
from threading import get_ident
from typing import Final, Protocol

CALLS_PER_CLOCK_CHECK: Final = 64  # that callers may run themselves
RUNS_PER_DRAIN: Final = 64  # processes that may run before the event loop gets its turn
SECONDS_PER_TURN: Final = 0.001  # for which callers may run processes in one turn of the loop
CLOCK_CHECKS_PER_TURN: Final = 16  # the other limit of a turn: a virtual clock stands still
MAX_NESTED_DRAINS: Final = 8  # servers on one stack that call each other; the next waits its turn


class Runnable(Protocol):
    """What stands in the queue: a process."""

    run_in_context: Callable[[], None]


class RunQueue:
    """The processes that are ready to run. A base of Node, so that no hop is between the two."""

    loop: asyncio.AbstractEventLoop

    def __init__(self) -> None:
        self.ready: deque[Runnable] = deque()
        self.awake = False  # the queue is being drained, or will be in the next turn of the loop
        self.thread_id = 0  # of the thread that runs the loop; 0: not open
        self._drains = 0  # on the stack
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
        self.awake = True
        self.loop.call_soon(self._turn)

    def check_thread(self) -> None:
        """Raise RuntimeError in any thread but the node's own."""
        if get_ident() != self.thread_id:
            raise RuntimeError(
                "this node runs in another thread; from here, use node.run(function, …)"
            )

    def _turn(self) -> None:
        self._budget = CALLS_PER_CLOCK_CHECK
        self._clock_checks = 0
        self._turn_began = self.loop.time()
        self.drain()

    def may_drain(self) -> bool:
        """Whether a caller may drain the queue itself, and need not wait for the loop.

        If so, it must call `drain` next.
        """
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

    def drain(self) -> None:
        """Run the processes that are ready. Those above the limit run in a later turn."""
        ready = self.ready
        self.awake = True
        self._drains += 1
        runs_left = RUNS_PER_DRAIN
        try:
            while ready and runs_left:
                runs_left -= 1
                ready.popleft().run_in_context()
        finally:
            self._drains -= 1
            if not self._drains:
                self.awake = False
                if ready:
                    self.wake()


@types.coroutine
def yield_to_loop() -> Generator[None]:
    """Await it to give the event loop one turn."""
    yield
