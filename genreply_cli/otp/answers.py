"""What callbacks return, and what the runtime sends to `handle_info`.

`Reply`, `NoReply` and `Stop` are what Elixir writes as `{:reply, …}`, `{:noreply, …}` and
`{:stop, …}`. One is made for each message, so they are plain dataclasses with slots: freezing them
would triple their cost. Do not change them all the same.
"""

from dataclasses import dataclass, field
from types import GenericAlias
from typing import TYPE_CHECKING, Any, Final, Generic, Protocol, Self, TypeVar

from genreply_cli.otp.exits import shorten

if TYPE_CHECKING:
    import typing_extensions

    V_co = typing_extensions.TypeVar("V_co", covariant=True, default=Any)
else:
    V_co = TypeVar("V_co", covariant=True)

S_co = TypeVar("S_co", covariant=True)
R_co = TypeVar("R_co", covariant=True)


class Nothing:
    """The type of `NOTHING`: no reply was given, which is not the same as a reply of None."""

    def __repr__(self) -> str:
        return "NOTHING"


NOTHING: Final = Nothing()


class Request(Generic[R_co]):
    """A base for the requests of `call`, naming the type of the reply: `class Greet(Request[str])`.

    A request may be any value; with this base, type checkers know what `call` returns.
    """

    __slots__ = ()

    if TYPE_CHECKING:  # so that type checkers do not take it for an OtherRequest
        __sizeof__: None  # type: ignore[assignment]  # on purpose: not the method of object

        def _asks(self) -> tuple[Self, R_co]: ...


class OtherRequest(Protocol):
    """Anything but a `Request`: the type of its reply is not known. Only for type checkers."""

    def __sizeof__(self) -> int: ...


@dataclass(slots=True)
class Continue:
    """Run `handle_continue(continuation, state)` next, before anything that is in the mailbox."""

    continuation: Any = None


@dataclass(slots=True)
class Reply(Generic[S_co, V_co]):
    """From `handle_call`: the caller gets `value`, and the server goes on with `state`.

    A `handle_call` that returns `Reply[State]` may reply with anything. For type checkers,
    `Reply[State, int]` says that each reply is an int.

    `then=Continue(x)` runs `handle_continue(x, state)` next. `timeout=seconds` sends `Timeout()` to
    `handle_info` if no message comes within that time; any message cancels it.
    """

    value: "V_co | Raise"
    state: S_co
    then: Continue | None = None
    timeout: float | None = None

    if not TYPE_CHECKING:
        __class_getitem__ = classmethod(GenericAlias)  # Python before 3.13 knows no default


@dataclass(frozen=True, slots=True)
class Raise:
    """A reply that is an error: `call` raises it, in place of returning a value.

    It may stand wherever a reply may: `Reply(Raise(error), state)`, `Stop(reason, state,
    reply=Raise(error))`, `reply(from_, Raise(error))`. The server goes on; it has not failed. Each
    caller gets a copy of its own, so that thousands may be given one error, and tracebacks do not
    pile up in it. One that cannot be copied is raised itself. (On the BEAM, the client function
    raises what a reply such as `{:error, reason}` says.)

    Raises TypeError for what is no Exception: a caller must not be ended by, say, a SystemExit.
    """

    error: Exception

    def __post_init__(self) -> None:
        if not isinstance(self.error, Exception) or isinstance(self.error, StopIteration):
            raise TypeError(f"Raise was given {shorten(self.error)}; expected an Exception")


@dataclass(slots=True)
class NoReply(Generic[S_co]):
    """The server goes on with `state`; no caller gets a reply now.

    From `handle_call`, this keeps the caller waiting. Any callback or process that has its `From`
    may `reply` later: that is how an asynchronous answer looks like the result of a synchronous
    call. `then` and `timeout` are those of `Reply`.
    """

    state: S_co
    then: Continue | None = None
    timeout: float | None = None


@dataclass(slots=True)
class Stop(Generic[S_co]):
    """The server ends for `reason`: `terminate(reason, state)` runs, then it exits.

    From `handle_call`, the caller gets `reply`, if given, after `terminate`. All other callers that
    wait for a reply get `ServerExit`, also if the reason is "normal". From `init`, `Stop(reason)`
    means that the server does not start.
    """

    reason: Any
    state: S_co = None  # type: ignore[assignment]  # init has no state yet
    reply: Any = NOTHING


@dataclass(slots=True)
class Init(Generic[S_co]):
    """From `init`, when a bare state is not enough: go on with `then`, or an idle `timeout`.

    Both are those of `Reply`.
    """

    state: S_co
    then: Continue | None = None
    timeout: float | None = None


@dataclass(slots=True)
class Ignore:
    """From `init`: do not start, which is no failure. `start` returns None."""


# A process in a message is the GenServer itself; genserver.py, which has its class, imports this.


@dataclass(frozen=True)
class Timeout:
    """Sent to `handle_info` when the idle timeout of the last answer has passed."""


@dataclass(frozen=True)
class Exited:
    """Sent to `handle_info` of a server that traps exits, in place of an exit signal.

    `process` is the linked GenServer that ended, or the one that called `exit`; None if that was no
    process. `reason` is the exit reason.
    """

    process: Any
    reason: Any


@dataclass(frozen=True)
class Down:
    """Sent to `handle_info` once for each monitor, when the monitored process has ended.

    `ref` is what `monitor` returned, and `process` what it was given: the GenServer, or its name.
    The `reason` is the exit reason; "noproc" if it had ended before, or no process had that name.

    The owner of a `Task` or a `Source` is sent one, too: when the task has failed, and when the
    source has ended. Then `ref` and `process` are both the task or the source. The `reason` is the
    exception, or "normal" if the source had no more items.
    """

    ref: Any
    process: Any
    reason: Any


@dataclass(frozen=True)
class Result:
    """Sent to `handle_info` when a task has returned: Elixir's `{ref, result}`.

    `ref` is the `Task` that `start_task` returned.
    """

    ref: Any
    value: Any


@dataclass(frozen=True)
class Opened:
    """Sent to `handle_info` when a source that is an async context manager has been entered.

    `ref` is the `Source` that `start_source` returned. `value` is what `async with … as value`
    gives: a connection, for example, to write to.
    """

    ref: Any = field(repr=False)
    value: Any


@dataclass(slots=True, unsafe_hash=True)  # not frozen: that takes three times as long to make
class Item:
    """Sent to `handle_info` for each item of a source, as Erlang's `{tcp, Socket, Data}`.

    `ref` is the `Source` that `start_source` returned, and `value` is the item.
    """

    ref: Any = field(repr=False)
    value: Any


@dataclass(eq=False, slots=True, weakref_slot=True)
class Monitor:
    """What `monitor` returns and `demonitor` takes. `watcher` is sent a `Down` for `process`.

    `process` is the GenServer or the name that `monitor` was given.
    """

    process: Any
    watcher: Any = field(repr=False)
