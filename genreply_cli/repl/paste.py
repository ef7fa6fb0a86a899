"""Pasted text: found among the keys that were pressed, and kept behind placeholders in the line."""

from collections.abc import Iterable, Iterator
from itertools import groupby

from prompt_toolkit.input.vt100 import Vt100Input
from prompt_toolkit.key_binding.key_processor import KeyPress
from prompt_toolkit.keys import Keys

MIN_PASTE = 8  # characters read at once, in a terminal that does not mark pasted text
MAX_IN_LINE = 2000  # characters in the line; a placeholder stands for more, which would be slow


class Keyboard(Vt100Input):
    """A keyboard on which many characters at once come as one paste.

    Key by key, a megabyte would take an hour.
    """

    def read_keys(self) -> list[KeyPress]:
        """The keys that have been pressed."""
        return list(join_pastes(super().read_keys()))


def join_pastes(presses: Iterable[KeyPress]) -> Iterator[KeyPress]:
    """The same keys, with each long run of characters as one paste."""
    for printable, run in groupby(presses, is_text):
        keys = list(run)
        if printable and len(keys) >= MIN_PASTE:
            yield pasted("".join(press.data for press in keys))
        else:
            yield from keys


def is_text(press: KeyPress) -> bool:
    """Whether a key types a character."""
    return len(press.key) == 1 and press.data >= " "


def pasted(text: str) -> KeyPress:
    """The key that stands for a pasted text."""
    return KeyPress(Keys.BracketedPaste, text)


def unix_lines(text: str) -> str:
    """A text with `\\n` at the end of each line, whatever the terminal has sent."""
    return text.replace("\r\n", "\n").replace("\r", "\n")


class Pastes:
    """The pasted texts of one line, and the placeholders that stand for them there."""

    _BREAK = "\0\n"  # the end of a pasted line; Alt-Enter makes a plain "\n"

    def __init__(self) -> None:
        self._texts: list[str] = []

    def add(self, text: str) -> str:
        """Keep a text. Returns its placeholder."""
        self._texts.append(text)
        return self._placeholder(len(self._texts))

    def placeholder_at_end(self, line: str) -> str:
        """The placeholder with which a line ends, or an empty string."""
        return next((each for each in self._placeholders() if line.endswith(each)), "")

    def are_in(self, line: str) -> bool:
        """Whether there is a placeholder in a line."""
        return any(each in line for each in self._placeholders())

    def expand(self, line: str) -> list[str]:
        """The lines that a line stands for: each pasted line is one. Forgets the texts."""
        for text, placeholder in zip(self._texts, self._placeholders(), strict=True):
            line = line.replace(placeholder, text.replace("\n", self._BREAK))
        self._texts.clear()
        return line.split(self._BREAK)

    def _placeholders(self) -> list[str]:
        return [self._placeholder(number) for number in range(1, len(self._texts) + 1)]

    def _placeholder(self, number: int) -> str:
        text = self._texts[number - 1]
        lines = text.count("\n") + 1
        size = f"{lines} lines" if lines > 1 else f"{len(text):,} characters"
        return f"[pasted {number}: {size}]"
