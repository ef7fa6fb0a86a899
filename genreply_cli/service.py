"""A service behind a connection, called like a function; its answers may come in any order.

A WebSocket, a child process, a database: each takes many requests on one connection, and answers
them later. A `Service` needs to know three things of it: how to connect, what a request looks like
on the wire, and what came back. Everything else is here:

- each request gets a key, and its caller waits until the answer with this key comes;
- a caller that gives up is forgotten, and the other side is told if `gave_up` says how;
- when the connection goes, all who wait are told at once: `ConnectionError` is raised in each;
- then it connects again, after a delay that doubles each time and that is partly random. What has
  been sent is never sent again: only the caller knows whether that does harm. Calls that are made
  meanwhile wait for the next attempt;
- at most `queue_limit` frames wait to be sent: after that, `ask` and `tell` raise
  `asyncio.QueueFull`. What comes in is read only as fast as it is handled.

    class Echo(Service[str, str]):
        def connect(self, url: str) -> AbstractAsyncContextManager[Connection]:
            return websockets.connect(url, open_timeout=2, compression=None)

        def encode(self, key: int, request: str) -> str:
            return json.dumps({"id": key, "ask": request})

        def decode(self, frame: str) -> Answer[str]:
            answer = json.loads(frame)
            return Answer(answer["id"], answer["answer"])

    async with Node():
        echo = Echo.start("ws://127.0.0.1:8000")
        print(await echo.ask("Hello"))

The connection is a source of the server, and what it sends is a task of it (`otp.owned`): both end
with it, however it ends. `service.md` beside this file is the guide, with whole programs.
"""

import asyncio
import logging
import random
from collections import deque
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from inspect import signature
from types import CoroutineType
from typing import Any, Generic, NamedTuple, Protocol, TypeVar

from genreply_cli.otp import (
    Continue,
    Down,
    From,
    GenServer,
    Init,
    Item,
    NoReply,
    Opened,
    Raise,
    Reply,
    Request,
    Source,
    Stop,
    Task,
    monitor,
    reply,
    send_after,
    start_source,
    start_task,
)

logger = logging.getLogger("genreply_cli.service")

Q = TypeVar("Q")
R = TypeVar("R")
T = TypeVar("T")


class Connection(Protocol):
    """What `connect` gives: its frames are read with `async for`; `send` may be `async`."""

    def __aiter__(self) -> Any: ...
    def send(self, frame: Any, /) -> Any: ...


class Answer(NamedTuple, Generic[T]):
    """What `decode` returns for the answer to the request that was sent with this key."""

    key: int
    value: T


@dataclass(frozen=True)
class Failure:
    """What `decode` returns if the request with this key has failed: its caller gets the error."""

    key: int
    error: Exception


@dataclass(frozen=True)
class Event:
    """What `decode` returns for a frame that nobody asked for. `handle_event` gets the value."""

    value: Any


@dataclass(slots=True, repr=False)
class _Ask(Request[T]):
    request: Any

    def __repr__(self) -> str:
        return f"ask({self.request!r})"


@dataclass(slots=True, repr=False)
class _Tell(Request[None]):
    frame: Any  # None: it waits for the connection, and nothing is sent

    def __repr__(self) -> str:
        return "connected()" if self.frame is None else f"tell({self.frame!r})"


@dataclass(frozen=True)
class _Connect:
    pass


# A frame to send, the key of the caller that waits, if one does, and whether a frame answers it;
# otherwise, the caller is done when this has been sent.
Outgoing = tuple[Any, int | None, bool]


@dataclass
class Link:
    """The state of a Service: one connection after another, and who waits for what."""

    arguments: tuple[Any, ...]
    source: Source | None = None  # the connection, from the first attempt to open it
    writer: Task | None = None  # it runs while the connection is open
    last_key: int = 0
    failures: int = 0  # attempts since something was received
    callers: dict[int, From[Any]] = field(default_factory=dict)
    keys: dict[From[Any], int] = field(default_factory=dict)  # of the same callers
    sent: set[int] = field(default_factory=set)  # the keys that the other side knows
    outgoing: deque[Outgoing] = field(default_factory=deque)
    more: asyncio.Event = field(default_factory=asyncio.Event)  # set when something is put there

    def put(self, frame: Any, key: int | None = None, *, answered: bool = False) -> None:
        """Have a frame sent after all that wait already."""
        self.outgoing.append((frame, key, answered))
        self.more.set()

    def keep(self, from_: From[Any]) -> int:
        """Keep a caller, under a new key."""
        self.last_key += 1
        self.callers[self.last_key] = from_
        self.keys[from_] = self.last_key
        monitor(from_)
        return self.last_key

    def take(self, key: int) -> From[Any] | None:
        """Return the caller with this key, and forget it. None if nobody waits under it."""
        from_ = self.callers.pop(key, None)
        if from_ is not None:
            self.sent.discard(key)
            del self.keys[from_]
        return from_


