"""A server's state and its messages, written as Python and as Elixir would show them."""

import re
from collections import deque
from collections.abc import Callable
from dataclasses import fields, is_dataclass
from typing import Any

from genreply_cli.otp import From, GenServer
from genreply_cli.text import quoted, visible
from genreply_cli.transcript.values import to_json_value

Name = Callable[[Any], str]  # what people call a process, a caller or a call (given as its From)


class Notation:
    """Writes values down. References that mean nothing by themselves are numbered as they come."""

    def __init__(self, name: Name) -> None:
        self._name = name
        self._refs: dict[int, int] = {}
        self.callers: dict[From[Any], None] = {}  # those that have been written down

    def python(self, value: Any) -> str:
        """As Python: `State(async_pid=websocket, caller=From(c1))`."""
        match value:
            case From():
                self.callers[value] = None
                return f"From({self._name(value)})"
            case GenServer():
                return self._name(value)
            case str():
                return quoted(value)
            case list() | deque():
                inside = f"[{', '.join(map(self.python, value))}]"
                return inside if isinstance(value, list) else f"deque({inside})"
            case tuple():
                return f"({', '.join(map(self.python, value))}{',' if len(value) == 1 else ''})"
            case dict():
                return f"{{{', '.join(f'{self.python(key)}: {self.python(item)}' for key, item in value.items())}}}"
            case _ if is_dataclass(value) and not isinstance(value, type):
                inside = ", ".join(
                    f"{each.name}={self.python(getattr(value, each.name))}"
                    for each in fields(value)
                )
                return f"{type(value).__name__}({inside})"
            case _ if type(value) is object:
                return f"ref_{self._ref(value)}"
        return visible(repr(value))

    def elixir(self, value: Any) -> str:
        """As Elixir: `%{async_pid: #PID<websocket>, caller: {#PID<caller>, [:alias | #Reference<c1>]}}`."""
        match value:
            case From():
                return f"{{#PID<{self._name(value.caller)}>, [:alias | #Reference<{self._name(value)}>]}}"
            case GenServer():
                return f"#PID<{self._name(value)}>"
            case None | True | False:
                return {None: "nil", True: "true", False: "false"}[value]
            case str():
                return quoted(value).replace("#{", r"\#{")
            case int() | float():
                return repr(value)
            case list() | deque():
                return f"[{', '.join(map(self.elixir, value))}]"
            case tuple():
                return f"{{{', '.join(map(self.elixir, value))}}}"
            case dict():
                return f"%{{{', '.join(f'{self.elixir(key)} => {self.elixir(item)}' for key, item in value.items())}}}"
            case _ if is_dataclass(value) and not isinstance(value, type):
                return f"%{{{', '.join(f'{each.name}: {self.elixir(getattr(value, each.name))}' for each in fields(value))}}}"
            case _ if type(value) is object:
                return f"#Reference<{self._ref(value)}>"
        return f"#Python<{visible(repr(value))}>"

    def message(self, value: Any) -> str:
        """A message as Elixir: `{:greet, "Hello"}`."""
        match to_json_value(value):
            case [str(tag), *values] if re.fullmatch(r"[a-z_]\w*", tag):
                return f"{{{', '.join([f':{tag}', *map(self.elixir, values)])}}}"
        return self.elixir(value)

    def _ref(self, value: object) -> int:
        return self._refs.setdefault(id(value), len(self._refs) + 1)
