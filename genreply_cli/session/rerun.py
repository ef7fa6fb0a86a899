"""A recorded session, run again on the virtual clock: the same inputs, settings and seed.

Each input comes at its recorded time, as soon as all steps that were recorded before it have
happened again. Inputs of the same instant keep their order: a caller that called again as soon as
it had its reply does so here. Everything else has to follow from the inputs.
"""

import asyncio
from collections import deque
from contextlib import suppress
from functools import partial
from typing import Any, Final

from genreply_cli.otp import CallError, GenServer
from genreply_cli.session.callers import CallerPool
from genreply_cli.session.inputs import (
    SETTING_COMMANDS,
    Call,
    Cancel,
    Input,
    Inputs,
    Mark,
    StartCoordinator,
    StopReplaced,
    is_coordinator_start,
)
from genreply_cli.session.observers import Observer, Observers
from genreply_cli.session.recording import settings_of
from genreply_cli.session.session import session
from genreply_cli.session.settings import Settings
from genreply_cli.session.supervisor import Supervisor
from genreply_cli.transcript.format import Header
from genreply_cli.transcript.step import Step

ROUNDING_SECONDS: Final = 1e-6  # by which a recorded time may be off
MAX_LOOP_TURNS: Final = 50  # for which an input waits for the steps before it


def run_again(header: Header, inputs: Inputs, sink: Observer) -> None:
    """Run a recording again, and give its steps to the sink. Raises GenreplyError if it cannot."""
    settings = settings_of(header)
    settings.run(Rerun(inputs, sink).run(settings))


class Rerun:
    """The inputs of a recording, given to a new session."""

    def __init__(self, inputs: Inputs, sink: Observer) -> None:
        self._recorded = inputs
        self._sink = sink
        self._steps = 0  # seen so far
        self._coordinators = 0  # started so far
        self._changed = asyncio.Event()
        self._callers: dict[str, CallerPool[Call]] = {}  # one caller each, by its recorded name
        self._calls = deque(each.seq for each in inputs.inputs if isinstance(each, Call))  # to come
        self._tasks: dict[str, asyncio.Task[Any]] = {}  # of the callers that wait, by their calls
        self._cancelled: set[str] = set()  # calls

    def update(self, step: Step) -> None:
        """Observe the session."""
        self._coordinators += is_coordinator_start(step)
        # what follows the last step of an interrupted recording may have happened all the same
        if self._recorded.ended or self._steps < self._recorded.steps:
            self._sink(step)
        self._steps += 1
        self._changed.set()

    async def run(self, settings: Settings) -> None:
        """Run the session until it has as many steps as the recording, or has lasted as long."""
        begin = asyncio.get_running_loop().time()
        try:
            states = self._recorded.states
            async with session(lambda: Supervisor(settings), [self.update], states=states) as (
                supervisor,
                observers,
            ):
                assert observers is not None  # there is a sink
                for each in self._recorded.inputs:
                    if not each.immediate:
                        await _sleep_until(begin + each.t)
                        if not isinstance(each, Call):  # a caller's task waits by itself
                            await self._steps_before(each)
                    await self._apply(each, supervisor, observers)
                await self._wait_for_end(begin)
        finally:
            for caller in self._callers.values():
                await caller.close()

    async def _steps_before(self, each: Input) -> None:
        for _ in range(MAX_LOOP_TURNS):
            if self._steps >= each.seq - 1:
                return
            await asyncio.sleep(0)

    async def _wait_for_end(self, begin: float) -> None:
        recorded, loop = self._recorded, asyncio.get_running_loop()
        end = begin + recorded.seconds
        try:
            async with asyncio.timeout_at(end + ROUNDING_SECONDS):
                while self._steps < recorded.steps:
                    self._changed.clear()
                    await self._changed.wait()
        except TimeoutError:
            return
        if not recorded.real and end - loop.time() > ROUNDING_SECONDS:
            await _sleep_until(end)

    async def _apply(self, each: Input, supervisor: Supervisor, observers: Observers) -> None:
        match each:
            case Call():
                if each.caller not in self._callers:
                    call = partial(self._call, supervisor)
                    self._callers[each.caller] = CallerPool(call, max_callers=1)
                self._callers[each.caller].add(each)
            case Cancel() if each.call in self._tasks:
                self._cancelled.add(each.call)
                self._tasks[each.call].cancel()
            case Mark():
                await _apply_mark(each, supervisor, observers)
            case StartCoordinator() if self._coordinators < each.number:
                supervisor.restart()
            case StopReplaced():
                supervisor.stop_replaced()

    async def _call(self, supervisor: Supervisor, call: Call) -> None:
        await self._turn_of(call)
        task = asyncio.current_task()
        assert task is not None
        self._tasks[call.call] = task
        try:
            await supervisor.coordinator.greet(call.message, call.timeout)
        except CallError:
            pass
        except asyncio.CancelledError:
            if call.call not in self._cancelled:
                raise
            task.uncancel()
        finally:
            del self._tasks[call.call]

    async def _turn_of(self, call: Call) -> None:
        """Wait until the calls before this one have been made, if they are due already."""
        for _ in range(MAX_LOOP_TURNS):
            is_next = self._calls[0] == call.seq
            if is_next and (call.immediate or self._steps >= call.seq - 1):
                break
            await asyncio.sleep(0)
        self._calls.remove(call.seq)


async def _apply_mark(mark: Mark, supervisor: Supervisor, observers: Observers) -> None:
    """Make the mark, and execute its command. The label is for people, and is never executed."""
    name, _, argument = (mark.command or "").partition(" ")
    to_crash = await _process(argument, supervisor) if name == "crash" else None
    observers.emit(observers.tracer.note("mark", **mark.details))
    if to_crash is not None:
        to_crash.exit(RuntimeError(f"/crash {argument}"))
    elif name == "restart":
        supervisor.restart()
    elif name in SETTING_COMMANDS:
        with suppress(ValueError):  # the file was edited by hand
            supervisor.change(name, argument)


async def _process(name: str, supervisor: Supervisor) -> GenServer[Any] | None:
    """The process that a `crash` command names, if it is running."""
    if not supervisor.coordinator.alive:
        return None
    match name:
        case "coordinator":
            return supervisor.coordinator
        case "websocket":
            return await supervisor.socket()
    return None


async def _sleep_until(time: float) -> None:
    loop = asyncio.get_running_loop()
    if time > loop.time():
        due = loop.create_future()
        loop.call_at(time, due.set_result, None)
        await due
