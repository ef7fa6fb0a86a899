"""What differs between two transcripts, call by call, in words.

Calls are aligned by their names, c1 with c1, not by time: what happened meanwhile to others makes no difference. What belongs to
no call (starts, marks, the end) is compared as if it were one.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from difflib import SequenceMatcher
from typing import Any, Final

from genreply_cli.timeline.kinds import endpoints
from genreply_cli.transcript.format import Header
from genreply_cli.transcript.pretty import pretty, pretty_message, pretty_name
from genreply_cli.transcript.step import KINDS, NO_MESSAGE, Step

TIMES: Final = frozenset({"blocked", "ago", "went_at"})  # details that are times
MAX_ALIGNED_LINES: Final = 2000  # lines of a call; more are compared one by one, and not aligned


@dataclass
class CallSummary:
    """A transcript, in words, call by call. Call `see` with each step.

    `times` tells when, too. `loose` leaves out what hangs on microseconds where calls overlap on a real clock: who else was
    waiting, and in which order the events of a call came.
    """

    header: Header
    times: bool = False
    ignore_order: bool = False
    calls: dict[str | None, list[str]] = field(default_factory=dict)
    outcomes: dict[str | None, str] = field(default_factory=dict)

    def update(self, step: Step) -> None:
        """One more step."""
        self.calls.setdefault(step.call, []).append(in_words(step, self.ignored))
        outcome = step.outcome
        if step.kind == "call":
            self.outcomes[step.call] = "still open"
        elif (
            outcome is not None and step.ends_call and self.outcomes.get(step.call) == "still open"
        ):
            self.outcomes[step.call] = (
                "answered with the answer for another" if outcome == "wrong caller" else outcome
            )

    @property
    def ignored(self) -> frozenset[str]:
        """The details that are not told."""
        return frozenset() if self.times else TIMES | {"waiting"} if self.ignore_order else TIMES

    def update_all(self, steps: Iterable[Step]) -> "CallSummary":
        """All of them. Returns the story."""
        for step in steps:
            self.update(step)
        return self

    def settings(self) -> dict[str, Any]:
        """What it was run with."""
        settings = {**self.header.settings, "seed": self.header.seed}
        return settings | {"clock": self.header.clock} if self.times else settings

    def count(self) -> int:
        """How many calls there are."""
        return len(self.calls) - (None in self.calls)


def in_words(step: Step, left_out: frozenset[str]) -> str:
    """A step in words: all that it says, but for its number, its cause, and some details; if those are times, its time, too."""
    place = " -> ".join(pretty_name(end) for end in endpoints(step) if end is not None)
    facts = KINDS.get(step.kind)
    answer = facts is not None and facts.outcome is not None
    message = (
        (pretty(step.message) if answer else pretty_message(step.message))
        if step.message is not NO_MESSAGE
        else ""
    )
    details = ", ".join(
        f"{pretty_name(name)} {pretty(value)}"
        for name, value in step.details.items()
        if name not in left_out
    )
    told = " ".join(filter(None, [message, f"({details})" if details and message else details]))
    head = " ".join(
        filter(None, ["" if left_out else f"{step.t:.6f}", pretty_name(step.kind), place])
    )
    return f"{head}: {told}" if told else head


def differences(here: CallSummary, there: CallSummary) -> Iterator[str]:
    """What differs, in lines: `-` is only here, `+` only there. Nothing if they are equal."""
    mine, theirs = here.settings(), there.settings()
    for name in {**mine, **theirs}:
        if mine.get(name) != theirs.get(name):
            yield f"setting {pretty_name(name)}: {pretty(mine.get(name))} here, {pretty(theirs.get(name))} there"
    for call in [*here.calls, *(call for call in there.calls if call not in here.calls)]:
        ours, others = here.calls.get(call, []), there.calls.get(call, [])
        if ours != others and not (here.ignore_order and sorted(ours) == sorted(others)):
            yield f"{'what belongs to no call' if call is None else pretty_name(call)}{_outcome(here, there, call)}"
            yield from _changes(ours, others)


def _outcome(here: CallSummary, there: CallSummary, call: str | None) -> str:
    if call is None:
        return ""
    if call not in there.calls:
        return f": only here, {here.outcomes.get(call, 'not asked')}"
    if call not in here.calls:
        return f": only there, {there.outcomes.get(call, 'not asked')}"
    mine, theirs = (story.outcomes.get(call, "not asked") for story in (here, there))
    return f": {mine} here, {theirs} there" if mine != theirs else f": {mine}, but otherwise"


def _changes(here: list[str], there: list[str]) -> Iterator[str]:
    if max(len(here), len(there)) > MAX_ALIGNED_LINES:  # aligning them would take too long
        for number in range(max(len(here), len(there))):
            mine, theirs = here[number : number + 1], there[number : number + 1]
            if mine != theirs:
                yield from (f"  - {line}" for line in mine)
                yield from (f"  + {line}" for line in theirs)
        return
    for _, start, stop, other_start, other_stop in SequenceMatcher(
        None, here, there, autojunk=False
    ).get_opcodes():
        if here[start:stop] != there[other_start:other_stop]:
            yield from (f"  - {line}" for line in here[start:stop])
            yield from (f"  + {line}" for line in there[other_start:other_stop])
