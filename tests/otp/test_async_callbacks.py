"""Async callbacks begin on the spot, wait as tasks do, and end with their process."""

import asyncio
import contextvars
import sys
from typing import Any

import pytest
from servers import (
    Boom,
    Doer,
    Keeper,
    SilentSocket,
    SlowSocket,
    Stateless,
    Terminated,
    TrappingDoer,
    all_quiet,
    now,
    outcome,
)

from genreply_cli.otp import (
    CallTimeout,
    Continue,
    Event,
    Exited,
    From,
    GenServer,
    Init,
    Node,
    NoReply,
    Reply,
    ServerExit,
    Stop,
    debug,
    reply,
)
from genreply_cli.otp.virtual_time import run
from genreply_cli.variations import BlockingCoordinator
from genreply_cli.websocket import MessageReceived

NAME = contextvars.ContextVar("NAME", default="unset")


# --- on the spot


async def test_a_handler_begins_on_the_spot_and_only_its_wait_lets_others_go_on() -> None:
    steps: list[str] = []

    async def work() -> None:
        steps.append("first begins")
        await asyncio.sleep(1)
        steps.append("first ends")

    first, second = Doer.start(), Doer.start()
    first.cast(work)
    second.cast(lambda: steps.append("second"))
    await asyncio.sleep(2)
    assert steps == ["first begins", "second", "first ends"]


async def test_a_handler_that_does_not_wait_makes_no_task() -> None:
    class Prompt(GenServer[int]):
        def init(self) -> int:
            return 0

        async def handle_call(self, request: Any, from_: Any, state: int) -> Any:
            return Reply(state, state + 1)

    prompt = Prompt.start()
    assert [await prompt.call("count") for _ in range(200)] == list(range(200))


async def test_every_callback_but_init_may_wait() -> None:
    steps: list[Any] = []

    class Waiting(GenServer[str]):
        def init(self) -> Any:
            return Init("state", then=Continue("connect"))

        async def handle_continue(self, continuation: Any, state: str) -> Any:
            return await self.later(NoReply(state), continuation)

        async def handle_call(self, request: Any, from_: Any, state: str) -> Any:
            return await self.later(Reply("reply", state), request)

        async def handle_cast(self, request: Any, state: str) -> Any:
            return await self.later(NoReply(state), request)

        async def handle_info(self, message: Any, state: str) -> Any:
            return await self.later(Stop("enough", "new state"), message)

        async def terminate(self, reason: Any, state: str) -> None:
            await self.later(None, (reason, state))

        async def later(self, answer: Any, step: Any) -> Any:
            await asyncio.sleep(1)
            steps.append((now(), step))
            return answer

    waiting = Waiting.start()
    asking = asyncio.create_task(waiting.call("call"))
    await all_quiet()
    waiting.cast("cast")
    waiting.send("info")
    assert await asking == "reply"
    assert await waiting.wait() == "enough"
    assert steps == [
        (1.0, "connect"),
        (2.0, "call"),
        (3.0, "cast"),
        (4.0, "info"),
        (5.0, ("enough", "new state")),
    ]


async def test_a_handler_that_only_yields_goes_on_in_later_turns_of_the_loop() -> None:
    turns: list[str] = []

    async def work() -> str:
        for _ in range(3):
            turns.append("handler")
            await asyncio.sleep(0)
        return "done"

    async def others() -> None:
        for _ in range(3):
            turns.append("other")
            await asyncio.sleep(0)

    doer = Doer.start()
    answer, _ = await asyncio.gather(doer.call(work), others())
    assert answer == "done"
    assert turns[-1] == "handler"  # it had to wait for its turn
    assert sorted(turns) == ["handler"] * 3 + ["other"] * 3
    assert now() == 0.0


@pytest.mark.skipif(
    sys.version_info < (3, 12), reason="eager tasks are new in Python 3.12: run the tests with it"
)
async def test_async_callbacks_work_in_a_loop_whose_tasks_are_eager() -> None:
    eager: Any = asyncio.eager_task_factory  # type: ignore[attr-defined, unused-ignore]
    asyncio.get_running_loop().set_task_factory(eager)
    doer = Doer.start()

    async def work() -> str:
        before = asyncio.current_task()
        await asyncio.sleep(1)
        return "the same task" if asyncio.current_task() is before else "another task"

    assert await asyncio.create_task(doer.call(work)) == "the same task"
    assert await doer.call(work) == "the same task"
    assert now() == 2.0


