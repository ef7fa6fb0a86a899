"""`genreply send`: sends greetings, prints their replies, and returns an exit status.

stdout has the result: replies, outcomes as JSON, or the transcript. stderr has the story.
"""

import asyncio
import shlex
import sys
from collections.abc import Callable, Iterable
from contextlib import ExitStack, aclosing, nullcontext
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, NamedTuple

from genreply_cli.cli.report import Report
from genreply_cli.errors import GenreplyError, os_error_text, tell
from genreply_cli.session.batch import greet_all
from genreply_cli.session.outcome import Greets, Outcome
from genreply_cli.session.served import OWN_COORDINATORS
from genreply_cli.session.session import session
from genreply_cli.session.settings import Settings
from genreply_cli.terminal.stdin import lines
from genreply_cli.text import visible

if TYPE_CHECKING:
    from genreply_cli.explain.story import StoryTeller
    from genreply_cli.session.fates import Fates
    from genreply_cli.session.observers import Observer, Observers
    from genreply_cli.terminal.output import OutputOptions
    from genreply_cli.terminal.progress import ProgressBar
    from genreply_cli.terminal.screen import Screen
    from genreply_cli.transcript.step import Step


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
    fates: "Fates | None" = None  # what callers do not know; None if nothing can go wrong
    lingers: bool = False  # the late answers are to be seen

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

    It is the status of the first call that failed, in the order of asking; with `strict`, wrong
    answers count first. A message `-` alone
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
    wrong = 0
    if watching.fates is not None:
        wrong = watching.fates.tell_of_wrong_answers(strict=options.strict)
    return wrong or status


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
    if options.timeline:
        _draw_timeline(watching, options, calls, stack)
    watching.lingers = bool(watching.observers) or options.strict
    if watching.lingers or settings.can_answer_wrongly:
        from genreply_cli.session.fates import Fates

        watching.fates = Fates()
        watching.observers.append(watching.fates.update)
    return watching


def _draw_timeline(watching: _Watching, options: SendOptions, calls: int, stack: ExitStack) -> None:
    from genreply_cli.terminal.output import MAX_DRAWN_CALLS

    if calls <= MAX_DRAWN_CALLS or options.asked_for:
        from genreply_cli.terminal.screen import Screen

        watching.screen = Screen(sys.stderr, options.output_options)
        watching.observers.append(watching.screen.show)
        return
    from genreply_cli.terminal.progress import ProgressBar

    note = f"note: more than {MAX_DRAWN_CALLS} calls are not drawn; --timeline draws them all"
    tell(note)
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
    report = Report(settings, _where_to_look(options))
    real = settings.clock == "real"
    screen = watching.screen
    started = session(
        partial(_start, settings),
        watching.observers,
        watching.before,
        prepare=settings.server.open,
    )
    async with started as (coordinator, observers):
        source = lines(sys.stdin.fileno(), wait=real) if greetings is None else greetings
        blocked = (
            nullcontext()
            if screen is None or not real
            else screen.show_blocked_calls(settings.timeout)
        )
        batch = greet_all(
            coordinator,
            source,
            settings.timeout,
            jobs,
            as_done=options.as_done,
            first=1 if observers is None else observers.tracer.next_call,
            complete=_complete(settings, watching, observers),
        )
        with blocked:
            async with aclosing(batch) as batches:
                async for outcomes in batches:
                    report.count(outcomes)
                    failed = [outcome for outcome in outcomes if outcome.error is not None]
                    if failed and not status:
                        status = failed[0].exit_status
                    watching.hide()
                    _write(outcomes, options)
                    sys.stdout.flush()
                    if failed and not options.json:
                        report.complain(failed)
        if observers is not None and watching.lingers:
            await observers.linger(options.linger)
    report.complain_of_the_rest()
    if report.is_worth_a_summary and (status or options.timeline):
        tell(report.summary())
    return status, [] if observers is None else observers.failures


def _complete(
    settings: Settings, watching: _Watching, observers: "Observers | None"
) -> Callable[[Outcome], Outcome] | None:
    """What adds to an outcome what its caller does not know, and runs in the caller's task."""
    fates = watching.fates
    if fates is None or observers is None or settings.server is OWN_COORDINATORS:
        return None if fates is None else fates.complete
    calls = observers.calls  # a server of one's own may make calls, too: they have numbers, too

    def complete(outcome: Outcome) -> Outcome:
        number = calls.pop(asyncio.current_task(), outcome.number)
        return fates.complete(outcome._replace(number=number))

    return complete


def _start(settings: Settings) -> Greets:
    """Start the server; a coordinator whose real connection was lost is started again."""
    if settings.target is None:
        return settings.client(settings.start())
    from genreply_cli.session.supervisor import Supervisor

    return Supervisor(settings, hint="is the server still running?")


def _write(outcomes: list[Outcome], options: SendOptions) -> None:
    """Write outcomes to stdout, as far as the options ask for them."""
    if options.json:
        import json

        sys.stdout.writelines(json.dumps(outcome.as_json()) + "\n" for outcome in outcomes)
    elif not options.events:
        _write_replies([outcome for outcome in outcomes if outcome.error is None])


def _write_replies(outcomes: list[Outcome]) -> None:
    """Write all replies at once, and look for control characters in all of them at once."""
    replies = [outcome.reply_text for outcome in outcomes]
    if not "".join(replies).isprintable():
        replies = list(map(visible, replies))
    sys.stdout.write("\n".join([*replies, ""]) if replies else "")


def _where_to_look(options: SendOptions) -> str:
    """What to type to see what happened; "" if it is shown already."""
    if options.record is not None:
        return f"see it: genreply trace {shlex.quote(str(options.record))}"
    return "" if options.timeline else "see it: --timeline"
