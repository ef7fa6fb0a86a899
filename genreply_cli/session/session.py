"""A session: a node in which a coordinator runs, with its observers and its signals."""

import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Sequence
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, TypeVar

from genreply_cli.otp import Node
from genreply_cli.session.signals import terminable

if TYPE_CHECKING:
    from genreply_cli.session.observers import Observer, Observers
    from genreply_cli.transcript.step import Step

T = TypeVar("T")


@asynccontextmanager
async def session(
    start: Callable[[], T],
    sinks: "Sequence[Observer]" = (),
    before: "Iterable[Step]" = (),
    *,
    states: bool = True,
    prepare: "Callable[[], Awaitable[None]] | None" = None,
) -> "AsyncIterator[tuple[T, Observers | None]]":
    """Run a node. Yields the result of `start`, and the observers; without sinks there are none.

    `prepare` is awaited before that.

    The steps continue those of `before`, and have the states of the servers, unless `states` is
    false. However the session ends, the sinks get an `end` step.
    SIGTERM and SIGHUP end it with `Terminated`, a failure of stdout with `StdoutError`.
    """
    # the timeline shows a crash; without a handler it would be logged on stderr as well
    logging.getLogger("genreply_cli").addHandler(logging.NullHandler())
    with terminable() as leave:
        observers = None
        if sinks:
            from genreply_cli.session.observers import Observers

            observers = Observers(sinks, before, leave)
        observe = None if observers is None else observers.observe
        async with Node(observe, states=states and observe is not None) as node:
            try:
                if prepare is not None:
                    await prepare()
                yield start(), observers
            finally:
                node.observe = None  # what follows is only the closing of the node
                if observers is not None:
                    observers.emit(observers.tracer.end())
