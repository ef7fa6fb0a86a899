"""genreply repl: lines typed become greetings and commands, and their answers appear; one greeting blocks until its reply."""

import asyncio
import sys
from contextlib import ExitStack
from dataclasses import dataclass
from difflib import get_close_matches

from genreply_cli import state
from genreply_cli.asking import EXIT_CODES, FAILED, Outcome, greet
from genreply_cli.errors import GenreplyError
from genreply_cli.face import Face
from genreply_cli.screen import Screen, Wishes, decide
from genreply_cli.session import Settings, session
from genreply_cli.variations import AnyCoordinator
from genreply_cli.visible import visible
from genreply_cli.watch import Sink, recording

COMMANDS = {
    "help": "what can be typed",
    "quit": "leave, as Ctrl-D does",
}


# What is typed ----------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Greeting:
    message: str


@dataclass(frozen=True)
class Command:
    name: str
    argument: str = ""


def parse(line: str) -> Greeting | Command | None:
    """What a line means: a greeting, a command (`/help`), a greeting that begins with a slash (`//x`), or nothing."""
    if not line.strip():
        return None
    if line.startswith("//"):
        return Greeting(line[1:])
    if line.startswith("/"):
        name, _, argument = line[1:].strip().partition(" ")
        return Command(name, argument.strip())
    return Greeting(line)


# The session ------------------------------------------------------------------------------------------------------------------


class Repl:
    """One session: it asks one greeting after the other, as one caller, and shows what becomes of it."""

    def __init__(self, coordinator: AnyCoordinator, settings: Settings, face: Face) -> None:
        self.coordinator = coordinator
        self.settings = settings
        self.face = face
        self.asked = 0
        self.code = 0  # the exit status of the first failure
        self.leaving = False
        self._giving_up = False

    async def obey(self, line: str) -> None:
        """Do what a line says."""
        match parse(line):
            case Greeting(message):
                await self.greet(message)
            case Command("help", _):
                self.face.say(self.help())
            case Command("quit", _):
                self.leaving = True
            case Command(name, _):
                close = get_close_matches(name, COMMANDS, n=1)
                meant = f"did you mean /{close[0]}?" if close else "/help lists the commands"
                self.face.complain(f"there is no command /{name}; {meant}; //{name} greets with /{name}")

    async def greet(self, message: str) -> None:
        """Greet, and block until the reply, the timeout, or until somebody gives up."""
        self.asked += 1
        call = f"c{self.asked}"
        task = asyncio.current_task()
        self._giving_up = False

        def give_up() -> None:
            if task is not None and not self._giving_up:
                self._giving_up = True
                task.cancel()

        with self.face.blocked(call, self.settings.timeout, give_up):
            try:
                outcome = await greet(self.coordinator, self.asked, message, self.settings.timeout)
            except asyncio.CancelledError:
                if not self._giving_up or task is None or task.uncancel():
                    raise
                self.face.complain(f"{call} given up; the coordinator does not know, and its answer will be dropped")
                return
        self.code = self.code or EXIT_CODES[outcome.status]
        self.tell(outcome)

    def tell(self, outcome: Outcome) -> None:
        """Show what became of a greeting."""
        if outcome.error is None:
            self.face.answer(str(outcome.reply))
        else:
            self.face.complain(outcome.problem(self.settings.timeout))
            if outcome.status == FAILED:
                self.face.complain("a coordinator that has exited is not started again; leave, and come back")

    def help(self) -> str:
        """The list of what can be typed."""
        commands = [f"  /{name:<10} {what}" for name, what in COMMANDS.items()]
        return "\n".join([
            "  text        a greeting; it blocks until the deferred reply",
            "  //text      a greeting that begins with a slash",
            *commands,
            "  keys        Ctrl-C gives up a call that blocks, or clears the line; Ctrl-D leaves; up and down: history",
        ])  # fmt: skip


def run(
    settings: Settings,
    *,
    record: str | None = None,
    keep: bool = True,
    history: bool = True,
    strict: bool = False,
    wishes: Wishes | None = None,
) -> int:
    """Run a session, and return its exit status: 0, or with `strict` that of the first failure.

    It is recorded to `record`, or, if it is to be kept, to the state folder.
    """
    with ExitStack() as stack:
        sinks: list[Sink] = []
        try:
            if record is not None or keep:
                path = record if record is not None else str(state.new_session())
                sinks.append(stack.enter_context(recording(path, settings, hint="choose another name")).write)
        except (OSError, GenreplyError) as error:
            if record is not None:
                raise
            why = getattr(error, "strerror", None) or str(error)
            print(f"note: this session is not recorded: {visible(why)}", file=sys.stderr)
        face: Face = Face()
        look = decide(sys.stdout, wishes or Wishes())
        if sys.stdin.isatty() and look.moves:
            from genreply_cli.terminal import Terminal

            face = terminal = Terminal(wishes, history=history)
            sinks.append(terminal.show)
        elif sys.stdout.isatty():
            sinks.append(Screen(sys.stdout, wishes).show)
        code, failures = asyncio.run(_run(settings, face, sinks))
    for failure in failures:
        raise GenreplyError(f"the recording is not complete: {getattr(failure, 'strerror', None) or failure}")
    return code if strict else 0


async def _run(settings: Settings, face: Face, sinks: list[Sink]) -> tuple[int, list[Exception]]:
    async with session(settings, sinks) as (coordinator, watch):
        repl = Repl(coordinator, settings, face)
        async for line in face.typed():
            await repl.obey(line)
            if repl.leaving:
                break
    return repl.code, [] if watch is None else watch.failures
