"""What lasts in a picture: a process lives, a caller waits, a server keeps it, a handler runs."""

from collections.abc import Callable, Collection
from dataclasses import dataclass
from heapq import heappop, heappush
from typing import Final, Literal, NamedTuple

from genreply_cli.transcript.snapshot import Snapshot
from genreply_cli.transcript.step import Step, is_caller

HEAD: Final = -1  # the row of the names at the top

PeriodKind = Literal["alive", "blocked", "kept", "handling", "queued"]
BESIDE: Final = frozenset({"kept", "queued"})  # these stand beside each other at a server


class Lane(NamedTuple):
    """The lane of the third caller is (False, 2), that of the first process (True, 0)."""

    of_process: bool
    number: int


@dataclass
class Period:
    """Something that lasts from one row to another. `end` is None if it lasts to the bottom."""

    kind: PeriodKind
    lane: Lane
    name: str  # of a call; of the process if that lives
    begin: int
    caller: str | None = None  # who waits, if no row says it
    server: str | None = None  # whose handler runs
    end: int | None = None
    column: int = 0  # beside other periods of this kind
    is_cut: bool = False  # the server has forgotten this caller while it waited
    in_vain: int | None = None  # from this row on, nothing leads to this caller any more
    over: int | None = None  # from this row on the call has ended, but the server still keeps it


class Place(NamedTuple):
    """Where a step stands: in a row, or between two rows if it is not shown.

    What it begins is seen from row `begin` on, what it ends up to row `end`.
    """

    begin: int
    end: int

    @property
    def is_shown(self) -> bool:
        """Whether it stands in a row."""
        return self.begin == self.end


