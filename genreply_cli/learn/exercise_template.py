"""Lesson 3: make each caller wait for its own answer. See CHANGE 1 and CHANGE 2."""

from dataclasses import dataclass, replace  # noqa: F401

from genreply_cli.coordinator import Connect, Greet
from genreply_cli.otp import From, GenServer, NoReply, Reply
from genreply_cli.websocket import MessageReceived, WebSocket


@dataclass(frozen=True)
class State:
    async_pid: WebSocket
    caller: From[str] | None = None


class Coordinator(GenServer[State]):
    async def greet(self, msg: str, timeout: float | None = 5.0) -> str:
        return await self.call(Greet(msg), timeout)

    def init(self, connect: Connect[WebSocket]) -> State:
        return State(async_pid=connect(self))

    def handle_call(
        self, request: Greet, from_: From[str], state: State
    ) -> Reply[State] | NoReply[State]:
        state.async_pid.send_message(request.msg)
        # CHANGE 1: keep from_ in the state, as its caller, and return NoReply(...)
        return Reply("ok", state)

    def handle_info(self, message: MessageReceived, state: State) -> NoReply[State]:
        # CHANGE 2: send message.msg to the caller that is kept, with GenServer.reply
        return NoReply(state)
