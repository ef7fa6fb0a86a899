"""What a learner types, read into a value. Each function raises ValueError with a sentence."""

from typing import Final

from genreply_cli.session import parsing

NUMBERS: Final = {
    name: number
    for number, names in enumerate((("0", "none", "nobody"), ("1", "one"), ("2", "two")))
    for name in names
} | dict.fromkeys(("3", "three", "all", "all three"), 3)
CALLERS: Final = {
    name: letter
    for number, letter in enumerate("ABC", 1)
    for name in (letter.lower(), f"caller {letter.lower()}", f"c{number}", f"caller-{number}")
} | {"caller": "A", "nobody": "nobody", "none": "nobody"}


def duration(text: str) -> float:
    """Seconds."""
    return parsing.duration(text)


def timeout(text: str) -> float | None:
    """Seconds, or None for infinity."""
    return parsing.timeout(text)


def reply(text: str) -> str:
    """The text of a reply, without the quotes and the stop around it."""
    return text.strip().strip("\"'`.:").strip()


def caller(text: str) -> str:
    """A, B, C or nobody."""
    known = CALLERS.get(text.strip().lower())
    if known is None:
        raise ValueError(f"{text!r} is none of the callers; expected A, B, C or nobody")
    return known


def number(text: str) -> int:
    """How many of three."""
    known = NUMBERS.get(text.strip().lower())
    if known is None:
        raise ValueError(f"{text!r} is no number of three callers; expected 0, 1, 2 or 3")
    return known
