"""A stdout that writes above the prompt, while there is one; the half-typed line and its cursor stay as they are."""

import asyncio
import io
from typing import TYPE_CHECKING, TextIO

if TYPE_CHECKING:
    from prompt_toolkit import Application


class Above(io.TextIOBase):
    """What is written is collected, and put above the prompt in the next turn of the event loop.

    `prompt_toolkit.patch_stdout` does it with a thread, 0.2 s later, and with the keyboard's echo switched on meanwhile.
    """

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._app: Application[str] | None = None
        self._written: list[str] = []

    def attach(self, app: "Application[str]") -> None:
        """The prompt's application: where it runs, it is written above it."""
        self._app = app

    def write(self, text: str) -> int:
        """Write some whole lines, or what does not move the cursor."""
        if self._app is None or not self._app.is_running:
            self._stream.write(text)
            self._stream.flush()
        else:
            if not self._written:
                asyncio.get_running_loop().call_soon(self.flush)
            self._written.append(text)
        return len(text)

    def flush(self) -> None:
        """Show what has been collected."""
        text = "".join(self._written)
        self._written.clear()
        if not text:
            return
        if self._app is None or not self._app.is_running:
            self._stream.write(text)
            self._stream.flush()
            return
        self._app.renderer.erase(leave_alternate_screen=False)
        self._stream.write(text)
        self._stream.flush()
        self._app.invalidate()

    def isatty(self) -> bool:
        return self._stream.isatty()

    def fileno(self) -> int:
        return self._stream.fileno()

    @property
    def encoding(self) -> str:  # type: ignore[override]
        return self._stream.encoding
