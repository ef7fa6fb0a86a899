"""A transcript as an SVG picture: a row for each step, and a lane for each caller and process.

It needs no other file, has a title and a description for screen readers, is the same each time, and
can be read on light and on dark.
"""

from collections.abc import Iterable, Iterator, Sequence
from html import escape
from typing import Final

from genreply_cli.analysis.stats import Stats
from genreply_cli.export.svg_layout import (
    CALL_X,
    FIRST_LANE_X,
    FIRST_ROW_Y,
    KIND_X,
    LABEL_Y,
    MARGIN,
    TITLE_CELL_WIDTH,
    TITLE_Y,
    Layout,
    Row,
    lay_out,
)
from genreply_cli.text import cells, crop, visible
from genreply_cli.timeline.kinds import KindStyle, style_of
from genreply_cli.timeline.lines import plain_line
from genreply_cli.transcript.format import Header
from genreply_cli.transcript.pretty import duration, pretty_name
from genreply_cli.transcript.step import Step

MAX_TEXT: Final = 90  # cells of a message, and of a note; the tooltip has more
MAX_TOOLTIP: Final = 1000  # cells
MIN_TOLD_PAUSE: Final = 0.01  # seconds

# fmt: off
COLOURS: Final = {  # as Rich names them: on light, on dark
    "cyan":    ("#0e7490", "#22d3ee"),
    "blue":    ("#1d4ed8", "#7aa2f7"),
    "yellow":  ("#a16207", "#facc15"),
    "magenta": ("#a21caf", "#e879f9"),
    "green":   ("#15803d", "#4ade80"),
    "red":     ("#b91c1c", "#f87171"),
    "dim":     ("#64748b", "#94a3b8"),
    "plain":   ("#0f172a", "#e2e8f0"),
}
# fmt: on


def render(header: Header, steps: Iterable[Step], *, standalone: bool = True) -> Iterator[str]:
    """The picture, piece by piece; inside a page it is not standalone."""
    steps = list(steps)
    layout = lay_out(steps)
    texts = [_text(step) for step in steps]
    lengths = (cells(f"{body}  {note}" if note else body) for body, note in texts)
    width = layout.width(max(lengths, default=0))
    title = visible(header.title or "A genreply transcript")
    if standalone:
        yield '<?xml version="1.0" encoding="UTF-8"?>\n'
    yield from _head(title, _description(steps), width, layout.height)
    yield from _labels(layout)
    yield from _spans(layout)
    for row, (body, note) in zip(layout.rows, texts, strict=True):
        yield from _row(layout, row, body, note)
    yield "</svg>\n"


def _text(step: Step) -> tuple[str, str]:
    """What stands beside a step: its body and its note."""
    wording = style_of(step).wording(step)
    return crop(wording.body, MAX_TEXT), crop(wording.note, MAX_TEXT)


def _description(steps: Sequence[Step]) -> str:
    stats = Stats()
    for step in steps:
        stats.update(step)
    return f"A timeline of {len(steps)} events. {stats.summary()}."


# --- the parts of the picture ---


def _head(title: str, description: str, width: float, height: float) -> Iterator[str]:
    size = f'width="{width:.0f}" height="{height:.0f}"'
    yield f'<svg xmlns="http://www.w3.org/2000/svg" {size} viewBox="0 0 {width:.0f} {height:.0f}"'
    yield ' role="img" aria-labelledby="title desc">\n'
    yield f'<title id="title">{_xml(title)}</title>\n<desc id="desc">{_xml(description)}</desc>\n'
    yield _STYLE
    yield f'<rect class="paper" {size} rx="10"/>\n'
    heading = _xml(crop(title, int((width - 2 * MARGIN) / TITLE_CELL_WIDTH)))
    yield f'<text class="heading" x="{MARGIN}" y="{TITLE_Y}">{heading}</text>\n'


def _labels(layout: Layout) -> Iterator[str]:
    for label, x in (("time", MARGIN), ("call", CALL_X), ("event", KIND_X)):
        yield f'<text class="label" x="{x}" y="{LABEL_Y}">{label}</text>\n'
    for label, lane_x in layout.labels():
        text = f'<text class="lane" x="{lane_x:g}" y="{LABEL_Y}" text-anchor="middle">'
        yield f"{text}{_xml(crop(label, 17))}</text>\n"


def _spans(layout: Layout) -> Iterator[str]:
    """The lifelines, the bars of blocked callers, and the pauses."""
    for _, x in layout.labels()[: len(layout.callers)]:
        yield _line("lifeline", x, FIRST_ROW_Y - 18, x, layout.bottom)
    for span in layout.alive:
        x = layout.x(span.lane)
        above = 6 if span.top > FIRST_ROW_Y else 18
        yield _line("lifeline", x, span.top - above, x, span.bottom)
    for span in layout.blocked:
        x, height = layout.x(span.lane) - 5, max(2.0, span.bottom - span.top)
        yield f'<rect class="blocked" x="{x:g}" y="{span.top:g}" width="10" height="{height:g}"'
        yield f' rx="5"><title>{_xml(pretty_name(span.call))} is blocked</title></rect>\n'
    for pause in layout.pauses:
        if pause.seconds >= MIN_TOLD_PAUSE:
            text = f"{duration(pause.seconds)} later"
            yield f'<text class="gap" x="{MARGIN}" y="{pause.y + 4:g}">{text}</text>\n'


