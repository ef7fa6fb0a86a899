"""What a step means, and what comes next, in a sentence or two: one table, from the kind of a step."""

from collections.abc import Callable, Mapping
from typing import Any, Final

from genreply_cli.looks import duration, named
from genreply_cli.standing import Standing, is_caller
from genreply_cli.trace import Step

Meaning = tuple[str, str]  # what it means; what comes next, or ""; {at}, {call}, {source} … stand for what the step says


def why(step: Step, standing: Standing) -> str:
    """What a step means, where things stand like this after it."""
    kind = "wrong" if step.kind == "reply" and step.details.get("for") is not None else step.kind
    entry = MEANINGS.get(kind, _UNKNOWN)
    means, then = entry(step, standing) if callable(entry) else entry
    text = f"{means}. Next, {then}." if then else f"{means}."
    return text.format_map(_Names(step))


class _Names(dict[str, str]):
    """What a step says, by its names in a transcript; processes with their article."""

    def __init__(self, step: Step) -> None:
        super().__init__(kind=named(step.kind), call=named(step.call))
        self |= {"source": _the(step.source), "target": _the(step.target), "at": _the(step.at)}
        self |= {name: _the(step.details[name]) for name in ("link", "linked") if name in step.details}
        self._details = step.details

    def __missing__(self, name: str) -> str:
        return named(self._details.get(name))


def _the(name: str | None) -> str:
    return named(name) if name is not None and is_caller(name) and name != "caller" else f"the {named(name)}"


def _waits(count: int) -> str:
    return f"{count} still wait{'s' if count == 1 else ''}"


def _started(step: Step, _: Standing) -> Meaning:
    bond = "" if step.details.get("linked") is None else "; it is linked to {linked}: if one crashes, both go down"
    return "{at} is there, and waits for messages" + bond, "somebody calls"


def _called(step: Step, _: Standing) -> Meaning:
    timeout: Any = step.details.get("timeout")
    limit = "for ever, if need be" if timeout is None else f"for {timeout:g} s at most"
    return f"{{source}} has asked, and is blocked, {limit}", "{target} answers at once, or keeps the caller for later"


def _kept(step: Step, standing: Standing) -> Meaning:
    if step.call not in standing.open:
        return "{at} answered NoReply; nobody waits for {call} any more", ""
    free = "{at} answered NoReply: {call} stays blocked, but {at} is free to do other things"
    return free, "something must bring the answer; then reply(from, ...) unblocks {call}"


def _cast(step: Step, standing: Standing) -> Meaning:
    blocked = ", while {call} stays blocked" if step.call in standing.open else ""
    goes_on = "a cast waits for nothing: {source} goes on at once"
    return goes_on + blocked, "{target} works on it, and may send a message back"


def _sent(step: Step, standing: Standing) -> Meaning:
    if step.call is None:
        return "{source} has sent {target} a message; nobody waits for it", ""
    if step.call in standing.open:
        return "{source} has answered {target}, not the caller", "reply(from, ...) unblocks {call}"
    return "{source} has answered {target}, but {call} waits no more", "if it is passed on, it is dropped, or goes astray"


def _replied(step: Step, standing: Standing) -> Meaning:
    blocked = step.details.get("blocked")
    after = "" if blocked is None else f" after {duration(blocked)}"
    means = f"the deferred reply: {{call}} goes on{after}, and to its caller it looked like an ordinary call"
    return f"{means}; {_waits(len(standing.open))}" if standing.open else means, ""


def _wrong(step: Step, standing: Standing) -> Meaning:
    means = "this is the answer for {for}, but {call} has got it: {source} has mixed up its callers"
    return means, "{for} waits in vain" if step.details.get("for") in standing.open else ""


def _exited(step: Step, standing: Standing) -> Meaning:
    if step.details.get("link") is not None:
        gone = "{at} was linked to {link}, and goes down with it"
    else:
        gone = "{at} has ended" + (", as it should" if step.details.get("reason") in {"normal", "shutdown"} else "")
    left = sum(one.callee == step.at for one in standing.open.values())
    return gone, f"whoever waits for it is told at once: {left}" if left else ""


def _told(step: Step, _: Standing) -> Meaning:
    if step.details.get("blocked") is None:
        return "{target} is told that {source} is gone", ""
    return "{source} is gone, so {call} ends in an error at once: nobody waits for the dead until a timeout", ""


def _faulty(step: Step, _: Standing) -> Meaning:
    what = step.details.get("what")
    return "a fault is injected on purpose: {what}", FAULTS.get(what, "") if isinstance(what, str) else ""


FAULTS: Final[Mapping[str, str]] = {
    "drop": "no answer comes, and the caller waits until its timeout",
    "late": "the answer comes when the caller has left",
    "duplicate": "the answer comes twice, and the second one is dropped",
    "reorder": "another answer comes before this one",
    "crash": "the process crashes",
}


def _ended(_: Step, standing: Standing) -> Meaning:
    return f"the recording ends here; {_waits(len(standing.open)) if standing.open else 'nobody waits'}", ""


_UNKNOWN: Final[Meaning] = "{kind} is a note that the recorded program made, or that a later version knows", ""

MEANINGS: Final[Mapping[str, Meaning | Callable[[Step, Standing], Meaning]]] = {
    "start": _started,
    "call": _called,
    "noreply": _kept,
    "cast": _cast,
    "info": _sent,
    "reply": _replied,
    "wrong": _wrong,
    "timeout": ("the caller has waited long enough; who keeps {call} is not told", "if an answer comes, it is dropped"),
    "cancel": ("the caller was cancelled; who keeps {call} is not told", "if an answer comes, it is dropped"),
    "late": ("the answer came, but the caller of {call} had left: it is dropped, and does no harm", ""),
    "duplicate": ("{call} has its answer already, and a call is answered once: this one is dropped", ""),
    "lost": ("{target} has ended: what is sent to it is lost, and the sender is not told", ""),
    "crash": ("a callback of {at} raised", "{at} ends, and all who are linked to it or wait for it are told"),
    "exit": _exited,
    "down": _told,
    "fault": _faulty,
    "mark": ("somebody has marked this place; ] and [ go from mark to mark", ""),
    "end": _ended,
}
