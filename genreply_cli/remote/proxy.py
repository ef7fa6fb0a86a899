"""The way to a server through the HTTP proxy that the environment names, as in `https_proxy`.

`websockets` can do this, too. But its errors blame the server and repeat the password of a proxy,
and they are tracebacks if the proxy breaks off, or the certificate of the server is not accepted.
"""

import asyncio
import socket
from base64 import b64encode
from typing import Final, NamedTuple
from urllib.parse import unquote, urlsplit
from urllib.request import getproxies, proxy_bypass

from genreply_cli.text import visible

MAX_ANSWER: Final = 16_384  # bytes
_VARIABLES: Final = {"ws": ("ws", "socks", "https", "http"), "wss": ("wss", "socks", "https")}
_OTHER: Final = (
    "the environment names a proxy that is none of HTTP; expected one such as http://proxy:3128"
)


class ProxyError(OSError):
    """A proxy does not lead to the server: a sentence that says why."""


class Proxy(NamedTuple):
    """An HTTP proxy."""

    host: str
    port: int
    credentials: str | None = None  # user:password

    @property
    def shown(self) -> str:
        """The address without the password: what may be written down."""
        return visible(address_of(self.host, self.port))


def proxy_for(scheme: str, host: str, port: int) -> Proxy | None:
    """The proxy of the environment for this server, or None. Raises ProxyError."""
    if proxy_bypass(f"{host}:{port}"):
        return None
    known = getproxies()
    addresses = [known[name] for name in _VARIABLES[scheme] if name in known]
    return _parsed(addresses[0]) if addresses else None


async def tunnel(proxy: Proxy, host: str, port: int) -> socket.socket:
    """A socket that the proxy has connected to this server. Raises ProxyError."""
    try:
        connected = await _connect(proxy)
        try:
            await _ask(connected, proxy, address_of(host, port))
        except BaseException:
            connected.close()
            raise
        return connected
    except ProxyError:
        raise
    except OSError as error:
        raise ProxyError(f"the proxy {proxy.shown} cannot be reached") from error


def address_of(host: str, port: int) -> str:
    """`127.0.0.1:8765`, or `[::1]:8765`."""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def _parsed(address: str) -> Proxy:
    try:
        parts = urlsplit(address if "://" in address else f"http://{address}")
        port = parts.port or 80
    except ValueError:
        raise ProxyError(_OTHER) from None
    if parts.scheme != "http" or not parts.hostname:
        raise ProxyError(_OTHER)
    if parts.username is None:
        return Proxy(parts.hostname, port)
    return Proxy(parts.hostname, port, f"{unquote(parts.username)}:{unquote(parts.password or '')}")


async def _connect(proxy: Proxy) -> socket.socket:
    loop = asyncio.get_running_loop()
    found = await loop.getaddrinfo(proxy.host, proxy.port, type=socket.SOCK_STREAM)
    problem: OSError = ProxyError(f"the proxy {proxy.shown} has no address")
    for family, kind, protocol, _, address in found:
        connected = socket.socket(family, kind, protocol)
        try:
            connected.setblocking(False)
            await loop.sock_connect(connected, address)
        except OSError as error:
            connected.close()
            problem = error
        except BaseException:
            connected.close()
            raise
        else:
            return connected
    raise problem


async def _ask(connected: socket.socket, proxy: Proxy, server: str) -> None:
    """Ask for a connection to the server, and read all of the answer and nothing more."""
    loop = asyncio.get_running_loop()
    lines = [f"CONNECT {server} HTTP/1.1", f"Host: {server}"]
    if proxy.credentials is not None:
        encoded = b64encode(proxy.credentials.encode()).decode()
        lines.append(f"Proxy-Authorization: Basic {encoded}")
    await loop.sock_sendall(connected, "\r\n".join([*lines, "", ""]).encode())
    answer = b""
    while not answer.endswith(b"\r\n\r\n"):
        received = await loop.sock_recv(connected, 1)
        answer += received
        if not received or len(answer) > MAX_ANSWER:
            raise ProxyError(f"the proxy {proxy.shown} is no HTTP proxy")
    version, _, rest = answer.partition(b" ")
    status = rest[:3].decode("ascii", "replace")
    if not version.startswith(b"HTTP/1.") or not status.isdigit():
        raise ProxyError(f"the proxy {proxy.shown} is no HTTP proxy")
    if not status.startswith("2"):
        raise ProxyError(f"the proxy {proxy.shown} answered with HTTP {status}")
