"""The table behind all views is whole, and its rows fit where they are drawn."""

import pytest

from genreply_cli.timeline.kinds import STYLES, style_of
from genreply_cli.transcript.pretty import duration, pretty, pretty_message
from genreply_cli.transcript.step import KINDS, NO_MESSAGE, Step

ANSI = {"cyan", "blue", "yellow", "magenta", "green", "red", "dim", "bold"}


def test_every_kind_has_a_look_of_its_own_and_some_have_a_second_one() -> None:
    assert set(STYLES) == set(KINDS) | {"wrong", "raised", "stopped", "forget", "gave up"}


@pytest.mark.parametrize("kind", STYLES)
def test_a_word_fits_its_column_and_a_colour_is_one_of_the_terminals_own(kind: str) -> None:
    look = STYLES[kind]
    assert len(look.word) <= 7
    assert set(look.colour.split()) <= ANSI
    assert len(look.mark) <= 1


@pytest.mark.parametrize("kind", [*sorted(KINDS), "tomorrow"])
def test_a_step_that_says_nothing_still_has_something_to_show(kind: str) -> None:
    said = style_of(Step(1, 0.0, kind)).wording(Step(1, 0.0, kind))
    assert all(isinstance(text, str) for text in (*said.in_brief(), *said.at_length()))


@pytest.mark.parametrize(
    ("message", "text"),
    [
        (["greet", "Hello"], 'greet "Hello"'),
        (["greet", "A", [1, None]], 'greet "A", [1, null]'),
        (["timeout"], "timeout"),
        (["not a tag", 1], '["not a tag", 1]'),
        ("ok", '"ok"'),
        (NO_MESSAGE, ""),
        ({"raise": "ValueError: boom"}, "raises ValueError: boom"),
        ({"a": {"repr": "<Room>"}, "b": True}, '{"a": <Room>, "b": true}'),
        (1.5, "1.5"),
    ],
)
def test_a_message_is_shown_as_its_tag_and_values(message: object, text: str) -> None:
    assert pretty_message(message) == text


def test_a_reply_has_no_tag() -> None:
    assert pretty(["greet", "Hello"]) == '["greet", "Hello"]'


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0.0, "0 ms"),
        (0.000251, "0.251 ms"),
        (0.002, "2 ms"),
        (0.250978, "251 ms"),
        (1.3, "1.300 s"),
    ],
)
def test_a_wait_is_told_in_the_unit_that_fits(seconds: float, text: str) -> None:
    assert duration(seconds) == text
