"""What a step means, and what comes next."""

import pytest

from genreply_cli import state
from genreply_cli.standing import Standing
from genreply_cli.trace import KINDS, Step
from genreply_cli.transcript import read
from genreply_cli.why import FAULTS, MEANINGS, why


def told(name: str) -> list[str]:
    """What is told of each step of a sample."""
    standing, sentences = Standing(), []
    for step in read(state.samples()[name])[1]:
        standing.see(step)
        sentences.append(why(step, standing))
    return sentences


def test_every_kind_has_its_meaning() -> None:
    assert set(MEANINGS) == KINDS | {"wrong"}


def test_a_deferred_reply_step_by_step() -> None:
    assert "\n".join(told("hello")[2:]).replace(" Next, ", "\n   then ").splitlines() == [
        "the caller has asked, and is blocked, for 5 s at most.",
        "   then the coordinator answers at once, or keeps the caller for later.",
        "a cast waits for nothing: the coordinator goes on at once, while c1 stays blocked.",
        "   then the websocket works on it, and may send a message back.",
        "the coordinator answered NoReply: c1 stays blocked, but the coordinator is free to do other things.",
        "   then something must bring the answer; then reply(from, ...) unblocks c1.",
        "the websocket has answered the coordinator, not the caller.",
        "   then reply(from, ...) unblocks c1.",
        "the deferred reply: c1 goes on after 250 ms, and to its caller it looked like an ordinary call.",
        "the recording ends here; nobody waits.",
    ]


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("late", "the caller has waited long enough; who keeps c1 is not told. Next, if an answer comes, it is dropped."),
        ("late", "the answer came, but the caller of c1 had left: it is dropped, and does no harm."),
        ("overlap-single", "this is the answer for c1, but c3 has got it: the coordinator has mixed up its callers. Next, c1"),
        ("overlap-single", "c3 has its answer already, and a call is answered once: this one is dropped."),
        ("overlap-keyed", "c1 goes on after 250 ms, and to its caller it looked like an ordinary call; 2 still wait."),
        ("crash", "a fault is injected on purpose: crash. Next, the process crashes."),
        ("crash", "the coordinator was linked to the websocket, and goes down with it. Next, whoever waits for it is told"),
        ("crash", "the websocket is there, and waits for messages; it is linked to the coordinator: if one crashes, both"),
    ],
)
def test_what_the_samples_are_there_to_show(name: str, sentence: str) -> None:
    assert any(sentence in one for one in told(name))


@pytest.mark.parametrize("kind", [*KINDS, "later"])
@pytest.mark.parametrize("details", [{}, {"for": "c9", "what": "drop", "timeout": None, "reason": "normal", "link": "a{0}b"}])
def test_any_step_gets_a_sentence(kind: str, details: dict[str, str]) -> None:
    for step in (Step(1, 0.0, kind, details=details), Step(1, 0.0, kind, "c{x}\x1b", "s{1}", "t{", "}a", details=details)):
        standing = Standing()
        standing.see(step)
        sentence = why(step, standing)
        assert sentence.endswith(".")
        assert "\x1b" not in sentence
        assert "{source}" not in sentence


def test_each_fault_says_what_it_leads_to() -> None:
    for what in FAULTS:
        assert ". Next, " in why(Step(1, 0.0, "fault", details={"what": what}), Standing())
    assert why(Step(1, 0.0, "fault", details={"what": "flood"}), Standing()) == "a fault is injected on purpose: flood."
