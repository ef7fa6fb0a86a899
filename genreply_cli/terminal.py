"""The REPL on a terminal: prompt_toolkit reads, Rich draws, and only one of them has the screen at a time.

While the prompt is open, prompt_toolkit has it, and rows are printed above the prompt. While a call blocks, Rich has it: the log
grows, one transient line says how long it has been, and the keyboard is held in raw mode, so that Ctrl-C gives up this call alone
and what is typed ahead waits for the next prompt.
"""

import asyncio
import contextlib
import signal
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from typing import TYPE_CHECKING

from genreply_cli import __version__, state
from genreply_cli.face import Face
from genreply_cli.screen import Screen, Wishes
from genreply_cli.visible import visible

if TYPE_CHECKING:
    from prompt_toolkit import PromptSession
    from prompt_toolkit.history import History
    from prompt_toolkit.key_binding import KeyBindings, KeyPressEvent
    from prompt_toolkit.key_binding.key_processor import KeyPress

PROMPT = "greet> "


class Terminal(Face):
    """A session's face on a terminal."""

    def __init__(self, wishes: Wishes | None = None, *, history: bool = True) -> None:
        import prompt_toolkit

        self.screen = Screen(sys.stdout, wishes, follow_stdout=True)
        self.show = self.screen.show
        self._give_up: Callable[[], None] | None = None  # while a call blocks
        keys = _keys(self._hint)
        self.prompt: PromptSession[str] = prompt_toolkit.PromptSession(history=_history(keep=history), key_bindings=keys)

    def answer(self, reply: str) -> None:
        """An answer has come."""
        self.screen.say(visible(reply), "bold")

    def say(self, text: str) -> None:
        """Something that was asked for."""
        self.screen.say(text)

    def complain(self, problem: str) -> None:
        """Something went wrong."""
        self.screen.say(visible(problem), "red")

    def _hint(self) -> None:
        self.screen.say("Ctrl-D, or /quit, leaves", "dim")

    async def typed(self) -> AsyncIterator[str]:
        """The lines, as they are typed. The prompt is open only while one is waited for."""
        from prompt_toolkit.patch_stdout import patch_stdout

        self.screen.say(f"genreply {__version__}: a line is a greeting, and blocks until its deferred reply")
        self.screen.say("/help lists the commands; Ctrl-D leaves", "dim")
        loop = asyncio.get_running_loop()
        loop.add_signal_handler(signal.SIGINT, self._interrupted)  # between two raw modes, Ctrl-C is a signal
        try:
            while True:
                with patch_stdout(raw=True):
                    line = await self.prompt.prompt_async(PROMPT, handle_sigint=False)
                yield line
        except EOFError:
            return
        finally:
            loop.remove_signal_handler(signal.SIGINT)

    def _interrupted(self) -> None:
        if self._give_up is not None:
            self._give_up()

    @contextlib.contextmanager
    def blocked(self, call: str, timeout: float | None, give_up: Callable[[], None]) -> Iterator[None]:
        """A call blocks: show for how long, and hold the keyboard."""
        from prompt_toolkit.input.typeahead import get_typeahead, store_typeahead

        keyboard = self.prompt.app.input
        before = get_typeahead(keyboard)
        ahead: list[KeyPress] = []

        def on_keys() -> None:
            for press in keyboard.read_keys():
                if press.key == "c-c":
                    give_up()
                elif press.key in ("c-h", "backspace"):
                    del ahead[-1:]
                elif press.key == "<bracketed-paste>" or (len(press.key) == 1 and press.data >= " "):
                    ahead.append(press)

        self._give_up = give_up
        try:
            with keyboard.raw_mode(), keyboard.attach(on_keys), self.screen.telling(timeout, "Ctrl-C give up"):
                yield
        finally:
            self._give_up = None
            store_typeahead(keyboard, before + ahead)  # what was typed before the call comes first


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
            print(f"note: what is typed is not kept: {visible(error.strerror or str(error))}", file=sys.stderr)
    return InMemoryHistory()
