"""A transcript as a diagram, a picture, a page, a text, a trace: all that is in it is there, and none of it is more than text."""

import json
import re
import xml.etree.ElementTree as ET
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from commands import genreply
from hypothesis import given
from hypothesis import strategies as st

from genreply_cli.export.formats import FORMATS, MANY
from genreply_cli.export.html import page
from genreply_cli.export.mermaid import diagram, escape
from genreply_cli.export.perfetto import REMEMBERED, events
from genreply_cli.export.svg import draw
from genreply_cli.export.svg_layout import CALLERS, lay_out
from genreply_cli.paths import samples
from genreply_cli.timeline.timeline import Timeline
from genreply_cli.transcript.format import Header
from genreply_cli.transcript.reader import read
from genreply_cli.transcript.step import KINDS, NO_MESSAGE, Step

SVG = "{http://www.w3.org/2000/svg}"
HOSTILE = (
    '</text></svg><script>alert("&amp;")</script>\x1b[2J\u202e\x00\ud800\ufffe]]>;%%{end}#35;\n'
)


def steps_of(name: str) -> list[Step]:
    return list(read(samples()[name])[1])


def calls(count: int) -> list[Step]:
    """Many callers who wait at the same time."""
    asked = [
        Step(n, 0.0, "call", f"c{n}", f"caller-{n + 1}", "coordinator", message=["greet", "A"])
        for n in range(1, count + 1)
    ]
    return [
        *asked,
        *(
            Step(n, 1.0, "reply", f"c{n}", "coordinator", f"caller-{n + 1}", message="A")
            for n in range(1, count + 1)
        ),
    ]


names = (
    st.none()
    | st.sampled_from(["caller", "caller-2", "coordinator", "websocket", HOSTILE])
    | st.text(max_size=4)
)
anything = st.builds(
    Step,
    seq=st.integers(1, 9),
    t=st.floats(0, 1e9),
    kind=st.sampled_from([*sorted(KINDS), HOSTILE]),
    call=st.none() | st.sampled_from(["c1", "c2", HOSTILE]),
    source=names,
    target=names,
    at=names,
    message=st.sampled_from(
        [NO_MESSAGE, None, HOSTILE, ["greet", HOSTILE], {HOSTILE: [1, {"repr": HOSTILE}]}]
    ),
    details=st.sampled_from(
        [
            {},
            {"blocked": 1.0},
            {"for": HOSTILE},
            {"label": HOSTILE, "error": HOSTILE, "reason": HOSTILE},
        ]
    ),
    cause=st.none() | st.integers(1, 9),
)
recordings = st.lists(anything, max_size=12)


# --- files ---


@pytest.mark.parametrize("form", FORMATS)
@pytest.mark.parametrize("name", samples())
def test_an_export_is_the_same_each_time_to_a_file_and_to_stdout(
    form: str, name: str, tmp_path: Path
) -> None:
    path = tmp_path / f"it{FORMATS[form].endings[0]}"
    assert genreply("trace", name, "-o", path) == (0, "", "")
    assert (
        path.read_text()
        == genreply("trace", name, "--as", form).out
        == genreply("trace", name, "--as", form, "-o", "-").out
    )


def test_text_is_the_plain_timeline() -> None:
    assert (
        genreply("trace", "late", "--as", "text").out
        == genreply("trace", "late", "--print", "--plain").out
    )


def test_a_file_is_not_overwritten_unless_that_is_asked_for(tmp_path: Path) -> None:
    path = tmp_path / "it.svg"
    path.write_text("precious")
    refused = genreply("trace", "hello", "-o", path)
    told = f"error: {path}: exists already\n       choose another name; genreply trace takes --overwrite\n"
    assert (refused.code, refused.err) == (1, told)
    assert path.read_text() == "precious"
    assert genreply("trace", "hello", "-o", path, "--overwrite").code == 0
    assert path.read_text().startswith("<?xml")


def test_what_goes_wrong_on_the_way_leaves_nothing_behind(tmp_path: Path) -> None:
    broken = tmp_path / "broken.jsonl"
    broken.write_text(samples()["hello"].read_text() + "no JSON\n" + '{"seq":9}\n')
    assert genreply("trace", broken, "-o", tmp_path / "it.txt").code == 5
    assert sorted(tmp_path.iterdir()) == [broken]


@pytest.mark.parametrize(
    ("arguments", "code", "sentence"),
    [
        (
            ["-o", "it.png"],
            2,
            "'it.png' does not say what it is to be; expected a name that ends in one of .mmd",
        ),
        (["--as", "sgv"], 2, "did you mean svg?"),
        (["--as", "svg", "--stats"], 2, "--stats and --as exclude each other"),
        (
            ["--as", "svg", "-o", "no/such/folder/it.svg"],
            1,
            "no/such/folder/it.svg: cannot be written: no such file",
        ),
        (["--as", "svg", "--overwrite"], 2, "--overwrite is for --output FILE, which is missing"),
        (["--as", "svg", "-o", "/"], 1, "/: is a directory; expected a file to write to"),
    ],
)
def test_what_cannot_be_exported_gets_a_sentence(
    arguments: list[str], code: int, sentence: str
) -> None:
    done = genreply("trace", "hello", *arguments)
    assert (done.code, done.out) == (code, "")
    assert sentence in done.err