# --- tasks


async def test_a_handler_has_the_same_task_of_its_own_before_and_after_its_first_wait() -> None:
    seen: list[Any] = []

    async def look() -> None:
        seen.append(asyncio.current_task())
        await asyncio.sleep(0)
        seen.append(asyncio.current_task())
        await asyncio.sleep(1)
        seen.append(asyncio.current_task())

    doer, me = Doer.start(), asyncio.current_task()
    await doer.call(look)
    assert seen[0] is seen[1] is seen[2] is not me
    assert isinstance(seen[0], asyncio.Task)
    assert asyncio.current_task() is me


async def test_the_task_of_a_handler_is_named_after_its_server() -> None:
    doer = Doer.start()

    async def name() -> str:
        task = asyncio.current_task()
        assert task is not None
        return task.get_name()

    assert await doer.call(name) == repr(doer)


async def test_two_servers_at_work_at_the_same_time_have_different_tasks() -> None:
    seen: list[Any] = []

    async def look() -> None:
        await asyncio.sleep(1)
        seen.append(asyncio.current_task())

    await asyncio.gather(*(Doer.start().call(look) for _ in range(2)))
    assert seen[0] is not seen[1]


async def test_a_handler_run_inside_another_has_its_own_task_and_gives_the_outer_one_back() -> None:
    seen: dict[str, Any] = {}
    inner = Doer.start()

    async def look() -> str:
        seen["inner"] = asyncio.current_task()
        return "answer"

    async def ask() -> str:
        seen["before"] = asyncio.current_task()
        answer: str = await inner.call(look)
        seen["after"] = asyncio.current_task()
        return answer

    assert await Doer.start().call(ask) == "answer"
    assert seen["before"] is seen["after"] is not seen["inner"]


async def test_a_task_group_within_a_handler_works_and_its_failure_is_the_handlers() -> None:
    async def work() -> list[int]:
        async def one(number: int) -> int:
            await asyncio.sleep(number)
            return number

        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(one(number)) for number in range(3)]
        return [task.result() for task in tasks]

    async def fail() -> None:
        async def one() -> None:
            raise Boom

        async with asyncio.TaskGroup() as group:
            group.create_task(one())
            await asyncio.sleep(10)

    doer = Doer.start()
    assert await doer.call(work) == [0, 1, 2]
    assert now() == 2.0
    failed = await outcome(doer.call(fail))
    assert isinstance(failed.reason, ExceptionGroup)
    assert now() == 2.0


async def test_what_a_task_of_a_handler_does_its_server_does() -> None:
    doer, keeper = Doer.start(), Keeper.start(callers := dict[Any, Any]())
    await doer.call(lambda: asyncio.create_task(outcome(keeper.call("a"))))
    await all_quiet()
    assert callers["a"].caller is doer


async def test_a_task_that_a_handler_has_started_may_call_its_own_server() -> None:
    doer = Doer.start()
    task = await doer.call(lambda: asyncio.create_task(doer.call(lambda: "answer")))
    assert await task == "answer"


# --- timeouts of asyncio and of calls


async def test_a_timeout_within_a_handler_is_the_handlers_own_affair() -> None:
    async def work() -> str:
        with pytest.raises(TimeoutError) as given_up:
            async with asyncio.timeout(1):
                await asyncio.Event().wait()
        return f"{type(given_up.value).__name__} at {now():g}"

    doer = Doer.start()
    assert await doer.call(work) == "TimeoutError at 1"
    assert await doer.call(work) == "TimeoutError at 2"
    assert doer.alive


@pytest.mark.parametrize("delay", [0, -1])
@pytest.mark.parametrize("messages_before", [0, 1, 2])
async def test_a_timeout_that_is_over_before_the_first_wait_ends_that_wait(
    delay: float, messages_before: int
) -> None:
    async def work() -> str:
        try:
            async with asyncio.timeout(delay):
                await asyncio.sleep(1)
        except TimeoutError:
            task = asyncio.current_task()
            assert task is not None
            return f"gave up at {now():g} with {task.cancelling()} requests to cancel left"
        return "not reached"

    doer = Doer.start()
    for _ in range(messages_before):
        await doer.call(lambda: asyncio.sleep(0))
    assert await doer.call(work) == "gave up at 0 with 0 requests to cancel left"
    assert await doer.call(lambda: asyncio.sleep(1, "goes on")) == "goes on"


