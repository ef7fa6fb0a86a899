"""The faults that a network can have, and how they are typed: `drop`, `late:0.2`."""

import re
from typing import NamedTuple

from genreply_cli.session.parsing import choice, rate

FAULT_KINDS = {
    "drop": "the answer never comes",
    "late": "the answer comes after its caller has given up",
    "duplicate": "the answer comes twice",
    "reorder": "the answer is overtaken by the next one",
    "crash": "the socket crashes instead of answering",
}


class Fault(NamedTuple):
    """One thing that a network does wrong.

    It happens to the next answer only, or to each answer with a probability of `rate`.
    """

    kind: str
    rate: float | None = None

    def __str__(self) -> str:
        return self.kind if self.rate is None else f"{self.kind}:{self.rate:g}"


def parse_fault(text: str) -> Fault:
    """The fault in `drop` or `drop:0.3`. Raises ValueError with a sentence."""
    kind, colon, probability = text.partition(":")
    return Fault(choice(kind, [*FAULT_KINDS], "fault"), rate(probability) if colon else None)


def parse_faults(text: str) -> tuple[Fault, ...]:
    """The faults in `drop late:0.2`; `off` is none. Raises ValueError with a sentence."""
    if text in {"off", "none"}:
        return ()
    return tuple(parse_fault(word) for word in re.split(r"[\s,]+", text))
