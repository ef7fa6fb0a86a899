"""What became of each call, in a few words."""

from collections.abc import Iterable
from typing import Any, NamedTuple

from genreply_cli.transcript.pretty import pretty, pretty_message, pretty_name
from genreply_cli.transcript.step import NO_MESSAGE, Step


class Outcome(NamedTuple):
    """What became of a call, in words; the kind is the same for what differs in times only."""

    text: str
    kind: tuple[str, ...] = ("open",)

    @property
    def is_right(self) -> bool:
        """Whether the call has its own answer."""
        return self.kind[0] == "answered"


class CallFacts(NamedTuple):
    """A call: who made it, what it asked, what became of it."""

    caller: str
    message: str
    outcome: Outcome = Outcome("still waits")


class Calls:
    """A fold over steps: the facts of each call, in the order in which they were made."""

    def __init__(self) -> None:
        self.facts: dict[str, CallFacts] = {}

    def update(self, step: Step) -> None:
        """Take one more step into account."""
        call = step.call
        if call is None:
            return
        if step.kind == "call" and call not in self.facts:
            message = pretty_message(step.message)
            self.facts[call] = CallFacts(pretty_name(step.source), message)
        elif step.ends_call and call in self.facts:
            self.facts[call] = self.facts[call]._replace(outcome=_outcome(step))


def call_facts(steps: Iterable[Step]) -> dict[str, CallFacts]:
    """The facts of all calls of a transcript."""
    calls = Calls()
    for step in steps:
        calls.update(step)
    return calls.facts


def seconds_text(value: Any) -> str:
    """`1 s`, `1.3 s`, `250 ms`, `0.031 ms`; "" for what is no number."""
    if not isinstance(value, int | float):
        return ""
    if value >= 1:
        return f"{round(value, 3):g} s"
    milliseconds = value * 1000
    return f"{round(milliseconds) if milliseconds >= 10 else round(milliseconds, 3):g} ms"


def _outcome(step: Step) -> Outcome:
    after = seconds_text(step.details.get("blocked"))
    after = f" after {after}" if after else ""
    match step.kind:
        case "reply" if step.details.get("for") is not None:
            owner = pretty_name(step.details["for"])
            return Outcome(f"got the answer to {owner}{after}", ("wrong", owner))
        case "reply" if step.outcome == "error":
            error = pretty_name(step.message["raise"])
            return Outcome(f"got an error{after}: {error}", ("error", error))
        case "reply":
            value = "" if step.message is NO_MESSAGE else f" {pretty(step.message)}"
            return Outcome(f"answered{value}{after}", ("answered", value))
        case "timeout" | "cancel":
            verb = "gave up" if step.kind == "timeout" else "was cancelled"
            went_to = step.details.get("went_to")
            went = "" if went_to is None else f"; its answer went to {pretty_name(went_to)}"
            return Outcome(f"{verb}{after}{went}", (step.kind, went))
    reason = pretty_name(step.details.get("reason"))
    return Outcome(f"failed{after}: {reason}", (step.kind, reason))
