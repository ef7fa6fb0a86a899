"""The picture holds all of the transcript in its place, and nothing but text and shapes."""

import re
import xml.etree.ElementTree as ET
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import pytest
from commands import genreply
from demos import played
from hostile import HOSTILE, recordings
from hypothesis import given
from hypothesis import strategies as st
from recordings import steps_of

from genreply_cli.export.chart import MAX_CALLER_LANES, draw_up
from genreply_cli.export.chart_periods import HEAD, Lane
from genreply_cli.export.svg import render
from genreply_cli.export.svg_layout import Layout
from genreply_cli.paths import samples
from genreply_cli.timeline.timeline import Timeline
from genreply_cli.transcript.filters import Filters, Selection
from genreply_cli.transcript.format import Header
from genreply_cli.transcript.reader import read
from genreply_cli.transcript.step import Step, is_caller

SVG = "{http://www.w3.org/2000/svg}"


def picture(steps: Sequence[Step], **header: Any) -> ET.Element:
    return ET.fromstring("".join(render(Header(**header), steps)).encode())


def texts(root: ET.Element, kind: str) -> list[str]:
    """The texts of this class, in their order."""
    return [
        "".join(element.itertext())
        for element in root.iter(f"{SVG}text")
        if kind in (element.get("class") or "").split()
    ]


def names(root: ET.Element) -> list[str]:
    """The names of callers at arrows."""
    return [
        name.text or "" for name in root.iter(f"{SVG}tspan") if "name" in (name.get("class") or "")
    ]


def calls(count: int) -> list[Step]:
    """Many callers who wait at the same time."""
    callers = [(f"c{number}", f"caller-{number + 1}") for number in range(1, count + 1)]
    return [
        *(
            Step(seq, 0.0, "call", call, caller, "coordinator")
            for seq, (call, caller) in enumerate(callers, 1)
        ),
        *(
            Step(seq, 1.0, "reply", call, "coordinator", caller)
            for seq, (call, caller) in enumerate(callers, count + 1)
        ),
    ]


@pytest.mark.parametrize("name", samples())
def test_a_picture_is_xml_with_a_title_a_description_and_a_group_for_each_step(name: str) -> None:
    header, steps = read(samples()[name])
    seen = list(steps)
    root = ET.fromstring("".join(render(header, seen)).encode())
    assert [child.tag for child in root[:2]] == [f"{SVG}title", f"{SVG}desc"]
    assert root[0].text == header.title
    assert (root[1].text or "").startswith(f"A timeline of {len(seen)} events. ")
    groups = [group for group in root.iter(f"{SVG}g") if "step" in group.get("class", "").split()]
    states = [step for step in seen if step.kind == "state"]
    assert len(seen) - len(states) <= len(groups) <= len(seen)
    assert not [
        element
        for element in root.iter()
        for key in element.attrib
        if "href" in key or key == "src"
    ]


@pytest.mark.parametrize("name", samples())
def test_the_names_in_a_picture_are_those_of_the_transcript(name: str) -> None:
    """Each call has its caller's name at its head, whichever lane it is drawn in."""
    header, steps = read(samples()[name])
    seen = list(steps)
    root = ET.fromstring("".join(render(header, seen)).encode())
    asked = [step.source for step in seen if step.kind == "call"]
    assert sorted(names(root)) == sorted(map(str, asked))
    processes = dict.fromkeys(
        end for step in seen for end in (step.at, step.target) if end and not is_caller(end)
    )
    assert sorted(texts(root, "head")) == sorted(processes)


def test_a_message_and_what_its_handler_does_stand_in_one_row() -> None:
    steps = steps_of(samples()["overlap-single"])
    rows = [[mark.step.kind for mark in row.marks] for row in draw_up(steps).rows]
    shown = [[kind for kind in row if kind != "state"] for row in rows]
    assert shown == [
        ["call", "cast", "noreply"], ["call", "cast", "noreply"], ["call", "cast", "noreply"],
        ["mark"], ["info", "reply"], ["info", "duplicate"], ["info", "duplicate"],
        ["mark"], ["timeout"], ["timeout"], ["end"],
    ]  # fmt: skip


