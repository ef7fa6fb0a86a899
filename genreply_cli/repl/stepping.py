"""Messages held back and delivered one by one.

The coordinator and its socket are suspended; each step lets one of them handle one message.
"""

from collections import deque
from collections.abc import Callable, Iterable
from contextlib import suppress
from typing import Any

from genreply_cli.otp import CallError, GenServer, debug
from genreply_cli.transcript.pretty import pretty_message, pretty_name
from genreply_cli.transcript.step import KINDS, Step
from genreply_cli.transcript.tracer import Tracer

SUSPEND_TIMEOUT = 1.0  # seconds that a busy process has to suspend, resume or make a step


class Stepper:
    """Suspended servers, and the messages to them that have not been handled.

    Call `update` with each step of the session.
    """

    def __init__(self, tracer: Tracer) -> None:
        self._tracer = tracer
        self._suspended: dict[str, GenServer[Any]] = {}  # by their names in the transcript
        self._messages: deque[Step] = deque()  # oldest first

    async def suspend(self, *servers: GenServer[Any]) -> None:
        """Let these servers handle messages only when `step` says so."""
        for server in servers:
            await debug.suspend(server, SUSPEND_TIMEOUT)
            self._suspended[self._tracer.name(server)] = server

    async def release(self) -> None:
        """Let all servers handle their messages as usual."""
        self._messages.clear()
        for server in self._suspended.values():
            if server.alive:
                await debug.resume(server, SUSPEND_TIMEOUT)
        self._suspended.clear()

    def update(self, step: Step) -> None:
        """Note a message that was sent or received, or the end of a process."""
        # a message that a selective `receive` has taken out of the mailbox is the cause of a step
        self._forget(
            lambda message: message.seq == step.cause and message.target in {step.source, step.at}
        )
        if step.kind in KINDS and KINDS[step.kind].queued and step.target in self._suspended:
            self._messages.append(step)
        elif step.kind == "exit" and step.at in self._suspended:
            del self._suspended[step.at]
            self._forget(lambda message: message.target == step.at)

    def _forget(self, is_handled: Callable[[Step], bool]) -> None:
        if self._messages:
            self._messages = deque(step for step in self._messages if not is_handled(step))

    def next_message(self) -> str | None:
        """The message that comes next, and where it goes; None if there is none."""
        if not self._messages:
            return None
        step = self._messages[0]
        return f"to {pretty_name(step.target)}: {pretty_message(step.message)}"

    async def step(self) -> None:
        """Deliver the oldest message."""
        server = self._suspended.get(str(self._messages.popleft().target))
        if server is not None:
            with suppress(CallError):  # the server ended; the timeline shows it
                await debug.step(server, SUSPEND_TIMEOUT)

    def mailboxes(self) -> list[str]:
        """A line for each mailbox, with the messages in it."""
        return [
            mailbox_line(
                pretty_name(name),
                [pretty_message(step.message) for step in self._messages if step.target == name],
            )
            for name in self._suspended
        ]


def mailbox_line(server: str, messages: Iterable[str]) -> str:
    """The messages in a mailbox, as `/state` and `/step` show them."""
    return f"  {server}'s mailbox: {'; '.join(messages) or 'empty'}"
