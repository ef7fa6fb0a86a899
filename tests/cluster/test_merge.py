"""Two recordings of one session, from two nodes of a cluster, become one transcript."""

import asyncio
import os
from collections import defaultdict
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any

import pytest
from commands import genreply
from peers import NEEDS_ELIXIR

from genreply_cli.analysis.check import Checker
from genreply_cli.cluster import Cluster
from genreply_cli.coordinator import Greet
from genreply_cli.otp import CallError, Event, GenServer, Node
from genreply_cli.otp.virtual_time import run
from genreply_cli.session.settings import Settings
from genreply_cli.transcript.format import Header, header_line, to_line
from genreply_cli.transcript.merge import MergeError, Recording, merge
from genreply_cli.transcript.step import Step
from genreply_cli.transcript.tracer import Tracer
from genreply_cli.variations import COORDINATORS

ASKS, ANSWERS = f"asks{os.getpid()}@127.0.0.1", f"answers{os.getpid()}@127.0.0.1"
DELAYS = (0.1, 0.4, 1.6)  # a busy machine needs a longer one


class Recorder:
    """Records what a node does."""

    def __init__(self) -> None:
        self.tracer = Tracer()
        self.steps: list[Step] = []

    def observe(self, event: Event) -> None:
        step = self.tracer.state(event) if event.kind == "state" else self.tracer(event)
        if step is not None:
            self.steps.append(step)

    def recording(self, node: str) -> Recording:
        return Recording(node, Header(settings={"node": node}), [*self.steps, self.tracer.end()])


async def greetings(coordinator: GenServer[Any], delay: float) -> None:
    """Three that overlap, one by itself, and one whose caller does not wait for the answer."""

    async def greet(message: str, timeout: float) -> None:
        with suppress(CallError):
            await coordinator.call(Greet(message), timeout)

    overlapping = []
    for message in "ABC":
        overlapping.append(asyncio.create_task(greet(message, 8 * delay), name="caller"))
        await asyncio.sleep(delay / 4)
    await asyncio.gather(*overlapping)
    await greet("D", 8 * delay)
    await greet("E", delay / 2)
    await asyncio.sleep(2 * delay)


def settings(design: str, delay: float) -> Settings:
    return Settings(design, (delay, delay), None, (), 0)


def on_one_node(design: str, delay: float) -> list[Step]:
    recorder = Recorder()

    async def story() -> None:
        async with Node(recorder.observe, states=True) as node:
            await greetings(settings(design, delay).start(), delay)
            node.observe = None

    run(story())
    return recorder.steps


def recordings(design: str, delay: float = DELAYS[0]) -> tuple[Recording, Recording]:
    """The recordings of two nodes in one cluster: one greets, the other has the coordinator."""
    recorders = Recorder(), Recorder()
    with ExitStack() as stack:
        opened = []
        for name, recorder in zip((ASKS, ANSWERS), recorders, strict=True):
            node = stack.enter_context(Node.in_thread(recorder.observe))
            node.states = True
            cluster = Cluster(name)
            node.run(cluster.__aenter__)
            stack.callback(node.run, cluster.__aexit__, None, None, None)
            opened.append((node, cluster))
        (asks, its_cluster), (answers, cluster) = opened
        answers.run(cluster.serve, "coordinator", answers.run(settings(design, delay).start), Greet)
        assert asks.run(its_cluster.connect, ANSWERS)
        asks.run(greetings, asks.run(its_cluster.server, "coordinator", ANSWERS), delay)
        for node, _ in opened:
            node.observe = None
    return recorders[0].recording(ASKS), recorders[1].recording(ANSWERS)


def by_call(steps: list[Step]) -> dict[str, list[tuple[Any, ...]]]:
    """What happens to each call, but for times."""
    told = defaultdict(list)
    for step in steps:
        if step.call is not None and step.kind != "state":
            told[step.call].append(
                (
                    *(step.kind, step.source, step.target, step.at, step.message),
                    *map(step.details.get, ("for", "went_to", "waiting")),
                )
            )
    return told


@NEEDS_ELIXIR
@pytest.mark.parametrize("design", COORDINATORS)
def test_two_recordings_merge_to_the_timeline_of_one_node(design: str) -> None:
    for delay in DELAYS:
        first, second = recordings(design, delay)
        assert_they_merge(first, second)
        found, wanted = merge(first, second).steps, on_one_node(design, delay)
        if design == "keyed":  # another node is not told who gives up, and replies late
            found = [step for step in found if step.kind != "late"]
            wanted = [step for step in wanted if not step.details.get("gave_up")]
        merged, expected = by_call(found), by_call(wanted)
        if merged == expected:
            break
    assert merged == expected


def assert_they_merge(first: Recording, second: Recording) -> None:
    """They merge without contradictions, whatever the second clock shows."""
    skew = 3.7  # as if the second clock were ahead by that
    moved = [step._replace(t=round(step.t + skew, 6)) for step in second.steps]
    plain = merge(first, second)
    both = merge(first, second._replace(steps=moved))
    assert both.contradictions == []
    assert both.uncertainty is not None
    assert abs(both.ahead - plain.ahead - skew) <= both.uncertainty + (plain.uncertainty or 0)
    broken: list[str] = []
    checker = Checker(lambda *problem: broken.append(str(problem)), both.header)
    for number, step in enumerate(both.steps, 2):
        checker.update(step, number)
    assert broken == []


@NEEDS_ELIXIR
def test_the_merged_transcript_is_one_for_all_views_and_a_forged_reply_is_found(
    tmp_path: Path,
) -> None:
    def write(name: str, recording: Recording) -> Path:
        path = tmp_path / name
        lines = [header_line(recording.header), *map(to_line, recording.steps)]
        path.write_text("\n".join([*lines, ""]))
        return path

    first, second = recordings("keyed")
    a, b = write("a.jsonl", first), write("b.jsonl", second)
    assert genreply("trace", a, "--with", b, "--check").code == 0
    assert genreply("trace", b, "--with", a, "--check").code == 0
    assert "late" in genreply("trace", a, "--with", b, "--print", "--call", "c5").out
    assert genreply("trace", a, "--with", b, "--explain", "--call", "c1").code == 0
    picture = genreply("trace", a, "--with", b, "-o", tmp_path / "both.svg")
    assert picture.code == 0
    forged = [
        step._replace(message="forged") if step.kind == "reply" and step.call == "c1" else step
        for step in second.steps
    ]
    wrong = genreply(
        "trace", a, "--with", write("forged.jsonl", second._replace(steps=forged)), "--check"
    )
    assert wrong.code == 5
    assert "the server replied 'forged', and the caller was given 'A to you too!'" in wrong.out


def test_recordings_that_have_nothing_to_do_with_each_other_are_refused(tmp_path: Path) -> None:
    one = Recording("one", Header(settings={"node": "a@h"}), [])
    for other, problem in (
        (Recording("two", Header(settings={"node": "b@h"}), []), "share no call"),
        (Recording("two", Header(settings={"node": "a@h"}), []), "both were recorded on a@h"),
        (Recording("two", Header(), []), "two was not recorded on a node of a cluster"),
    ):
        with pytest.raises(MergeError, match=problem):
            merge(one, other)
    refused = genreply("trace", "hello", "--with", "late")
    assert refused.code == 5
    assert "was not recorded on a node of a cluster" in refused.err
    follows = genreply("trace", "hello", "--with", "late", "--follow")
    assert follows.code == 2
    assert "--with merges two recordings that have ended" in follows.err
