"""The REPL on a terminal: prompt_toolkit reads, Rich draws, and only one of them has the screen at a time.

While the prompt is open, prompt_toolkit has it, and rows are printed above the prompt. While a call blocks, Rich has it: the log
grows, one transient line says how long it has been, and the keyboard is held, so that Ctrl-C gives up this call alone and what is
typed ahead waits for the next prompt. The keyboard stays in raw mode from the first prompt to the last: nothing is ever echoed
between two of them.
"""

import asyncio
import contextlib
import os
import sys
import time
from collections import deque
from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from functools import partial
from typing import TYPE_CHECKING

from genreply_cli import paths
from genreply_cli.errors import os_error_text
from genreply_cli.repl.frontend import INTRODUCTION, Frontend, Typist
from genreply_cli.repl.print_above import Above
from genreply_cli.terminal.output import OutputOptions
from genreply_cli.terminal.resize import rewraps, track_resize
from genreply_cli.terminal.screen import Screen
from genreply_cli.terminal.status_line import MAX_COLUMNS
from genreply_cli.text import HIDDEN, visible
from genreply_cli.transcript.step import Step

if TYPE_CHECKING:
    from prompt_toolkit.completion import Completer, Completion
    from prompt_toolkit.document import Document
    from prompt_toolkit.filters import Condition
    from prompt_toolkit.formatted_text import StyleAndTextTuples
    from prompt_toolkit.history import History
    from prompt_toolkit.key_binding import KeyBindings, KeyPressEvent
    from prompt_toolkit.key_binding.key_processor import KeyPress
    from prompt_toolkit.layout.processors import Processor, TransformationInput

    from genreply_cli.session.callers import Call

PROMPT = "greet> "
REFRESH = 0.1  # seconds between two pictures of who waits
FRAME = 0.02  # seconds between something to be drawn and its drawing: what comes together is drawn together
SLICE = 0.005  # seconds of drawing, before keys get their turn
WHOLE = 1000  # characters of an answer that are shown; /show has the rest
PASTE = 2000  # characters that may be pasted into the line; more would make it slow, and a placeholder stands for them


