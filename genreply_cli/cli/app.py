"""The commands: what may be typed, and who does it.

A command does nothing itself: it returns what is to be done, and `__main__` does it. Typer would take a closed pipe or a Ctrl-C
on the way for its own, and leave with an exit status of its own.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated, Any

import typer

from genreply_cli.cli.options import (
    Accessible,
    Append,
    Ascii,
    Clock,
    Color,
    Coordinator,
    Delay,
    Faults,
    Json,
    Overwrite,
    Plain,
    Record,
    Seed,
    Strict,
    Timeline,
    Timeout,
    View,
    _explicit_options,
    _from_command_line,
    _needs,
    _one,
    _one_of,
    _only_one,
    _option,
    _parser,
    _version,
    parse_kind,
    parse_scale,
    parse_speed,
)
from genreply_cli.export.formats import FORMATS, format_of
from genreply_cli.session import parsing
from genreply_cli.session.parsing import COORDINATORS

if TYPE_CHECKING:
    from genreply_cli.terminal.output import OutputOptions

app = typer.Typer(
    name="genreply",
    help="A GenServer's deferred reply, seen: asynchronous work behind a call that waits.",
    epilog='Begin with: genreply send "Hello world". Then: genreply repl.',
    context_settings={"help_option_names": ["-h", "--help"]},
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    add_completion=True,
    invoke_without_command=True,
)

Action = Callable[[], int]  # what is to be done; its result is the exit status


def _wishes(
    context: typer.Context, view: Any, plain: bool, accessible: bool, ascii_only: bool, color: str
) -> "OutputOptions":
    from genreply_cli.terminal.output import OutputOptions

    return OutputOptions(_view(context, view, plain, accessible), color, ascii_only, accessible)


def _view(context: typer.Context, view: Any, plain: bool, accessible: bool) -> Any:
    given = _explicit_options(context, plain=plain, accessible=accessible, view=view)
    return next((name if value is True else value for name, value in given.items()), None)


@app.callback(invoke_without_command=True)
def genreply(
    context: typer.Context,
    version: Annotated[  # noqa: ARG001  # its callback does it
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version.")
    ] = False,
) -> None:
    """A GenServer's deferred reply, seen: asynchronous work behind a call that waits."""
    if context.invoked_subcommand is None:
        typer.echo(context.get_help())
        raise typer.Exit(2)


@app.command(
    short_help="Greet, and print the replies.",
    epilog="Each option can be set by the environment: GENREPLY_DELAY=250ms for --delay 250ms; what is typed is stronger. "
    "Exit codes: 0 all answered, 2 typed wrongly, 3 no answer in time, 4 the callee died, 6 answered wrongly (--strict).",
)
def send(
    context: typer.Context,
    messages: Annotated[
        list[str],
        typer.Argument(
            metavar="MESSAGE...",
            help="What to say; - reads lines from stdin; after -- it may start with a dash.",
        ),
    ],
    coordinator: Coordinator = "keyed",
    delay: Delay = "0",
    timeout: Timeout = "5",
    fault: Faults = None,
    count: Annotated[
        int, _option("--count", min=1, metavar="N", help="Send it all so many times.")
    ] = 1,
    jobs: Annotated[
        int,
        _option(
            "--jobs", "-j", min=1, max=100_000, metavar="N", help="How many calls at once, at most."
        ),
    ] = 1,
    as_done: Annotated[
        bool, _option("--as-done", help="Print replies as they come, not in the order of asking.")
    ] = False,
    json: Json = False,
    events: Annotated[
        bool, _option("--events", help="Write the transcript to stdout, instead of the replies.")
    ] = False,
    timeline: Timeline = None,
    quiet: Annotated[bool, _option("--quiet", "-q", help="No timeline.")] = False,
    view: View = None,
    plain: Plain = False,
    accessible: Accessible = False,
    ascii_only: Ascii = False,
    color: Color = "auto",
    record: Record = None,
    overwrite: Overwrite = False,
    append: Append = False,
    linger: Annotated[
        Any,
        _option(
            "--linger",
            reads=parsing.duration,
            metavar="TIME",
            help="How long to look out for a late answer.",
        ),
    ] = "1",
    explain: Annotated[
        bool,
        _option("--explain", help="Tell, on stderr, what became of the calls, beside the code."),
    ] = False,
    strict: Strict = False,
    seed: Seed = 0,
    clock: Clock = "real",
) -> Action:
    """Send greetings and print their replies, one line each, in the order in which they were asked."""
    import sys

    from genreply_cli.cli.send import SendOptions, run
    from genreply_cli.session.settings import Settings

    written = _one(context, json=json, events=events)
    kept = _one(context, overwrite=overwrite, append=append)
    if record is None and kept is not None and _from_command_line(context, kept):
        raise typer.BadParameter("--overwrite and --append are for --record FILE, which is missing")
    wanted = _explicit_options(
        context, timeline=timeline, quiet=quiet, plain=plain, accessible=accessible, view=view
    )
    if "timeline" in wanted or "quiet" in wanted:
        shown = bool(wanted.get("timeline"))
        view = (
            None if view == "off" and "view" not in wanted else view
        )  # the environment does not switch off what is typed
    else:
        shown = _view(context, view, plain, accessible) != "off" and (
            bool(wanted) or sys.stderr.isatty()
        )
    settings = Settings(coordinator, delay, timeout, tuple(fault or ()), seed, clock)
    output = SendOptions(
        json=written == "json",
        events=written == "events",
        timeline=shown,
        asked_for=bool(wanted),
        wishes=_wishes(context, view, plain, accessible, ascii_only, color)
        if shown or explain
        else None,
        record=record,
        overwrite=kept == "overwrite",
        append=kept == "append",
        as_done=as_done,
        linger=linger,
        explain=explain,
        strict=strict,
    )
    return lambda: run(settings, messages, count, jobs, output)


