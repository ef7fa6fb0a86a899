"""One session of the REPL: sends greetings, waits for their replies, and gives up calls."""

import asyncio
from collections import Counter
from contextvars import copy_context
from functools import partial
from itertools import islice
from typing import TYPE_CHECKING, Any, NamedTuple

from genreply_cli.errors import ExitStatus, GenreplyError
from genreply_cli.repl.frontend import Frontend
from genreply_cli.repl.history import History
from genreply_cli.repl.stepping import Stepper
from genreply_cli.session.callers import Call, Callers, until_sent
from genreply_cli.session.observers import Observers
from genreply_cli.session.outcome import CANCELLED, UNKNOWN, Outcome
from genreply_cli.session.settings import Settings
from genreply_cli.session.supervisor import Supervisor
from genreply_cli.terminal.output import MAX_DRAWN_CALLS
from genreply_cli.transcript.pretty import pretty_state
from genreply_cli.transcript.step import Step

if TYPE_CHECKING:
    from genreply_cli.session.requests import Requests

SHOWN_WAITING = 3  # calls that the line above the prompt names
STOP_SECONDS = 0.05  # from a step until a replaced coordinator is stopped, if nothing else comes
BURST_CHUNK = 10  # calls of a burst that are sent before keys are read


class Failure(NamedTuple):
    """Something that failed, with the exit status for it. Failures sort in the order of asking."""

    call: int  # the number of the call; for a command, that of the last call before it
    is_command: bool
    status: int


