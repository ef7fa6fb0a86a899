"""Which column of the screen each caller and each process has, and the lanes of a row."""

from collections.abc import Iterable
from itertools import accumulate, pairwise
from typing import Final, NamedTuple

from genreply_cli.text import cells, crop, pad, visible
from genreply_cli.timeline.caller_lanes import CallerLanes
from genreply_cli.timeline.kinds import KindStyle, endpoints
from genreply_cli.transcript.snapshot import Snapshot
from genreply_cli.transcript.step import Step, is_caller

Span = tuple[str, str]  # text, and its style as Rich names it

MAX_CALL_CELLS: Final = 12  # of the name of a call
GHOST: Final = "dim"  # the style of an arrow to the caller that should have had an answer
BLOCKED: Final = ("┃", "cyan")  # a caller that waits, in the colour of its call
BUSY: Final = ("║", "bold")  # a server whose handler runs, and that hears nothing meanwhile
KEEPING: Final = ("□", "blue")  # a server that keeps a waiting caller, in the colour of `noreply`
IDLE: Final = ("│", "dim")


class Room(NamedTuple):
    """How much room the parts of a row have, in cells."""

    before: int  # the columns for the time and the kind
    call: int  # the least width of the column for the names of calls
    min_gap: int  # from lane to lane
    max_gap: int
    margin: int  # from the last lane to the text
    min_text: int  # what the text has at least
    text: int  # what it should have before the gaps grow
    close: bool  # lanes with short names, as close to each other as these allow


WIDE: Final = Room(21, 4, 12, 21, 6, 30, 39, close=False)
CLOSE: Final = Room(21, 4, 6, 21, 5, 30, 39, close=True)
COMPACT: Final = Room(16, 2, 6, 10, 3, 26, 39, close=True)
WIDE_COLUMNS: Final = 100  # a narrower terminal has compact rows
SHARED_GAP: Final = 13  # from a lane without a name of its own: its arrows are named
MAX_NAME_CELLS: Final = 16  # above a lane
CALLERS, OTHERS = "callers", "others"  # above lanes that are shared


