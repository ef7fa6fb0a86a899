"""The comparison as an SVG picture, and as a page: a cell for each coordinator and fault."""

from collections.abc import Iterator, Sequence
from hashlib import blake2b
from html import escape
from typing import Final

from genreply_cli.compare.rows import BAD, GOOD, Plan, Row
from genreply_cli.compare.table import COLUMNS, heading
from genreply_cli.compare.trial import FAULTS, Counts
from genreply_cli.export import svg_shapes as shapes
from genreply_cli.export.html import document_end, document_head
from genreply_cli.export.svg import XML, Frame, legend, opened
from genreply_cli.export.svg_layout import MARGIN, SUBTITLE_Y, TITLE_Y, Box
from genreply_cli.export.svg_legend import Entry
from genreply_cli.session.parsing import COORDINATORS
from genreply_cli.text import wrap

TITLE: Final = "Which design survives which fault"
NAME_WIDTH: Final = 104
CELL_WIDTH: Final = 148
CELL_HEIGHT: Final = 74
GRID_Y: Final = 118  # the top of the first row
BAR_WIDTH: Final = CELL_WIDTH - 28
FONT: Final = 14
LETTERS: Final = 19  # of a verdict that fit in a line of a cell
WIDTH: Final = MARGIN * 2 + NAME_WIDTH + CELL_WIDTH * len(FAULTS)

MARKS: Final = {GOOD: "right", BAD: "wrong"}  # classes of style; what is poor has none

# the parts of a bar, in turn: the group that gives the colour, the shape, and what it means
PARTS: Final = (
    ("right", "badge", "right"),
    ("wrong", "badge", "the answer to another call"),
    ("h4", "solid", "only ok"),
    ("h1", "solid", "timed out"),
    ("h0", "solid", "told of a crash"),
)


def svg(plan: Plan, rows: Sequence[Row]) -> Iterator[str]:
    """The picture as a file."""
    yield XML
    yield from _picture(plan, rows)


def page(plan: Plan, rows: Sequence[Row]) -> Iterator[str]:
    """A page with the picture, and a table of the numbers."""
    yield document_head(TITLE)
    yield f'<p class="about">{escape(heading(plan))}</p>\n<figure>\n'
    yield from _picture(plan, rows, is_in_page=True)
    yield "</figure>\n<h2>In numbers</h2>\n<table>\n<thead><tr>"
    for name in ("coordinator", "fault", *COLUMNS, "verdict"):
        yield f'<th scope="col">{escape(name)}</th>'
    yield "</tr></thead>\n<tbody>\n"
    for row in rows:
        cells = [*map(str, _values(row.counts)), f"{row.counts.longest_wait:.3f} s"]
        yield f'<tr><th scope="row">{escape(row.coordinator)}</th><td>{escape(row.fault)}</td>'
        yield from (f'<td class="mono">{cell}</td>' for cell in cells)
        kind = MARKS.get(row.verdict.mark)
        told = escape(row.verdict.sentence)
        told = told if kind is None else f'<span class="{kind}">{told}</span>'
        yield f"<td>{told}</td></tr>\n"
    yield f"</tbody>\n</table>\n{document_end()}"


def _values(counts: Counts) -> tuple[int, int, int, int, int]:
    return counts.right, counts.wrong, counts.only_ok, counts.timed_out, counts.told


def _picture(plan: Plan, rows: Sequence[Row], *, is_in_page: bool = False) -> Iterator[str]:
    bottom = GRID_Y + CELL_HEIGHT * len(COORDINATORS)
    uid = f"g{blake2b(repr((plan, rows)).encode(), digest_size=5).hexdigest()}"
    told = "; ".join(f"{r.coordinator}, {r.fault}: {r.verdict.sentence}" for r in rows)
    top = GRID_Y - 40 if is_in_page else 0
    yield from opened(Frame(uid, TITLE, told, WIDTH, bottom + 50, FONT, top))
    if not is_in_page:
        yield shapes.text("title", MARGIN, TITLE_Y, TITLE) + "\n"
        yield shapes.text("sub", MARGIN, SUBTITLE_Y, heading(plan)) + "\n"
    for column, fault in enumerate(FAULTS):
        yield shapes.text("head", _cell_x(column) + CELL_WIDTH / 2 - 7, GRID_Y - 14, fault) + "\n"
    for number, coordinator in enumerate(COORDINATORS):
        y = GRID_Y + number * CELL_HEIGHT
        yield shapes.text("label name", MARGIN, y + 38, coordinator) + "\n"
        own = [row for row in rows if row.coordinator == coordinator]
        for column, row in enumerate(own):
            yield from _cell(row, _cell_x(column), y)
    signs = [Entry(_swatch(group, kind), meaning) for group, kind, meaning in PARTS]
    yield from legend(signs, bottom, WIDTH - MARGIN)
    yield "</svg>\n"


def _cell_x(column: int) -> float:
    return MARGIN + NAME_WIDTH + column * CELL_WIDTH


def _swatch(group: str, kind: str) -> str:
    place = 'x="{x:g}" y="{top:g}" width="16" height="15" rx="4"'
    return f'<g class="{group}"><rect class="{kind}" {place}/></g>'


def _cell(row: Row, x: float, y: float) -> Iterator[str]:
    """What became of the calls as a bar, below the verdict in a few words."""
    place = f"{row.coordinator}, {row.fault}: {row.verdict.sentence}"
    yield f"<g><title>{shapes.xml(place)}</title>"
    yield shapes.rectangle("box", Box(x, y + 3, CELL_WIDTH - 8, CELL_HEIGHT - 6))
    kind = " ".join(filter(None, ("note", MARKS.get(row.verdict.mark))))
    told = wrap(row.verdict.short, LETTERS)
    for number, line in enumerate(told):
        offset = 32 if len(told) == 1 else 24 + 17 * number
        yield shapes.text(kind, x + 10, y + offset, line)
    start = x + 10
    for (group, shape, _), value in zip(PARTS, _values(row.counts), strict=True):
        if value:
            width = BAR_WIDTH * value / row.counts.calls
            bar = shapes.rectangle(shape, Box(start, y + 52, width, 10), 1)
            yield f'<g class="{group}">{bar}</g>'
            start += width
    yield "</g>\n"
