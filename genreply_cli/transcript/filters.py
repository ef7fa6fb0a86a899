"""Selects steps of a transcript: by call, by kind, by time."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from genreply_cli.text import visible
from genreply_cli.transcript.step import Step


@dataclass(frozen=True)
class Filters:
    """Selected steps keep their times. Without calls, kinds or times, all are selected."""

    calls: frozenset[str] = frozenset()
    kinds: frozenset[str] = frozenset()
    start: float | None = None  # seconds, inclusive
    stop: float | None = None  # seconds, inclusive

    def __bool__(self) -> bool:
        return bool(self.calls or self.kinds) or self.start is not None or self.stop is not None

    def __str__(self) -> str:
        """The flags of the command line."""
        flags = [
            *(f"--call {visible(call)}" for call in sorted(self.calls)),
            *(f"--kind {kind}" for kind in sorted(self.kinds)),
        ]
        flags += [
            f"{name} {time:g}"
            for name, time in (("--from", self.start), ("--to", self.stop))
            if time is not None
        ]
        return " ".join(flags)

    def wants(self, step: Step) -> bool:
        """Whether a step is selected."""
        return (
            (not self.calls or step.call in self.calls)
            and (not self.kinds or step.kind in self.kinds)
            and (self.start is None or step.t >= self.start)
            and (self.stop is None or step.t <= self.stop)
        )

    def __call__(self, steps: Iterable[Step]) -> Iterator[Step]:
        """The selected steps, in their order."""
        return filter(self.wants, steps) if self else iter(steps)
