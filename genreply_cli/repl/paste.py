"""The keyboard of the REPL. What comes faster than anybody types was pasted, whether the terminal says so or not."""

from collections.abc import Iterable, Iterator
from itertools import groupby

from prompt_toolkit.input.vt100 import Vt100Input
from prompt_toolkit.key_binding.key_processor import KeyPress
from prompt_toolkit.keys import Keys

RUN = 8  # characters at once


class Keyboard(Vt100Input):
    """Long runs of characters come as one paste: a megabyte, key by key, would take an hour."""

    def read_keys(self) -> list[KeyPress]:
        """The keys that have been pressed."""
        return list(joined(super().read_keys()))


def joined(presses: Iterable[KeyPress]) -> Iterator[KeyPress]:
    """The same, with each long run of characters as one paste."""
    for printable, run in groupby(presses, is_text):
        keys = list(run)
        if printable and len(keys) >= RUN:
            yield pasted("".join(press.data for press in keys))
        else:
            yield from keys


def kept(presses: Iterable[KeyPress]) -> list[KeyPress]:
    """What was typed ahead, to be typed again: text, and nothing that would send it. Several lines come as one paste."""
    text = ""
    for press in presses:
        if press.key in {Keys.ControlH, Keys.Backspace}:
            text = text[:-1]
        elif press.key in {Keys.ControlM, Keys.ControlJ}:
            text += "\n"
        elif is_text(press) or press.key == Keys.BracketedPaste:
            text += press.data.replace("\r\n", "\n").replace("\r", "\n")
    text = text.strip("\n")
    return [pasted(text)] if text else []


def is_text(press: KeyPress) -> bool:
    """Whether it is a character."""
    return len(press.key) == 1 and press.data >= " "


def pasted(text: str) -> KeyPress:
    """A text that comes at once."""
    return KeyPress(Keys.BracketedPaste, text)
