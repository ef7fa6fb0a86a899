"""What was seen, as plain data: each event of the runtime becomes a `Step`, with names where the event has objects.

    async with Node(observe=lambda event: steps.append(tracer(event))): …

A `Tracer` is a fold. It remembers a little of each call that somebody still holds, so a step can say what its event alone does
not: how long the caller was blocked, who else is kept waiting, and that an answer went to the wrong caller. Objects are held
weakly: calls and callers that are gone cost nothing, however many there were.
"""

from bisect import bisect_left
from collections.abc import Callable, Iterable, Mapping
from math import inf
from typing import TYPE_CHECKING, Any, Final
from weakref import WeakKeyDictionary

from genreply_cli.transcript.counts import Counts
from genreply_cli.transcript.step import KINDS, NO_MESSAGE, Step
from genreply_cli.transcript.values import describe_reason, to_json_value

if TYPE_CHECKING:
    from genreply_cli.otp.events import Event


class _Call:
    """What is remembered of a call, for as long as somebody holds its `From`."""

    __slots__ = ("began", "ended", "kept", "name", "went")

    def __init__(self, name: str) -> None:
        self.name = name
        self.began: float | None = None
        self.ended: float | None = None
        self.kept: dict[str, None] | None = None  # where it is kept waiting, among others
        self.went: tuple[str, float] | None = (
            None  # to which call its answer went instead, and when
        )


