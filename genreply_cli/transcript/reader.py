"""Steps ↔ JSON Lines: what was seen, kept in a file.

with Writer("lunch.jsonl", Header(by="genreply 0.1.0")) as writer:
    writer.write(step)                  # one line, written when it returns

header, steps = read("lunch.jsonl")     # an iterator: ten million steps take no more memory than ten
for step in steps: …
steps.notes                             # what a reader should be told: an interruption, a cut line
"""

import errno
import json
import os
import re
import time
from collections.abc import Callable, Generator, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import IO, Any, BinaryIO, Final, Self

from genreply_cli.text import visible
from genreply_cli.transcript.format import (
    VERSION,
    Header,
    TranscriptError,
    describe_json_error,
    from_line,
    parse,
    to_header,
    to_step,
)
from genreply_cli.transcript.tracer import NO_MESSAGE, Step

__all__ = [
    "HEADER_LIMIT", "Header", "Steps", "TranscriptError", "Writer", "timestamp", "from_last_line", "from_line", "header_line",
    "read", "to_line",
]  # fmt: skip

HEADER_LIMIT: Final = 1 << 20  # bytes; what has no line end by then is no transcript


def timestamp(clock: str = "real") -> str:
    """When a header says it was made: now, or on the virtual clock, where equal runs give equal bytes, always the same."""
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(0 if clock == "virtual" else None))


# --- writing -----------------------------------------------------------------------------------------------------------------

_dump: Final = json.JSONEncoder(
    ensure_ascii=False, allow_nan=False, check_circular=False, separators=(",", ":")
).encode
_UNSAFE: Final = re.compile(
    r'\\[\\"u]'  # escapes that may stay
    r"|\\[bfnrt]|[\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u206f\ufeff\ufff9-\ufffb\U000e0001\ud800-\udfff]"
)
_CONTROLS: Final = {
    r"\b": r"\u0008",
    r"\t": r"\u0009",
    r"\n": r"\u000a",
    r"\f": r"\u000c",
    r"\r": r"\u000d",
}


def to_line(step: Step) -> str:
    """A step as one line of JSON, without the line end: nothing in it can steer a terminal."""
    values: dict[str, Any] = {"kind": step.kind}
    if step.call is not None:
        values["call"] = step.call
    if step.source is not None:
        values["from"] = step.source
    if step.target is not None:
        values["to"] = step.target
    if step.at is not None:
        values["at"] = step.at
    if step.message is not NO_MESSAGE:
        values["message"] = step.message
    values |= step.details
    if step.cause is not None:
        values["cause"] = step.cause
    t = f"{step.t:.6f}" if step.t else "0.0"
    if float(t) != step.t:  # somebody else's step, with more than six decimals
        t = repr(step.t)
    return f'{{"seq":{step.seq},"t":{t},{_safe(_dump(values))[1:]}'


def header_line(header: Header) -> str:
    """The first line of a transcript, without the line end."""
    return _safe(_dump({
        "format": "genreply", "version": VERSION, "created": header.created, "by": header.by, "title": header.title,
        "clock": header.clock, "seed": header.seed, "settings": header.settings, **header.more,
    }))  # fmt: skip


def _safe(text: str) -> str:
    return text if "\\" not in text and text.isprintable() else _UNSAFE.sub(_escape, text)


def _escape(match: re.Match[str]) -> str:
    found = match[0]
    if found[0] == "\\":
        return _CONTROLS.get(found, found)
    return json.dumps(found)[1:-1]


class Writer:
    """Writes steps as they come, each with one write and a flush, so a killed recording lacks its last line at most.

    `target` is a path, or a text stream, which is left open. A file that exists is refused, unless it may be overwritten, or
    appended to: then its header stays, and a cut last line is taken off first. Show its steps to `Tracer.after`, so that the new
    ones follow. Raises TranscriptError if the file cannot be opened, and the OSError of a write that failed.
    """

    def __init__(
        self,
        target: "str | os.PathLike[str] | IO[str]",
        header: Header | None = None,
        *,
        overwrite: bool = False,
        append: bool = False,
    ) -> None:
        self._file: BinaryIO | None = None
        self._stream: IO[str] | None = None
        self._ascii = False
        fresh = True
        if isinstance(target, str | os.PathLike):
            self._file, fresh = _open_to_write(Path(target), overwrite=overwrite, append=append)
        else:
            self._stream = target
            self._ascii = "utf" not in (getattr(target, "encoding", None) or "utf-8").lower()
        if fresh:
            self._put(header_line(header or Header()))

    def write(self, step: Step) -> None:
        """One more line."""
        self._put(to_line(step))

    def _put(self, line: str) -> None:
        if self._file is not None:
            self._file.write(line.encode() + b"\n")
            self._file.flush()
        elif self._stream is not None:
            self._stream.write(
                (re.sub(r"[^\x00-\x7f]", _escape, line) if self._ascii else line) + "\n"
            )
            self._stream.flush()

    def close(self) -> None:
        """Close the file; a stream stays open."""
        if self._file is not None:
            self._file.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


