"""One line of a transcript: its schema, to and from JSON. transcripts/README.md describes it."""

import json
import re
from collections.abc import Callable, Mapping
from math import isfinite, isinf
from typing import Any, Final, NamedTuple, NoReturn

from genreply_cli.text import quoted, visible
from genreply_cli.transcript.counts import COUNTED
from genreply_cli.transcript.step import KINDS, NO_MESSAGE, Step

VERSION: Final = 2
MAX_DEPTH: Final = 100  # levels of arrays and objects in a line
MAX_SECONDS: Final = 1e12  # of a recording
_EMPTY: Final[Mapping[str, Any]] = {}  # never changed


class Header(NamedTuple):
    """The first line: how the recording was made. `more` holds unknown fields.

    A transcript that is copied keeps its version.
    """

    created: str | None = None
    by: str | None = None
    title: str | None = None
    clock: str | None = None
    seed: int | None = None
    settings: Mapping[str, Any] = _EMPTY
    more: Mapping[str, Any] = _EMPTY
    version: int = VERSION
    absent: bool = False  # the file has no header line

    @property
    def foreign(self) -> bool:
        """Whether another program wrote the transcript."""
        return self.absent or (self.by is not None and not self.by.startswith("genreply"))


class TranscriptError(Exception):
    """A transcript cannot be read or written. Its text says where, and what was expected."""

    def __init__(
        self, problem: str, file: str, line: int | None = None, field: str | None = None
    ) -> None:
        super().__init__(problem, file, line, field)
        self.problem = problem
        self.file = file
        self.line = line
        self.field = field

    def __str__(self) -> str:
        line = "" if self.line is None else f", line {self.line}"
        name = "" if self.field is None else f", field {quoted(self.field)}"
        return f"{visible(self.file)}{line}{name}: {self.problem}"


class TranscriptExistsError(TranscriptError):
    """A new transcript was to be written to a file that exists already."""


def _number(text: str) -> float:
    number = float(text)
    if isinf(number):
        raise ValueError("a number that is too large")
    return number


def _constant(text: str) -> NoReturn:
    raise ValueError(f"{text}, which JSON does not have")


_scan: Final = json.JSONDecoder(parse_float=_number, parse_constant=_constant).raw_decode


def parse(text: str) -> Any:
    """The value of a line of JSON.

    Raises ValueError or RecursionError, which `describe_json_error` puts into words.
    """
    values, end = _scan(text)
    if end != len(text):
        raise ValueError(f"something after it, at column {end + 1}")
    if text.count("[") + text.count("{") > MAX_DEPTH and _depth(values) > MAX_DEPTH:
        raise RecursionError
    return values


def _depth(value: Any) -> int:
    depth, level = 0, [value]
    while level and depth <= MAX_DEPTH:
        depth += 1
        level = [
            inner
            for outer in level
            if isinstance(outer, list | dict)
            for inner in (outer.values() if isinstance(outer, dict) else outer)
            if isinstance(inner, list | dict)
        ]
    return depth


def describe_json_error(error: Exception) -> str:
    """What a line holds instead of JSON, to be read after "found"."""
    if isinstance(error, json.JSONDecodeError):
        return f"something else at column {error.colno} ({error.msg})"
    if isinstance(error, RecursionError):
        return f"more than {MAX_DEPTH} levels, one in another"
    if isinstance(error, UnicodeDecodeError):
        return "bytes that are no UTF-8"
    return "an integer that is too large" if "string conversion" in str(error) else str(error)


def _is_count(value: Any) -> bool:
    return type(value) is int and value >= 0


def _is_seconds(value: Any) -> bool:
    return type(value) in {int, float} and 0 <= value < MAX_SECONDS


def _is_text(value: Any) -> bool:
    return type(value) is str


def _is_object(value: Any) -> bool:
    return type(value) is dict


def _are_names(value: Any) -> bool:
    return type(value) is list and all(map(_is_text, value))


def _is_waiting(value: Any) -> bool:
    return _is_count(value) or _are_names(value)


def _is_anything(_: Any) -> bool:
    return True


