"""What a process owns: tasks that work for it and sources that are read for it, until it ends.

    start_task(coroutine)     Result(task, value), or Down(task, task, error)
    start_source(iterable)    Item(source, value) …, then Down(source, source, "normal" or error)
    start_source(manager)     Opened(source, value), then the same

All these are messages to the owner, which is the process that runs when they are started; its
`handle_info` gets them. Both end with their owner, however that ends: they are cancelled, so that
their `async with` and `finally` blocks run. The node waits for that when it closes.

On the BEAM, a task is Elixir's `Task.async_nolink`. A source is a port or a socket: it sends its
data to its owner, and is closed with it.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterable, Coroutine, Iterator
from contextlib import AbstractAsyncContextManager
from contextvars import copy_context
from typing import Any, Final

from genreply_cli.otp.answers import Down, Item, Opened, Result
from genreply_cli.otp.calls import From
from genreply_cli.otp.events import Event
from genreply_cli.otp.exits import Exit, is_quiet, shorten
from genreply_cli.otp.process import Process
from genreply_cli.otp.status import INFO, ITEM, check_limit, handling, logger, running

ITEMS_WAITING: Final = 100  # of a source, unless it is told otherwise; as Erlang's `{active, 100}`


class Owned:
    """A task or a source. `owner` is the GenServer that gets its messages; `name` is for people."""

    def __init__(self, process: Process, name: str) -> None:
        self.owner = process.server
        self.name = name
        self._process = process
        self._task: asyncio.Task[None] | None = None
        self._cancelled = False

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.name!r} of {self.owner!r}>"

    def cancel(self) -> None:
        """End it. Its owner gets no message of it any more, also none that has come already.

        Does nothing if it has ended. It is cancelled as an asyncio.Task is: it may take a while to
        leave its `async with` and `finally` blocks.
        """
        self._process.node.check_thread()
        self._cancelled = True
        self._process.take_back(self)
        if self._task is not None:
            self._task.cancel()

    def _start(
        self, work: Coroutine[Any, Any, None], about: From[Any] | None
    ) -> "asyncio.Task[None]":
        node = self._process.node
        context = copy_context()
        node.emit("start", self, None, detail=self.owner)
        context.run(handling.set, _of_call(about))
        task = asyncio.Task(  # not loop.create_task, which may run it at once
            work, loop=node.loop, name=f"{self.name} of {self.owner!r}", context=context
        )
        self._task = task
        self._process.own(task)
        return task

    def _deliver(self, kind: str, message: Any) -> None:
        if self._process.alive and not self._cancelled:
            self._process.post(kind, message)

    def _end(self, error: BaseException | None) -> None:
        """Tell the observer that it has ended. Tell the owner why, unless a task has returned."""
        reason: Any = "normal" if error is None else error
        hears = self._process.alive and not self._cancelled
        if isinstance(error, Exit):
            reason = error.reason
        elif not hears and isinstance(error, asyncio.CancelledError):
            reason = "shutdown"
        elif not hears and error is not None:  # it was raised in `finally` or by `async with`
            logger.error("%r failed while it was being closed", self, exc_info=error)
        self._process.node.emit("exit", self, None, reason)
        if hears and (error is not None or isinstance(self, Source)):
            self._process.post(INFO, Down(self, self, reason), ended=self)
        if isinstance(error, KeyboardInterrupt | SystemExit):
            raise error


class Task(Owned):
    """A coroutine that runs for a process: what `start_task` returns."""

    async def _run(self, coroutine: Coroutine[Any, Any, Any]) -> None:
        try:
            value = await coroutine
        except BaseException as error:
            self._end(error)
        else:
            self._deliver(INFO, Result(self, value))
            self._end(None)


class Source(Owned):
    """What is read for a process, item by item: what `start_source` returns."""

    def __init__(self, process: Process, name: str, limit: int) -> None:
        super().__init__(process, name)
        self._room = limit  # for items in the mailbox of the owner
        self._room_again: asyncio.Future[None] | None = None  # while there is none

    def make_room(self) -> None:
        """Have it read on: the owner has taken an item out of its mailbox."""
        self._room += 1
        if self._room_again is not None and not self._room_again.done():
            self._room_again.set_result(None)

    async def _run(self, source: Any) -> None:
        try:
            if hasattr(source, "__aenter__"):
                async with source as value:
                    self._deliver(INFO, Opened(self, value))
                    stopped = await self._read_until_stopped(value)
            else:
                stopped = await self._read_until_stopped(source)
        except BaseException as error:
            self._end(error)
        else:
            self._end(stopped)

    async def _read_until_stopped(self, iterable: Any) -> asyncio.CancelledError | None:
        """Read to the end, or until the owner has stopped, which is no failure of the connection.

        So its peer is not told of an error. After a crash, a kill or `cancel()`, it is left with
        CancelledError, and can undo what it has begun.
        """
        try:
            await self._read(iterable)
        except asyncio.CancelledError as error:
            owner = self._process
            if self._cancelled or owner.alive or not is_quiet(owner.reason):
                raise
            if self._task is not None:
                self._task.uncancel()
            return error
        return None

    async def _read(self, iterable: Any) -> None:
        if not hasattr(iterable, "__aiter__"):
            raise TypeError(f"{self!r} gave {shorten(iterable)}; expected an async iterable")
        iterator = aiter(iterable)
        try:
            async for value in iterator:
                self._room -= 1
                self._deliver(ITEM, Item(self, value))
                del value  # it may be large, and the next one may take long to come
                if not self._room:
                    self._room_again = self._process.node.loop.create_future()
                    await self._room_again
        finally:
            if hasattr(iterator, "aclose"):
                await iterator.aclose()


def start_task(
    coroutine: Coroutine[Any, Any, Any], *, name: str = "task", about: From[Any] | None = None
) -> Task:
    """Run a coroutine for the running process, which goes on with its messages meanwhile.

    `handle_info` gets `Result(task, value)` when it has returned, or `Down(task, task, error)` when
    it has raised. The task ends with the process, and its `cancel()` ends it before. This is
    Elixir's `Task.async_nolink`: a task that fails does no harm to its owner.

    What it does and sends belongs to no call, or to the call `about`. Raises TypeError if it is
    given no coroutine, and RuntimeError outside any process.
    """
    if not asyncio.iscoroutine(coroutine):
        raise TypeError(f"start_task was given {shorten(coroutine)}; expected a coroutine")
    try:
        task = Task(_owner("start_task"), name)
    except RuntimeError:
        coroutine.close()
        raise
    started = task._start(task._run(coroutine), about)
    started.add_done_callback(lambda _: coroutine.close())  # it may not have begun
    return task


def start_source(
    source: AsyncIterable[Any] | AbstractAsyncContextManager[Any],
    *,
    limit: int = ITEMS_WAITING,
    name: str = "source",
    about: From[Any] | None = None,
) -> Source:
    """Read a source for the running process: `handle_info` gets an `Item` for each of its items.

    `source` is an async iterable, or an async context manager whose value is one, as the `connect`
    of most network libraries. It is entered and left here, in one task; `Opened(source, value)`
    says that it has been entered. When there are no more items, `Down(source, source, "normal")`
    comes; if it has failed, a Down with the exception.

    When `limit` items wait in the mailbox of the owner, no more is read until it takes one out.
    They do not count for its `mailbox_limit`. The source ends with the process, and its `cancel()`
    ends it before. A context manager is left without an error if the process has stopped, and with
    CancelledError after a crash, a kill or `cancel()`.

    What it sends belongs to no call, or to the call `about`. Raises TypeError or ValueError if it
    is given something else, and RuntimeError outside any process.
    """
    if not hasattr(source, "__aenter__") and not hasattr(source, "__aiter__"):
        raise TypeError(
            f"start_source was given {shorten(source)}; "
            "expected an async iterable, or an async context manager that gives one"
        )
    reader = Source(_owner("start_source"), name, check_limit(limit))
    reader._start(reader._run(source), about)
    return reader


def _owner(operation: str) -> Process:
    server = running.get()
    if server is None:
        raise RuntimeError(
            f"{operation} is for processes, and this is a plain task. "
            "Call it in a callback of the server that gets the messages."
        )
    process: Process = server._process
    process.node.check_thread()
    if not process.alive:
        raise RuntimeError(f"{operation}: {server!r} has ended, and can own nothing any more")
    return process


@contextlib.contextmanager
def about(from_: From[Any] | None) -> Iterator[None]:
    """Have what is done in a `with` block belong to the call that `from_` stands for, or to none.

    Otherwise, all that a callback does belongs to the call of the message that it handles. A server
    that keeps its callers under keys knows better: which caller an answer of its connection is for.
    The events of the block have no `cause` then. This is for the observer only; Elixir's
    `:seq_trace.set_token` is like it.
    """
    token = handling.set(_of_call(from_))
    try:
        yield
    finally:
        handling.reset(token)


def _of_call(from_: From[Any] | None) -> Event | None:
    """Return what stands for an unknown cause that belongs to this call, or to none."""
    if from_ is None:
        return None
    return Event(None, 0.0, "note", None, None, call=from_)  # type: ignore[arg-type]  # no number


def current_call() -> From[Any] | None:
    """Return the call to which what is done now belongs, as `about` has it; None for none.

    A server that asks somebody else on behalf of a call keeps it, for `with about(from_):` when the
    answer comes.
    """
    cause = handling.get()
    return None if cause is None else cause.call
