"""Names, `stop`, looking into a running server, and leaving the node."""

import asyncio
from typing import Any

import pytest
from servers import (
    Boom,
    Doer,
    Keeper,
    Terminated,
    TrappingDoer,
    all_quiet,
    now,
    outcome,
    raising,
    tried,
)

from genreply_cli.otp import (
    AlreadyStarted,
    CallingSelf,
    CallTimeout,
    Event,
    Exit,
    GenServer,
    Node,
    NoProcess,
    NoReply,
    Reply,
    ServerExit,
    Stop,
    StopTimeout,
    Timeout,
    call,
    cast,
    debug,
    link,
    monitor,
    send,
    send_after,
    stop,
    whereis,
)
from genreply_cli.otp.virtual_time import run

# --- names


@pytest.mark.parametrize("name", ["doer", ("via", "registry", 7), 42, frozenset("ab"), Doer, ""])
async def test_anything_hashable_is_a_name_for_start_call_cast_send_stop_and_whereis(
    name: Any,
) -> None:
    doer = Doer.start(heard := list[Any](), name=name)
    assert whereis(name) is doer
    assert doer.name == name
    assert await call(name, lambda: "called") == "called"
    cast(name, lambda: heard.append("cast"))
    send(name, "sent")
    failed = tried(Doer.start, name=name)
    assert (type(failed), failed.process, failed.name) == (AlreadyStarted, doer, name)
    await stop(name)
    assert heard == ["cast", "sent", Terminated("normal")]
    assert whereis(name) is None
    assert whereis(doer) is doer


@pytest.mark.parametrize("name", ["nobody", ("any", "name"), None])
async def test_a_send_to_a_name_that_no_process_has_raises_and_a_cast_does_not(name: Any) -> None:
    cast(name, "message")
    failed = tried(send, name, "message")
    assert (type(failed), failed.server, failed.request) == (NoProcess, name, "message")
    assert str(failed) == f"send to {name!r} with 'message': no process is running there"


async def test_a_message_that_is_sent_later_to_a_name_that_no_process_has_is_lost() -> None:
    timer = send_after("nobody", 1, "message")
    await asyncio.sleep(2)
    assert timer.cancel() is False


async def test_whereis_takes_a_server_too_and_returns_it_whether_it_runs_or_not() -> None:
    doer = Doer.start()
    assert whereis(doer) is doer
    await doer.stop()
    assert whereis(doer) is doer


async def test_a_taken_name_names_the_process_that_has_it() -> None:
    doer = Doer.start(name="doer")
    for start in (Doer.start, Doer.start_link):
        with pytest.raises(AlreadyStarted) as failed:
            start(name="doer")
        assert failed.value.process is doer
        for part in (repr(doer), "'doer'"):
            assert part in str(failed.value)
    assert doer.alive


async def test_none_is_no_name_so_many_may_have_it() -> None:
    one, other = Doer.start(), Doer.start(name=None)
    assert one.name is other.name is whereis(None) is None


async def test_a_name_that_cannot_be_hashed_is_a_type_error_and_starts_nothing() -> None:
    ran: list[str] = []

    class Spying(Doer):
        def init(self, *_: Any) -> Any:
            ran.append("init")
            return []

    with pytest.raises(TypeError, match="hash"):
        Spying.start(name=["a", "list"])
    assert ran == []


async def test_a_name_is_free_again_whatever_ended_its_server() -> None:
    for end in (
        Doer.stop,
        lambda doer: doer.call(lambda: 1 / 0),
        lambda doer: doer.call(lambda: doer.exit("kill")),
    ):
        doer = Doer.start(name="doer")
        await outcome(end(doer))
        assert not doer.alive
        assert whereis("doer") is None


async def test_a_caller_that_hears_of_the_end_can_start_a_successor_under_the_same_name() -> None:
    keeper = Keeper.start(name="keeper")

    async def ask_and_succeed(generation: int) -> Any:
        failed = await outcome(keeper.call("a", None))
        return failed.reason, Keeper.start(name="keeper")

    for generation in range(100):
        asking = asyncio.create_task(ask_and_succeed(generation))
        await all_quiet()
        keeper.exit(generation + 1)
        reason, keeper = await asking
        assert reason == generation + 1


