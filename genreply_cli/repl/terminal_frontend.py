"""The session on a terminal: prompt_toolkit reads, Rich draws, and only one of them at a time.

While the prompt is open, rows are printed above it. While a call blocks, the timeline grows, and
a line that comes and goes says how long the call has waited; Ctrl-C then gives up this call alone.
What is typed meanwhile is shown below this line, and the next prompts get it. The keyboard stays in
raw mode from the first prompt to the last, so nothing is echoed between two of them.
"""

import asyncio
import contextlib
import os
import sys
import time
from collections import deque
from collections.abc import AsyncIterator, Callable, Iterator
from functools import partial
from itertools import islice
from typing import TYPE_CHECKING, TextIO, cast

from genreply_cli.repl.frontend import Frontend, PromptSource
from genreply_cli.repl.print_above import PrintAbove
from genreply_cli.repl.prompt import Prompt
from genreply_cli.repl.typed_ahead import TypedAhead
from genreply_cli.terminal.output import OutputOptions
from genreply_cli.terminal.resize import rewraps, track_resize
from genreply_cli.terminal.screen import Screen
from genreply_cli.text import crop, fits, visible
from genreply_cli.transcript.step import Step

if TYPE_CHECKING:
    from genreply_cli.session.callers import Call

FRAME_SECONDS = 0.02  # from something to draw until it is drawn, with all that has come meanwhile
SLICE_SECONDS = 0.005  # of drawing, before keys are read
MANY_ROWS = 20  # that wait to be drawn: Ctrl-C leaves them out
MAX_AHEAD = 3  # lines that are shown while they wait for the end of a call
MAX_DROPPED = 60  # cells of a line that is not sent
MAX_REPLY = 1000  # characters of a reply that are shown; /show has the rest


