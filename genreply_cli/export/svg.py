"""A transcript as an SVG picture that shows whose answer went where.

Each row is what one message leads to. A bar at a caller is a call that blocks it, a bar at a server
a caller that it keeps. Each call has a colour, and its answer has the same; what goes wrong is red.
The picture needs no other file, has a title and a description for screen readers, is the same each
time, and can be read on light and on dark.
"""

from collections.abc import Iterable, Iterator
from hashlib import blake2b
from typing import Final, NamedTuple

from genreply_cli.export import svg_shapes as shapes
from genreply_cli.export.chart import EVERYTHING, Chart, draw_up
from genreply_cli.export.chart_words import subtitle, summary, title
from genreply_cli.export.svg_layout import (
    HEAD_HEIGHT,
    HEAD_Y,
    LEGEND_LINE,
    MARGIN,
    SUBTITLE_Y,
    TITLE_Y,
    Layout,
)
from genreply_cli.export.svg_legend import Entry
from genreply_cli.export.svg_picture import Picture
from genreply_cli.export.svg_shapes import xml
from genreply_cli.export.svg_style import style
from genreply_cli.text import counted, crop
from genreply_cli.timeline.lines import plain_line
from genreply_cli.transcript.filters import Selection
from genreply_cli.transcript.format import Header
from genreply_cli.transcript.step import Step

XML: Final = '<?xml version="1.0" encoding="UTF-8"?>\n'


def render(
    header: Header,
    steps: Iterable[Step],
    *,
    scale: float = 1.0,
    selection: Selection = EVERYTHING,
) -> Iterator[str]:
    """The picture of the selected steps, piece by piece, `scale` times as large."""
    chart = draw_up(steps, selection)
    layout = Layout(chart)
    heading, below = title(header, chart.counts.calls), subtitle(header, chart.counts.calls)
    outcomes = summary(chart.counts)
    room = layout.width - 2 * MARGIN
    yield XML
    end = layout.width - MARGIN
    yield from opened(_frame(header, chart, layout, end), scale)
    yield shapes.text("title", MARGIN, TITLE_Y, crop(heading, int(room / 12.4))) + "\n"
    facts = outcomes if below == heading else f"{below} · {outcomes}"
    yield shapes.text("sub", MARGIN, SUBTITLE_Y, crop(facts, int(room / 8))) + "\n"
    yield from Picture(chart, layout).render()
    yield from legend(layout.legend, layout.bottom, end)
    yield "</svg>\n"


def render_inside(header: Header, chart: Chart, layout: Layout) -> Iterator[str]:
    """The picture as part of a page, which has its title and its script."""
    end = layout.lanes_width  # a narrow window shows the picture up to there
    frame = _frame(header, chart, layout, end)
    yield from opened(frame._replace(top=HEAD_Y - HEAD_HEIGHT, role="group"))
    yield from Picture(chart, layout, is_in_page=True).render()
    yield from legend(layout.legend, layout.bottom, end)
    yield "</svg>\n"


# --- what other pictures have, too ---


class Frame(NamedTuple):
    """What stands in the first lines of an SVG file. Sizes are pixels."""

    uid: str
    title: str
    description: str
    width: float
    bottom: float
    font: int
    top: float = 0.0
    role: str = "img"


def _frame(header: Header, chart: Chart, layout: Layout, legend_end: float) -> Frame:
    heading = title(header, chart.counts.calls)
    description = f"A timeline of {counted(len(chart.steps), 'event')}. {summary(chart.counts)}."
    uid = uid_of(header, chart.steps)
    bottom = layout.height(legend_end)
    return Frame(uid, heading, description, layout.width, bottom, layout.size.font)


def uid_of(header: Header, steps: Iterable[Step]) -> str:
    """An id that no other picture in the same page has, unless it shows the same."""
    digest = blake2b(repr((header.title, header.settings)).encode(), digest_size=5)
    for step in steps:
        digest.update(plain_line(step).encode())
    return f"g{digest.hexdigest()}"


def opened(frame: Frame, scale: float = 1.0) -> Iterator[str]:
    """An SVG element that is still open: its title, description, styles and background."""
    uid, width, top = frame.uid, round(frame.width), round(frame.top)
    height = round(frame.bottom) - top
    yield f'<svg xmlns="http://www.w3.org/2000/svg" id="{uid}" class="picture"'
    yield f' width="{round(width * scale, 2):g}" height="{round(height * scale, 2):g}"'
    yield f' viewBox="0 {top} {width} {height}" role="{frame.role}"'
    yield f' aria-labelledby="{uid}-title {uid}-desc">\n'
    yield f'<title id="{uid}-title">{xml(frame.title)}</title>\n'
    yield f'<desc id="{uid}-desc">{xml(frame.description)}</desc>\n'
    yield style(uid, frame.font)
    yield f'<rect class="paper" y="{top}" width="{width}" height="{height}"/>\n'


def legend(entries: Iterable[Entry], bottom: float, end: float) -> Iterator[str]:
    """What the shapes mean, in lines from `bottom` on that are not longer than `end`."""
    x, y = float(MARGIN), bottom + LEGEND_LINE
    yield '<g class="legend">'
    for entry in entries:
        if x > MARGIN and x + entry.width > end:
            x, y = MARGIN, y + LEGEND_LINE
        yield entry.shape.format(x=x, y=y, top=y - 12, middle=y - 4)
        yield shapes.text("legend", x + entry.shape_width + 8, y, entry.words)
        x += entry.width
    yield "</g>\n"
