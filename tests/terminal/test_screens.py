"""The screens, through a real pseudo-terminal and an emulator that answers."""

import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable
from itertools import product
from pathlib import Path

import pytest
from long_transcripts import transcript
from terminals import Terminal, clean

from genreply_cli.cli.source import MIN_BYTES_FOR_PROGRESS


@pytest.mark.parametrize("columns", [120, 80, 40])
def test_a_greeting_fits_the_terminal(terminal: Callable[..., Terminal], columns: int) -> None:
    sent = terminal("send", "Hello world", columns=columns)
    assert sent.end() == 0
    assert sent.rows[-1] == "Hello world to you too!"
    kinds = [
        kind
        for row in sent.rows
        for kind in ("call", "cast", "noreply", "info", "reply")
        if f" {kind} " in f"{row} "
    ]
    assert [kind for kind in kinds if kind != "call"][-4:] == ["cast", "noreply", "info", "reply"]
    # nothing wraps: a header, or how to get lanes; five rows; the reply
    assert len(sent.rows) == 7


@pytest.mark.parametrize(
    ("columns", "seen"),
    [(120, ["!◄┈", "WRONG CALLER"]), (80, ["WRONG CALLER"]), (40, ["WRONG CALLER, not c1"])],
)
def test_a_newcomer_sees_the_wrong_caller(
    terminal: Callable[..., Terminal], columns: int, seen: list[str]
) -> None:
    story = ("--jobs", "2", "--coordinator", "single", "--delay", "10ms", "--timeout", "500ms")
    sent = terminal("send", "A", "B", *story, columns=columns)
    assert sent.end() == 3
    assert any(all(sign in row for sign in seen) for row in sent.rows)


@pytest.mark.parametrize("columns", [120, 80, 40])
def test_a_story_is_told_as_wide_as_the_terminal_is(
    terminal: Callable[..., Terminal], columns: int
) -> None:
    sent = terminal("send", "A", "--quiet", "--explain", columns=columns)
    assert sent.end() == 0
    assert sent.raw.startswith(b"A to you too!\r\n")
    assert any("Elixir, coordinators.exs" in row for row in sent.rows)
    assert any("Python" in row and "│ Elixir" in row for row in sent.rows) == (columns >= 100)


def test_a_listener_who_asks_for_lanes_gets_them_and_nothing_that_moves(
    terminal: Callable[..., Terminal],
) -> None:
    sent = terminal(
        "send", "A", "--delay", VISIBLY, "--view", "wide", "--color", "never", ACCESSIBLE="1"
    )
    assert sent.end() == 0
    assert b"\x1b" not in sent.raw
    assert any("◄┈" in row for row in sent.rows)


def test_control_characters_in_a_greeting_do_not_reach_the_terminal(
    terminal: Callable[..., Terminal],
) -> None:
    sent = terminal("send", "a\x1b[2Jb\x07c\u202ed")
    assert sent.end() == 0
    assert b"\x1b[2J" not in sent.raw
    assert b"\x07" not in sent.raw
    assert sent.rows[-1] == "a\\x1b[2Jb\\x07c\\u202ed to you too!"


def test_the_repl_blocks_until_the_deferred_reply(terminal: Callable[..., Terminal]) -> None:
    repl = terminal("repl", "--delay", VISIBLY)
    repl.wait_for("greet>")
    repl.child.send("Hello\r")
    rows = repl.wait_for(lambda rows: rows[-1] == "greet>" and "Hello to you too!" in rows)
    assert LINE.search(repl.raw.decode())
    assert not any(LINE.search(row) for row in rows)  # the status line is gone
    repl.child.send("\x04")
    assert repl.end() == 0


def test_ctrl_c_gives_up_the_call_that_blocks_and_what_was_typed_ahead_is_kept(
    terminal: Callable[..., Terminal],
) -> None:
    repl = terminal("repl", "--delay", "30")
    repl.wait_for("greet>")
    repl.child.send("Hello\r")
    repl.wait_for("c1 blocked")
    repl.child.send("next")
    repl.child.send("\x03")
    given_up = re.compile("cancel.*coordinator is told")
    repl.wait_for(lambda rows: rows[-1] == "greet> next" and any(map(given_up.search, rows)))
    repl.child.send("\x03")
    repl.wait_for(lambda rows: rows[-1] == "greet>")
    repl.child.send("\x03")
    repl.wait_for("Ctrl-D, or /quit, leaves")
    repl.child.send("/quit\r")
    assert repl.end() == 0


# --- the status line ---

LINE = re.compile(r"(c\d+) blocked (\d+\.\d) s of 5s")
VISIBLY = "250ms"  # a call that takes as long is in the status line for a while


