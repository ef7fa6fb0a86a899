"""The words of a row: one function for each kind of step, or for several that say the same."""

from collections.abc import Mapping
from typing import Any, Final, NamedTuple

from genreply_cli.transcript.counts import COUNTED
from genreply_cli.transcript.pretty import (
    duration,
    listed,
    pretty,
    pretty_message,
    pretty_name,
    pretty_part,
    pretty_state,
)
from genreply_cli.transcript.step import NO_MESSAGE, Step, is_error


class Wording(NamedTuple):
    """A body, which is cut where there is no room, and a note behind it, which is not cut.

    `brief` and `whole` are another body and note, for little room and for enough room for all.
    """

    body: str
    note: str = ""
    brief: tuple[str, str] | None = None
    whole: tuple[str, str] | None = None
    must_show: str = ""  # what remains where there is no room for the brief

    def in_brief(self) -> tuple[str, str]:
        """Body and note for little room."""
        return self.brief or (self.body, self.note)

    def at_length(self) -> tuple[str, str]:
        """Body and note where there is room for all."""
        return self.whole or (self.body, self.note)


def started(step: Step) -> Wording:
    text = pretty_name(step.details.get("module"))
    linked, owner = step.details.get("linked"), step.details.get("owner")
    if linked is not None:
        text += f", linked to {pretty_name(linked)}"
    if owner is not None:
        text += f", owned by {pretty_name(owner)}"
    if step.details.get("already"):
        text += ", running already"
    return Wording(text)


def asked(step: Step) -> Wording:
    return Wording(pretty_message(step.message))


def sent(step: Step) -> Wording:
    match step.message:
        case [str(), value]:  # an answer on its way back: the value says more than its tag
            return Wording(pretty_message(step.message), brief=(pretty_part(value), ""))
    return asked(step)


def kept(step: Step) -> Wording:
    caller = f"caller {pretty_name(step.call)} kept, not answered"
    if step.waiting is None:
        return Wording(caller, brief=("kept", ""), whole=("caller kept", ""))
    waiting = f"{step.waiting} waiting"
    brief = f"kept; {waiting}"
    if step.in_vain:
        brief = f"{waiting}, {step.in_vain} in vain"
        waiting = f"{waiting}, {step.in_vain} of them in vain"
    return Wording(
        f"{caller}; {waiting}",
        brief=(brief, ""),
        whole=(f"caller kept, {waiting}", ""),
    )


def state(step: Step) -> Wording:
    return Wording(pretty_state(step.details.get("state")))


def forgotten(step: Step) -> Wording:
    calls, them = listed(step.forgot), "it" if len(step.forgot) == 1 else "them"
    return Wording(
        f"{calls} forgotten: nothing in the {pretty_name(step.at)} leads to {them} any more",
        brief=(f"{calls} forgotten; nothing leads to {them}", ""),
        must_show=f"{calls} forgotten",
    )


def replied(step: Step) -> Wording:
    value, blocked = _value(step), step.details.get("blocked")
    if blocked is None:
        return Wording(value)
    short = duration(blocked)
    return Wording(
        value,
        f"blocked {short}",
        brief=(value, "" if is_error(step.message) else short),
        whole=(value, f"blocked {blocked:.3f} s"),
        must_show=pretty_name(step.message["raise"]) if is_error(step.message) else "",
    )


def misdirected(step: Step) -> Wording:
    asker = pretty_name(step.details.get("for"))
    brief = f"WRONG CALLER, not {asker}"
    return Wording(
        _value(step),
        f"WRONG CALLER: asked by {asker}",
        brief=(_value(step), brief),
        must_show=brief,
    )


def gave_up(step: Step) -> Wording:
    verb = "gave up" if step.kind == "timeout" else "cancelled"
    seconds, went_to, went_at = map(step.details.get, ("blocked", "went_to", "went_at"))
    if went_to is not None:
        at = "" if went_at is None else f" at +{went_at:.3f} s"
        brief = f"{pretty_name(went_to)} got its answer"
        return Wording(
            f"{verb}; its answer went to {pretty_name(went_to)}{at}",
            brief=(f"{verb}; {brief}", ""),
            must_show=brief,
        )
    after = verb if seconds is None else f"{verb} after {seconds:.3f} s"
    told = step.told
    if told is None:
        return Wording(after, must_show=verb)
    hearers = (
        f"{listed(told)} {'is' if len(told) == 1 else 'are'} told" if told else "nobody is told"
    )
    return Wording(f"{after}; {hearers}", brief=(after, ""), must_show=verb)


