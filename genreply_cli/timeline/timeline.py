"""Steps drawn as a timeline: row by row, and a row that has been drawn never changes.

    timeline = Timeline(width=112)
    for step in steps:
        for row in timeline.rows(step):     # rich.text.Text; `lines` gives str
            console.print(row)

The view `wide` has lanes, compact ones below 100 columns; `narrow` and `smallest` are tables.
`plain` is for files and pipes: whole lines without escapes, and Rich is not imported. `accessible`
is in sentences.
"""

from typing import TYPE_CHECKING, Final

from genreply_cli.text import cells, crop, fits, pad, visible
from genreply_cli.timeline.kinds import CROSS, STYLES, KindStyle, endpoints, is_drawn, style_of
from genreply_cli.timeline.lanes import (
    BLOCKED,
    BUSY,
    KEEPING,
    MAX_CALL_CELLS,
    Lanes,
    Span,
    short_name,
)
from genreply_cli.timeline.lines import accessible_line, plain_line
from genreply_cli.timeline.views import View
from genreply_cli.timeline.wording import Wording
from genreply_cli.transcript.snapshot import Snapshot
from genreply_cli.transcript.step import KINDS, Step

if TYPE_CHECKING:
    from rich.text import Text

LANES_COLUMNS: Final = 72  # a terminal of at least this width has lanes
NARROW_COLUMNS: Final = 60  # a narrower one has no column for the endpoints
MIN_BODY_CELLS: Final = 6  # a body that is cut shorter says nothing
MAX_ENDPOINT_CELLS: Final = 24

ASCII: Final = str.maketrans(f"│┃║├┤╟╢╮►◄─━┈■□●•◁▷·!{CROSS}", "|#H||HH)><-=.Oo**<>.!x")

LEGEND: Final = {  # the signs in the lanes: their meanings and colours
    BLOCKED[0]: ("caller blocked", BLOCKED[1]),
    BUSY[0]: ("server busy", BUSY[1]),
    STYLES["noreply"].mark: ("caller kept", STYLES["noreply"].colour),
    KEEPING[0]: ("still kept", KEEPING[1]),
}


def view_for(width: int) -> View:
    """The view that fits a terminal of `width` columns."""
    return "wide" if width >= LANES_COLUMNS else "narrow" if width >= NARROW_COLUMNS else "smallest"


