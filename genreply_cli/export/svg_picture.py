"""The body of the SVG picture: what lasts, and what happens, as shapes and texts."""

from collections.abc import Iterable, Iterator
from typing import Final

from genreply_cli.export import svg_shapes as shapes
from genreply_cli.export.chart import GIVEN_UP, OUTSIDE, Chart, Mark
from genreply_cli.export.chart_periods import HEAD, Lane, Period
from genreply_cli.export.chart_words import Label
from genreply_cli.export.svg_layout import HEAD_HEIGHT, Box, Layout
from genreply_cli.export.svg_shapes import xml
from genreply_cli.export.svg_style import HUES
from genreply_cli.text import cells, crop
from genreply_cli.timeline.kinds import style_of
from genreply_cli.timeline.lines import plain_line
from genreply_cli.transcript.pretty import pretty_name
from genreply_cli.transcript.step import DROPPED, KINDS

MAX_TOOLTIP: Final = 1000  # cells
WITHOUT_WAITING: Final = frozenset({"cast", "info"})  # their sender goes on
IN_VAIN: Final = frozenset(kind for kind, facts in KINDS.items() if facts.outcome in DROPPED)
GONE: Final = GIVEN_UP | {"down"}  # the caller waits no longer


def hue(chart: Chart, call: str | None) -> str:
    """The class of the colour of a call, behind a blank."""
    return "" if call is None else f" h{chart.numbers.get(call, 0) % HUES}"


def data(chart: Chart, calls: Iterable[str | None]) -> str:
    """The numbers of calls, for the script of a page."""
    numbers = chart.numbers
    found = dict.fromkeys(str(numbers[call]) for call in calls if call in numbers)
    return f' data-calls="{" ".join(found)}"'


