"""One table: how each kind of step is called and drawn, in which colour, and what it says. Every view draws from it."""

from collections.abc import Callable, Mapping
from typing import Final, NamedTuple

from genreply_cli.text import visible
from genreply_cli.timeline.wording import (
    Wording,
    _asked,
    _counted,
    _crashed,
    _dropped,
    _ended,
    _gave_up,
    _kept,
    _lost,
    _marked,
    _noted,
    _replied,
    _sent,
    _started,
    _told,
    _wrong,
)
from genreply_cli.transcript.step import Step

# --- what a step says --------------------------------------------------------------------------------------------------------


# --- the table ---------------------------------------------------------------------------------------------------------------

CROSS: Final = "\N{MULTIPLICATION SIGN}"


class KindStyle(NamedTuple):
    """How a kind of step looks, and what it says."""

    word: str
    arrow: str  # "─" asks, "┈" answers, "" goes nowhere
    mark: str  # stands where it arrives, or happens; "" leaves the lifeline as it is
    colour: str  # as Rich names it: ANSI names, so the user's theme decides
    wording: Callable[[Step], Wording]
    sentence: str  # for the accessible view
    root: str = ""  # stands where it comes from; "" is where an arrow begins


STYLES: Final[Mapping[str, KindStyle]] = {
    "start":     KindStyle("start",   "",  "●",  "dim",        _started, "{at} is started: {said}"),
    "call":      KindStyle("call",    "─", "",   "cyan",       _asked,   "{source} asks {target}, and waits: {said}"),
    "noreply":   KindStyle("noreply", "",  "■",  "blue",       _kept,    "{at} goes on without an answer: {said}"),
    "cast":      KindStyle("cast",    "─", "",   "yellow",     _asked,   "{source} casts to {target}: {said}"),
    "info":      KindStyle("info",    "─", "",   "magenta",    _sent,    "{source} sends to {target}: {said}"),
    "reply":     KindStyle("reply",   "┈", "",   "bold green", _replied, "{source} answers {target}: {said}"),
    "wrong":     KindStyle("reply",   "┈", "!",  "bold red",   _wrong,   "{source} answers {target}: {said}"),
    "timeout":   KindStyle("timeout", "",  CROSS, "bold red",   _gave_up, "{source} waits no longer: {said}"),
    "cancel":    KindStyle("cancel",  "",  CROSS, "red",        _gave_up, "{source} waits no longer: {said}"),
    "late":      KindStyle("late",    "┈", CROSS, "red",        _dropped, "{source} answers {target} too late: {said}"),
    "duplicate": KindStyle("dup",     "┈", CROSS, "red",        _dropped, "{source} answers {target} again: {said}"),
    "lost":      KindStyle("lost",    "─", CROSS, "red",        _lost,    "{source} sends to {target} in vain: {said}"),
    "crash":     KindStyle("crash",   "",  CROSS, "bold red",   _crashed, "{at} crashes: {said}"),
    "exit":      KindStyle("exit",    "┈", CROSS, "red",        _ended,   "{at} is gone: {said}"),
    "stopped":   KindStyle("exit",    "┈", CROSS, "dim",        _ended,   "{at} is gone: {said}"),
    "down":      KindStyle("down",    "┈", "",   "red",        _told,    "{target} is told: {said}", root=CROSS),
    "fault":     KindStyle("fault",   "",  "!",  "red",        _marked,  "a fault is injected at {at}: {said}"),
    "mark":      KindStyle("mark",    "",  "",   "bold",       _marked,  "mark: {said}"),
    "end":       KindStyle("end",     "",  "",   "dim",        _counted, "the end: {said}"),
}  # fmt: skip


def style_of(step: Step) -> KindStyle:
    """The row of the table for a step. An answer to the wrong caller has its own, and so has an end that nobody need mourn."""
    if step.kind == "reply" and step.details.get("for") is not None:
        return STYLES["wrong"]
    if step.kind == "exit" and step.details.get("reason") in {"normal", "shutdown"}:
        return STYLES["stopped"]
    return STYLES.get(step.kind) or KindStyle(
        visible(step.kind), "─", "•", "dim", _noted, "{kind}: {said}"
    )


def endpoints(step: Step) -> tuple[str | None, str | None]:
    """From where to where a step goes; from None if it happens in one place."""
    if step.kind == "exit":
        return step.details.get("link"), step.at
    if style_of(step).arrow and step.at is None:
        return step.source, step.target
    return None, step.source if step.at is None else step.at
