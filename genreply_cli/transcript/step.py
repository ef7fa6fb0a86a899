"""A step is one line of a transcript; one table says what each kind of step is.

A new kind is three edits: its facts here, its looks in timeline/kinds.py, its meaning in
explain/meaning.py. If the runtime itself reports it, it is also a kind of event in otp/events.py,
for the runtime knows nothing of transcripts.
"""

from collections.abc import Mapping
from enum import Enum
from typing import Any, Final, Literal, NamedTuple


class KindFacts(NamedTuple):
    """What all steps of a kind have in common.

    `where` is "from-to" for a step with two endpoints, and "at" for one that happens in one place.
    """

    where: Literal["from-to", "at"]
    has_message: bool = False
    queued: bool = False  # it waits in the mailbox of the target until the target handles it
    lifecycle: bool = False  # of a process: it belongs to no single call
    ends_call: bool = False
    returns: bool = False  # a server that was called has returned from the handler of that call
    outcome: str | None = None  # how statistics count it; None: not as an outcome
    misdirected: str | None = None  # the same, if the answer was meant for another call
    raised: str | None = None  # the same, if the answer is an error
    counter: str | None = None  # the field of the `end` step that counts it
    misdirected_counter: str | None = None  # the same, if the answer was meant for another call
    raised_counter: str | None = None  # the same, if the answer is an error


# fmt: off
KINDS: Final[Mapping[str, KindFacts]] = {
    "start":     KindFacts("at", lifecycle=True),
    "call":      KindFacts("from-to", has_message=True, queued=True, counter="calls"),
    "noreply":   KindFacts("at", returns=True),
    "cast":      KindFacts("from-to", has_message=True, queued=True),
    "info":      KindFacts("from-to", has_message=True, queued=True),
    "reply":     KindFacts("from-to", has_message=True, returns=True, ends_call=True,
                           outcome="replied", misdirected="wrong caller", raised="error",
                           counter="replied", misdirected_counter="wrong_caller",
                           raised_counter="errors"),
    "timeout":   KindFacts("from-to", ends_call=True, outcome="timed out", counter="timed_out"),
    "cancel":    KindFacts("from-to", ends_call=True, outcome="cancelled", counter="cancelled"),
    "down":      KindFacts("from-to", ends_call=True, outcome="failed", counter="failed"),
    "late":      KindFacts("from-to", has_message=True, returns=True,
                           outcome="late", counter="dropped"),
    "duplicate": KindFacts("from-to", has_message=True, returns=True,
                           outcome="duplicate", counter="dropped"),
    "lost":      KindFacts("from-to", has_message=True, outcome="lost"),
    "crash":     KindFacts("at", lifecycle=True),
    "exit":      KindFacts("at", lifecycle=True),
    "fault":     KindFacts("at"),
    "state":     KindFacts("at", returns=True),
    "mark":      KindFacts("at"),
    "end":       KindFacts("at"),
}
# fmt: on


def _outcomes(*, ends_call: bool) -> tuple[str, ...]:
    return tuple(
        outcome
        for facts in KINDS.values()
        for outcome in (facts.outcome, facts.misdirected, facts.raised)
        if outcome is not None and facts.ends_call is ends_call
    )


_RETURNS: Final = frozenset(kind for kind, facts in KINDS.items() if facts.returns)
_CALL_ENDS: Final = frozenset(kind for kind, facts in KINDS.items() if facts.ends_call)
ENDED: Final = _outcomes(ends_call=True)  # what may become of a call
DROPPED: Final = _outcomes(ends_call=False)  # what may become of an answer or a message in vain


class NoMessage(Enum):
    """The type of `NO_MESSAGE`: a step without a message differs from one whose message is None."""

    ABSENT = "no message"


NO_MESSAGE: Final = NoMessage.ABSENT


_NOTHING_MORE: Final[Mapping[str, Any]] = {}  # never changed


class Step(NamedTuple):
    """One line of a transcript: what happened, when, where, and which step led to it.

    Times are seconds. `details` holds the fields that only some kinds have (`timeout`, `waiting`,
    `blocked`, `for`, `error`, `reason` …), under their names in the file, and unknown fields.
    """

    seq: int
    t: float
    kind: str
    call: str | None = None
    source: str | None = None  # "from" in the file
    target: str | None = None  # "to"
    at: str | None = None
    message: Any = NO_MESSAGE
    details: Mapping[str, Any] = _NOTHING_MORE
    cause: int | None = None

    @property
    def outcome(self) -> str | None:
        """What became of a call or of a message: one of `ENDED` or `DROPPED`, or None."""
        facts = KINDS.get(self.kind)
        if facts is None or facts.outcome is None or self.reaches_monitor:
            return None
        if facts.misdirected is not None and self.details.get("for") is not None:
            return facts.misdirected
        if facts.raised is not None and is_error(self.message):
            return facts.raised
        return facts.outcome

    @property
    def waiting(self) -> int | None:
        """How many calls a server keeps waiting after this `noreply`, the new one included.

        None if it is not recorded. Version 1 of the format lists the calls.
        """
        waiting = self.details.get("waiting")
        return len(waiting) if isinstance(waiting, list) else waiting

    @property
    def in_vain(self) -> int:
        """How many of those calls the server has forgotten: their callers wait in vain."""
        return self.details.get("in_vain") or 0

    @property
    def forgot(self) -> list[str]:
        """The calls that this `state` has forgotten: their callers wait, and it leads to none."""
        return self.details.get("forgot") or []

    @property
    def told(self) -> list[str] | None:
        """The processes that are told when this caller gives up; None if that is not known."""
        told: list[str] | None = self.details.get("told", [])
        return told

    @property
    def returns(self) -> bool:
        """Whether the server that was called has returned from the handler of this call by now."""
        return self.kind in _RETURNS

    @property
    def ends_call(self) -> bool:
        """Whether the call of this step ends with it."""
        return self.kind in _CALL_ENDS and not self.reaches_monitor

    @property
    def reaches_monitor(self) -> bool:
        """Whether it is the `down` message of a monitor, which ends no call.

        If it is `gave_up`, it says that the caller of the call has done so, and not that a process
        has ended.

        A caller whose server ended has `down` as well, but with the time for which it was blocked.
        """
        return self.kind == "down" and self.details.get("blocked") is None


def is_error(value: Any) -> bool:
    """Whether an answer is an error, which its caller raises: `{"raise": "ValueError: text"}`."""
    return isinstance(value, dict) and value.keys() == {"raise"} and isinstance(value["raise"], str)


def is_answer(step: Step) -> bool:
    """Whether it is an answer to a call, even one that was dropped."""
    return step.kind in {"reply", "late", "duplicate"}


NAMED_CALLER: Final = "caller:"
UNKNOWN_CALLER: Final = "caller:unknown"  # that is no task: a thread, a callback of the event loop


def is_caller(name: str) -> bool:
    """Whether `name` (`caller`, `caller-2`) is that of a caller, which is a task and no process.

    `caller:fetch` is a task to which its program has given a name, and
    `caller@ex@host` is a caller of another node. The name is all that a transcript says about it. A
    caller has no `start` step, but neither has a process that was started before the recording
    began.
    """
    if name.startswith(NAMED_CALLER):
        return True
    stem, _, number = name.partition("@")[0].partition("-")
    return stem == "caller" and (not number or number.isdecimal())
