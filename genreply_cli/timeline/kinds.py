"""One table: how each kind of step is called and drawn, in which colour, and what it says. Every view draws from it."""

from collections.abc import Callable, Mapping
from typing import Any, Final, NamedTuple

from genreply_cli.text import quoted, visible
from genreply_cli.transcript.tracer import ABSENT, Step

# --- what a step says --------------------------------------------------------------------------------------------------------


class Said(NamedTuple):
    """The words of a step: a body, which is cut where there is no room, and a note behind it, which is not."""

    body: str
    note: str = ""
    brief: tuple[str, str] | None = None  # both, where there is little room
    whole: tuple[str, str] | None = None  # both, where there is room for all
    least: str = ""  # what must not be cut, where there is no room for the brief

    def in_brief(self) -> tuple[str, str]:
        return self.brief or (self.body, self.note)

    def at_length(self) -> tuple[str, str]:
        return self.whole or (self.body, self.note)


def show(value: Any) -> str:
    """A value as text: as JSON, and what JSON could not hold as its repr."""
    match value:
        case str():
            return quoted(value)
        case None | True | False:
            return {None: "null", True: "true", False: "false"}[value]
        case list():
            return f"[{', '.join(map(show, value))}]"
        case {"repr": str(text), **others} if not others:
            return visible(text)
        case dict():
            return f"{{{', '.join(f'{quoted(key)}: {show(item)}' for key, item in value.items())}}}"
        case _:
            return visible(repr(value))


def show_message(message: Any) -> str:
    """What was sent: `greet "Hello"` for the Elixir tuple ["greet", "Hello"]."""
    match message:
        case [str(tag), *values] if tag.isidentifier():
            return f"{visible(tag)} {', '.join(map(show, values))}".rstrip()
    return "" if message is ABSENT else show(message)


def duration(seconds: float) -> str:
    """How long somebody waited: 251 ms, 1.300 s."""
    if seconds >= 1:
        return f"{seconds:.3f} s"
    return (
        f"{seconds * 1000:.0f} ms"
        if seconds >= 0.001 or not seconds
        else f"{seconds * 1000:.3f} ms"
    )


def named(name: Any) -> str:
    """A name, or any other text from outside."""
    return "?" if name is None else visible(str(name))


def _value(step: Step) -> str:
    """What was answered. It has no tag: an answer may be any value."""
    return "" if step.message is ABSENT else show(step.message)


def _asked(step: Step) -> Said:
    return Said(show_message(step.message))


def _sent(step: Step) -> Said:
    match step.message:
        case [str(), value]:  # an answer on its way back: the value says more than its tag
            return Said(show_message(step.message), brief=(show(value), ""))
    return _asked(step)


def _kept(step: Step) -> Said:
    waiting = f"{len(step.details.get('waiting') or [step.call])} waiting"
    kept = f"caller {named(step.call)} kept, not answered; {waiting}"
    return Said(kept, brief=(f"kept; {waiting}", ""), whole=(f"caller kept, {waiting}", ""))


def _timed(body: str, word: str, seconds: float) -> Said:
    """With how long it took; exactly, where there is room."""
    took = duration(seconds)
    return Said(body, f"{word} {took}", brief=(body, took), whole=(body, f"{word} {seconds:.3f} s"))


def _replied(step: Step) -> Said:
    blocked = step.details.get("blocked")
    return Said(_value(step)) if blocked is None else _timed(_value(step), "blocked", blocked)


def _wrong(step: Step) -> Said:
    asker = named(step.details.get("for"))
    brief = f"WRONG CALLER, not {asker}"
    return Said(
        _value(step), f"WRONG CALLER: asked by {asker}", brief=(_value(step), brief), least=brief
    )


def _gave_up(step: Step) -> Said:
    what = "gave up" if step.kind == "timeout" else "cancelled"
    seconds, went_to, went_at = map(step.details.get, ("blocked", "went_to", "went_at"))
    if went_to is not None:
        at = "" if went_at is None else f" at +{went_at:.3f} s"
        brief = f"{named(went_to)} got its answer"
        return Said(
            f"{what}; its answer went to {named(went_to)}{at}",
            brief=(f"{what}; {brief}", ""),
            least=brief,
        )
    after = what if seconds is None else f"{what} after {seconds:.3f} s"
    return Said(f"{after}; nobody is told", brief=(after, ""), least=what)


def _dropped(step: Step) -> Said:
    call, ago, meant = named(step.call), step.details.get("ago"), step.details.get("for")
    what, who = ("left", "caller ") if step.kind == "late" else ("was answered", "")
    why = f"{call} {what}" if ago is None else f"{call} {what} {ago:.3f} s ago"
    asker = "" if meant is None else f"; asked by {named(meant)}"
    dropped = f"dropped: {who}{why}{asker}"
    least = f"dropped: {call} {what.split()[-1]}"
    return Said(dropped, brief=(f"dropped: {why}", ""), whole=(_value(step), dropped), least=least)


def _lost(step: Step) -> Said:
    return Said(
        show_message(step.message),
        f"lost: {named(step.target)} has ended",
        brief=(show_message(step.message), "lost"),
    )


def _crashed(step: Step) -> Said:
    return Said(named(step.details.get("error")))


def _ended(step: Step) -> Said:
    reason = step.details.get("reason")
    if step.details.get("link") is None:
        return Said(f"ended: {named(reason)}")
    linked = f"linked, so the {named(step.at)} goes down too"
    return Said(
        linked,
        brief=("linked, goes down too", ""),
        whole=(linked, "" if reason is None else named(reason)),
    )


