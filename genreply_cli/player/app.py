"""The player on a terminal: it takes the whole screen, and gives it back."""

import asyncio
import contextlib
import os
import sys
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import PurePath
from typing import TYPE_CHECKING, Final, TextIO

from genreply_cli.player.following import Follower
from genreply_cli.player.keys import NAMED_KEYS
from genreply_cli.player.panels import Row, Style
from genreply_cli.player.playback import Playback
from genreply_cli.player.state import State, place
from genreply_cli.player.view import render
from genreply_cli.session.signals import on_termination
from genreply_cli.terminal.output import OutputOptions, choose_mode
from genreply_cli.text import visible
from genreply_cli.transcript.index import Index

if TYPE_CHECKING:
    from prompt_toolkit import Application
    from prompt_toolkit.key_binding import KeyBindings, KeyPressEvent

ESCAPE_SECONDS: Final = 0.05  # until Escape is a key, and not the beginning of another one
MIN_REDRAW_SECONDS: Final = 0.02  # between two pictures


def can_run(options: OutputOptions | None = None) -> bool:
    """Whether this terminal can be redrawn, and has a keyboard."""
    mode = choose_mode(sys.stdout, options or OutputOptions())
    if not mode.can_redraw or mode.view == "off":
        return False
    with contextlib.suppress(OSError), _keyboard():
        return True
    return False


def run_player(
    index: Index,
    state: State,
    options: OutputOptions | None = None,
    follower: Follower | None = None,
) -> Index:
    """Play a transcript on the whole screen until the user leaves; print one line about it.

    With a `follower`, go on with what is written, and with a transcript that takes the place of
    this one. Returns the index of the last one. Raises Terminated after SIGTERM or SIGHUP.
    """
    with _keyboard() as keyboard:
        last, left = asyncio.run(_play_on_screen(index, state, options, keyboard, follower))
    with contextlib.suppress(OSError):  # the terminal may be gone
        print(summary(last, left), flush=True)
    return last


async def run_player_inside(
    index: Index, state: State, options: OutputOptions | None = None
) -> None:
    """The same inside a running program, which handles signals itself. Nothing is printed."""
    await _FullScreen(index, state, options, sys.stdin).run()


def summary(index: Index, state: State) -> str:
    """The line that stays: `lunch.jsonl: 37 events, 9.600 s; stopped at event 4 (+0.251 s)`."""
    name = visible(PurePath(index.name).name)
    step = index.step(state.number)
    if step is None:
        return f"{name}: no events"
    more = "" if index.counted else " or more"
    duration = "" if index.last_time is None else f", {index.last_time:.3f} s"
    number, count = place(state, index)
    some = "" if state.call_filter is None else f"{count} of "
    events = f"{some}{index.total} event{'' if index.total == 1 else 's'}{more}{duration}"
    notes = "".join(
        f"; {note.removeprefix(visible(index.name)).lstrip(':, ')}" for note in index.notes
    )
    return f"{name}: {events}; stopped at event {number} (+{step.t:.3f} s){notes}"


@contextlib.contextmanager
def _keyboard() -> Iterator[TextIO]:
    """Stdin, or the terminal where stdin is something else. Raises OSError if there is none."""
    if sys.stdin.isatty():
        yield sys.stdin
    else:
        with open(os.ctermid()) as terminal:  # noqa: PTH123  # it is no file
            yield terminal


async def _play_on_screen(
    index: Index,
    state: State,
    options: OutputOptions | None,
    keyboard: TextIO,
    follower: Follower | None,
) -> tuple[Index, State]:
    player = _FullScreen(index, state, options, keyboard, follower)
    with on_termination(player.stop):
        return await player.run()


