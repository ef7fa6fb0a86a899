"""python -m genreply_cli, and the command genreply: the one place where errors become a sentence and an exit status."""

import os
import signal
import sys
from typing import NoReturn

import typer

from genreply_cli.cli import app
from genreply_cli.errors import GenreplyError, Terminated, complain

UsageError: type[typer.BadParameter] = typer.BadParameter.__base__  # type: ignore[assignment]  # the base of all usage errors


def main() -> NoReturn:
    """Run the command line, and leave with one of the exit codes that are promised."""
    sys.exit(run())


def run() -> int:
    """Run the command line, and return its exit status. Whatever goes wrong is told in one sentence, on stderr."""
    try:
        todo = app(standalone_mode=False)
        code = todo() if callable(todo) else 0  # 0: --help or --version, which are through
        sys.stdout.flush()
    except UsageError as error:
        return complain(error.format_message(), error.exit_code, _try_help(error))
    except GenreplyError as error:
        return complain(str(error), error.exit_code, error.hint)
    except typer.Exit as leaving:
        return leaving.exit_code
    except (KeyboardInterrupt, typer.Abort):
        return 128 + signal.SIGINT
    except Terminated:
        return 128 + signal.SIGTERM
    except BrokenPipeError:  # as by `head`: nobody reads on, and nothing is to be said about it
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 128 + signal.SIGPIPE
    except OSError as error:
        return complain(f"{error.strerror or error}: {error.filename or 'while reading or writing'}", 1)
    except Exception as error:
        if os.environ.get("GENREPLY_DEBUG"):
            raise
        return complain(f"genreply itself failed, {type(error).__name__}: {error}", 1, "GENREPLY_DEBUG=1 shows where")
    return code


def _try_help(error: Exception) -> str:
    context = getattr(error, "ctx", None)
    command = context.command_path if context is not None else "genreply"
    if "No such option" in str(error):
        return f"a greeting that starts with a dash goes after --, as in: {command} -- -hello"
    return f"try {command} --help"


if __name__ == "__main__":
    main()
