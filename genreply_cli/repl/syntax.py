"""What a line means."""

import re
from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True)
class Greeting:
    """Something to say; in the background, nobody blocks on its reply."""

    message: str
    background: bool = False


@dataclass(frozen=True)
class Command:
    """Something to do."""

    name: str
    argument: str = ""


_AMPERSAND: Final = re.compile(r"(?P<text>.*\S)\s+(?P<kept>\\*)&\s*", re.DOTALL)


def parse(line: str) -> Greeting | Command | None:
    r"""What a line means. `text &` is a greeting in the background, `text \&` one that ends in `&`, `//x` one that says `/x`."""
    if not line.strip():
        return None
    if line.startswith("/") and not line.startswith("//"):
        name, _, argument = line[1:].strip().partition(" ")
        return Command(name, argument.strip())
    text = line.removeprefix("/") if line.startswith("//") else line
    ampersand = _AMPERSAND.fullmatch(text)
    if ampersand is None:
        return Greeting(text)
    if ampersand["kept"]:
        before, _, after = text.rpartition("\\&")
        return Greeting(f"{before}&{after}")
    return Greeting(ampersand["text"], background=True)
