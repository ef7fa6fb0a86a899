"""Frames with ids: a request is made from a template, its answer is found by JSON pointers."""

import json
from typing import Any, Final, NamedTuple

from genreply_cli.text import counted

ID: Final = "{id}"
MESSAGE: Final = "{message}"
MAX_SHOWN: Final = 60  # characters of a frame, in a sentence about it


class FrameError(ValueError):
    """A frame that is no answer to anything: a sentence that says why."""


class Format(NamedTuple):
    """How requests and answers with ids are written."""

    request: Any = {"id": ID, "message": MESSAGE}  # noqa: RUF012  # it is never changed
    id_at: str = "/id"  # JSON pointers (RFC 6901)
    answer_at: str = "/message"

    def encode(self, number: int, message: str) -> str:
        """The frame that asks this, under this id."""
        return json.dumps(_filled(self.request, number, message), ensure_ascii=False)

    def decode(self, frame: str | bytes) -> tuple[int, str]:
        """The id in a frame, and the answer to it. Raises FrameError."""
        if not isinstance(frame, str):
            raise FrameError(binary(frame))
        try:
            value = json.loads(frame)
        except (ValueError, RecursionError):
            raise FrameError(f"a frame that is no JSON: {shorten(frame)}") from None
        try:
            number = found_at(value, self.id_at)
        except LookupError:
            raise FrameError(f"a frame without an id at {self.id_at}: {shorten(frame)}") from None
        if type(number) is not int:
            raise FrameError(f"a frame with an unknown id, {shorten(json.dumps(number))}")
        try:
            answer = found_at(value, self.answer_at)
        except LookupError:
            problem = f"the answer to request {number} has nothing at {self.answer_at}"
            raise FrameError(f"{problem}: {shorten(frame)}") from None
        return number, answer if isinstance(answer, str) else json.dumps(answer)


def parse_request(text: str) -> Any:
    """The template of a request, as typed. Raises ValueError with a sentence."""
    try:
        request = json.loads(text)
    except (ValueError, RecursionError):
        raise ValueError(f"{shorten(text)} is no JSON; expected {_EXAMPLE}") from None
    for part in (ID, MESSAGE):
        if not _contains(request, part):
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


def _filled(part: Any, number: int, message: str) -> Any:
    match part:
        case "{id}":
            return number
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
