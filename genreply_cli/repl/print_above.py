"""A stream that prints above the prompt, and leaves the half-typed line and its cursor alone."""

import io
from typing import TextIO

from prompt_toolkit import Application
from prompt_toolkit.output.vt100 import Vt100_Output


class PrintAbove(io.TextIOBase):
    """Keeps what is written while the prompt is open, until the prompt is next drawn.

    The text and the prompt below it are one write to the terminal: no screen shows the one without
    the other. `prompt_toolkit.patch_stdout` uses a thread, prints 0.2 s later, and switches the
    keyboard's echo on meanwhile.
    """

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._app: Application[str] | None = None
        self._redraws = False
        self._pending: list[str] = []

    def attach(self, app: Application[str], *, redraws: bool = False) -> None:
        """Print above this prompt whenever it is open. Its output must be a `PromptOutput`.

        With `redraws`, the prompt is drawn again, soon, because of what is written.
        """
        self._app = app
        self._redraws = redraws
        app.before_render += self._print_above

    def write(self, text: str) -> int:
        """Print whole lines, or control sequences that do not move the cursor."""
        self._pending.append(text)
        if self._app is None or not self._app.is_running:
            self.flush()
        elif self._redraws:
            self._app.invalidate()
        return len(text)

    def flush(self) -> None:
        """Print what has been kept, unless the prompt is open: then its next drawing does."""
        if self._pending and (self._app is None or not self._app.is_running):
            self._stream.write(self._take_pending())
            self._stream.flush()

    def _print_above(self, app: Application[str]) -> None:
        """Before the prompt is drawn: its old rows make room for the text."""
        if self._pending:
            assert isinstance(app.output, PromptOutput)
            app.output.held = True
            app.renderer.erase(leave_alternate_screen=False)
            app.output.held = False
            app.output.write_raw(self._take_pending())

    def _take_pending(self) -> str:
        text = "".join(self._pending)
        self._pending.clear()
        return text

    def isatty(self) -> bool:
        return self._stream.isatty()

    def fileno(self) -> int:
        return self._stream.fileno()

    @property
    def encoding(self) -> str:  # type: ignore[override]  # an attribute in the base class
        return self._stream.encoding


class PromptOutput(Vt100_Output):
    """The terminal as prompt_toolkit writes to it. What is `held` is part of the next write."""

    held = False

    def flush(self) -> None:
        if not self.held:
            super().flush()
