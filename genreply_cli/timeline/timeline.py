"""Steps drawn as a timeline: pure, a row at a time, and a row once drawn never changes.

    timeline = Timeline(width=112)
    for step in steps:
        for row in timeline.rows(step):     # rich.text.Text; or `lines`, the same as str
            console.print(row)

`wide` has a lane for everybody, `narrow` and `smallest` have columns, `plain` is for files and pipes (whole lines, no escapes, no
import of Rich), `accessible` is in sentences.
"""

from collections.abc import Iterable, Iterator
from itertools import groupby
from operator import itemgetter
from typing import TYPE_CHECKING, Final, Literal

from genreply_cli.text import visible
from genreply_cli.timeline.kinds import CROSS, KindStyle, endpoints, pretty_name, style_of
from genreply_cli.transcript.snapshot import Snapshot, is_caller
from genreply_cli.transcript.tracer import Step

if TYPE_CHECKING:
    from rich.console import Console, ConsoleOptions
    from rich.text import Text

View = Literal["wide", "narrow", "smallest", "plain", "accessible"]
Span = tuple[str, str]  # text, and its style as Rich names it

WIDE: Final = 100  # columns; from here on there are lanes
NARROW: Final = 60  # below, it is not said who asks whom

ASCII: Final = str.maketrans(f"│├┤╮►◄─┈┆■●•!{CROSS}", "|||)><-.:#o*!x")


def view_for(width: int) -> View:
    """The view that fits a terminal of so many columns."""
    return "wide" if width >= WIDE else "narrow" if width >= NARROW else "smallest"


# --- the views that are only text --------------------------------------------------------------------------------------------


def plain(step: Step) -> str:
    """One line for files and pipes: `0.000112 c1 call caller -> coordinator: greet "Hello"`. Never cut."""
    place = " -> ".join(pretty_name(end) for end in endpoints(step) if end is not None)
    body, note = style_of(step).wording(step).at_length()
    said = " ".join(filter(None, [body, note and f"({note})"]))
    head = " ".join(
        filter(
            None,
            [
                f"{step.t:.6f}",
                "-" if step.call is None else visible(step.call),
                visible(step.kind),
                place,
            ],
        )
    )
    return f"{head}: {said}" if said else head


def accessible(step: Step) -> str:
    """A sentence, for those who listen: `0.000 seconds, c1: caller asks coordinator, and waits: greet "Hello".`"""
    look = style_of(step)
    said = ", ".join(filter(None, look.wording(step).at_length()))
    sentence = look.sentence.format(
        said=said,
        source=pretty_name(step.source),
        target=pretty_name(step.target),
        at=pretty_name(step.at),
        kind=visible(step.kind),
    )
    return (
        f"{step.t:.3f} seconds{'' if step.call is None else ', ' + visible(step.call)}: {sentence}."
    )


# --- widths ------------------------------------------------------------------------------------------------------------------

MANY: Final = 16  # characters to a cell: more than an honest text has, even with marks and joiners


def cells(text: str) -> int:
    """How many cells of a terminal a visible text takes: CJK and emoji two, combining marks none."""
    if text.isascii():
        return len(text)
    from rich.cells import cell_len

    return cell_len(text)


def fits(text: str, room: int) -> bool:
    """Whether the text takes at most so many cells. A very long one does not, and is not measured."""
    return len(text) <= MANY * room and cells(text) <= room


def crop(text: str, room: int, ellipsis: str = "…") -> str:
    """The text in at most so many cells; an ellipsis says that there was more."""
    if fits(text, room):
        return text
    if room <= len(ellipsis):
        return ellipsis[: max(0, room)]
    room -= len(ellipsis)
    start = text[: MANY * room]
    if start.isascii():
        return start[:room] + ellipsis
    from rich.cells import set_cell_size

    return (start if cells(start) <= room else set_cell_size(start, room)) + ellipsis


def _clock(seconds: float, room: int) -> str:
    """Seconds since the start, with as many decimals as there is room for, and at most three."""
    return next(
        (text for places in (3, 2, 1) if len(text := f"+{seconds:.{places}f}") <= room),
        f"+{seconds:.0f}",
    )


