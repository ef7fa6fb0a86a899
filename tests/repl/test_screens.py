"""The REPL's screen, through a real pseudo-terminal and an emulator that answers."""

import os
import re
import signal
import termios
from collections.abc import Callable
from pathlib import Path

import pytest
from terminals import Terminal

from genreply_cli.transcript.reader import read

Start = Callable[..., Terminal]


@pytest.fixture
def repl(terminal: Start) -> Start:
    """Starts a session, and waits for its prompt."""

    def start(*arguments: str, **environment: str) -> Terminal:
        session = terminal("repl", *arguments, **environment)
        session.wait_for("greet>")
        return session

    return start


def kinds(transcript: Path) -> list[str]:
    return [step.kind for step in read(transcript)[1]]


def the_only_session(state: Path) -> Path:
    (path,) = (state / "genreply" / "sessions").glob("*.jsonl")
    return path


# --- several in flight ---


def test_a_reply_in_the_background_leaves_the_half_typed_line_and_its_cursor_as_they_were(
    repl: Start,
) -> None:
    def half_typed(rows: list[str]) -> bool:
        return rows[-1] == "greet> half typed" and session.screen.cursor.x == len(rows[-1]) - 3

    session = repl("--delay", "2s")
    session.child.send("one &\rhalf typed\x1b[D\x1b[D\x1b[D")
    session.wait_for(lambda rows: half_typed(rows) and rows[-2].startswith("waiting: c1"))
    rows = session.wait_for(lambda rows: half_typed(rows) and " c1   reply " in rows[-2])
    assert "one to you too!" not in rows  # nothing blocks on the call: its row says enough
    session.child.send("X")
    session.wait_for("greet> half tyXped")


@pytest.mark.parametrize("rewraps", [False, True])
def test_a_resize_leaves_one_prompt_and_no_ghosts(repl: Start, *, rewraps: bool) -> None:
    session = repl("--delay", "60", "--timeout", "60", TMUX="rewraps" if rewraps else "")
    session.rewraps = rewraps
    session.child.send("/burst 3 hello\r")
    session.wait_for("waiting: c1")
    typed = "a half typed line which is longer than forty columns"
    session.child.send(typed)
    session.wait_for(f"greet> {typed}")
    session.resize(40)
    session.child.send("!")  # the terminal may show the rest by itself
    session.wait_for(lambda rows: rows[-2:] == [f"greet> {typed}!"[:40], f"greet> {typed}!"[40:]])
    session.resize(120)
    session.wait_for(
        lambda rows: (
            rows[-1] == f"greet> {typed}!"
            and sum(row.startswith("greet> a") for row in rows) == 1
            and sum(row.startswith("waiting:") for row in rows) == 1
        )
    )
    session.child.send("\x03more")
    session.wait_for("greet> more")


def test_a_thousand_in_flight(repl: Start) -> None:
    session = repl("--delay", "2s", "--view", "off")
    session.child.send("/burst 1000 hello\r")
    session.wait_for("and 997 more")
    session.child.send("/calls\x15still here")
    session.wait_for("greet> still here")
    session.wait_for(
        lambda rows: rows[-1] == "greet> still here" and not rows[-2].startswith("waiting")
    )
    session.child.send("\x03\x04")
    session.wait_for("calls 1000, replied 1000; median wait 2.")
    assert session.end() == 0


# --- a call that blocks ---


def test_ctrl_z_puts_a_call_into_the_background_and_wait_brings_it_back(repl: Start) -> None:
    session = repl("--delay", "60", "--timeout", "60")
    session.child.send("Hello\r")
    session.wait_for(
        re.compile(r"c1 blocked \d+\.\d s of 60s   Ctrl-C give up   Ctrl-Z background")
    )
    session.child.send("ty\x1aped ahead")
    session.wait_for("greet> typed ahead")
    session.wait_for(re.compile(r"waiting: c1 \d+\.\d s"))
    session.child.send("\x15/calls\r")
    session.wait_for("kept at coordinator since")
    session.child.send("/wait\r")
    session.wait_for(re.compile(r"c1 blocked \d+\.\d s of 60s   Ctrl-C stop waiting"))
    session.child.send("\x03")
    session.wait_for(re.compile(r"waiting: c1 \d+\.\d s"))
    session.child.send("/cancel\r")
    session.wait_for(" c1   cancel ")
    session.wait_for(lambda rows: rows[-1] == "greet>")


