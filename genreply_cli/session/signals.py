"""Signals, for what has to end in an orderly way: a session, the player, a call at a keyboard."""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from signal import SIG_IGN, getsignal, signal

from genreply_cli.errors import TERMINATING, Terminated


@contextmanager
def on_signal(number: int, call: Callable[[], object]) -> Iterator[None]:
    """While the context is open, the event loop calls this when the signal arrives.

    A signal that is ignored, as SIGHUP by nohup, stays ignored.
    """
    before = getsignal(number)
    if before is SIG_IGN:
        yield
        return
    loop = asyncio.get_running_loop()
    loop.add_signal_handler(number, call)
    try:
        yield
    finally:
        loop.remove_signal_handler(number)
        signal(number, before)


@contextmanager
def on_termination(stop: Callable[[Terminated], object]) -> Iterator[None]:
    """While the context is open, the event loop calls `stop` when SIGTERM or SIGHUP arrives.

    The argument is the exception to raise when everything has ended.
    """
    with ExitStack() as stack:
        for number in TERMINATING:
            stack.enter_context(on_signal(number, partial(stop, Terminated(number))))
        yield
