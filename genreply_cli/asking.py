"""Many greetings, several at once, and what became of each, in the order in which they were asked."""

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, AsyncIterable, AsyncIterator, Iterable
from itertools import islice
from typing import Any, NamedTuple

from genreply_cli.otp import CallError, CallTimeout
from genreply_cli.variations import AnyCoordinator

AHEAD = 1000  # outcomes that may be there before the one that everybody waits for

# What becomes of a call, and the exit status that says so.
REPLIED, TIMED_OUT, FAILED, CANCELLED = "replied", "timed out", "failed", "cancelled"
EXIT_CODES = {REPLIED: 0, TIMED_OUT: 3, FAILED: 4}


class Outcome(NamedTuple):
    """What became of one greeting. `blocked`: the seconds for which its caller has waited."""

    number: int
    message: str
    status: str
    reply: str | None
    blocked: float
    error: CallError | None = None

    @property
    def call(self) -> str:
        """The call's name, as transcripts have it."""
        return f"c{self.number}"

    def problem(self, timeout: float | None) -> str:
        """Why there is no reply, in a sentence that begins with the call."""
        if self.status == TIMED_OUT:
            kept = "the coordinator still keeps it, and a late answer will be dropped"
            return f"{self.call} got no reply within {timeout or 0:g} s; {kept}"
        reason = getattr(self.error, "reason", None)
        if reason is None:
            return f"{self.call} got no reply: no coordinator is running any more"
        from genreply_cli.trace import in_words

        return f"{self.call} got no reply: the coordinator exited, {in_words(reason)}"

    def plain(self) -> dict[str, Any]:
        """The outcome as `--json` prints it."""
        told: dict[str, Any] = {"call": self.call, "message": self.message, "status": self.status}
        told |= {"reply": self.reply} if self.error is None else {"error": str(self.error)}
        return told | {"blocked": round(self.blocked, 6)}


async def greet(coordinator: AnyCoordinator, number: int, message: str, timeout: float | None) -> Outcome:
    """Greet once, and tell what became of it instead of raising."""
    clock = asyncio.get_running_loop().time
    began = clock()
    try:
        reply = await coordinator.greet(message, timeout)
    except CallError as error:
        status = TIMED_OUT if isinstance(error, CallTimeout) else FAILED
        return Outcome(number, message, status, None, clock() - began, error)
    return Outcome(number, message, REPLIED, reply, clock() - began)


async def greet_all(
    coordinator: AnyCoordinator,
    messages: Iterable[str] | AsyncIterable[list[str]],
    timeout: float | None,
    jobs: int = 1,
    *,
    as_done: bool = False,
) -> AsyncGenerator[list[Outcome], None]:
    """Greet with each message, at most `jobs` at once; yield what has become known, in the order of the messages.

    `messages` may come by and by, some at a time. Each of the `jobs` callers takes the next one when it has its answer. They do
    not run away from an outcome that is overdue by more than `AHEAD`, so memory does not grow with the number of messages.
    `as_done` yields each outcome as soon as it is there.
    """
    asking = _Asking(coordinator, messages, timeout, as_done)
    loop = asyncio.get_running_loop()
    callers = [loop.create_task(asking.caller(), name="caller") for _ in range(jobs)]
    for caller in callers:
        caller.add_done_callback(asking.caller_is_done)
    try:
        while asking.done < jobs or asking.known():
            await asking.news.wait()
            asking.news.clear()
            if known := asking.take():
                yield known
        for caller in callers:
            caller.result()  # raises what it has raised
    finally:
        for caller in callers:
            caller.cancel()
        await asyncio.gather(*callers, return_exceptions=True)


async def _some_at_a_time(messages: Iterable[str]) -> AsyncIterator[list[str]]:
    source = iter(messages)
    while some := list(islice(source, AHEAD)):
        yield some


class _Asking:
    """What the callers share: the messages that are to be sent, and the outcomes that are to be told."""

    def __init__(
        self,
        coordinator: AnyCoordinator,
        messages: Iterable[str] | AsyncIterable[list[str]],
        timeout: float | None,
        as_done: bool,
    ) -> None:
        self.coordinator = coordinator
        self.timeout = timeout
        self.as_done = as_done
        self.asked = 0
        self.told = 0
        self.done = 0  # callers who have nothing more to ask
        self.outcomes: dict[int, Outcome] = {}
        self.news = asyncio.Event()
        self.room = asyncio.Event()
        self.here: deque[str] = deque()
        self.more = _some_at_a_time(messages) if isinstance(messages, Iterable) else aiter(messages)
        self.through = False  # there are no more
        self.reading = asyncio.Lock()

    async def caller(self) -> None:
        """One caller: it asks, waits for the answer, and asks again."""
        while await self.next_is_here():
            self.asked += 1
            number = self.asked
            self.outcomes[number] = await greet(self.coordinator, number, self.here.popleft(), self.timeout)
            if self.as_done or number == self.told + 1:
                self.news.set()

    async def next_is_here(self) -> bool:
        """Wait until there is another message, and it may be sent; False if there are no more."""
        while True:
            while len(self.outcomes) >= AHEAD:
                self.room.clear()
                await self.room.wait()
            if self.here:
                return True
            if self.through:
                return False
            async with self.reading:
                if not self.here and not self.through:
                    some = await anext(self.more, None)
                    self.through = some is None
                    self.here.extend(some or ())

    def caller_is_done(self, _: "asyncio.Task[None]") -> None:
        """One caller less."""
        self.done += 1
        self.news.set()

    def known(self) -> bool:
        """Whether there is an outcome to be told."""
        return bool(self.outcomes) if self.as_done else self.told + 1 in self.outcomes

    def take(self) -> list[Outcome]:
        """The outcomes that can be told now."""
        if self.as_done:
            known = list(self.outcomes.values())
            self.outcomes.clear()
        else:
            known = []
            while (following := self.told + len(known) + 1) in self.outcomes:
                known.append(self.outcomes.pop(following))
        self.told += len(known)
        self.room.set()
        return known
