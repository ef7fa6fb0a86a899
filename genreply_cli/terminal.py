"""The REPL on a terminal: prompt_toolkit reads, Rich draws, and only one of them has the screen at a time.

While the prompt is open, prompt_toolkit has it, and rows are printed above the prompt. While a call blocks, Rich has it: the log
grows, one transient line says how long it has been, and the keyboard is held in raw mode, so that Ctrl-C gives up this call alone
and what is typed ahead waits for the next prompt.
"""

import asyncio
import contextlib
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from typing import TYPE_CHECKING

from genreply_cli import __version__, state
from genreply_cli.face import Face
from genreply_cli.screen import console_on, draw_on
from genreply_cli.visible import visible

if TYPE_CHECKING:
    from prompt_toolkit import PromptSession
    from prompt_toolkit.history import History
    from prompt_toolkit.key_binding import KeyBindings, KeyPressEvent

PROMPT = "greet> "
PATIENCE = 0.1  # seconds of a call that nobody is told about, and the time between two pictures of the line after that


class Terminal(Face):
    """A session's face on a terminal."""

    def __init__(self, *, history: bool = True) -> None:
        import prompt_toolkit

        self.console = console_on(None)
        self.show = draw_on(self.console)
        self.ahead = ""  # typed while a call blocked
        self._blocks = False
        keys = _keys(self._hint)
        self.prompt: PromptSession[str] = prompt_toolkit.PromptSession(history=_history(keep=history), key_bindings=keys)

    def answer(self, reply: str) -> None:
        """An answer has come."""
        self._print(visible(reply), "bold")

    def say(self, text: str) -> None:
        """Something that was asked for."""
        self._print(text)

    def complain(self, problem: str) -> None:
        """Something went wrong."""
        self._print(visible(problem), "red")

    def _print(self, text: str, style: str = "") -> None:
        self.console.print(text, style=style, soft_wrap=True)

    def _hint(self) -> None:
        self._print("Ctrl-D, or /quit, leaves", "dim")

    async def typed(self) -> AsyncIterator[str]:
        """The lines, as they are typed. The prompt is open only while one is waited for."""
        from prompt_toolkit.patch_stdout import patch_stdout

        self._print(f"genreply {__version__}: a line is a greeting, and blocks until its deferred reply")
        self._print("/help lists the commands; Ctrl-D leaves", "dim")
        while True:
            ahead, self.ahead = self.ahead, ""
            try:
                with patch_stdout(raw=True):
                    line = await self.prompt.prompt_async(PROMPT, default=ahead, handle_sigint=False)
            except EOFError:
                return
            yield line

    @contextlib.contextmanager
    def blocked(self, call: str, timeout: float | None, give_up: Callable[[], None]) -> Iterator[None]:
        """A call blocks: show for how long, and hold the keyboard."""
        from rich.live import Live
        from rich.text import Text

        clock = asyncio.get_running_loop().time
        began = clock()
        limit = "" if timeout is None else f"/{timeout:.1f}"
        keyboard = self.prompt.app.input

        def on_keys() -> None:
            for press in keyboard.read_keys():
                if press.key == "c-c":
                    give_up()
                elif press.key in ("c-h", "backspace"):
                    self.ahead = self.ahead[:-1]
                elif press.key == "<bracketed-paste>" or (len(press.key) == 1 and press.data.isprintable()):
                    self.ahead += press.data

        live = Live(console=self.console, transient=True, auto_refresh=False)

        async def tell() -> None:
            await asyncio.sleep(PATIENCE)
            live.start()
            while True:
                line = f"{call} blocked {clock() - began:.1f}{limit} s   Ctrl-C give up"
                live.update(Text(line[: min(60, self.console.width - 1)], style="dim"), refresh=True)
                await asyncio.sleep(PATIENCE)

        with keyboard.raw_mode(), keyboard.attach(on_keys):
            telling = asyncio.ensure_future(tell())
            try:
                yield
            finally:
                telling.cancel()
                live.stop()


def _keys(hint: Callable[[], None]) -> "KeyBindings":
    from prompt_toolkit.application import run_in_terminal
    from prompt_toolkit.key_binding import KeyBindings

    keys = KeyBindings()

    @keys.add("c-c")
    def _(press: "KeyPressEvent") -> None:
        if press.current_buffer.text:
            press.current_buffer.reset()
        else:
            run_in_terminal(hint)

    return keys


def _history(*, keep: bool) -> "History":
    from prompt_toolkit.history import FileHistory, InMemoryHistory

    if keep:
        try:
            return FileHistory(str(state.history()))
        except OSError as error:
            print(f"note: what is typed is not kept: {visible(str(error))}", file=sys.stderr)
    return InMemoryHistory()
