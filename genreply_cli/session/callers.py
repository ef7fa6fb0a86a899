"""Many greetings, several at once, and what became of each, in the order in which they were asked."""

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, AsyncIterable, AsyncIterator, Iterable
from itertools import islice

from genreply_cli.errors import ExitStatus
from genreply_cli.otp import CallError
from genreply_cli.session.outcome import FAILED, REPLIED, TIMED_OUT, Outcome, _unanswered
from genreply_cli.variations import AnyCoordinator

_new = (
    tuple.__new__
)  # an outcome is made for each call: this takes half the time of its own constructor

AHEAD = 1000  # outcomes that may be there before the one that everybody waits for

EXIT_CODES = {REPLIED: ExitStatus.OK, TIMED_OUT: ExitStatus.TIMED_OUT, FAILED: ExitStatus.NO_SERVER}


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
    asking = _Asking(coordinator, messages, timeout, jobs, as_done)
    asking.hire(1)
    try:
        while asking.callers or asking.known:
            await asking.news.wait()
            asking.news.clear()
            if asking.failure is not None:
                raise asking.failure
            if known := asking.take():
                yield known
    finally:
        asking.jobs = 0  # nobody is hired any more
        left = list(asking.callers)
        for caller in left:
            caller.cancel()
        await asyncio.gather(*left, return_exceptions=True)


async def _some_at_a_time(messages: Iterable[str]) -> AsyncIterator[list[str]]:
    source = iter(messages)
    while some := list(islice(source, AHEAD)):
        yield some


class _Asking:
    """What the callers share: the messages that are to be sent, and the outcomes that are to be told.

    One caller begins. As long as its calls are answered in the same turn of the event loop it needs no help, and is faster
    alone; more callers are hired, twice as many each time, whenever a turn goes by in which all wait and none is answered.
    """

    def __init__(
        self,
        coordinator: AnyCoordinator,
        messages: Iterable[str] | AsyncIterable[list[str]],
        timeout: float | None,
        jobs: int,
        as_done: bool,
    ) -> None:
        self.coordinator = coordinator
        self.timeout = timeout
        self.jobs = jobs
        self.as_done = as_done
        self.loop = asyncio.get_running_loop()
        self.callers: dict[asyncio.Task[None], None] = {}
        self.hired = 0
        self.asked = 0
        self.known: list[
            Outcome
        ] = []  # that can be told, in the order in which they are to be told
        self.following = 1  # the number of the next one
        self.early: dict[int, Outcome] = {}  # that are there before it
        self.failure: BaseException | None = None  # that of a caller; there should be none
        self.news = asyncio.Event()
        self.room = asyncio.Event()
        self.here: deque[str] = deque()
        self.more = _some_at_a_time(messages) if isinstance(messages, Iterable) else aiter(messages)
        self.through = False  # there are no more
        self.reading = asyncio.Lock()
        self._looking = False

    async def caller(self) -> None:
        """One caller: it asks, waits for the answer, and asks again."""
        here, known, early, clock = self.here, self.known, self.early, self.loop.time
        ask, timeout = self.coordinator.greet, self.timeout
        while (here and len(known) + len(early) < AHEAD) or await self.next_is_here():
            self.asked = number = self.asked + 1
            message = here.popleft()
            began = clock()
            try:
                reply = await ask(message, timeout)
            except CallError as error:
                outcome = _unanswered(number, message, clock() - began, error)
            else:
                outcome = _new(Outcome, (number, message, REPLIED, reply, clock() - began, None))
            if number == self.following or self.as_done:
                self.following += 1
                known.append(outcome)
                if len(known) == 1:
                    self.news.set()
            else:
                early[number] = outcome

    async def next_is_here(self) -> bool:
        """Wait until there is another message, and it may be sent; False if there are no more."""
        while True:
            while len(self.known) + len(self.early) >= AHEAD:
                self.room.clear()
                await self.room.wait()
            if self.here:
                self.look_soon()
                return True
            if self.through:
                return False
            async with self.reading:
                if not self.here and not self.through:
                    some = await anext(self.more, None)
                    self.through = some is None
                    self.here.extend(some or ())

    def take(self) -> list[Outcome]:
        """The outcomes that can be told now."""
        while self.following in self.early:
            self.known.append(self.early.pop(self.following))
            self.following += 1
        known = self.known.copy()
        self.known.clear()
        self.room.set()
        return known

    # --- callers -------------------------------------------------------------------------------------------------------------

    def hire(self, callers: int) -> None:
        """So many callers more, or as many as there may be."""
        for _ in range(min(callers, self.jobs - self.hired)):
            self.hired += 1
            caller = self.loop.create_task(self.caller(), name="caller")
            self.callers[caller] = None
            caller.add_done_callback(self.caller_is_done)

    def look_soon(self) -> None:
        """Look in the next turn but one whether more callers are needed."""
        if not self._looking and self.hired < self.jobs:
            self._looking = True
            self.loop.call_soon(self.look, -1)

    def look(self, before: int) -> None:
        """Hire if all wait, and no more calls are answered than were before."""
        answered = self.following - 1 + len(self.early)
        self._looking = (
            self.asked - answered == len(self.callers) > 0
        )  # else there is one who looks out for messages
        if self._looking and answered == before:
            self.hire(len(self.callers))
            self._looking = self.hired < self.jobs
        if self._looking:
            self.loop.call_soon(self.look, answered)

    def caller_is_done(self, caller: "asyncio.Task[None]") -> None:
        """One caller less."""
        del self.callers[caller]
        if not caller.cancelled():
            self.failure = self.failure or caller.exception()
        self.news.set()
