"""Steps as rows on a stream, with a status line below them while a call blocks.

How the stream is written to is decided once, by output.py. On a terminal a row is as wide as the
terminal. Elsewhere a row is a plain line without escapes, never cut and never wrapped.
"""

import asyncio
import contextlib
import os
import shutil
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, Final, TextIO

from genreply_cli.terminal.output import OutputOptions, choose_mode, rich_console
from genreply_cli.terminal.status_line import StatusLine
from genreply_cli.text import fold
from genreply_cli.timeline.lanes import Span
from genreply_cli.timeline.timeline import Timeline, make_faint
from genreply_cli.transcript.step import Step

REDRAW_SECONDS: Final = 0.1  # between two pictures of the status line
SENTENCE_SECONDS: Final = 5.0  # between two sentences about a call that blocks, for a screen reader


class Screen:
    """Shows steps on a stream, each at once. A row that has been shown is never redrawn."""

    def __init__(
        self,
        stream: TextIO,
        options: OutputOptions | None = None,
        *,
        states: bool = False,
        legend: bool = False,
    ) -> None:
        """With a `legend`, a row says what the lanes mean, before the first call."""
        self.stream = stream
        self.mode = choose_mode(stream, options or OutputOptions())
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")
        self._states = states
        self.begin_again()
        self._console = rich_console(stream, self.mode) if self.mode.color else None
        self.skipping = False  # whether steps are only followed, and no rows drawn
        self._legend = legend
        self._explained: set[str] = set()  # the views that need no explanation any more
        self._status_line: StatusLine | None = None  # on a terminal, while calls may block

    @property
    def width(self) -> int:
        """The columns of the terminal now; off a terminal $COLUMNS, or 120."""
        try:
            return os.get_terminal_size(self.stream.fileno()).columns or 80
        except (OSError, ValueError):
            return shutil.get_terminal_size((120, 40)).columns

    def show(self, step: Step, *, faint: bool = False) -> None:
        """Show one more step; a faint one is of less interest."""
        if self._status_line is not None:
            self._status_line.update(step)
        if self.skipping or self.mode.view == "off":
            self._timeline.skip(step)  # rows may be drawn again later
            return
        if self.mode.terminal:
            self._timeline.resize(self.width)
        if step.kind == "call":
            self._explain_once()
        if self._console is not None and self._timeline.view not in {"plain", "accessible"}:
            rows = self._timeline.spans(step)
            self._write(_colored(map(make_faint, rows) if faint else rows))
        else:
            self._write("".join(f"{line.rstrip()}\n" for line in self._timeline.lines(step)))

    def skip(self, step: Step) -> None:
        """Follow a step that is not shown."""
        if self._timeline.view != "plain":
            self._timeline.skip(step)

    def set_view(self, name: str) -> None:
        """Draw like this from now on: the name of a view, "off", or "auto" for what fits."""
        view: Any = None if name == "auto" else name
        self.mode = self.mode._replace(view=view)
        self._timeline.set_view(None if view == "off" else view)

    def begin_again(self) -> None:
        """What follows is a recording of its own, with other processes and calls."""
        view = None if self.mode.view == "off" else self.mode.view
        states, ascii_only = self._states, self.mode.ascii_only
        self._timeline = Timeline(self.width, view, ascii_only=ascii_only, states=states)

    def repeat_header(self, rows: int | None = None) -> None:
        """Draw the names above the lanes before the next row, and with a call after so many."""
        self._timeline.forget_header()
        self._timeline.max_rows_below = rows

    def say(self, text: str, style: str = "", *, wraps: bool = True) -> None:
        """Write a text among the rows, in a style as Rich names it.

        Its lines are wrapped between words, unless it says what has to stay as it is.
        """
        if wraps and self.mode.wraps:
            room = max(1, self.width - 1)
            text = "\n".join(row for line in text.split("\n") for row in fold(line, room))
        if self._console is None:
            self._write(f"{text}\n")
        else:
            with self._console.capture() as captured:
                self._console.print(text, style=style, soft_wrap=True)
            self._write(captured.get())
        self.stream.flush()

    def say_rows(self, rows: Iterable[Iterable[tuple[str, str]]]) -> None:
        """Write rows that are made of texts, each with its style as Rich names it."""
        for row in rows:
            if self._console is None:
                self._write("".join(text for text, _ in row).rstrip() + "\n")
                continue
            from rich.text import Text

            with self._console.capture() as captured:
                self._console.print(Text.assemble(*row), soft_wrap=True)
            self._write(captured.get())
        self.stream.flush()

    @contextlib.contextmanager
    def show_blocked_calls(
        self,
        timeout: float | None,
        hint: str = "",
        since: Mapping[str, float] | None = None,
        below: Callable[[int], list[str]] = lambda _: [],
    ) -> Iterator[None]:
        """Meanwhile, say which calls block: in a status line, or for a screen reader in sentences.

        `timeout` is that of the calls, in seconds. `since`: only about these calls, which have
        blocked since these times of the event loop's clock. `below`: lines below the status
        line, of at most so many cells.
        """
        if not self.mode.can_redraw and not self.mode.screen_reader:
            yield
            return
        loop = asyncio.get_running_loop()
        self._status_line = StatusLine(loop.time, timeout, hint, since, below)
        telling = loop.create_task(self._tell_of_blocked_calls(self._status_line))
        try:
            yield
        finally:
            telling.cancel()
            self.hide()
            self._status_line = None

    def hide(self) -> None:
        """Erase the status line, so that the caller may write to the terminal. It comes back."""
        if self._status_line is not None:
            self.stream.write(self._status_line.erase())
            self.stream.flush()

    def refresh(self) -> None:
        """Draw the status line as it is now."""
        self._write("")

    async def _tell_of_blocked_calls(self, status_line: StatusLine) -> None:
        while self.mode.can_redraw:
            await asyncio.sleep(REDRAW_SECONDS)
            self.refresh()
        while True:
            await asyncio.sleep(SENTENCE_SECONDS)
            text = status_line.text()
            if text is not None:
                self.say(text)

    def _write(self, rows: str) -> None:
        """Write whole lines. The status line moves below them in the same write."""
        if self._status_line is not None and self.mode.can_redraw:
            rows = self._status_line.draw_below(rows, self.width)
        if not rows:
            return
        self.stream.write(rows)
        if self.mode.terminal or self._console is not None:
            self.stream.flush()

    def _explain_once(self) -> None:
        """Say how to read the rows, before the first call that is drawn in this way."""
        view = self._timeline.view
        if self.mode.terminal and view not in self._explained:
            self._explained.add(view)
            explanation = self._timeline.explanation(legend=self._legend)
            if explanation:
                self.say_rows([explanation])


def _colored(rows: Iterable[list[Span]]) -> str:
    """Rows that fit the terminal, with its control sequences for colours.

    Rich's console would wrap, crop and measure them once more, which takes as long as all else.
    """
    from rich.color import ColorSystem
    from rich.style import Style

    return "".join(
        "".join(
            Style.parse(style).render(text, color_system=ColorSystem.STANDARD)
            for text, style in row
            if text
        )
        + "\n"
        for row in rows
    )