@pytest.mark.parametrize("form", ["mermaid", "svg", "html"])
def test_a_picture_of_too_much_is_refused_and_of_a_part_of_it_is_not(
    form: str, tmp_path: Path
) -> None:
    path = tmp_path / "it.jsonl"
    path.write_text(
        '{"format":"genreply","version":1}\n'
        + "".join(
            f'{{"seq":{seq},"t":{seq / 10},"kind":"mark","label":"x"}}\n'
            for seq in range(1, MANY + 2)
        )
    )
    done = genreply("trace", path, "--as", form)
    assert (done.code, done.out) == (2, "")
    assert "pick a part with --call" in done.err
    assert genreply("trace", path, "--as", form, "--from", "499").code == 0


# --- SVG and HTML ---


@pytest.mark.parametrize("name", samples())
def test_a_picture_is_xml_with_a_title_a_description_and_a_row_for_each_step(name: str) -> None:
    header, steps = read(samples()[name])
    seen = list(steps)
    root = ET.fromstring("".join(draw(header, seen)).encode())
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
    steps = steps_of("overlap-single")
    layout = lay_out(steps)
    ys = {row.step.seq: row.y for row in layout.rows}
    assert sorted((span.call, span.start, span.stop) for span in layout.blocked) == [
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
    crowd = lay_out(calls(CALLERS + 5))
    assert (len(crowd.callers), crowd.callers.shared) == (CALLERS, True)
    assert ">callers</text>" in "".join(draw(Header(), calls(CALLERS + 5)))


def test_the_picture_gives_callers_the_lanes_that_they_have_on_the_screen() -> None:
    """Columns of the screen and lanes of the picture, where callers come, go and come again."""
    kinds = ["call", "call", "reply", "reply", "call", "call", "call", "reply", "late"]
    callers = ["caller", "caller-2", "caller", "caller-2", "caller-2", "caller", "caller-3", "caller-2", "caller-2"]  # fmt: skip
    names = ["c1", "c2", "c1", "c2", "c3", "c4", "c5", "c3", "c2"]
    steps = [
        Step(seq, 0.0, kind, name, caller, "coordinator")
        if kind == "call"
        else Step(seq, 0.0, kind, name, "coordinator", caller)
        for seq, (kind, name, caller) in enumerate(zip(kinds, names, callers, strict=True), 1)
    ]
    timeline = Timeline(160, "wide")
    columns: dict[tuple[int, int] | None, set[int]] = {}
    for step, row in zip(steps, lay_out(steps).rows, strict=True):
        drawn = timeline.lines(step)[-1]
        column = min(drawn.index(mark) for mark in "├◄\N{MULTIPLICATION SIGN}" if mark in drawn)
        lane = row.source if step.kind == "call" else row.target
        columns.setdefault(lane, set()).add(column - (drawn[column] == "◄"))
    assert set(columns) == {(0, 0), (0, 1), (0, 2)}
    assert all(len(each) == 1 for each in columns.values())


def test_long_waits_take_more_room_than_short_ones() -> None:
    ys = [row.y for row in lay_out([Step(1, t, "mark") for t in (0.0, 0.0, 0.01, 10.01)]).rows]
    assert ys[1] - ys[0] < ys[2] - ys[1] < ys[3] - ys[2]


class Tags(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[Any]) -> None:
        self.tags.append(tag)
        assert not {name for name, _ in attrs} & {"href", "src", "onclick", "onload"}


@given(title=st.none() | st.just(HOSTILE) | st.text(), steps=recordings)
def test_whatever_a_transcript_says_is_text_in_a_picture_and_on_a_page(
    title: str | None, steps: list[Step]
) -> None:
    header = Header(title=title, by=title, settings={HOSTILE: HOSTILE})
    picture = "".join(draw(header, steps))
    tags = {element.tag.removeprefix(SVG) for element in ET.fromstring(picture.encode()).iter()}
    assert tags <= {
        "svg",
        "title",
        "desc",
        "style",
        "rect",
        "text",
        "tspan",
        "line",
        "g",
        "path",
        "circle",
    }
    whole = "".join(page(header, steps))
    whole.encode()
    parser = Tags()
    parser.feed(whole)
    assert not {"script", "img", "iframe", "link", "object"} & set(parser.tags)
    assert parser.tags.count("tr") == len(steps) + 1
    assert not re.search(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e]", picture + whole)


def test_a_page_lets_nothing_in_from_elsewhere() -> None:
    whole = genreply("trace", "hello", "--as", "html").out
    assert "default-src 'none'" in whole
    assert set(re.findall(r'https?://[^"]*', whole)) == {"http://www.w3.org/2000/svg"}


# --- Mermaid ---


def test_a_diagram_of_a_sample() -> None:
    assert (
        genreply("trace", "late", "--as", "mermaid", "--call", "c1").out
        == """\
sequenceDiagram
    accTitle: a caller gives up#59; the answer comes, and is dropped
    participant p1 as caller
    participant p2 as coordinator
    participant p3 as websocket
    p1->>p2: 0.000 s  c1 call greet #34;Hello#34;
    activate p1
    p2->>p3: 0.000 s  c1 cast send_message #34;Hello#34;
    Note over p2: 0.000 s  c1 noreply caller c1 kept, not answered#59; 1 waiting
    Note over p1: 0.100 s  c1 timeout gave up after 0.100 s#59; nobody is told
    deactivate p1
    p3->>p2: 0.300 s  c1 info message_received #34;Hello to you too!#34;
    p2--xp1: 0.300 s  c1 late dropped#58; caller c1 left 0.200 s ago
"""
    )


@given(st.text())
def test_a_text_in_a_diagram_has_nothing_that_mermaid_reads(text: str) -> None:
    shown = escape(text)
    assert shown
    assert re.fullmatch(r"(?:[\w .,!?'()/=_-]|#\d+;)+", shown)
    assert not re.search(r"(?i)\bend\b", shown)


@given(recordings)
def test_bars_begin_before_they_end_and_everybody_is_declared(steps: list[Step]) -> None:
    lines = [line.strip() for line in "".join(diagram(Header(), steps)).splitlines()]
    declared = {line.split()[1] for line in lines if line.startswith("participant")}
    active = dict.fromkeys(declared, 0)
    for line in lines:
        match line.split():
            case ["activate", who]:
                active[who] += 1
            case ["deactivate", who]:
                active[who] -= 1
                assert active[who] >= 0
    arrows = [re.match(r"(p\d+)-{1,2}(?:>>|x)(p\d+): .", line) for line in lines]
    assert {who for arrow in arrows if arrow for who in arrow.groups()} <= declared
    assert len(lines) == 1 + len(declared) + len(steps) + sum(
        "activate" in line.split()[0] for line in lines
    )


# --- Perfetto ---


def trace_of(steps: list[Step]) -> list[dict[str, Any]]:
    traced: list[dict[str, Any]] = json.loads("".join(events(Header(), steps)))["traceEvents"]
    return traced


def test_a_trace_has_a_track_a_process_slices_for_blocked_callers_and_arrows_for_causes() -> None:
    steps = steps_of("overlap-single")
    traced = trace_of(steps)
    tracks = {
        event["tid"]: event["args"]["name"] for event in traced if event["name"] == "thread_name"
    }
    assert sorted(tracks.values()) == [
        "caller",
        "caller-2",
        "caller-3",
        "coordinator",
        "genreply",
        "websocket",
    ]
    slices = [
        (tracks[e["tid"]], e["name"], round(e["ts"]), round(e["dur"]))
        for e in traced
        if e["ph"] == "X"
    ]
    assert slices == [
        ("caller-3", 'c3 greet "C"', 60000, 190000),
        ("caller", 'c1 greet "A"', 0, 1000000),
        ("caller-2", 'c2 greet "B"', 30000, 1000000),
    ]
    assert sum(event["ph"] == "i" for event in traced) == len(steps)
    assert sum(event["ph"] == "s" for event in traced) == sum(
        step.cause is not None for step in steps
    )


@given(recordings)
def test_a_trace_keeps_to_the_documented_format(steps: list[Step]) -> None:
    traced = trace_of(steps)
    named = {event["tid"] for event in traced if event["ph"] == "M"}
    begun: dict[int, float] = {}
    marks = {(event["tid"], event["ts"]) for event in traced if event["ph"] == "i"}
    for event in traced:
        assert {"ph", "pid", "tid", "name"} <= event.keys()
        assert event["tid"] in named
        match event["ph"]:
            case "X":
                assert event["ts"] >= 0
                assert event["dur"] >= 0
            case "i":
                assert event["s"] == "t"
            case "s":
                begun[event["id"]] = event["ts"]
                assert (event["tid"], event["ts"]) in marks
            case "f":
                assert event["bp"] == "e"
                assert begun[event["id"]] <= event["ts"]
                assert (event["tid"], event["ts"]) in marks
            case other:
                assert other == "M"


def test_what_happened_at_the_same_time_keeps_its_order_in_a_trace() -> None:
    times = [event["ts"] for event in trace_of(steps_of("crash")) if event["ph"] == "i"]
    assert times == sorted(set(times))


def test_a_cause_of_long_ago_has_no_arrow_but_costs_no_memory() -> None:
    steps = [
        Step(seq, 0.0, "mark", cause=1 if seq > 1 else None) for seq in range(1, REMEMBERED + 10)
    ]
    assert sum(event["ph"] == "s" for event in trace_of(steps)) == REMEMBERED
