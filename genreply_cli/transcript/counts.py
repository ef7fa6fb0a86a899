"""How many calls a transcript has, and how many of them were answered, timed out or failed."""

from collections import Counter
from dataclasses import dataclass, field
from typing import Final, Self

from genreply_cli.transcript.step import ENDED, KINDS, Step

_COUNTERS: Final = {  # outcome -> the field of the `end` step that counts it
    outcome: facts.counter
    for facts in KINDS.values()
    for outcome in (facts.outcome, facts.misdirected)
    if outcome is not None and facts.counter is not None
}
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
        """The counts as an `end` step has them: calls, replied, timed_out, failed, dropped."""
        counts = {"calls": self.calls, **dict.fromkeys(_COUNTERS.values(), 0)}
        for outcome, count in self.outcomes.items():
            if outcome in _COUNTERS:
                counts[_COUNTERS[outcome]] += count
        return counts

    def copy(self) -> Self:
        """A copy that is updated on its own."""
        return type(self)(self.calls, self.outcomes.copy())
