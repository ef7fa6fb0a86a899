"""A transcript as an SVG picture: lanes, arrows, blocked callers and kept calls, one row a step; long waits take more room.

It needs nothing from elsewhere, has a title and a description, is the same each time, and can be read on light and on dark.
"""

from collections.abc import Iterator, Sequence
from html import escape
from typing import Final

from genreply_cli.analysis.stats import Stats
from genreply_cli.export.svg_layout import LEFT, TOP, Lane, Layout, Row, lay_out
from genreply_cli.text import cells, crop, visible
from genreply_cli.timeline.kinds import KindStyle, style_of
from genreply_cli.timeline.lines import plain_line
from genreply_cli.transcript.format import Header
from genreply_cli.transcript.pretty import duration, pretty_name
from genreply_cli.transcript.step import Step

CELL: Final = 7.5  # pixels of a character
SAID: Final = 90  # characters of a message; the tooltip has more
TOLD: Final = 1000  # characters of a tooltip

COLOURS: Final = {  # as Rich names them: on light, on dark
    "cyan": ("#0e7490", "#22d3ee"), "blue": ("#1d4ed8", "#7aa2f7"), "yellow": ("#a16207", "#facc15"),
    "magenta": ("#a21caf", "#e879f9"), "green": ("#15803d", "#4ade80"), "red": ("#b91c1c", "#f87171"),
    "dim": ("#64748b", "#94a3b8"), "plain": ("#0f172a", "#e2e8f0"),
}  # fmt: skip


def draw(header: Header, steps: Sequence[Step], *, standalone: bool = True) -> Iterator[str]:
    """The picture, piece by piece; inside a page it is not standalone."""
    layout = lay_out(steps)
    said = [_said(step) for step in steps]
    lanes = [
        Lane(label, layout.x((0, number))) for number, label in enumerate(layout.callers.labels())
    ]
    lanes += [
        Lane(pretty_name(name), layout.x((1, number)))
        for number, name in enumerate(layout.processes)
    ]
    right = (lanes[-1].x if lanes else LEFT) + 44
    width = (
        right
        + max([30, *(cells(body) + cells(note) + 2 * bool(note) for body, note in said)]) * CELL
        + 24
    )
    height = layout.bottom + 12
    title = visible(header.title or "A genreply transcript")
    if standalone:
        yield '<?xml version="1.0" encoding="UTF-8"?>\n'
    size = f'width="{width:.0f}" height="{height:.0f}" viewBox="0 0 {width:.0f} {height:.0f}"'
    yield f'<svg xmlns="http://www.w3.org/2000/svg" {size} role="img" aria-labelledby="title desc">\n'
    yield f'<title id="title">{_xml(title)}</title>\n<desc id="desc">{_xml(_description(steps))}</desc>\n'
    yield _STYLE
    yield f'<rect class="paper" width="{width:.0f}" height="{height:.0f}" rx="10"/>\n'
    yield f'<text class="heading" x="24" y="34">{_xml(crop(title, int((width - 48) / 9.5)))}</text>\n'
    for label, column in (("time", 24), ("call", 92), ("event", 136)):
        yield f'<text class="label" x="{column}" y="66">{label}</text>\n'
    for lane in lanes:
        label = _xml(crop(lane.label, 17))
        yield f'<text class="lane" x="{lane.x:g}" y="66" text-anchor="middle">{label}</text>\n'
    for number in range(len(layout.callers)):
        yield _line(
            "lifeline", layout.x((0, number)), TOP - 18, layout.x((0, number)), layout.bottom
        )
    for span in layout.lives:
        yield _line(
            "lifeline",
            layout.x(span.lane),
            span.start - (6 if span.start > TOP else 18),
            layout.x(span.lane),
            span.stop,
        )
    for span in layout.blocked:
        x = layout.x(span.lane)
        tall = max(2.0, span.stop - span.start)
        yield f'<rect class="blocked" x="{x - 5:g}" y="{span.start:g}" width="10" height="{tall:g}" rx="5">'
        yield f"<title>{_xml(pretty_name(span.call))} is blocked</title></rect>\n"
    for y, passed in layout.gaps:
        if passed >= 0.01:
            yield f'<text class="gap" x="24" y="{y + 4:g}">{duration(passed)} later</text>\n'
    for row, (body, note) in zip(layout.rows, said, strict=True):
        yield from _row(layout, row, right, body, note)
    yield "</svg>\n"


def _row(layout: Layout, row: Row, right: float, body: str, note: str) -> Iterator[str]:
    step, look = row.step, style_of(row.step)
    y = row.y + 4
    yield f'<g class="step {_colour(look)}"><title>{_xml(crop(plain_line(step), TOLD))}</title>\n'
    yield f'<text class="time" x="24" y="{y:g}">{step.t:.3f} s</text>'
    yield f'<text x="92" y="{y:g}">{_xml(crop("" if step.call is None else pretty_name(step.call), 5))}</text>'
    yield f'<text class="kind" x="136" y="{y:g}">{_xml(crop(look.word, 8))}</text>\n'
    yield from _mark(layout, row, look)
    yield f'<text class="said" x="{right:g}" y="{y:g}">{_xml(body)}'
    yield f'<tspan class="note" dx="14">{_xml(note)}</tspan>' if note else ""
    yield "</text></g>\n"


