"""What each key of the player does: one state and a key give the next state.

    state, search = press(State(), index, ".")

Some keys need to search the transcript. They give a generator that yields how far it has come, from
0 to 1, and returns the next state. It may be dropped at any time.
"""

import json
import re
from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Generator, Iterator, Mapping
from dataclasses import replace
from typing import Final, NamedTuple

from genreply_cli.player.state import (
    EXPLANATIONS,
    CallFilter,
    State,
    at_end,
    clamp,
    nearest_shown,
    pace_of,
    visible_steps,
)
from genreply_cli.text import quoted, visible
from genreply_cli.timeline.kinds import is_drawn, style_of
from genreply_cli.timeline.lines import plain_line
from genreply_cli.transcript.filters import Filters
from genreply_cli.transcript.index import Index, LineFilter
from genreply_cli.transcript.pretty import duration
from genreply_cli.transcript.step import KINDS, Step

PACES: Final = (0.0, 0.1, 0.2, 0.35, 0.7, 1.5, 3.0)  # seconds for an event, for < and >
MIN_SPEED: Final = 1 / 16
MAX_SPEED: Final = 64.0
PAGE_EVENTS: Final = 20
STEPS_OF_A_SLICE: Final = 64  # of a search among the steps of a filter
SCROLL_ROWS: Final = 10  # of an overlay, for PageDown
NO_CALL: Final = "this event belongs to no call; go to one that does, with , or ."
ENTER: Final = ("c-m", "c-j")  # as prompt_toolkit has it

Search = Generator[float, None, State]
Command = Callable[[State, Index], State | Search]


def press(state: State, index: Index, key: str, data: str = "") -> tuple[State, Search | None]:
    """The state after a key, and the search that it begins.

    `key` is named as prompt_toolkit names it; `data` is the text that it types.
    """
    state = clamp(replace(state, status=""), index)
    if key in {"c-d", "<sigint>"} or (key == "c-c" and state.search_input is None):
        return replace(state, leaving=True), None
    if state.search_input is not None:
        state = _search_input_key(state, state.search_input, key, data)
        return state, _search_text(state, index) if key in ENTER and state.search else None
    if state.overlay:
        return _overlay_key(state, key), None
    command = COMMANDS.get(key)
    after = state if command is None else command(state, index)
    return (after, None) if isinstance(after, State) else (state, after)


# --- moving ---


def _move_by(count: int) -> Command:
    """Some steps forward; back, if `count` is negative."""

    def move(state: State, index: Index) -> State:
        steps = visible_steps(state, index)
        if not steps:
            return state
        place = min(max(0, bisect_right(steps, state.number) - 1 + count), len(steps) - 1)
        number = nearest_shown(state, index, place, 1 if count > 0 else -1)
        return replace(state, number=number, playing=False)

    return move


