"""The table of formats that a transcript can be exported as."""

import sys
from collections.abc import Callable, Iterable, Iterator
from importlib import import_module
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from genreply_cli.errors import ExitStatus, GenreplyError

if TYPE_CHECKING:  # the command line reads the table, and should start quickly
    from genreply_cli.transcript.filters import Selection
    from genreply_cli.transcript.format import Header
    from genreply_cli.transcript.step import Step

MAX_PICTURE_EVENTS: Final = 5000  # nobody can read a picture of more


class Format(NamedTuple):
    """A format, written by the module of this package that has its name.

    The module has `render(header, steps)`, which yields the text piece by piece. Without
    `max_events`, it does so in constant memory.
    """

    endings: tuple[str, ...]  # of the names of files, each with its dot
    max_events: int | None = None
    takes_scale: bool = False  # `render` has a parameter `scale`
    takes_sources: bool = False  # `render` has a parameter `sources`
    follows: bool = False  # `render` gets all steps, and a `selection` of those that it shows
    has_pairs: bool = False  # a module of this name with `_pair` draws two transcripts


# fmt: off
FORMATS: Final = {
    "mermaid":  Format((".mmd", ".mermaid"), MAX_PICTURE_EVENTS),
    "svg":      Format((".svg",), MAX_PICTURE_EVENTS, takes_scale=True, follows=True,
                       has_pairs=True),
    "html":     Format((".html", ".htm"), MAX_PICTURE_EVENTS, takes_sources=True, follows=True,
                       has_pairs=True),
    "text":     Format((".txt",)),
    "perfetto": Format((".json", ".perfetto-trace")),
}
# fmt: on


def endings() -> list[str]:
    """The ending of names that is usual for each format."""
    return [form.endings[0] for form in FORMATS.values()]


def format_of(path: str) -> str:
    """The name of the format for this file name. Raises ValueError with a sentence."""
    for name, form in FORMATS.items():
        if path.lower().endswith(form.endings):
            return name
    known = ", ".join(ending for form in FORMATS.values() for ending in form.endings)
    raise ValueError(
        f"{path!r} does not say what it is to be; expected a name that ends in one of {known}"
    )


def render(
    form: str,
    header: "Header",
    steps: "Iterable[Step]",
    *,
    scale: float = 1.0,
    selection: "Selection | None" = None,
    sources: Path | None = None,
) -> Iterator[str]:
    """The selected steps in a format, piece by piece, `scale` times as large if the format can be.

    A state of a server that has forgotten no caller is left out, unless the format shows what
    servers keep, or states are asked for. Raises GenreplyError if it is too long for that format.
    """
    from genreply_cli.timeline.kinds import is_drawn
    from genreply_cli.transcript.filters import Selection

    module = import_module(f"genreply_cli.export.{form}")
    write: Callable[..., Iterator[str]] = module.render
    row = FORMATS[form]
    selection = Selection() if selection is None else selection
    options: dict[str, Any] = {"scale": scale} if row.takes_scale else {}
    if row.takes_sources:
        options["sources"] = sources
    if row.follows:
        followed = _limited(row.max_events, steps, selection)
        return write(header, followed, selection=selection, **options)
    states = "state" in selection.filters.kinds
    shown = (
        step
        for step in steps
        if selection.part(step) != "skipped" and is_drawn(step, states=states)
    )
    some = shown if row.max_events is None else at_most(row.max_events, shown)
    return write(header, some, **options)


def _limited(
    limit: int | None, steps: "Iterable[Step]", selection: "Selection"
) -> "Iterator[Step]":
    """All steps, if not more than `limit` of them are shown. Raises GenreplyError."""
    count = 0
    for step in steps:
        count += selection.part(step) != "skipped"
        if limit is not None and count > limit:
            raise _too_long(limit)
        yield step


def at_most(limit: int, steps: "Iterable[Step]") -> "list[Step]":
    """The steps, if there are not more than `limit`. Raises GenreplyError."""
    read = list(islice(steps, limit + 1))
    if len(read) > limit:
        raise _too_long(limit)
    return read


def _too_long(limit: int) -> GenreplyError:
    return GenreplyError(
        f"it has more than {limit:,} events, too many for a picture",
        hint="pick a part with --call, --kind, --from or --to; text and perfetto take any number",
        exit_code=ExitStatus.USAGE,
    )


def render_pair(
    form: str,
    one: "tuple[Header, Iterable[Step]]",
    other: "tuple[Header, Iterable[Step]]",
    *,
    scale: float = 1.0,
) -> Iterator[str]:
    """Two transcripts beside each other, piece by piece, in a format that has pairs.

    Raises GenreplyError if one of them is too long for that format.
    """
    from genreply_cli.export.side_by_side import Transcript

    module = import_module(f"genreply_cli.export.{form}_pair")
    write: Callable[..., Iterator[str]] = module.render
    limit = FORMATS[form].max_events or MAX_PICTURE_EVENTS
    both = [Transcript(header, at_most(limit, steps)) for header, steps in (one, other)]
    return write(*both, scale=scale) if FORMATS[form].takes_scale else write(*both)


def export(pieces: Iterable[str], output: str | None, *, overwrite: bool = False) -> None:
    """Write what `render` yields to a file or, for None and `-`, to stdout.

    The file appears when all of it is written. Raises GenreplyError if it exists already, unless it
    may be overwritten, and if it cannot be written.
    """
    if output is None or output == "-":
        sys.stdout.writelines(pieces)
        return
    from genreply_cli.export.whole_file import whole_file

    with whole_file(Path(output), overwrite=overwrite) as file:
        file.writelines(pieces)
