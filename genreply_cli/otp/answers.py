"""The values that travel: what callbacks answer, what a caller is known by, what the runtime sends to `handle_info`.

`Reply`, `NoReply` and `Stop` are what Elixir writes as `{:reply, …}`, `{:noreply, …}` and `{:stop, …}`. They are made once a
message, so they are plain slotted dataclasses: freezing them would triple their cost. Nobody should change one all the same.
"""

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, Generic, Protocol, TypeVar

if TYPE_CHECKING:
    import asyncio

    from genreply_cli.otp.genserver import GenServer

T = TypeVar("T")
S_co = TypeVar("S_co", covariant=True)
R_co = TypeVar("R_co", covariant=True)


class Nothing:
    """The type of `NOTHING`: no reply was given, which is not the same as a reply of None."""

    def __repr__(self) -> str:
        return "NOTHING"


NOTHING: Final = Nothing()


class Request(Generic[R_co]):
    """A base for the requests of `call`, naming the type of the reply: `class Greet(Request[str])`."""

    __slots__ = ()

    if TYPE_CHECKING:
        __sizeof__: None  # type: ignore[assignment]  # so that type checkers do not take it for an OtherRequest


class OtherRequest(Protocol):
    """Anything but a `Request`: what its reply is, nobody knows. Only for type checkers."""

    def __sizeof__(self) -> int: ...


@dataclass(slots=True)
class Continue:
    """Run `handle_continue(continuation, state)` next, before anything that is already in the mailbox."""

    continuation: Any = None


@dataclass(slots=True)
class Reply(Generic[S_co]):
    """From `handle_call`: the caller gets `value` and goes on; the server goes on with `state`.

    `then=Continue(x)` runs `handle_continue(x, state)` next. `timeout=seconds` sends `Timeout()` to `handle_info` if no
    message comes within that time; any message cancels it.
    """

    value: Any
    state: S_co
    then: Continue | None = None
    timeout: float | None = None


@dataclass(slots=True)
class NoReply(Generic[S_co]):
    """The server goes on with `state`, and nobody is answered now.

    From `handle_call` this keeps the caller waiting: whoever holds its `From` may `reply` later, from any callback or process.
    That is the whole trick of making asynchronous work look synchronous. `then` and `timeout` are those of `Reply`.
    """

    state: S_co
    then: Continue | None = None
    timeout: float | None = None


@dataclass(slots=True)
class Stop(Generic[S_co]):
    """The server ends for `reason`: `terminate(reason, state)` runs, then the caller of `handle_call` gets `reply`, if given.

    Everybody else who still waits for a reply is told that the server has exited, also for the reason "normal".
    From `init`, `Stop(reason)` alone means that the server does not start.
    """

    reason: Any
    state: S_co = None  # type: ignore[assignment]  # init has no state yet
    reply: Any = NOTHING


@dataclass(slots=True)
class Init(Generic[S_co]):
    """From `init`, when a bare state is not enough: go on with `then`, or with an idle `timeout` in seconds."""

    state: S_co
    then: Continue | None = None
    timeout: float | None = None


@dataclass(slots=True)
class Ignore:
    """From `init`: do not start, and do not call it a failure. `start` returns None."""


@dataclass(frozen=True)
class Timeout:
    """Sent to `handle_info` when the idle timeout of the last answer has passed."""


@dataclass(frozen=True)
class Exited:
    """Sent to `handle_info` of a server that traps exits, when a linked process ended or somebody sent it an exit signal."""

    process: "GenServer[Any] | None"
    reason: Any


@dataclass(frozen=True)
class Down:
    """Sent to `handle_info` when a monitored process has ended, once for each monitor."""

    ref: "Monitor"
    process: "GenServer[Any]"
    reason: Any


@dataclass(frozen=True, eq=False)
class Monitor:
    """What `monitor` returns and `demonitor` takes."""

    process: "GenServer[Any]"
    watcher: "GenServer[Any]" = field(repr=False)


# What has become of a call. They are compared by identity.
WAITING: Final = "waiting"
REPLIED: Final = "replied"
TIMED_OUT: Final = "timed out"
CANCELLED: Final = "cancelled"
FAILED: Final = "failed"


class From(Generic[T]):
    """One caller of one call: who asked, and a reference. Keep it as long as you like; `reply(from_, value)` answers it, once.

    It is a value: hashable, equal only to itself, and any process may use it. It holds no state of the server.
    """

    __slots__ = (
        "__weakref__",
        "_deadlines",
        "_future",
        "_outcome",
        "_status",
        "caller",
        "server",
        "timeout",
    )

    _outcome: Any  # the reply, or the reason why none will come; set with the status
    _deadlines: "dict[From[Any], float] | None"  # the queue of deadlines in which it stands; set with the future

    def __init__(
        self,
        caller: "GenServer[Any] | asyncio.Task[Any] | None",
        server: "GenServer[Any]",
        timeout: float | None,
    ) -> None:
        self.caller = caller
        self.server = server
        self.timeout = timeout
        self._status = WAITING
        self._future: asyncio.Future[None] | None = (
            None  # made only if the caller really has to wait
        )

    def __repr__(self) -> str:
        return f"<From {id(self):#x}, asking {self.server!r}, {self._status}>"
