"""`genreply trace`: its options, and a function for each task."""

import sys
from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from genreply_cli import paths
from genreply_cli.cli.listing import list_transcripts
from genreply_cli.cli.source import (
    WithProgress,
    invalid,
    open_salvaged,
    open_transcript,
    open_with_causes,
)
from genreply_cli.cli.trace_options import TraceOptions
from genreply_cli.errors import ExitStatus, GenreplyError, tell
from genreply_cli.export.formats import export, render, render_pair
from genreply_cli.terminal.output import OutputOptions, choose_mode
from genreply_cli.terminal.screen import Screen
from genreply_cli.text import counted, visible
from genreply_cli.transcript.filters import FORGET, Filters, Part, Selection
from genreply_cli.transcript.format import TranscriptError
from genreply_cli.transcript.pretty import pretty_name
from genreply_cli.transcript.reader import Steps
from genreply_cli.transcript.step import KINDS, Step
from genreply_cli.transcript.writer import Writer

if TYPE_CHECKING:
    from genreply_cli.analysis.diff import CallSummary


def run(wanted: TraceOptions) -> int:
    """Do the task. Returns the exit status. Raises GenreplyError."""
    if wanted.task == "list":
        return list_transcripts()
    if wanted.follow:
        from genreply_cli.cli.follow import follow_to_screen

        return follow_to_screen(wanted)
    source = _last_session() if wanted.source is None else wanted.source
    if source is None:
        tell("no session has been recorded yet; here are the samples")
        return list_transcripts()
    if wanted.merged_with is None:
        return _do_task(source, wanted)
    from genreply_cli.cli.merging import merged

    with merged(source, wanted.merged_with) as (path, contradictions):
        return _do_task(path, wanted, contradictions)


def _do_task(source: str, wanted: TraceOptions, contradictions: Sequence[str] = ()) -> int:
    """Do a task with one transcript. Of two that were merged, tell what they contradict in."""
    if wanted.task == "check":
        return check(source, wanted, contradictions)
    for contradiction in contradictions:
        tell(f"note: {visible(contradiction)}")
    causes: Collection[int] = ()
    if wanted.filters.needs_causes and wanted.task in {"play", "print", "events", "export"}:
        steps, causes = open_with_causes(source, wanted.filters, skip_bad=wanted.skip_bad)
    else:
        steps = open_salvaged(source) if wanted.skip_bad else open_transcript(source)
    with closing(steps):
        try:
            match wanted.task:
                case "diff":
                    return diff(steps, wanted)
                case "rerun":
                    return rerun(steps, wanted)
                case "export":
                    export_to_file(steps, wanted, causes)
                case "play" if sys.stdout.isatty() and has_room(wanted.output_options):
                    return play(steps, wanted)
                case "events":
                    write_events(steps, wanted, causes)
                case "stats":
                    show_stats(steps, wanted)
                case "explain":
                    explain(steps, wanted)
                case _:
                    print_rows(steps, wanted, causes)
            sys.stdout.flush()
        except TranscriptError as error:
            sys.stdout.flush()
            raise invalid(error) from None
        for note in steps.notes:
            tell(f"note: {note}")
    return 0


def _last_session() -> str | None:
    last = paths.last_session()
    return None if last is None else str(last)


def selected(steps: Steps, wanted: TraceOptions) -> Iterator[Step]:
    """The steps that pass the filters; a note says if there are none.

    Nothing is to be written to stdout meanwhile.
    """
    parts = _parts(WithProgress(steps, wanted.output_options), wanted.filters, strict=True)
    yield from _steps_of(parts, wanted.filters)


def shown(
    steps: Steps, wanted: TraceOptions, causes: Collection[int], *, silently: bool = False
) -> Iterator[Step]:
    """The steps that pass, and those of other calls that led to them or got their answers.

    A note says if there are none. `silently`: nothing is written to stdout meanwhile.
    """
    parts = _parts(_reading(steps, wanted, silently=silently), wanted.filters, causes)
    yield from _steps_of(parts, wanted.filters)


def _reading(steps: Steps, wanted: TraceOptions, *, silently: bool = False) -> Iterable[Step]:
    """The steps; where progress does not disturb what is written, it is shown."""
    if silently or not sys.stdout.isatty():
        return WithProgress(steps, wanted.output_options)
    return steps


def _parts(
    steps: Iterable[Step],
    filters: Filters,
    causes: Collection[int] = (),
    *,
    strict: bool = False,
) -> Iterator[tuple[Part, Step]]:
    """All steps, each with what it is in a view of the selected ones.

    `strict`: of a call, only its own steps are selected. Raises GenreplyError if an unknown kind is
    wanted and does not occur.
    """
    unknown = filters.kinds - KINDS.keys() - {"note", FORGET}
    for step in _with_kinds(steps, unknown) if unknown else steps:
        if strict:
            yield ("selected" if filters.wants(step) else "skipped"), step
        else:
            yield filters.part(step, causes), step


