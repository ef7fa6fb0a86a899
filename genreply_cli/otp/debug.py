"""Looking into a running server: its state, its status; stopping it for a while. Erlang's `:sys`, as far as people use it.

Each function is handled by the server in its turn, between two messages, and also while it is suspended. Each raises what a
call raises: `CallTimeout` after `timeout` seconds, `NoProcess`, `ServerExit`.
"""

from collections.abc import Callable
from typing import Any, NamedTuple, TypeVar

from genreply_cli.otp.genserver import GenServer
from genreply_cli.otp.process import SUSPENDED, SYSTEM, Process

S = TypeVar("S")


class Status(NamedTuple):
    """What `status` tells of a server."""

    server: GenServer[Any]
    name: Any
    suspended: bool
    parent: GenServer[Any] | None
    links: tuple[GenServer[Any], ...]
    mailbox: tuple[Any, ...]  # the messages that wait, oldest first
    state: Any


async def get_state(server: GenServer[S], timeout: float | None = 5.0) -> S:
    """The state as it is now. It is the object itself: do not change it."""
    return await server._ask_system(lambda process: process.state, timeout, "get_state")


async def replace_state(server: GenServer[S], function: Callable[[S], S], timeout: float | None = 5.0) -> S:
    """Have the server go on with `function(state)`, and return that. What `function` raises is raised here; the server lives."""

    def replace(process: Process) -> Any:
        process.state = function(process.state)
        return process.state

    return await server._ask_system(replace, timeout, "replace_state")


async def suspend(server: GenServer[Any], timeout: float | None = 5.0) -> None:
    """Let the server handle no messages until `resume`. They wait in its mailbox; its idle timeout starts anew then."""
    await server._ask_system(Process.suspend, timeout, "suspend")


async def resume(server: GenServer[Any], timeout: float | None = 5.0) -> None:
    """Let a suspended server go on."""
    await server._ask_system(Process.resume, timeout, "resume")


async def step(server: GenServer[Any], timeout: float | None = 5.0) -> None:
    """Let a suspended server handle the message that has waited longest, and no more. Erlang's `:sys` has nothing like it."""
    await server._ask_system(Process.step, timeout, "step")


async def status(server: GenServer[Any], timeout: float | None = 5.0) -> Status:
    """The server's status and state."""
    return await server._ask_system(_status, timeout, "status")


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
