"""Opens the transcript that a name stands for: a file, a sample, or stdin."""

import os
import shlex
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from pathlib import Path
from typing import IO

from genreply_cli import paths
from genreply_cli.errors import ExitStatus, GenreplyError, os_error_text, tell
from genreply_cli.session.parsing import closest
from genreply_cli.terminal.output import OutputOptions
from genreply_cli.terminal.progress import ProgressBar
from genreply_cli.text import counted, visible
from genreply_cli.transcript.filters import Filters
from genreply_cli.transcript.format import TranscriptError, header_line, to_line
from genreply_cli.transcript.reader import Steps, read
from genreply_cli.transcript.step import Step

SAMPLES = "genreply trace --list shows the samples"
MIN_BYTES_FOR_PROGRESS = 8 << 20  # bytes; reading more is shown by a progress bar
STEPS_BETWEEN_LOOKS = 1024  # steps between two looks at how far it has come


def invalid(error: TranscriptError) -> GenreplyError:
    """The sentence and the exit status for a transcript that cannot be read."""
    hint: str | None = SAMPLES
    if error.line is not None:
        file = shlex.quote(error.file)
        is_file = Path(error.file).exists()  # and not stdin, which has been read
        hint = f"genreply trace {file} --check tells all that is wrong with it" if is_file else None
    return GenreplyError(str(error), hint=hint, exit_code=ExitStatus.INVALID)


def open_transcript(source: str, bad: Callable[[TranscriptError], object] | None = None) -> Steps:
    """The steps of a file, of a sample, or of stdin (`-`). Raises GenreplyError with a sentence.

    A line that is no step is given to `bad` and left out; without `bad` it raises TranscriptError.
    """
    stream: str | IO[bytes] = source
    if source == "-":
        stream = sys.stdin.buffer
    elif is_sample(source):
        stream = str(paths.samples()[source])
    elif not os.path.lexists(source):
        session = _numbered_session(source)
        if session is not None:
            return open_transcript(str(session), bad)
        raise _unknown(source, list(paths.samples()))
    try:
        return (read(stream) if bad is None else read(stream, bad))[1]
    except TranscriptError as error:
        raise invalid(error) from None


def is_sample(source: str) -> bool:
    """Whether a name stands for a sample: no file has it. A folder is no transcript."""
    path = Path(source)
    return (not os.path.lexists(path) or path.is_dir()) and source in paths.samples()


def open_salvaged(source: str) -> Steps:
    """The steps of the lines that can be read. The others are named on stderr, and left out."""
    with ExitStack() as stack:
        copy = stack.enter_context(tempfile.TemporaryFile())
        steps = Steps(copy, _salvage(source, copy), copy.close)
        stack.pop_all()  # the steps close it
    return steps


def open_with_causes(
    source: str, filters: Filters, *, skip_bad: bool = False
) -> tuple[Steps, frozenset[int]]:
    """The steps, and the numbers (`seq`) of those that led to what `filters` show.

    The transcript is read twice. What can be read only once is copied to a temporary file, and so
    is one of which lines are left out, with `skip_bad`.
    """
    path = Path(source)
    is_pipe = path.exists() and not path.is_file() and not path.is_dir()
    if source != "-" and not is_pipe and not skip_bad:
        with closing(open_transcript(source)) as steps:
            causes = _causes(steps, filters)
        return open_transcript(source), causes
    with ExitStack() as stack:
        copy = stack.enter_context(tempfile.TemporaryFile())
        name = _salvage(source, copy) if skip_bad else _copy(source, copy)
        try:
            causes = _causes(Steps(copy, name), filters)
            copy.seek(0)
            steps = Steps(copy, name, copy.close)
        except TranscriptError as error:
            raise invalid(error) from None
        stack.pop_all()  # the steps close it
    return steps, causes


def _salvage(source: str, copy: IO[bytes]) -> str:
    """Copy the lines that can be read, and name the others on stderr. Returns the name."""

    def leave_out(error: TranscriptError) -> None:
        tell(f"note: left out: {error}")

    with closing(open_transcript(source, leave_out)) as steps:
        copy.write(header_line(steps.header).encode() + b"\n")
        for step in steps:
            copy.write(to_line(step).encode() + b"\n")
    copy.seek(0)
    return steps.file


def _copy(source: str, copy: IO[bytes]) -> str:
    """Copy stdin (`-`) or a pipe. Returns its name. Raises GenreplyError."""
    if source == "-":
        stream: IO[bytes] = sys.stdin.buffer
        name = getattr(stream, "name", None)
        shutil.copyfileobj(stream, copy)
    else:
        name = source
        try:
            with Path(source).open("rb") as stream:
                shutil.copyfileobj(stream, copy)
        except OSError as error:
            problem = f"{visible(source)}: cannot be read: {os_error_text(error)}"
            raise GenreplyError(problem, exit_code=ExitStatus.INVALID) from error
    copy.seek(0)
    return name if isinstance(name, str) else "the transcript"


def _causes(steps: Steps, filters: Filters) -> frozenset[int]:
    """Those that are found before a line that cannot be read."""
    try:
        return filters.causes(steps)
    except TranscriptError:
        return frozenset()


def _numbered_session(source: str) -> Path | None:
    """The session of a number of `trace --list`; None if it is no number. Raises GenreplyError."""
    if not (source.isascii() and source.isdecimal()):
        return None
    sessions = paths.sessions()
    if not 1 <= int(source) <= len(sessions):
        count = counted(len(sessions), "session")
        raise GenreplyError(
            f"{source}: there is no such file, and {count} to replay by number",
            hint="genreply trace --list shows them",
            exit_code=ExitStatus.INVALID,
        )
    return sessions[int(source) - 1]


def _unknown(source: str, samples: list[str]) -> GenreplyError:
    close = closest(source, samples)
    hint = f"did you mean the sample {close}? try: genreply trace {close}" if close else SAMPLES
    return GenreplyError(
        f"{source}: there is no such file, and no sample of that name",
        hint=hint,
        exit_code=ExitStatus.INVALID,
    )


class WithProgress:
    """The steps of a transcript. While a big file is read, a terminal on stderr shows progress."""

    def __init__(self, steps: Steps, output_options: OutputOptions | None = None) -> None:
        self.steps = steps
        self._output_options = output_options
        self._bar: ProgressBar | None = None

    def __iter__(self) -> Iterator[Step]:
        size = _size(self.steps.lines)
        if size >= MIN_BYTES_FOR_PROGRESS and sys.stderr.isatty():
            return self._counted(size)
        return iter(self.steps)

    def _counted(self, size: int) -> Iterator[Step]:
        shown = 0
        with ProgressBar(sys.stderr, 100, self._output_options) as self._bar:
            for number, step in enumerate(self.steps):
                if not number % STEPS_BETWEEN_LOOKS:
                    while shown < 100 * self.steps.lines.tell() // size:
                        shown += 1
                        self._bar.advance()
                yield step

    def stop_showing(self) -> None:
        """Show no progress from now on: something else is written to the terminal."""
        if self._bar is not None:
            self._bar.close()


def _size(file: IO[str] | IO[bytes]) -> int:
    """The bytes of a file; 0 where that cannot be known."""
    try:
        return os.fstat(file.fileno()).st_size if file.seekable() else 0
    except (OSError, ValueError, AttributeError):
        return 0