class Timeline:
    """Draws steps in their order. It remembers the lanes and the open calls, but no row.

    A step that repeats what a row above says (the `exit` after a crash, the `end` of a recording in
    which all calls were answered) is drawn only in `plain`, or if `entire` is true. The state of a
    server is drawn only if a caller was forgotten, or if `states` is true.
    """

    def __init__(
        self,
        width: int = 112,
        view: View | None = None,
        *,
        ascii_only: bool = False,
        entire: bool = False,
        states: bool = False,
    ) -> None:
        self.width = max(1, width)  # in columns
        self.view = view_for(width) if view is None else view
        self._view_fits_width = view is None
        self._ascii = ascii_only
        self._entire = entire
        self._states = states
        self._ellipsis = "..." if ascii_only else "…"
        self._lanes = Lanes(self.width, self._ellipsis)
        self._drawn_version = 0  # of the names above the lanes
        self._rows_below = 0  # those names, since they were drawn
        self.max_rows_below: int | None = None  # with the next call they are drawn again
        self._call_cells = 2  # the widths of two columns of the narrow views
        self._endpoint_cells = 12
        self._begun = False
        self._crashed: set[str] = set()

    def resize(self, width: int) -> None:
        """Draw the next rows for a terminal of `width` columns."""
        if width != self.width:
            self.width = max(1, width)
            if self._view_fits_width:
                self.view = view_for(width)
            self._lanes.resize(self.width)

    def set_view(self, view: View | None) -> None:
        """Draw the next rows in another view; None is the view that fits the width."""
        self.view, self._view_fits_width = view or view_for(self.width), view is None
        self.forget_header()

    def forget_header(self) -> None:
        """Draw the names above the lanes again, before the next row."""
        self._drawn_version = 0

    def go_on_from(self, snapshot: Snapshot) -> None:
        """Go on at another place of the transcript, at this state of its calls and processes."""
        self._lanes.go_on_from(snapshot)

    def rows(self, step: Step, *, faint: bool = False) -> "list[Text]":
        """The rows of a step for Rich: mostly one, below a header when the lanes have changed."""
        from rich.text import Text

        return [
            Text.assemble(
                *(make_faint(spans) if faint else spans), no_wrap=True, overflow="ellipsis"
            )
            for spans in self.spans(step)
        ]

    def lines(self, step: Step) -> list[str]:
        """The rows of a step as text."""
        return ["".join(text for text, _ in spans) for spans in self.spans(step)]

    def spans(self, step: Step) -> list[list[Span]]:
        """The rows of a step as pieces of text with their styles."""
        if self.view == "plain":
            drawn = is_drawn(step, states=self._states)
            return [[(plain_line(step), "")]] if drawn else []
        if self.skip(step):
            return []
        match self.view:
            case "wide":
                return self._wide(step)
            case "accessible":
                return [[(accessible_line(step, *self._more_words(step)), "")]]
            case view:
                return [self._narrow(step, with_endpoints=view == "narrow")]

    def skip(self, step: Step) -> bool:
        """Follow a step without drawing it. Returns whether it would not be drawn at all."""
        self._lanes.update(step)
        if self.view in {"narrow", "smallest"}:
            call_cells = min(cells(_call(step)), MAX_CALL_CELLS)
            self._call_cells = max(self._call_cells, call_cells)
            self._endpoint_cells = max(self._endpoint_cells, cells(self._endpoints(step)))
        if not is_drawn(step, states=self._states):
            return True
        return self._is_redundant(step) and not self._entire

    def header(self) -> list[Span]:
        """The names above the lanes; empty without lanes. It is drawn again when they change."""
        self._drawn_version = self._lanes.version
        self._rows_below = 0
        return self._fitted([(self._lanes.header(), "dim")]) if self.view == "wide" else []

    def explanation(self, *, legend: bool) -> list[Span]:
        """How to read the rows: a `legend` of the lanes, or how to get lanes; mostly nothing."""
        if self.view == "wide" and legend:
            signs = [(sign.translate(ASCII) if self._ascii else sign) for sign in LEGEND]
            meanings = LEGEND.values()
            spans = [
                span
                for sign, (meaning, colour) in zip(signs, meanings, strict=True)
                for span in ((sign, colour), (f" {meaning}   ", "dim"))
            ]
            return self._fitted(spans)
        if self.view in {"narrow", "smallest"} and self._view_fits_width:
            return self._fitted([(f"lanes need {LANES_COLUMNS} columns: widen the window", "dim")])
        return []

    def _is_redundant(self, step: Step) -> bool:
        if step.kind == "start" and not self._begun:
            return True
        self._begun = True
        if step.kind == "crash" and step.at is not None:
            self._crashed.add(step.at)
        if step.kind == "exit" and step.at in self._crashed:
            self._crashed.discard(step.at)
            return step.details.get("link") is None
        counts = step.details
        all_replied = counts.get("calls") == counts.get("replied") and not counts.get("dropped")
        return step.kind == "end" and all_replied

    def _wide(self, step: Step) -> list[list[Span]]:
        lanes, style = self._lanes, style_of(step)
        most = self.max_rows_below
        if most is not None and step.kind == "call" and self._rows_below >= most:
            self.forget_header()
        rows = [] if self._drawn_version == lanes.version else [self.header()]
        self._rows_below += 1
        drawn = lanes.draw(step, style)
        if self._ascii:
            drawn = [(text.translate(ASCII), colour) for text, colour in drawn]
        wide = not lanes.is_compact
        time = f"{_clock(step.t, 7):>7} s  " if wide else f"{_clock(step.t, 6):>6} "
        head = self._head(time, step, style, lanes.call_cells, 8 if wide else 7)
        style, wording = self._wording(step, style)
        choice = [(wording.body, wording.note), wording.in_brief()]
        room = self.width - lanes.text
        gap = "   " if wide else " "
        text = self._choose_wording(style, choice[not wide :], wording.must_show, gap, room)
        return [*rows, self._fitted([*head, *drawn, *text])]

    def _narrow(self, step: Step, *, with_endpoints: bool) -> list[Span]:
        style = style_of(step)
        head = self._head(f"{_clock(step.t, 6)} ", step, style, self._call_cells, 7)
        if with_endpoints:
            head.append((pad(self._endpoints(step), self._endpoint_cells) + "  ", ""))
        style, wording = self._wording(step, style)
        room = self.width - sum(cells(text) for text, _ in head)
        choice = [wording.in_brief()]
        text = self._choose_wording(style, choice, wording.must_show, " ", room)
        return self._fitted([*head, *text])

    def _wording(self, step: Step, style: KindStyle) -> tuple[KindStyle, Wording]:
        """The words of a row. One that tells what goes wrong at this moment is red."""
        wording, moment = style.wording(step), self._lanes.moment(step)
        if moment is None:
            return style, wording
        full, brief = moment
        body, _ = wording.in_brief()
        wording = wording._replace(note=full, brief=(body, brief), must_show=brief)
        return style._replace(colour="red"), wording

    def _more_words(self, step: Step) -> list[str]:
        """What a sentence says beside the words of the step: what goes wrong at this moment."""
        return list((self._lanes.moment(step) or ())[:1])

    def _endpoints(self, step: Step) -> str:
        names = ">".join(short_name(end) for end in endpoints(step) if end is not None)
        return crop(names, MAX_ENDPOINT_CELLS, self._ellipsis)

    def _head(
        self, time: str, step: Step, style: KindStyle, call_cells: int, word_cells: int
    ) -> list[Span]:
        call = pad(crop(_call(step), call_cells, self._ellipsis), call_cells)
        word = pad(crop(style.word, word_cells, self._ellipsis), word_cells)
        return [(time, "dim"), (f"{call} {word} ", style.colour)]

    def _choose_wording(
        self,
        style: KindStyle,
        choice: list[tuple[str, str]],
        must_show: str,
        gap: str,
        room: int,
    ) -> list[Span]:
        """The first body and note that fit into `room` cells.

        If none fits, the last body is cut, but not its note. If what `must_show` says would be cut,
        or too little of the body would be left, `must_show` stands alone.
        """
        body = note = behind = ""
        for body, note in choice:
            behind = gap + note if note else ""
            if fits(body, room - cells(behind)):
                break
        else:
            note_is_enough = note == must_show and room - cells(behind) >= MIN_BODY_CELLS
            if must_show and not note_is_enough:
                body, behind = must_show, ""
        body = crop(body, max(4, room - cells(behind)), self._ellipsis)
        alarming = "red" in style.colour
        return [
            (body, style.colour if alarming and not behind else ""),
            (behind, style.colour if alarming else "dim"),
        ]

    def _fitted(self, spans: list[Span]) -> list[Span]:
        """The spans cut to the width of the terminal, without blanks at the end."""
        fitted: list[Span] = []
        room = self.width
        for text, style in spans:
            taken = cells(text)
            if taken >= room and text:
                fitted.append((crop(text, room, self._ellipsis), style))
                break
            fitted.append((text, style))
            room -= taken
        while fitted and not fitted[-1][0].rstrip():
            fitted.pop()
        return [*fitted[:-1], *((text.rstrip(), style) for text, style in fitted[-1:])]


def make_faint(spans: list[Span]) -> list[Span]:
    """The pieces of a row of less interest."""
    return [("".join(text for text, _ in spans), "dim")]


def _clock(seconds: float, room: int) -> str:
    """Seconds since the start, with up to three decimals, as many as `room` characters hold."""
    return next(
        (text for places in (3, 2, 1) if len(text := f"+{seconds:.{places}f}") <= room),
        f"+{seconds:.0f}",
    )


def _call(step: Step) -> str:
    """The call of a step, or `-`. The life of a process belongs to no single call."""
    facts = KINDS.get(step.kind)
    if step.call is None or (facts is not None and facts.lifecycle):
        return "-"
    return visible(step.call)
