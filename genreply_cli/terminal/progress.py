"""A progress bar that makes room for what others write."""

import asyncio
import time
from typing import TYPE_CHECKING, Final, Self, TextIO

from genreply_cli.terminal.output import OutputMode, OutputOptions, choose_mode, rich_console

if TYPE_CHECKING:
    from rich.progress import Progress

REDRAW_SECONDS: Final = 0.1  # between two pictures of the bar
BAR_COLUMNS: Final = 30


class ProgressBar:
    """A bar on a terminal that can be redrawn. On any other stream it writes nothing."""

    def __init__(self, stream: TextIO, total: int, options: OutputOptions | None = None) -> None:
        mode = choose_mode(stream, options or OutputOptions())
        self._progress = _rich_progress(stream, mode, total) if mode.can_redraw else None
        self._next_drawing = 0.0  # on the monotonic clock
        self._timer: asyncio.TimerHandle | None = None  # while the bar is hidden

    def __enter__(self) -> Self:
        self.draw()
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def advance(self) -> None:
        """Count one more."""
        if self._progress is not None:
            self._progress.advance(self._progress.task_ids[0])
            if self._timer is None and time.monotonic() >= self._next_drawing:
                self.draw()

    def draw(self) -> None:
        """Show the bar as it is now."""
        self._timer = None
        if self._progress is not None:
            self._next_drawing = time.monotonic() + REDRAW_SECONDS
            self._progress.start()
            self._progress.refresh()

    def hide(self) -> None:
        """Erase the bar, so that the caller may write to the terminal. It comes back by itself."""
        if self._progress is not None and self._timer is None:
            self._progress.stop()
            self._timer = asyncio.get_running_loop().call_later(REDRAW_SECONDS, self.draw)

    def close(self) -> None:
        """Erase the bar for good."""
        if self._timer is not None:
            self._timer.cancel()
        if self._progress is not None:
            self._progress.stop()
        self._progress = None


def _rich_progress(stream: TextIO, mode: OutputMode, total: int) -> "Progress":
    from rich import progress

    bar = progress.Progress(
        *([] if mode.ascii_only else [progress.BarColumn(BAR_COLUMNS)]),
        progress.MofNCompleteColumn(),
        progress.TimeRemainingColumn(),
        console=rich_console(stream, mode),
        auto_refresh=False,
        transient=True,
        redirect_stdout=False,
        redirect_stderr=False,
    )
    bar.add_task("", total=total)
    return bar
