"""The article's WebSocket, or what stands for one: it answers each message later, by sending a message back."""

from dataclasses import dataclass
from typing import Any, Protocol

from genreply_cli.otp import GenServer, NoReply


@dataclass(frozen=True)
class SendMessage:
    """Cast to the socket: say this to the other side."""

    msg: str


@dataclass(frozen=True)
class MessageReceived:
    """Sent by the socket: the other side has answered this."""

    msg: str


class Caller(Protocol):
    """Who is told what the socket receives: a process, or a line that leads to one."""

    def send(self, message: Any) -> None: ...


@dataclass(frozen=True)
class State:
    caller: Caller


class WebSocket(GenServer[State]):
    """Answers "… to you too!" to everything."""

    def send_message(self, msg: str) -> None:
        self.cast(SendMessage(msg))

    def init(self, caller: Caller) -> State:
        return State(caller=caller)

    def handle_cast(self, request: SendMessage, state: State) -> NoReply[State]:
        match request:
            case SendMessage(str(msg)):
                response = f"{msg} to you too!"
                state.caller.send(MessageReceived(response))
                return NoReply(state)
            case _:
                raise TypeError(f"a WebSocket sends text, not {request!r}")
