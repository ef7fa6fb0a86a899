"""The differences between two transcripts, call by call, in words.

Calls are aligned by name, c1 with c1, not by time: what other calls did meanwhile makes no
difference. Steps that belong to no call (starts, marks, the end) are compared as if they were one.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from difflib import SequenceMatcher
from typing import Any, Final

from genreply_cli.timeline.kinds import endpoints
from genreply_cli.transcript.counts import with_earlier_counts
from genreply_cli.transcript.format import Header
from genreply_cli.transcript.pretty import pretty, pretty_message, pretty_name, pretty_state
from genreply_cli.transcript.step import KINDS, NO_MESSAGE, Step

TIMES: Final = frozenset({"blocked", "ago", "went_at"})  # details that are times
_STATE: Final = re.compile(r"(\d+\.\d{6} )?state ")  # the line of a `state` step
MAX_ALIGNED_LINES: Final = 2000  # of a call; longer ones are compared line by line
_ANSWERED: Final = {
    "wrong caller": "answered with the answer for another",
    "error": "answered with an error",
}


@dataclass
class CallSummary:
    """A fold over steps: each step in words, by call.

    `times` includes times. `ignore_order` leaves out what depends on microseconds where calls
    overlap on a real clock: how many calls waited, what servers kept, and the order of the steps of
    a call. States are compared only if both transcripts have them.
    """

    header: Header
    times: bool = False
    ignore_order: bool = False
    states: bool = False  # it has the states of servers
    calls: dict[str | None, list[str]] = field(default_factory=dict)
    outcomes: dict[str | None, str] = field(default_factory=dict)

    def update(self, step: Step) -> None:
        """Add a step."""
        if step.kind == "state":
            if self.ignore_order:
                return
            self.states = True
        self.calls.setdefault(step.call, []).append(_describe(step, self.ignored))
        outcome = step.outcome
        if step.kind == "call":
            self.outcomes[step.call] = "still open"
        elif outcome and step.ends_call and self.outcomes.get(step.call) == "still open":
            self.outcomes[step.call] = _ANSWERED.get(outcome, outcome)

    def update_all(self, steps: Iterable[Step]) -> "CallSummary":
        """Add all these steps. Returns self."""
        for step in steps:
            self.update(step)
        return self

    @property
    def ignored(self) -> frozenset[str]:
        """The details that are left out."""
        if self.times:
            return frozenset()
        return TIMES | {"waiting"} if self.ignore_order else TIMES

    def settings(self) -> dict[str, Any]:
        """The settings of the recording."""
        settings = {**self.header.settings, "seed": self.header.seed}
        return settings | {"clock": self.header.clock} if self.times else settings

    def count(self) -> int:
        """The number of calls."""
        return len(self.calls) - (None in self.calls)


def _describe(step: Step, ignored: frozenset[str]) -> str:
    """A step in words, without its number, its cause and the ignored details.

    Its time is there if no details are ignored.
    """
    place = " -> ".join(pretty_name(end) for end in endpoints(step) if end is not None)
    facts = KINDS.get(step.kind)
    is_answer = facts is not None and facts.outcome is not None
    message = ""
    if step.message is not NO_MESSAGE:
        message = pretty(step.message) if is_answer else pretty_message(step.message)
    if step.kind == "state":
        message = pretty_state(step.details.get("state"))
        ignored = ignored | {"state", "keeps", "more"}  # the text says what is kept
    elif step.kind == "noreply":
        ignored = ignored | {"in_vain"}  # it follows from the states
    details = ", ".join(
        f"{pretty_name(name)} {step.waiting if name == 'waiting' else pretty(value)}"
        for name, value in with_earlier_counts(step).items()
        if name not in ignored
    )
    time = "" if ignored else f"{step.t:.6f}"
    head = " ".join(filter(None, [time, pretty_name(step.kind), place]))
    text = " ".join(filter(None, [message, f"({details})" if details and message else details]))
    return f"{head}: {text}" if text else head


def differences(here: CallSummary, there: CallSummary) -> Iterator[str]:
    """The differences in lines: `-` is only here, `+` only there. Equal transcripts yield none."""
    mine, theirs = here.settings(), there.settings()
    for name in {**mine, **theirs}:
        one, other = mine.get(name), theirs.get(name)
        if one != other:
            yield f"setting {pretty_name(name)}: {pretty(one)} here, {pretty(other)} there"
    with_states = here.states and there.states
    for call in [*here.calls, *(call for call in there.calls if call not in here.calls)]:
        ours, others = (
            [line for line in summary.calls.get(call, []) if with_states or not _STATE.match(line)]
            for summary in (here, there)
        )
        if ours != others and not (here.ignore_order and sorted(ours) == sorted(others)):
            title = "what belongs to no call" if call is None else pretty_name(call)
            yield f"{title}{_outcome(here, there, call)}"
            yield from _changes(ours, others)


def _outcome(here: CallSummary, there: CallSummary, call: str | None) -> str:
    if call is None:
        return ""
    if call not in there.calls:
        return f": only here, {here.outcomes.get(call, 'not asked')}"
    if call not in here.calls:
        return f": only there, {there.outcomes.get(call, 'not asked')}"
    mine, theirs = (summary.outcomes.get(call, "not asked") for summary in (here, there))
    return f": {mine} here, {theirs} there" if mine != theirs else f": {mine}, but otherwise"


def _changes(here: list[str], there: list[str]) -> Iterator[str]:
    longest = max(len(here), len(there))
    if longest > MAX_ALIGNED_LINES:  # aligning them would take too long
        pairs = [(slice(line, line + 1), slice(line, line + 1)) for line in range(longest)]
    else:
        matcher = SequenceMatcher(None, here, there, autojunk=False)
        pairs = [(slice(i, j), slice(k, m)) for _, i, j, k, m in matcher.get_opcodes()]
    for mine, theirs in pairs:
        if here[mine] != there[theirs]:
            yield from (f"  - {line}" for line in here[mine])
            yield from (f"  + {line}" for line in there[theirs])
