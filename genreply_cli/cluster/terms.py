"""Python values and Erlang terms: `Greet("Hello")` is `{:greet, "Hello"}` elsewhere, and back.

| Python | Erlang | Elixir |
| --- | --- | --- |
| `Greet("Hello")`, a dataclass | `{greet, <<"Hello">>}` | `{:greet, "Hello"}` |
| `Ping()`, one without fields | `ping` | `:ping` |
| `Atom("ok")` | `ok` | `:ok` |
| None, True, False | `nil`, `true`, `false` | `nil`, `true`, `false` |
| str; bytes | a binary | a binary |
| int, float, tuple, list, dict | integer, float, tuple, list, map | the same |

A binary that is UTF-8 comes as a str, any other as bytes. What Python has no word for (a pid, a
reference, a port, a function, a bitstring, an improper list), or what is nested too deeply for it,
is kept as it came, and can be sent back. Terms are decoded by erlang_py, and encoded here, which
takes a third of the time. A dict of Python takes 1, 1.0 and True for one key, and Erlang does not:
of such keys in one map the last one is kept.
"""

import json
import math
import re
import struct
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import fields, is_dataclass
from functools import lru_cache
from typing import Any, Final

import erlang  # erlang_py: the External Term Format
from erlang import (
    OtpErlangAtom,
    OtpErlangBinary,
    OtpErlangFunction,
    OtpErlangList,
    OtpErlangPid,
    OtpErlangPort,
    OtpErlangReference,
)

from genreply_cli.otp.exits import shorten

LONGEST_ATOM: Final = 255  # characters
VERSION: Final = 131  # of the External Term Format: each term begins with it


class Atom(str):
    """An Erlang atom, as `Atom("ok")`. It is a str, too: `Atom("normal") == "normal"`.

    Erlang never forgets an atom, and has room for about a million: do not make one of each text
    that comes from outside. A str never becomes an atom by itself.
    """

    __slots__ = ()

    def __repr__(self) -> str:
        plain = re.fullmatch(r"[a-z_][\w@]*[?!]?", self, re.ASCII) is not None
        return f":{self!s}" if plain else ":" + _quoted(self)


def _quoted(text: str) -> str:
    """A text between quotes, as one types it in Elixir."""
    return json.dumps(str(text), ensure_ascii=False).replace("#{", "\\#{")


class Term:
    """A term that Python has no word for, kept as it came. It can be sent back, and compared.

    `node` is the name of the node of a pid, a reference or a port; None for any other term.
    """

    __slots__ = ("_kind", "data", "node")

    def __init__(self, data: bytes, kind: str = "term", node: str | None = None) -> None:
        self.data = data  # in the External Term Format, without the version
        self.node = node
        self._kind = kind

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Term) and self.data == other.data

    def __hash__(self) -> int:
        return hash(self.data)

    def __repr__(self) -> str:
        return f"<{self._kind}{f' of {self.node}' if self.node else ''}>"


_KINDS: Final = {
    OtpErlangPid: "pid",
    OtpErlangReference: "reference",
    OtpErlangPort: "port",
    OtpErlangFunction: "function",
    OtpErlangBinary: "bitstring",
    OtpErlangList: "improper list",
}


class NotATerm(TypeError):
    """A value cannot be sent to another node: no Erlang term stands for it. It names the value."""


EXPECTED: Final = (
    "expected a str, bytes, int, float, bool, None, tuple, list, dict, Atom, "
    "or a dataclass of these"
)


def encode(value: Any) -> bytes:
    """Return a value in Erlang's External Term Format. Raises NotATerm."""
    data = bytearray((VERSION,))
    try:
        _put(value, data)
    except RecursionError:
        raise NotATerm(f"{shorten(value)} is nested too deeply for Erlang's term format") from None
    return bytes(data)


def _put(value: Any, data: bytearray) -> None:
    """Append a value in the External Term Format. It is done for each message, and so it is plain.

    The format: https://www.erlang.org/doc/apps/erts/erl_ext_dist.html
    """
    kind: Any = type(value)
    if kind is str:
        _put_binary(_utf8(value), data)
    elif kind is Atom:
        data += _atom(value)
    elif kind is int:
        data += _integer(value)
    elif kind is tuple:
        _put_tuple(len(value), data)
        for item in value:
            _put(item, data)
    elif kind is bool or value is None:
        data += _atom("nil" if value is None else str(value).lower())
    elif kind is float:
        if not math.isfinite(value):
            raise NotATerm(f"{value!r} is no Erlang term: Erlang's floats are finite")
        data += b"F" + struct.pack(">d", value)
    elif kind is bytes:
        _put_binary(value, data)
    elif kind is list:
        if value:
            data += b"l" + len(value).to_bytes(4, "big")
            for item in value:
                _put(item, data)
        data += b"j"
    elif kind is Term:
        data += value.data
    elif kind in _KINDS:  # it has come from there
        data += erlang.term_to_binary(value)[1:]
    elif isinstance(value, dict):
        data += b"t" + len(value).to_bytes(4, "big")
        for key, item in value.items():
            _put(key, data)
            _put(item, data)
    elif is_dataclass(value) and not isinstance(value, type):
        tag, names = _shape(kind)
        if names:
            _put_tuple(1 + len(names), data)
        data += _atom(tag)
        for name in names:
            _put(getattr(value, name), data)
    else:
        raise NotATerm(f"{shorten(value)} is no Erlang term; {EXPECTED}")