Expected = tuple[Callable[[Any], bool], str]
_TEXT: Final[Expected] = _is_text, "text"
_COUNT: Final[Expected] = _is_count, "a whole number, 0 or more"
_SECONDS: Final[Expected] = _is_seconds, "a number of seconds, 0 or more"
_NAMES: Final[Expected] = _are_names, "a list of calls"
_YES_OR_NO: Final[Expected] = (lambda value: type(value) is bool), "true or false"

# fmt: off
HEADER: Final[Mapping[str, Expected]] = {
    "created": _TEXT, "by": _TEXT, "title": _TEXT, "clock": _TEXT,
    "seed": (lambda value: type(value) is int, "a whole number"),
    "settings": (_is_object, "a JSON object"),
}

DETAILS: Final[Mapping[str, Expected]] = {
    "module": _TEXT, "linked": _TEXT, "owner": _TEXT,
    "callbacks": (_is_object, "a JSON object"),
    "already": _YES_OR_NO,
    "timeout": _SECONDS, "sent": _TEXT,
    "waiting": (_is_waiting, "a number of calls, or a list of them"), "in_vain": _COUNT,
    "state": (_is_anything, "a value"), "keeps": _NAMES, "more": _COUNT, "forgot": _NAMES,
    "blocked": _SECONDS, "ago": _SECONDS,
    "for": _TEXT, "went_to": _TEXT, "went_at": _SECONDS,
    "told": (_are_names, "a list of processes"), "gave_up": _YES_OR_NO, "passed_on": _YES_OR_NO,
    "error": _TEXT, "reason": _TEXT, "link": _TEXT, "what": _TEXT, "label": _TEXT, "command": _TEXT,
    "ref": _TEXT,
    **dict.fromkeys(COUNTED, _COUNT),
}
# fmt: on


def to_step(values: Any, file: str, line: int) -> Step:
    """The step of a line. Raises TranscriptError if a field has a wrong type.

    Unknown fields are kept, and unknown kinds are accepted.
    """
    if type(values) is not dict:
        raise TranscriptError(f"expected a JSON object, found {_shown(values)}", file, line)
    take = values.pop
    seq, t, kind = take("seq", None), take("t", None), take("kind", None)
    call, source = take("call", None), take("from", None)
    target, at = take("to", None), take("at", None)
    message, cause = take("message", NO_MESSAGE), take("cause", None)
    if seq is None and values.get("format") == "genreply":
        raise TranscriptError("is a second header; expected one transcript in a file", file, line)
    if type(seq) is not int or seq < 1:
        raise _unexpected("seq", "a whole number from 1", seq, file, line)
    if (type(t) is not float and type(t) is not int) or not 0 <= t < MAX_SECONDS:
        raise _unexpected("t", _SECONDS[1], t, file, line)
    if type(kind) is not str:
        raise _unexpected("kind", "text", kind, file, line)
    for name, value in (("call", call), ("from", source), ("to", target), ("at", at)):
        if value is not None and type(value) is not str:
            raise _unexpected(name, "text", value, file, line)
    if cause is not None and type(cause) is not int:
        raise _unexpected("cause", "a whole number", cause, file, line)
    if values and kind in KINDS:
        _check(values, DETAILS, file, line)
    return Step(seq, t, kind, call, source, target, at, message, values, cause)


def _check(
    values: Mapping[str, Any], expected: Mapping[str, Expected], file: str, line: int
) -> None:
    for name, value in values.items():
        if name in expected and value is not None:
            fits, description = expected[name]
            if not fits(value):
                raise _unexpected(name, description, value, file, line)


def _unexpected(name: str, expected: str, value: Any, file: str, line: int) -> TranscriptError:
    found = "none" if value is None else _shown(value)
    return TranscriptError(f"expected {expected}, found {found}", file, line, name)


def _shown(value: Any) -> str:
    text = visible(json.dumps(value, ensure_ascii=False))
    return text if len(text) <= 60 else text[:59] + "…"


ToStep = Callable[[Any, str, int], Step]  # from the JSON of a line, its file and its number


