"""Who has which column."""

from collections.abc import Iterable
from itertools import groupby
from operator import itemgetter
from typing import TYPE_CHECKING, Final

from genreply_cli.text import cells, crop, pad, visible
from genreply_cli.timeline.kinds import KindStyle, endpoints
from genreply_cli.transcript.snapshot import Snapshot
from genreply_cli.transcript.step import Step, is_caller

if TYPE_CHECKING:
    pass

Span = tuple[str, str]  # text, and its style as Rich names it


LEFT: Final = 25  # where the first lane stands


GAP: Final = 12, 21  # cells from lane to lane, at least and at most


TEXT: Final = (
    30,
    39,
)  # cells for the text: at least, and as many as there should be before the gaps grow


MARGIN: Final = 6  # from the last lane to the text


class Lanes:
    """Who stands where. Lanes come as they are needed, and go when others need the room.

    Each caller has a lane of its own while there are few; callers come and go, so the next one takes the lane of one who does not
    wait any more. When more wait than there are lanes, all share one from then on.
    """

    def __init__(self, width: int, ellipsis: str = "…") -> None:
        self._ellipsis = ellipsis
        self._callers: list[str] = []  # who has the lane of a caller, or had it last
        self._shared = False
        self._processes: list[str] = []
        self._dead: set[str] = set()
        self._open: dict[str, str] = {}  # who waits for which call
        self._waits: dict[str, int] = {}  # for how many calls
        self._labels: list[str] = []
        self._at: list[int] = []  # where each lane stands
        self.text = 0  # where the text begins
        self.call_cells = 4  # how wide the names of calls are
        self.resize(width)

    def resize(self, width: int) -> None:
        """Use so many columns from now on. What has been drawn stays as it is."""
        self._width = width
        self._capacity = max(2, (width - LEFT - MARGIN - TEXT[0]) // GAP[0] + 1)
        self._recompute()

    def start_from(self, standing: Snapshot) -> None:
        """Begin in the midst: with a lane for everybody who is there, and for the callers who wait."""
        self._processes = list(standing.alive)
        for one in standing.open.values():
            self._open_call(one.call, one.caller)
            if one.caller is not None and is_caller(one.caller):
                self._assign(one.caller)
                self._recompute()
        self._callers = self._callers or ["caller"]
        self._recompute()

    def update(self, step: Step) -> None:
        """Take note of a step: who waits, who has ended, who needs a lane."""
        before = len(self._callers), self._processes, self.call_cells
        match step.kind:
            case "call" if step.call is not None:
                self._open_call(step.call, step.source)
            case "reply" | "down" if (
                step.call is not None and self._open.get(step.call) == step.target
            ):
                self._close_call(step.call)
            case "timeout" | "cancel" if step.call is not None:
                self._close_call(step.call)
            case "exit" if step.at is not None:
                self._dead.add(step.at)
            case "start" if step.at is not None:
                self._dead.discard(step.at)
        names = [
            name
            for name in dict.fromkeys((*endpoints(step), step.source, step.target, step.at))
            if name is not None
        ]
        new = [name for name in names if not is_caller(name) and name not in self._processes]
        if new:
            self._processes = [
                name for name in self._processes if name not in self._dead or name in names
            ] + new
        if not (
            self._callers and step.kind in {"late", "duplicate"}
        ):  # a caller that has gone needs no new lane
            for name in filter(is_caller, names):
                self._assign(name)
        if step.call is not None:
            self.call_cells = max(self.call_cells, min(cells(visible(step.call)), 12))
        if before != (len(self._callers), self._processes, self.call_cells):
            self._recompute()

    def _open_call(self, call: str, who: str | None) -> None:
        if who is not None and call not in self._open:
            self._open[call] = who
            self._waits[who] = self._waits.get(who, 0) + 1

    def _close_call(self, call: str) -> None:
        who = self._open.pop(call, None)
        if who is not None:
            self._waits[who] -= 1
            if not self._waits[who]:
                del self._waits[who]

    def _assign(self, caller: str) -> None:
        if self._shared or caller in self._callers:
            return
        place = self._free()
        if place is None:
            self._callers.append(caller)
        else:
            self._callers[place] = caller

    def _free(self) -> int | None:
        return next(
            (place for place, caller in enumerate(self._callers) if caller not in self._waits), None
        )

    def _recompute(self) -> None:
        if len(self._callers) > max(1, self._capacity - len(self._processes)):
            self._shared, self._callers = True, self._callers[:1]
        numbers = range(2, len(self._callers) + 1)
        callers = (
            ["callers"] if self._shared else ["caller", *(f"caller-{number}" for number in numbers)]
        )
        self._labels = callers[: len(self._callers)]
        room = self._capacity - len(self._labels)
        self._labels += map(visible, self._processes[:room])
        if len(self._processes) > room:
            self._labels[-1] = "others"
        left = LEFT - 4 + self.call_cells
        gap = (self._width - left - MARGIN - TEXT[1]) // max(1, len(self._labels) - 1)
        gap = min(GAP[1], max(GAP[0], gap))
        self._at = [left + gap * lane for lane in range(len(self._labels))]
        self.text = (self._at[-1] if self._at else left) + MARGIN

    def header(self) -> str:
        """The names above their lanes: the first to the right of it, the others in the middle."""
        line = f"{'time':>9}  {pad('call', self.call_cells)} kind"
        gap = self._at[1] - self._at[0] if len(self._at) > 1 else GAP[1]
        for label, column in zip(self._labels, self._at, strict=True):
            name = crop(label, gap - 1, self._ellipsis)
            centred = min(column - cells(name) // 2, self.text - 1 - cells(name))
            line = (
                pad(line, max(cells(line) + 1, column if column == self._at[0] else centred)) + name
            )
        return pad(line, max(cells(line) + 1, self.text)) + "message"

    def draw(self, step: Step, look: KindStyle) -> list[Span]:
        """The lanes as they are at a step, and its arrow or mark, up to where the text begins."""
        source, target = map(self._lane, endpoints(step))
        left = self._at[0] if self._at else 0
        row = [(" ", "")] * (self.text - left if self._at else MARGIN)
        for lane, column in enumerate(self._at):
            row[column - left] = (self._line(lane), "dim")
        if source is not None and target is not None:
            start, stop = self._at[source] - left, self._at[target] - left
            if start == stop:
                row[start : start + 2] = [(look.root or "├", look.colour), ("╮", look.colour)]
            else:
                way = 1 if start < stop else -1
                row[start] = (look.root or ("├" if way > 0 else "┤"), look.colour)
                row[start + way : stop : way] = [(look.arrow, look.colour)] * (
                    abs(stop - start) - 1
                )
                row[stop - way] = ("►" if way > 0 else "◄", look.colour)
        place = source if target is None else target
        if place is not None and look.mark:
            row[self._at[place] - left] = (look.mark, look.colour)
        return _joined(row)

    def _lane(self, name: str | None) -> int | None:
        if name is None:
            return None
        if not is_caller(name):
            return min(len(self._callers) + self._processes.index(name), len(self._labels) - 1)
        if name in self._callers:
            return self._callers.index(name)
        return 0 if self._shared else self._free() or 0

    def _line(self, lane: int) -> str:
        """A lane where nothing happens: somebody waits there, or is free, or has ended."""
        if lane < len(self._callers):
            blocked = (
                any(map(is_caller, self._waits))
                if self._shared
                else self._callers[lane] in self._waits
            )
            return "┆" if blocked else "│"
        place = lane - len(self._callers)
        here = (
            self._processes[place:]
            if lane == len(self._labels) - 1
            else self._processes[place : place + 1]
        )
        if any(name in self._waits for name in here):
            return "┆"
        return " " if self._dead.issuperset(here) else "│"


def _joined(row: Iterable[Span]) -> list[Span]:
    """Neighbours of the same style as one span."""
    return [
        ("".join(text for text, _ in group), style)
        for style, group in groupby(row, key=itemgetter(1))
    ]
