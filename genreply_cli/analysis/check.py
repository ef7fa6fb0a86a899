"""Whether a transcript can be true: the rules of the format, and the laws of the runtime. All that is wrong is told.

    laws = Laws(lambda field, problem: print(field, problem))
    for step in steps:
        laws.see(step)
    laws.notes()                # what is no error, but worth a sentence

It is a fold that keeps what is open, and nine bytes of each call that has ended, for a late answer may come at any time.
"""

from array import array
from collections.abc import Callable
from typing import Any, Final

from genreply_cli.transcript.pretty import pretty_name
from genreply_cli.transcript.step import NO_MESSAGE, Step, is_caller

ROUNDING: Final = 2.001e-6  # seconds by which the difference of two rounded times may be off
MAX_NUMBERS_AHEAD: Final = 4096  # how far the number of a call may be ahead of the last one

UNSEEN, OPEN, REPLIED, GONE = range(
    4
)  # what may have become of a call; GONE: its caller does not wait any more
FATES: Final = (
    "has not begun",
    "still waits",
    "was answered before",
    "has ended without an answer before",
)


class CallStates:
    """What became of each call, and when. c1, c2, c3 … take nine bytes each."""

    def __init__(self) -> None:
        self._fates = bytearray(1)
        self._times = array("d", [0.0])
        self._others: dict[str, tuple[int, float]] = {}  # by names that a Tracer does not give

    def _number(self, call: str) -> int:
        digits = call[1:]
        if (
            call[:1] != "c"
            or len(digits) > 18
            or not digits.isdecimal()
            or not digits.isascii()
            or digits[0] == "0"
        ):
            return 0
        number = int(digits)
        return number if number < len(self._fates) + MAX_NUMBERS_AHEAD else 0

    def of(self, call: str | None) -> tuple[int, float]:
        """What became of a call, and when."""
        if call is None:
            return UNSEEN, 0.0
        if call in self._others:
            return self._others[call]
        number = self._number(call)
        return (
            (self._fates[number], self._times[number])
            if 0 < number < len(self._fates)
            else (UNSEEN, 0.0)
        )

    def put(self, call: str, fate: int, t: float) -> None:
        """From now on, this is so."""
        number = self._number(call)
        if not number or call in self._others:
            self._others[call] = fate, t
            return
        more = number + 1 - len(self._fates)
        if more > 0:
            self._fates.extend(bytes(more))
            self._times.extend([0.0] * more)
        self._fates[number], self._times[number] = fate, t


class Names:
    """Who was ever there. `worker`, `worker-2`, `worker-3` … take the room of one name."""

    def __init__(self) -> None:
        self._most: dict[str, int] = {}

    def add(self, name: str) -> None:
        stem, number = _split(name)
        self._most[stem] = max(number, self._most.get(stem, 0))

    def __contains__(self, name: str) -> bool:
        stem, number = _split(name)
        return number <= self._most.get(stem, 0)


def _split(name: str) -> tuple[str, int]:
    stem, dash, digits = name.rpartition("-")
    return (stem, int(digits)) if dash and digits.isdecimal() and len(digits) < 10 else (name, 1)


Asked = tuple[float, str | None, str | None, int]  # when a call began, who asked, whom, and the seq


