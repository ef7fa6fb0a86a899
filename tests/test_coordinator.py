"""The article's two modules, compared with recordings of the same modules on the BEAM.

The recordings are in tests/beam, made with Elixir 1.14 on OTP 25.
"""

import asyncio
import json
from collections.abc import Awaitable, Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from servers import SilentSocket, all_quiet

from genreply_cli import websocket
from genreply_cli.coordinator import Coordinator, Greet, State
from genreply_cli.otp import (
    CallError,
    Event,
    From,
    GenServer,
    Node,
    NoReply,
    ServerExit,
    debug,
    exit,
    whereis,
)
from genreply_cli.otp.virtual_time import run
from genreply_cli.transcript.format import to_line
from genreply_cli.transcript.tracer import Tracer
from genreply_cli.websocket import MessageReceived, SendMessage, WebSocket

BEAM = Path(__file__).parent / "beam"
# the BEAM shows that an answer was sent, and not that it was dropped
DROPPED = {"late": "reply", "duplicate": "reply"}


def named(caller: GenServer[Any]) -> WebSocket:
    return WebSocket.start_link(caller, name="websocket")


async def hello(coordinator: Coordinator) -> None:
    await coordinator.greet("Hello world")


async def overlap(coordinator: Coordinator) -> None:
    socket = whereis("websocket")
    assert socket is not None
    await debug.suspend(socket)

    async def ask(message: str) -> None:
        with suppress(CallError):
            await coordinator.greet(message, 1)

    async with asyncio.TaskGroup() as callers:
        for message in ("A", "B", "C"):
            callers.create_task(ask(message))
            await asyncio.sleep(0.03)
        # the casts are recorded when they are sent; the three answers come together
        await debug.resume(socket)


async def crash(coordinator: Coordinator) -> None:
    socket = whereis("websocket")
    assert socket is not None
    await debug.suspend(socket)
    call = asyncio.ensure_future(coordinator.greet("Hello"))
    await asyncio.sleep(0.03)
    exit(socket, ":boom")
    with suppress(ServerExit):
        await call


@pytest.mark.parametrize("scenario", [hello, overlap, crash])
def test_the_same_scenario_gives_the_same_messages_as_on_the_beam(
    scenario: Callable[[Coordinator], Awaitable[None]],
) -> None:
    on_the_beam = [
        json.loads(line)
        for line in (BEAM / f"{scenario.__name__}.jsonl").read_text().splitlines()[1:]
    ]
    events: list[Event] = []

    async def main() -> None:
        async with Node(observe=events.append) as node:
            await scenario(Coordinator.start_link(named, name="coordinator"))
            node.observe = None

    run(main())
    tracer = Tracer()
    here = [json.loads(to_line(tracer(event))) for event in events]
    here = [step | {"kind": DROPPED.get(step["kind"], step["kind"])} for step in here]
    seen = {"call", "cast", "info", "reply", "exit"}
    compared = [
        {field: step.get(field) for field in ("kind", "from", "to", "at", "message", "reason")}
        for step in on_the_beam
    ]
    assert [
        {field: step.get(field) for field in compared[0]} for step in here if step["kind"] in seen
    ] == compared
    calls = [step["call"] for step in on_the_beam if "call" in step]
    assert [step["call"] for step in here if step["kind"] in {"call", "reply"}] == calls


async def test_a_greeting_is_answered() -> None:
    assert await Coordinator.start_link().greet("Hello world") == "Hello world to you too!"


async def test_the_last_of_overlapping_callers_gets_the_first_answer_and_the_others_time_out() -> (
    None
):
    coordinator = Coordinator.start_link(named)
    socket = whereis("websocket")
    assert socket is not None
    await debug.suspend(socket)
    calls = [asyncio.ensure_future(coordinator.greet(message, 1)) for message in "ABC"]
    await all_quiet()
    await debug.resume(socket)
    outcomes = await asyncio.gather(*calls, return_exceptions=True)
    assert [type(outcome).__name__ for outcome in outcomes] == ["CallTimeout", "CallTimeout", "str"]
    assert outcomes[2] == "A to you too!"
    assert await coordinator.greet("D") == "D to you too!"


async def test_an_answer_before_any_greeting_crashes_the_coordinator_and_its_socket() -> None:
    coordinator = Coordinator.start_link(named)
    socket = whereis("websocket")
    assert socket is not None
    coordinator.send(MessageReceived("nobody asked"))
    reason = await coordinator.wait()
    assert isinstance(reason, TypeError)
    assert await socket.wait() is reason


async def test_a_message_that_is_no_text_crashes_the_socket() -> None:
    coordinator = Coordinator.start_link(named)
    with pytest.raises(ServerExit) as failure:
        await coordinator.greet(("a", "tuple"))  # type: ignore[arg-type]  # no text
    assert isinstance(failure.value.reason, TypeError)


def test_the_callbacks_can_be_called_directly_without_a_running_node() -> None:
    coordinator, socket = Coordinator(), SilentSocket()
    caller: From[str] = From(None, coordinator, 5.0)
    state = State(async_pid=socket)
    assert coordinator.handle_call(Greet("Hello"), caller, state) == NoReply(State(socket, caller))
    told: list[object] = []

    class Spy:
        send = staticmethod(told.append)

    unchanged = websocket.State(caller=Spy())
    assert WebSocket().handle_cast(SendMessage("Hello"), unchanged) == NoReply(unchanged)
    assert told == [MessageReceived("Hello to you too!")]
