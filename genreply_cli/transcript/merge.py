"""Two recordings of one session, made on two nodes of a cluster, as one transcript.

A call from one node to the other stands in both recordings, with the same `ref`: the node that has
asked, and its number there. The caller's side says when the call was made and when it ended for the
caller; the server's side says what happened in between. In the merged transcript the call is made
and answered as on one node: what stands for the server on the caller's side is left out.

The two clocks differ. A message cannot arrive before it was sent, so each call bounds how far the
clocks are apart, from above and, if it was answered, from below; the middle of the bounds is taken.
If they allow 0, nothing is moved.
"""

import heapq
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from operator import itemgetter
from typing import Any, NamedTuple

from genreply_cli.transcript.counts import Counts
from genreply_cli.transcript.format import Header
from genreply_cli.transcript.step import Step, is_answer


class MergeError(ValueError):
    """Two recordings cannot be merged; the text says why."""


class Recording(NamedTuple):
    """A transcript that was read: its file's name, its header, its steps."""

    name: str
    header: Header
    steps: list[Step]

    @property
    def node(self) -> str:
        """The node on which it was made. Raises MergeError if it does not say so."""
        node = self.header.settings.get("node")
        if not isinstance(node, str):
            raise MergeError(f"{self.name} was not recorded on a node of a cluster")
        return node


class Merged(NamedTuple):
    """The merged transcript. `ahead` is how far the second clock was ahead of the first, in
    seconds, give or take `uncertainty`; None if nothing bounds it from one side. `contradictions`
    are sentences about what the two recordings say differently.
    """

    header: Header
    steps: list[Step]
    ahead: float
    uncertainty: float | None
    contradictions: list[str]


@dataclass
class _Crossed:
    """A call from one recording to the other: its steps there."""

    ref: str
    caller_side: int  # 0 or 1
    asked: Step
    arrived: Step
    ended: Step | None = None  # for the caller
    answered: Step | None = None  # by the server


def merge(first: Recording, second: Recording) -> Merged:
    """Merge two recordings. Raises MergeError if they share no call."""
    sides = first, second
    if first.node == second.node:
        raise MergeError(f"both were recorded on {first.node}; expected two nodes")
    crossed = _crossed_calls(sides)
    if not crossed:
        raise MergeError(
            f"{first.name} and {second.name} share no call; expected two recordings of one session"
        )
    ahead, uncertainty = _clock_difference(crossed)
    header = first.header._replace(
        title=f"{first.node} and {second.node}",
        settings={**first.header.settings, "node": None, "nodes": [first.node, second.node]},
    )
    merging = _Merging(sides, crossed, ahead)
    return Merged(header, list(merging.steps()), ahead, uncertainty, _contradictions(crossed))


def _crossed_calls(sides: tuple[Recording, Recording]) -> list[_Crossed]:
    calls = [
        {
            step.details["ref"]: step
            for step in side.steps
            if step.kind == "call" and "ref" in step.details
        }
        for side in sides
    ]
    found = []
    for ref in calls[0].keys() & calls[1].keys():
        node = ref.rpartition("/")[0]
        caller_side = 0 if node == sides[0].node else 1
        found.append(
            _Crossed(ref, caller_side, calls[caller_side][ref], calls[1 - caller_side][ref])
        )
    found.sort(key=lambda call: (call.caller_side, call.asked.seq))
    for number, side in enumerate(sides):
        ends = {
            step.call: step
            for step in reversed(side.steps)  # the first one stays
            if step.ends_call
        }
        for call in found:
            if call.caller_side == number:
                call.ended = ends.get(call.asked.call)
            else:
                end = ends.get(call.arrived.call)
                call.answered = end if end is not None and end.kind == "reply" else None
    return found


def _clock_difference(crossed: list[_Crossed]) -> tuple[float, float | None]:
    """How far the second clock is ahead of the first, and the half width of what is possible."""
    least: list[float] = []
    most: list[float] = []
    for call in crossed:
        forward, back = (most, least) if call.caller_side == 0 else (least, most)
        sign = 1 if call.caller_side == 0 else -1
        forward.append(sign * (call.arrived.t - call.asked.t))
        if call.answered is not None and call.ended is not None and call.ended.kind == "reply":
            back.append(sign * (call.answered.t - call.ended.t))
    if not least or not most:
        [bound] = {max(least)} if least else {min(most)}
        return (0.0 if (bound <= 0 if least else bound >= 0) else bound), None
    low, high = max(least), min(most)
    middle = 0.0 if low <= 0 <= high else (low + high) / 2
    return middle, abs(high - low) / 2


