"""A recording grows with the calls, and not with the square of those that wait at once."""

import asyncio
from pathlib import Path

import pytest
from commands import genreply

from genreply_cli.otp import GenServer, Node, NoReply, send_after
from genreply_cli.otp.virtual_time import run
from genreply_cli.variations import COORDINATORS


def bytes_of_a_call(calls: int, coordinator: str, path: Path) -> float:
    """Of a recording in which so many callers wait at once."""
    done = genreply(
        "send", "Hello", "--count", str(calls), "--jobs", str(calls), "--coordinator", coordinator,
        "--delay", "1s", "--timeout", "5s", "--clock", "virtual",
        "--record", path, "--overwrite",
    )  # fmt: skip
    assert done.code in {0, 3}
    return path.stat().st_size / calls


@pytest.mark.parametrize("coordinator", sorted(COORDINATORS))
def test_a_call_takes_as_many_bytes_among_many_as_among_few(
    coordinator: str, tmp_path: Path
) -> None:
    few, many = (bytes_of_a_call(calls, coordinator, tmp_path / "it.jsonl") for calls in (60, 600))
    assert many < 1.2 * few
    assert genreply("trace", tmp_path / "it.jsonl", "--check").code == 0


def test_timers_that_are_due_at_the_same_time_are_not_compared(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """They have the same hash: in a set, each would be compared with each."""

    class Hearing(GenServer[int]):
        def init(self) -> int:
            return 0

        def handle_info(self, message: str, heard: int) -> NoReply[int]:
            return NoReply(heard + 1)

    compared = 0

    def equal(one: object, other: object) -> bool:
        nonlocal compared
        compared += 1
        return one is other

    monkeypatch.setattr(asyncio.TimerHandle, "__eq__", equal)

    async def main() -> None:
        async with Node():
            hearing = Hearing.start()
            timers = [send_after(hearing, 1.0, "now") for _ in range(500)]
            assert [timer.cancel() for timer in timers[:100]] == [1.0] * 100
            await asyncio.sleep(2)

    run(main())
    assert compared < 500
