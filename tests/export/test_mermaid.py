"""A diagram is one that Mermaid reads, whatever the transcript says."""

import re
from itertools import pairwise

import pytest
from commands import genreply
from hostile import recordings
from hypothesis import given
from hypothesis import strategies as st

from genreply_cli.errors import GenreplyError
from genreply_cli.export.mermaid import escape, render
from genreply_cli.transcript.format import Header
from genreply_cli.transcript.step import Step


def test_a_diagram_of_a_sample() -> None:
    assert (
        genreply("trace", "late", "--as", "mermaid", "--call", "c1").out
        == """\
sequenceDiagram
    title: a caller gives up#59; the answer comes, and is dropped
    accTitle: a caller gives up#59; the answer comes, and is dropped
    actor p1 as caller
    participant p2 as coordinator
    participant p3 as websocket
    p1->>p2: 0.000 s  c1 call greet "Hello"
    activate p1
    p2-)p3: c1 cast send_message "Hello"
    Note over p2: c1 noreply caller c1 kept, not answered#59; 1 waiting
    Note over p1: 0.100 s  c1 timeout gave up after 0.100 s#59; nobody is told
    deactivate p1
    p3-)p2: 0.300 s  c1 info message_received "Hello to you too!"
    rect rgb(254, 202, 202)
    p2--xp1: c1 late dropped: caller c1 left 0.200 s ago
    end
"""
    )


@given(st.text())
def test_a_text_in_a_diagram_has_nothing_that_mermaid_reads(text: str) -> None:
    shown = escape(text)
    assert shown
    assert re.fullmatch(r"(?:[\w .,!?'\"()/=_:+-]|#\d+;)+", shown)
    assert not re.search(r"(?i)\bend\b", shown)


@given(recordings)
def test_bars_begin_before_they_end_and_everybody_is_declared(steps: list[Step]) -> None:
    lines = [line.strip() for line in "".join(render(Header(), steps)).splitlines()]
    declared = {line.split()[1] for line in lines if line.startswith(("participant", "actor"))}
    active = dict.fromkeys(declared, 0)
    for line in lines:
        match line.split():
            case ["activate", who]:
                active[who] += 1
            case ["deactivate", who]:
                active[who] -= 1
                assert active[who] >= 0
    arrows = [re.match(r"(p\d+)-{1,2}(?:>>|x|\))(p\d+): .", line) for line in lines]
    assert {who for arrow in arrows if arrow for who in arrow.groups()} <= declared
    frames = sum(line.startswith("rect ") for line in lines)
    assert lines.count("end") == frames
    bars = sum("activate" in line.split()[0] for line in lines)
    assert len(lines) == 1 + len(declared) + len(steps) + bars + 2 * frames


def test_each_answer_that_went_wrong_is_in_a_red_frame() -> None:
    lines = genreply("trace", "overlap-single", "--as", "mermaid").out.splitlines()
    framed = [after.split()[2] for before, after in pairwise(lines) if "rect rgb(254" in before]
    assert framed == ["reply", "dup", "dup"]
    assert any("WRONG CALLER: asked by c1" in line for line in lines)


def test_a_diagram_that_mermaid_would_refuse_is_refused_with_a_sentence() -> None:
    steps = [
        Step(number, float(number), "mark", details={"label": "x" * 80}) for number in range(1, 600)
    ]
    with pytest.raises(
        GenreplyError, match=r"6\d,\d+ characters, and Mermaid draws at most 50,000"
    ):
        list(render(Header(), steps))
