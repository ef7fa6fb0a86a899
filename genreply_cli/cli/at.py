"""The options for a coordinator on another node of a cluster: --at, and what goes with it."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from genreply_cli.cli.environment import ConflictError
from genreply_cli.cli.join import require_cluster
from genreply_cli.cli.options import is_typed, option, require

if TYPE_CHECKING:
    from genreply_cli.session.elsewhere import At, Elsewhere


def _at(text: str) -> "At":
    require_cluster()
    from genreply_cli.session.elsewhere import parse_at

    return parse_at(text)


AtOption = Annotated[
    Any,
    option(
        "--at",
        reads=_at,
        metavar="NODE[/NAME]",
        help="Greet a coordinator on another node of an Erlang cluster, in Python or in Elixir,"
        " like py@127.0.0.1; NODE/group:NAME greets the members of a group in turn.",
    ),
]


OF_A_COORDINATOR_HERE: Final = ("coordinator", "delay", "fault", "seed", "clock", "url")


def at_of(context: typer.Context, at: "At | None", cookie_file: Path | None) -> "At | None":
    """Where to greet; None: here. Raises a usage error for options that are for here only."""
    require("--cookie-file", cookie_file is not None, "--at", at is not None)
    if at is None:
        return None
    for name in OF_A_COORDINATOR_HERE:
        if is_typed(context, name):
            raise ConflictError(
                f"--{name} is for a coordinator here; leave it out with --at", "--at", f"--{name}"
            )
    return at._replace(cookie_file=cookie_file)


def elsewhere(
    context: typer.Context, at: "At | None", cookie_file: Path | None
) -> "Elsewhere | None":
    """The coordinator on another node that is meant; None: one here. Raises a usage error."""
    place = at_of(context, at, cookie_file)
    if place is None:
        return None
    from genreply_cli.session.elsewhere import Elsewhere

    return Elsewhere(place)