class Periods:
    """A fold over steps and the places where they stand.

    What a server keeps and handles is what the snapshot says. Where it does not know what is kept,
    each caller that waits after a NoReply is taken to be kept; where it does not know when handlers
    return, only those are shown that returned at once.
    """

    def __init__(self, lane_of: Callable[[str], Lane]) -> None:
        self._lane_of = lane_of  # of a process
        self._snapshot = Snapshot()
        self._all: dict[int, Period] = {}  # by identity, in the order in which they began
        self._running: dict[tuple[PeriodKind, str, Lane | None], Period] = {}
        self._columns: dict[Lane, int] = {}  # how many there are
        self._free: dict[Lane, list[int]] = {}  # those of them that are free, the first one first
        self._handled: dict[str, str] = {}  # server -> the call in its handler
        self._queued: dict[str, dict[str, None]] = {}  # server -> calls
        self._kept: dict[str, dict[str, None]] = {}  # server -> calls
        self._tells_returns: set[str] = set()  # servers whose returns are recorded

    @property
    def all(self) -> list[Period]:
        """The periods, in the order in which they began."""
        return list(self._all.values())

    def running(self, kind: PeriodKind, name: str, lane: Lane | None = None) -> Period | None:
        """The period of this kind that lasts, if there is one. Several servers may keep a call."""
        return self._running.get((kind, name, lane if kind == "kept" else None))

    def changes(self, step: Step) -> bool:
        """Whether a state keeps other calls than are drawn as kept, as far as that is known."""
        keeps, kept = step.details.get("keeps"), self._kept.get(step.at or "", {})
        return not step.details.get("more") and set(keeps or ()) != set(kept)

    def begin(self, kind: PeriodKind, lane: Lane, name: str, row: int) -> Period | None:
        """Begin a period, if it does not last already."""
        if self.running(kind, name, lane) is not None:
            return None
        period = Period(kind, lane, name, row)
        if kind in BESIDE:
            free = self._free.setdefault(lane, [])
            period.column = heappop(free) if free else self._columns.get(lane, 0)
            self._columns[lane] = max(self._columns.get(lane, 0), period.column + 1)
        self._running[kind, name, lane if kind == "kept" else None] = period
        self._all[id(period)] = period
        return period

    def end(self, kind: PeriodKind, name: str, row: int, lane: Lane | None = None) -> None:
        """End a period, if it lasts. One that is in no row is forgotten."""
        period = self._running.pop((kind, name, lane if kind == "kept" else None), None)
        if period is None:
            return
        period.end = row
        if kind in BESIDE:
            heappush(self._free[period.lane], period.column)
        if period.end < period.begin:
            del self._all[id(period)]

    def update(self, step: Step, place: Place, source: Lane | None) -> None:
        """Begin and end what a step begins and ends. `source` is where its arrow begins."""
        self._snapshot.update(step)
        call = step.call
        if step.kind == "start" and step.at is not None:
            self.end("alive", step.at, place.end)
            self.begin("alive", self._lane_of(step.at), step.at, place.begin)
        if step.kind == "exit" and step.at is not None:
            self.end("alive", step.at, place.end)
        if call is not None and call not in self._snapshot.open:
            self.end("blocked", call, place.end)
        elif call is not None and step.kind == "call" and source is not None:
            blocked = self.begin("blocked", source, call, place.begin)
            if blocked is not None and not place.is_shown:
                blocked.caller = step.source
        for server in dict.fromkeys((step.at, step.source, step.target)):
            if server is not None and not is_caller(server):
                self._follow_handler(server, step, place)
                self._follow_kept(server, step, place)
        for forgotten in step.forgot:
            waits = self.running("blocked", forgotten)
            if waits is not None:
                waits.in_vain = place.begin

    def drop_guesses(self) -> None:
        """Leave out the handlers of servers that do not tell when they return."""
        for period in self.all:
            is_known = period.server is None or period.server in self._tells_returns
            if not is_known and (period.kind == "queued" or period.end != period.begin):
                del self._all[id(period)]

    def _follow_handler(self, server: str, step: Step, place: Place) -> None:
        """Which call the handler of a server works on, and which calls queue meanwhile."""
        if step.at == server and step.kind in {"noreply", "state"}:
            self._tells_returns.add(server)
        queued = self._queued.setdefault(server, {})
        is_alive = server in self._snapshot.alive
        handled = self._snapshot.handling(server) if is_alive else None
        before = self._handled.get(server)
        if handled != before:
            if before is not None:
                self.end("handling", before, place.end)
                del self._handled[server]
            if handled is not None:
                self._handled[server] = handled
                self._begin_at(server, "handling", handled, place.begin)
        for call in (handled, step.call if step.returns and step.source == server else None):
            if call in queued:
                del queued[call]
                self.end("queued", call, place.end)
        if not is_alive:
            for call in self._queued.pop(server):
                self.end("queued", call, place.end)
        elif step.kind == "call" and step.target == server and step.call not in {handled, None}:
            queued[step.call] = None
            self._begin_at(server, "queued", step.call, place.begin)

    def _begin_at(self, server: str, kind: PeriodKind, call: str, row: int) -> None:
        period = self.begin(kind, self._lane_of(server), call, row)
        if period is not None:
            period.server = server

    def _follow_kept(self, server: str, step: Step, place: Place) -> None:
        """Which calls a server keeps, and which of them have ended."""
        lane, kept = self._lane_of(server), self._kept.setdefault(server, {})
        new, gone = self._kept_changes(server, step, kept)
        for call in gone:
            del kept[call]
            period = self.running("kept", call, lane)
            if period is not None:
                period.is_cut = call in step.forgot and period.begin <= place.end
                self.end("kept", call, place.begin if period.is_cut else place.end, lane)
        for call in new:
            kept[call] = None
            self.begin("kept", lane, call, place.begin)
        keeps = self._snapshot.keeps(server) or {}
        for name in (*new, step.call):
            period = None if name is None else self.running("kept", name, lane)
            if period is not None and period.over is None and period.name in keeps:
                has_ended = keeps[period.name].outcome is not None
                period.over = place.end if has_ended else None

    def _kept_changes(
        self, server: str, step: Step, kept: Collection[str]
    ) -> tuple[list[str], list[str]]:
        """The calls that a server keeps since this step, and those that it keeps no longer."""
        call, keeps = step.call, self._snapshot.keeps(server)
        if keeps is None and server in self._snapshot.alive:  # only this call is known of
            held = None if call is None else self._snapshot.open.get(call)
            is_held = held is not None and held.held_by == server
            if call is None or is_held == (call in kept):
                return [], []
            return ([call], []) if is_held else ([], [call])
        now = keeps or {}
        return [each for each in now if each not in kept], [
            each for each in kept if each not in now
        ]
