"""A service on the virtual clock, with a connection that the test holds in its hands."""

import asyncio
import logging
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from typing import Any

import pytest

from genreply_cli.otp import CallTimeout, Node, NoReply, ServerExit, debug
from genreply_cli.otp.virtual_time import run
from genreply_cli.service import Answer, Event, Failure, Link, Service


class Wire:
    """A connection: what was sent, and what comes in. `blocked` lets no frame out."""

    def __init__(self) -> None:
        self.sent: list[Any] = []
        self.incoming: asyncio.Queue[Any] = asyncio.Queue()
        self.free = asyncio.Event()
        self.free.set()
        self.open = True

    async def send(self, frame: Any) -> None:
        await self.free.wait()
        self.sent.append(frame)

    async def __aiter__(self) -> AsyncIterator[Any]:
        while True:
            frame = await self.incoming.get()
            if frame is None:
                return
            if isinstance(frame, Exception):
                raise frame
            yield frame


class Net:
    """Where services connect to; `down` holds the error of each attempt that is to fail."""

    def __init__(self) -> None:
        self.wires: list[Wire] = []
        self.attempts: list[float] = []
        self.down: list[Exception] = []

    @asynccontextmanager
    async def connect(self) -> AsyncIterator[Wire]:
        self.attempts.append(asyncio.get_running_loop().time())
        if self.down:
            raise self.down.pop(0)
        wire = Wire()
        self.wires.append(wire)
        try:
            yield wire
        finally:
            wire.open = False


class Client(Service[str, str]):
    events: list[Any]

    def connect(self, net: Net) -> Any:
        return net.connect()

    def encode(self, key: int, request: str) -> Any:
        if request == "unspeakable":
            raise ValueError(request)
        return key, request

    def decode(self, frame: Any) -> Answer[str] | Failure | Event | None:
        match frame:
            case int(key), str(text):
                return Answer(key, text)
            case int(key), Exception() as error:
                return Failure(key, error)
            case "event", value:
                return Event(value)
            case "nothing":
                return None
        raise ValueError(f"no frame: {frame}")

    def handle_event(self, event: Any) -> Any:
        return ("heard", event) if event != "quiet" else None

    def gave_up(self, key: int) -> Any:
        return key, "never mind"


class Once(Client):
    reconnect = False


class Clumsy(Client):
    def gave_up(self, key: int) -> Any:
        raise ValueError("clumsy")


class Narrow(Client):
    queue_limit = 3


def story(test: Any) -> Any:
    """Run a test that is `async` in a node, on the virtual clock; no task may be left after it."""

    def told() -> None:
        async def whole() -> None:
            async with Node():
                work: Coroutine[Any, Any, None] = test(Net())
                await work
            assert len(asyncio.all_tasks()) == 1

        run(whole())

    told.__name__ = test.__name__
    return told


async def settle() -> None:
    await asyncio.sleep(0.001)


@story
async def test_answers_may_come_in_any_order(net: Net) -> None:
    client = Client.start(net)
    asked = [asyncio.create_task(client.ask(word)) for word in "abc"]
    await settle()
    assert net.wires[0].sent == [(1, "a"), (2, "b"), (3, "c")]
    for answer in ((3, "C"), (1, "A"), (9, "for nobody"), "nothing", (2, "B"), (2, "again")):
        net.wires[0].incoming.put_nowait(answer)
    assert await asyncio.gather(*asked) == ["A", "B", "C"]
    assert (await debug.get_state(client)).callers == {}


@story
async def test_a_failure_is_raised_in_its_caller_alone(net: Net) -> None:
    client = Client.start(net)
    asked = [asyncio.create_task(client.ask(word)) for word in "ab"]
    await settle()
    net.wires[0].incoming.put_nowait((1, KeyError("no a")))
    net.wires[0].incoming.put_nowait((2, "B"))
    with pytest.raises(KeyError, match="no a"):
        await asked[0]
    assert await asked[1] == "B"
    with pytest.raises(ValueError, match="unspeakable"):
        await client.ask("unspeakable")
    assert (await debug.get_state(client)).callers == {}


