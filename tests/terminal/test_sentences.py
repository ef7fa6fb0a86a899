"""Sentences among the rows: wrapped between words, and how to read the rows."""

from collections.abc import Callable

import pytest
from terminals import EmulatedTerminal, Terminal

from genreply_cli.paths import samples
from genreply_cli.terminal.output import OutputOptions
from genreply_cli.terminal.screen import Screen
from genreply_cli.text import cells
from genreply_cli.transcript.reader import read

SENTENCE = "a new coordinator is running: single; the one before it ends when nothing is under way"
HINT = "lanes need 72 columns: widen the window"
LEGEND = "┃ caller blocked   ║ server busy   ■ caller kept   □ still kept"


def shown(terminal: EmulatedTerminal, options: OutputOptions | None = None) -> list[str]:
    """The rows of a recording of two calls, with the explanations of the REPL."""
    screen = Screen(terminal, options, legend=True)
    for step in read(str(samples()["late"]))[1]:
        screen.show(step)
    return terminal.rows


@pytest.mark.parametrize("columns", [20, 40, 80])
def test_a_sentence_is_wrapped_between_words(columns: int) -> None:
    terminal = EmulatedTerminal(columns)
    Screen(terminal).say(f"  {SENTENCE}")
    assert " ".join(row.strip() for row in terminal.rows) == SENTENCE
    assert all(row.startswith("  ") and cells(row) < columns for row in terminal.rows)


def test_a_path_that_no_row_can_hold_is_left_to_the_terminal_so_that_it_can_be_copied() -> None:
    terminal = EmulatedTerminal(40)
    command = f"genreply trace /tmp/{'folder/' * 6}lunch.jsonl"
    Screen(terminal).say(f"saved; see it with: {command}")
    assert terminal.rows[0] == "saved; see it with:"
    assert "".join(terminal.rows[1:]) == command


@pytest.mark.parametrize("columns", [40, 60])
def test_what_a_command_says_below_its_rows_is_wrapped_between_words_too(
    terminal: Callable[..., Terminal], columns: int
) -> None:
    arguments = ["one", "two", "-q", "--jobs", "2", "-c", "single", "--timeout", "50ms"]
    send = terminal("send", *arguments, columns=columns)
    words = " ".join(row.strip() for row in send.end_of_output())
    assert "error: c1 got no reply within 50ms; its answer was sent to c2" in words
    assert "note: wrong answers: c2 got the answer to c1; more than one reply" in words
    send = terminal("send", "one", "--coordinater", "single", columns=columns)
    rows = send.end_of_output()
    assert "error: No such option: --coordinater; did you mean --coordinator?" in " ".join(rows)
    assert all(row.startswith("       ") for row in rows[2:])


@pytest.mark.parametrize("options", [OutputOptions("plain"), OutputOptions(accessible=True)])
def test_for_a_listener_or_a_program_nothing_is_wrapped_and_no_sign_explained(
    options: OutputOptions,
) -> None:
    terminal = EmulatedTerminal(40)
    Screen(terminal, options).say(SENTENCE)
    assert "".join(terminal.rows) == SENTENCE
    assert not {HINT, LEGEND} & set(shown(EmulatedTerminal(60), options))


@pytest.mark.parametrize("columns", [72, 80, 120])
def test_the_signs_of_the_lanes_are_explained_once_before_the_first_call(columns: int) -> None:
    rows = shown(EmulatedTerminal(columns))
    assert rows[0] == LEGEND
    assert rows.count(LEGEND) == 1


def test_the_signs_are_explained_in_ascii_where_they_are_drawn_so() -> None:
    rows = shown(EmulatedTerminal(80), OutputOptions(ascii_only=True))
    assert rows[0] == "# caller blocked   H server busy   O caller kept   o still kept"


@pytest.mark.parametrize("columns", [40, 60, 71])
def test_where_there_is_no_room_for_lanes_it_is_said_once_how_to_get_them(columns: int) -> None:
    assert shown(EmulatedTerminal(columns)).count(HINT) == 1
    assert HINT not in shown(EmulatedTerminal(columns), OutputOptions("narrow"))
    assert HINT not in shown(EmulatedTerminal(columns), OutputOptions("smallest"))


def test_only_the_repl_explains_the_signs() -> None:
    terminal = EmulatedTerminal(80)
    screen = Screen(terminal)
    for step in read(str(samples()["late"]))[1]:
        screen.show(step)
    assert LEGEND not in terminal.rows
