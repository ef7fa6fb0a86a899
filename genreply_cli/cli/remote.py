"""The options for a real server: --url, and what goes with it."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from genreply_cli.cli.options import option, require
from genreply_cli.cli.serve import require_websockets
from genreply_cli.errors import GenreplyError, tell

if TYPE_CHECKING:
    from genreply_cli.remote.target import Target


def _address(text: str) -> str:
    from genreply_cli.remote.target import parse_address

    return parse_address(text)


def _header(text: str) -> tuple[str, str]:
    from genreply_cli.remote.target import parse_header

    return parse_header(text)


def _subprotocol(text: str) -> str:
    from genreply_cli.remote.target import parse_subprotocol

    return parse_subprotocol(text)


def _request(text: str) -> Any:
    from genreply_cli.remote.frames import parse_request

    return parse_request(text)


def _pointer(text: str) -> str:
    from genreply_cli.remote.frames import parse_pointer

    return parse_pointer(text)


UrlOption = Annotated[
    Any,
    option(
        "--url",
        reads=_address,
        metavar="URL",
        help="Talk to this WebSocket server, ws:// or wss://, instead of the fake one. When the"
        " connection is lost, all who wait are told, and it is made again; what was asked is not"
        " asked again, for the server may have done it already.",
    ),
]

HeadersOption = Annotated[
    list[Any] | None,
    option(
        "--header",
        reads=_header,
        metavar="NAME:VALUE",
        help="With --url: a header of the handshake; repeatable. It is never written down.",
    ),
]

SubprotocolsOption = Annotated[
    list[Any] | None,
    option(
        "--subprotocol",
        reads=_subprotocol,
        metavar="NAME",
        help="With --url: a subprotocol to offer; repeatable.",
    ),
]

CaFileOption = Annotated[
    str | None,
    option("--ca-file", metavar="FILE", help="With wss://: trust these certificates, in PEM."),
]

InsecureOption = Annotated[
    bool,
    option("--insecure", help="With wss://: do not check the certificate of the server."),
]

RequestOption = Annotated[
    Any,
    option(
        "--request",
        reads=_request,
        metavar="JSON",
        help='With --url: how `keyed` asks. Default: {"id": "{id}", "message": "{message}"}.'
        ' "{id as text}" is for a server that wants the id as text.',
    ),
]

IdAtOption = Annotated[
    Any,
    option(
        "--id-at",
        reads=_pointer,
        metavar="POINTER",
        help="With --url: where the id is in an answer to `keyed`, as a JSON pointer.",
        show_default="/id",
    ),
]

AnswerAtOption = Annotated[
    Any,
    option(
        "--answer-at",
        reads=_pointer,
        metavar="POINTER",
        help="With --url: where the text is in it, like /result.",
        show_default="/message",
    ),
]

ErrorAtOption = Annotated[
    Any,
    option(
        "--error-at",
        reads=_pointer,
        metavar="POINTER",
        help="With --url: where the error is in an answer that is one; the caller raises it.",
        show_default="/error",
    ),
]


def target_of(
    url: str | None,
    coordinator: str,
    headers: list[Any] | None,
    subprotocols: list[Any] | None,
    ca_file: str | None,
    insecure: bool,
    request: Any,
    id_at: str | None,
    answer_at: str | None,
    error_at: str | None,
) -> "Target | None":
    """The server that these options mean; None for the fake one. Raises a usage error."""
    for flag, value in (
        ("--header", headers),
        ("--subprotocol", subprotocols),
        ("--ca-file", ca_file),
        ("--insecure", insecure),
        ("--request", request),
        ("--id-at", id_at),
        ("--answer-at", answer_at),
        ("--error-at", error_at),
    ):
        require(flag, value not in (None, [], False), "--url", url is not None)
    if url is None:
        return None
    written = {"request": request, "id_at": id_at, "answer_at": answer_at, "error_at": error_at}
    written = {name: value for name, value in written.items() if value is not None}
    for name in written:
        flag = f"--{name.replace('_', '-')}"
        require(flag, True, "--coordinator keyed", coordinator == "keyed")
    require("--insecure", insecure, "a wss:// address", url.lower().startswith("wss:"))
    require("--ca-file", ca_file is not None, "a wss:// address", url.lower().startswith("wss:"))
    require_websockets()
    from genreply_cli.remote.frames import Format
    from genreply_cli.remote.target import Target

    lists = tuple(headers or ()), tuple(subprotocols or ())
    target = Target(url, *lists, ca_file, insecure, Format(**written))
    try:
        target.tls()
    except GenreplyError as error:
        raise typer.BadParameter(str(error)) from None
    if insecure:
        warning = "nobody checks who answers: --insecure accepts any certificate"
        tell(f"WARNING: {warning}")
    return target
