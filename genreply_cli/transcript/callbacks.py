"""Where the callbacks of a server stand in its source: what a recording keeps of its class."""

import inspect
import linecache
import sys
from collections.abc import Iterator
from functools import lru_cache
from hashlib import sha256
from pathlib import Path
from types import CodeType
from typing import Any, Final, NamedTuple

CALLBACKS: Final = (
    "init", "handle_continue", "handle_call", "handle_cast", "handle_info", "terminate",
)  # fmt: skip
INSTALLED: Final = frozenset({"site-packages", "dist-packages"})
_OWN_PACKAGE: Final = "genreply_cli"


class Place(NamedTuple):
    """A callback: the file, the number of its first line, how many lines, and their digest.

    The file is relative to the folder where the program runs, or to that of its first script. The
    digest says later whether the same lines are still there.
    """

    file: str
    line: int
    lines: int
    digest: str

    def as_json(self) -> dict[str, Any]:
        """As a `start` step has it."""
        return self._asdict()


def digest(lines: list[str]) -> str:
    """What tells these lines from others. Spaces at their ends do not count."""
    return sha256("\n".join(line.rstrip() for line in lines).encode()).hexdigest()[:16]


@lru_cache(maxsize=256)
def places_of(cls: type) -> dict[str, Place]:
    """The callbacks that a class overrides, by name.

    Those without a source, and those that stand elsewhere, as in an installed package, are left
    out.
    """
    return dict(_places_of(cls))


def _places_of(cls: type) -> Iterator[tuple[str, Place]]:
    for name in CALLBACKS:
        callback = inspect.unwrap(getattr(cls, name, None) or _places_of)
        module = getattr(callback, "__module__", None) or _OWN_PACKAGE
        if module.partition(".")[0] == _OWN_PACKAGE or not inspect.isfunction(callback):
            continue
        file = _relative(Path(callback.__code__.co_filename))
        if file is None:
            continue
        first, last = callback.__code__.co_firstlineno, _last_line(callback.__code__)
        lines = [
            line.rstrip("\n")
            for line in linecache.getlines(callback.__code__.co_filename)[first - 1 : last]
        ]
        if any(f"def {callback.__name__}" in line for line in lines):  # else it has changed by now
            yield name, Place(file, first, len(lines), digest(lines))


def _last_line(code: CodeType) -> int:
    """The last line of a function. (`inspect` reads its text for this, which takes long.)"""
    ends = [end for _, end, _, _ in code.co_positions() if end is not None]
    inner = [_last_line(each) for each in code.co_consts if isinstance(each, CodeType)]
    return max([code.co_firstlineno, *ends, *inner])


def _relative(file: Path) -> str | None:
    """The file as it stands below one of the folders of the program; None if it does not.

    The root is no such folder: a path from there would be an absolute one. What is installed below
    the folder is no part of the program.
    """
    for folder in (Path.cwd(), Path(sys.path[0]) if sys.path else Path()):
        is_folder = folder.is_absolute() and folder != Path(folder.anchor)
        if is_folder and file.is_relative_to(folder):
            inside = file.relative_to(folder)
            return None if INSTALLED.intersection(inside.parts) else inside.as_posix()
    return None if file.is_absolute() or ".." in file.parts else file.as_posix()
