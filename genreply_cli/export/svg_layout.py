"""Where everything is."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from math import log10
from typing import Final, NamedTuple

from genreply_cli.timeline.kinds import endpoints
from genreply_cli.transcript.step import Step, is_caller

ROW: Final = 26  # pixels from row to row


LEFT: Final = 230  # where the first lane stands


TOP: Final = 96  # and the first row


GAP: Final = 150  # from lane to lane


CALLERS: Final = 8  # lanes for callers; when more wait, the last one is shared


class Lane(NamedTuple):
    """A lifeline."""

    label: str
    x: float


@dataclass
class Lanes:
    """Who stands where: a lane for each process, and one for each caller that waits; the next caller takes one that is free."""

    callers: int = 0
    shared: bool = False
    processes: list[str] = field(default_factory=list)
    _free: list[int] = field(default_factory=list)
    _now: dict[str, int] = field(default_factory=dict)  # callers, and the lane that each has now
    _latest: dict[str, int] = field(default_factory=dict)  # and the one that each had last

    def caller(self, name: str) -> int:
        """The lane of a caller."""
        if name in self._now:
            return self._now[name]
        if name in self._latest and self._latest[name] in self._free:
            lane = self._latest[name]
            self._free.remove(lane)
        elif self._free:
            lane = min(self._free)
            self._free.remove(lane)
        elif self.callers < CALLERS:
            lane, self.callers = self.callers, self.callers + 1
        else:
            lane, self.shared = CALLERS - 1, True
        self._now[name] = self._latest[name] = lane
        return lane

    def leave(self, name: str) -> None:
        """A caller does not wait any more."""
        lane = self._now.pop(name, None)
        if lane is not None and lane not in self._now.values():
            self._free.append(lane)

    def last(self, name: str) -> int:
        """The lane that a caller has, or had."""
        return self._latest[name] if name in self._latest else self.caller(name)


class Row(NamedTuple):
    """A step, and where it is drawn; lanes are (0, 2) for the third caller, (1, 0) for the first process."""

    step: Step
    y: float
    source: tuple[int, int] | None
    target: tuple[int, int] | None


class Span(NamedTuple):
    """A caller that is blocked, or a process that lives, from row to row."""

    lane: tuple[int, int]
    start: float
    stop: float
    call: str = ""


@dataclass
class Layout:
    """Where everything is."""

    rows: list[Row] = field(default_factory=list)
    blocked: list[Span] = field(default_factory=list)
    lives: list[Span] = field(default_factory=list)
    lanes: Lanes = field(default_factory=Lanes)
    gaps: list[tuple[float, float]] = field(default_factory=list)  # where time passed, and how much
    bottom: float = TOP

    def x(self, lane: tuple[int, int]) -> float:
        """Where a lane stands."""
        return LEFT + GAP * (lane[1] + (self.lanes.callers if lane[0] else 0))


def lay_out(steps: Sequence[Step]) -> Layout:
    """Give each step its row, and everybody a lane."""
    layout = Layout()
    lanes, waiting, born = layout.lanes, {}, {}
    y, before = float(TOP), None
    waits: dict[str, int] = {}
    for step in steps:
        passed = 0.0 if before is None else step.t - before
        if passed >= 0.001:
            room = min(40.0, 8 * (log10(passed * 1000) + 1))
            layout.gaps.append((y + room / 2 - ROW / 2, passed))
            y += room
        before = step.t
        who = [None if name is None else _place(lanes, name, step) for name in endpoints(step)]
        row = Row(step, y, who[0], who[1])
        layout.rows.append(row)
        if (
            step.kind == "call"
            and step.source is not None
            and step.call is not None
            and step.call not in waiting
        ):
            waiting[step.call] = (_place(lanes, step.source, step), y, step.source)
            waits[step.source] = waits.get(step.source, 0) + 1
        elif (
            step.ends_call
            and step.call in waiting
            and waiting[step.call][2] in {step.source, step.target}
        ):
            lane, start, caller = waiting.pop(step.call)
            layout.blocked.append(Span(lane, start, y, step.call))
            waits[caller] -= 1
            if not waits[caller]:
                lanes.leave(caller)
        if step.kind == "start" and step.at is not None:
            born[step.at] = y
        if step.kind == "exit" and step.at is not None:
            layout.lives.append(
                Span(_place(lanes, step.at, step), born.pop(step.at, float(TOP - ROW)), y)
            )
        y += ROW
    layout.bottom = y
    layout.blocked += [Span(lane, start, y, call) for call, (lane, start, _) in waiting.items()]
    ended = {span.lane for span in layout.lives}
    for number, name in enumerate(lanes.processes):
        if (1, number) not in ended or name in born:
            layout.lives.append(Span((1, number), born.get(name, float(TOP - ROW)), y))
    return layout


def _place(lanes: Lanes, name: str, step: Step) -> tuple[int, int]:
    if is_caller(name):
        return 0, lanes.caller(name) if step.kind == "call" else lanes.last(name)
    if name not in lanes.processes:
        lanes.processes.append(name)
    return 1, lanes.processes.index(name)
