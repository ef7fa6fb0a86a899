"""Where in the exhibits something happens: the lines of Python, and beside them the lines of Elixir.

Both are found in the sources, by the function in which it happens and the words that do it: what is shown is what has run.
"""

import ast
import inspect
import re
from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import Path
from typing import Final, NamedTuple

from genreply_cli.session.network import KINDS, FaultyLink
from genreply_cli.variations import COORDINATORS

ELIXIR: Final = Path(__file__).parent.parent / "elixir" / "coordinators.exs"


class Code(NamedTuple):
    """Lines of a source file, and where the first of them stands."""

    file: str
    number: int
    lines: tuple[str, ...]

    @property
    def place(self) -> str:
        """As an editor takes it: `coordinator.py:33`."""
        return f"{self.file}:{self.number}"


class Place(NamedTuple):
    """Where something happens: in whose class or module; in which function, at which words, all of which must be there."""

    owner: str
    python: tuple[str, ...]
    elixir: tuple[str, ...]


# What happens, and where: the first place that is there, for not every design has them all.
PLACES: Final[dict[str, list[Place]]] = {
    "ask": [Place("coordinator", ("greet", "call"), ("greet", "GenServer.call"))],
    "pass on": [
        Place("coordinator", ("handle_call", "send_message"), ("handle_call", "send_message"))
    ],
    "wait inside": [Place("coordinator", ("handle_call", "receive"), ("handle_call", "receive"))],
    "keep": [
        Place(
            "coordinator", ("handle_call", "from_", "NoReply"), ("handle_call", "from", ":noreply")
        )
    ],
    "answer": [Place("socket", ("handle_cast", "send"), ("handle_cast", "send"))],
    "reply": [
        Place("coordinator", ("handle_call", "Reply"), ("handle_call", ":reply")),
        Place("coordinator", ("handle_info", "reply"), ("handle_info", "GenServer.reply")),
    ],
    "hand on": [Place("coordinator", ("handle_info", "reply"), ("handle_info", "GenServer.reply"))],
    "nobody": [
        Place("coordinator", ("handle_info", "callers"), ("handle_info", "_callers")),
        Place("coordinator", ("handle_info", "NoReply"), ("handle_info", ":noreply")),
    ],
    "link": [Place("coordinator", ("init", "connect"), ("init", "connect"))],
    **{kind: [Place("network", ("send", kind), ("pass", f'"{kind}"'))] for kind in KINDS},
}


@cache
def python_lines(happens: str, coordinator: str) -> Code | None:
    """The lines of Python in which this happens, for a coordinator by its name; None if it does not happen there."""
    found = (
        _in_python(_class(place.owner, coordinator), *place.python) for place in PLACES[happens]
    )
    return next(filter(None, found), None)


@cache
def elixir_lines(happens: str, coordinator: str) -> Code | None:
    """The same in Elixir. Its modules have the names of the Python classes."""
    found = (
        _in_elixir(_class(place.owner, coordinator).__name__, *place.elixir)
        for place in PLACES[happens]
    )
    return next(filter(None, found), None)


def _class(whose: str, coordinator: str) -> type:
    return FaultyLink if whose == "network" else COORDINATORS[coordinator][whose == "socket"]


# --- Python ------------------------------------------------------------------------------------------------------------------


def _in_python(cls: type, function: str, *words: str) -> Code | None:
    owner = next((base for base in cls.__mro__ if function in vars(base)), None)
    try:
        path = Path(inspect.getsourcefile(owner) or "") if owner is not None else None
        source = "" if path is None else path.read_text(encoding="utf-8")
    except (OSError, TypeError):  # installed without its sources
        return None
    if owner is None or path is None:
        return None
    classes = (
        node
        for node in ast.parse(source).body
        if isinstance(node, ast.ClassDef) and node.name == owner.__name__
    )
    functions = (
        each for node in classes for each in node.body if getattr(each, "name", None) == function
    )
    statements = [part for each in functions for part in _parts(each)][
        1:
    ]  # without the head of the function
    found = [next((part for part in statements if word in _words(part)), None) for word in words]
    parts = [part for part in found if part is not None]
    if len(parts) < len(words):
        return None
    numbers = sorted({number for part in parts for number in _span(part)})
    text = source.splitlines()
    return Code(
        path.name,
        numbers[0],
        _unindented([re.sub(r"  # .*", "", text[number - 1]) for number in numbers]),
    )


def _parts(node: ast.AST) -> Iterator[ast.AST]:
    """The statements and cases in a statement, and itself, in their order."""
    yield node
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.stmt | ast.match_case):
            yield from _parts(child)


def _words(part: ast.AST) -> Iterator[str]:
    """The names and texts in a statement, but for the statements that it contains."""
    for child in ast.iter_child_nodes(part):
        if not isinstance(child, ast.stmt | ast.match_case):
            for node in ast.walk(child):
                match node:
                    case (
                        ast.Name(id=word) | ast.Attribute(attr=word) | ast.Constant(value=str(word))
                    ):
                        yield word


def _span(part: ast.AST) -> Iterator[int]:
    """The lines of a statement; of one that contains others only its head, and what is done if that is only one thing."""
    if isinstance(part, ast.match_case):
        yield part.pattern.lineno
        return
    assert isinstance(part, ast.stmt)
    inside: Sequence[ast.stmt | ast.match_case] = getattr(part, "body", []) or getattr(
        part, "cases", []
    )
    yield part.lineno
    if not inside:
        yield from range(part.lineno + 1, (part.end_lineno or part.lineno) + 1)
    elif isinstance(part, ast.If) and len(inside) == 1:
        yield from _span(inside[0])


# --- Elixir ------------------------------------------------------------------------------------------------------------------


def _in_elixir(module: str, function: str, *words: str) -> Code | None:
    try:
        text = ELIXIR.read_text(encoding="utf-8").splitlines()
    except OSError:
        return None
    body = list(_body(text, module, function))
    found = [next((number for number in body if _says(text[number], word)), None) for word in words]
    numbers = sorted({number for number in found if number is not None})
    if None in found:
        return None
    numbers += [number + 1 for number in numbers if text[number].endswith("->")]
    lines = [re.sub(r"^ *def .*, do: ", "", text[number]) for number in numbers]
    return Code(ELIXIR.name, numbers[0] + 1, _unindented(lines))


def _body(text: Sequence[str], module: str, function: str) -> Iterator[int]:
    """Where the lines of a function stand, without its head, unless that is all."""
    inside = within = False
    for number, line in enumerate(text):
        if re.match(r"defmodule|end", line):
            inside = line == f"defmodule {module} do"
        elif inside and re.match(r"  (defp? |end)", line):
            within = re.match(rf"  defp? {function}\b", line) is not None
            if within and ", do:" in line:
                yield number
        elif inside and within:
            yield number


def _says(line: str, word: str) -> bool:
    return re.search(rf"(?<!\w){re.escape(word)}(?!\w)", line) is not None


def _unindented(lines: Sequence[str]) -> tuple[str, ...]:
    margin = min(len(line) - len(line.lstrip()) for line in lines)
    return tuple(line[margin:].rstrip() for line in lines)
