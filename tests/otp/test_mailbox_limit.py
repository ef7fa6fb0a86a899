"""Servers whose mailbox has a limit."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
from servers import Boom, Doer, Echo, Keeper, TrappingDoer, all_quiet, kinds, now, outcome, tried

from genreply_cli.otp import (
    CallError,
    Continue,
    Down,
    Event,
    Exited,
    GenServer,
    Init,
    MailboxFull,
    NoReply,
    Reply,
    call,
    cast,
    debug,
    link,
    monitor,
    send,
    send_after,
)


async def busy(server: type[Doer] = Doer, seconds: float = 10, **start: Any) -> tuple[Any, Any]:
    """A Doer with room for two messages, which is busy with another one; and what it hears."""
    doer = server.start(heard := list[Any](), mailbox_limit=2, **start)
    doer.cast(lambda: asyncio.sleep(seconds))
    await all_quiet()
    return doer, heard


async def test_a_mailbox_has_no_limit_unless_it_is_given_one() -> None:
    doer = Doer.start(heard := list[Any]())
    for number in range(10_000):
        doer.send(number)
    await all_quiet()
    assert heard == list(range(10_000))


@pytest.mark.parametrize("name", [None, "doer"])
async def test_a_full_mailbox_refuses_casts_sends_and_calls_and_says_so(name: str | None) -> None:
    doer, heard = await busy(name=name)
    doer.send(1)
    doer.send(2)
    ways: list[tuple[str, Callable[[], Any]]] = [
        ("cast", lambda: cast(name, "x") if name else doer.cast("x")),
        ("send to", lambda: send(name, "x") if name else doer.send("x")),
        ("call", lambda: call(name, "x") if name else doer.call("x")),
    ]
    for operation, way in ways:
        failed = await outcome(way()) if operation == "call" else tried(way)
        assert type(failed) is MailboxFull
        assert isinstance(failed, CallError)
        assert isinstance(failed, asyncio.QueueFull)
        assert (failed.server, failed.request, failed.limit) == (name or doer, "x", 2)
        timeout = ", timeout 5 s" if operation == "call" else ""
        assert str(failed) == (
            f"{operation} {name or doer!r} with 'x'{timeout}: "
            "its mailbox is full, with a limit of 2; nothing was sent"
        )
    assert now() < 1
    await asyncio.sleep(11)
    assert heard == [1, 2]


async def test_what_is_refused_was_not_sent_and_an_observer_is_told_nothing(
    events: list[Event],
) -> None:
    doer, _ = await busy()
    doer.send(1)
    doer.send(2)
    events.clear()
    for failed in (tried(doer.send, 3), tried(doer.cast, 3), await outcome(doer.call(3))):
        assert type(failed) is MailboxFull
    assert kinds(events) == []


async def test_there_is_room_again_when_a_message_is_taken_out() -> None:
    doer, heard = await busy()
    doer.send(1)
    doer.send(2)
    assert type(tried(doer.send, 3)) is MailboxFull
    await asyncio.sleep(11)
    doer.send(4)
    doer.send(5)
    assert type(tried(doer.send, 6)) is MailboxFull
    await all_quiet()
    assert heard == [1, 2, 4, 5]


async def test_the_message_that_is_handled_takes_up_no_room() -> None:
    echo = Echo.start(mailbox_limit=1)
    assert [await echo.call(number) for number in range(100)] == list(range(100))


async def test_callers_that_a_server_keeps_waiting_take_up_no_room() -> None:
    keeper = Keeper.start(callers := dict[Any, Any](), mailbox_limit=1)
    asking = []
    for number in range(10):
        asking.append(asyncio.create_task(keeper.call(number)))
        await all_quiet()
    assert list(callers) == list(range(10))
    for task in asking:
        task.cancel()


async def test_what_comes_by_itself_is_never_refused_though_it_takes_up_room() -> None:
    doer, heard = await busy(TrappingDoer)
    other, third = Doer.start(), Doer.start()
    await all_quiet()
    doer.send(1)
    doer.send(2)
    send_after(doer, 1, "timer")
    await asyncio.sleep(2)
    assert type(tried(doer.send, 3)) is MailboxFull
    await asyncio.sleep(11)
    await doer.call(lambda: link(other))
    await doer.call(lambda: monitor(third))
    doer.cast(lambda: asyncio.sleep(10))
    await all_quiet()
    doer.send(4)
    doer.send(5)
    other.exit("boom")
    third.exit("boom")
    await asyncio.sleep(11)
    assert heard[:5] == [1, 2, "timer", 4, 5]
    assert [type(message) for message in heard[5:]] == [Exited, Down]


async def test_a_full_server_can_be_looked_at_and_stopped_which_takes_up_no_room() -> None:
    doer, heard = await busy()
    doer.send(1)
    asking = asyncio.create_task(debug.get_state(doer, None))
    stopping = asyncio.create_task(doer.stop())
    await all_quiet()
    doer.send(2)
    assert type(tried(doer.send, 3)) is MailboxFull
    await asyncio.sleep(11)
    assert await asking is heard
    await stopping
    assert heard[0] == 1


async def test_what_a_server_continues_with_takes_up_no_room() -> None:
    class Continuing(GenServer[list[Any]]):
        def init(self) -> Any:
            return Init(heard, then=Continue("continued"))

        def handle_continue(self, continuation: Any, state: list[Any]) -> Any:
            return self.handle_info(continuation, state)

        def handle_info(self, message: Any, state: list[Any]) -> Any:
            state.append(message)
            return NoReply(state)

    heard: list[Any] = []
    continuing = Continuing.start(mailbox_limit=1)
    continuing.send("sent")
    assert type(tried(continuing.send, "refused")) is MailboxFull
    await all_quiet()
    assert heard == ["continued", "sent"]


async def test_a_server_that_has_ended_refuses_nothing() -> None:
    doer = Doer.start(mailbox_limit=1)
    doer.exit("boom")
    for number in range(3):
        doer.send(number)
        doer.cast(number)


async def test_two_servers_that_fill_each_others_mailboxes_do_not_block_each_other() -> None:
    class Flooding(GenServer[Any]):
        def handle_call(self, request: Any, from_: Any, state: Any) -> Any:
            return Reply([type(tried(request.send, number)) for number in range(3)], state)

        def handle_info(self, message: Any, state: Any) -> Any:
            return NoReply(state)

    one, two = Flooding.start(mailbox_limit=2), Flooding.start(mailbox_limit=2)
    for tried_by_each in await asyncio.gather(one.call(two), two.call(one)):
        assert (tried_by_each[0], tried_by_each[-1]) == (type(None), MailboxFull)


async def test_start_link_takes_a_limit_too_and_a_crash_by_it_is_like_any_other() -> None:
    doer = Doer.start()

    def flood() -> None:
        child = Doer.start_link(mailbox_limit=1)
        child.send(1)
        child.send(2)

    failed = await outcome(doer.call(flood))
    assert type(failed.reason) is MailboxFull
    assert not doer.alive


@pytest.mark.parametrize("limit", [0, -1])
async def test_a_limit_below_one_message_is_a_value_error(limit: int) -> None:
    failed = tried(Doer.start, name="doer", mailbox_limit=limit)
    assert type(failed) is ValueError
    assert str(failed) == (
        f"mailbox_limit is {limit}; expected 1 message or more, or None for no limit"
    )


@pytest.mark.parametrize("limit", [1.5, "10", True, Boom])
async def test_a_limit_that_is_no_whole_number_is_a_type_error(limit: Any) -> None:
    failed = tried(Doer.start, mailbox_limit=limit)
    assert type(failed) is TypeError
    assert repr(limit) in str(failed)
