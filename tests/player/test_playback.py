"""The player at work, on the virtual clock: nothing here waits for real."""

import asyncio
from collections.abc import Callable, Iterable
from itertools import count

import pytest
from recordings import index_of, index_of_lines, many

from genreply_cli.player import playback as module
from genreply_cli.player.playback import Playback
from genreply_cli.player.state import State
from genreply_cli.transcript.format import to_line
from genreply_cli.transcript.index import Index
from genreply_cli.transcript.step import Step


def recorded(*times: float, call: str | None = None) -> Index:
    return index_of(
        [Step(seq, t, "mark", call, details={"label": f"m{seq}"}) for seq, t in enumerate(times, 1)]
    )


OWN_PACE = State(pace=0.0)  # that of the recording


async def played(
    index: Index,
    state: State = OWN_PACE,
    keys: Iterable[tuple[float, str]] = (),
    until: float = 100.0,
) -> list[tuple[float, int]]:
    """When which step became current. Each key is pressed at its time, and at last `q`."""
    clock = asyncio.get_running_loop().time
    began = clock()
    seen: list[tuple[float, int]] = []

    def changed() -> None:
        if not seen or seen[-1][1] != playback.state.number:
            seen.append((round(clock() - began, 6), playback.state.number))

    playback = Playback(index, state, changed)
    task = asyncio.create_task(playback.run())
    for t, key in [*keys, (until, "q")]:
        await asyncio.sleep(began + t - clock())
        if not task.done():
            playback.press(key, key)
    await task
    return seen


async def test_it_plays_at_its_own_pace_and_stays_at_the_end() -> None:
    assert await played(recorded(0, 0.25, 10, 10.5)) == [(0, 0), (0.25, 1), (10, 2), (10.5, 3)]


async def test_long_waits_are_cut_short() -> None:
    assert await played(recorded(0, 0.25, 50), State(pace=0.0, idle_limit=2, speed=2)) == [
        (0, 0),
        (0.125, 1),
        (1.125, 2),
    ]


async def test_events_of_one_instant_are_shown_one_after_the_other() -> None:
    assert await played(recorded(0, 0, 0, 9), State(pace=0.7, speed=2)) == [
        (0, 0),
        (0.35, 1),
        (0.7, 2),
        (5.2, 3),
    ]


async def test_the_time_that_is_told_never_passes_that_of_the_next_event() -> None:
    playback = Playback(recorded(0, 0.25, 0.25), State(pace=1.0))
    task = asyncio.create_task(playback.run())
    await asyncio.sleep(0.1)
    assert playback.waited == pytest.approx(0.1)
    await asyncio.sleep(0.8)
    assert playback.waited == 0.25  # the next event is shown only after a second
    await asyncio.sleep(0.2)
    assert (playback.state.number, playback.waited) == (1, 0.0)
    playback.press("q")
    await task


async def test_failures_are_found_while_it_plays() -> None:
    playback = Playback(index_of(many(30)), State(playing=False))
    task = asyncio.create_task(playback.run())
    await asyncio.sleep(1)
    kinds = {step.kind for n in playback.failures if (step := playback.index.step(n)) is not None}
    assert kinds == {"timeout"}
    assert len(playback.failures) == sum(step.kind == "timeout" for step in many(30))
    playback.press("q")
    await task


async def test_paused_it_stays_where_it_is() -> None:
    assert await played(recorded(0, 1, 2), State(pace=0.0, playing=False)) == [(0, 0)]


async def test_a_pause_takes_nothing_from_the_wait() -> None:
    assert await played(recorded(0, 10, 11), keys=[(4, " "), (50, " ")]) == [
        (0, 0),
        (56, 1),
        (57, 2),
    ]


async def test_a_new_speed_holds_for_what_is_left_of_a_wait() -> None:
    assert await played(recorded(0, 10, 12), keys=[(4, "+")]) == [(0, 0), (7, 1), (8, 2)]
    assert await played(recorded(0, 10, 12), keys=[(2, "-"), (4, "="), (5, "e")]) == [
        (0, 0),
        (11, 1),
        (13, 2),
    ]


async def test_from_where_one_jumps_it_plays_on() -> None:
    assert await played(recorded(*range(10)), keys=[(2.5, "5")]) == [
        (0, 0), (1, 1), (2, 2), (2.5, 5), (3.5, 6), (4.5, 7), (5.5, 8), (6.5, 9),
    ]  # fmt: skip


async def test_who_steps_stops_it_and_space_plays_on() -> None:
    assert await played(recorded(0, 1, 2, 3), keys=[(0.5, "."), (9, " ")]) == [
        (0, 0),
        (0.5, 1),
        (10, 2),
        (11, 3),
    ]


