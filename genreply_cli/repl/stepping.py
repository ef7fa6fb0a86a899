"""Messages held back, to be delivered one by one: both processes are suspended, and each step lets one of them handle one."""

from collections import deque
from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from genreply_cli.otp import CallError, GenServer, debug
from genreply_cli.transcript.pretty import pretty_message, pretty_name
from genreply_cli.transcript.step import KINDS, Step

if TYPE_CHECKING:
    from genreply_cli.session.observers import Observers


class Stepper:
    """Knows which messages have been sent, and not yet handled. It is shown the steps of the session."""

    def __init__(self, watch: "Observers") -> None:
        self._watch = watch
        self._held: dict[str, GenServer[Any]] = {}  # by the names of transcripts
        self.waiting: deque[Step] = deque()  # oldest first

    async def suspend(self, *servers: GenServer[Any]) -> None:
        """Let these servers handle nothing until it is their turn."""
        for server in servers:
            await debug.suspend(server, 1.0)
            self._held[self._watch.tracer.name(server)] = server

    async def release(self) -> None:
        """Let them all go on."""
        self.waiting.clear()
        for server in self._held.values():
            if server.alive:
                await debug.resume(server, 1.0)
        self._held.clear()

    def show(self, step: Step) -> None:
        """One more step of the session: a message that is held back, or the end of a process."""
        self._forget(
            lambda each: each.seq == step.cause and each.target in {step.source, step.at}
        )  # a `receive` has taken it
        if step.kind in KINDS and KINDS[step.kind].queued and step.target in self._held:
            self.waiting.append(step)
        elif (
            step.kind == "exit"
            and step.at is not None
            and self._held.pop(step.at, None) is not None
        ):
            self._forget(lambda each: each.target == step.at)

    def _forget(self, which: Callable[[Step], bool]) -> None:
        if self.waiting:
            self.waiting = deque(each for each in self.waiting if not which(each))

    def next_message(self) -> str | None:
        """Which message comes next; None if there is none."""
        if not self.waiting:
            return None
        return (
            f"to {pretty_name(self.waiting[0].target)}: {pretty_message(self.waiting[0].message)}"
        )

    async def step(self) -> None:
        """Deliver the oldest message."""
        server = self._held.get(str(self.waiting.popleft().target))
        if server is not None:
            with suppress(CallError):  # it has ended over it, which the timeline tells
                await debug.step(server, 1.0)

    def mailboxes(self) -> list[str]:
        """What waits where."""
        lines = []
        for name in self._held:
            messages = [
                pretty_message(step.message) for step in self.waiting if step.target == name
            ]
            lines.append(f"  {pretty_name(name)}'s mailbox: {'; '.join(messages) or 'empty'}")
        return lines
