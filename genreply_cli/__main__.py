"""The command genreply, also `python -m genreply_cli`: turns every error into an exit status."""

import errno
import gc
import os
import signal
import sys
from contextlib import suppress
from typing import Any, NoReturn

from genreply_cli.errors import (
    ExitStatus,
    GenreplyError,
    Terminated,
    complain,
    os_error_text,
    raise_on_termination,
    signal_status,
)
from genreply_cli.streams import Output, StdoutError, open_streams


def main() -> NoReturn:
    """Run the command line, and exit with one of the promised statuses.

    Ctrl-C ends the process by its signal, so that a loop in a shell ends with it.
    """
    gc.disable()  # until `run` has imported the command: nothing of that is garbage
    raise_on_termination()
    environment = sys.modules.get("genreply_cli.observe.environment")
    if environment is not None:  # for programs of others; here, these variables are options
        environment.uninstall()
    stdout = open_streams()
    if stdout is None:  # the parent process has closed it
        sys.exit(signal_status(signal.SIGPIPE))
    try:
        code = _finish(stdout)
    except (KeyboardInterrupt, Terminated) as error:
        _end_by(error.signal if isinstance(error, Terminated) else signal.SIGINT)
    if code == signal_status(signal.SIGINT):
        _end_by(signal.SIGINT)
    sys.exit(code)


def _finish(stdout: Output) -> int:
    """Run the command line until all of its output is written. Returns the exit status."""
    try:
        code = run()
    except StdoutError:
        code = ExitStatus.FAULT
    with suppress(StdoutError):
        sys.stdout.flush()
    if stdout.failure is None or code > signal_status(0):
        return code
    if stdout.failure.errno == errno.EPIPE:  # as by `head`, which is no error
        return signal_status(signal.SIGPIPE)
    return complain(f"standard output: {os_error_text(stdout.failure)}", ExitStatus.FAULT)


def _end_by(number: int) -> NoReturn:
    """End the process because of a signal, when all has been closed and put away.

    It ends at once: the signal may have come while something was being made, and what is half made
    is not to complain of it.
    """
    with suppress(StdoutError, KeyboardInterrupt, Terminated):  # again: its reader does not read
        sys.stdout.flush()
    if number == signal.SIGINT:
        signal.signal(number, signal.SIG_DFL)
        os.kill(os.getpid(), number)  # the first process of a container lives on
    os._exit(signal_status(number))


def run(arguments: list[str] | None = None) -> int:
    """Run the command line and return its exit status; an error is one sentence on stderr.

    `arguments` are those after `genreply`; None stands for those of this process.
    Raises KeyboardInterrupt, Terminated and StdoutError.
    """
    import typer

    from genreply_cli.cli.app import app_for

    # Typer does not export the base class of all usage errors
    usage_error: type[typer.BadParameter] = typer.BadParameter.__base__  # type: ignore[assignment]
    try:
        typed = sys.argv[1:] if arguments is None else arguments
        action = app_for(typed)(typed, standalone_mode=False)
        _enable_gc()
        # without an action, Typer returns the status of --help, or of a Ctrl-C that it has caught
        return action() if callable(action) else action if isinstance(action, int) else 0
    except usage_error as error:
        return complain(_problem(error), error.exit_code, _hint(error, typed))
    except GenreplyError as error:
        return complain(str(error), error.exit_code, error.hint)
    except typer.Exit as leaving:
        return leaving.exit_code
    except typer.Abort:
        return signal_status(signal.SIGINT)
    except (Terminated, StdoutError):
        raise
    except SystemExit as leaving:  # raised by Typer, also when it writes --help to a closed pipe
        return int(leaving.code or 0)
    except OSError as error:
        where = error.filename or "while reading or writing"
        return complain(f"{os_error_text(error)}: {where}", ExitStatus.FAULT)
    except Exception as error:
        if os.environ.get("GENREPLY_DEBUG"):
            raise
        problem = f"genreply itself failed, {type(error).__name__}: {error}"
        return complain(problem, ExitStatus.FAULT, "GENREPLY_DEBUG=1 shows where")


def _enable_gc() -> None:
    """Collect garbage from now on, but do not look through what has been imported."""
    if not gc.isenabled():
        gc.freeze()
        gc.enable()


def _variable(error: Any) -> str | None:
    """The environment variable that holds the value of which a usage error tells."""
    context, parameter = getattr(error, "ctx", None), getattr(error, "param", None)
    if context is None or parameter is None:
        return None
    source = context.get_parameter_source(parameter.name)
    return parameter.envvar if source is not None and source.name == "ENVIRONMENT" else None


def _problem(error: Any) -> str:
    """What is wrong, in a sentence."""
    variable = _variable(error)
    unknown, context = getattr(error, "option_name", None), getattr(error, "ctx", None)
    if unknown is not None and getattr(error, "possibilities", None) is not None and context:
        from genreply_cli.session.parsing import closest

        names = [name for each in context.command.params for name in each.opts if name[:2] == "--"]
        close = closest(unknown, [*names, "--help"])
        return f"No such option: {unknown}{f'; did you mean {close}?' if close else ''}"
    if unknown is not None and error.message.endswith(" requires an argument."):
        return f"{unknown} needs a value"
    kind: Any = getattr(getattr(error, "param", None), "type", None)
    if isinstance(getattr(kind, "max", None), int | float):
        whole = "whole number" if isinstance(kind.max, int) else "number"
        value = error.message.partition(" is not ")[0].strip("'")
        error.message = f"{value!r} is no {whole} from {kind.min:,} to {kind.max:,}"
    if variable is None:
        return str(error.format_message())
    return f"Invalid value in the environment, for {variable}: {error.message}"


def _hint(error: Exception, typed: list[str]) -> str:
    """What to type after a usage error of this command line."""
    context = getattr(error, "ctx", None)  # an option without its value has none
    command = context.command_path if context is not None else f"genreply {typed[0]}"
    if variable := _variable(error):
        return f"set it again, or forget it with: unset {variable}"
    hint = f"try {command} --help"
    if command.endswith("send") and "No such option" in str(error):
        return f"{hint}; a greeting that starts with a dash goes after --: {command} -- -hello"
    return hint


if __name__ == "__main__":
    main()
