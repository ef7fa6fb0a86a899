"""Callers who may wait at the same time, each for one call: calls can be waited for, put aside, and given up."""

import asyncio

from genreply_cli.session.outcome import CANCELLED, Outcome, greet
from genreply_cli.variations import AnyCoordinator


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
        """As transcripts have it."""
        return f"c{self.number}"

    @property
    def waited(self) -> float:
        """For how many seconds."""
        return asyncio.get_running_loop().time() - self.began

    def give_up(self) -> None:
        """Let the caller wait no longer. Nobody is told; the coordinator least of all."""
        if self.caller is not None and not self.given_up and not self.done.done():
            self.given_up = True
            self.caller.cancel()


class Callers:
    """As many callers as are needed at the same time. One who has an answer asks again, before another one is called in."""

    def __init__(self) -> None:
        self.asked = 0
        self.in_flight: dict[str, Call] = {}  # oldest first
        self._idle: dict[
            int, asyncio.Future[Call]
        ] = {}  # those who have nothing to ask, by their number
        self._tasks: list[asyncio.Task[None]] = []

    def ask(self, coordinator: AnyCoordinator, message: str, timeout: float | None) -> Call:
        """Have somebody greet."""
        self.asked += 1
        call = Call(self.asked, coordinator, message, timeout)
        self.in_flight[call.name] = call
        if self._idle:
            self._idle.pop(min(self._idle)).set_result(call)
        else:
            number = len(self._tasks)
            self._tasks.append(
                asyncio.get_running_loop().create_task(self._caller(number, call), name="caller")
            )
        return call

    async def _caller(self, number: int, call: Call) -> None:
        task = asyncio.current_task()
        while True:
            call.caller = task
            try:
                outcome = await greet(call.coordinator, call.number, call.message, call.timeout)
            except asyncio.CancelledError:
                if task is None or not call.given_up or task.uncancel():
                    raise
                outcome = Outcome(call.number, call.message, CANCELLED, None, call.waited)
            call.caller = None
            del self.in_flight[call.name]
            call.done.set_result(outcome)
            following = self._idle[number] = asyncio.get_running_loop().create_future()
            call = await following

    async def close(self) -> None:
        """Send all callers away, also those who wait."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
