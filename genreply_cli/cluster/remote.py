"""What stands here for servers and callers of other nodes."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final

from genreply_cli.cluster.terms import Atom, encode, value_in
from genreply_cli.otp import (
    CallTimeout,
    Down,
    Exited,
    From,
    GenServer,
    Monitor,
    NoProcess,
    NoReply,
    Raise,
    ServerExit,
    Stop,
    StopTimeout,
    fail,
    monitor,
    reply,
)
from genreply_cli.otp.exits import shorten
from genreply_cli.otp.status import check_timeout

_PYTHON_ERROR: Final = (Atom("error"), Atom("python"))
NO_CONNECTION: Final = "noconnection"  # the exit reason when the connection with a node has gone


class NoConnection(NoProcess):
    """The node of a server cannot be reached. `node` is its name."""

    def __init__(self, server: Any, request: Any, timeout: float | None, node: str) -> None:
        super().__init__(server, request, timeout)
        self.node = node

    @property
    def why(self) -> str:
        """What went wrong, in a few words."""
        return (
            f"no connection to the node {self.node}: "
            "it does not run, cannot be reached, or has another cookie"
        )


class NotRegistered(NoProcess):
    """No process has this name on another node."""

    @property
    def why(self) -> str:
        """What went wrong, in a few words."""
        name, _, node = str(self.server.name).partition("@")
        return f"no process is named {name} on {node}"


class RemoteError(Exception):
    """A server of another node replied with an error (`Raise`): its type there, and its text."""

    def __init__(self, kind: str, text: str) -> None:
        super().__init__(kind, text)
        self.kind = kind
        self.text = text

    def __str__(self) -> str:
        return f"{self.kind}: {self.text}"


# --- messages from the cluster to a RemoteServer


@dataclass(frozen=True)
class Answered:
    """The server elsewhere has replied to the call with this number."""

    call: int = field(repr=False)
    value: Any


@dataclass(frozen=True)
class Failed:
    """The call with this number has ended there without a reply."""

    call: int = field(repr=False)
    reason: Any


@dataclass(frozen=True)
class Gone:
    """The process elsewhere has ended, or never was."""

    reason: Any


# --- messages of a RemoteServer to itself


@dataclass(frozen=True)
class _Signal:
    reason: Any


@dataclass(frozen=True)
class _StopIt:
    reason: Any


class _Kept:
    """A caller that waits for a reply from elsewhere."""

    __slots__ = ("from_", "monitor", "request")

    def __init__(self, from_: From[Any], request: Any) -> None:
        self.from_ = from_
        self.request = request
        self.monitor: Monitor = monitor(from_)


class RemoteServer(GenServer[dict[int, _Kept]]):
    """Stands for a process of another node, as a pid does.

    It is the pattern once more: it keeps the caller, passes the request on, and replies when the
    answer comes. When the process there ends, so does this one, for the same reason; when the
    connection goes, the reason is "noconnection". An exit signal, of a link or of `exit`, is passed
    on to the process there. While processes here are linked with this one, the process there is
    linked with this node: it gets the exit signal "noconnection" if the node vanishes.
    """

    trap_exit = True

    def __repr__(self) -> str:
        return f"<RemoteServer {self.name}>"

    def init(
        self,
        here: str,
        tell: Callable[..., None],
        next_id: Callable[[], int],
    ) -> dict[int, _Kept]:
        self._here = here
        self._tell = tell
        self._next_id = next_id
        self._numbers: dict[From[Any], int] = {}  # of calls that have not been passed on yet
        self._linked: set[GenServer[Any]] = set()  # with this one, while they live
        self._ended: Any = None  # why the process there has ended
        return {}

    async def call(self, request: Any, timeout: float | None = 5.0) -> Any:
        """Call the process there: see `GenServer.call`. Raises `NoConnection`, too."""
        error = None if self.alive else self._error(self._ended, request, timeout)
        if error is not None:
            raise error
        return await super().call(request, timeout)

    async def stop(self, reason: Any = "normal", timeout: float | None = None) -> None:
        """Have the process there stop for `reason`, and wait until it has: see `GenServer.stop`.

        As on the BEAM, it raises nothing if the process has ended by itself for the same reason.
        """
        if timeout is not None:
            check_timeout(timeout)
        if not self.alive:
            raise NoProcess(self, reason, timeout, "stop")
        self.send(_StopIt(reason))
        try:
            async with asyncio.timeout(timeout):
                ended = await self.wait()
        except TimeoutError:
            raise StopTimeout(self, reason, timeout, "stop") from None
        if ended != reason_in(encode(term_of_reason(reason))):
            raise self._error(ended, reason, timeout) or ServerExit(
                self, reason, timeout, ended, "stop"
            )

    def exit(self, reason: Any) -> None:
        """Send an exit signal to the process there."""
        self.send(_Signal(reason))

    def _failure(self, request: Any, from_: From[Any]) -> Exception:
        """The error of a call without a reply. What the server there is told is not known here."""
        error = super()._failure(request, from_)
        if isinstance(error, CallTimeout):
            error.told = None
        if isinstance(error, ServerExit):  # it has ended before it came to this call
            return self._error(error.reason, request, from_.timeout) or error
        return error

    def link_changed(self, other: GenServer[Any], *, linked: bool) -> None:
        """Link this node with the process there as long as somebody here is linked with it."""
        before = bool(self._linked)
        (self._linked.add if linked else self._linked.discard)(other)
        if before is not bool(self._linked):
            self._tell("link" if linked else "unlink")

    def reference_of(self, from_: From[Any]) -> str:
        """What a call is called in the whole cluster: the node that asks, and the number there."""
        return f"{self._here}/{self._number(from_)}"

    def _number(self, from_: From[Any]) -> int:
        number = self._numbers.get(from_)
        if number is None:
            number = self._numbers[from_] = self._next_id()
        return number

    def handle_call(
        self, request: Any, from_: From[Any], state: dict[int, _Kept]
    ) -> NoReply[dict[int, _Kept]]:
        number = self._number(from_)
        del self._numbers[from_]
        try:
            self._tell("call", number, request)
        except TypeError as error:
            fail(from_, "badarg", error)
        else:
            state[number] = _Kept(from_, request)
        return NoReply(state)

    def handle_cast(self, request: Any, state: dict[int, _Kept]) -> NoReply[dict[int, _Kept]]:
        self._tell("cast", request)
        return NoReply(state)

    def handle_info(
        self, message: Any, state: dict[int, _Kept]
    ) -> NoReply[dict[int, _Kept]] | Stop[dict[int, _Kept]]:
        match message:
            case Answered(call, value) if call in state:
                reply(state.pop(call).from_, _reply_of_term(value))
            case Failed(call, reason) if call in state:
                self._fail(state.pop(call), reason)
            case Answered() | Failed():
                pass  # the caller has gone
            case Down(process=From() as from_):
                for call in [call for call, kept in state.items() if kept.from_ is from_]:
                    del state[call]
                    self._tell("cancel", call)
            case Gone(reason):
                self._ended = reason  # those who wait are told when this process ends
                if reason == "kill":  # as a signal, it would be "killed"
                    return Stop(reason, state)
                self.trap_exit = False  # type: ignore[misc]  # of this one alone
                super().exit(reason)  # as by a link: nothing has failed here, and nothing is logged
            case _Signal(reason):
                self._tell("signal", term_of_reason(reason))
            case Exited(process, reason):
                self._tell("signal", term_of_reason(reason))
                if process is not None:
                    self.link_changed(process, linked=False)
            case _StopIt(reason):
                self._tell("stop", term_of_reason(reason))
            case _:
                self._tell("send", message)
        return NoReply(state)

    def _fail(self, kept: _Kept, reason: Any) -> None:
        """End a call as an Erlang caller sees it end."""
        fail(kept.from_, reason, self._error(reason, kept.request, kept.from_.timeout))

    def _error(self, reason: Any, request: Any, timeout: float | None) -> NoProcess | None:
        """The error for an exit reason that means that there was no process."""
        match reason:
            case "noproc":
                return NotRegistered(self, request, timeout)
            case ("nodedown", node):
                return NoConnection(self, request, timeout, str(node))
        return None


class RemoteCaller:
    """A caller of another node, as the observer sees it: by the name of the node, not by its pid.

    A name is one lane of a timeline, and is given again when its call has ended.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self.reference: str | None = None  # of the call that it makes now

    def __repr__(self) -> str:
        return f"<RemoteCaller {self.name}>"

    def reference_of(self, _: From[Any]) -> str | None:
        """What its call is called in the whole cluster; None for a caller that is not Python."""
        return self.reference


