"""Links, monitors and order: who hears of whose end, and what comes before what."""

import asyncio
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from servers import (
    Boom,
    Doer,
    Keeper,
    Placed,
    Stateless,
    Terminated,
    TrappingDoer,
    all_quiet,
    kinds,
    now,
    outcome,
    raising,
    tried,
)

from genreply_cli.otp import (
    Down,
    Event,
    Exit,
    Exited,
    GenServer,
    Node,
    NoProcess,
    NoReply,
    Reply,
    ServerExit,
    cast,
    debug,
    demonitor,
    exit,
    link,
    monitor,
    reply,
    send,
    unlink,
)
from genreply_cli.otp.virtual_time import run


async def linked(first: Doer, second: GenServer[Any]) -> None:
    """Link the two."""
    await first.call(lambda: link(second))


# --- links

ABNORMAL = ["shutdown", ("shutdown", "with a value"), "boom", Boom("why"), None, "kill it", 0]


@pytest.mark.parametrize("reason", ABNORMAL)
async def test_an_abnormal_end_takes_a_linked_process_along_without_terminate(
    reason: Any,
) -> None:
    one, other = Doer.start(), Doer.start(heard := list[Any]())
    await linked(one, other)
    await outcome(one.stop(reason))
    assert await other.wait() == await one.wait() == reason
    assert heard == []


@pytest.mark.parametrize("reason", ABNORMAL)
async def test_an_end_is_passed_on_along_a_chain_of_links_with_the_same_reason(reason: Any) -> None:
    chain = [Doer.start() for _ in range(5)]
    for one, other in pairwise(chain):
        await linked(one, other)
    chain[2].exit(reason)
    assert all([await process.wait() == reason for process in chain])


async def test_processes_linked_in_a_ring_all_end_once(events: list[Event]) -> None:
    ring = [Doer.start() for _ in range(3)]
    for one, other in zip(ring, [*ring[1:], ring[0]], strict=True):
        await linked(one, other)
    ring[0].exit("boom")
    assert [await process.wait() for process in ring] == ["boom"] * 3
    assert kinds(events).count("exit") == 3


async def test_an_end_is_passed_on_along_a_chain_of_links_longer_than_any_stack() -> None:
    chain = [Doer.start() for _ in range(3000)]
    for one, other in pairwise(chain):
        await linked(one, other)
    chain[0].exit("boom")
    assert {await process.wait() for process in chain} == {"boom"}


async def test_a_normal_end_leaves_linked_processes_alone_in_both_directions() -> None:
    parent = Doer.start(heard := list[Any]())
    child = await parent.call(lambda: Doer.start_link(heard))
    await child.stop()
    await all_quiet()
    assert parent.alive
    assert (await debug.status(parent)).links == ()
    second = await parent.call(lambda: Doer.start_link([]))
    await parent.stop()
    await all_quiet()
    assert second.alive
    assert heard == [Terminated("normal"), Terminated("normal")]


async def test_a_normal_end_is_a_message_to_a_linked_process_that_traps() -> None:
    one, other = Doer.start(), TrappingDoer.start(heard := list[Any]())
    await linked(other, one)
    await one.stop()
    await all_quiet()
    assert heard == [Exited(one, "normal")]
    assert other.alive


@pytest.mark.parametrize("reason", ABNORMAL)
async def test_an_abnormal_end_is_a_message_to_a_linked_process_that_traps(reason: Any) -> None:
    one, other = Doer.start(), TrappingDoer.start(heard := list[Any]())
    await linked(other, one)
    one.exit(reason)
    await all_quiet()
    assert heard == [Exited(one, reason)]
    assert other.alive


async def test_a_kill_arrives_as_killed_at_linked_processes() -> None:
    one, other, trapping = Doer.start(), Doer.start(), TrappingDoer.start(heard := list[Any]())
    await linked(other, one)
    await linked(trapping, one)
    one.exit("kill")
    await all_quiet()
    assert await other.wait() == "killed"
    assert heard == [Exited(one, "killed")]
    assert trapping.alive


