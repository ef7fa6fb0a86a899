"""The way through a proxy: it is found, asked, and blamed for its faults, without secrets."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, closing
from typing import Any

import pytest
from greeters import answering as serving
from websockets.asyncio.server import ServerConnection

from genreply_cli.remote.closing import close
from genreply_cli.remote.connecting import connect
from genreply_cli.remote.failures import problem_of
from genreply_cli.remote.proxy import Proxy, ProxyError, proxy_for, tunnel
from genreply_cli.remote.target import Target

Handler = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]
VARIABLES = [
    f"{name}_proxy".upper() if upper else f"{name}_proxy"
    for name in ("ws", "wss", "http", "https", "socks", "all", "no")
    for upper in (True, False)
]


@pytest.fixture
def environment(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)
    return monkeypatch


def run(main: Awaitable[Any]) -> Any:
    async def with_limit() -> Any:
        async with asyncio.timeout(30):
            return await main

    return asyncio.run(with_limit())


@asynccontextmanager
async def proxying(handler: Handler) -> AsyncIterator[Proxy]:
    """A proxy that does this with each connection."""
    server = await asyncio.start_server(handler, "127.0.0.1", 0)
    async with server:
        yield Proxy("127.0.0.1", server.sockets[0].getsockname()[1], "me:s3cret")


async def copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while data := await reader.read(1000):
        writer.write(data)
    writer.close()


def answering(answer: bytes) -> Handler:
    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(answer)
        writer.close()

    return handle


@pytest.mark.parametrize(
    ("host", "named"), [("far.example", "far.example:8765"), ("2001:db8::1", "[2001:db8::1]:8765")]
)
def test_a_proxy_is_asked_for_the_server_and_told_who_asks(host: str, named: str) -> None:
    asked: list[str] = []

    async def leading(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked.extend((await reader.readuntil(b"\r\n\r\n")).decode().splitlines())
        writer.write(b"HTTP/1.1 200 Connection established\r\nVia: x\r\n\r\nfrom the server")
        writer.close()

    async def main() -> bytes:
        async with proxying(leading) as proxy:
            with closing(await tunnel(proxy, host, 8765)) as connected:
                return await asyncio.get_running_loop().sock_recv(connected, 100)

    assert run(main()) == b"from the server"  # nothing of it was taken for an answer of the proxy
    credentials = "Proxy-Authorization: Basic bWU6czNjcmV0"
    assert asked == [f"CONNECT {named} HTTP/1.1", f"Host: {named}", credentials, ""]


@pytest.mark.parametrize(
    ("answer", "problem"),
    [
        (b"HTTP/1.1 407 Proxy Authentication Required\r\n\r\n", " answered with HTTP 407"),
        (b"HTTP/1.1 \x1b[2J\r\n\r\n", " is no HTTP proxy"),
        (b"SSH-2.0-OpenSSH\r\n\r\n", " is no HTTP proxy"),
        (b"", " is no HTTP proxy"),
        (b"x" * 100_000, " is no HTTP proxy"),
    ],
)
def test_a_proxy_that_does_not_lead_to_the_server_is_blamed(answer: bytes, problem: str) -> None:
    async def main() -> tuple[Proxy, str]:
        async with proxying(answering(answer)) as proxy:
            with pytest.raises(ProxyError) as error:
                await tunnel(proxy, "far.example", 443)
            return proxy, problem_of(error.value)

    proxy, told = run(main())
    assert told == f"the proxy 127.0.0.1:{proxy.port}{problem}"


@pytest.mark.parametrize(
    ("proxy", "problem"),
    [
        (Proxy("127.0.0.1", 1), "the proxy 127.0.0.1:1 cannot be reached: connection refused"),
        (
            Proxy("no.such.host.invalid", 1, "me:s3cret"),
            "the proxy no.such.host.invalid:1 cannot be reached: there is no host of this name",
        ),
    ],
)
def test_a_proxy_that_is_not_there_is_blamed(proxy: Proxy, problem: str) -> None:
    with pytest.raises(ProxyError) as error:
        run(tunnel(proxy, "far.example", 443))
    assert problem_of(error.value) == problem


def test_no_socket_stays_open_if_nobody_waits_for_the_proxy_any_more() -> None:
    left: list[bytes] = []

    async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked.set()
        left.append(await reader.read())  # until the other side has closed it
        writer.close()
        gone.set()

    asked, gone = asyncio.Event(), asyncio.Event()

    async def main() -> None:
        async with proxying(silent) as proxy:
            asking = asyncio.create_task(tunnel(proxy, "far.example", 443))
            await asked.wait()
            asking.cancel()
            await gone.wait()

    run(main())
    assert len(left) == 1


# --- which one


@pytest.mark.parametrize(
    ("scheme", "variables", "proxy"),
    [
        ("ws", {}, None),
        ("ws", {"http_proxy": "http://here:3128"}, Proxy("here", 3128)),
        ("ws", {"http_proxy": "here:3128"}, Proxy("here", 3128)),
        ("ws", {"http_proxy": "http://me:s%40@here"}, Proxy("here", 80, "me:s@")),
        ("wss", {"http_proxy": "http://here:3128"}, None),
        ("wss", {"https_proxy": "http://[::1]:3128"}, Proxy("::1", 3128)),
        ("wss", {"https_proxy": "http://a:1", "wss_proxy": "http://b:1"}, Proxy("b", 1)),
        ("wss", {"https_proxy": "http://a:1", "no_proxy": "example"}, None),
    ],
)
def test_the_environment_names_the_proxy(
    scheme: str, variables: dict[str, str], proxy: Proxy | None, environment: pytest.MonkeyPatch
) -> None:
    for name, value in variables.items():
        environment.setenv(name, value)
    assert proxy_for(scheme, "far.example", 443) == proxy


@pytest.mark.parametrize(
    "address", ["socks5://s3cret:s3cret@here:1", "http://s3cret:99999", "http://"]
)
def test_a_proxy_of_another_kind_is_refused_without_its_password(
    address: str, environment: pytest.MonkeyPatch
) -> None:
    environment.setenv("https_proxy", address)
    with pytest.raises(ProxyError, match="expected one such as http://proxy:3128") as error:
        proxy_for("wss", "far.example", 443)
    assert "s3cret" not in str(error.value)


def test_what_is_shown_of_a_proxy_has_no_password() -> None:
    assert Proxy("here", 1, "me:s3cret").shown == "here:1"
    assert Proxy("::1", 1, "me:s3cret").shown == "[::1]:1"


def test_a_connection_through_a_proxy_is_one_as_any_other(environment: pytest.MonkeyPatch) -> None:
    async def echo(connection: ServerConnection) -> None:
        async for frame in connection:
            await connection.send(frame)

    async def main() -> Any:
        async with serving(echo) as url:
            port = int(url.rpartition(":")[2])

            async def leading(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
                await reader.readuntil(b"\r\n\r\n")
                there, back = await asyncio.open_connection("127.0.0.1", port)
                writer.write(b"HTTP/1.1 200 OK\r\n\r\n")
                await asyncio.gather(copy(reader, back), copy(there, writer))

            async with proxying(leading) as proxy:
                environment.setenv("ws_proxy", f"http://{proxy.shown}")
                connection = await connect(Target(f"ws://far.example:{port}"))
                await connection.send("Hello")
                answer = await connection.recv()
                await close(connection)
                return answer

    assert run(main()) == "Hello"
