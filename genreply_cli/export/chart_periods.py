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
    end: int | None = None
    column: int = 0  # beside other periods of this kind
    is_cut: bool = False  # the server has forgotten this caller while it waited
    in_vain: int | None = None  # from this row on, nothing leads to this caller any more
    over: int | None = None  # from this row on the call has ended, but the server still keeps it


class Periods:
    """A fold over steps and the rows in which they stand.

    What a server keeps is what its states say. A server whose states are not recorded, or too large
    to be recorded whole, is taken to keep each caller that got no answer from its handler.
    """

    def __init__(self, lane_of: Callable[[str], Lane]) -> None:
        self.all: list[Period] = []
        self._lane_of = lane_of  # of a process
        self._running: dict[tuple[PeriodKind, str], Period] = {}
        self._mailboxes: dict[str, list[str]] = {}  # server -> the call in its handler, and others
        self._keeps: dict[str, list[str]] = {}  # server -> calls
        self._states_known: set[str] = set()  # servers

    def running(self, kind: PeriodKind, name: str) -> Period | None:
        """The period of this kind that lasts, if there is one."""
        return self._running.get((kind, name))

    def is_running(self, name: str) -> bool:
        """Whether a process lives."""
        return ("alive", name) in self._running

    def changes(self, step: Step) -> bool:
        """Whether a state keeps other calls than the one before, as far as both are known."""
        before = self._keeps.get(step.at or "", [])
        return not _is_partial(step) and _calls(step, "keeps") != before

    def begin(self, kind: PeriodKind, lane: Lane, name: str, row: int) -> None:
        """Begin a period, if it does not last already."""
        if (kind, name) in self._running:
            return
        column = 0
        if kind in BESIDE:
            taken = {
                period.column
                for (other, _), period in self._running.items()
                if other in BESIDE and period.lane == lane
            }
            column = next(number for number in range(len(taken) + 1) if number not in taken)
        period = Period(kind, lane, name, row, column=column)
        self._running[kind, name] = period
        self.all.append(period)

    def end(self, kind: PeriodKind, name: str, row: int) -> None:
        """End a period, if it lasts."""
        period = self._running.pop((kind, name), None)
        if period is not None:
            period.end = row

    def update(self, step: Step, row: int, source: Lane | None) -> None:
        """Begin and end what a step begins and ends. `source` is where its arrow begins."""
        call, server = step.call, step.at or step.source
        match step.kind:
            case "start" if step.at is not None:
                self.end("alive", step.at, row)
                self.begin("alive", self._lane_of(step.at), step.at, row)
            case "exit" if step.at is not None:
                self._exit(step.at, row)
            case "call" if call is not None and source is not None and step.target is not None:
                self.begin("blocked", source, call, row)
                self._ask(step.target, call, row)
            case "state" if server is not None:
                self._keep(server, step, row)
            case "noreply" if server is not None and call is not None:
                self._end_handling(server, call, row)
                if server not in self._states_known:
                    self._keeps.setdefault(server, []).append(call)
                    self.begin("kept", self._lane_of(server), call, row)
            case "reply" | "late" | "duplicate" if server is not None and call is not None:
                self._end_handling(server, call, row)
        if call is not None and step.ends_call:
            self._end_call(call, row)

    def _ask(self, server: str, call: str, row: int) -> None:
        if not self.is_running(server):
            return
        mailbox = self._mailboxes.setdefault(server, [])
        if call not in mailbox:
            mailbox.append(call)
            kind: PeriodKind = "queued" if len(mailbox) > 1 else "handling"
            self.begin(kind, self._lane_of(server), call, row)

    def _end_handling(self, server: str, call: str, row: int) -> None:
        """The handler of a call has returned; that of the next call in the mailbox begins."""
        mailbox = self._mailboxes.get(server)
        if not mailbox or mailbox[0] != call:
            return
        self.end("handling", mailbox.pop(0), row)
        if mailbox:
            self.end("queued", mailbox[0], row)
            self.begin("handling", self._lane_of(server), mailbox[0], row)

    def _keep(self, server: str, step: Step, row: int) -> None:
        if _is_partial(step):
            self._states_known.discard(server)
            return
        self._states_known.add(server)
        before, keeps = self._keeps.get(server, []), _calls(step, "keeps")
        self._keeps[server] = keeps
        forgot = _calls(step, "forgot")
        for name in before:
            if name not in keeps:
                kept = self.running("kept", name)
                if kept is not None:
                    kept.is_cut = name in forgot
                self.end("kept", name, row)
        for name in forgot:
            blocked = self.running("blocked", name)
            if blocked is not None:
                blocked.in_vain = row
        for name in keeps:
            self.begin("kept", self._lane_of(server), name, row)

    def _end_call(self, call: str, row: int) -> None:
        self.end("blocked", call, row)
        for server, keeps in self._keeps.items():
            kept = self.running("kept", call)
            if call not in keeps or kept is None:
                continue
            if server not in self._states_known:
                keeps.remove(call)
                self.end("kept", call, row)
            elif kept.over is None:
                kept.over = row

    def _exit(self, server: str, row: int) -> None:
        self.end("alive", server, row)
        for call in self._mailboxes.pop(server, []):
            self.end("handling", call, row)
            self.end("queued", call, row)
        for call in self._keeps.pop(server, []):
            self.end("kept", call, row)


def _calls(step: Step, field: str) -> list[str]:
    calls = step.details.get(field)
    return [call for call in calls if isinstance(call, str)] if isinstance(calls, list) else []


def _is_partial(step: Step) -> bool:
    """Whether a state was too large to be recorded whole."""
    return step.details.get("more") is not None or "keeps" not in step.details