@story
async def test_all_are_told_at_once_when_the_connection_goes_and_nothing_is_sent_again(
    net: Net,
) -> None:
    client = Client.start(net)
    asked = [asyncio.create_task(client.ask(word)) for word in "abc"]
    await settle()
    net.wires[0].incoming.put_nowait(OSError("cable cut"))
    outcomes = await asyncio.gather(*asked, return_exceptions=True)
    assert [repr(outcome) for outcome in outcomes] == [
        "ConnectionError('the connection was lost: OSError: cable cut')"
    ] * 3
    assert len({id(outcome) for outcome in outcomes}) == 3
    assert asyncio.get_running_loop().time() < 0.01
    later = asyncio.create_task(client.ask("d"))  # it waits for the next attempt
    await asyncio.sleep(0.1)
    assert [wire.open for wire in net.wires] == [False, True]
    assert net.wires[1].sent == [(4, "d")]
    net.wires[1].incoming.put_nowait((4, "D"))
    assert await later == "D"


@story
async def test_attempts_come_further_and_further_apart_and_fail_those_who_wait(net: Net) -> None:
    net.down = [ConnectionRefusedError(f"attempt {n}") for n in range(9)]
    client = Client.start(net)
    with pytest.raises(ConnectionError, match="no connection: ConnectionRefusedError: attempt 0"):
        await client.connected()
    with pytest.raises(ConnectionError, match="attempt 1"):
        await client.ask("a")
    await asyncio.sleep(60)
    await client.connected()
    assert net.wires[0].sent == []  # also not what failed before
    delays = [later - sooner for sooner, later in zip(net.attempts, net.attempts[1:], strict=False)]
    for delay, longest in zip(delays, (0.05, 0.1, 0.2, 0.4, 0.8, 1.6, 2, 2, 2), strict=True):
        assert longest / 2 <= delay <= longest


@story
async def test_a_caller_that_gives_up_is_forgotten_and_the_other_side_is_told(net: Net) -> None:
    client = Client.start(net)
    with pytest.raises(CallTimeout):
        await client.ask("a", timeout=1)
    cancelled = asyncio.create_task(client.ask("b"))
    await settle()
    cancelled.cancel()
    await settle()
    assert net.wires[0].sent == [(1, "a"), (1, "never mind"), (2, "b"), (2, "never mind")]
    state = await debug.get_state(client)
    assert (state.callers, state.keys, state.sent) == ({}, {}, set())


@story
async def test_what_was_not_sent_before_its_caller_gave_up_is_never_sent(net: Net) -> None:
    client = Client.start(net)
    await client.connected()
    net.wires[0].free.clear()
    outcomes = await asyncio.gather(
        *(client.ask(word, timeout=1) for word in "abc"), return_exceptions=True
    )
    assert [type(outcome) for outcome in outcomes] == [CallTimeout] * 3
    net.wires[0].free.set()
    await settle()
    assert net.wires[0].sent == [(2, "a"), (2, "never mind")]  # `a` was on its way


@story
async def test_what_waits_to_be_sent_is_bounded_and_tell_is_as_slow_as_the_connection(
    net: Net,
) -> None:
    client = Narrow.start(net)
    await client.connected()
    net.wires[0].free.clear()
    told = [asyncio.create_task(client.tell(0))]
    await settle()  # it is on its way, and the next three wait
    told += [asyncio.create_task(client.tell(n)) for n in (1, 2, 3)]
    await settle()
    assert not any(task.done() for task in told)
    with pytest.raises(asyncio.QueueFull, match="3 frames that wait to be sent"):
        await client.ask("one more")
    net.wires[0].free.set()
    await asyncio.gather(*told)
    assert net.wires[0].sent == [0, 1, 2, 3]


@story
async def test_an_event_may_be_answered(net: Net) -> None:
    client = Client.start(net)
    await client.connected()
    for value in ("quiet", "loud"):
        net.wires[0].incoming.put_nowait(("event", value))
    await settle()
    assert net.wires[0].sent == [("heard", "loud")]


@story
async def test_a_frame_that_cannot_be_decoded_ends_the_connection_and_not_the_service(
    net: Net,
) -> None:
    client = Client.start(net)
    asked = asyncio.create_task(client.ask("a"))
    await settle()
    net.wires[0].incoming.put_nowait("rubbish")
    with pytest.raises(ConnectionError, match="ValueError: no frame: rubbish"):
        await asked
    await client.connected()
    assert [wire.open for wire in net.wires] == [False, True]


@story
async def test_a_failure_to_say_who_gave_up_ends_the_connection_and_not_the_service(
    net: Net,
) -> None:
    client = Clumsy.start(net)
    asked = asyncio.create_task(client.ask("a"))
    given_up = asyncio.create_task(client.ask("b"))
    await settle()
    given_up.cancel()
    with pytest.raises(ConnectionError, match="ValueError: clumsy"):
        await asked
    await client.connected()
    assert [wire.open for wire in net.wires] == [False, True]


