"""The status of a process, the kinds of entries in its mailbox, and what the modules share.

    status     it handles             in the run queue             it leaves this status when
    STARTING   nothing; runs init     no                           init returns
    READY      all entries            if there are entries         a callback waits; suspend; an end
    BUSY       nothing, or the entry  no, or if it receives and    the async callback returns:
               that it receives       there is an entry            become_ready
    SUSPENDED  system entries         when an entry comes          debug.resume: become_ready
    STOPPING   as BUSY, in terminate  as BUSY                      terminate returns
    EXITED     nothing                no (or once more, idly)   never

A process stands in the run queue of its node at most once. `post` wakes it, if nothing has before:
it puts the process there unless `scheduled` is True. These flags of a process go with its status:

    scheduled     True: do not put it there. READY, SUSPENDED, or while it receives: it stands
                  there, or is being run. Otherwise always True: a message must not wake it.
    receiving     BUSY or STOPPING: the `receive` in which its callback waits; otherwise None.
    queued        BUSY or STOPPING, after a `receive`: it still stands in the run queue from then,
                  and become_ready must not put it there again.
    async_runner  None until its first async callback comes. Carries on the callbacks that wait;
                  while one does, the status is BUSY or STOPPING.
    idle          READY, after an answer with a timeout: the timer that will send Timeout.
                  `suspend` stops it; `resume` starts it again, with all of `idle_timeout`.

`run_queue` decides whose turn it is, `process` handles the entries.
"""

import logging
import sys
from contextvars import ContextVar
from typing import Any, Final

from genreply_cli.otp.answers import Continue
from genreply_cli.otp.events import Event
from genreply_cli.otp.exits import shorten

logger = logging.getLogger("genreply_cli.otp")

# What a process is doing. Compared by identity.
STARTING: Final = "starting"  # in init
READY: Final = "ready"
BUSY: Final = "busy"  # in an async callback that waits
SUSPENDED: Final = "suspended"  # by debug.suspend
STOPPING: Final = "stopping"  # in terminate
EXITED: Final = "exited"

# The kinds of entries in a mailbox. Compared by identity.
CALL: Final = "call"
CAST: Final = "cast"
INFO: Final = "info"
ITEM: Final = "item"  # of a source: an info that makes room for another when it is taken
CONTINUE: Final = "continue"  # always leftmost, so it comes before all messages
SYSTEM: Final = "system"  # the message is a function of the process
TERMINATE: Final = "terminate"  # never in a mailbox; the message is (Stop, the entry before it)

# The kind, the message, the From of a call (otherwise None), and the event that an observer got.
Entry = tuple[str, Any, Any, Event | None]

NO_ENTRY: Final[Entry] = (SYSTEM, None, None, None)

# What the running code belongs to; tasks and timers that it starts inherit both.
running: ContextVar[Any] = ContextVar("running", default=None)  # the GenServer, or None
home: ContextVar[Any] = ContextVar("home", default=None)  # the Node in whose block it runs, or None
handling: ContextVar[Event | None] = ContextVar("handling", default=None)


MAX_SECONDS: Final = sys.float_info.max  # an int can be more than any clock can count


def check_limit(limit: Any, name: str = "limit", otherwise: str = "") -> int:
    """Return a limit of messages. Raises TypeError or ValueError that say what it should be."""
    if isinstance(limit, bool) or not isinstance(limit, int):
        raise TypeError(
            f"{name} is {shorten(limit)}; expected a whole number of messages{otherwise}"
        )
    if limit < 1:
        raise ValueError(f"{name} is {shorten(limit)}; expected 1 message or more{otherwise}")
    return limit


def check_timeout(timeout: Any) -> float:
    """Return a timeout in seconds. Raises TypeError or ValueError that say what it should be."""
    if isinstance(timeout, bool) or not isinstance(timeout, int | float):
        raise TypeError(
            f"timeout is {shorten(timeout)}; "
            "expected seconds as an int or float, or None to wait for ever"
        )
    if not 0 <= timeout <= MAX_SECONDS:
        bound = "fewer seconds" if timeout > 0 else "0 seconds or more"
        raise ValueError(
            f"timeout is {shorten(timeout)}; expected {bound}, or None to wait for ever"
        )
    return timeout


def bad_part(then: Any, timeout: Any) -> str | None:
    """Return what was expected instead of these parts of an answer; None if they are right."""
    if then is not None and not isinstance(then, Continue):
        return f"then=Continue(…), not then={shorten(then)}"
    try:
        if timeout is not None:
            check_timeout(timeout)
    except (TypeError, ValueError):
        return f"timeout=seconds, 0 or more and finite, or None, not timeout={shorten(timeout)}"
    return None