@given(steps=recordings)
def test_the_rows_hold_the_steps_in_their_order(steps: list[Step]) -> None:
    chart = draw_up(steps)
    drawn = [mark.step for mark in [*chart.heads, *(m for row in chart.rows for m in row.marks)]]
    assert drawn == [step for step in steps if step in drawn]
    assert {step.kind for step in steps if step not in drawn} <= {"state"}


def test_a_blocked_caller_is_a_bar_from_its_call_to_its_end() -> None:
    chart = draw_up(steps_of(samples()["overlap-single"]))
    layout = Layout(chart)
    rows = {mark.step.seq: n for n, row in enumerate(chart.rows) for mark in row.marks}
    ends = {
        step.call: rows[step.seq]
        for step in steps_of(samples()["overlap-single"])
        if step.ends_call
    }
    bars = [period for period in chart.periods if period.kind == "blocked"]
    assert {(bar.name, bar.begin, bar.end) for bar in bars} == {
        ("c1", 0, ends["c1"]), ("c2", 1, ends["c2"]), ("c3", 2, ends["c3"])
    }  # fmt: skip
    assert len({bar.lane for bar in bars}) == 3
    for bar in bars:
        box = layout.box(bar)
        assert box.y < layout.y(bar.begin) < layout.y(bar.end or 0) < box.bottom


def state(seq: int, call: str, keeps: list[str], forgot: list[str]) -> Step:
    details = {"state": {}, "keeps": keeps, "forgot": forgot}
    return Step(seq, 0.0, "state", call, at="coordinator", details=details, cause=seq - 1)


def overwritten() -> list[Step]:
    """Two callers and one slot: the second caller gets the answer to the first."""
    return [
        Step(1, 0.0, "call", "c1", "caller", "coordinator", message=["greet", "A"]),
        state(2, "c1", ["c1"], []),
        Step(3, 0.0, "noreply", "c1", at="coordinator", cause=1),
        Step(4, 0.0, "call", "c2", "caller-2", "coordinator", message=["greet", "B"]),
        state(5, "c2", ["c2"], ["c1"]),
        Step(6, 0.0, "noreply", "c2", at="coordinator", cause=4),
        Step(7, 0.2, "info", "c1", "websocket", "coordinator", message=["received", "a"]),
        Step(
            8, 0.2, "reply", "c2", "coordinator", "caller-2", message="a",
            details={"for": "c1"}, cause=7,
        ),
        Step(9, 1.0, "timeout", "c1", "caller", "coordinator", details={"went_to": "c2"}),
    ]  # fmt: skip


def test_a_kept_caller_is_a_bar_at_the_server_that_is_cut_where_another_takes_its_place() -> None:
    chart = draw_up(overwritten())
    bars = [period for period in chart.periods if period.kind == "kept"]
    assert [(bar.name, bar.begin, bar.end, bar.is_cut, bar.column) for bar in bars] == [
        ("c1", 0, 1, True, 0), ("c2", 1, None, False, 0)
    ]  # fmt: skip
    assert bars[1].over == 2, "c2 is answered, and stays in the slot"
    waits = {bar.name: bar.in_vain for bar in chart.periods if bar.kind == "blocked"}
    assert waits == {"c1": 1, "c2": None}
    root = picture(overwritten())
    assert texts(root, "call").count("c1") == texts(root, "call").count("c2") == 2
    assert "c1 forgotten: overwritten by c2" in texts(root, "wrong")
    assert len([path for path in root.iter(f"{SVG}path") if path.get("class") == "tear"]) == 2


