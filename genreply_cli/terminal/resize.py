"""Where something on the screen is after a resize: most terminals wrap again what they show, and tell nobody."""

import os
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from prompt_toolkit import Application

# Set by terminals that wrap again what they show when their width changes. xterm, screen and the Linux console do not.
REWRAPPING = (
    "TMUX", "VTE_VERSION", "KITTY_WINDOW_ID", "WEZTERM_PANE", "ALACRITTY_WINDOW_ID", "KONSOLE_VERSION", "ITERM_SESSION_ID",
    "WT_SESSION",
)  # fmt: skip


def rewraps(environment: Mapping[str, str] = os.environ) -> bool:
    """Whether this terminal does."""
    return any(environment.get(name) for name in REWRAPPING)


def rows_moved(above: Sequence[int], column: int, width: int) -> int:
    """By how many rows a cursor in this column has moved down: it was below rows of so many cells, and now there are `width`."""
    return sum(max(0, cells - 1) // width for cells in above) + column // width


def track_resize(app: "Application[str]") -> None:
    """Have a prompt know where it is after a resize: prompt_toolkit erases as many rows as it has drawn, and no more."""
    resized = app._on_resize

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

    app._on_resize = on_resize  # type: ignore[method-assign]  # it has no other hook
