"""genreply trace: which transcript, what of it, and what is to be done with it: replayed, printed, counted, watched."""

import sys
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, field
from typing import Literal

from genreply_cli import state
from genreply_cli.filters import Filters
from genreply_cli.moves import State
from genreply_cli.screen import Screen, Wishes, decide
from genreply_cli.source import INVALID, invalid, list_samples, open_transcript, with_progress
from genreply_cli.trace import Step
from genreply_cli.transcript import Steps, TranscriptError, Writer

Task = Literal["play", "print", "events", "stats", "explain", "check", "list"]


@dataclass(frozen=True)
class Wanted:
    """What somebody wants of a transcript."""

    source: str | None = None  # a file, a sample by its name, `-` for stdin; None: the last session
    task: Task = "play"
    filters: Filters = field(default_factory=Filters)
    json: bool = False  # --stats as JSON
    player: State = field(default_factory=State)  # how it begins
    wishes: Wishes = field(default_factory=Wishes)


def run(wanted: Wanted) -> int:
    """Do what is wanted, and return the exit status. Raises GenreplyError."""
    if wanted.task == "list":
        return list_samples()
    source = wanted.source or _last_session()
    if source is None:
        print("no session has been recorded yet; here are the samples", file=sys.stderr)
        return list_samples()
    if wanted.task == "check":
        return check(source, wanted)
    with closing(open_transcript(source)) as steps:
        try:
            match wanted.task:
                case "play" if sys.stdout.isatty() and _has_room(wanted.wishes):
                    return play(steps, wanted)
                case "events":
                    write_events(steps, wanted)
                case "stats":
                    show_stats(steps, wanted)
                case "explain":
                    explain(steps, wanted)
                case _:
                    show = Screen(sys.stdout, wanted.wishes).show
                    for step in selected(steps, wanted):
                        show(step)
            sys.stdout.flush()
        except TranscriptError as error:
            sys.stdout.flush()
            raise invalid(error) from None
        for note in steps.notes:
            print(f"note: {note}", file=sys.stderr)
    return 0


def _last_session() -> str | None:
    last = state.last_session()
    return None if last is None else str(last)


def selected(steps: Steps, wanted: Wanted) -> Iterator[Step]:
    """The steps that are wanted; if there are none, that is told."""
    some = False
    for step in wanted.filters(with_progress(steps, wanted.wishes)):
        some = True
        yield step
    if not some and wanted.filters:
        print("note: no event passes --call, --kind, --from and --to", file=sys.stderr)


def _has_room(wishes: Wishes) -> bool:
    from genreply_cli.theatre import has_room

    return has_room(wishes)


def play(steps: Steps, wanted: Wanted) -> int:
    """Go through the steps, on the whole screen."""
    from genreply_cli.index import indexed
    from genreply_cli.theatre import perform

    index = indexed(steps, wanted.filters or None)
    perform(index, wanted.player, wanted.wishes)
    if index.problem is not None:
        raise invalid(index.problem)
    return 0


def write_events(steps: Steps, wanted: Wanted) -> None:
    """Write the steps to stdout as a transcript."""
    writer = Writer(sys.stdout, steps.header)
    for step in selected(steps, wanted):
        writer.write(step)


def explain(steps: Steps, wanted: Wanted) -> None:
    """Tell the stories of the calls that are wanted."""
    from genreply_cli.explain import tell_of

    tell_of(with_progress(steps, wanted.wishes), next(iter(wanted.filters.calls), None), Screen(sys.stdout, wanted.wishes))


def show_stats(steps: Steps, wanted: Wanted) -> None:
    """Print the steps in numbers."""
    from genreply_cli.stats import Stats

    stats = Stats()
    for step in selected(steps, wanted):
        stats.see(step)
    if wanted.json:
        import json

        print(json.dumps(stats.plain()))
    else:
        print("\n".join(stats.lines(ascii_only=decide(sys.stdout, wanted.wishes).ascii_only)))


def check(source: str, wanted: Wanted) -> int:
    """Print all that is wrong with a transcript, and tell the verdict. Nothing wrong is 0, anything else `INVALID`."""
    from genreply_cli.check import Laws

    wrong = 0

    def bad(error: TranscriptError) -> None:
        nonlocal wrong
        wrong += 1
        print(error)

    def unreadable(error: TranscriptError) -> None:
        bad(error)
        laws.skip()

    laws = Laws(lambda field, problem: bad(TranscriptError(problem, file, steps.line, field)))
    with closing(open_transcript(source, unreadable)) as steps:
        file = steps.file
        try:
            for step in with_progress(steps, wanted.wishes):
                laws.see(step)
        except TranscriptError as error:  # it cannot be read any further
            bad(error)
    sys.stdout.flush()
    for note in [*steps.notes, *laws.notes()]:
        print(f"note: {note}", file=sys.stderr)
    found = f"{wrong or 'nothing'}{' things' if wrong > 1 else ' thing' if wrong else ''} wrong"
    print(f"{laws.steps} events, {laws.calls} calls: {found}", file=sys.stderr)
    return INVALID if wrong else 0
