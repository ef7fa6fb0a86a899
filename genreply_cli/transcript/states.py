"""A server's state as data that JSON can hold, and the calls whose From stands in it.

    description = StateWriter(tracer.name, tracer.call).describe(state)

It is short whatever the state is: a long container is only counted, and a long text is cut.
"""

import sys
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import fields, is_dataclass
from functools import lru_cache
from typing import Any, Final, NamedTuple

from genreply_cli.otp import From, GenServer, Monitor
from genreply_cli.transcript.values import to_json_value

MAX_ITEMS: Final = 16  # of a container; a longer one is only counted
MAX_VALUES: Final = 128  # of a state
MAX_LEVELS: Final = 8  # of a state, one in another
MAX_TEXT: Final = 120  # characters
MAX_INT_BITS: Final = 256
EARLIER_CALL: Final = "<a call that began before this recording>"
MARKS: Final = frozenset({"call", "process", "ref", "count", "repr"})  # as in {"call": "c1"}

_CONTAINERS: Final = frozenset({list, dict, tuple, set, frozenset})
# modules of Python whose objects may hold a From where it cannot be seen
_OPAQUE_MODULES: Final = frozenset(
    {"asyncio", "_asyncio", "functools", "queue", "_queue", "weakref"}
)


class Description(NamedTuple):
    """A state as data."""

    data: Any
    keeps: list[From[Any]]  # the calls whose From stands in it, as they were found
    more: int  # values that were not looked into; further calls may stand there