def test_a_wrong_answer_is_red_with_a_ghost_to_the_caller_that_should_have_had_it() -> None:
    chart = draw_up(overwritten())
    [wrong] = [mark for row in chart.rows for mark in row.marks if mark.step.kind == "reply"]
    assert (wrong.target, wrong.meant, wrong.owner) == (Lane(False, 1), Lane(False, 0), "c1")
    root = picture(overwritten())
    [group] = [group for group in root.iter(f"{SVG}g") if group.find(f"{SVG}circle") is not None]
    assert group.get("class") == "step h0 wrong", "in the colour of c1, whose answer it is"
    assert [path.get("class") for path in group.iter(f"{SVG}path")].count("ghost") == 1
    assert "WRONG: c2 gets c1's answer" in texts(root, "wrong")
    assert "c1 gives up: its answer went to c2" in texts(root, "wrong")


def test_several_kept_callers_stand_beside_each_other() -> None:
    chart = draw_up(played("keyed", "none")[0])
    kept = [bar for bar in chart.periods if bar.kind == "kept"]
    assert [(bar.name, bar.column, bar.is_cut) for bar in kept] == [
        ("c1", 0, False), ("c2", 1, False), ("c3", 2, False)
    ]  # fmt: skip
    layout = Layout(chart)
    assert len({layout.box(bar).x for bar in kept}) == 3


def test_a_busy_handler_is_seen_to_be_deaf_and_a_free_one_is_not() -> None:
    busy = draw_up(played("blocking", "none")[0])
    handled = [bar for bar in busy.periods if bar.kind == "handling"]
    queued = [bar for bar in busy.periods if bar.kind == "queued"]
    assert [bar.name for bar in handled] == ["c1", "c2", "c3"]
    assert all(bar.end is not None and bar.end > bar.begin for bar in handled)
    assert [(bar.name, bar.end) for bar in queued] == [
        ("c2", handled[1].begin), ("c3", handled[2].begin)
    ]  # fmt: skip
    free = draw_up(played("single", "none")[0])
    assert all(bar.end == bar.begin for bar in free.periods if bar.kind == "handling")
    assert not [bar for bar in free.periods if bar.kind == "queued"]


def test_a_server_that_has_ended_handles_nothing_and_keeps_nobody() -> None:
    chart = draw_up(steps_of(samples()["crash"]))
    exits = [n for n, row in enumerate(chart.rows) for m in row.marks if m.step.kind == "exit"]
    lasting = [bar for bar in chart.periods if bar.kind in {"kept", "handling", "queued"}]
    assert lasting
    assert all(bar.end is not None and bar.end <= max(exits) for bar in lasting)


def test_a_server_that_does_not_say_when_its_handlers_return_is_not_said_to_be_busy() -> None:
    """Another program recorded the calls and their answers only."""
    silent = [step for step in played("single", "none")[0] if step.kind not in {"noreply", "state"}]
    kinds = {bar.kind for bar in draw_up(silent).periods}
    assert kinds == {"alive", "blocked"}


def test_callers_one_after_the_other_share_a_lane_and_too_many_at_once_do_too() -> None:
    second = [
        Step(1, 2.0, "call", "c9", "caller-9", "coordinator"),
        Step(2, 3.0, "reply", "c9", "coordinator", "caller-9"),
    ]
    apart = [*calls(1), *second, Step(1, 4.0, "call", "c2", "caller-2", "coordinator")]
    assert len(draw_up(apart).callers) == 1
    assert names(picture(apart)) == ["caller-2", "caller-9", "caller-2"]
    crowd = draw_up(calls(MAX_CALLER_LANES + 5)).callers
    assert (len(crowd), crowd.shared) == (MAX_CALLER_LANES, True)
    assert len(names(picture(calls(MAX_CALLER_LANES + 5)))) == MAX_CALLER_LANES + 5