def pad(text: str, room: int) -> str:
    """The text, followed by blanks up to so many cells."""
    return text + " " * (room - cells(text))


def _short(name: str | None) -> str:
    """A name where there is little room."""
    stem, dash, number = pretty_name(name).partition("-")
    return {"coordinator": "coord", "websocket": "ws"}.get(stem, stem) + dash + number


# --- lanes -------------------------------------------------------------------------------------------------------------------

LEFT: Final = 25  # where the first lane stands
GAP: Final = 12, 21  # cells from lane to lane, at least and at most
TEXT: Final = (
    30,
    39,
)  # cells for the text: at least, and as many as there should be before the gaps grow
MARGIN: Final = 6  # from the last lane to the text
BODY: Final = 6  # cells: less of a body than that says nothing


class Lanes:
    """Who stands where. Lanes come as they are needed, and go when others need the room.

    Each caller has a lane of its own while there are few; callers come and go, so the next one takes the lane of one who does not
    wait any more. When more wait than there are lanes, all share one from then on.
    """

    def __init__(self, width: int, ellipsis: str = "…") -> None:
        self._ellipsis = ellipsis
        self._callers: list[str] = []  # who has the lane of a caller, or had it last
        self._shared = False
        self._processes: list[str] = []
        self._dead: set[str] = set()
        self._open: dict[str, str] = {}  # who waits for which call
        self._waits: dict[str, int] = {}  # for how many calls
        self._labels: list[str] = []
        self._at: list[int] = []  # where each lane stands
        self.text = 0  # where the text begins
        self.call_cells = 4  # how wide the names of calls are
        self.resize(width)

    def resize(self, width: int) -> None:
        """Use so many columns from now on. What has been drawn stays as it is."""
        self._width = width
        self._capacity = max(2, (width - LEFT - MARGIN - TEXT[0]) // GAP[0] + 1)
        self._recompute()

    def start_from(self, standing: Snapshot) -> None:
        """Begin in the midst: with a lane for everybody who is there, and for the callers who wait."""
        self._processes = list(standing.alive)
        for one in standing.open.values():
            self._open_call(one.call, one.caller)
            if one.caller is not None and is_caller(one.caller):
                self._assign(one.caller)
                self._recompute()
        self._callers = self._callers or ["caller"]
        self._recompute()

    def update(self, step: Step) -> None:
        """Take note of a step: who waits, who has ended, who needs a lane."""
        before = len(self._callers), self._processes, self.call_cells
        match step.kind:
            case "call" if step.call is not None:
                self._open_call(step.call, step.source)
            case "reply" | "down" if (
                step.call is not None and self._open.get(step.call) == step.target
            ):
                self._close_call(step.call)
            case "timeout" | "cancel" if step.call is not None:
                self._close_call(step.call)
            case "exit" if step.at is not None:
                self._dead.add(step.at)
            case "start" if step.at is not None:
                self._dead.discard(step.at)
        names = [
            name
            for name in dict.fromkeys((*endpoints(step), step.source, step.target, step.at))
            if name is not None
        ]
        new = [name for name in names if not is_caller(name) and name not in self._processes]
        if new:
            self._processes = [
                name for name in self._processes if name not in self._dead or name in names
            ] + new
        if not (
            self._callers and step.kind in {"late", "duplicate"}
        ):  # a caller that has gone needs no new lane
            for name in filter(is_caller, names):
                self._assign(name)
        if step.call is not None:
            self.call_cells = max(self.call_cells, min(cells(visible(step.call)), 12))
        if before != (len(self._callers), self._processes, self.call_cells):
            self._recompute()

    def _open_call(self, call: str, who: str | None) -> None:
        if who is not None and call not in self._open:
            self._open[call] = who
            self._waits[who] = self._waits.get(who, 0) + 1

    def _close_call(self, call: str) -> None:
        who = self._open.pop(call, None)
        if who is not None:
            self._waits[who] -= 1
            if not self._waits[who]:
                del self._waits[who]

    def _assign(self, caller: str) -> None:
        if self._shared or caller in self._callers:
            return
        place = self._free()
        if place is None:
            self._callers.append(caller)
        else:
            self._callers[place] = caller

    def _free(self) -> int | None:
        return next(
            (place for place, caller in enumerate(self._callers) if caller not in self._waits), None
        )

    def _recompute(self) -> None:
        if len(self._callers) > max(1, self._capacity - len(self._processes)):
            self._shared, self._callers = True, self._callers[:1]
        numbers = range(2, len(self._callers) + 1)
        callers = (
            ["callers"] if self._shared else ["caller", *(f"caller-{number}" for number in numbers)]
        )
        self._labels = callers[: len(self._callers)]
        room = self._capacity - len(self._labels)
        self._labels += map(visible, self._processes[:room])
        if len(self._processes) > room:
            self._labels[-1] = "others"
        left = LEFT - 4 + self.call_cells
        gap = (self._width - left - MARGIN - TEXT[1]) // max(1, len(self._labels) - 1)
        gap = min(GAP[1], max(GAP[0], gap))
        self._at = [left + gap * lane for lane in range(len(self._labels))]
        self.text = (self._at[-1] if self._at else left) + MARGIN

    def header(self) -> str:
        """The names above their lanes: the first to the right of it, the others in the middle."""
        line = f"{'time':>9}  {pad('call', self.call_cells)} kind"
        gap = self._at[1] - self._at[0] if len(self._at) > 1 else GAP[1]
        for label, column in zip(self._labels, self._at, strict=True):
            name = crop(label, gap - 1, self._ellipsis)
            centred = min(column - cells(name) // 2, self.text - 1 - cells(name))
            line = (
                pad(line, max(cells(line) + 1, column if column == self._at[0] else centred)) + name
            )
        return pad(line, max(cells(line) + 1, self.text)) + "message"

    def draw(self, step: Step, look: KindStyle) -> list[Span]:
        """The lanes as they are at a step, and its arrow or mark, up to where the text begins."""
        source, target = map(self._lane, endpoints(step))
        left = self._at[0] if self._at else 0
        row = [(" ", "")] * (self.text - left if self._at else MARGIN)
        for lane, column in enumerate(self._at):
            row[column - left] = (self._line(lane), "dim")
        if source is not None and target is not None:
            start, stop = self._at[source] - left, self._at[target] - left
            if start == stop:
                row[start : start + 2] = [(look.root or "├", look.colour), ("╮", look.colour)]
            else:
                way = 1 if start < stop else -1
                row[start] = (look.root or ("├" if way > 0 else "┤"), look.colour)
                row[start + way : stop : way] = [(look.arrow, look.colour)] * (
                    abs(stop - start) - 1
                )
                row[stop - way] = ("►" if way > 0 else "◄", look.colour)
        place = source if target is None else target
        if place is not None and look.mark:
            row[self._at[place] - left] = (look.mark, look.colour)
        return _joined(row)

    def _lane(self, name: str | None) -> int | None:
        if name is None:
            return None
        if not is_caller(name):
            return min(len(self._callers) + self._processes.index(name), len(self._labels) - 1)
        if name in self._callers:
            return self._callers.index(name)
        return 0 if self._shared else self._free() or 0

    def _line(self, lane: int) -> str:
        """A lane where nothing happens: somebody waits there, or is free, or has ended."""
        if lane < len(self._callers):
            blocked = (
                any(map(is_caller, self._waits))
                if self._shared
                else self._callers[lane] in self._waits
            )
            return "┆" if blocked else "│"
        place = lane - len(self._callers)
        here = (
            self._processes[place:]
            if lane == len(self._labels) - 1
            else self._processes[place : place + 1]
        )
        if any(name in self._waits for name in here):
            return "┆"
        return " " if self._dead.issuperset(here) else "│"


def _joined(row: Iterable[Span]) -> list[Span]:
    """Neighbours of the same style as one span."""
    return [
        ("".join(text for text, _ in group), style)
        for style, group in groupby(row, key=itemgetter(1))
    ]


# --- the timeline ------------------------------------------------------------------------------------------------------------


class Timeline:
    """Draws steps, in their order. It remembers who has which lane and who is blocked, and nothing of what it has drawn.

    Steps that add nothing, as that a crash is an end, are drawn only in `plain`, or with `entire`.
    """

    def __init__(
        self,
        width: int = 112,
        view: View | None = None,
        *,
        ascii_only: bool = False,
        entire: bool = False,
    ) -> None:
        self.width = max(1, width)
        self.view = view_for(width) if view is None else view
        self._fits = view is None
        self._ascii = ascii_only
        self._entire = entire
        self._ellipsis = "..." if ascii_only else "…"
        self._lanes = Lanes(self.width, self._ellipsis)
        self._header = ""
        self._call_cells = 2  # how wide the columns of the narrow views are
        self._place_cells = 12
        self._begun = False
        self._crashed: set[str] = set()

    def resize(self, width: int) -> None:
        """The terminal has so many columns now: the next rows are drawn for them."""
        if width != self.width:
            self.width = max(1, width)
            if self._fits:
                self.view = view_for(width)
            self._lanes.resize(self.width)

    def set_view(self, view: View | None) -> None:
        """Draw the next rows in another view; None: in what fits."""
        self.view, self._fits = view or view_for(self.width), view is None
        self._header = ""

    def rows(self, step: Step) -> "list[Text]":
        """The rows of a step for Rich: mostly one, a header above it when the lanes have changed."""
        from rich.text import Text

        return [
            Text.assemble(*spans, no_wrap=True, overflow="ellipsis") for spans in self.spans(step)
        ]

    def lines(self, step: Step) -> list[str]:
        """The same as text."""
        return ["".join(text for text, _ in spans) for spans in self.spans(step)]

    def spans(self, step: Step) -> list[list[Span]]:
        """The same as pieces of text with their styles."""
        if self.view == "plain":
            return [[(plain(step), "")]]
        if self.skip(step):
            return []
        match self.view:
            case "wide":
                return self._wide(step)
            case "accessible":
                return [[(accessible(step), "")]]
            case view:
                return [self._narrow(step, with_ends=view == "narrow")]

    def start_from(self, standing: Snapshot) -> None:
        """Begin in the midst, where things stand like this."""
        self._lanes.start_from(standing)

    def skip(self, step: Step) -> bool:
        """Take note of a step without drawing it. The answer is whether it would not be drawn."""
        self._lanes.update(step)
        if self.view in {"narrow", "smallest"}:
            self._call_cells = max(self._call_cells, min(cells(_call(step)), 12))
            self._place_cells = max(self._place_cells, cells(self._place(step)))
        return self._is_redundant(step) and not self._entire

    def header(self) -> list[Span]:
        """The names above the lanes, as they are now; empty where there are no lanes. It is not drawn again until they change."""
        self._header = self._lanes.header()
        return self._fitted([(self._header, "dim")]) if self.view == "wide" else []

    def _is_redundant(self, step: Step) -> bool:
        if step.kind == "start" and not self._begun:
            return True
        self._begun = True
        if step.kind == "crash" and step.at is not None:
            self._crashed.add(step.at)
        if step.kind == "exit" and step.at in self._crashed:
            self._crashed.discard(step.at)
            return step.details.get("link") is None
        told = step.details
        return (
            step.kind == "end"
            and told.get("calls") == told.get("replied")
            and not told.get("dropped")
        )

    def _wide(self, step: Step) -> list[list[Span]]:
        lanes, look = self._lanes, style_of(step)
        rows = [] if self._header == lanes.header() else [self.header()]
        drawn = lanes.draw(step, look)
        if self._ascii:
            drawn = [(text.translate(ASCII), style) for text, style in drawn]
        head = self._head(f"{_clock(step.t, 7):>7} s  ", step, look, lanes.call_cells, 8)
        said = look.wording(step)
        text = self._choose_wording(
            look,
            [(said.body, said.note), said.in_brief()],
            said.must_show,
            "   ",
            self.width - lanes.text,
        )
        return [*rows, self._fitted([*head, *drawn, *text])]

    def _narrow(self, step: Step, *, with_ends: bool) -> list[Span]:
        look = style_of(step)
        head = self._head(f"{_clock(step.t, 6)} ", step, look, self._call_cells, 7)
        if with_ends:
            head.append((pad(self._place(step), self._place_cells) + "  ", ""))
        said = look.wording(step)
        text = self._choose_wording(
            look,
            [said.in_brief()],
            said.must_show,
            " ",
            self.width - sum(cells(text) for text, _ in head),
        )
        return self._fitted([*head, *text])

    def _place(self, step: Step) -> str:
        return crop(
            ">".join(_short(end) for end in endpoints(step) if end is not None), 24, self._ellipsis
        )

    def _head(
        self, time: str, step: Step, look: KindStyle, call_cells: int, word_cells: int
    ) -> list[Span]:
        call = pad(crop(_call(step), call_cells, self._ellipsis), call_cells)
        return [
            (time, "dim"),
            (
                f"{call} {pad(crop(look.word, word_cells, self._ellipsis), word_cells)} ",
                look.colour,
            ),
        ]

    def _choose_wording(
        self, look: KindStyle, choice: list[tuple[str, str]], least: str, gap: str, room: int
    ) -> list[Span]:
        """The first body and note that fit. If none does, the last body is cut, and not its note, which may be the news.

        Where the news is in the body, or hardly anything of the body would be left, `least` is all that is said.
        """
        body = note = behind = ""
        for body, note in choice:
            behind = gap + note if note else ""
            if fits(body, room - cells(behind)):
                break
        else:
            if least and not (note == least and room - cells(behind) >= BODY):
                body, behind = least, ""
        body = crop(body, max(4, room - cells(behind)), self._ellipsis)
        alarming = "red" in look.colour
        return [
            (body, look.colour if alarming and not behind else ""),
            (behind, look.colour if alarming else "dim"),
        ]

    def _fitted(self, spans: list[Span]) -> list[Span]:
        """No wider than the terminal, whatever it is, and without blanks at the end."""
        fitted: list[Span] = []
        room = self.width
        for text, style in spans:
            if text and cells(text) >= room:
                fitted.append((crop(text, room, self._ellipsis), style))
                break
            fitted.append((text, style))
            room -= cells(text)
        while fitted and not fitted[-1][0].rstrip():
            fitted.pop()
        return [*fitted[:-1], *((text.rstrip(), style) for text, style in fitted[-1:])]


def _call(step: Step) -> str:
    """The call that a step belongs to. The life of a process belongs to no single one, so it is not shown under one."""
    return (
        "-" if step.call is None or step.kind in {"start", "crash", "exit"} else visible(step.call)
    )


class Drawing:
    """Steps as something that Rich can print: `console.print(Drawing(steps))`, as wide as the console is."""

    def __init__(
        self, steps: Iterable[Step], view: View | None = None, *, ascii_only: bool | None = None
    ) -> None:
        self.steps = steps
        self.view = view
        self.ascii_only = ascii_only

    def __rich_console__(self, console: "Console", options: "ConsoleOptions") -> "Iterator[Text]":
        ascii_only = options.ascii_only if self.ascii_only is None else self.ascii_only
        timeline = Timeline(options.max_width, self.view, ascii_only=ascii_only)
        for step in self.steps:
            yield from timeline.rows(step)


if __name__ == "__main__":  # python -m genreply_cli.timeline.timeline
    from rich.console import Console

    Console(markup=False, emoji=False, highlight=False).print(
        Drawing(
            [
                Step(1, 0.0, "start", at="coordinator", details={"module": "Coordinator"}),
                Step(
                    2,
                    0.000031,
                    "start",
                    at="websocket",
                    details={"module": "WebSocket", "linked": "coordinator"},
                ),
                Step(
                    3,
                    0.000112,
                    "call",
                    "c1",
                    "caller",
                    "coordinator",
                    message=["greet", "Hello"],
                    details={"timeout": 5.0},
                ),
                Step(4, 0.00014, "noreply", "c1", at="coordinator", details={"waiting": ["c1"]}),
                Step(
                    5,
                    0.000595,
                    "cast",
                    "c1",
                    "coordinator",
                    "websocket",
                    message=["send_message", "Hello"],
                ),
                Step(
                    6,
                    0.251033,
                    "info",
                    "c1",
                    "websocket",
                    "coordinator",
                    message=["message_received", "Hello to you too!"],
                ),
                Step(
                    7,
                    0.25109,
                    "reply",
                    "c1",
                    "coordinator",
                    "caller",
                    message="Hello to you too!",
                    details={"blocked": 0.250978},
                ),
            ]
        )
    )
