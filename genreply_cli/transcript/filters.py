"""Which steps of a transcript are wanted: of some calls, of some kinds, from one time to another."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from genreply_cli.text import visible
from genreply_cli.transcript.step import Step


@dataclass(frozen=True)
class Filters:
    """Lets steps through as they are: times are not shifted. They are in seconds; both ends belong to it."""

    calls: frozenset[str] = frozenset()  # none: all
    kinds: frozenset[str] = frozenset()
    start: float | None = None
    stop: float | None = None

    def __bool__(self) -> bool:
        return bool(self.calls or self.kinds) or self.start is not None or self.stop is not None

    def __str__(self) -> str:
        """As it was typed."""
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
        """Whether a step is wanted."""
        return (
            (not self.calls or step.call in self.calls)
            and (not self.kinds or step.kind in self.kinds)
            and (self.start is None or step.t >= self.start)
            and (self.stop is None or step.t <= self.stop)
        )

    def __call__(self, steps: Iterable[Step]) -> Iterator[Step]:
        """Those that are wanted, in their order."""
        return filter(self.wants, steps) if self else iter(steps)
