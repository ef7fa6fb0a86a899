"""A value is written as Python and as Elixir, whatever its own `__repr__` does."""

import pytest

from genreply_cli.explain.notation import Notation


class Raises:
    def __repr__(self) -> str:
        raise RuntimeError("this object has no text")


class ClearsTheScreen:
    def __repr__(self) -> str:
        return "\x1b[2J"


NOTATION = Notation(str)


@pytest.mark.parametrize("value", [Raises(), [Raises()], {"key": Raises()}, ("tag", Raises())])
def test_an_object_whose_repr_raises_is_still_written(value: object) -> None:
    for text in NOTATION.python(value), NOTATION.elixir(value), NOTATION.message(value):
        assert "Raises" in text


@pytest.mark.parametrize("value", [ClearsTheScreen(), ("tag", ClearsTheScreen())])
def test_what_an_object_says_of_itself_never_steers_the_terminal(value: object) -> None:
    for text in NOTATION.python(value), NOTATION.elixir(value), NOTATION.message(value):
        assert "\x1b" not in text
