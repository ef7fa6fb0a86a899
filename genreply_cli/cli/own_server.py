"""A server of the user's own on the command line: SERVER, --start and --call.

No variable of the environment sets them: it would start code that nobody has typed.
"""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from genreply_cli.cli.environment import ConflictError
from genreply_cli.cli.options import is_typed

if TYPE_CHECKING:
    from genreply_cli.session.own_server import OwnServer
    from genreply_cli.session.served import Served

SERVER_HELP = (
    "A GenServer of your own: module:Class, path/to/file.py:Class, or a function that starts it."
)
ServerArgument = Annotated[str | None, typer.Argument(metavar="[SERVER]", help=SERVER_HELP)]
ServerOption = Annotated[str | None, typer.Option("--server", metavar="SERVER", help=SERVER_HELP)]
StartOption = Annotated[
    list[str] | None,
    typer.Option(
        "--start", metavar="VALUE", help="An argument for the start of SERVER; repeatable."
    ),
]
CallOption = Annotated[
    str | None,
    typer.Option("--call", metavar="NAME", help="The request or the method of SERVER to call."),
]
# what only the coordinators of this program have
EXCLUDED = ("coordinator", "delay", "fault", "seed", "url", "at")


def own_server(
    context: typer.Context, server: str | None, start: list[str] | None, call: str | None
) -> "OwnServer | None":
    """The server that is meant; None for a coordinator. Raises a usage error, or GenreplyError."""
    if server is None:
        for name in ("start", "call"):
            if is_typed(context, name):
                raise typer.BadParameter(f"--{name} is for a SERVER of your own, which is missing")
        return None
    for name in EXCLUDED:
        if is_typed(context, name):
            problem = f"--{name} is for the coordinators, and not for a server of your own"
            raise ConflictError(problem, f"--{name}")
    from genreply_cli.session.own_server import load

    return load(server, start or [], call)


def settings_of(other: "Served | None", settings: Any) -> Any:
    """These settings, for the server in the place of the coordinators if there is one."""
    if other is None:
        return settings
    return settings._replace(server=other, delay=(0.0, 0.0), faults=())
