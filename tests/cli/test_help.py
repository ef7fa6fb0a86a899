"""What `--help` shows: examples first, which can be typed as they are, and options in groups."""

import re
from pathlib import Path

import pytest
import typer
from commands import Done, genreply, shell

from genreply_cli.cli.app import app
from genreply_cli.cli.help import EXAMPLES, GROUPS

COMMANDS = sorted(typer.main.get_command(app).commands)  # type: ignore[attr-defined]
TYPED = [command for examples in EXAMPLES.values() for command, _ in examples]

PROGRAM = """
from genreply_cli.coordinator import Coordinator
from genreply_cli.otp import Node

with Node.in_thread() as node:
    print(node.run(node.run(Coordinator.start_link).greet, "Hello"))
"""
# They run until they are ended. tests/cluster types the examples of `join`, and
# tests/observe/test_attach.py those of `attach` and `top`.
SERVES = {"serve", "join", "attach", "top"}


def help_of(name: str) -> Done:
    return genreply(*([] if name == "genreply" else [name]), "--help")


@pytest.mark.parametrize("name", ["genreply", *COMMANDS])
def test_a_help_begins_with_three_examples(name: str) -> None:
    done = help_of(name)
    assert done.code == 0
    usage, examples, *_ = done.out.split("\n\n")
    assert usage.startswith("Usage: ")
    head, *rows = examples.splitlines()
    assert head == "Examples:"
    assert [re.split("  +", row.strip())[0] for row in rows] == [c for c, _ in EXAMPLES[name]]
    assert len(rows) == 3


@pytest.mark.parametrize("name", EXAMPLES)
def test_a_help_fits_80_columns_and_says_what_each_example_does(name: str) -> None:
    out = help_of(name).out
    assert max(map(len, out.splitlines())) <= 80
    assert all(what in out for _, what in EXAMPLES[name])


def test_the_help_of_all_fits_a_screen() -> None:
    assert len(help_of("genreply").out.splitlines()) <= 23


@pytest.mark.parametrize("command", [each for each in TYPED if not SERVES & {*each.split()}])
def test_an_example_can_be_typed(command: str, tmp_path: Path) -> None:
    (tmp_path / "app.py").write_text(PROGRAM)
    done = shell(f"cd '{tmp_path}'; export PYTHONPATH='{Path.cwd()}'; {command}", tmp_path)
    assert done.code == 0, done.err
    assert done.out or list(tmp_path.glob("it.*")) or "--say" in command or "single" in command
    assert "error" not in done.err


@pytest.mark.parametrize("command", [each for each in TYPED if "genreply serve" in each])
def test_an_example_serves_until_it_is_ended(command: str, tmp_path: Path) -> None:
    reason = "needs the library websockets: pip install 'genreply-cli[websocket]'"
    pytest.importorskip("websockets", reason=reason)
    from greeters import served

    with served(tmp_path, *command.removeprefix("genreply serve --port 0").split()) as server:
        assert server.url.startswith("ws://127.0.0.1:")
        assert server.end()[0] == 143


def test_each_option_of_trace_is_in_one_group() -> None:
    command = typer.main.get_command(app).commands["trace"]  # type: ignore[attr-defined]
    options = [each for each in command.params if each.param_type_name == "option"]
    grouped = [flag for flags in GROUPS["trace"].values() for flag in flags]
    assert len(grouped) == len({*grouped})
    assert {next(f for f in each.opts if f[:2] == "--") for each in options} == {*grouped}
    heads = re.findall(r"^(\w.*):$", help_of("trace").out, re.MULTILINE)
    assert heads == ["Examples", "Arguments", *GROUPS["trace"], "Others"]
