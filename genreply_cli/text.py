"""Text made safe to show, measured in cells of a terminal, cropped, padded, wrapped, counted."""

import re
from typing import Final

HIDDEN: Final = re.compile(
    r"[\x00-\x1f\x7f-\x9f]"  # C0, DEL, C1: they move the cursor, set the title, clear the screen
    r"|[\u061c\u200e\u200f\u202a-\u202e\u2066-\u206f]"  # they change the direction of writing
    r"|[\u2028\u2029]"  # they end a line in some programs
    r"|[\ufeff\ufff9-\ufffb\U000e0001]"  # marks that are not meant to be seen
    r"|[\ud800-\udfff]"  # halves of a character, which no encoding can hold
    r"|(?<![^\x00-\x7f])\u200d|\u200d(?![^\x00-\x7f])"  # a joiner with nothing to join
)
_HALVES: Final = re.compile("[\ud800-\udfff]")
_SHORT: Final = {"\n": "\\n", "\r": "\\r", "\t": "\\t"}


def visible(text: str) -> str:
    r"""The text with each hidden character as an escape: `\n`, `\x1b`, `\u202e`, `\U000e0001`.

    Such a character could steer a terminal, or reorder what it shows. All others stay.
    """
    return text if text.isprintable() else HIDDEN.sub(_escape, text)


def well_formed(text: str) -> str:
    """The text with U+FFFD for each byte that was not UTF-8, and so for each half of a character.

    Python keeps such a byte of an argument or a line as half of a character, which neither UTF-8
    nor JSON can hold.
    """
    return text if text.isascii() else _HALVES.sub("\ufffd", text)


def quoted(text: str) -> str:
    r"""The text between double quotes, with `\\` and `\"` inside, like a string literal."""
    inside = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{visible(inside)}"'


def counted(number: int, noun: str) -> str:
    """`1 call`, `2 calls`, `1,000 calls`: a number of things, whose noun is given for one."""
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


def _escape(match: re.Match[str]) -> str:
    character = match[0]
    number = ord(character)
    if character in _SHORT:
        return _SHORT[character]
    if number < 0x100:
        return f"\\x{number:02x}"
    return f"\\u{number:04x}" if number < 0x10000 else f"\\U{number:08x}"


MAX_CHARACTERS_PER_CELL: Final = 16  # more than an honest text has, with marks and joiners


def cells(text: str) -> int:
    """How many cells of a terminal a visible text takes: CJK and emoji two, marks none."""
    if text.isascii():
        return len(text)
    from rich.cells import cell_len

    return cell_len(text)


def fits(text: str, room: int) -> bool:
    """Whether the text takes at most `room` cells. A very long one is not measured: it does not."""
    return len(text) <= MAX_CHARACTERS_PER_CELL * room and cells(text) <= room


def crop(text: str, room: int, ellipsis: str = "…") -> str:
    """The text in at most `room` cells; an ellipsis says that there was more."""
    if fits(text, room):
        return text
    if room <= len(ellipsis):
        return ellipsis[: max(0, room)]
    room -= len(ellipsis)
    start = text[: MAX_CHARACTERS_PER_CELL * room]
    if start.isascii():
        return start[:room] + ellipsis
    from rich.cells import set_cell_size

    return (start if cells(start) <= room else set_cell_size(start, room)) + ellipsis


def pad(text: str, room: int) -> str:
    """The text, followed by blanks up to `room` cells."""
    return text + " " * (room - cells(text))


def wrap(text: str, width: int) -> list[str]:
    """The text in lines of at most `width` cells, broken between words.

    A word is cut if no line can hold it and it begins in the first third of a line.
    """
    width = max(1, width)
    lines = []
    start = 0
    while len(text) - start > width or not fits(text[start:], width):
        end = start + _count_fitting(text, start, width)
        if end >= len(text):
            break
        blank = text.rfind(" ", start + 1, end + 1)
        word = text[blank + 1 : blank + 2 + width].partition(" ")[0]
        late = blank > start + (end - start) // 3
        stop = blank if late or (blank > start and cells(word) <= width) else end
        lines.append(text[start:stop])
        start = stop + (text[stop : stop + 1] == " ")
    return [*lines, text[start:]]


_COMMAND: Final = re.compile(r"\bgenreply [a-z]+( [^;,]*)?")


def fold(line: str, room: int) -> list[str]:
    """A line in rows of at most `room` cells, each as far to the right as the first.

    They are broken between words, but not in a command, which can be copied whole; the terminal
    itself breaks what is too long for a row.
    """
    text = line.lstrip(" ")
    indent = " " * (len(line) - len(text))
    together = _COMMAND.sub(lambda command: command[0].replace(" ", "\0"), text)
    first, *words = together.split(" ")
    rows = [indent + first]
    for word in words:
        if cells(rows[-1]) + 1 + cells(word) <= room:
            rows[-1] += f" {word}"
        else:
            rows.append(indent + word)
    return [row.replace("\0", " ") for row in rows]


def _count_fitting(text: str, start: int, width: int) -> int:
    """How many characters from here on fit; at least one."""
    if text[start : start + width].isascii():
        return width
    room, end = width, start
    while end < len(text) and (room := room - cells(text[end])) >= 0:
        end += 1
    return max(1, end - start)


MAX_NAMED: Final = 3


class FirstFew:
    """Counts texts, and keeps the first of them: `c1, c2, c3 and 34,840 more`."""

    def __init__(self) -> None:
        self.count = 0
        self._first: list[str] = []

    def add(self, text: str) -> None:
        """Count one more text."""
        self.count += 1
        if len(self._first) <= MAX_NAMED:
            self._first.append(text)

    def __str__(self) -> str:
        if self.count > MAX_NAMED + 1:
            return f"{', '.join(self._first[:MAX_NAMED])} and {self.count - MAX_NAMED:,} more"
        *first, last = self._first
        return f"{', '.join(first)} and {last}" if first else last
