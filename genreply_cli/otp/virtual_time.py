"""An event loop whose clock jumps: an hour's sleep takes no time, and every run is the same.

`run(main())` is `asyncio.run(main())`, except that the clock jumps to the next deadline whenever
nothing is ready to run. Equal deadlines fall due in the order in which they were set. If nothing is
ready and there is no deadline, the program waits for something that can never happen: `Deadlock` is
raised at once, and says which tasks wait, and where.

The clock belongs to the loop, so `asyncio.sleep`, `asyncio.timeout`, `call_later` and the timeouts
of the runtime all agree. What runs here must not use threads, sockets or pipes: the clock would not
wait for them.

Only public parts of asyncio are used: a selector that does not wait, and `call_at` and `time`,
which a loop may define.
"""

import asyncio
import heapq
import itertools
import selectors
from collections.abc import Callable, Coroutine
from contextvars import Context, copy_context
from typing import Any, TypeVar, TypeVarTuple, Unpack

T = TypeVar("T")
Ts = TypeVarTuple("Ts")


class Deadlock(RuntimeError):
    """All tasks wait, and nothing can happen any more."""


def run(main: Coroutine[Any, Any, T], *, debug: bool | None = None) -> T:
    """Run `main` to its end, and return its result. The clock starts at 0 seconds.

    Raises what `main` raises, and `Deadlock`. `debug` is that of `asyncio.run`.
    """
    with asyncio.Runner(debug=debug, loop_factory=Loop) as runner:
        return runner.run(main)


class Loop(asyncio.SelectorEventLoop):
    """The event loop of `run`. It may also be used as a `loop_factory` of `asyncio.Runner`."""

    def __init__(self) -> None:
        self._now = 0.0
        self._order = itertools.count()
        self._timers: list[
            tuple[float, int, asyncio.TimerHandle, Callable[..., object], tuple[Any, ...], Context]
        ] = []
        self._room = 100  # timers that there may be before those that were cancelled are thrown out
        super().__init__(_JumpingSelector(self))

    def time(self) -> float:
        """Return the seconds since the loop was made. They move on only when nothing is ready."""
        return self._now

    def call_at(
        self,
        when: float,
        callback: Callable[[Unpack[Ts]], object],
        *args: *Ts,
        context: Context | None = None,
    ) -> asyncio.TimerHandle:
        """As in asyncio, but equal deadlines keep their order.

        asyncio keeps handles in a heap, which does not.
        """
        context = copy_context() if context is None else context
        handle = asyncio.TimerHandle(when, callback, args, self, context)
        if len(self._timers) >= self._room:
            self._timers = [timer for timer in self._timers if not timer[2].cancelled()]
            heapq.heapify(self._timers)
            self._room = 2 * len(self._timers) + 100
        heapq.heappush(self._timers, (when, next(self._order), handle, callback, args, context))
        return handle

    def jump(self) -> None:
        """Move the clock to the next deadline, and make ready what is due then.

        Raises `Deadlock` if there is no deadline.
        """
        while self._timers and self._timers[0][2].cancelled():
            heapq.heappop(self._timers)
        if not self._timers:
            raise Deadlock(self._describe_deadlock())
        self._now = max(self._now, self._timers[0][0])
        while self._timers and self._timers[0][0] <= self._now:
            _, _, handle, callback, args, context = heapq.heappop(self._timers)
            self.call_soon(_unless_cancelled, handle, callback, args, context=context)

    def _describe_deadlock(self) -> str:
        waiting = [f"{task.get_name()} in {_where(task)}" for task in asyncio.all_tasks(self)]
        listed = "; ".join(sorted(waiting)) or "nobody"
        return f"at {self._now:g} s nothing can happen any more; waiting: {listed}"


class _JumpingSelector(selectors.DefaultSelector):
    """Where a loop would wait for a deadline or a socket, this one makes the clock jump."""

    def __init__(self, loop: Loop) -> None:
        super().__init__()
        self._loop = loop

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        ready: list[tuple[selectors.SelectorKey, int]] = super().select(0)
        if timeout is None and not ready:  # no callback is ready, and no signal (Ctrl-C)
            self._loop.jump()
        return ready


def _unless_cancelled(
    handle: asyncio.TimerHandle, callback: Callable[..., object], args: tuple[Any, ...]
) -> None:
    if not handle.cancelled():
        callback(*args)


def _where(task: "asyncio.Task[Any]") -> str:
    """Name the functions in which a task waits, the outermost first, with file and line."""
    places = []
    waiting: Any = task.get_coro()
    while waiting is not None:
        frame = getattr(waiting, "cr_frame", None) or getattr(waiting, "gi_frame", None)
        if frame is None:
            break
        file = frame.f_code.co_filename.rpartition("/")[2]
        places.append(f"{waiting.__qualname__} ({file}:{frame.f_lineno})")
        inner = getattr(waiting, "cr_await", None) or getattr(waiting, "gi_yieldfrom", None)
        waiting = frame.f_locals.get("coroutine") if inner is None else inner  # of `_resume`
    return " > ".join(places)