def _steps_of(parts: Iterable[tuple[Part, Step]], filters: Filters) -> Iterator[Step]:
    """The steps that are not skipped; a note says if there are none."""
    some = False
    for part, step in parts:
        if part != "skipped":
            some = True
            yield step
    if not some:
        _note_none(filters)


def _all_steps_of(parts: Iterable[tuple[Part, Step]], filters: Filters) -> Iterator[Step]:
    """All steps, skipped ones too; a note says if there are no others."""
    some = False
    for part, step in parts:
        some = some or part != "skipped"
        yield step
    if not some:
        _note_none(filters)


def _note_none(filters: Filters) -> None:
    if filters:
        tell(f"note: no event passes {filters}")


def print_rows(steps: Steps, wanted: TraceOptions, causes: Collection[int]) -> None:
    """Print a row for each step that is shown; the others are followed, and not drawn."""
    screen = Screen(sys.stdout, wanted.output_options, states=wanted.states)
    if not wanted.filters:
        for step in _reading(steps, wanted):
            screen.show(step)
        return
    some = False
    for part, step in _parts(_reading(steps, wanted), wanted.filters, causes):
        if part == "skipped":
            screen.skip(step)
        else:
            some = True
            screen.show(step, faint=part == "cause")
    if not some:
        _note_none(wanted.filters)


def _with_kinds(steps: Iterable[Step], wanted: Collection[str]) -> Iterator[Step]:
    """The steps. Raises GenreplyError at the end if one of the wanted kinds was not among them."""
    from genreply_cli.session.parsing import choice

    kinds = set()
    for step in steps:
        kinds.add(step.kind)
        yield step
    for kind in sorted(wanted):
        if kind not in kinds:
            try:
                choice(kind, sorted(kinds), "kind of event")
            except ValueError as error:
                raise GenreplyError(str(error), exit_code=ExitStatus.USAGE) from None


def has_room(options: OutputOptions) -> bool:
    """Whether stdout is a terminal that the player can draw on."""
    from genreply_cli.player.app import can_run

    return can_run(options)


def play(steps: Steps, wanted: TraceOptions) -> int:
    """Go through the steps, on the whole screen."""
    from genreply_cli.player.app import run_player
    from genreply_cli.transcript.index import indexed

    index = indexed(steps)
    player = replace(wanted.player, states=wanted.states, filters=wanted.filters)
    run_player(index, player, wanted.output_options)
    if index.problem is not None:
        raise invalid(index.problem)
    return 0


def write_events(steps: Steps, wanted: TraceOptions, causes: Collection[int]) -> None:
    """Write the steps to stdout as a transcript."""
    writer = Writer(sys.stdout, steps.header)
    for step in shown(steps, wanted, causes):
        writer.write(step)


def explain(steps: Steps, wanted: TraceOptions) -> None:
    """Tell the stories of the calls that are wanted."""
    from genreply_cli.explain.render import explain_calls

    explain_calls(
        iter(WithProgress(steps, wanted.output_options)),
        wanted.filters.calls,
        Screen(sys.stdout, wanted.output_options),
        wanted.sources,
    )


def show_stats(steps: Steps, wanted: TraceOptions) -> None:
    """Print the steps in numbers."""
    from genreply_cli.analysis.stats import Stats

    stats = Stats()
    for step in selected(steps, wanted):
        stats.update(step)
    if wanted.json:
        import json

        print(json.dumps(stats.as_json()))
    else:
        print(
            "\n".join(
                stats.lines(ascii_only=choose_mode(sys.stdout, wanted.output_options).ascii_only)
            )
        )


