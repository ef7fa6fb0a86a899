"""What each key of the player does: from one state to the next, without a screen and without a clock.

    state, hunt = press(State(), index, ".")

Where something must be looked for, there is a hunt for the state after that one. It is a generator: it yields how far it has
come, and returns that state. It can be dropped at any time.
"""

import json
import re
from array import array
from bisect import bisect_right
from collections.abc import Callable, Generator, Mapping
from dataclasses import replace
from typing import Final, NamedTuple

from genreply_cli.player.state import Only, State, at_end, clamp, visible_steps
from genreply_cli.text import quoted, visible
from genreply_cli.timeline.kinds import style_of
from genreply_cli.timeline.lines import plain_line
from genreply_cli.transcript.index import Index
from genreply_cli.transcript.step import KINDS, Step

SLOWEST: Final = 1 / 16
FASTEST: Final = 64.0
PAGE: Final = 20  # events


Search = Generator[float, None, State]
Command = Callable[[State, Index], State | Search]


def press(state: State, index: Index, key: str, data: str = "") -> tuple[State, Search | None]:
    """What a key makes of a state. `key` is its name as prompt_toolkit has it, `data` what it types."""
    state = clamp(replace(state, status=""), index)
    if key in {"c-d", "<sigint>"} or (key == "c-c" and state.search_input is None):
        return replace(state, leaving=True), None
    if state.search_input is not None:
        state = _type(state, state.search_input, key, data)
        return state, _find(state, index) if key in {"c-m", "c-j"} and state.search else None
    if state.overlay:
        return _turn(state, key), None
    command = COMMANDS.get(key)
    after = state if command is None else command(state, index)
    return (after, None) if isinstance(after, State) else (state, after)


# --- moving ------------------------------------------------------------------------------------------------------------------


def _by(count: int) -> Command:
    """So many steps on, or back."""

    def move(state: State, index: Index) -> State:
        steps = visible_steps(state, index)
        if not steps:
            return state
        place = bisect_right(steps, state.number) - 1 + count
        return replace(state, number=steps[min(max(0, place), len(steps) - 1)], playing=False)

    return move


