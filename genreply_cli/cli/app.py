"""The commands with their options, as people type them.

A command only returns the function to run, and `__main__` runs it: inside Typer, a closed pipe or
Ctrl-C would end the program with an exit status of Typer's own.
"""

from collections.abc import Callable
from copy import copy
from functools import partial
from typing import TYPE_CHECKING, Annotated, Any

import typer

from genreply_cli.cli import compare as comparing
from genreply_cli.cli import learn as learning
from genreply_cli.cli.at import AtOption, elsewhere
from genreply_cli.cli.attach import EPILOG as ATTACH_EPILOG
from genreply_cli.cli.attach import attach, top
from genreply_cli.cli.bench import bench
from genreply_cli.cli.environment import ConflictError
from genreply_cli.cli.help import DocumentedCommand, DocumentedGroup
from genreply_cli.cli.join import EPILOG as JOIN_EPILOG
from genreply_cli.cli.join import CookieFileOption, join
from genreply_cli.cli.options import (
    AccessibleOption,
    AppendOption,
    AsciiOption,
    ClockOption,
    ColorOption,
    CoordinatorOption,
    DelayOption,
    FaultsOption,
    JsonOption,
    OverwriteOption,
    PlainOption,
    RecordOption,
    SeedOption,
    StrictOption,
    TimelineOption,
    TimeoutOption,
    ViewOption,
    exclusive,
    explicit_options,
    is_from_environment,
    is_typed,
    kinds,
    one_of,
    option,
    parse_folder,
    parse_kind,
    parse_scale,
    parse_speed,
    show_version,
    transcripts,
)
from genreply_cli.cli.own_server import (
    CallOption,
    ServerArgument,
    ServerOption,
    StartOption,
    own_server,
    settings_of,
)
from genreply_cli.cli.remote import (
    AnswerAtOption,
    CaFileOption,
    ErrorAtOption,
    HeadersOption,
    IdAtOption,
    InsecureOption,
    RequestOption,
    SubprotocolsOption,
    UrlOption,
    target_of,
)
from genreply_cli.cli.run import EPILOG as RUN_EPILOG
from genreply_cli.cli.run import run as run_program
from genreply_cli.cli.serve import EPILOG, serve
from genreply_cli.errors import ExitStatus
from genreply_cli.export.formats import FORMATS, format_of
from genreply_cli.session import parsing
from genreply_cli.text import well_formed

if TYPE_CHECKING:
    from genreply_cli.terminal.output import OutputOptions

app = typer.Typer(
    name="genreply",
    cls=DocumentedGroup,
    context_settings={"help_option_names": ["-h", "--help"]},
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    add_completion=True,
    invoke_without_command=True,
)

Action = Callable[[], int]  # what a command does; returns the exit status


def _output_options(
    context: typer.Context, view: Any, plain: bool, accessible: bool, ascii_only: bool, color: str
) -> "OutputOptions":
    from genreply_cli.terminal.output import OutputOptions

    return OutputOptions(_view(context, view, plain, accessible), color, ascii_only, accessible)


def _view(context: typer.Context, view: Any, plain: bool, accessible: bool) -> Any:
    given = explicit_options(context, plain=plain, accessible=accessible, view=view)
    typed = [name for name in given if is_typed(context, name)]
    if len({name if given[name] is True else given[name] for name in typed}) > 1:
        exclusive(typed)
    return next((name if value is True else value for name, value in given.items()), None)


@app.callback(invoke_without_command=True)
def genreply(
    context: typer.Context,
    version: Annotated[  # noqa: ARG001  # its callback does it
        bool,
        typer.Option("--version", callback=show_version, is_eager=True, help="Show the version."),
    ] = False,
) -> None:
    """A GenServer's deferred reply, seen: async work behind a call that waits."""
    if context.invoked_subcommand is None:
        typer.echo(context.get_help())
        raise typer.Exit(ExitStatus.USAGE)


