"""genreply repl: a session from its start to its last line: who looks on, who reads, and what is left in the end."""

import asyncio
import sys
from contextlib import ExitStack

from genreply_cli import paths
from genreply_cli.analysis.stats import Stats
from genreply_cli.errors import ExitStatus, GenreplyError, os_error_text
from genreply_cli.repl.frontend import Frontend
from genreply_cli.repl.shell import History, Shell
from genreply_cli.session.observers import Observer
from genreply_cli.session.recording import recording
from genreply_cli.session.session import session
from genreply_cli.session.settings import Settings
from genreply_cli.session.supervisor import Supervisor
from genreply_cli.terminal.output import OutputOptions, choose_mode
from genreply_cli.terminal.screen import Screen
from genreply_cli.text import visible


def run(
    settings: Settings,
    *,
    say: tuple[str, ...] = (),
    record: str | None = None,
    keep: bool = True,
    history: bool = True,
    strict: bool = False,
    wishes: OutputOptions | None = None,
) -> int:
    """Run a session, and return its exit status: 0, or with `strict` that of the first failure.

    It is recorded to `record`, or, if it is to be kept, to the state folder.
    """
    memory = History()
    transcript: str | None = None
    with ExitStack() as stack:
        sinks: list[Observer] = [memory.show]
        try:
            if record is not None or keep:
                path = record if record is not None else str(paths.new_session())
                sinks.append(
                    stack.enter_context(recording(path, settings, hint="choose another name")).write
                )
                transcript = path
        except (OSError, GenreplyError) as error:
            if record is not None:
                raise
            print(f"note: this session is not recorded: {os_error_text(error)}", file=sys.stderr)
        face = _face(wishes, history=history)
        if face.show is not None:
            sinks.append(face.show)
        try:
            codes, failures = asyncio.run(_run(settings, say, face, sinks, memory, transcript))
        finally:
            face.close()
    for failure in failures:
        raise GenreplyError(f"the recording is not complete: {os_error_text(failure)}")
    if face.interactive:
        print(_summary(memory.stats, transcript, keep=record is None))
    wrong = memory.stats.counts.outcomes["wrong caller"] + memory.stats.counts.outcomes["duplicate"]
    return (
        0 if not strict else codes[min(codes)] if codes else ExitStatus.WRONG_ANSWER if wrong else 0
    )


def _face(wishes: OutputOptions | None, *, history: bool) -> Frontend:
    look = choose_mode(sys.stdout, wishes or OutputOptions())
    if sys.stdin.isatty() and look.can_redraw:
        from genreply_cli.repl.terminal_frontend import Terminal

        return Terminal(wishes, history=history)
    return Frontend(Screen(sys.stdout, wishes) if sys.stdout.isatty() else None)


def _summary(stats: Stats, transcript: str | None, *, keep: bool) -> str:
    """What one is told on leaving, in one line."""
    if not stats.counts.calls:
        return "nobody has called"
    where = (
        ""
        if transcript is None
        else f"; replay: genreply trace{'' if keep else f' {visible(transcript)}'}"
    )
    return f"{stats.summary()}{where}"


async def _run(
    settings: Settings,
    say: tuple[str, ...],
    face: Frontend,
    sinks: list[Observer],
    memory: History,
    transcript: str | None,
) -> tuple[dict[float, int], list[Exception]]:
    async with session(lambda: Supervisor(settings), sinks) as (supervisor, watch):
        assert watch is not None  # there is always the memory
        conversation = Shell(supervisor, watch, face, memory, transcript)
        try:
            face.introduce()
            for message in say:
                await conversation.greet(message)
            async for line in face.typed(conversation):
                await conversation.execute(line)
                if conversation.leaving:
                    break
            else:
                if (
                    not face.interactive
                ):  # a script has come to its end; its answers may still be to come
                    await conversation.finish()
        finally:
            await conversation.callers.close()
    return conversation.codes, watch.failures
