"""The functions of the runtime: what a GenServer does, by registered name; links, monitors, timers.

A parameter `server` is a GenServer or a registered name. An error names it as the caller gave it.
"""

import asyncio
import contextlib
from collections.abc import Iterator
from typing import Any, Literal, TypeVar, overload

from genreply_cli.otp.answers import Monitor, OtherRequest, Raise, Request
from genreply_cli.otp.calls import CANCELLED, TIMED_OUT, From, MonitoredCall
from genreply_cli.otp.exits import CallError, MailboxFull, NoProcess, shorten
from genreply_cli.otp.genserver import GenServer
from genreply_cli.otp.node import Node, current_node, failed
from genreply_cli.otp.process import NOT_STARTED, Process
from genreply_cli.otp.status import INFO, check_timeout, running

T = TypeVar("T")


def whereis(name: Any) -> GenServer[Any] | None:
    """Return the running server that is registered under a name, or None.

    A GenServer is returned as it is, also if it has ended.
    """
    if isinstance(name, GenServer):
        return name
    try:
        process = current_node().names.get(name)
    except TypeError:
        raise TypeError(
            f"{shorten(name)} is no server; "
            "expected a GenServer that was started, or a registered name"
        ) from None
    return None if process is None else process.server


@contextlib.contextmanager
def naming(given: Any, found: GenServer[Any]) -> Iterator[None]:
    """Have an error that leaves the block name the server as the caller gave it."""
    try:
        yield
    except CallError as error:
        if error.server is found:
            error.server = given
        raise


@overload
async def call(server: Any, request: Request[T], timeout: float | None = 5.0) -> T: ...
@overload
async def call(server: Any, request: OtherRequest | None, timeout: float | None = 5.0) -> Any: ...
async def call(server: Any, request: Any, timeout: float | None = 5.0) -> Any:
    """`server.call(request, timeout)`, where `server` may be a registered name."""
    if timeout is not None:
        check_timeout(timeout)
    found = whereis(server)
    if found is None:
        raise failed(NoProcess(server, request, timeout))
    with naming(server, found):
        return await found.call(request, timeout)


def send_request(
    server: Any, request: Any, timeout: float | None = 5.0, *, caller: Any = None
) -> "asyncio.Future[Any]":
    """`server.send_request(request, timeout)`, where `server` may be a registered name."""
    found = whereis(server)
    if found is not None:
        return found.send_request(request, timeout, caller=caller)
    future = current_node().loop.create_future()
    future.set_exception(NoProcess(server, request, timeout))
    return future


def cast(server: Any, request: Any) -> None:
    """`server.cast(request)`, where `server` may be a registered name.

    Raises `MailboxFull`. The request is lost if no process has that name.
    """
    found = whereis(server)
    if found is None:
        _emit_lost("cast", server, request)
    else:
        try:
            found.cast(request)
        except MailboxFull as error:
            error.server = server
            raise


def send(server: Any, message: Any) -> None:
    """`server.send(message)`, where `server` may be a registered name.

    Raises `MailboxFull`, and `NoProcess` if no process has that name, as on the BEAM; `cast` does
    not.
    """
    found = whereis(server)
    if found is None:
        raise NoProcess(server, message, None, "send to")
    try:
        found.send(message)
    except MailboxFull as error:
        error.server = server
        raise


class Timer:
    """A message that is to be sent later: what `send_after` returns."""

    def __init__(self, node: Node, server: Any, handle: asyncio.TimerHandle) -> None:
        self._node = node
        self._server = server
        self._handle: asyncio.TimerHandle | None = handle

    def cancel(self) -> float | Literal[False]:
        """Do not send the message. Returns the seconds that were left.

        Returns False if it was sent or cancelled before, or the server has ended.
        """
        handle, self._handle = self._handle, None
        if handle is None:
            return False
        self._node.cancel_timer(handle)
        if isinstance(self._server, GenServer) and not self._server._process.alive:
            return False
        return max(0.0, handle.when() - self._node.loop.time())


def send_after(server: Any, delay: float, message: Any) -> Timer:
    """`send(server, message)` in `delay` seconds. A name is looked up then, not now.

    The message is lost if no process has that name then.
    """
    check_timeout(delay)
    node = current_node().home_of_new()  # its end is the end of the timer

    def fire() -> None:
        timer._handle = None
        found = whereis(server)
        if found is None:
            _emit_lost("info", server, message)
        else:
            found._process.post(INFO, message)  # a full mailbox takes it, too

    timer = Timer(node, server, node.call_later(delay, fire))
    return timer


