"""The commands: what may be typed, and who does it.

A command does nothing itself: it returns what is to be done, and `__main__` does it. Typer would take a closed pipe or a Ctrl-C
on the way for its own, and leave with an exit status of its own.
"""

from collections.abc import Callable
from typing import Annotated, Any

import typer

from genreply_cli import __version__, options

app = typer.Typer(
    name="genreply",
    help="A GenServer's deferred reply, seen: asynchronous work behind a call that waits.",
    epilog='Begin with: genreply send "Hello world". Then: genreply repl.',
    context_settings={"help_option_names": ["-h", "--help"]},
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    add_completion=True,
    no_args_is_help=True,
)

Todo = Callable[[], int]  # what is to be done; its result is the exit status

COORDINATORS = ["blocking", "immediate", "single", "fifo", "keyed"]


def _reads(function: Callable[[str], Any]) -> Callable[[Any], Any]:
    """A reader of options for Typer: its sentences become usage errors."""

    def read(text: Any) -> Any:
        if not isinstance(text, str):
            return text  # a default, which is a value already
        try:
            return function(text)
        except ValueError as error:
            raise typer.BadParameter(str(error)) from None

    return read


def _version(asked: bool) -> None:
    if asked:
        typer.echo(f"genreply {__version__}")
        raise typer.Exit


Coordinator = Annotated[
    Any,
    typer.Option(
        "--coordinator",
        "-c",
        parser=_reads(lambda text: options.choice(text, COORDINATORS, "coordinator")),
        metavar="NAME",
        help=f"Which design keeps the callers: {', '.join(COORDINATORS)}.",
    ),
]
Delay = Annotated[
    Any, typer.Option(parser=_reads(options.delay), metavar="TIME", help="How long the socket takes: 250ms, 1.5s, or 100ms..1s.")
]
Timeout = Annotated[
    Any, typer.Option(parser=_reads(options.timeout), metavar="TIME", help="How long a caller waits: 5, 250ms, or infinity.")
]
Faults = Annotated[
    list[Any] | None,
    typer.Option(
        "--fault",
        parser=_reads(options.fault),
        metavar="KIND[:RATE]",
        help="What the network does wrong, to the next answer or to each at a rate: drop, late, duplicate, reorder, crash.",
    ),
]
Seed = Annotated[int, typer.Option(min=0, metavar="N", help="All chances come from this number.")]
Clock = Annotated[
    Any,
    typer.Option(
        parser=_reads(lambda text: options.choice(text, ["real", "virtual"], "clock")),
        metavar="real|virtual",
        help="On the virtual clock nothing is waited for, and the same command gives the same bytes.",
    ),
]
Record = Annotated[str | None, typer.Option("--record", metavar="FILE", help="Write the transcript to a file.")]
Overwrite = Annotated[bool, typer.Option("--overwrite", help="Let --record replace a file.")]
Append = Annotated[bool, typer.Option("--append", help="Let --record continue a file.")]


@app.callback()
def genreply(
    version: Annotated[bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version.")] = False,
) -> None:
    """A GenServer's deferred reply, seen: asynchronous work behind a call that waits."""


@app.command()
def send(
    messages: Annotated[
        list[str],
        typer.Argument(metavar="MESSAGE...", help="What to say; - reads lines from stdin; after -- it may start with a dash."),
    ],
    coordinator: Coordinator = "keyed",
    delay: Delay = "0",
    timeout: Timeout = "5",
    fault: Faults = None,
    jobs: Annotated[int, typer.Option("--jobs", "-j", min=1, max=100_000, metavar="N", help="How many calls at once.")] = 1,
    timeline: Annotated[
        bool | None, typer.Option("--timeline/--no-timeline", help="Draw the timeline on stderr.", show_default="on a terminal")
    ] = None,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="No timeline.")] = False,
    events: Annotated[bool, typer.Option("--events", help="Write the transcript to stdout, instead of the replies.")] = False,
    json: Annotated[bool, typer.Option("--json", help="Write one JSON object a call to stdout.")] = False,
    as_done: Annotated[bool, typer.Option("--as-done", help="Print replies as they come, not in the order of asking.")] = False,
    record: Record = None,
    overwrite: Overwrite = False,
    append: Append = False,
    linger: Annotated[
        Any, typer.Option(parser=_reads(options.duration), metavar="TIME", help="How long to look out for a late answer.")
    ] = "1",
    seed: Seed = 0,
    clock: Clock = "real",
) -> Todo:
    """Send greetings and print their replies, one line each, in the order in which they were asked."""
    import sys

    from genreply_cli.send import Output, run
    from genreply_cli.session import Settings

    if timeline is None:
        timeline = sys.stderr.isatty() and not quiet
    settings = Settings(coordinator, delay, timeout, tuple(fault or ()), seed, clock)
    output = Output(json, events, timeline, record, overwrite, append, as_done, linger)
    return lambda: run(settings, messages, jobs, output)


