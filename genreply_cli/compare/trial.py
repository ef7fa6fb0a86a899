"""One coordinator behind one kind of network: callers that overlap, and what each of them gets."""

import asyncio
from dataclasses import dataclass
from itertools import count
from typing import Final

from genreply_cli.session.fates import Fates
from genreply_cli.session.faults import FAULT_KINDS, Fault
from genreply_cli.session.outcome import FAILED, REPLIED, TIMED_OUT, WRONG_CALLER, Outcome, greet
from genreply_cli.session.session import session
from genreply_cli.session.settings import Settings
from genreply_cli.session.supervisor import Supervisor
from genreply_cli.transcript.step import Step

DELAY: Final = 0.05  # seconds that an answer takes
LONG_DELAY: Final = 0.4  # seconds that it takes in the network called `delay`
TIMEOUT: Final = 1.0  # seconds for which a caller waits
STAGGER: Final = 0.01  # seconds between the first calls of two callers: their calls overlap
RATE: Final = 0.2  # the probability with which a fault strikes an answer
CALLS_EACH: Final = 4  # calls that a caller makes, one after the other

FAULTS: Final = {
    "none": "nothing goes wrong",
    "delay": f"each answer takes {LONG_DELAY * 1000:g} ms",
    **{kind: FAULT_KINDS[kind] for kind in ("reorder", "drop", "duplicate", "late", "crash")},
}


def settings_for(coordinator: str, fault: str, seed: int) -> Settings:
    """The settings of a session in which this fault strikes. `none` and `delay` are not random."""
    faults = (Fault(fault, RATE),) if fault in FAULT_KINDS else ()
    delay = LONG_DELAY if fault == "delay" else DELAY
    return Settings(coordinator, (delay, delay), TIMEOUT, faults, seed, clock="virtual")


@dataclass
class Counts:
    """What became of the calls of one or more trials. Each call is counted in one of five."""

    right: int = 0  # the caller has its own answer
    wrong: int = 0  # it has the answer to another call
    only_ok: int = 0  # it has a reply which is no answer
    timed_out: int = 0
    told: int = 0  # the caller is told that the coordinator has crashed
    longest_wait: float = 0.0  # seconds
    strikes: int = 0  # of the fault
    untouched: int = 0  # calls that timed out, though the fault never struck their answers
    right_after: int = 0  # right answers to calls that were made after the first strike of a trial
    at_once: int = 0  # the most answers that were under way at the same time

    @property
    def calls(self) -> int:
        """How many calls were made."""
        return self.right + self.wrong + self.only_ok + self.timed_out + self.told


def run_trial(settings: Settings, callers: int, counts: Counts) -> None:
    """Run one trial on the virtual clock, and add what became of its calls to the counts."""
    settings.run(_Trial(settings, counts).run(callers))


class _Trial:
    """A session whose coordinator is started again after a crash, and the callers in it."""

    def __init__(self, settings: Settings, counts: Counts) -> None:
        self._settings = settings
        self._counts = counts
        self._fates = Fates()
        self._numbers = count(1)
        self._struck: set[str] = set()  # calls whose answers the fault has struck
        self._under_way = 0  # answers

    async def run(self, callers: int) -> None:
        sinks = [self._fates.update, self._observe]
        started = session(lambda: Supervisor(self._settings), sinks, states=False)
        async with started as (supervisor, _), asyncio.TaskGroup() as group:
            for caller in range(callers):
                group.create_task(self._caller(caller, supervisor), name="caller")

    async def _caller(self, caller: int, supervisor: Supervisor) -> None:
        await asyncio.sleep(caller * STAGGER)
        for _ in range(CALLS_EACH):
            if not supervisor.coordinator.alive:
                supervisor.restart()
            number, struck = next(self._numbers), bool(self._struck)
            message = f"greeting {number}"
            outcome = await greet(supervisor.coordinator, number, message, self._settings.timeout)
            self._count(self._fates.complete(outcome), struck)

    def _count(self, outcome: Outcome, struck: bool) -> None:
        counts = self._counts
        counts.longest_wait = max(counts.longest_wait, outcome.blocked)
        match outcome.status:
            case status if status == WRONG_CALLER:
                counts.wrong += 1
            case status if status == TIMED_OUT:
                counts.timed_out += 1
                counts.untouched += outcome.call not in self._struck
            case status if status == FAILED:
                counts.told += 1
            case status if status == REPLIED and outcome.reply == f"{outcome.message} to you too!":
                counts.right += 1
                counts.right_after += struck
            case _:
                counts.only_ok += 1

    def _observe(self, step: Step) -> None:
        counts = self._counts
        match step.kind:
            case "cast":
                self._under_way += 1
                counts.at_once = max(counts.at_once, self._under_way)
            case "info":
                self._under_way -= 1
            case "exit":
                self._under_way = 0
            case "fault":
                self._struck.add(step.call or "")
                counts.strikes += 1
                what = step.details.get("what")
                self._under_way += {"duplicate": 1, "drop": -1}.get(str(what), 0)
