"""The article's Coordinator: it promises an answer now, and gives it later."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, TypeVar

from genreply_cli.otp import From, GenServer, NoReply, Request
from genreply_cli.websocket import MessageReceived, WebSocket


@dataclass(frozen=True)
class Greet(Request[str]):
    """Asked of a coordinator: greet the other side, and tell me what it answers."""

    msg: str


@dataclass(frozen=True)
class State:
    async_pid: WebSocket
    caller: From[str] | None = None  # one slot: a second greeting takes the first one's place


class Coordinator(GenServer[State]):
    """Makes an asynchronous socket look like a function that returns its answer."""

    async def greet(self, msg: str, timeout: float | None = 5.0) -> str:
        return await self.call(Greet(msg), timeout)

    def init(self, connect: "Connect[WebSocket]" = WebSocket.start_link) -> State:
        return State(async_pid=connect(self))

    def handle_call(self, request: Greet, from_: From[str], state: State) -> NoReply[State]:
        match request:
            case Greet(msg):
                state.async_pid.send_message(msg)
                return NoReply(replace(state, caller=from_))

    def handle_info(self, message: MessageReceived, state: State) -> NoReply[State]:
        match message:
            case MessageReceived(msg):
                GenServer.reply(state.caller, msg)  # type: ignore[arg-type]  # None crashes, as it does in Elixir
                return NoReply(state)


Socket = TypeVar("Socket", bound=WebSocket)
# how a coordinator gets its socket; a network with faults is passed in here
Connect = Callable[[GenServer[Any]], Socket]
