"""Makes connections to one server, and knows how long to wait after those that have failed."""

import asyncio
import random
from typing import Any, Final

from websockets.asyncio.client import connect

from genreply_cli.remote.target import Target

FIRST_PAUSE: Final = 0.25  # seconds; each further one is twice as long
LONGEST_PAUSE: Final = 30.0
STABLE_SECONDS: Final = 1.0  # a connection that has lasted so long was not a failure
MAX_FRAME: Final = 2**20  # bytes
OPEN_SECONDS: Final = 10.0
CLOSE_SECONDS: Final = 1.0


class Dialer:
    """What is known of a server from one connection to the next."""

    def __init__(self, target: Target, seed: int = 0) -> None:
        self.target = target
        self.was_connected = False  # at any time
        self.failures = 0  # one after the other
        self._failed_at = 0.0
        self._opened_at = 0.0
        self._jitter = random.Random(seed)  # noqa: S311  # no secret
        self._pause = 0.0

    def __repr__(self) -> str:
        return f"<Dialer {self.target.shown}>"

    def connect(self) -> Any:
        """A context manager whose value is a new connection."""
        target = self.target
        return connect(
            target.address,
            additional_headers=target.headers or None,
            subprotocols=target.subprotocols or None,  # type: ignore[arg-type]  # str is enough
            ssl=target.tls(),
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

    def pause(self, *, awaited: bool) -> float:
        """The seconds until the next attempt. If someone waits for it, they are few."""
        if not self.failures:
            return 0.0
        pause = min(self._pause, FIRST_PAUSE) if awaited else self._pause
        return max(0.0, self._failed_at + pause - _now())


def _now() -> float:
    return asyncio.get_running_loop().time()
