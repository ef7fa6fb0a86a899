"""Turns each event of the runtime into a `Step`, with names where the event has objects.

    async with Node(observe=lambda event: steps.append(tracer(event))): …

A `Tracer` is a fold. It remembers a little of each call whose `From` still exists, so that a step
can say more than its event: how long the caller was blocked, how many calls wait, that an answer
went to the wrong caller, and that a server has forgotten a caller. It refers to objects weakly:
ended calls take no memory.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final

from genreply_cli.otp import Event, From, GenServer, Source, Task
from genreply_cli.transcript.by_identity import ByIdentity
from genreply_cli.transcript.callbacks import places_of
from genreply_cli.transcript.counts import Counts
from genreply_cli.transcript.names import Names, is_task
from genreply_cli.transcript.numbers import Numbers
from genreply_cli.transcript.states import EARLIER_CALL, StateWriter
from genreply_cli.transcript.step import KINDS, NO_MESSAGE, Step
from genreply_cli.transcript.traced import TracedCall, TracedServer
from genreply_cli.transcript.values import describe_reason, to_json_value

_COMMON: Final = frozenset({"seq", "t", "kind", "call", "from", "to", "at", "message", "cause"})
_AT: Final = frozenset(kind for kind, facts in KINDS.items() if facts.where == "at")
_WITH_MESSAGE: Final = frozenset(kind for kind, facts in KINDS.items() if facts.has_message)
_SENT: Final = frozenset({"cast", "info"})
_COUNTED: Final = frozenset(kind for kind, facts in KINDS.items() if facts.counter is not None)

MAX_LOOSE: Final = 1 << 14  # messages that are remembered
MAX_SENT: Final = 64  # the same, of those that one handler has sent for one call

_new = tuple.__new__  # half the time of Step's own constructor, and it is called for each step


class Tracer:
    """Call it with each event, in order; it returns the step. A recording has one tracer.

    An event of kind "state" is for `state`, which returns a step only if there is something new.

    `clock` (as `loop.time`) gives the time of a `note`; without a clock, a note has the time of the
    event before it. Time zero is the first event, or `begin` on that clock. With `callbacks`, the
    first `start` of each class has the places of its callbacks.
    """

    def __init__(
        self,
        clock: Callable[[], float] | None = None,
        begin: float | None = None,
        *,
        callbacks: bool = False,
    ) -> None:
        self._places: set[type] | None = set() if callbacks else None
        self._clock = clock
        self._begin = begin
        self._t = 0.0
        self._numbers = Numbers()
        self._names = Names()
        self._last_call = 0
        self._servers: ByIdentity[TracedServer] = ByIdentity()
        self._counts = Counts()
        self._loose: dict[int, None] = {}  # messages: an answer to them may be for any call

    def __call__(self, event: Event) -> Step:
        """The step for an event that is no state."""
        number, time, kind, source, target, message, from_, cause, about, _ = event
        if kind == "note":
            return self._noted(event)
        now = self._time(time)
        if about is not None:
            from_ = about
        call = None
        if from_ is not None:
            call = from_.seen
            if call is None or call.tracer is not self:
                call = self._known_call(from_)
        name_of = self._names.of
        at = None
        if kind in _AT:
            source, at = None, name_of(source)
        else:
            if call is not None and kind in _SENT:
                if call.sent_in == cause:
                    call.sent = (*call.sent[-MAX_SENT:], number)
                else:
                    call.sent_in, call.sent = cause, (number,)
                if source is target or (cause is not None and self._is_loose(call, cause)):
                    self._loosen(call.sent[-1:])
            source, target = name_of(source), name_of(target)
        if kind not in _WITH_MESSAGE:
            message = NO_MESSAGE
        elif type(message) is not str:
            message = to_json_value(message, name=self._reference)
        describe = _DETAILS.get(kind)
        step = _new(
            Step,
            (
                self._numbers.of_event(number),
                _rounded(now),
                kind,
                None if call is None else call.name,
                source,
                target,
                at,
                message,
                {} if describe is None else describe(self, event, call or TracedCall(""), now),
                None if cause is None else self._numbers.of_cause(cause),
            ),
        )
        if kind in _COUNTED:
            self._counts.update(step)
        return step

    def _noted(self, event: Event) -> Step:
        """The step for what a program noted, with `otp.note`."""
        kind, message, details = _parse_note(event.message)
        call = self._call(event.call if event.about is None else event.about)
        return Step(
            self._numbers.of_event(event.seq),
            _rounded(self._time(event.time)),
            kind,
            None if call is None else call.name,
            at=None if is_task(event.source) else self.name(event.source),
            message=message,
            details=details,
            cause=self._numbers.of_cause(event.cause),
        )

    def state(self, event: Event) -> Step | None:
        """The step for the state of a server, if it differs from the last step for this server."""
        server = self._server(event.source)
        data, calls, more = server.states.describe(event.message)
        # calls that stand in what the server continues with
        continued = 0 if event.detail is None else self._count_calls(event.detail)
        keeps = {call.name: call for call in map(self._known_call, calls)} if calls else {}
        details: dict[str, Any] = {"state": data}
        if keeps or not more:
            details["keeps"] = list(keeps)
        if more:
            details["more"] = more
        if details == server.described and not continued:
            return None
        server.described = details
        if continued:
            details = details | {"more": more + continued}
        forgot = []
        if server.keeps and "more" not in details and "more" not in (server.written or ()):
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
        step = (
            self._numbers.of_note(),
            _rounded(self._time(event.time)),
            "state",
            None if call is None else call.name,
            None,
            None,
            self._names.of(event.source),
            NO_MESSAGE,
            details | {"forgot": forgot} if forgot else details,
            self._numbers.of_cause(event.cause),
        )
        return _new(Step, step)

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
            _rounded(now),
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

    def callbacks_of(self, server: Any) -> dict[str, Any]:
        """Where the callbacks of a server are, as a field of its `start`; once for each class."""
        cls: Any = type(server)
        if self._places is None or cls in self._places:
            return {}
        self._places.add(cls)
        places = {name: place.as_json() for name, place in places_of(cls).items()}
        return {"callbacks": places} if places else {}

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

    def as_recorded(self, message: Any) -> Any:
        """A message that was sent, as data: as its step has it."""
        return to_json_value(message, name=self._reference)

    def call(self, from_: Any) -> str:
        """The name of a call: c1, c2 … in the order in which calls were made."""
        return self._known_call(from_).name

    def saw(self, from_: Any) -> bool:
        """Whether the event with which this call began was seen."""
        call = self._remembered(from_)
        return call is not None and call.asked_at is not None

    def _seen_call(self, from_: Any) -> str | None:
        return self.call(from_) if self.saw(from_) else None

    def _call(self, from_: Any) -> TracedCall | None:
        return None if from_ is None else self._known_call(from_)

    def _remembered(self, from_: Any) -> TracedCall | None:
        call: TracedCall | None = from_.seen
        while call is not None and call.tracer is not self:
            call = call.of_others
        return call

    def _known_call(self, from_: Any) -> TracedCall:
        call = self._remembered(from_)
        if call is None:
            self._last_call += 1
            call = from_.seen = TracedCall(f"c{self._last_call}", self, from_.seen)
        return call

    def _time(self, now: float) -> float:
        """Seconds since time zero. It never goes back, not even with the clock of another loop."""
        if self._begin is None or now - self._begin < self._t:
            self._begin = now - self._t
        self._t = max(self._t, now - self._begin)
        return self._t

    # --- the fields that only steps of one kind have; the call is told what has become of it

    def _of_start(self, event: Event, _: TracedCall, __: float) -> dict[str, Any]:
        module = {"module": type(event.source).__name__, **self.callbacks_of(event.source)}
        if event.detail is None:
            return module
        owned = isinstance(event.source, Source | Task)
        return module | {"owner" if owned else "linked": self.name(event.detail)}

    def _of_call(self, event: Event, call: TracedCall, now: float) -> dict[str, Any]:
        call.asked, call.asked_at = event.seq, now
        reference = _reference_in_cluster(event)
        if reference is None:
            return {"timeout": event.detail}
        return {"timeout": event.detail, "ref": reference}

    def _of_noreply(self, event: Event, call: TracedCall, _: float) -> dict[str, Any]:
        return self._count_waiting(event.source, call)

    def _of_reply(self, event: Event, call: TracedCall, now: float) -> dict[str, Any]:
        self._end_call(call, now)
        call.answered_in = event.cause
        if call.sent_in == event.cause:
            self._loosen(call.sent)
        blocked = _since("blocked", call.asked_at, now)
        return blocked if event.call is event.about else blocked | self._meant_for(event, call, now)

    def _of_late(self, event: Event, call: TracedCall, now: float) -> dict[str, Any]:
        return _since("ago", call.ended_at, now) | self._meant_for(event, call, now)

    _of_duplicate = _of_late

    def _of_timeout(self, event: Event, call: TracedCall, now: float) -> dict[str, Any]:
        self._end_call(call, now)
        went: dict[str, Any] = {}
        if call.answer_went is not None:
            went = dict(zip(("went_to", "went_at"), call.answer_went, strict=True))
        blocked = _since("blocked", call.asked_at, now)
        return {"timeout": event.detail} | blocked | went | self._told(event)

    _of_cancel = _of_timeout

    def _of_lost(self, event: Event, _: TracedCall, __: float) -> dict[str, Any]:
        return {"sent": event.detail}

    def _of_crash(self, event: Event, _: TracedCall, __: float) -> dict[str, Any]:
        return {"error": describe_reason(event.message)}

    def _of_exit(self, event: Event, _: TracedCall, __: float) -> dict[str, Any]:
        self._servers.forget(event.source)
        reason, killer = {"reason": describe_reason(event.message)}, event.detail
        if killer is None or killer is event.source or getattr(killer, "alive", False):
            return reason  # a signal of a process that lives is no link's
        return reason | {"link": self.name(killer)}

    def _of_down(self, event: Event, call: TracedCall, now: float) -> dict[str, Any]:
        reason = {"reason": describe_reason(event.message)}
        if event.about is None:  # for a monitor, not for a waiting caller
            return reason
        if event.source is not event.about.server:  # for a monitor of the call
            return reason | {"gave_up": True}
        self._end_call(call, now)
        passed_on = {"passed_on": True} if getattr(event.source, "alive", False) else {}
        return reason | passed_on | _since("blocked", call.asked_at, now)

    def _told(self, event: Event) -> dict[str, Any]:
        """Who is told that a caller gives up. None: that is known on another node only."""
        if hasattr(event.target, "reference_of"):
            return {"told": None}
        told = () if event.about is None else event.about.monitored_by
        return {"told": [self.name(server) for server in told]} if told else {}

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

    def _server(self, server: Any) -> TracedServer:
        known = self._servers.get(server)
        if known is None:
            known = self._servers.put(server, TracedServer(StateWriter(self.name, self._seen_call)))
        return known

    def _count_waiting(self, server: Any, call: TracedCall) -> dict[str, int]:
        """How many calls this server keeps waiting, the new one included, and how many in vain."""
        known = self._server(server)
        if call.ended_at is None and call.server is None:
            known.waiting += 1
            call.server = known
        waiting = {"waiting": known.waiting}
        return waiting | {"in_vain": known.in_vain} if known.in_vain else waiting

    def _end_call(self, call: TracedCall, now: float) -> None:
        call.ended_at = now
        if call.server is not None:
            call.server.remember(call)
            call.server.waiting -= 1
            call.server = None

    def _is_loose(self, call: TracedCall, cause: int) -> bool:
        """Whether what the handler of this message sends for a call may be for any other one.

        That is so if a process has sent the message to itself, as a timer for a batch of calls, or
        if the handler has answered the call, and goes on to the next task; and so it is with all
        that such a message leads to.
        """
        return cause == call.answered_in or cause in self._loose

    def _loosen(self, messages: tuple[int, ...]) -> None:
        """Note messages to which an answer may be meant for any call."""
        self._loose |= dict.fromkeys(messages)
        while len(self._loose) > MAX_LOOSE:
            del self._loose[next(iter(self._loose))]

    def _meant_for(self, event: Event, call: TracedCall, now: float) -> dict[str, Any]:
        """The call that an answer was meant for, if it went to another one.

        It is not said where it cannot be known, see `_is_loose`. The intended call remembers this:
        its caller will wait in vain.
        """
        intended = None if event.about is None else self._call(event.call)
        if intended is None or intended is call:
            return {}
        if event.cause == intended.asked or event.cause in self._loose:
            return {}
        intended.answer_went = call.name, _rounded(now)
        return {"for": intended.name}


_Details = Callable[[Tracer, Event, TracedCall, float], dict[str, Any]]
_DETAILS: Final[Mapping[str, _Details]] = {
    kind: getattr(Tracer, f"_of_{kind}") for kind in KINDS if hasattr(Tracer, f"_of_{kind}")
}


def _rounded(seconds: float) -> float:
    """Seconds, rounded to six decimals; `round` takes five times as long."""
    return int(seconds * 1e6 + 0.5) / 1e6


def _since(name: str, then: float | None, now: float) -> dict[str, Any]:
    return {} if then is None else {name: _rounded(now - then)}


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