async def test_at_the_end_space_plays_it_again() -> None:
    assert await played(recorded(0, 1), keys=[(5, " ")]) == [(0, 0), (1, 1), (5, 0), (6, 1)]


async def test_only_one_call_is_played_with_its_own_waits() -> None:
    steps = [Step(seq, seq, "cast", f"c{seq % 2}", "a", "b") for seq in range(1, 9)]
    assert await played(index_of(steps), State(pace=0.0, playing=False), [(1, "c"), (2, " ")]) == [
        (0, 0),
        (4, 2),
        (6, 4),
        (8, 6),
    ]


async def test_it_leaves_at_the_end_if_it_is_to() -> None:
    clock = asyncio.get_running_loop().time
    began = clock()
    await Playback(recorded(0, 1, 3), State(pace=0.0, exit_at_end=True)).run()
    assert clock() - began == 3
    await Playback(index_of([]), State(pace=0.0, exit_at_end=True)).run()
    assert clock() - began == 3


async def test_while_it_plays_the_time_between_two_steps_goes_on() -> None:
    playback = Playback(recorded(0, 10), State(pace=0.0, speed=2, idle_limit=8))
    task = asyncio.create_task(playback.run())
    await asyncio.sleep(1.5)
    assert playback.waited == pytest.approx(3)
    playback.press(" ")
    await asyncio.sleep(10)
    assert playback.waited == pytest.approx(3)
    playback.press(".")
    assert playback.waited == 0
    playback.press("q")
    await task


async def test_it_is_drawn_again_now_and_then_while_it_plays_and_not_while_it_does_not() -> None:
    drawn = 0

    def changed() -> None:
        nonlocal drawn
        drawn += 1

    playback = Playback(recorded(0, 100), State(pace=0.0), changed)
    task = asyncio.create_task(playback.run())
    await asyncio.sleep(1)
    before = drawn
    await asyncio.sleep(1)
    assert 9 <= drawn - before <= 11
    playback.press(" ")
    before = drawn
    await asyncio.sleep(60)
    assert drawn == before
    playback.press("q")
    await task


class Watched(Playback):
    """A paused playback whose changes can be waited for."""

    def __init__(self, index: Index) -> None:
        self.changes = asyncio.Event()
        super().__init__(index, State(pace=0.0, playing=False), self.changes.set)

    async def until(self, condition: Callable[[], bool]) -> None:
        while not condition():
            self.changes.clear()
            await self.changes.wait()


@pytest.fixture
def _steady_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each look at the time takes a millisecond: how much is done in a slice is always the same."""
    monkeypatch.setattr(module, "perf_counter", count(0, 0.001).__next__)


@pytest.mark.usefixtures("_steady_clock")
async def test_a_long_recording_is_read_on_meanwhile() -> None:
    index = index_of(many(8000))
    watched = Watched(index)
    task = asyncio.create_task(watched.run())
    watched.press("G")
    await watched.until(lambda: watched.search_progress is None)
    assert watched.state.number == index.total - 1
    assert index.progress < 1  # it need not be read for that
    await watched.until(lambda: index.progress == 1)
    assert index.snapshot(index.total) is not None
    watched.press("q")
    await task


@pytest.mark.usefixtures("_steady_clock")
async def test_a_long_search_gives_way_to_the_next_key() -> None:
    index = index_of(many(8000))
    watched = Watched(index)
    task = asyncio.create_task(watched.run())
    await asyncio.sleep(0)
    for key in ["/", *"nowhere at all", "c-m"]:
        watched.press(key, key)
    assert watched.search_progress is not None  # it takes more than its first slice
    watched.press("]")
    assert watched.search_progress is None
    place = watched.state.number
    assert place > 0
    await watched.until(lambda: index.progress == 1)
    assert (watched.state.number, watched.state.status) == (place, "")
    for key in ["/", *"Hello 7990", "c-m"]:
        watched.press(key, key)
    await watched.until(lambda: watched.search_progress is None)
    found = index.step(watched.state.number)
    assert found is not None
    assert found.message == ["greet", "Hello 7990"]
    watched.press("q")
    await task


async def test_a_bad_line_found_while_it_plays_ends_it_there() -> None:
    lines = [to_line(Step(seq, seq, "mark")) for seq in range(1, 4000)]
    lines[10] = "nonsense"
    index = index_of_lines("\n".join(lines).encode())
    assert (await played(index, until=5000))[-1] == (9, 9)
    assert index.problem is not None


async def test_what_goes_wrong_is_not_lost() -> None:
    class Broken(Index):
        def step(self, number: int) -> Step | None:
            raise ZeroDivisionError

    index = recorded(0, 1)
    index.__class__ = Broken
    with pytest.raises(ZeroDivisionError):
        await Playback(index, State(pace=0.0)).run()
