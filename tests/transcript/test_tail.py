"""A transcript is followed while a slow writer writes it, on the virtual clock."""

import asyncio
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import pytest
from commands import genreply

from genreply_cli.otp.virtual_time import run
from genreply_cli.paths import samples
from genreply_cli.transcript.format import Header, TranscriptError
from genreply_cli.transcript.reader import read
from genreply_cli.transcript.step import Step
from genreply_cli.transcript.tail import POLL_SECONDS, follow

HELLO = samples()["hello"].read_bytes()
LATE = samples()["late"].read_bytes()

Seen = list[tuple[float, Header | Step]]


def followed(
    path: Path | None,
    writer: Callable[[], Coroutine[Any, Any, None]],
    newest: Callable[[], Path | None] | None = None,
    seconds: float = 100.0,
) -> Seen:
    """What `follow` yields while `writer` writes, and when."""
    seen: Seen = []

    async def main() -> None:
        clock = asyncio.get_running_loop().time
        async with asyncio.TaskGroup() as both:
            both.create_task(writer())
            try:
                async with asyncio.timeout(seconds):
                    async for one in follow(path, lambda: asyncio.sleep(POLL_SECONDS), newest):
                        seen.append((clock(), one))
            except TimeoutError:
                pass

    run(main())
    return seen


def kinds(seen: Seen) -> list[str]:
    return [one.kind if isinstance(one, Step) else "header" for _, one in seen]


def test_steps_come_as_they_are_written_and_the_end_ends_it(tmp_path: Path) -> None:
    path = tmp_path / "it.jsonl"
    lines = HELLO.splitlines(keepends=True)
    path.write_bytes(b"".join(lines[:3]))

    async def writer() -> None:
        for line in lines[3:]:
            await asyncio.sleep(1.0)
            with path.open("ab") as file:
                file.write(line)

    seen = followed(path, writer)
    assert [one for _, one in seen[1:]] == list(read(samples()["hello"])[1])
    delays = [at - wrote for wrote, (at, _) in enumerate(seen[2:])]
    assert all(0 <= delay <= POLL_SECONDS + 1e-9 for delay in delays)


@pytest.mark.parametrize("size", [1, 7, 100, 1000])
def test_a_line_that_is_not_yet_whole_is_waited_for(size: int, tmp_path: Path) -> None:
    path = tmp_path / "it.jsonl"
    path.touch()

    async def writer() -> None:
        for start in range(0, len(LATE), size):
            await asyncio.sleep(0.25 if size > 50 else 0.01)
            with path.open("ab") as file:
                file.write(LATE[start : start + size])

    header, steps = read(samples()["late"])
    assert [one for _, one in followed(path, writer)] == [header, *steps]


def test_without_a_file_it_goes_on_to_the_next_session(tmp_path: Path) -> None:
    async def writer() -> None:
        await asyncio.sleep(1.0)
        (tmp_path / "1.jsonl").write_bytes(HELLO)
        await asyncio.sleep(1.0)
        (tmp_path / "2.jsonl").write_bytes(LATE[:-40])

    seen = followed(None, writer, lambda: max(tmp_path.glob("*.jsonl"), default=None))
    whole = (
        [step.kind for step in read(samples()["hello"])[1]],
        [step.kind for step in read(samples()["late"])[1]],
    )
    assert kinds(seen) == ["header", *whole[0], "header", *whole[1][:-1]]


def test_a_file_that_is_begun_anew_is_followed_from_its_beginning(tmp_path: Path) -> None:
    path = tmp_path / "it.jsonl"
    path.write_bytes(LATE[:-40])

    async def writer() -> None:
        await asyncio.sleep(1.0)
        path.write_bytes(HELLO)

    assert kinds(followed(path, writer)).count("header") == 2


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        (b"no transcript\n", "its first line is no JSON object"),
        (b"x" * (1 << 20), "its first line is no JSON object"),
        (
            HELLO.replace(b'"seq":3', b'"seq":0'),
            'line 4, field "seq": expected a whole number from 1, found 0',
        ),
        (
            HELLO.replace(b"Hello", b"\xff"),
            "line 6: expected a JSON object, found bytes that are no UTF-8",
        ),
    ],
)
def test_what_is_no_transcript_is_not_waited_for(
    text: bytes, sentence: str, tmp_path: Path
) -> None:
    path = tmp_path / "it.jsonl"
    path.write_bytes(text)

    async def writer() -> None:
        pass

    with pytest.raises(ExceptionGroup) as raised:
        followed(path, writer)
    (error,) = raised.value.exceptions
    assert isinstance(error, TranscriptError)
    assert sentence in str(error)


def test_a_file_that_is_not_there_yet_is_waited_for(tmp_path: Path) -> None:
    path = tmp_path / "it.jsonl"

    async def writer() -> None:
        await asyncio.sleep(3.0)
        path.write_bytes(HELLO)

    seen = followed(path, writer)
    assert [one for _, one in seen[1:]] == list(read(samples()["hello"])[1])
    assert 3.0 <= seen[0][0] <= 3.0 + POLL_SECONDS + 1e-9


def test_a_longer_file_that_takes_its_place_is_noticed(tmp_path: Path) -> None:
    path = tmp_path / "it.jsonl"
    path.write_bytes(HELLO[:-40])

    async def writer() -> None:
        await asyncio.sleep(1.0)
        other = tmp_path / "other.jsonl"
        other.write_bytes(LATE)
        other.rename(path)

    assert kinds(followed(path, writer)).count("header") == 2


def test_a_recording_that_has_ended_is_printed_by_the_command(tmp_path: Path) -> None:
    path = tmp_path / "it.jsonl"
    path.write_bytes(LATE)
    assert (
        genreply("trace", path, "--follow", "--call", "c1").out
        == genreply("trace", path, "--call", "c1").out
    )
    assert genreply("trace", path, "-f", "--events").out == LATE.decode()


def test_what_cannot_be_followed_gets_a_sentence(tmp_path: Path) -> None:
    nowhere = genreply("trace", tmp_path / "none" / "it.jsonl", "-f")
    assert "there is no such folder" in nowhere.err
    assert genreply("trace", "-", "-f").code == 2
    assert genreply("trace", "late", "-f", "--stats").code == 2