def test_at_its_end_a_server_terminates_replies_frees_its_name_and_then_others_hear() -> None:
    steps: list[Any] = []

    class Ending(Keeper):
        def handle_info(self, message: Any, callers: Any) -> Any:
            return Stop("boom", callers)

        def handle_call(self, request: Any, from_: Any, callers: Any) -> Any:
            return Stop("boom", callers, reply="bye") if request == "end" else NoReply(callers)

        def terminate(self, reason: Any, callers: Any) -> None:
            steps.append(("terminate", whereis("ending") is not None))

    async def main() -> None:
        async with Node(lambda event: steps.append((event.kind, whereis("ending") is not None))):
            ending, watcher = Ending.start(name="ending"), TrappingDoer.start()
            await watcher.call(lambda: link(ending))
            await watcher.call(lambda: monitor(ending))
            asking = asyncio.create_task(outcome(ending.call("deferred")))
            await all_quiet()
            steps.clear()
            assert await ending.call("end") == "bye"
            await asking
            await all_quiet()
            heard = sorted(steps[4:])
            assert steps[:4] == [
                ("call", True),
                ("terminate", True),
                ("reply", True),
                ("exit", False),
            ]
            assert heard == [("down", False), ("down", False), ("info", False)]

    run(main())


# --- stop


@pytest.mark.parametrize(
    "reason", ["normal", "shutdown", ("shutdown", 1), "boom", Boom("why"), None]
)
async def test_stop_ends_a_server_for_that_reason_for_callers_monitors_and_links_alike(
    reason: Any,
) -> None:
    keeper, watcher = Keeper.start(), TrappingDoer.start(heard := list[Any]())
    await watcher.call(lambda: link(keeper))
    await watcher.call(lambda: monitor(keeper))
    asking = asyncio.create_task(outcome(keeper.call("a")))
    await all_quiet()
    assert await keeper.stop(reason) is None  # type: ignore[func-returns-value]
    assert (await asking).reason == reason
    await all_quiet()
    assert [message.reason for message in heard] == [reason, reason]
    assert await keeper.wait() == reason


async def test_stop_waits_its_turn_behind_the_messages_that_are_queued() -> None:
    doer = Doer.start(heard := list[Any]())
    doer.cast(lambda: asyncio.sleep(1))
    for number in range(3):
        doer.send(number)
    await doer.stop()
    assert heard == [0, 1, 2, Terminated("normal")]
    assert now() == 1.0


async def test_a_stop_that_times_out_leaves_the_server_to_stop_when_it_is_ready() -> None:
    class Slow(Doer):
        async def terminate(self, reason: Any, heard: Any) -> None:
            await asyncio.sleep(3)
            heard.append(Terminated(reason))

    slow = Slow.start(heard := list[Any]())
    assert type(await outcome(slow.stop("enough", 1))) is StopTimeout
    assert (now(), slow.alive, heard) == (1.0, True, [])
    assert await slow.wait() == "enough"
    assert (now(), heard) == (3.0, [Terminated("enough")])


async def test_a_stop_that_times_out_in_the_queue_is_not_taken_back() -> None:
    doer = Doer.start()
    doer.cast(lambda: asyncio.sleep(3))
    assert type(await outcome(stop(doer, "enough", 1))) is StopTimeout
    assert await doer.wait() == "enough"
    assert now() == 3.0


async def test_cancelling_who_stops_a_server_does_not_keep_it_from_stopping() -> None:
    doer = Doer.start(heard := list[Any]())
    doer.cast(lambda: asyncio.sleep(3))
    stopping = asyncio.create_task(doer.stop("enough"))
    await asyncio.sleep(1)
    stopping.cancel()
    assert await doer.wait() == "enough"
    assert stopping.cancelled()
    assert heard == [Terminated("enough")]


async def test_a_server_cannot_wait_for_its_own_stop() -> None:
    doer = Doer.start(name="doer")
    itself = await doer.call(lambda: outcome(doer.stop()))
    by_name = await doer.call(lambda: outcome(stop("doer")))
    assert [(type(error), error.server) for error in (itself, by_name)] == [
        (CallingSelf, doer),
        (CallingSelf, "doer"),
    ]
    assert repr(doer) in str(itself)
    assert doer.alive


async def test_stopping_the_dead_or_nobody_is_no_process() -> None:
    dead = Doer.start()
    await dead.stop()
    for server in (dead, "nobody", None):
        failed = await outcome(stop(server, "normal", 1.0))
        assert (type(failed), failed.server) == (NoProcess, server)


