"""A recorded session, run again on the virtual clock: the same inputs at the same times, with the same settings and seed.

Inputs are what came from outside: each call, each giving up, each mark (which in a REPL may be a command that changes things),
each new coordinator, the end. All else has to follow from them. What came at the same time keeps its order: a caller that asked
again at once does so here, and one that asked on its own waits for its time, and, within that time, until as much has happened as
had happened then.
"""

import asyncio
from collections import deque
from collections.abc import Sequence
from contextlib import suppress
from typing import Any, Final

from genreply_cli.otp import CallError, GenServer
from genreply_cli.session.inputs import (
    Call,
    Cancel,
    Input,
    Inputs,
    Mark,
    StartCoordinator,
    StopReplaced,
    settings_of,
)
from genreply_cli.session.observers import Observer, Observers
from genreply_cli.session.session import session
from genreply_cli.session.settings import Settings
from genreply_cli.session.supervisor import Supervisor
from genreply_cli.transcript.format import Header
from genreply_cli.transcript.step import Step

CHANGES: Final = {"/coordinator", "/delay", "/timeout", "/fault", "/seed"}
REAL_CLOCK_SLACK: Final = 0.05  # seconds for which what a real clock has seen may be waited for
ROUNDED: Final = 1e-6  # seconds by which a recorded time may be off
MAX_LOOP_TURNS: Final = (
    50  # of the event loop, for which an input waits for what came before it at the same time
)


def again(header: Header, inputs: Inputs, sink: Observer) -> None:
    """Run a recording again, on the virtual clock; what happens goes to the sink. Raises GenreplyError if that cannot be done."""
    settings = settings_of(header)
    rerun = Rerun(inputs)

    def so_far(
        step: Step,
    ) -> None:  # what an interrupted recording does not tell may have happened all the same
        if inputs.ended or rerun.seen < inputs.steps:
            sink(step)

    settings.run(rerun.run(settings, [so_far]))


class Rerun:
    """Does it all again, at its time."""

    def __init__(self, inputs: Inputs) -> None:
        self.inputs: Sequence[Input] = inputs.inputs
        self.steps = inputs.steps
        self.open_ended = (
            inputs.real and inputs.ended
        )  # other things may happen than then, but each call comes to its end
        self.seconds = inputs.seconds + (REAL_CLOCK_SLACK if inputs.real else ROUNDED)
        self.end = 0.0 if inputs.real else inputs.seconds  # on a real clock, more may come by then
        self.order = deque(
            one.seq for one in self.inputs if isinstance(one, Call)
        )  # who has not asked yet
        self.seen = 0
        self.news = asyncio.Event()
        self.callers: dict[str, tuple[asyncio.Queue[Call], asyncio.Task[None]]] = {}
        self.asking: dict[str, asyncio.Task[Any]] = {}
        self.given_up: set[str] = set()

    def see(self, _: Step) -> None:
        """Something has happened."""
        self.seen += 1
        self.news.set()

    async def run(self, settings: Settings, sinks: list[Observer]) -> None:
        """Run it, until as much has happened as had happened then, or until as much time has passed."""
        begin = asyncio.get_running_loop().time()
        try:
            async with session(lambda: Supervisor(settings), [*sinks, self.see]) as (
                supervisor,
                watch,
            ):
                assert watch is not None
                for one in self.inputs:
                    if not one.together and not (isinstance(one, Call) and one.follows_reply):
                        await _until(begin + one.t)
                        if not isinstance(one, Call):
                            await self._as_much_as_before(one.seq)
                    await self._put(one, supervisor, watch)
                try:
                    async with asyncio.timeout_at(begin + self.seconds):
                        while self.seen < self.steps or (self.open_ended and self.asking):
                            self.news.clear()
                            await self.news.wait()
                except TimeoutError:
                    pass
                else:
                    if begin + self.end - asyncio.get_running_loop().time() > ROUNDED:
                        await _until(begin + self.end)
        finally:
            for _, task in self.callers.values():
                task.cancel()
            await asyncio.gather(
                *(task for _, task in self.callers.values()), return_exceptions=True
            )

    async def _as_much_as_before(self, seq: int) -> None:
        for _ in range(MAX_LOOP_TURNS):
            if self.seen >= seq - 1:
                return
            await asyncio.sleep(0)

    async def _turn_of(self, ask: Call) -> None:
        """Wait until those have asked who asked before, if they do so at the same time."""
        free = ask.together or ask.follows_reply
        for _ in range(MAX_LOOP_TURNS):
            if self.order[0] == ask.seq and (free or self.seen >= ask.seq - 1):
                break
            await asyncio.sleep(0)
        self.order.remove(ask.seq)

    async def _put(self, one: Input, supervisor: Supervisor, watch: Observers) -> None:
        match one:
            case Call():
                if one.caller not in self.callers:
                    queue: asyncio.Queue[Call] = asyncio.Queue()
                    task = asyncio.get_running_loop().create_task(
                        self._caller(supervisor, queue), name="caller"
                    )
                    self.callers[one.caller] = queue, task
                self.callers[one.caller][0].put_nowait(one)
            case Cancel() if one.call in self.asking:
                self.given_up.add(one.call)
                self.asking[one.call].cancel()
            case Mark():
                command, _, text = str(one.details.get("label", "")).partition(" ")
                crashing = await _victim(supervisor, text) if command == "/crash" else None
                watch.show(watch.tracer.note("mark", **one.details))
                if crashing is not None:
                    crashing.exit(RuntimeError(f"/crash {text}"))
                elif command == "/restart":
                    supervisor.restart()
                elif command in CHANGES:
                    with suppress(
                        ValueError
                    ):  # somebody's own mark, which only looks like a command
                        supervisor.change(command[1:], text)
            case StartCoordinator() if supervisor.started < one.number:
                supervisor.restart()
            case StopReplaced():
                supervisor.stop_replaced()

    async def _caller(self, supervisor: Supervisor, asks: "asyncio.Queue[Call]") -> None:
        task = asyncio.current_task()
        assert task is not None
        while True:
            ask = await asks.get()
            await self._turn_of(ask)
            self.asking[ask.call] = task
            try:
                await supervisor.coordinator.greet(ask.message, ask.timeout)
            except CallError:
                pass
            except asyncio.CancelledError:
                if ask.call not in self.given_up:
                    raise
                task.uncancel()
            finally:
                del self.asking[ask.call]


async def _victim(supervisor: Supervisor, which: str) -> GenServer[Any] | None:
    if not supervisor.coordinator.alive or which not in {"coordinator", "websocket"}:
        return None
    return await supervisor.socket() if which == "websocket" else supervisor.coordinator


async def _until(when: float) -> None:
    loop = asyncio.get_running_loop()
    if when > loop.time():
        due = loop.create_future()
        loop.call_at(when, due.set_result, None)
        await due
