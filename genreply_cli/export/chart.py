"""What a picture shows, before anything has a place in pixels: rows and their lanes.

    chart = draw_up(steps)

A row is what one message leads to: a call, what its handler sends, and the caller that is kept
then stand beside each other, as they happen in one instant.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from itertools import groupby
from typing import Final

from genreply_cli.export.chart_periods import HEAD, Lane, Period, Periods, Place
from genreply_cli.timeline.caller_lanes import CallerLanes
from genreply_cli.timeline.kinds import endpoints
from genreply_cli.transcript.counts import Counts
from genreply_cli.transcript.filters import Selection
from genreply_cli.transcript.step import KINDS, Step, is_caller

MAX_CALLER_LANES: Final = 24  # when more callers wait, they share the last one
SAME_INSTANT: Final = 0.001  # seconds between two steps of a row, at most
OUTSIDE: Final = Lane(False, MAX_CALLER_LANES)  # between the callers and the processes

EVERYTHING: Final = Selection()

# Kinds without a mark of their own: a period begins or ends.
SILENT: Final = frozenset({"noreply", "state"})
# Kinds with which a caller ends its call itself.
GIVEN_UP: Final = frozenset({"timeout", "cancel"})
# Kinds that share a row if they happen at the same time, whatever their causes.
TOGETHER: Final = GIVEN_UP | {"exit"}
# Kinds whose rows are drawn close to each other if there are many of them at the same time.
IN_RUNS: Final = (
    frozenset(kind for kind, facts in KINDS.items() if facts.where == "from-to" and kind != "call")
    - TOGETHER
)
MIN_RUN: Final = 4  # rows


@dataclass
class Mark:
    """A step, and the lanes between which it is drawn."""

    step: Step
    source: Lane | None = None
    target: Lane | None = None
    meant: Lane | None = None  # where the caller waits that should have had this answer
    owner: str | None = None  # the call whose colour it has: an answer has that of its question
    is_queued: bool = False  # a call that comes while the handler of another one runs
    tells_exit: bool = False  # the exit of a process whose crash is in the picture
    is_faint: bool = False  # it is shown only because it led to another step

    def lanes(self) -> tuple[Lane, Lane] | None:
        """The first and the last lane that it touches."""
        lanes = [lane for lane in (self.source, self.target, self.meant) if lane is not None]
        return (min(lanes), max(lanes)) if lanes else None


@dataclass
class Row:
    """Marks beside each other."""

    t: float  # seconds
    marks: list[Mark] = field(default_factory=list)
    index: int = 0  # of this row in a run of rows that look alike
    run: list["Row"] = field(default_factory=list)  # all of them; [] for a row of its own

    @property
    def is_folded(self) -> bool:
        """Whether the row is drawn close to the one above, which speaks for it."""
        return self.index > 0


class Chart:
    """A fold over steps, complete after `close()`. Calls that have `numbers` keep them.

    A step that the selection skips has no row, but is followed: who waits is always right.
    """

    def __init__(
        self, selection: Selection = EVERYTHING, numbers: Mapping[str, int] | None = None
    ) -> None:
        self.selection = selection
        self.steps: list[Step] = []  # that are shown
        self.heads: list[Mark] = []  # the processes that start before anything else happens
        self.rows: list[Row] = []
        self.periods: list[Period] = []
        self.callers = CallerLanes(MAX_CALLER_LANES)
        self.lanes: list[Lane] = []  # those in which something is drawn, from left to right
        self.numbers = dict(numbers or {})  # call -> its number, in the order of appearance
        self.counts = Counts()  # of all steps
        self._periods = Periods(self._lane)
        self._process_lanes = 0
        self._processes: dict[str, int] = {}  # name -> its lane
        self._free: dict[str, None] = {}  # processes that have ended, and whose lanes are free
        self._ended: set[str] = set()  # processes that have ended once
        self._crashed: set[str] = set()  # processes

    def update(self, step: Step) -> None:
        """Give a step a row, and lanes to the callers and processes that it names."""
        self.counts.update(step)
        self.callers.update(step)
        part = self.selection.part(step)
        mark = self._mark(step)
        mark.is_faint = part == "cause"
        if part == "skipped":
            last = len(self.rows) - 1
            place = Place(last + 1, last) if self.rows else Place(HEAD, HEAD - 1)
        else:
            self.steps.append(step)
            row = self._row_of(mark)
            place = Place(row, row)
            for call in (step.call, mark.owner):
                if call is not None:
                    self.numbers.setdefault(call, len(self.numbers))
        self._periods.update(step, place, mark.source)

    def close(self) -> None:
        """Find the runs of rows that look alike, and leave out what is in no row."""
        for _, rows in groupby(self.rows, key=_looks):
            run = list(rows)
            if len(run) >= MIN_RUN and _looks(run[0]) is not None:
                for index, row in enumerate(run):
                    row.index, row.run = index, run
        self._periods.drop_guesses()
        named = set(self.numbers)
        self.periods = [
            period
            for period in self._periods.all
            if period.begin < max(1, len(self.rows))
            and (period.kind == "alive" or period.name in named or self._is_asked_for(period))
        ]
        for period in self.periods:
            if period.kind != "alive":
                self.numbers.setdefault(period.name, len(self.numbers))
        queued = {bar.name for bar in self.periods if bar.kind == "queued" and bar.end != bar.begin}
        marks = [mark for row in self.rows for mark in row.marks]
        for mark in marks:
            mark.is_queued = mark.step.kind == "call" and mark.step.call in queued
        lanes = {period.lane for period in self.periods if period.kind != "alive"}
        for mark in [*self.heads, *marks]:
            lanes |= {lane for lane in (mark.source, mark.target, mark.meant) if lane is not None}
        self.lanes = sorted(lanes - {OUTSIDE})
        self.periods = [period for period in self.periods if period.lane in self.lanes]

    def _is_asked_for(self, period: Period) -> bool:
        return self.selection.shows_call(period.name)

    def _row_of(self, mark: Mark) -> int:
        """The row of a step, which may be a new one."""
        if mark.step.kind == "start" and not self.rows:
            self.heads.append(mark)
            return HEAD
        if mark.step.kind != "state" or self._periods.changes(mark.step):
            if not (self.rows and _belongs(mark, self.rows[-1])):
                self.rows.append(Row(mark.step.t))
            self.rows[-1].marks.append(mark)
        return len(self.rows) - 1

    def _mark(self, step: Step) -> Mark:
        self._follow_process(step)
        owner = step.details.get("for")
        mark = Mark(step, owner=owner if isinstance(owner, str) else step.call)
        mark.tells_exit = step.kind == "exit" and step.at in self._crashed
        source, target = endpoints(step)
        mark.source, mark.target = (
            None if name is None else self._lane(name) for name in (source, target)
        )
        if mark.owner != step.call and mark.owner is not None:
            waits = self._periods.running("blocked", mark.owner)
            mark.meant = None if waits is None else waits.lane
        if step.kind in {"late", "duplicate"} and target is not None and is_caller(target):
            mark.target = mark.target if self.callers.has_lane(target) else OUTSIDE
        return mark

    def _follow_process(self, step: Step) -> None:
        """Note that a process starts, crashes or ends."""
        name = step.at
        if name is None or is_caller(name):
            return
        match step.kind:
            case "start":
                self._free.pop(name, None)
                self._crashed.discard(name)
                if name not in self._processes:
                    self._processes[name] = self._free_lane()
            case "crash":
                self._crashed.add(name)
            case "exit":
                self._ended.add(name)
                if name in self._processes:
                    self._free[name] = None

    def _lane(self, name: str) -> Lane:
        if is_caller(name):
            return Lane(False, self.callers.lane(name))
        if name not in self._processes:
            self._processes[name] = self._new_lane()
            if name not in self._ended:  # it was there before the recording began
                self._periods.begin("alive", Lane(True, self._processes[name]), name, HEAD)
        return Lane(True, self._processes[name])

    def _new_lane(self) -> int:
        self._process_lanes += 1
        return self._process_lanes - 1

    def _free_lane(self) -> int:
        """The lane of a process that has ended; else a new one."""
        if not self._free:
            return self._new_lane()
        ended = next(iter(self._free))
        del self._free[ended]
        return self._processes.pop(ended)


def draw_up(
    steps: Iterable[Step],
    selection: Selection = EVERYTHING,
    numbers: Mapping[str, int] | None = None,
) -> Chart:
    """What a picture of these steps shows."""
    chart = Chart(selection, numbers)
    for step in steps:
        chart.update(step)
    chart.close()
    return chart


# --- what shares a row, and which rows look alike ---


def _looks(row: Row) -> tuple[object, ...] | None:
    """What rows of a run have in common: one message or answer each, at the same time."""
    shown = [mark for mark in row.marks if mark.step.kind not in SILENT]
    if len(shown) != 1 or shown[0].step.kind not in IN_RUNS:
        return None
    mark = shown[0]
    return mark.step.kind, mark.source, mark.owner == mark.step.call, round(row.t, 3)


def _belongs(mark: Mark, row: Row) -> bool:
    """Whether a step belongs to what happens in a row, and there is room for it."""
    lanes = mark.lanes()
    if lanes is None or abs(mark.step.t - row.t) > SAME_INSTANT or not _is_related(mark.step, row):
        return False
    if mark.step.kind in SILENT or mark.tells_exit:
        return True
    return not any(
        _overlap(lanes, other.lanes()) for other in row.marks if other.step.kind not in SILENT
    )


def _is_related(step: Step, row: Row) -> bool:
    """Whether a step has to do with a row: its cause, its call, or several of the same kind."""
    last = row.marks[-1].step
    if step.kind in TOGETHER and step.kind == last.kind:
        return True
    if step.cause is None:
        return step.call is not None and step.call == last.call
    return any(step.cause in {mark.step.seq, mark.step.cause} for mark in row.marks)


def _overlap(one: tuple[Lane, Lane], other: tuple[Lane, Lane] | None) -> bool:
    """Whether two marks would be drawn over each other; arrows may meet at a lane."""
    return other is None or one == other or (one[0] < other[1] and other[0] < one[1])