async def test_stop_raises_if_the_server_ends_for_another_reason() -> None:
    doer = Doer.start()
    doer.cast(lambda: asyncio.sleep(1))
    stopping = asyncio.create_task(outcome(doer.stop("normal")))
    await all_quiet()
    doer.exit("boom")
    failed = await stopping
    assert (type(failed), failed.server, failed.reason) == (ServerExit, doer, "boom")
    assert "'boom'" in str(failed)


async def test_of_two_stops_the_first_counts() -> None:
    doer = Doer.start(heard := list[Any]())
    doer.cast(lambda: asyncio.sleep(1))
    first = asyncio.create_task(outcome(doer.stop("first")))
    second = asyncio.create_task(outcome(doer.stop("second")))
    assert await first is None
    assert ((await second).reason, heard) == ("first", [Terminated("first")])


async def test_a_stop_that_the_server_never_came_to_raises_even_if_the_reason_is_the_same() -> None:
    async def end_slowly() -> None:
        await asyncio.sleep(1)
        raise Exit("enough")

    stopped, ends_itself, killed = Doer.start(), Doer.start(), Doer.start()
    for doer, work in (
        (stopped, lambda: asyncio.sleep(1)),
        (ends_itself, end_slowly),
        (killed, lambda: asyncio.sleep(1)),
    ):
        doer.cast(work)
    first = asyncio.create_task(stopped.stop("enough"))
    await all_quiet()
    stopping = [
        asyncio.create_task(outcome(doer.stop("enough"))) for doer in (stopped, ends_itself, killed)
    ]
    await all_quiet()
    killed.exit("enough")
    await first
    assert [(type(error), error.reason) for error in await asyncio.gather(*stopping)] == [
        (ServerExit, "enough")
    ] * 3


@pytest.mark.parametrize("timeout", [-1, float("nan"), float("inf"), "1", True])
async def test_a_stop_with_a_timeout_that_is_none_stops_nothing(timeout: Any) -> None:
    doer = Doer.start()
    for stopping in (doer.stop("normal", timeout), stop(doer, "normal", timeout)):
        with pytest.raises((ValueError, TypeError), match="timeout"):
            await stopping
    await all_quiet()
    assert doer.alive


# --- looking into a server


class Counting(GenServer[int]):
    """Counts what it is sent; can be told to sleep, and to expect silence."""

    def init(self) -> int:
        return 0

    async def handle_call(self, request: Any, from_: Any, count: int) -> Any:
        await asyncio.sleep(request)
        return Reply(count, count)

    def handle_cast(self, request: float, count: int) -> Any:
        return NoReply(count, timeout=request)

    def handle_info(self, message: Any, count: int) -> Any:
        return NoReply(count + (100 if message == Timeout() else 1))


async def test_the_state_can_be_read_in_its_turn_behind_what_was_sent_before() -> None:
    counting = Counting.start()
    for _ in range(3):
        counting.send("count")
    assert await debug.get_state(counting) == 3


async def test_reading_the_state_waits_for_the_handler_that_is_at_work_or_times_out() -> None:
    counting = Counting.start()
    asking = asyncio.create_task(counting.call(3))
    await all_quiet()
    failed = await outcome(debug.get_state(counting, 1))
    assert (type(failed), failed.server, now()) == (CallTimeout, counting, 1.0)
    assert await debug.get_state(counting) == 0
    assert now() == 3.0
    assert await asking == 0


async def test_a_replaced_state_is_returned_and_kept() -> None:
    counting = Counting.start()
    assert await debug.replace_state(counting, lambda count: count + 41) == 41
    counting.send("count")
    assert await debug.get_state(counting) == 42


async def test_a_state_can_be_replaced_while_the_server_is_suspended() -> None:
    counting = Counting.start()
    await debug.suspend(counting)
    counting.send("count")
    assert await debug.replace_state(counting, lambda count: count + 41) == 41
    await debug.resume(counting)
    assert await debug.get_state(counting) == 42


