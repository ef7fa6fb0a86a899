"""How things stand at a step: which calls are open, who keeps them since when, what became of the others, who is alive.

    standing = Standing()
    for step in steps:
        standing.see(step)

It is a fold over steps, and remembers nothing of a call that has ended but its count. `copy` is cheap: as much as there is open.
"""

from dataclasses import dataclass, field, replace
from typing import Any, Final, NamedTuple, Self

from genreply_cli.transcript.counts import Counts
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
    counts: Counts = field(default_factory=Counts)

    def update(self, step: Step) -> None:
        """Take note of a step."""
        kind, call = step.kind, step.call
        self.steps += 1
        self.t = step.t
        self.counts.update(step)
        match kind:
            case "call" if call is not None and call not in self.open:
                timeout = step.details.get("timeout")
                self.open[call] = OpenCall(
                    call, step.t, step.source, step.target, step.message, timeout
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
        return replace(
            self,
            open=dict(self.open),
            alive=dict(self.alive),
            ended=dict(self.ended),
            counts=self.counts.copy(),
        )
