"""A transcript as a Mermaid sequence diagram.

A person is a caller, with a bar for as long as it is blocked. An open arrow is a message that
nothing waits for, and a dashed arrow an answer. A red frame marks an answer that went wrong.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from genreply_cli.errors import ExitStatus, GenreplyError
from genreply_cli.text import visible
from genreply_cli.timeline.kinds import STYLES, endpoints, style_of
from genreply_cli.transcript.format import Header
from genreply_cli.transcript.pretty import pretty_name
from genreply_cli.transcript.step import KINDS, Step, is_caller

MAX_CHARACTERS: Final = 50_000  # Mermaid itself draws no larger diagram

_SPECIAL: Final = re.compile(r"[^\w .,!?'\"()/=_:+-]")  # what Mermaid might not take for text
_WRONG: Final = "rect rgb(254, 202, 202)"


def escape(text: str) -> str:
    """Text from outside as text of a diagram: `#` and `;` and the like as `#35;`. Never empty."""
    shown = _SPECIAL.sub(lambda match: f"#{ord(match[0])};", visible(text))
    shown = re.sub(r"(?i)\bend\b", lambda match: f"#{ord(match[0][0])};{match[0][1:]}", shown)
    return shown.strip() or "#32;"


def participants(steps: Sequence[Step]) -> list[str]:
    """All callers, then all processes, each in the order of appearance."""
    names = [
        name
        for step in steps
        for name in (*endpoints(step), step.source, step.target, step.at)
        if name is not None
    ]
    return sorted(dict.fromkeys(names), key=lambda name: not is_caller(name))


def render(header: Header, steps: Iterable[Step]) -> Iterator[str]:
    """The diagram, line by line. Raises GenreplyError if it is too large for Mermaid."""
    lines = list(_lines(header, list(steps)))
    characters = sum(map(len, lines))
    if characters > MAX_CHARACTERS:
        raise GenreplyError(
            f"the diagram has {characters:,} characters, and Mermaid draws at most"
            f" {MAX_CHARACTERS:,}",
            hint="pick a part with --call, --kind, --from or --to; svg and html take more",
            exit_code=ExitStatus.USAGE,
        )
    yield from lines


def _lines(header: Header, steps: Sequence[Step]) -> Iterator[str]:
    ids = {name: f"p{number}" for number, name in enumerate(participants(steps), 1)}
    yield "sequenceDiagram\n"
    if header.title:
        yield f"    title: {escape(header.title)}\n"
        yield f"    accTitle: {escape(header.title)}\n"
    for name, id_ in ids.items():
        yield f"    {'actor' if is_caller(name) else 'participant'} {id_} as {escape(name)}\n"
    if not ids:  # Mermaid wants at least one
        ids = {"nobody": "p1"}
        yield "    participant p1 as nobody\n"
    open_calls: dict[str, str] = {}  # call -> its caller
    shown_time = ""
    for step in steps:
        time = f"{step.t:.3f} s"
        line = f"    {_line(step, ids, '' if time == shown_time else f'{time}  ')}\n"
        shown_time = time
        yield f"    {_WRONG}\n{line}    end\n" if _is_wrong(step) else line
        caller = open_calls.get(step.call or "")
        if step.call is None:
            continue
        if step.kind == "call" and step.source is not None and caller is None:
            open_calls[step.call] = step.source
            yield f"    activate {ids[step.source]}\n"
        elif caller is not None and step.ends_call and caller in {step.source, step.target}:
            del open_calls[step.call]
            yield f"    deactivate {ids[caller]}\n"


def _is_wrong(step: Step) -> bool:
    """Whether it is an error, or an answer to a wrong caller, a second one, or one too late."""
    facts = KINDS.get(step.kind)
    if facts is None or step.outcome is None:
        return False
    return step.outcome in {facts.misdirected, facts.raised} or facts.counter == "dropped"


def _line(step: Step, ids: dict[str, str], time: str) -> str:
    """An arrow, or a note over where the step happens: over all, if that is nowhere."""
    source, target = endpoints(step)
    text = escape(f"{time}{_text(step)}")
    if source is not None and target is not None:
        return f"{ids[source]}{_arrow(step)}{ids[target]}: {text}"
    place = target if source is None else source
    if place is not None:
        return f"Note over {ids[place]}: {text}"
    first, *_, last = [*ids.values()] * 2
    return f"Note over {first if first == last else f'{first},{last}'}: {text}"


def _arrow(step: Step) -> str:
    style = style_of(step)
    line = "--" if style.arrow == "┈" else "-"
    if style.mark == STYLES["lost"].mark:
        return f"{line}x"
    nothing_waits = step.kind != "call" and style.arrow == "─"
    return f"{line})" if nothing_waits else f"{line}>>"


def _text(step: Step) -> str:
    style = style_of(step)
    wording = style.wording(step)
    call = "" if step.call is None else f"{pretty_name(step.call)} "
    note = f" ({wording.note})" if wording.note else ""
    return f"{call}{style.word} {wording.body}{note}"