def _contradictions(crossed: list[_Crossed]) -> list[str]:
    """What the two sides say differently of one call."""
    said = []
    for call in crossed:
        ended, answered = call.ended, call.answered
        if ended is None or ended.kind != "reply":
            continue
        if answered is None:
            said.append(
                f"call {call.ref}: its caller was answered, and the server's recording has no reply"
            )
        elif answered.message != ended.message:
            said.append(
                f"call {call.ref}: the server replied {answered.message!r}, "
                f"and the caller was given {ended.message!r}"
            )
    return said


class _Merging:
    """Writes the steps of both sides in the order of time, under common names and numbers."""

    def __init__(
        self, sides: tuple[Recording, Recording], crossed: list[_Crossed], ahead: float
    ) -> None:
        self._sides = sides
        self._asked = {(call.caller_side, call.asked.call): call for call in crossed}
        self._arrived = {(1 - call.caller_side, call.arrived.call): call for call in crossed}
        self._stand_ins = {(call.caller_side, call.asked.target) for call in crossed}
        # both begin at 0, at the earlier of the two
        shifts = [0.0, -ahead]
        begin = min(0.0, *shifts)
        self._shifts = [shift - begin for shift in shifts]
        self._names: dict[tuple[int, str], str] = {}
        self._calls: dict[tuple[int, str], str] = {}
        self._numbers: dict[tuple[int, int], int | None] = {}
        self._name_processes(crossed)
        self._ended: dict[str, float] = {}  # calls, and when
        self._began: dict[str, float] = {}
        self._went: dict[str, tuple[str, float]] = {}  # to which call an answer went, and when
        self._waiting: dict[str, dict[str, None]] = defaultdict(dict)  # by server
        self._forgotten: dict[str, dict[str, None]] = defaultdict(dict)  # the same, those in vain
        self._under_way: dict[str, Step] = {}  # replies whose callers will have gone
        self._counts = Counts()
        self._written = 0

    def _name_processes(self, crossed: list[_Crossed]) -> None:
        """A server is named as on its own node, a caller as on his; else a name is made unique."""
        used: set[str] = set()
        replaced: dict[tuple[int, str], tuple[int, str]] = {}
        for call in crossed:
            there = 1 - call.caller_side
            replaced[call.caller_side, call.asked.target or ""] = there, call.arrived.target or ""
        for side, recording in enumerate(self._sides):
            for step in recording.steps:
                for name in (step.source, step.target, step.at):
                    key = (side, name or "")
                    if name is None or key in self._names or key in replaced:
                        continue
                    unique, number = name, 1
                    while unique in used:
                        number += 1
                        unique = f"{name}-{number}"
                    used.add(unique)
                    self._names[key] = unique
        for key, other in replaced.items():
            self._names[key] = self._names.get(other, other[1])

    def steps(self) -> Iterator[Step]:
        """The merged steps."""
        streams = [
            [
                (step.t + self._shifts[side], side, number, step)
                for number, step in enumerate(recording.steps)
                if step.kind != "end"
            ]
            for side, recording in enumerate(self._sides)
        ]
        latest = 0.0
        for t, side, _, step in heapq.merge(*streams, key=itemgetter(0)):
            latest = max(latest, t)
            for found in self._merged(side, step, latest):
                self._written += 1
                self._numbers[side, step.seq] = self._written
                self._counts.update(found)
                yield found._replace(seq=self._written, t=round(latest, 6))
        yield Step(self._written + 1, round(latest, 6), "end", details=self._counts.at_end())

    def _merged(self, side: int, step: Step, t: float) -> Iterator[Step]:
        """What a step is in the merged transcript, under new names; mostly one step, or none."""
        key = (side, step.call or "")
        arrived, asked = self._arrived.get(key), self._asked.get(key)
        if step.kind == "call":
            if arrived is not None:  # its caller's side has written it
                self._numbers[side, step.seq] = self._number_of(arrived)
                return
            name = self._calls[key] = f"c{len(self._began) + 1}"
            self._began[name] = t
            if asked is not None:
                self._calls[1 - side, asked.arrived.call or ""] = name
        elif self._is_of_stand_in(side, step):
            self._numbers[side, step.seq] = self._cause(side, step.cause)
            return
        renamed = self._renamed(side, step)
        if arrived is not None and step.target == arrived.arrived.source:
            caller = self._name(arrived.caller_side, arrived.asked.source)
            renamed = renamed._replace(target=caller)
        if step.ends_call and arrived is not None:
            yield from self._server_ended(arrived, renamed, t)
        elif step.ends_call and asked is not None:
            yield from self._caller_ended(renamed, t)
        else:
            yield self._followed(renamed, t)

    def _number_of(self, call: _Crossed) -> int | None:
        return self._numbers.get((call.caller_side, call.asked.seq))

    def _is_of_stand_in(self, side: int, step: Step) -> bool:
        """Whether it tells of what stands for the server on the caller's side."""
        if step.ends_call and (side, step.call or "") in self._asked:
            return False
        return any((side, name) in self._stand_ins for name in (step.at, step.source, step.target))

    def _renamed(self, side: int, step: Step) -> Step:
        details = {name: self._reference(side, value, name) for name, value in step.details.items()}
        details.pop("ref", None)
        return step._replace(
            call=self._call_name(side, step.call),
            source=self._name(side, step.source),
            target=self._name(side, step.target),
            at=self._name(side, step.at),
            message=self._values(side, step.message),
            details=details,
            cause=self._cause(side, step.cause),
        )

    def _name(self, side: int, name: str | None) -> str | None:
        return None if name is None else self._names.get((side, name), name)

    def _call_name(self, side: int, name: str | None) -> str | None:
        return None if name is None else self._calls.get((side, name), f"{name}@{side + 1}")

    def _cause(self, side: int, cause: int | None) -> int | None:
        return None if cause is None else self._numbers.get((side, cause))

    def _reference(self, side: int, value: Any, field: str) -> Any:
        """The value of a field, with the new names of the calls and processes in it."""
        if field in {"for", "went_to"}:
            return self._call_name(side, value)
        if field in {"keeps", "forgot"}:
            return [self._call_name(side, name) for name in value]
        if field == "told" and value is not None:
            return [self._name(side, name) for name in value]
        if field in {"linked", "owner", "link"}:
            return self._name(side, value)
        return self._values(side, value) if field == "state" else value

    def _values(self, side: int, value: Any) -> Any:
        match value:
            case {"call": str(name)} if len(value) == 1:
                return {"call": self._call_name(side, name)}
            case {"process": str(name)} if len(value) == 1:
                return {"process": self._name(side, name)}
            case Mapping():
                return {name: self._values(side, item) for name, item in value.items()}
            case list():
                return [self._values(side, item) for item in value]
        return value

    # --- how a call that has crossed ends

    def _server_ended(self, call: _Crossed, step: Step, t: float) -> Iterator[Step]:
        """The server has replied, or has ended: so ends the call, unless its caller says else."""
        if step.call in self._ended:  # only the caller knew that it had gone
            if step.kind == "reply":
                yield self._late(step, t)
        elif call.ended is None or call.ended.kind == step.kind:
            yield self._followed(step, t)
        elif step.kind == "reply":  # it is under way, and its caller will not wait for it
            self._under_way[step.call or ""] = step

    def _caller_ended(self, step: Step, t: float) -> Iterator[Step]:
        """The call has ended for its caller. If that was by the server, it is written already."""
        if step.call not in self._ended:
            yield self._followed(step, t)
            reply = self._under_way.pop(step.call or "", None)
            if reply is not None:
                yield self._late(reply, t)

    def _late(self, reply: Step, t: float) -> Step:
        return self._followed(
            reply._replace(kind="late", details={**_without(reply.details, "blocked"), "ago": 0.0}),
            t,
        )

    def _followed(self, step: Step, t: float) -> Step:
        """Bring up to date what depends on when callers have gone."""
        name, details = step.call or "", dict(step.details)
        if step.ends_call:
            self._ended.setdefault(name, t)
            details["blocked"] = round(t - self._began.get(name, t), 6)
            for calls in (*self._waiting.values(), *self._forgotten.values()):
                calls.pop(name, None)
            if step.kind in {"timeout", "cancel"} and name in self._went:
                details |= dict(zip(("went_to", "went_at"), self._went[name], strict=True))
        if is_answer(step) and details.get("for") is not None:
            self._went.setdefault(details["for"], (name, round(t, 6)))
        if step.kind in {"late", "duplicate"} and name in self._ended:
            details["ago"] = round(t - self._ended[name], 6)
        if step.kind == "noreply" and step.at is not None:
            if name not in self._ended:
                self._waiting[step.at][name] = None
            details["waiting"] = len(self._waiting[step.at])
            details["in_vain"] = len(self._forgotten[step.at])
            if not details["in_vain"]:
                del details["in_vain"]
        if "forgot" in details:
            details["forgot"] = [call for call in details["forgot"] if call not in self._ended]
            if not details["forgot"]:
                del details["forgot"]
        if step.kind == "state" and step.at is not None:
            forgotten, waiting = self._forgotten[step.at], self._waiting[step.at]
            for call in details.get("keeps") or ():
                forgotten.pop(call, None)
            forgotten.update({call: None for call in step.forgot if call in waiting})
        return step._replace(details=details)


def _without(details: Mapping[str, Any], name: str) -> dict[str, Any]:
    return {key: value for key, value in details.items() if key != name}


def read_all(name: str, header: Header, steps: Iterable[Step]) -> Recording:
    """A recording in memory."""
    return Recording(name, header, list(steps))
