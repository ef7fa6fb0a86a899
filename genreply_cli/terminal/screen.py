"""What people see go by: how steps are drawn on a stream, and the one line that comes and goes while a call blocks.

It is decided once, from the flags, the environment and the stream. On a terminal rows are drawn as wide as it is; elsewhere they
are plain lines, never cut, never wrapped, without escapes. Colours need Rich; nothing else does.
"""

import asyncio
import contextlib
import os
import shutil
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any, TextIO

from genreply_cli.terminal.output import OutputOptions, _console, _unstyled, choose_mode
from genreply_cli.terminal.resize import rewraps, rows_moved
from genreply_cli.timeline.timeline import Timeline
from genreply_cli.transcript.step import Step

if TYPE_CHECKING:
    from rich.live import Live

QUIET_SECONDS = 0.1  # seconds of a call that nobody is told about, and the time between two pictures of the line after that
HEARTBEAT = 5.0  # seconds between two sentences about a call that blocks, where nothing is redrawn
MAX_COLUMNS = 60  # columns that the line may have


class Screen:
    """Shows steps on a stream, at once; what was shown is never redrawn."""

    def __init__(self, stream: TextIO, wishes: OutputOptions | None = None) -> None:
        self.stream = stream
        self.look = choose_mode(stream, wishes or OutputOptions())
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")
        view = None if self.look.view == "off" else self.look.view
        self._timeline = Timeline(self.width, view, ascii_only=self.look.ascii_only)
        self._console = (
            _console(stream, self.look) if self.look.color or self.look.can_redraw else None
        )
        self._line: Live | None = None
        self._shown = 0  # how many cells it has
        self._clock: Callable[[], float] | None = None  # while somebody is told who blocks
        self._waiting: dict[str, float] = {}  # calls that block, and since when
        self._only = False  # and the others are nobody's business

    @property
    def width(self) -> int:
        """The columns of the terminal, now; 120 where there is none, or what COLUMNS says."""
        try:
            return os.get_terminal_size(self.stream.fileno()).columns or 80
        except (OSError, ValueError):
            return shutil.get_terminal_size((120, 40)).columns

    def show(self, step: Step) -> None:
        """One more step."""
        self._note(step)
        if self.look.view == "off":
            self._timeline.skip(step)  # another view may come
            return
        if self.look.terminal:
            self._erase_wrapped_rows()
            self._timeline.resize(self.width)
        if self._console is not None and self._timeline.view not in {"plain", "accessible"}:
            self._console.size = (
                max(self.width, 1),
                24,
            )  # Rich would take that of another stream, or 80 columns
            for row in (
                self._timeline.rows(step)
                if self.look.color
                else map(_unstyled, self._timeline.lines(step))
            ):
                self._console.print(row, no_wrap=True, overflow="ellipsis", crop=True)
        else:
            for line in self._timeline.lines(step):
                print(line.rstrip(), file=self.stream)

    def set_view(self, name: str) -> None:
        """Draw like this from now on: the name of a view, "off", or "auto" for what fits."""
        view: Any = None if name == "auto" else name
        self.look = replace(self.look, view=view)
        self._timeline.set_view(None if view == "off" else view)

    def say(self, text: str, style: str = "") -> None:
        """Something in words, among the rows."""
        if self._console is not None:
            self._console.print(text, style=style if self.look.color else "", soft_wrap=True)
        else:
            print(text, file=self.stream, flush=True)

    def _note(self, step: Step) -> None:
        if step.call is None or self._clock is None:
            return
        if step.kind == "call":
            if not self._only:
                self._waiting[step.call] = self._clock()
        elif step.ends_call:
            self._waiting.pop(step.call, None)

    def blocked_line(self, timeout: float | None, hint: str = "") -> str | None:
        """The line about the calls that block, or None if none has done so for long enough."""
        if not self._waiting or self._clock is None:
            return None
        call, since = next(iter(self._waiting.items()))
        waited = self._clock() - since
        if waited < QUIET_SECONDS:
            return None
        limit = "" if timeout is None else f"/{timeout:.1f}"
        others = f"   and {len(self._waiting) - 1} more" if len(self._waiting) > 1 else ""
        return f"{call} blocked {waited:.1f}{limit} s{others}   {hint}".rstrip()

    @contextlib.contextmanager
    def show_blocked_calls(
        self, timeout: float | None, hint: str = "", only: Mapping[str, float] | None = None
    ) -> Iterator[None]:
        """Meanwhile, tell of the calls that block: in a line that comes and goes, or in a sentence now and then.

        `only` of these, which block since these times on the clock of the loop.
        """
        if not self.look.can_redraw and not self.look.screen_reader:
            yield
            return
        loop = asyncio.get_running_loop()
        self._clock = loop.time
        self._only, self._waiting = only is not None, dict(only or {})
        live = self._line = self._live() if self.look.can_redraw else None

        async def tell() -> None:
            while True:
                await asyncio.sleep(QUIET_SECONDS if live is not None else HEARTBEAT)
                line = self.blocked_line(timeout, hint)
                if live is None:
                    if line is not None:
                        self.say(line)
                elif line is None:
                    live.stop()
                else:
                    self._erase_wrapped_rows()
                    line = line[: min(MAX_COLUMNS, self.width - 1)]
                    self._shown = len(line)
                    live.update(_unstyled(line))
                    live.start(refresh=True)
                    live.refresh()

        task = loop.create_task(tell())
        try:
            yield
        finally:
            task.cancel()
            self.hide()
            self._clock = self._line = None
            self._waiting.clear()

    def _erase_wrapped_rows(self) -> None:
        """If the terminal has become so narrow that the line takes several rows, erase all but the first."""
        if self._line is not None and self._line.is_started and rewraps():
            self.stream.write("\r\x1b[2K\x1b[A" * rows_moved([], self._shown, self.width))
            self._shown = 0

    def hide(self) -> None:
        """Take the line away, so that somebody else may write to the terminal. It comes back by itself."""
        if self._line is not None:
            self._erase_wrapped_rows()
            self._line.stop()

    def _live(self) -> "Live":
        from rich.live import Live

        return Live(console=self._console, transient=True, auto_refresh=False)
