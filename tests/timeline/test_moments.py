"""The row of a message says what goes wrong with it, at the moment when it comes."""

import asyncio

import pytest

from genreply_cli.otp.virtual_time import run
from genreply_cli.session.faults import parse_faults
from genreply_cli.session.observers import Observer
from genreply_cli.session.session import session
from genreply_cli.session.settings import Settings
from genreply_cli.timeline.timeline import Timeline
from genreply_cli.transcript.step import Step


@pytest.mark.parametrize(
    ("coordinator", "faults", "rows"),
    [
        ("immediate", "off", ["c1 info", "c2 info"]),
        ("keyed", "off", []),
        ("single", "duplicate", []),  # it goes to the caller in the slot, and is dropped
        ("blocking", "off", []),
    ],
)
def test_the_row_of_an_answer_says_that_the_server_has_no_caller_to_give_it_to(
    coordinator: str, faults: str, rows: list[str]
) -> None:
    shown = rows_of_two_greetings(coordinator, faults)
    assert [row[:7] for row in shown if "no caller is kept" in row] == rows


def test_the_row_of_a_call_to_a_server_that_waits_inside_its_handler_says_that_it_is_deaf() -> None:
    shown = rows_of_two_greetings("blocking", "off")
    assert [row for row in shown if "deaf" in row] == ['c2 call    greet "B" deaf until c1']
    assert not any("deaf" in row for row in rows_of_two_greetings("keyed", "off"))


def test_the_row_of_a_fault_says_what_becomes_of_the_answer() -> None:
    shown = rows_of_two_greetings("fifo", "drop")
    assert "c1 fault   drop: will never come" in shown


@pytest.mark.parametrize(("seq", "is_known"), [(2, True), (5, False)])
def test_where_steps_are_left_out_the_row_does_not_say_what_the_server_keeps(
    seq: int, is_known: bool
) -> None:
    timeline = Timeline(width=50)
    keeps: dict[str, list[str] | None] = {"state": None, "keeps": []}
    timeline.lines(Step(1, 0.0, "state", "c1", at="coordinator", details=keeps))
    answer = Step(seq, 1.0, "info", "c1", "websocket", "coordinator", message="A to you too!")
    assert ("no caller is kept" in timeline.lines(answer)[-1]) == is_known


def rows_of_two_greetings(coordinator: str, faults: str) -> list[str]:
    """The rows of two callers that greet shortly after each other, from the name of the call on."""
    timeline, rows = Timeline(width=50), []

    async def main() -> None:
        settings = Settings(coordinator, (0.1, 0.1), faults=parse_faults(faults), clock="virtual")
        sinks: list[Observer] = [lambda step: rows.extend(timeline.lines(step))]
        async with session(settings.start, sinks) as (server, observers):
            assert observers is not None
            callers = []
            for text in "AB":
                callers.append(asyncio.create_task(server.greet(text)))
                await asyncio.sleep(0.01)
            await asyncio.gather(*callers, return_exceptions=True)
            await observers.linger(1.0)

    run(main())
    return [row.partition(" ")[2] for row in rows]
