"""The steps of a transcript that is still being written, as they come.

    async for one in follow(path, wait):    # first the header, then the steps
        …

The standard library cannot be told of a change of a file, so it is looked at again and again: `wait` is awaited in between.
"""

import io
import os
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from pathlib import Path
from typing import Final

from genreply_cli.transcript.format import Header, from_line
from genreply_cli.transcript.reader import MAX_HEADER_BYTES, Steps, read
from genreply_cli.transcript.step import Step

CHUNK_BYTES: Final = 1 << 20  # bytes
POLL_SECONDS: Final = 0.1  # seconds between two looks; nobody sees a shorter delay


async def follow(
    path: Path | None,
    wait: Callable[[], Awaitable[object]],
    newest: Callable[[], Path | None] | None = None,
) -> AsyncIterator[Header | Step]:
    """The header and the steps of a transcript, up to its end, which is waited for. Raises TranscriptError.

    With `newest`, which finds the latest transcript, it goes on with that one as soon as it is another, and never ends.
    """
    while True:
        while path is None:  # nobody has recorded anything yet
            path = None if newest is None else newest()
            if path is None:
                await wait()
        tail = _Tail(path)
        try:
            while not tail.replaced():
                for one in tail.come():
                    yield one
                if newest is None and tail.ended:
                    return
                later = None if newest is None else newest()
                if later is not None and later != path:
                    for one in tail.come():  # what was written meanwhile
                        yield one
                    path = later
                    break
                await wait()
        finally:
            tail.close()


class _Tail:
    """A transcript of which more and more is there."""

    def __init__(self, path: Path) -> None:
        try:
            self._file = path.open("rb", buffering=0)
        except OSError:
            read(path)[1].close()  # says what is wrong with it
            raise
        self._name = str(path)
        self._cut: list[bytes] = []  # what is there of a line
        self._line = 0
        self.ended = False

    def come(self) -> Iterator[Header | Step]:
        """What has come since."""
        while data := self._file.read(CHUNK_BYTES):
            *lines, rest = data.split(b"\n")
            for line in lines:
                yield from self._whole(b"".join([*self._cut, line]))
                self._cut.clear()
            self._cut.append(rest)
            if not self._line and sum(map(len, self._cut)) >= MAX_HEADER_BYTES:
                yield from self._whole(b"".join(self._cut))

    def _whole(self, line: bytes) -> Iterator[Header | Step]:
        self._line += 1
        if self._line == 1:
            yield Steps(io.BytesIO(line + b"\n"), self._name, lambda: None).header
        elif line.strip():
            step = from_line(line, self._name, self._line)
            self.ended = step.kind == "end"
            yield step

    def replaced(self) -> bool:
        """Whether the file has been begun anew."""
        return os.fstat(self._file.fileno()).st_size < self._file.tell()

    def close(self) -> None:
        self._file.close()
