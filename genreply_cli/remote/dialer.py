"""Knows how long to wait before the next attempt to connect to a server."""

import asyncio
import random
from contextlib import suppress
from typing import Final

from genreply_cli.remote.target import Target

FIRST_PAUSE: Final = 0.25  # seconds; each further one is twice as long
LONGEST_PAUSE: Final = 30.0
STABLE_SECONDS: Final = 1.0  # a connection that has lasted so long was not a failure


class Dialer:
    """What is known of a server from one connection to the next."""

    def __init__(self, target: Target, jitter: random.Random | None = None) -> None:
        self.target = target
        self.was_connected = False  # at any time
        self.failures = 0  # one after the other
        self._failed_at = 0.0
        self._opened_at = 0.0
        # by default not the same in two programs: they would all come back at the same moment
        self._jitter = jitter or random.Random()  # noqa: S311  # no secret
        self._pause = 0.0

    def __repr__(self) -> str:
        return f"<Dialer {self.target.shown}>"

    def opened(self) -> None:
        """A connection has been made."""
        self.was_connected = True
        self._opened_at = _now()

    def failed(self) -> None:
        """A connection could not be made."""
        self.failures += 1
        self._failed_at = _now()
        pause = min(LONGEST_PAUSE, FIRST_PAUSE * 2 ** min(self.failures - 1, 10))
        self._pause = pause * self._jitter.uniform(0.5, 1.0)

    def lost(self) -> None:
        """A connection has ended. One that did not last counts as one that could not be made."""
        if _now() - self._opened_at < STABLE_SECONDS:
            self.failed()
        else:
            self.failures = 0

    async def pause(self, wanted: asyncio.Event) -> None:
        """Wait until the next attempt is due, which is soon if somebody wants the connection."""
        with suppress(TimeoutError):
            async with asyncio.timeout(self.left()):
                await wanted.wait()
        await asyncio.sleep(self.left(wanted=wanted.is_set()))

    def left(self, *, wanted: bool = False) -> float:
        """The seconds until the next attempt is due."""
        if not self.failures:
            return 0.0
        pause = min(self._pause, FIRST_PAUSE) if wanted else self._pause
        return max(0.0, self._failed_at + pause - _now())


def _now() -> float:
    return asyncio.get_running_loop().time()
