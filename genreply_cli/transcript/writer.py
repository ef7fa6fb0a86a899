"""Steps -> a file, line by line."""

import errno
import os
import re
import time
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import IO, BinaryIO, Self

from genreply_cli.errors import os_error_text
from genreply_cli.transcript.format import (
    Header,
    TranscriptError,
    _escape,
    header_line,
    parse,
    to_line,
)
from genreply_cli.transcript.reader import read
from genreply_cli.transcript.step import Step


def timestamp(clock: str = "real") -> str:
    """When a header says it was made: now, or on the virtual clock, where equal runs give equal bytes, always the same."""
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(0 if clock == "virtual" else None))


class Writer:
    """Writes steps as they come, each with one write and a flush, so a killed recording lacks its last line at most.

    `target` is a path, or a text stream, which is left open. A file that exists is refused, unless it may be overwritten, or
    appended to: then its header stays, and a cut last line is taken off first. Show its steps to `Tracer.after`, so that the new
    ones follow. Raises TranscriptError if the file cannot be opened, and the OSError of a write that failed.
    """

    def __init__(
        self,
        target: "str | os.PathLike[str] | IO[str]",
        header: Header | None = None,
        *,
        overwrite: bool = False,
        append: bool = False,
    ) -> None:
        self._file: BinaryIO | None = None
        self._stream: IO[str] | None = None
        self._ascii = False
        fresh = True
        if isinstance(target, str | os.PathLike):
            self._file, fresh = _open_to_write(Path(target), overwrite=overwrite, append=append)
        else:
            self._stream = target
            self._ascii = "utf" not in (getattr(target, "encoding", None) or "utf-8").lower()
        if fresh:
            self._put(header_line(header or Header()))

    def write(self, step: Step) -> None:
        """One more line."""
        self._put(to_line(step))

    def _put(self, line: str) -> None:
        if self._file is not None:
            self._file.write(line.encode() + b"\n")
            self._file.flush()
        elif self._stream is not None:
            self._stream.write(
                (re.sub(r"[^\x00-\x7f]", _escape, line) if self._ascii else line) + "\n"
            )
            self._stream.flush()

    def close(self) -> None:
        """Close the file; a stream stays open."""
        if self._file is not None:
            self._file.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


def _open_to_write(path: Path, *, overwrite: bool, append: bool) -> tuple[BinaryIO, bool]:
    """The file, and whether it still needs a header."""
    try:
        if path.is_dir():
            raise IsADirectoryError(errno.EISDIR, "is a directory")
        if append and path.is_file() and path.stat().st_size:
            read(path)[1].close()  # it is a transcript
            file = path.open("r+b", buffering=0)
            _seek_to_append_point(file)
            return file, False
        device = (
            path.exists() and not path.is_file() and not path.is_dir()
        )  # /dev/null, a pipe: nothing is lost
        how = 0 if device else os.O_TRUNC if overwrite or append else os.O_EXCL
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | how, 0o600)
        if not device:
            with suppress(PermissionError):  # somebody else's file, which we may write to
                os.fchmod(descriptor, 0o600)
        return os.fdopen(
            descriptor, "wb", buffering=0
        ), True  # 0: a line that does not fit is not tried again
    except FileExistsError:
        raise TranscriptError(
            "exists already; overwrite it, append to it, or choose another name", str(path)
        ) from None
    except (OSError, ValueError) as error:
        raise TranscriptError(f"cannot be written: {os_error_text(error)}", str(path)) from error


def _seek_to_append_point(file: BinaryIO) -> None:
    """Where the next line begins: after the last one, or in the place of one that is cut."""
    start = file.seek(0, os.SEEK_END)
    tail = b""
    while start and b"\n" not in tail.rstrip():
        block = min(start, 1 << 16)
        start = file.seek(start - block)
        tail = file.read(block) + tail
    lines = tail.rstrip()
    last = lines.rfind(b"\n") + 1
    try:
        parse(lines[last:].decode())
    except (ValueError, RecursionError):
        file.truncate(file.seek(start + last))
    else:
        file.truncate(file.seek(start + len(lines)))
        file.write(b"\n")
