"""Two transcripts as one SVG picture: the same callers in two designs, and what became of them."""

from collections.abc import Iterator
from typing import Final

from genreply_cli.export import svg_shapes as shapes
from genreply_cli.export.outcomes import CallFacts
from genreply_cli.export.side_by_side import Compared, SideBySide, Transcript
from genreply_cli.export.svg import XML, Frame, legend, opened, uid_of
from genreply_cli.export.svg_layout import LEGEND_LINE, MARGIN, SUBTITLE_Y, TITLE_Y
from genreply_cli.export.svg_legend import entries, lines
from genreply_cli.export.svg_picture import Picture, hue
from genreply_cli.text import counted, crop
from genreply_cli.transcript.pretty import pretty_name

GAP: Final = 36  # between the pictures
ROW: Final = 26  # of the list of calls
CALL_X: Final = 60  # from the margin to the caller
OUTCOME_X: Final = 160
LETTER: Final = 8.2  # pixels, of a text of the list


def render(one: Transcript, other: Transcript, *, scale: float = 1.0) -> Iterator[str]:
    """The picture, piece by piece, `scale` times as large."""
    both = SideBySide(one, other)
    left, right = both.layouts
    start = left.width + GAP  # of the right picture
    width = start + right.width + MARGIN / 2
    calls, alike = both.listed()
    found = entries(*both.charts)
    list_top = left.bottom + 40
    list_bottom = list_top + ROW * (len(calls) + bool(alike))
    bottom = list_bottom + LEGEND_LINE * lines(found, MARGIN, width) + MARGIN - 6
    uid = f"{uid_of(*one)}-{uid_of(*other)}"
    description = f"{both.title}. {'. '.join(both.headings())}."
    yield XML
    yield from opened(Frame(uid, both.title, description, width, bottom, left.size.font), scale)
    yield shapes.text("title", MARGIN, TITLE_Y, both.title) + "\n"
    for side, x in ((0, 0.0), (1, start)):
        layout = both.layouts[side]
        room = int((layout.width - MARGIN) / 8)
        yield f'<g class="half" transform="translate({x:g} 0)">\n'
        yield shapes.text("sub", MARGIN, SUBTITLE_Y, crop(both.headings()[side], room)) + "\n"
        yield from Picture(both.charts[side], layout).render()
        yield "</g>\n"
    yield shapes.path("lifeline", f"M{start:g} {SUBTITLE_Y - 12}V{list_bottom:g}") + "\n"
    for number, compared in enumerate(calls):
        yield from _outcomes(both, compared, list_top + ROW * number, start)
    if alike:
        text = f"{counted(alike, 'call')} came out alike"
        yield shapes.text("note", MARGIN, list_bottom - ROW, text) + "\n"
    yield from legend(found, list_bottom, width)
    yield "</svg>\n"


def _outcomes(both: SideBySide, compared: Compared, y: float, start: float) -> Iterator[str]:
    """A call and what became of it, left and right; a mark between them if that differs."""
    call, (one, other) = compared
    caller = next((facts.caller for facts in (one, other) if facts is not None), "")
    kind = "outcome differs" if compared.differs else "outcome"
    yield f'<g class="{kind}{hue(both.charts[0], call)}">'
    yield shapes.text("call start", MARGIN, y, crop(pretty_name(call), 6))
    yield shapes.text("name", MARGIN + CALL_X, y, crop(caller, 12))
    yield _outcome(one, MARGIN + OUTCOME_X, y, start - GAP)
    if compared.differs:
        yield shapes.text("unlike", start, y, "\N{NOT EQUAL TO}")
    yield _outcome(other, start + MARGIN, y, start + both.layouts[1].width) + "</g>\n"


def _outcome(facts: CallFacts | None, x: float, y: float, end: float) -> str:
    room = int((end - x) / LETTER)
    if facts is None:
        return shapes.text("note", x, y, "not asked")
    kind = "note right" if facts.outcome.is_right else "note wrong"
    return shapes.text(kind, x, y, crop(facts.outcome.text, room))