@pytest.mark.parametrize("columns", [40, 80, 120])
def test_lines_typed_ahead_of_three_blocked_calls_run_in_turn_and_the_rest_is_in_the_prompt(
    repl: Start, tmp_path: Path, columns: int
) -> None:
    session = repl("--delay", "1s", columns=columns)
    session.child.send("Hello\r")
    session.wait_for("c1 blocked")
    lines = ["two", "/mark x", "three", "/delay 0", "four", "half typed"]
    for line in lines:
        for end in range(1, len(line) + 1):
            # the eye sees each key before the next one is pressed, whether a call blocks or not
            session.child.send(line[end - 1])
            session.wait_for(re.compile(f"^greet> {line[:end].rstrip()}"))
        if line != lines[-1]:
            session.child.send("\r")
    session.wait_for(
        lambda rows: rows[-1] == "greet> half typed" and rows[-2] == "four to you too!"
    )
    session.child.send("\x15\x04")
    assert session.end() == 0
    assert b"pasted" not in session.raw
    happened = [
        step.message[1] if step.kind == "call" else f"/{step.kind} {step.details['label']}"
        for step in read(the_only_session(tmp_path))[1]
        if step.kind in {"call", "mark"}
    ]
    assert happened == ["Hello", "two", "/mark x", "three", "/mark /delay 0", "four"]


@pytest.mark.parametrize("columns", [40, 80, 120])
def test_ctrl_c_says_which_of_the_lines_typed_ahead_are_not_sent(repl: Start, columns: int) -> None:
    session = repl("--delay", "60", "--timeout", "60", columns=columns)
    session.child.send("Hello\r")
    session.wait_for("c1 blocked")
    session.child.send("two\r/state\rthree\rfour\rhalf")
    session.wait_for(
        lambda rows: (
            rows[-6].startswith("c1 blocked")
            and rows[-5:]
            == ["next:  two", "next:  /state", "next:  three", "and 1 more", "greet> half"]
        )
    )
    session.child.send("\x03")
    session.wait_for(
        lambda rows: (
            "not sent: two; /state; three; and 1 more" in " ".join(rows)
            and rows[-1] == "greet> half"
            and not any(row.startswith("next:") for row in rows)
        )
    )


def test_a_long_line_typed_ahead_shows_its_end(repl: Start) -> None:
    session = repl("--delay", "60", "--timeout", "60", columns=40)
    session.child.send("Hello\r")
    session.wait_for("c1 blocked")
    session.child.send("0123456789" * 10 + "\u4f60\u597d")
    session.wait_for(re.compile(r"^greet> \d{20,}\u4f60\s?\u597d$"))


# --- what is typed ---


def test_two_hundred_pasted_lines_are_two_hundred_greetings(repl: Start) -> None:
    session = repl("--delay", "0", "--view", "off")
    session.child.send(
        "\x1b[200~" + "\n".join(f"line {number}" for number in range(200)) + "\n\x1b[201~"
    )
    session.wait_for("greet> [pasted 1: 200 lines]")
    session.child.send("\r")
    session.wait_for("line 199 to you too!")
    session.child.send("\x04")
    session.wait_for("calls 200, replied 200")


def test_backspace_takes_a_paste_away_as_a_whole(repl: Start) -> None:
    session = repl("--delay", "0")
    session.child.send("\x1b[200~one\ntwo\x1b[201~")
    session.wait_for("greet> [pasted 1: 2 lines]")
    session.child.send("\x7f\x1aa")
    session.wait_for(lambda rows: rows[-1] == "greet> a")  # and Ctrl-Z comes too late for a call


def test_the_screen_and_the_history_have_what_was_pasted_and_no_placeholder(
    repl: Start, tmp_path: Path
) -> None:
    session = repl("--delay", "0")
    session.child.send("\x1b[200~one\ntwo\x1b[201~")
    session.wait_for("greet> [pasted 1: 2 lines]")
    session.child.send("\r")
    rows = session.wait_for(lambda rows: "two to you too!" in rows and rows[-1] == "greet>")
    assert [row for row in rows if row.startswith("greet> ")] == ["greet> one", "greet> two"]
    session.child.send("\x1b[A\x1b[A")
    session.wait_for(lambda rows: rows[-1] == "greet> one")
    assert "pasted" not in (tmp_path / "genreply" / "history").read_text()


