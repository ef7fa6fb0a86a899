"""How a REPL session shows itself and what it is typed into, where nothing is redrawn. `terminal.Terminal` is the other one."""

import asyncio
import contextlib
import signal
import sys
from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from typing import TYPE_CHECKING, Protocol

from genreply_cli import __version__
from genreply_cli.errors import ExitStatus, GenreplyError, complain
from genreply_cli.terminal.stdin import lines
from genreply_cli.text import visible

if TYPE_CHECKING:
    from genreply_cli.session.callers import Call
    from genreply_cli.session.observers import Observer
    from genreply_cli.terminal.screen import Screen

INTRODUCTION = (
    f"genreply {__version__}: a line is a greeting, and blocks until its deferred reply",
    "/help lists the commands; Ctrl-D leaves",
)


class Typist(Protocol):
    """What a prompt wants to know of the session."""

    def waiting(self) -> str | None: ...
    def complete(self, line: str) -> Iterable[tuple[str, str]]: ...


class Frontend:
    """A session's face in a pipe: answers on stdout, complaints on stderr, no prompt. With a screen, the timeline, too."""

    interactive = False  # there is a prompt

    @property
    def draws(self) -> bool:
        """Whether the timeline shows what becomes of calls that nobody blocks on."""
        return False

    def __init__(self, screen: "Screen | None" = None) -> None:
        self.screen = screen
        self.show: Observer | None = None if screen is None else screen.show

    @property
    def columns(self) -> int | None:
        """How wide what is said may be; None if it makes no difference."""
        return (
            self.screen.width - 1
            if self.screen is not None and self.screen.stream.isatty()
            else None
        )

    def introduce(self) -> None:
        """What one is told first, if one is there."""
        if sys.stdin.isatty():
            self.say("\n".join(INTRODUCTION))

    def answer(self, call: str, reply: str) -> None:
        """An answer has come."""
        print(visible(reply), flush=True)

    def say(self, text: str) -> None:
        """Something that was asked for."""
        print(text, flush=True)

    def tell(self, tell: "Callable[[Screen], None]") -> None:
        """Something that draws itself."""
        from genreply_cli.terminal.screen import Screen

        tell(self.screen or Screen(sys.stdout))

    def complain(self, problem: str) -> None:
        """Something went wrong."""
        complain(problem, ExitStatus.FAULT)

    def view(self, name: str) -> None:
        """Draw the timeline like this from now on."""
        if self.screen is not None:
            self.screen.set_view(name)

    def clear(self) -> None:
        """Clear the screen, where there is one."""

    async def replay(self, path: str) -> None:
        """Play a transcript on the whole screen, where there is one. Raises GenreplyError."""
        raise GenreplyError(
            "there is no terminal to replay it on", hint=f"print it with: genreply trace {path}"
        )

    def close(self) -> None:
        """Nothing more will be shown."""

    @contextlib.contextmanager
    def blocked(
        self, call: "Call", give_up: Callable[[], None], aside: Callable[[], object]
    ) -> Iterator[None]:
        """A call blocks; `give_up` ends it, `aside` puts it into the background."""
        if self.screen is None or not sys.stdin.isatty():
            yield
            return
        loop = asyncio.get_running_loop()
        loop.add_signal_handler(signal.SIGINT, give_up)
        try:
            with self.screen.show_blocked_calls(
                call.timeout, "Ctrl-C gives up", {call.name: call.began}
            ):
                yield
        finally:
            loop.remove_signal_handler(signal.SIGINT)
            signal.signal(signal.SIGINT, signal.default_int_handler)

    async def typed(self, typist: Typist) -> AsyncIterator[str]:
        """The lines, as they are typed."""
        async for some in lines(sys.stdin.fileno()):
            for line in some:
                yield line
