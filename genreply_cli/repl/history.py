"""What a session has seen so far, for /show, /explain, /calls and the summary at its end."""

from collections import deque

from genreply_cli.analysis.stats import Stats
from genreply_cli.session.fates import Fates
from genreply_cli.transcript.step import Step

MAX_STEPS = 20_000  # steps that are kept


class History:
    """The latest steps, the numbers of all steps, and the state after the last one."""

    def __init__(self) -> None:
        self.stats = Stats()
        self.fates = Fates()
        self.snapshot = self.fates.snapshot
        self.steps: deque[Step] = deque(maxlen=MAX_STEPS)

    def update(self, step: Step) -> None:
        """Add a step."""
        self.stats.update(step)
        self.fates.update(step)
        self.steps.append(step)

    def steps_of(self, call: str) -> list[Step]:
        """The steps of one call."""
        return [step for step in self.steps if step.call == call]

    def find_call(self, name: str) -> str:
        """The call that the user means: `c2`, or `2`; the last one, if the name is empty.

        Raises ValueError with a sentence.
        """
        calls = self._calls()
        if not calls:
            raise ValueError("no greeting has been sent yet")
        if not name:
            return calls[-1]
        for call in (name, f"c{name}"):
            if call in calls:
                return call
        raise ValueError(f"no call {name} is known; the latest are {', '.join(calls[-5:])}")

    def latest_calls(self, number: int) -> list[str]:
        """The names of so many calls, the latest first."""
        return self._calls()[: -number - 1 : -1]

    def _calls(self) -> list[str]:
        return [step.call for step in self.steps if step.kind == "call" and step.call is not None]
