"""Colours for the quoted lines of Python and of Elixir."""

from collections.abc import Iterable
from functools import cache
from itertools import groupby
from operator import itemgetter
from typing import Any, Final

Piece = tuple[str, str]  # a text, and the language that it is in; "" if it is no code

CODE: Final = "dim"  # what has no colour of its own
# by the beginning of the name that pygments gives to a token; the first that fits
STYLES: Final = (
    ("Token.Comment", "dim italic"),
    ("Token.Keyword", "magenta"),
    ("Token.Literal.String.Symbol", "cyan"),
    ("Token.Literal.String", "green"),
    ("Token.Literal.Number", "green"),
    ("Token.Name.Class", "blue"),
    ("Token.Name.Builtin.Pseudo", "cyan"),
)


def coloured(row: Iterable[Piece]) -> list[tuple[str, str]]:
    """The pieces of a row with their styles, as Rich names them."""
    spans: list[tuple[str, str]] = []
    for text, language in row:
        spans += _tokens(text, language) if language else [(text, CODE)]
    return [
        ("".join(text for text, _ in same), style) for style, same in groupby(spans, itemgetter(1))
    ]


def _tokens(text: str, language: str) -> list[tuple[str, str]]:
    code = text.lstrip()
    indent = text[: len(text) - len(code)]
    tokens = _lexer(language).get_tokens(code)
    return [(indent, CODE), *((part, _style(str(kind))) for kind, part in tokens)]


def _style(kind: str) -> str:
    return next((style for begin, style in STYLES if kind.startswith(begin)), CODE)


@cache
def _lexer(language: str) -> Any:
    from pygments.lexers.erlang import ElixirLexer
    from pygments.lexers.python import PythonLexer

    options: dict[str, Any] = {"ensurenl": False, "stripnl": False}
    return (PythonLexer if language == "Python" else ElixirLexer)(**options)
