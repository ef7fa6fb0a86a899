"""The player in a real pseudo-terminal: its keys, its sizes, and that the screen is given back."""

import re
import signal
from collections.abc import Callable
from pathlib import Path

import pytest
from recordings import HEADER, index_at, read_all, steps_of
from terminals import Terminal

from genreply_cli import paths
from genreply_cli.player.keys import failures
from genreply_cli.player.panels import Style
from genreply_cli.player.state import State
from genreply_cli.player.view import render
from genreply_cli.transcript.format import to_line
from genreply_cli.transcript.step import Step

Start = Callable[..., Terminal]
ENTER, LEAVE, HIDE, SHOW = b"\x1b[?1049h", b"\x1b[?1049l", b"\x1b[?25l", b"\x1b[?25h"

# each key, and what is on the screen when it has been pressed, and was not before
KEYS: list[tuple[str, str | Callable[[list[str]], bool]]] = [
    (".", "event 2 of 20"), ("\x1b[C", "event 5 of 20"),
    ("j", "event 6 of 20"), ("\x1b[B", "event 8 of 20"),
    (",", "event 6 of 20"), ("\x1b[D", "event 5 of 20"),
    ("k", "event 2 of 20"), ("\x1b[A", "event 1 of 20"),
    ("3", "event 8 of 20"), ("9", "event 19 of 20"), ("0", "event 1 of 20"),
    ("G", "event 20 of 20"), ("g", "event 1 of 20"),
    ("\x1b[F", "event 20 of 20"), ("\x1b[H", "event 1 of 20"),
    ("\x1b[6~", "event 20 of 20"), ("\x1b[5~", "event 1 of 20"),
    ("]", "event 9 of 20"), ("]", "event 10 of 20"), ("]", "event 12 of 20"),
    ("]", "event 13 of 20"), ("]", "there is no later mark or failure"), ("[", "event 12 of 20"),
    ("[", "event 10 of 20"), ("[", "event 9 of 20"), ("n", "event 11 of 20"),
    ("N", "event 9 of 20"), ("N", "event 8 of 20"),
    ("+", "paused    2x"), ("+", "paused    4x"), ("=", "paused    1x"),
    ("-", "paused    1/2x"), ("-", "paused    1/4x"), ("-", "paused    1/8x"),
    ("c", "only c1"), ("G", "event 6 of 6"), ("c", lambda rows: "only c1" not in rows[0]),
    ("/", "find: _"), ("again", "find: again_"), ("\r", "event 14 of 20"),
    ("/", "(Enter: again again)"), ("\r", "event 15 of 20"),
    ("\r", '["send_message", "Hello again"]'), ("\x1b", "space play"),
    ("?", "this event in full"), ("?", "space play"),
    ("e", "Elixir, coordinators.exs:"),
    ("e", lambda rows: not any("why:" in row for row in rows)),
    ("e", "why: coordinator sends a request to websocket"),
    ("b", "event 14 of 20"), ("b", "what led to this event is not recorded"),
    ("B", "event 15 of 20"), (">", "each event for at least 1.500 s"),
    ("<", "each event for at least 700 ms"), ("<", "each event for at least 350 ms"),
    ("G", "at the end"), (" ", "playing    1/8x, 2.800 s or more each"), (" ", "paused    1/8x"),
]  # fmt: skip


def left(player: Terminal, code: int = 0) -> list[str]:
    """What is on the screen when it has left; it must have given it back."""
    assert player.end() == code
    assert player.raw.count(ENTER) == player.raw.count(LEAVE) == 1
    after = player.raw[player.raw.index(LEAVE) :]
    assert player.raw.rfind(SHOW) > player.raw.rfind(HIDE)
    assert not player.screen.cursor.hidden
    return (
        re.sub(r"\x1b\[[?\d;]*[a-zA-Z]", "", after.decode()).replace("\r", "").strip().splitlines()
    )


def test_each_key(terminal: Start) -> None:
    player = terminal("trace", "late", "--step", lines=30)
    player.wait_for("event 1 of 20")
    for key, shown in KEYS:
        player.child.send(key)
        player.wait_for(shown)
    player.child.send("q")
    [line] = left(player)
    assert re.fullmatch(
        r"late.jsonl: 20 events, 0.900 s; stopped at event \d+ \(\+0.\d00 s\)", line
    )


@pytest.mark.parametrize("key", ["\x03", "\x04"])
def test_ctrl_c_and_ctrl_d_leave_it_like_q(terminal: Start, key: str) -> None:
    player = terminal("trace", "hello", "--step")
    player.wait_for("event 1 of 12")
    player.child.send(key)
    assert left(player) == ["hello.jsonl: 12 events, 0.250 s; stopped at event 1 (+0.000 s)"]


@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGTERM, 143), (signal.SIGHUP, 129), (signal.SIGINT, 0)]
)
def test_a_signal_gives_the_screen_back(terminal: Start, number: int, code: int) -> None:
    player = terminal("trace", "hello", "--step")
    player.wait_for("event 1 of 12")
    player.child.kill(number)
    left(player, code)


@pytest.mark.parametrize("name", paths.samples())
def test_every_sample_is_played_to_its_end(terminal: Start, name: str) -> None:
    player = terminal(
        "trace",
        name,
        "--speed",
        "16",
        "--idle-limit",
        "100ms",
        "--exit-at-end",
        columns=80,
        lines=24,
    )
    events = len(steps_of(paths.samples()[name]))
    assert f"stopped at event {events} " in left(player)[0]


