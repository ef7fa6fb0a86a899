"""What a REPL session does for each line that is typed: it sends greetings, obeys commands, and tells what comes of them."""

import asyncio
from collections import deque
from collections.abc import Awaitable, Iterable
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any

from genreply_cli.analysis.stats import Stats
from genreply_cli.errors import ExitStatus, GenreplyError, os_error_text
from genreply_cli.otp import CallError, From, debug
from genreply_cli.repl import commands
from genreply_cli.repl.frontend import Frontend
from genreply_cli.repl.syntax import Command, Greeting, parse
from genreply_cli.session import parsing
from genreply_cli.session.callers import Call, Callers
from genreply_cli.session.observers import Observers
from genreply_cli.session.outcome import CANCELLED, EXIT_CODES, Outcome
from genreply_cli.session.settings import Settings
from genreply_cli.session.supervisor import Supervisor
from genreply_cli.timeline.lines import plain_line
from genreply_cli.transcript.format import TranscriptError
from genreply_cli.transcript.pretty import pretty
from genreply_cli.transcript.reader import read
from genreply_cli.transcript.snapshot import Snapshot
from genreply_cli.transcript.step import Step
from genreply_cli.transcript.writer import Writer

if TYPE_CHECKING:
    from genreply_cli.repl.stepping import Stepper

REMEMBERED = 20_000  # steps, for /show and /explain
BURST = 10_000  # calls, at most
AT_ONCE = 10  # calls of a burst, before others get their turn


@dataclass
class History:
    """What has been seen: numbers about all of it, how things stand, and the latest steps."""

    stats: Stats = field(default_factory=Stats)
    standing: Snapshot = field(default_factory=Snapshot)
    steps: deque[Step] = field(default_factory=lambda: deque(maxlen=REMEMBERED))

    def show(self, step: Step) -> None:
        """One more step."""
        self.stats.update(step)
        self.standing.update(step)
        self.steps.append(step)

    def find(self, name: str) -> str:
        """The name of a call: as it is given, or as a number; the last one if it is not. Raises ValueError with a sentence."""
        calls = dict.fromkeys(
            step.call for step in self.steps if step.kind == "call" and step.call is not None
        )
        call = next(
            (each for each in (name, f"c{name}") if each in calls),
            next(reversed(calls), None) if not name else None,
        )
        if call is None:
            seen = (
                f"the latest are {', '.join(list(calls)[-5:])}"
                if calls
                else "nobody has called yet"
            )
            raise ValueError(f"nothing is known of a call {name}; {seen}" if name else seen)
        return call


