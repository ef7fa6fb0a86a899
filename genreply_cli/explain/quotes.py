"""The lines of the exhibits that carry out an action, in Python and in Elixir.

`SNIPPETS` holds the text of these lines. Where they stand is looked up in the sources when they are
quoted, so the line numbers are always right. A test checks that each snippet is found exactly once.
"""

import inspect
import re
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Final, NamedTuple

from genreply_cli import paths
from genreply_cli.coordinator import Coordinator
from genreply_cli.session.network import FaultyLink
from genreply_cli.variations import (
    COORDINATORS,
    BlockingCoordinator,
    FifoCoordinator,
    ImmediateCoordinator,
    KeyedCoordinator,
    KeyedWebSocket,
)
from genreply_cli.websocket import WebSocket

ELIXIR: Final = Path(__file__).parent.parent / "elixir" / "coordinators.exs"


class Code(NamedTuple):
    """Lines of a source file, and the number of the first one; if there are none, why not."""

    file: str
    number: int
    lines: tuple[str, ...]
    missing: str = ""  # to be read after the name of the file
    is_whole: bool = False  # no line between the first and the last one is left out

    @property
    def place(self) -> str:
        """As an editor takes it: `coordinator.py:33`."""
        return f"{self.file}:{self.number}"

    def place_of(self, index: int) -> str:
        """The place of one of the lines; that of the first one if it is not known."""
        return f"{self.file}:{self.number + index}" if self.is_whole else self.place


class Quote(NamedTuple):
    """A snippet with its place in the sources. None: not done, or installed without the source."""

    python: Code | None = None
    elixir: Code | None = None


Snippet = tuple[str | None, str | None]  # in Python, in Elixir; None: not done in this language
NOT_DONE: Final = (None, None)

# For each class of the exhibits, its actions. An action that a class does not list is inherited, as
# its methods are. A snippet has one line or more; lines between them in the source are left out.
# fmt: off
SNIPPETS: Final[Mapping[type, Mapping[str, Snippet]]] = {
    Coordinator: {
        "call":        ("return await self.call(Greet(msg), timeout)",
                        "GenServer.call(pid, {:greet, msg}, timeout)"),
        "pass on":     ("state.async_pid.send_message(msg)",
                        ":ok = WebSocket.send_message(state.async_pid, msg)"),
        "keep":        ("return NoReply(replace(state, caller=from_))",
                        "{:noreply, %{state | caller: from}}"),
        "reply":       ("GenServer.reply(state.caller, msg)",
                        "GenServer.reply(state.caller, msg)"),
        "reply later": ("GenServer.reply(state.caller, msg)",
                        "GenServer.reply(state.caller, msg)"),
        "ignore":      ("return NoReply(state)",
                        "{:noreply, state}"),
        "link":        ("return State(async_pid=connect(self))",
                        "{:ok, socket} = connect.(self())"),
    },
    BlockingCoordinator: {
        "call":        ("return await self.call(Greet(msg), timeout)",
                        "GenServer.call(pid, {:greet, msg}, timeout)"),
        "pass on":     ("state.async_pid.send_message(request.msg)",
                        ":ok = WebSocket.send_message(state.async_pid, msg)"),
        "wait inside": ("match await self.receive(websocket.MessageReceived):",
                        "receive do"),
        "keep":        NOT_DONE,
        "reply":       ("return Reply(msg, state)",
                        "{:reply, answer, state}"),
        "reply later": NOT_DONE,
        "ignore":      NOT_DONE,  # both languages log a message that no handle_info takes
        "link":        ("return State(async_pid=connect(self))",
                        "{:ok, socket} = connect.(self())"),
    },
    ImmediateCoordinator: {
        "pass on":     ("state.async_pid.send_message(request.msg)",
                        ":ok = WebSocket.send_message(state.async_pid, msg)"),
        "keep":        NOT_DONE,
        "reply":       ('return Reply("ok", state)',
                        '{:reply, "ok", state}'),
        "reply later": NOT_DONE,
        "ignore":      ("return NoReply(state)",
                        "{:noreply, state}"),
    },
    FifoCoordinator: {
        "call":        ("return await self.call(Greet(msg), timeout)",
                        "GenServer.call(pid, {:greet, msg}, timeout)"),
        "pass on":     ("state.async_pid.send_message(request.msg)",
                        ":ok = WebSocket.send_message(state.async_pid, msg)"),
        "keep":        ("state.callers.append(from_)\nreturn NoReply(state)",
                        "{:noreply, %{state | callers: :queue.in(from, state.callers)}}"),
        "reply":       ("GenServer.reply(state.callers.popleft(), message.msg)",
                        "GenServer.reply(from, msg)"),
        "reply later": ("GenServer.reply(state.callers.popleft(), message.msg)",
                        "GenServer.reply(from, msg)"),
        "ignore": (
            "if state.callers:\n    GenServer.reply(state.callers.popleft(), message.msg)",
            "{:empty, _callers} ->\n  {:noreply, state}"),
        "link":        ("return FifoState(async_pid=connect(self))",
                        "{:ok, socket} = connect.(self())"),
    },
    KeyedCoordinator: {
        "call":        ("return await self.call(Greet(msg), timeout)",
                        "GenServer.call(pid, {:greet, msg}, timeout)"),
        "pass on":     ("state.async_pid.send_message(request.msg, ref)",
                        ":ok = KeyedWebSocket.send_message(state.async_pid, msg, ref)"),
        "keep":        ("state.callers[ref] = from_\nreturn NoReply(state)",
                        "{:noreply, put_in(state.callers[ref], from)}"),
        "reply":       ("GenServer.reply(state.callers.pop(ref), msg)",
                        "GenServer.reply(from, msg)"),
        "reply later": ("GenServer.reply(state.callers.pop(ref), msg)",
                        "GenServer.reply(from, msg)"),
        "ignore":      ("case MessageReceived(msg, ref) if ref in state.callers:",
                        "{nil, _callers} ->\n  {:noreply, state}"),
        "forget":      ("case Down(ref):\n    state.callers.pop(ref, None)",
                        "{:noreply, %{state | callers: Map.delete(state.callers, ref)}}"),
        "link":        ("return KeyedState(async_pid=connect(self))",
                        "{:ok, socket} = connect.(self())"),
    },
    WebSocket: {
        "answer":      ("state.caller.send(MessageReceived(response))",
                        'send(state.caller, {:message_received, "#{msg} to you too!"})'),
    },
    KeyedWebSocket: {
        "answer":      ('state.caller.send(MessageReceived(f"{msg} to you too!", ref))',
                        'send(state.caller, {:message_received, "#{msg} to you too!", ref})'),
    },
    FaultyLink: {
        "drop": (
            'if self._strikes("drop"):\n    return',
            '"drop" -> :dropped'),
        "late": (
            'if self._strikes("late"):\n    delay += LATE_BY + (self.network.timeout or 0.0)',
            ('"late" -> Process.send_after(caller, message, '
             'network.delay + network.timeout + network.late)')),
        "duplicate": (
            'for _ in range(2 if self._strikes("duplicate") else 1):',
            '"duplicate" -> for _ <- 1..2, do: Process.send_after(caller, message, network.delay)'),
        "reorder": (
            'if self._strikes("reorder"):\n    delay += REORDER_DELAY',
            '"reorder" -> Process.send_after(caller, message, network.delay + network.hold)'),
        "crash": (
            'if self._strikes("crash"):\n    raise RuntimeError("injected by --fault crash")',
            '"crash" -> raise "the network crashes"'),
    },
}
# fmt: on

