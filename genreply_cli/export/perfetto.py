"""A transcript as Chrome trace events, which https://ui.perfetto.dev shows.

Callers come first, then processes, each with a track. Slices are blocked callers and handlers that
run; asynchronous slices, which may overlap, are callers that a server keeps. A counter says how
many callers wait, and an arrow leads from each cause to its effect. The trace is written while the
transcript is read, so only the last `MAX_CAUSES` steps can be causes.
"""

import json
from collections import deque
from collections.abc import Iterable, Iterator
from typing import Any, Final, NamedTuple

from genreply_cli.text import visible
from genreply_cli.timeline.kinds import endpoints, style_of
from genreply_cli.transcript.format import Header
from genreply_cli.transcript.pretty import pretty_message, pretty_name
from genreply_cli.transcript.step import KINDS, NO_MESSAGE, Step, is_caller

MAX_CAUSES: Final = 1 << 14  # steps
MAX_CALLERS: Final = 1 << 20  # tracks of callers that are sorted before those of processes
MIN_APART_US: Final = 0.001  # microseconds between two steps, so that all keep their order

TraceEvent = dict[str, Any]
_dump: Final = json.JSONEncoder(separators=(",", ":"), default=str).encode


def render(header: Header, steps: Iterable[Step]) -> Iterator[str]:
    """The JSON of the trace, piece by piece, in constant memory."""
    trace = _Trace()
    title = visible(header.title or "genreply")
    yield f'{{"displayTimeUnit":"ms","otherData":{_dump(_about(header))},"traceEvents":[\n'
    yield _dump({"ph": "M", "name": "process_name", "pid": 1, "tid": 0, "args": {"name": title}})
    for step in steps:
        for event in trace.update(step):
            yield ",\n" + _dump(event)
    for event in trace.still_open():
        yield ",\n" + _dump(event)
    yield "\n]}\n"


def _about(header: Header) -> dict[str, Any]:
    """What the header says of the recording."""
    fields = {name: getattr(header, name) for name in ("title", "by", "created", "clock", "seed")}
    fields |= {f"settings.{name}": value for name, value in header.settings.items()}
    return {visible(name): _safe(value) for name, value in fields.items() if value is not None}


class _OpenCall(NamedTuple):
    since: float  # microseconds
    caller: str
    message: Any


