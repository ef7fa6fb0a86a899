"""genreply send: greetings from the command line or from stdin; replies on stdout, the story on stderr, an exit status."""

import json
import sys
from contextlib import ExitStack, aclosing
from dataclasses import dataclass
from typing import TYPE_CHECKING

from genreply_cli.asking import EXIT_CODES, TIMED_OUT, Outcome, greet_all
from genreply_cli.errors import GenreplyError
from genreply_cli.lines import lines
from genreply_cli.session import Settings, session
from genreply_cli.visible import visible

if TYPE_CHECKING:
    from genreply_cli.watch import Sink

@dataclass(frozen=True)
class Output:
    """What `genreply send` writes where."""

    json: bool = False  # outcomes as JSON lines, instead of the replies
    events: bool = False  # the transcript on stdout, and no replies
    timeline: bool = False  # the timeline on stderr
    record: str | None = None  # the transcript in a file
    overwrite: bool = False
    append: bool = False
    as_done: bool = False  # outcomes as they come, instead of in the order of asking
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
    to_terminal = sys.stdout.isatty()
    async with session(settings, sinks) as (coordinator, watch):
        read = lines(sys.stdin.fileno(), wait=settings.clock == "real") if messages == ["-"] else messages
        async with aclosing(greet_all(coordinator, read, settings.timeout, jobs, as_done=output.as_done)) as outcomes:
            async for known in outcomes:
                for outcome in known:
                    code = code or EXIT_CODES[outcome.status]
                    if output.json:
                        sys.stdout.write(json.dumps(outcome.plain()) + "\n")
                    elif outcome.error is not None:
                        sys.stdout.flush()
                        _complain(outcome, settings, output)
                    elif not output.events:
                        sys.stdout.write((visible(str(outcome.reply)) if to_terminal else str(outcome.reply)) + "\n")
                sys.stdout.flush()
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
