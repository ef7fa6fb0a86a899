"""The outcome of one greeting."""

import asyncio
from typing import Any, Final, NamedTuple, Protocol

from genreply_cli.errors import ExitStatus, GenreplyError
from genreply_cli.otp import CallError, CallTimeout, NoProcess, ServerExit
from genreply_cli.transcript.pretty import typed_duration

REPLIED, TIMED_OUT, FAILED, CANCELLED = "replied", "timed out", "failed", "cancelled"
ERROR = "error"  # the reply is an error, which the caller raises
WRONG_CALLER = "wrong caller"  # it got the answer to another call; known only if steps are followed

_EXIT_CODES: Final = {TIMED_OUT: ExitStatus.TIMED_OUT, FAILED: ExitStatus.NO_SERVER}


class Greets(Protocol):
    """What can be greeted: a coordinator, or a supervisor of coordinators."""

    async def greet(self, msg: str, timeout: float | None = 5.0) -> Any: ...


class Fate(NamedTuple):
    """Why a call got no reply: said of one call, and of many."""

    one: str
    many: str


NOT_TOLD: Final = Fate(
    "the server is not told, and a reply that comes later is dropped",
    "the server is not told, and replies that come later are dropped",
)


TOLD: Final = Fate(
    "the server is told, and a reply that comes later is dropped",
    "the server is told, and replies that come later are dropped",
)
UNKNOWN: Final = Fate(
    "a reply that comes later is dropped",
    "replies that come later are dropped",
)


def fate_of(told: bool | None) -> Fate:
    """What is known of a call that was given up, if only who is told is known."""
    return UNKNOWN if told is None else TOLD if told else NOT_TOLD


class Outcome(NamedTuple):
    """What became of one greeting. `blocked` is how many seconds its caller has waited."""

    number: int
    message: str
    status: str
    reply: Any
    blocked: float
    error: Exception | None = None  # that the caller raised
    answer_to: str | None = None  # the call whose answer it got, if that is another one
    fate: Fate | None = None  # why a call timed out, if that is known

    @property
    def reply_text(self) -> str:
        """The reply as it is printed: a text as it is, another value as Python writes it."""
        if isinstance(self.reply, str):
            return self.reply
        from genreply_cli.transcript.values import safe_repr

        return safe_repr(self.reply)

    @property
    def call(self) -> str:
        """The call's name, as transcripts have it."""
        return f"c{self.number}"

    @property
    def exit_status(self) -> int:
        """The exit status that stands for it."""
        if self.error is None:
            return ExitStatus.OK
        return _EXIT_CODES.get(self.status, ExitStatus.ERROR_REPLY)

    def error_text(self, timeout: float | None) -> str:
        """Why there is no reply, or which error: a sentence that begins with the call's name."""
        return f"{self.call} {self.error_texts(timeout)[0]}"

    def error_texts(self, timeout: float | None) -> tuple[str, str]:
        """The same without a name, to be read after that of one call, or after several."""
        if self.status == TIMED_OUT:
            fate = self.fate or fate_of(getattr(self.error, "told", None))
            limit = f"got no reply within {typed_duration(timeout or 0)}"
            return f"{limit}; {fate.one}", f"{limit}; {fate.many}"
        problem = f"got no reply: {self._why_it_failed()}"
        if self.status != FAILED:
            problem = f"got an error: {self._raised()}"
        return problem, problem

    def _why_it_failed(self) -> str:
        reason = getattr(self.error, "reason", None)
        if isinstance(self.error, CallError) and type(self.error) not in {NoProcess, ServerExit}:
            return self.error.why
        if reason is None:
            return "no server is running any more"
        from genreply_cli.transcript.values import describe_reason

        return f"the server exited, {describe_reason(reason)}"

    def _raised(self) -> str:
        from genreply_cli.transcript.values import describe_reason

        return describe_reason(self.error)

    def as_json(self) -> dict[str, Any]:
        """The outcome as `--json` prints it."""
        result = {"reply": self.reply}
        if not isinstance(self.reply, str):
            from genreply_cli.transcript.values import to_json_value

            result = {"reply": to_json_value(self.reply)}
        if self.error is not None and self.status in {TIMED_OUT, FAILED}:
            result = {"error": self.error_texts(getattr(self.error, "timeout", None))[0]}
        elif self.error is not None:
            result = {"error": self._raised()}
        if self.answer_to is not None:
            result["answer_to"] = self.answer_to
        return {
            "call": self.call,
            "message": self.message,
            "status": self.status,
            **result,
            "blocked": round(self.blocked, 6),
        }


async def greet(coordinator: Greets, number: int, message: str, timeout: float | None) -> Outcome:
    """Greet once. Returns the outcome, also that of a call that raises an error."""
    clock = asyncio.get_running_loop().time
    began = clock()
    try:
        reply = await coordinator.greet(message, timeout)
    except GenreplyError:
        raise
    except Exception as error:
        return raised(number, message, clock() - began, error)
    return Outcome(number, message, REPLIED, reply, clock() - began)


def raised(number: int, message: str, blocked: float, error: Exception) -> Outcome:
    """The outcome of a call that raised the error: its own failure, or the reply."""
    status = ERROR
    if isinstance(error, CallError):
        status = TIMED_OUT if isinstance(error, CallTimeout) else FAILED
    return Outcome(number, message, status, None, blocked, error)
