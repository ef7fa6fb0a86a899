"""The prompt: its keys, its completions, and the history of the lines typed."""

import asyncio
import contextlib
import os
import signal
import sys
from collections.abc import Callable, Iterable, Iterator
from typing import TextIO

from prompt_toolkit import PromptSession
from prompt_toolkit.auto_suggest import AutoSuggestFromHistory
from prompt_toolkit.completion import CompleteEvent, Completer, Completion
from prompt_toolkit.document import Document
from prompt_toolkit.enums import DEFAULT_BUFFER
from prompt_toolkit.filters import Always, Condition, has_focus, is_searching
from prompt_toolkit.formatted_text import StyleAndTextTuples
from prompt_toolkit.history import FileHistory, History, InMemoryHistory
from prompt_toolkit.input.typeahead import get_typeahead, store_typeahead
from prompt_toolkit.key_binding import KeyBindings, KeyPressEvent
from prompt_toolkit.key_binding.bindings.search import abort_search
from prompt_toolkit.key_binding.key_processor import KeyPress
from prompt_toolkit.layout.processors import Processor, Transformation, TransformationInput
from prompt_toolkit.output import ColorDepth
from prompt_toolkit.shortcuts import CompleteStyle

from genreply_cli import paths
from genreply_cli.errors import os_error_text, tell
from genreply_cli.repl.frontend import PromptSource
from genreply_cli.repl.paste import MAX_IN_LINE, Keyboard, Pastes, unix_lines
from genreply_cli.repl.print_above import PromptOutput
from genreply_cli.repl.typed_ahead import TypedAhead
from genreply_cli.terminal.status_line import MAX_COLUMNS
from genreply_cli.text import HIDDEN, visible, well_formed

HOW_TO_LEAVE = "Ctrl-D, or /quit, leaves"
CONTINUATION = "... "  # before a further line of the same greeting
MAX_SHOWN = 200  # characters of a very long line that stay on the screen
MENU_ROWS = 6  # of the prompt and the menu below it, where the terminal has them
REFRESH_SECONDS = 0.1  # between two looks at the line above the prompt


