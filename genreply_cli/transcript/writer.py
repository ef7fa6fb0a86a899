"""Writes the header and the steps of a transcript to a file or a stream, line by line."""

import errno
import os
import time
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import IO, BinaryIO, Self

from genreply_cli.errors import os_error_text
from genreply_cli.transcript.format import (
    Header,
    TranscriptError,
    TranscriptExistsError,
    header_line,
    parse,
    to_ascii,
    to_line,
)
from genreply_cli.transcript.reader import read
from genreply_cli.transcript.step import Step


def timestamp(clock: str = "real") -> str:
    """The time for a header: now, in UTC.

    On the virtual clock it is always the same, so that equal runs give equal bytes.
    """
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(0 if clock == "virtual" else None))


class Writer:
    """Writes each step at once, so a killed recording lacks its last line at most.

    `target` is a path, or a text stream, which is left open. A file that exists is refused, unless
    `overwrite` or `append` is true. `append` keeps the header and removes a cut last line; pass the
    steps of the file to `Tracer.continue_after`, so that the new ones follow them.

    Raises TranscriptError if the file cannot be opened, and the OSError of a failed write.
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
        """Write one line."""
        self._put(to_line(step))

    def _put(self, line: str) -> None:
        if self._file is not None:
            self._file.write(line.encode() + b"\n")
            self._file.flush()
        elif self._stream is not None:
            self._stream.write((to_ascii(line) if self._ascii else line) + "\n")
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
    """The opened file, and whether it needs a header."""
    try:
        if path.is_dir():
            raise IsADirectoryError(errno.EISDIR, "is a directory")
        if append and path.is_file() and path.stat().st_size:
            header, steps = read(path)  # it is a transcript
            steps.close()
            if header.foreign:
                raise TranscriptError("another program wrote it; choose another name", str(path))
            file = path.open("r+b", buffering=0)
            _seek_to_append_point(file)
            return file, False
        device = path.exists() and not path.is_file()  # /dev/null or a pipe: nothing is overwritten
        flags = 0 if device else os.O_TRUNC if overwrite or append else os.O_EXCL
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | flags, 0o600)
        if not device:
            with suppress(PermissionError):  # the file of another user, which may be written to
                os.fchmod(descriptor, 0o600)
        # unbuffered: a line that does not fit on the disk is not written again later
        return os.fdopen(descriptor, "wb", buffering=0), True
    except FileExistsError:
        raise TranscriptExistsError(
            "exists already; overwrite it, append to it, or choose another name", str(path)
        ) from None
    except (OSError, ValueError) as error:
        raise TranscriptError(f"cannot be written: {os_error_text(error)}", str(path)) from error


def _seek_to_append_point(file: BinaryIO) -> None:
    """Go to where the next line begins: after the last line, or in its place if it is cut."""
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