class Picture:
    """Writes the body of a picture. In a page, its parts say which steps and calls they show."""

    def __init__(self, chart: Chart, layout: Layout, *, is_in_page: bool = False) -> None:
        self.chart = chart
        self.layout = layout
        self._is_in_page = is_in_page

    def render(self) -> Iterator[str]:
        """The body, piece by piece."""
        yield from self._periods()
        yield from self._rows()

    # --- what lasts ---

    def _periods(self) -> Iterator[str]:
        alive = [period for period in self.chart.periods if period.kind == "alive"]
        for period in alive:
            x, top = self.layout.xs[period.lane], self.layout.y(period.begin)
            bottom = self.layout.bottom if period.end is None else self.layout.y(period.end)
            yield shapes.path("lifeline", f"M{x:g} {top:g}V{bottom:g}") + "\n"
        for period in alive:
            yield self._name(period)
        for period in self.chart.periods:
            if period.kind != "alive":
                yield from self._bar(period)

    def _name(self, period: Period) -> str:
        """The name of a process, where it starts."""
        x, y = self.layout.xs[period.lane], self.layout.y(period.begin)
        name, width = self.layout.name(period), self.layout.name_width(period)
        box = Box(x - width / 2, y - HEAD_HEIGHT / 2, width, HEAD_HEIGHT)
        return shapes.rectangle("box", box) + shapes.text("head", x, y + 5, name) + "\n"

    def _bar(self, period: Period) -> Iterator[str]:
        """A bar: full as long as there is sense in it, then hollow."""
        layout, box = self.layout, self.layout.box(period)
        full, hollow = box, ""
        if period.over is not None:
            full, hollow = box._replace(height=layout.y(period.over) + 7 - box.y), "over"
        elif period.in_vain is not None:
            full, hollow = box._replace(height=layout.y(period.in_vain) - 9 - box.y), "vain"
        yield f'<g class="period{hue(self.chart, period.name)}"{self._data([period.name])}>'
        yield f"<title>{xml(_meaning(period))}</title>"
        if hollow:
            yield shapes.rectangle(f"bar {hollow}", box)
        if full.height > 0:
            yield shapes.rectangle(f"bar {period.kind}", full)
        if period.is_cut:
            yield shapes.tear(box)
        if period.kind != "handling":
            yield self._call(pretty_name(period.name), box)
        has_room = self.layout.size.names_fit and box.height > self.layout.size.above
        if period.caller is not None and has_room:
            yield shapes.text("label name", box.x, box.y - 4, pretty_name(period.caller))
        yield "</g>\n"

    def _call(self, name: str, box: Box) -> str:
        """The name of a call in its bar; turned by 90 degrees if it is thin."""
        x, name = box.x + box.width / 2, crop(name, 5)
        if self.layout.size.names_fit:
            return shapes.text("call", x, box.y + 19, name)
        room = 7 * cells(name)
        if room + 4 > box.height:
            return ""
        y = box.y + 4 + room / 2
        turned = f'transform="rotate(-90 {x:g} {y:g})"'
        return shapes.text("call", x, y + 3.5, name).replace(">", f" {turned}>", 1)

    # --- what happens ---

    def _rows(self) -> Iterator[str]:
        layout, last_time = self.layout, ""
        for mark in self.chart.heads:
            yield f"{self._group(mark, HEAD)}</g>\n"
        for number, row in enumerate(self.chart.rows):
            y = layout.y(number)
            time = layout.time(row.t)
            if time != last_time:
                yield shapes.text("time", layout.time_x, y + 5, time) + "\n"
                last_time = time
            yield from self._notes(number, y)
            for mark, label in zip(row.marks, layout.labels[number], strict=True):
                yield self._group(mark, number)
                yield from self._mark(mark, y)
                yield self._label(mark, label, y) + "</g>\n"

    def _notes(self, row: int, y: float) -> Iterator[str]:
        """What a row says at its end, around its middle."""
        notes, line_height = self.layout.notes[row], self.layout.line_height
        y += 5 - (sum(len(note.lines) for note in notes) - 1) * line_height / 2
        for note in notes:
            kind, x = "note wrong" if note.is_wrong else "note", self.layout.notes_x
            first, *others = map(xml, note.lines)
            below = "".join(
                f' <tspan x="{x:g}" dy="{line_height:g}">{line}</tspan>' for line in others
            )
            yield f'<text class="{kind}" x="{x:g}" y="{y:g}"{self._seq(row, note.seq)}>'
            yield f"{first}{below}</text>\n"
            y += len(note.lines) * line_height

    def _group(self, mark: Mark, row: int) -> str:
        step = mark.step
        kind = f"step{hue(self.chart, mark.owner)}"
        if "red" in style_of(step).colour:
            kind += " wrong"
        elif step.kind == "reply":
            kind += " right"
        if mark.is_faint:
            kind += " faint"
        data = self._seq(row, step.seq) + self._data([step.call, mark.owner])
        tooltip = xml(crop(plain_line(step), MAX_TOOLTIP))
        return f'<g class="{kind}"{data}><title>{tooltip}</title>'

    def _seq(self, row: int, seq: int) -> str:
        """The number of a step and the place of its row, for the script of a page."""
        if not self._is_in_page:
            return ""
        top, bottom = self.layout.span(row)
        return f' data-seq="{seq}" data-top="{top:g}" data-bottom="{bottom:g}"'

    def _data(self, calls: Iterable[str | None]) -> str:
        return data(self.chart, calls) if self._is_in_page else ""

    def _mark(self, mark: Mark, y: float) -> Iterator[str]:
        layout, step = self.layout, mark.step
        radius = 9.0 if layout.size.names_fit else 6.0
        lane = mark.source if mark.target is None else mark.target
        if lane is None:
            if step.kind in {"mark", "end"}:
                yield shapes.horizontal("line", layout.time_x + 16, layout.lanes_end + 20, y)
            return
        x = layout.xs[lane]
        if mark.source is not None:
            yield from self._arrow(mark, lane, y)
            if step.kind in IN_VAIN:
                x = layout.arrow(mark, lane).tip
        match step.kind:
            case "reply" if step.outcome != "replied":
                yield shapes.bang(x, y + 7, radius + 1)
            case "reply":
                yield shapes.tick(x, y + 7, radius)
            case "fault":
                yield shapes.bang(x, y, radius)
            case kind if kind in GONE and not step.reaches_monitor:
                yield shapes.cross(x, y + 7, radius * 0.7)
            case kind if kind in IN_VAIN or kind in {"crash", "exit"}:
                yield shapes.cross(x, y, radius * 0.7)
            case "note":
                yield f'<circle class="solid" cx="{x:g}" cy="{y:g}" r="5"/>'

    def _arrow(self, mark: Mark, lane: Lane, y: float) -> Iterator[str]:
        kind = "arrow answer" if style_of(mark.step).arrow == "┈" else "arrow"
        if mark.source == lane:
            yield shapes.loop(kind, self.layout.xs[lane] + 8, y)
            return
        start, tip, direction = self.layout.arrow(mark, lane)
        if mark.step.kind in IN_VAIN:
            tip -= 9 * direction  # room for the cross
        if mark.step.kind in WITHOUT_WAITING or mark.step.reaches_monitor:
            yield shapes.horizontal(kind, start, tip, y)
            yield shapes.open_head("arrow", tip, y, direction)
        else:
            yield shapes.horizontal(kind, start, tip - 8 * direction, y)
            yield shapes.solid_head(tip, y, direction)
        if mark.meant is not None and mark.meant != lane:
            ghost = self.layout.arrow(mark, mark.meant)
            below = y + (9 if self.layout.size.names_fit else 4)
            yield shapes.horizontal("ghost", ghost.start, ghost.tip, below)
            yield shapes.open_head("ghost", ghost.tip, below, ghost.direction)

    def _label(self, mark: Mark, label: Label, y: float) -> str:
        """The message on its arrow, at the left end."""
        if mark.source is None or mark.target is None or not any(label):
            return ""
        layout, left = self.layout, min(mark.source, mark.target)
        arrow = layout.arrow(mark, mark.target)
        x = min(arrow.start, arrow.tip) + 8
        name = ""
        if label.name:
            name = f'<tspan class="name">{xml(label.name)}</tspan>  '
            if left == mark.source and left is not OUTSIDE:
                x = layout.xs[left] - layout.bar / 2  # a caller's name stands above its bar
        message = xml(label.message)
        return f'<text class="label" x="{x:g}" y="{y - 10:g}">{name}{message}</text>'


def _meaning(period: Period) -> str:
    name = pretty_name(period.name)
    match period.kind:
        case "blocked":
            return f"{name} waits"
        case "kept":
            return f"{name} is kept{', until another call overwrites it' if period.is_cut else ''}"
        case "queued":
            return f"{name} waits in the mailbox: the server is busy"
    return f"the handler of {name} runs"
