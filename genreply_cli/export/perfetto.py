"""A transcript as Chrome trace events, which https://ui.perfetto.dev shows: a track a process, slices, arrows for causes.

It is written as it is read. An arrow is drawn from a cause that is not too long ago; who remembers all has no constant memory.
"""

import json
from collections import deque
from collections.abc import Iterable, Iterator
from typing import Any, Final

from genreply_cli.text import visible
from genreply_cli.timeline.kinds import endpoints, style_of
from genreply_cli.transcript.format import Header
from genreply_cli.transcript.pretty import pretty_message, pretty_name
from genreply_cli.transcript.step import NO_MESSAGE, Step

REMEMBERED: Final = 1 << 14  # steps that may be causes
APART: Final = 0.001  # microseconds, at least, between two steps: what happened at the same time keeps its order, and its arrows


def events(header: Header, steps: Iterable[Step]) -> Iterator[str]:
    """The JSON of the trace, piece by piece."""
    trace = _Trace()
    title = visible(header.title or "genreply")
    yield '{"displayTimeUnit":"ms","traceEvents":[\n'
    yield _dump({"ph": "M", "name": "process_name", "pid": 1, "tid": 0, "args": {"name": title}})
    for step in steps:
        for event in trace.see(step):
            yield ",\n" + _dump(event)
    for event in trace.rest():
        yield ",\n" + _dump(event)
    yield "\n]}\n"


_dump: Final = json.JSONEncoder(separators=(",", ":"), default=str).encode


class _Trace:
    def __init__(self) -> None:
        self._tracks: dict[str, int] = {}
        self._open: dict[str, tuple[float, str, Step]] = {}  # since when, and who waits
        self._where: dict[int, tuple[float, int]] = {}  # when and on which track a step was
        self._order: deque[int] = deque()
        self._t = -APART

    def see(self, step: Step) -> Iterator[dict[str, Any]]:
        t = self._t = round(max(step.t * 1e6, self._t + APART), 3)
        source, target = endpoints(step)
        place = target if target is not None else source
        name = "genreply" if place is None else pretty_name(place)
        if name not in self._tracks:
            yield from self._track(name)
        track = self._tracks[name]
        yield {
            "ph": "i", "s": "t", "pid": 1, "tid": track, "ts": t, "cat": visible(step.kind), "name": _title(step),
            "args": _details(step),
        }  # fmt: skip
        if (
            step.kind == "call"
            and step.call is not None
            and step.source is not None
            and step.call not in self._open
        ):
            self._open[step.call] = t, pretty_name(step.source), step
        elif (
            step.ends_call
            and step.call in self._open
            and self._open[step.call][1] in {name, pretty_name(step.source)}
        ):
            yield from self._blocked(step.call, t, visible(step.kind))
        yield from self._arrow(step, t, track)

    def rest(self) -> Iterator[dict[str, Any]]:
        """The calls that are still open."""
        for call in list(self._open):
            yield from self._blocked(call, self._t, "still open")

    def _track(self, name: str) -> Iterator[dict[str, Any]]:
        track = self._tracks[name] = len(self._tracks) + 1
        yield {"ph": "M", "name": "thread_name", "pid": 1, "tid": track, "args": {"name": name}}
        yield {
            "ph": "M",
            "name": "thread_sort_index",
            "pid": 1,
            "tid": track,
            "args": {"sort_index": track},
        }

    def _blocked(self, call: str, t: float, outcome: str) -> Iterator[dict[str, Any]]:
        since, caller, asked = self._open.pop(call)
        if caller not in self._tracks:
            yield from self._track(caller)
        yield {
            "ph": "X", "pid": 1, "tid": self._tracks[caller], "ts": since, "dur": round(t - since, 3), "cat": "blocked",
            "name": f"{visible(call)} {pretty_message(asked.message)}".strip(), "args": {"outcome": outcome},
        }  # fmt: skip

    def _arrow(self, step: Step, t: float, track: int) -> Iterator[dict[str, Any]]:
        cause = None if step.cause is None else self._where.get(step.cause)
        if cause is not None:
            arrow = {"pid": 1, "cat": "cause", "name": "cause", "id": step.seq}
            yield {"ph": "s", "tid": cause[1], "ts": cause[0], **arrow}
            yield {"ph": "f", "bp": "e", "tid": track, "ts": t, **arrow}
        if step.seq not in self._where:
            self._order.append(step.seq)
        self._where[step.seq] = t, track
        if len(self._order) > REMEMBERED:
            del self._where[self._order.popleft()]


def _title(step: Step) -> str:
    said = style_of(step).wording(step)
    call = "" if step.call is None else f"{visible(step.call)} "
    return f"{call}{visible(style_of(step).word)} {said.body}".strip()


def _details(step: Step) -> dict[str, Any]:
    told: dict[str, Any] = {"seq": step.seq, "kind": visible(step.kind)}
    told |= {} if step.call is None else {"call": visible(step.call)}
    told |= {} if step.source is None else {"from": pretty_name(step.source)}
    told |= {} if step.target is None else {"to": pretty_name(step.target)}
    told |= {} if step.message is NO_MESSAGE else {"message": pretty_message(step.message)}
    return told | {visible(name): _safe(value) for name, value in step.details.items()}


def _safe(value: Any) -> Any:
    return (
        value
        if isinstance(value, int | float)
        else visible(value if isinstance(value, str) else json.dumps(value))
    )
