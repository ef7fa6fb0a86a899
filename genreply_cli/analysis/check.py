"""Checks that a transcript is possible: by the rules of the format and the laws of the runtime.

    checker = Checker(lambda field, problem: print(field, problem))
    for step in steps:
        checker.update(step)
    checker.notes()             # sentences about what is no error

It is a fold. It keeps what is open, and nine bytes of each call that has ended, because a late
answer may come at any time. It counts for itself: the counts of an `end` are checked, too.
"""

from array import array
from collections.abc import Callable
from typing import Any, Final, NamedTuple

from genreply_cli.analysis.causes import Causes
from genreply_cli.transcript.pretty import pretty_name
from genreply_cli.transcript.step import KINDS, NO_MESSAGE, Step, is_caller

ROUNDING: Final = 2.001e-6  # seconds by which the difference of two rounded times may be off
MAX_NUMBERS_AHEAD: Final = 4096  # of a call, before the latest number; others are kept by name

UNSEEN, OPEN, REPLIED, GONE = range(4)  # states of a call; GONE: its caller waits no longer
STATES: Final = (
    "has not begun",
    "still waits",
    "was answered before",
    "has ended without an answer before",
)


class CallStates:
    """The state of each call, and the time since which it has it. c1, c2 … take nine bytes each."""

    def __init__(self) -> None:
        self._states = bytearray(1)
        self._times = array("d", [0.0])
        self._others: dict[str, tuple[int, float]] = {}  # calls with other names

    def of(self, call: str | None) -> tuple[int, float]:
        """The state of a call, and its time in seconds."""
        if call is None:
            return UNSEEN, 0.0
        if call in self._others:
            return self._others[call]
        number = self._number(call)
        if 0 < number < len(self._states):
            return self._states[number], self._times[number]
        return UNSEEN, 0.0

    def put(self, call: str, state: int, t: float) -> None:
        """Set the state of a call at the time `t`."""
        number = self._number(call)
        if not number or call in self._others:
            self._others[call] = state, t
            return
        missing = number + 1 - len(self._states)
        if missing > 0:
            self._states.extend(bytes(missing))
            self._times.extend([0.0] * missing)
        self._states[number], self._times[number] = state, t

    def _number(self, call: str) -> int:
        """17 for `c17`; 0 for a name that has no place in the arrays."""
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
        return number if number < len(self._states) + MAX_NUMBERS_AHEAD else 0


class Names:
    """All names of processes so far. `worker`, `worker-2` … together take the room of one name."""

    def __init__(self) -> None:
        self._highest: dict[str, int] = {}

    def add(self, name: str) -> None:
        stem, number = _split(name)
        self._highest[stem] = max(number, self._highest.get(stem, 0))

    def __contains__(self, name: str) -> bool:
        stem, number = _split(name)
        return number <= self._highest.get(stem, 0)


def _split(name: str) -> tuple[str, int]:
    stem, dash, digits = name.rpartition("-")
    return (stem, int(digits)) if dash and digits.isdecimal() and len(digits) < 10 else (name, 1)


class OpenCall(NamedTuple):
    """How a call began."""

    t: float
    caller: str | None
    callee: str | None
    seq: int
    timeout: float | None
    in_vain: bool  # its callee had exited before


