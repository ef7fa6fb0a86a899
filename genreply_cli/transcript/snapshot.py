"""How things stand at a step: which calls are open, who keeps them since when, what became of the others, who is alive.

    standing = Standing()
    for step in steps:
        standing.see(step)

It is a fold over steps, and remembers nothing of a call that has ended but its count. `copy` is cheap: as much as there is open.
"""

from dataclasses import dataclass, field, replace
from typing import Any, Final, NamedTuple, Self

from genreply_cli.transcript.step import Step, is_caller

MAX_ENDED: Final = 8  # how many of the dead are remembered


class OpenCall(NamedTuple):
    """A call that has not ended. Times are seconds since the recording began; `timeout` None is infinity."""

    call: str
    since: float
    caller: str | None
    callee: str | None
    message: Any
    timeout: float | None
    held_by: str | None = None  # the process that has answered NoReply to it
    kept_since: float | None = None

    @property
    def deadline(self) -> float | None:
        """When the caller will give up, or None."""
        return None if self.timeout is None else self.since + self.timeout


@dataclass(slots=True)
class Snapshot:
    """Call `see` with each step, in order."""

    t: float = 0.0  # of the latest step
    steps: int = 0  # how many have been seen
    open: dict[str, OpenCall] = field(default_factory=dict)  # in the order in which they were asked
    alive: dict[str, None] = field(
        default_factory=dict
    )  # processes, in the order in which they were first seen
    ended: dict[str, str | None] = field(
        default_factory=dict
    )  # the processes that ended last, and why
    calls: int = 0
    answered: int = 0
    wrong: int = 0  # answers that went to another caller than the one who had asked
    timed_out: int = 0
    cancelled: int = 0
    failed: int = 0  # callers who were told that the process they waited for is gone
    dropped: int = 0  # answers to nobody: late ones, and second ones
    lost: int = 0  # messages to the dead

    def update(self, step: Step) -> None:
        """Take note of a step."""
        kind, call = step.kind, step.call
        self.steps += 1
        self.t = step.t
        match kind:
            case "call":
                self.calls += 1
                if call is not None and call not in self.open:
                    timeout = step.details.get("timeout")
                    self.open[call] = OpenCall(
                        call, step.t, step.source, step.target, step.message, timeout
                    )
            case "noreply":
                if call in self.open:
                    self.open[call] = self.open[call]._replace(held_by=step.at, kept_since=step.t)
            case "reply":
                self.answered += 1
                self.wrong += step.details.get("for") is not None
                self.open.pop(call, None)  # type: ignore[arg-type]  # None is no call, and so never there
            case "timeout":
                self.timed_out += 1
                self.open.pop(call, None)  # type: ignore[arg-type]
            case "cancel":
                self.cancelled += 1
                self.open.pop(call, None)  # type: ignore[arg-type]
            case "down":
                # one who only watches is told in the same way; it is no caller of this call
                if call in self.open and self.open[call].caller == step.target:
                    self.failed += 1
                    del self.open[call]
            case "late" | "duplicate":
                self.dropped += 1
            case "lost":
                self.lost += 1
            case "exit" if step.at is not None:
                self._record_exit(step.at, step.details.get("reason"))
                return
            case "start" if step.at is not None:
                self.ended.pop(step.at, None)
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
        for call, one in self.open.items():
            if one.held_by == name:  # whoever kept it will not answer any more
                self.open[call] = one._replace(held_by=None, kept_since=None)

    def kept(self) -> dict[str, list[OpenCall]]:
        """The calls that are kept waiting, by who keeps them; the longest first."""
        keepers: dict[str, list[OpenCall]] = {}
        for one in self.open.values():
            if one.held_by is not None:
                keepers.setdefault(one.held_by, []).append(one)
        for calls in keepers.values():
            calls.sort(key=lambda one: one.kept_since or 0.0)
        return keepers

    def copy(self) -> Self:
        """The same, apart: what either sees from now on, the other does not."""
        return replace(self, open=dict(self.open), alive=dict(self.alive), ended=dict(self.ended))
