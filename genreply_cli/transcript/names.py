"""Gives processes and callers the names that stand in a transcript."""

import re
from typing import Any, Final

from genreply_cli.otp import GenServer, Source, Task
from genreply_cli.transcript.by_identity import ByIdentity
from genreply_cli.transcript.step import NAMED_CALLER, UNKNOWN_CALLER

MAX_TASK_NAME: Final = 40  # characters
_DEFAULT_TASK_NAME: Final = re.compile(r"(Task-\d+)?")  # asyncio's own


class Names:
    """Gives processes and callers names: the registered one or that of the class, made unique."""

    def __init__(self) -> None:
        self._names: ByIdentity[str] = ByIdentity()
        self._entry = self._names.entry
        self._used: dict[str, int] = {
            UNKNOWN_CALLER: 1
        }  # base -> the highest number that it has been given

    def of(self, actor: Any) -> str:
        """The name of a process or of the task of a caller; the same for the same object."""
        entry = self._entry(id(actor))
        return self._new(actor) if entry is None else entry[0]

    def _new(self, actor: Any) -> str:
        if isinstance(actor, str):
            return actor
        if actor is None:
            return UNKNOWN_CALLER
        base = _default_name(actor)
        if isinstance(actor, Source | Task):
            base = f"{self.of(actor.owner)}.{base}"
        return self._names.put(actor, self._unique(base))

    def _unique(self, base: str) -> str:
        """`base`, or `base-2` and so on: not taken, not even by a name registered as `caller-2`."""
        stem, _, digits = base.rpartition("-")
        if digits.isdecimal() and len(digits) < 10 and 2 <= int(digits) <= self._used.get(stem, 0):
            self._used.setdefault(base, 1)
        while True:
            number = self._used[base] = self._used.get(base, 0) + 1
            name = base if number == 1 else f"{base}-{number}"
            if number == 1 or name not in self._used:
                return name


def is_task(actor: Any) -> bool:
    # isinstance would need asyncio to be imported
    return actor is None or hasattr(actor, "add_done_callback")


def _caller_name(task: Any) -> str:
    """`caller`, or `caller:fetch` for a task to which the program has given this name."""
    given = task.get_name() if hasattr(task, "get_name") else ""
    if given == "caller" or _DEFAULT_TASK_NAME.fullmatch(given):
        return "caller"
    return f"{NAMED_CALLER}{given[:MAX_TASK_NAME]}"


def _default_name(actor: Any) -> str:
    if is_task(actor):
        return _caller_name(actor)
    if isinstance(actor, GenServer):
        name = GenServer.name.__get__(actor)  # its class may have a `name` of its own
    else:
        name = getattr(actor, "name", None)
    return name if isinstance(name, str) and name else type(actor).__name__.lower()
