"""Which column of the screen each caller and each process has, and the lanes of a row."""

from collections.abc import Iterable
from itertools import groupby
from operator import itemgetter
from typing import Final

from genreply_cli.text import cells, crop, pad, visible
from genreply_cli.timeline.caller_lanes import CallerLanes
from genreply_cli.timeline.kinds import KindStyle, endpoints
from genreply_cli.transcript.snapshot import Snapshot
from genreply_cli.transcript.step import Step, is_caller

Span = tuple[str, str]  # text, and its style as Rich names it

FIRST_LANE: Final = 25  # the column of the first lane
MIN_GAP: Final = 12  # cells from lane to lane
MAX_GAP: Final = 21
MIN_TEXT: Final = 30  # cells that the text has at least
TEXT: Final = 39  # cells that it should have before the gaps grow
MARGIN: Final = 6  # cells from the last lane to the text


class Lanes:
    """The lanes of the `wide` view. A lane appears when needed, and goes when others need room.

    Processes have a lane each; those that have no room share the last one. Callers share a single
    lane from the moment when more of them wait than there are lanes.
    """

    def __init__(self, width: int, ellipsis: str = "…") -> None:
        self._ellipsis = ellipsis
        self._callers = CallerLanes()
        self._processes: list[str] = []
        self._ended: set[str] = set()
        self._labels: list[str] = []
        self._columns: list[int] = []  # of each lane
        self.text = 0  # the column where the text begins
        self.call_cells = 4  # the width of the column for the names of calls
        self.resize(width)

    def resize(self, width: int) -> None:
        """Use this many columns from now on. Rows that have been drawn stay as they are."""
        self._width = width
        self._capacity = max(2, (width - FIRST_LANE - MARGIN - MIN_TEXT) // MIN_GAP + 1)
        self._recompute()

    def start_from(self, snapshot: Snapshot) -> None:
        """Begin in the middle of a transcript: with lanes for all processes and waiting callers."""
        self._processes = list(snapshot.alive)
        self._callers.start_from(snapshot)
        self._recompute()

    def update(self, step: Step) -> None:
        """Follow a step: which callers wait, which processes have ended, which need a lane."""
        before = len(self._callers), self._processes, self.call_cells
        self._callers.update(step)
        if step.at is not None:
            if step.kind == "exit":
                self._ended.add(step.at)
            elif step.kind == "start":
                self._ended.discard(step.at)
        names = [
            name
            for name in dict.fromkeys((*endpoints(step), step.source, step.target, step.at))
            if name is not None
        ]
        new = [name for name in names if not is_caller(name) and name not in self._processes]
        if new:
            self._processes = [
                name for name in self._processes if name not in self._ended or name in names
            ] + new
        if step.call is not None:
            self.call_cells = max(self.call_cells, min(cells(visible(step.call)), 12))
        if before != (len(self._callers), self._processes, self.call_cells):
            self._recompute()

    def _recompute(self) -> None:
        if len(self._callers) > max(1, self._capacity - len(self._processes)):
            self._callers.share_one()
        self._labels = self._callers.labels()
        room = self._capacity - len(self._labels)
        self._labels += map(visible, self._processes[:room])
        if len(self._processes) > room:
            self._labels[-1] = "others"
        left = FIRST_LANE - 4 + self.call_cells
        gap = (self._width - left - MARGIN - TEXT) // max(1, len(self._labels) - 1)
        gap = min(MAX_GAP, max(MIN_GAP, gap))
        self._columns = [left + gap * lane for lane in range(len(self._labels))]
        self.text = (self._columns[-1] if self._columns else left) + MARGIN

    def header(self) -> str:
        """The names above the lanes: the first to the right of its lane, the others centred."""
        line = f"{'time':>9}  {pad('call', self.call_cells)} kind"
        columns = self._columns
        gap = columns[1] - columns[0] if len(columns) > 1 else MAX_GAP
        for label, column in zip(self._labels, columns, strict=True):
            name = crop(label, gap - 1, self._ellipsis)
            centred = min(column - cells(name) // 2, self.text - 1 - cells(name))
            start = column if column == columns[0] else centred
            line = pad(line, max(cells(line) + 1, start)) + name
        return pad(line, max(cells(line) + 1, self.text)) + "message"

    def draw(self, step: Step, style: KindStyle) -> list[Span]:
        """The lanes at a step, with its arrow or mark, up to the column of the text."""
        source, target = map(self._lane, endpoints(step))
        left = self._columns[0] if self._columns else 0
        row = [(" ", "")] * (self.text - left if self._columns else MARGIN)
        for lane, column in enumerate(self._columns):
            row[column - left] = (self._lifeline(lane), "dim")
        if source is not None and target is not None:
            self._draw_arrow(row, self._columns[source] - left, self._columns[target] - left, style)
        last = source if target is None else target
        if last is not None and style.mark:
            row[self._columns[last] - left] = (style.mark, style.colour)
        return _joined(row)

    @staticmethod
    def _draw_arrow(row: list[Span], start: int, stop: int, style: KindStyle) -> None:
        if start == stop:
            row[start : start + 2] = [(style.root or "├", style.colour), ("╮", style.colour)]
            return
        right = start < stop
        way = 1 if right else -1
        row[start] = (style.root or ("├" if right else "┤"), style.colour)
        row[start + way : stop : way] = [(style.arrow, style.colour)] * (abs(stop - start) - 1)
        row[stop - way] = ("►" if right else "◄", style.colour)

    def _lane(self, name: str | None) -> int | None:
        if name is None:
            return None
        if is_caller(name):
            return self._callers.lane(name)
        return min(len(self._callers) + self._processes.index(name), len(self._labels) - 1)

    def _lifeline(self, lane: int) -> str:
        """A lane where nothing happens: `┆` while a call blocks, a blank after the end."""
        if lane < len(self._callers):
            return "┆" if self._callers.is_blocked(lane) else "│"
        number = lane - len(self._callers)
        last = lane == len(self._labels) - 1
        processes = self._processes[number:] if last else self._processes[number : number + 1]
        if any(map(self._callers.waits, processes)):
            return "┆"
        return " " if self._ended.issuperset(processes) else "│"


def _joined(row: Iterable[Span]) -> list[Span]:
    """Neighbours of the same style as one span."""
    return [
        ("".join(text for text, _ in group), style)
        for style, group in groupby(row, key=itemgetter(1))
    ]
