"""What is around the timeline, the status bar and the panels, and the overlays over it."""

import json
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import groupby, zip_longest
from operator import itemgetter
from pathlib import PurePath
from typing import Final

from genreply_cli.player.keys import KEYS
from genreply_cli.player.state import State, at_end, pace_of, place
from genreply_cli.text import cells, crop, fits, pad, visible, wrap
from genreply_cli.timeline.lanes import Span
from genreply_cli.timeline.lines import accessible_line
from genreply_cli.timeline.views import View
from genreply_cli.transcript.index import Index
from genreply_cli.transcript.pretty import duration, pretty, pretty_name
from genreply_cli.transcript.snapshot import Snapshot, Standing
from genreply_cli.transcript.step import NO_MESSAGE, Step

MAX_PAYLOAD: Final = 200_000  # characters of a value that are shown
MAX_LISTED: Final = 4  # calls that are named in the state panel; the others are counted

Row = list[Span]


@dataclass(frozen=True)
class Style:
    """How the screen is drawn, and what is not in the state because it changes all the time."""

    view: View | None = None  # None: what fits the width
    ascii_only: bool = False
    waited: float = 0.0  # recorded seconds for which the current step has been current
    search_progress: float | None = None  # from 0 to 1; None: no search is running
    failures: Sequence[int] = ()  # the numbers of the failures that have been found so far


DEFAULT_STYLE: Final = Style()


# --- the status bar ---


def status_bar(state: State, index: Index, step: Step | None, width: int, style: Style) -> str:
    """The file, what is being done, where and when: as much of it as there is room for."""
    name = visible(PurePath(index.name).name)
    activity = _activity(state, index, style)
    number, count = place(state, index)
    number = 0 if step is None else number
    total = f"{count}{'' if index.counted else '+'}"
    t = 0.0 if step is None else step.t + style.waited
    end = index.last_time
    notes = [] if state.call_filter is None else [f"only {state.call_filter.label}"]
    if index.problem is not None or index.notes:
        notes.append("no end yet" if index.problem is None else "broken")
    pace = pace_of(state, index) / state.speed
    speed = f"{state.speed:g}x" if state.speed >= 1 else f"1/{1 / state.speed:g}x"
    short = [
        activity,
        speed,
        f"{number}/{total}",
        f"+{t:.3f}" if end is None else f"+{t:.3f}/{end:.3f}",
    ]
    long = [
        activity,
        speed,
        f"event {number} of {total}",
        f"+{t:.3f} s" if end is None else f"+{t:.3f} s of {end:.3f} s",
    ]
    paced = (
        [activity, f"{speed}, {pace_text(pace)}", *long[2:]]
        if pace and activity == "playing"
        else long
    )
    layouts = [  # the longest first
        (f" REPLAY {name}", "    ".join([*notes, *paced])),
        (f" REPLAY {name}", "    ".join([*notes, *long])),
        (f" REPLAY {name}", "  ".join([*notes, *short])),
        (f" {crop(name, 16)}", " ".join([*notes, *short])),
        (f" {crop(name, 16)}", " ".join([*notes, *short[:-1]])),
        ("", " ".join(short)),
        ("", f"{activity} {number}/{total}"),
        ("", f"{number}/{total}"),
    ]
    left, right = next(
        (layout for layout in layouts if fits("  ".join(layout), width - 1)), layouts[-1]
    )
    return pad(left, max(0, width - 1 - cells(right))) + right + " "


def pace_text(seconds: float) -> str:
    """The least time for each event, as text."""
    return f"{duration(seconds)} or more each"


def _activity(state: State, index: Index, style: Style) -> str:
    if style.search_progress is not None:
        return f"searching {style.search_progress * 100:.0f} %"
    if at_end(state, index):
        waits = state.following and state.playing
        return "following" if waits else "at the end"
    return "playing" if state.playing else "paused"


