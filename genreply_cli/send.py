"""genreply send: many greetings, several at once, and their outcomes in the order in which they were asked."""

import asyncio
import json
import sys
from collections.abc import AsyncGenerator, Iterable
from contextlib import ExitStack, aclosing
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from genreply_cli.errors import GenreplyError
from genreply_cli.otp import CallError, CallTimeout
from genreply_cli.session import Settings, session
from genreply_cli.variations import AnyCoordinator
from genreply_cli.visible import visible

if TYPE_CHECKING:
    from genreply_cli.watch import Sink

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
) -> AsyncGenerator[Outcome, None]:
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


# The command ------------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Output:
    """What `genreply send` writes where."""

    json: bool = False  # outcomes as JSON lines, instead of the replies
    events: bool = False  # the transcript on stdout, and no replies
    timeline: bool = False  # the timeline on stderr
    record: str | None = None  # the transcript in a file
    overwrite: bool = False
    append: bool = False
    linger: float = 1.0  # seconds to wait for late answers, if somebody looks on


def run(settings: Settings, messages: list[str], jobs: int, output: Output) -> int:
    """Greet with all messages, write what comes of it, and return the exit status: that of the first failure in ask order."""
    with ExitStack() as stack:
        sinks: list[Sink] = []
        if output.record is not None:
            from genreply_cli.watch import recording

            recorded = recording(output.record, settings, overwrite=output.overwrite, append=output.append)
            sinks.append(stack.enter_context(recorded).write)
        if output.events:
            from genreply_cli.transcript import Writer
            from genreply_cli.watch import header

            sinks.append(Writer(sys.stdout, header(settings)).write)
        if output.timeline:
            from genreply_cli.screen import on_stderr

            sinks.append(on_stderr())
        code, failures = settings.run(_send(settings, messages, jobs, output, sinks))
    for failure in failures:
        if isinstance(failure, BrokenPipeError):
            raise failure
        raise GenreplyError(f"the recording is not complete: {getattr(failure, 'strerror', None) or failure}")
    return code


async def _send(
    settings: Settings, messages: list[str], jobs: int, output: Output, sinks: "list[Sink]"
) -> tuple[int, list[Exception]]:
    code = 0
    async with session(settings, sinks) as (coordinator, watch):
        async with aclosing(greet_all(coordinator, messages, settings.timeout, jobs)) as outcomes:
            async for outcome in outcomes:
                code = code or EXIT_CODES[outcome.status]
                if output.json:
                    print(json.dumps(outcome.plain()), flush=True)
                elif outcome.error is not None:
                    _complain(outcome, settings, output)
                elif not output.events:
                    print(outcome.reply if not sys.stdout.isatty() else visible(str(outcome.reply)), flush=True)
        if watch is not None:
            await watch.linger(output.linger)
    return code, [] if watch is None else watch.failures


def _complain(outcome: Outcome, settings: Settings, output: Output) -> None:
    if outcome.status == TIMED_OUT:
        why = f"got no reply within {settings.timeout:g} s; the coordinator still keeps it, and a late answer will be dropped"
        enough = 2 * max(settings.delay[1], settings.timeout or 0)
        hint = f"try --timeout {next((seconds for seconds in (1, 5, 10, 60) if seconds > enough), 600)}"
        if output.record is not None:
            hint += f", or see it: genreply trace {output.record}"
        elif not output.timeline:
            hint += ", or see it: --timeline"
    else:
        from genreply_cli.trace import in_words

        reason = getattr(outcome.error, "reason", None)
        why = f"got no reply: the coordinator exited, {in_words(reason)}" if reason else "got no reply: no coordinator is running"
        hint = "see it: --timeline" if not output.timeline else "greetings that are sent now find nobody"
    print(f"error: {outcome.call} {visible(why)}\n       {hint}", file=sys.stderr, flush=True)
