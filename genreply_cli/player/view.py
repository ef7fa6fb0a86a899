"""The whole screen of the player as rows. They depend on its state and the transcript alone.

    render(state, index, 120, 30).rows     # each a list of spans: texts with their styles

From top to bottom: the status bar, the names above the lanes, the steps up to the current one, the
state of the processes, why, and the keys. Where there is no room, the least important parts go
first; the current step stays to the last.
"""

from bisect import bisect_right
from collections.abc import Iterator
from itertools import takewhile, zip_longest
from typing import Final, NamedTuple

from genreply_cli.explain.meaning import why
from genreply_cli.player.panels import (
    DEFAULT_STYLE,
    Row,
    Style,
    bottom_row,
    describe_snapshot,
    help_text,
    panel,
    payload_text,
    status_bar,
)
from genreply_cli.player.state import CallFilter, State, at_end
from genreply_cli.text import cells, crop, wrap
from genreply_cli.timeline.kinds import is_drawn
from genreply_cli.timeline.timeline import ASCII, Timeline, make_faint, view_for
from genreply_cli.timeline.views import View
from genreply_cli.transcript.index import Index
from genreply_cli.transcript.snapshot import Snapshot
from genreply_cli.transcript.step import Step

LANES_EVERY: Final = 1024  # steps; drawing starts at a multiple, with the lanes of a snapshot there


class Picture(NamedTuple):
    """The rows of the screen, and how far the overlay can be scrolled."""

    rows: list[Row]
    max_scroll: int = 0


def render(
    state: State, index: Index, width: int, height: int, style: Style = DEFAULT_STYLE
) -> Picture:
    """The whole screen: exactly `height` rows, of at most `width` cells."""
    view = style.view or view_for(width)
    budget = _row_budget(state, view, width, height)
    body = height - sum(budget.values())
    header, rows, snapshot = _timeline(state, index, width, body, view, style)
    max_scroll = 0
    if state.overlay == "keys":
        header, rows, max_scroll = _overlay(help_text(width, style), state.scroll, body)
    elif state.overlay == "payload":
        payload = payload_text(index, state.number, width)
        header, rows, max_scroll = _overlay(payload, state.scroll, body)
    step = index.step(state.number)
    if step is None:
        state_text, why_text = "", "there are no events in this transcript"
    elif snapshot is None:
        state_text, why_text = f"state: still reading ({index.progress * 100:.0f} %)", ""
    else:
        state_text = "state here: " + describe_snapshot(snapshot, step.t + style.waited)
        why_text = "why: " + why(step, snapshot)
    panels = [
        *panel(state_text, width, budget["state"], style),
        *panel(why_text, width, budget["why"], style),
    ]
    rows = [
        *_pad_rows(budget["status"], [[(status_bar(state, index, step, width, style), "reverse")]]),
        *_pad_rows(budget["header"], [header]),
        *_pad_rows(body, rows),
        *_pad_rows(budget["blank"], []),
        *_pad_rows(budget["state"] + budget["why"], panels),
        *_pad_rows(budget["keys"], [bottom_row(state, width)]),
    ]
    return Picture([_crop_row(row, width, style) for row in rows[:height]], max_scroll)


def _overlay(lines: list[str], scroll: int, height: int) -> tuple[Row, list[Row], int]:
    """An empty header, the rows of the overlay that are on the screen, and the maximum scroll."""
    max_scroll = max(0, len(lines) - height)
    scroll = min(scroll, max_scroll)
    return [], [[(line, "")] for line in lines[scroll : scroll + height]], max_scroll


