"""The WebSocket of the coordinators over a real connection, which this process owns.

It has the interface of the fake one, so the coordinators do not know the difference: what is cast
to it is sent, and each frame that comes becomes a message to its caller. When the connection
cannot be made, or ends, the process ends, too, and takes the coordinator that is linked to it with
it: so everyone who waits is told at once. A new one connects again, after a pause that grows.
Requests that were under way are not sent again: the server may have acted on them already.
"""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from typing import Any, Final

from websockets.exceptions import ConnectionClosed

from genreply_cli import websocket
from genreply_cli.otp import (
    Down,
    From,
    Item,
    NoReply,
    Opened,
    Raise,
    Stop,
    about,
    current_call,
    note,
    start_source,
)
from genreply_cli.remote.closing import close
from genreply_cli.remote.connecting import FAILURES, connect
from genreply_cli.remote.dialer import Dialer
from genreply_cli.remote.failures import problem_of, why_closed, why_not_connected
from genreply_cli.remote.frames import FrameError, RemoteError, binary, shorten
from genreply_cli.variations import KeyedWebSocket, MessageReceived, SendMessage
from genreply_cli.websocket import Caller, WebSocket

MAX_PENDING: Final = 100_000  # requests whose answers may still come; the oldest is forgotten
MAX_QUEUED: Final = 10_000  # requests that wait for a connection
MAX_UNASKED: Final = 500  # frames within a second for which nobody has asked


@dataclass(frozen=True)
class NotConnected:
    """A message of the connection to its socket: an attempt has failed, and another one follows."""

    problem: str


class Link:
    """What the socket knows of its connection."""

    def __init__(self, dialer: Dialer) -> None:
        self.dialer = dialer
        self.connection: Any = None
        self.wanted = asyncio.Event()  # somebody waits for it
        self.queued: deque[tuple[str, From[Any] | None]] = deque()  # frames, until it is connected
        self.last_id = 0
        self.unanswered = 0  # requests in plain text
        self._unasked = 0  # frames within a second
        self._second = 0.0  # when that second began
        self.pending: dict[int, tuple[object, From[Any] | None]] = {}  # by id; with its reference

    def __repr__(self) -> str:
        return f"<Link {self.__wrapped__}>"

    @property
    def __wrapped__(self) -> str:
        """What recorded states say of it, and all that they say."""
        status = "connecting" if self.connection is None else "connected"
        return f"{status} to {self.dialer.target.shown}"

    @asynccontextmanager
    async def connect(self, tell: Callable[[NotConnected], None]) -> AsyncIterator[Any]:
        """Connect, and close the connection afterwards.

        Fails if that is impossible and somebody waits for it, or if there never was a connection.
        Otherwise it is tried until there is one, after pauses, and `tell` is called each time.
        """
        dialer = self.dialer
        while True:
            await dialer.pause(self.wanted)
            try:
                connection = await connect(dialer.target)
                break
            except FAILURES as error:
                dialer.failed()
                if self.queued or not dialer.was_connected:
                    raise
                tell(NotConnected(f"{problem_of(error)}; next attempt in {dialer.left():.1f} s"))
        dialer.opened()
        try:
            yield connection
        finally:
            await close(connection)

    def is_flooded(self) -> bool:
        """Count a frame for which nobody has asked. Returns whether there are too many."""
        now = asyncio.get_running_loop().time()
        if now - self._second > 1:
            self._second, self._unasked = now, 0
        self._unasked += 1
        return self._unasked > MAX_UNASKED


@dataclass(frozen=True)
class State(websocket.State):
    """The caller, as the fake one keeps it, and the connection."""

    link: Link


class RealWebSocket(WebSocket):
    """Sends plain text, and takes each text frame for an answer."""

    def init(self, caller: Caller, dialer: Dialer) -> State:  # type: ignore[override]
        link = Link(dialer)
        start_source(link.connect(self.send), name="connection")
        return State(caller, link)

    async def handle_cast(self, request: SendMessage, state: State) -> NoReply[State] | Stop[State]:  # type: ignore[override]
        link = state.link
        frame = self._encode(request, link)
        if link.connection is not None:
            await _send(link, frame)
            return NoReply(state)
        if len(link.queued) >= MAX_QUEUED:
            return Stop(f"more than {MAX_QUEUED:,} requests wait for a connection", state)
        link.queued.append((frame, current_call()))
        link.wanted.set()
        return NoReply(state)

    async def handle_info(self, message: Any, state: State) -> NoReply[State] | Stop[State]:  # type: ignore[override]
        link = state.link
        match message:
            case Item(_, frame):
                if not self._received(frame, state) and link.is_flooded():
                    link.dialer.failed()
                    flood = f"the server sent more than {MAX_UNASKED} frames within a second"
                    return Stop(f"{flood} for which nobody had asked", state)
            case Opened(_, connection):
                link.connection = connection
                while link.queued:
                    queued, from_ = link.queued.popleft()
                    with about(from_):
                        await _send(link, queued)
            case Down(_, _, reason):
                return Stop(_why(link, reason), state)
        return NoReply(state)

    # --- frames

    def _encode(self, request: SendMessage, link: Link) -> str:
        """The frame for a request."""
        link.unanswered += 1
        return request.msg

    def _received(self, frame: str | bytes, state: State) -> bool:
        """Pass on what a frame says. Returns whether somebody has asked for it."""
        link = state.link
        if not isinstance(frame, str):
            note_problem(f"{binary(frame)}; it is left out")
            return False
        asked = link.unanswered > 0
        link.unanswered -= asked
        state.caller.send(websocket.MessageReceived(frame))
        return asked


class RealKeyedWebSocket(RealWebSocket, KeyedWebSocket):  # type: ignore[misc]  # handle_cast
    """Sends JSON with an id in it, which the answer repeats."""

    def _encode(self, request: SendMessage, link: Link) -> str:
        link.last_id += 1
        link.pending[link.last_id] = request.ref, current_call()
        if len(link.pending) > MAX_PENDING:
            del link.pending[next(iter(link.pending))]
        return link.dialer.target.format.encode(link.last_id, request.msg)

    def _received(self, frame: str | bytes, state: State) -> bool:
        link = state.link
        try:
            number, answer = link.dialer.target.format.decode(frame)
            if number not in link.pending:
                again = 0 < number <= link.last_id
                what = "another answer to request" if again else "a frame with the unknown id"
                raise FrameError(f"{what} {number}: {shorten(str(frame))}")
        except FrameError as error:
            note_problem(f"{error}; it is left out")
            return False
        ref, from_ = link.pending.pop(number)
        reply: Any = Raise(answer) if isinstance(answer, RemoteError) else answer
        with about(from_):
            state.caller.send(MessageReceived(reply, ref))
        return True


def _why(link: Link, reason: Any) -> str:
    """Why there is no connection, or no longer."""
    if link.connection is None:
        return why_not_connected(link.dialer.target, reason)
    link.dialer.lost()
    return why_closed(link.connection, reason)


async def _send(link: Link, frame: str) -> None:
    with suppress(ConnectionClosed):  # a Down is on its way, and says why
        await link.connection.send(frame)


def note_problem(problem: str) -> None:
    """Record what is wrong with the connection, or with a frame."""
    note(("fault", {"what": problem}))
