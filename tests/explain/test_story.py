"""The story of a call: each sentence beside the code that did it, for every design and every fault."""

import asyncio
import inspect
import re
import shutil
import subprocess
from itertools import product
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from genreply_cli import coordinator, variations, websocket
from genreply_cli.explain.quotes import ELIXIR, PLACES, elixir_lines, python_lines
from genreply_cli.explain.render import render
from genreply_cli.explain.story import FEW, Sentence, StoryTeller, explain
from genreply_cli.paths import samples
from genreply_cli.session import network
from genreply_cli.session.network import KINDS, Fault
from genreply_cli.session.outcome import greet
from genreply_cli.session.session import session
from genreply_cli.session.settings import Settings
from genreply_cli.text import HIDDEN, cells
from genreply_cli.transcript.reader import read
from genreply_cli.transcript.step import Step
from genreply_cli.variations import COORDINATORS

CASES = list(product(COORDINATORS, ["none", *KINDS]))
MODULES = coordinator, variations, websocket, network
SOURCES = {Path(inspect.getfile(module)).name: inspect.getsource(module) for module in MODULES}


def played(design: str, fault: str) -> tuple[list[Step], list[str]]:
    """What three callers see who overlap, as in `Demo.run()` of the Elixir; and what has become of each."""
    steps: list[Step] = []
    asked = () if fault == "none" else (Fault(fault),)
    settings = Settings(design, (0.2, 0.2), 1.5, asked, clock="virtual")

    async def main() -> list[str]:
        async with session(settings.start, [steps.append]) as (server, watch):
            callers = []
            for number, message in enumerate("ABC", 1):
                callers.append(
                    asyncio.create_task(
                        greet(server, number, message, settings.timeout), name="caller"
                    )
                )
                await asyncio.sleep(0.05)
            outcomes = [await caller for caller in callers]
            assert watch is not None
            await watch.linger(10)
            return [outcome.reply or outcome.status for outcome in outcomes]

    return steps, settings.run(main())


# --- the code ----------------------------------------------------------------------------------------------------------------

MISSING = {
    ("blocking", "keep"), ("immediate", "keep"), ("immediate", "wait inside"), ("single", "wait inside"), ("fifo", "wait inside"),
    ("keyed", "wait inside"), ("immediate", "hand on"),
}  # fmt: skip  # what a design does not do
ONLY_PYTHON = {
    ("blocking", "nobody"),
    ("blocking", "hand on"),
}  # inherited from Coordinator; Elixir inherits nothing


@pytest.mark.parametrize(("design", "happens"), list(product(COORDINATORS, PLACES)))
def test_what_happens_is_found_in_both_languages(design: str, happens: str) -> None:
    one, other = python_lines(happens, design), elixir_lines(happens, design)
    assert (one is None) == ((design, happens) in MISSING)
    assert (other is None) == ((design, happens) in MISSING | ONLY_PYTHON)
    if one is not None:
        assert one.lines[0] in SOURCES[one.file].splitlines()[one.number - 1]
    if other is not None:
        assert other.file == ELIXIR.name
        assert other.lines[0] in ELIXIR.read_text().splitlines()[other.number - 1]


def test_the_reply_is_the_line_that_replies() -> None:
    assert {
        design: getattr(python_lines("reply", design), "lines", None) for design in COORDINATORS
    } == {
        "blocking": ("return Reply(msg, state)",),
        "immediate": ('return Reply("ok", state)',),
        "single": ("GenServer.reply(state.caller, msg)",),
        "fifo": ("GenServer.reply(state.callers.popleft(), message.msg)",),
        "keyed": ("GenServer.reply(state.callers.pop(ref), msg)",),
    }
    assert {
        design: getattr(elixir_lines("reply", design), "lines", None) for design in COORDINATORS
    } == {
        "blocking": ("{:reply, answer, state}",),
        "immediate": ('{:reply, "ok", state}',),
        "single": ("GenServer.reply(state.caller, msg)",),
        "fifo": ("GenServer.reply(from, msg)",),
        "keyed": ("GenServer.reply(from, msg)",),
    }


def test_the_elixir_does_what_the_python_does() -> None:
    """Every coordinator under every fault. It says so if there is no Elixir here."""
    command = shutil.which("elixir")
    if command is None:
        pytest.skip(
            "no `elixir` on the path: the Elixir that is shown beside the Python has not been run"
        )
    done = subprocess.run(
        [command, "-r", ELIXIR, "-e", "Demo.run()"], capture_output=True, text=True, check=True
    )
    assert done.stdout.splitlines() == [", ".join([*case, *played(*case)[1]]) for case in CASES]


# --- the stories -------------------------------------------------------------------------------------------------------------


def sentences(story: list[Sentence]) -> str:
    return "\n".join(told.sentence for told in story)


@pytest.mark.parametrize(("design", "fault"), CASES)
def test_each_call_has_a_story_with_a_beginning_and_an_end(design: str, fault: str) -> None:
    steps, outcomes = played(design, fault)
    for number, outcome in enumerate(outcomes, 1):
        story = explain(steps, f"c{number}")
        assert story == explain(steps, f"c{number}", design)
        assert "asks coordinator" in story[0].sentence
        assert [told.t for told in story] == sorted(told.t for told in story)
        end = {"timed out": " gives up ", "failed": " is told "}.get(
            outcome, f'replies "{outcome}"'
        )
        assert end in sentences(story)
        assert all(told.python for told in story if " has ended" not in told.sentence)
        assert ("WRONG CALLER" in sentences(story)) == any(
            "for" in step.details
            and step.kind == "reply"
            and f"c{number}" in {step.call, step.details["for"]}
            for step in steps
        )


