"""Steps drawn as a timeline: pure, a row at a time, and a row once drawn never changes.

    timeline = Timeline(width=112)
    for step in steps:
        for row in timeline.rows(step):     # rich.text.Text; or `lines`, the same as str
            console.print(row)

`wide` has a lane for everybody, `narrow` and `smallest` have columns, `plain` is for files and pipes (whole lines, no escapes, no
import of Rich), `accessible` is in sentences.
"""

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Final

from genreply_cli.text import cells, crop, fits, pad, visible
from genreply_cli.timeline.kinds import CROSS, KindStyle, endpoints, style_of
from genreply_cli.timeline.lanes import Lanes, Span
from genreply_cli.timeline.views import View
from genreply_cli.transcript.pretty import pretty_name
from genreply_cli.transcript.snapshot import Snapshot
from genreply_cli.transcript.step import KINDS, Step

if TYPE_CHECKING:
    from rich.console import Console, ConsoleOptions
    from rich.text import Text


WIDE_COLUMNS: Final = 100  # columns; from here on there are lanes
NARROW_COLUMNS: Final = 60  # below, it is not said who asks whom

ASCII: Final = str.maketrans(f"│├┤╮►◄─┈┆■●•!{CROSS}", "|||)><-.:#o*!x")


def view_for(width: int) -> View:
    """The view that fits a terminal of so many columns."""
    return "wide" if width >= WIDE_COLUMNS else "narrow" if width >= NARROW_COLUMNS else "smallest"


# --- the views that are only text --------------------------------------------------------------------------------------------


def plain_line(step: Step) -> str:
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


def accessible_line(step: Step) -> str:
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


def _clock(seconds: float, room: int) -> str:
    """Seconds since the start, with as many decimals as there is room for, and at most three."""
    return next(
        (text for places in (3, 2, 1) if len(text := f"+{seconds:.{places}f}") <= room),
        f"+{seconds:.0f}",
    )


def _short(name: str | None) -> str:
    """A name where there is little room."""
    stem, dash, number = pretty_name(name).partition("-")
    return {"coordinator": "coord", "websocket": "ws"}.get(stem, stem) + dash + number


# --- lanes -------------------------------------------------------------------------------------------------------------------

MIN_BODY_CELLS: Final = 6  # cells: less of a body than that says nothing


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
            return [[(plain_line(step), "")]]
        if self.skip(step):
            return []
        match self.view:
            case "wide":
                return self._wide(step)
            case "accessible":
                return [[(accessible_line(step), "")]]
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
            if least and not (note == least and room - cells(behind) >= MIN_BODY_CELLS):
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
    facts = KINDS.get(step.kind)
    return (
        "-" if step.call is None or (facts is not None and facts.lifecycle) else visible(step.call)
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
