"""Turns any Python value into one that JSON can hold, the same in each run."""

import re
from collections.abc import Callable
from dataclasses import fields, is_dataclass
from functools import lru_cache
from math import isfinite
from typing import Any, Final

from genreply_cli.otp import Raise
from genreply_cli.transcript.step import is_error

MAX_DEPTH: Final = 32  # levels of a message, one in another
MAX_INT_BITS: Final = 10_000  # Python itself refuses to write much longer integers

_OPAQUE: Final = re.compile(r"<.*( at )?0x[0-9a-fA-F]{4,}|<.*[/\\]", re.DOTALL)
_ADDRESS: Final = re.compile(r"( at)? 0x[0-9a-fA-F]{4,}")


def to_json_value(
    value: Any, depth: int = MAX_DEPTH, name: Callable[[Any], Any] | None = None
) -> Any:
    """A value for JSON. A message dataclass becomes its Elixir tuple, `["greet", "Hello"]`.

    Fields that a dataclass leaves out of its repr are left out here, too: they are references.
    Tuples become lists. A value for which `name` returns anything but None becomes that. What JSON
    cannot hold becomes `{"repr": "…"}`; a reply that is an error, `{"raise": "ValueError: text"}`,
    and nothing else becomes that.
    """
    kind = type(value)
    if kind is str or value is None or kind is bool:
        return value
    if kind is tuple or kind is list:
        if depth:
            depth -= 1
            return [
                item if type(item) is str else to_json_value(item, depth, name) for item in value
            ]
        return {"repr": safe_repr(value)}
    try:
        return _other_value(value, depth, name)
    except Exception:  # a method of a class of the user's must not stop the recording
        return {"repr": safe_repr(value)}


def _other_value(value: Any, depth: int, name: Callable[[Any], Any] | None) -> Any:
    """A value of another type than the commonest, whose own methods are called, and may raise."""
    if isinstance(value, str):
        return str.__str__(value)
    if isinstance(value, int) and value.bit_length() <= MAX_INT_BITS:
        return int(value)
    if isinstance(value, float) and isfinite(value):
        return float(value)
    named = None if name is None else name(value)
    if named is not None:
        return named
    if isinstance(value, Raise):
        return {"raise": describe_reason(value.error)}
    if depth:
        if isinstance(value, list | tuple):
            return [to_json_value(item, depth - 1, name) for item in value]
        if isinstance(value, dict) and all(isinstance(key, str) for key in value):
            if is_error(value):  # it only looks like one
                return {"repr": safe_repr(value)}
            return {
                str.__str__(key): to_json_value(item, depth - 1, name)
                for key, item in value.items()
            }
        if is_dataclass(value) and not isinstance(value, type | BaseException):
            tag, names = _tag_and_fields(type(value))
            values = (getattr(value, field, None) for field in names)
            return [tag, *(to_json_value(item, depth - 1, name) for item in values)]
    return {"repr": safe_repr(value)}


def as_tuple(message: Any) -> tuple[Any, ...]:
    """The Elixir tuple of a message dataclass: `("greet", "Hello")` for `Greet("Hello")`."""
    kind: type = type(message)
    tag, names = _tag_and_fields(kind)
    return (tag, *(getattr(message, field, None) for field in names))


@lru_cache(maxsize=256)
def _tag_and_fields(kind: type) -> tuple[str, tuple[str, ...]]:
    """`send_message` and the fields of its repr, for the class `SendMessage`."""
    tag = re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "_", kind.__name__).lower()
    return tag, tuple(each.name for each in fields(kind) if each.repr)


def describe_reason(reason: Any) -> str:
    """An exit reason or an error as text: `normal`, `RuntimeError: text`, or else its repr."""
    if isinstance(reason, str):
        return str.__str__(reason)
    if isinstance(reason, BaseException):
        try:
            text = str(reason)
        except Exception as error:
            text = f"its text raised {type(error).__name__}"
        return f"{type(reason).__name__}: {text}" if text else type(reason).__name__
    return safe_repr(reason)


def safe_repr(value: Any) -> str:
    """The repr without what is private (paths) or differs from run to run.

    Memory addresses and the order of a set differ.
    """
    try:
        if isinstance(value, set | frozenset) and value:
            return f"{type(value).__name__}({{{', '.join(sorted(map(safe_repr, value)))}}})"
        text = repr(value)
    except Exception as error:  # the __repr__ of a user must not stop the recording
        return f"<{type(value).__name__} whose repr raised {type(error).__name__}>"
    return f"<{type(value).__name__}>" if _OPAQUE.match(text) else _ADDRESS.sub("", text)
