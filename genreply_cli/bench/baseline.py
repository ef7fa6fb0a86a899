"""The two sides that `genreply bench` measures: raw asyncio, and the same work as servers.

Both pass the same plain tuples: caller → coordinator → socket → coordinator → caller.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, Protocol, Self

from genreply_cli.otp import From, GenServer, NoReply

Greet = Callable[[str], Awaitable[str]]


class Parked(Protocol):
    """Callers that wait until all of them are answered."""

    async def call(self, msg: str, /) -> str: ...

    def answer_all(self) -> None: ...


# --- raw asyncio


class Baseline:
    """The coordinator and the socket as two tasks with queues."""

    def __init__(self) -> None:
        self.loop = asyncio.get_running_loop()
        self.to_coordinator: asyncio.Queue[tuple[Any, ...]] = asyncio.Queue()
        self.to_socket: asyncio.Queue[tuple[int, str]] = asyncio.Queue()
        self.tasks = [
            self.loop.create_task(self.coordinator()),
            self.loop.create_task(self.socket()),
        ]

    async def coordinator(self) -> None:
        callers: dict[int, asyncio.Future[str]] = {}
        ref = 0
        while True:
            message = await self.to_coordinator.get()
            if message[0] == "greet":
                ref += 1
                callers[ref] = message[2]
                self.to_socket.put_nowait((ref, message[1]))
            else:
                caller = callers.pop(message[1])
                if not caller.done():
                    caller.set_result(message[2])

    async def socket(self) -> None:
        while True:
            ref, msg = await self.to_socket.get()
            self.to_coordinator.put_nowait(("message_received", ref, f"{msg} to you too!"))

    async def greet(self, msg: str) -> str:
        caller: asyncio.Future[str] = self.loop.create_future()
        self.to_coordinator.put_nowait(("greet", msg, caller))
        return await caller

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        for task in self.tasks:
            task.cancel()
        await asyncio.gather(*self.tasks, return_exceptions=True)


class ParkedFutures:
    """Callers that wait, each for a future."""

    def __init__(self) -> None:
        self.futures: list[asyncio.Future[str]] = []

    async def call(self, msg: str, /) -> str:
        self.futures.append(asyncio.get_running_loop().create_future())
        return await self.futures[-1]

    def answer_all(self) -> None:
        for future in self.futures:
            future.set_result("answer")


# --- the runtime


class Socket(GenServer[GenServer[Any]]):
    """The same socket as a server."""

    def init(self, caller: GenServer[Any]) -> GenServer[Any]:
        return caller

    def handle_cast(
        self, request: tuple[int, str], state: GenServer[Any]
    ) -> NoReply[GenServer[Any]]:
        ref, msg = request
        state.send((ref, f"{msg} to you too!"))
        return NoReply(state)


class Coordinator(GenServer[Any]):
    """The same coordinator as a server."""

    async def greet(self, msg: str) -> str:
        reply: str = await self.call(msg)
        return reply

    def init(self) -> list[Any]:
        return [Socket.start_link(self), {}, 0]

    def handle_call(self, request: str, from_: From[str], state: list[Any]) -> NoReply[list[Any]]:
        state[2] += 1
        state[1][state[2]] = from_
        state[0].cast((state[2], request))
        return NoReply(state)

    def handle_info(self, message: tuple[int, str], state: list[Any]) -> NoReply[list[Any]]:
        ref, response = message
        GenServer.reply(state[1].pop(ref), response)
        return NoReply(state)


class ParkedCallers(GenServer[list[From[str]]]):
    """A server that keeps all callers waiting until it is told to answer them."""

    def answer_all(self) -> None:
        self.cast("answer")

    def init(self) -> list[From[str]]:
        return []

    def handle_call(
        self, request: str, from_: From[str], state: list[From[str]]
    ) -> NoReply[list[From[str]]]:
        state.append(from_)
        return NoReply(state)

    def handle_cast(self, request: str, state: list[From[str]]) -> NoReply[list[From[str]]]:
        for caller in state:
            GenServer.reply(caller, request)
        return NoReply([])
