"""One table: how each kind of step is called and drawn, in which colour, and what it says. Every view draws from it."""

from collections.abc import Callable, Mapping
from typing import Any, Final, NamedTuple

from genreply_cli.trace import ABSENT, Step
from genreply_cli.visible import quoted, visible

# --- what a step says --------------------------------------------------------------------------------------------------------


class Said(NamedTuple):
    """The words of a step: a body, which is cut where there is little room, and a note behind it, which is kept."""

    body: str
    note: str = ""
    seconds: float | None = None  # the end of the note
    brief: str | None = None  # the body where there is little room
    brief_note: str | None = None
    whole: str | None = None  # the body where there is room for all

    def at_length(self) -> tuple[str, str]:
        """Body and note, where there is room for all; seconds as the transcript has them."""
        return self.body if self.whole is None else self.whole, _with(self.note, self.seconds, lambda seconds: f"{seconds:.3f} s")

    def in_lanes(self) -> tuple[str, str]:
        """Body and note, beside a drawing."""
        return self.body, _with(self.note, self.seconds, duration)

    def in_brief(self) -> tuple[str, str]:
        """Body and note, where there is little room."""
        note = self.note if self.brief_note is None else self.brief_note
        return self.body if self.brief is None else self.brief, _with(note, self.seconds, duration)


def _with(note: str, seconds: float | None, form: Callable[[float], str]) -> str:
    return note if seconds is None else f"{note} {form(seconds)}".lstrip()


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
    return f"{seconds * 1000:.0f} ms" if seconds >= 0.001 or not seconds else f"{seconds * 1000:.3f} ms"


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
            return Said(show_message(step.message), brief=show(value))
    return _asked(step)


def _kept(step: Step) -> Said:
    waiting = f"{len(step.details.get('waiting') or [step.call])} waiting"
    kept = f"caller {named(step.call)} kept, not answered; {waiting}"
    return Said(kept, brief=f"kept; {waiting}", whole=f"caller kept, {waiting}")


def _replied(step: Step) -> Said:
    blocked, value = step.details.get("blocked"), _value(step)
    return Said(value) if blocked is None else Said(value, "blocked", blocked, brief_note="")


def _wrong(step: Step) -> Said:
    asker = named(step.details.get("for"))
    return Said(_value(step), f"WRONG CALLER: asked by {asker}", brief_note="WRONG CALLER")


def _gave_up(step: Step) -> Said:
    what = "gave up" if step.kind == "timeout" else "cancelled"
    seconds, went_to, went_at = (step.details.get(name) for name in ("blocked", "went_to", "went_at"))
    after = what if seconds is None else f"{what} after {seconds:.3f} s"
    if went_to is None:
        return Said(f"{after}; nobody is told", brief=after)
    at = "" if went_at is None else f" at +{went_at:.3f} s"
    return Said(f"{what}; its answer went to {named(went_to)}{at}", brief=f"{what}; {named(went_to)} got its answer")


def _dropped(step: Step) -> Said:
    call, ago, meant = named(step.call), step.details.get("ago"), step.details.get("for")
    when = "" if ago is None else f" {ago:.3f} s ago"
    why = f"caller {call} left" if step.kind == "late" else f"{call} was answered"
    asker = "" if meant is None else f"; asked by {named(meant)}"
    dropped = f"dropped: {why}{when}{asker}"
    return Said(dropped, brief=f"dropped: {why.removeprefix('caller ')}{when}", whole=f"{_value(step)} {dropped}".lstrip())


def _lost(step: Step) -> Said:
    return Said(show_message(step.message), f"lost: {named(step.target)} has ended", brief_note="lost")


def _crashed(step: Step) -> Said:
    return Said(named(step.details.get("error")))


def _ended(step: Step) -> Said:
    reason = step.details.get("reason")
    if step.details.get("link") is None:
        return Said(f"ended: {named(reason)}")
    linked = f"linked, so the {named(step.at)} goes down too"
    return Said(linked, brief="linked, goes down too", whole=linked if reason is None else f"{linked}: {named(reason)}")


def _told(step: Step) -> Said:
    reason, blocked = step.details.get("reason"), step.details.get("blocked")
    if blocked is None:
        return Said(f"{named(step.source)} died: {named(reason)}")
    died = f"{named(step.source)} died before it replied"
    return Said(died, "after", blocked, whole=died if reason is None else f"{died}: {named(reason)}")


def _started(step: Step) -> Said:
    module, linked = step.details.get("module"), step.details.get("linked")
    return Said(", ".join([named(module), *([] if linked is None else [f"linked to {named(linked)}"])]))


def _label(step: Step) -> Said:
    return Said(named(step.details.get("label" if step.kind == "mark" else "what")))


def _counted(step: Step) -> Said:
    names = ("calls", "replied", "timed_out", "failed", "dropped")
    counts = {name: step.details.get(name) for name in names}
    return Said(", ".join(f"{name.replace('_', ' ')} {count}" for name, count in counts.items() if count is not None))


def _noted(step: Step) -> Said:
    """A kind that only a later version knows."""
    return Said(" ".join(filter(None, [show_message(step.message), show(dict(step.details)) if step.details else ""])))


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
    "down":      Look("down",    "┈", "",   "red",        _told,    "{target} is told: {said}", root=GONE),
    "fault":     Look("fault",   "",  "!",  "red",        _label,   "a fault is injected at {at}: {said}"),
    "mark":      Look("mark",    "",  "",   "bold",       _label,   "mark: {said}"),
    "end":       Look("end",     "",  "",   "dim",        _counted, "the end: {said}"),
}  # fmt: skip

def look_of(step: Step) -> Look:
    """The row of the table for a step; an answer to the wrong caller has its own, and so has what only a later version knows."""
    if step.kind == "reply" and step.details.get("for") is not None:
        return LOOKS["wrong"]
    return LOOKS.get(step.kind) or Look(visible(step.kind), "─", "•", "dim", _noted, "{kind}: {said}")


def ends(step: Step) -> tuple[str | None, str | None]:
    """From where to where a step goes; from None if it happens in one place."""
    if step.kind == "exit":
        return step.details.get("link"), step.at
    if look_of(step).arrow and step.at is None:
        return step.source, step.target
    return None, step.source if step.at is None else step.at