def reply(from_: From[T], value: T | Raise) -> None:
    """`GenServer.reply(from_, value)`."""
    GenServer.reply(from_, value)


def fail(from_: From[Any], reason: Any, error: Exception | None = None) -> None:
    """`GenServer.fail(from_, reason, error)`."""
    GenServer.fail(from_, reason, error)


async def stop(server: Any, reason: Any = "normal", timeout: float | None = None) -> None:
    """`server.stop(reason, timeout)`, where `server` may be a registered name."""
    found = whereis(server)
    if found is None:
        raise failed(NoProcess(server, reason, timeout, "stop"))
    with naming(server, found):
        await found.stop(reason, timeout)


def exit(server: Any, reason: Any) -> None:
    """`server.exit(reason)`, where `server` may be a registered name."""
    found = whereis(server)
    if found is not None:
        found.exit(reason)


def link(server: Any) -> None:
    """Link the running process with another one.

    When one of the two ends abnormally, so does the other, unless it traps exits. If the other has
    ended already, a process that traps exits gets an `Exited` with the reason "noproc"; otherwise
    `NoProcess` is raised. Raises RuntimeError in a plain task.
    """
    process = _running_process("link")
    found = whereis(server)
    if found is not None and found._process.alive:
        process.link(found._process)
    elif found is not None and found._process is not NOT_STARTED and process.server.trap_exit:
        process.receive_exit_signal(found._process, "noproc")
    else:
        raise NoProcess(server, None, None, "link with")


def unlink(server: Any) -> None:
    """Undo `link`. An `Exited` that is in the mailbox already stays there.

    Raises RuntimeError in a plain task.
    """
    process = _running_process("unlink")
    found = whereis(server)
    if found is not None and found._process.alive:
        process.unlink(found._process)


def monitor(watched: Any) -> Monitor:
    """Have the running process sent one `Down` when another one ends, for any reason.

    The other process does not notice. If it has ended already, the `Down` comes at once, with the
    reason "noproc". The `Down` names the process as it was given here, by name or not.

    `watched` may also be the `From` of a call: the `Down` then comes if its caller gives up before
    it has a reply, with the reason "timed out" or "cancelled". If the call ends in another way, no
    `Down` comes. (A server of the BEAM monitors the pid in `from` for this. It gets the `DOWN` when
    that process ends, which may live on after its call has timed out.)

    Raises RuntimeError in a plain task, which may `await server.wait()`.
    """
    watcher = _running_process("monitor", " A plain task uses `await server.wait()`.")
    if isinstance(watched, From):
        return _monitor_call(watched, watcher)
    found = whereis(watched)
    if found is not None and found._process is NOT_STARTED:
        raise NoProcess(watched, None, None, "monitor")
    ref = Monitor(watched, watcher.server)
    if found is None or not found._process.alive:
        watcher.send_down(ref, "noproc", watched)
    elif found is not watcher.server:  # a process is not told of its own end
        watcher.monitor(found._process, ref)
    return ref


def _monitor_call(from_: From[Any], watcher: Process) -> Monitor:
    ref = Monitor(from_, watcher.server)
    if from_.waiting and from_._calls is not None:
        calls = watcher.node.monitored_calls
        watcher.monitor(calls.setdefault(from_, MonitoredCall(from_)), ref)
    elif from_._status in {TIMED_OUT, CANCELLED}:
        watcher.send_down(ref, from_._status, from_)
    return ref


def demonitor(ref: Monitor, flush: bool = False) -> None:
    """Undo `monitor`. With `flush`, also take a `Down` that has come out of the mailbox.

    Does nothing in any process but the one that called `monitor`.
    """
    if not isinstance(ref, Monitor):
        raise TypeError(f"demonitor was given {shorten(ref)}; expected what monitor returned")
    caller = running.get()
    if caller is None or caller is ref.watcher:
        ref.watcher._process.demonitor(ref, flush=flush)


def note(message: Any) -> None:
    """Have the observer called with an event of one's own, of kind "note".

    It belongs to the call that is being handled, as with Elixir's `:seq_trace.print`.
    """
    node = current_node()
    node.emit("note", node.current_actor(), None, message)


def _running_process(operation: str, hint: str = "") -> Process:
    server = running.get()
    if server is None:
        raise RuntimeError(f"{operation} is for processes, and this is a plain task.{hint}")
    return server._process  # type: ignore[no-any-return]  # server is a GenServer


def _emit_lost(kind: str, server: Any, message: Any) -> None:
    node = current_node()
    node.emit("lost", node.current_actor(), server, message, detail=kind)
