"""How things stand at a step, folded from the samples and from steps written by hand."""

import pickle
from collections import Counter
from itertools import pairwise
from typing import Any, Final

import pytest
from demos import played
from versions import old_samples

from genreply_cli import paths
from genreply_cli.transcript.counts import Counts
from genreply_cli.transcript.reader import read
from genreply_cli.transcript.snapshot import MAX_ENDED, Kept, OpenCall, Snapshot
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
    standing = standing_after("hello", 8)
    waiting = standing.open["c1"]
    assert waiting == OpenCall(
        "c1", 0.0, "caller", "coordinator", ["greet", "Hello world"], 5.0, "coordinator", 0.0,
        seq=5, taken_up=True,
    )  # fmt: skip
    assert standing.waiting() == {"coordinator": [waiting]}
    assert standing.keeps("coordinator") == {"c1": Kept("c1", 0.0, 7)}
    after = standing_after("hello")
    assert (after.open, after.waiting(), after.counts) == ({}, {}, Counts(1, Counter(replied=1)))
    assert after.keeps("coordinator") == {"c1": Kept("c1", 0.0, 7, "replied")}
    assert after.t > waiting.since


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
    assert list(kept.waiting()) == ["a"]
    assert (list(dead.open), dead.waiting(), dead.alive, dead.ended) == (
        ["c1"],
        {},
        {},
        {"a": "killed"},
    )


# What servers keep.


def stood(name: str, after: int) -> list[tuple[str, str, str | None]]:
    """How the open calls of a sample stand after a step."""
    standing = standing_after(name, after)
    return [(call.call, *standing.standing(call)) for call in standing.open.values()]


def test_of_one_slot_the_last_caller_is_kept_and_the_others_are_forgotten() -> None:
    assert stood("overlap-single", 12) == [
        ("c1", "forgotten", "coordinator"), ("c2", "kept", "coordinator"),
    ]  # fmt: skip
    assert stood("overlap-single", 16) == [
        ("c1", "forgotten", "coordinator"), ("c2", "forgotten", "coordinator"),
        ("c3", "kept", "coordinator"),
    ]  # fmt: skip
    after = standing_after("overlap-single", 16)
    assert after.states["coordinator"].slots == {"caller": ("c1", "c2", "c3")}
    assert list(after.keeps("coordinator") or ()) == ["c3"]


def test_the_slot_still_holds_a_caller_that_has_its_answer() -> None:
    kept = standing_after("overlap-single", 19).keeps("coordinator")
    assert kept == {"c3": Kept("c3", 0.06, 15, "wrong caller")}
    assert stood("overlap-single", 19) == [
        ("c1", "forgotten", "coordinator"), ("c2", "forgotten", "coordinator"),
    ]  # fmt: skip


def test_of_a_map_each_caller_is_kept_until_its_answer() -> None:
    assert stood("overlap-keyed", 16) == [
        ("c1", "kept", "coordinator"), ("c2", "kept", "coordinator"),
        ("c3", "kept", "coordinator"),
    ]  # fmt: skip
    assert list(standing_after("overlap-keyed", 20).keeps("coordinator") or ()) == ["c2", "c3"]
    assert standing_after("overlap-keyed").keeps("coordinator") == {}


@pytest.mark.parametrize("name", old_samples())
def test_without_states_it_is_only_known_who_waits(name: str) -> None:
    standing = Snapshot()
    for step in read(old_samples()[name])[1]:
        standing.update(step)
        assert standing.keeps("coordinator") is None
        for call in standing.open.values():
            assert standing.standing(call)[0] in {"waiting", "taken up", "queued", "lost"}


def test_a_state_that_was_not_looked_into_whole_says_nothing_of_what_is_kept() -> None:
    snapshot = folded(
        ("call", "c1", {"target": "a"}),
        ("state", "c1", {"at": "a", "details": {"state": {"count": 40}, "more": 40}}),
        ("noreply", "c1", {"at": "a"}),
    )
    assert snapshot.keeps("a") is None
    assert snapshot.standing(snapshot.open["c1"]) == ("waiting", "a")


