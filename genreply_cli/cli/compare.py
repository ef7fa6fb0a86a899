"""`genreply compare`, as people type it."""

from collections.abc import Callable
from typing import Annotated, Any

import typer

from genreply_cli.cli.options import ColorOption, JsonOption, SeedOption, exclusive, option

EPILOG = (
    "A call is right if its caller gets its own answer. It is wrong if it gets the answer to"
    " another call, only ok if it gets a reply that is no answer, and told if its caller"
    " learns at once that the server has crashed; the server is then started again. Nobody"
    " gets a reply that comes too late, or a second one. The same options give the same bytes."
)


def compare(
    callers: Annotated[
        int,
        option(
            "--callers", min=1, max=200, metavar="N", help="How many callers call at the same time."
        ),
    ] = 5,
    runs: Annotated[
        int,
        option("--runs", min=1, max=10_000, metavar="N", help="How many trials are run for a row."),
    ] = 10,
    seed: SeedOption = "0",
    json: JsonOption = False,
    output: Annotated[
        str | None,
        option(
            "--output",
            "-o",
            metavar="FILE",
            help="Write it to a file, whose ending says the format: .svg, .html or .md.",
        ),
    ] = None,
    overwrite: Annotated[bool, option("--overwrite", help="Let --output replace a file.")] = False,
    color: ColorOption = "auto",
) -> Callable[[], int]:
    """Run each coordinator under each fault, on the virtual clock, and say which survives what."""
    from genreply_cli.compare.command import check_output, run
    from genreply_cli.compare.rows import Plan
    from genreply_cli.terminal.output import OutputOptions

    exclusive(name for name, given in {"json": json, "output": output}.items() if given)
    if output is not None:
        try:
            check_output(output)
        except ValueError as error:
            raise typer.BadParameter(str(error)) from None
    options: Any = OutputOptions(color=color)
    plan = Plan(callers, runs, seed)
    return lambda: run(plan, options, as_json=json, output=output, overwrite=overwrite)
