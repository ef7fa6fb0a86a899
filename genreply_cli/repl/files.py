"""/save, /export and /replay: the recording of this session as a file, a picture, a film."""

import os
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from genreply_cli.errors import GenreplyError
from genreply_cli.repl.shell import Shell
from genreply_cli.session import parsing
from genreply_cli.transcript.filters import Filters, Selection
from genreply_cli.transcript.format import TranscriptError, TranscriptExistsError
from genreply_cli.transcript.step import Step
from genreply_cli.transcript.writer import Writer

EXISTS = "exists already"
EXISTS_HINT = "choose another name, or add --overwrite"


class Wanted(NamedTuple):
    """A file to be written, and what of the session it has."""

    path: Path
    overwrite: bool
    calls: tuple[str, ...]
    start: str | None  # a time, or the label of a mark


def save(shell: Shell, argument: str) -> None:
    """Copy the transcript of the session so far."""
    from genreply_cli.transcript.reader import read

    wanted = _parse("/save", argument, "lunch.jsonl", may_select=False)
    source = recorded(shell)
    if wanted.path.exists() and wanted.path.samefile(source):
        raise ValueError(f"{wanted.path} is the recording of this session; choose another name")
    try:
        header, steps = read(source)
        with Writer(wanted.path, header, overwrite=wanted.overwrite) as writer:
            for step in steps:
                writer.write(step)
            counts = shell.observers.tracer.counts()
            writer.write(Step(step.seq + 1, step.t, "end", details=counts))
    except TranscriptExistsError:
        raise GenreplyError(f"{wanted.path}: {EXISTS}", hint=EXISTS_HINT) from None
    except TranscriptError as error:
        raise GenreplyError(str(error)) from None
    shell.frontend.say(f"saved; see it with: genreply trace {shlex.quote(str(wanted.path))}")


def export(shell: Shell, argument: str) -> None:
    """Draw the session, or a part of it, in the format that the name of the file says."""
    from genreply_cli.export.formats import export, format_of, render
    from genreply_cli.transcript.reader import read

    wanted = _parse("/export", argument, "lunch.svg", may_select=True)
    form = format_of(str(wanted.path))
    source = recorded(shell)
    if os.path.lexists(wanted.path) and not wanted.overwrite:
        raise GenreplyError(f"{wanted.path}: {EXISTS}", hint=EXISTS_HINT)
    try:
        header, reading = read(source)
        steps = list(reading)
        calls = frozenset(shell.history.find_call(call) for call in wanted.calls)
        filters = Filters(calls, start=_start(wanted.start, steps))
        selection = Selection(filters, filters.causes(steps))
        pieces = render(form, header, steps, selection=selection)
        export(pieces, str(wanted.path), overwrite=wanted.overwrite)
    except TranscriptError as error:
        raise GenreplyError(str(error)) from None
    shell.frontend.say(f"exported as {form} to {wanted.path}")


async def replay(shell: Shell, _: str) -> None:
    """Play the session on the whole screen."""
    await shell.frontend.replay(recorded(shell))


def recorded(shell: Shell) -> str:
    """The path of this session's transcript. Raises GenreplyError if it is not recorded."""
    if shell.transcript is None:
        raise GenreplyError(
            "this session is not recorded", hint="leave, and come back without --no-record"
        )
    return shell.transcript


def complete_path(start: str) -> Iterator[str]:
    """The paths that begin like this; a folder ends with a slash."""
    folder, _, name = start.rpartition("/")
    place = Path(f"{folder}/" if "/" in start else ".").expanduser()
    try:
        found = sorted(each for each in place.iterdir() if each.name.startswith(name))
    except (OSError, ValueError):
        return
    for each in found:
        if name.startswith(".") or not each.name.startswith("."):
            path = f"{folder}/{each.name}" if "/" in start else each.name
            yield f"{path}/" if each.is_dir() else path


def _parse(command: str, argument: str, example: str, *, may_select: bool) -> Wanted:
    """The path, which may have blanks, and the flags around it. Raises ValueError."""
    try:
        words = shlex.split(argument)
    except ValueError:  # a quotation mark that stands alone is part of a name
        words = argument.split()
    path: list[str] = []
    calls: list[str] = []
    start: list[str] = []
    overwrite = False
    part_of = path  # what a word without a flag belongs to
    rest = iter(words)
    for word in rest:
        if not word.startswith("--"):
            part_of.append(word)
            continue
        part_of = path
        if word == "--overwrite":
            overwrite = True
        elif may_select and word in {"--call", "--from"}:
            value = next(rest, None)
            if value is None:
                needs = "a call, like c3" if word == "--call" else "a time or a mark, like lunch"
                raise ValueError(f"{word} needs {needs}")
            if word == "--call":
                calls.append(value)
            else:
                start = [value]
                part_of = start if path else path  # the label of a mark may have blanks, too
        else:
            flags = "--overwrite, --call and --from" if may_select else "--overwrite"
            raise ValueError(f"{command} has no {word}; it takes {flags}")
    if not path:
        raise ValueError(f"{command} needs a file, as in: {command} {example}")
    return Wanted(_expanded(" ".join(path)), overwrite, tuple(calls), " ".join(start) or None)


def _expanded(path: str) -> Path:
    try:
        return Path(path).expanduser()
    except RuntimeError:  # ~name, of a user that is not known
        raise ValueError(f"{path}: there is no such home folder") from None


def _start(text: str | None, steps: list[Step]) -> float | None:
    """The time of the last mark with this label, or the time that was typed."""
    if text is None:
        return None
    marks = [step for step in steps if step.kind == "mark" and "command" not in step.details]
    times = [step.t for step in marks if step.details.get("label") == text]
    if times:
        return times[-1]
    try:
        return parsing.duration(text)
    except ValueError:
        labels = ", ".join(str(step.details.get("label")) for step in marks[-5:]) or "none"
        raise ValueError(f"there is no mark {text!r}; marks: {labels}") from None