@app.command(
    cls=DocumentedCommand,
    short_help="Greet, and print the replies.",
    epilog="The environment can set each option: GENREPLY_DELAY=250ms for --delay 250ms. An option"
    " that is typed is stronger. Exit status: 0 all calls were answered, 2 a mistake in what was"
    " typed, 3 no answer in time, 4 the server exited, 6 a wrong answer (with --strict), 7 a reply"
    " that is an error.",
)
def send(
    context: typer.Context,
    messages: Annotated[
        list[str],
        typer.Argument(
            metavar="MESSAGE...",
            help="What to say. - reads lines from stdin. After --, it may start with a dash.",
        ),
    ],
    server: ServerOption = None,
    start: StartOption = None,
    call: CallOption = None,
    coordinator: CoordinatorOption = "keyed",
    delay: DelayOption = "0",
    timeout: TimeoutOption = "5",
    fault: FaultsOption = None,
    count: Annotated[
        Any,
        option(
            "--count",
            reads=partial(parsing.count, most=parsing.MAX_CALLS),
            metavar="N",
            help="Send all messages this many times.",
        ),
    ] = 1,
    jobs: Annotated[
        Any,
        option(
            "--jobs",
            "-j",
            reads=partial(parsing.count, most=parsing.MAX_JOBS),
            metavar="N",
            help="How many calls may wait at once.",
        ),
    ] = 1,
    as_done: Annotated[
        bool, option("--as-done", help="Print replies as they arrive, not in the order of asking.")
    ] = False,
    json: JsonOption = False,
    events: Annotated[
        bool, option("--events", help="Write the transcript to stdout, instead of the replies.")
    ] = False,
    timeline: TimelineOption = None,
    quiet: Annotated[bool, option("--quiet", "-q", help="No timeline.")] = False,
    view: ViewOption = None,
    plain: PlainOption = False,
    accessible: AccessibleOption = False,
    ascii_only: AsciiOption = False,
    color: ColorOption = "auto",
    record: RecordOption = None,
    overwrite: OverwriteOption = False,
    append: AppendOption = False,
    linger: Annotated[
        Any,
        option(
            "--linger",
            reads=parsing.duration,
            metavar="TIME",
            help="After the last call, wait so long for answers that are still to come.",
        ),
    ] = "1",
    explain: Annotated[
        bool,
        option("--explain", help="Explain on stderr what became of the calls, beside the code."),
    ] = False,
    strict: StrictOption = False,
    seed: SeedOption = "0",
    clock: ClockOption = "real",
    url: UrlOption = None,
    header: HeadersOption = None,
    subprotocol: SubprotocolsOption = None,
    ca_file: CaFileOption = None,
    insecure: InsecureOption = False,
    request: RequestOption = None,
    id_at: IdAtOption = None,
    answer_at: AnswerAtOption = None,
    error_at: ErrorAtOption = None,
    at: AtOption = None,
    cookie_file: CookieFileOption = None,
) -> Action:
    """Send greetings and print their replies, one line each, in the order of asking."""
    import sys

    from genreply_cli.cli.send import SendOptions, run
    from genreply_cli.session.settings import Settings

    if "-" in messages and (len(messages) > 1 or count > 1):
        raise typer.BadParameter(
            "- stands for the lines of stdin, and for all messages of the command;"
            " expected it alone, and without --count"
        )
    written = exclusive(explicit_options(context, json=json, events=events))
    kept = exclusive(explicit_options(context, overwrite=overwrite, append=append))
    if record is None and kept is not None and is_typed(context, kept):
        raise typer.BadParameter("--overwrite and --append are for --record FILE, which is missing")
    wanted = explicit_options(
        context, timeline=timeline, quiet=quiet, plain=plain, accessible=accessible, view=view
    )
    if wanted.get("timeline") and wanted.get("quiet") and is_typed(context, "quiet"):
        exclusive(["timeline", "quiet"])
    if wanted.get("timeline") and wanted.get("view") == "off" and is_typed(context, "view"):
        raise typer.BadParameter("--timeline and --view off exclude each other; give one of them")
    if "timeline" in wanted or "quiet" in wanted:
        shown = bool(wanted.get("timeline"))
        if view == "off" and "view" not in wanted:
            view = None  # the environment does not switch off what is typed
    else:
        shown = _view(context, view, plain, accessible) != "off" and (
            bool(wanted) or sys.stderr.isatty()
        )
    target = target_of(
        url,
        coordinator,
        header,
        subprotocol,
        ca_file,
        insecure,
        request,
        id_at,
        answer_at,
        error_at,
    )
    if target is not None and clock == "virtual":
        raise ConflictError("--url is for --clock real: a server has its own", "--url", "--clock")
    settings = Settings(coordinator, delay, timeout, tuple(fault or ()), seed, clock, target)
    other = own_server(context, server, start, call) or elsewhere(context, at, cookie_file)
    settings = settings_of(other, settings)
    output = SendOptions(
        json=written == "json",
        events=written == "events",
        timeline=shown,
        asked_for=bool(wanted),
        output_options=_output_options(context, view, plain, accessible, ascii_only, color)
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
    texts = list(map(well_formed, messages))
    return lambda: run(settings, texts, count, jobs, output)


@app.command(cls=DocumentedCommand, short_help="Type greetings, and see what happens.")
def repl(
    context: typer.Context,
    server: ServerArgument = None,
    start: StartOption = None,
    call: CallOption = None,
    coordinator: CoordinatorOption = "keyed",
    delay: DelayOption = "400ms",
    timeout: TimeoutOption = "5",
    fault: FaultsOption = None,
    view: ViewOption = None,
    plain: PlainOption = False,
    accessible: AccessibleOption = False,
    ascii_only: AsciiOption = False,
    color: ColorOption = "auto",
    say: Annotated[
        list[str] | None, option("--say", metavar="TEXT", help="Greet with this first; repeatable.")
    ] = None,
    record: RecordOption = None,
    no_record: Annotated[bool, option("--no-record", help="Do not record this session.")] = False,
    no_history: Annotated[
        bool, option("--no-history", help="Do not keep the lines that are typed.")
    ] = False,
    strict: Annotated[
        bool,
        option(
            "--strict",
            help="Exit with 6 for a wrong answer, else as the first failure says.",
        ),
    ] = False,
    seed: SeedOption = "0",
    url: UrlOption = None,
    header: HeadersOption = None,
    subprotocol: SubprotocolsOption = None,
    ca_file: CaFileOption = None,
    insecure: InsecureOption = False,
    request: RequestOption = None,
    id_at: IdAtOption = None,
    answer_at: AnswerAtOption = None,
    error_at: ErrorAtOption = None,
    at: AtOption = None,
    cookie_file: CookieFileOption = None,
) -> Action:
    """Type greetings; each blocks until its deferred reply, while the timeline grows."""
    from genreply_cli.repl.run import ReplOptions, frontend_maker, run
    from genreply_cli.session.settings import Settings

    recording = exclusive(explicit_options(context, record=record, no_record=no_record))
    target = target_of(
        url,
        coordinator,
        header,
        subprotocol,
        ca_file,
        insecure,
        request,
        id_at,
        answer_at,
        error_at,
    )
    if target is not None and not (
        is_typed(context, "delay") or is_from_environment(context, "delay")
    ):
        delay = (0.0, 0.0)  # a real server takes its own time
    settings = Settings(coordinator, delay, timeout, tuple(fault or ()), seed, target=target)
    other = own_server(context, server, start, call) or elsewhere(context, at, cookie_file)
    settings = settings_of(other, settings)
    options = ReplOptions(
        say=tuple(map(well_formed, say or ())),
        record=record if recording == "record" else None,
        keep_recording=recording != "no_record",
        keep_history=not no_history,
        strict=strict,
        output=_output_options(context, view, plain, accessible, ascii_only, color),
    )
    make_frontend = frontend_maker(options)
    return lambda: run(settings, options, make_frontend)


def _format_of(output: str) -> str:
    try:
        return format_of(output)
    except ValueError as error:
        raise typer.BadParameter(f"{error}, or --as FORMAT") from None


@app.command(cls=DocumentedCommand, short_help="Replay or check a transcript.")
def trace(
    context: typer.Context,
    file: Annotated[
        str | None,
        typer.Argument(
            metavar="[FILE|-]",
            autocompletion=transcripts,
            help="A transcript, also one of another program, a sample by its name, or a session by"
            " its number; else the last session.",
        ),
    ] = None,
    show_list: Annotated[
        bool,
        typer.Option(
            "--list", help="List the samples that come with genreply, and your sessions by number."
        ),
    ] = False,
    call: Annotated[
        list[str] | None,
        option("--call", metavar="CALL", help="Only events of this call; repeatable."),
    ] = None,
    kind: Annotated[
        list[Any] | None,
        option(
            "--kind",
            reads=parse_kind,
            autocompletion=kinds,
            metavar="KIND",
            help="Only events of this kind, like reply; repeatable.",
        ),
    ] = None,
    start: Annotated[
        Any,
        option("--from", reads=parsing.duration, metavar="TIME", help="Only events from then on."),
    ] = None,
    stop: Annotated[
        Any, option("--to", reads=parsing.duration, metavar="TIME", help="Only events up to then.")
    ] = None,
    merged_with: Annotated[
        str | None,
        typer.Option(
            "--with",
            metavar="FILE",
            help="Merge with FILE, the recording of another node of a cluster, into one timeline.",
        ),
    ] = None,
    skip_bad: Annotated[
        bool, option("--skip-bad", help="Leave out lines that cannot be read, and name them.")
    ] = False,
    follow: Annotated[
        bool,
        option(
            "--follow",
            "-f",
            help="Keep reading, like tail -f. Without a file: each new session of the REPL.",
        ),
    ] = False,
    speed: Annotated[
        Any,
        option("--speed", "-s", reads=parse_speed, metavar="X", help="2 plays twice as fast."),
    ] = "1",
    idle_limit: Annotated[
        Any,
        option(
            "--idle-limit",
            "-i",
            reads=parsing.duration,
            metavar="TIME",
            help="Play no wait for longer than this.",
        ),
    ] = None,
    pace: Annotated[
        Any,
        option(
            "--pace",
            reads=parsing.duration,
            metavar="TIME",
            help="Show each event for at least so long, like 700ms, which is usual for short"
            " recordings. 0 shows each when it came.",
        ),
    ] = None,
    step: Annotated[
        bool, option("--step", help="Begin paused. The key . goes one event on, ? shows all keys.")
    ] = False,
    exit_at_end: Annotated[bool, option("--exit-at-end", help="Leave at the end.")] = False,
    print_: Annotated[
        bool, option("--print", help="Print the timeline instead of playing it.")
    ] = False,
    events: Annotated[
        bool, option("--events", help="Write the events to stdout, as a transcript.")
    ] = False,
    stats: Annotated[bool, option("--stats", help="Count what became of the calls.")] = False,
    json: Annotated[bool, option("--json", help="Write --stats or --check as JSON.")] = False,
    explain: Annotated[
        bool,
        option("--explain", help="Explain in words what became of the calls, beside the code."),
    ] = False,
    view: ViewOption = None,
    plain: PlainOption = False,
    accessible: AccessibleOption = False,
    ascii_only: AsciiOption = False,
    color: ColorOption = "auto",
    check: Annotated[
        bool, option("--check", help="Name all that is wrong; exit status 5 if something is.")
    ] = False,
    diff: Annotated[
        str | None,
        option(
            "--diff",
            metavar="FILE",
            autocompletion=transcripts,
            help="Name what differs in FILE; exit status 5 if something does. With --output,"
            " draw both side by side.",
        ),
    ] = None,
    rerun: Annotated[
        bool,
        option("--rerun", help="Run it again on the virtual clock; exit status 5 if it differs."),
    ] = False,
    times: Annotated[
        bool, option("--times", help="Compare times, too, with --diff and --rerun.")
    ] = False,
    form: Annotated[
        Any,
        option(
            "--as",
            reads=one_of("format", FORMATS),
            values=FORMATS,
            metavar="FORMAT",
            help=f"Export it as {', '.join(FORMATS)}.",
        ),
    ] = None,
    output: Annotated[
        str | None,
        option(
            "--output",
            "-o",
            metavar="FILE",
            help="The file to export to. Its ending says the format, too.",
        ),
    ] = None,
    overwrite: Annotated[bool, option("--overwrite", help="Let --output replace a file.")] = False,
    scale: Annotated[
        Any,
        option("--scale", reads=parse_scale, metavar="X", help="2 makes an SVG twice as large."),
    ] = None,
    sources: Annotated[
        Any,
        option(
            "--source",
            reads=parse_folder,
            metavar="DIR",
            help="The folder where your program ran, for --explain and HTML. [default: this one]",
        ),
    ] = None,
) -> Action:
    """Replay a transcript: in a player on a terminal, which steps both ways; printed elsewhere."""
    from genreply_cli.cli.trace import run
    from genreply_cli.cli.trace_options import TraceOptions, refuse_mixture
    from genreply_cli.player.state import State
    from genreply_cli.transcript.filters import Filters

    refuse_mixture(context, form, output, diff)
    exports = form is not None or output is not None
    if is_from_environment(context, "view") and view == "off" and not exports:
        view = None  # it switches the timeline of send and repl off; here it is the result
    if follow and is_from_environment(context, "follow"):
        from genreply_cli.cli.source import is_sample

        follow = file is None or not is_sample(file)
    tasks = {
        "list": show_list,
        "print": print_,
        "events": events,
        "stats": stats,
        "explain": explain,
        "check": check,
        "diff": diff is not None and not exports,
        "rerun": rerun,
        "as": exports,
    }
    task: Any = exclusive(name for name, given in tasks.items() if given) or "play"
    if task == "as":
        task, form = "export", form or _format_of(output or "")
    wanted = TraceOptions(
        source=file,
        task=task,
        filters=Filters(frozenset(call or ()), frozenset(kind or ()), start, stop),
        skip_bad=skip_bad,
        follow=follow,
        json=json,
        merged_with=merged_with,
        other=diff,
        times=times,
        format=form or "",
        output=output,
        overwrite=overwrite,
        scale=scale,
        sources=sources,
        player=State(
            playing=not step,
            speed=speed,
            pace=pace,
            usual=(speed, pace),
            idle_limit=idle_limit,
            exit_at_end=exit_at_end,
        ),
        output_options=_output_options(context, view, plain, accessible, ascii_only, color),
    )
    wanted.check()
    return lambda: run(wanted)


app.command(cls=DocumentedCommand, short_help="Measure what a deferred reply costs.")(bench)
app.command(
    cls=DocumentedCommand, short_help="Serve greetings over a real WebSocket.", epilog=EPILOG
)(serve)
app.command(
    cls=DocumentedCommand,
    short_help="See which design survives which fault.",
    epilog=comparing.EPILOG,
)(comparing.compare)
app.command(
    cls=DocumentedCommand,
    short_help="Learn deferred replies in six lessons.",
    epilog=learning.EPILOG,
)(learning.learn)
app.command(
    cls=DocumentedCommand, short_help="Join a cluster of Erlang nodes.", epilog=JOIN_EPILOG
)(join)
app.command(
    "run",
    cls=DocumentedCommand,
    short_help="Run a program of your own, recorded and drawn.",
    epilog=RUN_EPILOG,
    context_settings={"allow_interspersed_args": False},
)(run_program)
app.command(cls=DocumentedCommand, short_help="Watch a program that runs.", epilog=ATTACH_EPILOG)(
    attach
)
app.command(
    cls=DocumentedCommand,
    short_help="List the servers of a program that runs.",
    epilog=ATTACH_EPILOG,
)(top)


def app_for(arguments: list[str]) -> typer.Typer:
    """The command line with the one command that is typed, or with all: to make all takes 10 ms."""
    names = {
        info.name or getattr(info.callback, "__name__", ""): info
        for info in app.registered_commands
    }
    typed = names.get(arguments[0]) if arguments else None
    if typed is None:
        return app
    lean = copy(app)
    lean.registered_commands = [typed]
    return lean
