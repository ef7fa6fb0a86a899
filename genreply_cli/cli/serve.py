"""`genreply serve`, as people type it: where to listen, whom to let in, and what goes wrong."""

from collections.abc import Callable
from typing import Annotated

from genreply_cli.cli.options import DelayOption, FaultsOption, SeedOption, option
from genreply_cli.errors import ExitStatus, GenreplyError

EPILOG = (
    "Text is answered with text. A JSON object with id and message is answered with the same id;"
    " JSON-RPC 2.0 has the method greet. A limit closes the connection that breaks it: 1009 a"
    " frame that is too long, 1008 too many answers under way, 1013 too many connections, 1003"
    " a binary frame. Exit status: 1 it cannot listen there, 2 a mistake in what was typed. Ctrl-C"
    " and SIGTERM close all connections with 1001."
)


def require_websockets() -> None:
    """Raise GenreplyError if the library for WebSockets is not installed."""
    from importlib.util import find_spec

    if find_spec("websockets") is None:
        raise GenreplyError(
            "the library websockets is not installed",
            hint="pip install 'genreply-cli[websocket]'",
            exit_code=ExitStatus.FAULT,
        )


def serve(
    host: Annotated[
        str,
        option(
            "--host",
            metavar="ADDRESS",
            help="Where to listen. With another address than this machine's own, like 0.0.0.0, all"
            " who reach it can connect.",
        ),
    ] = "127.0.0.1",
    port: Annotated[
        int, option("--port", min=0, max=65535, metavar="N", help="0 picks a port that is free.")
    ] = 8765,
    delay: DelayOption = "0",
    fault: FaultsOption = None,
    seed: SeedOption = "0",
    origin: Annotated[
        list[str] | None,
        option(
            "--origin",
            metavar="URL",
            help="Let pages of this origin connect, like http://localhost:3000; repeatable. Those"
            " of this server may, and so may all programs that are no browsers.",
        ),
    ] = None,
    max_frame: Annotated[
        int,
        option("--max-frame", min=1, max=2**30, metavar="BYTES", help="The longest frame."),
    ] = 16 * 1024,
    max_connections: Annotated[
        int, option("--max-connections", min=1, max=10_000, metavar="N", help="At the same time.")
    ] = 100,
    max_in_flight: Annotated[
        int,
        option(
            "--max-in-flight",
            min=1,
            max=1_000_000,
            metavar="N",
            help="Answers of one connection that may be under way.",
        ),
    ] = 2000,
) -> Callable[[], int]:
    """Serve greetings over a real WebSocket, and a page for browsers that shows their timeline."""
    require_websockets()
    from genreply_cli.serve.server import ServeOptions, run
    from genreply_cli.session.network import Network

    network = Network(delay, tuple(fault or ()), seed=seed)
    options = ServeOptions(
        host, port, tuple(origin or ()), max_frame, max_connections, max_in_flight
    )
    return lambda: run(options, network)