def _jump_to(tenths: int) -> Command:
    """To so many tenths of all steps."""

    def jump(state: State, index: Index) -> Search:
        yield from _until_counted(index)
        steps = visible_steps(state, index)
        if not steps:
            return state
        place = min(len(steps) * tenths // 10, len(steps) - 1)
        return replace(state, number=nearest_shown(state, index, place, 1))

    return jump


def _until_counted(index: Index) -> Generator[float, None, None]:
    """Read until the number of all steps is known."""
    while not index.counted:
        next(index.scan(), None)
        yield index.progress


def _move_in_call(way: int) -> Command:
    """To the next step of the same call; to the previous one, if `way` is -1."""

    def move(state: State, index: Index) -> State | Search:
        step = index.step(state.number)
        if step is None or step.call is None:
            return replace(state, status=NO_CALL)
        call = step.call
        not_found = f"there is no {'later' if way > 0 else 'earlier'} event of {visible(call)}"
        return _search_step(
            state, index, way, lambda step: step.call == call, _mentions(call), not_found
        )

    return move


def _move_to_marker(way: int) -> Command:
    """To the next mark or failure; to the previous one, if `way` is -1."""

    def move(state: State, index: Index) -> Search:
        not_found = f"there is no {'later' if way > 0 else 'earlier'} mark or failure"
        return _search_step(state, index, way, is_marker, _MARKER_LINE.search, not_found)

    return move


def is_failure(step: Step) -> bool:
    """Whether a step is a failure."""
    return "red" in style_of(step).colour


def is_marker(step: Step) -> bool:
    """Whether a step is a mark or a failure."""
    return step.kind == "mark" or is_failure(step)


_MARKER_LINE: Final = re.compile(  # a line with an escape may be anything
    rb'"kind"\s*:\s*"(?:%s)"|"for(?:got)?"|"raise"|\\u'
    % "|".join(kind for kind in KINDS if is_marker(Step(1, 0.0, kind))).encode()
)


def failures(index: Index, start: int = 0) -> Iterator[int | None]:
    """The numbers of all failures from `start` on.

    It yields None now and then, so that its caller can do other things.
    """
    for _, number in index.find_all(start, index.total, is_failure, _MARKER_LINE.search):
        yield number


def _move_to_cause(state: State, index: Index) -> State:
    """To the event that led to this one."""
    step = index.step(state.number)
    if step is None or step.cause is None:
        return replace(state, status="what led to this event is not recorded")
    number = state.number + step.cause - step.seq
    cause = index.step(number) if number >= 0 else None
    if cause is None or cause.seq != step.cause:
        return replace(state, status="the event that led to this one is not in this transcript")
    return _go_to(state, index, number)


def _move_to_effect(state: State, index: Index) -> State | Search:
    """To the first event that this one led to."""
    step = index.step(state.number)
    if step is None:
        return state
    line = re.compile(rb'"cause"\s*:\s*%d\b|\\u' % step.seq)
    return _search_effect(state, index, step.seq, line.search)


def _search_effect(state: State, index: Index, seq: int, line_filter: LineFilter) -> Search:
    yield from _until_counted(index)
    every = replace(state, call_filter=None)
    found = yield from _find(
        every, index, state.number + 1, index.total, lambda step: step.cause == seq, line_filter
    )
    if found is None:
        return replace(state, status="no event is recorded that this one led to")
    return _go_to(state, index, found)


def _go_to(state: State, index: Index, number: int) -> State:
    """Go to an event; if a filter hides it, show all events again."""
    if number not in visible_steps(state, index):
        status = f"event {number + 1} is of another call: all events are shown again"
        state = replace(state, call_filter=None, status=status)
    return replace(state, number=number, playing=False)


def _mentions(call: str) -> LineFilter:
    """A filter for the lines that may belong to a call."""
    name = json.dumps(call, ensure_ascii=False).encode(errors="surrogatepass")
    return lambda raw: name in raw or b"\\" in raw


def _search_step(
    state: State,
    index: Index,
    way: int,
    wanted: Callable[[Step], bool],
    line_filter: LineFilter,
    not_found: str,
) -> Search:
    yield from _until_counted(index)
    found = yield from _find(
        state, index, state.number + way, index.total if way > 0 else -1, wanted, line_filter
    )
    if found is None:
        return replace(state, status=not_found)
    return replace(state, number=found, playing=False)


def _find(
    state: State,
    index: Index,
    start: int,
    stop: int,
    wanted: Callable[[Step], bool],
    line_filter: LineFilter = bool,
) -> Generator[float, None, int | None]:
    """The first wanted step from `start` to before `stop`, among those that the player shows."""

    def is_wanted(step: Step) -> bool:
        return is_drawn(step, states=state.states) and wanted(step)

    if state.call_filter is None:
        return (yield from index.find(start, stop, is_wanted, line_filter))
    first, last = sorted((start, stop))
    numbers = state.call_filter.numbers
    if start <= stop:
        numbers = numbers[bisect_left(numbers, first) : bisect_left(numbers, last)]
    else:
        numbers = numbers[bisect_right(numbers, first) : bisect_right(numbers, last)][::-1]
    for count, number in enumerate(numbers):
        step = index.step(number)
        if step is not None and is_wanted(step):
            return number
        if count % STEPS_OF_A_SLICE == 0:
            yield count / len(numbers)
    return None


# --- searching for a text ---


def _search_input_key(state: State, text: str, key: str, data: str) -> State:
    """A key while the text to search for is typed."""
    match key:
        case "c-m" | "c-j":
            return replace(state, search_input=None, search=text or state.search)
        case "escape" | "c-c" | "c-g":
            return replace(state, search_input=None)
        case "c-h":
            return replace(state, search_input=text[:-1] if text else None)
        case "c-u":
            return replace(state, search_input="")
        case _ if len(key) == 1 or key == "<bracketed-paste>":
            return replace(state, search_input=text + data)
    return state


def _search_text(state: State, index: Index) -> Search:
    """The next step with the text in its plain line; after the last step, from the first on."""
    yield from _until_counted(index)
    text = state.search.casefold()

    def has_text(step: Step) -> bool:
        return text in plain_line(step).casefold()

    found = yield from _find(state, index, state.number + 1, index.total, has_text)
    if found is not None:
        return replace(state, number=found, playing=False)
    name = quoted(state.search)
    found = yield from _find(state, index, 0, state.number, has_text)
    if found is not None:
        status = f"no later event has {name}: back to the first that has it"
        return replace(state, number=found, playing=False, status=status)
    here = index.step(state.number)
    only = here is not None and has_text(here)
    return replace(state, status=f"{'no other' if only else 'no'} event has {name}")


# --- the other keys ---


def _toggle_playing(state: State, index: Index) -> State:
    """Play or pause; at the end, play it all again."""
    if at_end(state, index) and not state.following:
        steps = visible_steps(state, index)
        first = nearest_shown(state, index, 0, 1) if steps else 0
        return replace(state, playing=True, number=first)
    return replace(state, playing=not state.playing)


def _faster(state: State, _: Index) -> State:
    return replace(state, speed=min(max(MAX_SPEED, state.speed), state.speed * 2))


def _slower(state: State, _: Index) -> State:
    return replace(state, speed=max(min(MIN_SPEED, state.speed), state.speed / 2))


def _next_explanation(state: State, _: Index) -> State:
    place = EXPLANATIONS.index(state.explanation) + 1
    return replace(state, explanation=EXPLANATIONS[place % len(EXPLANATIONS)])


def _usual_speed(state: State, _: Index) -> State:
    speed, pace = state.usual
    return replace(state, speed=speed, pace=pace)


def _change_pace(way: int) -> Command:
    """More time for each event; less, if `way` is -1."""

    def change(state: State, index: Index) -> State:
        pace = pace_of(state, index)
        if way > 0:
            pace = next((longer for longer in PACES if longer > pace), pace)
        else:
            pace = next((shorter for shorter in reversed(PACES) if shorter < pace), pace)
        status = f"each event for at least {duration(pace)}" if pace else "at its own pace"
        return replace(state, pace=pace, status=status)

    return change


def _toggle_call_filter(state: State, index: Index) -> State | Search:
    """Show only the call of this step, or all calls again."""
    if state.call_filter is not None:
        return replace(state, call_filter=None)
    step = index.step(state.number)
    if step is None or step.call is None:
        return replace(state, status=NO_CALL)
    return select(state, index, Filters(frozenset({step.call})), visible(step.call))


def select(
    state: State, index: Index, filters: Filters, label: str, known: CallFilter | None = None
) -> Search:
    """Show only what the filters select, and what led to it; the step at hand or the next one.

    `known` is what they have selected of the steps before it was searched.
    """
    yield from _until_counted(index)
    names = [_mentions(call) for call in filters.calls]
    start = 0 if known is None else known.searched
    numbers = array("Q") if known is None else array("Q", known.numbers)
    causes = set[int]() if known is None else set(known.faint)
    for progress, number in index.find_all(
        start,
        index.total,
        lambda step: filters.shows(step) and is_drawn(step, states=state.states),
        (lambda raw: any(mentions(raw) for mentions in names)) if names else bool,
    ):
        if number is None:
            yield progress
            continue
        numbers.append(number)
        step = index.step(number)
        if filters.needs_causes and step is not None and step.cause is not None:
            causes.add(number + step.cause - step.seq)
    faint = frozenset(causes.difference(numbers, range(-index.total, 0)))
    if not numbers and not state.following:
        return replace(state, status=f"no event passes {filters}")
    numbers = array("Q", sorted({*numbers, *faint}))
    shown = CallFilter(label, numbers, faint, filters, index.total)
    if numbers:
        at = min(bisect_left(numbers, state.number), len(numbers) - 1)
        state = replace(state, number=numbers[at])
    return clamp(replace(state, call_filter=shown), index)


def select_new(state: State, index: Index) -> State:
    """The state when the transcript has grown: the filter selects among the new steps, too."""
    known = state.call_filter
    if known is None:
        return state
    search = select(state, index, known.filters, known.label, known)
    while True:
        try:
            next(search)
        except StopIteration as found:
            after: State = found.value
            return after


def _overlay_key(state: State, key: str) -> State:
    """A key while the keys or a payload are shown: it scrolls, or goes back to the timeline."""
    if key in {"escape", "q", *ENTER} or (key == "?" and state.overlay == "keys"):
        return replace(state, overlay="", scroll=0)
    return replace(state, scroll=max(0, state.scroll + SCROLLS.get(key, 0)))


# --- the tables ---


class Key(NamedTuple):
    """Some keys, how the help names them, and what they do."""

    names: tuple[str, ...]  # as prompt_toolkit has them
    label: str  # "": the help has them elsewhere
    help: str
    command: Command


# fmt: off
KEYS: Final = (
    Key((" ",), "space", "play or pause; at the end, play again", _toggle_playing),
    Key((".", "right", "j", "down"), ". →", "next event", _move_by(1)),
    Key((",", "left", "k", "up"), ", ←", "previous event", _move_by(-1)),
    Key(("n",), "n", "next event of the same call", _move_in_call(1)),
    Key(("N",), "N", "previous event of the same call", _move_in_call(-1)),
    Key(("]",), "]", "next mark or failure", _move_to_marker(1)),
    Key(("[",), "[", "previous mark or failure", _move_to_marker(-1)),
    Key(("0",), "0-9", "to 0-90 % of the events", _jump_to(0)),
    *(Key((str(tenths),), "", "", _jump_to(tenths)) for tenths in range(1, 10)),
    Key(("g", "home"), "g Home", "to the start", _jump_to(0)),
    Key(("G", "end"), "G End", "to the end", _jump_to(10)),
    Key(("pagedown",), "PageDn", f"{PAGE_EVENTS} events forward", _move_by(PAGE_EVENTS)),
    Key(("pageup",), "PageUp", f"{PAGE_EVENTS} events back", _move_by(-PAGE_EVENTS)),
    Key(("+",), "+", "twice as fast", _faster),
    Key(("-",), "-", "half as fast", _slower),
    Key((">",), ">", "more time for each event", _change_pace(1)),
    Key(("<",), "<", "less time for each event", _change_pace(-1)),
    Key(("=",), "=", "the speed and the times that it began with", _usual_speed),
    Key(("c",), "c", "only this call and where its answer went; or all again", _toggle_call_filter),
    Key(("/",), "/", "find a text; / and Enter: find it again",
        lambda state, _: replace(state, search_input="")),
    Key(ENTER, "Enter", "this event in full",
        lambda state, _: replace(state, overlay="payload", scroll=0)),
    Key(("b",), "b", "back to the event that led to this one", _move_to_cause),
    Key(("B",), "B", "on to the event that this one led to", _move_to_effect),
    Key(("e",), "e", "why; why with the Python and the Elixir; neither", _next_explanation),
    Key(("?",), "?", "show or hide these keys",
        lambda state, _: replace(state, overlay="keys", scroll=0)),
    Key(("q",), "q", "quit; also Ctrl-C, Ctrl-D",
        lambda state, _: replace(state, leaving=True)),
)

SCROLLS: Final[Mapping[str, int]] = {  # rows, as far as there are any
    "down": 1, "j": 1, ".": 1, "pagedown": SCROLL_ROWS, " ": SCROLL_ROWS,
    "up": -1, "k": -1, ",": -1, "pageup": -SCROLL_ROWS,
    "home": -(10**9), "g": -(10**9), "end": 10**9, "G": 10**9,
}
# fmt: on

COMMANDS: Final[Mapping[str, Command]] = {name: key.command for key in KEYS for name in key.names}
NAMED_KEYS: Final = tuple(  # those that type nothing
    {name for name in (*COMMANDS, *SCROLLS) if len(name) > 1}
    | {"c-c", "c-d", "c-g", "c-h", "c-u", "escape", "<sigint>", "<bracketed-paste>"}
)
