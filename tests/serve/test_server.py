"""The greeter answers, holds to its limits, lets in whom it should, and ends in an orderly way."""

import asyncio
import json
import signal
import socket
import urllib.request
from collections.abc import Awaitable, Callable
from http import HTTPStatus
from pathlib import Path
from typing import Any

import pytest
from commands import genreply
from greeters import greeter, served
from hypothesis import given
from hypothesis import strategies as st
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from genreply_cli.serve.answers import answer_to
from genreply_cli.session.faults import parse_faults
from genreply_cli.session.network import Network

JSON_IDS = st.none() | st.booleans() | st.integers(-(10**30), 10**30) | st.text()


async def answers(url: str, *frames: str | bytes) -> list[str]:
    """The answers to these frames, sent at once, and how the connection was closed, if it was."""
    heard: list[str] = []
    async with connect(url) as connection:
        try:
            for frame in frames:
                await connection.send(frame)
            async with asyncio.timeout(10):
                while len(heard) < len(frames):
                    heard.append(str(await connection.recv()))
        except ConnectionClosed as closed:
            code, reason = (closed.rcvd.code, closed.rcvd.reason) if closed.rcvd else (1006, "")
            heard.append(f"{code:d} {reason}")
    return heard


def run(main: Awaitable[Any]) -> Any:
    async def with_limit() -> Any:
        async with asyncio.timeout(30):
            return await main

    return asyncio.run(with_limit())


def asked(*frames: str | bytes, network: Network | None = None, **options: Any) -> list[str]:
    """What a greeter with these options answers."""

    async def main() -> list[str]:
        async with greeter(network, **options) as url:
            return await answers(url, *frames)

    answered: list[str] = run(main())
    return answered


def test_text_is_answered_with_text_and_an_id_with_the_same_id() -> None:
    heard = asked("Hello", '{"id": 7, "message": "Hello"}')
    assert heard == ["Hello to you too!", '{"id": 7, "message": "Hello to you too!"}']


@given(JSON_IDS, st.text())
def test_any_id_comes_back_as_it_was(number: Any, message: str) -> None:
    answer = json.loads(answer_to(json.dumps({"id": number, "message": message})) or "")
    assert answer == {"id": number, "message": f"{message} to you too!"}


@given(st.text())
def test_any_text_has_an_answer(text: str) -> None:
    assert answer_to(text) is not None


@pytest.mark.parametrize(
    "frame",
    [
        *("{", "{}", "[1]", '{"id": 7}', '{"id":' * 5000),
        *('{"id": [7], "message": "x"}', '{"id": NaN, "message": "x"}'),
    ],
)
def test_what_is_not_such_an_object_is_a_greeting_as_it_stands(frame: str) -> None:
    assert answer_to(frame) == f"{frame} to you too!"


def test_json_rpc_has_one_method() -> None:
    def call(**request: Any) -> Any:
        return json.loads(answer_to(json.dumps({"jsonrpc": "2.0", **request})) or "null")

    right = {"jsonrpc": "2.0", "id": 1, "result": "Hello to you too!"}
    assert call(id=1, method="greet", params=["Hello"]) == right
    assert call(id=1, method="greet", params={"message": "Hello"}) == right
    assert call(id=1, method="greet", params=[1])["error"]["code"] == -32602
    assert call(id=1, method="bow")["error"]["code"] == -32601
    assert call(method="greet", params=["Hello"]) is None


@pytest.mark.parametrize(
    ("frames", "options", "closed"),
    [
        (["x" * 11], {"max_frame": 10}, "1009 frame with 11 bytes exceeds limit of 10 bytes"),
        ([b"Hello"], {}, "1003 expected text, and got a binary frame"),
        (["a", "b", "c"], {"max_in_flight": 2}, "1008 more than 2 answers under way"),
        (["a", "b"], {"max_in_flight": 1}, "1008 more than 1 answer under way"),
        (["a"], {"max_connections": 0}, "1013 more than 0 connections"),
    ],
)
def test_each_limit_has_its_close_code(
    frames: list[str | bytes], options: dict[str, Any], closed: str
) -> None:
    slow = Network((60.0, 60.0))
    assert asked(*frames, network=slow, **options) == [closed]


def test_frames_sent_at_once_are_all_answered_without_a_delay() -> None:
    frames = [f"greeting {number}" for number in range(5000)]  # far more than may be under way
    assert asked(*frames) == [f"{frame} to you too!" for frame in frames]


def test_faults_happen_to_answers() -> None:
    def faulty(fault: str) -> list[str]:
        network = Network(faults=parse_faults(fault), timeout=0.0)
        return asked("A", "B", network=network)

    assert faulty("duplicate") == ["A to you too!"] * 2
    assert faulty("reorder") == ["B to you too!", "A to you too!"]
    assert faulty("late") == ["B to you too!", "A to you too!"]
    assert faulty("crash") == ["1011 injected by --fault crash"]


def test_a_lost_answer_never_comes() -> None:
    async def main() -> str:
        lost = Network(faults=parse_faults("drop"))
        async with greeter(lost) as url, connect(url) as connection:
            await connection.send("A")
            await connection.send("B")
            return str(await connection.recv())

    assert run(main()) == "B to you too!"


def test_a_client_that_reads_nothing_does_not_fill_the_memory() -> None:
    async def main() -> int:
        async with greeter() as url, connect(url) as connection:
            connection.transport.pause_reading()
            sent = 0
            try:
                async with asyncio.timeout(1):  # until the server reads no more
                    for sent in range(200_000):  # noqa: B007  # how many there were
                        await connection.send("x" * 10_000)
            except TimeoutError:
                pass
            connection.transport.abort()
            return sent

    assert run(main()) < 20_000


