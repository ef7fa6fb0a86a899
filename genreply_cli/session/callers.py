"""A pool of callers: tasks that greet, each with one call at a time.

`CallerPool` decides which caller handles what. `Callers` makes calls one by one; batch.py makes
many at once.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Iterable
from heapq import heappop, heappush
from typing import Final, Generic, TypeVar

from genreply_cli.session.outcome import CANCELLED, Greets, Outcome, greet

Item = TypeVar("Item")

TURNS_UNTIL_HANDLED: Final = 3  # of the event loop, after a caller's task was given an item


class CallerPool(Generic[Item]):
    """Callers that each `handle` one item at a time.

    Items that come together are handled at once, as far as there are callers: their calls overlap.
    """

    def __init__(
        self, handle: Callable[[Item], Awaitable[None]], max_callers: int | None = None
    ) -> None:
        self._handle = handle
        self._max_callers = max_callers
        self._callers: list[asyncio.Task[None]] = []
        self._idle: list[tuple[int, asyncio.Future[None]]] = []  # a heap, by index of the caller
        self._queue: deque[Item] = deque()
        self._loop = asyncio.get_running_loop()

    def add(self, item: Item) -> None:
        """Queue an item, for the first idle caller, or for a new one, unless all are busy."""
        self._queue.append(item)
        self._call_in()

    def _call_in(self) -> None:
        """Have an idle caller, or a new one, take the next item from the queue when it runs.

        It is not given the item before: a caller that runs earlier would then handle a later item.
        """
        if self._idle:
            heappop(self._idle)[1].set_result(None)
        elif len(self._callers) != self._max_callers:
            index = len(self._callers)
            self._callers.append(self._loop.create_task(self._caller(index), name="caller"))

    def queue(self, items: Iterable[Item]) -> None:
        """Queue items, each for a caller of its own as long as there are callers."""
        self._queue.extend(items)
        room = len(self._queue)
        if self._max_callers is not None:
            room = min(room, len(self._idle) + self._max_callers - len(self._callers))
        for _ in range(room):
            self._call_in()

    async def _caller(self, index: int) -> None:
        handle, queue = self._handle, self._queue
        while True:
            while queue:
                await handle(queue.popleft())
            idle = self._loop.create_future()
            heappush(self._idle, (index, idle))
            await idle

    async def close(self) -> None:
        """Cancel all callers, also those in a call."""
        self._queue.clear()
        for caller in self._callers:
            caller.cancel()
        await asyncio.gather(*self._callers, return_exceptions=True)


async def until_sent() -> None:
    """Wait until the coordinator has handled what was asked before, unless it is busy.

    First the callers' tasks send it, then the runtime lets all others that are ready go first.
    """
    for _ in range(TURNS_UNTIL_HANDLED):
        await asyncio.sleep(0)


class Call:
    """A greeting in flight. `done` becomes its outcome."""

    def __init__(
        self, number: int, coordinator: Greets, message: str, timeout: float | None
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
        self._asking: dict[object, Call] = {}  # caller's task -> its call, which is not sent yet
        self._pool = CallerPool(self._make)

    def ask(self, coordinator: Greets, message: str, timeout: float | None) -> Call:
        """Make a call. Its caller's task sends it in the next turn of the loop."""
        self.asked += 1
        call = Call(self.asked, coordinator, message, timeout)
        self.in_flight[call.name] = call
        self._pool.add(call)
        return call

    def number(self, source: object, number: int) -> None:
        """Give a call the number that it has in the transcript. Servers may make calls, too."""
        call = self._asking.pop(source, None) if isinstance(source, asyncio.Task) else None
        self.asked = max(self.asked, number)
        if call is not None and call.number == number:
            return
        other = self.in_flight.pop(f"c{number}", None)
        if other is not None:  # it has not been sent
            self.asked += 1
            other.number = self.asked
            self.in_flight[other.name] = other
        if call is not None:
            del self.in_flight[call.name]
            call.number = number
            self.in_flight[call.name] = call

    async def _make(self, call: Call) -> None:
        task = call.caller = asyncio.current_task()
        self._asking[task] = call
        try:
            outcome = await greet(call.coordinator, call.number, call.message, call.timeout)
        except asyncio.CancelledError:
            if task is None or not call.given_up or task.uncancel():
                raise
            outcome = Outcome(call.number, call.message, CANCELLED, None, call.waited)
        call.caller = None
        self._asking.pop(task, None)
        del self.in_flight[call.name]
        call.done.set_result(outcome._replace(number=call.number))

    async def close(self) -> None:
        """Cancel all callers, also those in a call."""
        await self._pool.close()
