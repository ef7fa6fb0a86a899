"""The calls of a recording: those that are open, and how each of the others has ended.

A late answer may come at any time. So each call that has ended is remembered: one that is named c1,
c2 … takes thirteen bytes, whatever its caller is called.
"""

from array import array
from typing import Final, NamedTuple
from zlib import crc32

MAX_NUMBERS_AHEAD: Final = 4096  # of a call, before the latest number; others are kept by name

UNSEEN, OPEN, REPLIED, GONE, DOUBTFUL = range(5)  # GONE: its caller waits no longer
STATES: Final = (
    "has not begun",
    "still waits",
    "was answered before",
    "has ended without an answer before",
    "is in doubt",
)


class OpenCall(NamedTuple):
    """How a call began."""

    t: float
    caller: str | None
    callee: str | None
    seq: int
    timeout: float | None
    in_vain: bool  # its callee had exited before
    doubtful: bool = False  # something was wrong with it: what else seems wrong follows from that


class Calls:
    """All calls so far."""

    def __init__(self) -> None:
        self.open: dict[str, OpenCall] = {}
        self.ended = EndedCalls()
        self.of_caller: dict[str, str] = {}  # caller -> the call that it waits for
        self.last_number = 0  # 17 if c17 was the last one

    def begin(self, name: str, call: OpenCall) -> None:
        """A call begins."""
        self.last_number = max(self.last_number, call_number(name))
        self.open[name] = call
        if call.caller is not None:
            self.of_caller.setdefault(call.caller, name)

    def end(self, name: str, state: int, t: float) -> None:
        """A call that is open ends."""
        call = self.open.pop(name)
        self.ended.put(name, DOUBTFUL if call.doubtful else state, t, call.caller)
        if call.caller is not None and self.of_caller.get(call.caller) == name:
            del self.of_caller[call.caller]

    def doubt(self, name: str | None, t: float) -> None:
        """Something is wrong with a call."""
        if name is None:
            return
        if name in self.open:
            self.open[name] = self.open[name]._replace(doubtful=True)
        elif self.has_begun(name):
            self.ended.put(name, DOUBTFUL, t)

    def has_begun(self, name: str) -> bool:
        """Whether there was a call of this name."""
        return name in self.open or self.ended.of(name)[0] != UNSEEN

    def callee(self, name: str | None) -> str | None:
        """The server that a call was made to, if the call is open."""
        call = self.open.get(name or "")
        return None if call is None else call.callee


class EndedCalls:
    """The state of each call, the time in seconds since which it has it, and who made it."""

    def __init__(self) -> None:
        self._states = bytearray(1)
        self._times = array("d", [0.0])
        self._callers = array("I", [0])
        self._others: dict[str, tuple[int, float, int]] = {}  # calls with other names

    def of(self, call: str | None) -> tuple[int, float]:
        """The state of a call, and its time in seconds."""
        return self._get(call)[:2]

    def was_made_by(self, call: str, caller: str | None) -> bool:
        """Whether a call may have this caller; only a checksum of its name is kept."""
        known = self._get(call)[2]
        return not known or known == _checksum(caller)

    def put(self, call: str, state: int, t: float, caller: str | None = None) -> None:
        """Set the state of a call at the time `t`."""
        number, checksum = self._number(call), _checksum(caller)
        if not number or call in self._others:
            self._others[call] = state, t, checksum
            return
        missing = number + 1 - len(self._states)
        if missing > 0:
            self._states.extend(bytes(missing))
            self._times.extend([0.0] * missing)
            self._callers.extend([0] * missing)
        self._states[number], self._times[number] = state, t
        self._callers[number] = checksum

    def _get(self, call: str | None) -> tuple[int, float, int]:
        if call is None:
            return UNSEEN, 0.0, 0
        if call in self._others:
            return self._others[call]
        number = self._number(call)
        if 0 < number < len(self._states):
            return self._states[number], self._times[number], self._callers[number]
        return UNSEEN, 0.0, 0

    def _number(self, call: str) -> int:
        """17 for `c17`; 0 for a name that has no place in the arrays."""
        number = call_number(call)
        return number if number < len(self._states) + MAX_NUMBERS_AHEAD else 0


def call_number(call: str) -> int:
    """17 for `c17`; 0 for any other name."""
    digits = call[1:]
    if call[:1] != "c" or not digits.isdecimal() or not digits.isascii():
        return 0
    return 0 if digits[0] == "0" or len(digits) > 18 else int(digits)


def _checksum(caller: str | None) -> int:
    return 0 if caller is None else crc32(caller.encode(errors="replace"))
