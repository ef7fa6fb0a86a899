"""`genreply send`: sends greetings, prints their replies, and returns an exit status.

stdout has the result: replies, outcomes as JSON, or the transcript. stderr has the story.
"""

import shlex
import sys
from collections.abc import Iterable
from contextlib import ExitStack, aclosing, nullcontext
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, NamedTuple

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

MAX_DRAWN_CALLS: Final = 1000  # of more, a terminal gets a progress bar instead of the timeline


class SendOptions(NamedTuple):
    """What `genreply send` writes, and where."""

    json: bool = False  # outcomes as JSON lines, instead of the replies
    events: bool = False  # the transcript on stdout, and no replies
    timeline: bool = False  # the timeline on stderr
    asked_for: bool = False  # the user typed an option of the timeline: draw it however long it is
    output_options: "OutputOptions | None" = None  # how the timeline looks
    record: str | None = None  # the file for the transcript
    overwrite: bool = False
    append: bool = False
    as_done: bool = False  # outcomes as they arrive, instead of in the order of asking
    linger: float = 1.0  # seconds to wait for late answers, if there is an observer
    explain: bool = False  # the stories of the calls, in words, on stderr
    strict: bool = False  # an answer to a wrong caller, or a second one, is a failure


@dataclass
class _Watching:
    """All that observes the calls while they are made."""

    observers: "list[Observer]" = field(default_factory=list)
    before: "Iterable[Step]" = ()  # the steps of the file that is continued
    screen: "Screen | None" = None
    bar: "ProgressBar | None" = None
    stories: "StoryTeller | None" = None
    wrong_answers: int = 0

    def count_wrong_answer(self, step: "Step") -> None:
        """Count an answer that went to a wrong caller, or came a second time."""
        self.wrong_answers += step.kind == "duplicate" or "for" in step.details

    def hide(self) -> None:
        """Make room on the terminal for what is written to stdout."""
        if self.screen is not None:
            self.screen.hide()
        if self.bar is not None:
            self.bar.hide()


def run(
    settings: Settings, messages: list[str], count: int, jobs: int, options: SendOptions
) -> int:
    """Greet with all messages, `count` times. Returns the exit status.

    It is the status of the first call that failed, in the order of asking. A message `-` alone
    stands for the lines of stdin. Raises GenreplyError.
    """
    with ExitStack() as stack:
        watching = _watch(settings, options, len(messages) * count, stack)
        greetings = messages if count == 1 else (text for _ in range(count) for text in messages)
        source = None if messages == ["-"] else greetings
        status, failures = settings.run(_send(settings, source, jobs, options, watching))
    for failure in failures:
        raise GenreplyError(f"the recording is not complete: {os_error_text(failure)}")
    if watching.stories is not None:
        from genreply_cli.explain.render import show_stories
        from genreply_cli.terminal.screen import Screen

        show_stories(watching.stories, Screen(sys.stderr, options.output_options))
    if watching.wrong_answers and not status:
        return complain(
            f"wrong answers, to a wrong caller or for a second time: {watching.wrong_answers}",
            ExitStatus.WRONG_ANSWER,
        )
    return status


def _watch(settings: Settings, options: SendOptions, calls: int, stack: ExitStack) -> _Watching:
    """The observers that the options ask for; `stack` closes what they hold open."""
    watching = _Watching()
    if options.record is not None:
        from genreply_cli.session.recording import read_existing_steps, recording

        if options.append:
            watching.before = read_existing_steps(options.record)
        writer = recording(
            options.record,
            settings,
            overwrite=options.overwrite,
            append=options.append,
            hint="--overwrite or --append, or another name",
        )
        watching.observers.append(stack.enter_context(writer).write)
    if options.events:
        from genreply_cli.session.recording import header
        from genreply_cli.transcript.writer import Writer

        watching.observers.append(Writer(sys.stdout, header(settings)).write)
    if options.explain:
        from genreply_cli.explain.story import StoryTeller

        watching.stories = StoryTeller()
        watching.observers.append(watching.stories.update)
    if options.strict:
        watching.observers.append(watching.count_wrong_answer)
    if options.timeline:
        _draw_timeline(watching, options, calls, stack)
    return watching