@story
async def test_a_service_that_does_not_reconnect_ends_with_its_connection(net: Net) -> None:
    client = Once.start(net)
    asked = asyncio.create_task(client.ask("a"))
    await settle()
    net.wires[0].incoming.put_nowait(None)
    with pytest.raises(ConnectionError, match="the other side closed it"):
        await asked
    reason = await client.wait()
    assert isinstance(reason, tuple)
    assert reason[0] == "shutdown"


@story
async def test_the_connection_is_closed_however_the_service_ends(net: Net) -> None:
    for end in ("normal", "kill", "crash"):
        client = Client.start(net)
        await client.connected()
        asked = asyncio.create_task(client.ask("a"))
        await settle()
        if end == "normal":
            await client.stop()
        else:
            client.exit(end)
        with pytest.raises(ServerExit):
            await asked
        await settle()
        assert not net.wires[-1].open


class Careless(Client):
    """Its methods have the faults that one makes."""

    async def encode(self, key: int, request: str) -> Any:
        return key, request

    def decode(self, frame: Any) -> Any:
        if frame == "plain":
            return "what came"
        if frame == "no error":
            return Failure(1, "a text")  # type: ignore[arg-type]  # on purpose
        return Event(frame)

    def handle_event(self, event: Any) -> Any:
        if event == "later":
            return self.later()
        raise KeyError(event)

    async def later(self) -> None: ...


@story
async def test_a_careless_method_ends_the_connection_and_the_log_says_why(
    net: Net,
) -> None:
    logged: list[str] = []
    handler = logging.Handler()
    handler.emit = lambda record: logged.append(str(record.exc_info[1]))  # type: ignore[method-assign, index]
    logging.getLogger("genreply_cli.service").addHandler(handler)
    client = Careless.start(net)
    await client.connected()
    with pytest.raises(TypeError, match=r"Careless.encode is async, and must not be"):
        await client.ask("a")
    for frame in ("plain", "no error", "later", "event"):
        net.wires[-1].incoming.put_nowait(frame)
        await asyncio.sleep(5)
        assert [wire.open for wire in net.wires[-2:]] == [False, True]
    logging.getLogger("genreply_cli.service").removeHandler(handler)
    assert logged == [
        "decode returned 'what came'; expected an Answer, a Failure, an Event or None",
        "Raise was given 'a text'; expected an Exception",
        "Careless.later is async, and must not be; what waits belongs in `start_task`",
        "'event'",
    ]


@story
async def test_an_error_of_a_call_names_what_was_asked_as_the_user_did(net: Net) -> None:
    client = Client.start(net)
    with pytest.raises(CallTimeout, match=r"call Client<1> with ask\('a'\), timeout 1 s"):
        await client.ask("a", 1)
    net.down = [OSError("down")] * 100
    net.wires[0].incoming.put_nowait(None)
    await settle()
    with pytest.raises(CallTimeout, match=r"with tell\(7\)"):
        await client.tell(7, 0.001)
    with pytest.raises(CallTimeout, match=r"with connected\(\)"):
        await client.connected(0.001)


@story
async def test_a_crash_in_a_callback_of_ones_own_closes_the_connection(net: Net) -> None:
    class Crashing(Client):
        def handle_cast(self, request: Any, state: Link) -> NoReply[Link]:
            raise ZeroDivisionError(request)

    client = Crashing.start(net)
    asked = asyncio.create_task(client.ask("a"))
    await settle()
    client.cast("anything")
    with pytest.raises(ServerExit, match="ZeroDivisionError"):
        await asked
    await settle()
    assert [wire.open for wire in net.wires] == [False]


@story
async def test_a_service_is_not_started_with_arguments_that_connect_does_not_take(net: Net) -> None:
    with pytest.raises(TypeError, match=r"arguments of Client.connect: missing .* 'net'"):
        Client.start()
    with pytest.raises(TypeError, match=r"arguments of Client.connect: too many"):
        Client.start(net, 7)


@story
async def test_a_connect_that_is_async_or_gives_something_else_is_told_to_who_asks(
    net: Net,
) -> None:
    class Waits(Client):
        async def connect(self, net: Net) -> Any:  # type: ignore[override]  # on purpose
            return net.connect()

    class Gives(Client):
        def connect(self, net: Net) -> Any:
            return net

    for kind, what in ((Waits, "<coroutine object"), (Gives, "<tests.service.*Net object")):
        with pytest.raises(
            ConnectionError, match=f"no connection: TypeError: connect returned {what}"
        ):
            await kind.start(net).ask("a")
