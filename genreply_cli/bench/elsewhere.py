"""What a call from Python to another node of a cluster costs, beside one that the BEAM makes there.

Both sides call the same process over the same connection between two BEAMs. On the one side Python
asks, through the BEAM that runs beside it; on the other side that BEAM asks by itself.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Final

from genreply_cli.bench.figures import Comparison, LoopFactory, callers
from genreply_cli.cluster import ClusterError
from genreply_cli.coordinator import Greet
from genreply_cli.errors import ExitStatus, GenreplyError
from genreply_cli.otp import CallError, CallTimeout, Node
from genreply_cli.session.elsewhere import At, Elsewhere
from genreply_cli.session.signals import until_terminated

CALLS: Final = 5_000  # of one caller
CALLERS, CALLS_EACH = 1_000, 20
GREETING: Final = "Hello"

Measured = Callable[[Elsewhere, int, int], Awaitable[float]]


@dataclass
class ClusterBench:
    """The comparisons for one place in a cluster."""

    at: At
    loop_factory: LoopFactory = None
    scale: float = 1.0
    clock: Callable[[], float] = time.perf_counter  # seconds

    def comparisons(self) -> Iterator[Comparison]:
        """Everything to measure."""
        sizes = {
            "one caller": (1, self._scaled(CALLS)),
            f"{CALLERS:,} callers": (CALLERS, self._scaled(CALLS_EACH)),
        }
        for name, size in sizes.items():
            ours, theirs = (partial(self._run, side, *size) for side in (self.python, self.beam))
            yield Comparison(name, "greetings/s", ours, theirs, "a BEAM node that calls the same")

    async def python(self, elsewhere: Elsewhere, number: int, each: int) -> float:
        """Greetings a second of callers in Python."""
        began = self.clock()
        async with callers(_greet(elsewhere, each) for _ in range(number)) as tasks:
            await asyncio.gather(*tasks)
        return number * each / (self.clock() - began)

    async def beam(self, elsewhere: Elsewhere, number: int, each: int) -> float:
        """Greetings a second of callers on the BEAM."""
        cluster, request = elsewhere.cluster, Greet(GREETING)
        seconds = await cluster.time_calls(self.at.name, self.at.node, request, number, each)
        return number * each / seconds

    def _scaled(self, number: int) -> int:
        return max(1, int(number * self.scale))

    def _run(self, measured: Measured, number: int, each: int) -> float:
        async def main() -> float:
            async with Node():
                elsewhere = Elsewhere(self.at)
                await elsewhere.open()
                await elsewhere.greet(GREETING)  # when it is answered, the nodes are connected
                return await measured(elsewhere, number, each)

        with asyncio.Runner(loop_factory=self.loop_factory) as runner:
            try:
                return runner.run(until_terminated(main()))
            except CallError as error:
                late = isinstance(error, CallTimeout)
                raise GenreplyError(
                    f"a greeting to {self.at} has failed: {error.why}",
                    exit_code=ExitStatus.TIMED_OUT if late else ExitStatus.NO_SERVER,
                ) from None
            except ClusterError as error:
                raise GenreplyError(str(error), exit_code=ExitStatus.NO_SERVER) from None


async def _greet(elsewhere: Elsewhere, times: int) -> None:
    """Greet so many times in sequence."""
    for _ in range(times):
        await elsewhere.greet(GREETING)
