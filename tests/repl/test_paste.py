"""What is typed, and what was pasted."""

from hypothesis import given
from hypothesis import strategies as st
from prompt_toolkit.key_binding.key_processor import KeyPress
from prompt_toolkit.keys import Keys

from genreply_cli.repl.paste import MIN_PASTE, Pastes, join_pastes, pasted
from genreply_cli.terminal.resize import rewraps, rows_moved

ENTER, UP = KeyPress(Keys.ControlM, "\r"), KeyPress(Keys.Up, "\x1b[A")


def typed(text: str) -> list[KeyPress]:
    return [KeyPress(letter) for letter in text]


@given(
    st.lists(st.one_of(st.just(ENTER), st.just(UP), st.characters(min_codepoint=32).map(KeyPress)))
)
def test_what_is_typed_stays_what_it_is(keys: list[KeyPress]) -> None:
    again = list(join_pastes(keys))
    assert "".join(key.data for key in again) == "".join(key.data for key in keys)
    assert [key for key in again if key.key in {Keys.ControlM, Keys.Up}] == [
        key for key in keys if key in [ENTER, UP]
    ]
    assert not any(key.key == Keys.BracketedPaste and len(key.data) < MIN_PASTE for key in again)


def test_a_long_run_is_one_paste() -> None:
    assert list(join_pastes([*typed("ab"), ENTER, *typed("x" * 500), ENTER])) == [
        *typed("ab"),
        ENTER,
        pasted("x" * 500),
        ENTER,
    ]


def test_where_the_cursor_is_when_the_terminal_has_become_narrower() -> None:
    assert rows_moved([], 10, 40) == 0
    assert rows_moved([], 57, 40) == 1
    assert rows_moved([120, 37], 90, 40) == 2 + 0 + 2
    assert rows_moved([40, 41, 0], 0, 40) == 1


def test_who_wraps_again_says_so() -> None:
    assert rewraps({"TMUX": "/tmp/tmux"})
    assert rewraps({"VTE_VERSION": "7600"})
    assert not rewraps({"TERM": "xterm-256color", "TMUX": ""})


def test_a_placeholder_stands_for_what_was_pasted() -> None:
    pastes = Pastes()
    line = " and ".join(map(pastes.add, ["one\ntwo", "x" * 3000]))
    assert line == "[pasted 1: 2 lines] and [pasted 2: 3,000 characters]"
    assert pastes.are_in(line)
    assert pastes.placeholder_at_end(line) == "[pasted 2: 3,000 characters]"
    assert pastes.placeholder_at_end(f"{line}.") == ""
    assert pastes.expand(line) == ["one", f"two and {'x' * 3000}"]


def test_a_line_that_looks_like_a_placeholder_is_text() -> None:
    pastes = Pastes()
    line = "[pasted 1: 2 lines]"
    assert not pastes.are_in(line)
    assert pastes.expand(line) == [line]
    pastes.add("three\nlines\nhere")
    assert not pastes.are_in(line)
    assert pastes.expand(line) == [line]


def test_a_line_made_with_alt_enter_stays_one_greeting() -> None:
    pastes = Pastes()
    placeholder = pastes.add("c\nd")
    assert pastes.expand(f"a\nb {placeholder}") == ["a\nb c", "d"]
