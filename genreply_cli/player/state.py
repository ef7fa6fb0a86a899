"""Where the player is in a transcript."""

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final, Literal, NamedTuple

from genreply_cli.timeline.kinds import is_drawn
from genreply_cli.transcript.filters import Filters
from genreply_cli.transcript.index import Index

NO_FILTERS: Final = Filters()
DEFAULT_PACE: Final = 0.7  # seconds for an event of a short recording
MAX_SHORT: Final = 100  # events; with more, the default is the pace of the recording
MAX_PASSED: Final = 1000  # steps that are not shown, and that one key passes by


Explanation = Literal["why", "code", "none"]  # "code": why, with the Python and the Elixir
EXPLANATIONS: Final[tuple[Explanation, ...]] = ("why", "code", "none")


class CallFilter(NamedTuple):
    """A call, or the flags of a filter, and the numbers of the steps that are shown, in order."""

    label: str
    numbers: Sequence[int]
    faint: frozenset[int] = frozenset()  # those that are there only as causes of others
    filters: Filters = NO_FILTERS
    searched: int = 0  # how many steps of the transcript have been searched


@dataclass(frozen=True, slots=True)
class State:
    """Where the player is, and how it goes on. Only keys and the clock lead to another state."""

    number: int = 0  # of the current step, from 0
    playing: bool = True
    speed: float = 1.0
    pace: float | None = None  # least seconds for an event, at speed 1; None: the default
    usual: tuple[float, float | None] = (1.0, None)  # the speed and the pace it began with
    idle_limit: float | None = None  # recorded seconds; longer waits are cut short
    exit_at_end: bool = False
    call_filter: CallFilter | None = None  # show only these steps
    search: str = ""  # the text that was searched for last
    search_input: str | None = (
        None  # the text as far as it is typed; None: no search is being typed
    )
    overlay: Literal["", "keys", "payload"] = ""  # shown instead of the timeline
    scroll: int = 0  # rows of the overlay that are above the screen
    explanation: Explanation = "why"  # of the current step
    status: str = ""  # the answer to the last key
    leaving: bool = False
    states: bool = False  # all states of servers are events of their own
    following: bool = False  # the transcript is being written: at its end, more may come
    filters: Filters = NO_FILTERS  # of the command line: found and applied when playing begins


def clamp(state: State, index: Index) -> State:
    """Move the state back inside the transcript after an invalid line has shortened it."""
    call_filter = state.call_filter
    if call_filter is not None and call_filter.numbers and call_filter.numbers[-1] >= index.total:
        numbers = call_filter.numbers[: bisect_left(call_filter.numbers, index.total)]
        call_filter = call_filter._replace(numbers=numbers) if numbers else None
        state = replace(state, call_filter=call_filter)
    return replace(state, number=max(0, index.total - 1)) if state.number >= index.total else state


def visible_steps(state: State, index: Index) -> Sequence[int]:
    """The numbers of the steps that the player goes through: all, or those of a filter."""
    return range(index.total) if state.call_filter is None else state.call_filter.numbers


def place(state: State, index: Index) -> tuple[int, int]:
    """Which of how many steps the current one is, from 1; with a filter, among those it shows."""
    if state.call_filter is None:
        return state.number + 1, index.total
    numbers = state.call_filter.numbers
    return bisect_right(numbers, state.number), len(numbers)


def is_shown(state: State, index: Index, number: int) -> bool:
    """Whether the player stops at this step. It passes by states that have forgotten no caller."""
    step = index.step(number)
    return step is None or number == index.total - 1 or is_drawn(step, states=state.states)


def nearest_shown(state: State, index: Index, place: int, way: int) -> int:
    """The number of the visible step at this place or, if it is not shown, of a shown one near by.

    Those in the direction `way` (1 or -1) come first.
    """
    steps = visible_steps(state, index)
    for step_way in (way, -way):
        stop = len(steps) if step_way > 0 else -1
        for near in range(place, stop, step_way)[:MAX_PASSED]:
            if is_shown(state, index, steps[near]):
                return steps[near]
    return steps[place]


def pace_of(state: State, index: Index) -> float:
    """The least time for an event at speed 1, in seconds; 0 plays at the recording's own pace."""
    if state.pace is not None:
        return state.pace
    return DEFAULT_PACE if index.counted and index.total <= MAX_SHORT else 0.0


def at_end(state: State, index: Index) -> bool:
    """Whether the current step is the last one that there will be."""
    steps = visible_steps(state, index)
    return index.counted and (not steps or state.number >= steps[-1])


def to_newest(state: State, index: Index) -> State:
    """The state at the last step that is shown."""
    steps = visible_steps(state, index)
    if not steps:
        return state
    return replace(state, number=nearest_shown(state, index, len(steps) - 1, -1))


def is_newest(state: State, index: Index) -> bool:
    """Whether no step that is shown comes after the current one."""
    return to_newest(state, index).number <= state.number