class _Trace:
    """Turns steps into trace events."""

    def __init__(self) -> None:
        self._tracks: dict[str, int] = {}  # the name of a caller or process -> its number
        self._mailboxes: dict[str, deque[tuple[str, float]]] = {}  # server -> calls, and since when
        self._keeps: dict[str, dict[str, None]] = {}  # server -> the calls that it keeps
        self._kept_by: dict[str, str] = {}  # the same, the other way round
        self._states_known: set[str] = set()  # servers whose states are recorded
        self._open: dict[str, _OpenCall] = {}
        self._causes: dict[int, tuple[float, int]] = {}  # a step -> its time and its track
        self._oldest: deque[int] = deque()  # the steps of `_causes`, in order
        self._now = -MIN_APART_US  # microseconds

    def update(self, step: Step) -> Iterator[TraceEvent]:
        """The events of one more step."""
        self._now = round(max(step.t * 1e6, self._now + MIN_APART_US), 3)
        source, target = endpoints(step)
        place = target if target is not None else source
        name = "genreply" if place is None else place
        if name not in self._tracks:
            yield from self._new_track(name)
        track = self._tracks[name]
        yield {
            "ph": "i", "s": "t", "pid": 1, "tid": track, "ts": self._now,
            "cat": visible(step.kind), "name": _title(step), "args": _details(step),
        }  # fmt: skip
        if step.call is not None:
            call = self._open.get(step.call)
            if step.kind == "call" and step.source is not None and call is None:
                self._open[step.call] = _OpenCall(self._now, step.source, step.message)
                yield self._waiting()
            elif call and step.ends_call and call.caller in {step.source, step.target}:
                yield from self._slice(step.call, step.outcome or visible(step.kind))
                yield self._waiting()
        yield from self._handler(step)
        yield from self._kept(step)
        yield from self._arrow(step, track)

    def still_open(self) -> Iterator[TraceEvent]:
        """The slices of the calls that have not ended."""
        for call in list(self._open):
            yield from self._slice(call, "still open")

    def _new_track(self, name: str) -> Iterator[TraceEvent]:
        track = self._tracks[name] = len(self._tracks) + 1
        order = track if is_caller(name) else MAX_CALLERS + track
        shown = pretty_name(name)
        for what, args in (("name", {"name": shown}), ("sort_index", {"sort_index": order})):
            yield {"ph": "M", "name": f"thread_{what}", "pid": 1, "tid": track, "args": args}

    def _waiting(self) -> TraceEvent:
        args = {"calls": len(self._open)}
        return {
            "ph": "C", "pid": 1, "tid": 0, "ts": self._now, "name": "callers that wait",
            "args": args,
        }  # fmt: skip

    def _slice(self, name: str, outcome: str) -> Iterator[TraceEvent]:
        """The time for which the caller of a call was blocked."""
        call = self._open.pop(name)
        if call.caller not in self._tracks:
            yield from self._new_track(call.caller)
        title = f"{visible(name)} {pretty_message(call.message)}: {outcome}"
        args = {"outcome": outcome}
        if is_caller(call.caller):  # it has one call at a time
            yield self._complete(call.caller, call.since, title, "blocked", args)
            return
        id_ = f"blocked {visible(name)}"
        for phase, since in (("b", call.since), ("e", self._now)):
            yield self._asynchronous(phase, call.caller, since, title, "blocked", id_) | {
                "args": args
            }

    def _handler(self, step: Step) -> Iterator[TraceEvent]:
        """The time for which a handler ran, when it has returned."""
        call, server = step.call, step.at or step.source
        if step.kind == "call" and call is not None and step.target is not None:
            self._mailboxes.setdefault(step.target, deque()).append((call, self._now))
        elif step.kind == "exit" and step.at is not None:
            self._mailboxes.pop(step.at, None)
        elif _handler_returned(step) and server in self._mailboxes and server in self._tracks:
            yield from self._handled(server, self._mailboxes[server], call or "")

    def _handled(
        self, server: str, mailbox: deque[tuple[str, float]], call: str
    ) -> Iterator[TraceEvent]:
        """The slice of a handler. One that began after another, and ends before it, is async."""
        since = next((began for name, began in mailbox if name == call), None)
        if since is None:
            return
        title = f"handles {visible(call)}"
        if mailbox[0][0] == call:
            mailbox.popleft()
            yield self._complete(server, since, title, "handler", {})
            if mailbox:
                mailbox[0] = mailbox[0][0], self._now
            return
        mailbox.remove((call, since))
        id_ = f"handles {visible(server)} {visible(call)}"
        yield self._asynchronous("b", server, since, title, "handler", id_)
        yield self._asynchronous("e", server, self._now, title, "handler", id_)

    def _kept(self, step: Step) -> Iterator[TraceEvent]:
        """Callers that a server keeps from now on, and those that it does not keep any more.

        A server whose states are not recorded is taken to keep whom it did not answer at once.
        """
        call, server = step.call, step.at or ""
        knows = step.details.get("more") is None and "keeps" in step.details
        if step.kind == "state" and server and knows:
            self._states_known.add(server)
            keeps = dict.fromkeys(map(str, step.details["keeps"]))
            before = self._keeps.get(server, {})
            yield from self._drop(server, [name for name in before if name not in keeps])
            yield from self._keep(server, [name for name in keeps if name not in before])
        elif step.kind in {"state", "exit"}:
            self._states_known.discard(server)
            yield from self._drop(server, list(self._keeps.get(server, ())))
        elif step.kind == "noreply" and call and server and server not in self._states_known:
            yield from self._keep(server, [call])
        elif step.ends_call and call in self._kept_by:
            keeper = self._kept_by[call]
            if keeper not in self._states_known:
                yield from self._drop(keeper, [call])

    def _keep(self, server: str, calls: list[str]) -> Iterator[TraceEvent]:
        kept = self._keeps.setdefault(server, {})
        for call in calls:
            if call not in kept:
                kept[call] = None
                self._kept_by[call] = server
                yield self._kept_slice("b", server, call)

    def _drop(self, server: str, calls: list[str]) -> Iterator[TraceEvent]:
        for call in calls:
            del self._keeps[server][call]
            self._kept_by.pop(call, None)
            yield self._kept_slice("e", server, call)

    def _kept_slice(self, phase: str, server: str, call: str) -> TraceEvent:
        title, id_ = f"keeps {visible(call)}", f"kept {visible(server)} {visible(call)}"
        return self._asynchronous(phase, server, self._now, title, "kept", id_)

    def _complete(
        self, track: str, since: float, title: str, category: str, args: dict[str, Any]
    ) -> TraceEvent:
        return {
            "ph": "X", "pid": 1, "tid": self._tracks[track], "ts": since,
            "dur": round(self._now - since, 3), "cat": category, "name": title, "args": args,
        }  # fmt: skip

    def _asynchronous(
        self, phase: str, track: str, ts: float, title: str, category: str, id_: str
    ) -> TraceEvent:
        return {
            "ph": phase, "pid": 1, "tid": self._tracks[track], "ts": ts, "cat": category,
            "id": id_, "name": title,
        }  # fmt: skip

    def _arrow(self, step: Step, track: int) -> Iterator[TraceEvent]:
        """The arrow from the cause of a step, which may then itself be a cause."""
        cause = None if step.cause is None else self._causes.get(step.cause)
        if cause is not None:
            arrow = {"pid": 1, "cat": "cause", "name": "cause", "id": step.seq}
            since, cause_track = cause
            yield {"ph": "s", "tid": cause_track, "ts": since, **arrow}
            yield {"ph": "f", "bp": "e", "tid": track, "ts": self._now, **arrow}
        if step.seq not in self._causes:
            self._oldest.append(step.seq)
        self._causes[step.seq] = self._now, track
        if len(self._oldest) > MAX_CAUSES:
            del self._causes[self._oldest.popleft()]


def _handler_returned(step: Step) -> bool:
    """Whether the handler of a call has returned with this step, if it had not before."""
    facts = KINDS.get(step.kind)
    is_answer = facts is not None and facts.counter in {"replied", "dropped"}
    return is_answer or step.kind == "noreply"


def _title(step: Step) -> str:
    style = style_of(step)
    wording = style.wording(step)
    call = "" if step.call is None else f"{visible(step.call)} "
    note = f" ({wording.note})" if wording.note else ""
    return f"{call}{visible(style.word)} {wording.body}{note}".strip()


def _details(step: Step) -> dict[str, Any]:
    details: dict[str, Any] = {"seq": step.seq, "kind": visible(step.kind)}
    if step.call is not None:
        details["call"] = visible(step.call)
    if step.source is not None:
        details["from"] = pretty_name(step.source)
    if step.target is not None:
        details["to"] = pretty_name(step.target)
    if step.message is not NO_MESSAGE:
        details["message"] = pretty_message(step.message)
    return details | {visible(name): _safe(value) for name, value in step.details.items()}


def _safe(value: Any) -> int | float | str:
    if isinstance(value, int | float):
        return value
    return visible(value if isinstance(value, str) else json.dumps(value))