def test_the_names_of_the_lanes_come_back_when_the_screen_was_cleared(repl: Start) -> None:
    session = repl("--delay", "0")
    session.child.send("one\r")
    session.wait_for("one to you too!")
    session.child.send("/clear\r")
    session.wait_for(lambda rows: rows == ["greet>"])
    session.child.send("two\r")
    rows = session.wait_for("two to you too!")
    assert rows[1].split() == [
        "time",
        "call",
        "kind",
        "caller",
        "coordinator",
        "websocket",
        "message",
    ]


def test_ctrl_c_ends_a_search(repl: Start) -> None:
    session = repl()
    session.child.send("\x12hel")
    session.wait_for("reverse-i-search")
    session.child.send("\x03new")
    session.wait_for(lambda rows: rows[-1] == "greet> new")


def test_giving_up_stops_the_rest_of_a_paste(repl: Start) -> None:
    session = repl("--delay", "30")
    session.child.send("\x1b[200~one\ntwo\nthree\x1b[201~")
    session.wait_for("3 lines]")
    session.child.send("\r")
    session.wait_for("c1 blocked")
    session.child.send("\x03")
    session.wait_for("not sent: two; three")
    session.wait_for(lambda rows: rows[-1] == "greet>")


@pytest.mark.parametrize(
    ("bracketed", "size"), [(True, 1_000_000), (False, 200_000)]
)  # key by key takes its time
def test_a_very_long_line_is_one_greeting(
    repl: Start, tmp_path: Path, size: int, *, bracketed: bool
) -> None:
    session = repl("--delay", "0", "--view", "off")
    text = "x" * size
    session.send_all(f"\x1b[200~{text}\x1b[201~" if bracketed else text)
    session.wait_for("characters]")
    session.child.send("\r")
    session.wait_for(
        lambda rows: f"({size + 12:,} characters; /show c1 has them all)" in "".join(rows)
    )
    session.child.send("\x04")
    assert session.end() == 0
    asked = next(step for step in read(the_only_session(tmp_path))[1] if step.kind == "call")
    assert asked.message == ["greet", text]


def test_control_characters_and_wide_ones_are_said_and_shown(repl: Start) -> None:
    session = repl("--delay", "0")
    session.child.send("\x1b[200~a\x07b\u202ec 你好 👩\u200d🚀\x1b[201~\r")
    session.wait_for("a\\x07b\\u202ec")
    session.child.send("\x04")
    assert session.end() == 0
    assert b"\x07" not in session.raw
    assert "\u202e".encode() not in session.raw


def test_alt_enter_makes_a_greeting_of_two_lines(repl: Start) -> None:
    session = repl("--delay", "0")
    session.child.send("one\x1b\rtwo\r")
    rows = session.wait_for("one\\ntwo to you too!")
    assert "greet> one" in rows
    assert "   ... two" in rows


def test_at_40_columns_no_name_in_the_help_is_broken_and_the_farewell_has_a_whole_command(
    repl: Start,
) -> None:
    session = repl("--delay", "0", columns=40)
    session.child.send("/help\r")
    session.wait_for(re.compile(r"^            text \\&"))
    session.child.send("Hello\r")
    session.wait_for("Hello to you too!")
    session.child.send("/quit\r")
    assert session.end_of_output()[-1] == "genreply trace"


@pytest.mark.parametrize("lines", [2, 4, 5, 6, 40])
@pytest.mark.parametrize("waits", [False, True])
def test_the_commands_are_shown_below_the_prompt_however_few_rows_there_are(
    terminal: Start, lines: int, *, waits: bool
) -> None:
    session = terminal("repl", "--delay", "60", "--no-record", lines=lines)
    session.wait_for("greet>")
    if waits:
        session.child.send("Hello &\r")
        session.wait_for("waiting: c1")
    session.child.send("/")
    session.wait_for("greet> /", *(["/help"] if lines >= 4 else []))
    session.child.send("\x7fbye\r")
    session.wait_for("c2 blocked" if waits else "c1 blocked")
    assert b"too small" not in session.raw


def test_a_byte_that_is_not_utf8_is_a_character_of_its_own(repl: Start, tmp_path: Path) -> None:
    session = repl("--delay", "0")
    os.write(session.child.child_fd, b"caf\xe9\r")
    session.wait_for("caf\ufffd to you too!")
    session.child.send("\x1b[A")  # the line is kept
    session.wait_for("greet> caf\ufffd")
    session.child.send("\x15\x04")
    assert session.end() == 0
    assert b"Traceback" not in session.raw
    assert the_only_session(tmp_path).read_bytes().decode().count("udce9") == 0


