"""Status bar, panels, help."""

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from itertools import zip_longest
from pathlib import PurePath
from typing import Final

from genreply_cli.player.keys import KEYS
from genreply_cli.player.state import State, at_end
from genreply_cli.text import cells, crop, fits, pad, visible, wrap
from genreply_cli.timeline.lanes import Span
from genreply_cli.timeline.lines import accessible_line
from genreply_cli.timeline.views import View
from genreply_cli.transcript.index import Index
from genreply_cli.transcript.pretty import pretty, pretty_name
from genreply_cli.transcript.snapshot import Snapshot
from genreply_cli.transcript.step import NO_MESSAGE, Step

WHOLE: Final = 200_000  # characters of a payload that are shown


Row = list[Span]


@dataclass(frozen=True)
class Style:
    """How it is drawn, as far as it has been decided; and what goes on meanwhile."""

    view: View | None = None
    ascii_only: bool = False
    waited: float = 0.0  # seconds of the recording since the step that is looked at
    search_progress: float | None = None  # how far a hunt has come, from 0 to 1


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
    ends = "" if index.last_time is None else f"{index.last_time:.3f}"
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
    totals, outcomes = standing.counts.at_end(), standing.counts.outcomes
    counts = {
        "answered": totals["replied"],
        "timed out": totals["timed_out"],
        "dropped": totals["dropped"],
    }
    rare = {
        "wrong": outcomes["wrong caller"],
        "failed": outcomes["failed"],
        "cancelled": outcomes["cancelled"],
        "lost": outcomes["lost"],
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
    lines = wrap(text, width - 2)
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
    first, *rest = wrap(line, width)
    return [
        first,
        *(f"{'':9}{row}" for text in rest for row in wrap(text.strip(), max(1, width - 9))),
    ]


@lru_cache(maxsize=4)
def _payload(index: Index, number: int, width: int) -> list[str]:
    """All that a step says, wrapped."""
    step = index.step(number)
    if step is None:
        return [""]
    lines = wrap(f"event {number + 1}: {crop(accessible_line(step), 2000)}", width - 2)
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
        yield from wrap(text[:WHOLE], width)
        yield f"... and {len(text) - WHOLE:,} characters more"
    elif fits(text, width) or not isinstance(value, list | dict):
        yield from wrap(text, width)
    else:
        for line in json.dumps(value, ensure_ascii=False, indent=2).splitlines():
            yield from wrap(visible(line), width)
