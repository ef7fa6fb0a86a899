"""A transcript as Chrome trace events, which https://ui.perfetto.dev shows.

Each process has a track, each blocked caller a slice, and each cause an arrow to its effect. The
trace is written while the transcript is read, so only the last `MAX_CAUSES` steps can be causes.
"""

import json
from collections import deque
from collections.abc import Iterable, Iterator
from typing import Any, Final, NamedTuple

from genreply_cli.text import visible
from genreply_cli.timeline.kinds import endpoints, style_of
from genreply_cli.transcript.format import Header
from genreply_cli.transcript.pretty import pretty_message, pretty_name
from genreply_cli.transcript.step import NO_MESSAGE, Step

MAX_CAUSES: Final = 1 << 14  # steps
MIN_APART_US: Final = 0.001  # microseconds between two steps, so that all keep their order

TraceEvent = dict[str, Any]
_dump: Final = json.JSONEncoder(separators=(",", ":"), default=str).encode


def render(header: Header, steps: Iterable[Step]) -> Iterator[str]:
    """The JSON of the trace, piece by piece, in constant memory."""
    trace = _Trace()
    title = visible(header.title or "genreply")
    yield '{"displayTimeUnit":"ms","traceEvents":[\n'
    yield _dump({"ph": "M", "name": "process_name", "pid": 1, "tid": 0, "args": {"name": title}})
    for step in steps:
        for event in trace.update(step):
            yield ",\n" + _dump(event)
    for event in trace.still_open():
        yield ",\n" + _dump(event)
    yield "\n]}\n"


class _OpenCall(NamedTuple):
    since: float  # microseconds
    caller: str
    message: Any


class _Trace:
    """Turns steps into trace events."""

    def __init__(self) -> None:
        self._tracks: dict[str, int] = {}  # the name of a caller or process -> its number
        self._open: dict[str, _OpenCall] = {}
        self._causes: dict[int, tuple[float, int]] = {}  # a step -> its time and its track
        self._oldest: deque[int] = deque()  # the steps of `_causes`, in order
        self._now = -MIN_APART_US  # microseconds

    def update(self, step: Step) -> Iterator[TraceEvent]:
        """The events of one more step."""
        self._now = round(max(step.t * 1e6, self._now + MIN_APART_US), 3)
        source, target = endpoints(step)
        place = target if target is not None else source
        name = "genreply" if place is None else pretty_name(place)
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
                caller = pretty_name(step.source)
                self._open[step.call] = _OpenCall(self._now, caller, step.message)
            elif call and step.ends_call and call.caller in {name, pretty_name(step.source)}:
                yield from self._slice(step.call, visible(step.kind))
        yield from self._arrow(step, track)

    def still_open(self) -> Iterator[TraceEvent]:
        """The slices of the calls that have not ended."""
        for call in list(self._open):
            yield from self._slice(call, "still open")

    def _new_track(self, name: str) -> Iterator[TraceEvent]:
        track = self._tracks[name] = len(self._tracks) + 1
        for what, args in (("name", {"name": name}), ("sort_index", {"sort_index": track})):
            yield {"ph": "M", "name": f"thread_{what}", "pid": 1, "tid": track, "args": args}

    def _slice(self, name: str, outcome: str) -> Iterator[TraceEvent]:
        call = self._open.pop(name)
        if call.caller not in self._tracks:
            yield from self._new_track(call.caller)
        yield {
            "ph": "X", "pid": 1, "tid": self._tracks[call.caller], "ts": call.since,
            "dur": round(self._now - call.since, 3), "cat": "blocked",
            "name": f"{visible(name)} {pretty_message(call.message)}".strip(),
            "args": {"outcome": outcome},
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


def _title(step: Step) -> str:
    style = style_of(step)
    call = "" if step.call is None else f"{visible(step.call)} "
    return f"{call}{visible(style.word)} {style.wording(step).body}".strip()


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
