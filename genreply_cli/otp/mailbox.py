"""A mailbox: what is known of a process, its messages, and who waits for it."""

import asyncio
import contextlib
from collections import deque
from collections.abc import Callable
from contextvars import copy_context
from functools import partial
from typing import Any, Final, Self

from genreply_cli.otp.answers import Down, Item, Monitor, Opened, Result, Stop
from genreply_cli.otp.async_callbacks import AsyncRunner, SelectiveReceive
from genreply_cli.otp.calls import From, MonitoredCall, OpenCalls
from genreply_cli.otp.exits import CallingSelf, MailboxFull, NoProcess
from genreply_cli.otp.node import Node, failed
from genreply_cli.otp.status import (
    CONTINUE,
    EXITED,
    ITEM,
    NO_ENTRY,
    STARTING,
    SYSTEM,
    Entry,
    check_timeout,
    running,
)

NOT_LIMITED: Final = (SYSTEM, CONTINUE, ITEM)  # entries that take no room in a limited mailbox


class Mailbox:
    """What the runtime knows of one server, and the messages that wait for it.

    `Ending` and `Process` stand above it; each instance is a Process.
    """

    __slots__ = (
        "async_runner", "context", "ended_at", "given", "home", "id", "idle", "idle_timeout",
        "killed_by", "links", "mailbox", "mailbox_limit", "monitored", "monitors", "name", "node",
        "open_calls", "orphaned", "owned", "parent", "queued", "reason", "receiving",
        "run_in_context", "scheduled", "server", "starter", "state", "status", "waiters",
    )  # fmt: skip

    def __init__(self, server: Any, node: Node, name: Any, parent: Self | None) -> None:
        self.server = server  # a GenServer; genserver.py imports this module
        self.node = node
        self.name = name
        self.id = node.next_id()
        self.parent = parent
        starter = running.get()
        self.starter: Self | None = None if starter is None else starter._process
        self.given: tuple[Any, ...] = ()  # the servers among the arguments of init
        self.home = node.home_of_new()  # whose end is the end of this process
        self.state: Any = None
        self.status: str = STARTING
        self.reason: Any = None  # why it has exited
        self.ended_at: float | None = None  # on the clock of the loop
        self.killed_by: Self | None = None  # whose exit signal ended it
        self.mailbox: deque[Entry] = deque()
        self.mailbox_limit: int | None = None  # messages that others may have waiting in it
        self.scheduled = True
        self.queued = False
        self.receiving: SelectiveReceive | None = None
        self.async_runner: AsyncRunner | None = None
        self.idle: asyncio.TimerHandle | None = None
        self.idle_timeout: float | None = None  # seconds
        self.orphaned: asyncio.TimerHandle | None = None  # kills it if it outlives its parent
        self.open_calls = OpenCalls(node)
        self.links: dict[Any, None] = {}  # the processes that are linked to it
        self.monitors: dict[Monitor, Self] = {}  # of this process, with the watcher
        # by this process, with the watched
        self.monitored: dict[Monitor, Self | MonitoredCall] = {}
        self.waiters: dict[asyncio.Future[Any], None] = {}  # that get the exit reason
        self.owned: dict[asyncio.Task[None], None] | None = None  # that end with it
        self.context = copy_context()
        self.context.run(running.set, server)
        self.run_in_context: Callable[[], None] = partial(self.context.run, self.run)

    @property
    def alive(self) -> bool:
        """Whether it has not exited."""
        return self.status is not EXITED

    def run(self) -> None:
        """Handle messages: `Process` does."""
        raise NotImplementedError

    def handle_return(self, answer: Any, entry: Entry) -> None:
        """Do what the answer of a callback asks for: `Process` does."""
        raise NotImplementedError

    # --- its messages

    def post(
        self, kind: str, message: Any, from_: From[Any] | None = None, ended: Any = None
    ) -> None:
        """Put a message into the mailbox. All messages to processes pass through here.

        It never waits, or two servers could block each other. A process that has exited drops it.
        """
        node = self.node
        if not self.scheduled:
            if not node.awake:
                node.wake()
            self.scheduled = True
            node.ready.append(self)
        event = (
            None if node.observe is None else node.emit_message(kind, self, message, from_, ended)
        )
        self.mailbox.append((kind, message, from_, event))

    def check_room(self, server: Any, request: Any, timeout: float | None, operation: str) -> None:
        """Raise MailboxFull if as many messages wait as the limit allows."""
        limit = self.mailbox_limit
        if limit is not None and len(self.mailbox) >= limit:
            kinds = [entry[0] for entry in self.mailbox]
            if len(kinds) - sum(map(kinds.count, NOT_LIMITED)) >= limit:
                raise MailboxFull(server, request, timeout, limit, operation)

    def send_from_outside(self, send: Callable[[Any, Any], None], message: Any) -> None:
        """Send a message from a thread that is not the node's.

        If the mailbox has a limit, this waits until the node has looked whether there is room.
        """
        if self.mailbox_limit is not None:
            self.node.run(send, self.server, message)
            return
        with contextlib.suppress(RuntimeError):  # the loop has closed; the message is lost
            self.node.loop.call_soon_threadsafe(send, self.server, message)

    def post_stop(self, reason: Any) -> None:
        """Have it stop for `reason` when it has handled what is in its mailbox now."""
        self.post(SYSTEM, lambda process: process.terminate(Stop(reason, process.state), NO_ENTRY))

    def take_back(self, ref: Any) -> None:
        """Remove what has come for a monitor, a task or a source from the mailbox."""
        left = [entry for entry in self.mailbox if not _is_for(entry[1], ref)]
        if len(left) < len(self.mailbox):
            self.mailbox.clear()
            self.mailbox.extend(left)
            if self.receiving is not None:
                self.receiving.scan_again()

    def _cancel_idle(self) -> None:
        if self.idle is not None:
            self.idle.cancel()
        self.idle = self.idle_timeout = None

    # --- who waits for it

    def is_running_here(self) -> bool:
        """Whether the running code is this server, and not a task that a callback started."""
        runner = self.async_runner
        task = None if runner is None else runner.task
        return running.get() is self.server and asyncio.current_task(self.node.loop) is task

    def check_can_wait(
        self, server: Any, request: Any, timeout: float | None, operation: str
    ) -> None:
        """Raise what keeps the running code from waiting for this process, which is `server`."""
        if timeout is not None:
            check_timeout(timeout)
        if self.status is EXITED:
            raise failed(NoProcess(server, request, timeout, operation))
        if self.is_running_here():
            raise CallingSelf(server, request, timeout, operation)

    async def wait_for(
        self,
        future: "asyncio.Future[Any]",
        timeout: float | None = None,
        overdue: Exception | None = None,
    ) -> None:
        """Wait until the future is done or the process has exited, which sets it to the reason.

        Raises `overdue` after `timeout` seconds.
        """
        self.waiters[future] = None
        try:
            async with asyncio.timeout(timeout) as limit:
                await future
        except TimeoutError:
            if limit.expired() and overdue is not None:
                raise failed(overdue) from None
            raise
        finally:
            self.waiters.pop(future, None)


def _is_for(message: Any, ref: Any) -> bool:
    return isinstance(message, Down | Result | Opened | Item) and message.ref is ref
