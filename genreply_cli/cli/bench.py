"""`genreply bench`, as people type it."""

from collections.abc import Callable
from typing import Annotated, Any

import typer

from genreply_cli.cli.at import AtOption, at_of
from genreply_cli.cli.join import CookieFileOption
from genreply_cli.cli.options import completes, one_of, parser
from genreply_cli.cli.remote import (
    AnswerAtOption,
    CaFileOption,
    ErrorAtOption,
    HeadersOption,
    IdAtOption,
    InsecureOption,
    RequestOption,
    SubprotocolsOption,
    UrlOption,
    target_of,
)
from genreply_cli.session.parsing import COORDINATORS


def bench(
    context: typer.Context,
    coordinator: Annotated[
        Any,
        typer.Option(
            "--coordinator",
            "-c",
            parser=parser(one_of("coordinator", COORDINATORS)),
            autocompletion=completes(COORDINATORS),
            metavar="NAME",
            help="Measure one of the coordinators; without this, plain tuples on both sides.",
        ),
    ] = None,
    loop: Annotated[
        Any,
        typer.Option(
            parser=parser(one_of("loop", ["asyncio", "uvloop"])),
            autocompletion=completes(["asyncio", "uvloop"]),
            metavar="asyncio|uvloop",
            help="The event loop, for both sides. uvloop comes with the extra `fast`.",
        ),
    ] = "asyncio",
    rounds: Annotated[
        int,
        typer.Option(
            min=1, max=100, metavar="N", help="Rounds: how many times to measure each side."
        ),
    ] = 5,
    scale: Annotated[
        float, typer.Option(min=0.0001, max=10, metavar="X", help="0.1 measures a tenth as long.")
    ] = 1.0,
    json: Annotated[bool, typer.Option("--json", help="Write the figures as JSON.")] = False,
    url: UrlOption = None,
    header: HeadersOption = None,
    subprotocol: SubprotocolsOption = None,
    ca_file: CaFileOption = None,
    insecure: InsecureOption = False,
    request: RequestOption = None,
    id_at: IdAtOption = None,
    answer_at: AnswerAtOption = None,
    error_at: ErrorAtOption = None,
    at: AtOption = None,
    cookie_file: CookieFileOption = None,
) -> Callable[[], int]:
    """Measure what a deferred reply costs, beside raw asyncio in the same run.

    With --url, over a real connection, beside a bare loop of requests and answers. With --at,
    between the nodes of a cluster, beside a node without Python that calls the same.
    """
    from genreply_cli.bench.run import run

    place = at_of(context, at, cookie_file)
    if place is not None and place.is_group:
        raise typer.BadParameter("a group is not measured; expected --at NODE or --at NODE/NAME")
    design = coordinator or "keyed"
    target = target_of(
        url, design, header, subprotocol, ca_file, insecure, request, id_at, answer_at, error_at
    )
    return lambda: run(
        coordinator=coordinator,
        loop=loop,
        rounds=rounds,
        scale=scale,
        as_json=json,
        target=target,
        at=place,
    )
