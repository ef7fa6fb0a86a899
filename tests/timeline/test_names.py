"""Each lane has the name of the caller or process that is drawn in it, or the row says the name."""

# ruff: noqa: RUF001  # the glyphs of the rows

import random
import re
from collections.abc import Iterable

import pytest
from recordings import steps_of

from genreply_cli.paths import samples
from genreply_cli.timeline.kinds import endpoints
from genreply_cli.timeline.lanes import short_name
from genreply_cli.timeline.timeline import Timeline
from genreply_cli.transcript.step import Step

WIDTHS = (72, 80, 99, 100, 120, 160)


def ends_of_the_arrow(header: str, row: str) -> list[int]:
    """The columns where the arrow in a row begins and ends; none for a message to oneself."""
    lanes = range(header.index("kind") + 5, min(header.index("message"), len(row)))
    heads = [place for place in lanes if row[place] in "►◄"]
    roots = [place for place in lanes if row[place] in "├┤╟╢×"]
    if not heads:
        return []
    head = heads[0]
    if row[head] == "►":
        return [max(place for place in roots if place < head), head + 1]
    return [head - 1, min(place for place in roots if place > head)]


def name_above(header: str, row: str, column: int) -> str:
    """The name above the nearest lane; where it is shared, the name beside it in the row."""
    kind = header.index("kind") + len("kind")
    labels = list(re.finditer(r"\S+", header[kind : header.index("message")]))

    def distance(label: re.Match[str]) -> int:
        start, end = label.start() + kind, label.end() + kind - 1
        return max(start - column, column - end, 0)

    name = min(labels, key=distance)[0]
    beside = re.search(r"^\W{1,3}(\w[\w-]*)", row[column:])
    before = re.search(r"(\w[\w-]*)\W{1,3}$", row[: column + 1])
    if beside is not None and beside.start(1) <= 2:
        return beside[1]
    if before is not None and before.end(1) >= column - 1:
        return before[1]
    return name


def wrong_names(steps: Iterable[Step], width: int) -> list[tuple[str, str, list[str]]]:
    """The rows whose arrows begin or end at a lane with another name, each with its heading."""
    timeline, header, wrong = Timeline(width, "wide"), "", []
    for step in steps:
        lines = timeline.lines(step)
        for line in lines[:-1]:
            header = line
        source, target = endpoints(step)
        if not lines or source is None or target is None:
            continue
        found = [name_above(header, lines[-1], end) for end in ends_of_the_arrow(header, lines[-1])]
        if not all(any(is_name(text, name) for name in (source, target)) for text in found):
            wrong.append((header, lines[-1], found))
    return wrong


def is_name(text: str, name: str) -> bool:
    """Whether a text is a name, its short form, or all of it but its beginning."""
    return text in {name, short_name(name)} or (len(text) > 4 and name.endswith(text))


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("name", samples())
def test_each_arrow_of_a_sample_begins_and_ends_at_the_names_of_the_transcript(
    name: str, width: int
) -> None:
    assert wrong_names(steps_of(samples()[name]), width) == []


@pytest.mark.parametrize("seed", range(60))
@pytest.mark.parametrize("width", WIDTHS)
def test_each_arrow_of_any_session_begins_and_ends_at_its_names(seed: int, width: int) -> None:
    assert wrong_names(any_session(random.Random(seed)), width) == []


def any_session(chance: random.Random) -> list[Step]:
    """Callers come, go and come again; servers answer them in any order, and are restarted."""
    servers = ["coordinator", "websocket"]
    steps = [Step(1, 0.0, "start", at=name) for name in servers]
    crowd = chance.choice([3, 5, 30])
    waiting: dict[str, str] = {}
    gone: list[tuple[str, str]] = []
    for number in range(1, 60):
        caller = chance.choice(["caller", *(f"caller-{n}" for n in range(2, crowd))])
        call, server = f"c{number}", servers[0]
        match chance.randrange(8):
            case 0 | 1 | 2 if caller not in waiting.values():
                waiting[call] = caller
                steps.append(Step(1, 0.0, "call", call, caller, server, message="A"))
            case 3 | 4 if waiting:
                call = chance.choice([*waiting])
                steps.append(Step(1, 0.0, "reply", call, server, waiting[call], message="A"))
                gone.append((call, waiting.pop(call)))
            case 5 if waiting:
                call = chance.choice([*waiting])
                steps.append(Step(1, 0.0, "timeout", call, waiting[call], server))
                gone.append((call, waiting.pop(call)))
            case 6 if gone:
                call, caller = chance.choice(gone)
                steps.append(Step(1, 0.0, "late", call, server, caller, message="A"))
            case 7 if chance.randrange(4) == 0:
                steps += [Step(1, 0.0, "exit", at=name) for name in servers]
                servers = [f"{name.partition('-')[0]}-{number}" for name in servers]
                steps += [Step(1, 0.0, "start", at=name) for name in servers]
            case _:
                steps.append(Step(1, 0.0, "info", None, servers[1], server, message="A"))
    return steps
