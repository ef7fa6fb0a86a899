"""Turns each event of the runtime into a `Step`, with names where the event has objects.

    async with Node(observe=lambda event: steps.append(tracer(event))): …

A `Tracer` is a fold. It remembers a little of each call whose `From` still exists, so that a step
can say more than its event: how long the caller was blocked, how many calls wait, that an answer
went to the wrong caller, and that a server has forgotten a caller. It refers to objects weakly:
ended calls take no memory.
"""

import re
from array import array
from bisect import bisect_left
from collections.abc import Callable, Iterable, Mapping
from math import inf
from typing import Any, Final
from weakref import WeakKeyDictionary

from genreply_cli.otp import Event, From, GenServer, Source, Task
from genreply_cli.transcript.by_identity import ByIdentity
from genreply_cli.transcript.counts import Counts
from genreply_cli.transcript.states import EARLIER_CALL, StateWriter
from genreply_cli.transcript.step import KINDS, NAMED_CALLER, NO_MESSAGE, Step
from genreply_cli.transcript.values import describe_reason, to_json_value

_COMMON: Final = frozenset({"seq", "t", "kind", "call", "from", "to", "at", "message", "cause"})


MAX_TASK_NAME: Final = 40  # characters
_DEFAULT_TASK_NAME: Final = re.compile(r"(Task-\d+)?")  # asyncio's own


class _Call:
    """What is remembered of a call, for as long as its `From` exists."""

    __slots__ = (
        "answer_went",
        "asked_at",
        "ended_at",
        "handed_on",
        "is_forgotten",
        "name",
        "server",
    )

    def __init__(self, name: str) -> None:
        self.name = name
        self.asked_at: float | None = None
        self.ended_at: float | None = None
        self.server: _Server | None = None  # that keeps its caller waiting
        self.is_forgotten = False  # by that server: its caller waits in vain
        self.answer_went: tuple[str, float] | None = None  # to which other call, and when
        self.handed_on = False  # its From was in a message: others may answer it


class _Server:
    """What is remembered of a server."""

    def __init__(self, states: StateWriter) -> None:
        self.states = states
        self.waiting = 0  # how many calls it keeps waiting
        self.in_vain = 0  # how many of those it has forgotten
        self.described: dict[str, Any] | None = None  # its last state as data
        self.written: dict[str, Any] | None = None  # the details of its last `state` step
        self.keeps: dict[str, _Call] = {}  # the calls that stood in that state

    def forget(self, call: _Call) -> None:
        """Nothing in the state leads to a call any more, whose caller waits."""
        if call.server is self:
            call.is_forgotten = True
            self.in_vain += 1

    def remember(self, call: _Call) -> None:
        """A call stands in the state, or waits no longer."""
        if call.is_forgotten and call.server is self:
            call.is_forgotten = False
            self.in_vain -= 1


