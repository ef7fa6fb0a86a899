"""Callers that are let go together overlap, as on the BEAM: no call is answered before others ask.

The coordinator `single` keeps one caller only. If three calls overlap, the last caller gets the
first answer, and the others time out: on the BEAM in 5,000 of 5,000 runs.
"""

import asyncio
import random
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any

import pytest
from servers import Echo, Stateless, all_quiet, kinds, now, outcome

from genreply_cli.coordinator import Coordinator
from genreply_cli.otp import CallTimeout, Event, GenServer, Node, NoReply, Reply, send_after
from genreply_cli.otp.virtual_time import run

Greetings = list[Coroutine[Any, Any, str]]
LetGo = Callable[[Greetings], Awaitable[list[Any]]]


async def gathered(greetings: Greetings) -> list[Any]:
    return await asyncio.gather(*greetings, return_exceptions=True)


async def in_a_task_group(greetings: Greetings) -> list[Any]:
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(outcome(greeting)) for greeting in greetings]
    return [task.result() for task in tasks]


async def by_an_event(greetings: Greetings) -> list[Any]:
    go = asyncio.Event()

    async def caller(greeting: Coroutine[Any, Any, str]) -> str:
        await go.wait()
        return await greeting

    asyncio.get_running_loop().call_later(1, go.set)
    return await gathered([caller(greeting) for greeting in greetings])


async def by_timers_that_are_due_together(greetings: Greetings) -> list[Any]:
    async def caller(greeting: Coroutine[Any, Any, str]) -> str:
        await asyncio.sleep(1)
        return await greeting

    return await gathered([caller(greeting) for greeting in greetings])


async def some_in_tasks_of_their_own(greetings: Greetings) -> list[Any]:
    first, second, third = greetings
    return await gathered([first, asyncio.wait_for(second, 60), third])


class Greeter(Stateless):
    """Makes the call that it is sent, and sends the outcome to a future."""

    async def handle_info(self, message: Any, state: None) -> Any:
        greeting, heard = message
        heard.set_result(await outcome(greeting))
        return NoReply(state)


def heard_by(greetings: Greetings) -> list[tuple[Any, Any]]:
    loop = asyncio.get_running_loop()
    return [(greeting, loop.create_future()) for greeting in greetings]


async def as_processes(greetings: Greetings) -> list[Any]:
    messages = heard_by(greetings)
    for message in messages:
        Greeter.start().send(message)
    return [await heard for _, heard in messages]


async def as_processes_whose_timers_are_due_together(greetings: Greetings) -> list[Any]:
    messages = heard_by(greetings)
    for message in messages:
        send_after(Greeter.start(), 1, message)
    return [await heard for _, heard in messages]


async def as_a_process_between_tasks(greetings: Greetings) -> list[Any]:
    first, (second, heard), third = greetings[0], *heard_by(greetings[1:2]), greetings[2]
    one = asyncio.ensure_future(outcome(first))
    Greeter.start().send((second, heard))
    other = asyncio.ensure_future(outcome(third))
    return [await one, await heard, await other]


async def as_a_task_after_processes(greetings: Greetings) -> list[Any]:
    *messages, (greeting, _) = heard_by(greetings)
    for message in messages:
        Greeter.start().send(message)
    last = await outcome(asyncio.ensure_future(greeting))
    return [*[await heard for _, heard in messages], last]


WAYS: list[LetGo] = [
    gathered,
    in_a_task_group,
    by_an_event,
    by_timers_that_are_due_together,
    some_in_tasks_of_their_own,
    as_processes,
    as_processes_whose_timers_are_due_together,
    as_a_process_between_tasks,
    as_a_task_after_processes,
]


@pytest.mark.parametrize("let_go", WAYS, ids=lambda way: way.__name__)
async def test_of_callers_that_are_let_go_together_only_the_last_gets_an_answer_from_single(
    let_go: LetGo, events: list[Event]
) -> None:
    coordinator = Coordinator.start_link()
    outcomes = await let_go([coordinator.greet(text) for text in "ABC"])
    asked = [event.message.msg for event in events if event.kind == "call"]  # type: ignore[attr-defined]
    answered = [text for text, ended in zip("ABC", outcomes, strict=True) if isinstance(ended, str)]
    assert answered == asked[-1:]
    assert outcomes["ABC".index(asked[-1])] == f"{asked[0]} to you too!"
    assert [type(ended) for ended in outcomes].count(CallTimeout) == 2


@pytest.mark.parametrize("callers", [2, 3, 64, 65, 1000])
async def test_all_callers_have_asked_before_the_first_is_answered_however_many_they_are(
    callers: int, events: list[Event]
) -> None:
    echo = Echo.start()
    replies = await asyncio.gather(*(echo.call(number) for number in range(callers)))
    assert replies == list(range(callers))
    assert kinds(events)[1:] == ["call"] * callers + ["reply"] * callers


