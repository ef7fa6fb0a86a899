"""What a coordinator costs over a real connection, beside a bare loop of requests and answers.

The bare loop is what one writes first: send, wait for the answer, send the next. It cannot overlap
its requests. Both sides talk to the same server with the same library and the same frames.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Coroutine, Iterator
from dataclasses import dataclass
from typing import Any, Final

from genreply_cli.bench.figures import Comparison, LoopFactory, callers
from genreply_cli.errors import ExitStatus, GenreplyError
from genreply_cli.otp import Node, ServerExit
from genreply_cli.remote.closing import close
from genreply_cli.remote.connecting import FAILURES, connect
from genreply_cli.remote.failures import why_not_connected
from genreply_cli.remote.frames import FrameError, RemoteError
from genreply_cli.remote.target import Target
from genreply_cli.session import real_time
from genreply_cli.session.outcome import Greets
from genreply_cli.session.settings import Settings
from genreply_cli.session.signals import until_terminated

CALLS: Final = 5_000
CALLERS: Final = 100
GREETING: Final = "Hello"

Measured = Callable[[Greets], Awaitable[float]]


@dataclass
class RemoteBench:
    """The comparisons for one coordinator and one server."""

    target: Target
    coordinator: str = "keyed"
    loop_factory: LoopFactory = None
    scale: float = 1.0
    clock: Callable[[], float] = time.perf_counter  # seconds

    def comparisons(self) -> Iterator[Comparison]:
        """Everything to measure."""
        unit, beside = "greetings/s", "a bare loop"
        yield Comparison("one caller", unit, self.served(self.one_caller), self.bare, beside)
        if self.coordinator in {"fifo", "keyed"}:  # the others answer overlapping calls wrongly
            overlapping = self.served(self.many_callers)
            yield Comparison(f"{CALLERS} callers", unit, overlapping, self.bare, beside)

    @property
    def calls(self) -> int:
        """The number of calls at the scale of this run."""
        return max(CALLERS, int(CALLS * self.scale))

    def served(self, measured: Measured) -> Callable[[], float]:
        """Something that callers of a coordinator do."""

        async def main() -> float:
            async with Node():
                coordinator = Settings(self.coordinator, target=self.target).start()
                await coordinator.greet(GREETING)  # when it is answered, it is connected
                return await measured(coordinator)

        return lambda: self._run(main())

    def bare(self) -> float:
        """Requests per second of a loop without a coordinator."""
        return self._run(self._bare_loop())

    async def one_caller(self, coordinator: Greets) -> float:
        """Greetings per second of one caller."""
        began = self.clock()
        await _greet(coordinator, self.calls)
        return self.calls / (self.clock() - began)

    async def many_callers(self, coordinator: Greets) -> float:
        """Greetings per second of callers that overlap."""
        each = self.calls // CALLERS
        began = self.clock()
        async with callers(_greet(coordinator, each) for _ in range(CALLERS)) as tasks:
            await asyncio.gather(*tasks)
        return each * CALLERS / (self.clock() - began)

    async def _bare_loop(self) -> float:
        has_ids, written = self.coordinator == "keyed", self.target.format
        connection = await connect(self.target)
        try:
            began = self.clock()
            for number in range(1, self.calls + 1):
                await connection.send(written.encode(number, GREETING) if has_ids else GREETING)
                answer = await connection.recv()
                if has_ids:
                    _check(number, *written.decode(answer))
            return self.calls / (self.clock() - began)
        finally:
            await close(connection)

    def _run(self, main: Coroutine[Any, Any, float]) -> float:
        with asyncio.Runner(loop_factory=self.loop_factory or real_time.Loop) as runner:
            try:
                return runner.run(until_terminated(main))
            except ServerExit as error:
                raise GenreplyError(str(error.reason), exit_code=ExitStatus.NO_SERVER) from None
            except FAILURES as error:
                problem = why_not_connected(self.target, error)
                raise GenreplyError(problem, exit_code=ExitStatus.NO_SERVER) from None
            except FrameError as error:
                raise GenreplyError(f"the server sent {error}") from None
            except RemoteError as error:
                problem = f"the server answered with an error: {error}"
                raise GenreplyError(problem, exit_code=ExitStatus.ERROR_REPLY) from None


async def _greet(coordinator: Greets, times: int) -> None:
    """Greet so many times in sequence."""
    for _ in range(times):
        await coordinator.greet(GREETING)


def _check(asked: int, number: int, answer: str | RemoteError) -> None:
    """Raise FrameError or RemoteError unless this answers what was asked."""
    if number != asked:
        raise FrameError(f"an answer to request {number}, and not to {asked}")
    if isinstance(answer, RemoteError):
        raise answer