def test_an_answer_to_a_caller_whose_lane_another_has_ends_beside_the_lanes() -> None:
    steps = [
        Step(1, 0.0, "call", "c1", "caller", "coordinator"),
        Step(2, 1.0, "timeout", "c1", "caller", "coordinator"),
        Step(3, 1.0, "call", "c2", "caller-2", "coordinator"),
        Step(4, 1.5, "late", "c1", "coordinator", "caller", message="a"),
    ]
    [late] = draw_up(steps).rows[-1].marks
    layout = Layout(draw_up(steps))
    assert late.target is not None
    assert layout.xs[Lane(False, 0)] < layout.xs[late.target] < layout.xs[Lane(True, 0)]
    assert names(picture(steps)) == ["caller", "caller-2", "to caller"]


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
    marks = [mark for row in draw_up(steps).rows for mark in row.marks]
    for step, mark in zip(steps, marks, strict=True):
        drawn = timeline.lines(step)[-1]
        column = min(drawn.index(sign) for sign in "├◄\N{MULTIPLICATION SIGN}" if sign in drawn)
        lane = mark.source if step.kind == "call" else mark.target
        columns.setdefault(lane, set()).add(column - (drawn[column] == "◄"))
    assert set(columns) == {Lane(False, number) for number in range(3)}
    assert all(len(each) == 1 for each in columns.values())


def test_a_lifeline_begins_below_the_name_of_its_process() -> None:
    """Also of one that was started before the recording began, and of one started again."""
    steps = [
        Step(1, 0.0, "cast", None, "coordinator", "websocket"),
        Step(2, 1.0, "exit", at="websocket", details={"reason": "normal"}),
        Step(3, 2.0, "start", at="websocket"),
    ]
    layout = Layout(draw_up(steps))
    lives = [bar for bar in layout.chart.periods if bar.kind == "alive"]
    assert [(bar.name, bar.begin, bar.end) for bar in lives] == [
        ("coordinator", -1, None), ("websocket", -1, 1), ("websocket", 2, None)
    ]  # fmt: skip
    drawn = "".join(render(Header(), steps))
    assert drawn.rindex('class="lifeline"') < drawn.index('class="box"'), (
        "names are drawn over them"
    )


def test_a_view_from_the_middle_knows_who_waits_already_and_who_they_are() -> None:
    start = Selection(Filters(start=0.1))
    chart = draw_up(overwritten(), start)
    waits = {bar.name: (bar.begin, bar.caller) for bar in chart.periods if bar.kind == "blocked"}
    assert waits == {"c1": (HEAD, "caller"), "c2": (HEAD, "caller-2")}
    assert [bar.name for bar in chart.periods if bar.kind == "kept"] == ["c2"]
    drawn = "".join(render(Header(), overwritten(), selection=start))
    root = ET.fromstring(drawn.encode())
    assert texts(root, "name") == ["caller", "caller-2"]
    assert sorted(texts(root, "head")) == ["coordinator", "websocket"]
    assert [mark.step.seq for row in chart.rows for mark in row.marks] == [7, 8, 9]


def test_a_view_of_one_call_has_no_lanes_of_others_that_have_nothing_to_do_with_it() -> None:
    steps = played("keyed", "none")[0]
    chart = draw_up(steps, Selection(Filters(frozenset({"c2"}))))
    assert {bar.name for bar in chart.periods if bar.kind != "alive"} == {"c2"}
    assert chart.lanes == [Lane(False, 1), Lane(True, 0), Lane(True, 1)]
    assert Layout(chart).xs[Lane(False, 1)] < 200, "it has the first place"
    done = genreply("trace", "overlap-single", "--call", "c1", "--as", "svg")
    root = ET.fromstring(done.out.encode())
    assert "WRONG: c3 gets c1's answer" in texts(root, "wrong")


@given(steps=recordings, calls=st.sets(st.text(max_size=4)), stop=st.floats(0, 2))
def test_every_selection_can_be_drawn(steps: list[Step], calls: set[str], stop: float) -> None:
    selection = Selection(Filters(frozenset(calls), stop=stop))
    ET.fromstring("".join(render(Header(), steps, selection=selection)).encode())


def test_long_waits_take_more_room_than_short_ones() -> None:
    ys = Layout(draw_up([Step(1, t, "mark") for t in (0.0, 0.0, 0.01, 10.01)])).ys
    assert ys[1] - ys[0] < ys[2] - ys[1] < ys[3] - ys[2]


