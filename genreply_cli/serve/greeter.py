"""Answers the frames of one connection, each after the delay and the faults of a network."""

import asyncio
from contextlib import suppress
from typing import TYPE_CHECKING, Final

from websockets.exceptions import ConnectionClosed
from websockets.frames import CloseCode

from genreply_cli.remote.closing import close
from genreply_cli.serve.answers import answer_to
from genreply_cli.session.network import FaultyLink
from genreply_cli.text import counted

if TYPE_CHECKING:
    from genreply_cli.serve.connection import Connection
    from genreply_cli.session.network import Network

NOT_TEXT: Final = "expected text, and got a binary frame"


async def greet(connection: "Connection", network: "Network", max_in_flight: int) -> None:
    """Answer all frames, until the connection is closed.

    It is closed with 1003 after a binary frame, with 1008 if more than `max_in_flight` answers are
    under way, and with 1011 by the fault `crash`.
    """
    answers = _Answers(connection)
    link = FaultyLink(answers, network, answers.send_later, tell=lambda _: None)
    try:
        async for frame in connection:
            connection.received += 1
            if not isinstance(frame, str):
                return await close(connection, CloseCode.UNSUPPORTED_DATA, NOT_TEXT)
            answer = answer_to(frame)
            if answer is None:
                continue
            try:
                link.send(answer)
            except RuntimeError as error:
                return await close(connection, CloseCode.INTERNAL_ERROR, str(error))
            if len(answers.under_way) > max_in_flight:
                too_many = f"more than {counted(max_in_flight, 'answer')} under way"
                return await close(connection, CloseCode.POLICY_VIOLATION, too_many)
            await answers.flush()
    except ConnectionClosed:
        return None
    finally:
        for task in answers.under_way:
            task.cancel()


class _Answers:
    """The answers to the frames of a connection: those that are due, and those under way."""

    def __init__(self, connection: "Connection") -> None:
        self.under_way: set[asyncio.Task[None]] = set()
        self._connection = connection
        self._due: list[str] = []

    def send(self, message: str) -> None:
        """Have this answer sent by the next `flush`."""
        self._due.append(message)

    async def flush(self) -> None:
        """Send the answers that are due. This waits while the client does not read them."""
        for answer in self._due:
            await self._send(answer)
        self._due.clear()

    def send_later(self, _: object, delay: float, answer: str) -> None:
        """Send this answer after so many seconds."""
        task = asyncio.create_task(self._send_after(delay, answer))
        self.under_way.add(task)
        task.add_done_callback(self.under_way.discard)

    async def _send_after(self, delay: float, answer: str) -> None:
        await asyncio.sleep(delay)
        with suppress(ConnectionClosed):
            await self._send(answer)

    async def _send(self, answer: str) -> None:
        await self._connection.send(answer)
        self._connection.sent += 1
