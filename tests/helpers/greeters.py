"""A greeter that runs in a child process, `genreply serve`, and one inside a test."""

import asyncio
import queue
import signal
import subprocess
import sys
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

from terminals import PATIENCE, clean
from websockets.asyncio.server import ServerConnection, serve

from genreply_cli.serve.server import Greeter, ServeOptions
from genreply_cli.session.network import Network


class Served:
    """A `genreply serve` in a child process."""

    def __init__(self, process: "subprocess.Popen[str]", url: str) -> None:
        self.process = process
        self.url = url

    @property
    def port(self) -> int:
        return int(self.url.rpartition(":")[2])

    def end(self, number: int = signal.SIGTERM) -> tuple[int, list[str]]:
        """End it with a signal. Returns its status, and the lines about connections."""
        self.process.send_signal(number)
        _, err = self.process.communicate(timeout=PATIENCE)
        return self.process.returncode, err.splitlines()


@contextmanager
def served(state: Path, *arguments: str, port: int = 0) -> Iterator[Served]:
    """Run `genreply serve` until the end of the context."""
    process = subprocess.Popen(
        [sys.executable, "-m", "genreply_cli", "serve", "--port", str(port), *arguments],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=clean({"XDG_STATE_HOME": str(state)}),
    )
    try:
        assert process.stdout is not None
        line = process.stdout.readline()
        assert line.startswith("listening on ws://"), (line, process.stderr)
        yield Served(process, line.split()[2].removesuffix(";"))
    finally:
        process.kill()
        process.communicate()


@asynccontextmanager
async def greeter(
    network: Network | None = None, log: list[str] | None = None, port: int = 0, **options: Any
) -> AsyncIterator[str]:
    """Serve greetings in the running event loop. Yields the address."""
    lines = [] if log is None else log
    server = Greeter(ServeOptions(port=port, **options), network or Network(), lines.append)
    async with server.serving() as listening:
        yield f"ws://127.0.0.1:{listening.sockets[0].getsockname()[1]}"


@asynccontextmanager
async def answering(handler: Callable[[ServerConnection], Awaitable[None]]) -> AsyncIterator[str]:
    """A WebSocket server that does this with each connection. Yields its address."""
    async with serve(handler, "127.0.0.1", 0, close_timeout=1) as server:
        yield f"ws://127.0.0.1:{server.sockets[0].getsockname()[1]}"


@contextmanager
def answering_in_a_thread(handler: Callable[[ServerConnection], Awaitable[None]]) -> Iterator[str]:
    """The same server, beside a test that is not async."""
    urls: queue.Queue[str] = queue.Queue()
    loop = asyncio.new_event_loop()
    done = asyncio.Event()

    async def main() -> None:
        async with answering(handler) as url:
            urls.put(url)
            await done.wait()

    thread = threading.Thread(target=lambda: loop.run_until_complete(main()))
    thread.start()
    try:
        yield urls.get(timeout=PATIENCE)
    finally:
        loop.call_soon_threadsafe(done.set)
        thread.join(PATIENCE)
        loop.close()
