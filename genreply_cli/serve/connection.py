"""One connection of the server, which writes one line when it has ended, however that was."""

import asyncio
from collections.abc import Callable
from http import HTTPStatus
from typing import Any, Final

from websockets.asyncio.server import ServerConnection

from genreply_cli.text import counted, visible

MAX_SHOWN: Final = 60  # characters of what a client has sent


class Connection(ServerConnection):
    """A connection that counts its frames, and logs its end."""

    def __init__(self, log: Callable[[str], object], *arguments: Any, **settings: Any) -> None:
        super().__init__(*arguments, **settings)
        self._log = log
        self._began = self.loop.time()
        self._peer = "somebody"
        self.received = self.sent = 0  # frames

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._peer = address_text(transport.get_extra_info("peername"))
        super().connection_made(transport)

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        self._log(f"{self._peer} {self._what_became()}")

    def _what_became(self) -> str:
        if self.request is None or self.response is None:
            return "sent no request of HTTP"
        status, path = self.response.status_code, visible(self.request.path[:MAX_SHOWN])
        if status != HTTPStatus.SWITCHING_PROTOCOLS:
            origin = self.request.headers.get_all("Origin")
            origin_text = f" from {visible(origin[0][:MAX_SHOWN])}" if origin else ""
            return f"GET {path}{origin_text}: {status}"
        return (
            f"{path}: {self._how_it_was_closed()} after {self.loop.time() - self._began:.1f} s;"
            f" {counted(self.received, 'frame')} received, {self.sent:,} sent"
        )

    def _how_it_was_closed(self) -> str:
        protocol = self.protocol
        ours = protocol.close_sent is not None and not protocol.close_rcvd_then_sent
        close = protocol.close_sent if ours else protocol.close_rcvd
        if close is None:
            return "lost"
        reason = f" {visible(close.reason)}" if close.reason else ""
        return f"closed by the {'server' if ours else 'client'} with {close.code:d}{reason}"


def address_text(address: Any) -> str:
    """`127.0.0.1:8765`, or `[::1]:8765`."""
    if not isinstance(address, tuple):
        return "somebody"
    host, port = address[:2]
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
