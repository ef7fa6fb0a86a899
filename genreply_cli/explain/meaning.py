"""What each kind of step means, and what comes next, in sentences for a newcomer.

`MEANINGS` is the table. Its sentences are templates. `FIELDS` says what their fields stand for;
any other field, such as `{reason}`, is the one of that name in the details of the step.
"""

from collections.abc import Callable, Mapping
from typing import Final, NamedTuple

from genreply_cli.session.faults import FAULT_KINDS as FAULTS
from genreply_cli.timeline.kinds import style_of
from genreply_cli.transcript.pretty import (
    duration,
    listed,
    pretty,
    pretty_message,
    pretty_name,
    pretty_state,
    typed_duration,
)
from genreply_cli.transcript.snapshot import Snapshot
from genreply_cli.transcript.step import NO_MESSAGE, Step, is_error

NextStep = Callable[[Step, Snapshot], str]  # of a step, and of the state after it


class Meaning(NamedTuple):
    """A row of the table: what has happened, what comes next, and where the exhibits do it.

    `action` is what the exhibits do when such a step is seen, and `handling` what a server does in
    the callback that receives it; both are names of quotes.py.
    """

    meaning: str
    next_step: str | NextStep = ""
    action: str | None = None
    handling: str | None = None


def why(step: Step, snapshot: Snapshot | None = None) -> str:
    """What a step means, and what comes next. `snapshot` is the state after the step, if known."""
    next_step = _row(step).next_step
    if isinstance(next_step, str):
        following = next_step.format_map(_Fields(step))
    else:
        following = next_step(step, Snapshot() if snapshot is None else snapshot)
    return f"{meaning(step)} {following}".rstrip()


def meaning(step: Step) -> str:
    """What a step means, in a sentence."""
    return _row(step).meaning.format_map(_Fields(step))


def action(step: Step) -> str | None:
    """What the exhibits do when this step is seen, by its name in quotes.py."""
    action = _row(step).action
    return None if action is None else action.format_map(_Fields(step))


def handling(kind: str | None) -> str | None:
    """What a server does in the callback that receives a step of this kind."""
    row = MEANINGS.get(kind or "")
    return None if row is None else row.handling


def _row(step: Step) -> Meaning:
    match step.kind:
        case "reply" if step.details.get("for") is not None:
            return MEANINGS["wrong"]
        case "reply" if is_error(step.message):
            return MEANINGS["raised"]
        case "info" if step.call is None or step.source == step.target:
            return MEANINGS["message"]
        case "state" if step.forgot:
            return MEANINGS["forget"]
        case "exit" if step.details.get("link") is not None:
            return MEANINGS["linked"]
        case "down" if step.details.get("gave_up"):
            return MEANINGS["gave up"]
        case "down" if step.reaches_monitor:
            return MEANINGS["monitor"]
        case "down" if step.details.get("passed_on"):
            return MEANINGS["passed on"]
        case "down" if step.details.get("reason") == "noproc":
            return MEANINGS["nobody"]
        case "fault" if str(step.details.get("what")) not in FAULTS:
            return MEANINGS["unknown fault"]
    return MEANINGS.get(step.kind, MEANINGS["note"])


# --- the fields of the templates ---


class _Fields:
    """What the fields of a template stand for, in one step."""

    def __init__(self, step: Step) -> None:
        self._step = step

    def __getitem__(self, name: str) -> str:
        if name in FIELDS:
            return FIELDS[name](self._step)
        return pretty_name(self._step.details.get(name))


def _message(step: Step) -> str:
    text = "" if step.message is NO_MESSAGE else pretty_message(step.message)
    return f": {text}" if text else ""


def _value(step: Step) -> str:
    if is_error(step.message):
        return f" the error {pretty_name(step.message['raise'])}"
    return "" if step.message is NO_MESSAGE else f" {pretty(step.message)}"


def _with_value(step: Step) -> str:
    return f" with{_value(step)}" if is_error(step.message) else _value(step)


def _after(step: Step) -> str:
    """How long the caller was blocked, if known: ` after 250 ms`."""
    seconds = step.details.get("blocked")
    return f" after {duration(seconds)}" if isinstance(seconds, int | float) else ""


def _ago(step: Step) -> str:
    seconds = step.details.get("ago")
    return f", {duration(seconds)} ago" if isinstance(seconds, int | float) else ""


def _limit(step: Step) -> str:
    if "timeout" not in step.details:
        return ""
    seconds = step.details["timeout"]
    if isinstance(seconds, int | float):
        return f", for at most {typed_duration(seconds)}"
    return ", for as long as it takes"