class Shell:
    """The state of a session, and what all commands need. The commands are in commands.py."""

    def __init__(
        self,
        supervisor: Supervisor,
        observers: Observers,
        frontend: Frontend,
        history: History,
        transcript: str | None,  # the path of the recording, if there is one
    ) -> None:
        self.supervisor = supervisor
        self.observers = observers
        self.frontend = frontend
        self.history = history
        self.transcript = transcript
        self.callers = Callers()
        observers.on_call = self.callers.number
        self.stepper: Stepper | None = None  # while messages are held back
        self.failures: list[Failure] = []
        self.leaving = False
        self._was_asked = False  # whether to leave
        self._awaited: set[Call] = set()  # the calls that the prompt waits for
        self._burst_of: dict[Call, list[Outcome]] = {}  # call -> the outcomes of its burst
        self._bursts: set[asyncio.Task[None]] = set()
        self._output_error: OSError | None = None
        self._context = copy_context()
        self._starting: asyncio.Task[None] | None = None  # a coordinator after a lost connection
        self._stop_timer: asyncio.TimerHandle | None = None  # of coordinators that were replaced
        observers.sinks.append(self._follow)

    @property
    def settings(self) -> Settings:
        """The settings for the next greeting."""
        return self.supervisor.settings

    @property
    def requests(self) -> "Requests | None":
        """What the server can be asked; None for a coordinator, which takes any text."""
        return self.settings.server.requests(self.supervisor.coordinator)

    # --- failures ------------------------------------------------------------------------

    def fail(self, problem: str, status: int) -> None:
        """Show why a command failed, and count it as a failure."""
        self.failures.append(Failure(self.callers.asked, is_command=True, status=status))
        self.frontend.complain(problem)

    def exit_status(self) -> int:
        """The exit status of the first failure, in the order of asking."""
        first = min(self.failures, key=lambda failure: failure[:2], default=None)
        return ExitStatus.OK if first is None else first.status

    def raise_output_error(self) -> None:
        """Raise the OSError that kept an outcome from being shown, if there was one."""
        if self._output_error is not None:
            raise self._output_error

    # --- greetings -----------------------------------------------------------------------

    async def greet(self, message: str, *, background: bool = False) -> None:
        """Send a greeting. Unless it is in the background, wait for its reply."""
        call = await self._send(message)
        if background or self.stepper is not None:
            await until_sent()
        else:
            await self.wait_for([call])

    async def burst(self, number: int, message: str) -> None:
        """Send so many greetings at once. At a prompt, they are sent while it is open."""
        burst = self._burst(number, message)
        if self.frontend.interactive:
            if number > MAX_DRAWN_CALLS and self.frontend.shows_outcomes:
                self.frontend.skip_rows()
            self._bursts.add(task := asyncio.create_task(burst))
            task.add_done_callback(self._bursts.discard)
        else:
            await burst

    async def _burst(self, number: int, message: str) -> None:
        outcomes: list[Outcome] = []
        calls: list[Call] = []
        try:
            for sent in range(1, number + 1):
                call = await self._send(message)
                calls.append(call)
                self._burst_of[call] = outcomes
                if sent % BURST_CHUNK == 0:
                    await asyncio.sleep(0)
            await until_sent()
        except GenreplyError as error:
            self.frontend.complain(with_hint(error))
        if self.frontend.interactive and calls:
            await asyncio.wait([call.done for call in calls])
            self.frontend.say(
                f"burst from {calls[0].name} to {calls[-1].name}: {_summary(outcomes)}"
            )

    async def _send(self, message: str) -> Call:
        if self.requests is not None:
            self.requests.call(message)  # raises ValueError before anything is started or sent
        self._stop_replaced()
        before = self.supervisor.coordinator
        coordinator = self.supervisor.ensure_running()
        if coordinator is not before:
            await self.coordinator_started()
        timeout = None if self.stepper else self.settings.timeout
        call = self.callers.ask(self.settings.client(coordinator), message, timeout)
        call.done.add_done_callback(partial(self._call_ended, call))
        return call

    def _call_ended(self, call: Call, done: "asyncio.Future[Outcome]") -> None:
        if done.cancelled():
            return
        outcome = self.history.fates.complete(done.result())
        status = outcome.exit_status
        if status:
            self.failures.append(Failure(call.number, is_command=False, status=status))
        if call in self._burst_of:
            self._burst_of.pop(call).append(outcome)
        if call in self._awaited or not self.frontend.shows_outcomes:
            try:
                self._show_outcome(outcome, call.timeout)
            except OSError as error:  # stdout is closed, or the disk is full
                self._output_error = error

    def _show_outcome(self, outcome: Outcome, timeout: float | None) -> None:
        if outcome.status == CANCELLED:
            fate = outcome.fate or UNKNOWN
            self.frontend.complain(f"{outcome.call} cancelled; {fate.one}")
        elif outcome.error is None:
            self.frontend.show_reply(outcome.call, outcome.reply_text)
        else:
            self.frontend.complain(outcome.error_text(timeout))

    async def coordinator_started(self) -> None:
        """Hold back the messages of a new coordinator, too, and say that it is running.

        The one that it replaces ends at once, unless it has something to do.
        """
        self._stop_replaced()
        if self.stepper is not None:
            await self.stepper.suspend(*await self.supervisor.processes())
        if self.frontend.interactive:
            server = self.settings.server
            which = self.settings.coordinator if self.requests is None else server.label
            self.frontend.say(f"a new {server.name} is running: {which}")
            if self.supervisor.replaced:
                self.frontend.say("the one before it ends when nothing is under way any more")

    def _follow(self, step: Step) -> None:
        if self.supervisor.replaced and self._stop_timer is None and step.kind != "cast":
            loop = asyncio.get_running_loop()
            self._stop_timer = loop.call_later(STOP_SECONDS, self._stop_replaced)
        if step.kind == "exit" and self.supervisor.network.reconnects:
            loop = asyncio.get_running_loop()
            loop.call_soon(self._reconnect, context=self._context)  # not that of what ended

    def _reconnect(self) -> None:
        """Connect again, so that the next greeting need not wait for it."""
        if not self.leaving and self.supervisor.reconnect() is not None:
            self._starting = asyncio.create_task(self.coordinator_started())

    def _stop_replaced(self) -> None:
        """Stop the coordinators that were replaced, if no call and no answer is under way."""
        if self._stop_timer is not None:
            self._stop_timer.cancel()
        self._stop_timer = None
        if not self.callers.in_flight and self.observers.pending_answers <= 0:
            self.supervisor.stop_replaced()

    def may_leave(self) -> bool:
        """Whether to leave now. At a prompt with calls in flight, it asks once."""
        in_flight = self.callers.in_flight
        if not self.frontend.interactive or not in_flight or self._was_asked:
            return True
        self._was_asked = True
        waits = f"{next(iter(in_flight))} still waits"
        if len(in_flight) > 1:
            waits = f"{len(in_flight):,} calls still wait"
        self.frontend.say(f"{waits}; once more, and you leave without the answer")
        return False

    async def close(self) -> None:
        """Send nothing any more, and cancel all calls in flight."""
        for burst in self._bursts:
            burst.cancel()
        await self.callers.close()

    # --- waiting and giving up -----------------------------------------------------------

    async def wait_for(self, calls: list[Call], *, give_up: bool = True) -> None:
        """Wait until these calls have ended, or are sent to the background.

        Ctrl-C gives up the call that blocks or, without `give_up`, only the waiting.
        """
        to_background = asyncio.Event()
        self._awaited = set(calls)
        for call in calls:
            sent_to_background = asyncio.create_task(to_background.wait())
            either: list[asyncio.Future[Any]] = [call.done, sent_to_background]
            on_interrupt = call.give_up if give_up else to_background.set
            hint = "Ctrl-C give up   Ctrl-Z background" if give_up else "Ctrl-C stop waiting"
            with self.frontend.blocked(call, on_interrupt, to_background.set, hint):
                await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
            sent_to_background.cancel()
            if to_background.is_set():
                break
        self._awaited = set()

    def waiting(self) -> str | None:
        """The calls that wait in the background, and for how long: `waiting: c2 0.6 s`.

        While messages are held back, it says so first.
        """
        in_flight = self.callers.in_flight
        stepping = "" if self.stepper is None else "stepping: Enter delivers the next message"
        if not in_flight:
            return stepping or None
        calls = islice(in_flight.values(), SHOWN_WAITING)  # there may be thousands
        shown = ", ".join(f"{call.name} {call.waited:.1f} s" for call in calls)
        more = len(in_flight) - SHOWN_WAITING
        waiting = f"waiting: {shown}{f' and {more} more' if more > 0 else ''}"
        return f"{stepping}; {waiting}" if stepping else waiting

    def as_typed(self, name: str) -> str:
        """A setting in force, as it would be typed. A fault that has struck its answer is off."""
        settings, left = self.settings, self.supervisor.network.one_shot.copy()
        if name == "fault":
            faults = []
            for fault in settings.faults:
                if fault.rate is None:
                    left[fault.kind] -= 1
                if fault.rate is not None or left[fault.kind] >= 0:
                    faults.append(fault)
            settings = settings._replace(faults=tuple(faults))
        return settings.as_typed(name)

    def find_in_flight(self, name: str) -> Call:
        """The call in flight that the user means: `c2`, or `2`. Raises ValueError."""
        in_flight = self.callers.in_flight
        call = in_flight.get(name) or in_flight.get(f"c{name}")
        if call is not None:
            return call
        names = ", ".join(islice(in_flight, 10)) or "none"
        problem = f"there is no call {name!r} in flight;" if name else "which call?"
        raise ValueError(f"{problem} in flight: {names}")

    async def drain(self) -> None:
        """Wait until all calls have ended. Calls without a timeout get that of the settings."""
        await self.stop_stepping()
        endless = [call for call in self.callers.in_flight.values() if call.timeout is None]
        if endless and self.settings.timeout is not None:
            _, unanswered = await asyncio.wait(
                [call.done for call in endless], timeout=self.settings.timeout
            )
            for call in endless:
                if call.done in unanswered:
                    call.give_up()
        await self.wait_for(list(self.callers.in_flight.values()))
        self.raise_output_error()

    # --- stepping ------------------------------------------------------------------------

    async def start_stepping(self) -> None:
        """Hold back all messages, until `deliver_next` delivers them one by one."""
        if self.stepper is not None:
            return
        stepper = Stepper(self.observers.tracer)
        self.supervisor.ensure_running()
        await stepper.suspend(*await self.supervisor.processes())
        self.stepper = stepper
        self.observers.sinks.append(stepper.update)
        self.frontend.say(
            "messages are held back, and callers wait for ever; "
            "Enter delivers the next one, /step off all"
        )

    async def stop_stepping(self) -> None:
        """Deliver all messages that are held back, and those that follow."""
        if self.stepper is None:
            return
        stepper, self.stepper = self.stepper, None
        self.observers.sinks.remove(stepper.update)
        await stepper.release()
        self.frontend.say("messages are delivered as they come")

    async def deliver_next(self) -> None:
        """Deliver the next message, if messages are held back."""
        if self.stepper is None:
            return
        message = self.stepper.next_message()
        if message is None:
            hint = (
                "the socket's answer is still under way"
                if self.observers.pending_answers
                else "greet, and something will"
            )
            self.frontend.say(f"no message waits to be delivered; {hint}")
            return
        self.frontend.say(f"delivered {message}")
        await self.stepper.step()
        coordinator = self.observers.tracer.name(self.supervisor.coordinator)
        state = self.history.snapshot.states.get(coordinator)
        shown = [] if state is None else [f"  {coordinator}'s state: {pretty_state(state.state)}"]
        self.frontend.say("\n".join([*shown, *self.stepper.mailboxes()]))


def with_hint(error: GenreplyError) -> str:
    """The sentence of an error, and its hint."""
    return f"{error}; {error.hint}" if error.hint else str(error)


def _summary(outcomes: list[Outcome]) -> str:
    """What became of calls: `replied 47, timed out 3; median wait 0.400 s`."""
    counts = Counter(outcome.status for outcome in outcomes)
    told = ", ".join(f"{status} {count:,}" for status, count in counts.items())
    waits = sorted(outcome.blocked for outcome in outcomes)
    return f"{told}; median wait {waits[len(waits) // 2]:.3f} s" if waits else told
