"""Names, values and durations as text."""

from typing import Any

from genreply_cli.text import quoted, visible
from genreply_cli.transcript.step import NO_MESSAGE


def pretty(value: Any) -> str:
    """A value as text: as JSON, and what JSON could not hold as its repr."""
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
    """What was sent: `greet "Hello"` for the Elixir tuple ["greet", "Hello"]."""
    match message:
        case [str(tag), *values] if tag.isidentifier():
            return f"{visible(tag)} {', '.join(map(pretty, values))}".rstrip()
    return "" if message is NO_MESSAGE else pretty(message)


def duration(seconds: float) -> str:
    """How long somebody waited: 251 ms, 1.300 s."""
    if seconds >= 1:
        return f"{seconds:.3f} s"
    return (
        f"{seconds * 1000:.0f} ms"
        if seconds >= 0.001 or not seconds
        else f"{seconds * 1000:.3f} ms"
    )


def pretty_name(name: Any) -> str:
    """A name, or any other text from outside."""
    return "?" if name is None else visible(str(name))