class RemoteCallers:
    """The callers of other nodes that wait, and names for new ones."""

    def __init__(self) -> None:
        self._idle: dict[str, list[RemoteCaller]] = {}
        self._count: dict[str, int] = {}

    def take(self, node: str, reference: str | None) -> RemoteCaller:
        """A caller of this node that has no call now."""
        idle = self._idle.setdefault(node, [])
        if idle:
            caller = idle.pop()
        else:
            number = self._count[node] = self._count.get(node, 0) + 1
            caller = RemoteCaller(f"caller@{node}" if number == 1 else f"caller-{number}@{node}")
        caller.reference = reference
        return caller

    def give_back(self, node: str, caller: RemoteCaller) -> None:
        """Its call has ended."""
        self._idle[node].append(caller)


def term_of_reason(reason: Any) -> Any:
    """An exit reason as Elixir would have it: `:normal`, or of an error its name and text."""
    if isinstance(reason, BaseException):
        return (Atom("python"), type(reason).__name__, str(reason))
    if isinstance(reason, str):
        return Atom(reason)
    if isinstance(reason, tuple):
        return tuple(map(term_of_reason, reason))
    try:
        encode(reason)
    except TypeError:
        return (Atom("python"), type(reason).__name__, shorten(reason))
    return reason


def term_of_error(error: Exception) -> Any:
    """A reply that is an error, as Elixir has it: `{:error, {:python, "ValueError", "no"}}`."""
    return (Atom("error"), term_of_reason(error))


def _reply_of_term(value: Any) -> Any:
    """A reply from elsewhere: the value, or the error that it stands for."""
    match value:
        case (Atom() as tag, (Atom() as of, str(kind), str(text))) if (tag, of) == _PYTHON_ERROR:
            return Raise(RemoteError(kind, text))
    return value


def reason_in(data: bytes) -> Any:
    """An exit reason from elsewhere: an atom is a str, as the reasons here are."""
    value = value_in(data)
    return None if value is None else _plain(value)


def _plain(value: Any) -> Any:
    if isinstance(value, Atom):
        return str(value)
    return tuple(map(_plain, value)) if isinstance(value, tuple) else value
