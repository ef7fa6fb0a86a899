"""A dictionary of servers and tasks, whatever their classes say of equality."""

import weakref
from collections.abc import Callable
from typing import Any, Generic, TypeVar

T = TypeVar("T")


class ByIdentity(Generic[T]):
    """Values by objects, which need no hash, and are told apart by `is`. It refers to them weakly.

    A WeakKeyDictionary would take two servers for one if their classes said that they are equal.

    Where each step counts, `entry(id(key))` gives None, or a tuple that begins with the value.
    """

    def __init__(self) -> None:
        self._entries: dict[int, tuple[T, weakref.ref[Any]]] = {}  # by id
        self.entry: Callable[[int], tuple[T, object] | None] = self._entries.get

    def get(self, key: Any) -> T | None:
        """Return the value for an object, or None."""
        entry = self._entries.get(id(key))
        return None if entry is None else entry[0]

    def put(self, key: Any, value: T) -> T:
        """Keep a value for as long as the object lives, and return it."""
        entries, number = self._entries, id(key)
        entries[number] = value, weakref.ref(key, lambda _: entries.pop(number, None))
        return value

    def forget(self, key: Any) -> None:
        """Forget the value for an object, if there is one."""
        self._entries.pop(id(key), None)
