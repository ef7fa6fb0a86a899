"""The page holds all of the transcript as text, and lets nothing in from elsewhere."""

import re
from base64 import b64encode
from hashlib import sha256
from html.parser import HTMLParser
from typing import Any

import pytest
from commands import genreply
from hostile import HOSTILE, recordings
from hypothesis import given
from hypothesis import strategies as st
from recordings import steps_of

from genreply_cli.explain.story import explain
from genreply_cli.export.html import MAX_TOLD, asset, render
from genreply_cli.paths import samples
from genreply_cli.transcript.format import Header
from genreply_cli.transcript.step import Step


class Page(HTMLParser):
    """The elements of a page, and the text inside each kind of element."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.texts: dict[str, list[str]] = {}
        self._open: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[Any]) -> None:
        self.elements.append((tag, dict(attrs)))
        self._open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        while self._open and self._open.pop() != tag:
            pass

    def handle_data(self, data: str) -> None:
        if self._open:
            self.texts.setdefault(self._open[-1], []).append(data)

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.elements if name == tag]


@given(title=st.none() | st.just(HOSTILE) | st.text(), steps=recordings)
def test_whatever_a_transcript_says_is_text_on_a_page(title: str | None, steps: list[Step]) -> None:
    header = Header(title=title, by=title, settings={HOSTILE: HOSTILE})
    page = "".join(render(header, steps))
    page.encode()
    parsed = Page(page)
    tags = {tag for tag, _ in parsed.elements}
    assert not {"img", "iframe", "link", "object", "base", "form"} & tags
    assert "".join(parsed.texts["script"]) == asset("page.js"), "the only script is our own"
    assert len(parsed.all("script")) == 1
    for _, attributes in parsed.elements:
        assert not [name for name in attributes if name.startswith("on") or name == "src"]
        assert re.fullmatch(r"#e\d+", attributes.get("href") or "#e1")
    assert len(parsed.all("time")) == len(steps)
    assert not re.search(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2028\u2029]", page)


def test_a_page_lets_nothing_in_from_elsewhere() -> None:
    page = genreply("trace", "hello", "--as", "html").out
    [policy] = re.findall(r'Content-Security-Policy" content="([^"]*)"', page)
    digest = b64encode(sha256(asset("page.js").encode()).digest()).decode()
    assert policy == (
        f"default-src 'none'; style-src 'unsafe-inline'; script-src 'sha256-{digest}';"
        " base-uri 'none'; form-action 'none'"
    )
    assert set(re.findall(r'https?://[^"]*', page)) == {"http://www.w3.org/2000/svg"}


@pytest.mark.parametrize("name", samples())
def test_each_event_has_an_anchor_and_what_explain_says_of_it_beside_its_code(name: str) -> None:
    steps = steps_of(samples()[name])
    page = Page("".join(render(Header(), steps)))
    anchors = [attributes.get("id") for attributes in page.all("li") if attributes.get("id")]
    assert anchors == [f"e{step.seq}" for step in steps]
    words, code = "".join(page.texts["p"]), "".join(page.texts.get("pre", []))
    for call in {step.call for step in steps if step.call is not None}:
        for sentence in explain(steps, call):
            assert sentence.sentence in words
            for quoted in (sentence.python, sentence.elixir):
                assert quoted is None or "\n".join(quoted.lines) in code


@pytest.mark.parametrize("name", samples())
def test_the_names_on_a_page_are_those_of_the_transcript(name: str) -> None:
    """Above the picture, each call stands with its own caller."""
    steps = steps_of(samples()[name])
    page = "".join(render(Header(), steps))
    listed = re.findall(r"<li><a [^>]*><b>([^<]*)</b> (\S+) ", page)
    assert listed == [(step.call, step.source) for step in steps if step.kind == "call"]


def test_of_many_calls_one_sign_says_what_became_of_each() -> None:
    steps = [Step(n, n, "call", f"c{n}", "caller", "coordinator") for n in range(1, MAX_TOLD + 2)]
    page = "".join(render(Header(), [*steps, Step(99, 99, "reply", "c1", "coordinator", "caller")]))
    signs = re.findall(r'title="(caller [^"]*)"><b>(c\d+)</b> <span class="\w+">([^<]*)<', page)
    assert signs[:2] == [("caller answered", "c1", "✓"), ("caller still waits", "c2", "×")]  # noqa: RUF001


def test_a_recording_on_the_virtual_clock_was_not_made_in_1970() -> None:
    page = genreply("trace", "hello", "--as", "html").out
    assert "1970" not in page
    assert "clock virtual" in page
    real = "".join(render(Header(created="2026-11-22T14:49:28Z", clock="real"), []))
    assert "on 2026-11-22T14:49:28Z" in real
