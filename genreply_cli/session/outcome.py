"""The outcome of one greeting."""

import asyncio
from typing import Any, NamedTuple

from genreply_cli.errors import ExitStatus
from genreply_cli.otp import CallError, CallTimeout
from genreply_cli.variations import AnyCoordinator

REPLIED, TIMED_OUT, FAILED, CANCELLED = "replied", "timed out", "failed", "cancelled"

EXIT_CODES = {REPLIED: ExitStatus.OK, TIMED_OUT: ExitStatus.TIMED_OUT, FAILED: ExitStatus.NO_SERVER}


class Outcome(NamedTuple):
    """What became of one greeting. `blocked` is how many seconds its caller has waited."""

    number: int
    message: str
    status: str
    reply: str | None
    blocked: float
    error: CallError | None = None

    @property
    def call(self) -> str:
        """The call's name, as transcripts have it."""
        return f"c{self.number}"

    def error_text(self, timeout: float | None) -> str:
        """Why there is no reply: a sentence that begins with the call's name."""
        if self.status == TIMED_OUT:
            kept = "the coordinator is not told, and a late answer will be dropped"
            return f"{self.call} got no reply within {timeout or 0:g} s; {kept}"
        reason = getattr(self.error, "reason", None)
        if reason is None:
            return f"{self.call} got no reply: no coordinator is running any more"
        from genreply_cli.transcript.values import describe_reason

        return f"{self.call} got no reply: the coordinator exited, {describe_reason(reason)}"

    def as_json(self) -> dict[str, Any]:
        """The outcome as `--json` prints it."""
        result = {"reply": self.reply} if self.error is None else {"error": str(self.error)}
        return {
            "call": self.call,
            "message": self.message,
            "status": self.status,
            **result,
            "blocked": round(self.blocked, 6),
        }


async def greet(
    coordinator: AnyCoordinator, number: int, message: str, timeout: float | None
) -> Outcome:
    """Greet once. Returns the outcome, and does not raise CallError."""
    clock = asyncio.get_running_loop().time
    began = clock()
    try:
        reply = await coordinator.greet(message, timeout)
    except CallError as error:
        return unanswered(number, message, clock() - began, error)
    return Outcome(number, message, REPLIED, reply, clock() - began)


def unanswered(number: int, message: str, blocked: float, error: CallError) -> Outcome:
    """The outcome of a call that raised the error."""
    status = TIMED_OUT if isinstance(error, CallTimeout) else FAILED
    return Outcome(number, message, status, None, blocked, error)
