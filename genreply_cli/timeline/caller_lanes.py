"""Which lane each caller has: one rule for the screen and for the SVG picture."""

from sys import maxsize
from typing import Final

from genreply_cli.transcript.snapshot import Snapshot
from genreply_cli.transcript.step import Step, is_caller

MAX_NAMES: Final = 2  # that a lane has one after the other; then it is called `callers`


class _Lane:
    """A lane, and the callers that have it, or had it last."""

    def __init__(self, callers: set[str], used: int = 0, names: int = 1) -> None:
        self.callers = callers
        self.used = used  # when one of them was named last, in steps
        self.names = names  # how many callers have had it


class CallerLanes:
    """A fold over steps. Lanes are numbered from 0.

    A caller whose call has ended keeps its lane until another caller needs one and there are at
    least `comfortable` lanes. When `limit` lanes are taken by waiting callers, further callers
    share the last lane.
    """

    def __init__(self, limit: int = maxsize, comfortable: int = 0) -> None:
        self.limit = limit
        self.comfortable = comfortable
        self.shared = False  # whether callers share the last lane
        self.version = 0  # it changes with the number and the names of the lanes
        self.open: dict[str, str] = {}  # call -> the caller, or the process, that waits for it
        self._waits: dict[str, int] = {}  # caller or process -> how many calls it waits for
        self._lanes: list[_Lane] = []
        self._steps = 0

    def __len__(self) -> int:
        return len(self._lanes)

    def go_on_from(self, snapshot: Snapshot) -> None:
        """Go on at another place, where other callers wait. There is one lane at least."""
        self.open.clear()
        self._waits.clear()
        for call in snapshot.open.values():
            self._open_call(call.call, call.caller)
            if call.caller is not None and is_caller(call.caller):
                self._assign(call.caller)
        if not self._lanes:
            self._lanes.append(_Lane(set(), names=0))  # for the first caller that comes
        self.version += 1

    def update(self, step: Step) -> None:
        """Open or close the call of a step, and give a lane to each caller that it names."""
        self._steps += 1
        if step.call is not None:
            if step.kind == "call":
                self._open_call(step.call, step.source)
            elif step.ends_call:
                self._close_call(step.call, step)
        if step.kind in {"late", "duplicate"} and self._lanes and not self._is_roomy:
            return  # a dropped answer takes no lane from another caller
        for name in (step.source, step.target, step.at):
            if name is not None and is_caller(name):
                self._assign(name)

    def share_one(self) -> None:
        """Let all callers share a single lane from now on."""
        self.limit, self.shared = 1, True
        first = self._lanes[0].callers if self._lanes else set()
        waiting = {name for name in self._waits if is_caller(name)}
        self._lanes = [_Lane(waiting or first, self._steps, MAX_NAMES + 1)]
        self.version += 1

    def set_limits(self, limit: int, comfortable: int) -> None:
        """Use at most `limit` lanes from now on.

        Callers that have gone give up theirs. If that is not enough, all share one. If they shared
        one, and the waiting ones have room now, each of these has a lane again.
        """
        self.limit, self.comfortable = limit, comfortable
        waiting = [name for name in self._waits if is_caller(name)]
        if self.shared and 0 < len(waiting) <= limit:
            self.shared = False
            self._lanes = [_Lane({name}, self._steps) for name in waiting]
            self.version += 1
        idle = [lane for lane in self._lanes if not self._is_blocked(lane)]
        idle.sort(key=lambda lane: lane.used)
        while len(self._lanes) > limit and idle:
            self._lanes.remove(idle.pop(0))
            self.version += 1
        if len(self._lanes) > limit or self.shared:
            self.share_one()

    def lane(self, caller: str) -> int:
        """The lane of a caller; if it has none any more, the shared lane, a free one, the first."""
        for number, lane in enumerate(self._lanes):
            if caller in lane.callers:
                return number
        if self.shared:
            return len(self._lanes) - 1
        free = (number for number, lane in enumerate(self._lanes) if not self._is_blocked(lane))
        return next(free, 0)

    def has_lane(self, caller: str) -> bool:
        """Whether a lane is still that of this caller."""
        return any(caller in lane.callers for lane in self._lanes)

    def owner(self, lane: int) -> str | None:
        """The caller whose lane it is; None if callers share it, or have it by turns."""
        if (self.shared and lane == len(self._lanes) - 1) or self._lanes[lane].names > MAX_NAMES:
            return None
        return next(iter(self._lanes[lane].callers), None)

    def waits(self, name: str) -> bool:
        """Whether this caller or process waits for the answer to a call."""
        return name in self._waits

    def is_blocked(self, lane: int) -> bool:
        """Whether a caller of this lane waits."""
        return self._is_blocked(self._lanes[lane])

    def labels(self) -> list[str]:
        """The names of the lanes: that of the caller, or `callers`."""
        return [
            "caller" if not lane.names else self.owner(number) or "callers"
            for number, lane in enumerate(self._lanes)
        ]

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
        for lane in self._lanes:
            if len(lane.callers) > 1:
                lane.callers.discard(caller)

    def _assign(self, caller: str) -> None:
        for lane in self._lanes:
            if caller in lane.callers:
                lane.used = self._steps
                return
        free = self._free()
        if free is not None and not (self._is_roomy and self._lanes[free].names):
            names = self._lanes[free].names
            self._lanes[free] = _Lane({caller}, self._steps, names + 1)
            self.version += names <= MAX_NAMES
        elif len(self._lanes) < self.limit:
            self._lanes.append(_Lane({caller}, self._steps))
            self.version += 1
        else:
            self.version += not self.shared
            self.shared = True
            if caller in self._waits:
                self._lanes[-1].callers.add(caller)

    @property
    def _is_roomy(self) -> bool:
        """Whether each caller still gets a lane of its own."""
        return len(self._lanes) < min(self.comfortable, self.limit)

    def _is_blocked(self, lane: _Lane) -> bool:
        return not self._waits.keys().isdisjoint(lane.callers)

    def _free(self) -> int | None:
        """The lane that has been without a waiting caller for longest, if there is one."""
        free = [number for number, lane in enumerate(self._lanes) if not self._is_blocked(lane)]
        return min(free, key=lambda number: self._lanes[number].used, default=None)
