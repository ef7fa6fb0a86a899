"""How things stand at a step, folded from the samples and from steps written by hand."""

from collections import Counter

import pytest

from genreply_cli import paths
from genreply_cli.transcript.counts import Counts
from genreply_cli.transcript.reader import read
from genreply_cli.transcript.snapshot import MAX_ENDED, OpenCall, Snapshot
from genreply_cli.transcript.step import Step, is_caller


def standing_after(name: str, seq: int | None = None) -> Snapshot:
    """How things stand in a sample, after the step of this number or after all."""
    standing = Snapshot()
    for step in read(paths.samples()[name])[1]:
        standing.update(step)
        if step.seq == seq:
            break
    return standing


def test_a_call_is_open_and_kept_until_its_answer() -> None:
    standing = standing_after("hello", 5)
    kept = standing.open["c1"]
    assert kept == OpenCall(
        "c1", 0.0, "caller", "coordinator", ["greet", "Hello world"], 5.0, "coordinator", 0.0,
        seq=3, taken_up=True,
    )  # fmt: skip
    assert standing.kept() == {"coordinator": [kept]}
    after = standing_after("hello")
    assert (after.open, after.kept(), after.counts) == ({}, {}, Counts(1, Counter(replied=1)))
    assert after.t > kept.since


@pytest.mark.parametrize("name", paths.samples())
def test_the_counts_are_those_of_the_end_line(name: str) -> None:
    *_, end = read(paths.samples()[name])[1]
    assert end.details == standing_after(name).counts.at_end()


def test_an_answer_to_another_caller_is_counted_as_wrong() -> None:
    assert standing_after("overlap-single").counts.outcomes["wrong caller"] > 0
    assert standing_after("overlap-keyed").counts.outcomes["wrong caller"] == 0


def test_who_has_crashed_is_gone_and_keeps_nobody() -> None:
    standing = standing_after("crash")
    assert "websocket" not in standing.alive
    assert "RuntimeError" in (standing.ended["websocket"] or "")
    kept, dead = Snapshot(), Snapshot()
    for step in (
        Step(1, 0.0, "call", "c1", "caller", "a", message="x"),
        Step(2, 0.0, "noreply", "c1", at="a"),
        Step(3, 1.0, "exit", at="a", details={"reason": "killed"}),
    ):
        (kept if step.seq < 3 else dead).update(step)
        dead = kept.copy() if step.seq < 3 else dead
    assert list(kept.kept()) == ["a"]
    assert (list(dead.open), dead.kept(), dead.alive, dead.ended) == (
        ["c1"],
        {},
        {},
        {"a": "killed"},
    )


def test_a_monitor_that_is_told_ends_no_call() -> None:
    standing = Snapshot()
    standing.update(Step(1, 0.0, "call", "c1", "caller", "a", message="x"))
    standing.update(Step(2, 0.0, "down", "c1", "b", "watcher", details={"reason": "normal"}))
    assert list(standing.open) == ["c1"]
    assert standing.counts.outcomes["failed"] == 0
    told = {"reason": "normal", "blocked": 0.0}
    standing.update(Step(3, 0.0, "down", "c1", "a", "caller", details=told))
    assert (standing.open, standing.counts.outcomes["failed"]) == ({}, 1)


def test_only_the_latest_dead_are_remembered() -> None:
    standing = Snapshot()
    for number in range(100):
        standing.update(Step(2 * number + 1, 0.0, "start", at=f"worker-{number}"))
        standing.update(Step(2 * number + 2, 0.0, "exit", at=f"worker-{number}"))
    assert list(standing.ended) == [f"worker-{number}" for number in range(100 - MAX_ENDED, 100)]
    standing.update(Step(201, 0.0, "start", at="worker-99"))
    assert "worker-99" in standing.alive
    assert "worker-99" not in standing.ended


def test_a_copy_stands_apart() -> None:
    standing = Snapshot()
    standing.update(Step(1, 0.0, "call", "c1", "caller", "a", message="x"))
    copy = standing.copy()
    assert copy == standing
    standing.update(Step(2, 1.0, "reply", "c1", "a", "caller", message="y"))
    assert list(copy.open) == ["c1"]
    assert (copy.t, copy.counts.at_end()["replied"], standing.counts.at_end()["replied"]) == (
        0.0,
        0,
        1,
    )


def test_who_is_a_caller_by_its_name() -> None:
    names = ["caller", "caller-2", "caller-x", "callers", "coordinator"]
    assert list(filter(is_caller, names)) == ["caller", "caller-2"]
