"""`genreply join`, as people type it: which node, which cookie, and who may reach it."""

import ipaddress
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated, Any

import typer

from genreply_cli.cli.options import (
    CoordinatorOption,
    DelayOption,
    FaultsOption,
    OverwriteOption,
    RecordOption,
    SeedOption,
    option,
)
from genreply_cli.cli.own_server import StartOption, own_server, settings_of
from genreply_cli.errors import ExitStatus, GenreplyError, tell

EPILOG = (
    "Whoever has the cookie of a cluster can run any program on its machines as you: that is"
    " Erlang's rule. So other machines cannot reach the node, unless --listen lets them, with TLS"
    " or --insecure. GENREPLY_ERL names another erl. Exit status: 2 Erlang is not installed, or a"
    " mistake in what was typed, 1 the node cannot start, 4 the coordinator crashed too often."
)


CookieFileOption = Annotated[
    Path | None,
    option(
        "--cookie-file",
        metavar="FILE",
        help="The file with the secret that all nodes of the cluster share.",
        show_default="Erlang's own, ~/.erlang.cookie",
    ),
]


def require_cluster() -> None:
    """Raise GenreplyError if Erlang, or the library for its terms, is not installed."""
    if find_spec("erlang") is None:
        raise GenreplyError(
            "the library erlang_py is not installed",
            hint="pip install 'genreply-cli[cluster]'",
            exit_code=ExitStatus.USAGE,
        )
    from genreply_cli.cluster import ClusterError
    from genreply_cli.cluster.beam import find_erl

    try:
        find_erl()
    except ClusterError as error:
        raise GenreplyError(str(error), exit_code=ExitStatus.USAGE) from None


def join(
    context: typer.Context,
    node: Annotated[
        str, typer.Argument(metavar="NODE", help="The name of the node, like py@127.0.0.1.")
    ],
    name: Annotated[
        str,
        option(
            "--serve",
            metavar="NAME[=SERVER]",
            help="The name of the coordinator in the cluster; or that of a server of your own,"
            " which is module:Class or path/to/file.py:Class.",
        ),
    ] = "coordinator",
    start: StartOption = None,
    group: Annotated[
        list[str] | None,
        option("--group", metavar="GROUP", help="Add it to this process group (pg); repeatable."),
    ] = None,
    connect: Annotated[
        list[str] | None,
        option(
            "--connect",
            metavar="NODE",
            help="Connect with this node, so that both know the groups of both; repeatable.",
        ),
    ] = None,
    coordinator: CoordinatorOption = "keyed",
    delay: DelayOption = "0",
    fault: FaultsOption = None,
    seed: SeedOption = "0",
    record: RecordOption = None,
    overwrite: OverwriteOption = False,
    cookie_file: CookieFileOption = None,
    listen: Annotated[
        str,
        option("--listen", metavar="ADDRESS", help="The address on which other nodes reach it."),
    ] = "127.0.0.1",
    tls: Annotated[
        Path | None,
        option("--tls", metavar="FILE", help="Talk TLS: a file for Erlang's ssl_dist_optfile."),
    ] = None,
    insecure: Annotated[
        bool, option("--insecure", help="Let other machines in without TLS.")
    ] = False,
) -> Callable[[], int]:
    """Join a cluster of Erlang nodes, and serve the coordinator there, with its timeline.

    With --serve NAME=SERVER it serves a GenServer of your own, whose messages are dataclasses.
    """
    address = _address(listen)
    if not address.is_loopback and tls is None and not insecure:
        raise typer.BadParameter(
            f"with --listen {listen} other machines can reach the node; expected --tls FILE as"
            " well, or --insecure"
        )
    require_cluster()
    from genreply_cli.cli.joining import JoinOptions, run
    from genreply_cli.cluster import Cluster, ClusterError
    from genreply_cli.cluster.beam import check_name
    from genreply_cli.cluster.terms import LONGEST_ATOM
    from genreply_cli.otp.exits import shorten
    from genreply_cli.session.settings import Settings

    try:
        for each in (node, *(connect or ())):
            check_name(each)
    except ClusterError as error:
        raise typer.BadParameter(str(error)) from None
    _check_host(node, address)
    if not address.is_loopback:
        secret = "" if tls is not None else ", and nothing is encrypted"
        warning = f"other machines reach this node at {listen}; the cookie is its only lock{secret}"
        tell(f"WARNING: {warning}")
    name, _, server = name.partition("=")
    for each in (name, *(group or ())):
        if not 1 <= len(each) <= LONGEST_ATOM:
            raise typer.BadParameter(
                f"{shorten(each)} is no name in a cluster; expected 1 to {LONGEST_ATOM} characters"
            )
    own = own_server(context, server or None, start, None)
    settings = settings_of(own, Settings(coordinator, delay, None, tuple(fault or ()), seed))
    hidden = not (group or connect)
    cluster = Cluster(node, cookie_file=cookie_file, listen=listen, tls=tls, hidden=hidden)
    options = JoinOptions(
        cluster, name, tuple(group or ()), tuple(connect or ()), record, overwrite
    )
    return lambda: run(settings, options)


def _check_host(node: str, address: ipaddress.IPv4Address) -> None:
    """Raise a usage error if nodes that know this name would look for it at another address."""
    import socket

    host = node.partition("@")[2]
    try:
        found = ipaddress.IPv4Address(socket.gethostbyname(host))
    except OSError:
        raise typer.BadParameter(
            f"{host} is no known host, so no other node can reach {node};"
            f" expected {node.partition('@')[0]}@{address}"
        ) from None
    if found != address and not address.is_unspecified:
        raise typer.BadParameter(
            f"{host} is {found}, and the node would listen on {address} only;"
            f" expected {node.partition('@')[0]}@{address}, or --listen {found}"
        )


def _address(text: str) -> Any:
    try:
        return ipaddress.IPv4Address(text)
    except ValueError:
        raise typer.BadParameter(f"{text!r} is no address; expected one like 10.0.0.5") from None
