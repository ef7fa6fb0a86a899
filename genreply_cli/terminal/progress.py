"""A progress bar."""

import asyncio
import contextlib
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING, TextIO

from genreply_cli.terminal.output import OutputOptions, _console, choose_mode

if TYPE_CHECKING:
    from rich.progress import Progress
from genreply_cli.terminal.screen import MAX_COLUMNS, QUIET_SECONDS


class ProgressBar:
    """A progress bar on a terminal, if it can be redrawn. It goes away while others write, and comes back by itself."""

    def __init__(self, stream: TextIO, total: int, wishes: OutputOptions | None = None) -> None:
        look = choose_mode(stream, wishes or OutputOptions())
        self._bar: Progress | None = None
        self._shown = False
        self._drawn = 0.0  # when
        self._back: asyncio.TimerHandle | None = None  # when it comes back
        if look.can_redraw:
            from rich import progress

            bar = [] if look.ascii_only else [progress.BarColumn(MAX_COLUMNS // 2)]
            self._bar = progress.Progress(
                *bar,
                progress.MofNCompleteColumn(),
                progress.TimeRemainingColumn(),
                console=_console(stream, look),
                auto_refresh=False,
                transient=True,
                redirect_stdout=False,
                redirect_stderr=False,
            )
            self._task = self._bar.add_task("", total=total)

    def __call__(self) -> None:
        """One more."""
        if self._bar is not None:
            self._bar.advance(self._task)
            if self._shown and time.monotonic() - self._drawn >= QUIET_SECONDS:
                self.draw()

    def draw(self) -> None:
        """Show it as it is now."""
        self._back = None
        if self._bar is not None:
            self._shown, self._drawn = True, time.monotonic()
            self._bar.start()
            self._bar.refresh()

    def make_room(self) -> None:
        """Take the bar away, so that somebody else may write to the terminal. It comes back by itself."""
        if self._shown:
            self.close()
            self._back = asyncio.get_running_loop().call_later(QUIET_SECONDS, self.draw)

    def close(self) -> None:
        """Take the bar away."""
        if self._back is not None:
            self._back.cancel()
        if self._bar is not None and self._shown:
            self._bar.stop()
        self._shown = False


@contextlib.contextmanager
def progress(
    stream: TextIO, total: int, wishes: OutputOptions | None = None
) -> Iterator[ProgressBar]:
    """A progress bar meanwhile; calling it moves it on by one."""
    bar = ProgressBar(stream, total, wishes)
    bar.draw()
    try:
        yield bar
    finally:
        bar.close()
