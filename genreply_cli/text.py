"""Text from outside, made safe to show: what could steer a terminal, or reorder what it shows, appears as an escape instead."""

import re
from typing import Final

HIDDEN: Final = re.compile(
    r"[\x00-\x1f\x7f-\x9f]"  # C0, DEL, C1: they move the cursor, set the title, clear the screen
    r"|[\u061c\u200e\u200f\u202a-\u202e\u2066-\u206f]"  # they change the direction of writing
    r"|[\u2028\u2029]"  # they end a line in some programs
    r"|[\ufeff\ufff9-\ufffb\U000e0001]"  # marks that nobody should see
    r"|[\ud800-\udfff]"  # halves of a character, which no encoding can hold
    r"|(?<![^\x00-\x7f])\u200d|\u200d(?![^\x00-\x7f])"  # a joiner with nothing to join; between emoji it is left alone
)
_SHORT: Final = {"\n": "\\n", "\r": "\\r", "\t": "\\t"}


def visible(text: str) -> str:
    r"""The text with each such character as `\n`, `\x1b`, `\u202e` or `\U000e0001`. All else stays, emoji and CJK too."""
    return text if text.isprintable() else HIDDEN.sub(_escape, text)


def quoted(text: str) -> str:
    r"""The text between double quotes, with `\\` and `\"` inside, so that an escape cannot be mistaken for the user's own."""
    inside = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{visible(inside)}"'


def _escape(match: re.Match[str]) -> str:
    character = match[0]
    number = ord(character)
    if character in _SHORT:
        return _SHORT[character]
    return (
        f"\\x{number:02x}"
        if number < 0x100
        else f"\\u{number:04x}"
        if number < 0x10000
        else f"\\U{number:08x}"
    )
