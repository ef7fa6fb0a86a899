"""The coordinators before and after the article's solution: blocking, immediate, fifo, keyed."""

from collections import deque
from dataclasses import dataclass, field

from genreply_cli import websocket
from genreply_cli.coordinator import Connect, Coordinator, Greet, State
from genreply_cli.otp import Down, From, GenServer, NoReply, Reply, monitor
from genreply_cli.websocket import WebSocket

# A callback that is overridden with other types has `type: ignore[override]`: Elixir allows it.

# The basic way ------------------------------------------------------------------------------------


class BlockingCoordinator(GenServer[State]):
    """Waits for the answer inside the handler. It works, but nothing else is handled meanwhile."""

    async def greet(self, msg: str, timeout: float | None = 5.0) -> str:
        return await self.call(Greet(msg), timeout)

    def init(self, connect: Connect[WebSocket] = WebSocket.start_link) -> State:
        return State(async_pid=connect(self))

    async def handle_call(self, request: Greet, from_: From[str], state: State) -> Reply[State]:
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


@dataclass(frozen=True)
class KeyedState:
    async_pid: KeyedWebSocket
    callers: dict[object, From[str]] = field(default_factory=dict)


class KeyedCoordinator(GenServer[KeyedState]):
    """Keeps each caller under the reference of its request.

    It is right if answers are reordered, lost or repeated. A server is not told that a caller has
    given up, unless it monitors the call: the reference is that of the monitor. So it keeps no
    caller whose answer was lost.
    """

    async def greet(self, msg: str, timeout: float | None = 5.0) -> str:
        return await self.call(Greet(msg), timeout)

    def init(self, connect: Connect[KeyedWebSocket] = KeyedWebSocket.start_link) -> KeyedState:
        return KeyedState(async_pid=connect(self))

    def handle_call(
        self, request: Greet, from_: From[str], state: KeyedState
    ) -> NoReply[KeyedState]:
        ref = monitor(from_)
        state.async_pid.send_message(request.msg, ref)
        state.callers[ref] = from_
        return NoReply(state)

    def handle_info(
        self, message: MessageReceived | Down, state: KeyedState
    ) -> NoReply[KeyedState]:
        match message:
            case MessageReceived(msg, ref) if ref in state.callers:
                GenServer.reply(state.callers.pop(ref), msg)
            case Down(ref):
                state.callers.pop(ref, None)
        return NoReply(state)


AnyCoordinator = BlockingCoordinator | Coordinator | FifoCoordinator | KeyedCoordinator

COORDINATORS: dict[str, tuple[type[AnyCoordinator], type[WebSocket]]] = {
    "blocking": (BlockingCoordinator, WebSocket),
    "immediate": (ImmediateCoordinator, WebSocket),
    "single": (Coordinator, WebSocket),
    "fifo": (FifoCoordinator, WebSocket),
    "keyed": (KeyedCoordinator, KeyedWebSocket),
}
