"""Variables like GENREPLY_JSON, for all commands at once: those that a command is for, and not."""

import os
import shlex
from itertools import combinations
from pathlib import Path
from typing import Any

import pytest
import typer
from commands import genreply, shell

from genreply_cli.cli.app import app

COMMANDS: Any = typer.main.get_command(app).commands  # type: ignore[attr-defined]
VALUES = {
    "FAULT": "drop:0", "KIND": "reply", "CALL": "c1", "DIFF": "late", "AS": "html",
    "OUTPUT": "picture.svg", "VIEW": "off", "CLOCK": "virtual", "COORDINATOR": "fifo",
    "COLOR": "never", "FROM": "0.2", "TO": "10", "TIMELINE": "1", "SAY": "Hello",
    "RECORD": "recording.jsonl", "SCALE": "2", "PACE": "1s", "HEADER": "X-Team: blue",
    "REQUEST": '["{id}", "{message}"]', "ID_AT": "/id", "ANSWER_AT": "/message",
    "ERROR_AT": "/error", "SOURCE": ".",
}  # fmt: skip
VARIABLES = {
    option.envvar: VALUES.get(option.envvar.removeprefix("GENREPLY_"), "1")
    for command in COMMANDS.values()
    for option in command.params
    if option.envvar not in {None, "GENREPLY_URL", "GENREPLY_AT"}  # nobody answers there
}
TYPED = [
    ["send", "A", "--json"],
    ["send", "A", "--events"],
    ["send", "A", "--quiet"],
    ["send", "A", "--view", "wide"],
    ["trace", "late"],
    ["trace", "late", "--print"],
    ["trace", "late", "--events"],
    ["trace", "late", "--stats"],
    ["trace", "late", "--stats", "--json"],
    ["trace", "late", "--explain"],
    ["trace", "late", "--check"],
    ["trace", "late", "--check", "--json"],
    ["trace", "late", "--diff", "late"],
    ["trace", "late", "--rerun", "--times"],
    ["trace", "late", "--as", "mermaid"],
    ["trace", "late", "--as", "svg", "--scale", "3"],
    ["trace", "late", "--kind", "timeout"],
    ["trace", "late", "--to", "0.1"],
    ["trace", "--list"],
]


@pytest.fixture(autouse=True)
def _clean(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in os.environ:
        if name.startswith("GENREPLY_"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize("command", TYPED, ids=" ".join)
def test_no_variable_breaks_a_command(command: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    assert genreply(*command).code == 0
    for name, value in VARIABLES.items():
        with monkeypatch.context() as environment:
            environment.setenv(name, value)
            done = genreply(*command)
            assert (done.code, "error" in done.err) == (0, False), (name, done)
            for path in Path.cwd().glob("*.*"):
                path.unlink()


@pytest.mark.parametrize("command", TYPED, ids=" ".join)
def test_no_two_variables_break_a_command(
    command: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    tasks = ("CHECK", "STATS", "JSON", "FOLLOW", "OUTPUT", "DIFF", "CALL", "RERUN")
    for one, other in combinations(tasks, 2):
        with monkeypatch.context() as environment:
            for name in (one, other):
                environment.setenv(f"GENREPLY_{name}", VALUES.get(name, "1"))
            done = genreply(*command)
            assert done.code == 0, (one, other, done)
            for path in Path.cwd().glob("*.*"):
                path.unlink()


@pytest.mark.parametrize(
    ("variables", "typed"),
    [
        ({"JSON": "1"}, ["late"]),
        ({"OUTPUT": "x.html"}, ["late", "--diff", "hello"]),
        ({"OUTPUT": "x.html"}, ["late", "--as", "mermaid"]),
        ({"OUTPUT": "x.html"}, ["late", "--check"]),
        ({"DIFF": "late"}, ["late", "--as", "svg"]),
        ({"CHECK": "1"}, ["late", "--stats"]),
        ({"CHECK": "1"}, ["late", "--kind", "reply"]),
        ({"KIND": "reply"}, ["late", "--explain"]),
        ({"EXPLAIN": "1"}, ["late", "--to", "0.1"]),
        ({"FROM": "1"}, ["late", "--to", "0.1"]),
        ({"FOLLOW": "1"}, ["late"]),
        ({"FOLLOW": "1"}, ["late", "--stats"]),
        ({"SCALE": "2", "TIMES": "1", "OVERWRITE": "1"}, ["late"]),
        ({"VIEW": "off"}, ["late"]),
    ],
)
def test_what_does_not_fit_is_left_out_and_what_is_typed_is_stronger(
    variables: dict[str, str], typed: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    usual = genreply("trace", *typed)
    for name, value in variables.items():
        monkeypatch.setenv(f"GENREPLY_{name}", value)
    assert genreply("trace", *typed) == usual
    assert not list(Path.cwd().glob("*.*"))


def test_an_ending_that_is_typed_is_stronger_than_a_format_of_the_environment(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("GENREPLY_AS", "svg")
    assert genreply("trace", "late", "-o", "it.mmd").code == 0
    assert Path("it.mmd").read_text().startswith("sequenceDiagram")
    assert genreply("trace", "late", "-o", "it.unknown").code == 0
    assert Path("it.unknown").read_text().startswith("<?xml")


def test_what_is_typed_wrongly_is_said_though_a_variable_does_not_fit_either(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("GENREPLY_TIMES", "1")
    done = genreply("trace", "late", "--json")
    assert done.code == 2
    assert "--json is for --stats or --check, which is missing" in done.err


@pytest.mark.parametrize(
    "text", ["drop:0,late:0", "drop:0 late:0", "drop:0, late:0,", " drop:0\tlate:0"]
)
def test_a_list_has_commas_or_blanks(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    expected = genreply("send", "A", "--fault", "drop:0", "--fault", "late:0", "--events")
    monkeypatch.setenv("GENREPLY_FAULT", text)
    header = genreply("send", "A", "--events").out.splitlines()[0]
    assert '"faults":["drop:0","late:0"]' in header
    assert '"faults":["drop:0","late:0"]' in expected.out


@pytest.mark.parametrize("text", ["c1,c2", "c1 c2"])
def test_calls_and_kinds_are_lists_too(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    expected = genreply("trace", "overlap-single", "--call", "c1", "--call", "c2")
    monkeypatch.setenv("GENREPLY_CALL", text)
    assert genreply("trace", "overlap-single") == expected


def test_a_greeting_of_the_environment_keeps_its_blanks(tmp_path: Path) -> None:
    script = "GENREPLY_SAY=$'Hello, world\\nand again\\n' genreply repl --delay 0 --no-record"
    assert shell(script, tmp_path).out == "Hello, world to you too!\nand again to you too!\n"


def test_no_variable_breaks_the_repl(tmp_path: Path) -> None:
    script = "\n".join(
        f"{name}={shlex.quote(value)} genreply repl --no-record --delay 0 || echo {name}"
        for name, value in VARIABLES.items()
        if name in {option.envvar for option in COMMANDS["repl"].params}
    )
    assert set(shell(script, tmp_path).out.splitlines()) <= {"Hello to you too!"}


@pytest.mark.parametrize("rest", [[], ["--call", "c1"], ["--check"], ["--diff", "hello"]])
def test_a_folder_does_not_hide_the_sample_of_its_name(rest: list[str]) -> None:
    usual = genreply("trace", "hello", *rest)
    Path("hello").mkdir()
    assert genreply("trace", "hello", *rest) == usual
    assert "is a directory" in genreply("trace", "./hello").err
