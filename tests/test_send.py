"""Many greetings: outcomes in the order of asking, never more calls at once than asked for."""

from collections.abc import AsyncIterator, Iterator

from hypothesis import given
from hypothesis import strategies as st

from genreply_cli.asking import AHEAD, Outcome, greet_all
from genreply_cli.faults import Fault
from genreply_cli.otp import Node
from genreply_cli.otp.virtual_time import run
from genreply_cli.session import Settings


async def outcomes(settings: Settings, messages: list[str], jobs: int) -> list[Outcome]:
    known = greet_all(settings.start(), messages, settings.timeout, jobs)
    return [outcome async for some in known for outcome in some]


@given(messages=st.lists(st.text(), max_size=30), jobs=st.integers(1, 7), seed=st.integers(0, 5))
def test_outcomes_come_in_the_order_of_asking(messages: list[str], jobs: int, seed: int) -> None:
    async def main() -> list[Outcome]:
        async with Node():
            return await outcomes(Settings(delay=(0.0, 1.0), seed=seed), messages, jobs)

    replies = [(outcome.call, outcome.message, outcome.reply) for outcome in run(main())]
    assert replies == [(f"c{n}", message, f"{message} to you too!") for n, message in enumerate(messages, 1)]


async def test_jobs_calls_overlap_and_no_more() -> None:
    outcome = await outcomes(Settings("blocking", delay=(1.0, 1.0)), ["A", "B", "C", "D"], jobs=2)
    assert [one.blocked for one in outcome] == [1.0, 2.0, 2.0, 2.0]  # the server answers one a second


async def test_a_failure_is_an_outcome_like_any_other() -> None:
    outcome = await outcomes(Settings("single", delay=(0.05, 0.05), timeout=0.3), ["A", "B", "C"], jobs=3)
    assert [one.status for one in outcome] == ["timed out", "timed out", "replied"]
    assert outcome[2].plain() == {"call": "c3", "message": "C", "status": "replied", "reply": "A to you too!", "blocked": 0.05}


async def test_leaving_early_leaves_no_caller_behind() -> None:
    generator = greet_all(Settings(delay=(1.0, 1.0)).start(), ["A", "B", "C"], 5.0, 3)
    assert (await anext(generator))[0].reply == "A to you too!"
    await generator.aclose()


async def test_as_done_tells_each_outcome_when_it_is_there() -> None:
    coordinator = Settings("keyed", delay=(0.1, 0.2), seed=1).start()
    known = [some async for some in greet_all(coordinator, ["A", "B", "C"], 5.0, 3, as_done=True)]
    outcomes = [outcome for some in known for outcome in some]
    assert [outcome.blocked for outcome in outcomes] == sorted(outcome.blocked for outcome in outcomes)
    assert sorted(outcome.message for outcome in outcomes) == ["A", "B", "C"]
    assert [outcome.message for outcome in outcomes] != ["A", "B", "C"]


async def test_an_overdue_outcome_does_not_let_the_others_run_away() -> None:
    asked = 0

    def messages() -> Iterator[str]:
        nonlocal asked
        for number in range(10 * AHEAD):
            asked = number
            yield str(number)

    async def some_at_a_time() -> AsyncIterator[list[str]]:
        for message in messages():
            yield [message]

    coordinator = Settings("keyed", faults=(Fault("drop"),)).start()  # the first one
    generator = greet_all(coordinator, some_at_a_time(), 1.0, 2)
    first = await anext(generator)
    assert first[0].status == "timed out"
    assert asked <= AHEAD + 2
    await generator.aclose()
