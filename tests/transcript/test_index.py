"""Any step by its number, and how things stood there, as if all had been read from the start."""

import gc
import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from recordings import HEADER, index_at, index_of, index_of_lines, many, read_all, steps_of

from genreply_cli import paths
from genreply_cli.transcript.format import TranscriptError, to_line
from genreply_cli.transcript.index import BLOCK_BYTES, CACHED_BLOCKS, SNAPSHOT_EVERY, Index, indexed
from genreply_cli.transcript.reader import read
from genreply_cli.transcript.snapshot import Snapshot
from genreply_cli.transcript.step import Step

MANY = list(many(2000))
STANDINGS = [Snapshot()]
for one in MANY:
    STANDINGS.append(STANDINGS[-1].copy())
    STANDINGS[-1].update(one)
BIG = read_all(index_of(MANY))


def marks(count: int) -> list[Step]:
    return [
        Step(number, float(number), "mark", details={"label": f"m{number}"})
        for number in range(1, count + 1)
    ]


def lines_of(steps: list[Step]) -> bytes:
    return "".join(to_line(step) + "\n" for step in steps).encode()


def hunted(index: Index, start: int, stop: int, text: str) -> int | None:
    hunt = index.find(start, stop, lambda step: step.details.get("label") == text)
    try:
        while True:
            assert 0 <= next(hunt) <= 1
    except StopIteration as found:
        return found.value  # type: ignore[no-any-return]


@pytest.mark.parametrize("name", paths.samples())
def test_a_sample_as_a_list(name: str) -> None:
    path = paths.samples()[name]
    index = read_all(index_at(path))
    assert [index.step(number) for number in range(index.total)] == steps_of(path)
    assert (index.problem, index.notes, index.progress) == (None, [], 1.0)
    assert index.last_time == steps_of(path)[-1].t


@given(st.integers(0, len(MANY)))
def test_how_things_stand_is_the_same_from_anywhere(count: int) -> None:
    assert BIG.snapshot(count) == STANDINGS[count]


@given(st.lists(st.integers(0, len(MANY) - 1), max_size=8))
def test_steps_are_the_same_in_any_order(numbers: list[int]) -> None:
    assert [BIG.step(number) for number in numbers] == [MANY[number] for number in numbers]
    for number in numbers:
        assert list(BIG.steps(number, number + 40)) == MANY[number : number + 40]


def test_it_is_counted_first_and_a_place_can_be_seen_before_all_is_read() -> None:
    index = index_of(MANY)
    reading = index.scan()
    while not index.counted:
        next(reading)
    assert index.total == len(MANY)
    assert index.last_time == MANY[-1].t
    assert index.step(index.total - 1) == MANY[-1]
    assert index.snapshot(index.total) is None
    assert index.snapshot(SNAPSHOT_EVERY) == STANDINGS[SNAPSHOT_EVERY]  # so few are read at once
    before = index.progress
    next(reading)
    assert before < index.progress < 1
    read_all(index)
    assert index.snapshot(index.total) == STANDINGS[-1]


def test_what_is_returned_is_the_callers_own() -> None:
    standing = BIG.snapshot(100)
    assert standing is not None
    standing.update(Step(1, 0.0, "exit", at="coordinator"))
    assert BIG.snapshot(100) == STANDINGS[100]


