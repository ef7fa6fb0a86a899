"""A file that appears under its name only when all of it is written."""

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Final

from genreply_cli.errors import GenreplyError, os_error_text

EXISTS_HINT: Final = "choose another name; genreply trace takes --overwrite"


@contextmanager
def whole_file(path: Path, *, overwrite: bool) -> Iterator[IO[str]]:
    """Open a new text file; if the block fails, nothing is left behind.

    Raises GenreplyError if the file exists already, unless it may be overwritten, if it is a
    directory, and if its directory cannot be written to.
    """
    if path.is_dir():
        raise GenreplyError(f"{path}: is a directory; expected a file to write to")
    if _is_device(path):
        with path.open("w", encoding="utf-8", newline="\n") as file:
            yield file
        return
    if os.path.lexists(path) and not overwrite:
        raise GenreplyError(f"{path}: exists already", hint=EXISTS_HINT)
    target = path.resolve()  # a link stays a link, and the file that it leads to is replaced
    try:
        descriptor, name = tempfile.mkstemp(prefix=f".{path.name[:40]}.", dir=target.parent)
    except OSError as error:
        raise GenreplyError(f"{path}: cannot be written: {os_error_text(error)}") from None
    try:
        with os.fdopen(
            descriptor, "w", encoding="utf-8", newline="\n", errors="backslashreplace"
        ) as file:
            yield file
        if overwrite:
            Path(name).replace(target)
        else:
            os.link(name, path)  # fails if another program has made the file meanwhile
            Path(name).unlink()
    except FileExistsError:
        raise GenreplyError(f"{path}: exists already", hint=EXISTS_HINT) from None
    finally:
        with suppress(FileNotFoundError):
            Path(name).unlink()


def _is_device(path: Path) -> bool:
    """Whether it is `/dev/stdout`, a pipe or the like, which nothing can replace."""
    return path.exists() and not path.is_file() and not path.is_dir()
