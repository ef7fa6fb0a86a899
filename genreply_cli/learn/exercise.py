"""The file that the learner edits in lesson 3, run in a process of its own.

`python -m genreply_cli.learn.exercise FILE TRANSCRIPT` runs it. Whatever its code does, this
program goes on.
"""

import asyncio
import os
import runpy
import subprocess
import sys
import traceback
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

from genreply_cli import paths
from genreply_cli.errors import GenreplyError, os_error_text
from genreply_cli.otp import CallError
from genreply_cli.session.recording import header
from genreply_cli.session.session import session
from genreply_cli.session.settings import Settings
from genreply_cli.text import visible
from genreply_cli.transcript.format import TranscriptError
from genreply_cli.transcript.reader import read
from genreply_cli.transcript.step import Step
from genreply_cli.transcript.writer import Writer
from genreply_cli.websocket import WebSocket

ANEW: Final = "To get it as it was: genreply learn --reset, then genreply learn 3."
ENDED: Final = "Your code ended the program before the run was over."
SECONDS: Final = 10.0  # for which the learner's code may run
GREETINGS: Final = ("Hello", "Good evening")
TEMPLATE: Final = Path(__file__).parent / "exercise_template.py"
SETTINGS: Final = Settings("single", (0.25, 0.25), 2.0, clock="virtual")


class ExerciseError(Exception):
    """A sentence about a file that cannot be run."""


def path() -> Path:
    """The learner's own file, whether it is there or not. Raises GenreplyError without a home."""
    try:
        return paths.folder() / "lesson3.py"
    except OSError as error:
        raise GenreplyError(f"there is no place for your file: {os_error_text(error)}") from None


def make_file() -> None:
    """Make the learner's file, if it is not there. Raises GenreplyError."""
    file = path()
    try:
        if not file.exists():
            file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            file.write_text(paths.read_source(TEMPLATE), encoding="utf-8")
    except OSError as error:
        where = visible(str(error.filename or file))
        raise GenreplyError(f"{where}: cannot be written: {os_error_text(error)}") from None


def set_aside() -> Path | None:
    """Give the learner's file another name, so that it is made anew. Returns that name.

    Raises GenreplyError if that is impossible.
    """
    file = path()
    if not file.exists():
        return None
    number = 1
    while (other := file.with_name(f"lesson3-old{number}.py")).exists():
        number += 1
    try:
        return file.rename(other)
    except OSError as error:
        raise GenreplyError(f"{file}: cannot be renamed: {os_error_text(error)}") from None


def run_file(file: Path, seconds: float = SECONDS) -> list[Step]:
    """The steps of a run of the learner's coordinator. Raises ExerciseError with a sentence."""
    if not file.is_file():
        there = "it is a folder" if file.is_dir() else "it is gone"
        raise ExerciseError(f"There is no file {visible(str(file))}: {there}. {ANEW}")
    package = str(Path(__file__).parent.parent.parent)
    known = os.environ.get("PYTHONPATH")
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, [package, known]))}
    with TemporaryDirectory(prefix="genreply-") as folder:
        transcript = Path(folder) / "run.jsonl"
        command = [sys.executable, "-m", "genreply_cli.learn.exercise", str(file), str(transcript)]
        try:
            done = subprocess.run(  # noqa: S603  # the learner has asked for it
                command,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                errors="replace",
                timeout=seconds,
                check=False,
                env=environment,
            )
        except subprocess.TimeoutExpired:
            raise ExerciseError(
                f"Your code had not ended after {seconds:g} s. Does it wait, or loop, for ever?"
            ) from None
        if done.returncode != 0:
            last = next(iter(done.stderr.strip().splitlines()[-1:]), f"status {done.returncode}")
            raise ExerciseError(visible(last))
        try:
            steps = list(read(transcript)[1])
        except (OSError, TranscriptError):
            steps = []
    if not steps or steps[-1].kind != "end":
        raise ExerciseError(ENDED)
    return steps


async def _greet_in_turn(coordinator: Any) -> None:
    for greeting in GREETINGS:
        with suppress(CallError):
            await coordinator.greet(greeting, SETTINGS.timeout)
        await asyncio.sleep(2 * SETTINGS.delay[1])  # for an answer that nobody waits for


async def _run(server: Any, writer: Writer) -> None:
    connect = SETTINGS.network().connector(WebSocket)
    started = session(lambda: server.start_link(connect, name="coordinator"), [writer.write])
    async with started as (coordinator, _):
        await _greet_in_turn(coordinator)


def _main(file: str, transcript: str) -> None:
    try:
        found = runpy.run_path(file)
        if "Coordinator" not in found:
            raise ExerciseError(f"{Path(file).name}: there is no class Coordinator. {ANEW}")
        with Writer(Path(transcript), header(SETTINGS), overwrite=True) as writer:
            SETTINGS.run(_run(found["Coordinator"], writer))
    except ExerciseError as error:
        sys.exit(str(error))
    except SystemExit:
        sys.exit(ENDED)
    except BaseException as error:
        sys.exit(_described(error, file))


def _described(error: BaseException, file: str) -> str:
    """An error, and the last line of the learner's file that led to it."""
    lines = [
        each.lineno for each in traceback.extract_tb(error.__traceback__) if each.filename == file
    ]
    number = error.lineno if isinstance(error, SyntaxError) else lines[-1] if lines else None
    where = "" if number is None else f", line {number}"
    problem = error.msg if isinstance(error, SyntaxError) else " ".join(str(error).split())
    return f"{Path(file).name}{where}: {type(error).__name__}: {problem}"


if __name__ == "__main__":
    _main(*sys.argv[1:])
