"""Look into a running server, or stop it for a while: Erlang's `:sys`, as far as people use it.

Each function takes a server or a registered name. The server does what it is asked in its turn,
between two messages, and also while it is suspended. Each function raises what a call raises:
`CallTimeout` after `timeout` seconds, `NoProcess`, `ServerExit`, `CallingSelf`. As with a call, a
timeout takes nothing back: the server still does it when its turn comes.

`where` and `servers` ask nobody: they look at a node from outside, in its own thread, and return at
once, whatever the servers are doing.
"""

import inspect
from collections.abc import Callable, Hashable
from typing import Any, NamedTuple, TypeVar, overload

from genreply_cli.otp.calls import From, asked_at
from genreply_cli.otp.exits import CallTimeout, NoProcess, ServerExit
from genreply_cli.otp.functions import naming, whereis
from genreply_cli.otp.genserver import GenServer
from genreply_cli.otp.node import Node, current_node, failed
from genreply_cli.otp.process import Process
from genreply_cli.otp.status import BUSY, STOPPING, SUSPENDED, SYSTEM

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


class Place(NamedTuple):
    """A line of code in which something waits."""

    file: str
    line: int
    function: str


class OpenCall(NamedTuple):
    """A call that waits for its reply."""

    from_: From[Any]
    waited: float | None  # seconds until now; None if the call has no timeout: then nobody counts


class Overview(NamedTuple):
    """What can be said of a server without asking it."""

    server: GenServer[Any]
    name: Any  # None if it is not registered
    status: str  # starting, ready, busy, suspended, or stopping
    mailbox: int  # how many messages wait in it
    calls: tuple[OpenCall, ...]  # that it has not answered, oldest first
    where: tuple[Place, ...]  # as `where` returns it


def where(server: Any) -> tuple[Place, ...]:
    """Return in which `await` a busy server is: the line of its callback first, the innermost last.

    It is empty for a server that is in no `await`. Takes a server or a registered name; raises
    NoProcess. As Erlang's `process_info(Pid, current_stacktrace)`.
    """
    found = whereis(server)
    if found is None:
        raise NoProcess(server, None, None, "where")
    return _where(found._process)


def servers(node: Node | None = None) -> list[Overview]:
    """Return what can be said of each server of a node that runs, the oldest first.

    The node is that of the running event loop, or the one that is given; RuntimeError is raised if
    none is running. As Erlang's `processes()` with `process_info`.
    """
    node = current_node() if node is None else node
    now = node.loop.time()
    return [
        Overview(
            server=process.server,
            name=process.name,
            status=process.status,
            mailbox=sum(entry[0] is not SYSTEM for entry in process.mailbox),
            calls=tuple(
                OpenCall(from_, None if began is None else now - began)
                for from_ in process.open_calls
                for began in [asked_at(from_)]
            ),
            where=_where(process),
        )
        for process in node._host.processes
        if isinstance(process, Process)
    ]


def _where(process: Process) -> tuple[Place, ...]:
    runner = process.async_runner
    if runner is None or process.status not in (BUSY, STOPPING):
        return ()
    places = []
    waits: Any = runner.coroutine
    while waits is not None:
        if inspect.iscoroutine(waits):
            frame, waits = waits.cr_frame, waits.cr_await
        elif inspect.isgenerator(waits):  # of types.coroutine
            frame, waits = waits.gi_frame, waits.gi_yieldfrom
        else:
            break
        if frame is not None:
            code = frame.f_code
            places.append(Place(code.co_filename, frame.f_lineno, code.co_qualname))
    return tuple(places)


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
        state=process.report(process.state).state,
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