class Lanes:
    """The lanes of the `wide` view. A lane appears when needed, and goes when others need room.

    Processes have a lane each; those that have no room share the last one. Those that have ended
    give theirs up when another one starts or, where lanes are close, when a call is made. Callers
    have a lane each while there is room, and share one from the moment when more of them wait than
    there are lanes. The names above the lanes are true until `version` changes.
    Where a lane has no name of its own, its rows say whose they are.
    """

    def __init__(self, width: int, ellipsis: str = "…") -> None:
        self._ellipsis = ellipsis
        self._callers = CallerLanes()
        self._processes: list[str] = []
        self._ended: set[str] = set()
        self._snapshot = Snapshot()
        self._latest_seq: int | None = None
        self._has_gaps = False  # steps were left out: what servers keep and handle is not known
        self._tell_returns: set[str] = set()  # servers that record when their handlers return
        self._names: list[str | None] = []  # of each lane; None: it is shared
        self._labels: list[str] = []
        self._columns = [0]
        self.version = 1  # it changes with the names and the columns of the lanes
        self.text = 0  # the column where the text begins
        self.call_cells = 0  # the width of the column for the names of calls
        self.resize(width)

    def resize(self, width: int) -> None:
        """Use this many columns from now on. Rows that have been drawn stay as they are."""
        self._width = width
        self.is_compact = width < WIDE_COLUMNS
        self._room = COMPACT if self.is_compact else WIDE
        self.call_cells = max(self.call_cells, self._room.call)
        self._limit_callers()
        self._place()

    def go_on_from(self, snapshot: Snapshot) -> None:
        """Go on at another place: with lanes for all processes and waiting callers."""
        kept = [name for name in self._processes if name in snapshot.alive]
        self._processes = [*kept, *(name for name in snapshot.alive if name not in kept)]
        self._ended.difference_update(snapshot.alive)
        self._snapshot = snapshot.copy()
        self._latest_seq, self._has_gaps = None, False
        self._tell_returns.update(snapshot.states, snapshot.waiting())
        self._limit_callers()
        self._callers.go_on_from(snapshot)
        self._share_if_crowded()
        self._place()

    def update(self, step: Step) -> None:
        """Follow a step: which callers wait, which processes have ended, which need a lane."""
        before = self._callers.version, self._processes, self.call_cells
        if self._latest_seq is not None and step.seq > self._latest_seq + 1:
            self._has_gaps = True
        self._latest_seq = step.seq
        self._callers.update(step)
        self._snapshot.update(step)
        if step.at is not None:
            if step.kind == "exit":
                self._ended.add(step.at)
            elif step.kind == "start":
                self._ended.discard(step.at)
            elif step.kind in {"noreply", "state"}:
                self._tell_returns.add(step.at)
        if step.call is not None:
            call_cells = cells(visible(step.call)) if step.call.isprintable() else MAX_CALL_CELLS
            self.call_cells = max(self.call_cells, min(call_cells, MAX_CALL_CELLS))
        names = [*endpoints(step), step.source, step.target, step.at]
        new = [
            name
            for name in dict.fromkeys(names)
            if name is not None and name not in self._processes and not is_caller(name)
        ]
        is_crowded = step.kind == "call" and self._room is not WIDE
        if new or (is_crowded and not self._ended.isdisjoint(self._processes)):
            self._processes = [
                name for name in self._processes if name not in self._ended or name in names
            ] + new
        if before[1:] != (self._processes, self.call_cells):
            self._limit_callers()
        self._share_if_crowded()
        if before != (self._callers.version, self._processes, self.call_cells):
            self._place()

    # --- where the lanes stand ---

    def _limit_callers(self) -> None:
        """Find out for how many callers there is room beside the processes."""
        if self.is_compact:
            limit = comfortable = self._count_callers(COMPACT)
        else:
            limit, comfortable = self._count_callers(CLOSE), self._count_callers(WIDE)
        self._callers.set_limits(limit, comfortable)

    def _count_callers(self, room: Room) -> int:
        """For how many callers there is room beside the processes; at least one."""
        processes = [short_name(name) for name in self._processes]
        names = ["caller"]
        while self._fits([*names, f"caller-{len(names) + 1}", *processes], room):
            names.append(f"caller-{len(names) + 1}")
        return len(names)

    def _share_if_crowded(self) -> None:
        if self._callers.shared and len(self._callers) > 1:
            self._callers.share_one()

    def _fits(self, labels: list[str], room: Room) -> bool:
        """Whether lanes with these names leave enough room for the text."""
        left = room.before + self.call_cells
        needed = left + sum(_distances(labels, room)) + room.margin + room.min_text
        return needed <= self._width

    def _place(self) -> None:
        """Give each lane its name and its column."""
        callers, processes = self._callers, self._processes
        narrow = COMPACT if self.is_compact else CLOSE
        while len(callers) > 1 and not self._fits(self._close_labels(), narrow):
            callers.set_limits(len(callers) - 1, len(callers) - 1)
        names = [*map(callers.owner, range(len(callers))), *processes]
        room, labels = WIDE, self._shown([*callers.labels(), *processes])
        columns = self._spread(labels, WIDE)
        if self.is_compact or not self._fits(labels, WIDE) or _touch(labels, columns):
            room, labels = narrow, self._close_labels()
            least = max(2, len(callers) + 1)
            while len(labels) > least and not self._fits(labels, room):
                labels[-2:], names[-2:] = [OTHERS], [None]
            columns = self._spread(labels, room)
        self.text = columns[-1] + room.margin
        self.version += (labels, columns) != (self._labels, self._columns)
        self._room, self._names, self._labels, self._columns = room, names, labels, columns

    def _close_labels(self) -> list[str]:
        return self._shown([*self._callers.labels(), *map(short_name, self._processes)])

    def _shown(self, labels: list[str]) -> list[str]:
        return [crop(visible(label), MAX_NAME_CELLS, self._ellipsis) for label in labels]

    def _spread(self, labels: list[str], room: Room) -> list[int]:
        """The columns of lanes with these names; without lanes, that of the first one."""
        distances = _distances(labels, room)
        left = room.before + self.call_cells
        spare = self._width - left - room.margin - room.text - sum(distances)
        more = max(0, spare // max(1, len(distances)))
        gaps = (max(distance, min(room.max_gap, distance + more)) for distance in distances)
        return list(accumulate(gaps, initial=left))

    # --- what is drawn ---

    def header(self) -> str:
        """The names above the lanes, centred; the first may stand to the right of its lane."""
        call = pad("call" if self.call_cells >= len("call") else "", self.call_cells)
        line = f"{'time':>6} {call} kind" if self.is_compact else f"{'time':>9}  {call} kind"
        for lane, (name, column) in enumerate(zip(self._labels, self._columns, strict=False)):
            start = min(column - cells(name) // 2, self.text - 1 - cells(name))
            if lane == 0 and self._room is WIDE:
                start = column
            line = pad(line, max(cells(line) + 1, start)) + name
        return pad(line, max(cells(line) + 1, self.text)) + "message"

    def draw(self, step: Step, style: KindStyle) -> list[Span]:
        """The lanes at a step, with its arrow or mark, up to the column of the text."""
        columns, left = self._columns, self._columns[0]
        row = [(" ", "")] * (self.text - left)
        for lane in range(len(self._labels)):
            row[columns[lane] - left] = self._lifeline(lane)
        ends = endpoints(step)
        source, target = map(self._lane, ends)
        last = source if target is None else target
        if source is not None and target is not None:
            start, stop = columns[source] - left, columns[target] - left
            self._draw_arrow(row, start, stop, style)
            self._draw_ghost(row, step, start, stop)
            if source != target:
                self._draw_name(row, ends[0], source, stop, style)
                self._draw_name(row, ends[1], target, start, style)
        elif last is not None:
            self._draw_name(row, ends[0] or ends[1], last, len(row) - 1, style)
        if last is not None and style.mark:
            row[columns[last] - left] = (style.mark, style.colour)
        return _joined(row)

    @staticmethod
    def _draw_arrow(row: list[Span], start: int, stop: int, style: KindStyle) -> None:
        if start == stop:
            row[start : start + 2] = [(style.root or "├", style.colour), ("╮", style.colour)]
            return
        right = start < stop
        way = 1 if right else -1
        root = ("╟" if right else "╢") if row[start] == BUSY else "├" if right else "┤"
        row[start] = (style.root or root, style.colour)
        row[start + way : stop : way] = [(style.arrow, style.colour)] * (abs(stop - start) - 1)
        row[stop - way] = ("►" if right else "◄", style.colour)

    def _draw_ghost(self, row: list[Span], step: Step, start: int, stop: int) -> None:
        """A faint arrow to the caller that should have had this answer, and still waits."""
        intended = self._callers.open.get(step.details.get("for") or "")
        if intended is None or not is_caller(intended):
            return
        lane = self._callers.lane(intended)
        place = self._columns[lane] - self._columns[0]
        if place == stop:
            return
        row[place] = self._lifeline(lane)
        way = 1 if place < start else -1
        if (start - place) * (start - stop) > 0 and abs(start - place) < abs(start - stop):
            row[place + way] = ("◁" if way > 0 else "▷", GHOST)  # the arrow passes by
            return
        for cell in range(place + 2 * way, stop, 2 * way):
            if row[cell][0] == " ":
                row[cell] = ("·", GHOST)
        row[place + way] = ("◁" if way > 0 else "▷", GHOST)

    def _draw_name(
        self, row: list[Span], name: str | None, lane: int, stop: int, style: KindStyle
    ) -> None:
        """Where the name above the lane is not that of the caller or process: its name beside it.

        There is room as far as the cell `stop`.
        """
        if name is None or name == self._names[lane]:
            return
        place = self._columns[lane] - self._columns[0]
        right = place <= stop
        room = abs(stop - place) - 2
        text = visible(name) if is_caller(name) else short_name(name)
        while text and cells(text) > room:
            text = text[1:]
        at = place + 2 if right else place - 1 - cells(text)
        for character in text:
            wide = cells(character)
            if not wide:
                before, colour = row[at - 1]
                row[at - 1] = before + character, colour
                continue
            row[at : at + wide] = [(character, style.colour)] + [("", style.colour)] * (wide - 1)
            at += wide

    def _lane(self, name: str | None) -> int | None:
        if name is None:
            return None
        if is_caller(name):
            return self._callers.lane(name)
        return min(len(self._callers) + self._processes.index(name), len(self._labels) - 1)

    def _lifeline(self, lane: int) -> Span:
        """A lane where nothing happens: heavy while a call blocks, a blank after the end.

        That of a server is double while its handler runs, and hollow while it keeps a caller.
        """
        if lane < len(self._callers):
            return BLOCKED if self._callers.is_blocked(lane) else IDLE
        number = lane - len(self._callers)
        last = lane == len(self._labels) - 1
        processes = self._processes[number:] if last else self._processes[number : number + 1]
        alive = [name for name in processes if name not in self._ended]
        if any(map(self._callers.waits, alive)):
            return BLOCKED
        if any(map(self._is_busy, alive)):
            return BUSY
        if any(map(self._snapshot.keeps_a_waiting_caller, alive)):
            return KEEPING
        return IDLE if alive else (" ", "")

    def moment(self, step: Step) -> tuple[str, str] | None:
        """What goes wrong with a message as it comes, in full and in brief; mostly nothing."""
        snapshot, server, call = self._snapshot, step.target, step.call
        if server is None or call is None or self._has_gaps:
            return None
        if step.kind == "info" and step.source != server and snapshot.has_no_caller(server):
            return "no caller is kept", "no caller is kept"
        if step.kind == "call" and server in self._tell_returns:
            busy = snapshot.handling(server)
            if busy != call and snapshot.has_begun(busy, server):
                until = f"deaf until {visible(str(busy))}"
                return f"{until} is handled", until
        return None

    def _is_busy(self, server: str) -> bool:
        return server in self._tell_returns and self._snapshot.handling(server) is not None


def _distances(labels: list[str], room: Room) -> list[int]:
    """The least distances between lanes with these names."""
    if not room.close:
        return [room.min_gap] * (len(labels) - 1)
    distances = []
    for pair in pairwise(labels):
        left, right = map(cells, pair)
        named = SHARED_GAP if {CALLERS, OTHERS} & {*pair} else 0
        distances.append(max(room.min_gap, named, left - left // 2 + right // 2 + 1))
    return distances


def _touch(labels: list[str], columns: list[int]) -> bool:
    """Whether names above lanes in these columns would touch each other."""
    gaps = [right - left for left, right in pairwise(columns)]
    return any(
        max(map(cells, pair)) >= gap for pair, gap in zip(pairwise(labels), gaps, strict=False)
    )


def short_name(name: str) -> str:
    """A name for little room: `coord` for `coordinator`, `ws-2` for `websocket-2`."""
    stem, dash, number = visible(name).partition("-")
    return {"coordinator": "coord", "websocket": "ws"}.get(stem, stem) + dash + number


def _joined(row: Iterable[Span]) -> list[Span]:
    """Neighbours of the same style as one span. Blanks have the style of what is before them."""
    spans: list[Span] = []
    joined, style = "", ""
    for text, colour in row:
        if colour == style or text == " ":
            joined += text
        else:
            spans.append((joined, style))
            joined, style = text, colour
    return [*spans, (joined, style)]
