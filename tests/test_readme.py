"""The examples of the README, and of the runtime's own, are run, and give what is shown."""

import os
import re
import shutil
import subprocess
import sys
from itertools import pairwise
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text()
RUNTIME = (ROOT / "genreply_cli" / "otp" / "README.md").read_text()


def blocks(text: str) -> list[tuple[str, str]]:
    """The language and the lines of each block of code."""
    return re.findall(r"^```(\w*)\n(.*?)^```$", text, re.DOTALL | re.MULTILINE)


COMMANDS = (ROOT / "genreply_cli" / "cli" / "README.md").read_text()
BLOCKS = [*blocks(README), *blocks(COMMANDS)]

CONSOLE = [
    (command, output)
    for language, block in BLOCKS
    if language == "console"
    for command, output in re.findall(r"^\$ (.*)\n((?:(?!\$ ).*\n)*)", block, re.MULTILINE)
]
PROGRAMS = [
    (program, output)
    for (language, program), (_, output) in [*pairwise(BLOCKS), *pairwise(blocks(RUNTIME))]
    if language == "python" and "import" in program
]


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    """An environment in which `genreply` is this one, and nobody's own sessions are touched."""
    command = tmp_path / "bin" / "genreply"
    command.parent.mkdir()
    command.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m genreply_cli "$@"\n')
    command.chmod(0o755)
    return os.environ | {
        "PATH": f"{command.parent}{os.pathsep}{os.environ['PATH']}",
        "PYTHONPATH": str(ROOT),
        "XDG_STATE_HOME": str(tmp_path),
    }


@pytest.mark.parametrize(("command", "output"), CONSOLE)
def test_what_is_typed_gives_what_is_shown(
    command: str, output: str, environment: dict[str, str]
) -> None:
    if command.startswith("elixir ") and shutil.which("elixir") is None:
        pytest.skip("no `elixir` on the path; install Elixir to record a real BEAM node")
    done = subprocess.run(
        ["bash", "-c", f"({command}) 2>&1"],
        capture_output=True,
        text=True,
        env=environment,
        check=False,
    )
    assert done.stdout == output


@pytest.mark.parametrize(("program", "output"), PROGRAMS)
def test_what_is_programmed_gives_what_is_shown(
    program: str, output: str, environment: dict[str, str], tmp_path: Path
) -> None:
    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        env=environment,
        check=False,
    )
    assert (done.stdout, done.stderr) == (output, "")


def test_the_drawn_timeline_is_the_one_that_is_drawn() -> None:
    from genreply_cli.paths import samples
    from genreply_cli.timeline.timeline import Timeline
    from genreply_cli.transcript.reader import read

    timeline = Timeline(width=120)
    steps = [step for step in read(samples()["hello"])[1] if step.kind != "mark"]
    drawn = [row for step in steps for row in timeline.lines(step)]
    assert "\n".join(drawn) + "\n" in [block for _, block in BLOCKS]


def test_the_code_beside_the_elixir_is_the_code() -> None:
    source = re.sub(
        r"  # type: ignore.*", "", (ROOT / "genreply_cli" / "coordinator.py").read_text()
    )
    shown = next(
        block for language, block in BLOCKS if language == "python" and "handle_info" in block
    )
    unindented = re.sub(r"^    ", "", source, flags=re.MULTILINE)
    assert shown in unindented


def test_the_picture_is_the_one_that_is_drawn(environment: dict[str, str]) -> None:
    [(text, path)] = re.findall(r"!\[(.*)\]\((.*)\)", README)
    command = f"genreply trace {Path(path).stem} --as svg"
    done = subprocess.run(
        ["bash", "-c", command], capture_output=True, text=True, env=environment, check=True
    )
    assert done.stdout == (ROOT / path).read_text()
    assert "the third caller gets the answer to the first" in text


def test_the_table_of_the_designs_is_the_one_of_compare(
    environment: dict[str, str], tmp_path: Path
) -> None:
    command = ["bash", "-c", "genreply compare -o table.md"]
    subprocess.run(command, env=environment, cwd=tmp_path, capture_output=True, check=True)
    assert (tmp_path / "table.md").read_text() in README


def test_the_service_is_the_one_of_its_own_page() -> None:
    page = (ROOT / "genreply_cli" / "service.md").read_text()
    shown = next(block for language, block in blocks(README) if "class Client" in block)
    assert shown.replace("  # of the library websockets", "") in page


def test_a_stranger_reads_it_to_the_end() -> None:
    assert README.count("\n") <= 250


def test_there_is_something_to_test() -> None:
    assert len(CONSOLE) >= 8
    assert len(PROGRAMS) >= 6