async def test_a_process_that_ends_itself_with_kill_does_not_kill_a_trapping_one() -> None:
    def end() -> None:
        raise Exit("kill")

    one, trapping = Doer.start(), TrappingDoer.start(heard := list[Any]())
    await linked(trapping, one)
    one.cast(end)
    assert await one.wait() == "kill"
    await all_quiet()
    assert heard == [Exited(one, "kill")]
    assert trapping.alive


async def test_callers_of_a_server_that_a_link_takes_down_hear_its_reason() -> None:
    one, keeper = Doer.start(), Keeper.start()
    await linked(one, keeper)
    asking = asyncio.create_task(outcome(keeper.call("a")))
    await all_quiet()
    one.cast(raising(why := Boom("why")))
    failed = await asking
    assert type(failed) is ServerExit
    assert failed.reason is failed.__cause__ is why


async def test_an_exit_of_a_stranger_is_logged_and_survived_without_handle_info(
    caplog: pytest.LogCaptureFixture,
) -> None:
    class Trapping(GenServer[str]):
        trap_exit = True

        def init(self) -> str:
            return "state"

    stranger, trapping = Doer.start(), Trapping.start()
    await linked(stranger, trapping)
    stranger.exit("boom")
    assert await debug.get_state(trapping) == "state"
    [record] = caplog.records
    assert repr(Exited(stranger, "boom")) in record.getMessage()


async def test_an_exit_signal_normal_does_nothing_to_another_process_that_does_not_trap() -> None:
    doer = Doer.start(heard := list[Any]())
    doer.exit("normal")
    await all_quiet()
    assert doer.alive
    assert heard == []


async def test_any_exit_signal_but_kill_is_a_message_to_a_process_that_traps() -> None:
    sender, trapping = Doer.start(), TrappingDoer.start(heard := list[Any]())
    await sender.call(lambda: exit(trapping, "normal"))
    await sender.call(lambda: exit(trapping, "boom"))
    trapping.exit("from a task")
    await all_quiet()
    assert heard == [Exited(sender, "normal"), Exited(sender, "boom"), Exited(None, "from a task")]
    assert trapping.alive


async def test_kill_cannot_be_trapped_and_shows_as_killed() -> None:
    trapping = TrappingDoer.start(heard := list[Any]())
    trapping.exit("kill")
    assert await trapping.wait() == "killed"
    assert heard == []


@pytest.mark.parametrize("reason", ["shutdown", "boom", "killed"])
async def test_any_other_exit_signal_ends_a_process_that_does_not_trap(reason: str) -> None:
    doer = Doer.start(heard := list[Any](), name="doer")
    exit("doer", reason)
    assert await doer.wait() == reason
    assert heard == []


async def test_an_exit_signal_to_oneself_even_normal_does_not_come_back() -> None:
    for reason in ("normal", "boom"):
        went_on: list[str] = []
        doer = Doer.start(heard := list[Any]())

        def end(doer: Doer = doer, reason: str = reason, went_on: list[str] = went_on) -> None:
            doer.exit(reason)
            went_on.append(reason)

        failed = await outcome(doer.call(end))
        assert (failed.reason, await doer.wait(), went_on) == (reason, reason, [])
        assert heard == []  # it ends as by any exit signal, without terminate


async def test_an_exit_signal_to_the_dead_or_to_nobody_is_no_error() -> None:
    dead = Doer.start()
    await dead.stop()
    dead.exit("boom")
    exit(dead, "kill")
    exit("nobody", "boom")
    assert await dead.wait() == "normal"


async def test_nothing_passes_a_link_that_was_undone() -> None:
    one, other, trapping = Doer.start(), Doer.start(), TrappingDoer.start(heard := list[Any]())
    await linked(one, other)
    await linked(one, trapping)
    await one.call(lambda: unlink(other))
    await one.call(lambda: unlink(trapping))
    one.exit("boom")
    await all_quiet()
    assert other.alive
    assert heard == []


async def test_either_side_can_undo_a_link() -> None:
    one, other = Doer.start(), Doer.start()
    await linked(one, other)
    await other.call(lambda: unlink(one))
    one.exit("boom")
    await all_quiet()
    assert other.alive


