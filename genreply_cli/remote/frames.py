"""Frames with ids: a request is made from a template, its answer is found by JSON pointers."""

import json
import re
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Final

from genreply_cli.text import counted

ID: Final = "{id}"
TEXT_ID: Final = "{id as text}"
MESSAGE: Final = "{message}"
MAX_SHOWN: Final = 60  # characters of a frame, in a sentence about it
MAX_ERROR: Final = 1000  # characters of an error that are told

_NOTHING: Final = object()
_TEXT_ID: Final = re.compile("[1-9][0-9]{0,17}")


class FrameError(ValueError):
    """A frame that is no answer to anything: a sentence that says why."""


class RemoteError(Exception):
    """The answer to a request is an error: what the server says of it."""


@dataclass(frozen=True)
class Format:
    """How requests and answers with ids are written."""

    request: Any = field(default_factory=lambda: {"id": ID, "message": MESSAGE})
    id_at: str = "/id"  # JSON pointers (RFC 6901)
    answer_at: str = "/message"
    error_at: str = "/error"

    @cached_property
    def has_text_ids(self) -> bool:
        """Whether ids are written as text, `"7"`, which some services demand."""
        return _contains(self.request, TEXT_ID)

    def encode(self, number: int, message: str) -> str:
        """The frame that asks this, under this id."""
        return json.dumps(_filled(self.request, number, message), ensure_ascii=False)

    def decode(self, frame: str | bytes) -> tuple[int, str | RemoteError]:
        """The id in a frame, and the answer to it. Raises FrameError.

        An error counts as none if it is null, as in JSON-RPC 1.0, or if it is empty or false and an
        answer stands beside it.
        """
        if not isinstance(frame, str):
            raise FrameError(binary(frame))
        value = _parsed(frame)
        number = self._number(value, frame)
        answer, error = _part(value, self.answer_at), _part(value, self.error_at)
        if error is not _NOTHING and error is not None and (error or answer is _NOTHING):
            return number, RemoteError(_error_text(error))
        if answer is _NOTHING:
            problem = f"the answer to request {number} has nothing at {self.answer_at}"
            raise FrameError(f"{problem}, and no error at {self.error_at}: {shorten(frame)}")
        return number, answer if isinstance(answer, str) else json.dumps(answer, ensure_ascii=False)

    def _number(self, value: Any, frame: str) -> int:
        found = _part(value, self.id_at)
        if found is _NOTHING:
            raise FrameError(f"a frame without an id at {self.id_at}: {shorten(frame)}")
        if self.has_text_ids and isinstance(found, str) and _TEXT_ID.fullmatch(found):
            return int(found)
        if self.has_text_ids or type(found) is not int:
            raise FrameError(f"a frame with an unknown id, {shorten(json.dumps(found))}")
        return found


def parse_request(text: str) -> Any:
    """The template of a request, as typed. Raises ValueError with a sentence."""
    try:
        request = json.loads(text)
    except (ValueError, RecursionError):
        raise ValueError(f"{shorten(text)} is no JSON; expected {_EXAMPLE}") from None
    for part, other in ((ID, TEXT_ID), (MESSAGE, MESSAGE)):
        if not _contains(request, part) and not _contains(request, other):
            raise ValueError(f'{shorten(text)} has no "{part}"; expected {_EXAMPLE}')
    return request


def parse_pointer(text: str) -> str:
    """A JSON pointer, as typed. Raises ValueError with a sentence."""
    if text and not text.startswith("/"):
        raise ValueError(f"{text!r} is no JSON pointer; expected a slash first, as in /result/text")
    return text


def found_at(value: Any, pointer: str) -> Any:
    """The part of a value that a JSON pointer names. Raises LookupError if there is none."""
    for escaped in pointer.split("/")[1:]:
        name = escaped.replace("~1", "/").replace("~0", "~")
        match value:
            case dict():
                value = value[name]
            case list() if name.isdecimal() and (name == "0" or name[0] != "0"):
                value = value[int(name[:9])]
            case _:
                raise LookupError(name)
    return value


def binary(frame: bytes) -> str:
    """What is wrong with a frame that is no text."""
    return f"a binary frame of {counted(len(frame), 'byte')}; expected text"


def shorten(text: str) -> str:
    """A text between quotes, cut where it is long."""
    return repr(text if len(text) <= MAX_SHOWN else f"{text[:MAX_SHOWN]}…")


_EXAMPLE: Final = 'something like {"id": "{id}", "message": "{message}"}'


# --- requests


def _filled(part: Any, number: int, message: str) -> Any:
    match part:
        case "{id}":
            return number
        case "{id as text}":
            return str(number)
        case "{message}":
            return message
        case dict():
            return {key: _filled(value, number, message) for key, value in part.items()}
        case list():
            return [_filled(value, number, message) for value in part]
    return part


def _contains(part: Any, text: str) -> bool:
    if isinstance(part, dict):
        part = list(part.values())
    return part == text or (isinstance(part, list) and any(_contains(each, text) for each in part))


# --- answers


def _refuse(constant: str) -> None:
    raise json.JSONDecodeError("no JSON", constant, 0)  # NaN, Infinity


_decoder: Final = json.JSONDecoder(parse_constant=_refuse)


def _parsed(frame: str) -> Any:
    try:
        return _decoder.decode(frame)
    except RecursionError:
        problem = "is nested too deeply"
    except json.JSONDecodeError:
        problem = "is no JSON"
    except ValueError:  # Python reads no number of more than 4,300 digits
        problem = "has a number with too many digits"
    raise FrameError(f"a frame that {problem}: {shorten(frame)}")


def _part(value: Any, pointer: str) -> Any:
    try:
        return found_at(value, pointer)
    except LookupError:
        return _NOTHING


def _error_text(error: Any) -> str:
    """An error as text. JSON-RPC has objects with a `code` and a `message`."""
    match error:
        case str():
            text = error
        case {"message": str(message), "code": int() | str() as code, **rest} if not rest:
            text = f"{message} ({code})"
        case {"message": str(message), **rest} if not rest:
            text = message
        case _:
            text = json.dumps(error, ensure_ascii=False)
    return text if len(text) <= MAX_ERROR else f"{text[:MAX_ERROR]}…"