class Shell:
    """One session. What it does for a command is the method of that name."""

    def __init__(
        self,
        supervisor: Supervisor,
        watch: Observers,
        face: Frontend,
        memory: History,
        transcript: str | None,
    ) -> None:
        self.supervisor = supervisor
        self.watch = watch
        self.face = face
        self.memory = memory
        self.transcript = transcript
        self.callers = Callers()
        self.stepper: Stepper | None = None
        self.codes: dict[
            float, int
        ] = {}  # the exit statuses of what failed: of calls by their numbers, of commands in between
        self.leaving = False
        self.failure: OSError | None = None
        self._blocking: Call | None = None
        self._bursts: set[asyncio.Task[None]] = set()

    @property
    def settings(self) -> Settings:
        return self.supervisor.settings

    # --- what is typed --------------------------------------------------------------------------------------------------------

    async def execute(self, line: str) -> None:
        """Do what a line says."""
        try:
            match parse(line):
                case Greeting(message, background):
                    await self.greet(message, background=background)
                case Command(name, argument):
                    commands.find(name)
                    done: Awaitable[None] | None = getattr(self, f"do_{name}")(argument)
                    if done is not None:
                        await done
                case None:
                    await self.step()
        except ValueError as error:
            self.codes[self.callers.asked + 0.5] = ExitStatus.USAGE
            self.face.complain(str(error))
        except GenreplyError as error:
            self.codes[self.callers.asked + 0.5] = error.exit_code
            self._complain(error)
        except CallError as error:
            self.face.complain(f"the coordinator cannot be asked just now: {error}")
        except BrokenPipeError:
            raise
        except OSError as error:
            self.codes[self.callers.asked + 0.5] = ExitStatus.FAULT
            self.face.complain(f"{os_error_text(error)}: {error.filename or line}")

        self.look_for_failures()

    def look_for_failures(self) -> None:
        """Raise what has kept an answer from being told."""
        if self.failure is not None:
            raise self.failure

    def _complain(self, error: GenreplyError) -> None:
        self.face.complain(f"{error}; {error.hint}" if error.hint else str(error))

    async def greet(self, message: str, *, background: bool = False) -> None:
        """Greet; and block until the reply, unless it is to be in the background."""
        call = await self.ask(message)
        if background or self.stepper is not None:
            await asyncio.sleep(0)  # so that it has been asked
        else:
            await self.wait_for([call])

    async def ask(self, message: str) -> Call:
        """Have somebody greet."""
        if not self.callers.in_flight and not self.watch.under_way:
            self.supervisor.stop_replaced()
        before = self.supervisor.coordinator
        coordinator = self.supervisor.ensure_running()
        if coordinator is not before:
            await self._started()
        call = self.callers.ask(
            coordinator, message, None if self.stepper else self.settings.timeout
        )
        call.done.add_done_callback(lambda done: self._ended(call, done))
        return call

    def _ended(self, call: Call, done: "asyncio.Future[Outcome]") -> None:
        if not done.cancelled():
            outcome = done.result()
            code = EXIT_CODES.get(outcome.status, 0)
            if code:
                self.codes[call.number] = code
            if call is self._blocking or not self.face.draws:
                try:
                    self.tell(outcome, call.timeout)
                except OSError as error:  # nobody reads on, or the disk is full
                    self.failure = error

    def tell(self, outcome: Outcome, timeout: float | None) -> None:
        """Show what became of a greeting."""
        if outcome.status == CANCELLED:
            self.face.complain(
                f"{outcome.call} cancelled; the coordinator does not know, and a late answer will be dropped"
            )
        elif outcome.error is None:
            self.face.answer(outcome.call, str(outcome.reply))
        else:
            self.face.complain(outcome.error_text(timeout))

    async def wait_for(self, calls: list[Call]) -> None:
        """Block until these calls have ended, one after the other, or are put into the background."""
        aside = asyncio.Event()
        for call in calls:
            self._blocking = call
            background = asyncio.create_task(aside.wait())
            either: list[asyncio.Future[Any]] = [call.done, background]
            with self.face.blocked(call, call.give_up, aside.set):
                await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
            background.cancel()
            self._blocking = None
            if aside.is_set():
                return

    async def finish(self) -> None:
        """Let all that has begun come to its end. Who was to wait for ever, because messages were held back, does so no more."""
        if self.stepper is not None:
            await self.do_step("off")
        held = [call for call in self.callers.in_flight.values() if call.timeout is None]
        if held and self.settings.timeout is not None:
            _, left = await asyncio.wait(
                [call.done for call in held], timeout=self.settings.timeout
            )
            for call in held:
                if call.done in left:
                    call.give_up()
        await self.wait_for(list(self.callers.in_flight.values()))
        self.look_for_failures()

    async def step(self) -> None:
        """Enter, and nothing else: the next message is delivered, if they are held back."""
        if self.stepper is None:
            return
        following = self.stepper.next_message()
        if following is None:
            waits = (
                "the socket's answer is still under way"
                if self.watch.under_way
                else "greet, and something will"
            )
            self.face.say(f"no message waits to be delivered; {waits}")
            return
        self.face.say(f"delivered {following}")
        await self.stepper.step()
        self.face.say("\n".join(self.stepper.mailboxes()))

    # --- for the face ---------------------------------------------------------------------------------------------------------

    def waiting(self) -> str | None:
        """Who waits in the background, and for how long: `waiting: c2 0.6 s`."""
        calls = iter(self.callers.in_flight.values())
        shown = [
            f"{call.name} {call.waited:.1f} s" for call, _ in zip(calls, range(3), strict=False)
        ]
        more = len(self.callers.in_flight) - len(shown)
        if not shown:
            return None
        return f"waiting: {', '.join(shown)}{f' and {more} more' if more else ''}"

    def complete(self, line: str) -> Iterable[tuple[str, str]]:
        """What the last word of the line may become."""
        return commands.completions(line, list(self.callers.in_flight))

    # --- commands: calls ------------------------------------------------------------------------------------------------------

    def do_help(self, name: str) -> None:
        self.face.say(
            "\n".join(commands.help_of(name) if name else commands.help_of_all(self.face.columns))
        )

    def do_calls(self, _: str) -> None:
        if not self.callers.in_flight:
            self.face.say("no call is in flight")
        for call in self.callers.in_flight.values():
            one = self.memory.standing.open.get(call.name)
            kept = (
                None
                if one is None or one.held_by is None
                else f"kept at {one.held_by} since +{one.kept_since:.3f} s"
            )
            limit = "" if call.timeout is None else f"/{call.timeout:.1f}"
            self.face.say(
                f"{call.name:5} {call.waited:.1f}{limit} s  {kept or 'not handled yet'}  {pretty(call.message[:200])}"
            )

    async def do_wait(self, name: str) -> None:
        await self.wait_for(
            [self._in_flight(name)] if name else list(self.callers.in_flight.values())
        )

    def do_cancel(self, name: str) -> None:
        if name == "all":
            for call in self.callers.in_flight.values():
                call.give_up()
            return
        only = (
            next(iter(self.callers.in_flight))
            if not name and len(self.callers.in_flight) == 1
            else name
        )
        self._in_flight(only).give_up()

    def _in_flight(self, name: str) -> Call:
        call = self.callers.in_flight.get(name) or self.callers.in_flight.get(f"c{name}")
        if call is not None:
            return call
        here = ", ".join(list(self.callers.in_flight)[:10]) or "none"
        raise ValueError(
            f"there is no call {name!r} in flight; in flight: {here}"
            if name
            else f"which call? in flight: {here}"
        )

    def do_show(self, name: str) -> None:
        call = self.memory.find(name)
        self.face.say(
            "\n".join(plain_line(step) for step in self.memory.steps if step.call == call)
        )

    def do_explain(self, name: str) -> None:
        from genreply_cli.explain.render import show_story

        self.face.tell(partial(show_story, list(self.memory.steps), self.memory.find(name)))

    async def do_burst(self, argument: str) -> None:
        number, _, message = argument.partition(" ")
        if not message.strip():
            raise ValueError("/burst needs a number and a text, as in: /burst 50 hello")
        burst = self._burst(parsing.count(number, BURST), message)
        if self.face.interactive:
            self._bursts.add(task := asyncio.create_task(burst))
            task.add_done_callback(self._bursts.discard)
        else:
            await burst

    async def _burst(self, number: int, message: str) -> None:
        try:
            for asked in range(1, number + 1):
                await self.ask(message)
                if asked % AT_ONCE == 0:
                    await asyncio.sleep(0)  # keys come first
            await asyncio.sleep(0)  # so that they have been asked
        except GenreplyError as error:
            self._complain(error)

    # --- commands: settings ---------------------------------------------------------------------------------------------------

    def do_delay(self, text: str) -> Awaitable[None] | None:
        return self._set("delay", text)

    def do_timeout(self, text: str) -> Awaitable[None] | None:
        return self._set("timeout", text)

    def do_coordinator(self, text: str) -> Awaitable[None] | None:
        return self._set("coordinator", text)

    def do_fault(self, text: str) -> Awaitable[None] | None:
        return self._set("fault", text)

    def do_seed(self, text: str) -> Awaitable[None] | None:
        return self._set("seed", text)

    def _set(self, name: str, text: str) -> Awaitable[None] | None:
        """Change a setting, and have the transcript say so; or show it."""
        if not text:
            self.face.say(f"{name} is {self.settings.as_typed(name)}")
            return None
        before = self.supervisor.coordinator
        self.settings.with_setting(name, text)  # or it is nonsense, and nothing was done
        self._mark_command(f"{name} {text}")
        self.supervisor.change(name, text)
        self.face.say(f"{name} is {self.settings.as_typed(name)} for what is sent from now on")
        return None if self.supervisor.coordinator is before else self._started()

    # --- commands: processes --------------------------------------------------------------------------------------------------

    async def do_crash(self, which: str) -> None:
        parsing.choice(which, ["coordinator", "websocket"], "process to crash")
        victim = self.supervisor.coordinator
        if not victim.alive:
            raise GenreplyError(
                "the coordinator has crashed already",
                hint="the next greeting, or /restart, starts a new one",
            )
        process = victim if which == "coordinator" else await self.supervisor.socket()
        self._mark_command(f"crash {which}")
        process.exit(RuntimeError(f"/crash {which}"))
        self.face.say("the next greeting, or /restart, starts a new coordinator")

    async def do_restart(self, _: str) -> None:
        self._mark_command("restart")
        self.supervisor.restart()
        await self._started()

    async def _started(self) -> None:
        if self.stepper is not None:
            await self.stepper.suspend(self.supervisor.coordinator, await self.supervisor.socket())
        if not self.face.interactive:
            return
        self.face.say(f"a new coordinator is running: {self.settings.coordinator}")

    async def do_state(self, _: str) -> None:
        coordinator = self.supervisor.coordinator
        if not coordinator.alive:
            self.face.say("no coordinator is running; the next greeting, or /restart, starts one")
            return
        from genreply_cli.explain.notation import Notation

        name, call = self.watch.tracer.name, self.watch.tracer.call
        terms = Notation(lambda who: call(who) if isinstance(who, From) else name(who))
        status = await debug.status(coordinator, 0.5)
        socket = await debug.status(status.state.async_pid, 0.5)
        lines = [
            f"{name(coordinator)} is {type(coordinator).__name__}, linked to {name(socket.server)}",
            f"  Python  {terms.python(status.state)}",
            f"  Elixir  {terms.elixir(status.state)}",
        ]
        kept = {one.call: one for one in self.memory.standing.kept().get(name(coordinator), ())}
        for who in map(call, terms.callers):
            since = (
                f"since +{kept[who].kept_since:.3f} s"
                if who in kept
                else "which does not wait any more"
            )
            lines.append(f"  keeps {who}, {since}")
        lost = [who for who in kept if who not in map(call, terms.callers)]
        lines += [f"  {who} still waits, but nothing in the state leads to it" for who in lost]
        for server, mailbox in ((coordinator, status.mailbox), (socket.server, socket.mailbox)):
            lines.append(
                f"  {name(server)}'s mailbox: {'; '.join(map(terms.message, mailbox)) or 'empty'}"
            )
        self.face.say("\n".join(lines))

    async def do_step(self, what: str) -> None:
        if not what:
            self.face.say(f"stepping is {'off' if self.stepper is None else 'on'}")
            return
        parsing.choice(what, ["on", "off"], "way to step")
        if what == "on" and self.stepper is None:
            from genreply_cli.repl.stepping import Stepper

            stepper = Stepper(self.watch)
            await stepper.suspend(self.supervisor.ensure_running(), await self.supervisor.socket())
            self.stepper = stepper
            self.watch.sinks.append(stepper.show)
            self.face.say(
                "messages are held back, and callers wait for ever; Enter delivers the next one, /step off all"
            )
        elif what == "off" and self.stepper is not None:
            stepper, self.stepper = self.stepper, None
            self.watch.sinks.remove(stepper.show)
            await stepper.release()
            self.face.say("messages are delivered as they come")

    # --- commands: the transcript ---------------------------------------------------------------------------------------------

    def _mark_command(self, command: str) -> None:
        """Record a command that changes what happens, so that it can be run again."""
        self.watch.show(self.watch.tracer.note("mark", label=f"/{command}", command=command))

    def do_mark(self, label: str) -> None:
        if not label:
            raise ValueError("/mark needs a label, as in: /mark lunch")
        self.watch.show(self.watch.tracer.note("mark", label=label))

    def do_save(self, path: str) -> None:
        if not path:
            raise ValueError("/save needs a file, as in: /save lunch.jsonl")
        source = self._recorded()
        try:
            header, steps = read(source)
            with Writer(path, header) as writer:
                for step in steps:
                    writer.write(step)
                writer.write(Step(step.seq + 1, step.t, "end", details=self.watch.tracer.counts()))
        except TranscriptError as error:
            raise GenreplyError(str(error)) from None
        self.face.say(f"saved; see it with: genreply trace {path}")

    def do_export(self, path: str) -> None:
        from genreply_cli.export.formats import export, format_of

        if not path:
            raise ValueError("/export needs a file, as in: /export lunch.svg")
        form = format_of(path)
        try:
            export(form, *read(self._recorded()), path)
        except TranscriptError as error:
            raise GenreplyError(str(error)) from None
        self.face.say(f"exported as {form} to {path}")

    def _recorded(self) -> str:
        if self.transcript is None:
            raise GenreplyError(
                "this session is not recorded", hint="leave, and come back without --no-record"
            )
        return self.transcript

    async def do_replay(self, _: str) -> None:
        await self.face.replay(self._recorded())

    def do_view(self, name: str) -> None:
        self.face.view(parsing.choice(name, commands.VIEW_NAMES, "view"))

    def do_clear(self, _: str) -> None:
        self.face.clear()

    def do_quit(self, _: str) -> None:
        self.leaving = True