class Checker:
    """Calls `report` with a field and with what was expected, for each thing that is wrong."""

    def __init__(self, report: Callable[[str, str], None]) -> None:
        self._report = report
        self._reports = 0
        self.steps = 0
        self.calls = 0
        self._seq = 0
        self._t = 0.0
        self._open: dict[str, OpenCall] = {}
        self._abandoned = 0  # calls left open by a recording to which another was appended
        self._states = CallStates()
        self._alive: set[str] = set()
        self._names = Names()
        self._kept: dict[str, dict[str, None]] = {}  # server -> the calls that it keeps waiting
        self._kept_at: dict[str, str] = {}  # call -> the server that keeps it waiting
        self._latest_kept: dict[str, int] = {}  # server -> the seq of the latest call that it kept
        self._counts = dict.fromkeys(
            (facts.counter for facts in KINDS.values() if facts.counter is not None), 0
        )
        self._ended = False
        self._absent_names: set[str] = set()  # fields without a name that were reported
        self._causes = Causes(self.report, self._open.__contains__)

    def report(self, field: str, problem: str) -> None:
        """Report what is wrong with a field of the step that is checked."""
        self._reports += 1
        self._report(field, problem)

    def update(self, step: Step) -> None:
        """Check one more step."""
        reports = self._reports
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
            expected = "expected nothing after the end, or the start of an appended recording"
            self.report("kind", f"{expected}; found {pretty_name(kind)}")
        if (
            call is not None
            and kind != "call"
            and call not in self._open
            and self._states.of(call)[0] == UNSEEN
        ):
            self.report("call", f"expected a call that has begun, found {pretty_name(call)}")
        self._check_kind(step)
        if self._reports == reports:
            self._causes.update(step)
        else:
            self._causes.skip(step)

    def skip(self) -> None:
        """Count a line that could not be read, and that was reported."""
        self._seq += 1

    def notes(self) -> list[str]:
        """Sentences about what is no error: calls whose end was not recorded."""
        left = len(self._open) + self._abandoned
        return [f"calls that were still open when the recording ended: {left}"] if left else []

    def _check_kind(self, step: Step) -> None:
        match step.kind:  # the most frequent kinds come first
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
                self._dropped(step, GONE, "a call whose caller waits no longer")
            case "duplicate":
                self._dropped(step, REPLIED, "a call that was answered before")
            case "lost":
                self._lost(step)
            case "start":
                self._start(step)
            case "state":
                self._state(step)
            case "crash":
                self._require_alive(step)
            case "exit":
                self._exit(step)
            case "end":
                self._end(step)

    # The life of a call.

    def _call(self, step: Step) -> None:
        call = step.call
        self.calls += 1
        self._count(step)
        if call is None:
            self.report("call", "expected the name of a call, found none")
            return
        state = OPEN if call in self._open else self._states.of(call)[0]
        if state != UNSEEN:
            self.report("call", f"expected a new call; {pretty_name(call)} {STATES[state]}")
            return
        self._check_source(step)
        if step.target is None or not self._was_started(step.target):
            self._report_unknown("to", "a process that was started,", step.target)
        if step.message is NO_MESSAGE:
            self.report("message", "expected a message, found none")
        in_vain = (step.target or "") in self._names and step.target not in self._alive
        timeout = step.details.get("timeout")
        self._open[call] = OpenCall(step.t, step.source, step.target, step.seq, timeout, in_vain)

    def _noreply(self, step: Step) -> None:
        call, at = step.call, self._require_alive(step)
        if call is None or at is None:
            return
        kept = self._kept.setdefault(at, {})
        if call in self._open:
            kept[call] = None
            self._kept_at[call] = at
            callee, seq = self._open[call].callee, self._open[call].seq
            if callee != at:
                expected = f"expected {_shown(callee)}, which was called"
                self.report("at", f"{expected}; found {pretty_name(at)}")
            if seq <= self._latest_kept.get(at, 0):
                expected = "expected calls to be kept in the order in which they came"
                self.report("call", f"{expected}; {pretty_name(call)} came before another")
            self._latest_kept[at] = seq
        waiting = step.details.get("waiting")
        if isinstance(waiting, list):  # version 1
            if waiting != [*kept]:
                self.report("waiting", f"expected {_listed([*kept])}, found {_listed(waiting)}")
        elif waiting != len(kept):
            self.report("waiting", f"expected {len(kept)}, found {_shown(waiting)}")

    def _reply(self, step: Step) -> None:
        asked = self._end_call(step, REPLIED)
        self._causes.forget(step.call)
        self._check_source(step)
        if step.message is NO_MESSAGE:
            self.report("message", "expected a message, found none")
        if asked is not None:
            self._check_caller("to", step.target, asked)
        self._check_intended(step)

    def _gave_up(self, step: Step) -> None:
        asked = self._end_call(step, GONE)
        if asked is not None:
            self._check_caller("from", step.source, asked)
            self._check_callee("to", step.target, asked)
            if step.kind == "timeout":
                self._check_timeout(step, asked)
        self._causes.check_went_to(step)

    def _check_timeout(self, step: Step, asked: OpenCall) -> None:
        """A caller gives up when its own timeout is over, not before."""
        found = step.details.get("timeout", asked.timeout)
        if found != asked.timeout:
            expected = f"expected {_shown(asked.timeout)}, the timeout of the call"
            self.report("timeout", f"{expected}; found {_shown(found)}")
        elif asked.timeout is not None:
            due = asked.t + asked.timeout
            if step.t < due - ROUNDING:
                self.report(
                    "t", f"expected {due:.6f}, when the timeout is over; found {step.t:.6f}"
                )

    def _down(self, step: Step) -> None:
        self._check_source(step)
        if step.reaches_monitor:
            return
        asked = self._end_call(step, GONE)
        self._causes.forget(step.call)
        if asked is not None:
            self._check_caller("to", step.target, asked)
            self._check_callee("from", step.source, asked)
            reason = step.details.get("reason")
            if asked.in_vain and reason not in {None, "noproc"}:
                expected = "expected noproc: the process had exited before the call"
                self.report("reason", f"{expected}; found {pretty_name(reason)}")

    def _end_call(self, step: Step, state: int) -> OpenCall | None:
        """End the call of this step. Returns what is known of its beginning."""
        call = step.call
        self._count(step)
        if call is None:
            self.report("call", "expected the name of a call, found none")
            return None
        asked = self._open.pop(call, None)
        if asked is None:
            self._report_second_end(step, call)
            return None
        self._states.put(call, state, step.t)
        at = self._kept_at.pop(call, None)
        if at is not None:
            self._kept[at].pop(call, None)
        blocked, waited = step.details.get("blocked"), step.t - asked.t
        if blocked is not None and not _is_close(blocked, waited):
            expected = f"expected {waited:.6f}, the time since the call"
            self.report("blocked", f"{expected}; found {blocked:.6f}")
        return asked

    def _report_second_end(self, step: Step, call: str) -> None:
        before, _ = self._states.of(call)
        if before == UNSEEN:
            return
        expected = "a call to end once"
        if step.kind == "reply":
            expected = "duplicate" if before == REPLIED else "late"
        self.report("kind", f"expected {expected}; {pretty_name(call)} {STATES[before]}")

    def _dropped(self, step: Step, state: int, expected: str) -> None:
        """An answer that reached no caller."""
        self._count(step)
        self._check_source(step)
        self._check_intended(step)
        if step.call is None:
            self.report("call", "expected the name of a call, found none")
            return
        found, ended = (OPEN, 0.0) if step.call in self._open else self._states.of(step.call)
        if found not in {state, UNSEEN}:  # a call that has not begun is reported already
            self.report("call", f"expected {expected}; {pretty_name(step.call)} {STATES[found]}")
        ago, passed = step.details.get("ago"), step.t - ended
        if found == state and ago is not None and not _is_close(ago, passed):
            since = f"expected {passed:.6f}, the time since the call has ended"
            self.report("ago", f"{since}; found {ago:.6f}")

    def _check_caller(self, field: str, found: str | None, asked: OpenCall) -> None:
        if found != asked.caller:
            expected = f"expected {_shown(asked.caller)}, which made the call"
            self.report(field, f"{expected}; found {_shown(found)}")

    def _check_callee(self, field: str, found: str | None, asked: OpenCall) -> None:
        if found != asked.callee:
            expected = f"expected {_shown(asked.callee)}, which was called"
            self.report(field, f"{expected}; found {_shown(found)}")

    def _check_intended(self, step: Step) -> None:
        intended = step.details.get("for")
        if intended is not None and step.cause is None and not self._is_other_call(intended, step):
            expected = "expected another call, for which the answer was meant"
            self.report("for", f"{expected}; found {pretty_name(intended)}")

    def _is_other_call(self, call: str, step: Step) -> bool:
        """Whether a call of this name has begun, and it is not the call of the step."""
        return call != step.call and (call in self._open or self._states.of(call)[0] != UNSEEN)

    # The life of a process.

    def _start(self, step: Step) -> None:
        at = step.at
        if at is None:
            self.report("at", "expected the name of a process, found none")
            return
        if self._ended or at in self._alive:  # of a recording that was appended
            self._begin_again()
        self._alive.add(at)
        self._names.add(at)
        linked = step.details.get("linked")
        if linked is not None and linked not in self._alive:
            self.report("linked", f"expected a process that lives, found {pretty_name(linked)}")

    def _begin_again(self) -> None:
        self._ended = False
        self._abandoned += len(self._open)
        for call in self._open:
            self._states.put(call, GONE, self._t)
        for table in (self._open, self._alive, self._kept, self._kept_at, self._latest_kept):
            table.clear()
        self._names = Names()
        self._causes.clear()

    def _state(self, step: Step) -> None:
        at = self._require_alive(step)
        for field in ("keeps", "forgot"):
            for call in step.details.get(field) or ():
                if call not in self._open and self._states.of(call)[0] == UNSEEN:
                    self.report(field, f"expected calls that have begun, found {pretty_name(call)}")
        for call in step.forgot:
            if at is not None and call not in self._open:
                expected = "expected calls that still wait"
                self.report("forgot", f"{expected}; {pretty_name(call)} does not")

    def _message(self, step: Step) -> None:
        self._check_source(step)
        if step.target is None or step.target not in self._alive:
            self._report_unknown("to", "a process that lives,", step.target)
        if step.message is NO_MESSAGE:
            self.report("message", "expected a message, found none")

    def _lost(self, step: Step) -> None:
        self._check_source(step)
        if step.target in self._alive:
            self.report("to", f"expected a process that has ended; {_shown(step.target)} lives")

    def _exit(self, step: Step) -> None:
        at = self._require_alive(step)
        if at is None:
            return
        link = step.details.get("link")
        if link is not None and not self._was_started(link):
            self.report("link", f"expected a process that was started, found {pretty_name(link)}")
        elif link in self._alive:
            self.report("link", f"expected a process that has exited; {pretty_name(link)} lives")
        self._alive.discard(at)
        for call in self._kept.pop(at, ()):
            self._kept_at.pop(call, None)
        self._latest_kept.pop(at, None)

    def _end(self, step: Step) -> None:
        self._ended = True
        for name, count in self._counts.items():
            found = step.details.get(name)
            if found is not None and found != count:
                self.report(name, f"expected {count}, as counted; found {found}")

    def _count(self, step: Step) -> None:
        counter = KINDS[step.kind].counter
        if counter is not None:
            self._counts[counter] += 1

    def _require_alive(self, step: Step) -> str | None:
        """The process at which a step happens, or None, after a report, if it is not alive."""
        if step.at is None or step.at not in self._alive:
            self._report_unknown("at", "a process that lives,", step.at)
            return None
        return step.at

    def _check_source(self, step: Step) -> None:
        """The source is a caller, or a process, which may have ended."""
        source = step.source
        if source is None or (source not in self._alive and not self._was_started(source)):
            self._report_unknown("from", "a caller, or a process that was started;", source)

    def _report_unknown(self, field: str, expected: str, name: str | None) -> None:
        """Report a process that is not there, but one that never started only once."""
        if name is not None and not self._was_started(name):
            self._alive.add(name)
            self._names.add(name)
        elif name is None:
            if field in self._absent_names:
                return
            self._absent_names.add(field)
        self.report(field, f"expected {expected} found {_shown(name)}")

    def _was_started(self, name: str) -> bool:
        return name in self._alive or name in self._names or is_caller(name)


def _is_close(seconds: float, exact: float) -> bool:
    return -ROUNDING < exact - seconds < ROUNDING


def _shown(name: str | float | None) -> str:
    return "none" if name is None else pretty_name(name)


def _listed(calls: Any) -> str:
    names = ", ".join(map(pretty_name, calls[:8])) if isinstance(calls, list) else ""
    return f"{names or 'none'}{' …' if isinstance(calls, list) and len(calls) > 8 else ''}"
