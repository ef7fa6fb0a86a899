"""Nothing from outside steers a terminal."""

import unicodedata

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from genreply_cli.text import cells, counted, fold, quoted, visible, wrap

ANY_TEXT = st.text(st.characters(exclude_categories=()))  # lone surrogates, too
STEERING = {"Cc", "Cs", "Zl", "Zp"}  # controls, halves of characters, ends of lines
REORDERING = set("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")


def is_harmless(text: str) -> bool:
    return not any(
        unicodedata.category(character) in STEERING or character in REORDERING for character in text
    )


@given(ANY_TEXT)
@example("\x1b[2J\x9b31m\x7f\r\n\u202e\ud800")
def test_visible_text_has_no_controls_no_ends_of_lines_and_no_change_of_direction(
    text: str,
) -> None:
    assert is_harmless(visible(text))
    assert is_harmless(quoted(text))


@given(ANY_TEXT)
def test_making_text_visible_twice_is_making_it_visible_once(text: str) -> None:
    assert visible(visible(text)) == visible(text)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("a\nb\tc\r", "a\\nb\\tc\\r"),
        ("\x1b]0;title\x07", "\\x1b]0;title\\x07"),
        ("\x9b31m", "\\x9b31m"),
        ("\u202eabc", "\\u202eabc"),
        ("\ud800", "\\ud800"),
        ("\U000e0001", "\\U000e0001"),
        ("a\u200db", "a\\u200db"),
    ],
)
def test_what_could_steer_a_terminal_is_shown_as_an_escape(text: str, shown: str) -> None:
    assert visible(text) == shown


@pytest.mark.parametrize(
    "text",
    [
        "",
        "Hello",
        "Grüße",
        "中文",
        "👩\u200d👩\u200d👧",
        "👋🏽",
        "e\u0301",
        "שלום",
        "नमस्ते",
        "[red]",
        ":smile:",
        "\\n",
    ],
)
def test_honest_text_stays_as_it_is(text: str) -> None:
    assert visible(text) == text


def test_between_quotes_an_escape_of_the_user_is_told_from_one_of_ours() -> None:
    assert quoted('say "\\n"') == '"say \\"\\\\n\\""'
    assert quoted("\n") == '"\\n"'


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        ("", [""]),
        ("one two three", ["one two", "three"]),
        ("a long-word-x b", ["a", "long-word-x", "b"]),  # a word that fits a line is not cut
        ("a very-long-word b", ["a very-long", "-word b"]),
        ("seven77 very-long-word", ["seven77", "very-long-w", "ord"]),
    ],
)
def test_text_is_wrapped_between_words_and_only_a_word_that_fits_no_line_is_cut(
    text: str, lines: list[str]
) -> None:
    assert wrap(text, 11) == lines


@given(st.text(st.characters(codec="utf-8")).map(visible), st.integers(2, 40))
def test_wrapped_lines_fit_and_hold_all_of_the_text(text: str, width: int) -> None:
    lines = wrap(text, width)
    assert all(cells(line) <= width for line in lines)
    assert "".join(lines).replace(" ", "") == text.replace(" ", "")


@given(st.text(st.characters(codec="utf-8")).map(visible), st.integers(2, 40))
def test_a_folded_line_holds_all_of_the_text_and_only_whole_words(text: str, room: int) -> None:
    rows = fold(text, room)
    assert " ".join(row.strip(" ") for row in rows).split() == text.split()
    assert all(cells(row) <= room or " " not in row.strip(" ") for row in rows[1:])


def test_a_command_is_not_broken_when_a_line_is_folded() -> None:
    line = "  try --timeout 5, or see it: genreply trace lunch.jsonl; Ctrl-C leaves"
    assert fold(line, 30) == [
        "  try --timeout 5, or see it:",
        "  genreply trace lunch.jsonl;",
        "  Ctrl-C leaves",
    ]


def test_one_thing_is_counted_in_the_singular() -> None:
    counts = [counted(number, "frame") for number in (0, 1, 2, 1000)]
    assert counts == ["0 frames", "1 frame", "2 frames", "1,000 frames"]
