"""`genreply learn`: each lesson passes when it is done right, and helps when it is done wrong."""

import io
import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from commands import Done, genreply
from terminals import Terminal

from genreply_cli.learn import exercise
from genreply_cli.learn.exercise import ExerciseError, run_file
from genreply_cli.learn.lesson_view import show
from genreply_cli.learn.lessons import LESSONS
from genreply_cli.learn.run import _steps_of
from genreply_cli.paths import read_source
from genreply_cli.terminal.output import OutputMode
from genreply_cli.terminal.screen import Screen

BEGUN = read_source(exercise.TEMPLATE)
KEEPS = BEGUN.replace('return Reply("ok", state)', "return NoReply(replace(state, caller=from_))")
REPLY = "GenServer.reply(state.caller, message.msg)"
SOLVED = KEEPS.replace("        # CHANGE 2", f"        {REPLY}\n        # CHANGE 2")


@pytest.fixture(autouse=True)
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A state folder of its own."""
    with monkeypatch.context() as patch:
        patch.setenv("XDG_STATE_HOME", str(tmp_path))
        yield tmp_path / "genreply"


def learn(*arguments: str, typed: str = "") -> Done:
    return genreply("learn", *arguments, stdin=typed.encode())


@pytest.mark.parametrize(
    ("lesson", "typed"),
    [
        *(("1", text) for text in ("690ms", "750ms", "0.7", "700 ms")),
        *(("2", text) for text in ("ok", '"ok"', "OK.", "'ok'")),
        *(("4", text) for text in ("C", "c", "caller C", "caller-3", "c3")),
        *(("5", text) for text in ("100ms", "0.299", "0", "1ms")),
        *(("6", text) for text in ("3", "three", "all")),
    ],
)
def test_a_lesson_that_is_done_right_is_passed(lesson: str, typed: str, state: Path) -> None:
    done = learn(lesson, typed=f"{typed}\n")
    assert done.code == 0, done.out
    assert "\nRight. " in done.out
    assert json.loads((state / "learn.json").read_text()) == {"passed": [int(lesson)]}


@pytest.mark.parametrize(
    ("lesson", "typed", "helps"),
    [
        ("1", "250ms", "is how long A was blocked"),
        ("1", "10", "see how long C was blocked"),
        ("1", "long", "'long' is no duration"),
        ("2", "Hello world to you too!", "It came 250 ms after the caller had its reply"),
        ("2", "nothing", "what goes to the caller?"),
        ("4", "A", "Who came last?"),
        ("4", "B", "Who came last?"),
        ("4", "nobody", "Who was in it?"),
        ("4", "D", "expected A, B, C or nobody"),
        ("5", "400ms", "Choose a shorter timeout"),
        ("5", "infinity", "Choose a shorter timeout"),
        ("5", "soon", "'soon' is no duration"),
        ("6", "0", "count the rows below the crash"),
        ("6", "1", "and not only the one whose answer was due"),
        ("6", "seven", "expected 0, 1, 2 or 3"),
    ],
)
def test_a_lesson_that_is_done_wrong_helps_and_is_not_passed(
    lesson: str, typed: str, helps: str, state: Path
) -> None:
    done = learn(lesson, typed=f"{typed}\n")
    assert done.code == 5
    assert helps in " ".join(done.out.split())
    assert "Not yet. " in done.out
    assert not (state / "learn.json").exists()


def test_after_a_wrong_answer_and_a_hint_the_right_one_counts() -> None:
    done = learn("2", typed="foo\nhint\n\nok\n")
    assert done.code == 0
    said = [done.out.index(text) for text in ("Not yet.", "Hint: ", "Right.")]
    assert said == sorted(said)


def test_each_run_is_drawn_as_the_first_one_is(terminal: Callable[..., Terminal]) -> None:
    learner = terminal("learn", "2", "--pace", "0", lines=90)
    learner.wait_for("your answer>")
    for _ in range(2):
        learner.child.send("x\r")
    learner.wait_for(lambda rows: sum("Not yet." in row for row in rows) == 2)
    runs = [row for row in learner.rows if row.startswith(" +0.")]
    assert runs[: len(runs) // 2] == runs[len(runs) // 2 :]
    learner.child.send("q\r")
    assert learner.end() == 5


@pytest.mark.parametrize("typed", ["", "q\n", "quit\nok\n"])
def test_one_can_leave(typed: str) -> None:
    done = learn("2", typed=typed)
    assert done.code == 5
    assert done.out.endswith("Lesson 2 is not passed yet. A hint: genreply learn 2 --hint\n")


# --- the file of lesson 3 ---


def checked(tmp_path: Path, program: str) -> tuple[bool, str]:
    path = tmp_path / "mine.py"
    path.write_text(program)
    return LESSONS[2].check(None, run_file(path))


def test_the_file_as_it_is_given_has_the_problem(tmp_path: Path) -> None:
    passed, sentence = checked(tmp_path, BEGUN)
    assert not passed
    assert sentence.startswith('The caller got "ok" before the answer was there.')


@pytest.mark.parametrize(
    "program",
    [
        SOLVED,
        SOLVED.replace(REPLY, "state.caller.reply(message.msg)"),
        SOLVED.replace(REPLY, REPLY.replace("message.msg", 'f"{message.msg}"')),
        f"print('noise')\n{SOLVED}",
    ],
    ids=["as hinted", "by the caller itself", "built anew", "it prints"],
)
def test_a_deferred_reply_passes_however_it_is_written(tmp_path: Path, program: str) -> None:
    if "state.caller.reply" in program:
        program = program.replace("state.caller.reply(", "GenServer.reply(state.caller, ")
    passed, sentence = checked(tmp_path, program)
    assert passed, sentence


BLOCKS = BEGUN.replace("def handle_call", "async def handle_call").replace(
    'return Reply("ok", state)',
    "answer = await self.receive(MessageReceived)\n        return Reply(answer.msg, state)",
)


@pytest.mark.parametrize(
    ("program", "helps"),
    [
        (KEEPS, "kept, but nobody replies to it"),
        (BEGUN.replace('Reply("ok", state)', "NoReply(state)"), "keep from_ in the state"),
        (SOLVED.replace("message.msg)", '"Hello to you too!")'), 'that asked "Good evening"'),
        (SOLVED.replace("message.msg)", "message)"), "Reply with message.msg"),
        (BLOCKS, "the server was deaf meanwhile"),
        (SOLVED.replace(REPLY, f"{REPLY}; {REPLY}"), "Reply once to each call"),
        (SOLVED.replace("state.async_pid.send_message(request.msg)", "pass"), "Keep the line"),
        (SOLVED.replace("caller=from_", "caller=None"), "The coordinator crashed: "),
        (SOLVED.replace("message.msg", "message.text"), "has no attribute 'text'"),
    ],
    ids=[
        "kept only", "not kept", "always Hello", "the message", "inside the handler", "twice",
        "not sent", "no caller", "no such field",
    ],
)  # fmt: skip
def test_what_is_wrong_with_a_reply_is_said(tmp_path: Path, program: str, helps: str) -> None:
    passed, sentence = checked(tmp_path, program)
    assert not passed
    assert helps in sentence


@pytest.mark.parametrize(
    ("program", "sentence"),
    [
        ("x = (\n", "mine.py, line 1: SyntaxError: '(' was never closed"),
        ("x = 1\n", f"mine.py: there is no class Coordinator. {exercise.ANEW}"),
        ("\n1 / 0\n", "mine.py, line 2: ZeroDivisionError: division by zero"),
        ("import os\nos._exit(0)\n", exercise.ENDED),
        ("import sys\nsys.exit()\n", exercise.ENDED),
        (SOLVED.replace(REPLY, "import os; os._exit(0)"), exercise.ENDED),
        (SOLVED.replace(REPLY, "import sys; sys.exit(0)"), exercise.ENDED),
    ],
)
def test_what_is_wrong_with_a_file_is_said(tmp_path: Path, program: str, sentence: str) -> None:
    with pytest.raises(ExerciseError) as caught:
        checked(tmp_path, program)
    assert str(caught.value) == sentence


def test_a_file_that_is_gone_or_is_a_folder_is_named(tmp_path: Path) -> None:
    with pytest.raises(ExerciseError, match=r"it is gone\. To get it as it was: genreply learn"):
        run_file(tmp_path / "mine.py")
    with pytest.raises(ExerciseError, match="it is a folder"):
        run_file(tmp_path)


def test_a_file_that_never_ends_is_stopped(tmp_path: Path) -> None:
    path = tmp_path / "mine.py"
    path.write_text("while True: pass\n")
    with pytest.raises(ExerciseError, match="had not ended after 1 s"):
        run_file(path, seconds=1)


def test_the_file_is_given_run_and_kept_and_a_reset_puts_it_aside(state: Path) -> None:
    assert learn("3", typed="\n").code == 5
    mine = state / "lesson3.py"
    assert mine.read_text() == BEGUN
    mine.write_text(SOLVED)
    done = learn("3", typed="\n")
    assert done.code == 0, done.out
    assert mine.read_text() == SOLVED
    reset = learn("--reset")
    assert reset.code == 0
    assert not mine.exists()
    assert (state / "lesson3-old1.py").read_text() == SOLVED
    assert str(state / "lesson3-old1.py") in reset.out
    assert "Next: genreply learn 1" in learn().out


# --- where one stands, and how it is shown ---


def test_it_shows_where_one_stands() -> None:
    assert "[ ] 1  The basic way" in learn().out
    learn("1", typed="700ms\n")
    learn("4", typed="C\n")
    out = learn().out
    assert "[x] 1  The basic way" in out
    assert "[ ] 2  The problem" in out
    assert out.endswith("Next: genreply learn 2\n")
    assert "Lesson 2: " in learn("--hint").out


@pytest.mark.parametrize("kept", ["", "[]", '{"passed": "all"}', '{"passed": [true, 9, "1"]}', "{"])
def test_a_broken_file_of_progress_counts_as_none(kept: str, state: Path) -> None:
    state.mkdir()
    (state / "learn.json").write_text(kept)
    assert learn().out.endswith("Next: genreply learn 1\n")


def test_a_folder_that_cannot_be_written_costs_the_progress_only(state: Path) -> None:
    state.write_text("a file stands here")
    done = learn("2", typed="ok\n")
    assert done.code == 0
    assert done.err.startswith("note: your progress cannot be kept, ")
    assert learn("--reset").err == ""
    assert learn("3", typed="\n").err.endswith("genreply: cannot be written: file exists\n")


@pytest.mark.parametrize("number", range(1, 7))
def test_a_lesson_can_be_printed(number: int) -> None:
    done = learn(str(number), "--print")
    assert done.code == 0
    assert "\x1b" not in done.out
    assert "def handle_call(" in done.out
    assert "  Elixir\n" in done.out
    assert LESSONS[number - 1].question in " ".join(done.out.split())
    assert done.out.endswith("lesson3.py\n") == (number == 3)


@pytest.mark.parametrize("columns", [60, 80, 170])
@pytest.mark.parametrize("number", range(1, 7))
def test_a_lesson_fits_a_terminal(number: int, columns: int) -> None:
    said: list[str] = []

    class Narrow(Screen):
        width = columns

        def _write(self, text: str) -> None:
            said.append(text)

    screen = Narrow(io.StringIO())
    screen.mode = OutputMode(None, color=False, ascii_only=False, terminal=True)
    show(LESSONS[number - 1], number, screen)
    rows = "".join(said).splitlines()
    assert max(map(len, rows)) <= columns
    assert any(row.count("def handle_call") == 2 for row in rows) == (columns == 170)


@pytest.mark.parametrize("number", [1, 2, 4, 5, 6])
def test_the_check_looks_at_the_transcript(number: int) -> None:
    lesson = LESSONS[number - 1]
    right: dict[int, object] = {1: 0.69, 2: "ok", 4: "C", 5: 0.1, 6: 3}
    steps = _steps_of(lesson, right[number])
    assert lesson.check(right[number], steps)[0]
    others = _steps_of(LESSONS[3], "C") if number != 4 else _steps_of(LESSONS[0], 0.69)
    try:
        passed = lesson.check(right[number], others)[0]
    except (StopIteration, ValueError, KeyError):
        passed = False
    assert not passed


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["7"], "'7' is no whole number from 1 to 6"),
        (["0"], "'0' is no whole number from 1 to 6"),
        (["one"], "'one' is no whole number from 1 to 6"),
        (["--hint", "--reset"], "--hint and --reset exclude each other; give one of them"),
        (["2", "--reset"], "--reset forgets all lessons; leave out the number"),
    ],
)
def test_what_does_not_fit_is_named(arguments: list[str], sentence: str) -> None:
    done = learn(*arguments)
    assert done.code == 2
    assert sentence in done.err
