"""Where everything is."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from math import log10
from typing import Final, NamedTuple

from genreply_cli.timeline.caller_lanes import CallerLanes
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
    callers: CallerLanes = field(default_factory=lambda: CallerLanes(CALLERS))
    processes: list[str] = field(default_factory=list)  # in the order of their lanes
    gaps: list[tuple[float, float]] = field(default_factory=list)  # where time passed, and how much
    bottom: float = TOP

    def x(self, lane: tuple[int, int]) -> float:
        """Where a lane stands."""
        return LEFT + GAP * (lane[1] + (len(self.callers) if lane[0] else 0))


def lay_out(steps: Sequence[Step]) -> Layout:
    """Give each step its row, and each caller and process a lane."""
    layout = Layout()
    blocked: dict[str, tuple[tuple[int, int], float]] = {}  # call -> its lane, and where it began
    born: dict[str, float] = {}  # process -> where it was started
    y, before = float(TOP), None
    for step in steps:
        passed = 0.0 if before is None else step.t - before
        if passed >= 0.001:
            room = min(40.0, 8 * (log10(passed * 1000) + 1))
            layout.gaps.append((y + room / 2 - ROW / 2, passed))
            y += room
        before = step.t
        layout.callers.update(step)
        ends = [None if name is None else _lane(layout, name) for name in endpoints(step)]
        layout.rows.append(Row(step, y, ends[0], ends[1]))
        caller = layout.callers.open.get(step.call or "")
        if step.call in blocked and caller is None:
            lane, start = blocked.pop(step.call)
            layout.blocked.append(Span(lane, start, y, step.call))
        elif step.kind == "call" and step.call not in blocked and step.call and caller:
            blocked[step.call] = _lane(layout, caller), y
        if step.kind == "start" and step.at is not None:
            born[step.at] = y
        if step.kind == "exit" and step.at is not None:
            start = born.pop(step.at, float(TOP - ROW))
            layout.lives.append(Span(_lane(layout, step.at), start, y))
        y += ROW
    layout.bottom = y
    layout.blocked += [Span(lane, start, y, call) for call, (lane, start) in blocked.items()]
    ended = {span.lane for span in layout.lives}
    for number, name in enumerate(layout.processes):
        if (1, number) not in ended or name in born:
            layout.lives.append(Span((1, number), born.get(name, float(TOP - ROW)), y))
    return layout


def _lane(layout: Layout, name: str) -> tuple[int, int]:
    if is_caller(name):
        return 0, layout.callers.lane(name)
    if name not in layout.processes:
        layout.processes.append(name)
    return 1, layout.processes.index(name)