def _draw_timeline(watching: _Watching, options: SendOptions, calls: int, stack: ExitStack) -> None:
    if calls <= MAX_DRAWN_CALLS or options.asked_for:
        from genreply_cli.terminal.screen import Screen

        watching.screen = Screen(sys.stderr, options.output_options)
        watching.observers.append(watching.screen.show)
        return
    from genreply_cli.terminal.progress import ProgressBar

    note = f"note: more than {MAX_DRAWN_CALLS} calls are not drawn; --timeline draws them all"
    print(note, file=sys.stderr)
    bar = stack.enter_context(ProgressBar(sys.stderr, calls, options.output_options))
    watching.bar = bar
    watching.observers.append(lambda step: bar.advance() if step.ends_call else None)


async def _send(
    settings: Settings,
    greetings: Iterable[str] | None,
    jobs: int,
    options: SendOptions,
    watching: _Watching,
) -> tuple[int, list[Exception]]:
    """Send the greetings; None: the lines of stdin. Returns the status, and failed observers."""
    status = 0
    real = settings.clock == "real"
    screen = watching.screen
    async with session(settings.start, watching.observers, watching.before) as started:
        coordinator, observers = started
        source = lines(sys.stdin.fileno(), wait=real) if greetings is None else greetings
        blocked = (
            nullcontext()
            if screen is None or not real
            else screen.show_blocked_calls(settings.timeout)
        )
        batch = greet_all(coordinator, source, settings.timeout, jobs, as_done=options.as_done)
        with blocked:
            async with aclosing(batch) as batches:
                async for outcomes in batches:
                    failed = [outcome for outcome in outcomes if outcome.error is not None]
                    if failed and not status:
                        status = EXIT_CODES[failed[0].status]
                    watching.hide()
                    _write(outcomes, settings, options, any_failed=bool(failed))
                    sys.stdout.flush()
        if observers is not None:
            await observers.linger(options.linger)
    return status, [] if observers is None else observers.failures


def _write(
    outcomes: list[Outcome], settings: Settings, options: SendOptions, *, any_failed: bool
) -> None:
    if not (any_failed or options.json or options.events):
        _write_replies(outcomes)
        return
    for outcome in outcomes:
        if options.json:
            import json

            sys.stdout.write(json.dumps(outcome.as_json()) + "\n")
        elif outcome.error is not None:
            sys.stdout.flush()
            _complain(outcome, settings, options)
        elif not options.events:
            _write_replies([outcome])


def _write_replies(outcomes: list[Outcome]) -> None:
    """Write all replies at once, and look for control characters in all of them at once."""
    replies = [str(outcome.reply) for outcome in outcomes]
    if not "".join(replies).isprintable():
        replies = list(map(visible, replies))
    sys.stdout.write("\n".join([*replies, ""]))


def _complain(outcome: Outcome, settings: Settings, options: SendOptions) -> None:
    """Say on stderr why a call failed, and what to type next."""
    hints = []
    slow = settings.delay[1]
    if outcome.status == TIMED_OUT and settings.timeout is not None and slow >= settings.timeout:
        longer = next(
            (seconds for seconds in (1, 5, 10, 60, 600, 3600) if seconds > 2 * slow), "infinity"
        )
        hints.append(f"try --timeout {longer}")
    if options.record is not None:
        hints.append(f"see it: genreply trace {shlex.quote(str(options.record))}")
    elif not options.timeline:
        hints.append("see it: --timeline")
    complain(outcome.error_text(settings.timeout), EXIT_CODES[outcome.status], ", or ".join(hints))
