"""A session without a prompt: lines from stdin, replies on stdout, errors on stderr.

`terminal_frontend.TerminalFrontend` is the frontend with a prompt.
"""

import contextlib
import os
import shlex
import signal
import sys
from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from typing import TYPE_CHECKING, NamedTuple

from genreply_cli import __version__
from genreply_cli.errors import ExitStatus, GenreplyError, complain
from genreply_cli.session.served import OWN_COORDINATORS, Served
from genreply_cli.session.signals import on_signal
from genreply_cli.terminal.stdin import lines
from genreply_cli.text import visible

if TYPE_CHECKING:
    from genreply_cli.session.callers import Call
    from genreply_cli.session.observers import Observer
    from genreply_cli.terminal.screen import Screen

HOW_TO_GO_ON = "/help lists the commands; Ctrl-D leaves"
NO_ROWS = "no rows are drawn until the next line; /show c1 has those of that call"


class PromptSource(NamedTuple):
    """What a prompt shows of the session."""

    waiting: Callable[[], str | None] = lambda: None
    """The line above the prompt: which calls wait in the background, and for how long."""
    complete: Callable[[str], Iterable[tuple[str, str]]] = lambda _: ()
    """What the last word of a line may become, each with its meaning."""
    may_leave: Callable[[], bool] = lambda: True
    """Whether Ctrl-D leaves; if not, it says why."""
    prompt: str = OWN_COORDINATORS.prompt
    """What stands before the line."""


class Frontend:
    """What a session reads from and writes to. With a screen, it draws the timeline, too."""

    server: Served = OWN_COORDINATORS  # what is called
    interactive = False  # whether there is a prompt

    def __init__(self, screen: "Screen | None" = None) -> None:
        self.screen = screen
        self.show: Observer | None = None if screen is None else screen.show

    @property
    def welcome(self) -> tuple[str, str]:
        """How to begin: the first and the second line."""
        return f"genreply {__version__}: {self.server.invitation}", HOW_TO_GO_ON

    @property
    def shows_outcomes(self) -> bool:
        """Whether the timeline shows the outcome of a call in the background."""
        return False

    @property
    def columns(self) -> int | None:
        """The columns that a line of text may have; None for any number."""
        if self.screen is None or not self.screen.stream.isatty():
            return None
        return self.screen.width - 1

    @property
    def lines(self) -> int | None:
        """The lines that the terminal shows above a prompt; None if there is no terminal."""
        if self.screen is None or not self.screen.stream.isatty():
            return None
        return os.get_terminal_size(self.screen.stream.fileno()).lines - 1

    def show_welcome(self) -> None:
        """Say how to begin, if the lines come from a keyboard."""
        if sys.stdin.isatty():
            self.say("\n".join(self.welcome))

    def show_reply(self, call: str, reply: str) -> None:
        """Show the reply to a call."""
        print(visible(reply), flush=True)

    def say(self, text: str) -> None:
        """Print the result of a command."""
        print(text, flush=True)

    def draw(self, draw: "Callable[[Screen], None]") -> None:
        """Let a function draw on the screen."""
        from genreply_cli.terminal.screen import Screen

        draw(self.screen or Screen(sys.stdout))

    def complain(self, problem: str) -> None:
        """Print an error."""
        complain(problem, ExitStatus.FAULT)

    def set_view(self, name: str) -> None:
        """Draw the timeline in this view from now on."""
        if self.screen is not None:
            self.screen.set_view(name)

    def skip_rows(self) -> None:
        """Draw no rows until the next line is typed, and say so."""
        if self.screen is not None:
            self.screen.skipping = True
            self.say(NO_ROWS)

    def clear(self) -> None:
        """Clear the screen, if there is one."""

    async def replay(self, path: str) -> None:
        """Play a transcript on the whole screen. Raises GenreplyError if there is no terminal."""
        raise GenreplyError(
            "there is no terminal to replay it on",
            hint=f"print it with: genreply trace {shlex.quote(str(path))}",
        )

    def close(self) -> None:
        """Draw what has not been drawn yet. Nothing is shown afterwards."""

    @contextlib.contextmanager
    def blocked(
        self,
        call: "Call",
        give_up: Callable[[], None],
        send_to_background: Callable[[], object],
        hint: str,
    ) -> Iterator[None]:
        """While this call blocks: Ctrl-C calls `give_up`, Ctrl-Z `send_to_background`.

        `hint` says what these keys do.
        """
        if self.screen is None or not sys.stdin.isatty():
            yield
            return
        since = {call.name: call.began}
        with (
            on_signal(signal.SIGINT, give_up),
            self.screen.show_blocked_calls(call.timeout, "Ctrl-C gives up", since),
        ):
            yield

    async def read_lines(self, source: PromptSource) -> AsyncIterator[str]:
        """The lines that are typed, one after the other, until the end of the input."""
        async for batch in lines(sys.stdin.fileno()):
            for line in batch:
                yield line