def test_many_calls_are_a_picture_and_no_wall() -> None:
    """24 calls at once: thin rows, and answers that come together close to each other."""
    few, many = (Layout(draw_up(calls(count))) for count in (3, 24))
    assert few.size.names_fit
    assert not many.size.names_fit
    assert many.bottom < 1200
    assert many.width < 1500
    ys = many.ys[24:]
    assert max(below - above for above, below in pairwise(ys)) < 10
    assert sorted(names(picture(calls(24)))) == sorted(f"caller-{n}" for n in range(2, 26))


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        (
            {"coordinator": "single", "delay": [0.25, 0.25], "timeout": 1.0, "faults": []},
            "single: 3 calls, delay 250 ms, timeout 1 s",
        ),
        (
            {"coordinator": "fifo", "delay": [0.1, 1.5], "timeout": None, "faults": ["drop:0.3"]},
            "fifo: 3 calls, delay 100 ms to 1.5 s, fault drop:0.3",
        ),
        ({}, "genreply: 3 calls"),
    ],
)
def test_a_title_is_made_of_the_settings_if_there_is_none(
    settings: dict[str, Any], expected: str
) -> None:
    root = picture(calls(3), settings=settings)
    assert texts(root, "title") == [expected] == [root[0].text]
    root = picture(calls(3), settings=settings, title="mine")
    assert texts(root, "title") == ["mine"] == [root[0].text]
    assert texts(root, "sub")[0].startswith(expected)


def test_a_picture_can_be_made_larger() -> None:
    sizes = {
        scale: ET.fromstring(
            genreply("trace", "hello", "--as", "svg", "--scale", scale).out.encode()
        ).attrib
        for scale in ("1", "2", "0.5")
    }
    width, height = (float(sizes["1"][side]) for side in ("width", "height"))
    for scale, attributes in sizes.items():
        assert float(attributes["width"]) == width * float(scale)
        assert float(attributes["height"]) == height * float(scale)
        assert attributes["viewBox"] == f"0 0 {width:g} {height:g}"


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--as", "svg", "--scale", "0"], "expected a number from 0.1 to 10"),
        (["--as", "svg", "--scale", "big"], "'big' is no scale"),
        (["--as", "text", "--scale", "2"], "--scale is for an export as svg, which is missing"),
        (["--scale", "2"], "--scale is for an export as svg, which is missing"),
    ],
)
def test_what_is_no_scale_gets_a_sentence(arguments: list[str], sentence: str) -> None:
    done = genreply("trace", "hello", *arguments)
    assert (done.code, done.out) == (2, "")
    assert sentence in done.err


def test_two_pictures_in_one_page_keep_their_own_titles_and_styles() -> None:
    roots = [
        ET.fromstring(genreply("trace", name, "--as", "svg").out.encode())
        for name in ("hello", "late")
    ]
    ids = [[each.get("id") for each in root.iter() if each.get("id")] for root in roots]
    assert not set(ids[0]) & set(ids[1])
    for root, own in zip(roots, ids, strict=True):
        assert (root.get("aria-labelledby") or "").split() == own[1:]
        style = root.find(f"{SVG}style")
        assert style is not None
        selectors = re.findall(r"[{}]?([^{}]+)\{", style.text or "")
        parts = [part for each in selectors if "@media" not in each for part in each.split(",")]
        assert parts
        assert all(part.startswith(f"#{own[0]} ") for part in parts)


@given(title=st.none() | st.just(HOSTILE) | st.text(), steps=recordings)
def test_whatever_a_transcript_says_is_text_in_a_picture(
    title: str | None, steps: list[Step]
) -> None:
    drawn = "".join(render(Header(title=title, settings={"coordinator": title}), steps))
    tags = {element.tag.removeprefix(SVG) for element in ET.fromstring(drawn.encode()).iter()}
    shapes = {"rect", "line", "path", "circle", "text", "tspan"}
    assert tags <= {"svg", "title", "desc", "style", "g"} | shapes
    assert not re.search(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e]", drawn)


def test_the_news_that_a_caller_gave_up_has_an_arrow_of_its_own_with_words() -> None:
    picture = "".join(render(Header(), played("keyed", "drop")[0]))
    assert picture.count(">c1 gave up</text>") == 1
    assert "c1 gives up after" in picture
