"""No socket stays open, however an attempt to connect ends, or a connection."""

import asyncio
from collections.abc import AsyncIterator, Awaitable
from contextlib import asynccontextmanager
from typing import Any

import pytest
from greeters import answering
from websockets.asyncio.server import ServerConnection

from genreply_cli.otp import Node
from genreply_cli.otp.closing import GRACE_SECONDS
from genreply_cli.remote.closing import close
from genreply_cli.remote.connecting import connect
from genreply_cli.remote.target import Target
from genreply_cli.session.settings import Settings


def run(main: Awaitable[Any]) -> Any:
    async def with_limit() -> Any:
        async with asyncio.timeout(60):
            return await main

    return asyncio.run(with_limit())


@asynccontextmanager
async def reading_nothing() -> AsyncIterator[tuple[str, asyncio.Event]]:
    """A server that reads nothing after the handshake. Yields its address, and a first client."""
    client, done = asyncio.Event(), asyncio.Event()

    async def deaf(connection: ServerConnection) -> None:
        connection.transport.pause_reading()
        client.set()
        await done.wait()
        connection.transport.abort()

    async with answering(deaf) as url:
        yield url, client
        done.set()


@pytest.mark.parametrize("times", [1, 2])
def test_closing_that_is_cancelled_closes_the_socket(times: int) -> None:
    async def main() -> bool:
        async with reading_nothing() as (url, _):
            connection = await connect(Target(url))
            closing = asyncio.create_task(close(connection))
            for _ in range(times):
                await asyncio.sleep(0)
                closing.cancel()
            await asyncio.wait([closing])
            return closing.cancelled() and connection.transport.is_closing()

    assert run(main())


def test_a_server_that_reads_nothing_does_not_keep_a_session_from_ending() -> None:
    async def main() -> float:
        loop = asyncio.get_running_loop()
        async with reading_nothing() as (url, client):
            async with Node(), asyncio.TaskGroup() as callers:
                coordinator = Settings("fifo", target=Target(url)).start()
                large = "x" * 1_000_000  # more than the buffers of the system take
                greetings = [callers.create_task(coordinator.greet(large)) for _ in range(20)]
                await client.wait()
                await asyncio.sleep(0.05)
                for greeting in greetings:
                    greeting.cancel()
                began = loop.time()
            return loop.time() - began

    assert run(main()) < GRACE_SECONDS  # after which all would be cancelled once more
