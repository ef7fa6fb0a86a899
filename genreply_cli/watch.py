"""All who look on at a session: its events become steps, and the steps go to timelines and transcripts."""

import asyncio
from collections.abc import Callable, Iterable
from contextlib import suppress

from genreply_cli import __version__
from genreply_cli.errors import GenreplyError
from genreply_cli.otp import Event
from genreply_cli.session import Settings
from genreply_cli.trace import Step, Tracer
from genreply_cli.transcript import Header, TranscriptError, Writer, created

Sink = Callable[[Step], object]  # somebody who looks on


def header(settings: Settings, title: str | None = None) -> Header:
    """The first line of a transcript of a session."""
    plain = {
        "coordinator": settings.coordinator,
        "delay": list(settings.delay),
        "timeout": settings.timeout,
        "faults": [str(fault) for fault in settings.faults],
    }
    return Header(created(settings.clock), f"genreply {__version__}", title, settings.clock, settings.seed, plain)


def recording(path: str, settings: Settings, *, overwrite: bool = False, append: bool = False) -> Writer:
    """A new recording. Raises GenreplyError with a sentence."""
    try:
        return Writer(path, header(settings), overwrite=overwrite, append=append)
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
