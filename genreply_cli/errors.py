"""Every exit status that genreply promises, and the errors that end a command with one."""

import os
import sys
from enum import IntEnum
from signal import SIG_DFL, SIGHUP, SIGTERM, getsignal, signal
from typing import Final, Self, TextIO

from genreply_cli.text import fold, visible


class ExitStatus(IntEnum):
    """What an exit status of genreply means. A signal ends a command with `signal_status`."""

    meaning: str

    def __new__(cls, value: int, meaning: str) -> Self:
        status = int.__new__(cls, value)
        status._value_ = value
        status.meaning = meaning
        return status

    OK = 0, "every call was answered; the transcript was shown"
    FAULT = 1, "genreply itself failed, or a file could not be read or written"
    USAGE = 2, "the command line, or a line of the REPL, has a mistake"
    TIMED_OUT = 3, "a call was not answered in time"
    NO_SERVER = 4, "the server exited before it replied, or was not running"
    INVALID = 5, "the transcript is not valid, or it differs from the other one"
    WRONG_ANSWER = 6, "an answer went to a wrong caller, or came twice; with `--strict` only"
    ERROR_REPLY = 7, "a call was answered with an error"


def signal_status(number: int) -> int:
    """The exit status of a command that this signal has ended, as shells report it."""
    return 128 + number


class GenreplyError(Exception):
    """A sentence for the user: what was found, and what was expected.

    `hint` says what to type next; `exit_code` is the exit status of the command.
    """

    def __init__(
        self, problem: str, *, hint: str | None = None, exit_code: int = ExitStatus.FAULT
    ) -> None:
        super().__init__(problem)
        self.hint = hint
        self.exit_code = exit_code


TERMINATING: Final = (SIGTERM, SIGHUP)


class Terminated(SystemExit):
    """SIGTERM or SIGHUP has arrived.

    No `except Exception` stops a SystemExit, and an event loop lets it pass wherever it is raised.
    """

    def __init__(self, signal: int) -> None:
        super().__init__(signal_status(signal))
        self.signal = signal


def raise_on_termination() -> None:
    """From now on, SIGTERM and SIGHUP raise Terminated, unless the parent has them ignored.

    Without a handler, a signal does nothing to the first process of a container, and other
    processes would leave behind what they have not finished.
    """

    def terminate(number: int, _: object) -> None:
        raise Terminated(number)

    for number in TERMINATING:
        if getsignal(number) is SIG_DFL:
            signal(number, terminate)


def complain(problem: str, code: int, hint: str | None = None) -> int:
    """Print an error and its hint on stderr. Returns the exit status `code`."""
    tell(f"error: {visible(problem)}")
    if hint:
        tell(f"       {visible(hint)}")
    return code


def tell(line: str, stream: TextIO | None = None) -> None:
    """Print a line on stderr, or on another stream. On a terminal it is broken between words."""
    stream = sys.stderr if stream is None else stream
    rows = [line]
    if stream.isatty():
        room = max(1, os.get_terminal_size(stream.fileno()).columns - 1)
        rows = [row for each in line.split("\n") for row in fold(each, room)]
    print("\n".join(rows), file=stream, flush=True)


def os_error_text(error: Exception) -> str:
    """What went wrong with a file, to be read after a colon: `no such file or directory`."""
    reason = error.strerror if isinstance(error, OSError) else None
    return visible(reason[:1].lower() + reason[1:] if reason else str(error))
