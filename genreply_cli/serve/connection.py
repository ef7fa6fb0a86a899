"""One connection of the server, which writes one line when it has ended, however that was."""

import asyncio
from collections.abc import Callable
from http import HTTPStatus
from typing import Any, Final

from websockets.asyncio.server import ServerConnection
from websockets.frames import CloseCode

from genreply_cli.errors import os_error_text
from genreply_cli.remote.closing import EndsSoon
from genreply_cli.text import counted, visible

MAX_SHOWN: Final = 60  # characters of what a client has sent


class Connections(set["Connection"]):
    """All that are open, also those that have not asked for a WebSocket yet."""

    def __init__(self, limit: int) -> None:
        super().__init__()
        self.limit = limit


class Connection(EndsSoon, ServerConnection):
    """A connection that counts its frames, and logs its end."""

    def __init__(
        self,
        others: Connections,
        log: Callable[[str], object],
        *arguments: Any,
        **settings: Any,
    ) -> None:
        super().__init__(*arguments, **settings)
        self._others = others
        self._log = log
        self._began = self.loop.time()
        self._peer = "somebody"
        self._is_too_many = False
        self.received = self.sent = 0  # frames

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._peer = address_text(transport.get_extra_info("peername"))
        super().connection_made(transport)
        self._is_too_many = len(self._others) >= self._others.limit
        self._others.add(self)
        if self._is_too_many:
            self.transport.abort()

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        self._others.discard(self)
        self._log(f"{self._peer} {self._what_became()}")

    def _what_became(self) -> str:
        if self._is_too_many:
            return f"turned away: more than {counted(self._others.limit, 'connection')}"
        if self.request is None or self.response is None:
            return "sent no request that is understood"
        status, path = self.response.status_code, visible(self.request.path[:MAX_SHOWN])
        if status != HTTPStatus.SWITCHING_PROTOCOLS:
            origin = self.request.headers.get_all("Origin")
            origin_text = f" from {visible(origin[0][:MAX_SHOWN])}" if origin else ""
            return f"{path}{origin_text}: HTTP {status}"
        return (
            f"{path}: {self._how_it_was_closed()} after {self.loop.time() - self._began:.1f} s;"
            f" {counted(self.received, 'frame')} received, {self.sent:,} sent"
        )

    def _how_it_was_closed(self) -> str:
        protocol = self.protocol
        ours = protocol.close_sent is not None and not protocol.close_rcvd_then_sent
        close = protocol.close_sent if ours else protocol.close_rcvd
        if close is None:
            return "lost" if self.problem is None else f"lost: {os_error_text(self.problem)}"
        if close.code == CloseCode.NO_STATUS_RCVD:
            return "closed by the client without a code"
        reason = f" {visible(close.reason)}" if close.reason else ""
        return f"closed by the {'server' if ours else 'client'} with {close.code:d}{reason}"


def address_text(address: Any) -> str:
    """`127.0.0.1:8765`, or `[::1]:8765`."""
    if not isinstance(address, tuple):
        return "somebody"
    host, port = address[:2]
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
