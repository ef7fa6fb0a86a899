"""What each kind of step means, and what comes next, in a sentence or two for somebody who has never seen it."""

from collections.abc import Callable, Mapping, Sequence
from typing import Final, NamedTuple

from genreply_cli.session.network import KINDS
from genreply_cli.timeline.kinds import style_of
from genreply_cli.transcript.pretty import duration, pretty, pretty_message, pretty_name
from genreply_cli.transcript.step import NO_MESSAGE, Step


class Meaning(NamedTuple):
    """A row of the table: what has happened, what comes next, and where the exhibits do it.

    `action` is what the exhibits do when such a step is seen, and `handling` what a server does in
    the callback that receives it; both are names of quotes.py.
    """

    meaning: Callable[[Step], str]
    next_step: str | Callable[[Step, Sequence[str]], str]
    action: str | None = None
    handling: str | None = None


def why(step: Step, waiting: Sequence[str] = ()) -> str:
    """What a step means, and what comes next. `waiting`: the calls that are kept waiting just then, if somebody knows."""
    then = _row(step).next_step
    if isinstance(then, str):
        told = {
            "source": _from(step),
            "target": _to(step),
            "call": pretty_name(step.call),
            "meant": pretty_name(step.details.get("for")),
        }
        return f"{meaning(step)} {then.format(**told)}".rstrip()
    return f"{meaning(step)} {then(step, waiting)}".rstrip()


def meaning(step: Step) -> str:
    """What a step means, in a sentence."""
    return _row(step).meaning(step)


def action(step: Step) -> str | None:
    """What the exhibits do when this step is seen, by its name in quotes.py."""
    return _row(step).action


def handling(kind: str | None) -> str | None:
    """What a server does in the callback that receives a step of this kind."""
    row = MEANINGS.get(kind or "")
    return None if row is None else row.handling


def _row(step: Step) -> Meaning:
    match step.kind:
        case "reply" if step.details.get("for") is not None:
            return MEANINGS["wrong"]
        case "exit" if step.details.get("link") is not None:
            return MEANINGS["linked"]
        case "down" if "blocked" not in step.details:
            return MEANINGS["monitor"]
        case "down" if step.details.get("reason") == "noproc":
            return MEANINGS["nobody"]
    return MEANINGS.get(step.kind, MEANINGS["note"])


# --- the words ---------------------------------------------------------------------------------------------------------------


def _says(step: Step) -> str:
    said = "" if step.message is NO_MESSAGE else pretty_message(step.message)
    return f": {said}" if said else ""


def _value(step: Step) -> str:
    return "" if step.message is NO_MESSAGE else f" {pretty(step.message)}"


def _from(step: Step) -> str:
    return pretty_name(step.source)


def _to(step: Step) -> str:
    return pretty_name(step.target)


def _after(step: Step, name: str, word: str = " after") -> str:
    """How long somebody had waited, if it is known: ` after 250 ms`."""
    seconds = step.details.get(name)
    return f"{word} {duration(seconds)}" if isinstance(seconds, int | float) else ""


def _all(calls: Sequence[str]) -> str:
    """`c1`, `c1 and c2`, `c1, c2 and 7 more`."""
    shown = [pretty_name(call) for call in (calls if len(calls) <= 3 else calls[:2])]
    last = [f"{len(calls) - 2} more"] if len(calls) > 3 else []
    *rest, final = [*shown, *last]
    return f"{', '.join(rest)} and {final}" if rest else final


def _limit(step: Step) -> str:
    if "timeout" not in step.details:
        return ""
    timeout = step.details["timeout"]
    return (
        f", for at most {timeout:g} s"
        if isinstance(timeout, int | float)
        else ", for as long as it takes"
    )


def _kept(step: Step) -> str:
    calls = step.details.get("waiting") or []
    several = f"; {_all(calls)} wait" if len(calls) > 1 else ""
    kept = f"{pretty_name(step.at)} does not answer yet: it keeps the caller, who stays blocked"
    return f"{kept}, and is free for other messages{several}."


def _next_of_info(step: Step, waiting: Sequence[str]) -> str:
    if not waiting:
        return f"Next, handle_info of {_to(step)} sees it."
    if step.call in waiting:
        return f"Next, reply(from, ...) unblocks {pretty_name(step.call)}."
    return f"Nobody waits for this any more; {_all(waiting)} {'wait' if len(waiting) > 1 else 'waits'} for something else."


def _gave_up(step: Step) -> str:
    went = step.details.get("went_to")
    how = "is cancelled" if step.kind == "cancel" else "gives up"
    lost = "" if went is None else f" Its answer went to {pretty_name(went)}."
    return f"{_from(step)} {how}{_after(step, 'blocked')}, and goes on without an answer; {_to(step)} is not told.{lost}"


def _dropped(step: Step) -> str:
    meant = step.details.get("for")
    asked = (
        ""
        if meant is None
        else f" It was the answer to {pretty_name(meant)}, which does not get it."
    )
    if step.kind == "late":
        left = f"{_to(step)} has gone{_after(step, 'ago', ',')}{' ago' if 'ago' in step.details else ''}"
        return f"{_from(step)} replies{_value(step)}, and is too late: {left}. The reply is dropped.{asked}"
    return f"{_from(step)} replies once more to {pretty_name(step.call)}, which has its answer:{_value(step)} is dropped.{asked}"


