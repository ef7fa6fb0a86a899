"""A transcript as a Mermaid sequence diagram.

An activation bar is a blocked caller, and a dashed arrow an answer.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from genreply_cli.text import visible
from genreply_cli.timeline.kinds import STYLES, endpoints, style_of
from genreply_cli.transcript.format import Header
from genreply_cli.transcript.pretty import pretty_name
from genreply_cli.transcript.step import Step, is_caller

_SPECIAL: Final = re.compile(r"[^\w .,!?'()/=_-]")  # what Mermaid might not take for text


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
    """The diagram, line by line."""
    steps = list(steps)
    ids = {name: f"p{number}" for number, name in enumerate(participants(steps), 1)}
    yield "sequenceDiagram\n"
    if header.title:
        yield f"    accTitle: {escape(header.title)}\n"
    for name, id_ in ids.items():
        yield f"    participant {id_} as {escape(name)}\n"
    if not ids:  # Mermaid wants at least one
        ids = {"nobody": "p1"}
        yield "    participant p1 as nobody\n"
    open_calls: dict[str, str] = {}  # call -> its caller
    for step in steps:
        yield f"    {_line(step, ids)}\n"
        caller = open_calls.get(step.call or "")
        if step.call is None:
            continue
        if step.kind == "call" and step.source is not None and caller is None:
            open_calls[step.call] = step.source
            yield f"    activate {ids[step.source]}\n"
        elif caller is not None and step.ends_call and caller in {step.source, step.target}:
            del open_calls[step.call]
            yield f"    deactivate {ids[caller]}\n"


def _line(step: Step, ids: dict[str, str]) -> str:
    """An arrow, or a note over where the step happens: over all, if that is nowhere."""
    source, target = endpoints(step)
    if source is not None and target is not None:
        return f"{ids[source]}{_arrow(step)}{ids[target]}: {_text(step)}"
    place = target if source is None else source
    if place is not None:
        return f"Note over {ids[place]}: {_text(step)}"
    first, *_, last = [*ids.values()] * 2
    return f"Note over {first if first == last else f'{first},{last}'}: {_text(step)}"


def _arrow(step: Step) -> str:
    style = style_of(step)
    line = "--" if style.arrow == "┈" else "-"
    return f"{line}x" if style.mark == STYLES["lost"].mark else f"{line}>>"


def _text(step: Step) -> str:
    style = style_of(step)
    wording = style.wording(step)
    call = "" if step.call is None else f"{pretty_name(step.call)} "
    note = f" ({wording.note})" if wording.note else ""
    return escape(f"{step.t:.3f} s  {call}{style.word} {wording.body}{note}")
