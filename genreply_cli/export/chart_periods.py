"""What lasts in a picture: a process lives, a caller waits, a server keeps it, a handler runs."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Literal, NamedTuple

from genreply_cli.transcript.step import Step

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

    What a server keeps is what its states say. A server whose states are not recorded, or too large
    to be recorded whole, is taken to keep each caller that got no answer from its handler.
    """

    def __init__(self, lane_of: Callable[[str], Lane]) -> None:
        self._lane_of = lane_of  # of a process
        self._all: dict[int, Period] = {}  # by identity, in the order in which they began
        self._running: dict[tuple[PeriodKind, str], Period] = {}
        self._columns: dict[Lane, set[int]] = {}  # those that are taken
        self._mailboxes: dict[
            str, dict[str, None]
        ] = {}  # server -> the call in its handler, others
        self._keeps: dict[str, dict[str, None]] = {}  # server -> calls
        self._states_known: set[str] = set()  # servers

    @property
    def all(self) -> list[Period]:
        """The periods, in the order in which they began."""
        return list(self._all.values())

    def running(self, kind: PeriodKind, name: str) -> Period | None:
        """The period of this kind that lasts, if there is one."""
        return self._running.get((kind, name))

    def is_running(self, name: str) -> bool:
        """Whether a process lives."""
        return ("alive", name) in self._running

    def changes(self, step: Step) -> bool:
        """Whether a state keeps other calls than the one before, as far as both are known."""
        before = self._keeps.get(step.at or "", {})
        return not _is_partial(step) and _calls(step, "keeps") != list(before)

    def begin(self, kind: PeriodKind, lane: Lane, name: str, row: int) -> Period | None:
        """Begin a period, if it does not last already."""
        if (kind, name) in self._running:
            return None
        period = Period(kind, lane, name, row)
        if kind in BESIDE:
            taken = self._columns.setdefault(lane, set())
            period.column = next(n for n in range(len(taken) + 1) if n not in taken)
            taken.add(period.column)
        self._running[kind, name] = self._all[id(period)] = period
        return period

    def end(self, kind: PeriodKind, name: str, row: int) -> None:
        """End a period, if it lasts. One that is in no row is forgotten."""
        period = self._running.pop((kind, name), None)
        if period is None:
            return
        period.end = row
        if kind in BESIDE:
            self._columns[period.lane].discard(period.column)
        if period.end < period.begin:
            del self._all[id(period)]

    def update(self, step: Step, place: Place, source: Lane | None) -> None:
        """Begin and end what a step begins and ends. `source` is where its arrow begins."""
        call, server = step.call, step.at or step.source
        match step.kind:
            case "start" if step.at is not None:
                self.end("alive", step.at, place.end)
                self.begin("alive", self._lane_of(step.at), step.at, place.begin)
            case "exit" if step.at is not None:
                self._exit(step.at, place)
            case "call" if call is not None and source is not None and step.target is not None:
                blocked = self.begin("blocked", source, call, place.begin)
                if blocked is not None and not place.is_shown:
                    blocked.caller = step.source
                self._ask(step.target, call, place)
            case "state" if server is not None:
                self._keep(server, step, place)
            case "noreply" if server is not None and call is not None:
                self._end_handling(server, call, place)
                if server not in self._states_known:
                    self._keeps.setdefault(server, {})[call] = None
                    self.begin("kept", self._lane_of(server), call, place.begin)
            case "reply" | "late" | "duplicate" if server is not None and call is not None:
                self._end_handling(server, call, place)
        if call is not None and step.ends_call:
            self._end_call(call, place)

    def _ask(self, server: str, call: str, place: Place) -> None:
        if not self.is_running(server):
            return
        mailbox = self._mailboxes.setdefault(server, {})
        if call not in mailbox:
            mailbox[call] = None
            kind: PeriodKind = "queued" if len(mailbox) > 1 else "handling"
            self.begin(kind, self._lane_of(server), call, place.begin)

    def _end_handling(self, server: str, call: str, place: Place) -> None:
        """The handler of a call has returned; that of the next call in the mailbox begins."""
        mailbox = self._mailboxes.get(server)
        if not mailbox or next(iter(mailbox)) != call:
            return
        del mailbox[call]
        self.end("handling", call, place.end)
        if mailbox:
            following = next(iter(mailbox))
            self.end("queued", following, place.end)
            self.begin("handling", self._lane_of(server), following, place.begin)

    def _keep(self, server: str, step: Step, place: Place) -> None:
        if _is_partial(step):
            self._states_known.discard(server)
            return
        self._states_known.add(server)
        before, keeps = self._keeps.get(server, {}), dict.fromkeys(_calls(step, "keeps"))
        self._keeps[server] = keeps
        forgot = _calls(step, "forgot")
        for name in before:
            kept = self.running("kept", name)
            if name not in keeps and kept is not None:
                kept.is_cut = name in forgot and kept.begin <= place.end
                self.end("kept", name, place.begin if kept.is_cut else place.end)
        for name in forgot:
            blocked = self.running("blocked", name)
            if blocked is not None:
                blocked.in_vain = place.begin
        for name in keeps:
            self.begin("kept", self._lane_of(server), name, place.begin)

    def _end_call(self, call: str, place: Place) -> None:
        self.end("blocked", call, place.end)
        kept = self.running("kept", call)
        for server, keeps in self._keeps.items() if kept is not None else ():
            if call not in keeps:
                continue
            if server not in self._states_known:
                del keeps[call]
                self.end("kept", call, place.end)
            elif kept is not None and kept.over is None:
                kept.over = place.end

    def _exit(self, server: str, place: Place) -> None:
        self.end("alive", server, place.end)
        for call in self._mailboxes.pop(server, ()):
            self.end("handling", call, place.end)
            self.end("queued", call, place.end)
        for call in self._keeps.pop(server, ()):
            self.end("kept", call, place.end)


def _calls(step: Step, field: str) -> list[str]:
    calls = step.details.get(field)
    return [call for call in calls if isinstance(call, str)] if isinstance(calls, list) else []


def _is_partial(step: Step) -> bool:
    """Whether a state was too large to be recorded whole."""
    return step.details.get("more") is not None or "keeps" not in step.details
