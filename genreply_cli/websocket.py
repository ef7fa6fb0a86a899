"""A stand-in for the article's WebSocket: it answers each message later, with a message."""

from dataclasses import dataclass
from typing import Any, Protocol

from genreply_cli.otp import GenServer, NoReply


@dataclass(frozen=True)
class SendMessage:
    """A cast to the socket: send this to the other side."""

    msg: str


@dataclass(frozen=True)
class MessageReceived:
    """A message from the socket: the other side has answered this."""

    msg: str


class Caller(Protocol):
    """What the socket sends the answers to: a process, or a network that leads to one."""

    def send(self, message: Any) -> None: ...


@dataclass(frozen=True)
class State:
    caller: Caller


class WebSocket(GenServer[State]):
    """Answers every text with "… to you too!"."""

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
