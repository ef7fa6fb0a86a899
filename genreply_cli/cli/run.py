"""`genreply run`, as people type it: a program of their own, recorded and drawn as it runs.

The program takes the place of this process, and the environment asks for the recording. So its exit
status, its signals, its stdin and its stdout are those that it has under Python.
"""

import os
import sys
from collections.abc import Callable
from itertools import count
from pathlib import Path
from typing import Annotated

import typer

from genreply_cli.cli.options import OverwriteOption, RecordOption, option
from genreply_cli.errors import ExitStatus, GenreplyError

EPILOG = (
    "genreply run -m package --flag runs a module. Options of genreply stand before the program;"
    " all that follows it is the program's. Each node and each process gets a file: run.jsonl,"
    " run-2.jsonl; --overwrite replaces all of them. A kill loses the last 50 ms of a recording at"
    " most. The exit status is that of the program; 1 the file exists, 2 a mistake in what was"
    " typed."
)


def run(
    program: Annotated[
        list[str],
        typer.Argument(
            metavar="app.py ARG...", help="The program and its arguments, as for python."
        ),
    ],
    module: Annotated[
        bool, typer.Option("-m", help="Run a module by its name, as python -m does.")
    ] = False,
    timeline: Annotated[
        bool | None,
        option(
            "--timeline/--no-timeline",
            help="Draw the timeline on stderr.",
            show_default="without --record",
        ),
    ] = None,
    record: RecordOption = None,
    overwrite: OverwriteOption = False,
    redact: Annotated[
        str | None,
        option(
            "--redact",
            metavar="REGEX",
            help="Record and draw *** in place of each text that matches.",
        ),
    ] = None,
) -> Callable[[], int]:
    """Run a Python program, and record its GenServers or draw their timeline on stderr."""
    if redact is not None:
        _check_pattern(redact)
    asked = dict(os.environ)
    for name in ("GENREPLY_RECORD", "GENREPLY_TIMELINE", "GENREPLY_REDACT"):
        asked.pop(name, None)
    if record is not None:
        asked["GENREPLY_RECORD"] = str(Path(record).absolute())
    if timeline or (timeline is None and record is None):
        asked["GENREPLY_TIMELINE"] = "1"
    if redact is not None:
        asked["GENREPLY_REDACT"] = redact
    return lambda: _become([*(["-m"] if module else ["--"]), *program], asked, record, overwrite)


def _become(
    arguments: list[str], environment: dict[str, str], record: str | None, overwrite: bool
) -> int:
    """Let the program take the place of this process."""
    if record is not None and Path(record).is_file():
        if not overwrite:
            raise GenreplyError(f"{record}: exists already", hint="--overwrite, or another name")
        for path in _of_earlier_run(Path(record)):
            path.unlink()
    sys.stdout.flush()
    sys.stderr.flush()
    os.execve(sys.executable, [sys.executable, *arguments], environment)  # noqa: S606  # no shell


def _of_earlier_run(record: Path) -> list[Path]:
    """The file, and the transcripts run-2.jsonl, run-3.jsonl … of its other nodes."""
    from genreply_cli.observe.watch import numbered
    from genreply_cli.transcript.format import TranscriptError
    from genreply_cli.transcript.reader import read

    found = [record]
    for number in count(2):
        path = numbered(record, number)
        try:
            header, steps = read(str(path))
        except (TranscriptError, OSError):  # there is none, or it is no transcript
            return found
        steps.close()
        if header.foreign:
            return found
        found.append(path)
    return found


def _check_pattern(pattern: str) -> None:
    import re

    try:
        re.compile(pattern)
    except re.error as error:
        raise GenreplyError(
            f"--redact {pattern} is no regular expression: {error}", exit_code=ExitStatus.USAGE
        ) from None