def _others_kept(step: Step) -> str:
    waiting = step.waiting or 0
    in_vain = f", {step.in_vain} of them in vain" if step.in_vain else ""
    return f"; {waiting} callers wait{in_vain}" if waiting > 1 else ""


def _went_to(step: Step) -> str:
    call = step.details.get("went_to")
    return "" if call is None else f" Its answer went to {pretty_name(call)}."


def _told(step: Step) -> str:
    told = step.told
    if told is None:
        return ""
    if not told:
        return f"; {pretty_name(step.target)} is not told"
    return f"; {listed(told)} {'is' if len(told) == 1 else 'are'} told"


def _intended(step: Step) -> str:
    call = step.details.get("for")
    if call is None:
        return ""
    return f" It was the answer to {pretty_name(call)}, which does not get it."


def _linked(step: Step) -> str:
    server, owner = step.details.get("linked"), step.details.get("owner")
    if owner is not None:
        return f"; it works for {pretty_name(owner)}, and is ended when {pretty_name(owner)} ends"
    if server is None:
        return ""
    return f", linked to {pretty_name(server)}: if one of them crashes, both go down"


def _body(step: Step) -> str:
    return style_of(step).wording(step).body


FIELDS: Final[Mapping[str, Callable[[Step], str]]] = {
    "source": lambda step: pretty_name(step.source),
    "target": lambda step: pretty_name(step.target),
    "at": lambda step: pretty_name(step.at),
    "call": lambda step: pretty_name(step.call),
    "kind": lambda step: pretty_name(step.kind),
    "message": _message,  # `: greet "A"`
    "value": _value,  # ` "A"`, or ` the error ValueError: text`
    "with_value": _with_value,  # the same, behind `replies`
    "after": _after,  # ` after 250 ms`
    "comma_after": lambda step: f",{_after(step)}" if _after(step) else "",
    "ago": _ago,  # `, 250 ms ago`
    "limit": _limit,  # `, for at most 5 s`
    "others_kept": _others_kept,  # `; 2 callers wait`
    "went_to": _went_to,
    "told": _told,  # `; coordinator is not told`
    "intended": _intended,
    "started": lambda step: (
        "ran before the recording began" if step.details.get("already") else "is started"
    ),
    "linked": _linked,
    "state": lambda step: pretty_state(step.details.get("state")),
    "forgot": lambda step: listed(step.forgot),
    "them": lambda step: "it" if len(step.forgot) == 1 else "them",
    "does": lambda step: FAULTS.get(str(step.details.get("what")), ""),
    "body": _body,
    "colon_body": lambda step: f": {_body(step)}" if _body(step) else "",
}


# --- what comes next, where it depends on the state after the step ---


def _after_info(step: Step, snapshot: Snapshot) -> str:
    target, call = pretty_name(step.target), pretty_name(step.call)
    if not snapshot.open:
        return f"Next, handle_info of {target} sees it."
    waits = snapshot.open.get(step.call or "")
    if waits is None:
        others = list(snapshot.open)
        wait = "wait" if len(others) > 1 else "waits"
        return f"Nobody waits for this any more; {listed(others)} {wait} for something else."
    if waits.forgotten_by is not None:
        return f"{call} still waits for it, but nothing in {target} leads to {call} any more."
    return f"Next, handle_info of {target} sees it; reply(from, ...) unblocks {call}."


def _after_message(step: Step, _: Snapshot) -> str:
    return (
        "It is not recorded which call it is for."
        f" Next, handle_info of {pretty_name(step.target)} sees it."
    )


def _after_dropped(step: Step, snapshot: Snapshot) -> str:
    call = step.details.get("for")
    if call is None:
        return "Nobody is disturbed by it."
    name = pretty_name(call)
    return f"{name} still waits for it, in vain." if call in snapshot.open else _if_it_waits(name)


def _after_wrong(step: Step, snapshot: Snapshot) -> str:
    call = step.details.get("for")
    name = pretty_name(call)
    return f"{name} still waits, and in vain." if call in snapshot.open else _if_it_waits(name)


def _after_giving_up(step: Step, _: Snapshot) -> str:
    if step.details.get("went_to") is not None:
        return ""
    return f"A reply to {pretty_name(step.call)} that comes after this is dropped."


def _if_it_waits(name: str) -> str:
    return f"If {name} still waits, it waits in vain."


