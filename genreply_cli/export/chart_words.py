"""The words of a picture: its title, what stands at an arrow, and the notes beside a row."""

from collections.abc import Mapping, Sequence
from itertools import groupby
from typing import Any, Final, NamedTuple

from genreply_cli.export.chart import OUTSIDE, Mark, Row
from genreply_cli.export.outcomes import seconds_text
from genreply_cli.text import counted, visible
from genreply_cli.timeline.kinds import style_of
from genreply_cli.transcript.counts import Counts
from genreply_cli.transcript.format import Header
from genreply_cli.transcript.pretty import pretty, pretty_message, pretty_name, pretty_part
from genreply_cli.transcript.step import KINDS, NO_MESSAGE, Step, is_caller

MAX_LISTED: Final = 3  # calls that a note names
# Kinds whose message is for a process; that of the others is an answer.
MESSAGES: Final = frozenset(kind for kind, facts in KINDS.items() if facts.queued) | {"lost"}


class Note(NamedTuple):
    """What a row says at its end, from the step with this number on; a wrong one is red."""

    text: str
    is_wrong: bool = False
    seq: int = 0


class Label(NamedTuple):
    """What stands at an arrow: the name of a caller, if it is needed, and the message."""

    name: str
    message: str


def title(header: Header, calls: int) -> str:
    """The title of a transcript; if it has none, one that is made of its settings."""
    return visible(header.title) if header.title else subtitle(header, calls)


def subtitle(header: Header, calls: int) -> str:
    """`single: 3 calls, delay 250 ms, timeout 1 s`."""
    settings = header.settings
    design = settings.get("coordinator", settings.get("server"))
    name = pretty_name(design) if isinstance(design, str) else "genreply"
    facts = [counted(calls, "call"), *_facts(settings)]
    return f"{name}: {', '.join(facts)}"


def _facts(settings: Mapping[str, Any]) -> list[str]:
    facts = []
    match settings.get("delay"):
        case [int() | float() as low, int() | float() as high]:
            span = (
                seconds_text(low) if low == high else f"{seconds_text(low)} to {seconds_text(high)}"
            )
            facts.append(f"delay {span}")
    timeout = seconds_text(settings.get("timeout"))
    if timeout:
        facts.append(f"timeout {timeout}")
    faults = settings.get("faults")
    if isinstance(faults, list) and faults:
        facts.append(f"fault {', '.join(pretty_name(fault) for fault in faults)}")
    return facts


def summary(counts: Counts) -> str:
    """What became of the calls: `1 answered, 1 got a wrong answer, 2 timed out`."""
    of = counts.outcomes
    facts = [
        (of["replied"], "answered"),
        (of["wrong caller"], "got a wrong answer"),
        (of["error"], "got an error"),
        (of["timed out"], "timed out"),
        (of["cancelled"], "cancelled"),
        (of["failed"], "failed"),
        (counts.still_open, "still open"),
    ]
    dropped = of["late"] + of["duplicate"]
    found = [f"{count} {what}" for count, what in facts if count]
    if dropped:
        found.append(f"{counted(dropped, 'answer')} dropped")
    return ", ".join(found) or "no calls"


# --- at an arrow ---


def label(mark: Mark) -> Label:
    """The message of an arrow, behind the name of the caller who sends it.

    An answer in vain says whom it was sent to if another caller has the lane of that one by now.
    """
    step = mark.step
    name = ""
    if step.details.get("gave_up"):
        return Label(name, style_of(step).wording(step).body)
    if step.source is not None and is_caller(step.source):
        name = pretty_name(step.source)
    elif mark.target == OUTSIDE:
        name = f"to {pretty_name(step.target)}"
    if step.message is NO_MESSAGE:
        return Label(name, "")
    if step.kind in MESSAGES:
        match step.message:
            case [str(), value] if step.kind == "info":
                return Label(name, pretty_part(value))
        return Label(name, pretty_message(step.message))
    return Label(name, pretty(step.message))


def run_label(row: Row) -> Label:
    """What stands at the first of several rows that look alike."""
    first = label(row.marks[0])
    return Label(first.name, f"{first.message} … {len(row.run)} in all")


# --- beside a row ---