@app.command()
def trace(
    file: Annotated[
        str | None, typer.Argument(metavar="[FILE|-]", help="A transcript, or a sample by its name; else the last session.")
    ] = None,
    show_list: Annotated[bool, typer.Option("--list", help="List the samples that come with genreply.")] = False,
    speed: Annotated[
        Any, typer.Option("--speed", "-s", parser=_reads(options.speed), metavar="X", help="2 replays twice as fast.")
    ] = "1",
    print_: Annotated[bool, typer.Option("--print", help="Print it at once, also on a terminal.")] = False,
) -> Todo:
    """Replay a transcript: at its own pace on a terminal, printed elsewhere."""
    from genreply_cli.replay import run

    return lambda: run(file, show_samples=show_list, speed=speed, paced=False if print_ else None)


@app.command()
def repl(
    coordinator: Coordinator = "keyed",
    delay: Delay = "400ms",
    timeout: Timeout = "5",
    fault: Faults = None,
    record: Record = None,
    no_record: Annotated[bool, typer.Option("--no-record", help="Do not record this session.")] = False,
    no_history: Annotated[bool, typer.Option("--no-history", help="Do not keep what is typed.")] = False,
    strict: Annotated[bool, typer.Option("--strict", help="Exit with the status of the first call that failed.")] = False,
    seed: Seed = 0,
) -> Todo:
    """Type greetings; each blocks until its deferred reply, while the timeline grows."""
    from genreply_cli.repl import run
    from genreply_cli.session import Settings

    settings = Settings(coordinator, delay, timeout, tuple(fault or ()), seed)
    return lambda: run(settings, record=record, keep=not no_record, history=not no_history, strict=strict)


@app.command()
def bench(
    coordinator: Annotated[
        Any,
        typer.Option(
            "--coordinator",
            "-c",
            parser=_reads(lambda text: options.choice(text, COORDINATORS, "coordinator")),
            metavar="NAME",
            help="Measure an exhibit, with its dataclasses; without this, plain tuples on both sides.",
        ),
    ] = None,
    loop: Annotated[
        Any,
        typer.Option(
            parser=_reads(lambda text: options.choice(text, ["asyncio", "uvloop"], "loop")),
            metavar="asyncio|uvloop",
            help="The event loop, for both sides. uvloop comes with the extra `fast`.",
        ),
    ] = "asyncio",
    rounds: Annotated[int, typer.Option(min=1, max=100, metavar="N", help="How often each side is measured.")] = 5,
    scale: Annotated[float, typer.Option(min=0.0001, max=10, metavar="X", help="0.1 measures a tenth as long.")] = 1.0,
    json: Annotated[bool, typer.Option("--json", help="Write the figures as JSON.")] = False,
) -> Todo:
    """Measure what a deferred reply costs, beside raw asyncio, in turn, in the same run."""
    from genreply_cli.bench import run

    return lambda: run(coordinator=coordinator, loop=loop, rounds=rounds, scale=scale, as_json=json)