# --- who may connect


async def status(connecting: Callable[[], Awaitable[ClientConnection]]) -> int:
    try:
        connection = await connecting()
    except InvalidStatus as error:
        return error.response.status_code
    await connection.close()
    return HTTPStatus.SWITCHING_PROTOCOLS


def test_pages_of_others_may_not_connect_unless_they_are_let_in() -> None:
    async def main() -> list[int]:
        async with greeter(origins=("https://friend.example",)) as url:
            port = url.rpartition(":")[2]
            origins = [
                None, f"http://127.0.0.1:{port}", f"http://localhost:{port}",
                "https://friend.example", "https://evil.example", "null", "http://127.0.0.1:1",
                f"http://evil.example:{port}",
            ]  # fmt: skip
            return [
                await status(lambda origin=origin: connect(url, origin=origin))  # type: ignore[misc]
                for origin in origins
            ]

    assert run(main()) == [101, 101, 101, 101, 403, 403, 403, 403]


def test_each_connection_has_one_line() -> None:
    log: list[str] = []

    async def main() -> None:
        async with greeter(log=log) as url:
            await answers(f"{url}/a", "Hello", "again")
            await answers(f"{url}/b", "Hello")
            await answers(url, b"\x00")
            port = int(url.rpartition(":")[2])
            for request in (b"no HTTP\r\n\r\n", b"GET /else\x1b[2J HTTP/1.1\r\nHost: x\r\n\r\n"):
                reader, writer = await asyncio.open_connection("127.0.0.1", port)
                writer.write(request)
                await reader.read()
                writer.close()

    run(main())
    said = [line.partition(" ")[2] for line in log]
    assert [line.partition(" after ")[0] for line in said] == [
        "/a: closed by the client with 1000",
        "/b: closed by the client with 1000",
        "/: closed by the server with 1003 expected text, and got a binary frame",
        "sent no request that is understood",
        "/else\\x1b[2J: HTTP 404",
    ]
    assert said[0].endswith("; 2 frames received, 2 sent")
    assert said[1].endswith("; 1 frame received, 1 sent")


def test_the_page_loads_nothing_and_may_connect_to_its_server_only(tmp_path: Path) -> None:
    with served(tmp_path) as server:
        url = server.url.replace("ws:", "http:")
        with urllib.request.urlopen(url) as page:
            policy = page.headers["Content-Security-Policy"]
            text = page.read().decode()
        assert "default-src 'none'" in policy
        assert "connect-src 'self'" in policy
        assert "src=" not in text
        assert "href=" not in text
        with pytest.raises(urllib.error.HTTPError, match="404"):
            urllib.request.urlopen(f"{url}/favicon.ico")


# --- the command


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_closes_all_connections_and_ends_it(
    number: signal.Signals, tmp_path: Path
) -> None:
    with served(tmp_path, "--delay", "60s") as server:

        async def main() -> tuple[str, tuple[int, list[str]]]:
            async with connect(server.url) as connection:
                await connection.send("Hello")
                ended = asyncio.get_running_loop().run_in_executor(None, server.end, number)
                try:
                    await connection.recv()
                except ConnectionClosed as closed:
                    return str(closed.rcvd), await ended
                raise AssertionError

        closed, (code, lines) = run(main())
    assert closed == "1001 (going away)"
    assert code == (-number if number == signal.SIGINT else 128 + number)
    assert len(lines) == 1
    assert "closed by the server with 1001" in lines[0]


def test_an_address_in_use_is_refused_with_a_sentence() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        done = genreply("serve", "--port", str(port))
    assert done.code == 1
    assert done.err.startswith(f"error: cannot listen on 127.0.0.1:{port}: another program listens")
    assert "--port 0 picks a free port" in done.err


def test_an_address_that_is_none_is_refused_with_a_sentence() -> None:
    done = genreply("serve", "--host", "no.such.host.invalid")
    assert done.code == 1
    assert done.err.startswith("error: cannot listen on no.such.host.invalid:8765: ")


@pytest.mark.parametrize(
    ("words", "problem"),
    [
        (["--host", ""], "it is empty; expected an address, like 127.0.0.1"),
        (["--port", "65536"], "'65536' is no whole number from 0 to 65,535"),
        (["--max-frame", "many"], "'many' is no whole number from 1 to 1,073,741,824"),
        (["--origin", "*"], "'*' is no origin; expected one like http://localhost:3000"),
        (["--origin", "localhost:3000"], "'localhost:3000' is no origin; expected one like"),
        (["--origin", "http://a.example/page"], "'http://a.example/page' is no origin;"),
    ],
)
def test_options_that_cannot_mean_anything_are_refused(words: list[str], problem: str) -> None:
    done = genreply("serve", *words)
    assert done.code == 2
    assert problem in done.err


def test_an_origin_is_let_in_as_browsers_write_it(tmp_path: Path) -> None:
    with served(tmp_path, "--origin", "HTTPS://Friend.example/", "--host", "[::1]") as server:

        async def main() -> int:
            connecting = lambda: connect(server.url, origin="https://friend.example")  # type: ignore[arg-type]  # noqa: E731
            return await status(connecting)

        assert server.url.startswith("ws://[::1]:")
        assert run(main()) == 101


def test_an_address_that_others_can_reach_has_a_warning(tmp_path: Path) -> None:
    with served(tmp_path, "--host", "0.0.0.0") as server:
        _, lines = server.end()
    assert "warning: whoever can reach 0.0.0.0:" in lines[0]
