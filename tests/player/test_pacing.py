"""Steps come when they are due, on the loop's clock: nothing here waits for real."""

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from genreply_cli.otp.virtual_time import run
from genreply_cli.player.pacing import at_least, at_speed, cap_idle, paced, play
from genreply_cli.transcript.step import Step


def steps_at(*times: float) -> list[Step]:
    return [Step(seq, t, "mark") for seq, t in enumerate(times, 1)]


def played(
    steps: list[Step], speed: float = 1.0, idle_limit: float | None = None, busy: float = 0.0
) -> list[float]:
    """When each step came; the one who looks is busy for so long after each."""

    async def watch() -> list[float]:
        clock = asyncio.get_running_loop().time
        began, times = clock(), []
        async for _ in play(steps, speed, idle_limit):
            times.append(round(clock() - began, 6))
            await asyncio.sleep(busy)
        return times

    return run(watch())


def test_each_step_waits_for_its_time() -> None:
    assert list(paced(steps_at(1.0, 1.5, 1.5, 4.0))) == list(
        zip([0.0, 0.5, 0.0, 2.5], steps_at(1.0, 1.5, 1.5, 4.0), strict=True)
    )


def test_a_step_that_goes_back_in_time_comes_at_once_and_delays_nobody() -> None:
    assert [wait for wait, _ in paced(steps_at(1.0, 3.0, 2.0, 3.5))] == [0.0, 2.0, 0.0, 0.5]


def test_an_idle_beginning_is_skipped_and_no_other_start() -> None:
    kinds = [("start", 0.0), ("start", 0.0), ("call", 10.0), ("start", 30.0), ("call", 60.0)]
    steps = [Step(seq, t, kind) for seq, (kind, t) in enumerate(kinds, 1)]
    assert [wait for wait, _ in paced(steps)] == [0.0, 0.0, 0.0, 20.0, 30.0]


def test_long_waits_are_cut_to_the_limit() -> None:
    assert [wait for wait, _ in cap_idle(paced(steps_at(0, 1, 100)), 2.0)] == [0.0, 1.0, 2.0]


def test_short_waits_are_made_as_long_as_the_pace() -> None:
    assert [wait for wait, _ in at_least(paced(steps_at(5, 5, 5, 9)), 0.7)] == [0.0, 0.7, 0.7, 4.0]


def test_twice_the_speed_is_half_the_wait() -> None:
    assert [wait for wait, _ in at_speed(paced(steps_at(0, 1, 3)), 2.0)] == [0.0, 0.5, 1.0]


def test_a_recording_plays_at_its_own_pace() -> None:
    assert played(steps_at(0.0, 0.25, 3600.0)) == [0.0, 0.25, 3600.0]


def test_speed_and_idle_limit_go_together() -> None:
    assert played(steps_at(0.0, 1.0, 101.0), speed=2.0, idle_limit=10.0) == [0.0, 0.5, 5.5]


def test_at_infinite_speed_nothing_waits() -> None:
    assert played(steps_at(0.0, 1.0, 101.0), speed=float("inf")) == [0.0, 0.0, 0.0]


def test_a_slow_watcher_is_caught_up_with() -> None:
    assert played(steps_at(0.0, 1.0, 2.0, 10.0), busy=1.5) == [0.0, 1.5, 3.0, 10.0]


@given(st.lists(st.floats(0, 1e6)), st.floats(0.01, 100), st.none() | st.floats(0, 100))
def test_playing_changes_no_step_and_not_their_order(
    times: list[float], speed: float, limit: float | None
) -> None:
    steps = steps_at(*times)

    async def watch() -> list[Step]:
        return [step async for step in play(steps, speed, limit)]

    assert run(watch()) == steps


@pytest.mark.parametrize("speed", [0, -1, float("nan")])
def test_a_speed_that_goes_nowhere_is_refused(speed: float) -> None:
    with pytest.raises(ValueError, match="expected more than 0"):
        played(steps_at(0.0), speed=speed)


def test_a_negative_idle_limit_is_refused() -> None:
    with pytest.raises(ValueError, match="expected 0 seconds or more"):
        played(steps_at(0.0), idle_limit=-1)
