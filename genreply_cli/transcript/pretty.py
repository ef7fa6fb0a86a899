"""Names, values and durations as text."""

from typing import Any

from genreply_cli.text import quoted, visible
from genreply_cli.transcript.step import NO_MESSAGE


def pretty(value: Any) -> str:
    """A value as JSON text; one that JSON could not hold as its repr."""
    match value:
        case str():
            return quoted(value)
        case None | True | False:
            return {None: "null", True: "true", False: "false"}[value]
        case list():
            return f"[{', '.join(map(pretty, value))}]"
        case {"repr": str(text), **others} if not others:
            return visible(text)
        case dict():
            return (
                f"{{{', '.join(f'{quoted(key)}: {pretty(item)}' for key, item in value.items())}}}"
            )
        case _:
            return visible(repr(value))


def pretty_message(message: Any) -> str:
    """A message as text: `greet "Hello"` for the Elixir tuple ["greet", "Hello"]."""
    match message:
        case [str(tag), *values] if tag.isidentifier():
            return f"{visible(tag)} {', '.join(map(pretty, values))}".rstrip()
    return "" if message is NO_MESSAGE else pretty(message)


def duration(seconds: float) -> str:
    """A number of seconds as text: 1.300 s, 251 ms, 0.031 ms."""
    if seconds >= 1:
        return f"{seconds:.3f} s"
    milliseconds = seconds * 1000
    return (
        f"{milliseconds:.0f} ms" if milliseconds >= 1 or not seconds else f"{milliseconds:.3f} ms"
    )


def pretty_name(name: Any) -> str:
    """A name, or other text from a transcript, made safe for a terminal; `?` for None."""
    return "?" if name is None else visible(str(name))
