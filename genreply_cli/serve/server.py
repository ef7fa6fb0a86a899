"""`genreply serve`: listens, lets in who may connect, and writes a line about each connection."""

import asyncio
import errno
import ipaddress
import logging
import socket
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from functools import partial
from http import HTTPStatus
from typing import Final, NamedTuple

from websockets.asyncio.server import Server, ServerConnection, serve
from websockets.datastructures import Headers
from websockets.frames import CloseCode
from websockets.http11 import Request, Response

from genreply_cli.errors import GenreplyError, os_error_text
from genreply_cli.remote.closing import CLOSE_SECONDS, close
from genreply_cli.serve import page
from genreply_cli.serve.connection import Connection, Connections, address_text
from genreply_cli.serve.greeter import greet
from genreply_cli.session import real_time
from genreply_cli.session.network import Network
from genreply_cli.session.signals import terminable
from genreply_cli.text import counted, visible

UNASKED: Final = 100  # connections, beyond the limit, that have not asked for a WebSocket yet


class ServeOptions(NamedTuple):
    """Where to listen, whom to let in, and how much they may send."""

    host: str = "127.0.0.1"
    port: int = 8765  # 0: one that is free
    origins: tuple[str, ...] = ()  # whose pages may connect, beside the server's own
    max_frame: int = 16 * 1024  # bytes
    max_connections: int = 100
    max_in_flight: int = 2000  # answers of one connection that are under way


def run(options: ServeOptions, network: Network) -> int:
    """Serve until a signal ends it. Raises GenreplyError, Terminated and KeyboardInterrupt."""
    return real_time.run(_serve(options, network))


async def _serve(options: ServeOptions, network: Network) -> int:
    with terminable():
        async with Greeter(options, network).serving() as server:
            tell_where(server)
            await server.wait_closed()
    return 0


class Greeter:
    """The server: whom it lets in, and what it says of them."""

    def __init__(
        self, options: ServeOptions, network: Network, log: Callable[[str], object] | None = None
    ) -> None:
        self.options = options
        self.network = network
        self.log = log or (lambda line: print(line, file=sys.stderr, flush=True))
        self.origins = set(options.origins)
        self.open = 0  # WebSocket connections
        self.connections = Connections(options.max_connections + UNASKED)  # of any kind

    @asynccontextmanager
    async def serving(self) -> AsyncIterator[Server]:
        """Serve until the context is left. Raises GenreplyError if it is impossible to listen."""
        server = await self._listen()
        try:
            yield server
        finally:
            server.close()
            try:
                with suppress(TimeoutError):
                    async with asyncio.timeout(CLOSE_SECONDS):
                        await server.wait_closed()
            finally:
                for connection in self.connections:
                    connection.transport.abort()
                await server.wait_closed()

    async def _listen(self) -> Server:
        options = self.options
        silent = logging.getLogger("genreply_cli.serve")  # the lines of `log` say the same
        silent.disabled = True
        try:
            server = await serve(
                self.handle,
                options.host,
                options.port,
                process_request=self.answer_http,
                create_connection=partial(Connection, self.connections, self.log),  # type: ignore[arg-type]  # or a factory
                max_size=options.max_frame,
                compression=None,  # greetings are short
                close_timeout=CLOSE_SECONDS,
                server_header=None,
                logger=silent,
            )
        except (OSError, UnicodeError) as error:
            where = visible(address_text((options.host, options.port)))
            problem, hint = why_not_listening(error)
            raise GenreplyError(f"cannot listen on {where}: {problem}", hint=hint) from None
        self.origins.update(own_origins(server, options.host))
        return server

    def answer_http(self, connection: ServerConnection, request: Request) -> Response | None:
        """The HTTP response to what is no WebSocket handshake, or comes from a foreign page."""
        origin = request.headers.get("Origin")
        if "Upgrade" not in request.headers:
            if request.path == "/":
                return _page_response()
            return connection.respond(HTTPStatus.NOT_FOUND, "there is one page: /\n")
        if origin is not None and origin not in self.origins:
            problem = f"a page of {visible(origin)} may not connect; --origin lets it in\n"
            return connection.respond(HTTPStatus.FORBIDDEN, problem)
        return None

    async def handle(self, connection: ServerConnection) -> None:
        """Answer the frames of a connection, if there are not too many connections."""
        if self.open >= self.options.max_connections:
            too_many = f"more than {counted(self.options.max_connections, 'connection')}"
            await close(connection, CloseCode.TRY_AGAIN_LATER, too_many)
            return
        assert isinstance(connection, Connection)
        self.open += 1
        try:
            await greet(connection, self.network, self.options.max_in_flight)
        finally:
            self.open -= 1


def why_not_listening(error: OSError | UnicodeError) -> tuple[str, str]:
    """Why it is impossible to listen somewhere, and what to type next."""
    elsewhere = "--host 127.0.0.1 listens on this machine"
    match error:
        case OSError(errno=errno.EADDRINUSE):
            return "another program listens there", "--port 0 picks a free port"
        case OSError(errno=errno.EACCES):
            return "permission denied", "--port 0 picks a free port"
        case OSError(errno=errno.EADDRNOTAVAIL):
            return "this machine does not have this address", elsewhere
        case socket.gaierror() | UnicodeError():
            return "there is no host of this name", elsewhere
    return os_error_text(error), elsewhere


def tell_where(server: Server) -> None:
    """Print the addresses; warn if others than this machine can connect."""
    for each in server.sockets:
        host, port = each.getsockname()[:2]
        where = address_text((host, port))
        print(f"listening on ws://{where}; http://{where} is a page for a browser", flush=True)
        if not ipaddress.ip_address(host.partition("%")[0]).is_loopback:
            warning = f"whoever can reach {where} can connect, without encryption or a password"
            print(f"warning: {warning}", file=sys.stderr, flush=True)


def own_origins(server: Server, host: str) -> set[str]:
    """The origins of the server's own page, whatever name a browser has for this machine."""
    origins: set[str] = set()
    for each in server.sockets:
        address, port = each.getsockname()[:2]
        names = [address, host]
        if ipaddress.ip_address(address.partition("%")[0]).is_loopback:
            names.append("localhost")
        origins.update(f"http://{address_text((name, port))}".removesuffix(":80") for name in names)
    return origins


def _page_response() -> Response:
    body = page.html().encode()
    headers = Headers(
        {
            "Content-Type": "text/html; charset=utf-8",
            "Content-Length": str(len(body)),
            "Content-Security-Policy": page.policy(),
            "X-Content-Type-Options": "nosniff",
            "Referrer-Policy": "no-referrer",
            "Cache-Control": "no-store",
            "Connection": "close",
        }
    )
    return Response(HTTPStatus.OK, "OK", headers, body)
