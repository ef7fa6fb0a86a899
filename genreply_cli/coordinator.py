"""The article's Coordinator: it returns NoReply from a call, and replies when the answer comes."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, TypeVar

from genreply_cli.otp import From, GenServer, NoReply, Request
from genreply_cli.websocket import MessageReceived, WebSocket


@dataclass(frozen=True)
class Greet(Request[str]):
    """A call to a coordinator: send this greeting, and reply with the answer to it."""

    msg: str


@dataclass(frozen=True)
class State:
    async_pid: WebSocket
    caller: From[str] | None = None  # one slot: a second caller takes the first one's place


class Coordinator(GenServer[State]):
    """Makes an asynchronous socket look like a function that returns the answer."""

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
                GenServer.reply(state.caller, msg)  # type: ignore[arg-type]  # None crashes, as in Elixir
                return NoReply(state)


Socket = TypeVar("Socket", bound=WebSocket)
# starts the socket of a coordinator; a network with faults passes in its own
Connect = Callable[[GenServer[Any]], Socket]
