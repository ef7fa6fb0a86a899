"""How a stream is written to. It is decided once: by the flags, the environment and the stream."""

import os
from collections.abc import Mapping
from typing import TYPE_CHECKING, Literal, NamedTuple, TextIO

from genreply_cli.timeline.views import View

if TYPE_CHECKING:
    from rich.console import Console

GLYPHS = "┃║□■►◄┈├┤│╟╢◁·×…"  # noqa: RUF001  # what a timeline is drawn with

MAX_DRAWN_CALLS = 1000  # at once; of more, nobody could read the rows


class OutputOptions(NamedTuple):
    """What the user has asked for. None and "auto" stand for what fits the stream."""

    view: View | Literal["off"] | None = None
    color: str = "auto"  # or "always", "never"
    ascii_only: bool = False
    accessible: bool = False


class OutputMode(NamedTuple):
    """How a stream is written to."""

    view: View | Literal["off"] | None  # None: what fits the width; "off": no rows at all
    color: bool
    ascii_only: bool
    terminal: bool  # the stream can be redrawn
    screen_reader: bool = False  # the user listens: nothing may be redrawn

    @property
    def can_redraw(self) -> bool:
        """Whether there may be a line that comes and goes."""
        return self.terminal and not self.screen_reader and self.view != "plain"

    @property
    def wraps(self) -> bool:
        """Whether sentences are wrapped between words: not for listeners, and not for programs."""
        return self.terminal and self.view not in {"plain", "accessible"}


def choose_mode(
    stream: TextIO, options: OutputOptions, environment: Mapping[str, str] = os.environ
) -> OutputMode:
    """Decide by the options; what they leave open, by the environment, then by the stream."""
    terminal = stream.isatty() and environment.get("TERM") != "dumb"
    no = {"", "0", "false"}
    accessible = options.accessible or environment.get("ACCESSIBLE", "").lower() not in no
    view = options.view
    if view is None and accessible:
        view = "accessible"
    elif view is None and not terminal:
        view = "plain"
    if options.color != "auto":
        color = options.color == "always"
    elif environment.get("NO_COLOR"):
        color = False
    elif environment.get("FORCE_COLOR", "0") not in {"", "0"}:
        color = True
    else:
        color = terminal
    # with LC_ALL=C Python still writes UTF-8, but a user who has set it wants no glyphs
    ascii_only = (
        options.ascii_only
        or environment.get("LC_ALL") in {"C", "POSIX"}
        or not _can_encode(GLYPHS, stream)
    )
    return OutputMode(view, color, ascii_only, terminal, accessible or view == "accessible")


def _can_encode(text: str, stream: TextIO) -> bool:
    try:
        text.encode(stream.encoding or "utf-8")
    except (UnicodeEncodeError, LookupError):
        return False
    return True


def rich_console(stream: TextIO, mode: OutputMode) -> "Console":
    """A console of Rich that takes all text as it is: no markup, no emoji codes."""
    from rich.console import Console

    return Console(
        file=stream,
        force_terminal=True,
        # every colour here has an ANSI name, so Rich need not find out what the terminal can show
        color_system="standard" if mode.color else None,
        markup=False,
        emoji=False,
        highlight=False,
    )
