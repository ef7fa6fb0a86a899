"""Where to connect: what is accepted, and what is never written down."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from genreply_cli.errors import GenreplyError
from genreply_cli.remote.target import Target, parse_address, parse_header, parse_subprotocol

SECRET = "s3cret"


@pytest.mark.parametrize(
    "address", ["ws://127.0.0.1:8765", "wss://host/path?query", "ws://[::1]:1", "WS://u:p@host"]
)
def test_addresses_of_websocket_servers_are_taken_as_they_are(address: str) -> None:
    assert parse_address(address) == address


@pytest.mark.parametrize(
    ("address", "problem"),
    [
        ("http://host", "it begins with http:"),
        ("localhost", "it has no ws:// in front"),
        ("ws://", "this is no address"),
        ("ws://host:0", "this is no address"),
        ("ws://host:99999", "this is no address"),
        ("ws://host/a b", "this is no address"),
        ("ws://host/#part", "it has a part after #"),
        ("ws://user@host", "it has a user without a password"),
        ("\x1b[2J://host", "it has no ws://"),
    ],
)
def test_other_addresses_are_refused_with_a_sentence(address: str, problem: str) -> None:
    with pytest.raises(ValueError, match=r"expected .*ws://") as refused:
        parse_address(address)
    assert str(refused.value).startswith(problem)


def test_a_refused_address_is_not_repeated_for_it_may_hold_a_password() -> None:
    for address in (
        f"http://u:{SECRET}@host",
        f"ws://u:{SECRET}@host:0",
        f"ws://host/#{SECRET}",
        f"ws://{SECRET}@h",
    ):
        with pytest.raises(ValueError, match="expected") as refused:
            parse_address(address)
        assert SECRET not in str(refused.value)


def test_what_is_shown_of_a_server_has_no_credentials() -> None:
    headers = (("Authorization", SECRET),)
    target = Target(f"ws://user:{SECRET}@host:1/path?token={SECRET}", headers)
    assert target.shown == "ws://host:1/path?…"
    assert SECRET not in repr(target)


@pytest.mark.parametrize("text", ["X-Team: blue", "X-Team:blue", "X-Empty:"])
def test_a_header_is_a_name_and_a_value(text: str) -> None:
    name, value = parse_header(text)
    assert (name, value) in {("X-Team", "blue"), ("X-Empty", "")}


@pytest.mark.parametrize("text", ["X-Team", ": x", "a b: c", "X: a\r\nY: b", "X: \x00", ""])
def test_what_is_no_header_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="this is no header"):
        parse_header(text)


@given(st.text())
def test_a_header_never_brings_another_one(text: str) -> None:
    try:
        name, value = parse_header(text)
    except ValueError:
        return
    assert not set("\r\n\0") & set(name + value)


def test_a_subprotocol_is_one_word() -> None:
    assert parse_subprotocol("graphql-ws") == "graphql-ws"
    with pytest.raises(ValueError, match="expected a word"):
        parse_subprotocol("two words")


def test_a_file_of_certificates_that_is_none_is_named(tmp_path: Path) -> None:
    with pytest.raises(GenreplyError, match=r"--ca-file nowhere\.pem: no such file"):
        Target("wss://host", ca_file="nowhere.pem").tls()
    file = tmp_path / "it.pem"
    file.write_text("no certificate")
    with pytest.raises(GenreplyError, match=r"it\.pem: it holds no certificate in PEM"):
        Target("wss://host", ca_file=str(file)).tls()
