"""What a row says."""

from typing import NamedTuple

from genreply_cli.transcript.pretty import duration, pretty, pretty_message, pretty_name
from genreply_cli.transcript.step import NO_MESSAGE, Step


class Wording(NamedTuple):
    """The words of a step: a body, which is cut where there is no room, and a note behind it, which is not."""

    body: str
    note: str = ""
    brief: tuple[str, str] | None = None  # both, where there is little room
    whole: tuple[str, str] | None = None  # both, where there is room for all
    must_show: str = ""  # what must not be cut, where there is no room for the brief

    def in_brief(self) -> tuple[str, str]:
        return self.brief or (self.body, self.note)

    def at_length(self) -> tuple[str, str]:
        return self.whole or (self.body, self.note)


def _value(step: Step) -> str:
    """What was answered. It has no tag: an answer may be any value."""
    return "" if step.message is NO_MESSAGE else pretty(step.message)


def _asked(step: Step) -> Wording:
    return Wording(pretty_message(step.message))


def _sent(step: Step) -> Wording:
    match step.message:
        case [str(), value]:  # an answer on its way back: the value says more than its tag
            return Wording(pretty_message(step.message), brief=(pretty(value), ""))
    return _asked(step)


def _kept(step: Step) -> Wording:
    waiting = f"{len(step.details.get('waiting') or [step.call])} waiting"
    kept = f"caller {pretty_name(step.call)} kept, not answered; {waiting}"
    return Wording(kept, brief=(f"kept; {waiting}", ""), whole=(f"caller kept, {waiting}", ""))


def _timed(body: str, word: str, seconds: float) -> Wording:
    """With how long it took; exactly, where there is room."""
    took = duration(seconds)
    return Wording(
        body, f"{word} {took}", brief=(body, took), whole=(body, f"{word} {seconds:.3f} s")
    )


def _replied(step: Step) -> Wording:
    blocked = step.details.get("blocked")
    return Wording(_value(step)) if blocked is None else _timed(_value(step), "blocked", blocked)


def _wrong(step: Step) -> Wording:
    asker = pretty_name(step.details.get("for"))
    brief = f"WRONG CALLER, not {asker}"
    return Wording(
        _value(step),
        f"WRONG CALLER: asked by {asker}",
        brief=(_value(step), brief),
        must_show=brief,
    )


def _gave_up(step: Step) -> Wording:
    what = "gave up" if step.kind == "timeout" else "cancelled"
    seconds, went_to, went_at = map(step.details.get, ("blocked", "went_to", "went_at"))
    if went_to is not None:
        at = "" if went_at is None else f" at +{went_at:.3f} s"
        brief = f"{pretty_name(went_to)} got its answer"
        return Wording(
            f"{what}; its answer went to {pretty_name(went_to)}{at}",
            brief=(f"{what}; {brief}", ""),
            must_show=brief,
        )
    after = what if seconds is None else f"{what} after {seconds:.3f} s"
    return Wording(f"{after}; nobody is told", brief=(after, ""), must_show=what)


def _dropped(step: Step) -> Wording:
    call, ago, meant = pretty_name(step.call), step.details.get("ago"), step.details.get("for")
    what, who = ("left", "caller ") if step.kind == "late" else ("was answered", "")
    why = f"{call} {what}" if ago is None else f"{call} {what} {ago:.3f} s ago"
    asker = "" if meant is None else f"; asked by {pretty_name(meant)}"
    dropped = f"dropped: {who}{why}{asker}"
    least = f"dropped: {call} {what.split()[-1]}"
    return Wording(
        dropped, brief=(f"dropped: {why}", ""), whole=(_value(step), dropped), must_show=least
    )


def _lost(step: Step) -> Wording:
    return Wording(
        pretty_message(step.message),
        f"lost: {pretty_name(step.target)} has ended",
        brief=(pretty_message(step.message), "lost"),
    )


def _crashed(step: Step) -> Wording:
    return Wording(pretty_name(step.details.get("error")))


def _ended(step: Step) -> Wording:
    reason = step.details.get("reason")
    if step.details.get("link") is None:
        return Wording(f"ended: {pretty_name(reason)}")
    linked = f"linked, so the {pretty_name(step.at)} goes down too"
    return Wording(
        linked,
        brief=("linked, goes down too", ""),
        whole=(linked, "" if reason is None else pretty_name(reason)),
    )


def _told(step: Step) -> Wording:
    reason, blocked = step.details.get("reason"), step.details.get("blocked")
    if blocked is None:  # a monitor, or a recording that does not say
        return Wording(f"{pretty_name(step.source)} died: {pretty_name(reason)}")
    died = f"{pretty_name(step.source)} died before it replied"
    if reason == "noproc":
        return Wording(
            f"nobody is there: {pretty_name(step.source)} has ended before",
            brief=("nobody is there", ""),
        )
    after = f"after {duration(blocked)}"
    whole = died if reason is None else f"{died}: {pretty_name(reason)}"
    brief = f"{pretty_name(step.source)} died"
    return Wording(
        died, after, brief=(brief, after), whole=(whole, f"after {blocked:.3f} s"), must_show=brief
    )


def _started(step: Step) -> Wording:
    module, linked = step.details.get("module"), step.details.get("linked")
    return Wording(
        pretty_name(module)
        if linked is None
        else f"{pretty_name(module)}, linked to {pretty_name(linked)}"
    )


def _marked(step: Step) -> Wording:
    return Wording(pretty_name(step.details.get("label" if step.kind == "mark" else "what")))


def _counted(step: Step) -> Wording:
    counts = {
        name.replace("_", " "): step.details.get(name)
        for name in ("calls", "replied", "timed_out", "failed", "dropped")
    }
    full = ", ".join(f"{name} {count}" for name, count in counts.items() if count is not None)
    brief = ", ".join(
        f"{name} {count}" for name, count in counts.items() if count and name != "calls"
    )
    return Wording(full, brief=(brief or full, ""))


def _noted(step: Step) -> Wording:
    """What a program says of itself, or a kind that only a later version knows."""
    return Wording(
        " ".join(
            filter(
                None,
                [pretty_message(step.message), pretty(dict(step.details)) if step.details else ""],
            )
        )
    )
