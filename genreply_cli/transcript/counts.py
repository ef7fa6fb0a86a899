"""How many calls a transcript has, and how many of them were answered, timed out or failed."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Self

from genreply_cli.transcript.step import ENDED, KINDS, Step

_COUNTERS: Final = {  # outcome -> the field of the `end` step that counts it
    outcome: counter
    for facts in KINDS.values()
    for outcome, counter in (
        (facts.outcome, facts.counter),
        (facts.misdirected, facts.misdirected_counter),
        (facts.raised, facts.raised_counter),
    )
    if outcome is not None and counter is not None
}
RARE: Final = {"wrong_caller": "replied", "errors": "replied", "cancelled": "failed"}
"""Fields of an `end` that are there only if they are not 0. Earlier versions of genreply counted
these calls in the other field."""
COUNTED: Final = ("calls", *dict.fromkeys(_COUNTERS.values()))  # the fields, in their order

_HAS_OUTCOME: Final = frozenset(kind for kind, facts in KINDS.items() if facts.outcome is not None)


@dataclass
class Counts:
    """A fold over steps. `outcomes` counts by the names in `ENDED` and `DROPPED`."""

    calls: int = 0
    outcomes: Counter[str] = field(default_factory=Counter)

    def update(self, step: Step) -> None:
        """Count a step."""
        if step.kind == "call":
            self.calls += 1
        elif step.kind in _HAS_OUTCOME and (outcome := step.outcome) is not None:
            self.outcomes[outcome] += 1

    @property
    def still_open(self) -> int:
        """Calls whose end has not been seen."""
        return max(0, self.calls - sum(self.outcomes[outcome] for outcome in ENDED))

    def at_end(self) -> dict[str, int]:
        """The counts as an `end` step has them: calls, replied, timed_out, failed, dropped.

        There are also `wrong_caller`, `errors` and `cancelled`, if there were such calls.
        """
        counts = self._by_field()
        return {name: count for name, count in counts.items() if count or name not in RARE}

    def expected_at_end(self, details: Mapping[str, Any]) -> dict[str, int]:
        """All counts that an `end` with these details should have, also one of an earlier version.

        An `end` without one of the rare counts has those calls in the other one.
        """
        counts = self._by_field()
        for rare, common in RARE.items():
            if rare not in details:
                counts[common] += counts.pop(rare)
        return counts

    def _by_field(self) -> dict[str, int]:
        counts = dict.fromkeys(COUNTED, 0)
        counts["calls"] = self.calls
        for outcome, count in self.outcomes.items():
            if outcome in _COUNTERS:
                counts[_COUNTERS[outcome]] += count
        return counts

    def copy(self) -> Self:
        """A copy that is updated on its own."""
        return type(self)(self.calls, self.outcomes.copy())


def with_earlier_counts(step: Step) -> dict[str, Any]:
    """The details of a step; an `end` has the counts that earlier versions of genreply wrote."""
    details = dict(step.details)
    if step.kind == "end":
        for rare, common in RARE.items():
            if rare in details:
                details[common] = details.get(common, 0) + details.pop(rare)
    return details