def dropped(step: Step) -> Wording:
    call, ago, meant = pretty_name(step.call), step.details.get("ago"), step.details.get("for")
    verb, subject = ("left", "caller ") if step.kind == "late" else ("was answered", "")
    why = f"{call} {verb}" if ago is None else f"{call} {verb} {ago:.3f} s ago"
    asker = "" if meant is None else f"; asked by {pretty_name(meant)}"
    full = f"dropped: {subject}{why}{asker}"
    if meant is None:
        brief, must_show = f"dropped: {why}", f"dropped: {call} {verb.split()[-1]}"
    else:
        brief = f"dropped; it was {pretty_name(meant)}'s answer"
        must_show = f"dropped; {pretty_name(meant)}'s answer"
    return Wording(full, brief=(brief, ""), whole=(_value(step), full), must_show=must_show)


def lost(step: Step) -> Wording:
    message = pretty_message(step.message)
    return Wording(message, f"lost: {pretty_name(step.target)} has ended", brief=(message, "lost"))


def crashed(step: Step) -> Wording:
    error = step.details.get("error")
    return Wording(pretty_name(error), must_show=_text_of(error))


def ended(step: Step) -> Wording:
    reason = step.details.get("reason")
    if step.details.get("link") is None:
        ended = pretty_name(reason)
        return Wording(f"ended: {ended}", brief=(ended, ""), must_show=_text_of(reason))
    linked = f"linked, so the {pretty_name(step.at)} goes down too"
    return Wording(
        linked,
        brief=("linked, goes down too", ""),
        whole=(linked, "" if reason is None else pretty_name(reason)),
    )


def given_up(step: Step) -> Wording:
    verb = "was cancelled" if step.details.get("reason") == "cancelled" else "gave up"
    return Wording(f"{pretty_name(step.call)} {verb}")


def notified(step: Step) -> Wording:
    reason, blocked = step.details.get("reason"), step.details.get("blocked")
    server = pretty_name(step.source)
    if blocked is None:  # a monitor, or a recording that does not say
        return Wording(f"{server} died: {pretty_name(reason)}")
    if step.details.get("passed_on"):
        failed = f"{server} fails the call: {pretty_name(reason)}"
        return Wording(failed, f"after {duration(blocked)}", must_show=f"{server} fails the call")
    if reason == "noproc":
        return Wording(f"nobody is there: {server} has ended before", brief=("nobody is there", ""))
    died = f"{server} died before it replied"
    after = f"after {duration(blocked)}"
    whole = died if reason is None else f"{died}: {pretty_name(reason)}"
    brief = f"{server} died"
    return Wording(
        died,
        after,
        brief=(brief, after),
        whole=(whole, f"after {blocked:.3f} s"),
        must_show=brief,
    )


FAULTS: Final[Mapping[str, str]] = {  # what becomes of the answer that is on its way
    "drop": "will never come",
    "late": "is held back",
    "duplicate": "will come twice",
    "reorder": "can be overtaken",
}


def faulty(step: Step) -> Wording:
    what = pretty_name(step.details.get("what"))
    becomes = FAULTS.get(what)
    if becomes is None:
        return Wording(what)
    brief = f"{what}: {becomes}"
    return Wording(f"{what}: this answer {becomes}", brief=(brief, ""), must_show=what)


def labelled(step: Step) -> Wording:
    return Wording(pretty_name(step.details.get("label")))


def counted(step: Step) -> Wording:
    counts = {name.replace("_", " "): step.details.get(name) for name in COUNTED}
    full = [f"{name} {count}" for name, count in counts.items() if count is not None]
    brief = [f"{name} {count}" for name, count in counts.items() if count and name != "calls"]
    return Wording(", ".join(full), brief=(", ".join(brief or full), ""))


def noted(step: Step) -> Wording:
    """A note of a program, or a kind that only a later version knows."""
    details = pretty(dict(step.details)) if step.details else ""
    return Wording(" ".join(filter(None, [pretty_message(step.message), details])))


def _text_of(error: Any) -> str:
    """The text of an error without its type: `no such file` of `OSError: no such file`."""
    shown = pretty_name(error)
    return shown.partition(": ")[2] or shown


def _value(step: Step) -> str:
    """The value of an answer. It has no tag, for an answer may be any value."""
    return "" if step.message is NO_MESSAGE else pretty(step.message)
