"""Clients that do nothing, or too much: no connection stays open, and the server ends when told."""

import asyncio
from collections.abc import AsyncIterator, Awaitable
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from typing import Any, NamedTuple

from greeters import greeter

HANDSHAKE = (
    b"GET / HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
)
MASK = b"\0\0\0\0"
SOON = 9.0  # seconds; a second on a quiet machine, and 10 or 20 if nothing is done about it


class Client(NamedTuple):
    """A plain connection."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter

    async def shake_hands(self) -> None:
        self.writer.write(HANDSHAKE)
        await self.reader.readuntil(b"\r\n\r\n")

    async def read_to_the_end(self) -> bytes:
        try:
            return await self.reader.read()
        except ConnectionResetError:
            return b""

    async def stay(self) -> None:
        """Keep the connection until the other side refuses what is sent."""
        with suppress(ConnectionError):
            while not self.writer.is_closing():
                self.writer.write(b"\0")
                await self.writer.drain()
                await asyncio.sleep(0.02)

    async def send_until_nobody_reads(self, frame: bytes) -> None:
        self.writer.transport.set_write_buffer_limits(0)
        try:
            while True:
                self.writer.write(frame)
                async with asyncio.timeout(0.2):
                    await self.writer.drain()
        except TimeoutError:
            return


@asynccontextmanager
async def client(url: str) -> AsyncIterator[Client]:
    reader, writer = await asyncio.open_connection("127.0.0.1", int(url.rpartition(":")[2]))
    yield Client(reader, writer)
    writer.transport.abort()


def run(main: Awaitable[Any]) -> Any:
    async def with_limit() -> Any:
        async with asyncio.timeout(60):
            return await main

    return asyncio.run(with_limit())


def test_no_client_keeps_the_server_from_ending() -> None:
    log: list[str] = []
    text = b"x" * 16_000
    frame = b"\x81\xfe" + len(text).to_bytes(2) + MASK + text

    async def main() -> float:
        loop = asyncio.get_running_loop()
        async with AsyncExitStack() as stack:
            async with greeter(log=log) as url:
                silent, slow, idle, deaf = [
                    await stack.enter_async_context(client(url)) for _ in range(4)
                ]
                slow.writer.write(HANDSHAKE[:40])
                await idle.shake_hands()
                await deaf.shake_hands()
                assert isinstance(deaf.writer.transport, asyncio.Transport)
                deaf.writer.transport.pause_reading()
                await deaf.send_until_nobody_reads(frame)
                began = loop.time()
            assert not silent.writer.is_closing()
            return loop.time() - began

    assert run(main()) < SOON
    assert len(log) == 4


DONE = {
    b"\x88\x82" + MASK + (4000).to_bytes(2): "closed by the client with 4000 after",
    b"\x88\x80" + MASK: "closed by the client without a code after",
    b"\xff\xff\xff\xff": "closed by the server with 1002 invalid opcode after",
    b"\x81\x05Hello": "closed by the server with 1002 incorrect masking after",
    b"\x81\x81" + MASK + b"\xff": "closed by the server with 1007 ",
}


def test_a_client_that_is_done_and_stays_is_hung_up_on() -> None:
    log: list[str] = []

    async def stay(url: str, sent: bytes) -> None:
        async with client(url) as there:
            await there.shake_hands()
            there.writer.write(sent)
            await there.stay()

    async def main() -> float:
        loop = asyncio.get_running_loop()
        async with greeter(log=log) as url:
            began = loop.time()
            await asyncio.gather(*(stay(url, sent) for sent in DONE))
            return loop.time() - began

    assert run(main()) < SOON
    for said in DONE.values():
        assert any(f"/: {said}" in line for line in log)


def test_too_many_connections_that_ask_for_nothing_are_turned_away() -> None:
    log: list[str] = []

    async def main() -> bytes:
        async with AsyncExitStack() as stack:
            url = await stack.enter_async_context(greeter(log=log, max_connections=1))
            for _ in range(101):
                await stack.enter_async_context(client(url))
            last = await stack.enter_async_context(client(url))
            return await last.read_to_the_end()

    assert run(main()) == b""
    assert log[0].endswith(" turned away: more than 101 connections")
