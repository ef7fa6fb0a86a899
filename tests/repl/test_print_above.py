"""Rows above the prompt: every screen between two writes of the program."""

import asyncio
import os
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager

import pytest
from terminals import PATIENCE, EmulatedTerminal

from genreply_cli.repl.frontend import PromptSource
from genreply_cli.repl.terminal_frontend import TerminalFrontend
from genreply_cli.transcript.step import Step

CALL = Step(1, 0.0, "call", "c1", source="caller", target="coordinator", message="A")
REPLY = Step(2, 0.25, "reply", "c1", source="coordinator", target="caller", message="A to you too!")
PROMPT = "greet> half typed"


class Session:
    """A frontend on an emulated terminal, and the keyboard of the terminal."""

    def __init__(self, terminal: EmulatedTerminal, keyboard: int) -> None:
        self.frontend = TerminalFrontend(keep_history=False)
        self.waiting: str | None = None
        self.terminal = terminal
        self._keyboard = keyboard

    def show(self, step: Step) -> None:
        assert self.frontend.show
        self.frontend.show(step)

    def type(self, keys: str) -> None:
        os.write(self._keyboard, keys.encode())

    async def wait_for(self, shown: str) -> None:
        """Wait until a row has this in it."""
        async with asyncio.timeout(PATIENCE):
            while not any(shown in row for row in self.terminal.rows):  # noqa: ASYNC110 - no event
                await asyncio.sleep(0)

    @asynccontextmanager
    async def half_typed(self) -> AsyncIterator[None]:
        """The prompt is open, with a line that is half typed; `screens` begin here."""

        async def read() -> None:
            async for line in self.frontend.read_lines(PromptSource(lambda: self.waiting)):
                assert line == f"{PROMPT}!".removeprefix("greet> ")

        reading = asyncio.create_task(read())
        await self.wait_for("greet>")
        self.type(PROMPT.removeprefix("greet> "))
        await self.wait_for(PROMPT)
        self.terminal.screens.clear()
        yield
        self.type("!\r")
        await self.wait_for(f"{PROMPT}!")
        self.type("\x04")
        await reading


@pytest.fixture
def session(monkeypatch: pytest.MonkeyPatch) -> Iterator[Session]:
    monkeypatch.setenv("TERM", "xterm-256color")
    keyboard, stdin = os.openpty()
    with EmulatedTerminal() as terminal, os.fdopen(stdin) as keys:
        monkeypatch.setattr(sys, "stdout", terminal)
        monkeypatch.setattr(sys, "stdin", keys)
        yield Session(terminal, keyboard)
    os.close(keyboard)


def test_a_row_and_the_prompt_below_it_are_one_write(session: Session) -> None:
    async def play() -> None:
        async with session.half_typed():
            session.show(CALL)
            await session.wait_for("call")
            session.show(REPLY)
            await session.wait_for("reply")
            assert all(rows[-1] == PROMPT for rows in session.terminal.screens)

    asyncio.run(play())


def test_a_call_leaves_the_line_above_the_prompt_in_the_write_that_shows_its_reply(
    session: Session,
) -> None:
    session.waiting = "waiting: c1"

    async def play() -> None:
        async with session.half_typed():
            session.show(REPLY)
            session.waiting = None
            session.type("!\x7f")  # draws the prompt, before the row would be due
            await session.wait_for("reply")
            await session.wait_for(PROMPT)
            for rows in session.terminal.screens:
                assert rows[-2] == "waiting: c1" or "reply" in rows[-2]

    asyncio.run(play())
