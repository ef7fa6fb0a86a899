"""A coordinator at work: which one, behind which network, on which clock."""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, TypeVar

from genreply_cli.otp import Node
from genreply_cli.session.signals import on_termination

if TYPE_CHECKING:
    from genreply_cli.session.observers import Observer, Observers
    from genreply_cli.transcript.step import Step

T = TypeVar("T")


@asynccontextmanager
async def session(
    start: Callable[[], T], sinks: "Sequence[Observer]" = (), before: "Iterable[Step]" = ()
) -> "AsyncIterator[tuple[T, Observers | None]]":
    """What `start` starts, which runs meanwhile, and those who look on; with no sinks, nobody does, and nothing is spent on it.

    The steps go on after those `before`. Whatever ends it, the sinks get the `end` step. SIGTERM and SIGHUP end it with
    `Terminated`, a stdout that nobody reads with `BrokenPipeError`.
    """
    logging.getLogger("genreply_cli").addHandler(
        logging.NullHandler()
    )  # a crash is told by the timeline
    task = asyncio.current_task()
    why: list[BaseException] = []

    def leave(reason: BaseException) -> None:
        why.append(reason)
        if task is not None:
            task.cancel()

    watch = None
    if sinks:
        from genreply_cli.session.observers import Observers

        watch = Observers(sinks, before, leave)
    try:
        with on_termination(leave):
            async with Node(observe=None if watch is None else watch.event) as node:
                try:
                    yield start(), watch
                finally:
                    node.observe = None  # what follows is only the closing of the node
                    if watch is not None:
                        watch.show(watch.tracer.end())
    except asyncio.CancelledError:
        if why:
            raise why[0] from None
        raise
