"""The picture of the player: as many rows as the screen has, from a state and a transcript, and from nothing else.

    picture(state, index, 120, 30).rows     # each a list of spans: pieces of text with their styles, as in a timeline

From top to bottom: where it is, the names above the lanes, the steps up to this one, how things stand, why, and the keys. What
there is no room for goes, the least important first; the step that is looked at stays to the last.
"""

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from itertools import takewhile, zip_longest
from pathlib import PurePath
from typing import Final, NamedTuple

from genreply_cli.explain.meaning import why
from genreply_cli.player.keys import KEYS, State, at_end
from genreply_cli.text import visible
from genreply_cli.timeline.kinds import pretty, pretty_name
from genreply_cli.timeline.timeline import (
    ASCII,
    Span,
    Timeline,
    View,
    accessible,
    cells,
    crop,
    fits,
    pad,
    view_for,
)
from genreply_cli.transcript.index import Index
from genreply_cli.transcript.snapshot import Snapshot
from genreply_cli.transcript.tracer import NO_MESSAGE, Step

GRID: Final = 1024  # steps; lanes are taken up anew at each such place, so that any place can be drawn without what was before
FEW: Final = 1000  # steps of one call that are drawn, at most
WHOLE: Final = 200_000  # characters of a payload that are shown

Row = list[Span]


class Picture(NamedTuple):
    """What is on the screen, and how far what is shown over the timeline can be turned."""

    rows: list[Row]
    max_scroll: int = 0


