"""The story of a call, for every design and every fault, beside the code that did it."""

import gc
import re

import pytest
from demos import CASES, played
from hypothesis import given
from hypothesis import strategies as st
from versions import old_samples

from genreply_cli.explain.highlight import CODE, coloured
from genreply_cli.explain.quotes import quote
from genreply_cli.explain.render import render
from genreply_cli.explain.story import MAX_ENDED, MAX_STORIES, Sentence, Story, StoryTeller, explain
from genreply_cli.paths import samples
from genreply_cli.text import HIDDEN, cells
from genreply_cli.transcript.reader import read
from genreply_cli.transcript.step import Step

# --- the stories ---


def sentences(story: list[Sentence]) -> str:
    return "\n".join(sentence.sentence for sentence in story)


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
        bare = (" has ended", " nobody to give it to" if design == "blocking" else " has ended")
        assert all(told.python for told in story if not any(it in told.sentence for it in bare))
        assert ("WRONG CALLER" in sentences(story)) == any(
            "for" in step.details
            and step.kind == "reply"
            and f"c{number}" in {step.call, step.details["for"]}
            for step in steps
        )


# fmt: off
REASONS = [
    ("single", "none", "c1", "from now on that is the one of c2: the caller of c1 is forgotten"),
    ("single", "none", "c1", "Its answer went to c3"),
    ("single", "none", "c3", "Whoever is in the slot gets what comes"),
    ("single", "none", "c2", "replies once more to c3, which has its answer"),
    ("blocking", "none", "c2", "waits inside handle_call, for the answer to c1"),
    ("blocking", "drop", "c3", "does not hear it yet: it waits inside handle_call"),
    ("blocking", "duplicate", "c2", "took the first message that came for the answer"),
    ("immediate", "none", "c1", "That is not the answer: there is none yet"),
    ("immediate", "none", "c1", "has nobody to give it to"),
    ("fifo", "drop", "c1", 'replies "B to you too!"'),
    ("fifo", "drop", "c1", "--fault drop asks, the network does wrong: the answer never comes"),
    ("fifo", "duplicate", "c2", "an answer was lost, repeated or overtaken"),
    ("keyed", "duplicate", "c1", "has nobody to give it to"),
    ("keyed", "late", "c1", "goes on without an answer; coordinator is told"),
    ("keyed", "late", "c1", "coordinator monitors c1, and is told that its caller has gone"),
    ("keyed", "late", "c1", "has nobody to give it to"),
    ("keyed", "crash", "c1", "websocket crashes: RuntimeError: injected by --fault crash"),
    ("keyed", "crash", "c1", "coordinator is linked to websocket, and goes down with it"),
    ("keyed", "crash", "c2", "nobody is there"),
]
# fmt: on


@pytest.mark.parametrize(("design", "fault", "call", "sentence"), REASONS)
def test_a_story_says_why(design: str, fault: str, call: str, sentence: str) -> None:
    assert sentence in sentences(explain(played(design, fault)[0], call))


def test_a_call_that_is_heard_has_somebody_to_give_it_to() -> None:
    for design, fault in CASES:
        if design not in {"immediate", "keyed"} and fault == "none":
            assert "nobody" not in sentences(explain(played(design, fault)[0], "c3"))


def test_a_cancelled_call_says_so() -> None:
    call = Step(1, 0.0, "call", "c1", "caller", "coordinator", message=["greet", "A"])
    steps = [
        call._replace(details={"timeout": None}),
        Step(2, 0.5, "cancel", "c1", "caller", "coordinator", details={"blocked": 0.5}),
    ]
    assert [told.sentence for told in explain(steps, "c1", "keyed")] == [
        'caller asks coordinator, and is blocked from here on, for as long as it takes: greet "A".',
        "caller is cancelled after 500 ms, and goes on without an answer; coordinator is not told.",
    ]


