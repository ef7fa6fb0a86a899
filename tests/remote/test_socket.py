"""The coordinators over a real connection: right answers, and everything that can go wrong."""

import asyncio
import json
import random
import re
import socket
import tracemalloc
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

import pytest
from greeters import answering, greeter
from hypothesis import given, settings
from hypothesis import strategies as st
from websockets.asyncio.server import ServerConnection

from genreply_cli.otp import CallError, CallTimeout, Node, ServerExit, virtual_time
from genreply_cli.remote.dialer import Dialer
from genreply_cli.remote.target import Target
from genreply_cli.session.faults import parse_faults
from genreply_cli.session.network import Network
from genreply_cli.session.session import session
from genreply_cli.session.settings import Settings
from genreply_cli.session.supervisor import Supervisor
from genreply_cli.transcript.step import Step

NOBODY = "ws://127.0.0.1:1"
NO_SERVER = "no WebSocket server is there"


def run(main: Awaitable[Any]) -> Any:
    async def with_limit() -> Any:
        async with asyncio.timeout(60):
            return await main

    return asyncio.run(with_limit())


async def outcome(greeting: Awaitable[str]) -> str:
    try:
        return await greeting
    except CallTimeout:
        return "timed out"
    except ServerExit as error:
        return f"told: {error.reason}"
    except CallError as error:
        return type(error).__name__


async def outcomes(url: str, *messages: str, timeout: float = 5.0, **options: Any) -> list[str]:
    """What becomes of these greetings, made at once."""
    wanted = Settings(target=Target(url), **options)
    async with Node():
        coordinator = wanted.start()
        return await asyncio.gather(
            *(outcome(coordinator.greet(message, timeout)) for message in messages)
        )


class Steps(list[Step]):
    """The steps of a session, for which one can wait."""

    def __init__(self) -> None:
        super().__init__()
        self.changed = asyncio.Event()

    def add(self, step: Step) -> None:
        self.append(step)
        self.changed.set()

    async def until(self, condition: Callable[[], bool]) -> None:
        while not condition():
            self.changed.clear()
            await self.changed.wait()

    @property
    def faults(self) -> list[str]:
        return [str(step.details["what"]) for step in self if step.kind == "fault"]

    @property
    def problems(self) -> list[str]:
        return [step.message[1] for step in infos(self) if step.message[0] == "not_connected"]

    def count(self, kind: str) -> int:  # type: ignore[override]
        return [step.kind for step in self].count(kind)


@asynccontextmanager
async def watched(
    target: str | Target, coordinator: str = "keyed"
) -> AsyncIterator[tuple[Supervisor, Steps]]:
    """A supervised coordinator, and the steps of its session."""
    steps = Steps()
    wanted = Settings(coordinator, target=Target(target) if isinstance(target, str) else target)
    async with session(lambda: Supervisor(wanted), [steps.add]) as (supervisor, _):
        yield supervisor, steps


def infos(steps: list[Step]) -> list[Step]:
    return [step for step in steps if step.kind == "info"]


GREETINGS = [f"greeting {number}" for number in range(1000)]
SLOW = (0.0, 0.05)


# --- right, or wrong as on the fake socket


def test_a_thousand_overlapping_callers_each_get_their_own_answer_with_keyed() -> None:
    async def main() -> list[str]:
        async with greeter(Network(SLOW)) as url:
            return await outcomes(url, *GREETINGS, timeout=30.0)

    assert run(main()) == [f"{greeting} to you too!" for greeting in GREETINGS]


@pytest.mark.parametrize("real", [False, True])
def test_with_single_one_of_a_thousand_gets_an_answer_on_both_sockets(real: bool) -> None:
    async def main() -> list[str]:
        if not real:
            async with Node():
                coordinator = Settings("single", SLOW).start()
                return await asyncio.gather(
                    *(outcome(coordinator.greet(greeting, 1.5)) for greeting in GREETINGS)
                )
        async with greeter(Network(SLOW)) as url:
            return await outcomes(url, *GREETINGS, timeout=1.5, coordinator="single")

    found = Counter(run(main()))
    assert found.pop("timed out") == 999
    assert len(found) == 1  # it is the first answer that came, whoever had asked