class TerminalFrontend(Frontend):
    """A session with a prompt and a timeline."""

    interactive = True

    def __init__(self, options: OutputOptions | None = None, *, keep_history: bool = True) -> None:
        above = PrintAbove(sys.stdout)
        self._screen = Screen(
            cast(TextIO, above), options, legend=True
        )  # it has all that a screen needs
        super().__init__(self._screen)
        self._screen.repeat_header(self._rows_below_header())
        self.show = self._show_step
        self._above = above
        self._options = options
        self._drawings: deque[partial[None]] = deque()  # still to be drawn
        self._timer: asyncio.TimerHandle | None = None  # until they are
        self._suspended = False  # while the player has the screen
        self._unsent: deque[str] = deque()  # pasted lines, to be sent one after the other
        self._prompt = Prompt(
            self._print_dim,
            self._stop_drawing,
            color=self._screen.mode.color,
            keep_history=keep_history,
        )
        self._prompt.app.before_render += lambda _: self._draw_pending()
        above.attach(self._prompt.app)
        if rewraps():
            track_resize(self._prompt.app)

    # --- drawing -------------------------------------------------------------------------

    @property
    def shows_outcomes(self) -> bool:
        return self._screen.mode.view != "off"

    def _show_step(self, step: Step) -> None:
        if self._screen.skipping:
            self._screen.skip(step)
        else:
            self._enqueue(partial(self._screen.show, step))

    def _enqueue(self, draw: "partial[None]") -> None:
        """Draw this soon, after what came before: a thousand rows at once must not block keys."""
        self._drawings.append(draw)
        self._draw_later(FRAME_SECONDS)

    def _draw_later(self, seconds: float) -> None:
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(seconds, self._draw_now)

    def _draw_now(self) -> None:
        self._timer = None
        if self._prompt.app.is_running:
            self._prompt.app.invalidate()  # what is pending is drawn with the prompt, in one write
        else:
            self._draw_pending()

    def _draw_pending(self) -> None:
        """Draw for one slice of time; the rest is drawn later."""
        until = time.monotonic() + SLICE_SECONDS
        while self._drawings and not self._suspended:
            self._drawings[0]()
            self._drawings.popleft()
            if time.monotonic() > until and self._drawings:
                self._draw_later(SLICE_SECONDS)
                return

    def _stop_drawing(self) -> bool:
        """Draw no rows until the next line is entered, if many are still to be drawn."""
        rows = [draw for draw in self._drawings if draw.func == self._screen.show]
        if len(rows) < MANY_ROWS or not self.shows_outcomes:
            return False
        rest = [draw for draw in self._drawings if draw.func != self._screen.show]
        for draw in rows:
            self._screen.skip(*draw.args)
        self._drawings = deque(rest)
        self.skip_rows()
        return True

    def close(self) -> None:
        while self._drawings:
            self._drawings.popleft()()
        self._above.flush()

    def _print(self, text: str, style: str = "", *, wraps: bool = True) -> None:
        self._enqueue(partial(self._screen.say, text, style, wraps=wraps))

    def _print_dim(self, text: str) -> None:
        self._print(text, "dim")

    def show_welcome(self) -> None:
        self._print(self.welcome[0])
        self._print_dim(self.welcome[1])

    def show_reply(self, call: str, reply: str) -> None:
        shown = visible(reply[:MAX_REPLY])
        if len(reply) > MAX_REPLY:
            shown += f"… ({len(reply):,} characters; /show {call} has them all)"
        self._print(shown, "bold", wraps=False)

    def say(self, text: str) -> None:
        self._print(text)

    def draw(self, draw: Callable[[Screen], None]) -> None:
        self._enqueue(partial(draw, self._screen))

    def complain(self, problem: str) -> None:
        self._print(visible(problem), "red")

    def clear(self) -> None:
        self._prompt.app.renderer.clear()
        self._screen.repeat_header(self._rows_below_header())

    @staticmethod
    def _rows_below_header() -> int:
        """About as many rows as a terminal shows beside the greetings and replies among them."""
        return max(10, os.get_terminal_size(sys.stdout.fileno()).lines // 2)

    async def replay(self, path: str) -> None:
        """Play a transcript on the whole screen. Steps that come meanwhile are drawn afterwards."""
        from genreply_cli.player.app import run_player_inside
        from genreply_cli.player.state import State
        from genreply_cli.transcript.index import indexed
        from genreply_cli.transcript.reader import read

        self._draw_pending()
        self._suspended = True
        try:
            with contextlib.closing(read(path)[1]) as steps:
                await run_player_inside(indexed(steps), State(), self._options)
        finally:
            self._suspended = False
            if self._drawings:
                self._draw_later(0)

    # --- reading -------------------------------------------------------------------------

    async def read_lines(self, source: PromptSource) -> AsyncIterator[str]:
        """The lines that are typed, until Ctrl-D. The prompt is open while one is awaited."""
        self._prompt.source = source
        refreshing = asyncio.get_running_loop().create_task(self._prompt.refresh())
        try:
            with self._prompt.raw_mode():
                while True:
                    while self._unsent:
                        line = self._unsent.popleft()
                        self._print(f"{source.prompt}{visible(line)}", "dim", wraps=False)
                        yield line
                    try:
                        first, *others = await self._prompt.read()
                    except EOFError:
                        if source.may_leave():
                            return
                        continue
                    self._screen.skipping = False
                    self._unsent.extend(others)
                    yield first
        finally:
            refreshing.cancel()

    @contextlib.contextmanager
    def blocked(
        self,
        call: "Call",
        give_up: Callable[[], None],
        send_to_background: Callable[[], object],
        hint: str,
    ) -> Iterator[None]:
        ahead = TypedAhead()

        def interrupt() -> None:
            self._drop_lines(ahead)
            give_up()

        with (
            self._screen.show_blocked_calls(
                call.timeout, hint, {call.name: call.began}, partial(self._lines_ahead, ahead)
            ),
            self._prompt.hold(ahead, interrupt, send_to_background, self._screen.refresh),
        ):
            yield
            self._draw_pending()  # one write erases the line and shows the row of the reply

    def _lines_ahead(self, ahead: TypedAhead, room: int) -> list[str]:
        """What waits until the call has ended: lines that will run, and one that has no Enter."""
        *typed, rest = ahead.lines()
        waiting = [*islice(self._unsent, MAX_AHEAD), *typed]
        rows = [crop(f"next:  {visible(line[:room])}", room) for line in waiting[:MAX_AHEAD]]
        more = len(self._unsent) + len(typed) - len(rows)
        if more:
            rows.append(f"and {more:,} more"[:room])
        if rest:
            rows.append(_with_cursor(self._prompt.source.prompt, visible(rest[-room:]), room))
        return rows

    def _drop_lines(self, ahead: TypedAhead) -> None:
        """Forget the lines that wait, and say which."""
        dropped = [line for line in (*self._unsent, *ahead.drop_lines()) if line.strip()]
        self._unsent.clear()
        if dropped:
            shown = [crop(visible(line[:MAX_DROPPED]), MAX_DROPPED) for line in dropped[:MAX_AHEAD]]
            more = len(dropped) - len(shown)
            self.complain(f"not sent: {'; '.join(shown)}{f'; and {more:,} more' if more else ''}")


def _with_cursor(prompt: str, text: str, room: int) -> str:
    """The prompt with the end of this text, and a cursor."""
    room = max(1, room - len(prompt) - 1)
    while not fits(text, room):
        text = text[1:]
    return f"{prompt}{text}\x1b[7m \x1b[27m"