class _FullScreen:
    """A playback that draws itself with prompt_toolkit, and has its keys from there."""

    def __init__(
        self,
        index: Index,
        state: State,
        options: OutputOptions | None,
        keyboard: TextIO,
        follower: Follower | None = None,
    ) -> None:
        self._mode = choose_mode(sys.stdout, options or OutputOptions())
        self._app = _application(self._draw, self._press, keyboard, color=self._mode.color)
        self._playback = Playback(index, state, self._app.invalidate, follower)
        self._stopped = False
        self._failure: BaseException | None = None

    async def run(self) -> tuple[Index, State]:
        """Play until the user leaves. Returns the last transcript, and the state in it.

        Raises what `stop` was given.
        """
        playing = asyncio.create_task(self._playback.run())
        playing.add_done_callback(lambda _: self.stop())
        try:
            with contextlib.suppress(EOFError):  # the terminal has gone away
                await self._app.run_async(
                    pre_run=self._exit_if_stopped, set_exception_handler=False
                )
        finally:
            playing.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await playing
        if self._failure is not None:
            raise self._failure
        return self._playback.index, self._playback.state

    def stop(self, failure: BaseException | None = None) -> None:
        """Give the screen back, and have `run` return, or raise the first failure."""
        self._stopped = True
        self._failure = self._failure or failure
        if self._app.is_running and not self._app.is_done:
            self._app.exit()

    def _exit_if_stopped(self) -> None:
        if self._stopped:  # a signal came before the application ran
            self._app.exit()

    def _draw(self, width: int, height: int) -> list[Row]:
        playback, mode = self._playback, self._mode
        try:
            view = None if mode.view == "off" else mode.view
            style = Style(
                view,
                mode.ascii_only,
                playback.waited,
                playback.search_progress,
                playback.failures,
            )
            picture = render(playback.state, playback.index, width, height, style)
        except Exception as failure:
            self.stop(failure)
            return []
        playback.clamp_scroll(picture.max_scroll)
        return picture.rows

    def _press(self, event: "KeyPressEvent") -> None:
        for press in event.key_sequence:
            try:
                self._playback.press(str(getattr(press.key, "value", press.key)), press.data)
            except Exception as failure:
                self.stop(failure)


def _application(
    draw: Callable[[int, int], list[Row]],
    press: "Callable[[KeyPressEvent], None]",
    keyboard: TextIO,
    *,
    color: bool,
) -> "Application[None]":
    from prompt_toolkit import Application
    from prompt_toolkit.input import create_input
    from prompt_toolkit.layout import Layout, UIContent, UIControl, Window
    from prompt_toolkit.output import ColorDepth, create_output

    class Rows(UIControl):
        """The rows, in the form that prompt_toolkit asks for."""

        def create_content(self, width: int, height: int) -> UIContent:
            rows = [[(_style(style), text) for text, style in row] for row in draw(width, height)]
            return UIContent(
                get_line=lambda number: list(rows[number]), line_count=len(rows), show_cursor=False
            )

        def is_focusable(self) -> bool:
            return True

    app: Application[None] = Application(
        layout=Layout(Window(Rows(), always_hide_cursor=True)),
        key_bindings=_bindings(press),
        full_screen=True,
        input=create_input(keyboard),
        output=create_output(sys.stdout),
        color_depth=ColorDepth.DEPTH_4_BIT if color else ColorDepth.DEPTH_1_BIT,
        min_redraw_interval=MIN_REDRAW_SECONDS,
    )
    app.ttimeoutlen = ESCAPE_SECONDS
    return app


def _bindings(press: "Callable[[KeyPressEvent], None]") -> "KeyBindings":
    from prompt_toolkit.key_binding import KeyBindings
    from prompt_toolkit.keys import Keys

    keys = KeyBindings()
    for key in (*NAMED_KEYS, Keys.Any):
        keys.add(key)(press)

    @keys.add("c-z")
    def _(event: "KeyPressEvent") -> None:
        event.app.suspend_to_background()

    return keys


@cache
def _style(style: str) -> str:
    """A style as prompt_toolkit names it, from one as Rich does."""
    from prompt_toolkit.styles import Attrs

    faint = "dim" if "dim" in Attrs._fields else ""  # older versions have no faint text
    words = {"dim": faint, "bold": "bold", "reverse": "reverse"}
    return " ".join(words.get(word, f"ansi{word}") for word in style.split())
