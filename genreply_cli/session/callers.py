"""A pool of callers: tasks that greet, each with one call at a time.

`CallerPool` decides which caller handles what. `Callers` makes calls one by one; batch.py makes
many at once.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Iterable
from typing import Generic, TypeVar

from genreply_cli.session.outcome import CANCELLED, Outcome, greet
from genreply_cli.variations import AnyCoordinator

Item = TypeVar("Item")


class CallerPool(Generic[Item]):
    """Callers that each `handle` one item at a time.

    `add` starts a caller when none is idle. `queue` starts callers only when those there are all
    have to wait: calls that are answered at once are fastest with a single caller.
    """

    def __init__(
        self, handle: Callable[[Item], Awaitable[None]], max_callers: int | None = None
    ) -> None:
        self._handle = handle
        self._max_callers = max_callers
        self._callers: list[asyncio.Task[None]] = []
        self._idle: dict[int, asyncio.Future[Item]] = {}  # by the index of the caller
        self._queue: deque[Item] = deque()
        self._loop = asyncio.get_running_loop()
        self._check_scheduled = False

    def add(self, item: Item) -> None:
        """Give an item to the first idle caller, or to a new one; queue it if all are busy."""
        if self._idle:
            self._idle.pop(min(self._idle)).set_result(item)
        elif len(self._callers) != self._max_callers:
            index = len(self._callers)
            self._callers.append(self._loop.create_task(self._caller(index, item), name="caller"))
        else:
            self._queue.append(item)

    def queue(self, items: Iterable[Item]) -> None:
        """Queue items for the callers, and add callers if they turn out to be too few."""
        self._queue.extend(items)
        while self._queue and (self._idle or not self._callers):
            self.add(self._queue.popleft())
        if not self._check_scheduled:
            self._check_scheduled = True
            self._loop.call_soon(self._check_load, None)

    def _check_load(self, queued_before: int | None) -> None:
        """Double the callers if none has taken an item from the queue in a turn of the loop."""
        queued, callers = len(self._queue), len(self._callers)
        if queued == queued_before:
            room = callers if self._max_callers is None else self._max_callers - callers
            for _ in range(min(callers, room, queued)):
                self.add(self._queue.popleft())
        self._check_scheduled = bool(self._queue) and len(self._callers) != self._max_callers
        if self._check_scheduled:
            self._loop.call_soon(self._check_load, len(self._queue))

    async def _caller(self, index: int, item: Item) -> None:
        handle, queue = self._handle, self._queue
        while True:
            await handle(item)
            if queue:
                item = queue.popleft()
            else:
                idle = self._idle[index] = self._loop.create_future()
                item = await idle

    async def close(self) -> None:
        """Cancel all callers, also those in a call."""
        self._queue.clear()  # a check of the load that is scheduled would start callers for it
        for caller in self._callers:
            caller.cancel()
        await asyncio.gather(*self._callers, return_exceptions=True)


class Call:
    """A greeting in flight. `done` becomes its outcome."""

    def __init__(
        self, number: int, coordinator: AnyCoordinator, message: str, timeout: float | None
    ) -> None:
        loop = asyncio.get_running_loop()
        self.number = number
        self.coordinator = coordinator
        self.message = message
        self.timeout = timeout
        self.began = loop.time()
        self.done: asyncio.Future[Outcome] = loop.create_future()
        self.given_up = False
        self.caller: asyncio.Task[None] | None = None

    @property
    def name(self) -> str:
        """The call's name, as transcripts have it."""
        return f"c{self.number}"

    @property
    def waited(self) -> float:
        """The seconds since the call was made."""
        return asyncio.get_running_loop().time() - self.began

    def give_up(self) -> None:
        """Cancel the call: its caller waits no longer, and the coordinator does not learn it."""
        if self.caller is not None and not self.given_up and not self.done.done():
            self.given_up = True
            self.caller.cancel()


class Callers:
    """Calls made one by one, each of which can be waited for and given up."""

    def __init__(self) -> None:
        self.asked = 0
        self.in_flight: dict[str, Call] = {}  # oldest first
        self._pool = CallerPool(self._make)

    def ask(self, coordinator: AnyCoordinator, message: str, timeout: float | None) -> Call:
        """Make a call. Its caller's task sends it in the next turn of the loop."""
        self.asked += 1
        call = Call(self.asked, coordinator, message, timeout)
        self.in_flight[call.name] = call
        self._pool.add(call)
        return call

    async def _make(self, call: Call) -> None:
        task = call.caller = asyncio.current_task()
        try:
            outcome = await greet(call.coordinator, call.number, call.message, call.timeout)
        except asyncio.CancelledError:
            if task is None or not call.given_up or task.uncancel():
                raise
            outcome = Outcome(call.number, call.message, CANCELLED, None, call.waited)
        call.caller = None
        del self.in_flight[call.name]
        call.done.set_result(outcome)

    async def close(self) -> None:
        """Cancel all callers, also those in a call."""
        await self._pool.close()
