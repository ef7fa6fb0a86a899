"""What a user is told when something cannot be done: one sentence, perhaps a hint, and an exit status."""

import sys
from enum import IntEnum

from genreply_cli.text import visible


class ExitStatus(IntEnum):
    """Every exit status that genreply promises. A signal ends it with 128 plus the number of the signal."""

    OK = 0  # every call was answered; the transcript was shown
    FAULT = 1  # genreply itself failed, or a file could not be read or written
    USAGE = 2  # the command line, or a line of the REPL, has a mistake
    TIMED_OUT = 3  # a call was not answered in time
    NO_SERVER = 4  # the server exited before it replied, or there was none
    INVALID = 5  # the transcript is not valid, or it differs from the other one
    WRONG_ANSWER = 6  # an answer went to a wrong caller, or came twice; with --strict only


class GenreplyError(Exception):
    """A sentence for the user: what came, and what was expected. `hint` says what to type next."""

    def __init__(
        self, problem: str, *, hint: str | None = None, exit_code: int = ExitStatus.FAULT
    ) -> None:
        super().__init__(problem)
        self.hint = hint
        self.exit_code = exit_code


class Terminated(BaseException):
    """SIGTERM or SIGHUP came. What has to be closed is closed on the way out."""

    def __init__(self, signal: int) -> None:
        super().__init__(signal)
        self.signal = signal


def complain(problem: str, code: int, hint: str | None = None) -> int:
    """Say what is wrong, and what to do about it; return the exit status."""
    print(f"error: {visible(problem)}", file=sys.stderr)
    if hint:
        print(f"       {visible(hint)}", file=sys.stderr)
    return code


def os_error_text(error: Exception) -> str:
    text = (error.strerror if isinstance(error, OSError) else None) or str(error)
    return visible(text[:1].lower() + text[1:])