def _row(layout: Layout, row: Row, body: str, note: str) -> Iterator[str]:
    step, style = row.step, style_of(row.step)
    y = row.y + 4  # the baseline of the text
    call = "" if step.call is None else pretty_name(step.call)
    yield f'<g class="step {_colour(style)}">'
    yield f"<title>{_xml(crop(plain_line(step), MAX_TOOLTIP))}</title>\n"
    yield f'<text class="time" x="{MARGIN}" y="{y:g}">{step.t:.3f} s</text>'
    yield f'<text x="{CALL_X}" y="{y:g}">{_xml(crop(call, 5))}</text>'
    yield f'<text class="kind" x="{KIND_X}" y="{y:g}">{_xml(crop(style.word, 8))}</text>\n'
    yield from _drawing(layout, row, style)
    yield "\n"
    yield f'<text class="said" x="{layout.text_x:g}" y="{y:g}">{_xml(body)}'
    if note:
        yield f'<tspan class="note" dx="14">{_xml(note)}</tspan>'
    yield "</text></g>\n"


def _drawing(layout: Layout, row: Row, style: KindStyle) -> Iterator[str]:
    """What stands in the lanes: an arrow, a mark, or a line through all of them."""
    y = row.y
    if row.source is not None and row.target is not None:
        yield from _arrow(layout, row, style)
        if style.root:
            yield _cross(layout.x(row.source), y)
        if style.mark:
            yield _mark(style.mark, layout.x(row.target), y)
        return
    lane = row.source if row.target is None else row.target
    if lane is None:
        yield _line("mark", FIRST_LANE_X - 20, y, layout.lanes_end + 20, y)
    elif style.mark:
        yield _mark(style.mark, layout.x(lane), y)


def _arrow(layout: Layout, row: Row, style: KindStyle) -> Iterator[str]:
    assert row.source is not None
    assert row.target is not None
    kind = "arrow answer" if style.arrow == "┈" else "arrow"
    if row.source == row.target:
        x, y = layout.x(row.source) + 6, row.y - 5
        yield f'<path class="{kind}" d="M{x:g} {y:g}h16a5 5 0 0 1 0 10h-8"/>'
        yield _arrow_head(x + 1, row.y + 5, -1)
    else:
        arrow = layout.arrow(row.source, row.target, has_mark=bool(style.mark))
        yield _line(kind, arrow.start, row.y, arrow.end, row.y)
        yield _arrow_head(arrow.tip, row.y, arrow.direction)


# --- shapes ---


def _line(kind: str, x1: float, y1: float, x2: float, y2: float) -> str:
    return f'<line class="{kind}" x1="{x1:g}" y1="{y1:g}" x2="{x2:g}" y2="{y2:g}"/>\n'


def _arrow_head(x: float, y: float, direction: int) -> str:
    return f'<path class="solid" d="M{x:g} {y:g}l{-9 * direction} -5v10z"/>'


def _mark(mark: str, x: float, y: float) -> str:
    match mark:
        case "■":
            place = f'x="{x - 6:g}" y="{y - 6:g}"'
            return f'<rect class="solid" {place} width="12" height="12" rx="2"/>'
        case "●" | "•":
            return f'<circle class="solid" cx="{x:g}" cy="{y:g}" r="5"/>'
        case "!":
            circle = f'<circle class="solid" cx="{x:g}" cy="{y:g}" r="8"/>'
            return f'{circle}<text class="bang" x="{x:g}" y="{y + 4:g}">!</text>'
    return _cross(x, y)


def _cross(x: float, y: float) -> str:
    return f'<path class="cross" d="M{x - 6:g} {y - 6:g}l12 12m0 -12l-12 12"/>'


# --- text and colours ---


def _xml(text: str) -> str:
    """Visible text as XML. Two characters pass `visible` that XML may not hold."""
    return escape(text.replace("\ufffe", "\\ufffe").replace("\uffff", "\\uffff"))


def _colour(style: KindStyle) -> str:
    return next((name for name in COLOURS if name in style.colour), "plain")


def _rules(shade: int) -> str:
    """The colours as style sheet: on light (0) or on dark (1)."""
    colours = "".join(
        f".{name}{{fill:{tones[shade]}}}.{name} .arrow,.{name} .cross{{stroke:{tones[shade]}}}"
        for name, tones in COLOURS.items()
    )
    ink, paper, faint, bar = (
        ("#0f172a", "#ffffff", "#94a3b8", "#cbd5e1"),
        ("#e2e8f0", "#0f172a", "#475569", "#334155"),
    )[shade]
    dim, red = COLOURS["dim"][shade], COLOURS["red"][shade]
    return (
        f"{colours}.paper{{fill:{paper}}}.heading,.lane,.said{{fill:{ink}}}"
        f".label,.time,.gap,.note{{fill:{dim}}}.red .note{{fill:{red}}}"
        f".lifeline,.mark{{stroke:{faint}}}.blocked{{fill:{bar}}}.bang{{fill:{paper}}}"
    )


_STYLE: Final = (
    "<style>text{font-family:"
    "ui-monospace,SFMono-Regular,Menlo,Consolas,'DejaVu Sans Mono',monospace;font-size:12.5px;"
    "white-space:pre}.heading{font-size:16px;font-weight:600}.lane,.kind{font-weight:600}"
    ".label,.gap{font-size:11px}.gap{font-style:italic}"
    ".bang{font-size:12px;font-weight:700;text-anchor:middle}.lifeline{stroke-width:1.5}"
    ".mark{stroke-width:1;stroke-dasharray:2 5}.arrow{stroke-width:1.75;fill:none}"
    ".answer{stroke-dasharray:5 4}.cross{stroke-width:2.5;stroke-linecap:round;fill:none}"
    f"{_rules(0)}@media (prefers-color-scheme:dark){{{_rules(1)}}}</style>\n"
)