def test_a_call_that_blocks_is_shown_in_a_line_that_leaves_no_trace(
    terminal: Callable[..., Terminal],
) -> None:
    sent = terminal("send", "A", "--delay", VISIBLY)
    assert sent.end() == 0
    seconds = [float(seconds) for _, seconds in LINE.findall(sent.raw.decode())]
    assert min(seconds) >= 0.1
    assert len(sent.rows) == 7
    assert not any("blocked 0" in row or " s of 5s" in row for row in sent.rows)
    assert sent.rows[-1] == "A to you too!"
    assert not sent.screen.cursor.hidden


def test_the_line_is_below_the_rows_as_long_as_the_call_blocks(
    terminal: Callable[..., Terminal],
) -> None:
    sent = terminal("send", "A", "--delay", "30")
    rows = sent.wait_for(LINE)
    assert LINE.fullmatch(rows[-1])
    assert len(rows) == 5  # the header, call, cast, noreply, the line
    sent.child.kill(signal.SIGINT)
    assert sent.end() == -signal.SIGINT
    assert not any(LINE.search(row) for row in sent.rows)
    assert not sent.screen.cursor.hidden


def test_a_call_that_does_not_block_for_long_is_not_mentioned(
    terminal: Callable[..., Terminal],
) -> None:
    sent = terminal("send", "A", "B", "C", "--delay", "20ms")
    assert sent.end() == 0
    assert not LINE.search(sent.raw.decode())


def test_the_line_is_short_however_many_block(terminal: Callable[..., Terminal]) -> None:
    sent = terminal("send", *map(str, range(12)), "--jobs", "12", "--delay", VISIBLY, columns=40)
    assert sent.end() == 0
    assert not any("more" in row for row in sent.rows)
    lines = re.findall(r"c\d+ blocked [^\r\n\x1b]*", sent.raw.decode())
    assert re.fullmatch(r"c1 blocked 0\.\d s of 5s   and 11 more", lines[0])
    assert max(map(len, lines)) <= 39


def test_off_a_terminal_there_is_no_status_line() -> None:
    done = piped(
        "send", "A", "--delay", VISIBLY, "--timeline", "--view", "wide", "--color", "always"
    )
    assert "reply" in done.stderr
    assert not LINE.search(done.stderr)
    assert "\r" not in done.stderr


def test_a_resize_leaves_no_ghosts(terminal: Callable[..., Terminal], tmp_path: Path) -> None:
    """The calls come when the test says so, so that they are asked in a window of known width."""
    fifo = tmp_path / "greetings"
    os.mkfifo(fifo)
    with open(os.open(fifo, os.O_RDWR), "w") as greetings:  # noqa: PTH123
        sent = terminal("send", "-", "--jobs", "3", "--delay", "30", stdin=str(fifo))
        for greeting, columns, line in [
            ("A", 40, r"^c1 blocked \d\.\d s of 5s$"),
            ("B", 120, r"^c1 blocked \d\.\d s of 5s   and 1 more$"),
            ("C", 100, r"^c1 blocked \d\.\d s of 5s   and 2 more$"),
        ]:
            print(greeting, file=greetings, flush=True)
            sent.wait_for(re.compile(rf"\bc{'ABC'.index(greeting) + 1} +noreply "))
            sent.wait_for(re.compile(line))
            sent.resize(columns)
        sent.child.kill(signal.SIGINT)
        assert sent.end() == -signal.SIGINT
    assert not any(re.search(r"/5\.0|^c\d", row) for row in sent.rows)
    for call, kind in product(("c1", "c2", "c3"), ("call", "cast", "noreply")):
        found = [row for row in sent.rows if re.search(rf"\b{call} +{kind} ", row)]
        assert len(found) == 1, (call, kind)
    assert any(re.match(r"\+0\.\d+ c2 call    greet \"B\"", row) for row in sent.rows)  # narrow
    assert any(re.search(r" c3 +call .*├─+►", row) for row in sent.rows)  # wide again


def test_very_many_calls_get_a_bar_and_no_timeline(terminal: Callable[..., Terminal]) -> None:
    sent = terminal("send", "A", "--count", "3000")
    assert sent.end() == 0
    text = sent.raw.decode()
    assert re.search(r"━+.* *\d+/3000", text)
    assert text.count("A to you too!\r\n") == 3000
    assert not re.search(r"/3000[^\r\n]*A to you", text)  # the bar makes room for the replies
    assert set(sent.rows[:-1]) == {"A to you too!"}
    assert sent.rows[-1].startswith("summary: calls 3,000, replied 3,000; median wait ")
    assert "noreply" not in text
    assert not sent.screen.cursor.hidden


def test_where_nothing_is_redrawn_there_is_no_bar(terminal: Callable[..., Terminal]) -> None:
    sent = terminal("send", "A", "--count", "1100", ACCESSIBLE="1")
    assert sent.end() == 0
    assert b"\x1b" not in sent.raw
    assert b"/1100" not in sent.raw


# --- how it looks ---

COLOUR = re.compile(r"\x1b\[[\d;]*m")