@pytest.mark.parametrize("suspended", [False, True])
async def test_a_function_that_raises_leaves_the_state_alone_and_raises_in_who_asked_for_it(
    suspended: bool,
) -> None:
    counting = Counting.start()
    counting.send("count")
    if suspended:
        await debug.suspend(counting)
    with pytest.raises(ZeroDivisionError):
        await debug.replace_state(counting, lambda count: count // 0)
    assert await debug.get_state(counting) == 1
    assert counting.alive


@pytest.mark.parametrize("suspended", [False, True])
@pytest.mark.parametrize(
    "raised",
    [
        Exit("reason"),
        asyncio.CancelledError(),
        GeneratorExit(),
        StopAsyncIteration(),
        SystemExit(3),
        KeyboardInterrupt(),
    ],
    ids=repr,
)
async def test_whatever_a_function_raises_is_raised_in_who_asked_for_it_and_the_server_lives(
    raised: BaseException, suspended: bool
) -> None:
    counting = Counting.start()
    if suspended:
        await debug.suspend(counting)
    with pytest.raises(type(raised)) as failed:
        await debug.replace_state(counting, raising(raised))
    assert failed.value is raised
    assert await debug.get_state(counting) == 0


async def test_the_end_of_an_iterator_in_a_function_is_the_cause_of_what_is_raised() -> None:
    counting = Counting.start()
    with pytest.raises(RuntimeError) as failed:
        await debug.replace_state(counting, lambda _: next(iter([])))
    assert type(failed.value.__cause__) is StopIteration
    assert await debug.get_state(counting) == 0


def test_what_ends_the_program_does_so_though_who_asked_for_it_has_gone() -> None:
    async def main() -> None:
        async with Node():
            doer = Doer.start()
            doer.cast(lambda: asyncio.sleep(2))
            await outcome(debug.replace_state(doer, raising(SystemExit(3)), 1))
            await asyncio.sleep(2)

    with pytest.raises(SystemExit):
        run(main())


async def test_a_suspended_server_handles_nothing_until_resumed_and_then_all_in_order() -> None:
    doer = Doer.start(heard := list[Any]())
    await debug.suspend(doer)
    for number in range(3):
        doer.send(number)
    failed = await outcome(doer.call(lambda: heard.append("called"), 1))
    assert type(failed) is CallTimeout
    assert heard == []
    status = await debug.status(doer)
    assert status.suspended
    assert status.mailbox[:3] == (0, 1, 2)
    await debug.resume(doer)
    await all_quiet()
    assert heard == [0, 1, 2, "called"]
    assert not (await debug.status(doer)).suspended


async def test_suspending_twice_is_suspending_once_and_resuming_twice_is_no_error() -> None:
    counting = Counting.start()
    await debug.suspend(counting)
    await debug.suspend(counting)
    await debug.resume(counting)
    await debug.resume(counting)
    assert await counting.call(0) == 0


async def test_a_suspended_server_can_be_stopped_and_terminates() -> None:
    doer = Doer.start(heard := list[Any]())
    await debug.suspend(doer)
    doer.send("never handled")
    await doer.stop("enough")
    assert heard == [Terminated("enough")]


async def test_a_suspended_server_that_traps_ends_with_its_parent() -> None:
    parent = Doer.start()
    heard: list[Any] = []
    child = await parent.call(lambda: TrappingDoer.start_link(heard))
    await debug.suspend(child)
    parent.exit("boom")
    assert await child.wait() == "boom"
    assert heard == [Terminated("boom")]


@pytest.mark.parametrize("reason", ["kill", "boom"])
async def test_a_suspended_server_that_does_not_trap_dies_of_an_exit_signal(reason: str) -> None:
    doer = Doer.start(heard := list[Any]())
    await debug.suspend(doer)
    asking = asyncio.create_task(outcome(doer.call(lambda: None, None)))
    await all_quiet()
    doer.exit(reason)
    assert (await asking).reason == await doer.wait()
    assert heard == []


async def test_an_idle_timeout_does_not_pass_while_suspended_and_starts_anew_when_resumed() -> None:
    counting = Counting.start()
    counting.cast(10)
    await asyncio.sleep(6)
    await debug.suspend(counting)
    await asyncio.sleep(1000)
    assert await debug.get_state(counting) == 0
    await debug.resume(counting)
    await asyncio.sleep(9)
    assert counting.alive
    await asyncio.sleep(2)
    assert await debug.get_state(counting) == 100


async def test_a_message_that_came_while_suspended_cancels_the_idle_timeout() -> None:
    counting = Counting.start()
    counting.cast(10)
    await debug.suspend(counting)
    counting.send("count")
    await debug.resume(counting)
    await asyncio.sleep(1000)
    assert await debug.get_state(counting) == 1


async def test_the_status_tells_who_it_is_what_it_is_linked_with_and_what_waits() -> None:
    parent = Doer.start()
    keeper = await parent.call(lambda: Keeper.start_link(name="keeper"))
    await debug.suspend(keeper)
    keeper.send("waiting")
    assert await debug.status(keeper) == debug.Status(
        server=keeper,
        name="keeper",
        suspended=True,
        parent=parent,
        links=(parent,),
        mailbox=("waiting",),
        state={},
    )


async def test_looking_into_the_dead_is_no_process_and_who_looks_hears_of_the_end() -> None:
    counting, dead = Counting.start(), Counting.start()
    await dead.stop()
    for look in (debug.get_state, debug.suspend, debug.resume, debug.status):
        failed = await outcome(look(dead))
        assert (type(failed), failed.server) == (NoProcess, dead)
    asking = asyncio.create_task(outcome(counting.call(1)))
    looking = asyncio.create_task(outcome(debug.get_state(counting)))
    await all_quiet()
    counting.exit("boom")
    failed = await looking
    assert (type(failed), failed.server, failed.reason) == (ServerExit, counting, "boom")
    await asking


async def test_a_suspend_or_a_new_state_that_comes_after_its_timeout_comes_all_the_same() -> None:
    doer = Doer.start()
    doer.cast(lambda: asyncio.sleep(2))
    late = [outcome(debug.replace_state(doer, lambda _: heard, 1)), outcome(debug.suspend(doer, 1))]
    heard: list[Any] = ["replaced"]
    assert [type(failed) for failed in await asyncio.gather(*late)] == [CallTimeout, CallTimeout]
    await asyncio.sleep(2)
    assert await debug.get_state(doer) is heard
    assert (await debug.status(doer)).suspended


async def test_a_look_and_a_stop_that_wait_behind_a_suspend_have_their_turn() -> None:
    doer = Doer.start(heard := list[Any]())
    doer.cast(lambda: asyncio.sleep(1))
    await all_quiet()
    suspending = asyncio.create_task(debug.suspend(doer))
    await all_quiet()
    doer.send("never handled")
    looking = asyncio.create_task(debug.status(doer))
    await all_quiet()
    await doer.stop()
    await suspending
    assert (await looking).suspended
    assert heard == [Terminated("normal")]


async def test_the_exit_of_a_parent_that_waits_behind_a_suspend_has_its_turn() -> None:
    parent = Doer.start()
    child = await parent.call(TrappingDoer.start_link)
    child.cast(lambda: asyncio.sleep(1))
    suspending = asyncio.create_task(debug.suspend(child))
    await all_quiet()
    parent.exit("boom")
    assert await child.wait() == "boom"
    await suspending


async def test_a_server_can_be_looked_into_by_its_name_which_errors_repeat() -> None:
    counting = Counting.start(name="counting")
    assert await debug.replace_state("counting", lambda count: count + 7) == 7
    await debug.suspend("counting")
    assert (await debug.status("counting")).suspended
    await debug.resume("counting")
    assert await debug.get_state("counting") == await counting.call(0) == 7
    for look in (debug.get_state, debug.suspend, debug.resume, debug.step, debug.status):
        failed = await outcome(look("nobody"))
        assert (type(failed), failed.server) == (NoProcess, "nobody")
    doer = Doer.start(name="doer")
    doer.cast(lambda: asyncio.sleep(2))
    failed = await outcome(debug.get_state("doer", 1))
    assert (type(failed), failed.server) == (CallTimeout, "doer")


async def test_a_server_cannot_wait_for_a_look_at_itself() -> None:
    doer = Doer.start()
    failed = await doer.call(lambda: outcome(debug.get_state(doer)))
    assert (type(failed), failed.server) == (CallingSelf, doer)
    assert now() == 0.0


async def test_looking_on_is_no_message_of_the_program_and_told_to_nobody(
    events: list[Event],
) -> None:
    counting = Counting.start()
    told = len(events)
    await debug.get_state(counting)
    await debug.replace_state(counting, lambda count: count)
    await debug.suspend(counting)
    await debug.status(counting)
    await debug.resume(counting)
    assert len(events) == told


# --- leaving the node


def test_leaving_the_node_stops_what_still_runs_the_newest_first() -> None:
    ended: list[Any] = []

    class Named(Doer):
        def terminate(self, reason: Any, heard: Any) -> None:
            ended.append((self.name, reason))

    async def main() -> None:
        async with Node():
            for name in "abc":
                Named.start(name=name)
            await stop("b")

    run(main())
    assert ended == [("b", "normal"), ("c", "shutdown"), ("a", "shutdown")]


def test_leaving_the_node_by_an_exception_stops_what_still_runs_too() -> None:
    heard: list[Any] = []

    async def main() -> None:
        async with Node():
            Doer.start(heard)
            raise Boom

    with pytest.raises(Boom):
        run(main())
    assert heard == [Terminated("shutdown")]


def test_leaving_the_node_handles_what_is_queued_and_waits_for_a_slow_terminate() -> None:
    class Slow(Doer):
        async def terminate(self, reason: Any, heard: Any) -> None:
            await asyncio.sleep(3)
            heard.append((Terminated(reason), now()))

    heard: list[Any] = []

    async def main() -> None:
        async with Node():
            Slow.start(heard).send("queued")

    run(main())
    assert heard == ["queued", (Terminated("shutdown"), 3.0)]


def test_leaving_the_node_lets_a_server_that_is_stopping_finish_for_its_own_reason() -> None:
    class Slow(Doer):
        async def terminate(self, reason: Any, heard: Any) -> None:
            await asyncio.sleep(3)
            heard.append((Terminated(reason), now()))

    heard: list[Any] = []

    async def main() -> Any:
        async with Node():
            slow = Slow.start(heard)
            stopping = asyncio.create_task(slow.stop("enough"))
            await asyncio.sleep(1)
        await stopping
        return await slow.wait()

    assert run(main()) == "enough"
    assert heard == [(Terminated("enough"), 3.0)]


def test_leaving_the_node_does_not_wait_for_ever() -> None:
    async def main() -> GenServer[Any]:
        class Stubborn(Doer):
            async def terminate(self, reason: Any, heard: Any) -> None:
                await asyncio.Event().wait()

        async with Node():
            stubborn = Stubborn.start()
        assert not stubborn.alive
        assert 0 < now() < 60
        return stubborn

    assert not run(main()).alive


def test_leaving_the_node_ends_a_handler_that_waits_for_ever_and_its_finally_runs() -> None:
    steps: list[str] = []

    async def wait() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            steps.append("finally")

    async def main() -> None:
        async with Node():
            Doer.start().cast(wait)
            TrappingDoer.start().cast(wait)
            await all_quiet()

    run(main())
    assert steps == ["finally", "finally"]


def test_leaving_the_node_waits_for_the_handler_of_a_server_that_traps_exits() -> None:
    heard: list[Any] = []

    async def work() -> None:
        await asyncio.sleep(3)
        heard.append("worked")

    async def main() -> None:
        async with Node():
            TrappingDoer.start(heard).cast(work)
            await all_quiet()

    run(main())
    assert heard == ["worked", Terminated("shutdown")]


def test_a_handler_that_ignores_its_cancellation_is_told_again_until_it_ends() -> None:
    steps: list[str] = []

    async def ignore() -> None:
        for _ in range(3):
            try:
                await asyncio.Event().wait()
            except asyncio.CancelledError:
                steps.append("ignored")

    async def main() -> None:
        async with Node():
            Doer.start().cast(ignore)
            await all_quiet()

    run(main())
    assert steps == ["ignored"] * 3


def test_callers_that_still_wait_when_the_node_is_left_hear_of_it() -> None:
    async def main() -> Any:
        async with Node():
            asking = asyncio.create_task(outcome(Keeper.start().call("a", None)))
            await all_quiet()
        return await asking

    failed = run(main())
    assert (type(failed), failed.reason) == (ServerExit, "shutdown")


def test_a_timer_that_is_due_after_the_node_was_left_sends_nothing() -> None:
    heard: list[Any] = []

    async def main() -> None:
        async with Node():
            send_after("doer", 10, "from the node before")
        async with Node():
            Doer.start(heard, name="doer")
            await asyncio.sleep(20)
            assert heard == []

    run(main())


def test_a_node_can_be_opened_again_in_the_same_loop_and_names_are_its_own() -> None:
    async def main() -> None:
        async with Node():
            first = Doer.start(name="doer")
        async with Node():
            assert whereis("doer") is None
            second = Doer.start(name="doer")
            assert await call("doer", lambda: "second") == "second"
            assert type(await outcome(first.call(lambda: "first"))) is NoProcess
            assert second.alive

    run(main())