async def test_linking_twice_is_linking_once() -> None:
    one, other, trapping = Doer.start(), Doer.start(), TrappingDoer.start(heard := list[Any]())
    for process in (other, other, trapping, trapping):
        await linked(process, one)
    await other.call(lambda: unlink(one))
    one.exit("boom")
    await all_quiet()
    assert other.alive
    assert heard == [Exited(one, "boom")]


async def test_an_exit_message_that_has_come_stays_when_the_link_is_undone() -> None:
    one, trapping = Doer.start(), TrappingDoer.start(heard := list[Any]())
    await linked(one, trapping)

    async def undo() -> None:
        await asyncio.sleep(1)
        unlink(one)

    trapping.cast(undo)
    await all_quiet()
    one.exit("boom")
    await asyncio.sleep(2)
    assert heard == [Exited(one, "boom")]


async def test_a_process_linked_with_itself_is_not_linked() -> None:
    doer = Doer.start()
    await doer.call(lambda: link(doer))
    assert (await debug.status(doer)).links == ()


async def test_linking_the_dead_fails_in_a_process_that_does_not_trap_as_any_error_does() -> None:
    dead, doer = Doer.start(), Doer.start(heard := list[Any]())
    await dead.stop()
    failed = await doer.call(lambda: tried(link, dead))
    assert type(failed) is NoProcess
    assert failed.server is dead
    assert doer.alive
    assert heard == []


async def test_linking_the_dead_is_answered_by_a_message_to_a_process_that_traps() -> None:
    dead, trapping = Doer.start(), TrappingDoer.start(heard := list[Any]())
    await dead.stop()
    await trapping.call(lambda: link(dead))
    await all_quiet()
    assert heard == [Exited(dead, "noproc")]


async def test_a_server_linked_to_its_caller_dies_when_the_waiting_caller_is_killed() -> None:
    caller = Doer.start()
    keeper = await caller.call(Keeper.start_link)
    caller.cast(lambda: keeper.call("a", None))
    await all_quiet()
    caller.exit("kill")
    assert await keeper.wait() == "killed"


# --- monitors


@pytest.mark.parametrize("reason", ["normal", "shutdown", "boom", ("any", "object")])
async def test_a_monitor_is_told_once_of_the_end_for_any_reason(reason: Any) -> None:
    watched, watcher = Doer.start(), Doer.start(heard := list[Any]())
    ref = await watcher.call(lambda: monitor(watched))
    await watched.stop(reason)
    await all_quiet()
    assert heard == [Down(ref, watched, reason)]
    assert watcher.alive


async def test_a_monitor_of_a_killed_process_is_told_killed() -> None:
    watched, watcher = Doer.start(), Doer.start(heard := list[Any]())
    ref = await watcher.call(lambda: monitor(watched))
    watched.exit("kill")
    await all_quiet()
    assert heard == [Down(ref, watched, "killed")]


@pytest.mark.parametrize("end", ["stop", "kill"])
async def test_the_down_of_a_monitor_by_name_names_the_name(end: str) -> None:
    watched, watcher = Doer.start(name="watched"), Doer.start(heard := list[Any]())
    by_name = await watcher.call(lambda: monitor("watched"))
    by_server = await watcher.call(lambda: monitor(watched))
    if end == "kill":
        watched.exit("kill")
    else:
        await watched.stop()
    await all_quiet()
    reason = "killed" if end == "kill" else "normal"
    assert heard == [Down(by_name, "watched", reason), Down(by_server, watched, reason)]
    assert (by_name.process, by_server.process) == ("watched", watched)


async def test_each_of_two_monitors_is_told() -> None:
    watched, watcher = Doer.start(), Doer.start(heard := list[Any]())
    first, second = await watcher.call(lambda: (monitor(watched), monitor(watched)))
    await watched.stop()
    await all_quiet()
    assert heard == [Down(first, watched, "normal"), Down(second, watched, "normal")]
    assert first != second


async def test_the_monitored_side_notices_nothing_and_does_not_hear_of_the_watchers_end() -> None:
    watched, watcher = TrappingDoer.start(heard := list[Any]()), Doer.start()
    await watcher.call(lambda: monitor(watched))
    watcher.exit("boom")
    await all_quiet()
    assert watched.alive
    assert heard == []
    assert (await debug.status(watched)).links == ()


