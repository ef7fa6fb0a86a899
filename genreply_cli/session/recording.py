"""A session's transcript file."""

from collections.abc import Iterator
from pathlib import Path

from genreply_cli import __version__
from genreply_cli.errors import GenreplyError, os_error_text
from genreply_cli.session.settings import Settings
from genreply_cli.transcript.format import Header, TranscriptError
from genreply_cli.transcript.reader import read
from genreply_cli.transcript.step import Step
from genreply_cli.transcript.writer import Writer, timestamp


def header(settings: Settings, title: str | None = None) -> Header:
    """The first line of a transcript of a session."""
    plain = {
        "coordinator": settings.coordinator,
        "delay": list(settings.delay),
        "timeout": settings.timeout,
        "faults": [str(fault) for fault in settings.faults],
    }
    return Header(
        timestamp(settings.clock),
        f"genreply {__version__}",
        title,
        settings.clock,
        settings.seed,
        plain,
    )


def read_existing_steps(path: str) -> Iterator[Step]:
    """What a file that is to be continued has recorded so far. Raises GenreplyError."""
    if Path(path).is_file() and Path(path).stat().st_size:
        try:
            yield from read(path)[1]
        except TranscriptError as error:
            raise GenreplyError(str(error)) from None


def recording(
    path: str, settings: Settings, *, overwrite: bool = False, append: bool = False, hint: str = ""
) -> Writer:
    """A new recording. Raises GenreplyError with a sentence; the hint is for a file that exists."""
    try:
        return Writer(path, header(settings), overwrite=overwrite, append=append)
    except TranscriptError as error:
        raise GenreplyError(
            str(error), hint=hint if "exists already" in str(error) else None
        ) from None
    except OSError as error:
        raise GenreplyError(f"{path}: cannot be written: {os_error_text(error)}") from None