@app.command(short_help="Type greetings, and see what happens.")
def repl(
    context: typer.Context,
    coordinator: Coordinator = "keyed",
    delay: Delay = "400ms",
    timeout: Timeout = "5",
    fault: Faults = None,
    view: View = None,
    plain: Plain = False,
    accessible: Accessible = False,
    ascii_only: Ascii = False,
    color: Color = "auto",
    say: Annotated[
        list[str] | None, _option("--say", metavar="TEXT", help="Greet with this first.")
    ] = None,
    record: Record = None,
    no_record: Annotated[bool, _option("--no-record", help="Do not record this session.")] = False,
    no_history: Annotated[bool, _option("--no-history", help="Do not keep what is typed.")] = False,
    strict: Annotated[
        bool,
        _option("--strict", help="Exit with the status of what failed first; 6 for wrong answers."),
    ] = False,
    seed: Seed = 0,
) -> Action:
    """Type greetings; each blocks until its deferred reply, while the timeline grows."""
    from genreply_cli.repl.run import ReplOptions, run
    from genreply_cli.session.settings import Settings

    recording = _one(context, record=record, no_record=no_record)
    settings = Settings(coordinator, delay, timeout, tuple(fault or ()), seed)
    options = ReplOptions(
        say=tuple(say or ()),
        record=record if recording == "record" else None,
        keep_recording=recording != "no_record",
        keep_history=not no_history,
        strict=strict,
        output=_wishes(context, view, plain, accessible, ascii_only, color),
    )
    return lambda: run(settings, options)


def _format_of(output: str) -> str:
    try:
        return format_of(output)
    except ValueError as error:
        raise typer.BadParameter(f"{error}, or --as FORMAT") from None


_WHOLE = {"check", "rerun"}  # what makes no sense of a part of a transcript