class Service(GenServer[Link], Generic[Q, R]):
    """Override `connect`, `encode` and `decode`; then `await service.ask(request)`.

    `start` takes the arguments of `connect`, and raises TypeError if they do not fit. It does not
    wait for the connection; `connected` does.
    """

    _answers_later = (
        True  # callers need not wait for the turn first: no answer can be there so soon
    )
    reconnect = True  # False: the server ends when the connection does, with ("shutdown", error)
    queue_limit = 10_000  # frames that wait to be sent
    read_limit = 300  # frames that wait to be decoded; then no more are read
    first_delay = 0.05  # in seconds, before it connects again; it doubles with each failure
    longest_delay = 2.0

    def connect(self, *args: Any, **kwargs: Any) -> AbstractAsyncContextManager[Connection]:
        """Return a connection that is not open yet: an async context manager of a `Connection`.

        It is called for each attempt, with the arguments of `start`. An attempt should fail by
        itself after some seconds.
        """
        raise NotImplementedError(f"{type(self).__name__} has no method `connect`")

    def encode(self, key: int, request: Q) -> Any:
        """Return the frame that asks this. If it raises, `ask` raises the error."""
        raise NotImplementedError(f"{type(self).__name__} has no method `encode`")

    def decode(self, frame: Any) -> Answer[R] | Failure | Event | None:
        """Say what a frame means: None for nothing.

        If it raises, the other side does not keep to the protocol: the error is logged, and the
        connection is closed.
        """
        raise NotImplementedError(f"{type(self).__name__} has no method `decode`")

    def gave_up(self, key: int) -> Any:
        """Return the frame that takes a request back, because its caller waits no longer; or None.

        It is called only for requests that have been sent.
        """
        return None

    def handle_event(self, event: Any) -> Any:
        """Handle the value of an `Event`. What this returns is sent, unless it is None.

        It must not wait; `otp.start_task` runs what does. If it raises, the error is logged, and
        the connection is closed.
        """
        return None

    async def ask(self, request: Q, timeout: float | None = 5.0) -> R:
        """Send a request and wait for its answer.

        Raises the error of a `Failure`; ConnectionError if the connection goes, or if the next
        attempt to connect fails; asyncio.QueueFull; and what `call` raises, such as CallTimeout.
        """
        asked: _Ask[R] = _Ask(request)
        return await self.call(asked, timeout)

    async def tell(self, frame: Any, timeout: float | None = 5.0) -> None:
        """Send a frame that has no answer, and wait until the connection has taken it.

        So a producer that awaits each `tell` is as slow as the connection. Raises as `ask` does.
        """
        await self.call(_Tell(frame), timeout)

    async def connected(self, timeout: float | None = 10.0) -> None:
        """Wait until the connection is open. Raises ConnectionError if this attempt fails."""
        await self.call(_Tell(None), timeout)

    def init(self, *args: Any) -> Init[Link]:
        try:
            signature(self.connect).bind(*args)
        except TypeError as error:
            whose = f"{type(self).__name__}.connect"
            raise TypeError(f"start takes the arguments of {whose}: {error}") from None
        return Init(Link(args), then=Continue(_Connect()))

    def handle_continue(self, continuation: Any, state: Link) -> NoReply[Link] | Stop[Link]:
        try:
            connection = self.connect(*state.arguments)
            if not hasattr(connection, "__aenter__"):
                if isinstance(connection, CoroutineType):
                    connection.close()
                raise TypeError(
                    f"connect returned {connection!r}; expected an async context manager, such as "
                    "contextlib.asynccontextmanager makes"
                )
        except Exception as error:
            return self._lost(state, error)
        state.source = start_source(connection, name="connection", limit=self.read_limit)
        return NoReply(state)

    def handle_call(
        self, request: Any, from_: From[Any], state: Link
    ) -> NoReply[Link] | Reply[Link]:
        if len(state.outgoing) >= self.queue_limit:
            full = (
                f"{self!r} has {self.queue_limit:,} frames that wait to be sent, and takes no more"
            )
            return Reply(Raise(asyncio.QueueFull(full)), state)
        key = state.keep(from_)
        if isinstance(request, _Tell):
            state.put(request.frame, key)
            return NoReply(state)
        try:
            frame = _at_once(self.encode(key, request.request))
        except Exception as error:
            state.take(key)
            return Reply(Raise(error), state)
        state.put(frame, key, answered=True)
        return NoReply(state)

    def handle_info(self, message: Any, state: Link) -> NoReply[Link] | Stop[Link]:
        match message:
            case Item(_, frame):
                state.failures = 0
                return self._received(frame, state)
            case Down(_, From() as from_) if from_ in state.keys:
                return self._forget(state, state.keys[from_])
            case Opened(_, connection):
                state.writer = start_task(self._write(connection, state), name="writer")
            case Down(_, Source() | Task(), reason):
                return self._lost(state, reason)
            case _Connect():
                return self.handle_continue(message, state)
        return NoReply(state)

    def _received(self, frame: Any, state: Link) -> NoReply[Link] | Stop[Link]:
        try:
            meaning = self.decode(frame)
            match meaning:
                case Answer(key, value):
                    self._answer(state, key, value)
                case Failure(key, error):
                    self._answer(state, key, Raise(error))
                case Event(value):
                    return self._send(state, _at_once(self.handle_event(value)))
                case None:
                    pass
                case _:
                    expected = "an Answer, a Failure, an Event or None"
                    raise TypeError(f"decode returned {_at_once(meaning)!r}; expected {expected}")
        except Exception as error:
            return self._failed(state, error)
        return NoReply(state)

    def _answer(self, state: Link, key: int, value: Any) -> None:
        from_ = state.take(key)
        if from_ is not None:
            reply(from_, value)

    def _forget(self, state: Link, key: int) -> NoReply[Link] | Stop[Link]:
        """Forget a caller that waits no longer, and tell the other side if it was asked."""
        asked = key in state.sent
        state.take(key)
        if not asked:
            return NoReply(state)
        try:
            frame = _at_once(self.gave_up(key))
        except Exception as error:
            return self._failed(state, error)
        return self._send(state, frame)

    def _send(self, state: Link, frame: Any) -> NoReply[Link] | Stop[Link]:
        if frame is None:
            return NoReply(state)
        if len(state.outgoing) >= 2 * self.queue_limit:
            return self._lost(state, "the other side does not read what it is sent")
        state.put(frame)
        return NoReply(state)

    async def _write(self, connection: Connection, state: Link) -> None:
        """Send what waits, and what comes: the task of an open connection."""
        outgoing, more = state.outgoing, state.more  # the next connection has others
        while await more.wait():
            more.clear()
            while outgoing:
                await self._write_one(outgoing.popleft(), connection, state)

    async def _write_one(self, outgoing: Outgoing, connection: Connection, state: Link) -> None:
        frame, key, answered = outgoing
        if key is not None:
            if key not in state.callers:
                return  # its caller has given up
            if answered:
                state.sent.add(key)
        if frame is not None:
            sending = connection.send(frame)
            if hasattr(sending, "__await__"):
                await sending
        if key is not None and not answered:
            self._answer(state, key, None)

    def _failed(self, state: Link, error: Exception) -> NoReply[Link] | Stop[Link]:
        """Close the connection because a method of the subclass has raised; a log says where."""
        logger.error("%r closes its connection", self, exc_info=error)
        return self._lost(state, error)

    def _lost(self, state: Link, reason: Any) -> NoReply[Link] | Stop[Link]:
        """Tell all who wait that there is no connection, and connect again later."""
        for owned in (state.source, state.writer):
            if owned is not None:
                owned.cancel()
        error = _connection_error(reason, opened=state.writer is not None)
        for from_ in state.callers.values():
            reply(from_, Raise(error))
        state.callers.clear()
        state.keys.clear()
        state.sent.clear()
        state.source = state.writer = None
        state.outgoing, state.more = deque(), asyncio.Event()
        if not self.reconnect:
            return Stop(("shutdown", error), state)
        delay = min(self.longest_delay, self.first_delay * 2 ** min(state.failures, 30))
        state.failures += 1
        send_after(self, delay * random.uniform(0.5, 1), _Connect())  # noqa: S311  # no secret
        return NoReply(state)


def _at_once(value: T) -> T:
    """Return what a method has returned. Raises TypeError if the method is `async`."""
    if isinstance(value, CoroutineType):
        value.close()
        raise TypeError(
            f"{value.__qualname__} is async, and must not be; what waits belongs in `start_task`"
        )
    return value


def _connection_error(reason: Any, *, opened: bool) -> ConnectionError:
    what = "the connection was lost" if opened else "no connection"
    if isinstance(reason, BaseException):
        error = ConnectionError(f"{what}: {type(reason).__name__}: {reason}")
        error.__cause__ = reason
        return error
    return ConnectionError(
        f"{what}: {'the other side closed it' if reason == 'normal' else reason}"
    )