class StateWriter:
    """Describes the states of one server, one after the other.

    `call_of` gives the name of a call, or None for one that began before the recording.

    References (those of monitors, and `object()`, as `make_ref()` in Elixir) have no text of their
    own. They are numbered as they come, and keep their number while they stand in the state.
    """

    def __init__(
        self, name_of: Callable[[Any], str], call_of: Callable[[From[Any]], str | None]
    ) -> None:
        self._name_of = name_of
        self._call_of = call_of
        self._last_ref = 0
        self._refs: dict[int, tuple[object, int]] = {}  # by id: a reference, and its number
        self._previous_refs: dict[int, tuple[object, int]] = {}  # those of the state before
        self._keeps: dict[From[Any], None] = {}
        self._more = 0
        self._values = 0

    def describe(self, state: Any) -> Description:
        """A state as data, its calls, and how many values were not looked into."""
        self._previous_refs, self._refs = self._refs, {}
        self._keeps, self._more, self._values = {}, 0, 0
        data = self._value(state, MAX_LEVELS)
        keeps, self._keeps, self._previous_refs = list(self._keeps), {}, {}
        return Description(data, keeps, self._more)

    def _value(self, value: Any, levels: int) -> Any:
        self._values += 1
        if self._values > MAX_VALUES:
            self._more += 1
            return {"repr": f"<{type(value).__name__}>"}
        kind = type(value)
        if value is None or kind is bool:
            return value
        if kind is str:
            return _cut(value)
        if kind in _CONTAINERS and levels:
            return self._container(value, levels - 1)
        try:
            return self._other_value(value, levels)
        except Exception:  # a method of a class of the user's must not stop the recording
            self._more += 1
            return {"repr": f"<{kind.__name__}>"}

    def _other_value(self, value: Any, levels: int) -> Any:
        """A value of another type than the commonest, whose own methods are called."""
        kind = type(value)
        if isinstance(value, GenServer):
            return {"process": self._name_of(value)}
        match value:
            case int() if value.bit_length() > MAX_INT_BITS:
                return _repr(value)
            case None | int() | float():
                return to_json_value(value)
            case str():
                return to_json_value(_cut(value))
            case bytes() | bytearray() | range():
                return _repr(value) if len(value) <= MAX_TEXT else {"count": len(value)}
            case From():
                call = self._call_of(value)
                if call is None:
                    self._more += 1
                    return {"repr": EARLIER_CALL}
                self._keeps[value] = None
                return {"call": call}
            case Monitor():
                if isinstance(value.process, From):  # a monitored call can be answered
                    self._value(value.process, levels)
                return {"ref": self._ref(value)}
            case _ if kind is object:
                return {"ref": self._ref(value)}
        if not levels:
            self._more += 1
            return {"repr": f"<{type(value).__name__}>"}
        if isinstance(value, Mapping | Sequence | AbstractSet):
            return self._container(value, levels - 1)
        if is_dataclass(value) and not isinstance(value, type):
            names = _field_names(type(value))
            return {kind.__name__: self._attributes(value, names, levels - 1)}
        return self._object(value, levels - 1)

    def _container(self, value: Any, levels: int) -> Any:
        if len(value) > MAX_ITEMS:
            self._more += len(value)
            return {"count": len(value)}
        if type(value) is list:
            return [self._value(item, levels) for item in value]
        if isinstance(value, tuple) and hasattr(value, "_fields"):
            return {type(value).__name__: self._attributes(value, value._fields, levels)}
        if isinstance(value, Mapping):
            pairs = [(key, self._value(item, levels)) for key, item in value.items()]
            if all(map(_is_name, value)) and not (len(pairs) == 1 and pairs[0][0] in MARKS):
                return dict(pairs)
            return [[self._value(key, levels), item] for key, item in pairs]
        if isinstance(value, AbstractSet):  # without an order that is the same in each run
            value = sorted(value, key=self._order)
        return [self._value(item, levels) for item in value]

    def _attributes(self, value: Any, names: Iterable[str], levels: int) -> dict[str, Any]:
        return {name: self._value(getattr(value, name, None), levels) for name in names}

    def _object(self, value: Any, levels: int) -> Any:
        """A value of which only the repr is shown. Calls may stand in its attributes.

        One that has a `__wrapped__` stands for that value, and is shown as it.
        """
        before = self._more
        module = type(value).__module__.partition(".")[0]
        if module not in sys.stdlib_module_names:
            if getattr(value, "__wrapped__", None) is not None:
                return self._value(value.__wrapped__, levels)
            self._attributes(value, _attribute_names(value), levels)
        elif module in _OPAQUE_MODULES or (
            not isinstance(value, type)
            and (callable(value) or isinstance(value, Iterator | Awaitable))
        ):
            self._more += 1
        return _repr(value) if self._more == before else {"repr": f"<{type(value).__name__}>"}

    def _ref(self, value: object) -> int:
        """The number of a reference. The reference is kept with it: its id is not used again."""
        known = self._refs.get(id(value)) or self._previous_refs.get(id(value))
        if known is None:
            self._last_ref += 1
            known = value, self._last_ref
        self._refs[id(value)] = known
        return known[1]

    def _order(self, value: Any) -> tuple[int, str]:
        if isinstance(value, From):
            text = self._call_of(value) or ""
        else:
            text = str(to_json_value(value, 0))
        return len(text), text


@lru_cache(maxsize=256)
def _field_names(kind: type) -> tuple[str, ...]:
    return tuple(each.name for each in fields(kind))


def _is_name(key: Any) -> bool:
    return type(key) is str and len(key) <= MAX_TEXT


def _cut(text: str) -> str:
    return text if len(text) <= MAX_TEXT else text[: MAX_TEXT - 1] + "…"


def _repr(value: Any) -> dict[str, str]:
    """A value that JSON cannot hold, or should not: its repr, cut."""
    held = to_json_value(value, 0)
    return {"repr": _cut(held["repr"] if isinstance(held, dict) else repr(held))}


def _attribute_names(value: Any) -> Iterator[str]:
    yield from getattr(value, "__dict__", ())
    for cls in type(value).__mro__:
        slots = vars(cls).get("__slots__", ())
        yield from [slots] if isinstance(slots, str) else slots
