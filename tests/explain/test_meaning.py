"""Each kind of step has its sentence: what it means, and what comes next."""

import pytest

from genreply_cli.explain.meaning import MEANINGS, why
from genreply_cli.transcript.snapshot import Snapshot
from genreply_cli.transcript.step import KINDS, Step


def test_every_kind_has_a_row() -> None:
    assert set(MEANINGS) == set(KINDS) | {
        "wrong",
        "raised",
        "forget",
        "message",
        "linked",
        "nobody",
        "monitor",
        "gave up",
        "passed on",
        "unknown fault",
        "note",
    }


@pytest.mark.parametrize("kind", [*sorted(KINDS), "tomorrow"])
def test_a_step_that_says_nothing_still_has_a_meaning(kind: str) -> None:
    said = why(Step(1, 0.0, kind))
    assert said.endswith(".")
    assert "None" not in said
    assert "{" not in said


INFO = Step(6, 0.25, "info", "c1", "websocket", "coordinator", message=["message_received", "A"])


def waiting(*calls: str, forgotten: str = "") -> Snapshot:
    """The state in which these calls wait."""
    snapshot = Snapshot()
    for call in calls:
        snapshot.update(Step(1, 0.0, "call", call, "caller", "coordinator"))
    if forgotten:
        snapshot.update(Step(2, 0.0, "state", at="coordinator", details={"forgot": [forgotten]}))
    return snapshot


@pytest.mark.parametrize(
    ("snapshot", "then"),
    [
        (None, "Next, handle_info of coordinator sees it."),
        (waiting(), "Next, handle_info of coordinator sees it."),
        (waiting("c1"), "Next, handle_info of coordinator sees it; reply(from, ...) unblocks c1."),
        (waiting("c2", "c3"), "Nobody waits for this any more; c2 and c3 wait for something else."),
        (
            waiting("c1", "c2", forgotten="c1"),
            "c1 still waits for it, but nothing in coordinator leads to c1 any more.",
        ),
    ],
)
def test_what_comes_after_an_answer_depends_on_who_waits(
    snapshot: Snapshot | None, then: str
) -> None:
    assert (
        why(INFO, snapshot)
        == "websocket sends a message to coordinator, and nothing to the caller:"
        f' message_received "A". {then}'
    )


def test_of_a_message_that_belongs_to_no_known_call_nothing_is_said_but_that() -> None:
    assert why(INFO._replace(call=None), waiting("c1")) == (
        'websocket sends to coordinator: message_received "A". It is not recorded which call it is'
        " for. Next, handle_info of coordinator sees it."
    )


@pytest.mark.parametrize("kind", ["late", "duplicate"])
def test_a_dropped_answer_for_another_call_disturbs_that_call(kind: str) -> None:
    step = Step(7, 0.28, kind, "c3", "coordinator", "caller-3", message="B", details={"for": "c2"})
    assert why(step, waiting("c2")).endswith("c2 still waits for it, in vain.")
    assert why(step).endswith("If c2 still waits, it waits in vain.")
    assert why(step._replace(details={})).endswith("Nobody is disturbed by it.")


def test_a_forgotten_caller_is_told_of() -> None:
    step = Step(7, 0.03, "state", "c2", at="coordinator", details={"forgot": ["c1"]})
    assert why(step) == (
        "coordinator has forgotten c1: nothing in its state leads to it any more."
        " c1 will wait in vain, unless another process has been told of it."
    )


def test_a_wrong_caller_is_called_that() -> None:
    details = {"blocked": 0.2, "for": "c1"}
    step = Step(7, 0.25, "reply", "c2", "coordinator", "caller-2", message="A", details=details)
    assert why(step) == (
        'WRONG CALLER: coordinator replies "A" to caller-2, who did not ask that:'
        " it is the answer to c1. If c1 still waits, it waits in vain."
    )


def test_a_crash_says_who_is_told() -> None:
    step = Step(7, 0.25, "crash", "c1", at="websocket", details={"error": "RuntimeError: boom"})
    told = why(step, waiting("c1", "c2", "c3", "c4"))
    assert told.endswith("Next, c1, c2 and 2 more are told at once.")


def test_what_comes_from_outside_is_made_visible() -> None:
    for kind in [*sorted(KINDS), "tomorrow\x1b"]:
        for names in (("for", "went_to"), ("link", "reason"), ("what", "label", "reason")):
            details = {"wh\x07at": "\x1b", **dict.fromkeys(names, "\x1b")}
            hostile = Step(
                1,
                0.0,
                kind,
                call="c1\x9b",
                source="call\u202eer",
                target="co\x00",
                at="a\x1bt",
                message="\x1b[2J",
                details=details,
            )
            assert why(hostile, waiting("c\x1b9")).isprintable()


def test_what_is_missing_is_left_out_and_what_is_there_is_told() -> None:
    late = Step(7, 0.5, "late", "c1", "coordinator", "caller", message="A")
    assert why(late).startswith('coordinator replies "A", and is too late: caller has gone. The')
    late = Step(7, 0.5, "late", "c1", "coordinator", "caller", message="A", details={"ago": 0.2})
    assert "caller has gone, 200 ms ago. The reply is dropped. Nobody" in why(late)
    fault = Step(8, 0.5, "fault", at="shop", details={"what": "{source} burns"})
    assert why(fault) == "A fault, at shop: {source} burns."
    lost = Step(9, 0.5, "lost", "c1", "shop", "till", message="open")
    assert why(lost) == (
        'shop sends to till, which has ended: "open". It is lost.'
        " shop is not told: a call or a monitor would have told it."
    )


@pytest.mark.parametrize("kind", ["timeout", "cancel"])
def test_no_reply_is_expected_for_a_call_whose_answer_went_to_another(kind: str) -> None:
    step = Step(9, 1.0, kind, "c1", "caller", "coordinator")
    assert why(step).endswith("A reply to c1 that comes after this is dropped.")
    went = step._replace(details={"went_to": "c3", "went_at": 0.25})
    assert why(went).endswith("Its answer went to c3.")
