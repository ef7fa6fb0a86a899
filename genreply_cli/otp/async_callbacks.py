"""Async callbacks: stepped on the spot, and finished in a task only if they really wait.

Most `async def` callbacks return without ever waiting; a task for each would cost more than the
whole call. So a callback is run like a coroutine in an event loop, by hand: `send(None)` runs it up
to its first wait. If it returns before that, this was all. If it waits, it has yielded the future
for which it waits; a task of the process then yields that same future to the event loop, and
carries on from there. Until the callback returns, its process handles no other message.

Inside a callback, `asyncio.current_task()` must be one and the same from beginning to end:
`asyncio.timeout` cancels the task that was current when it was entered. Therefore the task that
would carry the callback on is made the current one while the callback is stepped. asyncio documents
`_enter_task` and `_leave_task` for such uses. Each process has one such task, made for its first
async callback; between callbacks it waits for `_wakeup`.
"""

import asyncio
import contextlib
import types
from collections import deque
from collections.abc import Coroutine, Generator
from contextvars import Context
from typing import Any, Final, NamedTuple, Protocol

from genreply_cli.otp.events import Event
from genreply_cli.otp.exits import shorten
from genreply_cli.otp.node import Node
from genreply_cli.otp.status import BUSY, EXITED, INFO, ITEM, NO_ENTRY, READY, Entry


class Pending:
    """The type of `PENDING`: the callback waits, and what it returns comes later."""


PENDING: Final = Pending()


CANCELLED_WHILE_IDLE: Final = (
    "the task of a server was cancelled between two callbacks, as a task group does when it fails "
    "and has been entered in a callback, but not left"
)


class PausedCallback(NamedTuple):
    """An async callback that waits."""

    coroutine: Coroutine[Any, Any, Any]
    waits_for: Any  # what it has yielded: a future, or None for one turn of the event loop
    entry: Entry


class _Host(Protocol):
    """The process whose callbacks are run."""

    server: Any
    node: Node
    home: Node
    status: str
    context: Context

    def handle_return(self, answer: Any, entry: Entry) -> None: ...
    def crash(self, error: BaseException, entry: Entry) -> None: ...


class AsyncRunner:
    """Runs the async callbacks of one process, one at a time."""

    __slots__ = ("_begun", "_loop", "_process", "_wakeup", "coroutine", "paused", "task")

    def __init__(self, process: _Host) -> None:
        self._process = process
        self._loop = process.node.loop
        self.paused: PausedCallback | None = None  # until the task takes it
        self.coroutine: Coroutine[Any, Any, Any] | None = None  # the last one that had to wait
        self._make_task()

    def _make_task(self) -> None:
        process = self._process
        self._begun = False
        self._wakeup: asyncio.Future[None] = self._loop.create_future()
        self.task = asyncio.Task(  # not loop.create_task, which may run it at once
            self._finish_async(),
            loop=self._loop,
            name=repr(process.server),
            context=process.context,
        )
        process.home.track_task(self.task)

    def start(self, coroutine: Coroutine[Any, Any, Any], entry: Entry) -> Any:
        """Run an async callback up to its first wait. Returns what it returns, or PENDING."""
        process = self._process
        loop = self._loop
        task = self.task
        cancels = task.cancelling()
        inside = asyncio.current_task(loop) is task  # as in an async `terminate` after a callback
        if not inside:
            asyncio.tasks._enter_task(loop, task)
        try:
            waits_for = coroutine.send(None)
            if task.cancelling() > cancels:  # it has cancelled itself before its first wait
                if not self._begun:  # a task that is cancelled before it begins never does
                    self._make_task()
                waits_for = coroutine.throw(asyncio.CancelledError())
        except StopIteration as end:
            return end.value
        finally:
            if not inside:
                asyncio.tasks._leave_task(loop, task)
        if process.status is EXITED:  # it has killed its own server
            with contextlib.suppress(BaseException):
                coroutine.throw(asyncio.CancelledError())
            with contextlib.suppress(BaseException):  # in case it has caught that, and waits again
                coroutine.close()
            return PENDING
        if process.status is READY:
            process.status = BUSY
        self.paused = PausedCallback(coroutine, waits_for, entry)
        self.coroutine = coroutine
        if not self._wakeup.done():
            self._wakeup.set_result(None)
        return PENDING

    async def _finish_async(self) -> None:
        """Carry on one callback after another, until the process has exited."""
        process = self._process
        self._begun = True
        while process.status is not EXITED or self.paused is not None:
            interrupted: BaseException | None = None
            try:
                await self._wakeup
            except asyncio.CancelledError as error:  # asyncio.timeout in the callback
                interrupted = error
            self._wakeup = self._loop.create_future()
            paused, self.paused = self.paused, None
            if process.status is EXITED:
                interrupted = interrupted or asyncio.CancelledError()
            if paused is None:  # no callback waits
                self.task.uncancel()
                if interrupted is not None and process.status is not EXITED:
                    interrupted.args = interrupted.args or (CANCELLED_WHILE_IDLE,)
                    process.crash(interrupted, NO_ENTRY)
                continue
            coroutine, waits_for, entry = paused
            try:
                process.handle_return(await _resume(coroutine, waits_for, interrupted), entry)
            except BaseException as error:
                process.crash(error, entry)

    def cancel(self) -> None:
        """End the task, and the callback that it carries on: the process has exited."""
        if self.paused is None:  # otherwise the task has not taken it yet, and will cancel it
            self.task.cancel()


@types.coroutine
def _resume(
    coroutine: Coroutine[Any, Any, Any], waits_for: Any, interrupted: BaseException | None
) -> Generator[Any, Any, Any]:
    """Await a coroutine that has been run up to `waits_for`; first raise `interrupted` in it."""
    while True:
        if interrupted is None:
            try:
                yield waits_for
            except BaseException as error:  # raised in it below: it must not find it handled here
                interrupted = error
            else:
                return (yield from coroutine)
        raised, interrupted = interrupted, None
        try:
            waits_for = coroutine.throw(raised)
        except StopIteration as end:
            return end.value


Received = tuple[Any, Event | None, BaseException | None]  # a message and its event, or an error


class SelectiveReceive:
    """A wait of an async callback for the first message of a type: `GenServer.receive`."""

    __slots__ = ("_scanned", "_type", "future")

    def __init__(self, type_: Any, future: "asyncio.Future[Received]") -> None:
        try:
            isinstance(None, type_)
        except TypeError:
            raise TypeError(
                f"receive was given {shorten(type_)}; expected the type of a message"
            ) from None
        self._type = type_
        self.future = future
        self._scanned = 0  # entries that do not fit, at the left of the mailbox

    def scan(self, mailbox: deque[Entry]) -> None:
        """Take the first message that fits out of the mailbox; the others keep their order."""
        while self._scanned < len(mailbox) and not self.future.done():
            kind, message, _, event = mailbox[self._scanned]
            try:
                fits = (kind is INFO or kind is ITEM) and isinstance(message, self._type)
            except BaseException as error:  # of the type's own; `receive` raises it
                self.future.set_result((None, None, error))
                return
            if fits:
                del mailbox[self._scanned]
                if kind is ITEM:
                    message.ref.make_room()
                self.future.set_result((message, event, None))
            else:
                self._scanned += 1

    def scan_again(self) -> None:
        """Begin at the left: entries have been removed."""
        self._scanned = 0
