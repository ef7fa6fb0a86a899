"""The laws of what a server keeps: who waits after a NoReply, and which calls its state holds."""

from collections.abc import Iterator
from typing import Any, Final, NamedTuple

from genreply_cli.analysis.blame import BrokenLaws, Recording, Suspect, shown
from genreply_cli.analysis.calls import Calls
from genreply_cli.transcript.step import Step

MAX_HANDED_ON: Final = 4096  # calls that are remembered because their From was sent in a message


class _State(NamedTuple):
    """The latest `state` step of a process."""

    state: Any
    keeps: list[str] | None
    more: int


class Keeping:
    """A fold over what servers keep. Adds the laws that a step breaks to the broken ones."""

    def __init__(self, recording: Recording, broken: BrokenLaws, calls: Calls) -> None:
        self._recording = recording
        self._broken = broken
        self._calls = calls
        self._waiting: dict[str, dict[str, None]] = {}  # server -> calls that wait after a NoReply
        self._waits_at: dict[str, str] = {}  # call -> that server
        self._forgotten: dict[str, dict[str, None]] = {}  # server -> those of them in vain
        self._latest: dict[str, int] = {}  # server -> the seq of the latest call that it kept
        self._states: dict[str, _State | None] = {}  # server -> the latest; None: it is in doubt
        self._handed_on: dict[str, None] = {}  # calls whose From was sent: others may answer them

    def check_noreply(self, step: Step, server: str, asked_seq: int) -> None:
        """Check that a call, whose step is `asked_seq`, joins those that wait for a server."""
        if asked_seq <= self._latest.get(server, 0):
            problem = "expected calls to be kept in the order in which they came"
            self._broken.add(
                Suspect("call", f"{problem}; {shown(step.call)} came before another or is kept")
            )
        if self._recording.gaps or (self._recording.foreign and step.waiting is None):
            return
        waiting = self._waiting.get(server, {})
        calls = [*waiting, *([] if step.call in waiting else [step.call])]
        found = step.details.get("waiting")
        expected: Any = calls if isinstance(found, list) else len(calls)  # version 1 lists them
        if found != expected:
            problem = f"expected {shown(expected)}, found {shown(found)}"
            suspects = [Suspect("waiting", problem, expected)]
            if step.call in waiting:
                suspects.append(Suspect("call", f"{shown(step.call)} is kept already"))
            self._broken.add(*suspects)
        self._check_in_vain(step, server)

    def _check_in_vain(self, step: Step, server: str) -> None:
        """Check how many of the calls that wait are forgotten. Earlier recordings do not say it."""
        found = step.details.get("in_vain")
        expected = len(self._forgotten.get(server, ())) or None
        if found is None or found == expected or self._states.get(server, self) is None:
            return
        problem = f"expected {shown(expected)}, found {shown(found)}"
        self._broken.add(Suspect("in_vain", problem, expected))

    def keep_waiting(self, call: str, server: str, asked_seq: int) -> None:
        """A server has returned NoReply for a call."""
        self._waiting.setdefault(server, {})[call] = None
        self._waits_at[call] = server
        self._latest[server] = max(asked_seq, self._latest.get(server, 0))

    def end_call(self, call: str) -> None:
        """A call has ended: its caller waits no longer."""
        server = self._waits_at.pop(call, None)
        if server is not None:
            self._waiting[server].pop(call, None)
            self._forgotten.get(server, {}).pop(call, None)

    def begin_server(self, server: str) -> None:
        """A server starts, or has ended, or what it keeps is not known any more."""
        for call in self._waiting.pop(server, ()):
            self._waits_at.pop(call, None)
        self._forgotten.pop(server, None)
        self._latest.pop(server, None)
        self._states.pop(server, None)

    def forget_states(self) -> None:
        """Lines are missing: the states before them are not compared with those after them."""
        self._states = dict.fromkeys(self._states)

    def note_handed_on(self, message: Any) -> None:
        """Note the calls whose From stands in a message."""
        for call in calls_in(message):
            self._handed_on[call] = None
        if len(self._handed_on) > MAX_HANDED_ON:
            gone = [call for call in self._handed_on if call not in self._calls.open]
            for call in gone or [next(iter(self._handed_on))]:
                del self._handed_on[call]

    def check_state(self, step: Step) -> None:
        """Check what a `state` step says of calls, by itself and by the state before."""
        server, details = step.at, step.details
        if server is None:
            return
        keeps, more = details.get("keeps"), details.get("more") or 0
        in_state = list(dict.fromkeys(calls_in(details.get("state"))))
        self._check_keeps(server, keeps, more, in_state, details.get("state"))
        now = _State(details.get("state"), keeps, more)
        before = self._states.get(server)
        if before == now:
            self._broken.add(Suspect("state", "expected another state than before, found the same"))
        forgot = details.get("forgot") or []
        if not isinstance(forgot, list):
            self._broken.add(Suspect("forgot", f"expected a list of calls, found {shown(forgot)}"))
            return
        if before is None and (server in self._states or self._recording.gaps):
            return
        expected: list[str] = []
        if before is not None and not before.more and not more:
            expected = [
                call
                for call in before.keeps or []
                if call not in (keeps or [])
                and call in self._calls.open
                and not self._calls.open[call].doubtful
            ]
        unexpected = [call for call in forgot if call not in expected]
        missing = [call for call in expected if call not in forgot and call not in self._handed_on]
        if unexpected or missing:
            left = [call for call in expected if call not in self._handed_on]
            problem = f"expected {shown(left)}, found {shown(forgot)}"
            self._broken.add(Suspect("forgot", problem, left))

    def doubt_state(self, server: str | None) -> None:
        """The state of a server is not what a step said."""
        if server in self._states:
            self._states[server] = None

    def put_state(self, step: Step, server: str) -> None:
        """Remember the state of a server."""
        keeps, more = step.details.get("keeps"), step.details.get("more") or 0
        self._states[server] = _State(step.details.get("state"), keeps, more)
        forgotten, waiting = self._forgotten.setdefault(server, {}), self._waiting.get(server, ())
        for call in (keeps or ()) if forgotten else ():
            forgotten.pop(call, None)
        forgotten.update({call: None for call in step.forgot if call in waiting})

    def clear(self) -> None:
        """Another recording begins."""
        for table in (self._waiting, self._waits_at, self._forgotten, self._latest, self._states):
            table.clear()
        self._handed_on.clear()

    def _check_keeps(
        self, server: str, keeps: Any, more: int, in_state: list[str], state: Any
    ) -> None:
        """`keeps` names the calls in the state, which were made to this server or passed to it."""
        found = keeps or []
        if not isinstance(found, list):
            self._broken.add(Suspect("keeps", f"expected a list of calls, found {shown(found)}"))
            return
        complete = not more and not _has_repr(state)
        if set(found) != set(in_state) if complete else not set(in_state) <= set(found):
            problem = f"expected {shown(in_state)}, as in the state; found {shown(found)}"
            state_problem = f"expected a state with {shown(found)}; found {shown(in_state)} in it"
            suspects = Suspect("keeps", problem, in_state), Suspect("state", state_problem)
            if not all(self._may_keep(server, call) for call in in_state):
                suspects = suspects[1], suspects[0]
            self._broken.add(*suspects)
            return
        wrong = [call for call in found if not self._may_keep(server, call)]
        if wrong and complete:  # objects whose parts are not shown may be shared by servers
            problem = f"expected calls to {shown(server)}, found {shown(wrong)}"
            other = f"expected the process that was called; found {shown(server)}"
            self._broken.add(Suspect("keeps", problem), Suspect("at", other))

    def _may_keep(self, server: str, call: str) -> bool:
        """Whether a call was made to this server, or its From may have been passed to it."""
        asked = self._calls.open.get(call)
        if asked is None:
            return self._recording.gaps or self._calls.has_begun(call)
        return asked.callee in {server, None} or asked.doubtful or call in self._handed_on


def calls_in(value: Any) -> Iterator[str]:
    """The calls whose From stands in a message or a state: `{"call": "c1"}`."""
    if isinstance(value, list):
        for item in value:
            if isinstance(item, list | dict):
                yield from calls_in(item)
    elif isinstance(value, dict):
        call = value.get("call")
        if len(value) == 1 and isinstance(call, str):
            yield call
            return
        for item in value.values():
            if isinstance(item, list | dict):
                yield from calls_in(item)


def _has_repr(value: Any) -> bool:
    """Whether there is a value of which only the repr is shown: calls may stand in it."""
    if isinstance(value, dict):
        return "repr" in value or any(map(_has_repr, value.values()))
    return isinstance(value, list) and any(map(_has_repr, value))
