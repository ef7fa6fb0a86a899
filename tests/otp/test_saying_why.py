"""What is told of a server: why it has ended, where it waits, and without its passwords."""

import asyncio
import logging
from dataclasses import dataclass, replace
from typing import Any

import pytest
from servers import Keeper

from genreply_cli.otp import (
    Event,
    From,
    GenServer,
    Node,
    NoProcess,
    NoReply,
    Reply,
    Report,
    Stop,
    debug,
)
from genreply_cli.otp.virtual_time import run


class Busy(GenServer[None]):
    def init(self) -> None:
        return None

    async def handle_cast(self, request: Any, state: None) -> NoReply[None]:
        await self.deep(request)
        return NoReply(state)

    async def deep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)


async def test_no_process_says_for_what_reason_and_when_the_server_has_ended() -> None:
    server = Keeper.start()
    await server.stop("done")
    await asyncio.sleep(3)
    with pytest.raises(NoProcess) as failed:
        await server.call("request")
    assert failed.value.reason == "done"
    assert failed.value.ended_ago == pytest.approx(3)
    assert str(failed.value).endswith(
        "no process is running there; it ended 3.000 s ago, reason 'done'"
    )


@pytest.mark.parametrize(
    ("seconds", "ago"), [(0, "less than 1 ms"), (0.0015, "0.002 s"), (123456.7, "123456.700 s")]
)
async def test_how_long_ago_a_server_has_ended_is_said_in_plain_figures(
    seconds: float, ago: str
) -> None:
    server = Keeper.start()
    await server.stop()
    await asyncio.sleep(seconds)
    with pytest.raises(NoProcess, match=f"it ended {ago} ago, reason 'normal'"):
        await server.call("request")


async def test_no_process_of_a_server_that_never_was_says_no_reason() -> None:
    for server in (Keeper(), "nobody"):
        with pytest.raises(NoProcess) as failed:
            await debug.get_state(server)
        assert (failed.value.reason, failed.value.ended_ago) == (None, None)
        assert str(failed.value).endswith("no process is running there")


async def test_a_debug_call_of_a_busy_server_that_takes_too_long_says_what_will_be() -> None:
    busy = Busy.start()
    busy.cast(10)
    await asyncio.sleep(1)
    with pytest.raises(TimeoutError, match=r"did not come to it within 0\.1 s; it still will"):
        await debug.get_state(busy, 0.1)
    busy.exit("kill")


@dataclass(frozen=True)
class Account:
    user: str
    password: str


class Secretive(GenServer[Account]):
    def init(self, password: str) -> Account:
        return Account("me", password)

    def handle_call(self, request: Any, from_: From[Any], state: Account) -> Any:
        if request == "stop":
            return Stop("broken", state)
        return Reply(request, state)

    def format_status(self, report: Report) -> Report:
        return report._replace(state=replace(report.state, password="***"), message="hidden")


class Broken(Secretive):
    def format_status(self, report: Report) -> Report:
        raise ValueError(report.state.password)


@pytest.mark.parametrize("kind", [Secretive, Broken])
def test_a_password_reaches_no_log_no_status_and_no_recording(
    kind: type[Secretive], caplog: pytest.LogCaptureFixture
) -> None:
    states: list[Any] = []

    def observe(event: Event) -> None:
        if event.kind == "state":
            states.append(event.message)

    async def main() -> None:
        async with Node(observe, states=True):
            server = kind.start("hunter2")
            assert await server.call("hello") == "hello"
            shown = (await debug.status(server)).state
            assert "hunter2" not in repr(shown)
            assert (await debug.get_state(server)).password == "hunter2"
            await asyncio.wait([server.send_request("stop")])

    with caplog.at_level(logging.ERROR):
        run(main())
    assert len(states) == 2
    assert "hunter2" not in repr(states)
    [record] = [each for each in caplog.records if each.name == "genreply_cli.otp"]
    assert "hunter2" not in caplog.text + repr(vars(record))
    assert ("***" if kind is Secretive else "format_status raised ValueError") in caplog.text
