"""A callback sees nothing of who happened to call, though it may run on the stack of a caller."""

import asyncio
import sys
from collections.abc import Callable
from typing import Any

import pytest
from servers import Boom, Doer, Starting, all_quiet, outcome, raising

from genreply_cli.otp import Node
from genreply_cli.otp.virtual_time import run


def look() -> Any:
    """What a callback that is no task sees of an exception, and of a task."""
    return sys.exc_info(), sys.exception(), asyncio.current_task()


NOTHING = ((None, None, None), None, None)


def reraise() -> None:
    raise  # noqa: PLE0704 - what is raised, if there is nothing to raise again?


async def in_an_except_block(ask: Callable[[], Any]) -> Any:
    try:
        raise ConnectionError("of the caller")
    except ConnectionError:
        return await ask()


async def in_a_finally_block(ask: Callable[[], Any]) -> Any:
    try:
        raise ConnectionError("of the caller")
    finally:
        return await ask()  # noqa: B012


async def in_an_except_block_further_out(ask: Callable[[], Any]) -> Any:
    async def further_in() -> Any:
        try:
            raise KeyError("of the caller, too")
        except KeyError:
            pass
        return await ask()

    return await in_an_except_block(further_in)


class Leaving:
    """A context manager that asks while an exception leaves its block."""

    def __init__(self, ask: Callable[[], Any]) -> None:
        self.ask = ask

    async def __aenter__(self) -> None:
        return None

    async def __aexit__(self, *_: object) -> bool:
        self.answer = await self.ask()
        return True


async def in_an_aexit(ask: Callable[[], Any]) -> Any:
    leaving = Leaving(ask)
    async with leaving:
        raise ConnectionError("of the caller")
    return leaving.answer


async def plainly(ask: Callable[[], Any]) -> Any:
    return await ask()


places = pytest.mark.parametrize(
    "place",
    [plainly, in_an_except_block, in_a_finally_block, in_an_except_block_further_out, in_an_aexit],
)


@places
@pytest.mark.filterwarnings("ignore::SyntaxWarning")
async def test_a_callback_sees_neither_the_exception_nor_the_task_of_a_caller(place: Any) -> None:
    doer = Doer.start()
    assert await place(lambda: doer.call(look)) == NOTHING


@places
async def test_neither_does_another_server_that_has_its_turn_meanwhile(place: Any) -> None:
    doer, other = Doer.start(), Doer.start()
    seen: list[Any] = []
    other.cast(lambda: seen.append(look()))
    assert await place(lambda: doer.call(lambda: "answer")) == "answer"
    await all_quiet()
    assert seen == [NOTHING]


@places
async def test_neither_does_a_callback_if_the_caller_is_a_server(place: Any) -> None:
    doer, caller = Doer.start(), Doer.start()
    assert await caller.call(lambda: place(lambda: doer.call(look))) == NOTHING


@places
async def test_an_error_of_a_callback_has_no_context_of_the_caller(place: Any) -> None:
    doer = Doer.start()
    boom = Boom()
    failed = await place(lambda: outcome(doer.call(raising(boom))))
    assert failed.reason is boom
    assert boom.__context__ is None


@places
async def test_a_callback_cannot_raise_again_what_its_caller_handles(place: Any) -> None:
    doer = Doer.start()
    failed = await place(lambda: outcome(doer.call(reraise)))
    assert type(failed.reason) is RuntimeError
    assert "No active exception" in str(failed.reason)


@places
async def test_an_async_callback_has_its_own_task_and_no_exception(place: Any) -> None:
    async def look_twice() -> Any:
        first = sys.exception(), asyncio.current_task()
        await asyncio.sleep(0)
        return first, (sys.exception(), asyncio.current_task())

    doer = Doer.start()
    (error, task), then = await place(lambda: doer.call(look_twice))
    assert error is None
    assert then == (None, task)
    assert task is not None
    assert task is not asyncio.current_task()


async def test_an_async_callback_that_has_caught_its_timeout_handles_nothing_any_more() -> None:
    async def listen() -> Any:
        try:
            async with asyncio.timeout(1):
                await asyncio.sleep(2)
        except TimeoutError:
            pass
        return sys.exception()

    assert await Doer.start().call(listen) is None


async def test_the_caller_is_the_current_task_again_when_it_has_its_answer() -> None:
    doer, before = Doer.start(), asyncio.current_task()
    await doer.call(look)
    assert asyncio.current_task() is before
    failed = await outcome(doer.call(raising(Boom())))
    assert type(failed.reason) is Boom
    assert asyncio.current_task() is before
    async with asyncio.timeout(1):
        await Doer.start().call(look)


@pytest.mark.parametrize("fatal", [SystemExit, KeyboardInterrupt])
def test_the_caller_is_the_current_task_again_when_a_callback_ends_the_program(fatal: Any) -> None:
    async def main() -> None:
        async with Node():
            before = asyncio.current_task()
            try:
                await Doer.start().call(raising(fatal()))
            finally:
                seen.append(asyncio.current_task() is before)

    seen: list[bool] = []
    with pytest.raises(fatal):
        run(main())
    assert seen == [True]


@pytest.mark.skipif(sys.version_info < (3, 12), reason="3.11 has no eager tasks")
async def test_neither_does_a_callback_if_the_caller_is_an_eager_task() -> None:
    asyncio.get_running_loop().set_task_factory(getattr(asyncio, "eager_task_factory"))  # noqa: B009
    doer = Doer.start()
    task = asyncio.create_task(in_an_except_block(lambda: doer.call(look)))
    assert await task == NOTHING
    assert await asyncio.create_task(doer.call(look)) == NOTHING


async def test_a_server_that_is_started_does_not_run_as_the_task_that_starts_it() -> None:
    seen: list[Any] = []
    Starting.start(lambda: seen.append(asyncio.current_task()))
    assert seen == [None]
    assert asyncio.current_task() is not None
