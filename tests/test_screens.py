"""The screens, through a real pseudo-terminal and an emulator that answers."""

import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pexpect
import pyte
import pytest

PATIENCE = 20  # seconds until a screen that should have come is called missing


class Terminal:
    """A program in a terminal, and what its screen shows."""

    def __init__(self, arguments: list[str], columns: int, state: Path) -> None:
        environment = {**os.environ, "TERM": "xterm-256color", "COLUMNS": "", "LINES": "", "XDG_STATE_HOME": str(state), "CI": ""}
        environment = {name: value for name, value in environment.items() if value}
        self.child = pexpect.spawn(
            sys.executable, ["-m", "genreply_cli", *arguments], dimensions=(40, columns), env=environment, timeout=PATIENCE
        )
        self.screen = pyte.Screen(columns, 40)
        self.screen.write_process_input = self.child.send  # type: ignore[method-assign]  # it answers what it is asked
        self.stream = pyte.ByteStream(self.screen)
        self.raw = b""

    @property
    def rows(self) -> list[str]:
        return [row.rstrip() for row in self.screen.display if row.strip()]

    def wait_for(self, shown: str | Callable[[list[str]], bool]) -> list[str]:
        """Read until the screen shows it."""
        there = shown if callable(shown) else lambda rows: any(shown in row for row in rows)
        while not there(self.rows):
            self._read()
        return self.rows

    def end(self) -> int:
        """Read until the program has ended, and return its exit status."""
        try:
            while True:
                self._read()
        except pexpect.EOF:
            self.child.close()
        return int(self.child.exitstatus if self.child.exitstatus is not None else -self.child.signalstatus)

    def _read(self) -> None:
        data = self.child.read_nonblocking(65536, timeout=PATIENCE)
        self.raw += data
        self.stream.feed(data)


@pytest.fixture
def terminal(tmp_path: Path) -> Iterator[Callable[..., Terminal]]:
    opened: list[Terminal] = []

    def start(*arguments: str, columns: int = 120) -> Terminal:
        opened.append(Terminal(list(arguments), columns, tmp_path))
        return opened[-1]

    yield start
    for one in opened:
        one.child.close(force=True)


@pytest.mark.parametrize("columns", [120, 80, 40])
def test_a_greeting_fits_the_terminal(terminal: Callable[..., Terminal], columns: int) -> None:
    sent = terminal("send", "Hello world", columns=columns)
    assert sent.end() == 0
    assert sent.rows[-1] == "Hello world to you too!"
    kinds = [kind for row in sent.rows for kind in ("call", "cast", "noreply", "info", "reply") if f" {kind} " in f"{row} "]
    assert [kind for kind in kinds if kind != "call"][-4:] == ["cast", "noreply", "info", "reply"]
    assert len(sent.rows) == (7 if columns >= 100 else 6)  # nothing wraps: a header where there are lanes, five rows, the reply


def test_a_newcomer_sees_the_wrong_caller(terminal: Callable[..., Terminal]) -> None:
    sent = terminal("send", "A", "B", "--jobs", "2", "--coordinator", "single", "--delay", "50ms", "--timeout", "200ms")
    assert sent.end() == 3
    assert any("!◄┈" in row and "WRONG CALLER" in row for row in sent.rows)


def test_control_characters_in_a_greeting_do_not_reach_the_terminal(terminal: Callable[..., Terminal]) -> None:
    sent = terminal("send", "a\x1b[2Jb\x07c\u202ed")
    assert sent.end() == 0
    assert b"\x1b[2J" not in sent.raw
    assert b"\x07" not in sent.raw
    assert sent.rows[-1] == "a\\x1b[2Jb\\x07c\\u202ed to you too!"


def test_the_repl_blocks_until_the_deferred_reply(terminal: Callable[..., Terminal]) -> None:
    repl = terminal("repl", "--delay", "300ms")
    repl.wait_for("greet>")
    repl.child.send("Hello\r")
    repl.wait_for("c1 blocked 0.")
    rows = repl.wait_for(lambda rows: rows[-1] == "greet>" and "Hello to you too!" in rows)
    assert not any("blocked 0.1/" in row for row in rows)  # the transient line is gone
    repl.child.send("\x04")
    assert repl.end() == 0


def test_ctrl_c_gives_up_the_call_that_blocks_and_what_was_typed_ahead_is_kept(terminal: Callable[..., Terminal]) -> None:
    repl = terminal("repl", "--delay", "30")
    repl.wait_for("greet>")
    repl.child.send("Hello\r")
    repl.wait_for("c1 blocked")
    repl.child.send("next")
    repl.child.send("\x03")
    rows = repl.wait_for("greet> next")
    assert any("cancel" in row and "nobody is told" in row for row in rows)
    repl.child.send("\x03")
    repl.wait_for(lambda rows: rows[-1] == "greet>")
    repl.child.send("\x03")
    repl.wait_for("Ctrl-D, or /quit, leaves")
    repl.child.send("/quit\r")
    assert repl.end() == 0


def test_a_transcript_is_replayed_at_its_own_pace_or_faster(terminal: Callable[..., Terminal]) -> None:
    replay = terminal("trace", "hello", "--speed", "10")
    assert replay.end() == 0
    assert "blocked 250 ms" in replay.rows[-1]