async def test_a_timeout_that_the_handler_does_not_catch_ends_it_and_is_no_call_timeout() -> None:
    async def work() -> None:
        async with asyncio.timeout(1):
            await asyncio.sleep(10)

    doer = Doer.start()
    failed = await outcome(doer.call(work))
    assert type(failed) is ServerExit
    assert type(failed.reason) is TimeoutError
    assert not isinstance(failed, TimeoutError)


async def test_a_timeout_around_a_call_is_not_taken_for_the_calls_own() -> None:
    keeper = Keeper.start()
    with pytest.raises(TimeoutError) as failed:
        async with asyncio.timeout(1):
            await keeper.call("a", 5)
    assert not isinstance(failed.value, CallTimeout)
    assert now() == 1.0


async def test_a_timeout_of_a_call_is_not_taken_for_the_one_around_it() -> None:
    keeper = Keeper.start()
    async with asyncio.timeout(5) as limit:
        with pytest.raises(CallTimeout):
            await keeper.call("a", 1)
        await asyncio.sleep(1)
    assert not limit.expired()
    assert now() == 2.0


async def test_in_a_handler_too_a_timeout_around_a_call_is_told_from_that_of_the_call() -> None:
    keeper, doer = Keeper.start(), Doer.start()

    async def ask(around: float, own: float) -> tuple[str, float]:
        try:
            async with asyncio.timeout(around):
                await keeper.call("a", own)
        except CallTimeout:
            return "the call", now()
        except TimeoutError:
            return "around", now()
        return "neither", now()

    assert await doer.call(lambda: ask(1, 3)) == ("around", 1.0)
    assert await doer.call(lambda: ask(3, 1)) == ("the call", 2.0)
    assert doer.alive
    assert keeper.alive


async def test_a_timeout_around_stop_or_get_state_is_not_taken_for_their_own() -> None:
    doer = Doer.start()
    doer.cast(lambda: asyncio.sleep(100))
    for waiting in (doer.stop("normal", 50), debug.get_state(doer, 50)):
        with pytest.raises(TimeoutError) as failed:
            async with asyncio.timeout(1):
                await waiting
        assert type(failed.value) is TimeoutError
    assert now() == 2.0


async def test_a_timeout_around_a_receive_is_not_taken_for_the_receives_own() -> None:
    doer = Doer.start()

    async def listen() -> Any:
        limit = asyncio.timeout(1)
        try:
            async with limit:
                await doer.receive(str, 5)
        except TimeoutError as error:
            return limit.expired(), str(error)

    assert await doer.call(listen) == (True, "")


async def test_the_timeout_of_a_nested_call_reaches_only_the_handler_that_made_it() -> None:
    keeper, middle, outer = Keeper.start(), Doer.start(), Doer.start()

    async def ask_keeper() -> Any:
        return await outcome(keeper.call("a", 1))

    answer = await outer.call(lambda: middle.call(ask_keeper, 5))
    assert (type(answer), answer.server) == (CallTimeout, keeper)
    assert all(process.alive for process in (keeper, middle, outer))


# --- context variables


async def test_context_variables_belong_to_the_process_across_waits_and_messages() -> None:
    async def get_and_set(name: str) -> list[str]:
        before = NAME.get()
        NAME.set(name)
        await asyncio.sleep(1)
        return [before, NAME.get()]

    NAME.set("of the task")
    one, other = Doer.start(), Doer.start()
    NAME.set("changed later")
    first, second = await asyncio.gather(
        one.call(lambda: get_and_set("one")), other.call(lambda: get_and_set("other"))
    )
    assert (first, second) == (["of the task", "one"], ["of the task", "other"])
    assert await one.call(lambda: get_and_set("again")) == ["one", "again"]
    assert await one.call(NAME.get) == "again"
    assert NAME.get() == "changed later"


async def test_the_running_server_is_right_around_each_wait_of_two_interleaved_handlers() -> None:
    started: list[Any] = []

    async def start_children() -> None:
        for _ in range(3):
            child = Doer.start_link([])
            started.append((child, (await debug.status(child)).parent))
            await asyncio.sleep(0.1)

    one, other = Doer.start(), Doer.start()
    await asyncio.gather(one.call(start_children), other.call(start_children))
    assert [parent for _, parent in started] == [one, other] * 3


