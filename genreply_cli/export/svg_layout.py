"""Where each thing in the SVG picture stands, in pixels from its top left corner."""

from collections.abc import Sequence
from math import log10
from typing import Final, NamedTuple

from genreply_cli.export.chart import OUTSIDE, Chart, Mark, Row
from genreply_cli.export.chart_periods import BESIDE, HEAD, Lane, Period
from genreply_cli.export.chart_words import Label, Note, label, notes, run_label
from genreply_cli.export.svg_legend import entries, lines
from genreply_cli.text import cells, crop, wrap
from genreply_cli.transcript.pretty import pretty_name

MARGIN: Final = 28
TITLE_Y: Final = 42
SUBTITLE_Y: Final = 66
HEAD_Y: Final = 104  # the middle of the names at the top
HEAD_HEIGHT: Final = 28
LEGEND_LINE: Final = 26
MIN_WIDTH: Final = 640
MAX_NAME: Final = 22  # cells of the name of a process

MONO: Final = 0.605  # the width of a character in a font of one pixel
SANS: Final = 0.58
MAX_PAUSE_HEIGHT: Final = 26
MAX_NOTE_LINES: Final = 3
BAR_GAP: Final = 4  # between kept callers beside each other
RUN_GAP: Final = 7  # between rows of a run
MIN_TIME: Final = 0.001  # seconds; a shorter time without events takes no room


class Metrics(NamedTuple):
    """Sizes that depend on how much there is to be drawn."""

    font: int
    above: int  # from the top of a row to its arrow
    below: int  # from there to the end of the row
    bar: int  # the least width of a blocked or kept caller
    lanes: int  # the width of all lanes of callers, if there are many
    lane_gap: int  # between callers
    note_cells: int  # 0: there are no notes
    label_cells: int
    names_fit: bool  # the names of calls fit into the bars; else they are turned by 90 degrees


# For a session of few calls, for a long one, and for two beside each other, without notes.
ROOMY: Final = Metrics(15, 27, 22, 28, 600, 132, 32, 36, True)
THIN: Final = Metrics(12, 19, 11, 14, 540, 60, 36, 36, False)
BESIDE_ROOMY: Final = Metrics(14, 26, 20, 27, 330, 86, 0, 20, True)
BESIDE_THIN: Final = THIN._replace(lanes=420, note_cells=0, label_cells=20)
MAX_ROOMY_ROWS: Final = 32
MAX_ROOMY_LANES: Final = 8


class Box(NamedTuple):
    """A rectangle."""

    x: float
    y: float
    width: float
    height: float

    @property
    def bottom(self) -> float:
        return self.y + self.height


class Lines(NamedTuple):
    """A note that is wrapped."""

    lines: list[str]
    is_wrong: bool
    seq: int  # of the step with which it begins to be true


class Room(NamedTuple):
    """What a row needs above its arrows and below them, at a time."""

    above: float
    below: float
    t: float  # seconds


class Arrow(NamedTuple):
    """The line of an arrow from its start to its tip, to the right (1) or to the left (-1)."""

    start: float
    tip: float
    direction: int