class Terminal(Frontend):
    """A session's face on a terminal."""

    interactive = True

    def __init__(self, wishes: OutputOptions | None = None, *, history: bool = True) -> None:
        from prompt_toolkit import PromptSession
        from prompt_toolkit.auto_suggest import AutoSuggestFromHistory
        from prompt_toolkit.output import ColorDepth
        from prompt_toolkit.output.vt100 import Vt100_Output

        from genreply_cli.repl.paste import Keyboard

        self._above = Above(sys.stdout)
        super().__init__(Screen(self._above, wishes))  # type: ignore[arg-type]  # all that it needs of a stream
        self.show = self._draw
        self._jobs: deque[Callable[[], None]] = deque()  # what is to be drawn
        self._held = False  # somebody else has the screen
        self._wishes = wishes
        self._typist: Typist | None = None
        self._pasted: list[str] = []  # what the placeholders in the line stand for
        self._ahead: deque[str] = deque()  # pasted lines, to be sent one after the other
        output = Vt100_Output.from_pty(sys.stdout, os.environ.get("TERM"))
        output.enable_cpr = (
            False  # where the cursor is is out of date as soon as a row is printed above the prompt
        )
        self.prompt: PromptSession[str] = PromptSession(
            self._message,
            input=Keyboard(sys.stdin),
            output=output,
            color_depth=None if self._screen.mode.color else ColorDepth.DEPTH_1_BIT,
            history=_history(keep=history),
            key_bindings=self._keys(),
            auto_suggest=AutoSuggestFromHistory(),
            completer=self._completer(),
            input_processors=self._shown(),
            complete_while_typing=self._begins_with_slash(),
            reserve_space_for_menu=6,
        )
        self._above.attach(self.prompt.app)
        if rewraps():
            track_resize(self.prompt.app)

    # --- what is shown --------------------------------------------------------------------------------------------------------

    @property
    def draws(self) -> bool:
        """Whether the timeline shows what becomes of calls that nobody blocks on."""
        return self._screen.mode.view != "off"

    def _draw(self, step: Step) -> None:
        self._later(partial(self._screen.show, step))

    @property
    def _screen(self) -> Screen:
        assert self.screen is not None
        return self.screen

    def _later(self, job: Callable[[], None]) -> None:
        """Draw this in its turn: a thousand rows at once must not keep anybody from typing."""
        self._jobs.append(job)
        if len(self._jobs) == 1:
            asyncio.get_running_loop().call_later(FRAME, self._some)

    def _some(self) -> None:
        until = time.monotonic() + SLICE
        while self._jobs and not self._held:
            self._jobs[0]()
            self._jobs.popleft()
            if time.monotonic() > until and self._jobs:
                asyncio.get_running_loop().call_later(SLICE, self._some)
                return

    def close(self) -> None:
        """Draw what is still to be drawn."""
        while self._jobs:
            self._jobs.popleft()()
        self._above.flush()

    def _print(self, text: str, style: str = "") -> None:
        self._later(partial(self._screen.say, text, style))

    def introduce(self) -> None:
        """What one is told first."""
        self._print(INTRODUCTION[0])
        self._print(INTRODUCTION[1], "dim")

    def answer(self, call: str, reply: str) -> None:
        """An answer has come."""
        more = (
            ""
            if len(reply) <= WHOLE
            else f"… ({len(reply):,} characters; /show {call} has them all)"
        )
        self._print(visible(reply[:WHOLE]) + more, "bold")

    def say(self, text: str) -> None:
        """Something that was asked for."""
        self._print(text)

    def tell(self, tell: Callable[[Screen], None]) -> None:
        """Something that draws itself."""
        self._later(partial(tell, self._screen))

    def complain(self, problem: str) -> None:
        """Something went wrong."""
        self._print(visible(problem), "red")

    def clear(self) -> None:
        """Clear the screen."""
        self.prompt.app.renderer.clear()

    async def replay(self, path: str) -> None:
        """Play a transcript on the whole screen. What happens meanwhile is shown afterwards."""
        from genreply_cli.player.app import run_player_inside
        from genreply_cli.player.state import State
        from genreply_cli.transcript.index import indexed
        from genreply_cli.transcript.reader import read

        self._some()
        self._held = True
        try:
            with contextlib.closing(read(path)[1]) as steps:
                await run_player_inside(indexed(steps), State(), self._wishes)
        finally:
            self._held = False
            if self._jobs:
                asyncio.get_running_loop().call_soon(self._some)

    # --- what is typed --------------------------------------------------------------------------------------------------------

    def _message(self) -> "StyleAndTextTuples":
        waiting = (
            None if self._typist is None or self.prompt.app.is_done else self._typist.waiting()
        )
        prompt: StyleAndTextTuples = [("", PROMPT)]
        if waiting is None:
            return prompt
        line = waiting[: max(1, min(MAX_COLUMNS, self._screen.width - 1))]
        return [("fg:ansigray" if self._screen.mode.color else "", line), ("", "\n"), *prompt]

    async def typed(self, typist: Typist) -> AsyncIterator[str]:
        """The lines, as they are typed. The prompt is open only while one is waited for."""
        self._typist = typist
        ticking = asyncio.get_running_loop().create_task(self._tick())
        try:
            with self.prompt.app.input.raw_mode():
                while True:
                    while self._ahead:
                        line = self._ahead.popleft()
                        self._print(f"{PROMPT}{visible(line)}", "dim")
                        yield line
                    self._some()  # first what has happened, if it is little, then the prompt
                    text = await self.prompt.prompt_async(handle_sigint=False)
                    first, *others = self._unfold(text)
                    self._ahead.extend(others)
                    yield first
        except EOFError:
            return
        finally:
            ticking.cancel()

    async def _tick(self) -> None:
        before: str | None = None
        while True:
            await asyncio.sleep(REFRESH)
            now = None if self._typist is None else self._typist.waiting()
            if now != before:
                self.prompt.app.invalidate()
            before = now

    def _unfold(self, text: str) -> list[str]:
        """The lines that a line stands for: what was pasted as several lines is sent as several."""
        for number, pasted in enumerate(self._pasted, start=1):
            text = text.replace(_label(number, pasted), pasted.replace("\n", _BREAK))
        self._pasted.clear()
        return text.split(_BREAK)

    @contextlib.contextmanager
    def blocked(
        self, call: "Call", give_up: Callable[[], None], aside: Callable[[], object]
    ) -> Iterator[None]:
        """A call blocks: show for how long, and hold the keyboard."""
        from prompt_toolkit.input.typeahead import get_typeahead, store_typeahead

        from genreply_cli.repl.paste import kept

        keyboard = self.prompt.app.input
        before = get_typeahead(keyboard)
        ahead: list[KeyPress] = []

        def on_keys() -> None:
            for press in keyboard.read_keys():
                if press.key == "c-c":
                    self._drop_the_rest()
                    give_up()
                elif press.key == "c-z":
                    aside()
                else:
                    ahead.append(press)

        hint = "Ctrl-C give up   Ctrl-Z background"
        try:
            with (
                keyboard.raw_mode(),
                keyboard.attach(on_keys),
                self._screen.show_blocked_calls(call.timeout, hint, {call.name: call.began}),
            ):
                yield
        finally:
            store_typeahead(
                keyboard, before + kept(ahead)
            )  # what was typed before the call comes first

    def _drop_the_rest(self) -> None:
        if self._ahead:
            self.complain(f"the other {len(self._ahead)} lines of what was pasted are not sent")
            self._ahead.clear()

    def _keys(self) -> "KeyBindings":
        from prompt_toolkit.filters import is_searching
        from prompt_toolkit.key_binding import KeyBindings
        from prompt_toolkit.key_binding.bindings.search import abort_search

        keys = KeyBindings()

        keys.add("c-c", filter=is_searching)(abort_search)

        @keys.add("c-z")
        def _(_: "KeyPressEvent") -> None:
            """It may have been meant for a call that has just had its reply."""

        @keys.add("backspace")
        def _(press: "KeyPressEvent") -> None:
            before = press.current_buffer.document.text_before_cursor
            labels = (_label(number, pasted) for number, pasted in enumerate(self._pasted, start=1))
            press.current_buffer.delete_before_cursor(
                next((len(label) for label in labels if before.endswith(label)), 1)
            )

        @keys.add("c-c", filter=~is_searching)
        def _(press: "KeyPressEvent") -> None:
            if press.current_buffer.text:
                press.current_buffer.reset()
            else:
                self._print("Ctrl-D, or /quit, leaves", "dim")

        @keys.add("tab")
        def _(press: "KeyPressEvent") -> None:
            """Complete at once: what completes while one types would lose a Tab that comes before it is through."""
            buffer = press.current_buffer
            words = [] if buffer.complete_state else list(self._words(buffer.document))
            if len(words) == 1:
                buffer.apply_completion(words[0])
            elif words:
                buffer.start_completion()
            elif buffer.complete_state:
                buffer.complete_next()

        @keys.add("escape", "enter")
        def _(press: "KeyPressEvent") -> None:
            press.current_buffer.insert_text("\n")

        @keys.add("<bracketed-paste>")
        def _(press: "KeyPressEvent") -> None:
            text = press.data.replace("\r\n", "\n").replace("\r", "\n").removesuffix("\n")
            buffer = press.current_buffer
            if "\n" in text:
                self._pasted.append(text)
                text = _label(len(self._pasted), text)
            elif (
                len(buffer.text) + len(text) > PASTE
            ):  # all of it is one paste, which comes bit by bit
                before, after = (
                    buffer.document.text_before_cursor,
                    buffer.document.text_after_cursor,
                )
                self._pasted = ["\n".join(self._unfold(before + text + after))]
                buffer.reset()
                text = _label(1, self._pasted[0])
            buffer.insert_text(text)

        return keys

    def _begins_with_slash(self) -> "Condition":
        from prompt_toolkit.filters import Condition

        return Condition(lambda: self.prompt.default_buffer.text.startswith("/"))

    def _completer(self) -> "Completer":
        from prompt_toolkit.completion import Completer

        class Words(Completer):
            def get_completions(_, document: "Document", __: object) -> "Iterable[Completion]":  # noqa: N805
                return self._words(document)

        return Words()

    def _words(self, document: "Document") -> "Iterator[Completion]":
        from prompt_toolkit.completion import Completion

        line = document.text_before_cursor
        known = line.rpartition(" ")[2]
        for word, meaning in () if self._typist is None else self._typist.complete(line):
            yield Completion(word, -len(known), display_meta=meaning)

    def _shown(self) -> "list[Processor]":
        from prompt_toolkit.layout.processors import Processor, Transformation

        class Visible(Processor):
            def apply_transformation(
                self, transformation_input: "TransformationInput"
            ) -> Transformation:
                return Transformation(
                    [(part[0], _steered(part[1])) for part in transformation_input.fragments]
                )

        return [Visible()]


def _steered(text: str) -> str:
    """A part of the line, in which no character changes the direction of writing. Control characters are shown as ^A anyway."""
    return (
        text
        if text.isascii()
        else HIDDEN.sub(lambda hidden: hidden[0] if hidden[0] < "\xa0" else "\ufffd", text)
    )


_BREAK = "\0\n"  # where a pasted line ends, and not one that was made with Alt-Enter


def _label(number: int, pasted: str) -> str:
    """What stands in the line for something that was pasted."""
    lines = pasted.count("\n") + 1
    return f"[pasted {number}: {f'{lines} lines' if lines > 1 else f'{len(pasted):,} characters'}]"


def _history(*, keep: bool) -> "History":
    from prompt_toolkit.history import FileHistory, InMemoryHistory

    class Typed(FileHistory):
        def append_string(self, string: str) -> None:
            """What stands for a paste would mean nothing later."""
            if "[pasted " not in string:
                super().append_string(string)

    if keep:
        try:
            return Typed(str(paths.history()))
        except OSError as error:
            print(
                f"note: what is typed is not kept: {os_error_text(error)}",
                file=sys.stderr,
            )
    return InMemoryHistory()
