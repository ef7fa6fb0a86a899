"""Look into a running server, or stop it for a while: Erlang's `:sys`, as far as people use it.

Each function takes a server or a registered name. The server does what it is asked in its turn,
between two messages, and also while it is suspended. Each function raises what a call raises:
`CallTimeout` after `timeout` seconds, `NoProcess`, `ServerExit`, `CallingSelf`. As with a call, a
timeout takes nothing back: the server still does it when its turn comes.
"""

from collections.abc import Callable, Hashable
from typing import Any, NamedTuple, TypeVar, overload

from genreply_cli.otp.exits import CallTimeout, NoProcess, ServerExit
from genreply_cli.otp.functions import naming, whereis
from genreply_cli.otp.genserver import GenServer
from genreply_cli.otp.node import failed
from genreply_cli.otp.process import Process
from genreply_cli.otp.status import SUSPENDED, SYSTEM

S = TypeVar("S")
T = TypeVar("T")


class Status(NamedTuple):
    """What `status` returns."""

    server: GenServer[Any]
    name: Any  # None if it is not registered
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
    """Return the state. It is the object itself: do not change it."""
    return await _run_in_process(server, lambda process: process.state, timeout, "get_state")


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
    """Have the server go on with `function(state)`, and return that.

    Whatever `function` raises is raised here, and the server goes on with its old state. Only a
    StopIteration becomes a RuntimeError with it as its cause, as in all that is `async`.
    """

    def replace(process: Process) -> Any:
        process.state = function(process.state)
        process.node.emit_state(process.server, process.state)
        return process.state

    return await _run_in_process(server, replace, timeout, "replace_state")


async def suspend(server: Any, timeout: float | None = 5.0) -> None:
    """Have the server handle no messages until `resume`. They wait in its mailbox.

    Its idle timeout starts anew at `resume`.
    """
    await _run_in_process(server, Process.suspend, timeout, "suspend")


async def resume(server: Any, timeout: float | None = 5.0) -> None:
    """Have a suspended server go on."""
    await _run_in_process(server, Process.resume, timeout, "resume")


async def step(server: Any, timeout: float | None = 5.0) -> None:
    """Have a suspended server handle the message that has waited longest, and no other.

    What that message continues with (`then=Continue(…)`) is handled, too. Erlang's `:sys` has
    nothing like it.
    """
    await _run_in_process(server, Process.step, timeout, "step")


async def status(server: Any, timeout: float | None = 5.0) -> Status:
    """Return the server's name, parent, links, mailbox and state, and whether it is suspended."""
    return await _run_in_process(server, _status, timeout, "status")


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


async def _run_in_process(
    server: Any, function: Callable[[Process], T], timeout: float | None, operation: str
) -> T:
    """Have the process run a function between two messages, and return its result.

    No event tells of it: to look at a server is no message of the program.
    """
    found = whereis(server)
    if found is None:
        raise failed(NoProcess(server, None, timeout, operation))
    process = found._process
    outcome: list[tuple[Any, BaseException | None]] = []
    with naming(server, found):
        process.check_can_wait(found, None, timeout, operation)
        finished = process.node.loop.create_future()

        def run(process: Process) -> None:
            try:
                outcome.append((function(process), None))
            except BaseException as error:
                if finished.done() and isinstance(error, KeyboardInterrupt | SystemExit):
                    raise  # the caller has gone; what ends the program must not be lost
                outcome.append((None, error))
            if not finished.done():
                finished.set_result(None)

        process.post(SYSTEM, run)
        await process.wait_for(finished, timeout, CallTimeout(found, None, timeout, operation))
        if not outcome:
            raise failed(ServerExit(found, None, timeout, process.reason, operation))
    [(result, error)] = outcome
    if error is not None:
        raise error
    return result  # type: ignore[no-any-return]  # a T, if there was no error
