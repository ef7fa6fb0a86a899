"""`genreply serve`, as people type it: where to listen, whom to let in, and what goes wrong."""

from collections.abc import Callable
from typing import Annotated, Any

from genreply_cli.cli.options import DelayOption, FaultsOption, SeedOption, option
from genreply_cli.errors import ExitStatus, GenreplyError
from genreply_cli.session import parsing

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


def _host(text: str) -> str:
    if not text.strip():  # as of a variable that is not set: it would mean all addresses
        raise ValueError("it is empty; expected an address, like 127.0.0.1")
    return text.removeprefix("[").removesuffix("]")


def _origin(text: str) -> str:
    from urllib.parse import urlsplit

    if text == "null":  # of a page that is a file
        return text
    parts = urlsplit(text)
    if not parts.scheme or not parts.netloc or parts.path.strip("/") or parts.query:
        raise ValueError(f"{text!r} is no origin; expected one like http://localhost:3000")
    return f"{parts.scheme}://{parts.netloc}".lower()


def _from_to(least: int, most: int) -> Callable[[str], int]:
    return lambda text: parsing.whole(text, least, most)


def serve(
    host: Annotated[
        Any,
        option(
            "--host",
            reads=_host,
            metavar="ADDRESS",
            help="Where to listen. With another address than this machine's own, like 0.0.0.0, all"
            " who reach it can connect.",
        ),
    ] = "127.0.0.1",
    port: Annotated[
        Any,
        option(
            "--port", reads=_from_to(0, 65_535), metavar="N", help="0 picks a port that is free."
        ),
    ] = "8765",
    delay: DelayOption = "0",
    fault: FaultsOption = None,
    seed: SeedOption = "0",
    origin: Annotated[
        list[Any] | None,
        option(
            "--origin",
            reads=_origin,
            metavar="URL",
            help="Let pages of this origin connect, like http://localhost:3000; repeatable. Those"
            " of this server may, and so may all programs that are no browsers.",
        ),
    ] = None,
    max_frame: Annotated[
        Any,
        option("--max-frame", reads=_from_to(1, 2**30), metavar="BYTES", help="The longest frame."),
    ] = "16384",
    max_connections: Annotated[
        Any,
        option(
            "--max-connections", reads=_from_to(1, 10_000), metavar="N", help="At the same time."
        ),
    ] = "100",
    max_in_flight: Annotated[
        Any,
        option(
            "--max-in-flight",
            reads=_from_to(1, 1_000_000),
            metavar="N",
            help="Answers of one connection that may be under way.",
        ),
    ] = "2000",
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
