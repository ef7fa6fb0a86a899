"""A coordinator at work: its settings, and those who look on."""

import asyncio
import logging
import signal
from collections.abc import AsyncIterator, Callable, Coroutine, Iterable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from typing import Any, TypeVar

from genreply_cli import __version__
from genreply_cli.errors import GenreplyError, Terminated
from genreply_cli.faults import Fault, Network
from genreply_cli.otp import Event, Node
from genreply_cli.trace import Step, Tracer
from genreply_cli.transcript import Header, TranscriptError, Writer, created
from genreply_cli.variations import COORDINATORS, AnyCoordinator

T = TypeVar("T")
Sink = Callable[[Step], object]  # somebody who looks on: a timeline, a transcript


@dataclass(frozen=True)
class Settings:
    """What a session is run with; all its chances come from `seed`. Times are seconds."""

    coordinator: str = "keyed"
    delay: tuple[float, float] = (0.0, 0.0)  # how long the network takes, from and to
    timeout: float | None = 5.0  # how long a caller waits; None: for ever
    faults: tuple[Fault, ...] = ()
    seed: int = 0
    clock: str = "real"  # or "virtual"

    def header(self, title: str | None = None) -> Header:
        """The first line of a transcript of such a session."""
        settings = {
            "coordinator": self.coordinator,
            "delay": list(self.delay),
            "timeout": self.timeout,
            "faults": [str(fault) for fault in self.faults],
        }
        return Header(created(self.clock), f"genreply {__version__}", title, self.clock, self.seed, settings)

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


def recording(path: str, settings: Settings, *, overwrite: bool = False, append: bool = False) -> Writer:
    """A new recording. Raises GenreplyError with a sentence."""
    try:
        return Writer(path, settings.header(), overwrite=overwrite, append=append)
    except TranscriptError as error:
        raise GenreplyError(str(error), hint="--overwrite, --append, or --record another file") from None
    except OSError as error:
        raise GenreplyError(f"{path}: cannot be written: {error.strerror}") from None


class Watch:
    """All who look on at a session: each event becomes one step, and each step goes to every sink.

    A sink that fails is dropped, and its error kept in `failures`: what happens goes on, and is told in the end.
    """

    def __init__(self, sinks: Iterable[Sink]) -> None:
        self.sinks = list(sinks)
        self.failures: list[Exception] = []
        self.tracer = Tracer(asyncio.get_running_loop().time)
        self.gave_up = 0  # calls that timed out, whose late answers may still come
        self._changed = asyncio.Event()

    def event(self, event: Event) -> None:
        """The observer of a node."""
        self.show(self.tracer(event))

    def show(self, step: Step) -> None:
        """One more step."""
        if step.kind == "timeout":
            self.gave_up += 1
        elif step.kind == "late":
            self.gave_up -= 1
            self._changed.set()
        for sink in list(self.sinks):
            try:
                sink(step)
            except (OSError, ValueError) as error:  # ValueError: a stream that has been closed
                self.sinks.remove(sink)
                self.failures.append(error)

    async def linger(self, seconds: float) -> None:
        """Wait, up to so many seconds, for the late answers of the calls that timed out."""
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                while self.gave_up > 0:
                    self._changed.clear()
                    await self._changed.wait()


@asynccontextmanager
async def session(settings: Settings, sinks: Iterable[Sink]) -> AsyncIterator[tuple[AnyCoordinator, Watch]]:
    """A running coordinator, and those who look on; with no sinks, nobody does, and nothing is spent on it.

    Whatever ends it, the sinks get the `end` step. SIGTERM ends it with `Terminated`.
    """
    loop = asyncio.get_running_loop()
    logging.getLogger("genreply_cli").addHandler(logging.NullHandler())  # a crash is told by the timeline
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
        async with Node(observe=watch.event if watch.sinks else None) as node:
            try:
                yield settings.start(), watch
            finally:
                node.observe = None  # what follows is only the closing of the node
                if watch.sinks:
                    watch.show(watch.tracer.end())
    except asyncio.CancelledError:
        if terminated:
            raise Terminated from None
        raise
    finally:
        loop.remove_signal_handler(signal.SIGTERM)