def _told(step: Step) -> Said:
    reason, blocked = step.details.get("reason"), step.details.get("blocked")
    if blocked is None:  # a monitor, or a recording that does not say
        return Said(f"{named(step.source)} died: {named(reason)}")
    died = f"{named(step.source)} died before it replied"
    if reason == "noproc":
        return Said(
            f"nobody is there: {named(step.source)} has ended before", brief=("nobody is there", "")
        )
    after = f"after {duration(blocked)}"
    whole = died if reason is None else f"{died}: {named(reason)}"
    brief = f"{named(step.source)} died"
    return Said(
        died, after, brief=(brief, after), whole=(whole, f"after {blocked:.3f} s"), least=brief
    )


def _started(step: Step) -> Said:
    module, linked = step.details.get("module"), step.details.get("linked")
    return Said(named(module) if linked is None else f"{named(module)}, linked to {named(linked)}")


def _marked(step: Step) -> Said:
    return Said(named(step.details.get("label" if step.kind == "mark" else "what")))


def _counted(step: Step) -> Said:
    counts = {
        name.replace("_", " "): step.details.get(name)
        for name in ("calls", "replied", "timed_out", "failed", "dropped")
    }
    full = ", ".join(f"{name} {count}" for name, count in counts.items() if count is not None)
    brief = ", ".join(
        f"{name} {count}" for name, count in counts.items() if count and name != "calls"
    )
    return Said(full, brief=(brief or full, ""))


def _noted(step: Step) -> Said:
    """What a program says of itself, or a kind that only a later version knows."""
    return Said(
        " ".join(
            filter(
                None, [show_message(step.message), show(dict(step.details)) if step.details else ""]
            )
        )
    )


# --- the table ---------------------------------------------------------------------------------------------------------------

GONE: Final = "\N{MULTIPLICATION SIGN}"


class Look(NamedTuple):
    """How a kind of step looks, and what it says."""

    word: str
    arrow: str  # "─" asks, "┈" answers, "" goes nowhere
    mark: str  # stands where it arrives, or happens; "" leaves the lifeline as it is
    colour: str  # as Rich names it: ANSI names, so the user's theme decides
    says: Callable[[Step], Said]
    sentence: str  # for the accessible view
    root: str = ""  # stands where it comes from; "" is where an arrow begins


LOOKS: Final[Mapping[str, Look]] = {
    "start":     Look("start",   "",  "●",  "dim",        _started, "{at} is started: {said}"),
    "call":      Look("call",    "─", "",   "cyan",       _asked,   "{source} asks {target}, and waits: {said}"),
    "noreply":   Look("noreply", "",  "■",  "blue",       _kept,    "{at} goes on without an answer: {said}"),
    "cast":      Look("cast",    "─", "",   "yellow",     _asked,   "{source} casts to {target}: {said}"),
    "info":      Look("info",    "─", "",   "magenta",    _sent,    "{source} sends to {target}: {said}"),
    "reply":     Look("reply",   "┈", "",   "bold green", _replied, "{source} answers {target}: {said}"),
    "wrong":     Look("reply",   "┈", "!",  "bold red",   _wrong,   "{source} answers {target}: {said}"),
    "timeout":   Look("timeout", "",  GONE, "bold red",   _gave_up, "{source} waits no longer: {said}"),
    "cancel":    Look("cancel",  "",  GONE, "red",        _gave_up, "{source} waits no longer: {said}"),
    "late":      Look("late",    "┈", GONE, "red",        _dropped, "{source} answers {target} too late: {said}"),
    "duplicate": Look("dup",     "┈", GONE, "red",        _dropped, "{source} answers {target} again: {said}"),
    "lost":      Look("lost",    "─", GONE, "red",        _lost,    "{source} sends to {target} in vain: {said}"),
    "crash":     Look("crash",   "",  GONE, "bold red",   _crashed, "{at} crashes: {said}"),
    "exit":      Look("exit",    "┈", GONE, "red",        _ended,   "{at} is gone: {said}"),
    "stopped":   Look("exit",    "┈", GONE, "dim",        _ended,   "{at} is gone: {said}"),
    "down":      Look("down",    "┈", "",   "red",        _told,    "{target} is told: {said}", root=GONE),
    "fault":     Look("fault",   "",  "!",  "red",        _marked,  "a fault is injected at {at}: {said}"),
    "mark":      Look("mark",    "",  "",   "bold",       _marked,  "mark: {said}"),
    "end":       Look("end",     "",  "",   "dim",        _counted, "the end: {said}"),
}  # fmt: skip


def look_of(step: Step) -> Look:
    """The row of the table for a step. An answer to the wrong caller has its own, and so has an end that nobody need mourn."""
    if step.kind == "reply" and step.details.get("for") is not None:
        return LOOKS["wrong"]
    if step.kind == "exit" and step.details.get("reason") in {"normal", "shutdown"}:
        return LOOKS["stopped"]
    return LOOKS.get(step.kind) or Look(
        visible(step.kind), "─", "•", "dim", _noted, "{kind}: {said}"
    )


def ends(step: Step) -> tuple[str | None, str | None]:
    """From where to where a step goes; from None if it happens in one place."""
    if step.kind == "exit":
        return step.details.get("link"), step.at
    if look_of(step).arrow and step.at is None:
        return step.source, step.target
    return None, step.source if step.at is None else step.at
