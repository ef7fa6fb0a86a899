"""The laws of causes: which step may lead to another, and whose answer a server gave.

A process acts while it handles a message. So the cause of what it does is a message to it, and what
it sends belongs to the call of that message. An answer belongs to the call of its cause as well: if
it goes to another call, it went to a wrong caller, and `for` names the call that it was meant for.
"""

from collections.abc import Callable
from typing import Final, NamedTuple

from genreply_cli.transcript.pretty import pretty_name
from genreply_cli.transcript.step import KINDS, Step

WINDOW: Final = 1 << 14  # steps that are remembered; an older cause is not checked


class _Message(NamedTuple):
    """What is remembered of a step that may be a cause."""

    target: str | None  # None: the step is no message
    call: str | None


class Causes:
    """Calls `report` with a field and with what was expected, for each cause that is not possible.

    It remembers the last `WINDOW` steps, and for each call that `is_open` where its answer went.
    """

    def __init__(self, report: Callable[[str, str], None], is_open: Callable[[str], bool]) -> None:
        self._report = report
        self._is_open = is_open
        self._messages: dict[int, _Message] = {}
        # call -> the call that got its answer, and when; None: that is not sure
        self._went: dict[str, tuple[str | None, float] | None] = {}

    def update(self, step: Step) -> None:
        """Check one more step."""
        facts = KINDS.get(step.kind)
        if facts is not None and step.cause is not None and step.cause in self._messages:
            is_answer = facts.counter in {"replied", "dropped"}
            acts = is_answer or facts.queued or step.kind == "noreply"
            cause = self._messages[step.cause]
            if acts and not self._check(step, cause, same_call=not is_answer):
                return
            if is_answer:
                self._check_intended(step, cause)
        queued = facts is not None and facts.queued
        self._messages[step.seq] = _Message(step.target if queued else None, step.call)
        self._messages.pop(step.seq - WINDOW, None)

    def skip(self, step: Step) -> None:
        """Take note of a step that is wrong already: what follows from it is not checked."""
        cause = self._messages.get(step.cause or 0)
        for call in (step.details.get("for"), None if cause is None else cause.call):
            if isinstance(call, str) and self._is_open(call):
                self._went[call] = None

    def check_went_to(self, step: Step) -> None:
        """Check where the answer of a caller went that gave up."""
        name = step.call or ""
        unsure = name in self._went and self._went[name] is None
        went = self._went.pop(name, None)
        found = step.details.get("went_to"), step.details.get("went_at")
        if went is None:
            if found[0] is not None and not unsure:
                expected = "expected none: its answer went to no other call"
                self._report("went_to", f"{expected}; found {pretty_name(found[0])}")
            return
        call, t = went
        if found[0] != call:
            expected = f"expected {pretty_name(call)}, which got its answer"
            self._report("went_to", f"{expected}; found {_shown(found[0])}")
        elif not isinstance(found[1], int | float) or abs(found[1] - t) > 2e-6:
            expected = f"expected {t:.6f}, when {pretty_name(call)} got its answer"
            self._report("went_at", f"{expected}; found {_shown(found[1])}")

    def forget(self, call: str | None) -> None:
        """Forget where the answer of a call went: the call has ended."""
        self._went.pop(call or "", None)

    def clear(self) -> None:
        """Another recording begins."""
        self._messages.clear()
        self._went.clear()

    def _check(self, step: Step, cause: _Message, *, same_call: bool) -> bool:
        actor = step.at or step.source
        if cause.target is None:
            self._report("cause", f"expected the seq of a message, found {step.cause}")
        elif cause.target != actor:
            expected = f"expected a message to {pretty_name(actor)}"
            found = f"{step.cause}, which went to {pretty_name(cause.target)}"
            self._report("cause", f"{expected}; found {found}")
        elif same_call and step.kind != "call" and cause.call != step.call:
            expected = f"expected a message of {_shown(step.call)}"
            self._report("cause", f"{expected}; found {step.cause}, of {_shown(cause.call)}")
        else:
            return True
        return False

    def _check_intended(self, step: Step, cause: _Message) -> None:
        found = step.details.get("for")
        intended = cause.call if cause.call != step.call else None
        if intended is not None and self._is_open(intended):
            self._went[intended] = step.call, step.t
        if found != intended:
            if intended is None:
                expected = "expected none: its cause belongs to the same call"
            else:
                expected = f"expected {pretty_name(intended)}, to which its cause belongs"
            self._report("for", f"{expected}; found {_shown(found)}")


def _shown(value: object) -> str:
    return "none" if value is None else pretty_name(value)
