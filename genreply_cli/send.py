"""Many greetings, several at once, and their outcomes in the order in which they were asked."""

import asyncio
from collections.abc import AsyncIterator, Iterable
from dataclasses import dataclass
from typing import Any

from genreply_cli.otp import CallError, CallTimeout
from genreply_cli.variations import AnyCoordinator

AHEAD = 1000  # outcomes that may be there before the one that everybody waits for

# What becomes of a call, and the exit status that says so.
REPLIED, TIMED_OUT, FAILED = "replied", "timed out", "failed"
EXIT_CODES = {REPLIED: 0, TIMED_OUT: 3, FAILED: 4}


@dataclass(frozen=True)
class Outcome:
    """What became of one greeting. `blocked`: the seconds for which its caller has waited."""

    call: str
    message: str
    status: str
    reply: str | None
    blocked: float
    error: CallError | None = None

    def plain(self) -> dict[str, Any]:
        """The outcome as `--json` prints it."""
        told: dict[str, Any] = {"call": self.call, "message": self.message, "status": self.status}
        if self.error is None:
            told["reply"] = self.reply
        else:
            told["error"] = str(self.error)
        return told | {"blocked": round(self.blocked, 6)}


async def greet(coordinator: AnyCoordinator, call: str, message: str, timeout: float | None) -> Outcome:
    """Greet once, and tell what became of it instead of raising."""
    clock = asyncio.get_running_loop().time
    began = clock()
    try:
        reply = await coordinator.greet(message, timeout)
    except CallError as error:
        status = TIMED_OUT if isinstance(error, CallTimeout) else FAILED
        return Outcome(call, message, status, None, clock() - began, error)
    return Outcome(call, message, REPLIED, reply, clock() - began)


async def greet_all(
    coordinator: AnyCoordinator, messages: Iterable[str], timeout: float | None, jobs: int = 1
) -> AsyncIterator[Outcome]:
    """Greet with each message, at most `jobs` at once, and yield the outcomes in the order of the messages.

    Each of the `jobs` callers takes the next message when it has its answer. They do not run away from an outcome that is
    overdue by more than `AHEAD`, so memory does not grow with the number of messages.
    """
    numbered = enumerate(messages, 1)
    if jobs == 1:
        for number, message in numbered:
            yield await greet(coordinator, f"c{number}", message, timeout)
        return
    loop = asyncio.get_running_loop()
    outcomes: asyncio.Queue[asyncio.Future[Outcome] | None] = asyncio.Queue()
    room = asyncio.Semaphore(AHEAD + jobs)

    async def caller() -> None:
        while await room.acquire() and (following := next(numbered, None)):
            number, message = following
            outcome = loop.create_future()
            outcomes.put_nowait(outcome)
            outcome.set_result(await greet(coordinator, f"c{number}", message, timeout))
        room.release()

    async def callers() -> None:
        async with asyncio.TaskGroup() as group:
            for _ in range(jobs):
                group.create_task(caller())
        outcomes.put_nowait(None)

    asking = loop.create_task(callers())
    try:
        while outcome := await outcomes.get():
            yield await outcome
            room.release()
        await asking
    finally:
        asking.cancel()
