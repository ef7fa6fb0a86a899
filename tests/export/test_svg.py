"""The picture holds all of the transcript in its place, and nothing but text and shapes."""

import re
import xml.etree.ElementTree as ET

import pytest
from hostile import HOSTILE, recordings
from hypothesis import given
from hypothesis import strategies as st
from recordings import steps_of

from genreply_cli.export.svg import render
from genreply_cli.export.svg_layout import MAX_CALLER_LANES, Lane, lay_out
from genreply_cli.paths import samples
from genreply_cli.timeline.timeline import Timeline
from genreply_cli.transcript.format import Header
from genreply_cli.transcript.reader import read
from genreply_cli.transcript.step import Step

SVG = "{http://www.w3.org/2000/svg}"


def calls(count: int) -> list[Step]:
    """Many callers who wait at the same time."""
    callers = [(f"c{number}", f"caller-{number + 1}") for number in range(1, count + 1)]
    return [
        *(Step(1, 0.0, "call", call, caller, "coordinator") for call, caller in callers),
        *(Step(1, 1.0, "reply", call, "coordinator", caller) for call, caller in callers),
    ]


@pytest.mark.parametrize("name", samples())
def test_a_picture_is_xml_with_a_title_a_description_and_a_row_for_each_step(name: str) -> None:
    header, steps = read(samples()[name])
    seen = list(steps)
    root = ET.fromstring("".join(render(header, seen)).encode())
    assert [child.tag for child in root[:2]] == [f"{SVG}title", f"{SVG}desc"]
    assert root[0].text == header.title
    assert (root[1].text or "").startswith(f"A timeline of {len(seen)} events. calls ")
    assert len(
        [group for group in root.iter(f"{SVG}g") if "step" in group.get("class", "")]
    ) == len(seen)
    assert not [
        element
        for element in root.iter()
        for key in element.attrib
        if "href" in key or key == "src"
    ]


def test_a_blocked_caller_is_a_bar_from_its_call_to_its_end() -> None:
    steps = steps_of(samples()["overlap-single"])
    layout = lay_out(steps)
    ys = {row.step.seq: row.y for row in layout.rows}
    assert sorted((span.call, span.top, span.bottom) for span in layout.blocked) == [
        ("c1", ys[3], ys[18]), ("c2", ys[6], ys[19]), ("c3", ys[9], ys[13])
    ]  # fmt: skip
    assert len({span.lane for span in layout.blocked}) == 3


def test_callers_one_after_the_other_share_a_lane_and_too_many_at_once_do_too() -> None:
    second = [
        Step(1, 2.0, "call", "c9", "caller-9", "coordinator"),
        Step(2, 3.0, "reply", "c9", "coordinator", "caller-9"),
    ]
    apart = [*calls(1), *second, Step(1, 4.0, "call", "c2", "caller-2", "coordinator")]
    assert len(lay_out(apart).callers) == 1
    crowd = lay_out(calls(MAX_CALLER_LANES + 5))
    assert (len(crowd.callers), crowd.callers.shared) == (MAX_CALLER_LANES, True)
    assert ">callers</text>" in "".join(render(Header(), calls(MAX_CALLER_LANES + 5)))


def test_the_picture_gives_callers_the_lanes_that_they_have_on_the_screen() -> None:
    """Columns of the screen and lanes of the picture, where callers come, go and come again."""
    events = [
        ("call", "c1", "caller"), ("call", "c2", "caller-2"), ("reply", "c1", "caller"),
        ("reply", "c2", "caller-2"), ("call", "c3", "caller-2"), ("call", "c4", "caller"),
        ("call", "c5", "caller-3"), ("reply", "c3", "caller-2"), ("late", "c2", "caller-2"),
    ]  # fmt: skip
    steps = [
        Step(seq, 0.0, kind, call, caller, "coordinator")
        if kind == "call"
        else Step(seq, 0.0, kind, call, "coordinator", caller)
        for seq, (kind, call, caller) in enumerate(events, 1)
    ]
    timeline = Timeline(160, "wide")
    columns: dict[Lane | None, set[int]] = {}
    for step, row in zip(steps, lay_out(steps).rows, strict=True):
        drawn = timeline.lines(step)[-1]
        column = min(drawn.index(mark) for mark in "├◄\N{MULTIPLICATION SIGN}" if mark in drawn)
        lane = row.source if step.kind == "call" else row.target
        columns.setdefault(lane, set()).add(column - (drawn[column] == "◄"))
    assert set(columns) == {Lane(False, number) for number in range(3)}
    assert all(len(each) == 1 for each in columns.values())


def test_long_waits_take_more_room_than_short_ones() -> None:
    ys = [row.y for row in lay_out([Step(1, t, "mark") for t in (0.0, 0.0, 0.01, 10.01)]).rows]
    assert ys[1] - ys[0] < ys[2] - ys[1] < ys[3] - ys[2]


@given(title=st.none() | st.just(HOSTILE) | st.text(), steps=recordings)
def test_whatever_a_transcript_says_is_text_in_a_picture(
    title: str | None, steps: list[Step]
) -> None:
    picture = "".join(render(Header(title=title), steps))
    tags = {element.tag.removeprefix(SVG) for element in ET.fromstring(picture.encode()).iter()}
    shapes = {"rect", "line", "path", "circle", "text", "tspan"}
    assert tags <= {"svg", "title", "desc", "style", "g"} | shapes
    assert not re.search(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e]", picture)