@pytest.mark.parametrize("waits", [0, 1])
async def test_events_after_a_wait_and_in_spawned_tasks_still_belong_to_the_message_that_is_handled(
    waits: float, events: list[Event]
) -> None:
    target = Doer.start()

    async def later(what: str) -> None:
        await asyncio.sleep(1)
        target.send(what)

    tasks: list[Any] = []

    async def work(what: str) -> None:
        await asyncio.sleep(waits)
        target.send(f"{what} handled")
        tasks.append(asyncio.create_task(later(f"{what} spawned")))

    one, other = Doer.start(), Doer.start()
    await asyncio.gather(
        one.call(lambda: work("one")),
        other.call(lambda: work("other")),
        one.call(lambda: work("again")),
    )
    await asyncio.sleep(5)
    calls = [event for event in events if event.kind == "call"]
    infos = {event.message: event for event in events if event.kind == "info"}
    assert [call.target for call in calls] == [one, other, one]
    for what, call in zip(("one", "other", "again"), calls, strict=True):
        for how in ("handled", "spawned"):
            event = infos[f"{what} {how}"]
            assert (event.source, event.call, event.cause) == (call.target, call.about, call.seq)


# --- one message at a time


async def test_while_a_handler_waits_its_server_handles_nothing_else_and_others_go_on() -> None:
    busy, other = Doer.start(heard := list[Any]()), Doer.start()
    working = asyncio.create_task(busy.call(lambda: asyncio.sleep(3)))
    await all_quiet()
    busy.send("waits")
    busy.cast(lambda: heard.append("waits too"))
    assert await other.call(lambda: "at once") == "at once"
    assert (now(), heard) == (0.0, [])
    await working
    await all_quiet()
    assert (now(), heard) == (3.0, ["waits", "waits too"])


async def test_a_thousand_waiting_handlers_wait_at_the_same_time() -> None:
    doers = [Doer.start() for _ in range(1000)]
    await asyncio.gather(*(doer.call(lambda: asyncio.sleep(1)) for doer in doers))
    assert now() == 1.0


async def test_servers_that_call_each_other_deeper_than_any_stack_get_their_answers() -> None:
    chain = [Doer.start() for _ in range(2000)]

    async def ask(place: int) -> int:
        if place == len(chain):
            return 0
        answer: int = await chain[place].call(lambda: ask(place + 1), None)
        return answer + 1

    assert await ask(0) == 2000


# --- the end of a handler


@pytest.mark.parametrize("how", ["kill", "boom"])
async def test_an_exit_signal_cancels_the_handler_that_waits_and_its_finally_runs(how: str) -> None:
    steps: list[Any] = []

    async def work() -> None:
        try:
            await asyncio.sleep(10)
        except asyncio.CancelledError:
            steps.append(("cancelled", now()))
            raise
        finally:
            steps.append("finally")

    doer = Doer.start(heard := list[Any]())
    asking = asyncio.create_task(outcome(doer.call(work)))
    await asyncio.sleep(1)
    doer.exit(how)
    failed = await asking
    assert failed.reason == ("killed" if how == "kill" else how)
    await all_quiet()
    assert steps == [("cancelled", 1.0), "finally"]
    assert heard == []


async def test_a_killed_handler_that_ignores_its_cancellation_changes_nothing_any_more() -> None:
    async def work() -> str:
        try:
            await asyncio.sleep(10)
        except asyncio.CancelledError:
            await asyncio.sleep(10)
        return "too late"

    doer = Doer.start(heard := list[Any]())
    asking = asyncio.create_task(outcome(doer.call(work)))
    await asyncio.sleep(1)
    doer.exit("kill")
    failed = await asking
    await asyncio.sleep(100)
    assert (type(failed), failed.reason) == (ServerExit, "killed")
    assert not doer.alive
    assert heard == []


async def test_a_handler_killed_by_its_own_doing_before_its_first_wait_does_not_go_on() -> None:
    steps: list[str] = []

    async def work() -> None:
        Doer.start_link().exit("boom")
        steps.append("still on the spot")
        try:
            await asyncio.sleep(0)
            steps.append("not reached")
        except asyncio.CancelledError:
            steps.append("cancelled")
            raise

    doer = Doer.start()
    failed = await outcome(doer.call(work))
    assert failed.reason == "boom"
    await asyncio.sleep(1)
    assert steps == ["still on the spot", "cancelled"]