def test_a_call_that_is_kept_again_is_not_forgotten() -> None:
    snapshot = folded(
        ("call", "c1", {"target": "a"}),
        ("state", None, {"at": "a", "details": {"keeps": ["c1"]}}),
        ("state", None, {"at": "a", "details": {"keeps": [], "forgot": ["c1"]}}),
    )
    assert snapshot.standing(snapshot.open["c1"]) == ("forgotten", "a")
    snapshot.update(Step(9, 0.0, "state", at="b", details={"keeps": ["c1"]}))
    assert snapshot.standing(snapshot.open["c1"]) == ("kept", "b")


def test_a_server_that_has_ended_keeps_nothing() -> None:
    snapshot = folded(
        ("call", "c1", {"target": "a"}),
        ("state", None, {"at": "a", "details": {"keeps": ["c1"]}}),
        ("exit", None, {"at": "a"}),
    )
    assert snapshot.keeps("a") is None
    assert snapshot.standing(snapshot.open["c1"]) == ("lost", "a")


# What servers handle.


def folded(*steps: tuple[str, str | None, dict[str, Any]]) -> Snapshot:
    """The state after steps of these kinds and calls. A cause is the number of a step, from 1."""
    snapshot = Snapshot()
    for seq, (kind, call, more) in enumerate(steps, 1):
        snapshot.update(Step(seq, 0.0, kind, call, **{"source": None, **more}))
    return snapshot


ASKED: Final[list[tuple[str, str | None, dict[str, Any]]]] = [
    ("call", "c1", {"target": "a"}),
    ("call", "c2", {"target": "a"}),
    ("cast", "c1", {"source": "a", "target": "b", "cause": 1}),
]


@pytest.mark.parametrize(
    ("then", "handling"),
    [
        ([], "c1"),
        ([("noreply", "c1", {"at": "a"})], "c2"),
        ([("reply", "c1", {"source": "a", "target": "caller"})], "c2"),
        ([("state", "c1", {"at": "a", "cause": 1})], "c2"),
        ([("state", "c1", {"at": "a", "cause": 3})], "c1"),  # of another message
        ([("state", "c1", {"at": "b", "cause": 1})], "c1"),  # of another server
        ([("timeout", "c1", {"source": "caller", "target": "a"})], "c1"),  # a does not know
        (
            [
                ("timeout", "c1", {"source": "caller", "target": "a"}),
                ("late", "c1", {"source": "a", "target": "caller"}),
            ],
            "c2",
        ),
        ([("timeout", "c2", {"source": "caller-2", "target": "a"})], "c1"),
        ([("cast", "c2", {"source": "a", "target": "b", "cause": 2})], "c2"),
        ([("exit", None, {"at": "a"})], None),
    ],
)
def test_a_server_handles_a_call_until_its_handler_has_returned(
    then: list[tuple[str, str | None, dict[str, Any]]], handling: str | None
) -> None:
    snapshot = folded(*ASKED, *then)
    assert snapshot.handling("a") == handling
    assert snapshot.copy().handling("a") == handling
    assert snapshot.handling("b") is None


def test_a_call_whose_caller_has_gone_is_handled_only_if_that_is_seen() -> None:
    gone = [
        ("noreply", "c1", {"at": "a"}),
        ("timeout", "c2", {"source": "caller-2", "target": "a"}),
    ]
    assert folded(*ASKED, *gone).handling("a") is None
    begun = ("cast", "c2", {"source": "a", "target": "b", "cause": 2})
    assert folded(*ASKED, *gone, begun).handling("a") == "c2"


@pytest.mark.parametrize(("design", "most"), [("blocking", 1), ("single", 0), ("immediate", 0)])
def test_a_blocking_coordinator_is_seen_to_be_busy(design: str, most: int) -> None:
    """When time passes, a coordinator that waits inside its handler is busy, and no other is."""
    steps, _ = played(design, "none")
    snapshot, busy = Snapshot(), []
    for step, following in pairwise(steps):
        snapshot.update(step)
        if following.t > step.t:
            busy.append(snapshot.handling("coordinator") is not None)
    assert any(busy) == bool(most)
    snapshot.update(steps[-1])
    assert snapshot.handling("coordinator") is None


def test_calls_that_are_given_up_take_no_memory() -> None:
    snapshot = Snapshot()
    for number in range(10_000):
        snapshot.update(Step(2 * number + 1, 0.0, "call", f"c{number}", "caller", "a"))
        snapshot.update(Step(2 * number + 2, 0.0, "timeout", f"c{number}", "caller", "a"))
    assert len(pickle.dumps(snapshot)) < 100_000


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
