"""A transcript as a Mermaid sequence diagram: an activation bar is a blocked caller, a dashed arrow an answer."""

import re
from collections.abc import Iterator, Sequence
from typing import Final

from genreply_cli.text import visible
from genreply_cli.timeline.kinds import STYLES, endpoints, style_of
from genreply_cli.transcript.format import Header
from genreply_cli.transcript.pretty import pretty_name
from genreply_cli.transcript.step import Step, is_caller

_SPECIAL: Final = re.compile(
    r"[^\w .,!?'()/=_-]"
)  # what Mermaid might take for something else than text


def escape(text: str) -> str:
    """Text from outside as text of a diagram, whatever it says: `#` and `;` and the like as `#35;`. Never empty."""
    shown = _SPECIAL.sub(lambda match: f"#{ord(match[0])};", visible(text))
    return (
        re.sub(r"(?i)\bend\b", lambda match: f"#{ord(match[0][0])};{match[0][1:]}", shown).strip()
        or "#32;"
    )


def participants(steps: Sequence[Step]) -> list[str]:
    """Everybody who has a part in it: the callers first, each in the order in which they come."""
    names = [
        name
        for step in steps
        for name in (*endpoints(step), step.source, step.target, step.at)
        if name is not None
    ]
    return sorted(dict.fromkeys(names), key=lambda name: not is_caller(name))


def diagram(header: Header, steps: Sequence[Step]) -> Iterator[str]:
    """The diagram, line by line."""
    ids = {name: f"p{number}" for number, name in enumerate(participants(steps), 1)}
    active = dict.fromkeys(ids, 0)  # how many calls each waits for
    open_calls: dict[str, str] = {}
    yield "sequenceDiagram\n"
    if header.title:
        yield f"    accTitle: {escape(header.title)}\n"
    for name, id_ in ids.items():
        yield f"    participant {id_} as {escape(name)}\n"
    if not ids:  # a diagram needs somebody
        ids = {"nobody": "p1"}
        yield "    participant p1 as nobody\n"
    everybody = ",".join(dict.fromkeys([*ids.values()][:1] + [*ids.values()][-1:]))
    for step in steps:
        said = _said(step)
        source, target = endpoints(step)
        here = target if source is None else source
        if source is not None and target is not None:
            yield f"    {ids[source]}{_arrow(step)}{ids[target]}: {said}\n"
        elif here is not None:
            yield f"    Note over {ids[here]}: {said}\n"
        else:
            yield f"    Note over {everybody}: {said}\n"
        if (
            step.kind == "call"
            and step.call is not None
            and step.source is not None
            and step.call not in open_calls
        ):
            open_calls[step.call] = step.source
            active[step.source] += 1
            yield f"    activate {ids[step.source]}\n"
        waited = open_calls.get(step.call or "")
        if waited is not None and step.ends_call and waited in {step.source, step.target}:
            del open_calls[step.call or ""]
            yield f"    deactivate {ids[waited]}\n"


def _arrow(step: Step) -> str:
    if style_of(step).mark == STYLES["lost"].mark:
        return "--x" if style_of(step).arrow == "┈" else "-x"
    return "-->>" if style_of(step).arrow == "┈" else "->>"


def _said(step: Step) -> str:
    look = style_of(step)
    said = look.wording(step)
    call = "" if step.call is None else f"{pretty_name(step.call)} "
    note = f" ({said.note})" if said.note else ""
    return escape(f"{step.t:.3f} s  {call}{look.word} {said.body}{note}")
