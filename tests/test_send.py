"""Many greetings: outcomes in the order of asking, never more calls at once than asked for."""

from hypothesis import given
from hypothesis import strategies as st

from genreply_cli.otp import Node
from genreply_cli.otp.virtual_time import run
from genreply_cli.send import Outcome, greet_all
from genreply_cli.session import Settings


async def outcomes(settings: Settings, messages: list[str], jobs: int) -> list[Outcome]:
    return [outcome async for outcome in greet_all(settings.start(), messages, settings.timeout, jobs)]


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
    assert (await anext(generator)).reply == "A to you too!"
    await generator.aclose()
