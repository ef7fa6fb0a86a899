"""Where each thing in the SVG picture stands, in pixels from its top left corner."""

from math import log10
from typing import Final, NamedTuple

from genreply_cli.export.chart import OUTSIDE, Chart, Mark, Row
from genreply_cli.export.chart_periods import BESIDE, HEAD, Lane, Period
from genreply_cli.export.chart_words import Label, Note, label, notes, run_label
from genreply_cli.export.svg_legend import entries
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
    note_cells: int
    label_cells: int
    names_fit: bool  # the names of calls fit into the bars; else they are turned by 90 degrees


ROOMY: Final = Metrics(15, 27, 22, 28, 600, 132, 32, 36, True)
THIN: Final = Metrics(12, 19, 11, 14, 540, 60, 36, 36, False)
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


class Arrow(NamedTuple):
    """The line of an arrow from its start to its tip, to the right (1) or to the left (-1)."""

    start: float
    tip: float
    direction: int


class Layout:
    """Where everything stands."""

    def __init__(self, chart: Chart) -> None:
        self.chart = chart
        rows = sum(not row.is_folded for row in chart.rows)
        is_roomy = rows <= MAX_ROOMY_ROWS and len(chart.callers) <= MAX_ROOMY_LANES
        self.size = ROOMY if is_roomy else THIN
        self.labels = [self._labels(row) for row in chart.rows]
        self.notes = [[self._lines(note) for note in notes(row)] for row in chart.rows]
        names = [cells(period.name) for period in chart.periods.all if period.kind != "alive"]
        self.bar = float(self.size.bar)  # the width of a blocked or kept caller
        if self.size.names_fit:
            self.bar = max(self.bar, min(5, max(names, default=0)) * 9 + 8)
        self.ys: list[float] = []  # of the rows: where their arrows are
        self.tops: list[float] = []  # of the rows
        self.xs: dict[Lane, float] = {}
        self.bottom = self._place_rows()
        self._place_lanes()

    # --- texts that need room ---

    def _labels(self, row: Row) -> list[Label]:
        if row.is_folded:
            return [Label("", "") for _ in row.marks]
        found = [run_label(row)] if row.run else [label(mark) for mark in row.marks]
        cut = [Label(text.name, crop(text.message, self.size.label_cells)) for text in found]
        return cut + [Label("", "")] * (len(row.marks) - len(cut))

    def _lines(self, note: Note) -> Lines:
        return Lines(wrap(note.text, self.size.note_cells)[:MAX_NOTE_LINES], note.is_wrong)

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

    def _place_rows(self) -> float:
        """Place the rows. Returns where the last one ends."""
        size, y, last_t = self.size, HEAD_Y + HEAD_HEIGHT / 2 + 6, 0.0
        for row, found in zip(self.chart.rows, self.notes, strict=True):
            if row.is_folded:
                y += RUN_GAP
                self.ys.append(y - size.below)
                self.tops.append(y - size.below - RUN_GAP / 2)
                continue
            y += _pause(row.t - last_t) if self.ys else 0.0
            last_t = row.t
            room = size.above + size.below
            lines = sum(len(note.lines) for note in found)
            extra = max(0.0, lines * self.line_height + 8 - room - RUN_GAP * len(row.run))
            self.tops.append(y)
            y += size.above + extra / 2
            self.ys.append(y)
            y += size.below + extra / 2
        return y + 4

    def _place_lanes(self) -> None:
        chart, size = self.chart, self.size
        stamp = max((cells(self.time(row.t)) for row in chart.rows), default=7)
        self.time_x = MARGIN + stamp * (size.font - 1) * MONO  # where a time ends
        columns: dict[int, int] = {}  # process -> how many kept callers it has beside each other
        for period in chart.periods.all:
            if period.kind in BESIDE:
                number = period.lane.number
                columns[number] = max(columns.get(number, 0), period.column + 1)
        callers = len(chart.callers)
        gap = min(size.lane_gap, max(self.bar + 8, size.lanes / max(1, callers)))
        x = self.time_x + 26 + self.bar / 2
        for number in range(callers):
            self.xs[Lane(False, number)] = x + gap * number
        if callers:
            last = Lane(False, callers - 1)
            x = self.xs[last] + self.bar + 24 + self._label_width({last, OUTSIDE})
            self.xs[OUTSIDE] = x - 24
        for number in range(chart.process_lanes):
            x += columns.get(number, 0) * (self.bar + BAR_GAP)
            self.xs[Lane(True, number)] = x
            x += max(12 * size.font, self._label_width({Lane(True, number)}) + 36)
        self.lanes_end = max(self.xs.values(), default=self.time_x)
        self.notes_x = self.lanes_end + 36
        last_names = [
            self.name_width(period) / 2 + self.xs[period.lane] + 20
            for period in chart.periods.all
            if period.kind == "alive"
        ]
        self.notes_x = max([self.notes_x, *last_names])
        lines = [line for found in self.notes for note in found for line in note.lines]
        widest = max(map(cells, lines), default=0)
        self.width = max(MIN_WIDTH, self.notes_x + widest * size.font * SANS + MARGIN)
        self.legend = entries(chart)
        self.legend_end = max(self.notes_x - 16, MIN_WIDTH - MARGIN)
        self.height = self.bottom + LEGEND_LINE * self._legend_lines() + MARGIN - 6

    def _legend_lines(self) -> int:
        lines, x = 1, float(MARGIN)
        for entry in self.legend:
            if x > MARGIN and x + entry.width > self.legend_end:
                lines, x = lines + 1, MARGIN
            x += entry.width
        return lines

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
        return HEAD_Y if row == HEAD else self.ys[row] if self.ys else self.bottom

    def span(self, row: int) -> tuple[float, float]:
        """Where a row begins and ends."""
        if row == HEAD:
            return HEAD_Y - HEAD_HEIGHT, HEAD_Y + HEAD_HEIGHT / 2
        bottoms = [*self.tops[1:], self.bottom]
        return self.tops[row], bottoms[row]

    def box(self, period: Period) -> Box:
        """The bar of a period."""
        x, top = self.xs[period.lane], self.y(period.begin)
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


def _pause(seconds: float) -> float:
    """Room for a time in which nothing happened: more for a longer one, on a log scale."""
    if seconds < MIN_TIME:
        return 0.0
    return min(MAX_PAUSE_HEIGHT, 5 * (log10(seconds / MIN_TIME) + 1))
