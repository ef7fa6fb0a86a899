"""Servers for tests, and ways to wait. Spies are lists, fakes are real servers."""

import asyncio
from collections.abc import Callable, Coroutine
from contextvars import ContextVar
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

from genreply_cli.otp import Event, Exit, From, GenServer, NoReply, Reply, send_after
from genreply_cli.websocket import MessageReceived, SendMessage, State, WebSocket

S = TypeVar("S")

# What stands for a server that a test has started: the server itself, unless it is to be reached
# through a cluster.
placed: ContextVar[Callable[[GenServer[Any]], Any]] = ContextVar(
    "placed", default=lambda server: server
)


class Placed(GenServer[S]):
    """A base for servers that tests reach where `placed` says."""

    if not TYPE_CHECKING:  # it has the type of that of GenServer

        @classmethod
        def start(cls, *args, **options):
            return placed.get()(super().start(*args, **options))


@dataclass(frozen=True)
class Terminated:
    """What a Doer keeps of its `terminate`."""

    reason: Any


class Doer(Placed[list[Any]]):
    """Runs functions, async or not, that it is called with, as itself. Records other messages."""

    def init(self, heard: list[Any] | None = None) -> list[Any]:
        return [] if heard is None else heard

    def handle_call(self, request: Any, from_: From[Any], heard: list[Any]) -> Any:
        answer = request()
        return self._reply(answer, heard) if isinstance(answer, Coroutine) else Reply(answer, heard)

    async def _reply(self, answer: Coroutine[Any, Any, Any], heard: list[Any]) -> Any:
        return Reply(await answer, heard)

    def handle_cast(self, request: Any, heard: list[Any]) -> Any:
        answer = request()
        return self._noreply(answer, heard) if isinstance(answer, Coroutine) else NoReply(heard)

    async def _noreply(self, answer: Coroutine[Any, Any, Any], heard: list[Any]) -> Any:
        await answer
        return NoReply(heard)

    def handle_info(self, message: Any, heard: list[Any]) -> Any:
        heard.append(message)
        return NoReply(heard)

    def terminate(self, reason: Any, heard: list[Any]) -> Any:
        heard.append(Terminated(reason))


class TrappingDoer(Doer):
    """A Doer to which exit signals are messages."""

    trap_exit = True


class Stateless(Placed[None]):
    """A base for servers whose state does not matter: it is None."""

    def init(self) -> Any:
        return None


class Echo(Stateless):
    """Replies with the request."""

    def handle_call(self, request: Any, from_: From[Any], state: None) -> Any:
        return Reply(request, state)


class Starting(GenServer[Any]):
    """Its `init` returns what a function returns."""

    def init(self, function: Callable[[], Any]) -> Any:
        return function()


class Keeper(Placed[dict[Any, From[Any]]]):
    """Keeps every caller waiting, under its request, for somebody else to answer."""

    def init(self, callers: dict[Any, From[Any]] | None = None) -> dict[Any, From[Any]]:
        return {} if callers is None else callers

    def handle_call(self, request: Any, from_: From[Any], callers: dict[Any, From[Any]]) -> Any:
        callers[request] = from_
        return NoReply(callers)

    def handle_cast(self, request: Any, callers: dict[Any, From[Any]]) -> Any:
        """Crash for this reason."""
        raise request


class SilentSocket(WebSocket):
    """A socket whose other side says nothing; a test says it instead."""

    def handle_cast(self, request: SendMessage, state: State) -> NoReply[State]:
        return NoReply(state)


class SlowSocket(WebSocket):
    """A socket whose other side answers after a second."""

    def handle_cast(self, request: SendMessage, state: State) -> NoReply[State]:
        send_after(state.caller, 1.0, MessageReceived(f"{request.msg} to you too!"))
        return NoReply(state)


class CrashingSocket(WebSocket):
    """A socket that crashes instead."""

    def handle_cast(self, request: SendMessage, state: State) -> NoReply[State]:
        raise Boom(request.msg)


class Unshowable:
    """A value whose repr raises."""

    def __repr__(self) -> str:
        raise ValueError("no text for this")


class Boom(Exception):  # it is what a crash says
    """What servers crash with, where it does not matter what."""


def raising(error: BaseException) -> Callable[..., Any]:
    """A function that raises this error."""

    def function(*_: Any) -> Any:
        raise error

    return function


async def all_quiet() -> None:
    """Wait until nothing can run before the clock moves on.

    On the virtual clock, a timer fires only when nothing else is ready.
    """
    loop = asyncio.get_running_loop()
    for _ in range(2):  # what was due now may have made something else due now
        quiet = loop.create_future()
        loop.call_later(0, quiet.set_result, None)
        await quiet


async def outcome(waiting: Coroutine[Any, Any, Any]) -> Any:
    """What it returns, or the exception that it raises."""
    try:
        return await waiting
    except Exception as error:
        return error


def tried(function: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
    """What it returns, or what it raises."""
    try:
        return function(*args, **kwargs)
    except (Exception, Exit) as error:
        return error


def now() -> float:
    """The virtual time: seconds since the test began."""
    return asyncio.get_running_loop().time()


def kinds(events: list[Event]) -> list[str]:
    """The kinds of the events, in their order."""
    return [event.kind for event in events]
