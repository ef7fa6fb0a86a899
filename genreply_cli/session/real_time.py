"""The real clock of a session, and its event loop, which nothing outside can hold up.

The clock stands still while the output waits for a slow reader. Such a reader (a pager, a terminal
after Ctrl-S) keeps the event loop from running. If the clock went on meanwhile, calls would time
out whose answers had no chance to arrive.

A name of a host is looked up in a thread that the program does not wait for at its end. asyncio
uses a pool of threads instead, and waits for it: a Ctrl-C would have no effect until a slow name
server has answered.
"""

import asyncio
import socket
import time
from collections.abc import Callable, Coroutine
from contextlib import suppress
from functools import partial
from threading import Thread
from typing import Any, TypeVar

from genreply_cli.streams import Waited

T = TypeVar("T")


class Loop(asyncio.SelectorEventLoop):
    """The event loop of a session."""

    def time(self) -> float:
        return time.monotonic() - Waited.seconds

    async def getaddrinfo(self, host: Any, port: Any, **hints: int) -> Any:
        return await in_thread(partial(socket.getaddrinfo, host, port, **hints))


def run(main: Coroutine[Any, Any, T]) -> T:
    """Run a program like `asyncio.run`, on this clock."""
    with asyncio.Runner(loop_factory=Loop) as runner:
        return runner.run(main)


async def in_thread(function: Callable[[], T]) -> T:
    """What this function returns or raises, in a thread that ends with the program at the latest.

    If this is cancelled, nobody waits for the function any more.
    """
    loop = asyncio.get_running_loop()
    outcome: asyncio.Future[T] = loop.create_future()

    def tell(settle: Callable[[Any], None], value: object) -> None:
        if not outcome.done():
            settle(value)

    def work() -> None:
        settle: Callable[[Any], None] = outcome.set_result
        value: object
        try:
            value = function()
        except Exception as error:
            settle, value = outcome.set_exception, error
        with suppress(RuntimeError):  # the loop has been closed meanwhile
            loop.call_soon_threadsafe(tell, settle, value)

    Thread(target=work, name="genreply lookup", daemon=True).start()
    return await outcome
