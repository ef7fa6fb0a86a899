"""python -m genreply_cli, and the command genreply: the one place where errors become a sentence and an exit status."""

import gc
import os
import signal
import sys
from typing import NoReturn


def main() -> NoReturn:
    """Run the command line, and leave with one of the exit codes that are promised."""
    gc.set_threshold(
        100_000, 50, 100
    )  # what is imported is no garbage: looking through it takes a tenth of the start
    try:
        code = run()
        if sys.stdout is not None:
            sys.stdout.flush()
    except KeyboardInterrupt:
        code = 128 + signal.SIGINT
    except BrokenPipeError:  # as by `head`: nobody reads on, and nothing is to be said about it
        code = 128 + signal.SIGPIPE
    if code == 128 + signal.SIGPIPE:
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    sys.exit(code)


def run(arguments: list[str] | None = None) -> int:
    """Run the command line, and return its exit status. Whatever goes wrong is told in one sentence, on stderr.

    `arguments` are what is typed after `genreply`; None: those of this process.
    """
    if sys.stdout is None:  # closed by the caller
        return 128 + signal.SIGPIPE
    sys.stdin = sys.stdin or open(os.devnull)  # noqa: SIM115, PTH123  # for as long as the program runs
    sys.stderr = sys.stderr or open(os.devnull, "w")  # noqa: SIM115, PTH123
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(
                errors="backslashreplace"
            )  # what the encoding does not have is shown, not raised

    import typer

    from genreply_cli.cli.app import app
    from genreply_cli.errors import GenreplyError, Terminated, complain

    usage_error: type[typer.BadParameter] = typer.BadParameter.__base__  # type: ignore[assignment]  # the base of all of them
    try:
        # a number, if there is nothing to be done: --help, or a Ctrl-C that Typer has caught
        todo = app(arguments, standalone_mode=False)
        return todo() if callable(todo) else todo if isinstance(todo, int) else 0
    except usage_error as error:
        return complain(error.format_message(), error.exit_code, _try_help(error))
    except GenreplyError as error:
        return complain(str(error), error.exit_code, error.hint)
    except typer.Exit as leaving:
        return leaving.exit_code
    except typer.Abort:
        return 128 + signal.SIGINT
    except Terminated as signalled:
        return 128 + signalled.signal
    except (
        SystemExit
    ) as leaving:  # Typer's own word for a closed pipe, as when nobody reads its --help
        return (
            128 + signal.SIGPIPE
            if isinstance(leaving.__context__, BrokenPipeError)
            else int(leaving.code or 0)
        )
    except BrokenPipeError:
        raise
    except OSError as error:
        return complain(
            f"{error.strerror or error}: {error.filename or 'while reading or writing'}", 1
        )
    except Exception as error:
        if os.environ.get("GENREPLY_DEBUG"):
            raise
        return complain(
            f"genreply itself failed, {type(error).__name__}: {error}",
            1,
            "GENREPLY_DEBUG=1 shows where",
        )


def _try_help(error: Exception) -> str:
    context = getattr(error, "ctx", None)
    command = context.command_path if context is not None else "genreply"
    if command.endswith("send") and "No such option" in str(error):
        return f"try {command} --help; a greeting that starts with a dash goes after --: {command} -- -hello"
    return f"try {command} --help"


if __name__ == "__main__":
    main()