def _open_to_write(path: Path, *, overwrite: bool, append: bool) -> tuple[BinaryIO, bool]:
    """The file, and whether it still needs a header."""
    try:
        if path.is_dir():
            raise IsADirectoryError(errno.EISDIR, "is a directory")
        if append and path.is_file() and path.stat().st_size:
            read(path)[1].close()  # it is a transcript
            file = path.open("r+b", buffering=0)
            _seek_to_append_point(file)
            return file, False
        device = (
            path.exists() and not path.is_file() and not path.is_dir()
        )  # /dev/null, a pipe: nothing is lost
        how = 0 if device else os.O_TRUNC if overwrite or append else os.O_EXCL
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | how, 0o600)
        if not device:
            with suppress(PermissionError):  # somebody else's file, which we may write to
                os.fchmod(descriptor, 0o600)
        return os.fdopen(
            descriptor, "wb", buffering=0
        ), True  # 0: a line that does not fit is not tried again
    except FileExistsError:
        raise TranscriptError(
            "exists already; overwrite it, append to it, or choose another name", str(path)
        ) from None
    except (OSError, ValueError) as error:
        raise TranscriptError(f"cannot be written: {_why(error)}", str(path)) from error


def _seek_to_append_point(file: BinaryIO) -> None:
    """Where the next line begins: after the last one, or in the place of one that is cut."""
    start = file.seek(0, os.SEEK_END)
    tail = b""
    while start and b"\n" not in tail.rstrip():
        block = min(start, 1 << 16)
        start = file.seek(start - block)
        tail = file.read(block) + tail
    lines = tail.rstrip()
    last = lines.rfind(b"\n") + 1
    try:
        parse(lines[last:].decode())
    except (ValueError, RecursionError):
        file.truncate(file.seek(start + last))
    else:
        file.truncate(file.seek(start + len(lines)))
        file.write(b"\n")


# --- reading -----------------------------------------------------------------------------------------------------------------


def _refuse(error: TranscriptError) -> None:
    raise error from None


def read(
    source: "str | os.PathLike[str] | IO[str] | IO[bytes]",
    bad: Callable[[TranscriptError], object] = _refuse,
) -> "tuple[Header, Steps]":
    """The header of a transcript, and its steps, which are read as they are asked for. Raises TranscriptError.

    `bad` is told of each line that is no step; if it does not raise, the line is left out.
    """
    if not isinstance(source, str | os.PathLike):
        name = getattr(source, "name", None)
        steps = Steps(
            source, name if isinstance(name, str) else "the transcript", lambda: None, bad
        )
        return steps.header, steps
    path = str(source)
    try:
        file = Path(path).open("rb")  # noqa: SIM115  # the steps close it
    except FileNotFoundError:
        raise TranscriptError("there is no such file", path) from None
    except IsADirectoryError:
        raise TranscriptError("is a directory; expected a transcript", path) from None
    except (OSError, ValueError) as error:
        raise TranscriptError(f"cannot be read: {_why(error)}", path) from error
    try:
        steps = Steps(file, path, file.close, bad)
    except BaseException:
        file.close()
        raise
    return steps.header, steps


