"""Errors that are copied or pickled, and what becomes of the servers in them."""

import asyncio
import copy
import pickle
import threading
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from typing import Any

import pytest
from servers import Boom, Doer, Keeper, all_quiet, outcome

from genreply_cli.otp import (
    AlreadyStarted,
    BadReturn,
    CallingSelf,
    CallTimeout,
    ChildError,
    Exit,
    Node,
    NoProcess,
    ServerExit,
    StopTimeout,
)
from genreply_cli.otp.virtual_time import run


def pickled(value: Any) -> Any:
    """The value as another process of the operating system gets it."""
    return pickle.loads(pickle.dumps(value))


ways = pytest.mark.parametrize("way", [copy.copy, copy.deepcopy, pickled])


class Particular(Exception):
    """Pickle can store it, and cannot bring it back."""

    def __init__(self, one: str, other: str) -> None:
        super().__init__(f"{one} and {other}")


@ways
@pytest.mark.parametrize(
    "make",
    [
        lambda server: CallTimeout(server, "request", 3.0),
        lambda server: NoProcess(server, "request", None),
        lambda server: NoProcess("name", "request", None, "send to"),
        lambda server: ServerExit(server, "request", 5.0, ("shutdown", 1)),
        lambda server: CallingSelf(server, ["request"], None),
        lambda server: StopTimeout(server, "reason", 1.0, "stop"),
        lambda server: AlreadyStarted(server, "name"),
        lambda server: ChildError("a child", ("shutdown", server)),
        lambda server: BadReturn(server, "handle_call", None, "'request'", "Reply"),
        lambda server: Exit(("shutdown", server)),
    ],
)
async def test_a_copy_of_an_error_is_such_an_error_and_says_the_same(
    way: Callable[[Any], Any], make: Callable[[Any], Any]
) -> None:
    error = make(Doer.start())
    error.add_note("a note")
    copied = way(error)
    assert type(copied) is type(error)
    assert str(copied) == str(error)
    assert copied.__notes__ == ["a note"]
    assert vars(copied).keys() == vars(error).keys()


@ways
@pytest.mark.parametrize(
    ("name", "told"), [(None, "Keeper<1>"), ("keeper", "keeper"), ((1,), (1,))]
)
async def test_a_server_in_a_copy_of_an_error_is_its_name_or_its_repr(
    way: Callable[[Any], Any], name: Any, told: Any
) -> None:
    keeper = Keeper.start(name=name)
    asking = asyncio.create_task(outcome(keeper.call("request")))
    await all_quiet()
    keeper.cast(Boom("why"))
    error = await asking
    copied = way(error)
    assert type(copied) is ServerExit
    assert (copied.server, copied.request, copied.timeout) == (told, "request", 5.0)
    assert type(copied.reason) is Boom
    assert copied.reason.args == ("why",)
    assert copied.__cause__ is copied.reason


@ways
async def test_what_cannot_be_copied_does_not_keep_an_error_from_being_copied(
    way: Callable[[Any], Any],
) -> None:
    request = ("subscribe", Doer.start(), threading.Lock())
    error = ServerExit("name", request, 5.0, Particular("one", "other"))
    copied = way(error)
    assert type(copied) is ServerExit
    assert str(copied) == str(error)


async def test_a_long_chain_of_errors_is_pickled_in_no_time() -> None:
    error = ServerExit("name", "request", 5.0, "boom")
    for _ in range(40):
        error = ServerExit("name", "request", 5.0, error)
    for _ in range(40):
        error = pickled(error).reason
    assert error.reason == "boom"


@ways
async def test_an_exit_reason_that_holds_a_server_tells_its_repr(way: Callable[[Any], Any]) -> None:
    doer = Doer.start()
    assert repr(way(ServerExit(doer, None, 5.0, ("gone", doer))).reason) == f"('gone', {doer!r})"


async def test_a_copy_of_a_server_is_the_server_and_it_cannot_be_pickled() -> None:
    doer = Doer.start()
    assert copy.copy(doer) is doer
    assert copy.deepcopy([doer])[0] is doer
    with pytest.raises(TypeError, match="Doer<1> cannot be pickled"):
        pickle.dumps(doer)


def fail_in_a_node() -> None:
    async def main() -> None:
        async with Node():
            keeper = Keeper.start()
            keeper.cast(Particular("one", "other"))
            await keeper.call("request")

    run(main())


def test_the_exit_of_a_server_comes_back_from_a_pool_of_processes() -> None:
    with ProcessPoolExecutor(1, get_context("spawn")) as pool:
        error = pool.submit(fail_in_a_node).exception(60)
        assert type(error) is ServerExit
        assert (error.server, error.request) == ("Keeper<1>", "request")
        assert "Particular('one and other')" in str(error)
        assert pool.submit(int, "3").result(60) == 3