def _put_binary(value: bytes, data: bytearray) -> None:
    data += b"m" + len(value).to_bytes(4, "big")
    data += value


def _put_tuple(size: int, data: bytearray) -> None:
    data += bytes((104, size)) if size < 256 else b"i" + size.to_bytes(4, "big")


def _integer(value: int) -> bytes:
    if 0 <= value < 256:
        return bytes((97, value))
    if -(1 << 31) <= value < 1 << 31:
        return b"b" + value.to_bytes(4, "big", signed=True)
    size = (value.bit_length() + 7) // 8
    head = bytes((110, size)) if size < 256 else b"o" + size.to_bytes(4, "big")
    return head + bytes((value < 0,)) + abs(value).to_bytes(size, "little")


def as_value(term: Any, classes: "Mapping[str, type] | None" = None) -> Any:
    """Return the Python value of a term that erlang_py has decoded.

    `classes` are those of `by_tag`: only these are made of tagged tuples.
    """
    kind = type(term)
    if kind is OtpErlangBinary and term.bits == 8:
        try:
            return term.value.decode()
        except UnicodeDecodeError:
            return term.value
    if kind is OtpErlangAtom:
        name = name_of(term)
        if classes and name in classes and not _shape(classes[name])[1]:
            return classes[name]()
        return None if name == "nil" else Atom(name)
    if kind is tuple:
        values = [as_value(item, classes) for item in term]
        if classes and term and type(term[0]) is OtpErlangAtom:
            message = classes.get(name_of(term[0]))
            if message is not None and len(_shape(message)[1]) == len(term) - 1 > 0:
                with suppress(Exception):  # the class may refuse these values
                    return message(*values[1:])
        return tuple(values)
    if kind is bytes:  # a list of small integers comes as a string
        return list(term)
    if kind is list:
        return [as_value(item, classes) for item in term]
    if isinstance(term, dict):
        return {_key(key): as_value(item, classes) for key, item in term.items()}
    if term is None:  # erlang_py's word for one atom
        return Atom("undefined")
    return _kept(term) if kind in _KINDS else term


def value_in(data: bytes, classes: "Mapping[str, type] | None" = None) -> Any:
    """Return the value of a term from another node, in the External Term Format: see `as_value`.

    A term that cannot be read, as one that is nested too deeply, is kept as it came.
    """
    try:
        return as_value(erlang.binary_to_term(data), classes)
    except Exception:
        return Term(data[1:])


def _kept(term: Any) -> Term:
    node = getattr(term, "node", None)
    data = erlang.term_to_binary(term)[1:]
    return Term(data, _KINDS.get(type(term), "term"), None if node is None else name_of(node))


def decode(data: bytes) -> Any:
    """Return the term in a frame of Erlang's External Term Format.

    Raises ValueError for bytes that are none.
    """
    try:
        return erlang.binary_to_term(data)
    except Exception as error:
        raise ValueError(f"no Erlang term: {error}") from error


def by_tag(messages: Iterable[type]) -> dict[str, type]:
    """The classes that `as_value` may make, by the atoms that stand for them.

    Raises TypeError for what is no dataclass, and if two classes have one tag.
    """
    found: dict[str, type] = {}
    for message in messages:
        if not isinstance(message, type) or not is_dataclass(message):
            raise TypeError(f"{message!r} is no dataclass; messages from other nodes are")
        tag = _shape(message)[0]
        if found.setdefault(tag, message) is not message:
            raise TypeError(f"{message!r} and {found[tag]!r} would both be :{tag} elsewhere")
    return found


def name_of(atom: Any) -> str:
    """The text of an atom of erlang_py."""
    text = atom.value
    return text if isinstance(text, str) else text.decode("latin-1")


def _key(term: Any) -> Any:
    if isinstance(term, OtpErlangList | dict):
        return _kept(term)
    value = as_value(term)
    try:
        hash(value)
    except TypeError:
        return _kept(term)
    return value


def _utf8(text: str) -> bytes:
    try:
        return text.encode()
    except UnicodeEncodeError:
        raise NotATerm(f"{shorten(text)} is no Unicode text; send bytes") from None


@lru_cache(maxsize=4096)
def _atom(name: str) -> bytes:
    text = str(name)
    encoded = _utf8(text)
    if len(text) > LONGEST_ATOM:
        raise NotATerm(f"{shorten(text)} is no atom: an atom has {LONGEST_ATOM} characters at most")
    size = len(encoded)
    return (bytes((119, size)) if size < 256 else b"v" + size.to_bytes(2, "big")) + encoded


@lru_cache(maxsize=256)
def _shape(kind: Any) -> tuple[str, tuple[str, ...]]:
    """The tag of a message class and the names of its fields: `Greet` is ("greet", ("msg",))."""
    words = re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "_", kind.__name__)
    return words.lower(), tuple(each.name for each in fields(kind) if each.init)