class Prompt:
    """Reads lines on a terminal. `say_hint` prints a sentence above the prompt.

    `stop_drawing` leaves out the rows that are still to be drawn, if there are many. A `plain`
    prompt draws nothing but the line that is typed, with this text before it.
    """

    def __init__(
        self,
        say_hint: Callable[[str], None],
        stop_drawing: Callable[[], bool] = lambda: False,
        *,
        terminal: TextIO | None = None,
        plain: str | None = None,
        color: bool = False,
        keep_history: bool,
    ) -> None:
        self.source = PromptSource()
        self._say_hint = say_hint
        self._stop_drawing = stop_drawing
        self._color = color
        self._pastes = Pastes()
        self._pasted_lines: list[str] = []  # those of the line that was entered last
        self._plain = plain
        output = PromptOutput.from_pty(terminal or sys.stdout, os.environ.get("TERM"))
        output.enable_cpr = False  # its answer is wrong once a row is printed above the prompt
        self._session: PromptSession[str] = PromptSession(
            self._message,
            input=Keyboard(sys.stdin),
            output=output,
            color_depth=None if color else ColorDepth.DEPTH_1_BIT,
            history=_history() if keep_history else InMemoryHistory(),
            prompt_continuation=_continuation,
            key_bindings=self._key_bindings(),
            auto_suggest=AutoSuggestFromHistory() if plain is None else None,
            completer=CommandCompleter(self),
            input_processors=[HideBidi()],
            complete_while_typing=Condition(self._is_command) if plain is None else False,
            # in a menu of columns, all commands are there at once
            complete_style=CompleteStyle.MULTI_COLUMN
            if plain is None
            else CompleteStyle.READLINE_LIKE,
            reserve_space_for_menu=MENU_ROWS if plain is None else 0,
        )
        self.app = self._session.app
        self.app.before_render += self._fit_menu
        self._keyboard = self._session.app.input

    # --- reading -------------------------------------------------------------------------

    async def read(self) -> list[str]:
        """Read a line: the lines that it stands for. Raises EOFError at Ctrl-D."""
        line = await self._session.prompt_async(
            handle_sigint=False,
            set_exception_handler=False,  # which would ask for Enter, where a terminal may be gone
        )
        pasted, self._pasted_lines = self._pasted_lines, []
        return list(map(well_formed, pasted or [line]))

    @contextlib.contextmanager
    def raw_mode(self) -> Iterator[None]:
        """Keep the terminal from echoing keys between two prompts."""
        loop = asyncio.get_running_loop()
        loop.add_signal_handler(signal.SIGCONT, self._go_on)
        try:
            with self._keyboard.raw_mode():
                yield
        finally:
            loop.remove_signal_handler(signal.SIGCONT)

    def _go_on(self) -> None:
        """After a stop: the shell has had the terminal, and its settings, and the cursor."""
        self._keyboard.raw_mode().__enter__()  # `raw_mode` restores what was there before it
        if self.app.is_running:
            self.app.renderer.reset()
            self.app.invalidate()

    @contextlib.contextmanager
    def hold(
        self,
        ahead: TypedAhead,
        on_interrupt: Callable[[], object],
        on_suspend: Callable[[], object],
        on_typed: Callable[[], object] = lambda: None,
    ) -> Iterator[None]:
        """Read the keys while there is no prompt: Ctrl-C, Ctrl-Z, and those typed ahead.

        The next prompts get what is typed ahead; `on_typed` is called when it has changed.
        """

        def take(presses: Iterable[KeyPress]) -> None:
            for press in presses:
                if press.key == "c-c":
                    on_interrupt()
                elif press.key == "c-z":
                    on_suspend()
                else:
                    ahead.add(press)
            on_typed()

        try:
            with (
                self._keyboard.raw_mode(),
                self._keyboard.attach(lambda: take(self._keyboard.read_keys())),
            ):
                take(get_typeahead(self._keyboard))
                yield
        finally:
            store_typeahead(self._keyboard, ahead.presses())

    # --- what it shows -------------------------------------------------------------------

    def _message(self) -> StyleAndTextTuples:
        if self._plain is not None:
            return [("", f"{self._plain}{self.source.prompt}")]
        waiting = None if self.app.is_done else self.source.waiting()
        prompt: StyleAndTextTuples = [("", self.source.prompt)]
        rows, columns = self.app.output.get_size()
        if waiting is None or rows == 1:
            return prompt
        line = waiting[: max(1, min(MAX_COLUMNS, columns - 1))]
        return [("fg:ansigray" if self._color else "", line), ("", "\n"), *prompt]

    def _fit_menu(self, _: object) -> None:
        """Let the menu have no more rows than the terminal: the prompt would vanish."""
        if self._plain is not None:
            return
        above = 2  # the line that says who waits, and the one of a search
        rows = self.app.output.get_size().rows
        self._session.reserve_space_for_menu = max(0, min(MENU_ROWS, rows - above))

    async def refresh(self) -> None:
        """Draw the prompt again whenever the line above it has changed. Runs until cancelled."""
        shown: str | None = None
        while True:
            await asyncio.sleep(REFRESH_SECONDS)
            waiting = self.source.waiting()
            if waiting != shown:
                self.app.invalidate()
            shown = waiting

    def completions(self, document: Document) -> Iterator[Completion]:
        """What the last word before the cursor may become."""
        line = document.text_before_cursor
        word = line.rpartition(" ")[2]
        for completed, meaning in self.source.complete(line):
            yield Completion(completed, -len(word), display_meta=meaning)

    def _is_command(self) -> bool:
        return self._session.default_buffer.text.startswith("/")

    # --- keys ----------------------------------------------------------------------------

    def _key_bindings(self) -> KeyBindings:
        bindings = KeyBindings()
        for keys, handler, condition in (
            (["c-c"], abort_search, is_searching),
            (["c-c"], self._clear_line, ~is_searching),
            (["c-z"], self._ignore, Always()),
            (["backspace"], self._delete, Always()),
            (["tab"], self._complete, Always()),
            (["escape", "enter"], self._start_line, Always()),
            (["enter"], self._enter_pastes, has_focus(DEFAULT_BUFFER) & Condition(self._has_paste)),
            (["<bracketed-paste>"], self._paste, Always()),
        ):
            bindings.add(*keys, filter=condition)(handler)
        return bindings

    def _clear_line(self, event: KeyPressEvent) -> None:
        if self._stop_drawing():
            return
        if event.current_buffer.text:
            event.current_buffer.reset()
        else:
            self._say_hint(HOW_TO_LEAVE)

    def _ignore(self, _: KeyPressEvent) -> None:
        """Ctrl-Z may have been meant for a call that has just had its reply."""

    def _delete(self, event: KeyPressEvent) -> None:
        before = event.current_buffer.document.text_before_cursor
        placeholder = self._pastes.placeholder_at_end(before)
        event.current_buffer.delete_before_cursor(len(placeholder) or 1)

    def _complete(self, event: KeyPressEvent) -> None:
        """Complete at once: a completion in the background would miss a Tab that comes early.

        The only completion is taken, so that the next Tab completes what follows it.
        """
        buffer = event.current_buffer
        menu = buffer.complete_state  # it may be there already, while one types
        found = menu.completions if menu else list(self.completions(buffer.document))
        if len(found) == 1:
            buffer.apply_completion(found[0])
        elif menu:
            buffer.complete_next()
        elif found:
            buffer.start_completion()

    def _start_line(self, event: KeyPressEvent) -> None:
        event.current_buffer.insert_text("\n")

    def _has_paste(self) -> bool:
        return self._pastes.are_in(self._session.default_buffer.text)

    def _enter_pastes(self, event: KeyPressEvent) -> None:
        """Enter a line with placeholders: the history and the screen have what they stand for."""
        buffer = event.current_buffer
        self._pasted_lines = self._pastes.expand(buffer.text)
        first = self._pasted_lines[0]
        for line in self._pasted_lines:
            if line.strip() and len(line) <= MAX_IN_LINE:
                buffer.history.append_string(line)
        long = len(first) > MAX_IN_LINE
        buffer.text = f"{first[:MAX_SHOWN]}… ({len(first):,} characters)" if long else first
        event.app.exit(result=first)

    def _paste(self, event: KeyPressEvent) -> None:
        text = unix_lines(event.data).removesuffix("\n")
        buffer = event.current_buffer
        if "\n" in text:
            text = self._pastes.add(text)
        elif len(buffer.text) + len(text) > MAX_IN_LINE:
            # the terminal sends a long paste in pieces; they become one
            line = buffer.document
            whole = line.text_before_cursor + text + line.text_after_cursor
            text = self._pastes.add("\n".join(self._pastes.expand(whole)))
            buffer.reset()
        buffer.insert_text(text)