ACTIONS: Final = frozenset(action for actions in SNIPPETS.values() for action in actions)


@cache
def quote(action: str, design: str) -> Quote:
    """The lines that carry out an action in a design, which is a name of COORDINATORS."""
    for exhibit in (*COORDINATORS[design], FaultyLink):
        for cls in exhibit.__mro__:
            if action in SNIPPETS.get(cls, {}):
                python, elixir = SNIPPETS[cls][action]
                return Quote(
                    None if python is None else find_python(exhibit, python),
                    None if elixir is None else find_elixir(exhibit, elixir),
                )
    return Quote()


def find_python(exhibit: type, snippet: str) -> Code | None:
    """Where a snippet stands in a class, or in the nearest of its bases that holds it."""
    for cls in exhibit.__mro__:
        if cls in SNIPPETS:
            code = _find(Path(inspect.getsourcefile(cls) or ""), f"class {cls.__name__}", snippet)
            if code is not None:
                return code
    return None


def find_elixir(exhibit: type, snippet: str) -> Code | None:
    """Where a snippet stands in the Elixir module that has the name of a Python class."""
    return _find(ELIXIR, f"defmodule {exhibit.__name__}", snippet)


def _find(path: Path, head: str, snippet: str) -> Code | None:
    """Where a snippet stands in the class or module that begins with `head`.

    Exactly one line there has to hold the first line of the snippet, and lines further down have to
    be its other lines. Returns None otherwise, and if the file cannot be read.
    """
    try:
        source = paths.read_source(path).splitlines()
    except OSError:  # installed without its sources
        return None
    block = _block(source, head)
    first, *others = snippet.splitlines()
    starts = [number for number, line in block if first in line]
    below = iter([line.strip() for number, line in block if starts and number > starts[0]])
    # `in` consumes the iterator up to the line found, so the others are found in their order
    if len(starts) != 1 or not all(line.strip() in below for line in others):
        return None
    return Code(path.name, starts[0], (first, *others))


def _block(source: list[str], head: str) -> list[tuple[int, str]]:
    """The numbered lines from `head` on, up to the next line that is not indented."""
    lines = []
    inside = False
    for number, line in enumerate(source, 1):
        if line and not line.startswith(" "):
            inside = re.match(rf"{head}\b", line) is not None
        if inside:
            lines.append((number, line))
    return lines
