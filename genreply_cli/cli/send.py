"""genreply send: greetings from the command line or from stdin; replies on stdout, the story on stderr, an exit status."""

import sys
from collections.abc import Iterable
from contextlib import ExitStack, aclosing, nullcontext
from typing import TYPE_CHECKING, NamedTuple

from genreply_cli.errors import ExitStatus, GenreplyError, complain, os_error_text
from genreply_cli.session.batch import greet_all
from genreply_cli.session.outcome import EXIT_CODES, TIMED_OUT, Outcome
from genreply_cli.session.session import session
from genreply_cli.session.settings import Settings
from genreply_cli.terminal.stdin import lines
from genreply_cli.text import visible

if TYPE_CHECKING:
    from genreply_cli.explain.story import StoryTeller
    from genreply_cli.session.observers import Observer
    from genreply_cli.terminal.output import OutputOptions
    from genreply_cli.terminal.progress import ProgressBar
    from genreply_cli.terminal.screen import Screen
    from genreply_cli.transcript.step import Step

MANY = 1000  # calls; a terminal gets a progress bar instead of the timeline of more than these


class SendOptions(NamedTuple):
    """What `genreply send` writes where."""

    json: bool = False  # outcomes as JSON lines, instead of the replies
    events: bool = False  # the transcript on stdout, and no replies
    timeline: bool = False  # the timeline on stderr
    asked_for: bool = False  # somebody has asked for the timeline: it is drawn however long it gets
    wishes: "OutputOptions | None" = None  # how it is to look
    record: str | None = None  # the transcript in a file
    overwrite: bool = False
    append: bool = False
    as_done: bool = False  # outcomes as they come, instead of in the order of asking
    linger: float = 1.0  # seconds to wait for late answers, if somebody looks on
    explain: bool = False  # the stories of the calls, in words, on stderr
    strict: bool = False  # an answer to a wrong caller, or a second one, is a failure


def run(settings: Settings, messages: list[str], count: int, jobs: int, output: SendOptions) -> int:
    """Greet with all messages, write what comes of it, and return the exit status: that of the first failure in ask order."""
    total = len(messages) * count
    with ExitStack() as stack:
        sinks: list[Observer] = []
        screen: "Screen | None" = None
        bar: "ProgressBar | None" = None
        stories: "StoryTeller | None" = None
        wrong = 0  # answers
        before: Iterable[Step] = ()
        if output.record is not None:
            from genreply_cli.session.recording import read_existing_steps, recording

            before = read_existing_steps(output.record) if output.append else ()
            hint = "--overwrite or --append, or another name"
            writer = recording(
                output.record, settings, overwrite=output.overwrite, append=output.append, hint=hint
            )
            sinks.append(stack.enter_context(writer).write)
        if output.events:
            from genreply_cli.session.recording import header
            from genreply_cli.transcript.writer import Writer

            sinks.append(Writer(sys.stdout, header(settings)).write)
        if output.explain:
            from genreply_cli.explain import story

            stories = story.StoryTeller()
            sinks.append(stories.update)
        if output.strict:

            def count_wrong(step: "Step") -> None:
                nonlocal wrong
                wrong += step.kind == "duplicate" or "for" in step.details

            sinks.append(count_wrong)
        if output.timeline:
            from genreply_cli.terminal.screen import Screen

            if total > MANY and not output.asked_for:
                print(
                    f"note: more than {MANY} calls are not drawn; --timeline draws them all",
                    file=sys.stderr,
                )
                from genreply_cli.terminal.progress import ProgressBar

                bar = stack.enter_context(ProgressBar(sys.stderr, total, output.wishes))
                sinks.append(lambda step: bar.advance() if step.ends_call else None)
            else:
                screen = Screen(sys.stderr, output.wishes)
                sinks.append(screen.show)
        asked = messages if count == 1 else (message for _ in range(count) for message in messages)
        code, failures = settings.run(
            _send(settings, asked, messages == ["-"], jobs, output, sinks, before, screen, bar)
        )
    for failure in failures:
        raise GenreplyError(f"the recording is not complete: {os_error_text(failure)}")
    if stories is not None:
        from genreply_cli.explain.render import show_stories
        from genreply_cli.terminal.screen import Screen

        show_stories(stories, Screen(sys.stderr, output.wishes))
    if wrong and not code:
        return complain(
            f"wrong answers, to a wrong caller or for a second time: {wrong}",
            ExitStatus.WRONG_ANSWER,
        )
    return code


async def _send(
    settings: Settings,
    messages: Iterable[str],
    from_stdin: bool,
    jobs: int,
    output: SendOptions,
    sinks: "list[Observer]",
    before: "Iterable[Step]",
    screen: "Screen | None",
    bar: "ProgressBar | None",
) -> tuple[int, list[Exception]]:
    code = 0
    real = settings.clock == "real"
    async with session(settings.start, sinks, before) as (coordinator, watch):
        read = lines(sys.stdin.fileno(), wait=real) if from_stdin else messages
        asking = greet_all(coordinator, read, settings.timeout, jobs, as_done=output.as_done)
        with (
            nullcontext()
            if screen is None or not real
            else screen.show_blocked_calls(settings.timeout)
        ):
            async with aclosing(asking) as outcomes:
                async for known in outcomes:
                    failed = [one for one in known if one.error is not None]
                    code = code or (EXIT_CODES[failed[0].status] if failed else 0)
                    if screen is not None:
                        screen.hide()
                    if bar is not None:
                        bar.hide()
                    if failed or output.json or output.events:
                        for outcome in known:
                            _tell(outcome, settings, output)
                    else:
                        _answer(known)
                    sys.stdout.flush()
        if watch is not None:
            await watch.linger(output.linger)
    return code, [] if watch is None else watch.failures


def _answer(outcomes: list[Outcome]) -> None:
    """All at once, and looked at all at once: most replies are what they seem."""
    replies = [str(outcome.reply) for outcome in outcomes]
    if not "".join(replies).isprintable():
        replies = list(map(visible, replies))
    sys.stdout.write("\n".join([*replies, ""]))


def _tell(outcome: Outcome, settings: Settings, output: SendOptions) -> None:
    if output.json:
        import json

        sys.stdout.write(json.dumps(outcome.as_json()) + "\n")
    elif outcome.error is not None:
        sys.stdout.flush()
        _complain(outcome, settings, output)
    elif not output.events:
        _answer([outcome])


def _complain(outcome: Outcome, settings: Settings, output: SendOptions) -> None:
    hints = []
    slow = settings.delay[1]
    if outcome.status == TIMED_OUT and settings.timeout is not None and slow >= settings.timeout:
        enough = next(
            (seconds for seconds in (1, 5, 10, 60, 600, 3600) if seconds > 2 * slow), None
        )
        hints.append(f"try --timeout {enough or 'infinity'}")
    if output.record is not None:
        hints.append(f"see it: genreply trace {output.record}")
    elif not output.timeline:
        hints.append("see it: --timeline")
    complain(outcome.error_text(settings.timeout), EXIT_CODES[outcome.status], ", or ".join(hints))