async def test_monitoring_the_dead_is_answered_at_once() -> None:
    dead, watcher = Doer.start(), Doer.start(heard := list[Any]())
    await dead.stop()
    ref = await watcher.call(lambda: monitor(dead))
    await all_quiet()
    assert heard == [Down(ref, dead, "noproc")]


async def test_monitoring_a_name_that_nobody_has_is_answered_at_once() -> None:
    watcher = Doer.start(heard := list[Any]())
    ref = await watcher.call(lambda: monitor("nobody"))
    await all_quiet()
    [down] = heard
    assert (type(down), down.ref, down.process, down.reason) == (Down, ref, "nobody", "noproc")


async def test_a_process_that_monitors_itself_hears_nothing_and_nothing_is_lost(
    events: list[Event],
) -> None:
    doer = Doer.start(heard := list[Any]())
    await doer.call(lambda: monitor(doer))
    await doer.stop()
    await all_quiet()
    assert heard == [Terminated("normal")]
    assert not {"lost", "down"} & {*kinds(events)}


async def test_demonitor_leaves_the_monitor_of_another_process_alone() -> None:
    watched, watcher, stranger = Doer.start(), Doer.start(heard := list[Any]()), Doer.start()
    ref = await watcher.call(lambda: monitor(watched))
    await stranger.call(lambda: demonitor(ref, flush=True))
    await watched.stop()
    await all_quiet()
    assert heard == [Down(ref, watched, "normal")]


async def test_nothing_is_told_after_demonitor() -> None:
    watched, watcher = Doer.start(), Doer.start(heard := list[Any]())
    ref = await watcher.call(lambda: monitor(watched))
    await watcher.call(lambda: demonitor(ref))
    await watched.stop()
    await all_quiet()
    assert heard == []
    await watcher.call(lambda: demonitor(ref))  # and once more is no error


@pytest.mark.parametrize(("flush", "stays"), [(False, True), (True, False)])
async def test_a_down_that_has_come_stays_unless_it_is_flushed(flush: bool, stays: bool) -> None:
    watched, watcher = Doer.start(), Doer.start(heard := list[Any]())
    ref, other = await watcher.call(lambda: (monitor(watched), monitor(watched)))

    async def busy() -> None:
        await asyncio.sleep(1)
        demonitor(ref, flush=flush)

    watcher.cast(busy)
    await all_quiet()
    watcher.send("before")
    await watched.stop()
    watcher.send("after")
    await asyncio.sleep(2)
    downs = [Down(ref, watched, "normal")] * stays + [Down(other, watched, "normal")]
    assert heard == ["before", *downs, "after"]


async def test_everything_that_a_process_has_sent_comes_before_its_down_and_its_exit() -> None:
    watcher = TrappingDoer.start(heard := list[Any]())
    watched = Doer.start()
    ref = await watcher.call(lambda: monitor(watched))
    await linked(watched, watcher)

    def speak_and_die() -> None:
        for number in range(3):
            watcher.send(number)
        raise Exit("boom")

    watched.cast(speak_and_die)
    await all_quiet()
    assert heard == [0, 1, 2, Exited(watched, "boom"), Down(ref, watched, "boom")]


@pytest.mark.parametrize("down_the_line", [False, True])
async def test_links_hear_of_an_end_before_monitors_do_also_down_the_line(
    down_the_line: bool,
) -> None:
    watcher, watched, first = TrappingDoer.start(heard := list[Any]()), Doer.start(), Doer.start()
    ref = await watcher.call(lambda: monitor(watched))
    await linked(watcher, watched)
    await linked(first, watched)
    (first if down_the_line else watched).exit("boom")
    await all_quiet()
    assert heard == [Exited(watched, "boom"), Down(ref, watched, "boom")]


async def test_many_monitors_hear_in_their_order_but_not_those_that_end_with_the_watched() -> None:
    watched, linked_too, heard = Doer.start(), Doer.start(ended := list[Any]()), list[Any]()
    watchers = [Doer.start(heard) for _ in range(3)]
    refs = [
        await watcher.call(lambda: monitor(watched))
        for watcher in (watchers[0], linked_too, *watchers[1:])
    ]
    await linked(linked_too, watched)
    watched.exit("boom")
    await all_quiet()
    assert heard == [Down(ref, watched, "boom") for ref in (refs[0], *refs[2:])]
    assert ended == []


