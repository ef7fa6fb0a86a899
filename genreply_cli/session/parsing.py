"""Options as people type them, read into values: durations, delays, rates, numbers, names."""

import math
import re
from collections.abc import Iterable, Sequence

COORDINATORS = ("blocking", "immediate", "single", "fifo", "keyed")

_DURATION = re.compile(r"(?P<number>\d+(?:\.\d*)?|\.\d+)\s*(?P<unit>ms|s|)", re.IGNORECASE)
MAX_SEED_DIGITS = 18
MAX_CALLS = 1_000_000_000  # of one command, which keeps eight bytes of each for its summary
MAX_JOBS = 100_000  # each is a task
MAX_SHOWN = 20  # characters of a number that is too large
_MAX_SECONDS = 366 * 24 * 3600.0  # a longer wait is meant to be infinite


def duration(text: str) -> float:
    """The seconds in `250ms`, `1.5s` or `2`. Raises ValueError with a sentence."""
    match = _DURATION.fullmatch(text.strip())
    if match is None:
        raise ValueError(f"{text!r} is no duration; expected something like 250ms, 1.5s or 2")
    seconds = float(match["number"]) / (1000 if match["unit"].lower() == "ms" else 1)
    if not seconds <= _MAX_SECONDS:
        raise ValueError(
            f"{text!r} is longer than a year; expected something like 250ms, 1.5s or 2"
        )
    return seconds


def timeout(text: str) -> float | None:
    """The seconds in a duration; None for `infinity`. Raises ValueError with a sentence."""
    if text.strip().lower() == "infinity":
        return None
    try:
        return duration(text)
    except ValueError as error:
        raise ValueError(f"{error}, or infinity") from None


def delay(text: str) -> tuple[float, float]:
    """The least and the most seconds in `100ms..1s` or `1s`. Raises ValueError with a sentence."""
    low, dots, high = text.partition("..")
    try:
        least = duration(low)
        most = duration(high) if dots else least
    except ValueError as error:
        raise ValueError(f"{error}, or a range like 100ms..1s") from None
    if most < least:
        raise ValueError(
            f"{text!r} ends before it begins; expected the smaller first, like 100ms..1s"
        )
    return least, most


def rate(text: str) -> float:
    """A probability from 0 to 1. Raises ValueError with a sentence."""
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not 0 <= value <= 1:
        raise ValueError(f"{text!r} is no rate; expected a number from 0 to 1, like 0.3")
    return value


def closest(text: str, names: Iterable[str]) -> str | None:
    """The name that is most like the text, or None if none is like it.

    The dashes of options do not count: all options have them.
    """
    from difflib import get_close_matches

    bare = {name.lstrip("-"): name for name in names}
    found = get_close_matches(text.lower().lstrip("-"), bare, n=1)
    return bare[found[0]] if found else None


def choice(text: str, names: Sequence[str], noun: str) -> str:
    """The text, if it is one of the names. Raises ValueError with a sentence that lists them.

    `noun` says what the names are, for the sentence.
    """
    if text in names:
        return text
    close = closest(text, names)
    meant = f"; did you mean {close}?" if close else ""
    raise ValueError(f"there is no {noun} {text!r}; expected one of {', '.join(names)}{meant}")


def count(text: str, most: int) -> int:
    """A whole number from 1. Raises ValueError with a sentence."""
    shown = text if len(text) <= MAX_SHOWN else f"{text[:MAX_SHOWN]}…"
    digits = text.strip().lstrip("0")
    if not text.strip().isdecimal() or not digits:
        raise ValueError(f"{shown!r} is no number of calls; expected 1 to {most:,}, like 50")
    if len(digits) > len(str(most)) or int(digits) > most:
        raise ValueError(f"{shown} calls are too many; expected 1 to {most:,}, like 50")
    return int(digits)


def whole(text: str, least: int, most: int) -> int:
    """A whole number in a range. Raises ValueError with a sentence."""
    digits = text.strip().lstrip("0") or "0"
    if text.strip().isdecimal() and len(digits) <= len(str(most)) and least <= int(digits) <= most:
        return int(digits)
    shown = text if len(text) <= MAX_SHOWN else f"{text[:MAX_SHOWN]}…"
    raise ValueError(f"{shown!r} is no whole number from {least} to {most:,}")


def seed(text: str) -> int:
    """A whole number from 0. Raises ValueError with a sentence."""
    if not text.isdecimal():
        raise ValueError(f"{text!r} is no seed; expected a whole number, like 7")
    if len(text) > MAX_SEED_DIGITS:
        raise ValueError(
            f"the seed {text} is too long; expected at most {MAX_SEED_DIGITS} digits, like 7"
        )
    return int(text)
