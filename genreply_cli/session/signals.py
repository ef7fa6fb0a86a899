"""SIGTERM and SIGHUP, for what has to end in an orderly way: a session or the player."""

import asyncio
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

from genreply_cli.errors import Terminated

TERMINATING: Final = (signal.SIGTERM, signal.SIGHUP)


@contextmanager
def on_termination(stop: Callable[[Terminated], object]) -> Iterator[None]:
    """While the context is open, the event loop calls `stop` when such a signal arrives.

    The argument is the exception to raise when everything has ended.
    """
    loop = asyncio.get_running_loop()
    for number in TERMINATING:
        loop.add_signal_handler(number, stop, Terminated(number))
    try:
        yield
    finally:
        for number in TERMINATING:
            loop.remove_signal_handler(number)