async def test_a_plain_task_monitors_by_waiting() -> None:
    doer = Doer.start()
    waiting = [asyncio.create_task(doer.wait()) for _ in range(2)]
    await asyncio.sleep(1000)
    waiting[0].cancel()
    doer.exit("boom")
    assert await waiting[1] == "boom"
    assert await doer.wait() == "boom"
    assert waiting[0].cancelled()


# --- ordering


class Journal(Placed[list[Any]]):
    """Writes down what it is told, and reads it out to who asks."""

    def init(self, *_: Any) -> list[Any]:
        return []

    def handle_call(self, request: Any, from_: Any, state: list[Any]) -> Any:
        return Reply(list(state), state)

    def handle_cast(self, request: Any, state: list[Any]) -> Any:
        return NoReply([*state, request])

    def handle_info(self, message: Any, state: list[Any]) -> Any:
        return NoReply([*state, message])


class AsyncJournal(Journal):
    """The same, and each entry takes it some time."""

    async def handle_cast(self, request: Any, state: list[Any]) -> Any:
        await asyncio.sleep(0.1)
        return super().handle_cast(request, state)

    async def handle_info(self, message: Any, state: list[Any]) -> Any:
        await asyncio.sleep(0.2)
        return super().handle_info(message, state)


JOURNALS = pytest.mark.parametrize(
    "journal_type", [Journal, AsyncJournal], ids=["def", "async def"]
)


@JOURNALS
async def test_a_call_sees_the_effect_of_every_cast_and_send_that_its_caller_made_before(
    journal_type: type[Journal],
) -> None:
    journal = journal_type.start()
    for number in range(0, 10, 2):
        journal.cast(number)
        journal.send(number + 1)
    assert await journal.call("read", None) == list(range(10))


async def test_a_handler_is_never_entered_again_while_it_waits_whatever_it_waits_for() -> None:
    keeper = Keeper.start(callers := dict[Any, Any]())
    steps: list[str] = []

    class OneByOne(Stateless):
        async def handle_call(self, request: str, from_: Any, state: None) -> Any:
            steps.append(f"{request} began")
            if request == "sleeps":
                await asyncio.sleep(1)
            else:
                await keeper.call(request)
            steps.append(f"{request} ended")
            return Reply(None, state)

        async def handle_info(self, message: str, state: None) -> Any:
            steps.append(message)
            return NoReply(state)

    server = OneByOne.start()
    asking = [asyncio.create_task(server.call(request, None)) for request in ("sleeps", "calls")]
    await all_quiet()
    server.send("info")
    await asyncio.sleep(2)
    reply(callers["calls"], "answer")
    await asyncio.gather(*asking)
    await all_quiet()
    assert steps == ["sleeps began", "sleeps ended", "calls began", "calls ended", "info"]


async def test_infos_that_come_during_a_nested_call_are_handled_after_it_in_order() -> None:
    keeper, doer = Keeper.start(callers := dict[Any, Any]()), Doer.start(heard := list[Any]())
    asking = asyncio.create_task(doer.call(lambda: keeper.call("nested")))
    await all_quiet()
    for number in range(5):
        doer.send(number)
    await asyncio.sleep(1)
    assert heard == []
    reply(callers["nested"], "answer")
    assert await asking == "answer"
    await all_quiet()
    assert heard == [0, 1, 2, 3, 4]


async def test_cast_and_send_return_at_once_to_the_busy_and_the_dead() -> None:
    busy, dead = Doer.start(), Doer.start()
    busy.cast(lambda: asyncio.sleep(1000))
    await dead.stop()
    for to in (busy, dead):
        assert send(to, "message") is None  # type: ignore[func-returns-value]
    for name in (busy, dead, "nobody", ("any", "name"), None):
        assert cast(name, asyncio.Event) is None  # type: ignore[func-returns-value]
    for number in range(10_000):
        busy.send(number)
    assert now() == 0.0
    assert busy.alive


