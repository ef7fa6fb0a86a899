"""A transcript as something else: which format, which file, and that nothing is lost on the way."""

import os
import sys
import tempfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Final, NamedTuple

from genreply_cli.errors import ExitStatus, GenreplyError, os_error_text
from genreply_cli.timeline.lines import plain_line
from genreply_cli.transcript.format import Header
from genreply_cli.transcript.step import Step

ANOTHER: Final = "choose another name; genreply trace takes --overwrite"
MANY: Final = 5000  # events; a picture of more is no picture


def text(_: Header, steps: Iterable[Step]) -> Iterator[str]:
    """The timeline as plain lines."""
    for step in steps:
        yield f"{plain_line(step)}\n"


def mermaid(header: Header, steps: Iterable[Step]) -> Iterator[str]:
    """A sequence diagram, as Mermaid reads it."""
    from genreply_cli.export.mermaid import diagram

    yield from diagram(header, few(steps))


def svg(header: Header, steps: Iterable[Step]) -> Iterator[str]:
    """A picture."""
    from genreply_cli.export.svg import draw

    yield from draw(header, few(steps))


def html(header: Header, steps: Iterable[Step]) -> Iterator[str]:
    """A page with the picture, and all it shows as a table."""
    from genreply_cli.export.html import page

    yield from page(header, few(steps))


def perfetto(header: Header, steps: Iterable[Step]) -> Iterator[str]:
    """A trace for https://ui.perfetto.dev."""
    from genreply_cli.export.perfetto import events

    yield from events(header, steps)


class Format(NamedTuple):
    """What a transcript can be exported as."""

    write: Callable[[Header, Iterable[Step]], Iterator[str]]  # text and Perfetto in constant memory
    endings: tuple[str, ...]


FORMATS: Final = {
    "mermaid": Format(mermaid, (".mmd", ".mermaid")),
    "svg": Format(svg, (".svg",)),
    "html": Format(html, (".html", ".htm")),
    "text": Format(text, (".txt",)),
    "perfetto": Format(perfetto, (".json", ".perfetto-trace")),
}


def few(steps: Iterable[Step]) -> list[Step]:
    """The steps, if they are not too many for a picture. Raises GenreplyError."""
    some: list[Step] = []
    for step in steps:
        some.append(step)
        if len(some) > MANY:
            hint = (
                "pick a part with --call, --kind, --from or --to; text and perfetto take any number"
            )
            raise GenreplyError(
                f"it has more than {MANY:,} events, too many for a picture",
                hint=hint,
                exit_code=ExitStatus.USAGE,
            )
    return some


def format_of(path: str) -> str:
    """The format that the end of a file's name stands for. Raises ValueError with a sentence."""
    for name, form in FORMATS.items():
        if path.lower().endswith(form.endings):
            return name
    endings = ", ".join(ending for form in FORMATS.values() for ending in form.endings)
    raise ValueError(
        f"{path!r} does not say what it is to be; expected a name that ends in one of {endings}"
    )


def export(
    form: str, header: Header, steps: Iterable[Step], output: str | None, *, overwrite: bool = False
) -> None:
    """Write a transcript in a format, to a file or, for None and `-`, to stdout. A file is there whole or not at all."""
    chunks = FORMATS[form].write(header, steps)
    if output is None or output == "-":
        for chunk in chunks:
            sys.stdout.write(chunk)
        return
    with _file(Path(output), overwrite) as file:
        for chunk in chunks:
            file.write(chunk)


@contextmanager
def _file(path: Path, overwrite: bool) -> Iterator[IO[str]]:
    """A file to write to, which gets its name when all is written."""
    if path.is_dir():
        raise GenreplyError(f"{path}: is a directory; expected a file to write to")
    if os.path.lexists(path) and not overwrite and not _device(path):
        raise GenreplyError(f"{path}: exists already", hint=ANOTHER)
    if _device(path):  # /dev/stdout, a pipe: there is nothing to keep whole
        with path.open("w", encoding="utf-8", newline="\n") as file:
            yield file
        return
    place = path.resolve().parent  # where a link leads to stays linked
    try:
        descriptor, name = tempfile.mkstemp(prefix=f".{path.name[:40]}.", dir=place)
    except OSError as error:
        raise GenreplyError(f"{path}: cannot be written: {os_error_text(error)}") from None
    try:
        with os.fdopen(
            descriptor, "w", encoding="utf-8", newline="\n", errors="backslashreplace"
        ) as file:
            yield file
        if overwrite:
            Path(name).replace(path.resolve())
        else:
            os.link(name, path)  # fails where a file has come meanwhile
            Path(name).unlink()
    except FileExistsError:
        raise GenreplyError(f"{path}: exists already", hint=ANOTHER) from None
    finally:
        with suppress(FileNotFoundError):
            Path(name).unlink()


def _device(path: Path) -> bool:
    return path.exists() and not path.is_file() and not path.is_dir()
