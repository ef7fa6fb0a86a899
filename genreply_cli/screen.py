"""Where a timeline is drawn: on a terminal by Rich, as wide as the terminal is; elsewhere as plain lines."""

import os
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, TextIO

from genreply_cli.timeline import Timeline, plain
from genreply_cli.trace import Step

if TYPE_CHECKING:
    from rich.console import Console

GLYPHS = "┆■►◄┈├┤│×…"  # noqa: RUF001  # what a timeline is drawn with


def timeline_on(stream: TextIO) -> Callable[[Step], None]:
    """What draws each step on a stream, at once."""
    if hasattr(stream, "reconfigure"):
        stream.reconfigure(errors="backslashreplace")
    if not on_terminal(stream):
        return lambda step: print(plain(step), file=stream)
    return draw_on(console_on(stream))


def on_terminal(stream: TextIO) -> bool:
    """Whether a stream is a terminal that can do more than print."""
    return stream.isatty() and os.environ.get("TERM") != "dumb"


def console_on(stream: TextIO | None) -> "Console":
    """A console that shows text as it is: no markup, no emoji codes, nothing highlighted. None: stdout, whatever that is then."""
    from rich.console import Console

    return Console(file=stream, force_terminal=True, markup=False, emoji=False, highlight=False, soft_wrap=False)


def draw_on(console: "Console") -> Callable[[Step], None]:
    """What draws each step on a console."""
    timeline = Timeline(console.width, ascii_only=not can_show(GLYPHS, console.file))

    def draw(step: Step) -> None:
        for row in timeline.rows(step):
            console.print(row, no_wrap=True, overflow="ellipsis", crop=True)

    return draw


def can_show(text: str, stream: object) -> bool:
    """Whether the encoding of a stream has these characters."""
    try:
        text.encode(getattr(stream, "encoding", None) or "utf-8")
    except (UnicodeEncodeError, LookupError):
        return False
    return True


def on_stderr() -> Callable[[Step], None]:
    """The timeline that goes along with `send`."""
    return timeline_on(sys.stderr)
