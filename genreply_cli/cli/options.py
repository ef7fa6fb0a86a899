"""The options that several commands share, and the rules which options exclude each other."""

import math
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from genreply_cli import __version__
from genreply_cli.cli.environment import ConflictError
from genreply_cli.session import parsing
from genreply_cli.session.faults import FAULT_KINDS, parse_fault
from genreply_cli.session.parsing import COORDINATORS
from genreply_cli.timeline.views import VIEWS


def parse_kind(text: str) -> str:
    """A kind of event. A transcript may have kinds that genreply does not know."""
    return "duplicate" if text == "dup" else text


def parse_speed(text: str) -> float:
    """How many times as fast to play. Raises ValueError with a sentence."""
    value = _factor(text)
    if not 0 < value < math.inf:
        raise ValueError(f"{text!r} is no speed; expected a number above 0, like 2 or 0.5")
    return value


def parse_folder(text: str) -> Path:
    """The folder of that name. Raises ValueError with a sentence."""
    if not Path(text).is_dir():
        raise ValueError(f"{text!r} is no folder; expected the one where the program ran")
    return Path(text)


def parse_scale(text: str) -> float:
    """How many times as large. Raises ValueError with a sentence."""
    value = _factor(text)
    if not 0.1 <= value <= 10:
        raise ValueError(f"{text!r} is no scale; expected a number from 0.1 to 10, like 2")
    return value


def _factor(text: str) -> float:
    """`2`, or `2x`; not a number (NaN) for other text."""
    try:
        return float(text.strip().removesuffix("x"))
    except ValueError:
        return math.nan


def parser(function: Callable[[str], Any]) -> Callable[[Any], Any]:
    """A parser for Typer: a ValueError of `function` becomes a usage error."""

    def read(text: Any) -> Any:
        if not isinstance(text, str):
            return text  # a default, which is a value already
        try:
            return function(text)
        except ValueError as error:
            raise typer.BadParameter(str(error)) from None

    return read


def show_version(asked: bool) -> None:
    if asked:
        typer.echo(f"genreply {__version__}")
        raise typer.Exit


def completes(values: Iterable[str]) -> Callable[[str], list[str]]:
    """What a shell offers for the beginning of one of these values."""
    return lambda incomplete: [value for value in values if value.startswith(incomplete)]


def kinds(incomplete: str) -> list[str]:
    """What a shell offers for the beginning of a kind of event."""
    from genreply_cli.transcript.step import KINDS

    return completes(KINDS)(incomplete)


def transcripts(incomplete: str) -> list[str]:
    """What a shell offers for the beginning of a transcript: samples and files."""
    from glob import escape, glob

    from genreply_cli import paths

    return [*completes(paths.samples())(incomplete), *sorted(glob(f"{escape(incomplete)}*"))]  # noqa: PTH207


def option(
    *names: str,
    reads: Callable[[str], Any] | None = None,
    values: Iterable[str] = (),
    **settings: Any,
) -> Any:
    """An option that the environment may set, too: GENREPLY_DELAY for --delay.

    `reads` makes a value of its text, or raises ValueError with a sentence. Shells offer `values`.
    """
    if values:
        settings["autocompletion"] = completes(values)
    variable = f"GENREPLY_{names[0].lstrip('-').split('/')[0].replace('-', '_').upper()}"
    parse = None if reads is None else parser(reads)
    return typer.Option(*names, parser=parse, envvar=variable, show_envvar=False, **settings)


def one_of(what: str, names: Sequence[str]) -> Callable[[str], str]:
    """A function that returns its text if it is one of these names; else it raises ValueError."""
    return lambda text: parsing.choice(text, names, what)


CoordinatorOption = Annotated[
    Any,
    option(
        "--coordinator",
        "-c",
        reads=one_of("coordinator", COORDINATORS),
        values=COORDINATORS,
        metavar="NAME",
        help=f"Which design keeps the callers: {', '.join(COORDINATORS)}.",
    ),
]


DelayOption = Annotated[
    Any,
    option(
        "--delay",
        reads=parsing.delay,
        metavar="TIME",
        help="How long the socket takes: 250ms, 1.5s, or 100ms..1s.",
    ),
]


