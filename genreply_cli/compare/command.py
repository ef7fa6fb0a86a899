"""`genreply compare`, from the first trial to the table, the picture or the JSON."""

import json
import shutil
import sys
from pathlib import Path

from genreply_cli.compare.rows import Plan, Row, all_rows
from genreply_cli.compare.table import heading, lines, markdown
from genreply_cli.errors import ExitStatus, GenreplyError
from genreply_cli.export.formats import export
from genreply_cli.terminal.output import OutputOptions, choose_mode
from genreply_cli.terminal.progress import ProgressBar
from genreply_cli.text import wrap

ENDINGS = (".svg", ".html", ".md")


def check_output(output: str) -> str:
    """The name of a file to write to. Raises ValueError with a sentence for another ending."""
    if Path(output).suffix not in ENDINGS:
        raise ValueError(
            f"{output!r} has no ending that says a format; expected .svg, .html or .md"
        )
    return output


def run(
    plan: Plan,
    options: OutputOptions,
    *,
    as_json: bool = False,
    output: str | None = None,
    overwrite: bool = False,
) -> int:
    """Run all trials, and print or write what came of them."""
    if output is not None and Path(output).exists() and not overwrite:
        raise GenreplyError(  # before the trials, which may take long
            f"{output}: exists already", hint="choose another name, or add --overwrite"
        )
    with ProgressBar(sys.stderr, plan.trials, options) as bar:
        rows = list(all_rows(plan, bar.advance))
    if output is not None:
        _write(plan, rows, output, overwrite=overwrite)
    elif as_json:
        settings = plan._asdict()
        print(json.dumps(settings | {"rows": [row.as_json() for row in rows]}, indent=1))
    else:
        _print(plan, rows, options)
    return ExitStatus.OK


def _print(plan: Plan, rows: list[Row], options: OutputOptions) -> None:
    mode = choose_mode(sys.stdout, options)
    width = shutil.get_terminal_size().columns if mode.wraps else None
    print("\n".join([heading(plan)] if width is None else wrap(heading(plan), width)))
    print("\n".join(lines(rows, width, colour=mode.color)))


def _write(plan: Plan, rows: list[Row], output: str, *, overwrite: bool) -> None:
    from genreply_cli.compare.picture import page, svg

    match Path(output).suffix:
        case ".svg":
            pieces = svg(plan, rows)
        case ".html":
            pieces = page(plan, rows)
        case _:
            pieces = markdown(rows)
    export(pieces, output, overwrite=overwrite)