class Steps(Iterator[Step]):
    """The steps of a transcript, in its order. When they are through, `interrupted`, `cut` and `notes` are known.

    A transcript without an `end` was interrupted, and a cut last line is what a killed recording leaves; neither is an error.
    """

    def __init__(
        self,
        lines: IO[str] | IO[bytes],
        file: str,
        close: Callable[[], None],
        bad: Callable[[TranscriptError], object] = _refuse,
    ) -> None:
        self.header = _read_header(lines, file)
        self.file = file  # its name
        self.lines = lines  # what is read: its `tell` says how far
        self._told = _ReadResult(bad=bad)
        self._steps = _read_steps(lines, file, close, self._told)
        next(self._steps)  # it is under way, and will close the file, whatever becomes of it

    def __iter__(self) -> Iterator[Step]:  # noqa: PYI034  # the generator itself: half the time a step
        return self._steps

    def __next__(self) -> Step:
        return next(self._steps)

    def close(self) -> None:
        """Close the file, if it was opened here. Needed only by who leaves early and wants it closed at once."""
        self._steps.close()

    @property
    def line(self) -> int:
        """The line of the step that came last."""
        return self._told.line

    @property
    def interrupted(self) -> bool:
        """Whether there is no `end`."""
        return self._told.interrupted

    @property
    def cut(self) -> bool:
        """Whether the last line was cut, and so ignored."""
        return self._told.cut

    @property
    def notes(self) -> list[str]:
        """Both, in a sentence each."""
        return self._told.notes


@dataclass
class _ReadResult:
    """What comes out while steps are read. Apart from them, so that who drops the steps drops the file, too."""

    bad: Callable[[TranscriptError], object] = _refuse
    line: int = 1
    interrupted: bool = False
    cut: bool = False
    notes: list[str] = field(default_factory=list)


def _read_steps(
    lines: IO[str] | IO[bytes], file: str, close: Callable[[], None], told: _ReadResult
) -> Generator[Step, None, None]:
    number = 1
    step: Any = None
    try:
        yield step
        for raw in lines:
            number += 1
            try:
                text = (raw.decode() if isinstance(raw, bytes) else raw).strip()
                if not text:
                    continue
                values = parse(text)
            except (ValueError, RecursionError) as error:
                if _may_be_cut(raw, error) and not any(map(_has_text, lines)):
                    told.cut = True
                    told.notes.append(cut_note(file, number))
                    break
                told.bad(
                    TranscriptError(
                        f"expected a JSON object, found {describe_json_error(error)}", file, number
                    )
                )
                continue
            told.line = number
            try:
                step = to_step(values, file, number)
            except TranscriptError as error:
                told.bad(error)
                continue
            yield step
    except UnicodeDecodeError:
        raise TranscriptError("expected UTF-8 text, found other bytes", file, number + 1) from None
    except OSError as error:
        raise TranscriptError(
            f"cannot be read any further: {_why(error)}", file, number + 1
        ) from error
    finally:
        close()
    if step is None or step.kind != "end":
        told.interrupted = True
        told.notes.append(interrupted_note(file))


def cut_note(file: str, number: int) -> str:
    """What a reader is told of a cut last line."""
    return f"{visible(file)}, line {number}: the last line is cut; it is ignored"


def interrupted_note(file: str) -> str:
    """What a reader is told of a transcript without an end."""
    return f"{visible(file)}: the recording was interrupted; it has no end line"


def from_last_line(line: str | bytes, file: str, number: int) -> Step | None:
    """The same for the last line with its line end, which a killed recording may have cut: then None."""
    try:
        return from_line(line, file, number)
    except TranscriptError:
        try:
            parse((line.decode() if isinstance(line, bytes) else line).strip())
        except (ValueError, RecursionError) as error:
            if _may_be_cut(line, error):
                return None
        raise


def _may_be_cut(raw: str | bytes, error: Exception) -> bool:
    text = raw if isinstance(raw, str) else raw.decode(errors="replace")
    return not text.endswith("\n") or (
        text.lstrip().startswith("{") and isinstance(error, json.JSONDecodeError)
    )


def _has_text(raw: str | bytes) -> bool:
    return bool(raw.strip())


def _why(error: Exception) -> str:
    text = (error.strerror if isinstance(error, OSError) else None) or str(error)
    return visible(text[:1].lower() + text[1:])


def _read_header(lines: IO[str] | IO[bytes], file: str) -> Header:
    try:
        raw = lines.readline(HEADER_LIMIT)
        text = (raw.decode() if isinstance(raw, bytes) else raw).removeprefix("\ufeff").strip()
    except UnicodeDecodeError:
        raise TranscriptError("is no transcript: it does not begin with UTF-8 text", file) from None
    except OSError as error:
        raise TranscriptError(f"cannot be read: {_why(error)}", file) from error
    if not raw:
        raise TranscriptError("is empty; expected a transcript, which begins with a header", file)
    try:
        values = parse(text)
    except (ValueError, RecursionError):
        raise TranscriptError("is no transcript: its first line is no JSON object", file) from None
    return to_header(values, file)