def check(source: str, wanted: TraceOptions, contradictions: Sequence[str] = ()) -> int:
    """Print all that is wrong with a transcript. Returns 0, or `ExitStatus.INVALID`.

    `contradictions` are what the two recordings say differently of which it was merged.
    """
    from genreply_cli.analysis.check import Checker

    wrong = 0
    findings: list[dict[str, Any]] = []  # only for --json, which is one object

    def report(error: TranscriptError) -> None:
        nonlocal wrong
        wrong += 1
        if wanted.json:
            finding = {"line": error.line, "field": error.field, "problem": error.problem}
            findings.append(finding)
            return
        if sys.stdout.isatty():
            reading.stop_showing()
        print(error)

    def report_unreadable(error: TranscriptError) -> None:
        report(error)
        checker.skip()

    with closing(open_transcript(source, report_unreadable)) as steps:
        file, reading = steps.file, WithProgress(steps, wanted.output_options)
        checker = Checker(
            lambda line, field, problem: report(TranscriptError(problem, file, line, field)),
            steps.header,
        )
        try:
            for step in reading:
                checker.update(step, steps.line)
        except TranscriptError as error:  # it cannot be read any further
            report(error)
    for contradiction in contradictions:
        report(TranscriptError(visible(contradiction), file))
    notes = [*steps.notes, *checker.notes()]
    if wanted.json:
        import json

        counts = {"events": checker.steps, "calls": checker.calls}
        print(json.dumps({"valid": not wrong, **counts, "findings": findings, "notes": notes}))
        return ExitStatus.INVALID if wrong else ExitStatus.OK
    sys.stdout.flush()
    for note in notes:
        tell(f"note: {note}")
    found = f"{counted(wrong, 'thing') if wrong else 'nothing'} wrong"
    checked = f"{counted(checker.steps, 'event')}, {counted(checker.calls, 'call')}"
    tell(f"{checked}: {found}")
    return ExitStatus.INVALID if wrong else ExitStatus.OK


def export_to_file(steps: Steps, wanted: TraceOptions, causes: Collection[int]) -> None:
    """Write the steps in another format; with `--diff`, beside those of another transcript."""
    silently = wanted.output not in {None, "-"}
    _refuse_input(wanted, steps)
    scale = wanted.scale or 1.0
    if wanted.other is None:
        reading = _reading(steps, wanted, silently=silently)
        parts = _parts(reading, wanted.filters, causes)
        selection = Selection(wanted.filters, causes)
        every = _all_steps_of(parts, wanted.filters)
        pieces = render(
            wanted.format,
            steps.header,
            every,
            scale=scale,
            selection=selection,
            sources=wanted.sources,
        )
        export(pieces, wanted.output, overwrite=wanted.overwrite)
        return
    some = shown(steps, wanted, causes, silently=silently)
    with closing(open_transcript(wanted.other)) as others:
        _refuse_input(wanted, others)
        there = others.header, shown(others, wanted, (), silently=silently)
        pieces = render_pair(wanted.format, (steps.header, some), there, scale=scale)
        export(pieces, wanted.output, overwrite=wanted.overwrite)


def _refuse_input(wanted: TraceOptions, steps: Steps) -> None:
    if wanted.output not in {None, "-"}:
        from genreply_cli.export.whole_file import refuse_input

        refuse_input(Path(wanted.output or ""), steps.lines)


def diff(steps: Steps, wanted: TraceOptions) -> int:
    """Print what differs between two transcripts. Returns 0, or `ExitStatus.INVALID`."""
    from genreply_cli.analysis.diff import CallSummary

    with closing(open_transcript(wanted.other or "")) as others:
        here = CallSummary(steps.header, wanted.times).update_all(selected(steps, wanted))
        there = CallSummary(others.header, wanted.times).update_all(wanted.filters(others))
    return _print_differences(here, there)


def rerun(steps: Steps, wanted: TraceOptions) -> int:
    """Run a recording again, and print what differs. Returns 0, or `ExitStatus.INVALID`."""
    from genreply_cli.analysis.diff import CallSummary
    from genreply_cli.session.inputs import Inputs
    from genreply_cli.session.rerun import run_again

    real = steps.header.clock != "virtual"
    if real and wanted.times:
        raise GenreplyError(
            "--times is for a recording on the virtual clock; this one took its own time",
            exit_code=ExitStatus.USAGE,
        )
    here, inputs = CallSummary(steps.header, wanted.times, real), Inputs.of(steps.header)
    for step in WithProgress(steps, wanted.output_options):
        here.update(step)
        inputs.update(step)
    there = CallSummary(steps.header, wanted.times, real)
    run_again(steps.header, inputs, there.update)
    code = _print_differences(here, there)
    if code and real:
        sys.stdout.flush()
        tell(
            "note: on a real clock microseconds decide what comes first where calls overlap;"
            " --clock virtual leaves no doubt",
        )
    if code and inputs.command_labels:
        sys.stdout.flush()
        label = pretty_name(inputs.command_labels[0])
        tell(
            f"note: labels such as {label} are never executed;"
            " earlier versions of genreply recorded commands in labels only",
        )
    return code


def _print_differences(here: "CallSummary", there: "CallSummary") -> int:
    from genreply_cli.analysis.diff import differences

    different = False
    for line in differences(here, there):
        different = True
        print(line)
    sys.stdout.flush()
    tell("different" if different else f"equal: {counted(here.count(), 'call')}")
    return ExitStatus.INVALID if different else 0
