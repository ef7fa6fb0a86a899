"""A story as rows of text."""

from collections.abc import Collection, Iterable, Iterator
from itertools import zip_longest
from typing import TYPE_CHECKING, Final, NamedTuple

from genreply_cli.errors import ExitStatus, GenreplyError
from genreply_cli.explain.highlight import CODE, Piece, coloured
from genreply_cli.explain.quotes import Code, Quote
from genreply_cli.explain.story import Sentence, StoryTeller
from genreply_cli.text import cells, counted, crop, wrap
from genreply_cli.timeline.lanes import WIDE_COLUMNS
from genreply_cli.transcript.pretty import pretty_name
from genreply_cli.transcript.step import Step

if TYPE_CHECKING:
    from pathlib import Path

    from genreply_cli.terminal.screen import Screen

INDENT: Final = 11  # columns for the time
MIN_COLUMNS: Final = 20  # for a sentence, however narrow the terminal is
MAX_ROWS: Final = 6  # for one sentence, on a terminal


class Row(NamedTuple):
    """A row: its pieces, and the style of those that are no code, as Rich names it."""

    pieces: list[Piece]
    style: str = ""

    @property
    def text(self) -> str:
        """The row without styles."""
        return "".join(text for text, _ in self.pieces)


def render(
    story: Iterable[Sentence], width: int | None = None, *, ascii_only: bool = False
) -> Iterator[Row]:
    """The rows of a story, in `width` columns; None: nothing is wrapped.

    In a wide terminal the Python and the Elixir stand side by side, else below each other.
    """
    for sentence in story:
        yield from _unwrapped(sentence) if width is None else _wrapped(sentence, width, ascii_only)


def _unwrapped(sentence: Sentence) -> Iterator[Row]:
    yield Row([(_time(sentence) + sentence.sentence, "")], sentence.style)
    for language, code in _languages(sentence):
        if code.missing:
            yield Row([(f"{' ' * INDENT}{language}, {code.place}: {code.missing}", "")], CODE)
        for index, line in enumerate(code.lines):
            place = f"{' ' * INDENT}{language}, {code.place_of(index)}: "
            yield Row([(place, ""), (line, language)], CODE)


def _wrapped(sentence: Sentence, width: int, ascii_only: bool) -> Iterator[Row]:
    room = max(MIN_COLUMNS, width - INDENT - 1)
    text = crop(sentence.sentence, MAX_ROWS * room, _ellipsis(ascii_only))
    first, *others = wrap(text, room)
    yield Row([(_time(sentence) + first, "")], sentence.style)
    yield from (Row([(" " * INDENT + row, "")], sentence.style) for row in others)

    quoted = Quote(sentence.python, sentence.elixir)
    side_by_side = width >= WIDE_COLUMNS
    for row in quoted_rows(quoted, room, side_by_side=side_by_side, ascii_only=ascii_only):
        yield Row([(" " * INDENT, ""), *row], CODE)


def quoted_rows(
    quoted: Quote, width: int, *, side_by_side: bool, ascii_only: bool
) -> list[list[Piece]]:
    """The Python and the Elixir in rows of `width` columns; none for what is not known."""
    separator = " | " if ascii_only else " │ "
    column_width = (width - len(separator)) // 2 if side_by_side else width
    columns = [_column(language, code, column_width) for language, code in _languages(quoted)]
    if side_by_side and len(columns) == 2:
        left, right = columns
        columns = [_side_by_side(left, right, column_width, separator)]
    return [row for column in columns for row in column]


def _time(sentence: Sentence) -> str:
    return f"{f'+{sentence.t:.3f} s':<{INDENT}}"


def _ellipsis(ascii_only: bool) -> str:
    return "..." if ascii_only else "…"


def _languages(quoted: Sentence | Quote) -> Iterator[tuple[str, Code]]:
    for language, code in (("Python", quoted.python), ("Elixir", quoted.elixir)):
        if code is not None:
            yield language, code


def _column(language: str, code: Code, width: int) -> list[list[Piece]]:
    head = f"{language}, {code.place}" + (f": {code.missing}" if code.missing else "")
    rows: list[list[Piece]] = [[(row, "")] for row in wrap(head, width)]
    for line in code.lines:
        text = line.lstrip()
        indent = "  " + " " * min(len(line) - len(text), width // 2)
        rows += [[(indent + row, language)] for row in wrap(text, width - len(indent))]
    return rows


def _side_by_side(
    left: list[list[Piece]], right: list[list[Piece]], width: int, separator: str
) -> list[list[Piece]]:
    rows = []
    for a, b in zip_longest(left, right, fillvalue=[("", "")]):
        room = width - sum(cells(text) for text, _ in a)
        between = " " * room + separator
        rows.append([*a, (between, ""), *b] if b[0][0] else [*a, (between.rstrip(), "")])
    return rows


def show_stories(stories: StoryTeller, screen: "Screen") -> None:
    """Show the stories that are worth telling, as the screen can show them."""
    mode = screen.mode
    wraps = mode.terminal and mode.view not in {"plain", "accessible"}
    width = screen.width if wraps else None
    shown = stories.worth_telling()
    for story in shown:
        title = f"{pretty_name(story.call)}: {story.question}"
        if width is not None:
            title = crop(title, width - 1, _ellipsis(mode.ascii_only))
        screen.say(title, "bold")
        rows = render(story, width, ascii_only=mode.ascii_only)
        if mode.color:
            screen.say_rows(
                coloured(row.pieces) if row.style == CODE else [(row.text, row.style)]
                for row in rows
            )
        else:
            screen.say_rows([(row.text, "")] for row in rows)
        screen.say("")
    left = stories.calls - len(shown)
    if left > 0:
        screen.say(
            f"and {counted(left, 'more call')}; genreply trace --explain --call ID tells of one"
        )


def explain_calls(
    steps: Iterable[Step],
    calls: Collection[str],
    screen: "Screen",
    sources: "Path | None" = None,
) -> None:
    """Show the stories of these calls, in the order of asking; without calls, those worth telling.

    The sources of a program of one's own are looked for in a folder: None is the current one.
    Raises GenreplyError if there is no such call.
    """
    stories = StoryTeller(calls, sources=sources)
    for step in steps:
        stories.update(step)
    if not stories.calls:
        which = f"no call {' or '.join(map(repr, sorted(calls)))}" if calls else "no calls"
        raise GenreplyError(
            f"there is {which} in this transcript",
            hint="without --explain it is drawn whole",
            exit_code=ExitStatus.USAGE,
        )
    show_stories(stories, screen)
