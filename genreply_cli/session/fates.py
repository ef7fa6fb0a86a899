"""What the steps tell of a call that its own caller cannot know: whose answer it got, and why none.

fates = Fates()
async with session(settings.start, [fates.update]) as …:
    outcome = fates.complete(outcome)
"""

from typing import Final

from genreply_cli.errors import ExitStatus, complain, tell
from genreply_cli.session.outcome import (
    CANCELLED,
    ERROR,
    REPLIED,
    WRONG_CALLER,
    Fate,
    Outcome,
    fate_of,
)
from genreply_cli.text import FirstFew, visible
from genreply_cli.transcript.snapshot import Snapshot
from genreply_cli.transcript.step import Step

LOST: Final = Fate(
    "its answer was lost in the network, and will never come",
    "their answers were lost in the network, and will never come",
)
FORGOTTEN: Final = Fate(
    "the server has forgotten it: nothing in its state leads to it any more",
    "the server has forgotten them: nothing in its state leads to them any more",
)
NOT_HANDLED: Final = Fate(
    "the server has not begun to handle it, and is not told",
    "the server has not begun to handle them, and is not told",
)


class Fates:
    """A fold over steps. A call that `complete` has been asked about is forgotten."""

    def __init__(self) -> None:
        self.wrong = FirstFew()  # `c3 got the answer to c1`
        self.repeated = FirstFew()  # calls to which a second reply came, and was dropped
        self.snapshot = Snapshot()  # the state after the latest step
        self._replies: dict[str, Step] = {}  # by call: errors, and answers to other calls
        self._lost: set[str] = set()  # open calls whose answer the network has lost
        self._fates: dict[str, Fate] = {}  # of calls that timed out, or were cancelled
        self._repeated: set[str] = set()

    def update(self, step: Step) -> None:
        """Follow a step."""
        call = step.call
        if call is not None:
            match step.kind:
                case "reply" if step.outcome != REPLIED:
                    self._replies[call] = step
                    if step.outcome == WRONG_CALLER:
                        self.wrong.add(f"{call} got the answer to {step.details['for']}")
                case "duplicate" if call not in self._repeated:
                    self._repeated.add(call)
                    self.repeated.add(call)
                case "fault" if step.details.get("what") == "drop" and call in self.snapshot.open:
                    self._lost.add(call)
                case "timeout" | "cancel":
                    self._fates[call] = self._fate(step, call)
            if step.ends_call:
                self._lost.discard(call)
        self.snapshot.update(step)

    def complete(self, outcome: Outcome) -> Outcome:
        """The outcome of a call that has ended, with what the steps have told of it.

        A caller that raises, say, a CallTimeout does not know whether that is the reply.
        """
        call = outcome.call
        fate, reply = self._fates.pop(call, None), self._replies.pop(call, None)
        if reply is None or outcome.status == CANCELLED:
            return outcome if fate is None else outcome._replace(fate=fate)
        if reply.outcome == ERROR and outcome.error is None:
            return outcome  # a method of the server has made this call, and has handled the error
        status = str(reply.outcome)
        return outcome._replace(status=status, answer_to=reply.details.get("for"))

    def tell_of_wrong_answers(self, *, strict: bool) -> int:
        """Name the calls with a wrong answer, in one line on stderr. Returns the exit status."""
        facts = []
        if self.wrong.count:
            facts.append(f"wrong answers: {self.wrong}")
        if self.repeated.count:
            facts.append(f"more than one reply, of which only the first counts: to {self.repeated}")
        if not facts:
            return ExitStatus.OK
        sentence = "; ".join(facts)
        if strict:
            return complain(sentence, ExitStatus.WRONG_ANSWER)
        tell(f"note: {visible(sentence)}")
        return ExitStatus.OK

    def _fate(self, step: Step, call: str) -> Fate:
        """What has become of a call that is given up with this step, and of its answer."""
        went_to = step.details.get("went_to")
        if went_to is not None:
            sent = f"its answer was sent to {visible(str(went_to))}"
            return Fate(sent, "their answers were sent to other callers")
        if call in self._lost:
            return LOST
        known = self.snapshot.open.get(call)
        match None if known is None else self.snapshot.standing(known)[0]:
            case "forgotten":
                return FORGOTTEN
            case "queued":
                return NOT_HANDLED
        return fate_of(None if step.told is None else step.target in step.told)
