"""What `genreply send` says on stderr of its calls: why some have failed, and a summary of many.

A few failures are told at once. Many are told in one sentence, at the end.
"""

from array import array
from collections import Counter
from typing import Final

from genreply_cli.errors import complain
from genreply_cli.session.outcome import TIMED_OUT, Outcome
from genreply_cli.session.settings import Settings
from genreply_cli.text import FirstFew

MAX_AT_ONCE: Final = 3  # failures that are known at the same time, and are told at once
MAX_SENTENCES: Final = 10  # about failures, before the end
FEW_CALLS: Final = 10  # they get no summary


class Report:
    """Follows the outcomes of a batch; `hint` says where to look at the calls."""

    def __init__(self, settings: Settings, hint: str) -> None:
        self._settings = settings
        self._hint = hint
        self._sentences = 0
        self._untold: dict[str, tuple[FirstFew, Outcome]] = {}  # by what is said of many
        self._counts: Counter[str] = Counter()
        self._waits: array[float] = array("d")  # seconds

    @property
    def is_worth_a_summary(self) -> bool:
        """Whether there were many calls."""
        return len(self._waits) > FEW_CALLS

    def count(self, outcomes: list[Outcome]) -> None:
        """Count outcomes that are known now."""
        self._counts.update([outcome.status for outcome in outcomes])
        self._waits.extend([outcome.blocked for outcome in outcomes])

    def complain(self, failed: list[Outcome]) -> None:
        """Tell why these calls have failed: at once, or by `complain_of_the_rest`."""
        for outcome in failed:
            many = outcome.error_texts(self._settings.timeout)[1]
            names, _ = self._untold.setdefault(many, (FirstFew(), outcome))
            names.add(outcome.call)
        if len(failed) <= MAX_AT_ONCE and self._sentences < MAX_SENTENCES:
            self.complain_of_the_rest()

    def complain_of_the_rest(self) -> None:
        """Tell of all failures that have not been told: in one sentence, if the reason is one."""
        for many, (names, first) in self._untold.items():
            problem = first.error_texts(self._settings.timeout)[0] if names.count == 1 else many
            complain(f"{names} {problem}", first.exit_status, self._what_to_type(first))
            self._sentences += 1
        self._untold.clear()

    def _what_to_type(self, outcome: Outcome) -> str:
        """What to type next after a call that has failed."""
        slow, timeout = self._settings.delay[1], self._settings.timeout
        if outcome.status != TIMED_OUT or timeout is None or slow < timeout:
            return self._hint
        longer = next(
            (seconds for seconds in (1, 5, 10, 60, 600, 3600) if seconds > 2 * slow), "infinity"
        )
        return ", or ".join(filter(None, [f"try --timeout {longer}", self._hint]))

    def summary(self) -> str:
        """How many calls there were, what became of them, and how long they have waited."""
        from genreply_cli.analysis.stats import quantiles
        from genreply_cli.transcript.pretty import duration

        counts = [f"{status} {count:,}" for status, count in self._counts.items()]
        waits = quantiles(self._waits)
        times = f"median wait {duration(waits['median'])}, p95 {duration(waits['p95'])}"
        return f"summary: {', '.join([f'calls {len(self._waits):,}', *counts])}; {times}"