@pytest.mark.parametrize("coordinator", ["blocking", "immediate", "single", "fifo", "keyed"])
def test_each_coordinator_works_with_one_caller(coordinator: str) -> None:
    async def main() -> list[str]:
        async with greeter() as url:
            return await outcomes(url, "Hello", coordinator=coordinator)

    answer = "ok" if coordinator == "immediate" else "Hello to you too!"
    assert run(main()) == [answer]


@pytest.mark.parametrize("coordinator", ["blocking", "single", "fifo"])
def test_any_echo_server_will_do_without_ids(coordinator: str) -> None:
    async def echo(connection: ServerConnection) -> None:
        async for frame in connection:
            await connection.send(frame)

    async def main() -> list[str]:
        async with answering(echo) as url:
            return await outcomes(url, "Hello", coordinator=coordinator)

    assert run(main()) == ["Hello"]


def test_faults_can_stand_in_front_of_a_real_connection() -> None:
    async def main() -> list[str]:
        async with greeter() as url:
            return await outcomes(url, "A", "B", timeout=0.3, faults=parse_faults("drop"))

    assert run(main()) == ["timed out", "B to you too!"]


# --- the connection cannot be made


async def _garbage(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(b"SSH-2.0-OpenSSH\r\n\r\n")
    writer.close()


async def _http(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.readuntil(b"\r\n\r\n")
    writer.write(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n")
    writer.close()


@pytest.mark.parametrize(
    ("url", "problem"),
    [
        (NOBODY, "connection refused"),
        ("ws://no.such.host.invalid", "there is no host of this name"),
    ],
)
def test_nobody_there_is_told_at_once(url: str, problem: str) -> None:
    assert run(outcomes(url, "A", "B")) == [f"told: cannot connect to {url}: {problem}"] * 2


async def _forbidden(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.readuntil(b"\r\n\r\n")
    writer.write(b"HTTP/1.1 403 No\r\nContent-Length: 0\r\n\r\n")
    writer.close()


async def _redirect(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.readuntil(b"\r\n\r\n")
    there = b"ws://me:s3cret@b.example/?s3cret"
    writer.write(b"HTTP/1.1 301 Moved\r\nLocation: " + there + b"\r\nContent-Length: 0\r\n\r\n")
    writer.close()


@pytest.mark.parametrize(
    ("handler", "problem"),
    [
        (_redirect, f"{NO_SERVER}: it answered with HTTP 301, which leads to ws://b.example/?…"),
        (_forbidden, "the server refuses the connection with HTTP 403"),
        (_garbage, NO_SERVER),
        (_http, f"{NO_SERVER}: it answered with HTTP 404"),
    ],
)
def test_a_server_that_speaks_something_else_is_told_at_once(handler: Any, problem: str) -> None:
    async def main() -> tuple[str, list[str]]:
        server = await asyncio.start_server(handler, "127.0.0.1", 0)
        async with server:
            url = f"ws://127.0.0.1:{server.sockets[0].getsockname()[1]}"
            return url, await outcomes(url, "A")

    url, told = run(main())
    assert told == [f"told: cannot connect to {url}: {problem}"]


def test_tls_with_a_server_that_has_none_is_told_at_once() -> None:
    async def main() -> list[str]:
        async with greeter() as url:
            return await outcomes(url.replace("ws:", "wss:"), "A")

    (told,) = run(main())
    assert told.endswith(": it broke off before TLS was agreed on; try ws://")


# --- the connection is lost


def test_all_who_wait_are_told_at_once_when_the_server_goes_and_the_next_greeting_works() -> None:
    async def main(stack: AsyncExitStack) -> tuple[list[str], float, str, int]:
        loop = asyncio.get_running_loop()
        async with greeter(Network((60.0, 60.0))) as url:
            port = int(url.rpartition(":")[2])
            supervisor, steps = await stack.enter_async_context(watched(url))
            waiting = [
                asyncio.create_task(outcome(supervisor.greet(greeting, 60.0)))
                for greeting in GREETINGS
            ]
            await steps.until(lambda: steps.count("noreply") == len(GREETINGS))
            await steps.until(lambda: any(step.message[:1] == ["opened"] for step in infos(steps)))
            began = loop.time()
        told = await asyncio.gather(*waiting)
        seconds = loop.time() - began
        async with greeter(port=port):
            again = await outcome(supervisor.greet("again"))
            return told, seconds, again, steps.count("down")

    async def with_stack() -> Any:
        async with AsyncExitStack() as stack:
            return await main(stack)

    told, seconds, again, downs = run(with_stack())
    assert set(told) == {"told: the server closed the connection with 1001 (going away)"}
    assert len(told) == 1000
    assert seconds < 5  # a second on a quiet machine
    assert again == "again to you too!"
    assert downs >= 1000


def test_a_close_in_mid_call_says_its_code_and_reason() -> None:
    async def closing(connection: ServerConnection) -> None:
        await connection.recv()
        await connection.close(4000, "no \x1b[2J more")

    async def main() -> list[str]:
        async with answering(closing) as url:
            return await outcomes(url, "A")

    assert run(main()) == ["told: the server closed the connection with 4000 (no \\x1b[2J more)"]


def test_a_connection_that_breaks_off_is_told_at_once() -> None:
    async def breaking(connection: ServerConnection) -> None:
        await connection.recv()
        connection.transport.abort()

    async def main() -> list[str]:
        async with answering(breaking) as url:
            return await outcomes(url, "A")

    (told,) = run(main())
    assert told.startswith("told: the connection broke off without a close frame")


@pytest.mark.parametrize(
    ("sent", "problem"),
    [
        (b"\x88\x02" + (4000).to_bytes(2), "the server closed the connection with 4000"),
        (b"\x88\x00", "the server closed the connection without a code"),
        (b"\xff\xff\xff\xff", "the connection was closed with 1002 (invalid opcode)"),
    ],
)
def test_a_server_that_closes_and_stays_is_told_soon(sent: bytes, problem: str) -> None:
    async def closing(connection: ServerConnection) -> None:
        await connection.recv()
        connection.transport.pause_reading()
        connection.transport.write(sent)  # past the library, which would close the socket then
        await told.wait()
        connection.transport.abort()

    told = asyncio.Event()

    async def main() -> tuple[list[str], float]:
        loop = asyncio.get_running_loop()
        async with answering(closing) as url:
            began = loop.time()
            answers = await outcomes(url, "A", timeout=30.0)
            told.set()
            return answers, loop.time() - began

    answers, seconds = run(main())
    assert answers == [f"told: {problem}"]
    assert seconds < 15  # the library alone would wait for 20


def test_a_frame_that_is_too_large_closes_the_connection() -> None:
    async def shouting(connection: ServerConnection) -> None:
        await connection.recv()
        await connection.send("x" * (2**20 + 1))
        await connection.wait_closed()

    async def main() -> list[str]:
        async with answering(shouting) as url:
            return await outcomes(url, "A")

    (told,) = run(main())
    assert told.startswith("told: the connection was closed with 1009 (")


def test_a_request_that_was_under_way_is_not_sent_again() -> None:
    heard: list[str] = []

    async def deaf_once(connection: ServerConnection) -> None:
        async for frame in connection:
            heard.append(json.loads(frame)["message"])
            if len(heard) == 1:
                connection.transport.abort()
                return
            await connection.send(frame)

    async def main() -> list[str]:
        async with answering(deaf_once) as url, watched(url) as (supervisor, _):
            return [await outcome(supervisor.greet(text)) for text in ("A", "B")]

    told, answer = run(main())
    assert told.startswith("told: ")
    assert answer == "B"
    assert heard == ["A", "B"]


def test_attempts_to_connect_again_are_shown() -> None:
    async def main() -> list[str]:
        async with AsyncExitStack() as stack:
            async with greeter() as url:
                supervisor, steps = await stack.enter_async_context(watched(url))
                await supervisor.greet("Hello")
            await steps.until(lambda: not supervisor.coordinator.alive)
            supervisor.reconnect()
            await steps.until(lambda: len(steps.problems) == 2)
            return steps.problems

    for shown in run(main()):
        assert re.fullmatch(r"connection refused; next attempt in (0\.\d|1\.0) s", shown)


def test_the_pauses_between_attempts_grow_with_a_jitter_up_to_half_a_minute() -> None:
    async def pauses(seed: int) -> tuple[list[float], float]:
        dialer = Dialer(Target(NOBODY), random.Random(seed))
        found = []
        for _ in range(20):
            dialer.failed()
            found.append(dialer.left())
        return found, dialer.left(wanted=True)

    first, awaited = virtual_time.run(pauses(1))
    for number, pause in enumerate(first):
        longest = min(30.0, 0.25 * 2**number)
        assert longest / 2 <= pause <= longest
    assert awaited <= 0.25  # nobody waits for long until it is tried again
    assert virtual_time.run(pauses(2))[0] != first


def test_a_connection_that_does_not_last_counts_as_a_failure() -> None:
    async def main() -> tuple[int, int]:
        dialer = Dialer(Target(NOBODY))
        dialer.opened()
        dialer.lost()
        short = dialer.failures
        dialer.opened()
        await asyncio.sleep(10)  # on the virtual clock
        dialer.lost()
        return short, dialer.failures

    assert virtual_time.run(main()) == (1, 0)


# --- frames that are no answers


async def _said_after(*frames: str | bytes) -> tuple[str, list[str]]:
    """What becomes of a greeting before whose answer these frames come, and the faults shown."""

    async def saying(connection: ServerConnection) -> None:
        async for request in connection:
            for frame in frames:
                await connection.send(frame)
            await connection.send(request)

    async with answering(saying) as url, watched(url) as (supervisor, steps):
        answer = await outcome(supervisor.greet("Hello"))
        await steps.until(lambda: len(steps.faults) == len(frames))
        return answer, steps.faults


@pytest.mark.parametrize(
    ("frame", "problem"),
    [
        (b"\x00\x01", "a binary frame of 2 bytes; expected text; it is left out"),
        ("garbage", "a frame that is no JSON: 'garbage'; it is left out"),
        ('{"message": "x"}', 'a frame without an id at /id: \'{"message": "x"}\'; it is left out'),
        ('{"id": 9, "message": "x"}', "a frame with the unknown id 9: "),
    ],
)
def test_each_frame_that_is_no_answer_is_shown_and_harmless(
    frame: str | bytes, problem: str
) -> None:
    answer, shown = run(_said_after(frame))
    assert answer == "Hello"
    assert shown[0].startswith(problem)


@given(
    st.lists(st.text() | st.binary() | st.integers().map(lambda n: f'{{"id": {n}}}'), max_size=5)
)
@settings(max_examples=20, deadline=None)
def test_no_frames_keep_the_right_answer_from_its_caller(frames: list[str | bytes]) -> None:
    answer, _ = run(_said_after(*frames))
    assert answer == "Hello"


def test_a_second_answer_is_shown_and_left_out() -> None:
    async def twice(connection: ServerConnection) -> None:
        async for frame in connection:
            await connection.send(frame)
            await connection.send(frame)

    async def main() -> list[str]:
        async with answering(twice) as url, watched(url) as (supervisor, steps):
            await supervisor.greet("Hello")
            await steps.until(lambda: bool(steps.faults))
            return steps.faults

    assert run(main()) == [
        'another answer to request 1: \'{"id": 1, "message": "Hello"}\'; it is left out'
    ]


def test_a_server_that_never_answers_is_given_up_by_each_caller() -> None:
    async def silent(connection: ServerConnection) -> None:
        await connection.wait_closed()

    async def main() -> list[str]:
        async with answering(silent) as url:
            return await outcomes(url, "A", "B", timeout=0.05)

    assert run(main()) == ["timed out", "timed out"]


def test_answers_in_fragments_are_put_together() -> None:
    async def in_pieces(connection: ServerConnection) -> None:
        async for frame in connection:
            await connection.send([*str(frame)])

    async def main() -> list[str]:
        async with answering(in_pieces) as url:
            return await outcomes(url, "Hello")

    assert run(main()) == ["Hello"]


FLOOD = "told: the server sent more than 500 frames within a second for which nobody had asked"


@pytest.mark.parametrize("coordinator", ["fifo", "keyed"])
def test_a_flood_ends_the_connection_and_the_next_greeting_works(coordinator: str) -> None:
    floods = 0

    async def flooding(connection: ServerConnection) -> None:
        nonlocal floods
        request = await connection.recv()
        rest = random.Random(7)
        junk: list[str | bytes] = ["x" * 10_000, '{"id": 5}', b"\0" * 100, "\x1b[2J"]
        floods += 1
        while floods == 1:
            await connection.send(rest.choice(junk))
        await connection.send(request)
        await connection.wait_closed()

    async def main() -> tuple[str, str]:
        async with answering(flooding) as url, watched(url, coordinator) as (supervisor, steps):
            told = await outcome(supervisor.greet("A", 50.0))
            await steps.until(lambda: not supervisor.coordinator.alive)
            return told, await outcome(supervisor.greet("B"))

    told, answer = run(main())
    assert (told == FLOOD) == (coordinator == "keyed")  # fifo takes the first frame for its answer
    assert answer == "B"


def test_a_flood_that_nobody_waits_for_takes_no_memory() -> None:
    async def flooding(connection: ServerConnection) -> None:
        request = await connection.recv()
        for _ in range(2000):
            await connection.send("x" * 50_000)  # 100 MB in all
        await connection.send(request)
        await connection.wait_closed()

    async def main() -> tuple[str, int]:
        async with answering(flooding) as url:
            wanted = Settings(target=Target(url))
            seen: list[str] = []
            sink = lambda step: seen.append(step.kind)  # noqa: E731
            async with session(lambda: Supervisor(wanted), [sink]) as (supervisor, _):
                tracemalloc.start()
                answer = await outcome(supervisor.greet("Hello", 50.0))
                peak = tracemalloc.get_traced_memory()[1]
                tracemalloc.stop()
                return answer, peak

    answer, peak = run(main())
    assert answer in {"Hello", FLOOD}
    assert peak < 30_000_000


def test_a_server_that_never_reads_the_answers_to_its_pings_is_left() -> None:
    async def pinging(connection: ServerConnection) -> None:
        await connection.recv()
        transport = connection.transport
        plain = transport.get_extra_info("socket")
        plain.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        transport.pause_reading()
        pings = (b"\x89\x7d" + b"x" * 125) * 1000
        while not transport.is_closing():
            if transport.get_write_buffer_size() < len(pings):
                transport.write(pings)
            await asyncio.sleep(0)

    async def main() -> list[str]:
        async with answering(pinging) as url:
            return await outcomes(url, "Hello", timeout=50.0)

    broke = "the connection broke off without a close frame"
    assert run(main()) == [f"told: {broke}: the answers to pings are not read"]


# --- what is written down


def test_the_steps_of_a_session_have_no_credentials() -> None:
    async def main() -> list[Step]:
        async with greeter() as url:
            secret = url.replace("ws://", "ws://user:s3cret@") + "/?token=s3cret"
            async with watched(Target(secret, (("X-Key", "s3cret"),))) as (supervisor, steps):
                await supervisor.greet("Hello")
                supervisor.coordinator.exit("shutdown")
            return steps

    steps = run(main())
    assert "Hello to you too!" in repr(steps)
    assert "s3cret" not in repr(steps)