def _after_end(_: Step, snapshot: Snapshot) -> str:
    waiting = list(snapshot.open)
    if not waiting:
        return "Next, the callers that wait for it are told at once."
    return f"Next, {listed(waiting)} {'are' if len(waiting) > 1 else 'is'} told at once."


def _after_crash(step: Step, snapshot: Snapshot) -> str:
    return f"Whoever is linked to it goes down with it. {_after_end(step, snapshot)}"


# --- the table ---

# fmt: off
MEANINGS: Final[Mapping[str, Meaning]] = {
    "start": Meaning(
        "{at} {started}{linked}.",
        "It handles one message at a time, in the order in which they come."),
    "call": Meaning(
        "{source} asks {target}, and is blocked from here on{limit}{message}.",
        "Next, handle_call of {target} takes it up.",
        action="call", handling="pass on"),
    "noreply": Meaning(
        "{at} does not answer yet: it keeps the caller, who stays blocked,"
        " and is free for other messages{others_kept}.",
        "Next, the answer has to come as a message; until then the server handles other messages.",
        action="keep"),
    "cast": Meaning(
        "{source} sends a request to {target}, and does not wait for an answer{message}.",
        "Next, handle_cast of {target} works on it; meanwhile {source} goes on.",
        action="pass on", handling="answer"),
    "info": Meaning(
        "{source} sends a message to {target}, and nothing to the caller{message}.",
        _after_info,
        action="answer", handling="reply later"),
    "message": Meaning(
        "{source} sends to {target}{message}.",
        _after_message,
        handling="reply later"),
    "reply": Meaning(
        "{source} replies{with_value}; {target} goes on{after}.",
        "With that {call} is over.",
        action="reply"),
    "raised": Meaning(
        "{source} replies{with_value}; {target} raises it{after}.",
        "With that {call} is over. {source} itself has not failed.",
        action="reply"),
    "wrong": Meaning(
        "WRONG CALLER: {source} replies{with_value} to {target}, who did not ask that:"
        " it is the answer to {for}.",
        _after_wrong,
        action="reply"),
    "timeout": Meaning(
        "{source} gives up{after}, and goes on without an answer{told}.{went_to}",
        _after_giving_up,
        action="call"),
    "cancel": Meaning(
        "{source} is cancelled{after}, and goes on without an answer{told}.{went_to}",
        _after_giving_up,
        action="call"),
    "late": Meaning(
        "{source} replies{with_value}, and is too late: {target} has gone{ago}."
        " The reply is dropped.{intended}",
        _after_dropped,
        action="reply"),
    "duplicate": Meaning(
        "{source} replies once more to {call}, which has its answer:{value} is dropped.{intended}",
        _after_dropped,
        action="reply"),
    "lost": Meaning(
        "{source} sends to {target}, which has ended{message}. It is lost.",
        "{source} is not told: a call or a monitor would have told it.",
        action="pass on"),
    "crash": Meaning("{at} crashes: {error}.", _after_crash),
    "exit": Meaning("{at} has ended: {reason}.", _after_end),
    "linked": Meaning("{at} is linked to {link}, and goes down with it.", _after_end,
        action="link"),
    "down": Meaning(
        "{target} is told that {source} has died{comma_after}: it waits no longer."
        " The reason: {reason}.",
        "With that {call} has failed; a new one needs a new server.",
        action="call"),
    "nobody": Meaning(
        "{target} is told at once that nobody is there: {source} has ended before.",
        "With that {call} has failed; a new one needs a new server.",
        action="call"),
    "passed on": Meaning(
        "{source} fails the call{comma_after}: {target} waits no longer. The reason: {reason}.",
        "{source} lives on: it passes on what has become of another process.",
        action="call"),
    "monitor": Meaning(
        "{target}, who watches {source}, is told that it has ended: {reason}.",
        action="call"),
    "gave up": Meaning(
        "{target} monitors {call}, and is told that its caller has gone: {reason}.",
        "Next, handle_info of {target} can forget it.",
        action="forget"),
    "state": Meaning("{at} goes on with another state: {state}."),
    "forget": Meaning(
        "{at} has forgotten {forgot}: nothing in its state leads to {them} any more.",
        "{forgot} will wait in vain, unless another process has been told of it.",
        action="keep"),
    "fault": Meaning("As --fault {what} asks, the network does wrong: {does}.", action="{what}"),
    "unknown fault": Meaning("A fault, at {at}: {what}."),
    "mark": Meaning("A mark: {label}."),
    "end": Meaning("The end: {body}."),
    "note": Meaning("A note, {kind}{colon_body}."),
}
# fmt: on
