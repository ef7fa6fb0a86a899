"""Which processes live, which have ended and why, and which callers have called."""

from collections import defaultdict
from typing import Final

from genreply_cli.transcript.step import NAMED_CALLER, is_caller

MAX_REASONS: Final = 1000  # of ended processes that are remembered


class Names:
    """All names of processes so far. `worker`, `worker-2` … together take the room of one name."""

    def __init__(self) -> None:
        self._highest: dict[str, int] = {}

    def add(self, name: str) -> None:
        """Remember a name."""
        stem, number = _split(name)
        self._highest[stem] = max(number, self._highest.get(stem, 0))

    def next(self, stem: str) -> int:
        """The number that the next process of this name has."""
        return self._highest.get(stem, 0) + 1

    def __contains__(self, name: str) -> bool:
        stem, number = _split(name)
        return number <= self._highest.get(stem, 0)


def _split(name: str) -> tuple[str, int]:
    stem, dash, digits = name.rpartition("-")
    return (stem, int(digits)) if dash and digits.isdecimal() and len(digits) < 10 else (name, 1)


class Processes:
    """A fold over the starts and exits of processes."""

    def __init__(self) -> None:
        self.alive: set[str] = set()
        self._names = Names()
        self._callers: defaultdict[str, Names] = defaultdict(Names)  # by node; "" is this one
        self.callers_are_known = True  # no caller was missed
        self.began_with: dict[str, int | None] = {}  # the cause of the start of a living process
        self._reasons: dict[str, str | None] = {}  # why a process has ended, latest last

    def start(self, name: str, cause: int | None = None) -> None:
        """A process of this name lives."""
        self.alive.add(name)
        self.began_with[name] = cause
        self._names.add(name)
        if is_caller(name):
            self._add_caller(name)
        self._reasons.pop(name, None)

    def exit(self, name: str, reason: str | None) -> None:
        """The process of this name has ended."""
        self.alive.discard(name)
        self.began_with.pop(name, None)
        self._reasons[name] = reason
        if len(self._reasons) > MAX_REASONS:
            del self._reasons[next(iter(self._reasons))]

    def has_ended(self, name: str | None) -> bool:
        """Whether there was a process of this name, and it has ended."""
        return name is not None and name not in self.alive and name in self._names

    def reason(self, name: str | None) -> str | None:
        """Why a process has ended, if that is still known."""
        return self._reasons.get(name or "")

    def is_known(self, name: str) -> bool:
        """Whether a process of this name was started, or it is the name of a caller."""
        return name in self.alive or name in self._names or is_caller(name)

    def expected_caller(self, name: str) -> str | None:
        """The name of the next new caller, if `name` is one that is too high."""
        if name.startswith(NAMED_CALLER):
            return None
        caller, at, node = name.partition("@")
        known = self._callers[node]
        if not self.callers_are_known or caller in known or not is_caller(name):
            return None
        number = known.next("caller")
        expected = "caller" if number == 1 else f"caller-{number}"
        return None if caller == expected else f"{expected}{at}{node}"

    def add_caller(self, name: str) -> None:
        """A step came from this caller, if it is one."""
        if is_caller(name):
            self._add_caller(name)

    def _add_caller(self, name: str) -> None:
        caller, _, node = name.partition("@")
        self._callers[node].add(caller)

    def clear(self) -> None:
        """Another recording begins."""
        self.alive.clear()
        self.began_with.clear()
        self.callers_are_known = True
        self._reasons.clear()
        self._names = Names()
        self._callers.clear()
