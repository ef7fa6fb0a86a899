"""Many greetings, several at once, and their outcomes in order."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterable, AsyncIterator, Callable, Iterable
from itertools import islice

from genreply_cli.errors import GenreplyError
from genreply_cli.session.callers import CallerPool
from genreply_cli.session.outcome import REPLIED, Greets, Outcome, raised

MAX_AHEAD = 1000  # greetings that may be sent, or have an outcome, while an earlier one is pending

_new = tuple.__new__  # makes an Outcome in half the time of its own constructor


async def greet_all(
    coordinator: Greets,
    messages: Iterable[str] | AsyncIterable[list[str]],
    timeout: float | None,
    jobs: int = 1,
    *,
    as_done: bool = False,
    first: int = 1,
    complete: Callable[[Outcome], Outcome] | None = None,
) -> AsyncGenerator[list[Outcome], None]:
    """Greet with each message, at most `jobs` at once. Yields outcomes in the messages' order.

    `messages` may arrive over time, some at once. No more than `MAX_AHEAD` greetings are sent
    ahead of a pending one, so memory does not grow with the number of messages.
    `as_done` yields each outcome as soon as it is known. `first` is the number of the first call.
    `complete` adds to an outcome what the caller itself does not know.
    """
    batch = _Batch(coordinator, timeout, jobs, as_done=as_done)
    batch.complete, batch.next_number = complete, first
    feeder = asyncio.create_task(batch.feed(messages, first))
    try:
        while not feeder.done() or batch.pending:
            await batch.changed.wait()
            batch.changed.clear()
            if batch.failure is not None:
                raise batch.failure
            if outcomes := batch.take():
                yield outcomes
    finally:
        feeder.cancel()
        await batch.pool.close()
        await asyncio.gather(feeder, return_exceptions=True)


class _Batch:
    """The greetings of `greet_all`: sends them through a pool, and puts their outcomes in order."""

    def __init__(
        self, coordinator: Greets, timeout: float | None, jobs: int, *, as_done: bool
    ) -> None:
        self.greet = coordinator.greet
        self.timeout = timeout
        self.as_done = as_done
        self.pool = CallerPool(self._send, jobs)
        self.max_pending = MAX_AHEAD + jobs
        self.pending = 0  # greetings whose outcome has not been taken
        self.next_number = 1  # of the outcome that is ready next
        self.ready: list[Outcome] = []
        self.out_of_order: dict[int, Outcome] = {}
        self.failure: Exception | None = None
        self.changed = asyncio.Event()  # something is ready, or has failed, or the feeder is done
        self.room = asyncio.Event()
        self.loop = asyncio.get_running_loop()
        self.clock = self.loop.time
        self.complete: Callable[[Outcome], Outcome] | None = None

    async def feed(self, messages: Iterable[str] | AsyncIterable[list[str]], number: int) -> None:
        """Give all messages to the callers, in pieces. The calls are numbered from `number` on."""
        source = _chunked(messages) if isinstance(messages, Iterable) else messages
        try:
            async for chunk in source:
                for start in range(0, len(chunk), MAX_AHEAD):
                    while self.pending >= self.max_pending:
                        self.room.clear()
                        await self.room.wait()
                    piece = chunk[start : start + MAX_AHEAD]
                    self.pending += len(piece)
                    self.pool.queue(enumerate(piece, number))
                    number += len(piece)
                    await asyncio.sleep(0)  # so that answers are not kept waiting by new calls
        except Exception as error:
            self.failure = error
        finally:
            self.changed.set()

    async def _send(self, numbered: tuple[int, str]) -> None:
        number, message = numbered
        clock = self.clock
        began = clock()
        try:
            reply = await self.greet(message, self.timeout)
        except GenreplyError as error:
            self.failure = error
            self.changed.set()
            raise
        except Exception as error:
            outcome = raised(number, message, clock() - began, error)
        else:
            blocked = clock() - began
            outcome = _new(Outcome, (number, message, REPLIED, reply, blocked, None, None, None))
        if self.complete is not None:
            outcome = self.complete(outcome)
        if number == self.next_number or self.as_done:
            self.next_number += 1
            self.ready.append(outcome)
            if len(self.ready) == 1:  # not at once: a caller that is alone would be kept waiting
                self.loop.call_later(0, self.changed.set)
        else:
            self.out_of_order[number] = outcome

    def take(self) -> list[Outcome]:
        """The outcomes that are ready."""
        while self.next_number in self.out_of_order:
            self.ready.append(self.out_of_order.pop(self.next_number))
            self.next_number += 1
        ready, self.ready = self.ready, []
        self.pending -= len(ready)
        if self.pending < self.max_pending:
            self.room.set()
        return ready


async def _chunked(messages: Iterable[str]) -> AsyncIterator[list[str]]:
    source = iter(messages)
    while chunk := list(islice(source, MAX_AHEAD)):
        yield chunk
