"""Options that commands share; which exclude each other."""

import math
from collections.abc import Callable, Sequence
from typing import Annotated, Any

import typer

from genreply_cli import __version__
from genreply_cli.session import parsing
from genreply_cli.session.faults import parse_fault
from genreply_cli.session.parsing import COORDINATORS
from genreply_cli.timeline.views import VIEWS


def parse_kind(text: str) -> str:
    """A kind of event. A transcript may have kinds that genreply does not know."""
    return "duplicate" if text == "dup" else text


def parse_speed(text: str) -> float:
    """How many times as fast. Raises ValueError with a sentence."""
    try:
        value = float(text.strip().removesuffix("x"))
    except ValueError:
        value = math.nan
    if not 0 < value < math.inf:
        raise ValueError(f"{text!r} is no speed; expected a number above 0, like 2 or 0.5")
    return value


def parse_scale(text: str) -> float:
    """How many times as large. Raises ValueError with a sentence."""
    try:
        value = float(text.strip().removesuffix("x"))
    except ValueError:
        value = math.nan
    if not 0.1 <= value <= 10:
        raise ValueError(f"{text!r} is no scale; expected a number from 0.1 to 10, like 2")
    return value


def _parser(function: Callable[[str], Any]) -> Callable[[Any], Any]:
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


def _option(*names: str, reads: Callable[[str], Any] | None = None, **settings: Any) -> Any:
    """An option that the environment may set, too: GENREPLY_DELAY for --delay. `reads` makes a value of its text."""
    variable = f"GENREPLY_{names[0].lstrip('-').split('/')[0].replace('-', '_').upper()}"
    parser = None if reads is None else _parser(reads)
    return typer.Option(*names, parser=parser, envvar=variable, show_envvar=False, **settings)


def _one_of(what: str, names: Sequence[str]) -> Callable[[str], str]:
    return lambda text: parsing.choice(text, names, what)


Coordinator = Annotated[
    Any,
    _option(
        "--coordinator",
        "-c",
        reads=_one_of("coordinator", COORDINATORS),
        metavar="NAME",
        help=f"Which design keeps the callers: {', '.join(COORDINATORS)}.",
    ),
]


Delay = Annotated[
    Any,
    _option(
        "--delay",
        reads=parsing.delay,
        metavar="TIME",
        help="How long the socket takes: 250ms, 1.5s, or 100ms..1s.",
    ),
]


Timeout = Annotated[
    Any,
    _option(
        "--timeout",
        reads=parsing.timeout,
        metavar="TIME",
        help="How long a caller waits: 5, 250ms, or infinity.",
    ),
]


Faults = Annotated[
    list[Any] | None,
    _option(
        "--fault",
        reads=parse_fault,
        metavar="KIND[:RATE]",
        help="What the network does wrong, to the next answer or to each at a rate: drop, late, duplicate, reorder, crash.",
    ),
]


Seed = Annotated[
    int, _option("--seed", min=0, metavar="N", help="All chances come from this number.")
]


Clock = Annotated[
    Any,
    _option(
        "--clock",
        reads=_one_of("clock", ["real", "virtual"]),
        metavar="real|virtual",
        help="On the virtual clock nothing is waited for, and the same command gives the same bytes.",
    ),
]


Record = Annotated[
    str | None, _option("--record", metavar="FILE", help="Write the transcript to a file.")
]


Overwrite = Annotated[bool, _option("--overwrite", help="Let --record replace a file.")]


Append = Annotated[bool, _option("--append", help="Let --record continue a file.")]


Strict = Annotated[
    bool,
    _option("--strict", help="Exit with 6 if an answer was wrong: to a wrong caller, or twice."),
]


Json = Annotated[bool, _option("--json", help="Write JSON to stdout.")]


Timeline = Annotated[
    bool | None,
    _option(
        "--timeline/--no-timeline",
        help="Draw the timeline on stderr.",
        show_default="on a terminal",
    ),
]


View = Annotated[
    Any,
    _option(
        "--view",
        reads=_one_of("view", [*VIEWS, "off"]),
        metavar="NAME",
        help=f"How the timeline is drawn: {', '.join(VIEWS)}, off. Else what fits.",
    ),
]


Plain = Annotated[bool, _option("--plain", help="The timeline as plain lines.")]


Accessible = Annotated[
    bool, _option("--accessible", help="The timeline as sentences; nothing is redrawn.")
]


Ascii = Annotated[bool, _option("--ascii", help="Draw with ASCII only.")]


Color = Annotated[
    Any,
    _option(
        "--color",
        reads=_one_of("colour", ["auto", "always", "never"]),
        metavar="auto|always|never",
        help="Use colours.",
    ),
]


def _from_command_line(context: typer.Context, name: str) -> bool:
    source = context.get_parameter_source(name)
    return source is not None and source.name == "COMMANDLINE"


def _explicit_options(context: typer.Context, **options: Any) -> dict[str, Any]:
    """Those that are given, of options that contradict each other: what is typed is stronger than the environment."""
    defaults = {option.name: option.default for option in context.command.params}
    given = {name: value for name, value in options.items() if value != defaults[name]}
    return {
        name: value for name, value in given.items() if _from_command_line(context, name)
    } or given


def _one(context: typer.Context, **options: Any) -> str | None:
    """Which of these options is given. Raises a usage error if there are two."""
    given = _explicit_options(context, **options)
    if len(given) > 1:
        names = " and ".join(f"--{name.replace('_', '-')}" for name in options)
        raise typer.BadParameter(f"{names} exclude each other; give one of them")
    return next(iter(given), None)


def _needs(flag: str, given: bool, other: str, there: bool) -> None:
    if given and not there:
        raise typer.BadParameter(f"{flag} is for {other}, which is missing")


def _only_one(tasks: dict[Any, bool], otherwise: str) -> Any:
    """Which of these flags is given; two exclude each other."""
    given = [name for name, there in tasks.items() if there]
    if len(given) > 1:
        raise typer.BadParameter(
            f"{' and '.join(f'--{name}' for name in given)} exclude each other; give one of them"
        )
    return given[0] if given else otherwise