def test_tab_completes_and_a_wrong_command_gets_a_guess(repl: Start) -> None:
    session = repl()
    session.child.send("/coo\t")
    session.wait_for("greet> /coordinator")
    session.child.send("sing\t\r")
    session.wait_for("coordinator is single for what is sent from now on")
    session.child.send("/dealy\r")
    session.wait_for("there is no command /dealy; did you mean /delay?")
    session.child.send("Hello\r")
    session.wait_for("Hello to you too!")
    session.child.send("/sho")
    session.wait_for("greet> /sho", re.compile(r"^ +/show"))  # the menu is there
    session.child.send("\t\t")  # the second one completes the argument
    session.wait_for("greet> /show c1")


def test_what_was_typed_is_remembered_suggested_and_kept_to_oneself(
    repl: Start, tmp_path: Path
) -> None:
    session = repl("--delay", "0")
    session.child.send("remember me\r")
    session.wait_for("remember me to you too!")
    session.child.send("\x04")
    assert session.end() == 0
    history = tmp_path / "genreply" / "history"
    assert history.stat().st_mode & 0o777 == 0o600
    assert history.parent.stat().st_mode & 0o777 == 0o700
    again = repl("--delay", "0")
    again.child.send("rem")
    again.wait_for("greet> remember me")  # the rest is a suggestion
    again.child.send("\x1b[C\r")
    again.wait_for("remember me to you too!")


# --- step by step, and crashes ---


def test_step_by_step_one_sees_the_caller_being_overwritten(repl: Start) -> None:
    session = repl("--coordinator", "single", "--delay", "0")
    for line in ("/step on", "A", "B", "", "/state", "", "/state"):
        session.child.send(f"{line}\r")
    session.wait_for(
        "  Python  State(async_pid=websocket, caller=From(c1))",
        "  Python  State(async_pid=websocket, caller=From(c2))",
        '  websocket\'s mailbox: send_message "A"; send_message "B"',
        "c1 still waits, but nothing in the state leads to it",
    )


def test_the_prompt_says_that_messages_are_held_back(repl: Start) -> None:
    session = repl("--delay", "0")
    session.child.send("/step on\r")
    session.wait_for("stepping: Enter delivers the next message")
    session.child.send("A\r\r")
    session.wait_for(
        "stepping: Enter delivers the next message; waiting: c1",
        "  coordinator's state: KeyedState(async_pid=websocket, callers={ref_1: c1})",
    )


def test_ctrl_c_stops_the_drawing_of_a_burst(repl: Start) -> None:
    session = repl("--delay", "0", lines=1000)
    session.child.send("/burst 10000 hello\r")
    session.wait_for(re.compile(r" c\d\d+ "))
    session.child.send("\x03")
    session.wait_for("no rows are drawn until the next line; /show c1 has those of that call")
    session.child.send("bye\r")
    session.wait_for("bye to you too!")


def test_of_more_calls_than_anybody_can_read_only_the_summary_is_shown(repl: Start) -> None:
    session = repl("--delay", "0")
    session.child.send("/burst 1001 hello\r")
    rows = session.wait_for("burst from c1 to c1001: replied 1,001")
    assert not any(" reply " in row for row in rows)
    session.child.send("bye\r")
    session.wait_for(re.compile(" c1002 +reply "))


def test_after_a_crash_the_next_greeting_starts_a_new_coordinator(repl: Start) -> None:
    session = repl("--delay", "60")
    session.child.send("one &\r")
    session.wait_for("waiting: c1")
    session.child.send("/crash websocket\r")
    session.wait_for(
        re.compile("coordinator died .*after"), "linked, so the coordinator goes down too"
    )
    session.child.send("/delay 0\rtwo\r")
    session.wait_for("two to you too!")
    session.child.send("\x04")
    session.wait_for("calls 2, replied 1, failed 1")
    assert session.end() == 0


def test_replay_shows_this_session_and_comes_back(repl: Start) -> None:
    session = repl("--delay", "0")
    session.child.send("Hello\r")
    session.wait_for("Hello to you too!")
    session.child.send("/replay\r")
    session.wait_for("REPLAY ")
    session.child.send("q")
    session.wait_for(lambda rows: rows[-1] == "greet>")
    assert session.raw.rindex(b"\x1b[?1049l") > session.raw.rindex(
        b"REPLAY "
    )  # back to what was there before


def test_say_greets_first(repl: Start) -> None:
    session = repl("--delay", "0", "--say", "one", "--say", "two")
    rows = session.wait_for(lambda rows: "two to you too!" in rows and rows[-1] == "greet>")
    assert rows.index("one to you too!") < rows.index("two to you too!")


