"""Every view of a sample has the names of the transcript, and each call with its own caller."""

import json
import re
import xml.etree.ElementTree as ET
from collections.abc import Callable

import pytest
from commands import genreply
from recordings import steps_of

from genreply_cli.paths import samples
from genreply_cli.timeline.kinds import endpoints

Names = tuple[set[str], dict[str, str]]  # all of them, and the caller of each call

SVG = "{http://www.w3.org/2000/svg}"


def in_transcript(sample: str) -> Names:
    steps = steps_of(samples()[sample])
    ends = {name for step in steps for name in endpoints(step)} - {None}
    callers = {step.call: step.source for step in steps if step.kind == "call"}
    return {str(name) for name in ends}, {str(call): str(of) for call, of in callers.items()}


def in_wide_view(sample: str) -> Names:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("COLUMNS", "120")  # names are short where there is less room
        rows = genreply("trace", sample, "--print", "--view", "wide").out.splitlines()
    names: set[str] = set()
    callers = {}
    for row in rows:
        if row.lstrip().startswith("time"):
            heading = row
            names |= set(row.split()) - {"time", "call", "kind", "message"}
        if re.match(r".* c\d+ +call ", row):
            root = row.index("├")
            [name] = [
                each[0]
                for each in re.finditer(r"\S+", heading)
                if each.start() <= root < each.end()
            ]
            callers[row.split()[2]] = name
    return names, callers


def in_svg(sample: str) -> Names:
    root = ET.fromstring(genreply("trace", sample, "--as", "svg").out.encode())
    heads = [text.text or "" for text in root.iter(f"{SVG}text") if text.get("class") == "head"]
    callers = {}
    for group in root.iter(f"{SVG}g"):
        name = group.find(f"{SVG}text/{SVG}tspan[@class='name']")
        if name is not None:
            tooltip = group.findtext(f"{SVG}title") or ""
            callers[tooltip.split()[1]] = name.text or ""
    return {*heads, *callers.values()}, callers


def in_html(sample: str) -> Names:
    page = genreply("trace", sample, "--as", "html").out
    listed = re.findall(r"<li><a [^>]*><b>([^<]*)</b> (\S+) ", page)
    heads = re.findall(r'class="head"[^>]*>([^<]*)<', page)
    labels = re.findall(r'<tspan class="name">([^<]*)<', page)
    assert sorted(labels) == sorted(caller for _, caller in listed)
    return {*heads, *labels}, dict(listed)


def in_mermaid(sample: str) -> Names:
    diagram = genreply("trace", sample, "--as", "mermaid").out
    names = dict(re.findall(r"(?:actor|participant) (p\d+) as (.*)", diagram))
    asked = re.findall(r"(p\d+)->>p\d+: .*?(c\d+) call ", diagram)
    return set(names.values()), {call: names[caller] for caller, call in asked}


def in_perfetto(sample: str) -> Names:
    events = json.loads(genreply("trace", sample, "--as", "perfetto").out)["traceEvents"]
    tracks = {
        event["tid"]: event["args"]["name"] for event in events if event["name"] == "thread_name"
    }
    blocked = [event for event in events if event.get("cat") == "blocked"]
    callers = {event["name"].split()[0]: tracks[event["tid"]] for event in blocked}
    return set(tracks.values()) - {"genreply"}, callers


@pytest.mark.parametrize("sample", samples())
@pytest.mark.parametrize("view", [in_wide_view, in_svg, in_html, in_mermaid, in_perfetto])
def test_a_view_has_the_names_of_the_transcript(view: Callable[[str], Names], sample: str) -> None:
    assert view(sample) == in_transcript(sample)
