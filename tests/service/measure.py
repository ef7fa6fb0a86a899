"""A Service measured against a bare dict of futures, on one WebSocket server: a script, no test.

    python tests/service/measure.py [CALLERS [ROUNDS]]

Prints calls in a second of both, and their ratio, medians over the rounds; then the memory that a
source of 15,000 frames of 10 kB takes whose handler is slow.
"""

import asyncio
import itertools
import json
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from websockets.asyncio.client import ClientConnection, connect
from websockets.asyncio.server import ServerConnection, serve

from genreply_cli.otp import GenServer, Item, Node, NoReply, start_source
from genreply_cli.service import Answer, Service

EACH = 10  # calls of each caller, one after the other
FRAMES = 15_000
FRAME = "x" * 10_000  # with compression, a read of the socket brings thousands of these


class Client(Service[str, str]):
    def connect(self, url: str) -> connect:
        return connect(url, compression=None)

    def encode(self, key: int, request: str) -> str:
        return json.dumps({"id": key, "ask": request})

    def decode(self, frame: str) -> Answer[str]:
        answer = json.loads(frame)
        return Answer(answer["id"], answer["answer"])


class Bare:
    """A dict of futures, and a task that reads: nothing else."""

    def __init__(self, connection: ClientConnection) -> None:
        self.connection = connection
        self.keys = itertools.count(1)
        self.waiting: dict[int, asyncio.Future[str]] = {}

    async def read(self) -> None:
        async for frame in self.connection:
            answer = json.loads(frame)
            self.waiting.pop(answer["id"]).set_result(answer["answer"])

    async def ask(self, request: str, timeout: float = 5.0) -> str:
        key = next(self.keys)
        future = self.waiting[key] = asyncio.get_running_loop().create_future()
        try:
            async with asyncio.timeout(timeout):
                await self.connection.send(json.dumps({"id": key, "ask": request}))
                return str(await future)
        finally:
            self.waiting.pop(key, None)


async def calls_in_a_second(ask: Callable[..., Awaitable[str]], callers: int) -> float:
    async def caller() -> None:
        for _ in range(EACH):
            assert await ask("Hello", 60) == "Hello"

    began = time.perf_counter()
    await asyncio.gather(*(caller() for _ in range(callers)))
    return callers * EACH / (time.perf_counter() - began)


async def compare(url: str, callers: int, rounds: int) -> None:
    speeds: dict[str, list[float]] = {"service": [], "bare": []}
    async with Node(), connect(url, compression=None) as connection:
        bare = Bare(connection)
        reading = asyncio.create_task(bare.read())
        service = Client.start(url)
        await service.connected()
        for _ in range(rounds):
            speeds["bare"].append(await calls_in_a_second(bare.ask, callers))
            speeds["service"].append(await calls_in_a_second(service.ask, callers))
        reading.cancel()
    medians = {name: statistics.median(each) for name, each in speeds.items()}
    ratios = (ours / bare for ours, bare in zip(speeds["service"], speeds["bare"], strict=True))
    ratio = statistics.median(ratios)
    print(f"{callers:,} callers, medians of {rounds}: ", end="")
    print(", ".join(f"{name} {median:,.0f} calls/s" for name, median in medians.items()), end="")
    print(f"; ratio {ratio:.2f}")


class Slow(GenServer[int]):
    """Takes its time for every hundredth frame."""

    def init(self, url: str, done: asyncio.Event) -> int:
        self.done = done
        start_source(connect(url, compression=None))
        return 0

    async def handle_info(self, message: Any, state: int) -> NoReply[int]:
        if not isinstance(message, Item):
            return NoReply(state)
        if state % 100 == 0:
            await asyncio.sleep(0.02)
        if state + 1 == FRAMES:
            self.done.set()
        return NoReply(state + 1)


async def flood() -> None:
    async def pour(connection: ServerConnection) -> None:
        for _ in range(FRAMES):
            await connection.send(FRAME)
        await connection.wait_closed()

    async with serve(pour, "127.0.0.1", 0) as server:
        print(server.sockets[0].getsockname()[1], flush=True)
        await server.wait_closed()


async def memory(url: str) -> None:
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    done = asyncio.Event()
    async with Node():
        Slow.start(url, done)
        await done.wait()
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    print(f"{FRAMES:,} frames of 10 kB, a slow handler: ", end="")
    print(f"peak {peak / 1024:.1f} MB, {(peak - before) / 1024:.1f} MB more than before")


def with_server(command: list[str], story: Callable[[str], Awaitable[None]]) -> None:
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout
        url = f"ws://127.0.0.1:{int(server.stdout.readline())}"
        try:
            asyncio.run(story(url))  # type: ignore[arg-type]  # it is a coroutine function
        finally:
            server.kill()


if __name__ == "__main__":
    if sys.argv[1:] == ["flood"]:
        asyncio.run(flood())
    else:
        callers, rounds = map(int, [*sys.argv[1:], *("1000", "7")[len(sys.argv) - 1 :]])
        with_server([sys.executable, __file__, "flood"], memory)
        echo = str(Path(__file__).with_name("echo_server.py"))
        command = [sys.executable, echo, "0", "0", "0"]
        with_server(command, lambda url: compare(url, callers, rounds))