# --- the end ---


def test_ctrl_d_with_calls_in_flight_asks_once_and_the_transcript_has_its_end(
    repl: Start, tmp_path: Path
) -> None:
    session = repl("--delay", "60")
    session.child.send("one &\r")
    session.wait_for("waiting: c1")
    session.child.send("\x04")
    session.wait_for("c1 still waits; once more, and you leave without the answer")
    session.child.send("\x04")
    session.wait_for("calls 1, cancelled 1; median wait")
    assert session.end() == 0
    assert kinds(the_only_session(tmp_path))[-5:] == ["noreply", "cancel", "down", "state", "end"]


@pytest.mark.parametrize("blocked", [True, False])
@pytest.mark.parametrize(
    ("number", "code"),
    [(signal.SIGTERM, 143), (signal.SIGHUP, 129), (signal.SIGINT, -signal.SIGINT)],
)
def test_a_signal_ends_it_with_the_terminal_as_it_was(
    repl: Start, tmp_path: Path, number: signal.Signals, code: int, *, blocked: bool
) -> None:
    session = repl("--delay", "60")
    settings = termios.tcgetattr(session.child.child_fd)
    assert not settings[3] & termios.ECHO  # it reads key by key
    if blocked:
        session.child.send("Hello\r")
        session.wait_for("c1 blocked")
    os.kill(session.child.pid, number)
    shown = session.end_of_output()
    settings = termios.tcgetattr(session.child.child_fd)
    assert settings[3] & (termios.ECHO | termios.ICANON) == termios.ECHO | termios.ICANON
    assert session.end() == code
    assert b"Traceback" not in session.raw, shown
    assert not session.screen.cursor.hidden
    assert kinds(the_only_session(tmp_path))[-1] == "end"


@pytest.mark.parametrize("blocked", [True, False])
def test_after_a_stop_and_fg_there_are_the_prompt_and_its_keys(
    repl: Start, *, blocked: bool
) -> None:
    session = repl("--delay", "60", "--timeout", "60")
    if blocked:
        session.child.send("Hello\r")
        session.wait_for("c1 blocked")
    os.kill(session.child.pid, signal.SIGSTOP)
    os.waitpid(session.child.pid, os.WUNTRACED)
    assert not session.screen.cursor.hidden
    settings = termios.tcgetattr(session.child.child_fd)
    settings[3] |= termios.ECHO | termios.ICANON | termios.ISIG  # as the shell sets them
    termios.tcsetattr(session.child.child_fd, termios.TCSANOW, settings)
    session.screen.reset()
    os.kill(session.child.pid, signal.SIGCONT)
    if blocked:
        session.wait_for("c1 blocked")
        session.child.send("\x1a")
    session.wait_for("greet>")
    session.child.send("/set\r")
    session.wait_for("timeout      60s")
    assert not termios.tcgetattr(session.child.child_fd)[3] & termios.ECHO


def test_a_terminal_that_hangs_up_leaves_a_whole_transcript(repl: Start, tmp_path: Path) -> None:
    session = repl("--delay", "60")
    session.child.send("one &\r")
    session.wait_for("waiting: c1")
    session.hang_up()
    assert kinds(the_only_session(tmp_path))[-4:] == ["cancel", "down", "state", "end"]


def test_of_a_session_that_was_killed_all_that_had_happened_is_replayed(
    repl: Start, tmp_path: Path
) -> None:
    session = repl("--delay", "60")
    session.child.send("one &\r")
    session.wait_for("waiting: c1")
    os.kill(session.child.pid, signal.SIGKILL)
    assert session.end() == -signal.SIGKILL
    _, steps = read(the_only_session(tmp_path))
    kinds = [step.kind for step in steps if step.kind != "state"]
    assert kinds == ["start", "start", "call", "cast", "noreply"]
    assert steps.no_end


def test_a_state_folder_that_cannot_be_written_is_told_and_no_more(
    repl: Start, tmp_path: Path
) -> None:
    (tmp_path / "genreply").write_text("in the way")
    session = repl("--delay", "0")
    session.child.send("Hello\r")
    rows = session.wait_for("Hello to you too!")
    notes = [row for row in rows if row.startswith("note:")]
    assert len(notes) == 2  # the recording, and the history
    assert "".join(rows).count(str(tmp_path)) == 2  # a long one is wrapped
    session.child.send("\x04")
    session.wait_for("calls 1, replied 1")
    assert session.end() == 0