@dataclass(frozen=True)
class Style:
    """How it is drawn, as far as it has been decided; and what goes on meanwhile."""

    view: View | None = None
    ascii_only: bool = False
    waited: float = 0.0  # seconds of the recording since the step that is looked at
    search_progress: float | None = None  # how far a hunt has come, from 0 to 1


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
        standing = index.standing(start)
        timeline.start_from(_initial_snapshot(index) if not start or standing is None else standing)
        for place, step in enumerate(index.steps(start, number + 1), start):
            if standing is not None:
                standing.update(step)
            if place < top:
                timeline.skip(step)
            else:
                draw(step, place == number)
    else:
        standing = index.standing(number + 1)
        for place in [place for place in state.call_filter.numbers if place <= number][-FEW:]:
            one = index.step(place)
            if one is not None:
                draw(one, place == number)
    problem = (
        _wrapped(f"error: {index.problem}", width)
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


def _status(state: State, index: Index, step: Step | None, width: int, style: Style) -> str:
    """Where it is, how fast, how far: as much of it as there is room for."""
    name = visible(PurePath(index.name).name)
    going = (
        "playing"
        if state.playing and not at_end(state, index)
        else "at the end"
        if at_end(state, index)
        else "paused"
    )
    if style.search_progress is not None:
        going = f"looking {style.search_progress * 100:.0f} %"
    speed = f"{state.speed:g}x" if state.speed >= 1 else f"1/{1 / state.speed:g}x"
    total = f"{index.total}{'' if index.counted else '+'}"
    here = 0 if step is None else state.number + 1
    t = 0.0 if step is None else step.t + style.waited
    ends = "" if index.ends is None else f"{index.ends:.3f}"
    only = [] if state.call_filter is None else [f"only {visible(state.call_filter.call)}"]
    broken = ["broken"] if index.problem is not None else ["interrupted"] if index.notes else []
    long = [
        *only,
        *broken,
        going,
        speed,
        f"event {here} of {total}",
        f"+{t:.3f} s of {ends} s" if ends else f"+{t:.3f} s",
    ]
    short = [
        *only,
        *broken,
        going,
        speed,
        f"{here}/{total}",
        f"+{t:.3f}/{ends}" if ends else f"+{t:.3f}",
    ]
    choice = [
        (f" REPLAY {name}", "    ".join(long)),
        (f" REPLAY {name}", "  ".join(short)),
        (f" {crop(name, 16)}", " ".join(short)),
        (f" {crop(name, 16)}", " ".join(short[:-1])),
        ("", " ".join(short[len(only) + len(broken) :])),
        ("", f"{going} {here}/{total}"),
    ]
    left, right = next(
        (one for one in choice if fits("  ".join(one), width - 1)), ("", f"{here}/{total}")
    )
    return pad(left, max(0, width - 1 - cells(right))) + right + " "


def in_words(standing: Snapshot, now: float) -> str:
    """How things stand: who is kept, by whom, for how long; what became of the others."""
    parts = []
    for keeper, calls in standing.kept().items():
        kept = _listed(
            f"{pretty_name(one.call)} ({max(0.0, now - (one.kept_since or 0.0)):.3f} s)"
            for one in calls
        )
        parts.append(f"the {pretty_name(keeper)} keeps {kept}")
    waiting = [
        one
        for one in standing.open.values()
        if one.held_by is None and one.callee not in standing.ended
    ]
    if waiting:
        parts.append(
            "not kept yet: "
            + _listed(
                f"{pretty_name(one.call)} ({max(0.0, now - one.since):.3f} s)" for one in waiting
            )
        )
    parts.extend(f"the {pretty_name(name)} is gone" for name in standing.ended)
    counts = {
        "answered": standing.answered,
        "timed out": standing.timed_out,
        "dropped": standing.dropped,
    }
    rare = {
        "wrong": standing.wrong,
        "failed": standing.failed,
        "cancelled": standing.cancelled,
        "lost": standing.lost,
    }
    told = [
        f"{name} {count}"
        for name, count in (counts | {name: count for name, count in rare.items() if count}).items()
    ]
    return "   ".join(["; ".join(parts) if parts else "nobody waits", *told])


def _listed(texts: Iterable[str], most: int = 4) -> str:
    few = list(texts)
    return ", ".join(few[:most]) + (f" and {len(few) - most} more" if len(few) > most else "")


def _panel(text: str, width: int, height: int, style: Style) -> list[Row]:
    """At most so many lines of words, with the first ones, up to the colon, in bold."""
    if not height or not text:
        return []
    lines = _wrapped(text, width - 2)
    if len(lines) > height:
        lines = [
            *lines[: height - 1],
            crop(
                " ".join(lines[height - 1 :]), max(1, width - 2), "..." if style.ascii_only else "…"
            ),
        ]
    name, colon, rest = (lines or [""])[0].partition(":")
    return [
        [(f" {name}{colon}", "bold" if colon else "dim"), (rest, "")],
        *([(f" {line}", "")] for line in lines[1:]),
    ]


_HINTS: Final = {  # and how much each is missed where there is no room for it
    "space play": 9, ". next": 8, ", back": 7, "[ ] marker": 2, "0-9 jump": 1, "+ - speed": 3, "c call": 4, "/ find": 5,
    "e why": 6, "? keys": 10, "q quit": 11,
}  # fmt: skip


def _bottom_row(state: State, width: int) -> Row:
    """The last row: what is typed, what was answered, or the keys."""
    if state.search_input is not None:
        again = (
            f" (Enter: {visible(state.search)} again)"
            if state.search and not state.search_input
            else ""
        )
        text = visible(state.search_input)
        while text and not fits(f" find: {text}_", width):
            text = text[1:]
        return [(" find: ", "bold"), (text, ""), ("_", "reverse bold"), (again, "dim")]
    if state.status:
        return [(f" {state.status}", "bold")]
    if state.overlay:
        return [(" Esc back   up, down, PageUp, PageDown", "dim")]
    hints = list(_HINTS)
    for gone in sorted(_HINTS, key=_HINTS.__getitem__):
        for gap in ("   ", "  "):
            if cells(line := " " + gap.join(hints)) <= width:
                return [(line, "dim")]
        hints.remove(gone)
    return []


# --- over them ---------------------------------------------------------------------------------------------------------------

LEGEND: Final = (
    ("├──►", "asks"), ("◄┈┈┤", "answers"), ("┆", "a caller is blocked"), ("■", "where it is kept, not answered"),
    ("×", "gave up, dropped, gone"), ("!", "a wrong caller, a fault"),  # noqa: RUF001
)  # fmt: skip


def _keys(width: int, style: Style) -> list[str]:
    """All keys, and what the signs of the timeline mean."""
    arrows = str.maketrans({"→": "right", "←": "left"} if style.ascii_only else {})
    keys = [f"{pad(key.written.translate(arrows), 9)}{key.does}" for key in KEYS if key.written]
    signs = [f"{pad(sign, 9)}{means}" for sign, means in LEGEND]
    if width < 100:
        return [
            "",
            *(f"  {row}" for line in (*keys, "", *signs) for row in _hanging(line, width - 3)),
        ]
    half = (len(keys) + len(signs) + 2) // 2
    lines = [*keys, "", *signs]
    left, right = lines[:half], lines[half:]
    return [
        "",
        *(f"  {pad(one, 52)}{other}" for one, other in zip_longest(left, right, fillvalue="")),
    ]


def _hanging(line: str, width: int) -> list[str]:
    """A line of the help, wrapped beside its key."""
    first, *rest = _wrapped(line, width)
    return [
        first,
        *(f"{'':9}{row}" for text in rest for row in _wrapped(text.strip(), max(1, width - 9))),
    ]


@lru_cache(maxsize=4)
def _payload(index: Index, number: int, width: int) -> list[str]:
    """All that a step says, wrapped."""
    step = index.step(number)
    if step is None:
        return [""]
    lines = _wrapped(f"event {number + 1}: {crop(accessible(step), 2000)}", width - 2)
    said = {} if step.message is NO_MESSAGE else {"message": step.message}
    for name, value in {**said, **step.details, "because of": step.cause}.items():
        if value is not None or name == "message":
            lines += [
                "",
                visible(name),
                *(f"  {line}" for line in _value(value, max(1, width - 4))),
            ]
    return ["", *(f" {line}" for line in lines)]


def _value(value: object, width: int) -> Iterator[str]:
    """A value, on one line if it fits, else spread out; all of it, unless it is too much for anybody."""
    text = pretty(value)
    if len(text) > WHOLE:
        yield from _wrapped(text[:WHOLE], width)
        yield f"... and {len(text) - WHOLE:,} characters more"
    elif fits(text, width) or not isinstance(value, list | dict):
        yield from _wrapped(text, width)
    else:
        for line in json.dumps(value, ensure_ascii=False, indent=2).splitlines():
            yield from _wrapped(visible(line), width)


def _wrapped(text: str, width: int) -> list[str]:
    """The text in lines of at most so many cells, broken between words where there are any."""
    width = max(1, width)
    lines = []
    start = 0
    while len(text) - start > width or not fits(text[start:], width):
        end = start + _how_many(text, start, width)
        if end >= len(text):
            break
        blank = text.rfind(" ", start + 1, end + 1)
        stop = blank if blank > start + (end - start) // 3 else end
        lines.append(text[start:stop])
        start = stop + (text[stop : stop + 1] == " ")
    return [*lines, text[start:]]


def _how_many(text: str, start: int, width: int) -> int:
    """How many characters from here on fit; at least one."""
    if text[start : start + width].isascii():
        return width
    room, end = width, start
    while end < len(text) and (room := room - cells(text[end])) >= 0:
        end += 1
    return max(1, end - start)
