"""Requests from a template, and answers by JSON pointers."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from genreply_cli.remote.frames import (
    Format,
    FrameError,
    RemoteError,
    found_at,
    parse_pointer,
    parse_request,
)
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
        ("[" * 200_000, "a frame that is nested too deeply: '["),
        ('{"id": NaN}', "a frame that is no JSON: "),
        (f'{{"id": {"9" * 5000}}}', "a frame that has a number with too many digits: "),
        ("[]", "a frame without an id at /id: '[]'"),
        ('{"message": "x"}', "a frame without an id at /id: "),
        ('{"id": "7", "message": "x"}', "a frame with an unknown id, '\"7\"'"),
        ('{"id": true, "message": "x"}', "a frame with an unknown id, 'true'"),
        ('{"id": 7.0, "message": "x"}', "a frame with an unknown id, '7.0'"),
        ('{"id": 7}', "the answer to request 7 has nothing at /message, and no error at /error: "),
        ('{"id": 7, "error": null}', "the answer to request 7 has nothing at /message, and no er"),
    ],
)
def test_what_is_no_answer_has_a_sentence(frame: str | bytes, problem: str) -> None:
    with pytest.raises(FrameError) as error:
        Format().decode(frame)
    assert str(error.value).startswith(problem)
    assert len(str(error.value)) < 180


@pytest.mark.parametrize(
    ("error", "text"),
    [
        ('{"code": -32601, "message": "no such method"}', "no such method (-32601)"),
        ('{"message": "no such method"}', "no such method"),
        ('"no such method"', "no such method"),
        ('{"message": "bad", "data": {"at": "ä"}}', '{"message": "bad", "data": {"at": "ä"}}'),
        ("{}", "{}"),
        ("false", "false"),
        (json.dumps("x" * 10**6), "x" * 1000 + "…"),
    ],
)
def test_an_error_is_an_answer_with_a_text(error: str, text: str) -> None:
    number, answer = RPC.decode(f'{{"jsonrpc": "2.0", "id": 7, "error": {error}}}')
    assert (number, type(answer), str(answer)) == (7, RemoteError, text)


@pytest.mark.parametrize("none", ["null", "false", '""', "[]", "{}"])
def test_an_empty_error_beside_an_answer_is_none(none: str) -> None:
    assert Format().decode(f'{{"id": 7, "message": "Hi", "error": {none}}}') == (7, "Hi")


def test_an_error_beside_an_answer_is_not_hidden_by_it() -> None:
    _, answer = Format().decode('{"id": 7, "message": null, "error": "no"}')
    assert str(answer) == "no"


def test_an_error_may_stand_anywhere() -> None:
    asked = {"id": "{id as text}", "type": "subscribe", "payload": {"query": "{message}"}}
    graphql = Format(asked, "/id", "/payload/data", "/payload/0/message")
    assert json.loads(graphql.encode(7, "{ greet {id} }"))["payload"] == {"query": "{ greet {id} }"}
    assert graphql.decode('{"id": "7", "payload": {"data": {"a": 1}}}') == (7, '{"a": 1}')
    _, error = graphql.decode('{"id": "7", "payload": [{"message": "no"}]}')
    assert (type(error), str(error)) == (RemoteError, "no")


@given(st.integers(1, 10**15))
def test_an_id_may_be_asked_for_as_text(number: int) -> None:
    as_text = Format({"id": "{id as text}", "message": "{message}"})
    request = as_text.encode(number, "Hi")
    assert json.loads(request)["id"] == str(number)
    assert as_text.decode(request) == (number, "Hi")


@pytest.mark.parametrize("wrong", ["7", '"07"', '"+7"', '"7 "', '"\u0667"', '"x"', "null", '["7"]'])
def test_an_id_that_was_asked_for_as_text_is_that_text_alone(wrong: str) -> None:
    as_text = Format({"id": "{id as text}", "message": "{message}"})
    with pytest.raises(FrameError, match="a frame with an unknown id, "):
        as_text.decode(f'{{"id": {wrong}, "message": "x"}}')


@given(st.text() | st.binary() | JSON.map(json.dumps))
def test_any_frame_is_an_answer_or_has_a_sentence(frame: str | bytes) -> None:
    try:
        number, answer = Format().decode(frame)
    except FrameError as error:
        number, answer = 0, visible(str(error))
    assert type(number) is int
    assert isinstance(answer, str | RemoteError)


@pytest.mark.parametrize(
    "text", ["no JSON", "{}", '{"id": "{id}"}', '["{id as text}"]', '["{message}"]', "[" * 9000]
)
def test_a_template_without_its_two_parts_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="expected something like"):
        parse_request(text)


def test_a_pointer_begins_with_a_slash() -> None:
    with pytest.raises(ValueError, match="expected a slash first"):
        parse_pointer("result")