TimeoutOption = Annotated[
    Any,
    option(
        "--timeout",
        reads=parsing.timeout,
        metavar="TIME",
        help="How long a caller waits: 5, 250ms, or infinity.",
    ),
]


FaultsOption = Annotated[
    list[Any] | None,
    option(
        "--fault",
        reads=parse_fault,
        values=FAULT_KINDS,
        metavar="KIND[:RATE]",
        help="What the network does wrong: drop, late, duplicate, reorder or crash;"
        " to the next answer only, or to each answer with this probability.",
    ),
]


SeedOption = Annotated[
    Any,
    option("--seed", reads=parsing.seed, metavar="N", help="Seed of all random choices."),
]


ClockOption = Annotated[
    Any,
    option(
        "--clock",
        reads=one_of("clock", ["real", "virtual"]),
        values=["real", "virtual"],
        metavar="real|virtual",
        help="On the virtual clock no time passes, and the same command gives the same bytes.",
    ),
]


RecordOption = Annotated[
    str | None, option("--record", metavar="FILE", help="Write the transcript to a file.")
]


OverwriteOption = Annotated[bool, option("--overwrite", help="Let --record replace a file.")]


AppendOption = Annotated[bool, option("--append", help="Let --record continue a file.")]


StrictOption = Annotated[
    bool,
    option("--strict", help="Exit status 6 if an answer went to a wrong caller, or came twice."),
]


JsonOption = Annotated[bool, option("--json", help="Write JSON to stdout.")]


TimelineOption = Annotated[
    bool | None,
    option(
        "--timeline/--no-timeline",
        help="Draw the timeline on stderr.",
        show_default="on a terminal",
    ),
]


ViewOption = Annotated[
    Any,
    option(
        "--view",
        reads=one_of("view", [*VIEWS, "off"]),
        values=[*VIEWS, "off"],
        metavar="NAME",
        help=f"How to draw the timeline: {', '.join(VIEWS)}, off. Default: what fits.",
    ),
]


PlainOption = Annotated[bool, option("--plain", help="Draw the timeline as plain lines.")]


AccessibleOption = Annotated[
    bool, option("--accessible", help="Write the timeline as sentences; redraw nothing.")
]


AsciiOption = Annotated[bool, option("--ascii", help="Draw with ASCII only.")]


ColorOption = Annotated[
    Any,
    option(
        "--color",
        reads=one_of("colour", ["auto", "always", "never"]),
        values=["auto", "always", "never"],
        metavar="auto|always|never",
        help="Use colours.",
    ),
]


def is_typed(context: typer.Context, name: str) -> bool:
    """Whether an option stands on the command line, and does not come from the environment."""
    source = context.get_parameter_source(name)
    return source is not None and source.name == "COMMANDLINE"


def is_from_environment(context: typer.Context, name: str) -> bool:
    """Whether an option comes from the environment."""
    source = context.get_parameter_source(name)
    return source is not None and source.name == "ENVIRONMENT"


def explicit_options(context: typer.Context, **options: Any) -> dict[str, Any]:
    """Those of these options that are given. If any is typed, the environment does not count."""
    defaults = {option.name: option.default for option in context.command.params}
    given = {name: value for name, value in options.items() if value != defaults[name]}
    return {name: value for name, value in given.items() if is_typed(context, name)} or given


def exclusive(names: Iterable[str]) -> str | None:
    """The one option that is given, or None. Raises a usage error if there are two."""
    given = list(names)
    if len(given) > 1:
        flags = [f"--{name.replace('_', '-')}" for name in given]
        others = ["--output"] if "as" in given else []
        problem = f"{' and '.join(flags)} exclude each other; give one of them"
        raise ConflictError(problem, *flags, *others)
    return given[0] if given else None


def require(flag: str, given: bool, other: str, there: bool) -> None:
    """Raise a usage error if an option is given without the other one that it is for."""
    if given and not there:
        raise ConflictError(f"{flag} is for {other}, which is missing", flag)
