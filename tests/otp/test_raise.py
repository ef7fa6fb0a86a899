"""A reply that is an error: the call raises it, and the server goes on."""

import asyncio
import contextlib
import traceback
from typing import Any, Self

import pytest
from hypothesis import given
from hypothesis import strategies as st

from genreply_cli.otp import (
    Continue,
    Event,
    From,
    GenServer,
    NoReply,
    Raise,
    Reply,
    ServerExit,
    Stop,
    reply,
)
from genreply_cli.otp.exits import copy_error
from genreply_cli.transcript.tracer import Tracer


class Odd(Exception):
    """An error whose constructor takes other arguments than `args` says."""

    def __init__(self, code: int, *, where: str) -> None:
        super().__init__(f"{code} at {where}")
        self.code = code


class Fixed(Exception):
    """An error that cannot be copied."""

    def __new__(cls, *args: object, key: object = None) -> Self:
        if key is None:
            raise TypeError("a key is needed")
        return super().__new__(cls, *args)

    def __init__(self, *_: object, key: object = None) -> None:
        super().__init__()


def caught(error: Exception) -> Exception:
    """An error that was raised and caught, so that it has a traceback."""
    try:
        raise error
    except type(error):
        return error


class Failing(GenServer[list[From[Any]]]):
    """Replies with the error that it is called with, at once, later, or when it stops."""

    def init(self) -> list[From[Any]]:
        return []

    def handle_call(self, request: Any, from_: From[Any], state: list[From[Any]]) -> Any:
        match request:
            case ("now", error):
                return Reply(Raise(error), state)
            case ("stop", error):
                return Stop("normal", state, reply=Raise(error))
            case ("then", error):
                return Reply(Raise(error), state, then=Continue(None))
        state.append(from_)
        return NoReply(state)

    def handle_continue(self, _: Any, state: list[From[Any]]) -> NoReply[list[From[Any]]]:
        return NoReply(state)

    def handle_cast(self, error: Exception, state: list[From[Any]]) -> NoReply[list[From[Any]]]:
        for from_ in state:
            reply(from_, Raise(error))
        return NoReply([])


@pytest.mark.parametrize("way", ["now", "then", "stop"])
async def test_a_call_raises_the_error_that_the_server_replies_with(way: str) -> None:
    server = Failing.start()
    with pytest.raises(ValueError, match="boom") as raised:
        await server.call((way, ValueError("boom")))
    assert raised.value.__context__ is None
    assert server.alive is (way != "stop")
    with pytest.raises(ValueError, match="boom") if way != "stop" else pytest.raises(LookupError):
        await server.send_request((way, ValueError("boom")))


async def test_a_thousand_callers_get_an_error_each_with_the_same_short_traceback() -> None:
    server = Failing.start()
    error = caught(ValueError("the connection has gone"))
    error.add_note("a note")
    calls = [asyncio.create_task(server.call(number)) for number in range(1000)]
    await asyncio.sleep(0)
    server.cast(error)
    got = await asyncio.gather(*calls, return_exceptions=True)
    assert len({id(each) for each in got}) == 1000
    assert all(isinstance(each, ValueError) and each.__notes__ == ["a note"] for each in got)
    assert {len(traceback.extract_tb(each.__traceback__)) for each in got} == {2}
    assert len(traceback.extract_tb(error.__traceback__)) == 1


async def test_an_error_that_cannot_be_copied_is_raised_itself_and_does_not_grow() -> None:
    server, error = Failing.start(), Fixed(key=1)
    lengths = set()
    for _ in range(5):
        with pytest.raises(Fixed) as raised:
            await server.call(("now", error))
        assert raised.value is error
        lengths.add(len(traceback.extract_tb(error.__traceback__)))
    assert len(lengths) == 1


@pytest.mark.parametrize(
    "error",
    [
        Odd(7, where="here"),
        OSError(2, "no such file", "name"),
        UnicodeDecodeError("utf-8", b"\xff", 0, 1, "invalid start byte"),
        KeyError("key"),
        ExceptionGroup("many", [ValueError("a"), KeyError("b")]),
        ServerExit("server", "request", 5.0, "reason"),
        ImportError("no module", name="x"),
    ],
    ids=lambda error: type(error).__name__,
)
def test_a_copy_says_and_has_what_the_error_says_and_has(error: Exception) -> None:
    error = caught(error)
    error.__cause__ = ValueError("cause")
    error.add_note("note")
    copied = copy_error(error)
    assert copied is not error
    assert (type(copied), str(copied), copied.args) == (type(error), str(error), error.args)
    assert vars(copied) == vars(error)
    copied.add_note("of the copy")
    assert error.__notes__ == ["note"]
    assert copied.__cause__ is error.__cause__
    assert copied.__traceback__ is error.__traceback__


@given(st.builds(ValueError, st.text(), st.integers()))
def test_any_plain_error_is_copied(error: ValueError) -> None:
    copied = copy_error(error)
    assert copied is not error
    assert (type(copied), copied.args) == (ValueError, error.args)


@pytest.mark.parametrize(
    "wrong", [ValueError, KeyboardInterrupt(), SystemExit(1), StopIteration(), "text", None]
)
def test_only_an_exception_can_be_replied_with(wrong: Any) -> None:
    with pytest.raises(TypeError, match="expected an Exception"):
        Raise(wrong)


async def test_the_timeline_tells_that_the_reply_is_an_error(events: list[Event]) -> None:
    server = Failing.start()
    with contextlib.suppress(ValueError):
        await server.call(("now", ValueError("boom")))
    tracer = Tracer()
    steps = [tracer(event) for event in events]
    [replied] = [step for step in steps if step.kind == "reply"]
    assert replied.message == {"raise": "ValueError: boom"}
