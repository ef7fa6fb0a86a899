"""The whole screen of the player as rows. They depend on its state and the transcript alone.

    render(state, index, 120, 30).rows     # each a list of spans: texts with their styles

From top to bottom: the status bar, the names above the lanes, the steps up to the current one, the
state of the processes, why, and the keys. Where there is no room, the least important parts go
first; the current step stays to the last.
"""

from bisect import bisect_right
from collections.abc import Iterator
from itertools import islice, takewhile, zip_longest
from typing import Final, NamedTuple

from genreply_cli.explain.highlight import coloured
from genreply_cli.explain.meaning import why
from genreply_cli.explain.render import quoted_rows
from genreply_cli.explain.story import DESIGNS, quote_at
from genreply_cli.player.panels import (
    DEFAULT_STYLE,
    Row,
    Style,
    bottom_row,
    describe_snapshot,
    help_text,
    panel,
    payload_text,
    scrubber,
    status_bar,
)
from genreply_cli.player.state import MAX_PASSED, CallFilter, State, at_end
from genreply_cli.text import cells, crop, wrap
from genreply_cli.timeline.kinds import is_drawn
from genreply_cli.timeline.lanes import WIDE_COLUMNS
from genreply_cli.timeline.timeline import ASCII, Timeline, make_faint, view_for
from genreply_cli.timeline.views import View
from genreply_cli.transcript.index import Index
from genreply_cli.transcript.snapshot import Snapshot
from genreply_cli.transcript.step import Step

LANES_EVERY: Final = 1024  # steps; drawing starts at a multiple, with the lanes of a snapshot there


NO_CODE: Final = " the code of a server of your own is shown by: genreply trace FILE --explain"
MIN_BODY_ROWS: Final = 4  # of the timeline, while code is shown


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
    drawing = _Drawing(width, view, style)
    snapshot = _draw(drawing, state, index, body)
    step = index.step(state.number)
    code: list[Row] = []
    if step is not None and snapshot is not None and state.explanation == "code":
        code = _code(step, snapshot, width, style)[: max(0, body - MIN_BODY_ROWS)]
        body -= len(code)
    header, rows = _window(drawing, state, index, width, body)
    max_scroll = 0
    if state.overlay == "keys":
        header, rows, max_scroll = _overlay(help_text(width, style), state.scroll, body)
    elif state.overlay == "payload":
        payload = payload_text(index, state.number, width)
        header, rows, max_scroll = _overlay(payload, state.scroll, body)
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
        *_pad_rows(budget["scrubber"], [scrubber(state, index, width, style)]),
        *_pad_rows(budget["state"] + budget["why"], panels),
        *code,
        *_pad_rows(budget["keys"], [bottom_row(state, width)]),
    ]
    return Picture([_crop_row(row, width, style) for row in rows[:height]], max_scroll)


def _code(step: Step, snapshot: Snapshot, width: int, style: Style) -> list[Row]:
    """The lines of Python and of Elixir that carried out a step, below each other if need be."""
    quoted = quote_at(step, snapshot)
    side_by_side = width >= WIDE_COLUMNS
    room = max(1, width - 2)
    rows = quoted_rows(quoted, room, side_by_side=side_by_side, ascii_only=style.ascii_only)
    if not rows:
        is_shown = not DESIGNS.keys().isdisjoint(snapshot.modules.values())
        return [[(" no line of the coordinators does this" if is_shown else NO_CODE, "dim")]]
    return [[(" ", ""), *coloured(row)] for row in rows]


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
        "scrubber": 1,
        "state": state_rows,
        "why": 0 if state.explanation == "none" else why_rows,
        "keys": 1,
    }
    if state.overlay:
        budget |= {"header": 0, "scrubber": 0, "state": 0, "why": 0}
    needed = int(state.search_input is not None or bool(state.status))
    cuts = (
        ("scrubber", 0), ("why", 1), ("state", 1), ("why", 0), ("keys", needed), ("header", 0),
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
        self._passed: int | None = None  # how many rows there are up to the current step, if drawn

    def add(self, step: Step, *, current: bool = False, is_faint: bool = False) -> None:
        *above, row = self.timeline.spans(step)
        if is_faint or self._passed is not None:
            row = make_faint(row)
        header = self._header()
        self._rows.extend((header, header, True) for _ in above)
        self._rows.append((header, _mark(row) if current else [(" ", ""), *row], False))

    def begin_to_come(self) -> None:
        """All that is added from now on is still to come."""
        if self._passed is None:
            self._passed = len(self._rows)

    @property
    def rows_to_come(self) -> int:
        return 0 if self._passed is None else len(self._rows) - self._passed

    def window(self, count: int) -> tuple[Row, list[Row]]:
        """The header above `count` rows, and these rows: of headers, only later ones.

        A third of them or more are for what is still to come.
        """
        passed = len(self._rows) if self._passed is None else self._passed
        to_come = min(self.rows_to_come, max(count // 3, count - passed))
        shown = self._rows[max(0, passed + to_come - count) : passed + to_come]
        header = shown[0][0] if shown else self._header()
        return header, [row for place, (_, row, named) in enumerate(shown) if place or not named]

    def _header(self) -> Row:
        return [(" ", ""), *self.timeline.header()]


def _draw(drawing: _Drawing, state: State, index: Index, height: int) -> Snapshot | None:
    """Draw the last steps up to the current one, and some that are still to come.

    Returns the snapshot after the current step; None if the transcript has not been read so far.
    """
    if state.call_filter is None:
        return _draw_all(drawing, index, state.number, height, states=state.states)
    return _draw_filtered(drawing, index, state.number, state.call_filter, height)


def _window(
    drawing: _Drawing, state: State, index: Index, width: int, height: int
) -> tuple[Row, list[Row]]:
    """The names above the lanes, and the rows around the current step."""
    error: list[Row] = []
    if index.problem is not None and at_end(state, index):
        error = [[(line, "bold red")] for line in wrap(f"error: {index.problem}", width)]
    header, rows = drawing.window(max(1, height - len(error)))
    return header, [*rows, *error][-height:]


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
    drawing.begin_to_come()
    ahead = islice(index.steps(current + 1), MAX_PASSED)
    for step in takewhile(lambda _: drawing.rows_to_come < height, ahead):
        if is_drawn(step, states=states):
            drawing.add(step)
        else:
            drawing.timeline.skip(step)
    return None if snapshot is None else _with_states(snapshot, index, current)


def _draw_filtered(
    drawing: _Drawing, index: Index, current: int, call_filter: CallFilter, height: int
) -> Snapshot | None:
    """Draw as many steps of a filter as there are rows. Those between them are followed."""
    here = bisect_right(call_filter.numbers, current)
    numbers = call_filter.numbers[max(0, here - height) : here + height]
    after = -1  # the step that is next to be followed; none yet
    left = 2 * LANES_EVERY  # steps that may be followed; beyond that, snapshots are quicker
    for number in numbers:
        if number > current:
            drawing.begin_to_come()
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