class Tracer:
    """Call it with each event, in order; it answers the step. One tracer a recording.

    `clock` (as `loop.time`) says when a `note` is made; without one, a note has the time of the event before it. Time begins with
    the first event, or at `begin` on that clock.
    """

    def __init__(
        self, clock: Callable[[], float] | None = None, begin: float | None = None
    ) -> None:
        self._clock = clock
        self._begin = begin
        self._t = 0.0
        self._seq = 0
        self._first = 0  # the event that came first, of this node
        self._latest: float = inf  # the event that came last
        self._shift = 0  # from the number of an event to that of its step, but for the notes:
        self._notes: list[float] = []  # after which event each was made
        self._names: WeakKeyDictionary[Any, str] = WeakKeyDictionary()
        self._nobody: str | None = None  # the caller that is no task
        self._taken: dict[str, int] = {}
        self._calls: WeakKeyDictionary[Any, _Call] = WeakKeyDictionary()
        self._asked = 0
        self._kept: WeakKeyDictionary[Any, dict[str, None]] = WeakKeyDictionary()
        self._counts = Counts()

    def __call__(self, event: "Event") -> Step:
        """The step that this event is."""
        seq = self._number(event.seq)
        now = self._time(event.time)
        call = self._call(event.call if event.about is None else event.about)
        name = None if call is None else call.name
        cause = self._cause(event.cause)
        if event.kind == "note":
            kind, message, details = _parse_note(event.message)
            at = None if _is_task(event.source) else self.name(event.source)
            return Step(seq, round(now, 6), kind, name, None, None, at, message, details, cause)
        facts = KINDS[event.kind]
        message = to_json_value(event.message) if facts.has_message else NO_MESSAGE
        if facts.where == "at":
            source, target, at = None, None, self.name(event.source)
        else:
            source, target, at = self.name(event.source), self.name(event.target), None
        details = self._details(event, call or _Call(""), now)
        step = Step(
            seq, round(now, 6), event.kind, name, source, target, at, message, details, cause
        )
        self._counts.update(step)
        return step

    def _details(self, event: "Event", call: _Call, now: float) -> dict[str, Any]:
        """What only this kind of step has; and what is to be remembered of it."""
        kind, detail = event.kind, event.detail
        match kind:
            case "start":
                module = {"module": type(event.source).__name__}
                return module if detail is None else module | {"linked": self.name(detail)}
            case "call":
                call.began = now
                return {"timeout": detail}
            case "noreply":
                return {"waiting": self._add_waiting(event.source, call)}
            case "reply":
                details = _since("blocked", call.began, now) | self._intended_call(event, call, now)
                self._end(call, now)
                return details
            case "late" | "duplicate":
                return _since("ago", call.ended, now) | self._intended_call(event, call, now)
            case "timeout" | "cancel":
                went = (
                    {} if call.went is None else {"went_to": call.went[0], "went_at": call.went[1]}
                )
                self._end(call, now)
                return {"timeout": detail} | _since("blocked", call.began, now) | went
            case "lost":
                return {"sent": detail}
            case "crash":
                return {"error": describe_reason(event.message)}
            case "exit":
                self._kept.pop(event.source, None)
                reason = {"reason": describe_reason(event.message)}
                return reason if detail is None else reason | {"link": self.name(detail)}
            case "down" if event.about is None:  # a monitor is told
                return {"reason": describe_reason(event.message)}
            case "down":
                self._end(call, now)
                return {"reason": describe_reason(event.message)} | _since(
                    "blocked", call.began, now
                )
            case _:
                return {}

    def note(
        self,
        kind: str,
        *,
        at: Any = None,
        call: Any = None,
        cause: int | None = None,
        **details: Any,
    ) -> Step:
        """A step that the program makes: `note("mark", label="lunch")`, `note("fault", at=socket, what="drop")`.

        `at` and `call` are a process and a From, or their names; `cause` is the `seq` of an event.
        """
        self._seq += 1
        if self._latest != inf:
            self._notes.append(self._latest)
        now = self._t if self._clock is None else self._time(self._clock())
        name = call if call is None or isinstance(call, str) else self.call(call)
        where = None if at is None else self.name(at)
        return Step(
            self._seq,
            round(now, 6),
            kind,
            name,
            at=where,
            details=_safe_details(details),
            cause=self._cause(cause),
        )

    def end(self) -> Step:
        """The last step: how many calls there were, and what became of them. `failed` are those cancelled, too."""
        return self.note("end", **self.counts())

    def counts(self) -> dict[str, int]:
        """What the last step would say now."""
        return self._counts.at_end()

    def continue_after(self, steps: Iterable[Step]) -> "Tracer":
        """Go on where these steps end, so that the new ones can be appended to them. Returns the tracer."""
        for step in steps:
            self._seq, self._t = max(self._seq, step.seq), max(self._t, step.t)
            self._counts.update(step)
            if (
                step.call is not None
                and step.call[:1] == "c"
                and step.call[1:].isdecimal()
                and len(step.call) < 20
            ):
                self._asked = max(self._asked, int(step.call[1:]))
        if self._begin is None and self._clock is not None:
            self._begin = self._clock() - self._t
        return self

    # --- names ---------------------------------------------------------------------------------------------------------------

    def name(self, who: Any) -> str:
        """What a process, or the task of a caller, is called: always the same."""
        if isinstance(who, str):
            return who
        if who is None:
            if self._nobody is None:
                self._nobody = self._unique("caller")
            return self._nobody
        name = self._names.get(who)
        if name is None:
            name = self._names[who] = self._unique(_default_name(who))
        return name

    def call(self, from_: Any) -> str:
        """What a call is called: c1, c2 … in the order in which they were made."""
        call = self._call(from_)
        assert call is not None
        return call.name

    def _call(self, from_: Any) -> _Call | None:
        if from_ is None:
            return None
        call = self._calls.get(from_)
        if call is None:
            self._asked += 1
            call = self._calls[from_] = _Call(f"c{self._asked}")
        return call

    def _unique(self, base: str) -> str:
        """`base`, or `base-2` and so on, which nobody has; not even one who was registered as "caller-2"."""
        stem, _, digits = base.rpartition("-")
        if digits.isdecimal() and len(digits) < 10 and 2 <= int(digits) <= self._taken.get(stem, 0):
            self._taken.setdefault(base, 1)
        while True:
            number = self._taken[base] = self._taken.get(base, 0) + 1
            name = base if number == 1 else f"{base}-{number}"
            if number == 1 or name not in self._taken:
                return name

    # --- what is remembered ----------------------------------------------------------------------------------------------------

    def _add_waiting(self, server: Any, call: _Call) -> list[str]:
        """The calls that this process keeps waiting, with this one."""
        kept = self._kept.get(server)
        if kept is None:
            kept = self._kept[server] = {}
        if call.ended is None:
            kept[call.name] = None
            call.kept = kept
        return list(kept)

    def _end(self, call: _Call, now: float) -> None:
        call.ended = now
        if call.kept is not None:
            call.kept.pop(call.name, None)
            call.kept = None

    def _intended_call(self, event: "Event", call: _Call, now: float) -> dict[str, Any]:
        """The call that an answer was meant for, if it went to another. It is remembered: that caller will wait in vain."""
        meant = None if event.about is None else self._call(event.call)
        if meant is None or meant is call:
            return {}
        meant.went = call.name, round(now, 6)
        return {"for": meant.name}

    def _time(self, now: float) -> float:
        """Seconds since the recording began. They never go back, not even when another loop's clock takes over."""
        if self._begin is None or now - self._begin < self._t:
            self._begin = now - self._t
        self._t = max(self._t, now - self._begin)
        return self._t

    def _number(self, event: int) -> int:
        """The number of the step: that of the event, but for the notes in between, and for what came before this node."""
        if event <= self._latest:
            self._first = event
            self._shift = self._seq + 1 - event
            self._notes.clear()
        self._latest = event
        self._seq = event + self._shift + len(self._notes)
        return self._seq

    def _cause(self, event: int | None) -> int | None:
        if event is None or not self._first <= event <= self._latest or self._latest == inf:
            return None
        return event + self._shift + bisect_left(self._notes, event)


_COMMON: Final = frozenset(
    {"seq", "t", "kind", "call", "from", "to", "at", "message", "cause"}
)  # what all steps have


def _since(name: str, then: float | None, now: float) -> dict[str, Any]:
    return {} if then is None else {name: round(now - then, 6)}


def _parse_note(message: Any) -> tuple[str, Any, dict[str, Any]]:
    """What a program tells with `otp.note`: a kind with its details, `("fault", {"what": "drop"})`, or anything else."""
    match message:
        case (str(kind), dict(details)):
            return kind, NO_MESSAGE, _safe_details(details)
    return "note", to_json_value(message), {}


def _safe_details(details: Mapping[str, Any]) -> dict[str, Any]:
    """Details as JSON can hold them; they cannot pass for what all steps have."""
    return {
        str(name): to_json_value(value) for name, value in details.items() if name not in _COMMON
    }


def _is_task(who: Any) -> bool:
    return who is None or hasattr(
        who, "add_done_callback"
    )  # asked like this, asyncio need not be imported


def _default_name(who: Any) -> str:
    if _is_task(who):
        return "caller"
    name = getattr(who, "name", None)
    return name if isinstance(name, str) and name else type(who).__name__.lower()


# --- values ------------------------------------------------------------------------------------------------------------------
