"""Programs in a real pseudo-terminal, and an emulator that shows their screens."""

import os
import shlex
import sys
from collections.abc import Callable
from pathlib import Path

import pexpect
import pyte

LINES = 40
PATIENCE = 20  # seconds until a screen that should have come is called missing


OURS = {"CI", "COLUMNS", "LINES", "NO_COLOR", "FORCE_COLOR", "ACCESSIBLE", "PYTHONIOENCODING", "PYTHONUTF8"}


def clean(environment: dict[str, str]) -> dict[str, str]:
    """The environment, with nothing in it that decides how things look, and with this."""
    kept = {name: value for name, value in os.environ.items() if name not in OURS and not name.startswith(("GENREPLY_", "LC_"))}
    return {**kept, **environment}


class Terminal:
    """A program in a terminal, and what its screen shows."""

    def __init__(
        self, arguments: list[str], columns: int, state: Path, environment: dict[str, str], lines: int = LINES, stdin: str = ""
    ) -> None:
        """`stdin` is a file to read from instead of the terminal."""
        command = [sys.executable, "-m", "genreply_cli", *arguments]
        self.child = pexpect.spawn(
            *(("/bin/sh", ["-c", f"exec {shlex.join(command)} < {shlex.quote(stdin)}"]) if stdin else (command[0], command[1:])),
            dimensions=(lines, columns),
            env=clean({"TERM": "xterm-256color", "XDG_STATE_HOME": str(state), **environment}),
            timeout=PATIENCE,
        )
        self.screen = pyte.Screen(columns, lines)
        self.screen.write_process_input = self.child.send  # type: ignore[method-assign]  # it answers what it is asked
        self.stream = pyte.ByteStream(self.screen)
        self.raw = b""

    @property
    def rows(self) -> list[str]:
        return [row.rstrip() for row in self.screen.display if row.strip()]

    def resize(self, columns: int, lines: int = LINES) -> None:
        """Make the window narrower or wider."""
        self.child.setwinsize(lines, columns)
        self.screen.resize(lines=lines, columns=columns)

    def wait_for(self, shown: str | Callable[[list[str]], bool]) -> list[str]:
        """Read until the screen shows it."""
        there = shown if callable(shown) else lambda rows: any(shown in row for row in rows)
        while not there(self.rows):
            self._read()
        return self.rows

    def end(self) -> int:
        """Read until the program has ended, and return its exit status."""
        try:
            while True:
                self._read()
        except pexpect.EOF:
            self.child.wait()
            self.child.ptyproc.delayafterclose = 0
            self.child.close()
        return int(self.child.exitstatus if self.child.exitstatus is not None else -self.child.signalstatus)

    def _read(self) -> None:
        data = self.child.read_nonblocking(65536, timeout=PATIENCE)
        self.raw += data
        self.stream.feed(data)