@pytest.mark.parametrize(
    ("design", "fault", "call", "said"),
    [
        (
            "single",
            "none",
            "c1",
            "from now on that is the one of c2: the caller of c1 is forgotten",
        ),
        ("single", "none", "c1", "Its answer went to c3"),
        ("single", "none", "c3", "Whoever is in the slot gets what comes"),
        ("single", "none", "c2", "replies once more to c3, which has its answer"),
        (
            "blocking",
            "none",
            "c2",
            "does not hear it yet: it waits inside handle_call, for the answer to c1",
        ),
        (
            "blocking",
            "drop",
            "c3",
            "does not hear it yet: it waits inside handle_call, for the answer to c1",
        ),
        ("blocking", "duplicate", "c2", "took the first message that came for the answer"),
        ("immediate", "none", "c1", "That is not the answer: there is none yet"),
        ("immediate", "none", "c1", "has nobody to give it to"),
        ("fifo", "drop", "c1", 'replies "B to you too!"'),
        (
            "fifo",
            "drop",
            "c1",
            "As --fault drop asks, the network does wrong: the answer never comes",
        ),
        ("fifo", "duplicate", "c2", "an answer was lost, repeated or overtaken"),
        ("keyed", "duplicate", "c1", "has nobody to give it to"),
        ("keyed", "late", "c1", "The reply is dropped"),
        ("keyed", "crash", "c1", "websocket crashes: RuntimeError: injected by --fault crash"),
        ("keyed", "crash", "c1", "coordinator is linked to websocket, and goes down with it"),
        ("keyed", "crash", "c2", "nobody is there"),
    ],
)
def test_a_story_says_why(design: str, fault: str, call: str, said: str) -> None:
    assert said in sentences(explain(played(design, fault)[0], call))


def test_a_call_that_is_heard_has_somebody_to_give_it_to() -> None:
    for design, fault in CASES:
        if design not in {"immediate", "keyed"} and fault == "none":
            assert "nobody" not in sentences(explain(played(design, fault)[0], "c3"))


def test_a_cancelled_call_says_so() -> None:
    steps = [
        Step(
            1,
            0.0,
            "call",
            "c1",
            "caller",
            "coordinator",
            message=["greet", "A"],
            details={"timeout": None},
        ),
        Step(2, 0.5, "cancel", "c1", "caller", "coordinator", details={"blocked": 0.5}),
    ]
    assert [told.sentence for told in explain(steps, "c1", "keyed")] == [
        'caller asks coordinator, and is blocked from here on, for as long as it takes: greet "A".',
        "caller is cancelled after 500 ms, and goes on without an answer; coordinator is not told.",
    ]


def test_a_program_that_is_not_ours_has_a_story_without_code() -> None:
    story = explain([Step(1, 0.0, "call", "c1", "caller", "shop", message="open")], "c1")
    assert story == [Sentence(0.0, 'caller asks shop, and is blocked from here on: "open".')]
    assert explain([], "c1") == []


# --- many calls --------------------------------------------------------------------------------------------------------------


def many(calls: int, wrong: int) -> StoryTeller:
    stories = StoryTeller()
    for number in range(1, calls + 1):
        kind = "timeout" if number == wrong else "reply"
        stories(
            Step(
                2 * number,
                float(number),
                "call",
                f"c{number}",
                "caller",
                "coordinator",
                message=["greet", str(number)],
            )
        )
        stories(Step(2 * number + 1, number + 0.5, kind, f"c{number}", "caller", "coordinator"))
    return stories


def test_of_few_calls_all_are_told_of_and_of_many_the_first_that_went_wrong_and_the_last() -> None:
    assert [story.call for story in many(FEW, 2).worth_telling()] == ["c1", "c2", "c3"]
    assert [story.call for story in many(5000, 17).worth_telling()] == ["c17", "c5000"]
    assert [story.call for story in many(5000, 5000).worth_telling()] == ["c5000"]
    assert [story.call for story in many(5000, 0).worth_telling()] == ["c5000"]


def test_memory_does_not_grow_with_the_number_of_calls() -> None:
    assert len(many(5000, 17)._stories) <= 1005


# --- how it is shown ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", samples())
@pytest.mark.parametrize("width", [120, 100, 99, 80, 40, 21])
def test_a_story_fits_the_terminal(name: str, width: int) -> None:
    steps = list(read(str(samples()[name]))[1])
    rows = [row for row, _ in render(explain(steps, "c1"), width)]
    assert max(map(cells, rows)) <= max(width - 1, 31)
    assert any(" │ Elixir, " in row for row in rows) == (width >= 100)
    assert all(row.isascii() for row, _ in render(explain(steps, "c1"), width, ascii_only=True))


@given(text=st.text(st.characters(codec="utf-8"), max_size=300), width=st.integers(32, 130))
def test_any_greeting_can_be_told_of_and_nothing_of_the_code_is_cut(text: str, width: int) -> None:
    asked = Step(1, 0.0, "call", "c1", "caller", "coordinator", message=["greet", text])
    rows = [row for row, _ in render(explain([asked], "c1", "keyed"), width)]
    assert all(cells(row) < width and not HIDDEN.search(row) for row in rows)
    code = "return await self.call(Greet(msg), timeout)"
    assert (
        code in re.sub(r"\s+", " ", " ".join(row.split("│")[0] for row in rows[1:])) or width < 70
    )


def test_off_a_terminal_nothing_is_wrapped_and_each_line_of_code_says_where_it_stands() -> None:
    steps = list(read(str(samples()["hello"]))[1])
    rows = [row.strip() for row, _ in render(explain(steps, "c1"))]
    assert "Python, coordinator.py:42: GenServer.reply(state.caller, msg)" in rows
    assert sum(row.startswith("+") for row in rows) == len(explain(steps, "c1"))