def test_a_crash_is_that_of_a_fault_if_the_fault_is_recorded_whatever_the_error_says() -> None:
    steps = [
        Step(1, 0.0, "call", "c1", "caller", "coordinator"),
        Step(2, 0.0, "cast", "c1", "coordinator", "websocket", cause=1),
        Step(3, 0.1, "fault", "c1", at="websocket", details={"what": "crash"}, cause=2),
        Step(4, 0.1, "crash", "c1", at="websocket", details={"error": "a bad day"}, cause=2),
    ]
    crash = explain(steps, "c1", "keyed")[-1]
    assert (crash.sentence, crash.python) == (
        "websocket crashes: a bad day.",
        quote("crash", "keyed").python,
    )
    details = {"error": "RuntimeError: injected by --fault crash"}
    steps[2:] = [Step(4, 0.1, "crash", "c1", at="websocket", details=details, cause=2)]
    assert explain(steps, "c1", "keyed")[-1].python == quote("answer", "keyed").python


def test_a_program_that_is_not_ours_has_a_story_without_code() -> None:
    story = explain([Step(1, 0.0, "call", "c1", "caller", "shop", message="open")], "c1")
    assert story == [Sentence(0.0, 'caller asks shop, and is blocked from here on: "open".', seq=1)]
    assert explain([], "c1") == []


# --- what a server keeps, and what is not known ---


def told_of(steps: list[Step], call: str) -> list[str]:
    return [sentence.sentence for sentence in explain(steps, call)]


@pytest.mark.parametrize("name", ["today", "version 1"])
def test_a_caller_that_was_overwritten_is_told_of_once(name: str) -> None:
    sample = (samples() if name == "today" else old_samples())["overlap-single"]
    story = told_of(list(read(sample)[1]), "c1")
    ending = "from now on that is the one of c2: the caller of c1 is forgotten."
    assert sum(sentence.endswith(ending) for sentence in story) == 1
    assert "forgotten" not in " ".join(told_of(list(read(sample)[1]), "c3"))


def test_a_server_that_forgets_a_caller_of_several_is_told_of_without_a_slot() -> None:
    steps = [
        Step(1, 0.0, "call", "c1", "caller", "shop", message="open"),
        Step(2, 0.0, "state", "c1", at="shop", details={"keeps": ["c1"]}, cause=1),
        Step(3, 0.0, "noreply", "c1", at="shop", details={"waiting": 1}, cause=1),
        Step(4, 1.0, "state", None, at="shop", details={"keeps": [], "forgot": ["c1"]}),
    ]
    assert told_of(steps, "c1")[-1] == (
        "shop has forgotten c1: nothing in its state leads to it any more."
    )


@pytest.mark.parametrize("kind", ["reply", "late", "duplicate"])
def test_the_message_of_no_known_call_is_told_of_when_its_answer_shows_the_call(kind: str) -> None:
    steps = [
        Step(1, 0.0, "call", "c1", "caller", "shop", message="open"),
        Step(2, 1.0, "info", None, "reader", "shop", message=["line", "yes"]),
        Step(3, 1.0, "info", None, "reader", "shop", message=["line", "no"]),
        Step(4, 1.0, kind, "c1", "shop", "caller", message="yes", cause=2),
    ]
    assert told_of(steps[:3], "c1") == told_of(steps[:1], "c1")
    assert told_of(steps, "c1")[1] == (
        'reader sends a message to shop, and nothing to the caller: line "yes".'
    )
    assert len(told_of(steps, "c1")) == 3


def test_a_message_whose_answer_went_to_another_call_is_told_of_there_too() -> None:
    steps = [
        Step(1, 0.0, "call", "c1", "caller", "shop", message="open"),
        Step(2, 0.0, "call", "c2", "caller-2", "shop", message="open"),
        Step(3, 1.0, "info", None, "reader", "shop", message=["line", "yes"]),
        Step(4, 1.0, "reply", "c2", "shop", "caller-2", message="yes", cause=3,
             details={"for": "c1"}),
    ]  # fmt: skip
    assert any("reader sends a message" in sentence for sentence in told_of(steps, "c1"))
    assert not any("reader sends a message" in sentence for sentence in told_of(steps, "c2"))