def test_it_stays_at_the_end(terminal: Start) -> None:
    player = terminal("trace", "hello")
    player.wait_for("at the end")
    player.child.send(",")
    player.wait_for("event 11 of 12")
    player.child.send("q")
    left(player)


def test_a_resize_is_drawn_anew(terminal: Start) -> None:
    player = terminal("trace", "overlap-single", "--step", lines=24)
    player.wait_for("event 1 of 27")
    player.child.send("8")
    index = read_all(index_at(paths.samples()["overlap-single"]))
    for columns, lines in [(120, 24), (40, 24), (10, 3), (80, 10), (120, 24)]:
        player.resize(columns, lines)
        style = Style(failures=[number for number in failures(index) if number is not None])
        rows = render(State(number=21, playing=False), index, columns, lines, style).rows
        texts = ["".join(text for text, _ in row).rstrip() for row in rows]
        player.wait_for([text for text in texts if text].__eq__)
    player.child.send("q")
    left(player)


def test_text_from_outside_cannot_steer_the_terminal(terminal: Start, tmp_path: Path) -> None:
    evil = "\x1b]0;owned\x07你好 👩\u200d🚀 [bold]\u202e"
    path = tmp_path / "evil.jsonl"
    steps = [
        Step(1, 0.0, "call", "c1", "caller", "coordinator", message=["greet", evil]),
        Step(2, 0.1, evil, "c1", at=evil, details={evil: evil}),
        Step(3, 0.2, "reply", "c1", "coordinator", "caller", message=evil),
    ]
    path.write_bytes(HEADER + "".join(to_line(step) + "\n" for step in steps).encode())
    player = terminal("trace", str(path), "--step")
    player.wait_for("你好")
    keys = [
        ("\r", '"greet",'),
        ("q", "q quit"),
        (".", "event 2 of 3"),
        ("\r", "event 2:"),
        ("q", "q quit"),
        ("/", "find:"),
    ]
    for key, shown in keys:
        player.child.send(key)
        player.wait_for(shown)
    player.child.send("\x1b[200~owned\x07你\x1b[201~")
    player.wait_for("find: owned\\x07")
    player.child.send("\x15owned\r")
    player.wait_for("event 3 of 3")
    player.child.send("q")
    assert "interrupted" in left(player)[0]
    assert b"\x1b]0;owned" not in player.raw
    assert "\u202e" not in player.raw.decode()


def test_a_bad_line_is_shown_at_its_place_and_told_at_the_end(
    terminal: Start, tmp_path: Path
) -> None:
    path = tmp_path / "bad.jsonl"
    line = to_line(Step(1, 0.0, "mark", details={"label": "fine"})).encode() + b"\n"
    path.write_bytes(HEADER + line * 3 + b"nonsense\n" + line)
    player = terminal("trace", str(path), "--step", columns=300)
    player.wait_for("event 1 of 3")
    player.child.send("G")
    player.wait_for("bad.jsonl, line 5: expected a JSON object")
    player.child.send("q")
    summary, error, hint = left(player, 5)
    assert summary == "bad.jsonl: 3 events, 0.000 s; stopped at event 3 (+0.000 s)"
    assert error.startswith("error: ")
    assert "line 5: expected a JSON object" in error
    assert "--check tells all" in hint


def test_a_transcript_from_a_pipe_is_played_with_the_keys_of_the_terminal(terminal: Start) -> None:
    player = terminal("trace", "-", "--step", "--call", "c2", stdin=str(paths.samples()["late"]))
    player.wait_for("event 1 of 5")
    player.child.send(".")
    player.wait_for("event 2 of 5")
    player.child.send("q")
    assert ": 5 of 20 events, 0.900 s; stopped at event 2 (+0.600 s)" in left(player)[0]


@pytest.mark.parametrize(
    ("arguments", "environment"),
    [
        ([], {"TERM": "dumb"}),
        (["--view", "plain"], {}),
        (["--accessible"], {}),
        ([], {"ACCESSIBLE": "1"}),
        (["--print"], {}),
    ],
)
def test_where_it_must_not_have_the_screen_it_prints(
    terminal: Start, arguments: list[str], environment: dict[str, str]
) -> None:
    printed = terminal("trace", "hello", *arguments, **environment)
    assert printed.end() == 0
    assert ENTER not in printed.raw
    assert len(printed.rows) >= 5
    assert "Hello world to you too!" in "".join(printed.rows)


COLOUR = re.compile(r"\x1b\[[\d;]*[34]\dm|\x1b\[[\d;]*[349]\d;")


@pytest.mark.parametrize(
    ("arguments", "environment", "colours"),
    [
        ([], {}, True),
        ([], {"NO_COLOR": "1"}, False),
        (["--color", "never"], {}, False),
        (["--ascii"], {}, True),
    ],
)
def test_colours_and_glyphs(
    terminal: Start, arguments: list[str], environment: dict[str, str], colours: bool
) -> None:
    player = terminal("trace", "hello", "--speed", "16", *arguments, **environment)
    player.wait_for("at the end")
    answer = r"\|<\.\.\.\." if arguments == ["--ascii"] else "│◄┈┈┈┈"
    player.wait_for(lambda rows: any(re.search(answer, row) for row in rows))
    player.child.send("?")
    player.wait_for("next event")
    player.child.send("\x03")
    left(player)
    assert bool(COLOUR.search(player.raw.decode())) is colours
    assert player.raw.isascii() is (arguments == ["--ascii"])
    assert re.search(
        r"\x1b\[[\d;]*7m", player.raw.decode()
    )  # what is looked at does not stand out by its colour alone