class Tracer:
    """Call it with each event, in order; it returns the step. A recording has one tracer.

    An event of kind "state" is for `state`, which returns a step only if there is something new.

    `clock` (as `loop.time`) gives the time of a `note`; without a clock, a note has the time of the
    event before it. Time zero is the first event, or `begin` on that clock.
    """

    def __init__(
        self, clock: Callable[[], float] | None = None, begin: float | None = None
    ) -> None:
        self._clock = clock
        self._begin = begin
        self._t = 0.0
        self._numbers = _Numbers()
        self._names = _Names()
        self._calls: WeakKeyDictionary[Any, _Call] = WeakKeyDictionary()
        self._last_call = 0
        self._servers: ByIdentity[_Server] = ByIdentity()
        self._counts = Counts()

    def __call__(self, event: Event) -> Step:
        """The step for an event that is no state."""
        seq = self._numbers.of_event(event.seq)
        now = self._time(event.time)
        call = self._call(event.call if event.about is None else event.about)
        name = None if call is None else call.name
        cause = self._numbers.of_cause(event.cause)
        if event.kind == "note":
            kind, message, details = _parse_note(event.message)
            at = None if _is_task(event.source) else self.name(event.source)
            return Step(seq, round(now, 6), kind, name, None, None, at, message, details, cause)
        facts = KINDS[event.kind]
        message = NO_MESSAGE
        if facts.has_message:
            message = to_json_value(event.message, name=self._reference)
        name_of = self._names.of
        if facts.where == "at":
            source, target, at = None, None, name_of(event.source)
        else:
            source, target, at = name_of(event.source), name_of(event.target), None
        details = self._details(event, call or _Call(""), now)
        step = Step(
            seq, round(now, 6), event.kind, name, source, target, at, message, details, cause
        )
        if facts.counter is not None:
            self._counts.update(step)
        return step

    def state(self, event: Event) -> Step | None:
        """The step for the state of a server, if it differs from the last step for this server."""
        server = self._server(event.source)
        state = server.states.describe(event.message)
        continued = self._count_calls(event.detail)  # that what is continued with holds
        keeps = {call.name: call for call in map(self._known_call, state.keeps)}
        details: dict[str, Any] = {"state": state.data}
        if keeps or not state.more:
            details["keeps"] = list(keeps)
        if state.more:
            details["more"] = state.more
        if details == server.described and not continued:
            return None
        server.described = details
        if continued:
            details = details | {"more": state.more + continued}
        forgot = []
        if "more" not in details and server.written is not None and "more" not in server.written:
            forgot = [
                name
                for name, call in server.keeps.items()
                if name not in keeps and call.ended_at is None and not call.handed_on
            ]
        if server.in_vain:
            for known in keeps.values():
                server.remember(known)
        for name in forgot:
            server.forget(server.keeps[name])
        server.written, server.keeps = details, keeps
        call = self._call(event.call)
        return Step(
            self._numbers.of_note(),
            round(self._time(event.time), 6),
            "state",
            None if call is None else call.name,
            at=self.name(event.source),
            details=details | {"forgot": forgot} if forgot else details,
            cause=self._numbers.of_cause(event.cause),
        )

    def note(
        self,
        kind: str,
        /,
        *,
        at: Any = None,
        call: Any = None,
        cause: int | None = None,
        **details: Any,
    ) -> Step:
        """A step of the program itself: `note("mark", label="lunch")`.

        `at` and `call` are a process and a From, or their names; `cause` is the `seq` of an event.
        """
        seq = self._numbers.of_note()
        now = self._t if self._clock is None else self._time(self._clock())
        name = call if call is None or isinstance(call, str) else self.call(call)
        place = None if at is None else self.name(at)
        return Step(
            seq,
            round(now, 6),
            kind,
            name,
            at=place,
            details=_safe_details(details),
            cause=self._numbers.of_cause(cause),
        )

    def end(self) -> Step:
        """The last step, with the counts of calls."""
        return self.note("end", **self.counts())

    @property
    def next_call(self) -> int:
        """The number of the next call: 3 if it will be c3."""
        return self._last_call + 1

    def counts(self) -> dict[str, int]:
        """The counts as an `end` step would have them now; cancelled calls count as failed."""
        return self._counts.at_end()

    def continue_after(self, steps: Iterable[Step]) -> "Tracer":
        """Continue a recording with these steps, so that new ones can be appended. Returns self."""
        for step in steps:
            self._numbers.latest_step = max(self._numbers.latest_step, step.seq)
            self._t = max(self._t, step.t)
            self._counts.update(step)
            digits = (step.call or "").removeprefix("c")
            if digits != step.call and digits.isdecimal() and len(digits) < 19:
                self._last_call = max(self._last_call, int(digits))
        if self._begin is None and self._clock is not None:
            self._begin = self._clock() - self._t
        return self

    def name(self, actor: Any) -> str:
        """The name of a process or of the task of a caller; the same for the same object."""
        return self._names.of(actor)

    def call(self, from_: Any) -> str:
        """The name of a call: c1, c2 … in the order in which calls were made."""
        return self._known_call(from_).name

    def saw(self, from_: Any) -> bool:
        """Whether the event with which this call began was seen."""
        call = self._calls.get(from_)
        return call is not None and call.asked_at is not None

    def _seen_call(self, from_: Any) -> str | None:
        return self.call(from_) if self.saw(from_) else None

    def _call(self, from_: Any) -> _Call | None:
        return None if from_ is None else self._known_call(from_)

    def _known_call(self, from_: Any) -> _Call:
        call = self._calls.get(from_)
        if call is None:
            self._last_call += 1
            call = self._calls[from_] = _Call(f"c{self._last_call}")
        return call

    def _time(self, now: float) -> float:
        """Seconds since time zero. It never goes back, not even with the clock of another loop."""
        if self._begin is None or now - self._begin < self._t:
            self._begin = now - self._t
        self._t = max(self._t, now - self._begin)
        return self._t

    def _details(self, event: Event, call: _Call, now: float) -> dict[str, Any]:
        """The fields that only this kind of step has. Updates what is remembered of the call."""
        kind, detail = event.kind, event.detail
        match kind:
            case "start":
                module = {"module": type(event.source).__name__}
                if detail is None:
                    return module
                owned = isinstance(event.source, Source | Task)
                return module | {"owner" if owned else "linked": self.name(detail)}
            case "call":
                call.asked_at = now
                reference = _reference_in_cluster(event)
                return {"timeout": detail} | ({} if reference is None else {"ref": reference})
            case "noreply":
                return self._count_waiting(event.source, call)
            case "reply":
                self._end_call(call, now)
                intended = self._intended_call(event, call, now)
                return _since("blocked", call.asked_at, now) | intended
            case "late" | "duplicate":
                intended = self._intended_call(event, call, now)
                return _since("ago", call.ended_at, now) | intended
            case "timeout" | "cancel":
                self._end_call(call, now)
                went: dict[str, Any] = {}
                if call.answer_went is not None:
                    went = dict(zip(("went_to", "went_at"), call.answer_went, strict=True))
                return {"timeout": detail} | _since("blocked", call.asked_at, now) | went
            case "lost":
                return {"sent": detail}
            case "crash":
                return {"error": describe_reason(event.message)}
            case "exit":
                self._servers.forget(event.source)
                reason = {"reason": describe_reason(event.message)}
                if detail is None or detail is event.source or getattr(detail, "alive", False):
                    return reason  # a signal of a process that lives is no link's
                return reason | {"link": self.name(detail)}
            case "down":
                reason = {"reason": describe_reason(event.message)}
                if event.about is None:  # for a monitor, not for a waiting caller
                    return reason
                self._end_call(call, now)
                return reason | _since("blocked", call.asked_at, now)
            case _:
                return {}

    def _reference(self, value: Any) -> Any:
        """A call or a process that stands in a message, as data; None for any other value."""
        if isinstance(value, From):
            if not self.saw(value):
                return {"repr": EARLIER_CALL}
            call = self._known_call(value)
            call.handed_on = True
            return {"call": call.name}
        if isinstance(value, GenServer | Source | Task):
            return {"process": self.name(value)}
        return None

    def _count_calls(self, value: Any) -> int:
        """How many calls stand in a value, which is handed on."""
        calls: list[Any] = []

        def note(part: Any) -> Any:
            if isinstance(part, From):
                calls.append(part)
            return self._reference(part)

        if value is not None:
            to_json_value(value, name=note)
        return len(calls)

    def _server(self, server: Any) -> _Server:
        known = self._servers.get(server)
        if known is None:
            known = self._servers.put(server, _Server(StateWriter(self.name, self._seen_call)))
        return known

    def _count_waiting(self, server: Any, call: _Call) -> dict[str, int]:
        """How many calls this server keeps waiting, the new one included, and how many in vain."""
        known = self._server(server)
        if call.ended_at is None and call.server is None:
            known.waiting += 1
            call.server = known
        waiting = {"waiting": known.waiting}
        return waiting | {"in_vain": known.in_vain} if known.in_vain else waiting

    def _end_call(self, call: _Call, now: float) -> None:
        call.ended_at = now
        if call.server is not None:
            call.server.remember(call)
            call.server.waiting -= 1
            call.server = None

    def _intended_call(self, event: Event, call: _Call, now: float) -> dict[str, Any]:
        """The call that an answer was meant for, if it went to another one.

        The intended call remembers this: its caller will wait in vain.
        """
        intended = None if event.about is None else self._call(event.call)
        if intended is None or intended is call:
            return {}
        intended.answer_went = call.name, round(now, 6)
        return {"for": intended.name}


