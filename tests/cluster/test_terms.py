"""What Python values are in Erlang, and what Erlang's terms are here."""

from dataclasses import dataclass

import pytest
from erlang import OtpErlangBinary, binary_to_term

from genreply_cli.cluster.terms import Atom, NotATerm, as_value, by_tag, decode, encode, value_in
from genreply_cli.coordinator import Greet


@dataclass(frozen=True)
class Ping:
    """A message without fields."""


@dataclass(frozen=True)
class HTTPGet:
    path: str
    tries: int


def test_a_message_is_its_tagged_tuple_and_one_without_fields_an_atom() -> None:
    assert as_value(decode(encode(Greet("Hello")))) == (Atom("greet"), "Hello")
    assert as_value(decode(encode(Ping()))) == Atom("ping")
    assert as_value(decode(encode(HTTPGet("/", 3)))) == (Atom("http_get"), "/", 3)


def test_only_the_classes_that_a_server_names_are_made_of_terms() -> None:
    known = by_tag([Greet, Ping])
    assert as_value(decode(encode(Greet("Hello"))), known) == Greet("Hello")
    assert as_value(decode(encode([Ping(), (1, Ping())])), known) == [Ping(), (1, Ping())]
    for unknown in ((Atom("greet"), "a", "b"), Atom("greet"), (Atom("http_get"), "/", 1)):
        assert as_value(decode(encode(unknown)), known) == unknown
    for wrong in (Greet("x"), str):
        with pytest.raises(TypeError, match="no dataclass"):
            by_tag([wrong])  # type: ignore[list-item]


@dataclass(frozen=True)
class Positive:
    number: int

    def __post_init__(self) -> None:
        if self.number <= 0:
            raise ValueError(self.number)


def test_values_that_a_class_refuses_come_as_they_are() -> None:
    known = by_tag([Positive])
    assert value_in(encode((Atom("positive"), 1)), known) == Positive(1)
    assert value_in(encode((Atom("positive"), 0)), known) == (Atom("positive"), 0)


def test_a_term_that_is_nested_too_deeply_is_kept_as_it_came() -> None:
    deep = b"\x83" + 5000 * b"l\x00\x00\x00\x01" + b"j" + 5000 * b"j"
    assert encode(value_in(deep)) == deep


def test_two_classes_with_one_name_there_are_refused() -> None:
    other: type = dataclass(type("Greet", (), {}))
    with pytest.raises(TypeError, match="would both be :greet"):
        by_tag([Greet, other])


@pytest.mark.parametrize(
    ("value", "problem"),
    [
        (object, "<class 'object'> is no Erlang term; expected a str, bytes"),
        ({1: {2}}, r"\{2\} is no Erlang term"),
        (float("inf"), "inf is no Erlang term: Erlang's floats are finite"),
        ("\udce9", "is no Unicode text; send bytes"),
        (Atom("x" * 256), "255 characters at most"),
        (Greet, "<class 'genreply_cli.coordinator.Greet'> is no Erlang term"),
    ],
)
def test_what_is_no_term_is_named(value: object, problem: str) -> None:
    with pytest.raises(NotATerm, match=problem):
        encode(value)


@pytest.mark.parametrize("power", [8, 31, 32, 64, 255 * 8, 256 * 8])
def test_integers_of_any_size_come_back(power: int) -> None:
    for number in (2**power, 2**power - 1, 2**power + 1):
        assert as_value(decode(encode([number, -number]))) == [number, -number]


def test_long_tuples_atoms_and_lists_come_back() -> None:
    for value in (tuple(range(255)), tuple(range(256)), Atom("x" * 255), Atom("ä" * 255), [0] * 9):
        assert as_value(decode(encode(value))) == value


def test_what_is_nested_too_deeply_is_named() -> None:
    value: list[object] = []
    for _ in range(100_000):
        value = [value]
    with pytest.raises(NotATerm, match="nested too deeply"):
        encode(value)


def test_bytes_that_are_no_term_are_refused() -> None:
    for data in (b"", b"\x83", b"\x83a", b"\x82a\x01", b"\x83l\xff\xff\xff\xffa\x01", b"\x83P\x00"):
        with pytest.raises(ValueError, match="no Erlang term"):
            decode(data)


def test_what_python_has_no_word_for_is_kept_as_it_came() -> None:
    improper = b"\x83l\x00\x00\x00\x01a\x01a\x02"
    bits = b"\x83M\x00\x00\x00\x01\x03\xa0"
    for data in (improper, bits):
        kept = as_value(decode(data))
        assert encode(kept) == data
        assert kept == as_value(decode(data)) != "text"
        assert {kept: 1}[as_value(decode(data))] == 1
    keyed = b"\x83t\x00\x00\x00\x01l\x00\x00\x00\x01a\x01ja\x02"  # %{[1] => 2}
    assert encode(as_value(decode(keyed))) == keyed
    assert as_value(OtpErlangBinary(b"\xff")) == b"\xff"
    assert binary_to_term(encode(None)).value in {"nil", b"nil"}
    assert as_value(decode(encode(Atom("undefined")))) == Atom("undefined")


def test_an_atom_is_shown_as_elixir_shows_it() -> None:
    assert repr(Atom("ok")) == ":ok"
    assert repr(Atom("Elixir.Coordinator")) == ':"Elixir.Coordinator"'
    assert repr(Atom("a@b")) == ":a@b"
    assert repr(Atom("")) == ':""'
    assert repr(Atom('a "b"\x1b#{1}')) == ':"a \\"b\\"\\u001b\\#{1}"'
