"""Standard streams that lose nothing: they wait for a slow reader, and tell when there is none."""

import io
import os
import sys
import time
from typing import TYPE_CHECKING, TextIO

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer


class StdoutError(OSError):
    """Standard output takes no more: its reader has gone (EPIPE), or the disk is full."""


class Output(io.RawIOBase):
    """A standard stream that is written to.

    The write that fails first raises StdoutError, if the stream is `needed`; what comes later goes
    nowhere. So each exit status can still be given, and the interpreter finds nothing to complain
    of when it ends.
    """

    def __init__(self, stream: TextIO, *, needed: bool) -> None:
        super().__init__()
        self._descriptor = stream.fileno()
        self._needed = needed
        self.name = stream.name
        self.mode = "wb"
        self.failure: StdoutError | None = None
        self.discards = False  # from now on, what is written goes nowhere

    def write(self, data: "ReadableBuffer") -> int:
        """Write a part of the data, at least one byte. Returns its length."""
        if not self.discards:
            try:
                return write_some(self._descriptor, data)
            except OSError as error:
                self.discards = True
                self.failure = StdoutError(error.errno, error.strerror, "standard output")
                if self._needed:
                    raise self.failure from None
        return memoryview(data).nbytes

    def fileno(self) -> int:
        return self._descriptor

    def isatty(self) -> bool:
        return os.isatty(self._descriptor)

    def writable(self) -> bool:
        return True


def open_streams() -> Output | None:
    """Set up stdin, stdout and stderr. Returns what is below stdout; None if it is closed.

    Text that an encoding cannot hold is written as escapes. What stderr does not take is lost.
    """
    sys.stdin = sys.stdin or open(os.devnull)  # noqa: SIM115, PTH123  # open until the program ends
    if sys.stderr is None:  # the parent process has closed it
        sys.stderr = open(os.devnull, "w")  # noqa: SIM115, PTH123
    else:
        sys.stderr = _text(Output(sys.stderr, needed=False), sys.stderr)
    if sys.stdout is None:
        return None
    output = Output(sys.stdout, needed=True)
    sys.stdout = _text(output, sys.stdout)
    return output


def _text(output: Output, stream: TextIO) -> TextIO:
    """A stream of text that encodes and buffers like another one."""
    assert isinstance(stream, io.TextIOWrapper)
    return io.TextIOWrapper(
        io.BufferedWriter(output),
        encoding=stream.encoding,
        errors="backslashreplace",
        newline="\n",
        line_buffering=stream.line_buffering or stream.write_through,  # PYTHONUNBUFFERED
    )


def descriptor_of(path: "str | os.PathLike[str]") -> int | None:
    """The open descriptor that a name such as `/dev/stdout` or `/dev/fd/3` stands for, or None.

    To open the name of a file in this way would begin at its start again, and overwrite what others
    have written; a copy of the descriptor continues where they are.
    """
    folders = {os.path.realpath("/dev/fd"), os.path.realpath("/proc/self/fd")}
    name = os.fspath(path)
    for _ in range(10):  # links, one leading to the next
        folder, last = os.path.split(os.path.abspath(name))  # noqa: PTH100  # a `..` counts as typed
        if last.isdecimal() and os.path.realpath(folder) in folders:
            return int(last)
        try:
            name = os.path.join(folder, os.readlink(name))  # noqa: PTH115, PTH118  # no Path: speed
        except (OSError, ValueError):  # it is no link
            return None
    return None


class Waited:
    """For how long this process has waited for those that read what it writes."""

    seconds = 0.0


def write_some(descriptor: int, data: "ReadableBuffer") -> int:
    """Write a part of the data, and wait for a slow reader, even if the descriptor does not block.

    Returns the number of bytes, which is at least 1. Raises OSError.
    """
    began = time.monotonic()
    try:
        while True:
            try:
                return os.write(descriptor, data)
            except BlockingIOError:
                _wait_until_writable(descriptor)
    finally:
        Waited.seconds += time.monotonic() - began


def write_all(descriptor: int, data: bytes) -> None:
    """Write all of the data, like `write_some`. Raises OSError."""
    rest = memoryview(data)
    while rest:
        rest = rest[write_some(descriptor, rest) :]


def _wait_until_writable(descriptor: int) -> None:
    import select

    poll = select.poll()
    poll.register(descriptor, select.POLLOUT)
    poll.poll()
