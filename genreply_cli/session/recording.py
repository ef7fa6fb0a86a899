"""The transcript file of a session, and how its header says the settings."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from genreply_cli import __version__
from genreply_cli.errors import ExitStatus, GenreplyError, os_error_text
from genreply_cli.session.faults import parse_fault
from genreply_cli.session.served import OWN_COORDINATORS
from genreply_cli.session.settings import Settings
from genreply_cli.transcript.format import Header, TranscriptError, TranscriptExistsError
from genreply_cli.transcript.pretty import pretty_name
from genreply_cli.transcript.step import Step
from genreply_cli.transcript.writer import Writer, timestamp
from genreply_cli.variations import COORDINATORS

SETTINGS: Final = frozenset({"coordinator", "delay", "timeout", "faults"})  # those of a header
MAX_SECONDS: Final = 1e9  # of a delay or a timeout in a header


def header(settings: Settings, title: str | None = None, node: str | None = None) -> Header:
    """The first line of a transcript of a session; `node` is that of a cluster, if it is one."""
    plain = {**settings.server.identity, "timeout": settings.timeout}
    if settings.server is OWN_COORDINATORS:
        plain = {
            "coordinator": settings.coordinator,
            "delay": list(settings.delay),
            "timeout": settings.timeout,
            "faults": [str(fault) for fault in settings.faults],
        }
    if settings.target is not None:
        plain["url"] = settings.target.shown
    if node is not None:
        plain["node"] = node
    created, by = timestamp(settings.clock), f"genreply {__version__}"
    return Header(created, by, title, settings.clock, settings.seed, plain)


def check_repeatable(header: Header) -> None:
    """Raise GenreplyError if the recording shows a server of the user's own."""
    if "server" in header.settings:
        raise not_repeatable(f"its server is {pretty_name(header.settings['server'])}")


def settings_of(header: Header) -> Settings:
    """The settings of a recording, on the virtual clock. Raises GenreplyError if one is unknown."""
    if "url" in header.settings:
        raise not_repeatable("a real server answered, and another time it may answer otherwise")
    if {"node", "nodes"} & header.settings.keys():
        raise not_repeatable("other nodes took part in it")
    check_repeatable(header)
    unknown = sorted(set(header.settings) - SETTINGS)
    if unknown:
        raise not_repeatable(f"this genreply does not know its setting {pretty_name(unknown[0])}")
    coordinator, delay, timeout, faults = map(
        header.settings.get, ("coordinator", "delay", "timeout", "faults")
    )
    if not isinstance(coordinator, str) or coordinator not in COORDINATORS:
        raise not_repeatable("its header does not say which of the coordinators it shows")
    match delay:
        case [least, most] if _is_seconds(least) and _is_seconds(most) and least <= most:
            pass
        case _:
            raise not_repeatable("its header does not say from what to what an answer is delayed")
    if timeout is not None and not _is_seconds(timeout):
        raise not_repeatable("its header does not say for how long a caller waits")
    try:
        texts = faults if isinstance(faults, list) else []
        parsed = tuple(parse_fault(str(text)) for text in texts)
    except ValueError as error:
        raise not_repeatable(str(error)) from None
    return Settings(coordinator, (least, most), timeout, parsed, header.seed or 0, clock="virtual")


def _is_seconds(value: Any) -> bool:
    return type(value) in {int, float} and 0 <= value < MAX_SECONDS


def not_repeatable(reason: str) -> GenreplyError:
    """The error of a recording that `--rerun` cannot repeat."""
    hint = "what genreply send and genreply repl record can be run again, and so can the samples"
    problem = f"it cannot be run again: {reason}"
    return GenreplyError(problem, hint=hint, exit_code=ExitStatus.INVALID)


def read_existing_steps(path: str) -> Iterator[Step]:
    """The steps that a file to be continued has already. Raises GenreplyError."""
    if Path(path).is_file() and Path(path).stat().st_size:
        from genreply_cli.transcript.reader import read

        try:
            yield from read(path)[1]
        except TranscriptError as error:
            raise GenreplyError(str(error)) from None


def recording(
    path: str,
    settings: Settings,
    *,
    overwrite: bool = False,
    append: bool = False,
    node: str | None = None,
    hint: str = "",
) -> Writer:
    """A new recording. Raises GenreplyError; the hint is for a file that exists already."""
    try:
        return Writer(path, header(settings, node=node), overwrite=overwrite, append=append)
    except TranscriptExistsError as error:
        raise GenreplyError(str(error), hint=hint) from None
    except TranscriptError as error:
        raise GenreplyError(str(error)) from None
    except OSError as error:
        raise GenreplyError(f"{path}: cannot be written: {os_error_text(error)}") from None
