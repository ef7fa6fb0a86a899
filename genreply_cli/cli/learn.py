"""`genreply learn`, as people type it."""

from collections.abc import Callable
from typing import Annotated, Any

import typer

from genreply_cli.cli.options import AsciiOption, ColorOption, exclusive, option
from genreply_cli.session import parsing

EPILOG = (
    "A lesson asks for a guess, a setting, or a small change of a file. Then it is run, and the"
    " transcript decides. Type hint for a hint, and q or Ctrl-D to leave. The file of lesson 3 is"
    " Python that you write yourself, and it is run with your rights. Exit status: 0 the lesson is"
    " passed, 5 it is not."
)


def learn(
    lesson: Annotated[
        int | None,
        typer.Argument(min=1, max=6, metavar="[N]", help="The lesson, 1 to 6; none lists them."),
    ] = None,
    print_: Annotated[
        bool, typer.Option("--print", help="Print the text of the lesson, and ask nothing.")
    ] = False,
    hint: Annotated[
        bool, typer.Option("--hint", help="Give a hint for the lesson, or for the next one.")
    ] = False,
    reset: Annotated[
        bool, typer.Option("--reset", help="Forget which lessons are passed, and begin again.")
    ] = False,
    pace: Annotated[
        Any,
        option(
            "--pace",
            reads=parsing.duration,
            metavar="TIME",
            help="Show each event for so long, on a terminal; 0 shows all at once.",
        ),
    ] = "600ms",
    ascii_only: AsciiOption = False,
    color: ColorOption = "auto",
) -> Callable[[], int]:
    """Learn how a deferred reply works, in six short lessons."""
    import sys
    from functools import partial

    from genreply_cli.learn import progress, run
    from genreply_cli.terminal.output import OutputOptions

    given = {"print": print_, "hint": hint, "reset": reset}
    task = exclusive(name for name, is_given in given.items() if is_given)
    if task == "reset" and lesson is not None:
        raise typer.BadParameter("--reset forgets all lessons; leave out the number")
    number = lesson or run.following(progress.passed()) or 1
    action: Any
    match task:
        case "reset":
            action = run.reset
        case "hint":
            action = partial(run.hint, number)
        case "print":
            action = partial(run.print_lesson, number)
        case _ if lesson is None:
            action = run.overview
        case _:
            action = partial(run.teach, number, pace=pace if sys.stdout.isatty() else 0.0)
    return lambda: run.on_stdout(action, OutputOptions(color=color, ascii_only=ascii_only))
