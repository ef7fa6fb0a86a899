"""The laws of causes: which step may lead to another, and whose answer a server gave.

A process acts while it handles a message. So the cause of what it does is a message to it, and what
it sends belongs to the call of that message. An answer belongs to the call of its cause as well: if
it goes to another call, it went to a wrong caller, and `for` names the call that it was meant for.
Whether it is meant so is not known if the cause is a call itself, or a message of a process to
itself, or one of a handler that has answered the call of it: a lock, a batch or a pool answers
others that wait. Then nothing need be said.
"""

from typing import Final, NamedTuple

from genreply_cli.analysis.blame import UNKNOWN, BrokenLaws, Suspect, shown
from genreply_cli.analysis.calls import Calls
from genreply_cli.transcript.step import KINDS, Step

WINDOW: Final = 1 << 14  # steps that are remembered; of older ones, messages of calls that wait
ROUNDING: Final = 2.001e-6  # seconds by which the difference of two rounded times may be off

ANSWERS: Final = frozenset(
    kind for kind, facts in KINDS.items() if facts.counter in {"replied", "dropped"}
)
MESSAGES: Final = frozenset(kind for kind, facts in KINDS.items() if facts.queued)
RETURNS: Final = frozenset(kind for kind, facts in KINDS.items() if facts.returns)
# what a process does while it handles a message
ACTS: Final = frozenset(
    kind for kind, facts in KINDS.items() if facts.has_message or facts.returns or kind == "fault"
)
# steps that may belong to another call than the message that is handled
OF_ANOTHER_CALL: Final = frozenset(
    kind for kind, facts in KINDS.items() if facts.counter is not None
)


# what a process owns acts without a message: what led to what it does is its start
OWNED: Final = frozenset({"Source", "Task"})


class Message(NamedTuple):
    """What is remembered of a step that may be a cause."""

    target: str | None
    call: str | None
    kind: str
    cause: int | None = None
    is_loose: bool = False  # an answer that it leads to may be meant for any call


NO_CAUSE: Final = Message(None, None, "")  # a step that is no message


