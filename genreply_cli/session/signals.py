"""Signals, for what has to end in an orderly way: a session, the player, a call at a keyboard."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from signal import SIG_IGN, getsignal, signal
from typing import TypeVar

from genreply_cli.errors import TERMINATING, Terminated

T = TypeVar("T")


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


@contextmanager
def terminable() -> Iterator[Callable[[BaseException], None]]:
    """While the context is open, SIGTERM and SIGHUP cancel the current task, as Ctrl-C does.

    The context then raises Terminated. If the handler of a signal raised it, in the midst of the
    event loop, the callback that comes next would be lost, and who waits for it would never end.
    Yields a function that ends the task in the same way, with another exception.
    """
    loop, task = asyncio.get_running_loop(), asyncio.current_task()
    assert task is not None
    reasons: list[BaseException] = []

    def leave(reason: BaseException) -> None:
        reasons.append(reason)
        task.cancel()

    def terminate(number: int, _: object) -> None:
        leave(Terminated(number))
        loop.call_soon_threadsafe(lambda: None)  # it may wait for something to happen

    before = {number: getsignal(number) for number in TERMINATING}
    heard = [number for number, handler in before.items() if handler is not SIG_IGN]
    for number in heard:
        signal(number, terminate)
    try:
        yield leave
    except asyncio.CancelledError:
        if not reasons:
            raise
    finally:
        for number in heard:
            signal(number, before[number])
    if reasons:
        raise reasons[0]


async def until_terminated(work: Awaitable[T]) -> T:
    """The result of this, unless SIGTERM or SIGHUP ends it. Raises Terminated."""
    with terminable():
        return await work
