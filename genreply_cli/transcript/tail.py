"""Reads the steps of a transcript that is still being written, as they come.

    async for item in follow(path, wait):    # first the header, then the steps
        …

The standard library cannot watch a file for changes, so it is read again and again: `wait` is
awaited in between.
"""

import io
import os
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from pathlib import Path
from typing import Final

from genreply_cli.transcript.format import Header, ToStep, from_line, to_step
from genreply_cli.transcript.reader import MAX_HEADER_BYTES, Steps, read
from genreply_cli.transcript.step import Step

BEGINNING_BYTES: Final = 512  # of a file, which tell one recording from another
CHUNK_BYTES: Final = 1 << 20
POLL_SECONDS: Final = 0.1  # between two reads; people do not notice a shorter delay


async def follow(
    path: Path | None,
    wait: Callable[[], Awaitable[object]],
    newest: Callable[[], Path | None] | None = None,
) -> AsyncIterator[Header | Step]:
    """Yield the header and the steps of a transcript, until its `end`. Raises TranscriptError.

    `newest` finds the latest transcript. With it, the reader changes to each newer transcript as
    soon as there is one, and never ends.
    """
    while True:
        while path is None or not _exists(path):  # there is no transcript yet
            path = path if newest is None else newest()
            if path is None or not _exists(path):
                await wait()
        tail = _Tail(path)
        try:
            while not tail.replaced():
                for item in tail.read_new():
                    yield item
                if newest is None and tail.ended:
                    return
                later = None if newest is None else newest()
                if later is not None and later != path:
                    for item in tail.read_new():  # written in the meantime
                        yield item
                    path = later
                    break
                await wait()
        finally:
            tail.close()


def _exists(path: Path) -> bool:
    return path.exists()


class GrowingFile:
    """A file that another program writes. Raises TranscriptError if it cannot be opened."""

    def __init__(self, path: Path) -> None:
        self._path = path
        try:
            self.file = path.open("rb", buffering=0)
        except OSError:
            read(path)[1].close()  # raises the same error as a sentence
            raise
        self._beginning = b""  # as far as it has been seen
        self._size = 0  # the most bytes that were there at once

    def replaced(self) -> bool:
        """Whether another recording has taken its place.

        The file has become shorter, it begins with another line, or the path leads to another file.
        """
        here = os.fstat(self.file.fileno())
        beginning = os.pread(self.file.fileno(), BEGINNING_BYTES, 0)
        if here.st_size < self._size or not beginning.startswith(self._beginning):
            return True
        self._size, self._beginning = here.st_size, beginning
        try:
            there = self._path.stat()
        except OSError:  # it was removed, and perhaps another one is about to come
            return False
        return (there.st_dev, there.st_ino) != (here.st_dev, here.st_ino)

    def close(self) -> None:
        self.file.close()


class _Tail:
    """The header and the steps of a file that grows."""

    def __init__(self, path: Path) -> None:
        self._growing = GrowingFile(path)
        self._file = self._growing.file
        self._name = str(path)
        self._incomplete: list[bytes] = []  # the pieces of a line that has no end yet
        self._line = 0
        self._convert: ToStep = to_step
        self.ended = False  # the last step was an `end`

    def read_new(self) -> Iterator[Header | Step]:
        """The header and the steps that were written since the last time."""
        while data := self._file.read(CHUNK_BYTES):
            *lines, rest = data.split(b"\n")
            for line in lines:
                yield from self._parse(b"".join([*self._incomplete, line]))
                self._incomplete.clear()
            self._incomplete.append(rest)
            if not self._line and sum(map(len, self._incomplete)) >= MAX_HEADER_BYTES:
                yield from self._parse(b"".join(self._incomplete))

    def _parse(self, line: bytes) -> Iterator[Header | Step]:
        self._line += 1
        if self._line == 1:
            steps = Steps(io.BytesIO(line + b"\n"), self._name)
            self._convert = steps.convert
            yield steps.header
            yield from steps  # the first line, if it is no header
        elif line.strip():
            step = from_line(line, self._name, self._line, self._convert)
            self.ended = step.kind == "end"
            yield step

    def replaced(self) -> bool:
        """Whether another recording has taken the place of the file."""
        return self._growing.replaced()

    def close(self) -> None:
        self._growing.close()
