"""Writes the header and the steps of a transcript to a file or a stream, line by line."""

import errno
import os
import sys
import time
from contextlib import suppress
from fcntl import LOCK_EX, LOCK_NB, flock
from pathlib import Path
from types import TracebackType
from typing import IO, Any, BinaryIO, Self

from genreply_cli.errors import os_error_text
from genreply_cli.streams import descriptor_of, write_all
from genreply_cli.transcript.format import (
    VERSION,
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

    The file is locked until it is closed: two writers would mix their lines.

    Raises TranscriptError if the file cannot be opened or another writer has it, and the OSError of
    a failed write.
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
        if isinstance(target, str | os.PathLike) and descriptor_of(target) == 1:
            target = sys.stdout  # it may be a file that is written to by other programs, too
        if isinstance(target, str | os.PathLike):
            self._file, fresh = _open_to_write(Path(target), overwrite=overwrite, append=append)
        else:
            self._stream = target
            self._ascii = "utf" not in (getattr(target, "encoding", None) or "utf-8").lower()
        if fresh:
            try:
                self._put(header_line(header or Header()))
            except BaseException:
                self.close()
                raise

    def write(self, step: Step) -> None:
        """Write one line."""
        self._put(to_line(step))

    def _put(self, line: str) -> None:
        if self._file is not None:
            write_all(self._file.fileno(), line.encode() + b"\n")
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
        descriptor = descriptor_of(path)
        if descriptor is not None:
            return os.fdopen(os.dup(descriptor), "wb", buffering=0), True
        if path.is_dir():
            raise IsADirectoryError(errno.EISDIR, "is a directory")
        device = path.exists() and not path.is_file()  # /dev/null or a pipe: nothing is overwritten
        flags, mode = (os.O_RDWR, "r+b") if append and not device else (os.O_WRONLY, "wb")
        flags |= os.O_CREAT | (0 if device or overwrite or append else os.O_EXCL)
        # unbuffered: a line that does not fit on the disk is not written again later
        file: Any = os.fdopen(os.open(path, flags, 0o600), mode, buffering=0)
        try:
            return file, device or _prepare(file, path, append=append)
        except BaseException:
            file.close()
            raise
    except FileExistsError:
        raise TranscriptExistsError(
            "exists already; overwrite it, append to it, or choose another name", str(path)
        ) from None
    except (OSError, ValueError) as error:
        raise TranscriptError(f"cannot be written: {os_error_text(error)}", str(path)) from error


def _prepare(file: BinaryIO, path: Path, *, append: bool) -> bool:
    """Lock the file, and go to where the first line is written. Returns whether it is now empty."""
    _lock(file, path)
    if append and os.fstat(file.fileno()).st_size:
        _check_can_append(path)
        _seek_to_append_point(file)
        return False
    file.truncate(0)
    with suppress(PermissionError):  # the file of another user, which may be written to
        os.fchmod(file.fileno(), 0o600)
    return True


def _lock(file: BinaryIO, path: Path) -> None:
    """Keep other writers out until the file is closed. Raises TranscriptError if there is one."""
    try:
        flock(file, LOCK_EX | LOCK_NB)
    except BlockingIOError:
        problem = "is being written by another program; wait for its end, or choose another name"
        raise TranscriptError(problem, str(path)) from None
    except OSError:
        pass  # a file system without locks


def _check_can_append(path: Path) -> None:
    """Raise TranscriptError unless the file is a transcript that this program can continue."""
    header, steps = read(path)
    steps.close()
    if header.foreign:
        raise TranscriptError("another program wrote it; choose another name", str(path))
    if header.version != VERSION:
        raise TranscriptError(
            f"is a transcript of version {header.version}, and is not continued with version"
            f" {VERSION}; choose another name",
            str(path),
        )


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
