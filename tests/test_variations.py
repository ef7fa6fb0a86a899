"""The other coordinators: what each does right, and what each gets wrong."""

import asyncio

import pytest

from genreply_cli.otp import CallTimeout, debug
from genreply_cli.session.faults import Fault
from genreply_cli.session.network import Network
from genreply_cli.session.settings import Settings
from genreply_cli.variations import COORDINATORS, KeyedCoordinator, KeyedWebSocket


async def ask(settings: Settings, *messages: str) -> list[str]:
    """The outcomes of overlapping calls: the reply, or the name of the error."""
    coordinator = settings.start()
    calls = (coordinator.greet(message, settings.timeout) for message in messages)
    outcomes = await asyncio.gather(*calls, return_exceptions=True)
    return [each if isinstance(each, str) else type(each).__name__ for each in outcomes]


RIGHT = ["A to you too!", "B to you too!", "C to you too!"]


@pytest.mark.parametrize("name", COORDINATORS)
async def test_a_single_greeting_is_answered_by_each_design(name: str) -> None:
    expected = "ok" if name == "immediate" else "A to you too!"
    assert await ask(Settings(name, delay=(0.1, 0.1)), "A") == [expected]


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("blocking", RIGHT),
        ("immediate", ["ok", "ok", "ok"]),
        ("single", ["CallTimeout", "CallTimeout", "A to you too!"]),
        ("fifo", RIGHT),
        ("keyed", RIGHT),
    ],
)
async def test_overlapping_greetings(name: str, expected: list[str]) -> None:
    assert await ask(Settings(name, delay=(0.1, 0.1)), "A", "B", "C") == expected


async def test_blocking_handles_nothing_while_it_waits() -> None:
    began = asyncio.get_running_loop().time()
    assert await ask(Settings("blocking", delay=(0.1, 0.1)), "A", "B", "C") == RIGHT
    assert asyncio.get_running_loop().time() - began == pytest.approx(0.3)


async def test_fifo_gives_wrong_answers_after_a_loss_and_keyed_does_not() -> None:
    lossy = (Fault("drop"),)  # the first answer
    fifo = await ask(Settings("fifo", (0.1, 0.1), 1.0, lossy), "A", "B", "C")
    assert fifo == ["B to you too!", "C to you too!", "CallTimeout"]


async def test_keyed_is_right_under_reordering_loss_and_repetition() -> None:
    bad = (Fault("drop"), Fault("reorder", 0.5), Fault("duplicate", 0.5))
    assert await ask(Settings("keyed", (0.1, 0.1), 1.0, bad, seed=3), "A", "B", "C") == [
        "CallTimeout",
        *RIGHT[1:],
    ]


async def test_keyed_forgets_a_caller_that_gives_up_and_keeps_the_others() -> None:
    network = Network(faults=(Fault("drop", 1.0),))
    coordinator = KeyedCoordinator.start_link(network.connector(KeyedWebSocket))
    other = asyncio.ensure_future(coordinator.greet("B", 5.0))
    with pytest.raises(CallTimeout, match="the server is told"):
        await coordinator.greet("A", 1.0)
    waiting = await debug.get_state(coordinator)
    assert [from_.waiting for from_ in waiting.callers.values()] == [True]
    other.cancel()
    await asyncio.sleep(0)
    assert (await debug.get_state(coordinator)).callers == {}


async def test_a_late_answer_is_dropped_and_the_next_greeting_gets_its_own() -> None:
    coordinator = Settings("single", faults=(Fault("late"),), timeout=1.0).start()
    with pytest.raises(CallTimeout):
        await coordinator.greet("A", 1.0)
    await asyncio.sleep(1)
    assert await coordinator.greet("B", 1.0) == "B to you too!"


async def test_a_crash_of_the_socket_is_an_error_for_the_waiting_callers() -> None:
    assert await ask(Settings("keyed", faults=(Fault("crash"),)), "A") == ["ServerExit"]
