"""The laws of calls: each begins once and ends once, between its own caller and its own server."""

from typing import Any

from genreply_cli.analysis.blame import UNKNOWN, BrokenLaws, Recording, Suspect, shown
from genreply_cli.analysis.calls import (
    DOUBTFUL,
    GONE,
    OPEN,
    REPLIED,
    STATES,
    UNSEEN,
    Calls,
    OpenCall,
)
from genreply_cli.analysis.causes import ANSWERS, ROUNDING, Causes
from genreply_cli.analysis.keeping import Keeping
from genreply_cli.analysis.process_laws import OTHER_KIND, ProcessLaws
from genreply_cli.analysis.processes import Processes
from genreply_cli.transcript.step import NO_MESSAGE, Step, is_caller


class CallLaws:
    """Adds the laws of calls that a step breaks to the broken ones."""

    def __init__(
        self,
        recording: Recording,
        broken: BrokenLaws,
        calls: Calls,
        processes: Processes,
        laws: tuple[Causes, Keeping, ProcessLaws],
    ) -> None:
        self._recording = recording
        self._broken = broken
        self._calls = calls
        self._processes = processes
        self._causes, self._keeping, self._process_laws = laws

    def check_has_begun(self, step: Step, call: str) -> None:
        """A step belongs to a call that has begun."""
        if self._recording.gaps or self._calls.has_begun(call):
            return
        problem = f"expected a call that has begun, found {shown(call)}"
        suspects = [Suspect("call", problem, self._likely_call(step))]
        if "timeout" in step.details and step.message is not NO_MESSAGE:
            suspects.insert(0, Suspect("kind", f"expected call, found {shown(step.kind)}", "call"))
        self._broken.add(*suspects)

    def check_call(self, step: Step) -> None:
        """A call is new, and its caller does not wait for another one."""
        call, caller = step.call, step.source
        whole = self._recording.whole
        self._process_laws.check_source(step)
        self._process_laws.check_target(step)
        self._process_laws.check_has_message(step)
        if call is None:
            self._broken.add(Suspect("call", "expected the name of a call, found none"))
            return
        if whole and caller in self._calls.of_caller and is_caller(caller):
            problem = f"expected a caller that does not wait, found {shown(caller)}, which waits"
            self._broken.add(Suspect("from", f"{problem} for {self._calls.of_caller[caller]}"))
        else:
            self._process_laws.check_new_caller(step)
        expected = f"c{self._calls.last_number + 1}"
        state = OPEN if call in self._calls.open else self._calls.ended.of(call)[0]
        if state != UNSEEN:
            problem = f"expected a new call; {shown(call)} {STATES[state]}"
            self._broken.add(Suspect("call", problem, expected if whole else UNKNOWN))
        elif call != expected and whole:
            problem = f"expected {expected} as the next call, found {shown(call)}"
            self._broken.add(Suspect("call", problem, expected))

    def check_noreply(self, step: Step) -> None:
        """A server keeps only callers that have called it."""
        self._process_laws.check_place(step)
        server, call = step.at, step.call
        if server is None or call is None:
            return
        asked = self._calls.open.get(call)
        if asked is None:
            state, _ = self._calls.ended.of(call)
            if state in {REPLIED, GONE} and not self._recording.gaps:
                problem = f"expected a call that still waits; {shown(call)} {STATES[state]}"
                self._broken.add(Suspect("call", problem, self._likely_call(step)))
        elif not asked.doubtful:
            self._check_callee("at", server, asked)
            self._keeping.check_noreply(step, server, asked.seq)

    def check_answer(self, step: Step) -> None:
        """An answer reaches a caller that waits; otherwise it is dropped."""
        self._process_laws.check_source(step)
        self._process_laws.check_has_message(step)
        call = step.call
        if call is None:
            self._broken.add(Suspect("call", "expected the name of a call, found none"))
            return
        if step.cause is None:
            self._check_intended(step)
        asked = self._calls.open.get(call)
        if asked is None:
            self._check_dropped(step, call)
        elif not asked.doubtful:
            self._check_reply(step, asked)

    def check_giving_up(self, step: Step) -> None:
        """A caller gives up when its own timeout is over, or when it is cancelled."""
        if step.message is not NO_MESSAGE and not self._recording.foreign:
            self._broken.add(
                Suspect("message", "expected no message, found one"), Suspect("kind", OTHER_KIND)
            )
        asked = self._check_end(step)
        if asked is not None:
            self._check_caller("from", step, asked)
            self._check_callee("to", step.target, asked)
            if step.kind == "timeout":
                self._check_timeout(step, asked)
        self._causes.check_went_to(step, sure=self._recording.whole)

    def check_down(self, step: Step) -> None:
        """A caller that waits for a process, or a monitor, is told of its end."""
        self._process_laws.check_source(step)
        in_vain = None
        if step.details.get("gave_up"):
            self._check_told(step)
            return
        if not step.reaches_monitor:
            asked = self._check_end(step)
            if asked is not None:
                in_vain = asked.in_vain
                self._check_caller("to", step, asked)
                self._check_callee("from", step.source, asked)
        self._process_laws.check_end_of_server(step, in_vain=in_vain)

    def _check_told(self, step: Step) -> None:
        """Who monitors a call is told that its caller has given up, if it has."""
        state, _ = self._calls.ended.of(step.call)
        if state not in {GONE, DOUBTFUL} and not self._recording.gaps:
            state = OPEN if step.call in self._calls.open else state
            problem = f"expected a call that was given up; {shown(step.call)} {STATES[state]}"
            self._broken.add(Suspect("call", problem), Suspect("kind", OTHER_KIND))
        elif step.call is not None and not self._calls.ended.was_made_by(step.call, step.source):
            problem = f"expected the caller of {shown(step.call)}; found {shown(step.source)}"
            self._broken.add(Suspect("from", problem))

    def begin(self, step: Step) -> None:
        """A call begins."""
        if step.call is None:
            return
        in_vain = self._processes.has_ended(step.target)
        timeout = step.details.get("timeout")
        asked = OpenCall(step.t, step.source, step.target, step.seq, timeout, in_vain)
        self._calls.begin(step.call, asked)

    def keep(self, step: Step) -> None:
        """A server keeps the caller waiting."""
        asked = self._calls.open.get(step.call or "")
        if asked is not None and step.call is not None and step.at is not None:
            self._keeping.keep_waiting(step.call, step.at, asked.seq)

    def end(self, step: Step) -> None:
        """A call ends."""
        call = step.call
        if call is None or step.reaches_monitor:
            return
        state = REPLIED if step.kind == "reply" else GONE
        if call in self._calls.open:
            self._calls.end(call, state, step.t)
            self._keeping.end_call(call)
            self._causes.forget(call)
        elif not self._calls.has_begun(call):  # its beginning is missing
            self._calls.ended.put(call, state, step.t, None)

    # Answers.

    def _check_reply(self, step: Step, asked: OpenCall) -> None:
        """Check an answer to a call that is open."""
        self._check_caller("to", step, asked)
        if step.kind != "reply":
            if not self._recording.gaps:
                problem = f"expected reply; {shown(step.call)} still waits"
                likely = self._likely_call(step)
                self._broken.add(
                    Suspect("kind", problem, "reply"), Suspect("call", problem, likely)
                )
            return
        self._check_duration(step, "blocked", asked.t, "the time since the call")
        if not self._recording.whole:
            return
        if self._processes.has_ended(asked.callee):
            problem = f"expected down: {shown(asked.callee)}, which was called, has exited"
            self._broken.add(Suspect("kind", problem, "down"))
        elif self._recording.virtual and asked.timeout is not None:
            due = asked.t + asked.timeout
            if step.t > due + ROUNDING:
                problem = f"expected {due:.6f} at most, when the timeout is over"
                self._broken.add(Suspect("t", f"{problem}; found {step.t:.6f}"))

    def _check_dropped(self, step: Step, call: str) -> None:
        """Check an answer to a call that is not open."""
        state, ended = self._calls.ended.of(call)
        if state not in {REPLIED, GONE}:
            return
        expected, likely = "duplicate" if state == REPLIED else "late", self._likely_call(step)
        if not self._calls.ended.was_made_by(call, step.target):
            problem = f"expected the caller of {shown(call)}, found {shown(step.target)}"
            other = f"expected a call of {shown(step.target)}, found {shown(call)}"
            self._broken.add(Suspect("to", problem), Suspect("call", other, likely))
        if step.kind == expected:
            self._check_duration(step, "ago", ended, "the time since the call has ended")
        elif not self._recording.gaps:
            problem = f"expected {expected}; {shown(call)} {STATES[state]}"
            self._broken.add(Suspect("kind", problem, expected), Suspect("call", problem, likely))

    def _check_intended(self, step: Step) -> None:
        """An answer without a cause may be meant for another call that has begun."""
        intended = step.details.get("for")
        if intended is None or self._recording.gaps:
            return
        if intended == step.call or not self._calls.has_begun(intended):
            problem = "expected another call, for which the answer was meant"
            self._broken.add(Suspect("for", f"{problem}; found {shown(intended)}", None))

    # Ends.

    def _check_end(self, step: Step) -> OpenCall | None:
        """Check that the call of this step is open. Returns how it began."""
        call = step.call
        if call is None:
            self._broken.add(Suspect("call", "expected the name of a call, found none"))
            return None
        asked = self._calls.open.get(call)
        if asked is not None:
            if asked.doubtful:
                return None
            self._check_duration(step, "blocked", asked.t, "the time since the call")
            return asked
        state, _ = self._calls.ended.of(call)
        if state in {REPLIED, GONE} and not self._recording.gaps:
            problem = f"expected a call to end once; {shown(call)} {STATES[state]}"
            likely = self._likely_call(step)
            if likely is UNKNOWN or likely == call:
                self._broken.add(Suspect("kind", problem), Suspect("call", problem))
            else:
                self._broken.add(Suspect("call", problem, likely), Suspect("kind", problem))
        return None

    def _check_timeout(self, step: Step, asked: OpenCall) -> None:
        found = step.details.get("timeout", asked.timeout)
        if found != asked.timeout:
            problem = f"expected {shown(asked.timeout)}, the timeout of the call"
            self._broken.add(
                Suspect("timeout", f"{problem}; found {shown(found)}"),
                Suspect("call", "expected a call with this timeout", self._likely_call(step)),
            )
        elif asked.timeout is not None:
            due = asked.t + asked.timeout
            too_late = step.t > due + ROUNDING and self._recording.virtual
            if step.t < due - ROUNDING or too_late:
                problem = f"expected {due:.6f}, when the timeout is over; found {step.t:.6f}"
                self._broken.add(
                    Suspect("t", problem, max(due, self._recording.t)),
                    Suspect("call", problem, self._likely_call(step)),
                    Suspect("kind", OTHER_KIND),
                )

    # Fields that a call determines.

    def _check_duration(self, step: Step, field: str, since: float, meaning: str) -> None:
        found, exact = step.details.get(field), step.t - since
        if found is None or -ROUNDING < exact - found < ROUNDING:
            return
        problem = f"expected {exact:.6f}, {meaning}; found {found:.6f}"
        t_problem = f"expected {since + found:.6f}, by {field!r}; found {step.t:.6f}"
        call_problem = f"expected a call with this time in {field!r}, found {shown(step.call)}"
        self._broken.add(
            Suspect(field, problem),
            Suspect("t", t_problem),
            Suspect("call", call_problem, self._likely_call(step)),
        )

    def _check_caller(self, field: str, step: Step, asked: OpenCall) -> None:
        found = step.source if field == "from" else step.target
        if found != asked.caller:
            problem = f"expected {shown(asked.caller)}, which made the call; found {shown(found)}"
            other = f"expected a call of {shown(found)}, found {shown(step.call)}"
            likely = self._calls.of_caller.get(found or "", UNKNOWN)
            self._broken.add(
                Suspect(field, problem, asked.caller),
                Suspect("call", other, likely),
                Suspect("kind", OTHER_KIND),
            )

    def _check_callee(self, field: str, found: str | None, asked: OpenCall) -> None:
        if found != asked.callee:
            problem = f"expected {shown(asked.callee)}, which was called; found {shown(found)}"
            self._broken.add(
                Suspect(field, problem, asked.callee),
                Suspect("call", f"expected a call to {shown(found)}, found another"),
                Suspect("kind", OTHER_KIND),
            )

    def _likely_call(self, step: Step) -> Any:
        """The call that a step belongs to, by its caller or by its cause, or `UNKNOWN`."""
        if step.ends_call or step.kind in ANSWERS:
            caller = step.source if step.kind in {"timeout", "cancel"} else step.target
            return self._calls.of_caller.get(caller or "", UNKNOWN)
        cause = self._causes.of(step)
        return UNKNOWN if cause is None else cause.call
