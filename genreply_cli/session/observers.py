"""All who look on at a session: its events become steps, and the steps go to timelines and transcripts."""

import asyncio
from collections.abc import Callable, Iterable
from contextlib import suppress

from genreply_cli.otp import Event
from genreply_cli.transcript.step import Step
from genreply_cli.transcript.tracer import Tracer

Observer = Callable[[Step], object]  # somebody who looks on


class Observers:
    """All who look on at a session: each event becomes one step, and each step goes to every sink.

    A sink that fails is dropped, and its error kept in `failures`: what happens goes on, and is told in the end. Only where
    nobody reads on, as after `| head`, is there no point in going on: `leave` is called.
    """

    def __init__(
        self,
        sinks: Iterable[Observer],
        before: Iterable[Step],
        leave: Callable[[BaseException], None],
    ) -> None:
        self.sinks = list(sinks)
        self.failures: list[Exception] = []
        self.tracer = Tracer(asyncio.get_running_loop().time).continue_after(before)
        self._leave = leave
        self.under_way = 0  # messages to which the socket will still answer
        self._changed = asyncio.Event()

    def event(self, event: Event) -> None:
        """The observer of a node."""
        self.show(self.tracer(event))

    def show(self, step: Step) -> None:
        """One more step."""
        self._count(step)
        for sink in list(self.sinks):
            try:
                sink(step)
            except (OSError, ValueError) as error:  # ValueError: a stream that has been closed
                self.sinks.remove(sink)
                if isinstance(error, BrokenPipeError):
                    self._leave(error)
                else:
                    self.failures.append(error)

    def _count(self, step: Step) -> None:
        match step.kind, step.details.get("what"):
            case ("cast", _) | ("fault", "duplicate"):
                self.under_way += 1
            case ("info", _) | ("fault", "drop"):
                self.under_way -= 1
            case ("exit", _):
                self.under_way = 0
        self._changed.set()

    async def linger(self, seconds: float) -> None:
        """Wait, up to so many seconds, for the answers that are still under way."""
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                while self.under_way > 0:
                    self._changed.clear()
                    await self._changed.wait()
