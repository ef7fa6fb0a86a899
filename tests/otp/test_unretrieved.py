"""Whatever ends a call that no code awaits any more, asyncio has nothing to complain of."""

import asyncio
import gc
import os
import signal
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any

import pytest
from servers import Boom, Doer, Keeper, all_quiet, raising

from genreply_cli.otp import GenServer, Node, ServerExit, debug
from genreply_cli.otp.virtual_time import Loop


def complaints_about(main: Callable[[], Awaitable[Any]]) -> list[str]:
    """What asyncio says of a program that has ended, however it has ended."""
    heard: list[str] = []

    async def listening() -> None:
        handler = asyncio.get_running_loop().set_exception_handler
        handler(lambda _, context: heard.append(context["message"]))
        await main()

    with suppress(BaseException), asyncio.Runner(loop_factory=Loop) as runner:
        runner.run(listening())
    gc.collect()
    return heard


def left_waiting() -> list[asyncio.Task[Any]]:
    """Tasks that wait for a server in all the ways there are."""
    keeper, busy = Keeper.start(), Doer.start()
    busy.cast(lambda: asyncio.sleep(1000))
    waits = [keeper.call("request"), keeper.call("another", None), keeper.wait()]
    waits += [busy.call("request"), busy.stop("other"), debug.get_state(busy)]
    return [asyncio.ensure_future(wait) for wait in waits]


async def a_node_that_closes() -> None:
    async with Node():
        tasks = left_waiting()
        await all_quiet()
    await all_quiet()
    assert all(task.done() for task in tasks)


async def a_node_that_closes_while_its_servers_are_called_again_and_again() -> None:
    async def restless(keeper: Keeper) -> None:
        while True:
            with suppress(ServerExit):
                await keeper.call("request", 1)

    async with Node():
        keeper = Keeper.start()
        task = asyncio.ensure_future(restless(keeper))
        await all_quiet()
    await all_quiet()
    assert task.done()


class AsksAtItsEnd(GenServer[Keeper]):
    trap_exit = True

    def init(self, asked: Keeper) -> Keeper:
        return asked

    def terminate(self, _: Any, asked: Keeper) -> None:
        asked.send_request("late")


async def a_node_that_closes_while_requests_are_under_way() -> None:
    async with Node():
        keeper, ended = Keeper.start(), Keeper.start()
        requests = [keeper.send_request("request"), keeper.send_request("another", None)]
        await ended.stop()
        AsksAtItsEnd.start(ended)
    assert all(request.done() for request in requests)


async def a_call_after_the_node_has_closed() -> None:
    async with Node():
        keeper = Keeper.start()
    asyncio.ensure_future(keeper.call("request"))  # noqa: RUF006  # it is meant to be left
    await all_quiet()


async def an_error_that_leaves_the_node() -> None:
    async with Node():
        left_waiting()
        await all_quiet()
        raise Boom


async def ctrl_c_while_tasks_are_waited_for() -> None:
    async with Node():
        tasks = left_waiting()
        asyncio.get_running_loop().call_soon(os.kill, os.getpid(), signal.SIGINT)
        await asyncio.wait(tasks)


async def a_group_that_is_cancelled() -> None:
    async with Node(), asyncio.TaskGroup() as group:
        keeper = Keeper.start()
        for number in range(3):
            group.create_task(keeper.call(number))
        await all_quiet()
        raise Boom


async def a_group_that_is_cancelled_as_the_server_is_killed() -> None:
    async with Node():
        keeper = Keeper.start()
        group = asyncio.gather(*(keeper.call(number) for number in range(3)))
        await all_quiet()
        keeper.exit("kill")
        group.cancel()
        await group


async def a_callback_that_ends_the_program() -> None:
    async def waits() -> None:
        await asyncio.sleep(1)
        raise SystemExit(3)

    async with Node():
        doer = Doer.start()
        left_waiting()
        doer.cast(waits)
        await asyncio.sleep(2)


async def a_plain_callback_that_ends_the_program() -> None:
    async with Node():
        doer = Doer.start()
        left_waiting()
        doer.cast(raising(KeyboardInterrupt()))
        await asyncio.sleep(2)


@pytest.mark.parametrize(
    "program",
    [
        a_node_that_closes,
        a_node_that_closes_while_requests_are_under_way,
        a_node_that_closes_while_its_servers_are_called_again_and_again,
        a_call_after_the_node_has_closed,
        an_error_that_leaves_the_node,
        ctrl_c_while_tasks_are_waited_for,
        a_group_that_is_cancelled,
        a_group_that_is_cancelled_as_the_server_is_killed,
        a_callback_that_ends_the_program,
        a_plain_callback_that_ends_the_program,
    ],
    ids=lambda program: program.__name__,
)
def test_what_ends_calls_that_no_code_awaits_leaves_no_exception_unretrieved(
    program: Callable[[], Awaitable[Any]],
) -> None:
    assert complaints_about(program) == []


def test_a_task_that_is_left_in_a_node_that_runs_on_is_complained_of() -> None:
    async def program() -> None:
        async with Node():
            keeper = Keeper.start()
            task = asyncio.ensure_future(keeper.call("request"))
            await all_quiet()
            keeper.exit("kill")
            await all_quiet()
            del task
            gc.collect()

    assert complaints_about(program) == ["Task exception was never retrieved"]
