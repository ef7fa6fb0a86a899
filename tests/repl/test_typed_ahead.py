"""What is typed while a call blocks."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prompt_toolkit.key_binding.key_processor import KeyPress
from prompt_toolkit.keys import Keys

from genreply_cli.repl.paste import pasted
from genreply_cli.repl.typed_ahead import TypedAhead

ENTER, BACKSPACE, CLEAR, ESCAPE, UP = (
    KeyPress(Keys.ControlM, "\r"),
    KeyPress(Keys.ControlH, "\x7f"),
    KeyPress(Keys.ControlU, "\x15"),
    KeyPress(Keys.Escape, "\x1b"),
    KeyPress(Keys.Up, "\x1b[A"),
)
KEYS = st.one_of(
    st.sampled_from([ENTER, BACKSPACE, UP, ESCAPE, pasted("a\nb")]),
    st.characters(min_codepoint=32).map(KeyPress),
)


def typed(text: str) -> list[KeyPress]:
    return [KeyPress(letter) for letter in text]


def ahead(*keys: KeyPress) -> TypedAhead:
    typed_ahead = TypedAhead()
    for key in keys:
        typed_ahead.add(key)
    return typed_ahead


@pytest.mark.parametrize(
    ("keys", "lines"),
    [
        ([], [""]),
        (typed("next"), ["next"]),
        ([*typed("one"), ENTER, *typed("two"), ENTER, *typed("th")], ["one", "two", "th"]),
        ([*typed("nexd"), BACKSPACE, *typed("t")], ["next"]),
        ([*typed("no"), CLEAR, *typed("yes")], ["yes"]),
        ([ENTER, BACKSPACE], ["", ""]),
        ([*typed("one"), ESCAPE, ENTER, *typed("line"), ENTER], ["one\nline", ""]),
        ([pasted("a\r\nb"), *typed("c")], ["a\nbc"]),
        ([UP, ENTER], ["<up>", ""]),
    ],
)
def test_what_is_typed_ahead_is_shown_line_by_line(keys: list[KeyPress], lines: list[str]) -> None:
    assert ahead(*keys).lines() == lines


@given(st.lists(KEYS))
def test_the_prompts_get_just_the_keys_that_were_pressed(keys: list[KeyPress]) -> None:
    assert ahead(*keys).presses() == keys


@given(st.lists(KEYS), st.text(alphabet="ab"))
def test_the_line_without_enter_is_left_when_the_others_are_dropped(
    keys: list[KeyPress], rest: str
) -> None:
    typed_ahead = ahead(*keys, KeyPress("x"), ENTER, *typed(rest))
    *whole, _ = typed_ahead.lines()
    assert typed_ahead.drop_lines() == whole
    assert typed_ahead.presses() == typed(rest)
    assert typed_ahead.lines() == [rest]
