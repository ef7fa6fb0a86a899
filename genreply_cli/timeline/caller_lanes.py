"""Which lane each caller has: one rule for the screen and for the SVG picture."""

from sys import maxsize

from genreply_cli.transcript.snapshot import Snapshot
from genreply_cli.transcript.step import Step, is_caller


class CallerLanes:
    """A fold over steps. Lanes are numbered from 0; there are as many as callers waited at once.

    A caller whose call has ended keeps its lane until another caller needs one. When `limit` lanes
    are taken by waiting callers, further callers share the last lane.
    """

    def __init__(self, limit: int = maxsize) -> None:
        self.limit = limit
        self.shared = False
        self.open: dict[str, str] = {}  # call -> the caller, or the process, that waits for it
        self._waits: dict[str, int] = {}  # caller or process -> how many calls it waits for
        self._lanes: list[set[str]] = []  # the callers that have each lane, or had it last

    def __len__(self) -> int:
        return len(self._lanes)

    def start_from(self, snapshot: Snapshot) -> None:
        """Begin with a lane for each caller that waits here, and with one lane at least."""
        for call in snapshot.open.values():
            self._open_call(call.call, call.caller)
            if call.caller is not None and is_caller(call.caller):
                self._assign(call.caller)
        if not self._lanes:
            self._lanes.append({"caller"})

    def update(self, step: Step) -> None:
        """Open or close the call of a step, and give a lane to each caller that it names."""
        if step.call is not None:
            if step.kind == "call":
                self._open_call(step.call, step.source)
            elif step.ends_call:
                self._close_call(step.call, step)
        if self._lanes and step.kind in {"late", "duplicate"}:
            return  # an answer to a caller that has gone needs no new lane
        for name in (step.source, step.target, step.at):
            if name is not None and is_caller(name):
                self._assign(name)

    def share_one(self) -> None:
        """Let all callers share a single lane from now on."""
        self.limit, self.shared = 1, True
        first = self._lanes[0] if self._lanes else set()
        self._lanes = [{name for name in self._waits if is_caller(name)} or first]

    def lane(self, caller: str) -> int:
        """The lane of a caller; if it has none any more, a free one or the shared one."""
        for number, callers in enumerate(self._lanes):
            if caller in callers:
                return number
        return len(self._lanes) - 1 if self.shared else self._free() or 0

    def has_lane(self, caller: str) -> bool:
        """Whether a lane is still that of this caller."""
        return any(caller in callers for callers in self._lanes)

    def waits(self, name: str) -> bool:
        """Whether this caller or process waits for the answer to a call."""
        return name in self._waits

    def is_blocked(self, lane: int) -> bool:
        """Whether a caller of this lane waits."""
        return not self._waits.keys().isdisjoint(self._lanes[lane])

    def labels(self) -> list[str]:
        """The names of the lanes: `caller`, `caller-2` …, and `callers` for the shared one."""
        names = ["caller", *(f"caller-{number}" for number in range(2, len(self._lanes) + 1))]
        return [*names[: len(self._lanes) - 1], "callers"] if self.shared else names[: len(self)]

    def _open_call(self, call: str, caller: str | None) -> None:
        if caller is not None and call not in self.open:
            self.open[call] = caller
            self._waits[caller] = self._waits.get(caller, 0) + 1

    def _close_call(self, call: str, step: Step) -> None:
        caller = self.open.get(call)
        if caller is None or caller not in {step.source, step.target}:
            return
        del self.open[call]
        self._waits[caller] -= 1
        if self._waits[caller]:
            return
        del self._waits[caller]
        for callers in self._lanes:
            if len(callers) > 1:
                callers.discard(caller)

    def _assign(self, caller: str) -> None:
        if self.has_lane(caller):
            return
        free = self._free()
        if free is not None:
            self._lanes[free] = {caller}
        elif len(self._lanes) < self.limit:
            self._lanes.append({caller})
        else:
            self.shared = True
            if caller in self._waits:
                self._lanes[-1].add(caller)

    def _free(self) -> int | None:
        lanes = range(len(self._lanes))
        return next((number for number in lanes if not self.is_blocked(number)), None)
