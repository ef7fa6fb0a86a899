"""Step: one line of a transcript; the kinds there are."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    pass

KINDS: Final = frozenset({
    "start", "call", "noreply", "cast", "info", "reply", "timeout", "cancel", "late", "duplicate", "lost", "crash", "exit",
    "down", "fault", "mark", "end",
})  # fmt: skip


class NoMessage(Enum):
    """The type of `ABSENT`: a step without a message, which is not the same as a message of None."""

    ABSENT = "no message"


NO_MESSAGE: Final = NoMessage.ABSENT


@dataclass(frozen=True, slots=True)
class Step:
    """One line of a transcript: what happened, when, to whom, and because of what. Times are seconds.

    `details` holds what only some kinds have (`timeout`, `waiting`, `blocked`, `for`, `error`, `reason` …), by its name in the
    file, and whatever else a file says.
    """

    seq: int
    t: float
    kind: str
    call: str | None = None
    source: str | None = None  # "from" in the file
    target: str | None = None  # "to"
    at: str | None = None
    message: Any = NO_MESSAGE
    details: Mapping[str, Any] = field(default_factory=dict)
    cause: int | None = None


def is_caller(name: str) -> bool:
    """Whether it is the name of a caller, `caller` or `caller-2`, which is a task and no process."""
    stem, _, number = name.partition("-")
    return stem == "caller" and (not number or number.isdecimal())


OUTCOMES: Final = {
    "reply": "replied", "timeout": "timed out", "cancel": "cancelled", "down": "failed",
    "late": "late", "duplicate": "duplicate", "lost": "lost",
}  # fmt: skip


ENDED: Final = (
    "replied",
    "wrong caller",
    "timed out",
    "cancelled",
    "failed",
)  # what may become of a call


DROPPED: Final = ("late", "duplicate", "lost")  # what reached nobody


ENDS: Final = frozenset({"reply", "timeout", "cancel", "down"})  # the kinds that end a call
