"""A file that appears under its name only when all of it is written."""

import os
import stat
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Any, Final

from genreply_cli.errors import ExitStatus, GenreplyError, os_error_text
from genreply_cli.streams import descriptor_of

EXISTS_HINT: Final = "choose another name; genreply trace takes --overwrite"


@contextmanager
def whole_file(path: Path, *, overwrite: bool) -> Iterator[IO[str]]:
    """Open a new text file; if the block fails, nothing is left behind.

    A file that is replaced keeps its mode; a new one has that of any new file (umask).
    Raises GenreplyError if the file exists already, unless it may be overwritten, if it is a
    directory, and if its directory cannot be written to.
    """
    descriptor = descriptor_of(path)
    if descriptor is not None:
        with _copy_of(descriptor, path) as file:
            yield file
        return
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
            with suppress(PermissionError):  # some file systems keep no modes
                os.fchmod(file.fileno(), _mode_for(target))
        if overwrite:
            Path(name).replace(target)
        else:
            _rename_to_new(Path(name), path)
    except FileExistsError:
        raise GenreplyError(f"{path}: exists already", hint=EXISTS_HINT) from None
    finally:
        with suppress(FileNotFoundError):
            Path(name).unlink()


@contextmanager
def _copy_of(descriptor: int, path: Path) -> Iterator[IO[str]]:
    """What is open already, to be written to where it is. Raises GenreplyError."""
    if descriptor == 1:
        yield sys.stdout
        return
    try:
        copy = os.dup(descriptor)
    except OSError as error:
        raise GenreplyError(f"{path}: cannot be written: {os_error_text(error)}") from None
    with os.fdopen(copy, "w", encoding="utf-8", newline="\n", errors="backslashreplace") as file:
        yield file


def _rename_to_new(file: Path, name: Path) -> None:
    """Give a file its name. Raises FileExistsError if another program has made one meanwhile."""
    try:
        os.link(file, name)
    except FileExistsError:
        raise
    except OSError:  # a file system without hard links: an empty file keeps the name for this one
        os.close(os.open(name, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
        file.replace(name)
    else:
        file.unlink()


def refuse_input(path: Path, *inputs: IO[Any]) -> None:
    """Raise GenreplyError if the file to be written is one of these, which are open to be read."""
    if any(_is_open_as(path, file) for file in inputs):
        raise GenreplyError(
            f"{path}: is what is read, and would be lost",
            hint="choose another name",
            exit_code=ExitStatus.USAGE,
        )


def _is_open_as(path: Path, file: IO[Any]) -> bool:
    """Whether an open file is the one of this name."""
    try:
        return os.path.samestat(path.stat(), os.fstat(file.fileno()))
    except (OSError, ValueError):  # it has no descriptor, or nothing has this name
        return False


def _mode_for(target: Path) -> int:
    try:
        return stat.S_IMODE(target.stat().st_mode)
    except OSError:  # it is new
        umask = os.umask(0o077)  # it can only be read by setting it
        os.umask(umask)
        return 0o666 & ~umask


def _is_device(path: Path) -> bool:
    """Whether it is `/dev/stdout`, a pipe or the like, which nothing can replace."""
    return path.exists() and not path.is_file() and not path.is_dir()
