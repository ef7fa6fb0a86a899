"""Reads the header and the steps of a transcript from a file.

header, steps = read("lunch.jsonl")     # an iterator: memory does not grow with the steps
for step in steps: …
steps.notes                             # sentences for the user: an interruption, a cut line
"""

import json
import os
from collections.abc import Callable, Generator, Iterable, Iterator
from itertools import chain
from pathlib import Path
from typing import IO, Any, Final

from genreply_cli.errors import os_error_text
from genreply_cli.text import visible
from genreply_cli.transcript.format import (
    Header,
    ToStep,
    TranscriptError,
    describe_json_error,
    from_line,
    parse,
    to_header,
    to_step,
)
from genreply_cli.transcript.step import Step

MAX_HEADER_BYTES: Final = 1 << 20  # a longer first line is no header


OnError = Callable[[TranscriptError], object]


def _raise(error: TranscriptError) -> None:
    raise error from None


def read(
    source: "str | os.PathLike[str] | IO[str] | IO[bytes]",
    on_error: OnError = _raise,
) -> "tuple[Header, Steps]":
    """The header of a transcript, and an iterator over its steps. Raises TranscriptError.

    `on_error` is called for each line that is no valid step; if it returns, the line is skipped.
    """
    if not isinstance(source, str | os.PathLike):
        name = getattr(source, "name", None)
        name = name if isinstance(name, str) else "the transcript"
        steps = Steps(source, name, on_error=on_error)
        return steps.header, steps
    path = str(source)
    try:
        file = Path(path).open("rb")  # noqa: SIM115  # the steps close it
    except FileNotFoundError:
        raise TranscriptError("there is no such file", path) from None
    except IsADirectoryError:
        raise TranscriptError("is a directory; expected a transcript", path) from None
    except (OSError, ValueError) as error:
        raise TranscriptError(f"cannot be read: {os_error_text(error)}", path) from error
    try:
        steps = Steps(file, path, file.close, on_error)
    except BaseException:
        file.close()
        raise
    return steps.header, steps


class Steps(Iterator[Step]):
    """The steps of a transcript. After the last one, `no_end`, `cut` and `notes` are known.

    A transcript without an `end` is still being written, or was interrupted. A killed recording may
    leave a cut last line. Neither is an error. What a transcript of another program leaves out is
    inferred.
    """

    def __init__(
        self,
        lines: IO[str] | IO[bytes],
        file: str,
        close: Callable[[], None] = lambda: None,
        on_error: OnError = _raise,
    ) -> None:
        self.header, first_step = _read_header(lines, file)
        self.file = file  # its name
        self.lines = lines  # its `tell` says how much has been read
        self.convert = _converter(self.header)
        self._result = _ReadResult(line=1 if first_step is None else 0)
        if self.header.absent:
            self._result.notes.append(headerless_note(file))
        all_lines: Iterable[str | bytes] = lines
        if first_step is not None:
            all_lines = chain([first_step], lines)
        self._steps = _read_steps(all_lines, file, close, on_error, self._result, self.convert)
        next(self._steps)  # once it has begun, the generator closes the file in any case

    def __iter__(self) -> Iterator[Step]:  # noqa: PYI034  # the generator itself is twice as fast
        return self._steps

    def __next__(self) -> Step:
        return next(self._steps)

    def close(self) -> None:
        """Close the file, if `read` opened it. The end of the steps closes it, too."""
        self._steps.close()

    @property
    def line(self) -> int:
        """The line number of the latest step."""
        return self._result.line

    @property
    def no_end(self) -> bool:
        """Whether there is no `end`."""
        return self._result.no_end

    @property
    def cut(self) -> bool:
        """Whether the last line was cut, and therefore ignored."""
        return self._result.cut

    @property
    def notes(self) -> list[str]:
        """Sentences for the user about the file."""
        return self._result.notes


class _ReadResult:
    """What reading found. The generator refers to it, and so does not keep `Steps` alive."""

    def __init__(self, line: int) -> None:
        self.line = line
        self.no_end = False
        self.cut = False
        self.notes: list[str] = []


def _read_steps(
    lines: Iterable[str | bytes],
    file: str,
    close: Callable[[], None],
    on_error: OnError,
    result: _ReadResult,
    convert: ToStep,
) -> Generator[Step, None, None]:
    number = result.line
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
                    result.cut = True
                    result.notes.append(cut_note(file, number))
                    break
                problem = f"expected a JSON object, found {describe_json_error(error)}"
                on_error(TranscriptError(problem, file, number))
                continue
            result.line = number
            try:
                step = convert(values, file, number)
            except TranscriptError as error:
                on_error(error)
                continue
            yield step
    except UnicodeDecodeError:
        raise TranscriptError("expected UTF-8 text, found other bytes", file, number + 1) from None
    except OSError as error:
        problem = f"cannot be read any further: {os_error_text(error)}"
        raise TranscriptError(problem, file, number + 1) from error
    finally:
        close()
    # only genreply's own recordings always have an end
    if convert is to_step and (step is None or step.kind != "end"):
        result.no_end = True
        result.notes.append(no_end_note(file))


def cut_note(file: str, number: int) -> str:
    """The note for a transcript with a cut last line."""
    return f"{visible(file)}, line {number}: the last line is cut; it is ignored"


def headerless_note(file: str) -> str:
    """The note for a file whose first line is a step."""
    return f"{visible(file)}: has no header line; it is read as a transcript of another program"


def no_end_note(file: str) -> str:
    """The note for a transcript without an end."""
    return f"{visible(file)}: it has no end line; it is still being written, or was interrupted"


def from_last_line(line: str | bytes, file: str, number: int) -> Step | None:
    """The step of the last line; None if the line is cut. Raises TranscriptError."""
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


def _converter(header: Header) -> ToStep:
    if not header.foreign:
        return to_step
    from genreply_cli.transcript.foreign import ForeignLines

    return ForeignLines()


def _read_header(lines: IO[str] | IO[bytes], file: str) -> tuple[Header, str | None]:
    """The header. If the first line is a step instead, an absent header, and that line."""
    try:
        raw = lines.readline(MAX_HEADER_BYTES)
        text = (raw.decode() if isinstance(raw, bytes) else raw).removeprefix("\ufeff").strip()
    except UnicodeDecodeError:
        raise TranscriptError("is no transcript: it does not begin with UTF-8 text", file) from None
    except OSError as error:
        raise TranscriptError(f"cannot be read: {os_error_text(error)}", file) from error
    if not raw:
        raise TranscriptError("is empty; expected a transcript, which begins with a header", file)
    try:
        values = parse(text)
    except (ValueError, RecursionError):
        raise TranscriptError("is no transcript: its first line is no JSON object", file) from None
    if type(values) is dict and "format" not in values and type(values.get("kind")) is str:
        return Header(absent=True), text + "\n"
    return to_header(values, file), None
