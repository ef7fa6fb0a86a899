"""What a line of the REPL means: a greeting, a command, or nothing."""

import re
from typing import Final, NamedTuple


class Greeting(NamedTuple):
    """A message for the coordinator. In the background, the prompt does not wait for its reply."""

    message: str
    background: bool = False


class Command(NamedTuple):
    """A command: `/name argument`."""

    name: str
    argument: str = ""


_AMPERSAND: Final = re.compile(r"(?P<text>.*\S)\s+(?P<backslashes>\\*)&\s*", re.DOTALL)


def parse(line: str) -> Greeting | Command | None:
    r"""The meaning of a line; None if it is empty.

    text      a greeting
    text &    a greeting in the background
    text \&   a greeting that ends in `&`
    /x        the command x
    //x       a greeting that says `/x`
    """
    if not line.strip():
        return None
    if line.startswith("/") and not line.startswith("//"):
        name, _, argument = line[1:].strip().partition(" ")
        return Command(name, argument.strip())
    text = line.removeprefix("/") if line.startswith("//") else line
    ampersand = _AMPERSAND.fullmatch(text)
    if ampersand is None:
        return Greeting(text)
    if ampersand["backslashes"]:
        before, _, after = text.rpartition("\\&")
        return Greeting(f"{before}&{after}")
    return Greeting(ampersand["text"], background=True)