class CommandCompleter(Completer):
    """Completes commands and their arguments."""

    def __init__(self, prompt: Prompt) -> None:
        self._prompt = prompt

    def get_completions(self, document: Document, _: CompleteEvent) -> Iterable[Completion]:
        return self._prompt.completions(document)


class HideBidi(Processor):
    """Shows no character of the line that changes the direction of writing.

    prompt_toolkit itself shows control characters as `^A`.
    """

    def apply_transformation(self, transformation_input: TransformationInput) -> Transformation:
        fragments = transformation_input.fragments
        return Transformation([(style, _hide_bidi(text)) for style, text, *_ in fragments])


def _hide_bidi(text: str) -> str:
    if text.isascii():
        return text
    return HIDDEN.sub(lambda found: found[0] if found[0] < "\xa0" else "\ufffd", text)


def _continuation(width: int, _: int, wrap_count: int) -> str:
    """What stands before a further line of the same greeting; nothing before a wrapped part."""
    return "" if wrap_count else f"{CONTINUATION:>{width}}"


class WellFormedHistory(FileHistory):
    """A file of lines, which are UTF-8 whatever bytes were typed."""

    def append_string(self, string: str) -> None:
        super().append_string(well_formed(string))


def _history() -> History:
    try:
        return WellFormedHistory(str(paths.history()))
    except OSError as error:
        where = f": {visible(str(error.filename))}" if error.filename else ""
        tell(f"note: what is typed is not kept: {os_error_text(error)}{where}")
        return InMemoryHistory()
