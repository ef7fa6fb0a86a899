"""Opens one connection. However that ends, no socket stays open."""

import asyncio
from typing import Any, Final

from websockets.asyncio.client import ClientConnection
from websockets.asyncio.client import connect as Connect  # noqa: N812  # it is a class
from websockets.exceptions import WebSocketException
from websockets.uri import parse_uri

from genreply_cli.remote.closing import CLOSE_SECONDS, EndsSoon
from genreply_cli.remote.proxy import proxy_for, tunnel
from genreply_cli.remote.target import Target

FAILURES: Final = (OSError, EOFError, UnicodeError, WebSocketException)  # of an attempt to connect
MAX_FRAME: Final = 2**20  # bytes
OPEN_SECONDS: Final = 10.0


async def connect(target: Target) -> ClientConnection:
    """A new connection, to be given to `close` of closing.py. Raises one of FAILURES."""
    made: list[ClientConnection] = []

    def make(*arguments: Any, **settings: Any) -> ClientConnection:
        made.append(Connection(*arguments, **settings))
        return made[-1]

    try:
        async with asyncio.timeout(OPEN_SECONDS):
            return await _Connect(
                target.address,
                additional_headers=target.headers or None,
                subprotocols=target.subprotocols or None,  # type: ignore[arg-type]  # str is enough
                ssl=target.tls(),
                proxy=None,
                max_size=MAX_FRAME,
                compression=None,
                open_timeout=None,
                close_timeout=CLOSE_SECONDS,
                user_agent_header=None,
                create_connection=make,  # type: ignore[arg-type]  # or a factory
                **await _way_to(target),
            )
    except BaseException:
        for connection in made:  # asyncio would wait for the server to agree to the end of TLS
            if hasattr(connection, "transport"):
                connection.transport.abort()
        raise


async def _way_to(target: Target) -> dict[str, Any]:
    """What the library has to know to reach the server: a socket, if a proxy stands before it."""
    uri = parse_uri(target.address)
    proxy = None if target.is_local else proxy_for(target.scheme, uri.host, uri.port)
    return {} if proxy is None else {"sock": await tunnel(proxy, uri.host, uri.port)}


class Connection(EndsSoon, ClientConnection):
    """A connection of this side."""


class _Connect(Connect):
    """Follows no redirect: that would give the headers to a server that nobody has named."""

    def process_redirect(self, exc: Exception) -> Exception:
        return exc