def from_line(
    line: str | bytes,
    file: str = "the transcript",
    number: int = 2,
    convert: ToStep = to_step,
) -> Step:
    """The step of a line of JSON. `file` and `number` are for the text of a TranscriptError."""
    try:
        values = parse((line.decode() if isinstance(line, bytes) else line).strip())
    except (ValueError, RecursionError) as error:
        raise TranscriptError(
            f"expected a JSON object, found {describe_json_error(error)}", file, number
        ) from None
    return convert(values, file, number)


def to_header(values: Any, file: str) -> Header:
    """The header of the first line. Raises TranscriptError."""
    if type(values) is not dict or values.pop("format", None) != "genreply":
        raise TranscriptError(
            'is no transcript: its first line does not say "format":"genreply"', file
        )
    version = values.pop("version", None)
    if type(version) is not int or version < 1:
        raise _unexpected("version", f"1 or {VERSION}", version, file, 1)
    if version > VERSION:
        raise TranscriptError(
            f"is a transcript of version {version}, and this genreply reads versions up to"
            f" {VERSION}; a newer genreply reads it",
            file,
        )
    _check(values, HEADER, file, 1)
    known = {name: values.pop(name, None) for name in HEADER}
    settings = known["settings"] or {}
    return Header(**known | {"settings": settings}, more=values, version=version)


_dump: Final = json.JSONEncoder(
    ensure_ascii=False, allow_nan=False, check_circular=False, separators=(",", ":")
).encode
_text: Final = json.encoder.encode_basestring  # a text as JSON
_FEW: Final = 16
_CONSTANTS: Final = {None: "null", True: "true", False: "false"}


_UNSAFE: Final = re.compile(
    r'\\[\\"u]'  # escapes that stay as they are
    r"|\\[bfnrt]"
    r"|[\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u206f\ufeff\ufff9-\ufffb\U000e0001\ud800-\udfff]"
)


_CONTROLS: Final = {
    r"\b": r"\u0008",
    r"\t": r"\u0009",
    r"\n": r"\u000a",
    r"\f": r"\u000c",
    r"\r": r"\u000d",
}


def to_line(step: Step) -> str:
    """A step as a line of JSON without its line end. No character of it can control a terminal."""
    seq, t, kind, call, source, target, at, message, details, cause = step
    line = f'{{"seq":{seq},"t":{_seconds(t)},"kind":{_text(kind)}'
    if call is not None:
        line += f',"call":{_text(call)}'
    if source is not None:
        line += f',"from":{_text(source)}'
    if target is not None:
        line += f',"to":{_text(target)}'
    if at is not None:
        line += f',"at":{_text(at)}'
    if message is not NO_MESSAGE:
        line += f',"message":{_json(message)}'
    for name, value in details.items():
        line += f",{_text(name)}:{_json(value)}"
    return _safe(line + ("}" if cause is None else f',"cause":{cause}}}'))


def _seconds(t: float) -> str:
    text = "%.6f" % t if t else "0.0"  # noqa: UP031  # an f-string takes longer for this
    return text if float(text) == t else repr(t)  # another program wrote more than six decimals


def _json(value: Any) -> str:
    """A value as JSON. The encoder of `json` takes several times as long for small ones."""
    kind = type(value)
    if kind is str:
        return _text(value)
    if value is None or kind is bool:
        return _CONSTANTS[value]
    if kind is int or (kind is float and isfinite(value)):
        return repr(value)
    if kind is list and len(value) <= _FEW:
        return f"[{','.join(map(_json, value))}]"
    return _dump(value)


def header_line(header: Header) -> str:
    """The first line of a transcript, without its line end."""
    known = {name: getattr(header, name) for name in HEADER}
    return _safe(_dump({"format": "genreply", "version": header.version, **known, **header.more}))


def to_ascii(line: str) -> str:
    """The same JSON with ASCII characters only."""
    return re.sub(r"[^\x00-\x7f]", _escape, line)


def _safe(text: str) -> str:
    if "\\" not in text and (
        "\x7f" not in text if text.isascii() else text.isprintable()
    ):  # the other control characters have been escaped
        return text
    return _UNSAFE.sub(_escape, text)


def _escape(match: re.Match[str]) -> str:
    found = match[0]
    if found[0] == "\\":
        return _CONTROLS.get(found, found)
    return json.dumps(found)[1:-1]