async def test_the_cancellation_of_something_a_handler_waits_for_is_a_crash() -> None:
    tasks: list[asyncio.Task[None]] = []

    async def work() -> None:
        tasks.append(asyncio.create_task(asyncio.sleep(10)))
        await tasks[0]

    doer = Doer.start(heard := list[Any]())
    asking = asyncio.create_task(outcome(doer.call(work)))
    await all_quiet()
    tasks[0].cancel()
    failed = await asking
    assert type(failed) is ServerExit
    assert type(failed.reason) is asyncio.CancelledError
    assert heard == [Terminated(failed.reason)]


@pytest.mark.parametrize("messages_before", [0, 1])
async def test_a_handler_that_cancels_its_own_task_before_its_first_wait_crashes_its_server(
    messages_before: int,
) -> None:
    steps: list[str] = []

    async def work() -> None:
        task = asyncio.current_task()
        assert task is not None
        task.cancel()
        try:
            await asyncio.sleep(1)
            steps.append("not reached")
        finally:
            steps.append("finally")

    doer = Doer.start()
    for _ in range(messages_before):
        await doer.call(lambda: asyncio.sleep(0))
    failed = await outcome(doer.call(work))
    assert type(failed) is ServerExit
    assert type(failed.reason) is asyncio.CancelledError
    assert steps == ["finally"]
    assert now() == 0.0


async def test_an_exit_signal_to_a_trapping_server_does_not_interrupt_its_handler() -> None:
    trapping = TrappingDoer.start(heard := list[Any]())
    asking = asyncio.create_task(trapping.call(lambda: asyncio.sleep(3, "done")))
    await asyncio.sleep(1)
    trapping.exit("boom")
    assert await asking == "done"
    await all_quiet()
    assert heard == [Exited(None, "boom")]


async def test_terminate_runs_in_the_same_task_as_the_handlers_and_may_call_others() -> None:
    steps: list[Any] = []
    keeper = Keeper.start(callers := dict[Any, Any]())

    class Asking(Doer):
        async def terminate(self, reason: Any, heard: Any) -> None:
            steps.append(await keeper.call("goodbye"))

    asking = Asking.start()
    stopping = asyncio.create_task(asking.stop())
    await asyncio.sleep(1)
    assert callers["goodbye"].caller is asking
    assert not stopping.done()
    reply(callers["goodbye"], "farewell")
    await stopping
    assert steps == ["farewell"]


@pytest.mark.parametrize("fatal", [KeyboardInterrupt, SystemExit])
@pytest.mark.parametrize("waits", [False, True])
def test_what_ends_the_program_ends_the_program_from_a_handler_too(
    fatal: type[BaseException], waits: bool
) -> None:
    async def work() -> None:
        if waits:
            await asyncio.sleep(1)
        raise fatal

    async def main() -> None:
        async with Node():
            await Doer.start().call(work)

    with pytest.raises(fatal):
        run(main())


# --- receive


async def test_receive_takes_the_first_message_of_a_type_and_leaves_the_others_in_order() -> None:
    doer = Doer.start(heard := list[Any]())
    asking = asyncio.create_task(doer.call(lambda: doer.receive(int)))
    await all_quiet()
    for message in ("a", "b", 1, "c", 2):
        doer.send(message)
    assert await asking == 1
    await all_quiet()
    assert heard == ["a", "b", "c", 2]


async def test_receive_takes_what_has_come_before_it_was_called() -> None:
    doer = Doer.start(heard := list[Any]())

    async def listen() -> list[Any]:
        await asyncio.sleep(1)
        union: Any = int | str
        return [await doer.receive(int), await doer.receive(str), await doer.receive(union)]

    asking = asyncio.create_task(doer.call(listen))
    await all_quiet()
    for message in (1.5, "a", 1, 2, "b"):
        doer.send(message)
    assert await asking == [1, "a", 2]
    await all_quiet()
    assert heard == [1.5, "b"]


