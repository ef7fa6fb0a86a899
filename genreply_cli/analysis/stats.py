"""The numbers of a transcript: outcomes of calls, how long callers were blocked, counts of steps.

stats = Stats()
for step in steps:
    stats.update(step)
print("\n".join(stats.lines()))
"""

from array import array
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from math import floor, log10
from typing import Any, Final

from genreply_cli.transcript.counts import Counts
from genreply_cli.transcript.pretty import duration, pretty_name
from genreply_cli.transcript.step import DROPPED, ENDED, Step

MAX_BAR_CELLS: Final = 40  # of the longest bar of the histogram
MAX_BARS: Final = 12


@dataclass
class Stats:
    """A fold over steps. It takes eight bytes for each call that has ended. Times are seconds."""

    counts: Counts = field(default_factory=Counts)
    kinds: Counter[str] = field(default_factory=Counter)
    waits: "array[float]" = field(default_factory=lambda: array("d"))  # of all calls that ended
    longest: tuple[str | None, float] | None = None  # the call that waited longest, and how long
    last_time: float = 0.0  # of the steps

    def update(self, step: Step) -> None:
        """Count a step."""
        self.counts.update(step)
        self.kinds[step.kind] += 1
        self.last_time = max(self.last_time, step.t)
        blocked = step.details.get("blocked")
        if blocked is not None and step.ends_call:
            self.waits.append(blocked)
            if self.longest is None or blocked > self.longest[1]:
                self.longest = step.call, blocked

    def quantiles(self) -> dict[str, float]:
        """The shortest wait, the median, the 95th percentile, the longest. Empty without waits."""
        return quantiles(self.waits)

    def histogram(self) -> list[tuple[float, int]]:
        """Upper edges in seconds (1, 2, 5, 10 ms …), each with the number of waits below it.

        A wait is counted at the first edge that is not shorter.
        """
        steps = (1, 2, 5)
        rows = self._bucketed(steps)
        return rows if len(rows) <= MAX_BARS else self._bucketed(steps[:1])

    def _bucketed(self, steps: tuple[int, ...]) -> list[tuple[float, int]]:
        counts = Counter(_bucket(round(wait * 1e6), steps) for wait in self.waits)
        rows: list[tuple[float, int]] = []
        edge = min(counts, default=0)
        while edge <= max(counts, default=-1):
            rows.append((edge / 1e6, counts[edge]))
            edge = _bucket(edge + 1, steps)
        return rows

    def _outcomes(self) -> dict[str, int]:
        """The count of each outcome, in the order of the table, without open calls."""
        return {outcome: self.counts.outcomes[outcome] for outcome in (*ENDED, *DROPPED)}

    def summary(self) -> str:
        """One line: `calls 12, replied 10, timed out 2; median wait 0.251 s, longest 5 s (c7)`."""
        outcomes = self._outcomes() | {"still open": self.counts.still_open}
        counts = [f"{outcome} {count}" for outcome, count in outcomes.items() if count]
        waits = ""
        if self.longest is not None:
            call, seconds = self.longest
            median = duration(self.quantiles()["median"])
            longest = f"{duration(seconds)} ({pretty_name(call)})"
            waits = f"; median wait {median}, longest {longest}"
        return f"{', '.join([f'calls {self.counts.calls}', *counts])}{waits}"

    def as_json(self) -> dict[str, Any]:
        """All numbers as JSON can hold them."""
        longest = None
        if self.longest is not None:
            longest = {"call": self.longest[0], "seconds": self.longest[1]}
        outcomes = {name.replace(" ", "_"): count for name, count in self._outcomes().items()}
        return {
            "seconds": self.last_time,
            "calls": self.counts.calls,
            "outcomes": outcomes | {"open": self.counts.still_open},
            "waits": self.quantiles(),
            "longest": longest,
            "histogram": [{"up_to": edge, "waits": count} for edge, count in self.histogram()],
            "kinds": dict(sorted(self.kinds.items())),
        }

    def lines(self, *, ascii_only: bool = False) -> list[str]:
        """All numbers in words, with a histogram of the waits drawn in text."""
        outcomes = self._outcomes() | {"still open": self.counts.still_open}
        rows = [f"calls {self.counts.calls:>18,}   in {duration(self.last_time)}"]
        rows += [f"  {outcome:14} {count:>8,}" for outcome, count in outcomes.items() if count]
        if self.longest is not None:
            call, seconds = self.longest
            rows.append("waits")
            rows += [
                f"  {name:14} {duration(value):>11}" for name, value in self.quantiles().items()
            ]
            rows.append(f"  {'longest':14} {duration(seconds):>11}   {pretty_name(call)}")
            rows.append("waits up to")
            rows += self._bars("#" if ascii_only else "█")
        rows.append("events")
        rows += [
            f"  {pretty_name(kind):14} {count:>8,}" for kind, count in sorted(self.kinds.items())
        ]
        return rows

    def _bars(self, block: str) -> list[str]:
        bars = self.histogram()
        most = max(count for _, count in bars)
        rows = []
        for edge, count in bars:
            bar = block * -(-count * MAX_BAR_CELLS // most)
            rows.append(f"  {_edge(edge):>14} {count:>8,}   {bar}".rstrip())
        return rows


def quantiles(waits: Sequence[float]) -> dict[str, float]:
    """The least of some numbers, the median, the 95th percentile, the most. {} of no numbers."""
    if not waits:
        return {}
    ordered = sorted(waits)
    middle = (ordered[(len(ordered) - 1) // 2] + ordered[len(ordered) // 2]) / 2
    return {
        "min": ordered[0],
        "median": middle,
        "p95": ordered[(95 * len(ordered) + 99) // 100 - 1],
        "max": ordered[-1],
    }


def _bucket(micros: int, steps: tuple[int, ...]) -> int:
    """The first edge of the row 1, 2, 5, 10, 20 … that is not smaller, in microseconds."""
    if micros <= 1:
        return max(0, micros)
    decade: int = 10 ** floor(log10(micros))
    return next(step * decade for step in (*steps, 10, 100) if step * decade >= micros)


def _edge(seconds: float) -> str:
    """An edge of the histogram as text: 0.25 ms, 5 ms, 2 s."""
    return f"{seconds:g} s" if seconds >= 1 else f"{seconds * 1e3:g} ms"
