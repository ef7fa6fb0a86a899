"""Where the player is."""

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal, NamedTuple

from genreply_cli.transcript.index import Index


class Only(NamedTuple):
    """One call, and which steps belong to it."""

    call: str
    numbers: Sequence[int]


@dataclass(frozen=True, slots=True)
class State:
    """Where the player is, and how it goes on. It changes by keys and by the clock, and only so."""

    number: int = 0  # of the step that is looked at
    playing: bool = True
    speed: float = 1.0
    idle_limit: float | None = None  # recorded seconds; longer waits are cut short
    exit_at_end: bool = False
    call_filter: Only | None = None
    search: str = ""  # what was looked for last
    search_input: str | None = None  # what is being typed, to be looked for
    overlay: Literal["", "keys", "payload"] = ""  # over the timeline
    scroll: int = 0  # in what is shown over it
    show_meaning: bool = True  # whether it is told what a step means
    status: str = ""  # in answer to the last key
    leaving: bool = False


def clamp(state: State, index: Index) -> State:
    """The same state where a bad line has been found meanwhile, and there is less than was thought."""
    only = state.call_filter
    if only is not None and only.numbers and only.numbers[-1] >= index.total:
        only = Only(only.call, only.numbers[: bisect_left(only.numbers, index.total)])
        state = replace(state, call_filter=only if only.numbers else None)
    return replace(state, number=max(0, index.total - 1)) if state.number >= index.total else state


def visible_steps(state: State, index: Index) -> Sequence[int]:
    """The numbers of the steps that are gone along: all, or those of one call."""
    return range(index.total) if state.call_filter is None else state.call_filter.numbers


def at_end(state: State, index: Index) -> bool:
    """Whether there is nothing more to come."""
    steps = visible_steps(state, index)
    return index.counted and (not steps or state.number >= steps[-1])
