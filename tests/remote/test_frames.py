"""Requests from a template, and answers by JSON pointers."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from genreply_cli.remote.frames import Format, FrameError, found_at, parse_pointer, parse_request
from genreply_cli.text import visible

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda each: st.lists(each) | st.dictionaries(st.text(), each),
    max_leaves=10,
)
RFC_6901 = {
    "foo": ["bar", "baz"], "": 0, "a/b": 1, "c%d": 2, "e^f": 3, "g|h": 4, "i\\j": 5, 'k"l': 6,
    " ": 7, "m~n": 8,
}  # fmt: skip
RPC = Format(
    {"jsonrpc": "2.0", "id": "{id}", "method": "greet", "params": ["{message}"]},
    answer_at="/result",
)


@pytest.mark.parametrize(
    ("pointer", "value"),
    [
        ("", RFC_6901), ("/foo", ["bar", "baz"]), ("/foo/0", "bar"), ("/", 0), ("/a~1b", 1),
        ("/c%d", 2), ("/e^f", 3), ("/g|h", 4), ("/i\\j", 5), ('/k"l', 6), ("/ ", 7), ("/m~0n", 8),
    ],
)  # fmt: skip
def test_pointers_find_what_the_standard_says(pointer: str, value: Any) -> None:
    assert found_at(RFC_6901, parse_pointer(pointer)) == value


@pytest.mark.parametrize("pointer", ["/none", "/foo/2", "/foo/01", "/foo/-", "/foo/x", "/a~1b/0"])
def test_a_pointer_to_nothing_is_an_error(pointer: str) -> None:
    with pytest.raises(LookupError):
        found_at(RFC_6901, pointer)


@given(st.integers(1), st.text())
def test_a_request_says_its_id_and_message_where_the_template_does(number: int, text: str) -> None:
    assert json.loads(Format().encode(number, text)) == {"id": number, "message": text}
    request = json.loads(RPC.encode(number, text))
    assert request == {"jsonrpc": "2.0", "id": number, "method": "greet", "params": [text]}


@given(st.integers(), st.text())
def test_an_answer_is_found_where_the_pointers_say(number: int, text: str) -> None:
    frame = json.dumps({"jsonrpc": "2.0", "id": number, "result": text})
    assert RPC.decode(frame) == (number, text)


def test_an_answer_that_is_no_text_is_shown_as_json() -> None:
    assert RPC.decode('{"id": 1, "result": {"sum": 5}}') == (1, '{"sum": 5}')


@pytest.mark.parametrize(
    ("frame", "problem"),
    [
        (b"\x00", "a binary frame of 1 byte; expected text"),
        ("garbage\x1b[2J", "a frame that is no JSON: 'garbage\\x1b[2J'"),
        ("[" * 9000, "a frame that is no JSON: '["),
        ("[]", "a frame without an id at /id: '[]'"),
        ('{"message": "x"}', "a frame without an id at /id: "),
        ('{"id": "7", "message": "x"}', "a frame with an unknown id, '\"7\"'"),
        ('{"id": true, "message": "x"}', "a frame with an unknown id, 'true'"),
        ('{"id": 7}', "the answer to request 7 has nothing at /message: "),
    ],
)
def test_what_is_no_answer_has_a_sentence(frame: str | bytes, problem: str) -> None:
    with pytest.raises(FrameError) as error:
        Format().decode(frame)
    assert str(error.value).startswith(problem)
    assert len(str(error.value)) < 150


@given(st.text() | st.binary() | JSON.map(json.dumps))
def test_any_frame_is_an_answer_or_has_a_sentence(frame: str | bytes) -> None:
    try:
        number, answer = Format().decode(frame)
    except FrameError as error:
        number, answer = 0, visible(str(error))
    assert (type(number), type(answer)) == (int, str)


@pytest.mark.parametrize("text", ["no JSON", "{}", '{"id": "{id}"}', '["{message}"]', "[" * 9000])
def test_a_template_without_its_two_parts_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="expected something like"):
        parse_request(text)


def test_a_pointer_begins_with_a_slash() -> None:
    with pytest.raises(ValueError, match="expected a slash first"):
        parse_pointer("result")
