"""Where each thing in the SVG picture stands, in pixels from its top left corner."""

from collections.abc import Iterable
from math import log10
from typing import Final, NamedTuple

from genreply_cli.timeline.caller_lanes import CallerLanes
from genreply_cli.timeline.kinds import endpoints
from genreply_cli.transcript.pretty import pretty_name
from genreply_cli.transcript.step import Step, is_caller

MARGIN: Final = 24
CALL_X: Final = 92  # the column of the calls; that of the times begins at the margin
KIND_X: Final = 136
FIRST_LANE_X: Final = 230
LANE_GAP: Final = 150
TEXT_GAP: Final = 44  # from the last lane to the column of the messages

TITLE_Y: Final = 34
LABEL_Y: Final = 66
FIRST_ROW_Y: Final = 96
ROW_HEIGHT: Final = 26
MAX_PAUSE_HEIGHT: Final = 40
MIN_PAUSE: Final = 0.001  # seconds; a shorter one takes no room

CELL_WIDTH: Final = 7.5  # of a character
TITLE_CELL_WIDTH: Final = 9.5
MIN_TEXT_CELLS: Final = 30

MAX_CALLER_LANES: Final = 8  # when more callers wait, they share the last one


class Lane(NamedTuple):
    """The lane of the third caller is (False, 2), that of the first process (True, 0)."""

    of_process: bool
    number: int


class Row(NamedTuple):
    """A step, and where it is drawn."""

    step: Step
    y: float
    source: Lane | None
    target: Lane | None


class Span(NamedTuple):
    """A caller that is blocked by a call, or a process that lives, from `top` to `bottom`."""

    lane: Lane
    top: float
    bottom: float
    call: str = ""


class Pause(NamedTuple):
    """Room in which nothing happened for so many seconds."""

    y: float
    seconds: float


class Arrow(NamedTuple):
    """The line of an arrow, which ends before its tip; it points to the right (1) or left (-1)."""

    start: float
    end: float
    tip: float
    direction: int


class Layout:
    """Where everything stands: a fold over steps, complete after `close()`."""

    def __init__(self) -> None:
        self.rows: list[Row] = []
        self.blocked: list[Span] = []
        self.alive: list[Span] = []
        self.pauses: list[Pause] = []
        self.callers = CallerLanes(MAX_CALLER_LANES)
        self.processes: list[str] = []  # in the order of their lanes
        self.bottom = float(FIRST_ROW_Y)
        self._last_t: float | None = None
        self._open: dict[str, tuple[Lane, float]] = {}  # call -> its lane, and where it began
        self._started: dict[str, float] = {}  # process -> where it was started

    def update(self, step: Step) -> None:
        """Give a step the next row, and lanes to the callers and processes that it names."""
        self._pause_until(step.t)
        self.callers.update(step)
        source, target = map(self._lane, endpoints(step))
        self.rows.append(Row(step, self.bottom, source, target))
        self._open_or_close_call(step)
        if step.kind == "start" and step.at is not None:
            self._started[step.at] = self.bottom
        if step.kind == "exit" and step.at is not None:
            top = self._started.pop(step.at, FIRST_ROW_Y - ROW_HEIGHT)
            self.alive.append(Span(self._lane_of(step.at), top, self.bottom))
        self.bottom += ROW_HEIGHT

    def close(self) -> None:
        """Draw what has not ended down to the bottom."""
        self.blocked += [
            Span(lane, top, self.bottom, call) for call, (lane, top) in self._open.items()
        ]
        ended = {span.lane for span in self.alive}
        for number, name in enumerate(self.processes):
            lane = Lane(True, number)
            if lane not in ended or name in self._started:
                top = self._started.get(name, FIRST_ROW_Y - ROW_HEIGHT)
                self.alive.append(Span(lane, top, self.bottom))

    def x(self, lane: Lane) -> float:
        """Where a lane stands: those of the callers come first."""
        before = len(self.callers) if lane.of_process else 0
        return FIRST_LANE_X + LANE_GAP * (before + lane.number)

    def labels(self) -> list[tuple[str, float]]:
        """The name of each lane, and where it stands."""
        names = [*self.callers.labels(), *map(pretty_name, self.processes)]
        return [(name, FIRST_LANE_X + LANE_GAP * number) for number, name in enumerate(names)]

    @property
    def lanes_end(self) -> float:
        """Where the last lane stands."""
        return FIRST_LANE_X + LANE_GAP * max(0, len(self.callers) + len(self.processes) - 1)

    @property
    def text_x(self) -> float:
        """Where the messages begin."""
        return self.lanes_end + TEXT_GAP

    def width(self, text_cells: int) -> float:
        """The width of the picture, if the longest message has so many cells."""
        return self.text_x + max(MIN_TEXT_CELLS, text_cells) * CELL_WIDTH + MARGIN

    @property
    def height(self) -> float:
        return self.bottom + MARGIN / 2

    def arrow(self, source: Lane, target: Lane, *, has_mark: bool) -> Arrow:
        """An arrow between two lanes; a mark at its end needs room before the lane."""
        start, stop = self.x(source), self.x(target)
        direction = 1 if start < stop else -1
        tip = stop - direction * (10 if has_mark else 6)
        return Arrow(start + direction * 6, tip - direction * 6, tip, direction)

    def _pause_until(self, t: float) -> None:
        """Leave room for the time since the last step: more for a longer one, on a log scale."""
        seconds = 0.0 if self._last_t is None else t - self._last_t
        self._last_t = t
        if seconds >= MIN_PAUSE:
            height = min(MAX_PAUSE_HEIGHT, 8 * (log10(seconds * 1000) + 1))
            self.pauses.append(Pause(self.bottom + height / 2 - ROW_HEIGHT / 2, seconds))
            self.bottom += height

    def _open_or_close_call(self, step: Step) -> None:
        call = step.call
        caller = self.callers.open.get(call or "")
        if call in self._open and caller is None:
            lane, top = self._open.pop(call)
            self.blocked.append(Span(lane, top, self.bottom, call))
        elif step.kind == "call" and call and caller and call not in self._open:
            self._open[call] = self._lane_of(caller), self.bottom

    def _lane(self, name: str | None) -> Lane | None:
        return None if name is None else self._lane_of(name)

    def _lane_of(self, name: str) -> Lane:
        if is_caller(name):
            return Lane(False, self.callers.lane(name))
        if name not in self.processes:
            self.processes.append(name)
        return Lane(True, self.processes.index(name))


def lay_out(steps: Iterable[Step]) -> Layout:
    """Where everything stands in the picture of these steps."""
    layout = Layout()
    for step in steps:
        layout.update(step)
    layout.close()
    return layout
