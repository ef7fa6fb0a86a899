"""Two transcripts beside each other: the same callers at one height, what differs is marked."""

import re
import xml.etree.ElementTree as ET
from html import unescape
from pathlib import Path

import pytest
from browser import CHROMIUM, MISSING, Browser
from commands import genreply
from demos import played
from hostile import HOSTILE, recordings
from hypothesis import given

from genreply_cli.export import html_pair, svg_pair
from genreply_cli.export.chart import draw_up
from genreply_cli.export.side_by_side import MAX_ALIKE, SideBySide, Transcript, align
from genreply_cli.transcript.format import Header
from genreply_cli.transcript.step import Step

SVG = "{http://www.w3.org/2000/svg}"


def session(design: str, fault: str = "none") -> Transcript:
    return Transcript(Header(settings={"coordinator": design}), played(design, fault)[0])


def answered(calls: int, kind: str = "reply") -> Transcript:
    """So many calls, one after the other, which all end with this kind."""
    steps: list[Step] = []
    for number in range(1, calls + 1):
        call = f"c{number}"
        steps.append(Step(len(steps) + 1, number, "call", call, "caller", "coordinator"))
        ends = ("coordinator", "caller") if kind == "reply" else ("caller", "coordinator")
        steps.append(Step(len(steps) + 1, number + 0.5, kind, call, *ends))
    return Transcript(Header(), steps)


def test_what_happens_in_both_stands_at_one_height() -> None:
    both = SideBySide(session("single"), session("keyed"))
    heights = []
    for chart, layout in zip(both.charts, both.layouts, strict=True):
        heights.append({
            (mark.step.kind, mark.step.call): layout.y(number)
            for number, row in enumerate(chart.rows)
            for mark in row.marks
        })  # fmt: skip
    one, other = heights
    for call in ("c1", "c2", "c3"):
        assert one["call", call] == other["call", call]
        assert one["info", call] == other["info", call]
    assert one["end", None] == other["end", None]
    assert one["call", "c1"] < one["call", "c2"] < one["call", "c3"]
    assert both.layouts[0].bottom == both.layouts[1].bottom
    assert both.layouts[0].width == both.layouts[1].width


@given(one=recordings, other=recordings)
def test_each_row_of_both_is_drawn_once_and_in_its_order(
    one: list[Step], other: list[Step]
) -> None:
    rows = draw_up(one).rows, draw_up(other).rows
    pairs = align(*rows)
    for side in (0, 1):
        assert [pair[side] for pair in pairs if pair[side] is not None] == [*range(len(rows[side]))]
    assert (None, None) not in pairs


def test_what_became_of_a_call_is_marked_if_it_differs_in_more_than_its_times() -> None:
    both = SideBySide(session("single"), session("keyed"))
    assert [call.differs for call in both.calls] == [True, True, True]
    words = [[facts and facts.outcome.text for facts in call.facts] for call in both.calls]
    assert words[0] == [
        "gave up after 1.5 s; its answer went to c3", 'answered "A to you too!" after 200 ms'
    ]  # fmt: skip
    slower = SideBySide(session("blocking"), session("keyed"))
    assert [call.differs for call in slower.calls] == [False, False, False]
    assert SideBySide(answered(1), answered(2)).calls[1].differs


def test_of_many_calls_those_that_came_out_alike_are_counted() -> None:
    few = SideBySide(answered(MAX_ALIKE), answered(MAX_ALIKE)).listed()
    assert (len(few[0]), few[1]) == (MAX_ALIKE, 0)
    many = SideBySide(answered(MAX_ALIKE + 1), answered(MAX_ALIKE + 1))
    assert many.listed() == ([], MAX_ALIKE + 1)
    assert f"{MAX_ALIKE + 1} calls came out alike" in "".join(svg_pair.render(*many.transcripts))
    assert f"{MAX_ALIKE + 1} calls came out alike" in "".join(html_pair.render(*many.transcripts))


