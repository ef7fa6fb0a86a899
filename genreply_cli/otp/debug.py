"""Looking into a running server: its state, its status; stopping it for a while. Erlang's `:sys`, as far as people use it.

Each function takes a server or a registered name, and is handled by the server in its turn, between two messages, and also while
it is suspended. Each raises what a call raises: `CallTimeout` after `timeout` seconds, `NoProcess`, `ServerExit`. As with a call,
a timeout takes nothing back: the server does what it was asked to when it comes to it.
"""

from collections.abc import Callable, Hashable
from typing import Any, NamedTuple, TypeVar, overload

from genreply_cli.otp.exits import CallError, NoProcess
from genreply_cli.otp.genserver import GenServer, whereis
from genreply_cli.otp.process import SUSPENDED, SYSTEM, Process

S = TypeVar("S")
T = TypeVar("T")


class Status(NamedTuple):
    """What `status` tells of a server."""

    server: GenServer[Any]
    name: Any
    suspended: bool
    parent: GenServer[Any] | None
    links: tuple[GenServer[Any], ...]
    mailbox: tuple[Any, ...]  # the messages that wait, oldest first
    state: Any


@overload
async def get_state(server: GenServer[S], timeout: float | None = 5.0) -> S: ...
@overload
async def get_state(server: Hashable, timeout: float | None = 5.0) -> Any: ...
async def get_state(server: Any, timeout: float | None = 5.0) -> Any:
    """The state as it is now. It is the object itself: do not change it."""
    return await _ask(server, lambda process: process.state, timeout, "get_state")


@overload
async def replace_state(
    server: GenServer[S], function: Callable[[S], S], timeout: float | None = 5.0
) -> S: ...
@overload
async def replace_state(
    server: Hashable, function: Callable[[Any], Any], timeout: float | None = 5.0
) -> Any: ...
async def replace_state(
    server: Any, function: Callable[[Any], Any], timeout: float | None = 5.0
) -> Any:
    """Have the server go on with `function(state)`, and return that. What `function` raises is raised here; the server lives."""

    def replace(process: Process) -> Any:
        process.state = function(process.state)
        return process.state

    return await _ask(server, replace, timeout, "replace_state")


async def suspend(server: Any, timeout: float | None = 5.0) -> None:
    """Let the server handle no messages until `resume`. They wait in its mailbox; its idle timeout starts anew then."""
    await _ask(server, Process.suspend, timeout, "suspend")


async def resume(server: Any, timeout: float | None = 5.0) -> None:
    """Let a suspended server go on."""
    await _ask(server, Process.resume, timeout, "resume")


async def step(server: Any, timeout: float | None = 5.0) -> None:
    """Let a suspended server handle the message that has waited longest, and no more. Erlang's `:sys` has nothing like it."""
    await _ask(server, Process.step, timeout, "step")


async def status(server: Any, timeout: float | None = 5.0) -> Status:
    """The server's status and state."""
    return await _ask(server, _status, timeout, "status")


async def _ask(
    server: Any, function: Callable[[Process], T], timeout: float | None, doing: str
) -> T:
    found = server if isinstance(server, GenServer) else whereis(server)
    if found is None:
        raise NoProcess(server, None, timeout, doing)
    try:
        return await found._ask_system(function, timeout, doing)
    except CallError as error:
        if error.server is found:
            error.server = server
        raise


def _status(process: Process) -> Status:
    return Status(
        server=process.server,
        name=process.name,
        suspended=process.status is SUSPENDED,
        parent=None if process.parent is None else process.parent.server,
        links=tuple(linked.server for linked in process.links),
        mailbox=tuple(message for kind, message, _, _ in process.mailbox if kind is not SYSTEM),
        state=process.state,
    )
