"""What became of the calls of a transcript, in numbers: a fold over its steps, and those numbers in words.

stats = Stats()
for step in steps:
    stats.update(step)
print("\\n".join(stats.lines()))
"""

from array import array
from collections import Counter
from dataclasses import dataclass, field
from math import floor, log10
from typing import Any, Final

from genreply_cli.transcript.counts import Counts
from genreply_cli.transcript.pretty import duration, pretty_name
from genreply_cli.transcript.step import DROPPED, ENDED, Step

MAX_BAR_CELLS: Final = 40  # cells of the longest bar of the histogram
MAX_BARS: Final = 12  # rows of the histogram, at most


@dataclass
class Stats:
    """Numbers about steps, kept up to date by `see`. Eight bytes a call; nothing else grows. Times are seconds."""

    counts: Counts = field(default_factory=Counts)
    kinds: Counter[str] = field(default_factory=Counter)
    waits: "array[float]" = field(
        default_factory=lambda: array("d")
    )  # how long each caller was blocked, whatever came of it
    longest: tuple[str | None, float] | None = None  # the call that waited longest, and how long
    duration: float = 0.0  # when the last step was

    def update(self, step: Step) -> None:
        """Take note of a step."""
        self.counts.update(step)
        self.kinds[step.kind] += 1
        self.duration = max(self.duration, step.t)
        blocked = step.details.get("blocked")
        if blocked is not None and step.ends_call:
            self.waits.append(blocked)
            if self.longest is None or blocked > self.longest[1]:
                self.longest = step.call, blocked

    def quantiles(self) -> dict[str, float]:
        """The shortest wait, the one in the middle, the one that 95 of 100 do not exceed, the longest. Empty if nobody waited."""
        if not self.waits:
            return {}
        ordered = sorted(self.waits)
        middle = (ordered[(len(ordered) - 1) // 2] + ordered[len(ordered) // 2]) / 2
        return {
            "min": ordered[0],
            "median": middle,
            "p95": ordered[(95 * len(ordered) + 99) // 100 - 1],
            "max": ordered[-1],
        }

    def histogram(self) -> list[tuple[float, int]]:
        """How many waits were at most so long, but longer than the row before says: 1, 2, 5, 10 ms and so on."""
        steps = (1, 2, 5)
        rows = self._counted(steps)
        return rows if len(rows) <= MAX_BARS else self._counted(steps[:1])

    def _counted(self, steps: tuple[int, ...]) -> list[tuple[float, int]]:
        counts = Counter(_bucket(round(wait * 1e6), steps) for wait in self.waits)
        rows: list[tuple[float, int]] = []
        edge = min(counts, default=0)
        while edge <= max(counts, default=-1):
            rows.append((edge / 1e6, counts[edge]))
            edge = _bucket(edge + 1, steps)
        return rows

    def summary(self) -> str:
        """One line: `calls 12, replied 10, timed out 2, late 2; median wait 0.251 s, longest 5.000 s (c7)`."""
        counts = [
            f"{outcome} {self.counts.outcomes[outcome]}"
            for outcome in (*ENDED, *DROPPED)
            if self.counts.outcomes[outcome]
        ]
        counts += [f"still open {self.counts.still_open}"] if self.counts.still_open else []
        waits = ""
        if self.longest is not None:
            call, seconds = self.longest
            waits = f"; median wait {duration(self.quantiles()['median'])}, longest {duration(seconds)} ({pretty_name(call)})"
        return f"{', '.join([f'calls {self.counts.calls}', *counts])}{waits}"

    def as_json(self) -> dict[str, Any]:
        """All of it as JSON can hold it."""
        longest = (
            None if self.longest is None else {"call": self.longest[0], "seconds": self.longest[1]}
        )
        outcomes = {
            outcome.replace(" ", "_"): self.counts.outcomes[outcome]
            for outcome in (*ENDED, *DROPPED)
        }
        return {
            "seconds": self.duration,
            "calls": self.counts.calls,
            "outcomes": outcomes | {"open": self.counts.still_open},
            "waits": self.quantiles(),
            "longest": longest,
            "histogram": [{"up_to": edge, "waits": count} for edge, count in self.histogram()],
            "kinds": dict(sorted(self.kinds.items())),
        }

    def lines(self, *, ascii_only: bool = False) -> list[str]:
        """All of it in words, with a histogram of the waits drawn in text."""
        told = [(outcome, self.counts.outcomes[outcome]) for outcome in (*ENDED, *DROPPED)] + [
            ("still open", self.counts.still_open)
        ]
        rows = [f"calls {self.counts.calls:>18,}   in {duration(self.duration)}"]
        rows += [f"  {outcome:14} {count:>8,}" for outcome, count in told if count]
        if self.longest is not None:
            call, seconds = self.longest
            rows.append("waits")
            rows += [
                f"  {name:14} {duration(value):>11}" for name, value in self.quantiles().items()
            ]
            rows.append(f"  {'longest':14} {duration(seconds):>11}   {pretty_name(call)}")
            rows.append("waits up to")
            bars = self.histogram()
            most = max(count for _, count in bars)
            for edge, count in bars:
                bar = ("#" if ascii_only else "█") * -(-count * MAX_BAR_CELLS // most)
                rows.append(f"  {_short(edge):>14} {count:>8,}   {bar}".rstrip())
        rows.append("steps")
        return rows + [
            f"  {pretty_name(kind):14} {count:>8,}" for kind, count in sorted(self.kinds.items())
        ]


def _bucket(micros: int, steps: tuple[int, ...]) -> int:
    """The first number of the row 1, 2, 5, 10, 20 … that is not smaller."""
    if micros <= 1:
        return max(0, micros)
    decade: int = 10 ** floor(log10(micros))
    return next(step * decade for step in (*steps, 10, 100) if step * decade >= micros)


def _short(seconds: float) -> str:
    """An edge of the histogram: 250 us, 5 ms, 2 s."""
    if seconds >= 1:
        return f"{seconds:g} s"
    return f"{seconds * 1e3:g} ms"
