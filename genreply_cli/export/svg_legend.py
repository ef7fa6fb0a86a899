"""The legend of the SVG picture: what its shapes mean, of those that are there."""

from typing import Final, NamedTuple

from genreply_cli.export.chart import Chart

LETTER: Final = 7.6  # pixels, in the font of the legend

BAR: Final = '<rect class="bar {}" x="{{x:g}}" y="{{top:g}}" width="16" height="15" rx="4"/>'
TEAR: Final = '<path class="tear" d="M{x:g} {y:g}l4 -6l4 6l4 -6l4 6"/>'
LINE: Final = '<path class="{}" d="M{{x:g}} {{middle:g}}h28"/>'


class Entry(NamedTuple):
    """A shape and what it means. The shape is a template with places of its own."""

    shape: str
    words: str
    shape_width: int = 16

    @property
    def width(self) -> float:
        """With the words, and the room behind them."""
        return self.shape_width + 8 + len(self.words) * LETTER + 18


def lines(found: list[Entry], margin: float, end: float) -> int:
    """How many lines the entries take, from `margin` to `end`."""
    count, x = 1, margin
    for entry in found:
        if x > margin and x + entry.width > end:
            count, x = count + 1, margin
        x += entry.width
    return count


def entries(*charts: Chart) -> list[Entry]:
    """The entries for the shapes of a picture, or of several that share a legend."""
    periods = [period for chart in charts for period in chart.periods]
    kinds = {period.kind for period in periods}
    marks = [mark for chart in charts for row in chart.rows for mark in row.marks]
    keeps = "caller: blocked; server: keeps it" if "kept" in kinds else "blocked caller"
    found = [
        ("blocked" in kinds, Entry(BAR.format("blocked"), keeps)),
        (any(period.is_cut for period in periods), Entry(TEAR, "overwritten")),
        (any(period.in_vain is not None for period in periods),
         Entry(BAR.format("vain"), "waits in vain")),
        ("handling" in kinds, Entry(BAR.format("handling"), "handler runs")),
        ("queued" in kinds, Entry(BAR.format("queued"), "in the mailbox")),
        (any(mark.step.kind == "reply" for mark in marks),
         Entry(LINE.format("arrow answer"), "answer", 28)),
        (any(mark.meant is not None for mark in marks),
         Entry(LINE.format("ghost"), "where it should have gone", 28)),
    ]  # fmt: skip
    return [entry for is_there, entry in found if is_there]
