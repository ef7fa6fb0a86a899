"""Where the prompt is after a resize, on a terminal that wraps its rows again.

Most terminals do, and no program is told which. The status line needs none of this, because the
cursor stays at its start; a prompt has the cursor where the user types.
"""

import os
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from prompt_toolkit import Application

# Set by terminals that wrap their rows again. xterm, screen and the Linux console do not.
REWRAPPING = (
    "TMUX", "VTE_VERSION", "KITTY_WINDOW_ID", "WEZTERM_PANE", "ALACRITTY_WINDOW_ID",
    "KONSOLE_VERSION", "ITERM_SESSION_ID", "WT_SESSION",
)  # fmt: skip


def rewraps(environment: Mapping[str, str] = os.environ) -> bool:
    """Whether this terminal wraps its rows again when its width changes."""
    return any(environment.get(name) for name in REWRAPPING)


def rows_moved(above: Sequence[int], column: int, width: int) -> int:
    """By how many rows the cursor has moved down in a terminal that now has `width` columns.

    It was in this column, below rows of so many cells.
    """
    return sum(max(0, cells - 1) // width for cells in above) + column // width


def track_resize(app: "Application[str]") -> None:
    """Have a prompt erase all its rows after a resize, not only as many as it has drawn.

    prompt_toolkit has no hook for this: its own method is replaced.
    """
    resized = app._on_resize  # noqa: SLF001

    def on_resize() -> None:
        screen, width = app.renderer.last_rendered_screen, app.output.get_size().columns
        if screen is not None and width > 0:
            cursor = screen.get_cursor_position(app.layout.current_window)
            rows = [screen.data_buffer[row] for row in range(cursor.y)]
            cells = [
                max((x for x, char in row.items() if char.char != " "), default=-1) + 1
                for row in rows
            ]
            app.output.cursor_up(rows_moved(cells, cursor.x, width))
        resized()

    app._on_resize = on_resize  # type: ignore[method-assign]  # noqa: SLF001
