"""A lesson as rows of text: its sentences, and its Python beside the Elixir."""

import inspect
import re
import textwrap
from collections.abc import Callable, Iterator
from itertools import zip_longest
from typing import Any, Final

from genreply_cli import paths
from genreply_cli.explain.highlight import Piece, coloured
from genreply_cli.explain.quotes import ELIXIR
from genreply_cli.learn.lessons import Lesson
from genreply_cli.terminal.screen import Screen
from genreply_cli.text import pad, wrap

CALLBACKS: Final = ("handle_call", "handle_info")
GAP: Final = 3  # columns between the two languages
MAX_TEXT: Final = 92  # columns; longer lines are hard to read


def show(lesson: Lesson, number: int, screen: Screen) -> None:
    """Show all of a lesson but its question."""
    room = screen.width - 1 if screen.mode.terminal else None
    screen.say(f"Lesson {number} of 6: {lesson.title}", "bold", wraps=False)
    say(screen, *lesson.text.split("\n\n"))
    screen.say("")
    screen.say_rows(map(coloured, _code_rows(lesson, room)))


def say(screen: Screen, *paragraphs: str, style: str = "") -> None:
    """Show paragraphs, each after an empty line."""
    room = min(MAX_TEXT, screen.width - 1) if screen.mode.terminal else MAX_TEXT
    for paragraph in paragraphs:
        screen.say("")
        for line in wrap(paragraph, room):
            screen.say(line, style, wraps=False)


def _code_rows(lesson: Lesson, room: int | None) -> Iterator[list[Piece]]:
    """Side by side where that fits, else below each other; off a terminal no line is broken."""
    python = [*_python(lesson.coordinator)][:-1]
    elixir = [*_elixir(lesson.coordinator.__name__)][:-1]
    width = max(map(len, python)) + GAP
    if room is not None and width + max(map(len, elixir)) <= room:
        yield [(pad("  Python", width), ""), ("Elixir", "")]
        for left, right in zip_longest(python, elixir, fillvalue=""):
            yield [(pad(left, width), "Python"), (right, "Elixir")]
        return
    for language, code in (("Python", python), ("Elixir", elixir)):
        yield [(f"  {language}", "")]
        yield from ([(part, language)] for line in code for part in _broken(line, room))
        if code is python:
            yield [("", "")]


def _broken(line: str, room: int | None) -> Iterator[str]:
    if room is None or len(line) <= room:
        yield line
        return
    indent = " " * (len(line) - len(line.lstrip()))
    first, *others = wrap(line.strip(), room - len(indent) - 4)
    yield indent + first
    yield from (f"{indent}    {other}" for other in others)


def _python(server: type[Any]) -> Iterator[str]:
    """The callbacks that this class or its module has, without what is for type checkers only."""
    for name in CALLBACKS:
        function: Callable[..., Any] | None = vars(server).get(name)
        if function is not None:
            text = textwrap.dedent(inspect.getsource(function))
            for line in text.splitlines():
                yield re.sub(r"  # type: ignore.*", "", line)
            yield ""


def _elixir(name: str) -> Iterator[str]:
    """The same callbacks of the module with this name."""
    source = paths.read_source(ELIXIR)
    module = re.search(rf"^defmodule {name} do\n(.*?)^end$", source, re.DOTALL | re.MULTILINE)
    body = "" if module is None else module[1]
    for callback in CALLBACKS:
        found = re.findall(rf"^  def {callback}\(.*?^  end$", body, re.DOTALL | re.MULTILINE)
        for text in found:
            yield from textwrap.dedent(text).splitlines()
            yield ""
