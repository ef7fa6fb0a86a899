"""How a REPL session shows itself and what it is typed into, where there is no terminal. `terminal.Terminal` is the other one."""

import sys
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractContextManager, nullcontext

from genreply_cli.errors import complain
from genreply_cli.lines import lines
from genreply_cli.visible import visible


class Face:
    """How a session shows itself where there is no terminal: answers on stdout, complaints on stderr, no prompt."""

    def answer(self, reply: str) -> None:
        """An answer has come."""
        print(visible(reply), flush=True)

    def say(self, text: str) -> None:
        """Something that was asked for."""
        print(text, flush=True)

    def complain(self, problem: str) -> None:
        """Something went wrong."""
        complain(problem, 1)

    def blocked(self, call: str, timeout: float | None, give_up: Callable[[], None]) -> AbstractContextManager[None]:
        """A call blocks; `give_up` ends it."""
        return nullcontext()

    async def typed(self) -> AsyncIterator[str]:
        """The lines, as they are typed."""
        async for some in lines(sys.stdin.fileno()):
            for line in some:
                yield line
