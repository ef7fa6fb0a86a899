"""A row for each coordinator and fault: what became of the calls, and a verdict in words."""

from collections.abc import Callable, Iterator
from dataclasses import asdict
from typing import Any, Final, NamedTuple

from genreply_cli.compare.trial import FAULTS, Counts, run_trial, settings_for
from genreply_cli.session.parsing import COORDINATORS

MAX_CALLERS: Final = 200
MAX_RUNS: Final = 10_000


# the worse a design does, the further down
GOOD: Final = (
    "good"  # who gets no answer could not get one: it was lost, late, or the server crashed
)
POOR: Final = "poor"  # callers go without answers that were to be had, and know it
BAD: Final = "bad"  # callers get what is not their answer, and do not know it


class Plan(NamedTuple):
    """How much is run: each coordinator, under each fault, in so many trials."""

    callers: int = 5
    runs: int = 10
    seed: int = 0

    @property
    def trials(self) -> int:
        """How many trials that are in all."""
        return len(COORDINATORS) * len(FAULTS) * self.runs


class Verdict(NamedTuple):
    """What a row comes to: a sentence, a short form, and whether all is as well as it can be."""

    sentence: str
    short: str
    mark: str  # GOOD, POOR or BAD


class Row(NamedTuple):
    """One coordinator under one fault."""

    coordinator: str
    fault: str
    callers: int
    counts: Counts

    @property
    def verdict(self) -> Verdict:
        """What these numbers come to."""
        counts = self.counts
        is_alone = counts.at_once == 1 and self.callers > 1
        if counts.only_ok:
            return Verdict("no caller gets its answer: each is told ok at once", "ok too soon", BAD)
        if counts.wrong:
            also = ", and some get none" if counts.timed_out else ""
            return Verdict(f"callers get each other's answers{also}", "wrong answers", BAD)
        if not counts.timed_out + counts.told:
            one = ", one caller at a time" if is_alone else ""
            return Verdict(f"every caller gets its own answer{one}", "right", GOOD)
        if not counts.timed_out:
            sentence = "who waits is told of the crash at once; all others are right"
            return Verdict(sentence, "told at once", GOOD)
        if is_alone and counts.strikes and not counts.right_after:
            sentence = "the first fault makes it deaf: all calls after that time out"
            return Verdict(sentence, "deaf", POOR)
        if not counts.untouched:
            which = {"drop": "lost", "late": "late"}.get(self.fault, "held back")
            sentence = f"only calls whose answer is {which} time out"
            return Verdict(sentence, f"right unless {which}", GOOD)
        if is_alone:
            sentence = "it serves one caller at a time; some time out in the queue"
            return Verdict(sentence, "too slow", POOR)
        return Verdict("some time out, though their answers would come", "too slow", POOR)

    def as_json(self) -> dict[str, Any]:
        """The row as `--json` prints it."""
        counts = asdict(self.counts) | {"longest_wait": round(self.counts.longest_wait, 6)}
        del counts["right_after"], counts["untouched"]
        verdict = self.verdict
        return {
            "coordinator": self.coordinator,
            "fault": self.fault,
            "calls": self.counts.calls,
            **counts,
            "verdict": verdict.sentence,
            "mark": verdict.mark,
        }


def all_rows(plan: Plan, advance: Callable[[], object] = lambda: None) -> Iterator[Row]:
    """Run all trials. `advance` is called after each of them."""
    for coordinator in COORDINATORS:
        for fault in FAULTS:
            counts = Counts()
            for run in range(plan.runs):
                run_trial(settings_for(coordinator, fault, plan.seed + run), plan.callers, counts)
                advance()
            yield Row(coordinator, fault, plan.callers, counts)