class Causes:
    """Adds to the broken laws of a step those of its cause.

    It remembers the last `WINDOW` steps, and for each open call its messages, and where its answer
    went.
    """

    def __init__(self, broken: BrokenLaws, calls: Calls) -> None:
        self.unchecked = 0  # steps with causes that were forgotten
        self._broken = broken
        self._calls = calls
        self._recent: dict[int, Message] = {}
        self._older: dict[int, Message] = {}  # of calls that wait
        self._older_limit = WINDOW
        self._went: dict[str, tuple[str | None, float]] = {}  # call -> the call that got its answer
        self._answered_in: dict[str, int] = {}  # call -> the message whose handler has answered it
        self._handled: dict[str, int] = {}  # process -> the seq before which it has handled all

    def of(self, step: Step) -> Message | None:
        """The message that led to a step; None if there is none, or it is forgotten."""
        cause = step.cause
        if cause is None:
            return None
        return self._recent.get(cause) or self._older.get(cause)

    def check(self, step: Step, *, acts: bool = True) -> None:
        """Check the cause of a step. `acts`: the process of the step itself handles it."""
        cause = self.of(step)
        if cause is None:
            self.unchecked += step.cause is not None and step.cause <= step.seq - WINDOW
            return
        kind = step.kind
        if cause is NO_CAUSE:
            problem = f"expected the seq of a message to a process, found {step.cause}"
            self._broken.add(Suspect("cause", problem))
            return
        if acts and kind in ACTS:
            actor = step.at if step.at is not None else step.source
            if cause.target != actor and actor is not None:
                self._add_wrong_actor(step, cause, actor)
        if kind in ANSWERS:
            self._check_intended(step, cause)
        elif (
            cause.call != step.call
            and kind not in OF_ANOTHER_CALL
            and not (kind == "noreply" and cause.kind != "call")  # a handler may receive others
            and not (cause.call is None and cause.kind == "info")  # a server may know better whose
            and not (step.call is None and _starts_owned(step))  # it is not there for that call
        ):
            found, right = shown(step.call), shown(cause.call)
            problem = f"expected a message of {found}; found {step.cause}, which belongs to {right}"
            suspects = [
                Suspect("call", f"expected {right}, as its cause; found {found}", cause.call),
                Suspect("cause", problem),
            ]
            self._broken.add(*self._likeliest_first(step, suspects))

    def remember(self, step: Step) -> None:
        """Remember a step that may be a cause, and whose answer it is."""
        seq, kind = step.seq, step.kind
        if _starts_owned(step):
            self._recent[seq] = Message(step.at, step.call, kind)
        elif kind in MESSAGES or (kind == "down" and step.reaches_monitor):
            parent = None if kind == "call" else self.of(step)
            is_loose = step.source == step.target or (parent is not None and self._is_loose(parent))
            self._recent[seq] = Message(step.target, step.call, kind, step.cause, is_loose)
        else:
            self._recent[seq] = NO_CAUSE
            if kind in RETURNS:
                self._remember_return(step)
        old = self._recent.pop(seq - WINDOW, NO_CAUSE)
        if old.call is not None and old.call in self._calls.open:
            self._older[seq - WINDOW] = old
            if len(self._older) > self._older_limit:
                self._older = {
                    seq: message
                    for seq, message in self._older.items()
                    if message.call in self._calls.open
                }
                self._older_limit = 2 * len(self._older) + WINDOW

    def check_went_to(self, step: Step, *, sure: bool) -> None:
        """Check where the answer of a caller went that gave up.

        `sure` says that no answer can have been missed.
        """
        went = self._went.get(step.call or "")
        found, found_at = step.details.get("went_to"), step.details.get("went_at")
        if went is None:
            if found is not None and sure:
                problem = f"expected none: its answer went to no other call; found {shown(found)}"
                self._broken.add(Suspect("went_to", problem), Suspect("call", problem))
            return
        call, t = went
        if found != call:
            problem = f"expected {shown(call)}, which got its answer; found {shown(found)}"
            self._broken.add(Suspect("went_to", problem), Suspect("call", problem))
        elif not isinstance(found_at, int | float) or abs(found_at - t) > ROUNDING:
            problem = f"expected {t:.6f}, when {shown(call)} got its answer"
            self._broken.add(Suspect("went_at", f"{problem}; found {shown(found_at)}"))

    def forget(self, call: str) -> None:
        """Forget where the answer of a call went: the call has ended."""
        self._went.pop(call, None)

    def forget_message(self, seq: int | None) -> None:
        """Forget a message that may be wrong itself."""
        if seq is not None:
            self._recent.pop(seq, None)
            self._older.pop(seq, None)

    def clear(self) -> None:
        """Another recording begins."""
        self._recent.clear()
        self._older.clear()
        self._went.clear()
        self._answered_in.clear()
        self._handled.clear()

    def _add_wrong_actor(self, step: Step, cause: Message, actor: str) -> None:
        field = "from" if step.at is None else "at"
        target = shown(cause.target)
        found = f"found {step.cause}, which went to {target}"
        wrong_cause = Suspect("cause", f"expected a message to {shown(actor)}; {found}")
        wrong_actor = Suspect(
            field,
            f"expected {target}, which handles the cause; found {shown(actor)}",
            cause.target,
        )
        if step.kind in ANSWERS and self._calls.callee(step.call) == actor:
            self._broken.add(wrong_cause, wrong_actor)
        else:
            self._broken.add(wrong_actor, wrong_cause)

    def _check_intended(self, step: Step, cause: Message) -> None:
        found = step.details.get("for")
        intended = cause.call if cause.call != step.call else None
        if found == intended or (found is None and (cause.kind == "call" or self._is_loose(cause))):
            return
        if intended is None:
            expected = "expected none: its cause belongs to the same call"
        else:
            expected = f"expected {shown(intended)}, to which its cause belongs"
        call, of = shown(step.call if found is None else found), shown(cause.call)
        suspects = [
            Suspect("for", f"{expected}; found {shown(found)}", intended),
            Suspect(
                "cause", f"expected a message of {call}; found {step.cause}, which belongs to {of}"
            ),
            Suspect(
                "call",
                f"expected {of}, as its cause; found {shown(step.call)}",
                cause.call if found is None else UNKNOWN,
            ),
        ]
        self._broken.add(*self._likeliest_first(step, suspects))

    def _is_loose(self, message: Message) -> bool:
        """Whether an answer to this message may be meant for any call that waits.

        It may if the handler that has sent it has answered its call, too, and so goes on.
        """
        answered_in = self._answered_in.get(message.call or "")
        return message.is_loose or (answered_in is not None and answered_in == message.cause)

    def _likeliest_first(self, step: Step, suspects: list[Suspect]) -> list[Suspect]:
        """The cause comes first if the process has handled that message to the end before."""
        actor = step.source if step.at is None else step.at
        if (step.cause or 0) >= self._handled.get(actor or "", 0):
            return suspects
        return sorted(suspects, key=lambda suspect: suspect.field != "cause")

    def _remember_return(self, step: Step) -> None:
        """A handler has returned, or has sent an answer, which often is the last thing it does."""
        actor = step.source if step.at is None else step.at
        if step.cause is not None and actor is not None and step.kind != "state":
            self._handled[actor] = step.cause + 1
        if step.kind not in ANSWERS:
            return
        if step.kind == "reply" and step.call is not None and step.cause is not None:
            self._answered_in[step.call] = step.cause
            if len(self._answered_in) > WINDOW:
                del self._answered_in[next(iter(self._answered_in))]
        intended = step.details.get("for")
        if intended is not None and intended in self._calls.open:
            self._went[intended] = step.call, step.t


def _starts_owned(step: Step) -> bool:
    return step.kind == "start" and step.details.get("module") in OWNED
