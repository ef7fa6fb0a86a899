"""The options for a coordinator on another node of a cluster: --at, and what goes with it."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from genreply_cli.cli.environment import ConflictError
from genreply_cli.cli.join import require_cluster
from genreply_cli.cli.options import option, require

if TYPE_CHECKING:
    from genreply_cli.session.elsewhere import At


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


def at_of(at: "At | None", cookie_file: Path | None, others: dict[str, Any]) -> "At | None":
    """Where to greet; None: here. Raises a usage error for options that go with here only."""
    require("--cookie-file", cookie_file is not None, "--at", at is not None)
    if at is None:
        return None
    for name in others:
        flag = f"--{name.replace('_', '-')}"
        raise ConflictError(
            f"{flag} is for a coordinator here; leave it out with --at", "--at", flag
        )
    return at._replace(cookie_file=cookie_file)