async def test_a_call_that_comes_while_the_turn_is_due_waits_for_those_behind_it(
    events: list[Event],
) -> None:
    echo = Echo.start()
    await all_quiet()
    events.clear()
    first = asyncio.ensure_future(echo.call("first"))
    echo.send("message")  # its turn stands between the two callers
    second = asyncio.ensure_future(echo.call("second"))
    assert [await first, await second] == ["first", "second"]
    assert kinds(events) == ["info", "call", "call", "reply", "reply"]


async def test_a_caller_that_is_alone_is_answered_on_the_spot() -> None:
    coordinator = Coordinator.start_link()
    await all_quiet()
    for text in "AB":
        greeting = coordinator.greet(text)
        with pytest.raises(StopIteration) as answered:
            greeting.send(None)
        assert answered.value.value == f"{text} to you too!"


async def test_a_caller_that_was_alone_waits_for_a_task_that_it_has_started(
    events: list[Event],
) -> None:
    coordinator = Coordinator.start_link()
    assert await coordinator.greet("A") == "A to you too!"
    events.clear()
    other = asyncio.ensure_future(outcome(coordinator.greet("B", 1)))
    assert type(await outcome(coordinator.greet("C", 1))) is CallTimeout
    assert await other == "C to you too!"


async def test_callers_that_ask_all_the_time_keep_no_call_waiting() -> None:
    echo, asked = Echo.start(), 0

    async def restless() -> None:
        nonlocal asked
        while True:
            calls.add(asyncio.ensure_future(echo.call("again")))
            asked += 1
            await asyncio.sleep(0)

    calls: set[asyncio.Future[Any]] = set()
    tasks = [asyncio.ensure_future(restless()) for _ in range(3)]
    for number in range(100):
        assert await echo.call(number) == number
    assert asked < 3_000
    for task in tasks:
        task.cancel()
    assert set(await asyncio.gather(*calls)) == {"again"}


def test_on_a_loop_whose_callbacks_cannot_be_seen_callers_overlap_too() -> None:
    class Blind(Node):
        def watch_callbacks(self) -> None:
            """Do not look, as on uvloop."""

    async def main() -> None:
        async with Blind():
            for let_go in (gathered, in_a_task_group, by_an_event, as_processes):
                coordinator = Coordinator.start_link()
                outcomes = await let_go([coordinator.greet(text) for text in "ABC"])
                assert [type(ended) for ended in outcomes[:2]] == [CallTimeout, CallTimeout]
                assert outcomes[2] == "A to you too!"
            assert await Echo.start().call("alone") == "alone"

    run(main())


class Proxy(GenServer[Coordinator]):
    """Greets a coordinator for its callers, one at a time."""

    async def handle_call(self, request: str, from_: Any, coordinator: Coordinator) -> Any:
        return Reply(await outcome(coordinator.greet(request, 1)), coordinator)


async def test_callers_overlap_behind_servers_that_call_for_them() -> None:
    coordinator = Coordinator.start_link()
    proxies = [Proxy.start(coordinator) for _ in range(3)]
    callers = [proxy.call(text) for proxy, text in zip(proxies, "ABC", strict=True)]
    outcomes = await asyncio.gather(*callers)
    assert [type(ended) for ended in outcomes[:2]] == [CallTimeout, CallTimeout]
    assert outcomes[2] == "A to you too!"
    assert now() == 1.0


class AsyncEcho(Echo):
    """The same, with an async callback."""

    async def handle_call(self, request: Any, from_: Any, state: None) -> Any:
        return Reply(request, state)


def let_go_at_random(choice: random.Random, echo: Echo) -> list[asyncio.Future[Any]]:
    """Start callers, tasks and processes, and other things between them, in one turn."""

    loop = asyncio.get_running_loop()
    callers: list[asyncio.Future[Any]] = []
    for _ in range(choice.randint(2, 8)):
        match choice.choice(["task", "group", "process", "message", "callback"]):
            case "task":
                callers.append(asyncio.ensure_future(echo.call("task")))
            case "group":
                callers.append(asyncio.gather(echo.call("one"), echo.call("other")))
            case "process":
                [message] = heard_by([echo.call("process")])
                Greeter.start().send(message)
                callers.append(message[1])
            case "message":
                echo.send("message")
            case _:
                loop.call_soon(lambda: None)
    return callers


def test_whoever_is_let_go_in_one_turn_has_asked_before_the_first_is_answered() -> None:
    async def program(seed: int) -> None:
        choice = random.Random(seed)
        async with Node(events.append):
            echo = choice.choice([Echo, AsyncEcho]).start()
            await all_quiet()
            callers = let_go_at_random(choice, echo)
            if choice.random() < 0.5:
                await echo.call("alone")
            await asyncio.gather(*callers)

    for seed in range(500):
        events: list[Event] = []
        run(program(seed))
        order = [event.kind for event in events if event.kind in ("call", "reply")]
        assert order == sorted(order), seed
