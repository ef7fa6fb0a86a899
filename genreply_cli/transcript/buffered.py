"""Writes a transcript from a thread, so that a busy program does not wait for the disk each time.

What is lost if the program is killed are the steps of the last 50 milliseconds at most.
"""

import os
import threading
import weakref
from collections import deque
from typing import Any, Final

from genreply_cli.streams import write_all
from genreply_cli.transcript.writer import Writer

FLUSH_SECONDS: Final = 0.02  # half of what is promised: the thread must also get its turn
MAX_BUFFERED: Final = 1 << 20  # characters; more are written at once


class BufferedWriter(Writer):
    """A `Writer` whose lines are written together, soon after the first of them.

    A failure to write is raised by the next `write`, or by `close`. In a child of `os.fork` it
    writes nothing: the file is that of the parent.
    """

    def __init__(self, *arguments: Any, **options: Any) -> None:
        self._lock = threading.Lock()
        self._lines: deque[str] = deque()  # appending to it needs no lock
        self._buffered = 0  # characters, or more
        self._pending = threading.Event()
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None
        self._failure: OSError | None = None
        super().__init__(*arguments, **options)
        self.flush()
        _writers.add(self)

    def _put(self, line: str) -> None:
        if self._stream is not None:
            super()._put(line)
            return
        if self._failure is not None:
            self._raise_failure()
        if self._file is None:  # a child of os.fork
            return
        self._lines.append(line)
        self._buffered += len(line)
        if self._buffered > MAX_BUFFERED:
            self.flush()
            self._raise_failure()
        elif not self._pending.is_set():
            self._pending.set()
            if self._thread is None:
                self._begin()

    def flush(self) -> None:
        """Write what has been buffered. A failure is kept, and raised by the next `write`."""
        with self._lock:
            self._buffered = 0
            lines = [self._lines.popleft() for _ in range(len(self._lines))]
            if lines and self._file is not None:
                try:
                    write_all(self._file.fileno(), ("\n".join(lines) + "\n").encode())
                except OSError as error:
                    self._failure = error

    def close(self) -> None:
        """Write what is left, and close the file. Raises OSError if it cannot be written."""
        _writers.discard(self)
        self.pause()
        super().close()
        self._raise_failure()

    def pause(self) -> None:
        """Write what is left, and end the thread until there is more to write."""
        thread, self._thread = self._thread, None
        if thread is not None:
            self._stop.set()
            self._pending.set()
            thread.join()
        self._pending.clear()
        self.flush()

    def leave_to_parent(self) -> None:
        """Write nothing more: this process is a child, and the file is that of its parent."""
        if self._file is not None:
            self._file.close()
            self._file = None

    def _begin(self) -> None:
        self._stop.clear()
        self._thread = threading.Thread(target=self._run, name="genreply recording", daemon=True)
        self._thread.start()

    def _run(self) -> None:
        while not self._stop.is_set():  # `pause` may have set it before the line that clears
            self._pending.wait()
            if self._stop.wait(FLUSH_SECONDS):
                return
            self._pending.clear()
            self.flush()

    def _raise_failure(self) -> None:
        failure, self._failure = self._failure, None
        if failure is not None:
            raise failure


_writers: "weakref.WeakSet[BufferedWriter]" = weakref.WeakSet()


def _before_fork() -> None:
    for writer in list(_writers):  # no thread, no lock and no line is there to be copied
        writer.pause()


def _after_fork_in_child() -> None:
    for writer in list(_writers):
        writer.leave_to_parent()
    _writers.clear()


os.register_at_fork(before=_before_fork, after_in_child=_after_fork_in_child)
