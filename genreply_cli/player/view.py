"""The picture of the player: as many rows as the screen has, from a state and a transcript, and from nothing else.

    picture(state, index, 120, 30).rows     # each a list of spans: pieces of text with their styles, as in a timeline

From top to bottom: where it is, the names above the lanes, the steps up to this one, how things stand, why, and the keys. What
there is no room for goes, the least important first; the step that is looked at stays to the last.
"""

from collections.abc import Iterator
from itertools import takewhile, zip_longest
from typing import Final, NamedTuple

from genreply_cli.explain.meaning import why
from genreply_cli.player.panels import (
    Row,
    Style,
    _bottom_row,
    _keys,
    _panel,
    _payload,
    _status,
    in_words,
)
from genreply_cli.player.state import State, at_end
from genreply_cli.text import cells, crop, wrap
from genreply_cli.timeline.timeline import ASCII, Timeline, view_for
from genreply_cli.timeline.views import View
from genreply_cli.transcript.index import Index
from genreply_cli.transcript.snapshot import Snapshot
from genreply_cli.transcript.step import Step

GRID: Final = 1024  # steps; lanes are taken up anew at each such place, so that any place can be drawn without what was before
FEW: Final = 1000  # steps of one call that are drawn, at most


class Picture(NamedTuple):
    """What is on the screen, and how far what is shown over the timeline can be turned."""

    rows: list[Row]
    max_scroll: int = 0


def render(state: State, index: Index, width: int, height: int, style: Style = Style()) -> Picture:
    """The whole screen, exactly so many rows, none of them wider."""
    view = style.view or view_for(width)
    parts = _row_budget(state, view, width, height)
    body = height - sum(parts.values())
    header, rows, standing = _timeline(state, index, width, body, view, style)
    deepest = 0
    if state.overlay:
        text = (
            _keys(width, style) if state.overlay == "keys" else _payload(index, state.number, width)
        )
        deepest = max(0, len(text) - body)
        scroll = min(state.scroll, deepest)
        header, rows = [], [[(line, "")] for line in text[scroll : scroll + body]]
    step = index.step(state.number)
    if step is None:
        told, means = "", "there are no events in this transcript"
    elif standing is None:
        told, means = f"state: still reading ({index.progress * 100:.0f} %)", ""
    else:
        told, means = (
            "state here: " + in_words(standing, step.t + style.waited),
            "why: " + why(step, tuple(standing.open)),
        )
    panels = [
        *_panel(told, width, parts["state"], style),
        *_panel(means, width, parts["why"], style),
    ]
    rows = [
        *_pad_rows(parts["status"], [[(_status(state, index, step, width, style), "reverse")]]),
        *_pad_rows(parts["header"], [header]),
        *_pad_rows(body, rows),
        *_pad_rows(parts["blank"], []),
        *_pad_rows(parts["state"] + parts["why"], panels),
        *_pad_rows(parts["keys"], [_bottom_row(state, width)]),
    ]
    return Picture([_fitted(row, width, style) for row in rows[:height]], deepest)


def _row_budget(state: State, view: View, width: int, height: int) -> dict[str, int]:
    """How many rows each part gets, but for the body, which gets the rest."""
    stands, means = (2, 2) if width >= 100 else (2, 3) if width >= 60 else (4, 5)
    parts = {
        "status": 1,
        "header": int(view == "wide"),
        "blank": 1,
        "state": stands,
        "why": means if state.show_meaning else 0,
        "keys": 1,
    }
    asked = int(state.search_input is not None or bool(state.status))
    for name, least in (
        ("blank", 0), ("why", 1), ("state", 1), ("why", 0), ("keys", asked), ("header", 0), ("state", 0), ("status", 0),
        ("keys", 0),
    ):  # fmt: skip
        if height - sum(parts.values()) >= min(4, max(1, height // 2)):
            break
        parts[name] = min(parts[name], least)
    return parts


def _pad_rows(count: int, rows: list[Row]) -> Iterator[Row]:
    """Exactly so many rows."""
    for _, row in zip_longest(range(count), rows[:count]):
        yield row or []


def _fitted(row: Row, width: int, style: Style) -> Row:
    """No wider than the screen."""
    fitted: Row = []
    room = width
    for text, look in row:
        text = crop(
            text.translate(ASCII) if style.ascii_only else text,
            room,
            "" if style.ascii_only else "…",
        )  # noqa: PLW2901
        fitted.append((text, look))
        room -= cells(text)
    return fitted


# --- the steps ---------------------------------------------------------------------------------------------------------------


def _timeline(
    state: State, index: Index, width: int, height: int, view: View, style: Style
) -> tuple[Row, list[Row], Snapshot | None]:
    """The names above the lanes, the last steps up to this one, and how things stand after it, if that is known."""
    timeline = Timeline(max(1, width - 1), view, ascii_only=style.ascii_only, entire=True)
    drawn: list[
        tuple[Row, Row, bool]
    ] = []  # the names above each row, and whether it is that itself

    def draw(step: Step, here: bool) -> None:
        *above, row = timeline.spans(step)
        header = [(" ", ""), *timeline.header()]
        drawn.extend((header, header, True) for _ in above)
        drawn.append((header, _marked(row) if here else [(" ", ""), *row], False))

    number = state.number
    if state.call_filter is None:
        top = max(0, number - height + 1)
        start = top - top % GRID
        standing = index.snapshot(start)
        timeline.start_from(_initial_snapshot(index) if not start or standing is None else standing)
        for place, step in enumerate(index.steps(start, number + 1), start):
            if standing is not None:
                standing.update(step)
            if place < top:
                timeline.skip(step)
            else:
                draw(step, place == number)
    else:
        standing = index.snapshot(number + 1)
        for place in [place for place in state.call_filter.numbers if place <= number][-FEW:]:
            one = index.step(place)
            if one is not None:
                draw(one, place == number)
    problem = (
        wrap(f"error: {index.problem}", width)
        if index.problem is not None and at_end(state, index)
        else []
    )
    shown = drawn[-max(1, height - len(problem)) :]
    header = shown[0][0] if shown else [(" ", ""), *timeline.header()]
    rows = [
        row for place, (_, row, is_header) in enumerate(shown) if place or not is_header
    ]  # it is above them all already
    rows += [[(line, "bold red")] for line in problem]
    return header, rows[-height:], standing


def _initial_snapshot(index: Index) -> Snapshot:
    """How things stand when all have started who do so before anything else: they have their lanes from the first."""
    standing = Snapshot()
    for step in takewhile(lambda step: step.kind == "start", index.steps(0, GRID)):
        standing.update(step)
    return standing


def _marked(row: Row) -> Row:
    """The row of the step that is looked at: by a sign, and by its time and call in reverse."""
    bold = [
        (text, f"{look} bold reverse" if place < 2 else f"{look} bold")
        for place, (text, look) in enumerate(row)
    ]
    return [(">", "bold"), *bold]


# --- around them -------------------------------------------------------------------------------------------------------------


# --- over them ---------------------------------------------------------------------------------------------------------------