async def test_receive_takes_no_casts_and_no_calls() -> None:
    doer = Doer.start()
    asking = asyncio.create_task(doer.call(lambda: doer.receive(object)))
    await all_quiet()
    doer.cast(lambda: None)
    calling = asyncio.create_task(doer.call(lambda: "called"))
    await all_quiet()
    doer.send("message")
    assert await asking == "message"
    assert await calling == "called"


async def test_receive_gives_up_after_its_timeout_and_says_who_waited_for_what() -> None:
    doer = Doer.start(heard := list[Any]())
    failed = await doer.call(lambda: outcome(doer.receive(int, 1.5)))
    assert type(failed) is TimeoutError
    for part in (repr(doer), "int", "1.5"):
        assert part in str(failed)
    doer.send(1)
    await all_quiet()
    assert heard == [1]


async def test_a_receive_that_was_cancelled_takes_nothing() -> None:
    doer = Doer.start(heard := list[Any]())

    async def listen() -> str:
        try:
            async with asyncio.timeout(1):
                await doer.receive(int)
        except TimeoutError:
            await asyncio.sleep(1)
        return "gave up"

    asking = asyncio.create_task(doer.call(listen))
    await asyncio.sleep(1.5)
    doer.send(1)
    assert await asking == "gave up"
    await all_quiet()
    assert heard == [1]


@pytest.mark.parametrize("raised", [Boom(), StopIteration(), asyncio.CancelledError()], ids=repr)
async def test_what_a_type_raises_when_it_looks_at_a_message_is_raised_in_receive(
    raised: BaseException,
) -> None:
    class Picky(type):
        def __instancecheck__(cls, message: Any) -> bool:
            if message is not None:
                raise raised
            return False

    class Type(metaclass=Picky):
        pass

    async def listen() -> Any:
        try:
            await doer.receive(Type)
        except BaseException as error:
            return error.__cause__ or error

    doer = Doer.start(heard := list[Any]())
    asking = asyncio.create_task(doer.call(listen, 5))
    await all_quiet()
    doer.send("message")
    assert await asking is raised
    await all_quiet()
    assert heard == ["message"]


async def test_the_basic_way_works_but_its_server_is_deaf_meanwhile() -> None:
    coordinator = BlockingCoordinator.start_link(SlowSocket.start_link)
    greetings = [asyncio.create_task(coordinator.greet(name)) for name in "abc"]
    await all_quiet()
    assert type(await outcome(debug.get_state(coordinator, 2.5))) is CallTimeout
    assert await asyncio.gather(*greetings) == ["a to you too!", "b to you too!", "c to you too!"]
    assert now() == 3.0


async def test_the_basic_way_takes_its_answer_out_of_the_mailbox_and_not_what_came_before() -> None:
    class Hearing(BlockingCoordinator):
        def handle_info(self, message: Any, state: Any) -> Any:
            heard.append(message)
            return NoReply(state)

    heard: list[Any] = []
    coordinator = Hearing.start_link(SilentSocket.start_link)
    greeting = asyncio.create_task(coordinator.greet("Hello"))
    await all_quiet()
    for message in ("something else", MessageReceived("Hello to you too!"), "and more"):
        coordinator.send(message)
    assert await greeting == "Hello to you too!"
    await all_quiet()
    assert heard == ["something else", "and more"]


async def test_what_follows_a_receive_belongs_to_the_message_that_was_received(
    events: list[Event],
) -> None:
    coordinator = BlockingCoordinator.start_link(SlowSocket.start_link)
    events.clear()
    await coordinator.greet("Hello")
    assert [event.kind for event in events] == ["call", "cast", "info", "reply"]
    call, cast, info, answer = events
    assert [cast.cause, info.cause, answer.cause] == [call.seq, cast.seq, info.seq]
    assert {event.call for event in events} == {call.about}


async def test_a_from_kept_by_a_waiting_handler_can_be_answered_by_another_process() -> None:
    kept: list[From[Any]] = []

    class Waiting(Stateless):
        async def handle_call(self, request: Any, from_: From[Any], state: None) -> Any:
            kept.append(from_)
            await asyncio.sleep(10)
            return Reply("too late", state)

    waiting = Waiting.start()
    asking = asyncio.create_task(waiting.call("a"))
    await asyncio.sleep(1)
    reply(kept[0], "from elsewhere")
    assert await asking == "from elsewhere"
    assert now() == 1.0
    await asyncio.sleep(20)
    assert waiting.alive
