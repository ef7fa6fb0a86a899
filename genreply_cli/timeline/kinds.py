"""One table of how each kind of step looks: its word, arrow, mark, colour and sentence."""

from collections.abc import Callable, Mapping
from typing import Final, NamedTuple

from genreply_cli.text import visible
from genreply_cli.timeline import wording
from genreply_cli.timeline.wording import Wording
from genreply_cli.transcript.step import Step, is_error

CROSS: Final = "\N{MULTIPLICATION SIGN}"


class KindStyle(NamedTuple):
    """How a kind of step looks, and what its row says."""

    word: str
    arrow: str  # "─" asks, "┈" answers, "" is drawn in one place
    mark: str  # drawn where the step arrives or happens; "" leaves the lifeline as it is
    colour: str  # as Rich names it: ANSI names, so the user's theme decides
    wording: Callable[[Step], Wording]
    sentence: str  # of the accessible view; the wording follows it
    root: str = ""  # drawn where the step comes from; "" is the beginning of an arrow


# fmt: off
STYLES: Final[Mapping[str, KindStyle]] = {
    "start":     KindStyle("start", "", "●", "dim", wording.started,
                           "{at} is started"),
    "call":      KindStyle("call", "─", "", "cyan", wording.asked,
                           "{source} asks {target}, and waits"),
    "noreply":   KindStyle("noreply", "", "■", "blue", wording.kept,
                           "{at} goes on without an answer"),
    "cast":      KindStyle("cast", "─", "", "yellow", wording.asked,
                           "{source} casts to {target}"),
    "info":      KindStyle("info", "─", "", "magenta", wording.sent,
                           "{source} sends to {target}"),
    "reply":     KindStyle("reply", "┈", "", "bold green", wording.replied,
                           "{source} answers {target}"),
    "raised":    KindStyle("reply", "┈", "!", "red", wording.replied,
                           "{source} answers {target} with an error"),
    "wrong":     KindStyle("reply", "┈", "!", "bold red", wording.misdirected,
                           "{source} answers {target}"),
    "timeout":   KindStyle("timeout", "", CROSS, "bold red", wording.gave_up,
                           "{source} waits no longer"),
    "cancel":    KindStyle("cancel", "", CROSS, "red", wording.gave_up,
                           "{source} waits no longer"),
    "late":      KindStyle("late", "┈", CROSS, "red", wording.dropped,
                           "{source} answers {target} too late"),
    "duplicate": KindStyle("dup", "┈", CROSS, "red", wording.dropped,
                           "{source} answers {target} again"),
    "lost":      KindStyle("lost", "─", CROSS, "red", wording.lost,
                           "{source} sends to {target} in vain"),
    "crash":     KindStyle("crash", "", CROSS, "bold red", wording.crashed,
                           "{at} crashes"),
    "exit":      KindStyle("exit", "┈", CROSS, "red", wording.ended,
                           "{at} is gone"),
    "stopped":   KindStyle("exit", "┈", CROSS, "dim", wording.ended,
                           "{at} is gone"),
    "down":      KindStyle("down", "┈", "", "red", wording.notified,
                           "{target} is told", root=CROSS),
    "gave up":   KindStyle("down", "┈", "", "dim", wording.given_up,
                           "{target} is told that {source} waits no longer", root=CROSS),
    "state":     KindStyle("state", "", "•", "dim", wording.state,
                           "{at} has a new state"),
    "forget":    KindStyle("forget", "", CROSS, "bold red", wording.forgotten,
                           "{at} keeps a caller no longer"),
    "fault":     KindStyle("fault", "", "!", "red", wording.faulty,
                           "a fault at {at}"),
    "mark":      KindStyle("mark", "", "", "bold", wording.labelled, "mark"),
    "end":       KindStyle("end", "", "", "dim", wording.counted, "the end"),
}
# fmt: on


def style_of(step: Step) -> KindStyle:
    """The row of the table for a step.

    Some kinds have other rows: a reply to the wrong caller, a reply that is an error, a state that
    has forgotten a caller, the news that a caller gave up, and a normal exit (normal, shutdown).
    """
    if step.kind == "state" and step.forgot:
        return STYLES["forget"]
    if step.kind == "reply" and step.details.get("for") is not None:
        return STYLES["wrong"]
    if step.kind == "reply" and is_error(step.message):
        return STYLES["raised"]
    if step.kind == "down" and step.details.get("gave_up"):
        return STYLES["gave up"]
    if step.kind == "exit" and step.details.get("reason") in {"normal", "shutdown"}:
        return STYLES["stopped"]
    style = STYLES.get(step.kind)
    return style or KindStyle(visible(step.kind), "─", "•", "dim", wording.noted, "{kind}")


def is_drawn(step: Step, *, states: bool = False) -> bool:
    """Whether a step has a row: a state has one if it has forgotten a caller, or with `states`."""
    return step.kind != "state" or states or bool(step.forgot)


def endpoints(step: Step) -> tuple[str | None, str | None]:
    """Where the arrow of a step begins and where it ends; the first is None without an arrow."""
    if step.kind == "exit":
        return step.details.get("link"), step.at
    if style_of(step).arrow and step.at is None:
        return step.source, step.target
    return None, step.source if step.at is None else step.at
