"""The player goes on with a transcript while another program writes it, on the virtual clock."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest
from recordings import HEADER, index_of, many, read_all

from genreply_cli.paths import samples
from genreply_cli.player.following import Follower
from genreply_cli.player.playback import Playback
from genreply_cli.player.state import State
from genreply_cli.transcript.filters import Filters
from genreply_cli.transcript.format import TranscriptError, to_line
from genreply_cli.transcript.index import BLOCK_BYTES, Index
from genreply_cli.transcript.step import Step

FOLLOWING = State(following=True)
LATE = samples()["late"].read_bytes().splitlines(keepends=True)
HELLO = samples()["hello"].read_bytes()


@contextlib.asynccontextmanager
async def followed(path: Path, state: State = FOLLOWING) -> AsyncIterator[Playback]:
    """A playback of a file that is being written. It has left when the block ends."""
    follower = Follower(path)
    with contextlib.closing(follower):
        index = follower.poll()
        assert index is not None
        playback = Playback(index, state, follower=follower)
        task = asyncio.create_task(playback.run())
        await asyncio.sleep(0.15)
        try:
            yield playback
        finally:
            playback.press("q")
            await task


def append(path: Path, lines: list[bytes]) -> None:
    with path.open("ab") as file:
        file.write(b"".join(lines))


async def test_it_begins_at_the_newest_event_and_goes_on_with_each_that_is_written(
    tmp_path: Path,
) -> None:
    path = tmp_path / "it.jsonl"
    path.write_bytes(b"".join(LATE[:9]))
    async with followed(path) as playback:
        assert playback.state.number == 7
        for count in range(10, len(LATE) + 1):
            append(path, LATE[count - 1 : count])
            await asyncio.sleep(0.15)
            assert playback.index.total == count - 1
        assert playback.state.number == playback.index.total - 1
        assert playback.index.snapshot(17) == read_all(playback.index).snapshot(17)


async def test_a_line_without_its_end_is_not_shown_yet(tmp_path: Path) -> None:
    path = tmp_path / "it.jsonl"
    path.write_bytes(b"".join(LATE[:9]) + LATE[9][:-5])
    async with followed(path) as playback:
        assert playback.index.total == 8
        append(path, [LATE[9][-5:]])
        await asyncio.sleep(0.15)
        assert playback.index.total == 9
        assert playback.index.problem is None


async def test_who_has_stepped_back_stays_there_while_more_is_written(tmp_path: Path) -> None:
    path = tmp_path / "it.jsonl"
    path.write_bytes(b"".join(LATE[:9]))
    async with followed(path) as playback:
        playback.press(",")
        number = playback.state.number
        assert number < 7
        append(path, LATE[9:])
        await asyncio.sleep(5)
        assert playback.state.number == number
        playback.press("G")
        await asyncio.sleep(1)
        assert playback.state.number == playback.index.total - 1 == len(LATE) - 2


async def test_a_recording_that_takes_its_place_is_shown_from_then_on(tmp_path: Path) -> None:
    path = tmp_path / "it.jsonl"
    path.write_bytes(b"".join(LATE))
    async with followed(path) as playback:
        path.write_bytes(HELLO)
        await asyncio.sleep(0.15)
        assert playback.index.total == HELLO.count(b"\n") - 1
        other = tmp_path / "other.jsonl"
        other.write_bytes(b"".join(LATE))
        other.rename(path)
        await asyncio.sleep(0.15)
        assert playback.index.total == len(LATE) - 1
        longer = HELLO + HELLO.splitlines(keepends=True)[1] * 50
        path.write_bytes(longer)  # it is longer, but begins with another line
        await asyncio.sleep(0.15)
        assert playback.index.total == longer.count(b"\n") - 1


async def test_a_filter_selects_among_what_is_written_later(tmp_path: Path) -> None:
    path = tmp_path / "it.jsonl"
    path.write_bytes(b"".join(LATE[:9]))
    wanted = replace(FOLLOWING, filters=Filters(frozenset({"c2"})))
    async with followed(path, wanted) as playback:
        assert playback.state.call_filter is not None
        assert list(playback.state.call_filter.numbers) == []
        append(path, LATE[9:])
        await asyncio.sleep(0.15)
        shown = [playback.index.step(number) for number in playback.state.call_filter.numbers]
        assert {step.call for step in shown if step is not None} == {"c2"}
        assert len(shown) >= 4


async def test_failures_that_are_written_later_are_marked(tmp_path: Path) -> None:
    path = tmp_path / "it.jsonl"
    path.write_bytes(b"".join(LATE[:9]))
    async with followed(path) as playback:
        assert list(playback.failures) == []
        append(path, LATE[9:])
        await asyncio.sleep(0.15)
        assert list(playback.failures) == [8, 11]


def test_an_index_that_grows_has_the_steps_of_one_that_was_read_whole(tmp_path: Path) -> None:
    path = tmp_path / "it.jsonl"
    lines = [to_line(step).encode() + b"\n" for step in many(400)]
    assert sum(map(len, lines)) > 3 * BLOCK_BYTES
    path.write_bytes(HEADER)
    with path.open("rb") as file:
        growing = Index(file, "it", growing=True)
    for start in range(0, len(lines), 37):
        append(path, lines[start : start + 37])
        read_all(growing)
        growing.grow()
        read_all(growing)
        assert growing.total == min(len(lines), start + 37)
    whole = read_all(index_of(many(400)))
    assert list(growing.steps(0)) == list(whole.steps(0))
    for count in (0, 1, 700, whole.total):
        assert growing.snapshot(count) == whole.snapshot(count)


def test_a_file_is_waited_for_until_its_first_line_is_whole(tmp_path: Path) -> None:
    path = tmp_path / "it.jsonl"
    with contextlib.closing(Follower(path)) as follower:
        assert follower.poll() is None
        path.write_bytes(HELLO[:20])
        assert follower.poll() is None
        path.write_bytes(HELLO)
        assert follower.poll() is not None
        assert follower.poll() is None


def test_what_is_no_transcript_is_not_followed(tmp_path: Path) -> None:
    path = tmp_path / "it.jsonl"
    path.write_bytes(b"nonsense\n")
    with (
        contextlib.closing(Follower(path)) as follower,
        pytest.raises(TranscriptError, match="no JSON object"),
    ):
        follower.poll()


async def test_an_invalid_line_ends_it(tmp_path: Path) -> None:
    path = tmp_path / "it.jsonl"
    path.write_bytes(b"".join(LATE[:9]))
    async with followed(path) as playback:
        append(path, [b"nonsense\n", to_line(Step(99, 9.0, "mark")).encode() + b"\n"])
        await asyncio.sleep(0.3)
        assert playback.index.total == 8
        assert "line 10" in str(playback.index.problem)