async def test_two_servers_that_send_to_each_other_never_wait_for_each_other() -> None:
    class Chatty(GenServer[Any]):
        def init(self, *_: Any) -> Any:
            return 0

        def handle_info(self, message: tuple[Any, int], state: int) -> Any:
            other, left = message
            for _ in range(2 if left else 0):
                other.send((self, left - 1))
            return NoReply(state + 1)

    one, other = Chatty.start(), Chatty.start()
    one.send((other, 12))
    await all_quiet()
    assert await debug.get_state(one) + await debug.get_state(other) == 2**13 - 1


async def test_servers_that_never_rest_let_tasks_timers_and_other_servers_have_their_turn() -> None:
    class Restless(GenServer[Any]):
        def init(self) -> None:
            return None

        def handle_info(self, message: Any, state: Any) -> Any:
            message.send(self)
            return NoReply(state)

    one, other, bystander = Restless.start(), Restless.start(), Doer.start()
    one.send(other)
    alone = Restless.start()
    alone.send(alone)
    for _ in range(10):
        await asyncio.sleep(0)
        assert await bystander.call(lambda: "has its turn") == "has its turn"
    await asyncio.gather(one.stop(), alone.stop())
    assert other.alive


async def test_a_task_that_calls_without_end_lets_other_tasks_have_their_turn() -> None:
    doer = Doer.start()
    turns = 0

    async def count() -> None:
        nonlocal turns
        while True:
            await asyncio.sleep(0)
            turns += 1

    counting = asyncio.create_task(count())
    for _ in range(20_000):
        await doer.call(lambda: None)
    counting.cancel()
    assert turns >= 10


@JOURNALS
async def test_messages_of_each_sender_come_in_the_order_in_which_it_sent_them(
    journal_type: type[Journal],
) -> None:
    journal = journal_type.start()

    async def tell(who: str) -> None:
        for number in range(100):
            (journal.cast if number % 2 else journal.send)((who, number))
            await asyncio.sleep(0.01 * (number % 3))

    await asyncio.gather(tell("a"), tell("b"))
    entries = await journal.call("read", None)
    for who in "ab":
        assert [number for sender, number in entries if sender == who] == list(range(100))


@settings(deadline=None)
@given(
    st.lists(
        st.tuples(
            st.sampled_from("abc"), st.sampled_from(["cast", "send", "call"]), st.floats(0, 2)
        ),
        max_size=30,
    )
)
def test_whatever_is_sent_when_and_how_each_sender_is_heard_in_order_and_each_message_once(
    plan: list[Any],
) -> None:
    async def main() -> None:
        async with Node():
            doer = Doer.start(heard := list[Any]())

            async def tell(who: str) -> None:
                for number, (sender, way, pause) in enumerate(plan):
                    if sender == who:
                        entry = (who, number)
                        if way == "send":
                            doer.send(entry)
                        elif way == "cast":
                            doer.cast(lambda entry=entry: heard.append(entry))
                        else:
                            await doer.call(
                                lambda entry=entry, pause=pause: later(entry, pause), None
                            )
                        await asyncio.sleep(pause)

            async def later(entry: Any, pause: float) -> None:
                await asyncio.sleep(pause)
                heard.append(entry)

            await asyncio.gather(*(tell(who) for who in "abc"))
            await doer.call(lambda: None, None)
            for who in "abc":
                assert [entry for entry in heard if entry[0] == who] == [
                    (who, number) for number, (sender, _, _) in enumerate(plan) if sender == who
                ]

    run(main())


class Suicidal(GenServer[list[Any]]):
    """Traps exits, and sends itself an exit signal."""

    trap_exit = True

    def init(self, told: list[Any]) -> list[Any]:
        return told

    def handle_cast(self, request: str, state: list[Any]) -> NoReply[list[Any]]:
        self.exit(request)
        return NoReply(state)

    def handle_info(self, message: Exited, state: list[Any]) -> NoReply[list[Any]]:
        state.append(message)
        return NoReply(state)

    def terminate(self, reason: Any, state: list[Any]) -> None:
        state.append(reason)


@pytest.mark.parametrize("reason", ["boom", "normal"])
async def test_who_was_started_without_a_link_is_its_own_parent(reason: str) -> None:
    told: list[Any] = []
    server = Suicidal.start(told)
    server.cast(reason)
    assert await server.wait() == reason
    assert told == [reason]
