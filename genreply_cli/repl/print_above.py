"""A stream that prints above the prompt, and leaves the half-typed line and its cursor alone."""

import asyncio
import io
from typing import TYPE_CHECKING, TextIO

if TYPE_CHECKING:
    from prompt_toolkit import Application


class PrintAbove(io.TextIOBase):
    """Collects what is written, and prints it above the prompt in the next turn of the event loop.

    `prompt_toolkit.patch_stdout` uses a thread, prints 0.2 s later, and switches the keyboard's
    echo on meanwhile.
    """

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._app: Application[str] | None = None
        self._pending: list[str] = []

    def attach(self, app: "Application[str]") -> None:
        """Print above this prompt whenever it is open."""
        self._app = app

    def write(self, text: str) -> int:
        """Print whole lines, or control sequences that do not move the cursor."""
        if self._app is None or not self._app.is_running:
            self._print(text)
        else:
            if not self._pending:
                asyncio.get_running_loop().call_soon(self.flush)
            self._pending.append(text)
        return len(text)

    def flush(self) -> None:
        """Print what has been collected."""
        text = "".join(self._pending)
        self._pending.clear()
        if not text:
            return
        if self._app is None or not self._app.is_running:
            self._print(text)
            return
        self._app.renderer.erase(leave_alternate_screen=False)
        self._print(text)
        self._app.invalidate()

    def _print(self, text: str) -> None:
        self._stream.write(text)
        self._stream.flush()

    def isatty(self) -> bool:
        return self._stream.isatty()

    def fileno(self) -> int:
        return self._stream.fileno()

    @property
    def encoding(self) -> str:  # type: ignore[override]  # an attribute in the base class
        return self._stream.encoding
