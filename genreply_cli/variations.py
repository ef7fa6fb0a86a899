"""The coordinators before and after the article's solution: blocking, immediate, fifo, keyed."""

from collections import deque
from dataclasses import dataclass, field

from genreply_cli import websocket
from genreply_cli.coordinator import Connect, Coordinator, Greet, State
from genreply_cli.otp import From, GenServer, NoReply, Reply, send_after
from genreply_cli.websocket import WebSocket

# A callback that is overridden with other types has `type: ignore[override]`: Elixir allows it.

# The basic way ------------------------------------------------------------------------------------


class BlockingCoordinator(Coordinator):
    """Waits for the answer inside the handler. It works, but nothing else is handled meanwhile."""

    async def handle_call(self, request: Greet, from_: From[str], state: State) -> Reply[State]:  # type: ignore[override]
        state.async_pid.send_message(request.msg)
        match await self.receive(websocket.MessageReceived):
            case websocket.MessageReceived(msg):
                return Reply(msg, state)


# The problem --------------------------------------------------------------------------------------


class ImmediateCoordinator(Coordinator):
    """Replies at once, without the answer. When the answer arrives, no caller waits for it."""

    def handle_call(self, request: Greet, from_: From[str], state: State) -> Reply[State]:  # type: ignore[override]
        state.async_pid.send_message(request.msg)
        return Reply("ok", state)

    def handle_info(self, message: websocket.MessageReceived, state: State) -> NoReply[State]:
        return NoReply(state)


# The solution is in coordinator.py. The next step: a queue of callers -----------------------------


@dataclass(frozen=True)
class FifoState:
    async_pid: WebSocket
    callers: deque[From[str]] = field(default_factory=deque)


class FifoCoordinator(GenServer[FifoState]):
    """Keeps the callers in a queue.

    It is right for a socket that answers in order, and never loses or repeats an answer.
    """

    async def greet(self, msg: str, timeout: float | None = 5.0) -> str:
        return await self.call(Greet(msg), timeout)

    def init(self, connect: Connect[WebSocket] = WebSocket.start_link) -> FifoState:
        return FifoState(async_pid=connect(self))

    def handle_call(self, request: Greet, from_: From[str], state: FifoState) -> NoReply[FifoState]:
        state.async_pid.send_message(request.msg)
        state.callers.append(from_)
        return NoReply(state)

    def handle_info(
        self, message: websocket.MessageReceived, state: FifoState
    ) -> NoReply[FifoState]:
        if state.callers:
            GenServer.reply(state.callers.popleft(), message.msg)
        return NoReply(state)


# A reference for each request, which the other side repeats in its answer -------------------------


@dataclass(frozen=True)
class SendMessage(websocket.SendMessage):
    ref: object = field(repr=False)


@dataclass(frozen=True)
class MessageReceived(websocket.MessageReceived):
    ref: object = field(repr=False)


class KeyedWebSocket(WebSocket):
    """A WebSocket whose other side repeats the reference of the request in its answer."""

    def send_message(self, msg: str, ref: object = None) -> None:
        self.cast(SendMessage(msg, ref))

    def handle_cast(self, request: SendMessage, state: websocket.State) -> NoReply[websocket.State]:  # type: ignore[override]
        match request:
            case SendMessage(str(msg), ref):
                state.caller.send(MessageReceived(f"{msg} to you too!", ref))
                return NoReply(state)


KEEP = 3600.0  # the least number of seconds for which a caller is kept


@dataclass(frozen=True)
class Sweep:
    """A message of the coordinator to itself: forget the callers with these references."""

    refs: tuple[object, ...] = field(default=(), repr=False)


@dataclass
class KeyedState:
    async_pid: KeyedWebSocket
    callers: dict[object, From[str]] = field(default_factory=dict)
    sweeps: bool = False


class KeyedCoordinator(GenServer[KeyedState]):
    """Keeps each caller under the reference of its request.

    It is right if answers are reordered, lost or repeated. A server never learns that a caller has
    given up, so a server that keeps callers whose answers may be lost has to forget them by itself.
    """

    async def greet(self, msg: str, timeout: float | None = 5.0) -> str:
        return await self.call(Greet(msg), timeout)

    def init(self, connect: Connect[KeyedWebSocket] = KeyedWebSocket.start_link) -> KeyedState:
        return KeyedState(async_pid=connect(self))

    def handle_call(
        self, request: Greet, from_: From[str], state: KeyedState
    ) -> NoReply[KeyedState]:
        ref = object()  # make_ref()
        state.async_pid.send_message(request.msg, ref)
        state.callers[ref] = from_
        if not state.sweeps:
            state.sweeps = True
            send_after(self, KEEP, Sweep())
        return NoReply(state)

    def handle_info(
        self, message: MessageReceived | Sweep, state: KeyedState
    ) -> NoReply[KeyedState]:
        match message:
            case MessageReceived(msg, ref) if ref in state.callers:
                GenServer.reply(state.callers.pop(ref), msg)
            case Sweep(refs):
                for ref in refs:
                    state.callers.pop(ref, None)
                state.sweeps = bool(state.callers)
                if state.sweeps:
                    send_after(self, KEEP, Sweep(tuple(state.callers)))
        return NoReply(state)


AnyCoordinator = Coordinator | FifoCoordinator | KeyedCoordinator

COORDINATORS: dict[str, tuple[type[AnyCoordinator], type[WebSocket]]] = {
    "blocking": (BlockingCoordinator, WebSocket),
    "immediate": (ImmediateCoordinator, WebSocket),
    "single": (Coordinator, WebSocket),
    "fifo": (FifoCoordinator, WebSocket),
    "keyed": (KeyedCoordinator, KeyedWebSocket),
}