def test_memory_grows_with_what_is_looked_at_last_only() -> None:
    def alive(kind: type) -> int:
        gc.collect()
        return sum(isinstance(value, kind) for value in gc.get_objects())

    index = index_of(list(many(8000)))
    steps, snapshots = alive(Step), alive(Snapshot)
    read_all(index)
    for number in range(0, index.total, 100):
        index.step(number)
    shortest = len(to_line(MANY[0]))
    assert alive(Step) - steps <= CACHED_BLOCKS * (BLOCK_BYTES // shortest) < index.total
    assert alive(Snapshot) - snapshots <= 3 + index.total // SNAPSHOT_EVERY


def test_blank_lines_and_other_line_ends_are_no_steps() -> None:
    one, two = (to_line(step).encode() for step in marks(2))
    index = read_all(index_of_lines(b"\n\n" + one + b"\r\n  \n" + two + b"\n\n"))
    assert (index.total, index.problem) == (2, None)
    assert list(index.steps(0)) == marks(2)


def test_a_line_longer_than_a_block() -> None:
    steps = [Step(1, 0.0, "mark", details={"label": "x" * 1_000_000}), *marks(3)[1:]]
    index = read_all(index_of(steps))
    assert list(index.steps(0)) == steps


def test_no_steps_at_all() -> None:
    index = read_all(index_of_lines(b""))
    assert (index.total, index.last_time, index.step(0), index.progress) == (0, None, None, 1.0)
    assert index.snapshot(0) == Snapshot()
    assert "interrupted" in index.notes[0]


def test_what_is_no_transcript_is_refused() -> None:
    with pytest.raises(TranscriptError, match="is no transcript"):
        index_at(Path(__file__))


@pytest.mark.parametrize(
    "tail", [b"", b'{"seq":9', b'{"seq":9\n\n', b"\xff\xfe", b"nonsense\n", b'{"seq":9}\n', b"[]\n"]
)
def test_the_end_of_a_file_is_told_of_as_by_a_reader(tmp_path: Path, tail: bytes) -> None:
    path = tmp_path / "some.jsonl"
    path.write_bytes(HEADER + lines_of(marks(8)) + tail)
    steps = read(path)[1]
    said = []
    try:
        seen = list(steps)
    except TranscriptError as error:
        said.append(str(error))
        seen = marks(8)
    index = read_all(index_at(path))
    assert list(index.steps(0)) == seen
    assert [str(index.problem)] * bool(index.problem) == said
    if not said:
        assert index.notes == steps.notes


def test_a_bad_line_ends_it_there_and_all_before_it_can_be_seen() -> None:
    lines = lines_of(marks(500)) + b'\n{"seq":501,"t":-1,"kind":"mark"}\n' + lines_of(marks(2000))
    index = read_all(index_of_lines(lines))
    assert index.total == 500
    assert (
        str(index.problem)
        == 'made.jsonl, line 503, field "t": expected a number of seconds, 0 or more, found -1'
    )
    assert index.last_time == 500.0
    assert index.step(500) is None
    assert list(index.steps(498)) == marks(500)[498:]


def test_a_bad_line_is_found_by_whoever_comes_there_first() -> None:
    lines = lines_of(marks(500)) + b"nonsense\n" + lines_of(marks(2000))
    looked, hunter = index_of_lines(lines), index_of_lines(lines)
    for index in (looked, hunter):
        while not index.counted:
            next(index.scan())
        assert index.total == 2501
    assert looked.step(510) is None
    assert hunted(hunter, 0, hunter.total, "m600") is None
    assert looked.total == hunter.total == 500
    assert "line 502" in str(looked.problem)


def test_a_hunt_goes_both_ways_and_ends() -> None:
    index = read_all(index_of(marks(3000)))
    assert hunted(index, 0, index.total, "m2500") == 2499
    assert hunted(index, 2499, index.total, "m2500") == 2499
    assert hunted(index, 2500, index.total, "m2500") is None
    assert hunted(index, 2998, -1, "m7") == 6
    assert hunted(index, 5, -1, "m7") is None
    assert hunted(index, 100, 50, "m51") is None  # 50 itself does not belong to it
    assert hunted(index, 100, 50, "m52") == 51
    assert hunted(index, 3, 3, "m4") is None


def test_a_file_that_becomes_shorter_ends_there(tmp_path: Path) -> None:
    path = tmp_path / "some.jsonl"
    path.write_bytes(HEADER + lines_of(marks(3000)))
    index = index_at(path)
    while not index.counted:
        next(index.scan())
    os.truncate(path, len(HEADER + lines_of(marks(200))))
    assert index.step(1000) is None
    assert "shorter" in str(index.problem)
    assert index.total == 200
    read_all(index)
    assert list(index.steps(0)) == marks(3000)[: index.total]


def test_a_part_of_a_transcript_is_kept_apart() -> None:
    steps = read(paths.samples()["late"])[1]
    index = read_all(indexed(steps, lambda steps: (step for step in steps if step.call == "c1")))
    assert [step.call for step in index.steps(0)] == ["c1"] * index.total
    assert index.total == 7
    assert index.notes == []  # its end line was only left out
    assert index.header == steps.header


def test_a_bad_line_in_a_part_of_a_transcript_is_told_of(tmp_path: Path) -> None:
    path = tmp_path / "some.jsonl"
    path.write_bytes(HEADER + lines_of(marks(3)) + b"nonsense\n" + lines_of(marks(3)))
    index = read_all(indexed(read(path)[1], lambda steps: steps))
    assert index.total == 3
    assert "line 5" in str(index.problem)
