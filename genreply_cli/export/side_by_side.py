"""Two transcripts beside each other: rows at the same height, and what became of each call."""

from collections import Counter
from collections.abc import Sequence
from typing import Final, NamedTuple

from genreply_cli.export.chart import Row, draw_up
from genreply_cli.export.chart_words import subtitle
from genreply_cli.export.outcomes import CallFacts, call_facts
from genreply_cli.export.svg_layout import (
    BESIDE_ROOMY,
    BESIDE_THIN,
    ROOMY,
    Layout,
    Room,
    fitting,
    stack,
)
from genreply_cli.transcript.format import Header
from genreply_cli.transcript.pretty import pretty_name
from genreply_cli.transcript.step import Step

MAX_ALIKE: Final = 12  # calls that are listed even if the same became of them in both


class Transcript(NamedTuple):
    """A transcript that has been read."""

    header: Header
    steps: list[Step]


class Compared(NamedTuple):
    """A call, and what became of it in each transcript: None where it was not made."""

    call: str
    facts: tuple[CallFacts | None, CallFacts | None]

    @property
    def differs(self) -> bool:
        """Whether something else became of it. Times do not matter."""
        one, other = self.facts
        return one is None or other is None or one.outcome.kind != other.outcome.kind


class SideBySide:
    """Two pictures that share the heights of their rows, and the numbers of their calls."""

    def __init__(self, one: Transcript, other: Transcript) -> None:
        self.transcripts = one, other
        chart = draw_up(one.steps)
        self.charts = chart, draw_up(other.steps, numbers=chart.numbers)
        is_roomy = all(fitting(chart) is ROOMY for chart in self.charts)
        size = BESIDE_ROOMY if is_roomy else BESIDE_THIN
        self.layouts = Layout(self.charts[0], size), Layout(self.charts[1], size)
        self._share_rows()
        for layout in self.layouts:
            layout.width = max(each.width for each in self.layouts)
        facts = call_facts(one.steps), call_facts(other.steps)
        calls = dict.fromkeys([*facts[0], *facts[1]])
        self.calls = [Compared(call, (facts[0].get(call), facts[1].get(call))) for call in calls]

    @property
    def title(self) -> str:
        """`single beside keyed`."""
        names = [transcript.header.settings.get("coordinator") for transcript in self.transcripts]
        shown = [pretty_name(name) if isinstance(name, str) else "a session" for name in names]
        return f"{shown[0]} beside {shown[1]}"

    def headings(self) -> list[str]:
        """What stands above each picture: its settings."""
        return [
            subtitle(transcript.header, chart.counts.calls)
            for transcript, chart in zip(self.transcripts, self.charts, strict=True)
        ]

    def listed(self) -> tuple[list[Compared], int]:
        """The calls to be listed, and how many are left out because they are alike."""
        differing = [call for call in self.calls if call.differs]
        alike = len(self.calls) - len(differing)
        return (self.calls, 0) if alike <= MAX_ALIKE else (differing, alike)

    def _share_rows(self) -> None:
        """Give rows that show the same event the same height."""
        pairs = align(self.charts[0].rows, self.charts[1].rows)
        rooms = []
        for pair in pairs:
            own = [
                layout.room(row)
                for layout, row in zip(self.layouts, pair, strict=True)
                if row is not None
            ]
            above, below, t = (max(values) for values in zip(*own, strict=True))
            rooms.append(Room(above, below, t))
        ys, bottom = stack(rooms)
        for side, layout in enumerate(self.layouts):
            own_ys = [y for y, pair in zip(ys, pairs, strict=True) if pair[side] is not None]
            layout.place_rows(own_ys, bottom)


Pair = tuple[int | None, int | None]  # rows of the two pictures at one height
Event = tuple[str, str | None]


def align(one: Sequence[Row], other: Sequence[Row]) -> list[Pair]:
    """Which rows stand at one height: those that begin with the same event of the same call.

    Between them, the rows of both follow each other in the order of their times.
    """
    events = [_event(row) for row in one], [_event(row) for row in other]
    left = Counter(events[0]), Counter(events[1])  # events that are still to come
    pairs: list[Pair] = []
    i = j = 0
    while i < len(one) or j < len(other):
        mine = events[0][i] if i < len(one) else None
        theirs = events[1][j] if j < len(other) else None
        if mine is not None and mine == theirs:
            pairs.append((i, j))
        elif theirs is None or (
            mine is not None
            and _comes_first(not left[1][mine], not left[0][theirs], one[i].t <= other[j].t)
        ):
            pairs.append((i, None))
        else:
            pairs.append((None, j))
        if pairs[-1][0] is not None and mine is not None:
            left[0][mine] -= 1
            i += 1
        if pairs[-1][1] is not None and theirs is not None:
            left[1][theirs] -= 1
            j += 1
    return pairs


def _comes_first(mine_is_alone: bool, theirs_is_alone: bool, mine_is_earlier: bool) -> bool:
    """Whether to go on with our row: it has no counterpart to wait for, or it is earlier."""
    if mine_is_alone != theirs_is_alone:
        return mine_is_alone
    return mine_is_earlier


def _event(row: Row) -> Event:
    """The event with which a row begins."""
    first = row.marks[0]
    return first.step.kind, first.owner