def test_a_call_has_the_same_colour_in_both() -> None:
    other = answered(3)
    later = [step for step in other.steps if step.call != "c1"]
    both = SideBySide(answered(3), Transcript(other.header, later))
    assert both.charts[0].numbers == both.charts[1].numbers


def test_a_picture_of_two_is_one_svg_with_one_title(tmp_path: Path) -> None:
    path = tmp_path / "both.svg"
    done = genreply("trace", "overlap-single", "--diff", "overlap-keyed", "-o", path)
    assert done == (0, "", "")
    root = ET.fromstring(path.read_bytes())
    assert root[0].text == "single beside keyed"
    halves = [group for group in root.iter(f"{SVG}g") if group.get("class") == "half"]
    assert len(halves) == 2
    ids = [element.get("id") for element in root.iter() if element.get("id")]
    assert len(ids) == len(set(ids)) == 3
    marks = [text.text for text in root.iter(f"{SVG}text") if text.get("class") == "unlike"]
    assert marks == ["\N{NOT EQUAL TO}"] * 3
    for half in halves:
        names = [span.text for span in half.iter(f"{SVG}tspan") if span.get("class") == "name"]
        assert names == ["caller", "caller-2", "caller-3"]
    twice = genreply(
        "trace", "overlap-single", "--diff", "overlap-keyed", "--as", "svg", "--scale", "2"
    ).out
    assert float(ET.fromstring(twice.encode()).attrib["width"]) == 2 * float(root.attrib["width"])


def test_a_page_of_two_has_a_table_of_calls_and_the_words_of_diff() -> None:
    page = genreply("trace", "overlap-single", "--diff", "overlap-keyed", "--as", "html").out
    assert page.count("<svg ") == 2
    rows = re.findall(r'<tr class="differs h\d" data-calls="(\d)"', page)
    assert rows == ["0", "1", "2"]
    words = genreply("trace", "overlap-single", "--diff", "overlap-keyed").out
    assert words.splitlines()[-1].strip() in unescape(page)


@pytest.mark.parametrize("form", ["mermaid", "text", "perfetto"])
def test_other_formats_have_no_pairs(form: str) -> None:
    done = genreply("trace", "hello", "--diff", "late", "--as", form)
    assert (done.code, done.out) == (2, "")
    assert f"are drawn as svg or html, and not as {form}" in done.err


@given(one=recordings, other=recordings)
def test_whatever_two_transcripts_say_is_text(one: list[Step], other: list[Step]) -> None:
    header = Header(title=HOSTILE, settings={"coordinator": HOSTILE, HOSTILE: HOSTILE})
    both = Transcript(header, one), Transcript(header, other)
    tags = {
        element.tag.removeprefix(SVG)
        for element in ET.fromstring("".join(svg_pair.render(*both)).encode()).iter()
    }
    shapes = {"rect", "path", "circle", "text", "tspan"}
    assert tags <= {"svg", "title", "desc", "style", "g"} | shapes
    assert "".join(html_pair.render(*both)).count("<script") == 1


@pytest.mark.skipif(CHROMIUM is None, reason=MISSING)
def test_a_call_lights_up_in_both_and_nothing_is_cut(tmp_path: Path) -> None:
    path = tmp_path / "both.html"
    genreply("trace", "overlap-single", "--diff", "overlap-keyed", "-o", path)
    with Browser() as browser:
        for width in (1300, 500):
            browser.open(path, width=width)
            assert browser.run("document.documentElement.scrollWidth") <= width
            names = "[...document.querySelectorAll('figure .head')]"
            beyond = f"{names}.filter((it) => it.getBoundingClientRect().right > innerWidth)"
            assert browser.run(f"{beyond}.length") == 0
        browser.point_at(".pair tbody tr:nth-child(2)")
        count = "(figure) => figure.querySelectorAll('.on').length"
        lit = f"[...document.querySelectorAll('figure')].map({count})"
        assert all(count > 0 for count in browser.run(lit))
        assert (browser.problems, browser.requests) == ([], [path.as_uri()])
