"""Checks that a transcript is possible: by the rules of the format and the laws of the runtime.

    checker = Checker(lambda line, field, problem: print(line, field, problem), header)
    for line, step in enumerate(steps, 2):
        checker.update(step, line)
    checker.notes()             # sentences about what is no error

It is a fold. It keeps what is open, thirteen bytes of each call that has ended, and the messages
that may still lead to something. It counts for itself: the counts of an `end` are checked, too.

One fault gives one finding. A wrong field is read as what was expected there. After a line that is
missing, nothing is reported that this line may explain. What a transcript of another program does
not say is not asked of it.
"""

from collections.abc import Callable
from typing import Final, NamedTuple

from genreply_cli.analysis.blame import UNKNOWN, BrokenLaws, Recording, Suspect, shown
from genreply_cli.analysis.call_laws import CallLaws
from genreply_cli.analysis.calls import GONE, Calls, OpenCall
from genreply_cli.analysis.causes import MESSAGES, Causes
from genreply_cli.analysis.keeping import Keeping
from genreply_cli.analysis.process_laws import ProcessLaws
from genreply_cli.analysis.processes import Processes
from genreply_cli.transcript.counts import Counts
from genreply_cli.transcript.format import Header
from genreply_cli.transcript.step import KINDS, NO_MESSAGE, Step, is_caller

ATTRIBUTES: Final = {"from": "source", "to": "target"}  # of a step, that have other names there
SENT: Final = MESSAGES | {"lost"}
COMMON_FIELDS: Final = frozenset({"seq", "t", "kind", "call", "from", "to", "at", "cause"})


class _Restart(NamedTuple):
    """A start of a process that lives: a fault, unless another recording begins with it."""

    line: int
    name: str
    alive: set[str]
    open_calls: dict[str, OpenCall]


