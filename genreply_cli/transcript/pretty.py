"""Names, values and durations as text."""

from collections.abc import Sequence
from typing import Any

from genreply_cli.text import counted, quoted, visible
from genreply_cli.transcript.step import NO_MESSAGE, is_error


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
        case {"raise": str(text)} if is_error(value):
            return f"raises {visible(text)}"
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
            return f"{visible(tag)} {', '.join(map(pretty_part, values))}".rstrip()
    return "" if message is NO_MESSAGE else pretty(message)


def pretty_part(value: Any) -> str:
    """A value of a message. An error there has not been raised yet."""
    return f"the error {visible(value['raise'])}" if is_error(value) else pretty(value)


def pretty_state(state: Any) -> str:
    """A server's state as text: `State(async_pid=websocket, caller=c2)`."""
    match state:
        case {"call": str(name), **others} | {"process": str(name), **others} if not others:
            return visible(name)
        case {"ref": int(number), **others} if not others:
            return f"ref_{number}"
        case {"count": int(number), **others} if not others:
            return counted(number, "value")
        case {"repr": str(text), **others} if not others:
            return visible(text)
        case dict() if len(state) == 1:
            [(name, inner)] = state.items()
            if isinstance(inner, dict) and name[:1].isupper() and name.isidentifier():
                pairs = (f"{visible(key)}={pretty_state(item)}" for key, item in inner.items())
                return f"{visible(name)}({', '.join(pairs)})"
    match state:
        case [[{"ref": _} | {"call": _}, _], *_] if all(map(_is_pair, state)):  # a map
            pairs = (f"{pretty_state(key)}: {pretty_state(item)}" for key, item in state)
            return f"{{{', '.join(pairs)}}}"
        case list():
            return f"[{', '.join(map(pretty_state, state))}]"
        case dict():
            pairs = (f"{quoted(key)}: {pretty_state(item)}" for key, item in state.items())
            return f"{{{', '.join(pairs)}}}"
    return pretty(state)


def _is_pair(value: Any) -> bool:
    return isinstance(value, list) and len(value) == 2


def duration(seconds: float) -> str:
    """A number of seconds as text: 1.300 s, 251 ms, 0.031 ms."""
    if seconds >= 1:
        return f"{seconds:.3f} s"
    milliseconds = seconds * 1000
    return (
        f"{milliseconds:.0f} ms" if milliseconds >= 1 or not seconds else f"{milliseconds:.3f} ms"
    )


def typed_duration(seconds: float) -> str:
    """A duration as one would type it: `250ms`, `1.5s`."""
    number, unit = (seconds * 1000, "ms") if 0 < seconds < 1 else (seconds, "s")
    return f"{number:.9f}".rstrip("0").rstrip(".") + unit


def listed(calls: Sequence[str]) -> str:
    """Names of calls as text: `c1`, `c1 and c2`, `c1, c2 and 7 more`."""
    shown = [pretty_name(call) for call in (calls if len(calls) <= 3 else calls[:2])]
    more = [f"{len(calls) - 2} more"] if len(calls) > 3 else []
    *first, last = [*shown, *more]
    return f"{', '.join(first)} and {last}" if first else last


def pretty_name(name: Any) -> str:
    """A name, or other text from a transcript, made safe for a terminal; `?` for None."""
    return "?" if name is None else visible(str(name))
