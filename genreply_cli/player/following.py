"""Finds the transcript that is being written, and notices when another one takes its place."""

from collections.abc import Callable
from pathlib import Path

from genreply_cli.transcript.index import Index
from genreply_cli.transcript.reader import MAX_HEADER_BYTES
from genreply_cli.transcript.tail import GrowingFile


class Follower:
    """Looks for a file that is being written; without a path, for the one that `newest` finds.

    With `newest`, it goes on to each newer file.
    """

    def __init__(self, path: Path | None, newest: Callable[[], Path | None] | None = None) -> None:
        self.path = path  # of the latest transcript that was found
        self._newest = newest
        self._growing: GrowingFile | None = None

    def poll(self) -> Index | None:
        """The index of a transcript that has begun since the last time, or None.

        Raises TranscriptError if it is none, or cannot be opened.
        """
        path = self.path if self._newest is None else self._newest()
        if path is None or not path.exists():
            return None
        if self._growing is not None:
            if path == self.path and not self._growing.replaced():
                return None
            self._growing.close()
            self._growing = None
        self.path = path
        growing = GrowingFile(path)
        try:
            index = _begun(growing, path)
        except BaseException:
            growing.close()
            raise
        if index is None:  # its first line is not whole yet
            growing.close()
        else:
            growing.replaced()  # from now on: remember how it begins
            self._growing = growing
        return index

    def close(self) -> None:
        """Close the file."""
        if self._growing is not None:
            self._growing.close()


def _begun(growing: GrowingFile, path: Path) -> Index | None:
    """The index of a file whose first line is whole, or None."""
    first = growing.file.readline(MAX_HEADER_BYTES)
    if not first.endswith(b"\n") and len(first) < MAX_HEADER_BYTES:
        return None
    return Index(growing.file, str(path), growing=True)