class Checker:
    """Calls `report` with a line, a field and a problem, for each thing that is wrong."""

    def __init__(
        self, report: Callable[[int, str, str], None], header: Header | None = None
    ) -> None:
        header = header or Header()
        self.steps = 0
        self._report = report
        self._line = 0
        self._seq = _Sequence()
        self._ended = False
        self._abandoned = 0  # calls left open by a recording to which another was appended
        self._restart: _Restart | None = None
        self._counts = Counts()
        virtual = header.clock == "virtual" and not header.foreign
        self._recording = recording = Recording(header.foreign, virtual)
        self._broken = broken = BrokenLaws()
        self._calls, self._processes = Calls(), Processes()
        self._causes = Causes(broken, self._calls)
        self._keeping = Keeping(recording, broken, self._calls)
        processes = ProcessLaws(recording, broken, self._processes)
        all_laws = self._causes, self._keeping, processes
        self._process_laws = processes
        self._call_laws = CallLaws(recording, broken, self._calls, self._processes, all_laws)

    @property
    def calls(self) -> int:
        """How many calls there were."""
        return self._counts.calls

    def update(self, step: Step, line: int = 0) -> None:
        """Check one more step, which stands in this line."""
        self.steps += 1
        self._line = line
        problem = self._seq.update(step.seq)
        if problem is not None:
            self._report(line, "seq", problem)
            self._lose_lines()
            if self._seq.is_repeated:
                return
        if self._restart is not None:
            self._look_back(step, self._restart)
        if step.kind == "start":
            self._begin_again(step)
        self._check(step)
        if not self._broken:
            self._follow(step)
            return
        repaired, is_doubtful = self._repaired(step)
        self._follow(repaired)
        if step.kind == "state":
            self._keeping.doubt_state(repaired.at)
        if is_doubtful:
            self._calls.doubt(step.call, step.t)
            self._causes.forget_message(step.seq)

    def skip(self) -> None:
        """Count a line that could not be read, and that was reported."""
        self._seq.skip()
        self._lose_lines()

    def notes(self) -> list[str]:
        """Sentences about what is no error: calls without an end, causes that were forgotten."""
        notes = []
        if left := len(self._calls.open) + self._abandoned:
            notes.append(f"calls that were still open when the recording ended: {left}")
        if self._causes.unchecked:
            notes.append(f"causes too far back to be checked: {self._causes.unchecked}")
        return notes

    # One step.

    def _check(self, step: Step) -> None:
        """Check a step by all laws."""
        cause, kind = step.cause, step.kind
        if step.t < self._recording.t:
            problem = f"expected {self._recording.t:.6f} or later, found {step.t:.6f}"
            self._broken.add(Suspect("t", problem))
        if self._ended:
            problem = "expected nothing after the end, or the start of an appended recording"
            self._broken.add(Suspect("kind", f"{problem}; found {shown(kind)}"))
        if step.call is not None and step.call not in self._calls.open and kind != "call":
            self._call_laws.check_has_begun(step, step.call)
        self._check_kind(step)
        if cause is None:
            return
        if not 0 < cause < step.seq:
            problem = f"expected the seq of an earlier event, found {cause}"
            self._broken.add(Suspect("cause", problem))
        elif not self._recording.foreign:
            actor = step.source if step.at is None else step.at
            acts = cause != self._processes.began_with.get(actor or "") and not (
                kind in SENT and self._processes.has_ended(actor)
            )  # it acts neither in init, for its parent, nor after its exit, by a task it left
            self._causes.check(step, acts=acts)

    def _check_kind(self, step: Step) -> None:
        """Check a step by the laws of its kind."""
        calls, processes = self._call_laws, self._process_laws
        match step.kind:  # the most frequent kinds come first
            case "call":
                calls.check_call(step)
            case "cast" | "info":
                processes.check_message(step)
            case "noreply":
                calls.check_noreply(step)
            case "reply" | "late" | "duplicate":
                calls.check_answer(step)
            case "state":
                processes.check_place(step)
                self._keeping.check_state(step)
            case "timeout" | "cancel":
                calls.check_giving_up(step)
            case "down":
                calls.check_down(step)
            case "lost":
                processes.check_lost(step)
            case "start":
                processes.check_start(step)
            case "crash" | "fault":
                processes.check_place(step)
            case "exit":
                processes.check_exit(step)
            case "end":
                self._check_end(step)

    def _repaired(self, step: Step) -> tuple[Step, bool]:
        """Report what is wrong with a step. Returns it as it should have been.

        The second value says whether its call is in doubt.
        """
        is_doubtful = False
        for field, problem, expected in self._broken.blame():
            self._report(self._line, field, problem)
            if field in {"from", "to", "at"}:
                is_doubtful = True
                self._causes.forget_message(step.cause)
                if step.kind == "call":
                    self._processes.callers_are_known = False
                elif step.kind in {"start", "exit"}:
                    self._lose_lines()
            if field == "for":
                self._calls.doubt(None if expected is UNKNOWN else expected, step.t)
            elif field == "forgot":
                self._lose_lines()  # the call may have ended in one that is missing
            if field == "cause":
                step = step._replace(cause=None)
            elif field == "call" and step.kind in MESSAGES and step.kind != "call":
                is_doubtful = True
            elif expected is not UNKNOWN and field in COMMON_FIELDS:
                step = step._replace(**{ATTRIBUTES.get(field, field): expected})
            elif expected is not UNKNOWN:
                step = step._replace(details={**step.details, field: expected})
            elif field in {"kind", "call"}:
                is_doubtful = True
                self._lose_lines()
                step = step._replace(kind="", call=None)
        return step, is_doubtful

    def _follow(self, step: Step) -> None:
        """Follow what has become of calls and processes with a step."""
        kind, source = step.kind, step.source
        self._recording.t = step.t
        if source is not None and source not in self._processes.alive:
            self._processes.add_caller(source)
        if kind in KINDS:
            self._counts.update(step)
            self._follow_kind(step)
        self._causes.remember(step)
        if step.message is not NO_MESSAGE and isinstance(step.message, list | dict):
            self._keeping.note_handed_on(step.message)

    def _follow_kind(self, step: Step) -> None:
        at = step.at
        match step.kind:
            case "call":
                self._call_laws.begin(step)
            case "noreply":
                self._call_laws.keep(step)
            case "reply" | "timeout" | "cancel" | "down":
                self._call_laws.end(step)
            case "state" if at is not None:
                self._keeping.put_state(step, at)
            case "start" if at is not None:
                self._keeping.begin_server(at)
                self._processes.start(at, step.cause)
            case "exit" if at is not None:
                self._keeping.begin_server(at)
                self._processes.exit(at, step.details.get("reason"))
            case "end":
                self._ended = True

    def _lose_lines(self) -> None:
        """Lines are missing, or were not understood."""
        self._recording.gaps = True
        self._keeping.forget_states()

    # The end, and recordings that are appended.

    def _check_end(self, step: Step) -> None:
        if self._recording.gaps:
            return
        for name, count in self._counts.expected_at_end(step.details).items():
            found = step.details.get(name)
            if found is not None and found != count:
                self._broken.add(Suspect(name, f"expected {count}, as counted; found {found}"))

    def _begin_again(self, step: Step) -> None:
        """A recording that was appended begins with this start, if it has ended or was interrupted.

        Whether it was interrupted shows later: its processes are not used any more.
        """
        if not self._ended:
            depends = "linked" in step.details or "owner" in step.details
            is_first = step.cause is None and step.call is None and not depends
            if step.at not in self._processes.alive or not is_first:
                return
            alive, calls = set(self._processes.alive), dict(self._calls.open)
            self._restart = _Restart(self._line, step.at or "", alive, calls)
        self._ended = False
        self._abandoned += len(self._calls.open)
        for call in list(self._calls.open):
            self._calls.end(call, GONE, self._recording.t)
        self._processes.clear()
        self._causes.clear()
        self._keeping.clear()

    def _look_back(self, step: Step, restart: _Restart) -> None:
        """Report a second start, if this step shows that no new recording has begun with it."""
        names = {name for name in (step.at, step.source, step.target) if name is not None}
        alive, kind = self._processes.alive, step.kind
        if step.kind == "end":
            self._restart = None
        elif (kind != "call" and step.call in restart.open_calls) or (
            kind != "start"
            and any(
                name in restart.alive and name not in alive and not is_caller(name)
                for name in names
            )
        ):
            self._restart = None
            problem = f"expected a process that does not live; {shown(restart.name)} lives"
            self._report(restart.line, "at", problem)
            self._lose_lines()
            self._abandoned -= len(restart.open_calls)
            for name in restart.alive:
                self._processes.start(name)
            for name, call in restart.open_calls.items():
                self._calls.begin(name, call)


class _Sequence:
    """Follows the numbers of the steps: 1, 2, 3 …"""

    def __init__(self) -> None:
        self.is_repeated = False  # the step of the last number has come before
        self._next = 1
        self._others: tuple[int, ...] = ()  # numbers that may come as well, after a wrong one

    def update(self, seq: int) -> str | None:
        """Follow a number. Returns what is wrong with it."""
        if seq == self._next:
            self._next += 1
            self._others = ()
            return None
        self.is_repeated = False
        expected = self._next
        if seq in self._others:
            if seq == max(self._others):  # only the number before was wrong
                self._next, self._others = seq + 1, ()
            else:  # two lines have changed places
                self._others = (seq + 1,) if seq + 1 < self._next - 1 else ()
            return None
        self.is_repeated = seq < expected
        self._next = max(seq + 1, expected)
        self._others = (expected + 1,) if self.is_repeated else (expected, expected + 1)
        return f"expected {expected}, found {seq}"

    def skip(self) -> None:
        """Follow a line whose number is not known."""
        self._next += 1
