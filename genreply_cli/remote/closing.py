"""The end of a connection, on either side: it comes soon, whatever the other side does."""

import asyncio
from contextlib import suppress
from typing import Final

from websockets.asyncio.connection import Connection

CLOSE_SECONDS: Final = 1.0  # for which the other side may take its time to close a connection
HANG_UP_SECONDS: Final = 0.5  # the same, after it has sent a close frame, or what is no frame
MAX_UNREAD: Final = 2**20  # bytes of answers to its pings that it has not read


class EndsSoon(Connection):
    """A connection that ends when the other side has said so, or misuses it.

    The library leaves the end of the socket to the other side, until somebody sends, or to its next
    ping, which is after 20 seconds: so long, nobody would be told that it is over. And it keeps all
    answers to pings for another side that never reads them.
    """

    problem: Exception | None = None  # with which it broke off
    _end: asyncio.TimerHandle | None = None
    _unread = 0

    def data_received(self, data: bytes) -> None:
        waiting = self.transport.get_write_buffer_size()
        super().data_received(data)
        answers = self.transport.get_write_buffer_size() - waiting
        self._unread = min(self._unread, waiting) + answers
        if self._unread > MAX_UNREAD:
            self.problem = ConnectionError("the answers to pings are not read")
            self.transport.abort()
        elif self.protocol.close_sent is not None and self._end is None:
            self._end = self.loop.call_later(HANG_UP_SECONDS, self.transport.abort)

    def connection_lost(self, exc: Exception | None) -> None:
        if self._end is not None:
            self._end.cancel()
        self.problem = self.problem or exc
        super().connection_lost(self.problem)


async def close(connection: Connection, code: int = 1000, reason: str = "") -> None:
    """Close a connection. However this ends, its socket does not stay open.

    The library leaves it open if it is cancelled meanwhile, and waits without limit for another
    side that reads nothing. Its own `async with` says "internal error" if it is cancelled.
    """
    try:
        with suppress(TimeoutError):
            async with asyncio.timeout(CLOSE_SECONDS):
                await connection.close(code, reason)
    finally:
        connection.transport.abort()  # which does nothing if it is closed