class _Numbers:
    """Numbers the steps 1, 2, 3 …, and finds the step of an earlier event.

    The steps of a node's events are numbered as its events are, plus a constant, plus the notes and
    states in between.
    """

    def __init__(self) -> None:
        self.latest_step = 0
        self._first_event = 0  # of this node
        self._latest_event: float = inf
        self._shift = 0
        self._notes = array("Q")  # for each note, the event after which it was made

    def of_event(self, event: int) -> int:
        if event <= self._latest_event:  # the first event of a node
            self._first_event = event
            self._shift = self.latest_step + 1 - event
            del self._notes[:]
        self._latest_event = event
        self.latest_step = event + self._shift + len(self._notes)
        return self.latest_step

    def of_note(self) -> int:
        self.latest_step += 1
        if self._latest_event != inf:
            self._notes.append(int(self._latest_event))
        return self.latest_step

    def of_cause(self, event: int | None) -> int | None:
        """The step of an earlier event; None for an event before this node or this recording."""
        if event is None or self._latest_event == inf:
            return None
        if not self._first_event <= event <= self._latest_event:
            return None
        return event + self._shift + bisect_left(self._notes, event)


class _Names:
    """Gives processes and callers names: the registered one or that of the class, made unique."""

    def __init__(self) -> None:
        self._names: ByIdentity[str] = ByIdentity()
        self._outside: str | None = None  # the caller that is no task
        self._used: dict[str, int] = {}  # base -> the highest number that it has been given

    def of(self, actor: Any) -> str:
        if isinstance(actor, str):
            return actor
        if actor is None:
            if self._outside is None:
                self._outside = self._unique("caller")
            return self._outside
        name = self._names.get(actor)
        if name is None:
            base = _default_name(actor)
            if isinstance(actor, Source | Task):
                base = f"{self.of(actor.owner)}.{base}"
            name = self._names.put(actor, self._unique(base))
        return name

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


