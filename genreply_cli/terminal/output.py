"""How a stream is written to: decided once."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, TextIO

from genreply_cli.timeline.views import View

if TYPE_CHECKING:
    from rich.console import Console
    from rich.text import Text

GLYPHS = "┆■►◄┈├┤│×…"  # noqa: RUF001  # what a timeline is drawn with


@dataclass(frozen=True)
class OutputOptions:
    """What the user has asked for. None and "auto": what fits the stream."""

    view: View | Literal["off"] | None = None
    color: str = "auto"  # or "always", "never"
    ascii_only: bool = False
    accessible: bool = False


@dataclass(frozen=True)
class OutputMode:
    """How a stream is written to."""

    view: View | Literal["off"] | None  # None: what fits the width; "off": no rows at all
    color: bool
    ascii_only: bool
    terminal: bool  # it can be redrawn
    screen_reader: bool = False  # but it must not be: somebody listens

    @property
    def can_redraw(self) -> bool:
        """Whether there may be a line that comes and goes."""
        return self.terminal and not self.screen_reader and self.view != "plain"


def choose_mode(
    stream: TextIO, wishes: OutputOptions, environment: Mapping[str, str] = os.environ
) -> OutputMode:
    """How to write to a stream: by the flags, else by the environment, else by what the stream is."""
    terminal = stream.isatty() and environment.get("TERM") != "dumb"
    accessible = wishes.accessible or environment.get("ACCESSIBLE", "0").lower() not in {
        "",
        "0",
        "false",
    }
    view = wishes.view
    if view is None and accessible:
        view = "accessible"
    elif view is None and not terminal:
        view = "plain"
    if wishes.color != "auto":
        color = wishes.color == "always"
    elif environment.get("NO_COLOR"):
        color = False
    elif environment.get("FORCE_COLOR", "0") not in {"", "0"}:
        color = True
    else:
        color = terminal
    # with LC_ALL=C Python writes UTF-8 all the same; who has set it wants no glyphs
    ascii_only = (
        wishes.ascii_only
        or environment.get("LC_ALL") in {"C", "POSIX"}
        or not _can_show(GLYPHS, stream)
    )
    return OutputMode(view, color, ascii_only, terminal, accessible or view == "accessible")


def _can_show(text: str, stream: TextIO) -> bool:
    try:
        text.encode(stream.encoding or "utf-8")
    except (UnicodeEncodeError, LookupError):
        return False
    return True


def _console(stream: TextIO, look: OutputMode) -> "Console":
    from rich.console import Console

    return Console(
        file=stream,
        force_terminal=True,
        color_system="standard"
        if look.color
        else None,  # all colours have ANSI names; Rich need not guess
        markup=False,
        emoji=False,
        highlight=False,
    )


def _unstyled(line: str) -> "Text":
    from rich.text import Text

    return Text(line, no_wrap=True, overflow="ellipsis")