@app.command(short_help="Replay or check a transcript.")
def trace(
    context: typer.Context,
    file: Annotated[
        str | None,
        typer.Argument(
            metavar="[FILE|-]",
            help="A transcript, also one of another program, or a sample by its name;"
            " else the last session.",
        ),
    ] = None,
    show_list: Annotated[
        bool, typer.Option("--list", help="List the samples that come with genreply.")
    ] = False,
    speed: Annotated[
        Any,
        _option("--speed", "-s", reads=parse_speed, metavar="X", help="2 plays twice as fast."),
    ] = "1",
    idle_limit: Annotated[
        Any,
        _option(
            "--idle-limit",
            "-i",
            reads=parsing.duration,
            metavar="TIME",
            help="Play no wait longer than this.",
        ),
    ] = None,
    step: Annotated[
        bool, _option("--step", help="Begin paused: . goes one event on, ? shows the keys.")
    ] = False,
    exit_at_end: Annotated[
        bool, _option("--exit-at-end", help="Leave when all has been played.")
    ] = False,
    follow: Annotated[
        bool,
        _option(
            "--follow",
            "-f",
            help="Go on while it is being written; without a file, from session to session.",
        ),
    ] = False,
    print_: Annotated[
        bool, _option("--print", help="Print it at once, also on a terminal.")
    ] = False,
    events: Annotated[
        bool, _option("--events", help="Write its events to stdout, as a transcript.")
    ] = False,
    stats: Annotated[
        bool, _option("--stats", help="Print what became of the calls, in numbers.")
    ] = False,
    json: Annotated[bool, _option("--json", help="Write --stats as JSON.")] = False,
    explain: Annotated[
        bool, _option("--explain", help="Tell what became of the calls, in words, beside the code.")
    ] = False,
    check: Annotated[
        bool, _option("--check", help="Tell all that is wrong with it; 5 if anything is.")
    ] = False,
    diff: Annotated[
        str | None,
        _option("--diff", metavar="FILE", help="Tell what differs in FILE; 5 if anything does."),
    ] = None,
    rerun: Annotated[
        bool,
        _option(
            "--rerun", help="Run it again on the virtual clock; 5 if it comes out differently."
        ),
    ] = False,
    times: Annotated[
        bool, _option("--times", help="Let --diff and --rerun compare times, too.")
    ] = False,
    form: Annotated[
        Any,
        _option(
            "--as",
            reads=_one_of("format", FORMATS),
            metavar="FORMAT",
            help=f"Export it: {', '.join(FORMATS)}.",
        ),
    ] = None,
    output: Annotated[
        str | None,
        _option(
            "--output",
            "-o",
            metavar="FILE",
            help="Where the export goes; its ending tells the format, too.",
        ),
    ] = None,
    overwrite: Annotated[bool, _option("--overwrite", help="Let --output replace a file.")] = False,
    scale: Annotated[
        Any,
        _option("--scale", reads=parse_scale, metavar="X", help="2 makes an SVG twice as large."),
    ] = None,
    call: Annotated[
        list[str] | None,
        _option("--call", metavar="CALL", help="Only events of this call; repeatable."),
    ] = None,
    kind: Annotated[
        list[Any] | None,
        _option(
            "--kind",
            reads=parse_kind,
            metavar="KIND",
            help="Only events of this kind, like reply; repeatable.",
        ),
    ] = None,
    start: Annotated[
        Any,
        _option("--from", reads=parsing.duration, metavar="TIME", help="Only events from then on."),
    ] = None,
    stop: Annotated[
        Any, _option("--to", reads=parsing.duration, metavar="TIME", help="Only events up to then.")
    ] = None,
    view: View = None,
    plain: Plain = False,
    accessible: Accessible = False,
    ascii_only: Ascii = False,
    color: Color = "auto",
) -> Action:
    """Replay a transcript: in a player on a terminal, which steps both ways; printed elsewhere."""
    from genreply_cli.cli.trace import TraceOptions, run
    from genreply_cli.player.state import State
    from genreply_cli.transcript.filters import Filters

    tasks: dict[Any, bool] = {
        "list": show_list, "print": print_, "events": events, "stats": stats, "explain": explain, "check": check,
        "diff": diff is not None, "rerun": rerun, "as": form is not None or output is not None,
    }  # fmt: skip
    task = _only_one(tasks, "play")
    if task == "as":
        task, form = "export", form or _format_of(output or "")
    _needs("--json", json, "--stats", stats)
    is_scalable = task == "export" and FORMATS[form].takes_scale
    _needs("--scale", scale is not None, "an export as svg", is_scalable)
    _needs("--overwrite", overwrite, "--output FILE", output is not None)
    if follow and (task not in {"play", "print", "events"} or file == "-"):
        raise typer.BadParameter(
            "--follow shows a file as it is written; it goes with --print and --events only"
        )
    _needs("--times", times, "--diff FILE or --rerun", rerun or diff is not None)
    if file == "-" == diff:
        raise typer.BadParameter("stdin can be read once; give --diff a file")
    if start is not None and stop is not None and start > stop:
        raise typer.BadParameter(
            f"--from {start:g} is after --to {stop:g}; expected the earlier time first"
        )
    filters = Filters(frozenset(call or ()), frozenset(kind or ()), start, stop)
    if filters and task in _WHOLE:
        raise typer.BadParameter(
            f"--{task} looks at the whole transcript; leave out --call, --kind, --from and --to"
        )
    wishes = _wishes(context, view, plain, accessible, ascii_only, color)
    wanted = TraceOptions(
        source=file,
        task=task,
        filters=filters,
        follow=follow,
        json=json,
        other=diff or "",
        times=times,
        form=form or "",
        output=output,
        overwrite=overwrite,
        scale=scale or 1.0,
        player=State(playing=not step, speed=speed, idle_limit=idle_limit, exit_at_end=exit_at_end),
        wishes=wishes,
    )
    return lambda: run(wanted)


@app.command(short_help="Measure it beside raw asyncio.")
def bench(
    coordinator: Annotated[
        Any,
        typer.Option(
            "--coordinator",
            "-c",
            parser=_parser(_one_of("coordinator", COORDINATORS)),
            metavar="NAME",
            help="Measure one of the coordinators; without this, plain tuples on both sides.",
        ),
    ] = None,
    loop: Annotated[
        Any,
        typer.Option(
            parser=_parser(_one_of("loop", ["asyncio", "uvloop"])),
            metavar="asyncio|uvloop",
            help="The event loop, for both sides. uvloop comes with the extra `fast`.",
        ),
    ] = "asyncio",
    rounds: Annotated[
        int, typer.Option(min=1, max=100, metavar="N", help="How many times each side is measured.")
    ] = 5,
    scale: Annotated[
        float, typer.Option(min=0.0001, max=10, metavar="X", help="0.1 measures a tenth as long.")
    ] = 1.0,
    json: Annotated[bool, typer.Option("--json", help="Write the figures as JSON.")] = False,
) -> Action:
    """Measure what a deferred reply costs, beside raw asyncio in the same run."""
    from genreply_cli.bench.run import run

    return lambda: run(coordinator=coordinator, loop=loop, rounds=rounds, scale=scale, as_json=json)
