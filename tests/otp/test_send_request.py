"""A call without a task that waits, its failure by a server that stands for another, and what a
server can know of its callers."""

import asyncio
from typing import Any

import pytest

from genreply_cli.otp import (
    CallTimeout,
    Down,
    Event,
    From,
    GenServer,
    MailboxFull,
    Monitor,
    NoProcess,
    NoReply,
    ServerExit,
    debug,
    demonitor,
    fail,
    monitor,
    reply,
    send_request,
)


class Watcher(GenServer[list[Any]]):
    """Keeps its callers, monitors each of them, and notes who has gone."""

    def init(self) -> list[Any]:
        self.kept: list[From[Any]] = []
        self.refs: list[Monitor] = []
        return []

    def handle_call(self, request: Any, from_: From[Any], state: list[Any]) -> NoReply[list[Any]]:
        self.kept.append(from_)
        self.refs.append(monitor(from_))
        return NoReply(state)

    def handle_cast(self, request: Any, state: list[Any]) -> NoReply[list[Any]]:
        request()
        return NoReply(state)

    def handle_info(self, message: Down, state: list[Any]) -> NoReply[list[Any]]:
        self.refs.remove(message.ref)
        state.append((message.process, message.reason))
        return NoReply(state)


async def test_a_request_without_a_task_gets_its_reply_in_a_future() -> None:
    watcher = Watcher.start()
    futures = [watcher.send_request(number) for number in range(3)]
    await asyncio.sleep(0)
    for number, from_ in enumerate(watcher.kept):
        reply(from_, number)
    assert await asyncio.gather(*futures) == [0, 1, 2]
    later = send_request(watcher, "later", caller="somebody elsewhere")
    await asyncio.sleep(0)
    assert watcher.kept[-1].caller == "somebody elsewhere"
    reply(watcher.kept[-1], "now")
    assert await later == "now"


async def test_its_failures_are_those_of_a_call(events: list[Event]) -> None:
    watcher = Watcher.start()
    with pytest.raises(CallTimeout):
        await watcher.send_request("a", timeout=1)
    ended = watcher.send_request("b")
    watcher.exit("kill")
    with pytest.raises(ServerExit, match="killed"):
        await ended
    with pytest.raises(NoProcess):
        await watcher.send_request("c")
    with pytest.raises(NoProcess):
        await send_request("nobody", "c")
    kinds = [event.kind for event in events if event.kind not in {"start", "exit", "noreply"}]
    assert kinds == ["call", "timeout", "down", "call", "down", "call", "down"]
    full = Watcher.start(mailbox_limit=1)
    full.send_request("d").cancel()
    with pytest.raises(MailboxFull):
        full.send_request("e")


async def test_cancelling_the_future_gives_the_call_up(events: list[Event]) -> None:
    watcher = Watcher.start()
    future = watcher.send_request("a", timeout=None)
    await asyncio.sleep(0)
    [from_] = watcher.kept
    assert from_.waiting
    future.cancel()
    await asyncio.sleep(0)
    assert not from_.waiting
    reply(from_, "late")
    assert [event.kind for event in events][-3:] == ["cancel", "down", "late"]


async def test_a_server_that_stands_for_another_passes_on_why_that_one_has_ended() -> None:
    watcher = Watcher.start()
    first, second = watcher.send_request("a"), watcher.send_request("b")
    await asyncio.sleep(0)
    fail(watcher.kept[0], "noconnection")
    fail(watcher.kept[0], "again")
    fail(watcher.kept[1], "noproc", NoProcess("elsewhere", "b", 5.0))
    with pytest.raises(ServerExit) as exited:
        await first
    assert exited.value.reason == "noconnection"
    with pytest.raises(NoProcess, match="elsewhere"):
        await second
    assert watcher.alive


async def test_a_server_is_told_that_a_caller_has_gone_and_nothing_of_one_that_was_answered() -> (
    None
):
    watcher = Watcher.start()
    timed_out = asyncio.create_task(watcher.call("a", timeout=1))
    cancelled = asyncio.create_task(watcher.call("b"))
    answered = asyncio.create_task(watcher.call("c"))
    await asyncio.sleep(0.5)
    cancelled.cancel()
    reply(watcher.kept[2], "yes")
    await asyncio.gather(timed_out, cancelled, answered, return_exceptions=True)
    gone = await debug.get_state(watcher)
    assert gone == [(watcher.kept[1], "cancelled"), (watcher.kept[0], "timed out")]
    assert len(watcher.refs) == 1


async def test_a_caller_that_had_gone_before_is_told_at_once_and_a_monitor_can_be_undone() -> None:
    watcher = Watcher.start()
    with pytest.raises(CallTimeout):
        await watcher.call("a", 1)
    pending = asyncio.create_task(watcher.call("b"))
    await asyncio.sleep(0)
    done = asyncio.Event()

    def again() -> None:
        watcher.refs.append(monitor(watcher.kept[0]))
        demonitor(watcher.refs.pop(-2))
        done.set()

    watcher.cast(again)
    await done.wait()
    pending.cancel()
    await asyncio.wait([pending])
    assert await debug.get_state(watcher) == [(watcher.kept[0], "timed out")] * 2