def _row_budget(state: State, view: View, width: int, height: int) -> dict[str, int]:
    """How many rows each part gets, except the timeline, which gets the rest."""
    state_rows, why_rows = (2, 2) if width >= 100 else (2, 3) if width >= 60 else (4, 5)
    budget = {
        "status": 1,
        "header": int(view == "wide"),
        "blank": 1,
        "state": state_rows,
        "why": why_rows if state.show_meaning else 0,
        "keys": 1,
    }
    needed = int(state.search_input is not None or bool(state.status))
    cuts = (
        ("blank", 0), ("why", 1), ("state", 1), ("why", 0), ("keys", needed), ("header", 0),
        ("state", 0), ("status", 0), ("keys", 0),
    )  # fmt: skip
    for part, least in cuts:
        if height - sum(budget.values()) >= min(4, max(1, height // 2)):
            break
        budget[part] = min(budget[part], least)
    return budget


def _pad_rows(count: int, rows: list[Row]) -> Iterator[Row]:
    """Exactly so many rows."""
    for _, row in zip_longest(range(count), rows[:count]):
        yield row or []


def _crop_row(row: Row, width: int, style: Style) -> Row:
    cropped: Row = []
    room = width
    for text, look in row:
        shown = text.translate(ASCII) if style.ascii_only else text
        shown = crop(shown, room, "" if style.ascii_only else "…")
        cropped.append((shown, look))
        room -= cells(shown)
    return cropped


# --- the timeline ---


class _Drawing:
    """The rows of a timeline, each with the names above the lanes as they were then."""

    def __init__(self, width: int, view: View, style: Style) -> None:
        columns = max(1, width - 1)  # the first is for the sign of the current step
        self.timeline = Timeline(
            columns, view, ascii_only=style.ascii_only, entire=True, states=True
        )
        self._rows: list[tuple[Row, Row, bool]] = []  # header, row, whether the row is a header

    def add(self, step: Step, *, current: bool, is_faint: bool = False) -> None:
        *above, row = self.timeline.spans(step)
        if is_faint:
            row = make_faint(row)
        header = self._header()
        self._rows.extend((header, header, True) for _ in above)
        self._rows.append((header, _mark(row) if current else [(" ", ""), *row], False))

    def last(self, count: int) -> tuple[Row, list[Row]]:
        """The header above the last `count` rows, and these rows: of headers, only later ones."""
        shown = self._rows[-count:]
        header = shown[0][0] if shown else self._header()
        return header, [row for place, (_, row, named) in enumerate(shown) if place or not named]

    def _header(self) -> Row:
        return [(" ", ""), *self.timeline.header()]


def _timeline(
    state: State, index: Index, width: int, height: int, view: View, style: Style
) -> tuple[Row, list[Row], Snapshot | None]:
    """The names above the lanes, the last steps up to the current one, and the snapshot after it.

    The snapshot is None while the transcript has not been read so far.
    """
    drawing = _Drawing(width, view, style)
    if state.call_filter is None:
        snapshot = _draw_all(drawing, index, state.number, height, states=state.states)
    else:
        snapshot = _draw_filtered(drawing, index, state.number, state.call_filter, height)
    error: list[Row] = []
    if index.problem is not None and at_end(state, index):
        error = [[(line, "bold red")] for line in wrap(f"error: {index.problem}", width)]
    header, rows = drawing.last(max(1, height - len(error)))
    return header, [*rows, *error][-height:], snapshot


def _draw_all(
    drawing: _Drawing, index: Index, current: int, height: int, *, states: bool
) -> Snapshot | None:
    """Draw as many steps as there are rows."""
    top = max(0, current - 2 * height + 1)  # not all of them may have a row
    start = top - top % LANES_EVERY
    snapshot = index.snapshot(start)
    initial = _initial_snapshot(index) if start == 0 or snapshot is None else snapshot
    drawing.timeline.go_on_from(initial)
    for number, step in enumerate(index.steps(start, current + 1), start):
        if snapshot is not None:
            snapshot.update(step)
        if number < top or not (number == current or is_drawn(step, states=states)):
            drawing.timeline.skip(step)
        else:
            drawing.add(step, current=number == current)
    return None if snapshot is None else _with_states(snapshot, index, current)


def _draw_filtered(
    drawing: _Drawing, index: Index, current: int, call_filter: CallFilter, height: int
) -> Snapshot | None:
    """Draw as many steps of a filter as there are rows. Those between them are followed."""
    numbers = call_filter.numbers[: bisect_right(call_filter.numbers, current)][-height:]
    after = -1  # the step that is next to be followed; none yet
    left = 2 * LANES_EVERY  # steps that may be followed; beyond that, snapshots are quicker
    for number in numbers:
        start = after
        if after < 0 or number - after > left:
            start = number - number % LANES_EVERY if after < 0 else number
            snapshot = _initial_snapshot(index) if start == 0 else index.snapshot(start)
            drawing.timeline.go_on_from(snapshot or Snapshot())
        for step in index.steps(start, number):
            drawing.timeline.skip(step)
        for step in index.steps(number, number + 1):
            is_faint = number in call_filter.faint
            drawing.add(step, current=number == current, is_faint=is_faint)
        left -= number - start
        after = number + 1
    snapshot = index.snapshot(current + 1)
    return None if snapshot is None else _with_states(snapshot, index, current)


def _with_states(snapshot: Snapshot, index: Index, current: int) -> Snapshot:
    """The snapshot after the current step and after the states behind it that have no rows."""
    for step in takewhile(
        lambda step: not is_drawn(step), index.steps(current + 1, current + LANES_EVERY)
    ):
        snapshot.update(step)
    return snapshot


def _initial_snapshot(index: Index) -> Snapshot:
    """The snapshot after the starts that a transcript begins with: they have lanes at once."""
    snapshot = Snapshot()
    beginning = takewhile(lambda step: step.kind in {"start", "state"}, index.steps(0, LANES_EVERY))
    for step in beginning:
        snapshot.update(step)
    return snapshot


def _mark(row: Row) -> Row:
    """The row of the current step: it has a sign, and its time and call are in reverse."""
    bold = [
        (text, f"{look} bold reverse" if place < 2 else f"{look} bold")
        for place, (text, look) in enumerate(row)
    ]
    return [(">", "bold"), *bold]
