"""The state at a step: open calls, the servers that hold them, living and ended processes.

    snapshot = Snapshot()
    for step in steps:
        snapshot.update(step)

It remembers nothing of a call that has ended but its count, so `copy` costs as much as is open.
"""

from dataclasses import dataclass, field, replace
from typing import Any, Final, NamedTuple, Self

from genreply_cli.transcript.counts import Counts
from genreply_cli.transcript.step import Step, is_caller

MAX_ENDED: Final = 8  # ended processes that are remembered


class OpenCall(NamedTuple):
    """A call that has not ended. Times are seconds since the recording began."""

    call: str
    since: float
    caller: str | None
    callee: str | None
    message: Any
    timeout: float | None  # None: the caller waits for as long as it takes
    held_by: str | None = None  # the process that returned NoReply for it
    kept_since: float | None = None
    seq: int = 0  # of its step
    taken_up: bool = False  # its message has caused another step of the call


@dataclass(slots=True)
class Snapshot:
    """A fold over steps. Calls and processes are in the order in which they were first seen."""

    t: float = 0.0  # of the latest step
    steps: int = 0
    open: dict[str, OpenCall] = field(default_factory=dict)
    alive: dict[str, None] = field(default_factory=dict)
    ended: dict[str, str | None] = field(default_factory=dict)  # process -> reason, latest last
    counts: Counts = field(default_factory=Counts)

    def update(self, step: Step) -> None:
        """Follow a step."""
        kind, call = step.kind, step.call
        self.steps += 1
        self.t = step.t
        self.counts.update(step)
        match kind:
            case "call" if call is not None and call not in self.open:
                timeout = step.details.get("timeout")
                self.open[call] = OpenCall(
                    call, step.t, step.source, step.target, step.message, timeout, seq=step.seq
                )
            case "noreply" if call in self.open:
                self.open[call] = self.open[call]._replace(held_by=step.at, kept_since=step.t)
            case "exit" if step.at is not None:
                self._record_exit(step.at, step.details.get("reason"))
                return
            case "start" if step.at is not None:
                self.ended.pop(step.at, None)
            case _ if call in self.open and step.ends_call:
                del self.open[call]
            case _ if call in self.open and step.cause == self.open[call].seq:
                self.open[call] = self.open[call]._replace(taken_up=True)
        for name in (step.at, step.source, step.target):
            if (
                name is not None
                and name not in self.alive
                and name not in self.ended
                and not is_caller(name)
            ):
                self.alive[name] = None

    def _record_exit(self, name: str, reason: str | None) -> None:
        self.alive.pop(name, None)
        self.ended.pop(name, None)
        self.ended[name] = reason
        if len(self.ended) > MAX_ENDED:
            del self.ended[next(iter(self.ended))]
        for call, held in self.open.items():
            if held.held_by == name:  # the process that held it will not answer any more
                self.open[call] = held._replace(held_by=None, kept_since=None)

    def kept(self) -> dict[str, list[OpenCall]]:
        """The calls that each process keeps waiting; the one that waits longest comes first."""
        kept: dict[str, list[OpenCall]] = {}
        for call in self.open.values():
            if call.held_by is not None:
                kept.setdefault(call.held_by, []).append(call)
        for calls in kept.values():
            calls.sort(key=lambda call: call.kept_since or 0.0)
        return kept

    def copy(self) -> Self:
        """A copy that is updated on its own."""
        return replace(
            self,
            open=dict(self.open),
            alive=dict(self.alive),
            ended=dict(self.ended),
            counts=self.counts.copy(),
        )