def _mark(layout: Layout, row: Row, look: KindStyle) -> Iterator[str]:
    y = row.y
    if row.source is not None and row.target is not None:
        start, stop = layout.x(row.source), layout.x(row.target)
        dashed = " answer" if look.arrow == "┈" else ""
        if start == stop:
            yield f'<path class="arrow{dashed}" d="M{start + 6:g} {y - 5:g}h16a5 5 0 0 1 0 10h-8"/>'
            yield _head(start + 7, y + 5, -1)
        else:
            way = 1 if start < stop else -1
            tip = stop - way * (10 if look.mark else 6)
            yield _line(f"arrow{dashed}", start + way * 6, y, tip - way * 6, y)
            yield _head(tip, y, way)
        if look.root:
            yield _cross(start, y)
        if look.mark:
            yield _badge(stop, y, look.mark)
    else:
        place = row.source if row.target is None else row.target
        if place is not None and look.mark:
            yield _badge(layout.x(place), y, look.mark)
        elif place is None:
            yield _line(
                "mark",
                LEFT - 20,
                y,
                max(LEFT, layout.x((1, max(0, len(layout.processes) - 1)))) + 20,
                y,
            )
    yield "\n"


def _badge(x: float, y: float, mark: str) -> str:
    match mark:
        case "■":
            return (
                f'<rect class="solid" x="{x - 6:g}" y="{y - 6:g}" width="12" height="12" rx="2"/>'
            )
        case "●" | "•":
            return f'<circle class="solid" cx="{x:g}" cy="{y:g}" r="5"/>'
        case "!":
            return f'<circle class="solid" cx="{x:g}" cy="{y:g}" r="8"/><text class="bang" x="{x:g}" y="{y + 4:g}">!</text>'
    return _cross(x, y)


def _cross(x: float, y: float) -> str:
    return f'<path class="cross" d="M{x - 6:g} {y - 6:g}l12 12m0 -12l-12 12"/>'


def _head(x: float, y: float, way: int) -> str:
    return f'<path class="solid" d="M{x:g} {y:g}l{-9 * way} -5v10z"/>'


def _line(kind: str, x1: float, y1: float, x2: float, y2: float) -> str:
    return f'<line class="{kind}" x1="{x1:g}" y1="{y1:g}" x2="{x2:g}" y2="{y2:g}"/>\n'


def _said(step: Step) -> tuple[str, str]:
    said = style_of(step).wording(step)
    return crop(said.body, SAID), crop(said.note, SAID)


def _colour(look: KindStyle) -> str:
    return next((name for name in COLOURS if name in look.colour), "plain")


def _description(steps: Sequence[Step]) -> str:
    stats = Stats()
    for step in steps:
        stats.update(step)
    return f"A timeline of {len(steps)} events. {stats.summary()}."


def _xml(text: str) -> str:
    """Text that XML may hold: nothing else than what `visible` lets through, but for two characters that are none."""
    return escape(text.replace("\ufffe", "\\ufffe").replace("\uffff", "\\uffff"))


def _rules(shade: int) -> str:
    colours = "".join(
        f".{name}{{fill:{tones[shade]}}}.{name} .arrow,.{name} .cross{{stroke:{tones[shade]}}}"
        for name, tones in COLOURS.items()
    )
    ink, paper, faint, bar = (
        ("#0f172a", "#ffffff", "#94a3b8", "#cbd5e1"),
        ("#e2e8f0", "#0f172a", "#475569", "#334155"),
    )[shade]
    dim = COLOURS["dim"][shade]
    return (
        f"{colours}.paper{{fill:{paper}}}.heading,.lane,.said{{fill:{ink}}}.label,.time,.gap,.note{{fill:{dim}}}"
        f".red .note{{fill:{COLOURS['red'][shade]}}}.lifeline,.mark{{stroke:{faint}}}.blocked{{fill:{bar}}}.bang{{fill:{paper}}}"
    )


_STYLE: Final = (
    "<style>text{font-family:ui-monospace,SFMono-Regular,Menlo,Consolas,'DejaVu Sans Mono',monospace;font-size:12.5px;"
    "white-space:pre}.heading{font-size:16px;font-weight:600}.lane,.kind{font-weight:600}.label,.gap{font-size:11px}"
    ".gap{font-style:italic}.bang{font-size:12px;font-weight:700;text-anchor:middle}.lifeline{stroke-width:1.5}"
    ".mark{stroke-width:1;stroke-dasharray:2 5}.arrow{stroke-width:1.75;fill:none}.answer{stroke-dasharray:5 4}"
    f".cross{{stroke-width:2.5;stroke-linecap:round;fill:none}}{_rules(0)}"
    f"@media (prefers-color-scheme:dark){{{_rules(1)}}}</style>\n"
)
