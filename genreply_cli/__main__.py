"""The command genreply, also `python -m genreply_cli`: turns every error into an exit status."""

import gc
import os
import signal
import sys
from typing import NoReturn

from genreply_cli.errors import (
    ExitStatus,
    GenreplyError,
    Terminated,
    complain,
    os_error_text,
    signal_status,
)


def main() -> NoReturn:
    """Run the command line, and exit with one of the promised statuses."""
    gc.disable()  # until `run` has imported the command: nothing of that is garbage
    try:
        code = run()
        if sys.stdout is not None:
            sys.stdout.flush()
    except KeyboardInterrupt:
        code = signal_status(signal.SIGINT)
    except BrokenPipeError:  # as by `head`: no process reads stdout any more, which is no error
        code = signal_status(signal.SIGPIPE)
    if code == signal_status(signal.SIGPIPE):
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # or the interpreter would report it at exit
    sys.exit(code)


def run(arguments: list[str] | None = None) -> int:
    """Run the command line and return its exit status; an error is one sentence on stderr.

    `arguments` are those after `genreply`; None stands for those of this process.
    Raises KeyboardInterrupt and BrokenPipeError.
    """
    if sys.stdout is None:  # the parent process has closed it
        return signal_status(signal.SIGPIPE)
    _prepare_streams()

    import typer

    from genreply_cli.cli.app import app

    # Typer does not export the base class of all usage errors
    usage_error: type[typer.BadParameter] = typer.BadParameter.__base__  # type: ignore[assignment]
    try:
        action = app(arguments, standalone_mode=False)
        _enable_gc()
        # without an action, Typer returns the status of --help, or of a Ctrl-C that it has caught
        return action() if callable(action) else action if isinstance(action, int) else 0
    except usage_error as error:
        return complain(error.format_message(), error.exit_code, _hint(error))
    except GenreplyError as error:
        return complain(str(error), error.exit_code, error.hint)
    except typer.Exit as leaving:
        return leaving.exit_code
    except typer.Abort:
        return signal_status(signal.SIGINT)
    except Terminated as terminated:
        return signal_status(terminated.signal)
    except SystemExit as leaving:  # raised by Typer, also when it writes --help to a closed pipe
        if isinstance(leaving.__context__, BrokenPipeError):
            return signal_status(signal.SIGPIPE)
        return int(leaving.code or 0)
    except BrokenPipeError:
        raise
    except OSError as error:
        where = error.filename or "while reading or writing"
        return complain(f"{os_error_text(error)}: {where}", ExitStatus.FAULT)
    except Exception as error:
        if os.environ.get("GENREPLY_DEBUG"):
            raise
        problem = f"genreply itself failed, {type(error).__name__}: {error}"
        return complain(problem, ExitStatus.FAULT, "GENREPLY_DEBUG=1 shows where")


def _prepare_streams() -> None:
    """Open the streams that the parent process has closed; write escapes for unencodable text."""
    sys.stdin = sys.stdin or open(os.devnull)  # noqa: SIM115, PTH123  # open until the program ends
    sys.stderr = sys.stderr or open(os.devnull, "w")  # noqa: SIM115, PTH123
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")


def _enable_gc() -> None:
    """Collect garbage from now on, but do not look through what has been imported."""
    if not gc.isenabled():
        gc.freeze()
        gc.enable()


def _hint(error: Exception) -> str:
    """What to type after a usage error."""
    context = getattr(error, "ctx", None)
    command = context.command_path if context is not None else "genreply"
    hint = f"try {command} --help"
    if command.endswith("send") and "No such option" in str(error):
        return f"{hint}; a greeting that starts with a dash goes after --: {command} -- -hello"
    return hint


if __name__ == "__main__":
    main()
