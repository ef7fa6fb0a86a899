"""Imports run one way, without a circle, and a command loads only what it uses."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

import genreply_cli

PACKAGE = Path(genreply_cli.__file__).parent
# A wing, or a module at the top of the package, imports from itself and from the lines that are
# earlier in this list.
WINGS = [
    {"text", "paths", "streams", "otp"},
    {"errors", "websocket", "service", "cluster"},
    {"coordinator", "transcript"},
    {"variations", "timeline"},
    {"remote"},
    {"session", "terminal", "analysis"},
    {"observe"},
    {"explain", "bench", "serve"},
    {"export", "player"},
    {"repl", "compare", "learn"},
    {"cli"},
    {"__main__"},
]


def imports(path: Path) -> Iterator[str]:
    """All that a module imports: when it is loaded, inside functions, or for types only."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def module_name(path: Path) -> str:
    """The name of a module inside the package: `otp.node`; for an `__init__`, that of the wing."""
    parts = path.relative_to(PACKAGE).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" and len(parts) > 1 else parts)


MODULES = {module_name(path): path for path in PACKAGE.rglob("*.py")}


def imported_modules(path: Path) -> set[str]:
    """The modules of the package that a module imports."""
    names = [
        name.removeprefix("genreply_cli.")
        for name in imports(path)
        if name.startswith("genreply_cli.")
    ]
    return {name if name in MODULES else name.rpartition(".")[0] or "__init__" for name in names}


IMPORTED = {name: imported_modules(path) for name, path in MODULES.items()}


def test_each_wing_imports_only_from_those_earlier_in_the_list() -> None:
    level = {wing: number for number, wings in enumerate(WINGS) for wing in wings}
    assert {name.split(".")[0] for name in MODULES} - {"__init__"} == set(level)
    upward = [
        f"{name} imports {other}"
        for name, others in IMPORTED.items()
        for other in others - {"__init__"}
        if (wing := name.split(".")[0]) != (theirs := other.split(".")[0])
        and level[theirs] >= level[wing]
    ]
    assert upward == []


def test_no_modules_import_each_other_in_a_circle() -> None:
    try:
        TopologicalSorter(IMPORTED).prepare()
    except CycleError as error:
        pytest.fail(" imports ".join(reversed(error.args[1])))


def test_each_module_of_otp_imports_only_from_those_that_its_readme_lists_before_it() -> None:
    readme = " ".join((PACKAGE / "otp" / "README.md").read_text().split())
    order = readme.rpartition("only from those before it: ")[2].rstrip(".").split(", ")
    assert {*order, "virtual_time"} == {path.stem for path in (PACKAGE / "otp").glob("[!_]*.py")}
    for number, name in enumerate(order):
        assert IMPORTED[f"otp.{name}"] <= {f"otp.{other}" for other in order[:number]}


def test_otp_needs_nothing_but_the_standard_library() -> None:
    known = {*sys.stdlib_module_names, "typing_extensions"}  # type checkers bring this one along
    for path in (PACKAGE / "otp").glob("*.py"):
        for name in imports(path):
            assert name.split(".")[0] in known or name.startswith("genreply_cli.otp"), (
                path.name,
                name,
            )
    loaded = "import sys, genreply_cli.otp; print(*sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", loaded], capture_output=True, text=True, check=True
    )
    assert "typing_extensions" not in done.stdout.split()


def loaded_by(*arguments: str) -> set[str]:
    """The modules that a command has loaded when it has ended."""
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
    assert not {"typer", "rich", "prompt_toolkit", "asyncio", "subprocess"} & set(
        done.stdout.split()
    )


def test_the_version_is_told_without_rich_prompt_toolkit_and_asyncio() -> None:
    assert not {"rich", "prompt_toolkit", "asyncio"} & loaded_by("--version")


@pytest.mark.parametrize(
    "arguments", [["send", "Hello"], ["send", "--events", "Hello"], ["trace", "hello"]]
)
def test_off_a_terminal_neither_rich_nor_prompt_toolkit_is_loaded(arguments: list[str]) -> None:
    assert not {"rich", "prompt_toolkit", "websockets"} & loaded_by(*arguments)