class Layout:
    """Where everything stands. `size` None is the one that fits; a small one leaves out the notes.

    A picture that shares its rows with another one is given places for them with `place_rows`.
    """

    def __init__(self, chart: Chart, size: Metrics | None = None) -> None:
        self.chart = chart
        self.size = fitting(chart) if size is None else size
        self.labels = [self._labels(row) for row in chart.rows]
        self.notes = [
            [self._lines(note) for note in notes(row)] if self.size.note_cells else []
            for row in chart.rows
        ]
        names = [cells(period.name) for period in chart.periods if period.kind != "alive"]
        self.bar = float(self.size.bar)  # the width of a blocked or kept caller
        if self.size.names_fit:
            self.bar = max(self.bar, min(5, max(names, default=0)) * 9 + 8)
        self.xs: dict[Lane, float] = {}
        self.legend = entries(chart)
        self._place_lanes()
        self.place_rows(*stack([self.room(row) for row in range(len(chart.rows))]))

    # --- texts that need room ---

    def _labels(self, row: Row) -> list[Label]:
        if row.is_folded:
            return [Label("", "") for _ in row.marks]
        found = [run_label(row)] if row.run else [label(mark) for mark in row.marks]
        cut = [Label(text.name, crop(text.message, self.size.label_cells)) for text in found]
        return cut + [Label("", "")] * (len(row.marks) - len(cut))

    def _lines(self, note: Note) -> Lines:
        return Lines(
            wrap(note.text, self.size.note_cells)[:MAX_NOTE_LINES], note.is_wrong, note.seq
        )

    def _label_width(self, lanes: set[Lane]) -> float:
        """The width of the longest label that begins at one of these lanes."""
        widths = [
            (cells(text.name) + 2 if text.name else 0) + cells(text.message)
            for row, labels in zip(self.chart.rows, self.labels, strict=True)
            for mark, text in zip(row.marks, labels, strict=True)
            if mark.source is not None
            and mark.target is not None
            and min(mark.source, mark.target) in lanes
        ]
        return max(widths, default=0) * self.size.font * MONO

    # --- places ---

    def room(self, number: int) -> Room:
        """What a row needs. A row that is folded begins close to the arrow of the one before."""
        size, row = self.size, self.chart.rows[number]
        if row.is_folded:
            return Room(RUN_GAP - size.below, size.below, row.t)
        height = sum(len(note.lines) for note in self.notes[number]) * self.line_height
        room = size.above + size.below + RUN_GAP * len(row.run)
        extra = max(0.0, height + 8 - room)
        return Room(size.above + extra / 2, size.below + extra / 2, row.t)

    def place_rows(self, ys: Sequence[float], bottom: float) -> None:
        """Put the arrows of the rows at these places, and the end of the lanes at `bottom`."""
        self.ys = ys
        self.bottom = bottom

    def _place_lanes(self) -> None:
        chart, size = self.chart, self.size
        stamp = max((cells(self.time(row.t)) for row in chart.rows), default=7)
        self.time_x = MARGIN + stamp * (size.font - 1) * MONO  # where a time ends
        columns: dict[int, int] = {}  # process -> how many kept callers it has beside each other
        for period in chart.periods:
            if period.kind in BESIDE:
                number = period.lane.number
                columns[number] = max(columns.get(number, 0), period.column + 1)
        callers = [lane for lane in chart.lanes if not lane.of_process]
        gap = min(size.lane_gap, max(self.bar + 8, size.lanes / max(1, len(callers))))
        x = self.time_x + 26 + self.bar / 2
        for number, lane in enumerate(callers):
            self.xs[lane] = x + gap * number
        if callers:
            last = callers[-1]
            x = self.xs[last] + self.bar + 24 + self._label_width({last, OUTSIDE})
        self.xs[OUTSIDE] = x - 24
        for lane in chart.lanes[len(callers) :]:
            x += columns.get(lane.number, 0) * (self.bar + BAR_GAP)
            self.xs[lane] = x
            x += max(12 * size.font, self._label_width({lane}) + 36)
        self.lanes_end = max(self.xs.values())
        self.notes_x = self.lanes_end + 36
        last_names = [
            self.name_width(period) / 2 + self.xs[period.lane] + 20
            for period in chart.periods
            if period.kind == "alive"
        ]
        self.notes_x = max([self.notes_x, *last_names])
        found = [line for row in self.notes for note in row for line in note.lines]
        widest = max(map(cells, found), default=0)
        self.width = self.notes_x + widest * size.font * SANS
        if size.note_cells:
            self.width = max(MIN_WIDTH, self.width + MARGIN)
        self.lanes_width = max(self.notes_x - 16, MIN_WIDTH - MARGIN)  # without the notes

    def name_width(self, period: Period) -> float:
        """The width of the box with the name of a process."""
        return cells(self.name(period)) * self.size.font * 0.64 + 20

    @staticmethod
    def name(period: Period) -> str:
        """The name of a process, cut to its greatest length."""
        return crop(pretty_name(period.name), MAX_NAME)

    @property
    def line_height(self) -> float:
        return self.size.font * 1.3

    @staticmethod
    def time(seconds: float) -> str:
        """A time as it is shown: `0.250 s`."""
        return f"{seconds:.3f} s"

    def y(self, row: int) -> float:
        """Where the arrows of a row are."""
        if row <= HEAD:
            return HEAD_Y
        return self.ys[row] if row < len(self.ys) else self.bottom

    def height(self, legend_end: float) -> float:
        """The height of the picture with a legend whose lines end there."""
        return self.bottom + LEGEND_LINE * lines(self.legend, MARGIN, legend_end) + MARGIN - 6

    def span(self, row: int) -> tuple[float, float]:
        """Where a row begins and ends."""
        if row == HEAD:
            return HEAD_Y - HEAD_HEIGHT, HEAD_Y + HEAD_HEIGHT / 2
        y, below = self.ys[row], self.ys[row + 1] if row + 1 < len(self.ys) else self.bottom
        above = self.size.above
        if self.chart.rows[row].is_folded:
            above = RUN_GAP // 2
        return y - above, min(below, max(y + RUN_GAP / 2, below - self.size.above))

    def box(self, period: Period) -> Box:
        """The bar of a period."""
        x, top = self.xs[period.lane], self.y(period.begin)
        if period.begin == HEAD and period.kind != "blocked":
            top += HEAD_HEIGHT / 2 + 8  # below the name of the process
        end = self.bottom - 4 if period.end is None else self.y(period.end) + 7
        if period.kind == "handling":
            half = self.size.font / 2 - 1
            return Box(x - half, top - half, 2 * half, max(2 * half, end - top))
        if period.is_cut and period.end is not None:
            end = self.y(period.end) - 9
        left = x - self.bar / 2
        if period.kind in BESIDE:
            left = x - 13 - (period.column + 1) * (self.bar + BAR_GAP)
        return Box(left, top - 6, self.bar, max(14.0, end - top + 6))

    def arrow(self, mark: Mark, target: Lane) -> Arrow:
        """An arrow from where a step begins to a lane."""
        assert mark.source is not None
        start, stop = self.xs[mark.source], self.xs[target]
        direction = 1 if start < stop else -1
        start += direction * self._half(mark.source)
        return Arrow(start, stop - direction * self._half(target), direction)

    def _half(self, lane: Lane) -> float:
        """Half of the width that a lane takes."""
        if lane is OUTSIDE:
            return 0.0
        return 2.0 if lane.of_process else self.bar / 2 + 1


def fitting(chart: Chart) -> Metrics:
    """Large letters for a short session, small ones for a long one or one with many callers."""
    rows = sum(not row.is_folded for row in chart.rows)
    callers = sum(not lane.of_process for lane in chart.lanes)
    is_short = rows <= MAX_ROOMY_ROWS and callers <= MAX_ROOMY_LANES
    return ROOMY if is_short else THIN


def stack(rooms: Sequence[Room]) -> tuple[list[float], float]:
    """Where the arrows of rows below each other are, and where the last row ends."""
    ys: list[float] = []
    y, last_t = HEAD_Y + HEAD_HEIGHT / 2 + 6, None
    for room in rooms:
        y += 0.0 if last_t is None else _pause(room.t - last_t)
        last_t = room.t
        y += room.above
        ys.append(y)
        y += room.below
    return ys, y + 4


def _pause(seconds: float) -> float:
    """Room for a time in which nothing happened: more for a longer one, on a log scale."""
    if seconds < MIN_TIME:
        return 0.0
    return min(MAX_PAUSE_HEIGHT, 5 * (log10(seconds / MIN_TIME) + 1))