def _since(name: str, then: float | None, now: float) -> dict[str, Any]:
    return {} if then is None else {name: round(now - then, 6)}


def _parse_note(message: Any) -> tuple[str, Any, dict[str, Any]]:
    """The kind, message and details of an `otp.note`.

    A program notes a kind with its details, `("fault", {"what": "drop"})`, or any other value.
    """
    match message:
        case (str(kind), dict(details)):
            return kind, NO_MESSAGE, _safe_details(details)
    return "note", to_json_value(message), {}


def _safe_details(details: Mapping[str, Any]) -> dict[str, Any]:
    """Details as JSON can hold them, without those named like a field that all steps have."""
    return {
        str(name): to_json_value(value) for name, value in details.items() if name not in _COMMON
    }


def _reference_in_cluster(event: Event) -> str | None:
    """What a call is called in a whole cluster, if its caller or its server is on another node.

    What stands here for such a caller or server knows it; see `cluster.remote`.
    """
    for end in (event.target, event.source):
        reference_of = getattr(end, "reference_of", None)
        if reference_of is not None:
            found = reference_of(event.about)
            return found if isinstance(found, str) else None
    return None


def _is_task(actor: Any) -> bool:
    # isinstance would need asyncio to be imported
    return actor is None or hasattr(actor, "add_done_callback")


def _caller_name(task: Any) -> str:
    """`caller`, or `caller:fetch` for a task to which the program has given this name."""
    given = task.get_name() if hasattr(task, "get_name") else ""
    if given == "caller" or _DEFAULT_TASK_NAME.fullmatch(given):
        return "caller"
    return f"{NAMED_CALLER}{given[:MAX_TASK_NAME]}"


def _default_name(actor: Any) -> str:
    if _is_task(actor):
        return _caller_name(actor)
    if isinstance(actor, GenServer):
        name = GenServer.name.__get__(actor)  # its class may have a `name` of its own
    else:
        name = getattr(actor, "name", None)
    return name if isinstance(name, str) and name else type(actor).__name__.lower()
