"""What a server may override: its callbacks, in the order of its life.

    start, start_link ─────────> init(*args)                            once
    Continue in an answer ─────> handle_continue(continuation, state)   before any message
    call(request) ─────────────> handle_call(request, from_, state)
    cast(request) ─────────────> handle_cast(request, state)
    send, timers, signals ─────> handle_info(message, state)
    Stop, stop, an exception ──> terminate(reason, state)               once

Each gets the state and returns an answer with the next one (see `answers`). The runtime calls them
one after another, so a callback needs no lock; and each can be called by hand, in a test, with
nothing running. This is the `@callback` page of Elixir's `GenServer`.
"""

from collections.abc import Awaitable
from typing import Any, ClassVar, Generic, NamedTuple, TypeVar

from genreply_cli.otp.answers import Ignore, Init, NoReply, Reply, Stop
from genreply_cli.otp.calls import From
from genreply_cli.otp.exits import describe, shorten
from genreply_cli.otp.status import logger

S = TypeVar("S")

Answer = NoReply[S] | Stop[S]
CallAnswer = Reply[S] | NoReply[S] | Stop[S]


class Report(NamedTuple):
    """What is told of a server in a log or a recording: see `Callbacks.format_status`."""

    state: Any
    message: Any = None  # the last one, in the log of a crash
    reason: Any = None  # of a crash


class Callbacks(Generic[S]):
    """The callbacks of a server with a state of type `S`. All but `init` may be `async def`.

    An async callback that waits keeps its own server busy, and no other. An exception that leaves a
    callback ends the server: `terminate` gets the state from before the callback, and callers that
    wait for a reply get `ServerExit`. `raise Exit(reason)` ends it for a reason of one's own.
    """

    trap_exit: ClassVar[bool] = False
    """If True, exit signals arrive in `handle_info` as `Exited`, instead of ending the server."""

    def init(self, *args: Any, **_: Any) -> S | Init[S] | Stop[S] | Ignore:
        """Return the first state, or `Init`, `Stop` or `Ignore`. By default, the state is `args`.

        `start` passes positional arguments only. Both kinds stand here so that type checkers accept
        an override with any arguments. It runs inside `start`, which returns when it has returned:
        leave what takes long to `handle_continue`.
        """
        return args[0] if len(args) == 1 else args  # type: ignore[return-value]  # S is theirs

    def handle_call(
        self, request: Any, from_: From[Any], state: S
    ) -> CallAnswer[S] | Awaitable[CallAnswer[S]]:
        """Handle a request whose caller waits.

        Return `Reply` to answer now, `NoReply` to keep the caller waiting until some code calls
        `reply(from_, value)`, or `Stop`, with a reply or without.
        """
        raise RuntimeError(
            f"{describe(self)} was called with {shorten(request)}, but defines no handle_call"
        )

    def handle_cast(self, request: Any, state: S) -> Answer[S] | Awaitable[Answer[S]]:
        """Handle a request for which no caller waits. Return `NoReply` or `Stop`."""
        raise RuntimeError(
            f"{describe(self)} was cast {shorten(request)}, but defines no handle_cast"
        )

    def handle_info(self, message: Any, state: S) -> Answer[S] | Awaitable[Answer[S]]:
        """Handle any other message. Return `NoReply` or `Stop`. By default, it is logged.

        These are the messages of `send` and `send_after`, and `Timeout`, `Down` and `Exited`.
        """
        text = "%s received unexpected message in handle_info: %s"
        logger.error(text, describe(self), shorten(message))
        return NoReply(state)

    def handle_continue(self, continuation: Any, state: S) -> Answer[S] | Awaitable[Answer[S]]:
        """Do what an answer has put off with `then=Continue(continuation)`.

        It runs before any message that is in the mailbox. Return `NoReply` or `Stop`.
        """
        raise RuntimeError(
            f"{describe(self)} was to continue with {shorten(continuation)}, "
            "but defines no handle_continue"
        )

    def format_status(self, report: Report) -> Report:
        """Return what may be shown of the server, as in Elixir: a state without its passwords.

        It is called for the log of a crash, for `debug.status`, and for the states that an observer
        is told. `report._replace(state=…)` leaves the rest as it is. If it raises, nothing of these
        is shown. `debug.get_state` returns the state itself. The observer is told of messages as
        they are: give a field of a message `field(repr=False)` to hide it.
        """
        return report

    def terminate(self, reason: Any, state: S) -> object:
        """Clean up; the server is about to exit for `reason`. What it returns does not matter.

        Not called if an exit signal ends the server, from a link or from `exit`. With `trap_exit`,
        only `exit(server, "kill")` does that.
        """
        return None
