"""Many greetings: outcomes in the order of the messages, with at most `jobs` calls at once."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from typing import cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from genreply_cli.otp import Node
from genreply_cli.otp.virtual_time import run
from genreply_cli.session.batch import MAX_AHEAD, greet_all
from genreply_cli.session.faults import Fault
from genreply_cli.session.outcome import Outcome
from genreply_cli.session.settings import Settings
from genreply_cli.variations import AnyCoordinator


async def outcomes(settings: Settings, messages: list[str], jobs: int) -> list[Outcome]:
    known = greet_all(settings.start(), messages, settings.timeout, jobs)
    return [outcome async for some in known for outcome in some]


@given(messages=st.lists(st.text(), max_size=30), jobs=st.integers(1, 7), seed=st.integers(0, 5))
def test_outcomes_come_in_the_order_of_the_messages(
    messages: list[str], jobs: int, seed: int
) -> None:
    async def main() -> list[Outcome]:
        async with Node():
            return await outcomes(Settings(delay=(0.0, 1.0), seed=seed), messages, jobs)

    replies = [(outcome.call, outcome.message, outcome.reply) for outcome in run(main())]
    assert replies == [
        (f"c{n}", message, f"{message} to you too!") for n, message in enumerate(messages, 1)
    ]


async def test_jobs_calls_overlap_and_no_more() -> None:
    outcome = await outcomes(Settings("blocking", delay=(1.0, 1.0)), ["A", "B", "C", "D"], jobs=2)
    assert [one.blocked for one in outcome] == [
        1.0,
        2.0,
        2.0,
        2.0,
    ]  # the server answers one a second


async def test_a_failure_is_an_outcome_like_any_other() -> None:
    outcome = await outcomes(
        Settings("single", delay=(0.05, 0.05), timeout=0.3), ["A", "B", "C"], jobs=3
    )
    assert [one.status for one in outcome] == ["timed out", "timed out", "replied"]
    assert outcome[2].as_json() == {
        "call": "c3",
        "message": "C",
        "status": "replied",
        "reply": "A to you too!",
        "blocked": 0.05,
    }


async def test_calls_are_made_in_the_order_of_the_messages() -> None:
    made: list[str] = []

    class Coordinator:
        async def greet(self, message: str, timeout: float | None) -> str:
            made.append(message)
            await asyncio.sleep(len(message) % 3)
            return message

    messages = ["x" * length for length in range(40)]
    known = greet_all(cast(AnyCoordinator, Coordinator()), messages, 5.0, 7)
    assert [one.message async for some in known for one in some] == messages
    assert made == messages


@pytest.mark.parametrize(
    ("messages", "jobs", "seconds"),
    [(64, 64, 1.0), (64, 100_000, 1.0), (2500, 100, 25.0), (7, 2, 4.0), (3, 1, 3.0)],
)
async def test_jobs_calls_overlap_from_the_beginning_and_to_the_end(
    messages: int, jobs: int, seconds: float
) -> None:
    outcome = await outcomes(
        Settings("keyed", delay=(1.0, 1.0)), list(map(str, range(messages))), jobs
    )
    assert {one.blocked for one in outcome} == {1.0}
    assert asyncio.get_running_loop().time() == pytest.approx(seconds)


@pytest.mark.parametrize("coordinator", ["single", "fifo", "keyed"])
async def test_jobs_callers_ask_at_once_before_the_first_is_answered(coordinator: str) -> None:
    settings = Settings(coordinator, timeout=0.3)
    known = await outcomes(settings, ["A", "B", "C"], jobs=3)
    replies = {"single": [None, None, "A"]}
    assert [one.reply for one in known] == [
        text and f"{text} to you too!" for text in replies.get(coordinator, ["A", "B", "C"])
    ]


@pytest.mark.parametrize(("messages", "jobs", "together"), [(3500, 500, 500), (3, 7, 3), (3, 1, 1)])
async def test_as_many_callers_as_jobs_are_in_a_call_from_the_beginning(
    messages: int, jobs: int, together: int
) -> None:
    in_a_call, most = 0, []

    class Coordinator:
        async def greet(self, message: str, timeout: float | None) -> str:
            nonlocal in_a_call
            in_a_call += 1
            await asyncio.sleep(0)
            most.append(in_a_call)
            in_a_call -= 1
            return message

    known = greet_all(cast(AnyCoordinator, Coordinator()), map(str, range(messages)), 5.0, jobs)
    assert [one.message async for some in known for one in some] == list(map(str, range(messages)))
    assert most[0] == max(most) == together


async def test_a_line_that_comes_while_a_call_waits_is_sent_at_once() -> None:
    async def typed() -> AsyncIterator[list[str]]:
        for line in ("A", "B", "C"):
            yield [line]
            await asyncio.sleep(0.1)

    known = greet_all(Settings("keyed", delay=(1.0, 1.0)).start(), typed(), 5.0, 3)
    assert [(one.message, one.blocked) async for some in known for one in some] == [
        ("A", 1.0),
        ("B", 1.0),
        ("C", 1.0),
    ]
    assert asyncio.get_running_loop().time() == pytest.approx(1.2)


async def test_leaving_early_leaves_no_caller_behind() -> None:
    generator = greet_all(Settings(delay=(1.0, 1.0)).start(), ["A", "B", "C"], 5.0, 3)
    assert (await anext(generator))[0].reply == "A to you too!"
    await generator.aclose()


async def test_as_done_yields_each_outcome_as_soon_as_it_is_known() -> None:
    coordinator = Settings("keyed", delay=(0.1, 0.2), seed=1).start()
    known = [some async for some in greet_all(coordinator, ["A", "B", "C"], 5.0, 3, as_done=True)]
    outcomes = [outcome for some in known for outcome in some]
    assert [outcome.blocked for outcome in outcomes] == sorted(
        outcome.blocked for outcome in outcomes
    )
    assert sorted(outcome.message for outcome in outcomes) == ["A", "B", "C"]
    assert [outcome.message for outcome in outcomes] != ["A", "B", "C"]


async def test_only_so_many_greetings_are_sent_ahead_of_a_pending_one() -> None:
    asked = 0

    def messages() -> Iterator[str]:
        nonlocal asked
        for number in range(10 * MAX_AHEAD):
            asked = number
            yield str(number)

    async def some_at_a_time() -> AsyncIterator[list[str]]:
        for message in messages():
            yield [message]

    coordinator = Settings("keyed", faults=(Fault("drop"),)).start()  # the first one
    generator = greet_all(coordinator, some_at_a_time(), 1.0, 2)
    first = await anext(generator)
    assert first[0].status == "timed out"
    assert asked <= MAX_AHEAD + 2
    await generator.aclose()
