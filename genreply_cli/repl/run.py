"""A session of the REPL from its start to its last line: connects keyboard, shell and recording."""

import shlex
import sys
from collections.abc import Callable, Iterable
from contextlib import ExitStack
from functools import partial
from typing import NamedTuple

from genreply_cli import paths
from genreply_cli.analysis.stats import Stats
from genreply_cli.errors import ExitStatus, GenreplyError, os_error_text, tell
from genreply_cli.otp import CallError
from genreply_cli.repl.frontend import Frontend, PromptSource
from genreply_cli.repl.history import History
from genreply_cli.repl.shell import Shell, with_hint
from genreply_cli.repl.syntax import Command, Greeting, parse
from genreply_cli.session import real_time
from genreply_cli.session.observers import Observer
from genreply_cli.session.recording import recording
from genreply_cli.session.session import session
from genreply_cli.session.settings import Settings
from genreply_cli.session.supervisor import Supervisor
from genreply_cli.streams import StdoutError
from genreply_cli.terminal.output import OutputOptions, choose_mode
from genreply_cli.terminal.screen import Screen
from genreply_cli.text import visible

MAX_COMPLETED_CALLS = 50  # the latest ones
BARE_COMMANDS = {
    "exit": "/quit, or Ctrl-D, leaves",
    "quit": "/quit, or Ctrl-D, leaves",
    "help": "/help lists the commands",
    "?": "/help lists the commands",
}


class ReplOptions(NamedTuple):
    """The options of `genreply repl`, but for the settings of the session."""

    say: tuple[str, ...] = ()  # greetings to send first
    record: str | None = None  # the file to record to; None: one in the state folder
    keep_recording: bool = True
    keep_history: bool = True  # of lines typed, in the state folder
    strict: bool = False  # whether a failure decides the exit status
    output: OutputOptions = OutputOptions()


def frontend_maker(options: ReplOptions) -> Callable[[], Frontend]:
    """What makes the frontend for stdin and stdout: with a prompt, if a terminal has the keyboard.

    What the frontend needs is imported here, before garbage is collected, which takes time.
    """
    mode = choose_mode(sys.stdout, options.output)
    if not sys.stdin.isatty() or not (sys.stdout.isatty() or sys.stderr.isatty()):
        return lambda: Frontend(Screen(sys.stdout, options.output) if sys.stdout.isatty() else None)
    if not mode.can_redraw:
        from genreply_cli.repl.line_frontend import LineFrontend

        return partial(LineFrontend, options.output, keep_history=options.keep_history)
    from genreply_cli.repl.terminal_frontend import TerminalFrontend

    if mode.color:
        import rich.console  # noqa: F401  # the screen draws with it
    return partial(TerminalFrontend, options.output, keep_history=options.keep_history)


def run(settings: Settings, options: ReplOptions, make_frontend: Callable[[], Frontend]) -> int:
    """Run a session, and return its exit status.

    With `strict` it is that of a wrong answer, or else that of the first failure.
    """
    history = History()
    sinks: list[Observer] = [history.update]
    transcript: str | None = None
    with ExitStack() as stack:
        try:
            if options.record is not None or options.keep_recording:
                path = str(paths.new_session()) if options.record is None else options.record
                writer = recording(path, settings, hint="choose another name")
                sinks.append(stack.enter_context(writer).write)
                transcript = path
        except (OSError, GenreplyError) as error:
            if options.record is not None:
                raise
            tell(f"note: this session is not recorded: {_with_path(error)}")
        frontend = make_frontend()
        frontend.server = settings.server
        if frontend.show is not None:
            sinks.append(frontend.show)
        try:
            shell, failures = real_time.run(
                _run_session(settings, options.say, frontend, sinks, history, transcript)
            )
        finally:
            frontend.close()
    if failures:
        raise GenreplyError(f"the recording is not complete: {os_error_text(failures[0])}")
    if frontend.interactive:
        tell(_summary(history.stats, transcript, options.record), sys.stdout)
        wrong = history.fates.wrong.count + history.fates.repeated.count
        status: int = ExitStatus.WRONG_ANSWER if wrong and options.strict else ExitStatus.OK
    else:
        status = history.fates.tell_of_wrong_answers(strict=options.strict)
    return status or (shell.exit_status() if options.strict else ExitStatus.OK)


def _with_path(error: Exception) -> str:
    path = getattr(error, "filename", None)
    return os_error_text(error) if path is None else f"{os_error_text(error)}: {visible(str(path))}"


async def _run_session(
    settings: Settings,
    say: tuple[str, ...],
    frontend: Frontend,
    sinks: list[Observer],
    history: History,
    transcript: str | None,
) -> tuple[Shell, list[Exception]]:
    """Run a session to its end. Returns its shell, and the errors of the recording."""
    start = partial(Supervisor, settings)
    async with session(start, sinks, prepare=settings.server.open) as (supervisor, observers):
        assert observers is not None  # there is at least the history
        shell = Shell(supervisor, observers, frontend, history, transcript)
        try:
            frontend.show_welcome()
            for message in say:
                await shell.greet(message)
            await _execute_lines(shell)
        finally:
            await shell.close()
    return shell, observers.failures


async def _execute_lines(shell: Shell) -> None:
    known = partial(shell.history.latest_calls, MAX_COMPLETED_CALLS)
    complete = partial(_completions, shell, known)
    prompt = shell.settings.server.prompt
    source = PromptSource(shell.waiting, complete, shell.may_leave, prompt)
    async for line in shell.frontend.read_lines(source):
        await execute(shell, line)
        if shell.leaving:
            return
    if not shell.frontend.interactive:  # a script has ended; its replies may still be under way
        await shell.drain()


def _completions(
    shell: Shell, known: Callable[[], Iterable[str]], line: str
) -> Iterable[tuple[str, str]]:
    from genreply_cli.repl import commands  # imported late: the first prompt is there without it

    server, requests = shell.settings.server, shell.requests
    return commands.completions(line, shell.callers.in_flight, known, server, requests)


async def execute(shell: Shell, line: str) -> None:
    """Do what a line says. An error is shown; it ends the session only if stdout has failed."""
    try:
        match parse(line):
            case Greeting(message, background):
                if shell.frontend.interactive and message.strip().lower() in BARE_COMMANDS:
                    meant = BARE_COMMANDS[message.strip().lower()]
                    shell.frontend.say(f"this is a greeting, and is sent; {meant}")
                await shell.greet(message, background=background)
            case Command(name, argument):
                from genreply_cli.repl import commands

                done = commands.run(shell, name, argument)
                if done is not None:
                    await done
            case None:
                await shell.deliver_next()
    except ValueError as error:
        shell.fail(str(error), ExitStatus.USAGE)
    except GenreplyError as error:
        shell.fail(with_hint(error), error.exit_code)
    except CallError as error:
        shell.frontend.complain(
            f"the {shell.settings.server.name} cannot be asked just now: {error}"
        )
    except StdoutError:
        raise
    except OSError as error:
        shell.fail(f"{os_error_text(error)}: {error.filename or line}", ExitStatus.FAULT)
    shell.raise_output_error()


def _summary(stats: Stats, transcript: str | None, record: str | None) -> str:
    """The last line of a session: what became of the calls, and how to replay them."""
    if not stats.counts.calls:
        return "no greetings were sent"
    if transcript is None:
        return stats.summary()
    is_last = record is None and transcript == str(paths.last_session())  # another one may be newer
    file = "" if is_last else f" {shlex.quote(visible(transcript))}"
    return f"{stats.summary()}; replay: genreply trace{file}"
