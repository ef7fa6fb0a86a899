"""Selects steps of a transcript: by call, by kind, by time."""

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from typing import Final, Literal, NamedTuple

from genreply_cli.text import visible
from genreply_cli.transcript.step import Step

FORGET: Final = "forget"
Part = Literal["selected", "cause", "skipped"]


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
        """Whether a step is selected: of a call, only its own steps."""
        return (not self.calls or step.call in self.calls) and self._has_kind_and_time(step)

    def __call__(self, steps: Iterable[Step]) -> Iterator[Step]:
        """The steps that `wants` selects, in their order."""
        return filter(self.wants, steps) if self else iter(steps)

    # What is shown of a call is more than its own steps.

    @property
    def needs_causes(self) -> bool:
        """Whether steps of other calls are shown because they led to a selected one."""
        return bool(self.calls) and not self.kinds

    def shows(self, step: Step) -> bool:
        """Whether a step is shown: of a call, its own and those that tell where its answer went."""
        return (
            not self.calls or any(has_to_do_with(step, call) for call in self.calls)
        ) and self._has_kind_and_time(step)

    def causes(self, steps: Iterable[Step]) -> frozenset[int]:
        """The numbers (`seq`) of the steps that led to the shown ones."""
        if not self.needs_causes:
            return frozenset()
        return frozenset(
            step.cause for step in steps if step.cause is not None and self.shows(step)
        )

    def part(self, step: Step, causes: Collection[int] = ()) -> Part:
        """What a step is in a view of the selected ones."""
        if not self or self.shows(step):
            return "selected"
        return "cause" if step.seq in causes and self._has_time(step) else "skipped"

    def _has_kind_and_time(self, step: Step) -> bool:
        return (not self.kinds or self._has_kind(step)) and self._has_time(step)

    def _has_kind(self, step: Step) -> bool:
        """A `state` that has forgotten a caller is shown as `forget`, and found as that, too."""
        return step.kind in self.kinds or (FORGET in self.kinds and bool(step.forgot))

    def _has_time(self, step: Step) -> bool:
        return (self.start is None or step.t >= self.start) and (
            self.stop is None or step.t <= self.stop
        )


class Selection(NamedTuple):
    """What of a transcript is shown. `causes`: the numbers of steps that led to selected ones."""

    filters: Filters = Filters()
    causes: Collection[int] = ()

    def part(self, step: Step) -> Part:
        """What a step is in a view of the selected ones."""
        return self.filters.part(step, self.causes)

    def shows_call(self, call: str) -> bool:
        """Whether a call is one of those asked for."""
        return not self.filters.calls or call in self.filters.calls


def has_to_do_with(step: Step, call: str) -> bool:
    """Whether a step is one of this call, or of another call that got its answer."""
    details = step.details
    return call in (step.call, details.get("for"), details.get("went_to")) or (
        call in (details.get("forgot") or ())
    )