def scrubber(state: State, index: Index, width: int, style: Style) -> Row:
    """All events on one row: those that have passed, the current one, and each failure."""
    columns = width - 2
    if columns < MIN_SCRUBBER or not index.total:
        return []
    here = state.number * columns // index.total
    cells_: Row = []
    for column in range(columns):
        first, after = (-(-index.total * each // columns) for each in (column, column + 1))
        place = bisect_left(style.failures, first)
        failed = place < len(style.failures) and style.failures[place] < after
        if column == here:
            cells_.append(("●", "bold red" if failed else "bold"))
        elif failed:
            cells_.append(("!", "red"))
        else:
            cells_.append(("━", "") if column < here else ("─", "dim"))
    joined = groupby(cells_, key=itemgetter(1))
    return [(" ", ""), *(("".join(text for text, _ in same), look) for look, same in joined)]


# --- the panels ---


def describe_snapshot(snapshot: Snapshot, now: float) -> str:
    """Which server keeps which calls, for how long, and how the other calls have ended.

    `now` is in recorded seconds.
    """
    parts = [*_kept(snapshot, now), *_not_kept(snapshot, now)]
    parts.extend(f"the {pretty_name(name)} has ended" for name in snapshot.ended)
    outcomes = snapshot.counts.outcomes
    counts = {
        "answered": outcomes["replied"],
        "timed out": outcomes["timed out"],
        "dropped": outcomes["late"] + outcomes["duplicate"],
    }
    rare = {
        "wrong": outcomes["wrong caller"],
        "errors": outcomes["error"],
        "failed": outcomes["failed"],
        "cancelled": outcomes["cancelled"],
        "lost": outcomes["lost"],
    }
    counts |= {name: count for name, count in rare.items() if count}
    return "   ".join(
        [
            "; ".join(parts) if parts else "no call waits",
            *(f"{name} {count}" for name, count in counts.items()),
        ]
    )


# fmt: off
_SENTENCES: Final[Mapping[Standing, str]] = {  # of the calls that no server is known to keep
    "handling":  "the {server} is handling {calls}",
    "waiting":   "waiting at the {server}{unknown}: {calls}",
    "forgotten": "forgotten: {calls}",
    "taken up":  "taken up: {calls}",
    "queued":    "not handled yet: {calls}",
}
# fmt: on


def _kept(snapshot: Snapshot, now: float) -> Iterator[str]:
    """What each server keeps, as far as it is recorded."""
    for server in snapshot.states:
        keeps = snapshot.keeps(server)
        if keeps:
            texts = [
                _waits(kept.call, now - kept.since)
                if kept.outcome is None
                else f"{pretty_name(kept.call)} ({_OUTCOMES.get(kept.outcome, kept.outcome)})"
                for kept in keeps.values()
            ]
            yield f"the {pretty_name(server)} keeps {_cut(texts)}"


def _not_kept(snapshot: Snapshot, now: float) -> Iterator[str]:
    """The other open calls, by how they stand."""
    found: dict[tuple[Standing, str | None], list[tuple[str, float]]] = {}
    for call in snapshot.open.values():
        standing, server = snapshot.standing(call)
        since = call.kept_since if standing == "waiting" else None
        calls = found.setdefault((standing, server), [])
        calls.append((call.call, now - (call.since if since is None else since)))
    for standing, sentence in _SENTENCES.items():
        by_server = {server: calls for (other, server), calls in found.items() if other == standing}
        if by_server and "{server}" not in sentence:
            by_server = {None: [call for calls in by_server.values() for call in calls]}
        for server, calls in by_server.items():
            unknown = "" if server in snapshot.states else " (what it keeps is not recorded)"
            yield sentence.format(server=pretty_name(server), unknown=unknown, calls=_listed(calls))


_OUTCOMES: Final = {
    "replied": "answered",
    "wrong caller": "answered",
    "error": "answered with an error",
    "timed out": "gave up",
}


def _listed(calls: Iterable[tuple[str, float]]) -> str:
    """Some calls with the seconds for which each has waited."""
    return _cut([_waits(call, seconds) for call, seconds in calls])


def _waits(call: str, seconds: float) -> str:
    return f"{pretty_name(call)} ({max(0.0, seconds):.3f} s)"


def _cut(texts: list[str]) -> str:
    more = f" and {len(texts) - MAX_LISTED} more" if len(texts) > MAX_LISTED else ""
    return ", ".join(texts[:MAX_LISTED]) + more


def panel(text: str, width: int, height: int, style: Style) -> list[Row]:
    """At most so many rows of a text, with what is before its first colon in bold."""
    if not height or not text:
        return []
    lines = wrap(text, width - 2)
    if len(lines) > height:
        ellipsis = "..." if style.ascii_only else "…"
        rest = " ".join(lines[height - 1 :])
        lines = [*lines[: height - 1], crop(rest, max(1, width - 2), ellipsis)]
    name, colon, rest = (lines or [""])[0].partition(":")
    return [
        [(f" {name}{colon}", "bold" if colon else "dim"), (rest, "")],
        *([(f" {line}", "")] for line in lines[1:]),
    ]


# --- the last row ---

# fmt: off
_HINTS: Final = {  # each with its rank: where there is no room for all, the lowest goes first
    "space play": 9, ". next": 8, ", back": 7, "[ ] marker": 2, "0-9 jump": 1, "+ - speed": 3,
    "c call": 4, "b cause": 0, "/ find": 5, "e why": 6, "? keys": 10, "q quit": 11,
}
# fmt: on


def bottom_row(state: State, width: int) -> Row:
    """The text that is being typed, or the answer to the last key, or the keys."""
    if state.search_input is not None:
        return _search_row(state, state.search_input, width)
    if state.status:
        return [(f" {state.status}", "bold")]
    if state.overlay:
        return [(" Esc back   up, down, PageUp, PageDown", "dim")]
    hints = list(_HINTS)
    for lowest in sorted(_HINTS, key=_HINTS.__getitem__):
        for gap in ("   ", "  "):
            if cells(line := " " + gap.join(hints)) <= width:
                return [(line, "dim")]
        hints.remove(lowest)
    return []


def _search_row(state: State, typed: str, width: int) -> Row:
    text = visible(typed)
    while text and not fits(f" find: {text}_", width):
        text = text[1:]
    again = f" (Enter: {visible(state.search)} again)" if state.search and not typed else ""
    return [(" find: ", "bold"), (text, ""), ("_", "reverse bold"), (again, "dim")]


# --- the overlays ---

# fmt: off
LEGEND: Final = (
    ("├──►", "a call or another message"),
    ("◄┈┈┤", "the reply to a call"),
    ("┃", "a caller is blocked"),
    ("║", "a handler runs: this server hears nothing else"),
    ("■", "a call is kept here, not answered"),
    ("□", "this server still keeps a waiting caller"),
    ("×", "given up, dropped, or ended"),  # noqa: RUF001
    ("!", "a wrong caller, an error, or a fault"),
    ("◁· ·", "the caller that should have had this answer"),
)
# fmt: on
LABEL_COLUMNS: Final = 9
MIN_SCRUBBER: Final = 10  # columns


def help_text(width: int, style: Style) -> list[str]:
    """All keys, and what the signs of the timeline mean."""
    arrows = str.maketrans({"→": "right", "←": "left"} if style.ascii_only else {})
    lines = [
        *(
            f"{pad(key.label.translate(arrows), LABEL_COLUMNS)}{key.help}"
            for key in KEYS
            if key.label
        ),
        "",
        *(f"{pad(sign, LABEL_COLUMNS)}{meaning}" for sign, meaning in LEGEND),
    ]
    if width < 100:
        return ["", *(f"  {row}" for line in lines for row in _hanging(line, width - 3))]
    half = (len(lines) + 1) // 2
    columns = zip_longest(lines[:half], lines[half:], fillvalue="")
    return ["", *(f"  {pad(left, 52)}{right}" for left, right in columns)]


def _hanging(line: str, width: int) -> list[str]:
    """A line of the help; where it is wrapped, the other rows are below its text."""
    first, *rest = wrap(line, width)
    room = max(1, width - LABEL_COLUMNS)
    below = (row for text in rest for row in wrap(text.strip(), room))
    return [first, *(" " * LABEL_COLUMNS + row for row in below)]


@lru_cache(maxsize=4)
def payload_text(index: Index, number: int, width: int) -> list[str]:
    """All that is recorded of a step, wrapped."""
    step = index.step(number)
    if step is None:
        return [""]
    lines = wrap(f"event {number + 1}: {crop(accessible_line(step), 2000)}", width - 2)
    message = {} if step.message is NO_MESSAGE else {"message": step.message}
    for name, value in {**message, **step.details, "because of": step.cause}.items():
        if value is not None or name == "message":
            lines += ["", visible(name)]
            lines += [f"  {line}" for line in _wrap_value(value, max(1, width - 4))]
    return ["", *(f" {line}" for line in lines)]


def _wrap_value(value: object, width: int) -> Iterator[str]:
    """A value on one line if it fits, else spread out as JSON, up to `MAX_PAYLOAD`."""
    text = pretty(value)
    if len(text) > MAX_PAYLOAD:
        yield from wrap(text[:MAX_PAYLOAD], width)
        yield f"... and {len(text) - MAX_PAYLOAD:,} characters more"
    elif fits(text, width) or not isinstance(value, list | dict):
        yield from wrap(text, width)
    else:
        for line in json.dumps(value, ensure_ascii=False, indent=2).splitlines():
            yield from wrap(visible(line), width)
