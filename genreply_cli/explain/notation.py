"""A server's state and its messages, written as Python and as Elixir would show them."""

import re
from collections import deque
from collections.abc import Callable
from dataclasses import fields, is_dataclass
from typing import Any, Final

from genreply_cli.otp import From, GenServer, Monitor
from genreply_cli.text import quoted, visible
from genreply_cli.transcript.values import as_tuple, safe_repr

_ATOM: Final = re.compile(r"[a-z_]\w*")
NameOf = Callable[[Any], str]  # the name of a server, a caller or, for its From, a call


class Notation:
    """Writes values. References have no text of their own; they are numbered as they appear."""

    def __init__(self, name_of: NameOf) -> None:
        self._name_of = name_of
        self._refs: dict[int, int] = {}

    def python(self, value: Any) -> str:
        """As Python: `State(async_pid=websocket, caller=From(c1))`."""
        python = self.python
        match value:
            case From():
                return f"From({self._name_of(value)})"
            case GenServer():
                return self._name_of(value)
            case str():
                return quoted(value)
            case list():
                return f"[{', '.join(map(python, value))}]"
            case deque():
                return f"deque([{', '.join(map(python, value))}])"
            case tuple():
                return f"({', '.join(map(python, value))}{',' if len(value) == 1 else ''})"
            case dict():
                items = (f"{python(key)}: {python(item)}" for key, item in value.items())
                return f"{{{', '.join(items)}}}"
            case Monitor():
                return f"ref_{self._ref(value)}"
            case _ if is_dataclass(value) and not isinstance(value, type):
                items = (f"{f.name}={python(getattr(value, f.name))}" for f in fields(value))
                return f"{type(value).__name__}({', '.join(items)})"
            case _ if type(value) is object:
                return f"ref_{self._ref(value)}"
        return visible(safe_repr(value))

    def elixir(self, value: Any) -> str:
        """As Elixir: `%{async_pid: #PID<websocket>, caller: nil}`."""
        elixir = self.elixir
        match value:
            case From():
                alias = f"[:alias | #Reference<{self._name_of(value)}>]"
                return f"{{#PID<{self._name_of(value.caller)}>, {alias}}}"
            case GenServer():
                return f"#PID<{self._name_of(value)}>"
            case None | True | False:
                return {None: "nil", True: "true", False: "false"}[value]
            case str():
                return quoted(value).replace("#{", r"\#{")
            case int() | float():
                return repr(value)
            case list() | deque():
                return f"[{', '.join(map(elixir, value))}]"
            case tuple():
                return f"{{{', '.join(map(elixir, value))}}}"
            case dict():
                items = (f"{elixir(key)} => {elixir(item)}" for key, item in value.items())
                return f"%{{{', '.join(items)}}}"
            case Monitor():
                return f"#Reference<{self._ref(value)}>"
            case _ if is_dataclass(value) and not isinstance(value, type):
                items = (f"{f.name}: {elixir(getattr(value, f.name))}" for f in fields(value))
                return f"%{{{', '.join(items)}}}"
            case _ if type(value) is object:
                return f"#Reference<{self._ref(value)}>"
        return f"#Python<{visible(safe_repr(value))}>"

    def message(self, value: Any) -> str:
        """A message as Elixir: `{:greet, "Hello"}`."""
        if is_dataclass(value) and not isinstance(value, type):
            value = as_tuple(value)
        match value:
            case (str(tag), *values) if isinstance(value, tuple) and _ATOM.fullmatch(tag):
                return f"{{{', '.join([f':{tag}', *map(self.elixir, values)])}}}"
        return self.elixir(value)

    def _ref(self, value: object) -> int:
        return self._refs.setdefault(id(value), len(self._refs) + 1)