def piped(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run it with no terminal at all."""
    return subprocess.run(
        [sys.executable, "-m", "genreply_cli", *arguments],
        env=clean(environment),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        encoding="utf-8",
        check=True,
        start_new_session=True,
    )


@pytest.mark.parametrize(
    ("arguments", "environment", "colours"),
    [
        ([], {}, True),
        ([], {"NO_COLOR": "1"}, False),
        (["--color", "never"], {"FORCE_COLOR": "1"}, False),
        (["--color", "always"], {"NO_COLOR": "1"}, True),
    ],
)
def test_colours_on_a_terminal(
    terminal: Callable[..., Terminal],
    arguments: list[str],
    environment: dict[str, str],
    colours: bool,
) -> None:
    sent = terminal("send", "A", "--delay", VISIBLY, *arguments, **environment)
    assert sent.end() == 0
    assert bool(COLOUR.search(sent.raw.decode())) is colours
    assert any("◄┈" in row for row in sent.rows)
    assert LINE.search(sent.raw.decode())  # what moves is another matter than what is coloured


def test_no_colours_in_the_bar_either(terminal: Callable[..., Terminal]) -> None:
    sent = terminal("send", "A", "--count", "1100", "--color", "never")
    assert sent.end() == 0
    assert b"/1100" in sent.raw
    assert not COLOUR.search(sent.raw.decode())


def test_colours_in_a_pipe_if_they_are_asked_for() -> None:
    arguments = ("send", "A", "--clock", "virtual", "--view", "wide")
    coloured = piped(*arguments, "--color", "always")
    plain = piped(*arguments)
    assert COLOUR.search(coloured.stderr)
    assert COLOUR.sub("", coloured.stderr) == plain.stderr
    assert (
        "caller c1 kept, not answered; 1 waiting" in plain.stderr
    )  # 120 columns, where nobody says how many
    assert piped(*arguments, FORCE_COLOR="1", TERM="dumb").stderr == coloured.stderr
    assert coloured.stdout == "A to you too!\n"


def test_a_dumb_terminal_gets_plain_lines(terminal: Callable[..., Terminal]) -> None:
    sent = terminal("send", "A", "--delay", VISIBLY, TERM="dumb")
    assert sent.end() == 0
    assert b"\x1b" not in sent.raw
    assert not LINE.search(sent.raw.decode())
    assert any(
        re.fullmatch(r'0\.\d{6} c1 call caller -> coordinator: greet "A"', row) for row in sent.rows
    )


@pytest.mark.parametrize("environment", [{"LC_ALL": "C"}, {"PYTHONIOENCODING": "ascii"}])
def test_where_the_glyphs_cannot_be_shown_it_is_drawn_in_ascii(
    terminal: Callable[..., Terminal], environment: dict[str, str]
) -> None:
    sent = terminal("send", "A", **environment)
    assert sent.end() == 0
    assert sent.raw.isascii()
    assert any("|<....." in row for row in sent.rows)


def test_a_reply_that_the_encoding_cannot_hold_is_written_as_an_escape() -> None:
    assert piped("send", "你", PYTHONIOENCODING="ascii").stdout == "\\u4f60 to you too!\n"


def test_accessible_speaks_in_sentences_and_redraws_nothing(
    terminal: Callable[..., Terminal],
) -> None:
    sent = terminal("send", "A", "--delay", VISIBLY, ACCESSIBLE="1")
    assert sent.end() == 0
    assert b"\x1b" not in sent.raw
    assert any(
        re.fullmatch(r'0\.\d{3} seconds, c1: caller asks coordinator, and waits: greet "A"\.', row)
        for row in sent.rows
    )


def test_the_environment_sets_options() -> None:
    assert piped("send", "A", GENREPLY_COORDINATOR="immediate").stdout == "ok\n"
    told = piped(
        "send", "A", GENREPLY_DELAY="2s", GENREPLY_CLOCK="virtual", GENREPLY_JSON="1"
    ).stdout
    assert '"blocked": 2.0' in told


def test_no_timeline_if_it_is_off(terminal: Callable[..., Terminal]) -> None:
    sent = terminal("send", "A", "--view", "off")
    assert sent.end() == 0
    assert sent.rows == ["A to you too!"]
    assert piped("trace", "hello", "--view", "off").stdout == ""


def test_reading_a_big_file_shows_how_far_it_has_come(
    terminal: Callable[..., Terminal], tmp_path: Path
) -> None:
    path = tmp_path / "big.jsonl"
    with transcript(8_000) as long:
        path.write_bytes(Path(long).read_bytes() + b'{"seq":40003,"t":"soon","kind":"mark"}\n')
        label = json.dumps(
            {"seq": 40004, "t": 900.0, "kind": "mark", "label": "x" * MIN_BYTES_FOR_PROGRESS}
        )
    with path.open("a") as file:
        file.write(f"{label}\n")
    check = terminal("trace", str(path), "--check")
    assert check.end() == 5
    assert b"/100" in check.raw
    assert not any("/100" in row for row in check.rows)  # the bar is gone
    assert check.rows[-1] == "40,003 events, 8,000 calls: 1 thing wrong"
