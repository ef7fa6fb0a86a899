"""The REPL at a terminal where nothing is redrawn: it has a prompt, and the line can be edited."""

from collections.abc import Callable

import pytest
from terminals import Terminal

Start = Callable[..., Terminal]

WAYS = pytest.mark.parametrize(
    ("arguments", "options"),
    [
        (["--accessible"], {}),
        (["--view", "plain"], {}),
        ([], {"TERM": "dumb"}),
        ([], {"reader": "cat"}),
    ],
    ids=["accessible", "plain", "dumb", "a pipe"],
)


def last_row(text: str) -> Callable[[list[str]], bool]:
    return lambda rows: bool(rows) and rows[-1] == text


@WAYS
def test_the_prompt_says_that_it_is_ready_and_a_typed_line_can_be_mended(
    terminal: Start, arguments: list[str], options: dict[str, str]
) -> None:
    screen = terminal("repl", "--delay", "0", *arguments, **options)
    screen.wait_for(last_row("ready, greet>"))
    screen.child.send("Helxx\x7f\x7flo\r")
    rows = screen.wait_for("Hello to you too!", last_row("ready, greet>"))
    assert not any(row.startswith("Hello to you") and "greet>" in row for row in rows)
    screen.child.send("\x04")
    assert screen.end() == 0
    assert any("replied 1" in row for row in screen.rows)


@WAYS
def test_ctrl_c_gives_up_a_call_that_blocks_and_the_prompt_comes_back(
    terminal: Start, arguments: list[str], options: dict[str, str]
) -> None:
    screen = terminal("repl", "--delay", "20s", "--timeout", "infinity", *arguments, **options)
    screen.wait_for(last_row("ready, greet>"))
    screen.child.send("slow\r")
    screen.wait_for("slow" if "reader" in options else "1 waiting")
    screen.child.send("\x03")
    screen.wait_for("c1 cancelled", last_row("ready, greet>"))
    screen.child.send("/quit\r")
    assert screen.end() == 0


@WAYS
def test_ctrl_c_at_the_prompt_drops_the_line_and_ends_nothing(
    terminal: Start, arguments: list[str], options: dict[str, str]
) -> None:
    screen = terminal("repl", "--delay", "0", *arguments, **options)
    screen.wait_for(last_row("ready, greet>"))
    screen.child.send("half\x03")
    screen.wait_for(last_row("ready, greet>"))
    screen.child.send("whole\r")
    screen.wait_for("whole to you too!", last_row("ready, greet>"))
    screen.child.send("\x03")
    screen.wait_for("Ctrl-D, or /quit, leaves", last_row("ready, greet>"))
    assert not any("half to you" in row for row in screen.rows)


@WAYS
def test_a_reply_in_the_background_is_shown_without_a_key(
    terminal: Start, arguments: list[str], options: dict[str, str]
) -> None:
    screen = terminal("repl", "--delay", "300ms", *arguments, **options)
    screen.wait_for(last_row("ready, greet>"))
    screen.child.send("Hello &\r")
    screen.wait_for("Hello to you too!")
