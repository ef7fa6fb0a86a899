"""A story as rows."""

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Final

from genreply_cli.errors import ExitStatus, GenreplyError
from genreply_cli.explain.quotes import Code
from genreply_cli.text import crop, pad
from genreply_cli.timeline.timeline import WIDE_COLUMNS
from genreply_cli.transcript.pretty import pretty_name
from genreply_cli.transcript.step import Step

if TYPE_CHECKING:
    from genreply_cli.terminal.screen import Screen
from genreply_cli.explain.story import Sentence, StoryTeller, _wrapped

Row = tuple[str, str]  # text, and its style as Rich names it


INDENT: Final = 11  # columns for the time


ROWS: Final = 6  # for one sentence, on a terminal


def render(
    story: Iterable[Sentence], width: int | None = None, *, ascii_only: bool = False
) -> Iterator[Row]:
    """The rows of a story. From 100 columns on the code is side by side, else below each other; None: nothing is ever wrapped."""
    for told in story:
        time = f"{f'+{told.t:.3f} s':<{INDENT}}"
        code = [("Python", told.python), ("Elixir", told.elixir)]
        if width is None:
            yield f"{time}{told.sentence}", ""
            for language, lines in code:
                if lines is not None:
                    yield from (
                        (f"{' ' * INDENT}{language}, {lines.place}: {line}", "dim")
                        for line in lines.lines
                    )
            continue
        room = max(20, width - INDENT - 1)
        sentence = crop(told.sentence, ROWS * room, "..." if ascii_only else "…")
        for number, row in enumerate(_wrapped(sentence, room)):
            yield f"{' ' * INDENT if number else time}{row}", ""
        side_by_side = width >= WIDE_COLUMNS
        column = (room - 3) // 2 if side_by_side else room
        columns = [
            _column(f"{language}, {lines.place}", lines, column)
            for language, lines in code
            if lines is not None
        ]
        if side_by_side and len(columns) == 2:
            python_column, elixir_column = columns
            columns = [
                _beside(python_column, elixir_column, column, " | " if ascii_only else " │ ")
            ]
        yield from ((" " * INDENT + row, "dim") for rows in columns for row in rows)


def _column(title: str, code: Code, room: int) -> list[str]:
    return [
        *_wrapped(title, room),
        *(f"  {row}" for line in code.lines for row in _wrapped(line, room - 2)),
    ]


def _beside(left: list[str], right: list[str], room: int, between: str) -> list[str]:
    rows = max(len(left), len(right))
    one, other = ([*column, *[""] * (rows - len(column))] for column in (left, right))
    return [f"{pad(a, room)}{between}{b}".rstrip() for a, b in zip(one, other, strict=True)]


def tell(stories: StoryTeller, screen: "Screen") -> None:
    """Show the stories that are worth telling, as the screen can show them."""
    look = screen.mode
    width = screen.width if look.terminal and look.view not in {"plain", "accessible"} else None
    worth = stories.worth_telling()
    for story in worth:
        title = f"{pretty_name(story.call)}: {story.asked}"
        screen.say(
            title if width is None else crop(title, width - 1, "..." if look.ascii_only else "…"),
            "bold",
        )
        for row, style in render(story, width, ascii_only=look.ascii_only):
            screen.say(row, style)
        screen.say("")
    if len(worth) < stories.calls:
        left = stories.calls - len(worth)
        screen.say(
            f"and {left} more {'call' if left == 1 else 'calls'}; genreply trace --explain --call ID tells of one"
        )


def show_story(steps: Iterable[Step], call: str | None, screen: "Screen") -> None:
    """Show the stories of a transcript that are worth telling, or that of one call. Raises GenreplyError if there is none."""
    stories = StoryTeller(call)
    for step in steps:
        stories(step)
    if not stories.calls:
        which = "no calls" if call is None else f"no call {call!r}"
        raise GenreplyError(
            f"there is {which} in this transcript",
            hint="without --explain it is drawn whole",
            exit_code=ExitStatus.USAGE,
        )
    tell(stories, screen)
