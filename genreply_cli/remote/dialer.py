"""Makes connections to one server, and knows how long to wait after those that have failed."""

import asyncio
import random
from contextlib import suppress
from typing import Any, Final

from websockets.asyncio.client import connect
from websockets.exceptions import WebSocketException

from genreply_cli.remote.target import Target

FIRST_PAUSE: Final = 0.25  # seconds; each further one is twice as long
LONGEST_PAUSE: Final = 30.0
STABLE_SECONDS: Final = 1.0  # a connection that has lasted so long was not a failure
MAX_FRAME: Final = 2**20  # bytes
FAILURES: Final = (OSError, EOFError, WebSocketException)  # of an attempt to connect
OPEN_SECONDS: Final = 10.0
CLOSE_SECONDS: Final = 1.0  # for which a server may take its time to close a connection


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

    def connect(self) -> Any:
        """A new connection, to be awaited, and to be given to `close`."""
        target = self.target
        return connect(
            target.address,
            additional_headers=target.headers or None,
            subprotocols=target.subprotocols or None,  # type: ignore[arg-type]  # str is enough
            ssl=target.tls(),
            proxy=None if target.is_local else True,
            max_size=MAX_FRAME,
            compression=None,
            open_timeout=OPEN_SECONDS,
            close_timeout=CLOSE_SECONDS,
            user_agent_header=None,
        )

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


async def close(connection: Any) -> None:
    """Close a connection with 1000. However this ends, its socket does not stay open.

    The library leaves it open if it is cancelled meanwhile, and waits without limit for a server
    that reads nothing. Its own `async with` closes with "internal error" if it is cancelled.
    """
    try:
        with suppress(TimeoutError):
            async with asyncio.timeout(CLOSE_SECONDS):
                await connection.close()
    finally:
        connection.transport.abort()  # which does nothing if it is closed


def _now() -> float:
    return asyncio.get_running_loop().time()
