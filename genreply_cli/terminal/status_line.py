"""The line that says which call blocks, and for how long. It is drawn below all rows.

The cursor stays at the start of the line. A terminal that wraps its rows again when it becomes
narrower keeps the cursor on the character it was on. So the line is erased from the cursor to the
end of the screen, however many rows it takes by then; so are lines that stand below it.

The cursor is not hidden: a program that is stopped or killed could not show it again.
"""

from collections.abc import Callable, Mapping
from typing import Final

from genreply_cli.transcript.pretty import typed_duration
from genreply_cli.transcript.step import Step

QUIET_SECONDS: Final = 0.1  # a call that blocks for less is not mentioned
MAX_COLUMNS: Final = 72  # of the line: a short one seldom wraps when the terminal becomes narrower

_ERASE: Final = "\r\x1b[J"  # from here to the end of the screen
_NO_WRAP, _WRAP = "\x1b[?7l", "\x1b[?7h"  # the terminal may be narrower than it was a moment ago


class StatusLine:
    """The calls that block now, and what a terminal has to be sent to show them in one line.

    With `since` it is about these calls alone, which have blocked since these times of `clock`.
    Without, it is about every call whose steps it is given.
    """

    def __init__(
        self,
        clock: Callable[[], float],
        timeout: float | None,
        hint: str = "",
        since: Mapping[str, float] | None = None,
        below: Callable[[int], list[str]] = lambda _: [],
    ) -> None:
        self._clock = clock  # seconds
        self._timeout = timeout  # seconds, of every call
        self._hint = hint
        self._since = dict(since or {})
        self._all_calls = since is None
        self._below = below  # further lines, of at most so many cells
        self._drawn = False

    def update(self, step: Step) -> None:
        """Take note of a call that begins or ends with this step."""
        if step.call is None:
            return
        if step.kind == "call" and self._all_calls:
            self._since[step.call] = self._clock()
        elif step.ends_call:
            self._since.pop(step.call, None)

    def text(self) -> str | None:
        """What the line says: which call has blocked for longest. None if none has for long."""
        if not self._since:
            return None
        call, since = next(iter(self._since.items()))
        blocked = self._clock() - since
        if blocked < QUIET_SECONDS:
            return None
        limit = "" if self._timeout is None else f" of {typed_duration(self._timeout)}"
        others = f"   and {len(self._since) - 1} more" if len(self._since) > 1 else ""
        return f"{call} blocked {blocked:.1f} s{limit}{others}   {self._hint}".rstrip()

    def draw_below(self, rows: str, columns: int) -> str:
        """What to write to show these rows, which are whole lines or "", and the line below."""
        text, room = self.text(), max(1, columns - 1)
        lines = [] if text is None else [text[: min(MAX_COLUMNS, room)]]
        lines += self._below(room)
        if not lines:
            return self.erase() + rows
        start = _ERASE if self._drawn else ""
        self._drawn = True
        back = f"\x1b[{len(lines) - 1}A" if len(lines) > 1 else ""
        below = "\r\n".join(lines)
        return f"{start}{rows}{_NO_WRAP}{below}{_WRAP}{back}\r"

    def erase(self) -> str:
        """What to write so that the line goes away; the next `draw_below` brings it back."""
        if not self._drawn:
            return ""
        self._drawn = False
        return _ERASE
