"""The two sides that `genreply bench` measures: raw asyncio, and the same work as servers.

Both pass the same plain tuples: caller → coordinator → socket → coordinator → caller.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, Self

from genreply_cli.otp import From, GenServer, NoReply

Greet = Callable[[str], Awaitable[str]]

# Raw asyncio --------------------------------------------------------------------------------------------------------------------


class Baseline:
    """The same work without a runtime."""

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


# The runtime --------------------------------------------------------------------------------------------------------------------


class Socket(GenServer[GenServer[Any]]):
    """The raw socket as a server."""

    def init(self, caller: GenServer[Any]) -> GenServer[Any]:
        return caller

    def handle_cast(
        self, request: tuple[int, str], state: GenServer[Any]
    ) -> NoReply[GenServer[Any]]:
        ref, msg = request
        state.send((ref, f"{msg} to you too!"))
        return NoReply(state)


class Coordinator(GenServer[Any]):
    """The raw coordinator as a server."""

    async def greet(self, msg: str) -> str:
        return await self.call(msg)  # type: ignore[no-any-return]

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
    """Keeps all callers waiting until it is told to answer them."""

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


def holding(held: list[asyncio.Future[str]]) -> Greet:
    async def call(_: str) -> str:
        held.append(asyncio.get_running_loop().create_future())
        return await held[-1]

    return call


def release(held: list[asyncio.Future[str]]) -> None:
    for caller in held:
        caller.set_result("answer")