class Checker:
    """Call `see` with each step, in order; `tell` is called with the field and with what was expected, for each thing wrong."""

    def __init__(self, report: Callable[[str, str], None]) -> None:
        self.report = report
        self.steps = 0
        self.calls = 0
        self._seq = 0
        self._t = 0.0
        self._open: dict[str, Asked] = {}
        self._given_up = (
            0  # calls that an interrupted recording left open, before another was appended
        )
        self._fates = CallStates()
        self._alive: set[str] = set()
        self._names = Names()
        self._kept: dict[str, dict[str, None]] = {}  # calls, by who keeps them
        self._kept_at: dict[str, str] = {}  # and the other way round
        self._handled: dict[str, int] = {}  # the latest call that each server has kept
        self._counts = {"calls": 0, "replied": 0, "timed_out": 0, "failed": 0, "dropped": 0}
        self._ended = False

    def update(self, step: Step) -> None:
        """Hold a step against the laws."""
        self.steps += 1
        seq, t, cause, call, kind = step.seq, step.t, step.cause, step.call, step.kind
        if seq != self._seq + 1:
            self.report("seq", f"expected {self._seq + 1}, found {seq}")
        self._seq = seq
        if t < self._t:
            self.report("t", f"expected {self._t:.6f} or later, found {t:.6f}")
        else:
            self._t = t
        if cause is not None and not 0 < cause < seq:
            self.report("cause", f"expected the seq of an earlier event, found {cause}")
        if self._ended and kind != "start":
            self.report(
                "kind",
                f"expected nothing after the end, or the start of an appended recording; found {pretty_name(kind)}",
            )
        if (
            call is not None
            and kind != "call"
            and call not in self._open
            and self._fates.of(call)[0] == UNSEEN
        ):
            self.report("call", f"expected a call that has begun, found {pretty_name(call)}")
        self._check_kind(step)

    def _check_kind(self, step: Step) -> None:
        match step.kind:  # the most frequent first
            case "call":
                self._call(step)
            case "noreply":
                self._noreply(step)
            case "cast" | "info":
                self._message(step)
            case "reply":
                self._reply(step)
            case "timeout" | "cancel":
                self._gave_up(step)
            case "down":
                self._down(step)
            case "late":
                self._late(step)
            case "duplicate":
                self._duplicate(step)
            case "lost":
                self._lost(step)
            case "start":
                self._start(step)
            case "crash":
                self._crash(step)
            case "exit":
                self._exit(step)
            case "end":
                self._end(step)

    def skip(self) -> None:
        """A line could not be read, and has been told of."""
        self._seq += 1

    def notes(self) -> list[str]:
        """What is no error: calls of which the recording does not tell the end."""
        left = len(self._open) + self._given_up
        return [f"calls that were still open when the recording ended: {left}"] if left else []

    # --- calls ---------------------------------------------------------------------------------------------------------------

    def _call(self, step: Step) -> None:
        call = step.call
        self.calls += 1
        self._counts["calls"] += 1
        if call is None:
            self.report("call", "expected the name of a call, found none")
            return
        fate = OPEN if call in self._open else self._fates.of(call)[0]
        if fate != UNSEEN:
            self.report("call", f"expected a new call; {pretty_name(call)} {FATES[fate]}")
            return
        self._source(step)
        if step.target is None or not self._known(step.target):
            self.report("to", f"expected a process that was started, found {_shown(step.target)}")
        if step.message is NO_MESSAGE:
            self.report("message", "expected a message, found none")
        self._open[call] = step.t, step.source, step.target, step.seq

    def _noreply(self, step: Step) -> None:
        call, at = step.call, self._lives(step)
        if call is None or at is None:
            return
        kept = self._kept.setdefault(at, {})
        if call in self._open:
            kept[call] = None
            self._kept_at[call] = at
            _, _, callee, seq = self._open[call]
            if callee != at:
                self.report(
                    "at",
                    f"expected {_shown(callee)}, of whom it was asked; found {pretty_name(at)}",
                )
            if seq <= self._handled.get(at, 0):
                self.report(
                    "call",
                    f"expected calls to be kept in the order in which they came; {pretty_name(call)} came before another",
                )
            self._handled[at] = seq
        waiting = step.details.get("waiting")
        if waiting != [*kept]:
            self.report("waiting", f"expected {_listed([*kept])}, found {_listed(waiting)}")

    def _close(self, step: Step, fate: int, counted: str) -> Asked | None:
        """The call ends with this step."""
        call = step.call
        self._counts[counted] += 1
        if call is None:
            self.report("call", "expected the name of a call, found none")
            return None
        one = self._open.pop(call, None)
        if one is None:
            before, _ = self._fates.of(call)
            if before != UNSEEN:
                instead = {"reply": {REPLIED: "duplicate", GONE: "late"}}.get(step.kind, {}).get(
                    before
                )
                expected = f"expected {instead}" if instead else "expected a call to end once"
                self.report("kind", f"{expected}; {pretty_name(call)} {FATES[before]}")
            return None
        self._fates.put(call, fate, step.t)
        at = self._kept_at.pop(call, None)
        if at is not None:
            self._kept[at].pop(call, None)
        blocked = step.details.get("blocked")
        if blocked is not None and not -ROUNDING < step.t - one[0] - blocked < ROUNDING:
            self.report(
                "blocked",
                f"expected {step.t - one[0]:.6f}, the time since the call; found {blocked:.6f}",
            )
        return one

    def _reply(self, step: Step) -> None:
        one = self._close(step, REPLIED, "replied")
        self._source(step)
        if one is not None and step.target != one[1]:
            self.report(
                "to", f"expected {_shown(one[1])}, who has asked; found {_shown(step.target)}"
            )
        self._for(step)

    def _gave_up(self, step: Step) -> None:
        one = self._close(step, GONE, "timed_out" if step.kind == "timeout" else "failed")
        if one is not None and step.source != one[1]:
            self.report(
                "from", f"expected {_shown(one[1])}, who has asked; found {_shown(step.source)}"
            )
        if one is not None and step.target != one[2]:
            self.report(
                "to",
                f"expected {_shown(one[2])}, of whom it was asked; found {_shown(step.target)}",
            )
        went_to = step.details.get("went_to")
        if went_to is not None and not self._another(went_to, step):
            self.report(
                "went_to",
                f"expected another call, which got the answer; found {pretty_name(went_to)}",
            )

    def _down(self, step: Step) -> None:
        self._source(step)
        if "blocked" not in step.details:  # a monitor is told, and no caller
            return
        one = self._close(step, GONE, "failed")
        if one is not None and step.target != one[1]:
            self.report(
                "to", f"expected {_shown(one[1])}, who has asked; found {_shown(step.target)}"
            )
        if one is not None and step.source != one[2]:
            self.report(
                "from",
                f"expected {_shown(one[2])}, of whom it was asked; found {_shown(step.source)}",
            )

    def _late(self, step: Step) -> None:
        self._dropped(step, GONE, "a call whose caller does not wait any more")

    def _duplicate(self, step: Step) -> None:
        self._dropped(step, REPLIED, "a call that was answered before")

    def _dropped(self, step: Step, fate: int, expected: str) -> None:
        self._counts["dropped"] += 1
        self._source(step)
        self._for(step)
        if step.call is None:
            self.report("call", "expected the name of a call, found none")
            return
        found, ended = (OPEN, 0.0) if step.call in self._open else self._fates.of(step.call)
        if found not in {fate, UNSEEN}:  # one that has not begun has been told of
            self.report("call", f"expected {expected}; {pretty_name(step.call)} {FATES[found]}")
        ago = step.details.get("ago")
        if found == fate and ago is not None and not -ROUNDING < step.t - ended - ago < ROUNDING:
            self.report(
                "ago",
                f"expected {step.t - ended:.6f}, the time since the call has ended; found {ago:.6f}",
            )

    def _for(self, step: Step) -> None:
        meant = step.details.get("for")
        if meant is not None and not self._another(meant, step):
            self.report(
                "for",
                f"expected another call, for which the answer was meant; found {pretty_name(meant)}",
            )

    def _another(self, call: str, step: Step) -> bool:
        """Whether it is the name of a call that has begun, and not that of this step."""
        return call != step.call and (call in self._open or self._fates.of(call)[0] != UNSEEN)

    # --- processes -----------------------------------------------------------------------------------------------------------

    def _start(self, step: Step) -> None:
        at = step.at
        if at is None:
            self.report("at", "expected the name of a process, found none")
            return
        if (
            self._ended or at in self._alive
        ):  # another recording is appended, to this one or to an interrupted one
            self._begin_again()
        self._alive.add(at)
        self._names.add(at)
        linked = step.details.get("linked")
        if linked is not None and linked not in self._alive:
            self.report("linked", f"expected a process that lives, found {pretty_name(linked)}")

    def _begin_again(self) -> None:
        self._ended = False
        self._given_up += len(self._open)
        for call in self._open:
            self._fates.put(call, GONE, self._t)
        for table in (self._open, self._alive, self._kept, self._kept_at, self._handled):
            table.clear()
        self._names = Names()

    def _message(self, step: Step) -> None:
        self._source(step)
        if step.target is None or step.target not in self._alive:
            self.report("to", f"expected a process that lives, found {_shown(step.target)}")
        if step.message is NO_MESSAGE:
            self.report("message", "expected a message, found none")

    def _lost(self, step: Step) -> None:
        self._source(step)
        if step.target in self._alive:
            self.report("to", f"expected a process that has ended; {_shown(step.target)} lives")

    def _crash(self, step: Step) -> None:
        self._lives(step)

    def _exit(self, step: Step) -> None:
        at = self._lives(step)
        if at is None:
            return
        self._alive.discard(at)
        for call in self._kept.pop(at, ()):
            self._kept_at.pop(call, None)
        self._handled.pop(at, None)
        link = step.details.get("link")
        if link is not None and not self._known(link):
            self.report("link", f"expected a process that was started, found {pretty_name(link)}")

    def _end(self, step: Step) -> None:
        self._ended = True
        for name, count in self._counts.items():
            told = step.details.get(name)
            if told is not None and told != count:
                self.report(name, f"expected {count}, as counted; found {told}")

    def _lives(self, step: Step) -> str | None:
        """Where it happens: at a process that lives."""
        if step.at is None or step.at not in self._alive:
            self.report("at", f"expected a process that lives, found {_shown(step.at)}")
            return None
        return step.at

    def _source(self, step: Step) -> None:
        """From whom it comes: a caller, or a process, which may have ended."""
        source = step.source
        if source is None or (source not in self._alive and not self._known(source)):
            self.report(
                "from", f"expected a caller, or a process that was started; found {_shown(source)}"
            )

    def _known(self, name: str) -> bool:
        return name in self._alive or name in self._names or is_caller(name)


def _shown(name: str | None) -> str:
    return "nobody" if name is None else pretty_name(name)


def _listed(calls: Any) -> str:
    names = ", ".join(map(pretty_name, calls[:8])) if isinstance(calls, list) else ""
    return f"{names or 'nobody'}{' …' if isinstance(calls, list) and len(calls) > 8 else ''}"
