"""The callback that did what a step shows, in the source of a program that was recorded.

A recording has the place of each callback, and a digest of its lines. The lines are shown only if
they are still the same; else it is said why not.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from genreply_cli.explain.quotes import Code, Quote
from genreply_cli.transcript.callbacks import digest
from genreply_cli.transcript.step import KINDS, Step

MAX_LINES: Final = 12  # of a callback that are shown
MAX_BYTES: Final = 1 << 20  # of a source file
MAX_MESSAGES: Final = 10_000  # whose kinds are remembered


class OwnCode:
    """Finds the callbacks of the servers of a recording, whose sources are in a folder."""

    def __init__(self, folder: Path | None = None) -> None:
        self._folder = Path() if folder is None else folder
        self._modules: dict[str, str] = {}  # by server
        self._callbacks: dict[str, Mapping[str, Any]] = {}  # by module, by callback
        self._found: dict[tuple[str, int, int, str], Code] = {}  # what has been read
        self._messages: dict[int, str] = {}  # the kind of each message, by the number of its step

    def update(self, step: Step) -> None:
        """Take one more step into account."""
        if step.kind == "start" and step.at is not None:
            module = str(step.details.get("module"))
            self._modules[step.at] = module
            callbacks = step.details.get("callbacks")
            if isinstance(callbacks, dict):
                self._callbacks[module] = callbacks
        elif step.kind in KINDS and KINDS[step.kind].queued:
            self._messages[step.seq] = step.kind
            if len(self._messages) > MAX_MESSAGES:
                del self._messages[next(iter(self._messages))]

    def has(self, step: Step) -> bool:
        """Whether the server that did this is one whose callbacks are recorded."""
        return self._modules.get(step.at or step.source or "") in self._callbacks

    def quote(self, step: Step) -> Quote:
        """The callback in which a server did this; an empty one if it is not known for certain."""
        server = step.at or step.source or ""
        callbacks = self._callbacks.get(self._modules.get(server, ""), {})
        name = self._callback_of(step, callbacks)
        place = callbacks.get(name) if name else None
        if not isinstance(place, dict):
            return Quote()
        match place:
            case {"file": str(file), "line": int(line), "lines": int(count), "digest": str(known)}:
                found = file, line, count, known
                if found not in self._found:
                    self._found[found] = _read(self._folder, *found)
                return Quote(self._found[found])
        return Quote()

    def _callback_of(self, step: Step, callbacks: Mapping[str, Any]) -> str | None:
        kind = self._messages.get(step.cause or 0)
        if step.kind == "start":
            return "init"
        if kind is None:
            return None
        if "handle_continue" in callbacks and step.kind != "noreply":
            return None  # it may have been done there: a recording does not tell the two apart
        return f"handle_{kind}"


def _read(folder: Path, file: str, line: int, count: int, known: str) -> Code:
    """The lines of a callback if they have not changed, and otherwise what has become of them."""
    relative = Path(file)
    if relative.is_absolute() or ".." in relative.parts:
        return Code(file, line, (), "is not looked for outside of the folder of the program")
    path = folder / relative
    try:
        if not path.is_file():
            return Code(file, line, (), "is not there; --source DIR says where the program is")
        if path.stat().st_size > MAX_BYTES:
            return Code(file, line, (), "is too long to be a source")
        lines = path.read_text(encoding="utf-8").splitlines()[max(0, line - 1) :][: max(0, count)]
    except (OSError, ValueError):
        return Code(file, line, (), "cannot be read")
    if digest(lines) != known:
        return Code(file, line, (), "has changed since it was recorded")
    shown = lines[:MAX_LINES]
    margin = min((len(text) - len(text.lstrip()) for text in shown if text.strip()), default=0)
    more = ["…"] if len(lines) > MAX_LINES else []
    return Code(file, line, (*(text[margin:] for text in shown), *more), is_whole=True)
