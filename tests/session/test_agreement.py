"""All that is said of a call agrees: JSON, stderr, rows, counts, snapshots, stories and --check."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any, NamedTuple

import pytest
from commands import genreply
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from genreply_cli.analysis.check import Checker
from genreply_cli.analysis.stats import Stats
from genreply_cli.explain.story import Sentence, StoryTeller
from genreply_cli.export.formats import FORMATS
from genreply_cli.export.mermaid import render as mermaid
from genreply_cli.export.perfetto import render as perfetto
from genreply_cli.export.text import render as plain_text
from genreply_cli.otp import GenServer, Raise
from genreply_cli.otp.virtual_time import run
from genreply_cli.session.batch import greet_all
from genreply_cli.session.fates import FORGOTTEN, LOST, Fates
from genreply_cli.session.faults import FAULT_KINDS, Fault
from genreply_cli.session.network import FaultyLink, Network
from genreply_cli.session.outcome import Outcome, fate_of
from genreply_cli.session.recording import header
from genreply_cli.session.session import session
from genreply_cli.session.settings import Settings
from genreply_cli.timeline.lines import plain_line
from genreply_cli.transcript.snapshot import Snapshot
from genreply_cli.transcript.step import Step, is_error
from genreply_cli.variations import COORDINATORS, AnyCoordinator


class Refusing(Network):
    """A network at whose other end nobody likes the greeting C: the answer is an error."""

    def link(self, caller: GenServer[Any]) -> Any:
        return Refusal(super().link(caller))


class Refusal:
    def __init__(self, link: GenServer[Any] | FaultyLink) -> None:
        self.link = self.__wrapped__ = link

    def send(self, message: Any) -> None:
        refused = message.msg.startswith("C")
        self.link.send(replace(message, msg=Raise(ValueError("no"))) if refused else message)


class Program(NamedTuple):
    """Greetings that come over time, some at once, to one of the coordinators."""

    settings: Settings
    greetings: list[tuple[float, list[str]]]  # seconds to wait, and what is said then
    jobs: int
    as_done: bool
    refuses: bool  # C

    def start(self) -> AnyCoordinator:
        settings = self.settings
        network = settings.delay, settings.faults, settings.timeout, settings.seed
        return settings.start(Refusing(*network) if self.refuses else None)

    async def typed(self) -> AsyncIterator[list[str]]:
        for seconds, texts in self.greetings:
            await asyncio.sleep(seconds)
            yield texts


TIMES = st.sampled_from([0.0, 0.01, 0.05, 0.1, 0.3, 0.5])
FAULTS = st.builds(
    Fault, st.sampled_from(list(FAULT_KINDS)), st.sampled_from([None, 0.1, 0.3, 0.7])
)
SETTINGS = st.builds(
    lambda coordinator, low, more, timeout, faults, seed: Settings(
        coordinator, (low, low + more), timeout, tuple(faults), seed, "virtual"
    ),
    st.sampled_from(list(COORDINATORS)),
    TIMES,
    TIMES,
    st.sampled_from([0.05, 0.1, 0.3, 1.0]),
    st.lists(FAULTS, max_size=2),
    st.integers(0, 1000),
)
PROGRAMS = st.builds(
    Program,
    SETTINGS,
    st.lists(
        st.tuples(TIMES, st.lists(st.sampled_from("ABC"), min_size=1, max_size=4)),
        min_size=2,
        max_size=6,
    ),
    st.integers(1, 5),
    st.booleans(),
    st.booleans(),
)


class Seen(NamedTuple):
    """What was said of a program."""

    outcomes: list[Outcome]
    steps: list[Step]
    fates: Fates


def watch(program: Program) -> Seen:
    """Run a program to its end."""
    seen = Seen([], [], Fates())

    async def main() -> None:
        sinks = [seen.steps.append, seen.fates.update]
        settings = program.settings
        async with session(program.start, sinks) as (coordinator, observers):
            known = greet_all(
                coordinator,
                program.typed(),
                settings.timeout,
                program.jobs,
                as_done=program.as_done,
                complete=seen.fates.complete,
            )
            async for outcomes in known:
                seen.outcomes.extend(outcomes)
            assert observers is not None
            await observers.linger(2.0)

    run(main())
    return seen


HEADER = header(Settings(clock="virtual"))
ROWS = {
    "replied": "(blocked ",
    "wrong caller": "WRONG CALLER",
    "error": "raises ValueError: no (blocked ",
    "timed out": "gave up",
    "failed": "",
}
STORIES = {
    "replied": " replies ",
    "wrong caller": "WRONG CALLER",
    "error": " raises it",
    "timed out": "gives up",
    "failed": "is told ",
}


CODES = {"replied": 0, "wrong caller": 0, "timed out": 3, "failed": 4}
COUNTERS = {
    "replied": "replied",
    "wrong caller": "wrong_caller",
    "error": "errors",
    "timed out": "timed_out",
    "failed": "failed",
}


@given(PROGRAMS)
@hypothesis_settings(max_examples=500, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_all_that_is_said_of_a_call_agrees(program: Program) -> None:
    outcomes, steps, fates = watch(program)
    ends = {step.call: step for step in steps if step.ends_call}
    messages = {step.call: step.message for step in steps if step.kind == "call"}
    assert ends.keys() == messages.keys() == {outcome.call for outcome in outcomes}
    told = stories(steps, [outcome.call for outcome in outcomes])
    for outcome in outcomes:
        said, end = outcome.as_json(), ends[outcome.call]
        assert messages[outcome.call] == ["greet", outcome.message]
        assert (said["status"], said.get("answer_to")) == (end.outcome, end.details.get("for"))
        assert said["blocked"] == end.details["blocked"]
        if end.kind == "reply" and "error" in said:
            assert {"raise": said["error"]} == end.message
            assert outcome.error_text(1.0) == f"{outcome.call} got an error: {said['error']}"
        else:
            assert said.get("reply") == (end.message if end.kind == "reply" else None)
        assert outcome.exit_status == (7 if is_error(end.message) else CODES[said["status"]])
        row = plain_line(end)
        assert ROWS[said["status"]] in row
        assert (ROWS["wrong caller"] in row) == (said["status"] == "wrong caller")
        story = [each.sentence for each in told[outcome.call] if each.seq == end.seq]
        assert STORIES[said["status"]] in " ".join(story)
    counts = Counter(outcome.status for outcome in outcomes)
    check_counts(counts, steps)
    check_fates(outcomes, steps, ends)
    check_views(steps)
    assert fates.wrong.count == counts["wrong caller"]
    repeated = {step.call for step in steps if step.kind == "duplicate"}
    assert fates.repeated.count == len(repeated)


def stories(steps: list[Step], calls: list[str]) -> dict[str, list[Sentence]]:
    """What --explain tells of each call."""
    teller = StoryTeller(calls)
    for step in steps:
        teller.update(step)
    return {story.call: list(story) for story in teller.worth_telling()}


def check_counts(counts: Counter[str], steps: list[Step]) -> None:
    """The counts of the `end`, of --stats and of the farewell, and the verdict of --check."""
    stats = Stats()
    found: list[tuple[int, str, str]] = []
    checker = Checker(lambda *finding: found.append(finding), HEADER)
    for step in steps:
        stats.update(step)
        checker.update(step)
    assert found == []
    at_end = steps[-1].details
    for status, field in COUNTERS.items():
        assert at_end.get(field, 0) == counts[status]
        assert stats.counts.outcomes[status] == counts[status]
    assert at_end["calls"] == counts.total()
    assert stats.counts.still_open == 0


def check_views(steps: list[Step]) -> None:
    """How many callers wait, and how many of them in vain: the same in all that is drawn."""
    snapshot = Snapshot()
    keeping = [step for step in steps if step.kind == "noreply"]  # it is the same without the rest
    rows, diagram, trace = (
        "".join(render(HEADER, keeping)) for render in (plain_text, mermaid, perfetto)
    )
    for step in steps:
        snapshot.update(step)
        if step.kind != "noreply" or step.at is None:
            continue
        waiting = snapshot.waiting().get(step.at, [])
        in_vain = [call for call in waiting if call.forgotten_by == step.at]
        assert (step.waiting, step.in_vain) == (len(waiting), len(in_vain))
        said = f"{len(waiting)} waiting"
        if in_vain:
            said += f", {len(in_vain)} of them in vain"
        assert f"{step.call} noreply {step.at}: caller kept, {said}\n" in rows
        kept = f"{step.call} noreply caller {step.call} kept, not answered"
        assert f"{kept}#59; {said}\n" in diagram
        assert f'{kept}; {said}"' in trace


def check_fates(outcomes: list[Outcome], steps: list[Step], ends: dict[str | None, Step]) -> None:
    """What is said of a timeout on stderr is what the state of the coordinator says."""
    snapshot = Snapshot()
    standing: dict[str, str] = {}  # of each call, just before it ended
    lost: set[str | None] = set()
    for step in steps:
        if step.kind == "timeout" and step.call is not None:
            standing[step.call] = snapshot.standing(snapshot.open[step.call])[0]
        elif (step.kind, step.details.get("what")) == ("fault", "drop") and (
            step.call in snapshot.open
        ):
            lost.add(step.call)
        snapshot.update(step)
        for call in snapshot.open.values():
            keepers = [name for name, state in snapshot.states.items() if call.call in state.keeps]
            assert (snapshot.standing(call)[0] == "kept") == bool(keepers)
    for outcome in outcomes:
        if outcome.status != "timed out":
            continue
        assert outcome.fate is not None
        went_to = ends[outcome.call].details.get("went_to")
        text = outcome.error_text(1.0)
        assert (f"its answer was sent to {went_to}" in text) == (went_to is not None)
        if went_to is None:
            assert (outcome.fate is LOST) == (outcome.call in lost)
            if outcome.call not in lost:
                assert (outcome.fate is FORGOTTEN) == (standing[outcome.call] == "forgotten")
                if standing[outcome.call] == "kept":
                    told = ends[outcome.call].told or []
                    assert outcome.fate is fate_of(told="coordinator" in told)


@pytest.mark.parametrize("form", FORMATS)
def test_each_form_of_a_recording_tells_how_many_wait_in_vain(form: str) -> None:
    drawn = genreply("trace", "overlap-single", "--as", form).out
    assert "3 waiting, 2 of them in vain" in drawn
