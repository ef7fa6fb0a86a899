"""Imports run one way, and what need not be loaded is not."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import genreply_cli

PACKAGE = Path(genreply_cli.__file__).parent
ORDER = [
    {"visible", "otp"},
    {"errors", "rewrap"},
    {"trace", "websocket"},
    {"coordinator", "entry", "looks", "player", "faults", "terms", "standing", "filters"},
    {"timeline", "transcript", "variations", "stats", "options"},
    {"session", "screen", "state", "lines", "beside", "why", "check", "index", "follow", "mermaid", "perfetto", "picture"},
    {"watch", "commands", "supervisor", "explain", "source", "moves", "diff", "page"},
    {"asking", "scenarios", "raw", "reading", "rerun", "stepping", "stage", "performance", "export"},
    {"send", "callers", "bench", "theatre"},
    {"face", "replay", "above", "keyboard"},
    {"terminal", "conversation"},
    {"repl"},
    {"cli"},
    {"__main__"},
]  # each imports only from the lines above it
LATER = {("session", "watch"), ("repl", "terminal")}  # imported where it is used, if it is


def imported(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def rooms(path: Path) -> set[str]:
    """The rooms of the package that a module imports."""
    return {name.split(".")[1] for name in imported(path) if name.startswith("genreply_cli.") and name.count(".")}


def test_imports_run_one_way() -> None:
    places = {room: place for place, line in enumerate(ORDER) for room in line}
    modules = {path.stem: path for path in PACKAGE.glob("*.py") if path.stem != "__init__"}
    assert set(modules) == set(places) - {"otp"}
    upward = [
        (name, other)
        for name, path in modules.items()
        for other in rooms(path) - {"__version__"}
        if places[other] >= places[name] and (name, other) not in LATER
    ]
    assert upward == []


def test_otp_needs_nothing_but_the_standard_library() -> None:
    for path in (PACKAGE / "otp").glob("*.py"):
        for name in imported(path):
            assert name.split(".")[0] in sys.stdlib_module_names or name.startswith("genreply_cli.otp"), (path.name, name)


def loaded_by(*arguments: str) -> set[str]:
    """The modules that a command has loaded when it is through."""
    code = (
        "import sys\nfrom genreply_cli.__main__ import run\n"
        f"sys.argv[1:] = {list(arguments)!r}\ncode = run()\n"
        "print(' '.join(sys.modules), file=sys.stderr)\nsys.exit(code)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return set(done.stderr.split())


def test_importing_the_package_loads_next_to_nothing() -> None:
    code = "import sys, genreply_cli; print(' '.join(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert not {"typer", "rich", "prompt_toolkit", "asyncio", "subprocess"} & set(done.stdout.split())


def test_the_version_is_told_without_rich_prompt_toolkit_and_asyncio() -> None:
    assert not {"rich", "prompt_toolkit", "asyncio"} & loaded_by("--version")


@pytest.mark.parametrize("arguments", [["send", "Hello"], ["send", "--events", "Hello"], ["trace", "hello"]])
def test_off_a_terminal_neither_rich_nor_prompt_toolkit_is_loaded(arguments: list[str]) -> None:
    assert not {"rich", "prompt_toolkit"} & loaded_by(*arguments)
