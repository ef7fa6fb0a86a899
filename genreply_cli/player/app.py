"""The player on a terminal: it has the whole screen, draws what the state is, hands on the keys, and gives the screen back."""

import asyncio
import contextlib
import os
import signal
import sys
from collections.abc import Callable, Iterable, Iterator
from functools import cache
from pathlib import PurePath
from typing import TYPE_CHECKING, Final, TextIO

from genreply_cli.errors import Terminated
from genreply_cli.player.keys import SPECIAL
from genreply_cli.player.panels import Style
from genreply_cli.player.playback import Playback
from genreply_cli.player.state import State
from genreply_cli.player.view import render
from genreply_cli.terminal.output import OutputOptions, choose_mode
from genreply_cli.text import visible
from genreply_cli.timeline.lanes import Span
from genreply_cli.transcript.index import Index

if TYPE_CHECKING:
    from prompt_toolkit import Application
    from prompt_toolkit.key_binding import KeyBindings, KeyPressEvent

LEAVING: Final = (signal.SIGTERM, signal.SIGHUP)


def can_run(wishes: OutputOptions | None = None) -> bool:
    """Whether the player can have this terminal: one that can be redrawn, and that has a keyboard."""
    look = choose_mode(sys.stdout, wishes or OutputOptions())
    if not look.can_redraw or look.view == "off":
        return False
    with contextlib.suppress(OSError), _keyboard():
        return True
    return False


def run_player(index: Index, state: State, wishes: OutputOptions | None = None) -> None:
    """Play a transcript on the whole screen until somebody leaves; one line about it stays. Raises Terminated."""
    with _keyboard() as keyboard:
        performance = asyncio.run(_perform(index, state, wishes or OutputOptions(), keyboard))
    with contextlib.suppress(OSError):  # the terminal may be gone
        print(summary(index, performance.state), flush=True)


async def run_player_inside(
    index: Index, state: State, wishes: OutputOptions | None = None
) -> None:
    """The same in a program that goes on: it leaves nothing behind, and signals are the program's own affair."""
    await _perform(index, state, wishes or OutputOptions(), sys.stdin, leaving=())


def summary(index: Index, state: State) -> str:
    """What stays when the player has left: `lunch.jsonl: 37 events, 9.600 s; stopped at event 4 (+0.251 s)`."""
    name = visible(PurePath(index.name).name)
    step = index.step(state.number)
    if step is None:
        return f"{name}: no events"
    more = "" if index.counted else " or more"
    took = "" if index.last_time is None else f", {index.last_time:.3f} s"
    events = f"{index.total} event{'' if index.total == 1 else 's'}{more}{took}"
    notes = "".join(
        f"; {note.removeprefix(visible(index.name)).lstrip(':, ')}" for note in index.notes
    )
    return f"{name}: {events}; stopped at event {state.number + 1} (+{step.t:.3f} s){notes}"


@contextlib.contextmanager
def _keyboard() -> Iterator[TextIO]:
    """Where keys come from: stdin, or the terminal itself where stdin is something else. Raises OSError if there is none."""
    if sys.stdin.isatty():
        yield sys.stdin
    else:
        with open(os.ctermid()) as terminal:  # noqa: PTH123  # it is no file
            yield terminal


async def _perform(
    index: Index,
    state: State,
    wishes: OutputOptions,
    keyboard: TextIO,
    leaving: Iterable[signal.Signals] = LEAVING,
) -> Playback:
    look = choose_mode(sys.stdout, wishes)
    view = None if look.view == "off" else look.view
    failures: list[BaseException] = []

    def stop(failure: BaseException | None = None) -> None:
        if failure is not None:
            failures.append(failure)
        if app.is_running and not app.is_done:
            app.exit()

    def draw(width: int, height: int) -> list[list[Span]]:
        try:
            style = Style(view, look.ascii_only, performance.waited, performance.looking)
            drawn = render(performance.state, index, width, height, style)
        except Exception as failure:
            stop(failure)
            return []
        performance.turned(drawn.max_scroll)
        return drawn.rows

    def press(event: "KeyPressEvent") -> None:
        for key in event.key_sequence:
            try:
                performance.press(str(getattr(key.key, "value", key.key)), key.data)
            except Exception as failure:
                stop(failure)

    app = _application(draw, press, keyboard, color=look.color)
    performance = Playback(index, state, app.invalidate)
    loop = asyncio.get_running_loop()
    for number in leaving:
        loop.add_signal_handler(number, stop, Terminated(number))
    playing = loop.create_task(performance.run())
    playing.add_done_callback(lambda _: stop())
    try:
        # a signal may have come before it began; a terminal that has gone away is left, too
        with contextlib.suppress(EOFError):
            await app.run_async(
                pre_run=lambda: app.exit() if failures or playing.done() else None,
                set_exception_handler=False,
            )
    finally:
        for number in leaving:
            loop.remove_signal_handler(number)
        playing.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await playing
    if failures:
        raise failures[0]
    return performance


def _application(
    draw: Callable[[int, int], list[list[Span]]],
    press: "Callable[[KeyPressEvent], None]",
    keyboard: TextIO,
    *,
    color: bool,
) -> "Application[None]":
    from prompt_toolkit import Application
    from prompt_toolkit.input import create_input
    from prompt_toolkit.layout import Layout, UIContent, UIControl, Window
    from prompt_toolkit.output import ColorDepth, create_output

    class Stage(UIControl):
        """What is drawn, as prompt_toolkit asks for it."""

        def create_content(self, width: int, height: int) -> UIContent:
            rows = [[(_style(style), text) for text, style in row] for row in draw(width, height)]
            return UIContent(
                get_line=lambda number: list(rows[number]), line_count=len(rows), show_cursor=False
            )

        def is_focusable(self) -> bool:
            return True

    app: Application[None] = Application(
        layout=Layout(Window(Stage(), always_hide_cursor=True)),
        key_bindings=_bindings(press),
        full_screen=True,
        input=create_input(keyboard),
        output=create_output(sys.stdout),
        color_depth=ColorDepth.DEPTH_4_BIT if color else ColorDepth.DEPTH_1_BIT,
        min_redraw_interval=0.02,
    )
    app.ttimeoutlen = 0.05  # seconds, until Escape is a key, and not the beginning of another one
    return app


def _bindings(press: "Callable[[KeyPressEvent], None]") -> "KeyBindings":
    from prompt_toolkit.key_binding import KeyBindings
    from prompt_toolkit.keys import Keys

    keys = KeyBindings()
    for key in (*SPECIAL, Keys.Any):
        keys.add(key)(press)

    @keys.add("c-z")
    def _(event: "KeyPressEvent") -> None:
        event.app.suspend_to_background()

    return keys


@cache
def _style(style: str) -> str:
    """A style as Rich names it, as prompt_toolkit does."""
    from prompt_toolkit.styles import Attrs

    faint = "dim" if "dim" in Attrs._fields else ""  # older ones cannot
    words = {"dim": faint, "bold": "bold", "reverse": "reverse"}
    return " ".join(words.get(word, f"ansi{word}") for word in style.split())