# --- many calls ---


def many(calls: int, wrong: int) -> StoryTeller:
    stories = StoryTeller()
    for number in range(1, calls + 1):
        call, ends = f"c{number}", "timeout" if number == wrong else "reply"
        ask = Step(2 * number, number, "call", call, "caller", "coordinator", message="A")
        stories.update(ask)
        stories.update(Step(2 * number + 1, number, ends, call, "caller", "coordinator"))
    return stories


def test_few_calls_are_all_told_and_of_many_the_first_that_went_wrong_and_the_last() -> None:
    assert [story.call for story in many(MAX_STORIES, 2).worth_telling()] == ["c1", "c2", "c3"]
    assert [story.call for story in many(5000, 17).worth_telling()] == ["c17", "c5000"]
    assert [story.call for story in many(5000, 5000).worth_telling()] == ["c5000"]
    assert [story.call for story in many(5000, 0).worth_telling()] == ["c5000"]


def test_memory_does_not_grow_with_the_number_of_calls() -> None:
    stories = many(5 * MAX_ENDED, 17)
    assert stories.calls == 5 * MAX_ENDED
    gc.collect()
    assert sum(isinstance(thing, Story) for thing in gc.get_objects()) <= MAX_ENDED + 5


# --- how it is shown ---


@pytest.mark.parametrize("name", samples())
@pytest.mark.parametrize("width", [120, 100, 99, 80, 40, 21])
def test_a_story_fits_the_terminal(name: str, width: int) -> None:
    steps = list(read(str(samples()[name]))[1])
    rows = [row.text for row in render(explain(steps, "c1"), width)]
    assert max(map(cells, rows)) <= max(width - 1, 31)
    assert any(" │ Elixir, " in row for row in rows) == (width >= 100)
    assert all(row.text.isascii() for row in render(explain(steps, "c1"), width, ascii_only=True))


@given(text=st.text(st.characters(codec="utf-8"), max_size=300), width=st.integers(32, 130))
def test_any_greeting_can_be_told_of_and_nothing_of_the_code_is_cut(text: str, width: int) -> None:
    asked = Step(1, 0.0, "call", "c1", "caller", "coordinator", message=["greet", text])
    rows = [row.text for row in render(explain([asked], "c1", "keyed"), width)]
    assert all(cells(row) < width and not HIDDEN.search(row) for row in rows)
    code = "return await self.call(Greet(msg), timeout)"
    assert (
        code in re.sub(r"\s+", " ", " ".join(row.split("│")[0] for row in rows[1:])) or width < 70
    )


def test_off_a_terminal_nothing_is_wrapped_and_each_line_of_code_says_where_it_stands() -> None:
    steps = list(read(str(samples()["hello"]))[1])
    rows = [row.text.strip() for row in render(explain(steps, "c1"))]
    assert "Python, coordinator.py:42: GenServer.reply(state.caller, msg)" in rows
    assert sum(row.startswith("+") for row in rows) == len(explain(steps, "c1"))


def test_an_answer_to_the_wrong_caller_is_red_and_code_has_the_colours_of_its_language() -> None:
    steps = list(read(samples()["overlap-single"])[1])
    rows = list(render(explain(steps, "c3"), 120))
    assert [row.style for row in rows if "WRONG CALLER" in row.text] == ["bold red"]
    code = [span for row in rows if row.style == CODE for span in coloured(row.pieces)]
    assert ("return ", CODE) not in code
    assert any(text.startswith("return") and style == "magenta" for text, style in code)
    assert (":noreply", "cyan") in code
    for row in rows:
        assert "".join(text for text, _ in coloured(row.pieces)) == row.text
