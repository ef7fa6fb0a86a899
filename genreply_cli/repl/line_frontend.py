"""A session at a terminal where nothing is redrawn but the line that is typed.

It serves screen readers, plain rows, terminals that cannot move their cursor, and a stdout that is
no terminal: then the prompt is on stderr. The prompt says that the program is ready for a line.
"""

import asyncio
import contextlib
import os
import signal
import sys
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterator
from typing import TYPE_CHECKING, TextIO, cast

from genreply_cli.repl.frontend import Frontend, PromptSource
from genreply_cli.repl.print_above import PrintAbove
from genreply_cli.repl.prompt import HOW_TO_LEAVE, Prompt
from genreply_cli.repl.typed_ahead import TypedAhead
from genreply_cli.session.signals import on_signal
from genreply_cli.terminal.output import OutputOptions
from genreply_cli.terminal.screen import Screen
from genreply_cli.terminal.stdin import lines
from genreply_cli.text import visible

if TYPE_CHECKING:
    from genreply_cli.session.callers import Call

READY = "ready, "  # stands before the prompt
READER_SECONDS = 0.03  # for the program that reads our stdout to show it, before the next prompt


class LineFrontend(Frontend):
    """A session with a prompt, and with rows or sentences that are written once."""

    interactive = True

    def __init__(self, options: OutputOptions | None = None, *, keep_history: bool = True) -> None:
        terminal = sys.stdout if sys.stdout.isatty() else sys.stderr
        self._above = PrintAbove(terminal)
        above = cast(TextIO, self._above)
        super().__init__(Screen(above, options) if sys.stdout.isatty() else None)
        self._on_interrupt: Callable[[], None] = self._drop_line
        self._prompt: Prompt | None = None  # None: the terminal itself edits the line
        if os.environ.get("TERM") != "dumb":
            self._prompt = Prompt(
                self._print, terminal=terminal, plain=READY, keep_history=keep_history
            )
            self._above.attach(self._prompt.app, redraws=True)

    @property
    def shows_outcomes(self) -> bool:
        return self.screen is not None and self.screen.mode.view != "off"

    def _print(self, text: str) -> None:
        self._above.write(f"{text}\n")

    def show_welcome(self) -> None:
        self._print("\n".join(self.welcome))

    def show_reply(self, call: str, reply: str) -> None:
        if self.screen is None:
            super().show_reply(call, reply)
        else:
            self.screen.say(visible(reply))

    def say(self, text: str) -> None:
        if self.screen is None:
            super().say(text)
        else:
            self.screen.say(text)

    def complain(self, problem: str) -> None:
        if self.screen is None:
            super().complain(problem)
        else:
            self.screen.say(visible(problem), "red")

    @contextlib.contextmanager
    def blocked(
        self,
        call: "Call",
        give_up: Callable[[], None],
        send_to_background: Callable[[], object],
        hint: str,
    ) -> Iterator[None]:
        with contextlib.ExitStack() as stack:
            if self.screen is not None:
                since = {call.name: call.began}
                keys = hint if self._prompt else "Ctrl-C gives up"
                stack.enter_context(self.screen.show_blocked_calls(call.timeout, keys, since))
            if self._prompt is not None:
                stack.enter_context(self._prompt.hold(TypedAhead(), give_up, send_to_background))
            self._on_interrupt = give_up
            yield
            self._on_interrupt = self._drop_line

    async def read_lines(self, source: PromptSource) -> AsyncIterator[str]:
        """The lines that are typed, until Ctrl-D."""
        while True:
            typed = self._edited_by_terminal() if self._prompt is None else self._edited(source)
            async with contextlib.aclosing(typed):
                async for line in typed:
                    if self.screen is not None:
                        self.screen.skipping = False
                    yield line
            if source.may_leave():
                return

    async def _edited(self, source: PromptSource) -> AsyncGenerator[str]:
        assert self._prompt is not None
        self._prompt.source = source
        with contextlib.suppress(EOFError), self._prompt.raw_mode():
            while True:
                if self.screen is None:
                    await asyncio.sleep(READER_SECONDS)
                for line in await self._prompt.read():
                    yield line

    async def _edited_by_terminal(self) -> AsyncGenerator[str]:
        """The lines of a terminal that edits them by itself, and sends a signal for Ctrl-C."""
        with on_signal(signal.SIGINT, self._interrupt):
            self._print_prompt()
            async for batch in lines(sys.stdin.fileno()):
                for line in batch:
                    yield line
                self._print_prompt()

    def _interrupt(self) -> None:
        self._on_interrupt()

    def _drop_line(self) -> None:
        self._print(f"\n{HOW_TO_LEAVE}")
        self._print_prompt()

    def _print_prompt(self) -> None:
        self._above.write(f"{READY}{self.server.prompt}")
