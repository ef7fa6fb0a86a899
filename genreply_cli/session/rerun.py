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
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

from genreply_cli.cli.source import INVALID
from genreply_cli.errors import GenreplyError
from genreply_cli.otp import CallError, GenServer
from genreply_cli.session import parsing
from genreply_cli.session.observers import Observer, Observers
from genreply_cli.session.session import Settings, session
from genreply_cli.session.supervisor import Supervisor
from genreply_cli.timeline.kinds import pretty_message, pretty_name
from genreply_cli.transcript.reader import Header
from genreply_cli.transcript.snapshot import is_caller
from genreply_cli.transcript.tracer import Step
from genreply_cli.variations import COORDINATORS

SETTINGS: Final = {"coordinator", "delay", "timeout", "faults"}
CHANGES: Final = {"/coordinator", "/delay", "/timeout", "/fault", "/seed"}
AT_ONCE: Final = 0.005  # seconds within which a real clock sees what happened at once
REAL_CLOCK_SLACK: Final = 0.05  # seconds for which what a real clock has seen may be waited for
ROUNDED: Final = 1e-6  # seconds by which a recorded time may be off
MAX_LOOP_TURNS: Final = (
    50  # of the event loop, for which an input waits for what came before it at the same time
)


class Call(NamedTuple):
    """Somebody asks."""

    t: float
    seq: int
    call: str
    caller: str
    message: str
    timeout: float | None
    together: bool  # with the input before it
    follows_reply: bool  # at once after the answer to the same caller's call before


class Cancel(NamedTuple):
    """Somebody is cancelled while waiting."""

    t: float
    seq: int
    call: str
    together: bool = False


class Mark(NamedTuple):
    """Somebody makes a mark, which may say what was typed."""

    t: float
    seq: int
    details: dict[str, Any]
    together: bool = False


class StartCoordinator(NamedTuple):
    """A coordinator is started in the place of another one."""

    t: float
    seq: int
    number: int
    together: bool = False


class StopReplaced(NamedTuple):
    """Nobody waits any more for those that were replaced."""

    t: float
    seq: int
    together: bool = False


Input = Call | Cancel | Mark | StartCoordinator | StopReplaced


def settings_of(header: Header) -> Settings:
    """The settings that a recording was made with, on the virtual clock. Raises GenreplyError if they are not known."""
    told = header.settings
    unknown = sorted(set(told) - SETTINGS)
    if unknown:
        raise _cannot(f"this genreply does not know its setting {pretty_name(unknown[0])}")
    coordinator, delay, timeout, faults = (
        told.get(name) for name in ("coordinator", "delay", "timeout", "faults")
    )
    if not isinstance(coordinator, str) or coordinator not in COORDINATORS:
        raise _cannot("its header does not say which of the coordinators it shows")
    if not (
        isinstance(delay, list)
        and len(delay) == 2
        and all(map(_is_time, delay))
        and delay[0] <= delay[1]
    ):
        raise _cannot("its header does not say from what to what an answer is delayed")
    if timeout is not None and not _is_time(timeout):
        raise _cannot("its header does not say for how long a caller waits")
    try:
        struck = tuple(
            parsing.fault(str(fault)) for fault in (faults if isinstance(faults, list) else [])
        )
    except ValueError as error:
        raise _cannot(str(error)) from None
    return Settings(
        coordinator, (delay[0], delay[1]), timeout, struck, header.seed or 0, clock="virtual"
    )


def _is_time(value: Any) -> bool:
    return type(value) in {int, float} and 0 <= value < 1e9


def _cannot(why: str) -> GenreplyError:
    hint = "what genreply send and genreply repl record can be run again, and so can the samples"
    return GenreplyError(f"it cannot be run again: {why}", hint=hint, exit_code=INVALID)


@dataclass
class Inputs:
    """What came from outside, read from the steps of a recording. Call `see` with each; raises GenreplyError."""

    real: bool = False  # recorded on a real clock: what happened at once has taken a little time
    instant: bool = False  # without delay: answers come at once
    inputs: list[Input] = field(default_factory=list)
    steps: int = 0  # how many there are, without the end
    seconds: float = 0.0
    ended: bool = False
    _answered: dict[str, float] = field(
        default_factory=dict
    )  # when each caller has got an answer, of whatever kind
    _latest: Input | None = None  # the input that was the step before

    @classmethod
    def of(cls, header: Header) -> "Inputs":
        """Those of a recording with this header, yet to be seen."""
        delay = header.settings.get("delay")
        return cls(real=header.clock != "virtual", instant=delay == [0, 0])

    def see(self, step: Step) -> None:
        """One more step."""
        self.seconds = max(self.seconds, step.t)
        if step.kind == "end":
            self.ended = True
            return
        if self.ended:
            raise _cannot("another recording is appended to it")
        self.steps += 1
        before, self._latest = self._latest, None
        match step.kind:
            case "call":
                self._latest = self._ask(step, before)
            case "cancel" if step.call is not None:
                self._latest = Cancel(step.t, step.seq, step.call, self._together(step, before))
            case "mark":
                self._latest = Mark(
                    step.t, step.seq, dict(step.details), self._together(step, before)
                )
            case "start" if number := _number(step.at):
                self._latest = StartCoordinator(step.t, step.seq, number)
            case "exit" if (
                _number(step.at) is not None and step.details.get("reason") == "shutdown"
            ):
                self._latest = StopReplaced(step.t, step.seq)
            case "reply" | "down" if step.target is not None:
                self._answered[step.target] = step.t
            case "timeout" if step.source is not None:
                self._answered[step.source] = step.t
        if step.kind == "cancel" and step.source is not None:
            self._answered[step.source] = step.t
        if self._latest is not None:
            self.inputs.append(self._latest)

    def _together(self, step: Step, before: Input | None) -> bool:
        return before is not None and step.t - before.t <= (AT_ONCE if self.real else 0.0)

    def _ask(self, step: Step, before: Input | None) -> Call:
        match step.message:
            case ["greet", str(message)] if step.call is not None and step.source is not None:
                pass
            case _:
                raise _cannot(
                    f"expected greetings, found {pretty_message(step.message) or 'a call without a message'}"
                )
        if not is_caller(step.source):
            raise _cannot(
                f"{pretty_name(step.source)} is a process that asks, and only a caller can be made to ask"
            )
        answered = self._answered.get(step.source)
        at_once = 0.0 if not self.real else AT_ONCE if self.instant else -1.0
        again = answered is not None and step.t - answered <= at_once
        together = self._together(step, before)
        return Call(
            step.t,
            step.seq,
            step.call,
            step.source,
            message,
            step.details.get("timeout"),
            together,
            again,
        )


def _number(name: str | None) -> int | None:
    """Which of the coordinators this is: 0 for the first, 2 for `coordinator-2`; None for anybody else."""
    stem, _, digits = (name or "").partition("-")
    if stem != "coordinator" or (digits and not (digits.isdecimal() and len(digits) < 6)):
        return None
    return int(digits or 0)


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
