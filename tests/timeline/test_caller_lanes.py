"""Which lane a caller has, on the screen and in the picture."""

from genreply_cli.timeline.caller_lanes import CallerLanes
from genreply_cli.transcript.snapshot import Snapshot
from genreply_cli.transcript.step import Step


def call(name: str, caller: str) -> Step:
    return Step(1, 0.0, "call", name, caller, "coordinator")


def reply(name: str, caller: str) -> Step:
    return Step(1, 0.0, "reply", name, "coordinator", caller)


def lanes_after(*steps: Step, limit: int = 9) -> CallerLanes:
    lanes = CallerLanes(limit)
    for step in steps:
        lanes.update(step)
    return lanes


def test_callers_that_wait_at_once_have_lanes_of_their_own() -> None:
    lanes = lanes_after(call("c1", "caller"), call("c2", "caller-2"))
    assert [lanes.lane("caller"), lanes.lane("caller-2")] == [0, 1]
    assert lanes.labels() == ["caller", "caller-2"]
    assert [lanes.is_blocked(0), lanes.is_blocked(1)] == [True, True]


def test_a_caller_keeps_its_lane_after_its_call_until_another_needs_it() -> None:
    first = [call("c1", "caller"), reply("c1", "caller")]
    lanes = lanes_after(*first)
    assert (lanes.lane("caller"), lanes.is_blocked(0)) == (0, False)
    lanes.update(call("c2", "caller-2"))
    assert (len(lanes), lanes.lane("caller-2"), lanes.is_blocked(0)) == (1, 0, True)


def test_a_caller_with_two_calls_waits_until_both_have_ended() -> None:
    lanes = lanes_after(call("c1", "caller"), call("c2", "caller"), reply("c1", "caller"))
    assert lanes.waits("caller")
    lanes.update(reply("c2", "caller"))
    assert not lanes.waits("caller")


def test_a_late_answer_takes_no_lane_from_a_caller_that_waits() -> None:
    late = Step(9, 0.0, "late", "c1", "coordinator", "caller")
    timeout = Step(2, 0.0, "timeout", "c1", "caller", "coordinator")
    lanes = lanes_after(call("c1", "caller"), timeout, call("c2", "caller-2"), late)
    assert (len(lanes), lanes.lane("caller-2")) == (1, 0)


def test_the_message_of_a_monitor_ends_no_wait() -> None:
    lanes = lanes_after(call("c1", "caller"), Step(2, 0.0, "down", "c1", "coordinator", "caller"))
    assert lanes.waits("caller")


def test_callers_beyond_the_limit_share_the_last_lane_while_they_wait() -> None:
    crowd = [call(f"c{number}", f"caller-{number}") for number in range(2, 7)]
    lanes = lanes_after(*crowd, limit=2)
    assert [lanes.lane(f"caller-{number}") for number in range(2, 7)] == [0, 1, 1, 1, 1]
    assert lanes.labels() == ["caller-2", "callers"]
    for number in range(3, 7):
        assert lanes.is_blocked(1)
        lanes.update(reply(f"c{number}", f"caller-{number}"))
    assert not lanes.is_blocked(1)
    assert lanes.is_blocked(0)


def test_all_callers_can_be_moved_to_one_lane() -> None:
    lanes = lanes_after(call("c1", "caller"), call("c2", "caller-2"))
    lanes.share_one()
    assert (len(lanes), lanes.labels()) == (1, ["callers"])
    assert [lanes.lane("caller"), lanes.lane("caller-2")] == [0, 0]
    lanes.update(reply("c1", "caller"))
    assert lanes.is_blocked(0)
    lanes.update(reply("c2", "caller-2"))
    assert not lanes.is_blocked(0)


def test_a_timeline_that_begins_in_the_middle_has_lanes_for_those_who_wait() -> None:
    snapshot = Snapshot()
    snapshot.update(call("c1", "caller-7"))
    lanes, empty = CallerLanes(), CallerLanes()
    lanes.go_on_from(snapshot)
    empty.go_on_from(Snapshot())
    assert (lanes.lane("caller-7"), lanes.is_blocked(0)) == (0, True)
    assert (len(empty), empty.is_blocked(0)) == (1, False)
