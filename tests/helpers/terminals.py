"""Programs in a real pseudo-terminal, and an emulator that shows their screens."""

import contextlib
import io
import os
import re
import select
import shlex
import sys
import termios
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pexpect
import pyte

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer

LINES = 40
PATIENCE = 30  # seconds until what should be shown counts as missing

# Environment variables that change how the programs look; GENREPLY_* and LC_* do, too.
LOOKS = {
    "CI", "COLUMNS", "LINES", "NO_COLOR", "FORCE_COLOR", "ACCESSIBLE",
    "PYTHONIOENCODING", "PYTHONUTF8", "PYTHONUNBUFFERED", "PYTHONDONTWRITEBYTECODE",
}  # fmt: skip


def clean(environment: dict[str, str]) -> dict[str, str]:
    """These variables, and all of this process that do not change how the programs look."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if name not in LOOKS and not name.startswith(("GENREPLY_", "LC_"))
    }
    return {**kept, **environment}


def rewrap(screen: pyte.Screen, columns: int) -> None:
    """Wrap the rows of a screen again, as most terminals do when they become narrower.

    The cursor stays on the character it was on.
    """
    rows: list[str] = []
    for number, row in enumerate(screen.display):
        cells = row.rstrip()
        starts = range(0, max(1, len(cells)), columns)
        parts = [cells[start : start + columns] for start in starts]
        if number == screen.cursor.y:
            line, column = divmod(screen.cursor.x, columns)
            parts += [""] * (line + 1 - len(parts))
            cursor = len(rows) + line, column
        rows += parts
    while len(rows) > screen.lines and not rows[-1]:
        rows.pop()
    scrolled = max(0, len(rows) - screen.lines)
    screen.erase_in_display(2)
    for number, row in enumerate(rows[scrolled:]):
        screen.cursor_position(number + 1, 1)
        screen.draw(row)
    screen.cursor_position(cursor[0] - scrolled + 1, cursor[1] + 1)


Shown = str | re.Pattern[str] | Callable[[list[str]], bool]


def rows_of(screen: pyte.Screen) -> list[str]:
    """What a screen shows, without its empty rows. `screen.display` takes ten times as long."""
    cells = [screen.buffer[number] for number in range(screen.lines)]
    rows = ("".join(row[x].data for x in range(max(row, default=-1) + 1)) for row in cells)
    return [row.rstrip() for row in rows if row.strip()]


class Terminal:
    """A program in a terminal, and what its screen shows."""

    def __init__(
        self,
        arguments: list[str],
        columns: int,
        state: Path,
        environment: dict[str, str],
        lines: int = LINES,
        stdin: str = "",
        reader: str = "",
    ) -> None:
        """`stdin` is a file to read from, and `reader` a command to write to, where it is given."""
        command = shlex.join([sys.executable, "-m", "genreply_cli", *arguments])
        if stdin:
            command += f" < {shlex.quote(stdin)}"
        self.child = pexpect.spawn(
            "/bin/sh",
            ["-c", f"{command} | {reader}" if reader else f"exec {command}"],
            dimensions=(lines, columns),
            env=clean({"TERM": "xterm-256color", "XDG_STATE_HOME": str(state), **environment}),
            timeout=PATIENCE,
        )
        # a program is ready for keys when it shows what a test waits for
        self.child.delaybeforesend = None
        self.child.ptyproc.delayafterclose = 0
        self.screen = pyte.Screen(columns, lines)
        self.screen.write_process_input = self.child.send  # type: ignore[method-assign]  # answers to queries
        self.stream = pyte.ByteStream(self.screen)
        self.raw = b""
        self.rewraps = False  # whether it wraps its rows again when it becomes narrower

    @property
    def rows(self) -> list[str]:
        return rows_of(self.screen)

    def resize(self, columns: int, lines: int = LINES) -> None:
        """Make the window narrower or wider."""
        self.child.setwinsize(lines, columns)
        if self.rewraps:
            rewrap(self.screen, columns)
        self.screen.resize(lines=lines, columns=columns)

    def wait_for(self, *shown: Shown) -> list[str]:
        """Read until the screen shows all of this at once, and return the rows.

        Each is a part of a row, a pattern that a part of a row matches, or a condition for all
        rows. Choose what stays on the screen: more may have been written by then.
        """
        conditions = [_condition(each) for each in shown]
        until = time.monotonic() + PATIENCE
        rows = self.rows
        while not all(holds(rows) for holds in conditions):
            try:
                self._read(until - time.monotonic())
            except (pexpect.EOF, pexpect.TIMEOUT):
                raise AssertionError("\n".join(["it is not shown:", *rows])) from None
            rows = self.rows
        return rows

    def end(self) -> int:
        """Read until the program has ended, and return its exit status."""
        try:
            while True:
                self._read()
        except pexpect.EOF:
            self.child.wait()
            self.child.close()
        return int(
            self.child.exitstatus if self.child.exitstatus is not None else -self.child.signalstatus
        )

    def end_of_output(self) -> list[str]:
        """Read until the program writes no more, and return what the screen shows."""
        with contextlib.suppress(pexpect.EOF):
            while True:
                self._read()
        return self.rows

    def send_all(self, text: str) -> None:
        """Send more than a terminal takes at once, and read meanwhile."""
        data = text.encode()
        while data:
            readable, writable, _ = select.select(
                [self.child.child_fd], [self.child.child_fd], [], PATIENCE
            )
            if readable:
                self._read()
            if writable:
                data = data[os.write(self.child.child_fd, data[:1024]) :]

    def close(self) -> None:
        """Have the program end, if it has not."""
        if self.child.isalive():
            self.hang_up()
        self.child.close()

    def hang_up(self) -> None:
        """Take the terminal away, and wait until the program has ended."""
        self.child.ptyproc.fileobj.close()
        os.waitpid(self.child.pid, 0)
        self.child.child_fd, self.child.closed, self.child.terminated = -1, True, True
        self.child.ptyproc.terminated = self.child.ptyproc.closed = True

    def _read(self, seconds: float = PATIENCE) -> None:
        data = self.child.read_nonblocking(65536, timeout=max(0, seconds))
        self.raw += data
        self.stream.feed(data)


def _condition(shown: Shown) -> Callable[[list[str]], bool]:
    if isinstance(shown, str):
        return lambda rows: any(shown in row for row in rows)
    if isinstance(shown, re.Pattern):
        return lambda rows: any(shown.search(row) for row in rows)
    return shown


class EmulatedTerminal(io.TextIOWrapper):
    """A stream that is a terminal in this process: it shows what is written at once.

    A test sees each screen between two writes, and never waits if it is on the virtual clock.
    """

    def __init__(self, columns: int = 120, *, rewraps: bool = False) -> None:
        super().__init__(_Bytes(self._show), encoding="utf-8", write_through=True)
        self._window, other_end = os.openpty()  # it has a size, and nothing is written to it
        os.close(other_end)
        self._rewraps = rewraps
        self.screen = pyte.Screen(columns, LINES)
        self._stream = pyte.ByteStream(self.screen)
        self.screens: list[list[str]] = []  # the rows after each write
        self.resize(columns)

    @property
    def rows(self) -> list[str]:
        return rows_of(self.screen)

    def resize(self, columns: int) -> None:
        """Make the window narrower or wider."""
        termios.tcsetwinsize(self._window, (LINES, columns))
        if self._rewraps:
            rewrap(self.screen, columns)
        self.screen.resize(columns=columns)

    def _show(self, data: bytes) -> None:
        self._stream.feed(data.replace(b"\n", b"\r\n"))
        self.screens.append(self.rows)

    def isatty(self) -> bool:
        return True

    def fileno(self) -> int:
        return self._window

    def close(self) -> None:
        if not self.closed:
            os.close(self._window)
        super().close()


class _Bytes(io.BytesIO):
    """Passes on what is written, also by a program that encodes its text by itself."""

    def __init__(self, show: Callable[[bytes], None]) -> None:
        super().__init__()
        self._show = show

    def write(self, data: "ReadableBuffer") -> int:
        self._show(bytes(data))
        return len(bytes(data))
