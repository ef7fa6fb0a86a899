"""A coordinator at work: which one, behind which network, on which clock."""

import asyncio
import logging
import signal
from collections.abc import AsyncIterator, Coroutine, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

from genreply_cli.errors import Terminated
from genreply_cli.faults import Fault, Network
from genreply_cli.otp import Node
from genreply_cli.variations import COORDINATORS, AnyCoordinator

if TYPE_CHECKING:
    from genreply_cli.watch import Sink, Watch

T = TypeVar("T")


@dataclass(frozen=True)
class Settings:
    """What a session is run with; all its chances come from `seed`. Times are seconds."""

    coordinator: str = "keyed"
    delay: tuple[float, float] = (0.0, 0.0)  # how long the network takes, from and to
    timeout: float | None = 5.0  # how long a caller waits; None: for ever
    faults: tuple[Fault, ...] = ()
    seed: int = 0
    clock: str = "real"  # or "virtual"

    def start(self) -> AnyCoordinator:
        """Start the coordinator, and with it its socket, in the node that is running here."""
        coordinator, socket = COORDINATORS[self.coordinator]
        network = Network(self.delay, self.faults, self.timeout, self.seed)
        return coordinator.start_link(network.between(socket), name="coordinator")

    def run(self, main: Coroutine[Any, Any, T]) -> T:
        """Run a program on the clock of these settings."""
        if self.clock == "virtual":
            from genreply_cli.otp import virtual_time

            return virtual_time.run(main)
        return asyncio.run(main)


@asynccontextmanager
async def session(settings: Settings, sinks: "Sequence[Sink]" = ()) -> "AsyncIterator[tuple[AnyCoordinator, Watch | None]]":
    """A running coordinator, and those who look on; with no sinks, nobody does, and nothing is spent on it.

    Whatever ends it, the sinks get the `end` step. SIGTERM ends it with `Terminated`.
    """
    loop = asyncio.get_running_loop()
    logging.getLogger("genreply_cli").addHandler(logging.NullHandler())  # a crash is told by the timeline
    watch = None
    if sinks:
        from genreply_cli.watch import Watch

        watch = Watch(sinks)
    task = asyncio.current_task()
    terminated = False

    def terminate() -> None:
        nonlocal terminated
        terminated = True
        if task is not None:
            task.cancel()

    loop.add_signal_handler(signal.SIGTERM, terminate)
    try:
        async with Node(observe=None if watch is None else watch.event) as node:
            try:
                yield settings.start(), watch
            finally:
                node.observe = None  # what follows is only the closing of the node
                if watch is not None:
                    watch.show(watch.tracer.end())
    except asyncio.CancelledError:
        if terminated:
            raise Terminated from None
        raise
    finally:
        loop.remove_signal_handler(signal.SIGTERM)