def _fault(step: Step) -> str:
    what = step.details.get("what")
    does = KINDS.get(str(what))
    return (
        f"As --fault {what} asks, the network does wrong: {does}."
        if does
        else f"A fault, at {pretty_name(step.at)}: {pretty_name(what)}."
    )


def _started(step: Step) -> str:
    linked = step.details.get("linked")
    with_it = (
        f", linked to {pretty_name(linked)}: if one of them crashes, both go down"
        if linked is not None
        else ""
    )
    return f"{pretty_name(step.at)} is started{with_it}."


def _counted(step: Step) -> str:
    return f"The end: {style_of(step).wording(step).body}."


def _noted(step: Step) -> str:
    said = style_of(step).wording(step).body
    return f"A note, {pretty_name(step.kind)}{': ' + said if said else ''}."


def _next_of_end(_: Step, waiting: Sequence[str]) -> str:
    who = (
        f"{_all(waiting)} {'are' if len(waiting) > 1 else 'is'}"
        if waiting
        else "Whoever waits for it is"
    )
    return f"Next, {who} told at once."


MEANINGS: Final[Mapping[str, Meaning]] = {
    "start": Meaning(
        _started, "It handles one message at a time, in the order in which they come."
    ),
    "call": Meaning(
        lambda step: (
            f"{_from(step)} asks {_to(step)}, and is blocked from here on{_limit(step)}{_says(step)}."
        ),
        "Next, handle_call of {target} takes it up.",
        action="ask",
        handling="pass on",
    ),
    "noreply": Meaning(
        _kept,
        "Next, the answer has to come as a message; until then nothing holds the server up.",
        action="keep",
    ),
    "cast": Meaning(
        lambda step: (
            f"{_from(step)} passes it on to {_to(step)}, and does not wait for an answer{_says(step)}."
        ),
        "Next, handle_cast of {target} works on it; meanwhile {source} goes on.",
        action="pass on",
        handling="answer",
    ),
    "info": Meaning(
        lambda step: f"{_from(step)} has answered {_to(step)}, and not the caller{_says(step)}.",
        _next_of_info,
        action="answer",
        handling="hand on",
    ),
    "reply": Meaning(
        lambda step: (
            f"{_from(step)} replies{_value(step)}; {_to(step)} goes on{_after(step, 'blocked')}."
        ),
        "With that {call} is over.",
        action="reply",
    ),
    "wrong": Meaning(
        lambda step: (
            f"WRONG CALLER: {_from(step)} replies{_value(step)} to {_to(step)}, who did not ask that:"
            f" it is the answer to {pretty_name(step.details.get('for'))}."
        ),
        "If {meant} still waits, it waits in vain.",
        action="reply",
    ),
    "timeout": Meaning(_gave_up, "An answer that comes after this is dropped.", action="ask"),
    "cancel": Meaning(_gave_up, "An answer that comes after this is dropped.", action="ask"),
    "late": Meaning(_dropped, "Nobody is disturbed by it.", action="reply"),
    "duplicate": Meaning(_dropped, "Nobody is disturbed by it.", action="reply"),
    "lost": Meaning(
        lambda step: (
            f"{_from(step)} sends to {_to(step)}, which has ended{_says(step)}. It is lost."
        ),
        "Nobody is told: who has to know calls, or watches.",
        action="pass on",
    ),
    "crash": Meaning(
        lambda step: f"{pretty_name(step.at)} crashes: {pretty_name(step.details.get('error'))}.",
        lambda step, waiting: (
            f"Whoever is linked to it goes down with it. {_next_of_end(step, waiting)}"
        ),
    ),
    "exit": Meaning(
        lambda step: (
            f"{pretty_name(step.at)} has ended: {pretty_name(step.details.get('reason'))}."
        ),
        _next_of_end,
    ),
    "linked": Meaning(
        lambda step: (
            f"{pretty_name(step.at)} is linked to {pretty_name(step.details.get('link'))}, and goes down with it."
        ),
        _next_of_end,
    ),
    "down": Meaning(
        lambda step: (
            f"{_to(step)} is told that {_from(step)} has died{_after(step, 'blocked', ', after')}:"
            f" it need not wait for its timeout. The reason: {pretty_name(step.details.get('reason'))}."
        ),
        "With that {call} has failed; a new one needs a new server.",
        action="ask",
    ),
    "nobody": Meaning(
        lambda step: (
            f"{_to(step)} is told at once that nobody is there: {_from(step)} has ended before."
        ),
        "With that {call} has failed; a new one needs a new server.",
        action="ask",
    ),
    "monitor": Meaning(
        lambda step: (
            f"{_to(step)}, who watches {_from(step)}, is told that it has ended: {pretty_name(step.details.get('reason'))}."
        ),
        "",
        action="ask",
    ),
    "fault": Meaning(_fault, ""),
    "mark": Meaning(lambda step: f"A mark: {pretty_name(step.details.get('label'))}.", ""),
    "end": Meaning(_counted, ""),
    "note": Meaning(_noted, ""),
}
