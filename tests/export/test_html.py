"""The page holds all of the transcript as text, and lets nothing in from elsewhere."""

import re
from html.parser import HTMLParser
from typing import Any

from commands import genreply
from hostile import HOSTILE, recordings
from hypothesis import given
from hypothesis import strategies as st

from genreply_cli.export.html import render
from genreply_cli.transcript.format import Header
from genreply_cli.transcript.step import Step


class Tags(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[Any]) -> None:
        self.tags.append(tag)
        assert not {name for name, _ in attrs} & {"href", "src", "onclick", "onload"}


@given(title=st.none() | st.just(HOSTILE) | st.text(), steps=recordings)
def test_whatever_a_transcript_says_is_text_on_a_page(title: str | None, steps: list[Step]) -> None:
    header = Header(title=title, by=title, settings={HOSTILE: HOSTILE})
    page = "".join(render(header, steps))
    page.encode()
    parser = Tags()
    parser.feed(page)
    assert not {"script", "img", "iframe", "link", "object"} & set(parser.tags)
    assert parser.tags.count("tr") == len(steps) + 1
    assert not re.search(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e]", page)


def test_a_page_lets_nothing_in_from_elsewhere() -> None:
    page = genreply("trace", "hello", "--as", "html").out
    assert "default-src 'none'" in page
    assert set(re.findall(r'https?://[^"]*', page)) == {"http://www.w3.org/2000/svg"}