def _to(tenths: int) -> Command:
    """To so many tenths of all steps."""

    def jump(state: State, index: Index) -> Search:
        yield from _counted(index)
        steps = visible_steps(state, index)
        if not steps:
            return state
        return replace(state, number=steps[min(len(steps) * tenths // 10, len(steps) - 1)])

    return jump


def _counted(index: Index) -> Generator[float, None, None]:
    """Until it is known how many steps there are."""
    while not index.counted:
        next(index.scan(), None)
        yield index.progress


def _same_call(way: int) -> Command:
    def find(state: State, index: Index) -> State | Search:
        step = index.step(state.number)
        if step is None or step.call is None:
            return replace(state, status="this event belongs to no call")
        call = step.call
        none = f"there is no {'later' if way > 0 else 'earlier'} event of {visible(call)}"
        return _hunt(state, index, way, lambda step: step.call == call, _mentions(call), none)

    return find


def _marker(way: int) -> Command:
    def find(state: State, index: Index) -> Search:
        none = f"there is no {'later' if way > 0 else 'earlier'} mark or failure"
        return _hunt(state, index, way, is_marker, _MARKED.search, none)

    return find


def is_marker(step: Step) -> bool:
    """Whether a step is worth a stop: a mark, or a failure."""
    return step.kind == "mark" or "red" in style_of(step).colour


_MARKED: Final = re.compile(  # an escape may hide anything
    rb'"kind"\s*:\s*"(?:%s)"|"for"|\\u'
    % "|".join(kind for kind in KINDS if is_marker(Step(1, 0.0, kind))).encode()
)


def _mentions(call: str) -> Callable[[bytes], bool]:
    """Whether a line may belong to a call."""
    name = json.dumps(call, ensure_ascii=False).encode(errors="surrogatepass")
    return lambda raw: name in raw or b"\\" in raw


def _hunt(
    state: State,
    index: Index,
    way: int,
    wanted: Callable[[Step], bool],
    likely: Callable[[bytes], object],
    none: str,
) -> Search:
    yield from _counted(index)
    call = None if state.call_filter is None else state.call_filter.call
    stop = index.total if way > 0 else -1
    found = yield from index.find(
        state.number + way, stop, lambda step: wanted(step) and call in {None, step.call}, likely
    )
    return (
        replace(state, status=none)
        if found is None
        else replace(state, number=found, playing=False)
    )


# --- finding -----------------------------------------------------------------------------------------------------------------


def _type(state: State, text: str, key: str, data: str) -> State:
    """A key while it is typed what to look for."""
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


def _find(state: State, index: Index) -> Search:
    """The next step with the text in its line, as it is printed; after the last one, from the first on."""
    yield from _counted(index)
    needle, call = (
        state.search.casefold(),
        None if state.call_filter is None else state.call_filter.call,
    )

    def has_it(step: Step) -> bool:
        return call in {None, step.call} and needle in plain_line(step).casefold()

    found = yield from index.find(state.number + 1, index.total, has_it)
    said = ""
    if found is None:
        found = yield from index.find(0, state.number, has_it)
        said = f"{quoted(state.search)} again from the start"
    if found is None:
        here = index.step(state.number)
        only = here is not None and has_it(here)
        return replace(
            state, status=f"{quoted(state.search)} is {'only here' if only else 'nowhere here'}"
        )
    return replace(state, number=found, playing=False, status=said)


# --- the rest ----------------------------------------------------------------------------------------------------------------


def _play(state: State, index: Index) -> State:
    """Play or pause; at the end, play it all again."""
    if at_end(state, index):
        steps = visible_steps(state, index)
        return replace(state, playing=True, number=steps[0] if steps else 0)
    return replace(state, playing=not state.playing)


def _only(state: State, index: Index) -> State | Search:
    """Only this call, or all again."""
    if state.call_filter is not None:
        return replace(state, call_filter=None)
    step = index.step(state.number)
    if step is None or step.call is None:
        return replace(state, status="this event belongs to no call")
    return _gather(state, index, step.call)


def _gather(state: State, index: Index, call: str) -> Search:
    yield from _counted(index)
    numbers = array("Q")
    for far, number in index.find_all(
        0, index.total, lambda step: step.call == call, _mentions(call)
    ):
        if number is None:
            yield far
        else:
            numbers.append(number)
    return clamp(replace(state, call_filter=Only(call, numbers)), index)


def _turn(state: State, key: str) -> State:
    """A key while something is shown over the timeline: it is turned over, or goes away."""
    if key in {"escape", "q", "c-m", "c-j"} or (key == "?" and state.overlay == "keys"):
        return replace(state, overlay="", scroll=0)
    return replace(state, scroll=max(0, state.scroll + SCROLLS.get(key, 0)))


SCROLLS: Final[Mapping[str, int]] = {
    "down": 1, "j": 1, ".": 1, "up": -1, "k": -1, ",": -1, "pagedown": PAGE // 2, " ": PAGE // 2, "pageup": -PAGE // 2,
    "home": -(10**9), "g": -(10**9), "end": 10**9, "G": 10**9,
}  # fmt: skip


# --- the table ---------------------------------------------------------------------------------------------------------------


class Key(NamedTuple):
    """Some keys, how they are written, and what they do."""

    names: tuple[str, ...]  # as prompt_toolkit has them
    written: str
    does: str
    command: Command


KEYS: Final = (
    Key((" ",), "space", "play, pause; at the end: once more", _play),
    Key((".", "right", "j", "down"), ". →", "one event on", _by(1)),
    Key((",", "left", "k", "up"), ", ←", "one event back", _by(-1)),
    Key(("n",), "n", "next event of the same call", _same_call(1)),
    Key(("N",), "N", "previous event of the same call", _same_call(-1)),
    Key(("]",), "]", "next mark or failure", _marker(1)),
    Key(("[",), "[", "previous mark or failure", _marker(-1)),
    *(
        Key((str(tenths),), "0-9" if tenths == 0 else "", "to 0-90 % of the events", _to(tenths))
        for tenths in range(10)
    ),
    Key(("g", "home"), "g Home", "to the start", _to(0)),
    Key(("G", "end"), "G End", "to the end", _to(10)),
    Key(("pagedown",), "PageDn", f"{PAGE} events on", _by(PAGE)),
    Key(("pageup",), "PageUp", f"{PAGE} events back", _by(-PAGE)),
    Key(
        ("+",),
        "+",
        "twice as fast",
        lambda state, _: replace(state, speed=min(max(FASTEST, state.speed), state.speed * 2)),
    ),
    Key(
        ("-",),
        "-",
        "half as fast",
        lambda state, _: replace(state, speed=max(min(SLOWEST, state.speed), state.speed / 2)),
    ),
    Key(("=",), "=", "as fast as it was", lambda state, _: replace(state, speed=1.0)),
    Key(("c",), "c", "only this call; again: all", _only),
    Key(
        ("/",),
        "/",
        "find; / and Enter again: the next one",
        lambda state, _: replace(state, search_input=""),
    ),
    Key(
        ("c-m", "c-j"),
        "Enter",
        "the whole payload",
        lambda state, _: replace(state, overlay="payload", scroll=0),
    ),
    Key(
        ("e",),
        "e",
        "why: what it means, and what comes next",
        lambda state, _: replace(state, show_meaning=not state.show_meaning),
    ),
    Key(("?",), "?", "these keys", lambda state, _: replace(state, overlay="keys", scroll=0)),
    Key(
        ("q",), "q", "leave, as Ctrl-C and Ctrl-D do", lambda state, _: replace(state, leaving=True)
    ),
)

COMMANDS: Final[Mapping[str, Command]] = {name: key.command for key in KEYS for name in key.names}
SPECIAL: Final = tuple(
    {name for name in (*COMMANDS, *SCROLLS) if len(name) > 1}
    | {"c-c", "c-d", "c-g", "c-h", "c-u", "escape", "<sigint>", "<bracketed-paste>"}
)  # keys that type nothing
