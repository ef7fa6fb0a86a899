"""The command line as scripts use it: stdout, stderr, and the exit status."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import typer
from commands import genreply
from terminals import clean

from genreply_cli.cli.app import app, app_for

GENREPLY = [sys.executable, "-m", "genreply_cli"]


@pytest.fixture(autouse=True)
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty state folder, so that nobody's own sessions are touched."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    return tmp_path / "state" / "genreply"


def test_hello_world() -> None:
    done = genreply("send", "Hello world")
    assert (done.out, done.err, done.code) == ("Hello world to you too!\n", "", 0)


@pytest.mark.parametrize("greeting", ["", " ", "[red]", "😀 你好", "--", "-x"])
def test_any_text_is_a_greeting(greeting: str) -> None:
    assert genreply("send", "--", greeting).out == f"{greeting} to you too!\n"


OVERLAP = (
    "send",
    "A",
    "B",
    "C",
    "--jobs",
    "3",
    "--delay",
    "50ms",
    "--timeout",
    "300ms",
    "--clock",
    "virtual",
)


def test_with_one_slot_a_caller_gets_anothers_answer_and_two_time_out() -> None:
    done = genreply(*OVERLAP, "--coordinator", "single", "--timeline")
    assert done.out == "A to you too!\n"
    assert (
        "error: c1 and c2 got no reply within 300ms; their answers were sent to other" in done.err
    )
    assert "WRONG CALLER: asked by c1" in done.err
    assert "note: wrong answers: c3 got the answer to c1;" in done.err
    assert done.code == 3


def test_keyed_gives_each_its_own() -> None:
    done = genreply(*OVERLAP, "--coordinator", "keyed")
    assert (done.out, done.code) == ("A to you too!\nB to you too!\nC to you too!\n", 0)


def test_immediate_says_ok() -> None:
    done = genreply(*OVERLAP, "--coordinator", "immediate")
    assert (done.out, done.code) == ("ok\nok\nok\n", 0)


def test_the_story_of_each_call_is_told_on_stderr_beside_the_code() -> None:
    done = genreply(*OVERLAP, "--coordinator", "single", "--explain")
    assert done.out == "A to you too!\n"
    assert [line[:2] for line in done.err.splitlines() if ': greet "' in line[:11]] == [
        "c1",
        "c2",
        "c3",
    ]
    assert "WRONG CALLER: coordinator replies" in done.err
    assert "Python, coordinator.py:42: GenServer.reply(state.caller, msg)" in done.err
    assert "Elixir, coordinators.exs:39: GenServer.reply(state.caller, msg)" in done.err
    assert done.code == 3


def test_of_many_calls_two_are_told_of_and_it_is_said_how_many_are_not() -> None:
    done = genreply(
        "send", "A", "--count", "20", "--fault", "drop", "--clock", "virtual", "--explain"
    )
    assert [line for line in done.err.splitlines() if line.startswith("c")] == [
        'c1: greet "A"',
        'c20: greet "A"',
    ]
    assert (
        done.err.splitlines()[-1]
        == "and 18 more calls; genreply trace --explain --call ID tells of one"
    )


def test_trace_explains_one_call_or_says_that_there_is_none() -> None:
    done = genreply("trace", "--explain", "--call", "c1", "late")
    assert done.out.startswith('c1: greet "Hello"\n+0.000 s   caller asks coordinator')
    assert "is too late" in done.out
    assert "c2: " in genreply("trace", "--explain", "late").out
    missing = genreply("trace", "--explain", "--call", "c9", "late")
    assert (missing.out, missing.code) == ("", 2)
    assert missing.err.startswith("error: there is no call 'c9' in this transcript\n")


def test_a_timeout_says_what_to_do_about_it() -> None:
    done = genreply("send", "--timeout", "100ms", "--delay", "300ms", "--clock", "virtual", "Hello")
    assert done.err == (
        "error: c1 got no reply within 100ms; the server is told,"
        " and a reply that comes later is dropped\n"
        "       try --timeout 1, or see it: --timeline\n"
    )
    assert (done.out, done.code) == ("", 3)


def test_a_crash_says_why() -> None:
    done = genreply("send", "--fault", "crash", "Hello")
    assert done.err.startswith(
        "error: c1 got no reply: the server exited, RuntimeError: injected by --fault crash\n"
    )
    assert done.code == 4


@pytest.mark.parametrize(
    ("coordinator", "expected"),
    [
        ("fifo", ["timeout", "info", "late", "state", "end"]),
        ("keyed", ["timeout", "down", "state", "info", "end"]),
    ],
)
def test_what_becomes_of_the_late_answer_is_seen_if_somebody_watches(
    coordinator: str, expected: list[str]
) -> None:
    done = genreply(
        *("send", "--coordinator", coordinator, "--timeout", "100ms", "--delay", "300ms"),
        *("--clock", "virtual", "--events", "Hello"),
    )
    kinds = [json.loads(line).get("kind") for line in done.out.splitlines()]
    assert kinds[-5:] == expected
    assert done.code == 3


def test_events_replayed_draw_the_timeline_that_was_drawn_live() -> None:
    arguments = (
        "send",
        "Hello world",
        "B",
        "--jobs",
        "2",
        "--delay",
        "100ms",
        "--clock",
        "virtual",
    )
    live = genreply(*arguments, "--timeline").err
    assert genreply("trace", "-", stdin=genreply(*arguments, "--events").out).out == live


def test_the_same_command_with_the_same_seed_gives_the_same_bytes() -> None:
    arguments = (
        "send",
        "A",
        "B",
        "C",
        "--jobs",
        "3",
        "--delay",
        "1ms..2s",
        "--seed",
        "7",
        "--clock",
        "virtual",
        "--events",
    )
    first = genreply(*arguments).out
    assert genreply(*arguments).out == first
    assert genreply(*arguments, "--seed", "8").out != first


def test_json_says_what_became_of_each_call() -> None:
    done = genreply("send", "--json", "--delay", "250ms", "--clock", "virtual", "Hello")
    assert json.loads(done.out) == {
        "call": "c1",
        "message": "Hello",
        "status": "replied",
        "reply": "Hello to you too!",
        "blocked": 0.25,
    }


def test_json_names_the_call_whose_answer_a_caller_got_instead_of_its_own() -> None:
    done = genreply(*OVERLAP, "--coordinator", "single", "--json")
    found = [json.loads(line) for line in done.out.splitlines()]
    assert [one["status"] for one in found] == ["timed out", "timed out", "wrong caller"]
    assert (found[2]["reply"], found[2]["answer_to"]) == ("A to you too!", "c1")
    assert found[0]["error"] == "got no reply within 300ms; its answer was sent to c3"


def test_a_wrong_answer_is_named_without_a_timeline_too() -> None:
    done = genreply(*OVERLAP[:4], "--jobs", "3", "--coordinator", "fifo", "--fault", "duplicate",
        "--delay", "50ms", "--clock", "virtual")  # fmt: skip
    assert done.out == "A to you too!\nA to you too!\nB to you too!\n"
    assert done.err == (
        "note: wrong answers: c2 got the answer to c1 and c3 got the answer to c2\n"
    )
    assert done.code == 0


FATES = {
    "lost": (["--fault", "drop"], "its answer was lost in the network, and will never come"),
    "sent to another": (
        ["B", "--jobs", "2", "--coordinator", "single", "--delay", "10ms"],
        "its answer was sent to c2",
    ),
    "late": (
        ["--coordinator", "single", "--delay", "1s"],
        "the server is not told, and a reply that comes later is dropped",
    ),
    "forgotten": (
        ["B", "--jobs", "2", "--coordinator", "single", "--delay", "1s"],
        "the server has forgotten it: nothing in its state leads to it any more",
    ),
    "not handled": (
        ["B", "--jobs", "2", "--coordinator", "blocking", "--delay", "1s", "--as-done"],
        "the server has not begun to handle it, and is not told",
    ),
}


@pytest.mark.parametrize("case", FATES)
def test_a_timeout_says_what_is_true_of_the_call_and_of_its_answer(case: str) -> None:
    arguments, sentence = FATES[case]
    done = genreply("send", "A", *arguments, "--timeout", "300ms", "--clock", "virtual")
    assert f"got no reply within 300ms; {sentence}\n" in done.err


def test_many_failures_are_told_in_one_sentence_and_many_calls_are_summed_up() -> None:
    done = genreply("send", "x", "--count", "2000", "--jobs", "2000", "--fault", "drop:0.5",
        "--delay", "100ms", "--clock", "virtual")  # fmt: skip
    replies = done.out.count("\n")
    failure, hint, summary = done.err.splitlines()
    assert failure.endswith(
        f" and {2000 - replies - 3:,} more got no reply within 5s;"
        " their answers were lost in the network, and will never come"
    )
    assert hint == "       see it: --timeline"
    waits = "median wait 100 ms" if replies > 1000 else "median wait 5.000 s"
    assert summary.startswith("summary: calls 2,000, ")
    assert summary.endswith(f"; {waits}, p95 5.000 s")


def test_calls_that_are_appended_are_named_as_in_the_recording(tmp_path: Path) -> None:
    path = str(tmp_path / "it.jsonl")
    genreply("send", "A", "B", "--record", path)
    done = genreply("send", "C", "--fault", "drop", "--timeout", "10ms", "--record", path,
        "--append", "--linger", "0")  # fmt: skip
    assert done.err.startswith("error: c3 got no reply")


def test_a_recording_can_be_replayed_continued_and_is_not_overwritten(tmp_path: Path) -> None:
    file = tmp_path / "lunch.jsonl"
    assert genreply("send", "--record", file, "A").code == 0
    assert file.stat().st_mode & 0o777 == 0o600
    again = genreply("send", "--record", file, "B")
    assert again.code == 1
    assert again.err.startswith(f"error: {file}: exists already")
    assert genreply("send", "--record", file, "--append", "B").code == 0
    assert 'greet "A"' in genreply("trace", file).out
    assert 'greet "B"' in genreply("trace", file).out
    assert genreply("send", "--record", file, "--overwrite", "C").code == 0
    assert 'greet "A"' not in genreply("trace", file).out


BAD = {
    "a negative timeout": (["send", "--timeout", "-1", "x"], 2, "'-1' is no duration"),
    "a timeout that is no number": (["send", "--timeout", "nan", "x"], 2, "'nan' is no duration"),
    "a delay in words": (["send", "--delay", "soon", "x"], 2, "'soon' is no duration"),
    "an unknown coordinator": (["send", "--coordinator", "singel", "x"], 2, "did you mean single?"),
    "an unknown fault": (["send", "--fault", "dorp", "x"], 2, "did you mean drop?"),
    "a rate above one": (["send", "--fault", "drop:2", "x"], 2, "'2' is no rate"),
    "no message": (["send"], 2, "MESSAGE"),
    "an unknown option": (["send", "-x"], 2, "No such option"),
    "an option that is like no other": (["send", "--foo", "x"], 2, "No such option: --foo"),
    "an option with a slip": (["send", "--delya", "1s", "x"], 2, "--delya; did you mean --delay?"),
    "a timeline and none": (
        ["send", "--timeline", "--quiet", "x"],
        2,
        "--timeline and --quiet exclude each other",
    ),
    "a timeline that is off": (
        ["send", "--timeline", "--view", "off", "x"],
        2,
        "--timeline and --view off exclude each other",
    ),
    "two views": (
        ["send", "--plain", "--view", "wide", "x"],
        2,
        "--plain and --view exclude each other",
    ),
    "stdin beside a message": (["send", "x", "-"], 2, "- stands for the lines of stdin"),
    "stdin many times": (["send", "-", "--count", "2"], 2, "- stands for the lines of stdin"),
    "a seed that is too long": (["send", "--seed", "9" * 19, "x"], 2, "is too long"),
    "no jobs": (["send", "--jobs", "0", "x"], 2, "--jobs"),
    "a folder to record to": (
        ["send", "--record", ".", "x"],
        1,
        ".: cannot be written: is a directory",
    ),
    "a folder that is not there": (
        ["send", "--record", "nowhere/x.jsonl", "x"],
        1,
        "no such file or directory",
    ),
    "a full disk to record to": (
        ["send", "--record", "/dev/full", "x"],
        1,
        "/dev/full: cannot be written: no space left",
    ),
    "a transcript that is not there": (
        ["trace", "nowhere.jsonl"],
        5,
        "nowhere.jsonl: there is no such file",
    ),
    "a folder as a transcript": (["trace", "."], 5, "is a directory; expected a transcript"),
    "an unknown command": (["sned"], 2, "sned"),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_input_gets_a_sentence_and_an_exit_status(case: str) -> None:
    arguments, code, sentence = BAD[case]
    done = genreply(*arguments)
    assert done.code == code
    assert done.err.startswith("error: ")
    assert sentence in done.err.splitlines()[0]
    assert "Traceback" not in done.err
    assert done.out == ""


@pytest.mark.parametrize(
    ("data", "sentence"),
    [
        (b"", "empty"),
        (b"\x00\xff\xfe\x80" * 100, "transcript"),
        (b'{"hello":"world"}\n', "transcript"),
        (b"Dear sir,\n", "transcript"),
    ],
)
def test_what_is_no_transcript_is_refused(data: bytes, sentence: str, tmp_path: Path) -> None:
    file = tmp_path / "thing"
    file.write_bytes(data)
    done = genreply("trace", file)
    assert done.code == 5
    assert done.err.startswith(f"error: {file}")
    assert sentence in done.err.splitlines()[0]


def test_a_disk_that_fills_up_costs_the_recording_and_not_the_replies(tmp_path: Path) -> None:
    small = ["bash", "-c", 'ulimit -f 1; "$@"', "-"]  # no file larger than a kilobyte
    command = [*small, *GENREPLY, "send", "--record", str(tmp_path / "full.jsonl"), *["Hello"] * 5]
    # the file in which coverage counts lines would be too large, too
    env = {name: os.environ[name] for name in os.environ if not name.startswith("COVERAGE_")}
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=env)
    assert done.stdout == "Hello to you too!\n" * 5
    assert done.stderr == "error: the recording is not complete: file too large\n"
    assert done.returncode == 1


@pytest.mark.parametrize(
    ("option", "given", "problem"),
    [
        ("--count", "1000000001", "1000000001 calls are too many; expected 1 to 1,000,000,000"),
        ("--count", "9" * 5000, f"{'9' * 20}… calls are too many; expected 1 to 1,000,000,000"),
        ("--count", "0", "'0' is no number of calls; expected 1 to 1,000,000,000"),
        ("--count", "1.5", "'1.5' is no number of calls; expected 1 to 1,000,000,000"),
        ("--jobs", "100001", "100001 calls are too many; expected 1 to 100,000"),
    ],
)
def test_a_number_of_calls_that_makes_no_sense_gets_a_sentence(
    option: str, given: str, problem: str
) -> None:
    done = genreply("send", "x", option, given)
    assert done.code == 2
    assert f"{problem}, like 50\n" in done.err


def test_a_closed_stdout_ends_quietly() -> None:
    done = subprocess.run(
        [
            "bash",
            "-c",
            '"$@" | head -n 1; echo "${PIPESTATUS[0]}"',
            "-",
            *GENREPLY,
            "send",
            *["Hello"] * 5000,
        ],
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.splitlines() == ["Hello to you too!", "141"]
    assert done.stderr == ""


@pytest.mark.parametrize(
    "arguments", [["--help"], ["send", "--help"], ["--version"], [], ["trace", "--list"]]
)
def test_it_ends_quietly_if_nobody_reads_at_all(arguments: list[str]) -> None:
    nobody, stdout = os.pipe()
    os.close(nobody)
    done = subprocess.run(
        [*GENREPLY, *arguments], stdout=stdout, stderr=subprocess.PIPE, check=False
    )
    os.close(stdout)
    assert (done.stderr, done.returncode) == (b"", 141)


def test_it_ends_quietly_if_there_is_no_stdout() -> None:
    done = subprocess.run(
        ["bash", "-c", '"$@" >&-', "-", *GENREPLY, "send", "A"], capture_output=True, check=False
    )
    assert (done.stderr, done.returncode) == (b"", 141)


CODES = {
    "all answered": (["A", "B"], 0),
    "no answer in time": (["A", "--fault", "drop"], 3),
    "the callee died": (["A", "--fault", "crash"], 4),
    "the callee was not there": (
        ["A", "B", "C", "--fault", "crash", "--coordinator", "immediate"],
        4,
    ),
    "the first failure in ask order": (
        ["A", "B", "--jobs", "2", "--fault", "drop", "--coordinator", "single"],
        3,
    ),
    "wrongly, and nobody minds": (
        ["A", "B", "--jobs", "2", "--fault", "duplicate", "--coordinator", "fifo"],
        0,
    ),
    "wrongly, to a wrong caller": (
        ["A", "B", "--jobs", "2", "--fault", "duplicate", "--coordinator", "fifo", "--strict"],
        6,
    ),
    "wrongly, twice": (["A", "--fault", "duplicate", "--coordinator", "single", "--strict"], 6),
    "wrongly, and not in time": (
        ["A", "B", "--jobs", "2", "--coordinator", "single", "--strict"],
        6,
    ),
}


@pytest.mark.parametrize("case", CODES)
def test_what_became_of_the_calls_is_the_exit_status(case: str) -> None:
    arguments, code = CODES[case]
    done = genreply("send", "--delay", "100ms", "--timeout", "1", "--clock", "virtual", *arguments)
    assert done.code == code
    assert done.err.startswith("error: ") == (code != 0)


@pytest.mark.parametrize(
    ("sent", "code"),
    [(signal.SIGINT, -signal.SIGINT), (signal.SIGTERM, 143), (signal.SIGHUP, 129)],
)
def test_a_signal_ends_it_and_the_transcript_has_its_end(sent: signal.Signals, code: int) -> None:
    arguments = ["send", "--delay", "3600", "--timeout", "infinity", "--events", "Hello"]
    process = subprocess.Popen(
        [*GENREPLY, *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    assert process.stdout is not None
    while b'"noreply"' not in process.stdout.readline():
        pass
    process.send_signal(sent)
    out, err = process.communicate()
    assert process.returncode == code
    assert b'"kind":"end"' in out.splitlines()[-1]
    assert err == b""


def test_trace_without_a_file_replays_the_last_session_or_lists_the_samples(state: Path) -> None:
    nothing = genreply("trace")
    assert nothing.out == genreply("trace", "--list").out
    assert "overlap-single" in nothing.out
    assert genreply("repl", "--delay", "0", stdin="first\n").code == 0
    assert genreply("repl", "--delay", "0", stdin="second\n").code == 0
    assert 'greet "second"' in genreply("trace").out
    assert len(list((state / "sessions").iterdir())) == 2


def test_the_repl_in_a_pipe_has_no_prompt_and_sends_a_last_line_without_an_end() -> None:
    done = genreply("repl", "--delay", "0", stdin="one\n//two\n\n/help\n/hepl\nthree")
    assert done.out.startswith("one to you too!\n/two to you too!\n")
    assert done.out.endswith("three to you too!\n")
    assert "did you mean /help?" in done.err
    assert "greet>" not in done.out
    assert done.code == 0


def test_a_state_folder_that_cannot_be_written_costs_a_line(state: Path) -> None:
    state.parent.mkdir()
    state.write_text("a file where the folder should be")
    done = genreply("repl", "--delay", "0", stdin="Hello\n")
    assert done.out == "Hello to you too!\n"
    assert done.err.startswith("note: this session is not recorded: ")
    assert done.err.count("\n") == 1


def test_a_dash_sends_the_lines_of_stdin_a_last_one_without_an_end_too() -> None:
    done = genreply("send", "-", "--jobs", "2", stdin="one\n\ntwo\nthree")
    assert done.out == "one to you too!\n to you too!\ntwo to you too!\nthree to you too!\n"


def test_thousands_of_lines_are_answered_in_order() -> None:
    lines = [str(number) for number in range(20_000)]
    done = genreply("send", "-", "--jobs", "1000", stdin="\n".join(lines))
    assert done.out.splitlines() == [f"{line} to you too!" for line in lines]


def test_a_variable_of_the_environment_that_is_wrong_is_named() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "genreply_cli", "send", "A"],
        env=clean({"GENREPLY_DELAY": "soon"}),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    problem, hint = done.stderr.splitlines()
    assert problem.startswith("error: Invalid value in the environment, for GENREPLY_DELAY: 'soon'")
    assert "--delay" not in problem
    assert hint.strip() == "set it again, or forget it with: unset GENREPLY_DELAY"


@pytest.mark.parametrize("name", list(typer.main.get_command(app).commands))  # type: ignore[attr-defined]
def test_a_command_is_the_same_whether_it_is_made_alone_or_with_all(name: str) -> None:
    alone, among_all = (
        typer.main.get_command(app_for(typed)).commands[name]  # type: ignore[attr-defined]
        for typed in ([name], [])
    )
    assert [option.opts for option in alone.params] == [option.opts for option in among_all.params]


def test_what_is_no_command_is_compared_with_all_of_them() -> None:
    assert app_for(["trase"]) is app
    assert "Did you mean 'trace'?" in genreply("trase").err


def test_an_option_that_is_like_no_other_one_gets_no_suggestion() -> None:
    assert genreply("send", "A", "--foo").err.splitlines()[0] == "error: No such option: --foo"
    assert "did you mean --timeout?" in genreply("send", "A", "--timeot").err
    assert "did you mean --follow?" in genreply("trace", "hello", "--foll").err