def notes(row: Row) -> list[Note]:
    """What a row says: all that went wrong, or else what is most telling."""
    if row.is_folded:
        return []
    marks = [mark for each in row.run or [row] for mark in each.marks]
    found: dict[str, Note] = {}
    for kind, group in groupby(marks, key=lambda mark: mark.step.kind):
        alike = list(group)
        for note in _notes(kind, alike):
            found.setdefault(note.text, note._replace(seq=alike[0].step.seq))
    wrong = [note for note in found.values() if note.is_wrong]
    return wrong or list(found.values())[-1:]


def _notes(kind: str, marks: Sequence[Mark]) -> list[Note]:
    """The notes of steps of one kind; what is said of several callers is said once."""
    calls = [pretty_name(mark.step.call) for mark in marks]
    steps = [mark.step for mark in marks]
    many = len(steps) > 1
    match kind:
        case "timeout" | "cancel":
            verb = {"timeout": ("gives up", "give up"), "cancel": ("is cancelled", "are cancelled")}
            went_to = {step.details.get("went_to") for step in steps}
            went = ""
            if len(went_to) == 1 and (receiver := went_to.pop()) is not None:
                answer = "their answers" if many else "its answer"
                went = f": {answer} went to {pretty_name(receiver)}"
            return [Note(f"{listed(calls)} {verb[kind][many]}{_after(steps[0])}{went}", True)]
        case "down" if not steps[0].reaches_monitor:
            server = pretty_name(steps[0].source)
            why = f"no {server} is there" if _is_noproc(steps[0]) else f"{server} has died"
            if steps[0].details.get("passed_on"):
                why = f"{server} passes on that another process has ended"
            return [Note(f"{listed(calls)} fail{'' if many else 's'}: {why}", True)]
        case "late" | "duplicate" if many:
            return [Note(f"{len(steps)} answers are dropped", True)]
        case "reply" if many and all(step.outcome == "replied" for step in steps):
            return [Note(f"{listed(calls)} are answered")]
    return [note for mark in marks if (note := _note(mark)) is not None]


def listed(names: Sequence[str]) -> str:
    """`c1`, `c1 and c2`, `c1, c2 and 7 more`."""
    if len(names) > MAX_LISTED:
        names = [*names[: MAX_LISTED - 1], f"{len(names) - MAX_LISTED + 1} more"]
    *first, last = names
    return f"{', '.join(first)} and {last}" if first else last


def _is_noproc(step: Step) -> bool:
    return step.details.get("reason") == "noproc"


def _after(step: Step) -> str:
    after = seconds_text(step.details.get("blocked"))
    return f" after {after}" if after else ""


def _note(mark: Mark) -> Note | None:
    step = mark.step
    call, at = pretty_name(step.call), pretty_name(step.at)
    is_owner = mark.owner == step.call
    whose = f"{call}'s own answer" if is_owner else f"{pretty_name(mark.owner)}'s answer"
    match step.kind:
        case "noreply":
            return Note(f"{at} keeps {call}")
        case "state":
            forgot = [pretty_name(name) for name in step.details.get("forgot") or []]
            by = "" if step.call is None else f": overwritten by {call}"
            return Note(f"{listed(forgot)} forgotten{by}", True) if forgot else None
        case "reply" if step.outcome == "error":
            return Note(f"{call} gets an error{_after(step)}", True)
        case "reply":
            right, wrong = f"{call} is answered{_after(step)}", f"WRONG: {call} gets {whose}"
            return Note(right) if is_owner else Note(wrong, True)
        case "late":
            return Note(f"{whose} is dropped: {call} waits no longer", True)
        case "duplicate":
            return Note(f"{whose} is dropped: {call} has one already", True)
        case "call" if mark.is_queued:
            return Note(f"{call} queues: {pretty_name(step.target)} is busy")
        case "call" | "cast" | "info":
            return None
        case "crash":
            return Note(f"{at} crashes: {pretty_name(step.details.get('error'))}", True)
        case "exit" if step.details.get("link") is not None:
            return Note(f"{at} goes down with {pretty_name(step.details['link'])}", True)
        case "exit" if mark.tells_exit:
            return None
        case "fault":
            return Note(f"fault: {pretty_name(step.details.get('what'))}", True)
        case "end":
            return Note("end")
    style = style_of(step)
    text = " ".join(filter(None, style.wording(step).in_brief()))
    return Note(text, "red" in style.colour) if text else None
