"""What another program's transcript leaves out is inferred; what does not follow stays unknown."""

import asyncio
import io
import json
from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from commands import genreply
from demos import CASES, played
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from versions import old_samples

from genreply_cli.paths import samples
from genreply_cli.session.batch import greet_all
from genreply_cli.session.faults import FAULT_KINDS, Fault
from genreply_cli.session.session import session
from genreply_cli.session.settings import Settings
from genreply_cli.transcript.foreign import ForeignLines
from genreply_cli.transcript.format import TranscriptError, to_line
from genreply_cli.transcript.index import indexed
from genreply_cli.transcript.infer import Inference
from genreply_cli.transcript.reader import read
from genreply_cli.transcript.step import Step

BEAM = Path(__file__).parent.parent / "beam"
INFERRED = ("blocked", "ago", "for", "went_to", "went_at", "link")  # details that can be inferred


def inferred(steps: Iterable[Step]) -> list[Step]:
    return list(map(Inference().update, steps))


def stripped(step: Step) -> Step:
    """The step as a tracer writes it that sees messages, and nothing else."""
    kind = "reply" if step.kind in {"late", "duplicate"} else step.kind
    call = step.call if kind in {"call", "reply", "timeout", "cancel", "down"} else None
    details = {name: value for name, value in step.details.items() if name not in INFERRED}
    return step._replace(kind=kind, call=call, cause=None, details=details)


def foreign(lines: Iterable[dict[str, Any]]) -> list[Step]:
    """The steps of a transcript without a header."""
    return list(read(io.StringIO("".join(json.dumps(line) + "\n" for line in lines)))[1])


def steps_of_sample(name: str) -> list[Step]:
    return list(read(samples()[name])[1])


# Complete transcripts.


@pytest.mark.parametrize("name", samples())
def test_a_complete_sample_is_left_as_it_is(name: str) -> None:
    steps = steps_of_sample(name)
    assert inferred(steps) == steps


@pytest.mark.parametrize(("design", "fault"), CASES)
def test_a_complete_session_is_left_as_it_is(design: str, fault: str) -> None:
    steps, _ = played(design, fault)
    assert inferred(steps) == steps


# Transcripts that lack something.


@pytest.mark.parametrize("name", ["hello", "late", "overlap-single", "overlap-keyed"])
def test_what_was_taken_out_of_a_sample_is_inferred_again(name: str) -> None:
    steps = steps_of_sample(name)
    assert inferred(map(stripped, steps)) == steps


def test_a_crash_has_no_cause_if_two_messages_may_be_the_cause() -> None:
    steps = list(read(old_samples()["crash"])[1])
    found = inferred(map(stripped, steps))
    assert {step.seq for step in steps if step not in found} == {9, 10, 11, 12, 13, 14}
    assert [step.cause for step in found[8:14]] == [None] * 6
    assert [step.details.get("link") for step in found[8:14]] == [None] * 3 + [
        "websocket",
        None,
        None,
    ]
    assert [step.details.get("blocked") for step in found[12:14]] == [0.03, 0.0]


def falsehoods(steps: list[Step], found: list[Step]) -> list[tuple[Step, Step]]:
    """Steps of which something was inferred that is not so."""
    return [
        (truth, step)
        for truth, step in zip(steps, found, strict=True)
        if step.kind != truth.kind
        or step.cause not in {None, truth.cause}
        or step.call not in {None, truth.call}
        or any(step.details[name] != truth.details.get(name) for name in step.details)
    ]


@pytest.mark.parametrize(("design", "fault"), CASES)
def test_nothing_false_is_inferred_of_a_session(design: str, fault: str) -> None:
    steps, _ = played(design, fault)
    assert falsehoods(steps, inferred(map(stripped, steps))) == []


@hypothesis_settings(max_examples=50)
@given(
    design=st.sampled_from(["blocking", "immediate", "single", "fifo", "keyed"]),
    delay=st.sampled_from([(0.0, 0.0), (0.1, 0.1), (0.0, 0.4)]),
    timeout=st.sampled_from([0.05, 0.3, 5.0]),
    faults=st.lists(
        st.builds(Fault, st.sampled_from(sorted(FAULT_KINDS)), st.floats(0, 0.5)), max_size=2
    ),
    jobs=st.integers(1, 5),
    greetings=st.lists(st.sampled_from(["A", "B", "A B", "Hello", "to you"]), max_size=8),
    seed=st.integers(0, 99),
)
def test_nothing_false_is_inferred_of_any_session(
    design: str,
    delay: tuple[float, float],
    timeout: float,
    faults: list[Fault],
    jobs: int,
    greetings: list[str],
    seed: int,
) -> None:
    settings = Settings(design, delay, timeout, tuple(faults), seed, clock="virtual")
    steps: list[Step] = []

    async def main() -> None:
        async with session(settings.start, [steps.append]) as (server, watch):
            with suppress(TimeoutError):
                async with asyncio.timeout(10):
                    async for _ in greet_all(server, greetings, timeout, jobs):
                        pass
            assert watch is not None
            await watch.linger(1.0)

    settings.run(main())
    assert inferred(steps) == steps
    blamed = [
        (truth, step)
        for truth, step in zip(steps, inferred(map(stripped, steps)), strict=True)
        if step.kind != truth.kind
        or step.details.get("for") not in {None, truth.details.get("for")}
    ]
    assert blamed == []


# What a stranger's tracer writes.

SERVER, SOCKET, ANN, BOB = (f"#PID<0.{number}.0>" for number in (139, 140, 141, 142))


def reference(number: int) -> str:
    return f"#Reference<0.2365757334.3821862913.{140720 + number}>"


def called(number: int, caller: str, message: Any, **more: Any) -> dict[str, Any]:
    call = {"kind": "call", "call": reference(number), "from": caller, "to": SERVER}
    return {"t": -576460751.0 + number, **call, "message": message, **more}


def replied(number: int, call: int, message: Any) -> dict[str, Any]:
    reply = {"kind": "reply", "call": reference(call), "from": SERVER, "message": message}
    return {"t": -576460751.0 + number, **reply}


def test_callers_are_named_and_times_and_numbers_begin_anew() -> None:
    steps = foreign(
        [
            called(1, ANN, ["greet", "A"]),
            called(2, BOB, ["greet", "B"]),
            replied(3, 2, "yes"),
            called(4, ANN, ["greet", "A"]),
        ]
    )
    assert steps == [
        Step(1, 0.0, "call", "c1", "caller", "<0.139.0>", message=["greet", "A"]),
        Step(2, 1.0, "call", "c2", "caller-2", "<0.139.0>", message=["greet", "B"]),
        Step(
            3, 2.0, "reply", "c2", "<0.139.0>", "caller-2",
            message="yes", details={"blocked": 1.0}, cause=2,
        ),
        Step(4, 3.0, "call", "c3", "caller", "<0.139.0>", message=["greet", "A"]),
    ]  # fmt: skip


def test_a_process_has_its_registered_name_or_that_of_its_module() -> None:
    steps = foreign(
        [
            {"t": 5, "kind": "start", "at": SERVER, "module": "MyApp.Coordinator"},
            {"t": 5, "kind": "start", "at": SOCKET, "module": "Coordinator", "linked": SERVER},
            {"t": 5, "kind": "start", "at": ANN, "module": "Worker", "name": ":ann"},
            {"t": 6, "kind": "cast", "from": ANN, "to": SOCKET, "message": ["hi", ANN, BOB]},
        ]
    )
    assert [step.at for step in steps] == ["coordinator", "coordinator-2", "ann", None]
    assert steps[1].details["linked"] == "coordinator"
    assert (steps[3].source, steps[3].target) == ("ann", "coordinator-2")
    assert steps[3].message == ["hi", "ann", "<0.142.0>"]


def test_a_process_that_was_called_before_it_calls_is_no_caller() -> None:
    steps = foreign(
        [
            called(1, ANN, "hello"),
            {
                "t": 0,
                "kind": "call",
                "call": reference(2),
                "from": SERVER,
                "to": SOCKET,
                "message": 1,
            },
        ]
    )
    assert [step.source for step in steps] == ["caller", "<0.139.0>"]
    assert (steps[1].call, steps[1].cause) == ("c2", 1)


def test_the_names_of_callers_that_the_file_uses_are_taken() -> None:
    steps = foreign([called(1, "caller-2", "a"), called(2, ANN, "b"), called(3, "client", "c")])
    assert [step.source for step in steps] == ["caller-2", "caller-3", "client"]


def test_references_are_cut_at_the_front_also_inside_of_a_text() -> None:
    message = {
        "ref": reference(0),
        "tag": {"repr": f"[:alias | {reference(1)}]"},
        "by": ["<0.1.0>"],
    }
    (step,) = foreign([called(1, ANN, message)])
    assert step.message == {
        "ref": "…3.140720", "tag": {"repr": "[:alias | …3.140721]"}, "by": ["<0.1.0>"],
    }  # fmt: skip


def test_calls_need_no_names_where_each_caller_makes_one_call_at_a_time() -> None:
    steps = foreign(
        [
            {"t": 1, "kind": "call", "from": ANN, "to": SERVER, "message": "a"},
            {"t": 2, "kind": "call", "from": BOB, "to": SERVER, "message": "b"},
            {"t": 3, "kind": "reply", "from": SERVER, "to": ANN, "message": "x"},
            {"t": 4, "kind": "timeout", "from": BOB, "to": SERVER},
            {"t": 5, "kind": "reply", "from": SERVER, "to": BOB, "message": "y"},
            {"t": 6, "kind": "reply", "from": SERVER, "to": ANN, "message": "z"},
            {"t": 7, "kind": "end"},
        ]
    )
    assert [(step.kind, step.call) for step in steps] == [
        ("call", "c1"), ("call", "c2"), ("reply", "c1"), ("timeout", "c2"), ("late", "c2"),
        ("duplicate", "c1"), ("end", None),
    ]  # fmt: skip
    assert [dict(step.details) for step in steps[2:]] == [
        {"blocked": 2.0}, {"blocked": 2.0}, {"ago": 1.0}, {"ago": 3.0},
        {"calls": 2, "replied": 1, "timed_out": 1, "failed": 0, "dropped": 2},
    ]  # fmt: skip


def test_numbers_and_causes_are_counted_from_the_first_step() -> None:
    first = called(1, ANN, "a", seq=700)
    steps = foreign([first, {"seq": 701, "t": 0, "kind": "mark", "label": "x", "cause": 700}])
    assert [(step.seq, step.cause) for step in steps] == [(1, None), (2, 1)]


def test_a_message_to_a_process_that_has_ended_is_lost() -> None:
    steps = foreign(
        [
            {"t": 1, "kind": "exit", "at": SOCKET, "reason": ":normal"},
            {"t": 2, "kind": "cast", "from": SERVER, "to": SOCKET, "message": "x"},
            {"t": 3, "kind": "exit", "at": "logger", "reason": "x"},
            {"t": 4, "kind": "cast", "from": SERVER, "to": "logger", "message": "x"},
        ]
    )
    assert [step.kind for step in steps] == [
        "exit",
        "lost",
        "exit",
        "cast",
    ]  # a name may live again
    assert steps[0].details == {"reason": "normal"}
    assert steps[1].details == {"sent": "cast"}


def test_a_caller_learns_that_its_server_went_down_with_a_linked_process() -> None:
    steps = foreign(
        [
            {"t": 1, "kind": "start", "at": SERVER, "module": "Server"},
            {"t": 1, "kind": "start", "at": SOCKET, "module": "Socket", "linked": SERVER},
            called(2, ANN, "a", t=2),
            {"t": 3, "kind": "crash", "at": SOCKET, "error": "boom"},
            {"t": 3, "kind": "exit", "at": SOCKET, "reason": "boom"},
            {"t": 3.001, "kind": "exit", "at": SERVER, "reason": "boom"},
            {"t": 3.002, "kind": "down", "from": SERVER, "to": ANN, "reason": "boom"},
            {"t": 9, "kind": "down", "from": SERVER, "to": "monitor", "reason": "boom"},
        ]
    )
    assert steps[5].details == {"reason": "boom", "link": "socket"}
    assert (steps[6].call, steps[6].details["blocked"]) == ("c1", 1.002)
    assert (steps[7].call, steps[7].reaches_monitor) == (None, True)


# Whose answer went to whom.


def overlap(*greetings: str) -> list[Step]:
    """As many callers and one slot; the socket answers them all at last."""
    lines: list[dict[str, Any]] = []
    for number, greeting in enumerate(greetings, 1):
        lines.append(called(number, f"#PID<0.{number}.0>", ["greet", greeting]))
        lines.append({"kind": "cast", "from": SERVER, "to": SOCKET, "message": ["say", greeting]})
    for greeting in greetings:
        answer = f"{greeting} to you too!"
        lines.append({"kind": "info", "from": SOCKET, "to": SERVER, "message": ["got", answer]})
        lines.append(replied(len(greetings), len(greetings), answer))
    return foreign({"t": 9, **line} for line in lines)


def blamed(steps: Iterable[Step]) -> list[tuple[str, str | None, Any]]:
    return [(step.kind, step.call, step.details["for"]) for step in steps if "for" in step.details]


def test_a_wrong_caller_is_found() -> None:
    assert blamed(overlap("A", "B", "C")) == [("reply", "c3", "c1"), ("duplicate", "c3", "c2")]


def test_the_caller_that_missed_its_answer_learns_where_it_went() -> None:
    steps = foreign(
        [
            *({"t": step.t, **json.loads(to_line(step))} for step in overlap("A", "B")),
            {"seq": 9, "t": 10, "kind": "timeout", "call": "c1", "from": "caller"},
        ]
    )
    assert steps[-1].details["went_to"] == "c2"


def test_equal_messages_prove_nothing() -> None:
    steps = overlap("A", "A", "A")
    assert blamed(steps) == []
    assert [step.call for step in steps if step.kind == "info"] == [None] * 3


def test_an_answer_that_has_nothing_in_common_with_a_message_proves_nothing() -> None:
    steps = foreign(
        [
            called(1, ANN, ["greet", "A"]),
            {"t": 1, "kind": "info", "from": SOCKET, "to": SERVER, "message": ["got", "x"]},
            called(2, BOB, ["greet", "B"]),
            {"t": 2, "kind": "info", "from": SOCKET, "to": SERVER, "message": ["got", "y"]},
            replied(3, 2, "ok"),
        ]
    )
    assert blamed(steps) == []


# Files.


@pytest.mark.parametrize("name", ["hello", "overlap", "crash"])
def test_a_recording_of_the_beam_reads_the_same_without_its_header(name: str) -> None:
    text = (BEAM / f"{name}.jsonl").read_text()
    whole, bare = io.StringIO(text), io.StringIO(text.partition("\n")[2])
    assert list(read(whole)[1]) == list(read(bare)[1])


def headerless(tmp_path: Path, name: str = "overlap") -> Path:
    path = tmp_path / "bare.jsonl"
    path.write_text((BEAM / f"{name}.jsonl").read_text().partition("\n")[2])
    return path


def test_a_transcript_without_a_header_is_accepted_with_one_note(tmp_path: Path) -> None:
    path = headerless(tmp_path)
    done = genreply("trace", path)
    note = f"note: {path}: has no header line; it is read as a transcript of another program\n"
    assert (done.code, done.err) == (0, note)
    wrong = 'c3 reply coordinator -> caller-3: "A to you too!" (WRONG CALLER: asked by c1)'
    assert wrong in done.out
    assert genreply("trace", "-", stdin=path.read_bytes()).out == done.out
    stats = genreply("trace", path, "--stats").out
    assert "wrong caller          1" in stats
    assert "asked by c1" in genreply("trace", path, "--as", "svg").out
    assert "WRONG CALLER" in genreply("trace", path, "--explain", "--call", "c1").out


def test_a_process_that_never_started_is_reported_once(tmp_path: Path) -> None:
    path = headerless(tmp_path)
    done = genreply("trace", path, "--check")
    assert done.code == 5
    assert done.out.splitlines() == [
        f'{path}, line 1, field "to": expected a process that was started, found coordinator',
        f'{path}, line 2, field "to": expected a process that lives, found websocket',
    ]


def test_the_events_of_such_a_transcript_are_a_complete_one(tmp_path: Path) -> None:
    path = headerless(tmp_path)
    complete = genreply("trace", path, "--events").out
    header, steps = read(io.StringIO(complete))
    assert not header.foreign
    assert list(steps) == list(read(path)[1])


def test_the_player_reads_such_a_transcript_with_what_is_inferred(tmp_path: Path) -> None:
    path = headerless(tmp_path)
    _, steps = read(path)
    index = indexed(steps)
    for _ in index.scan():
        pass
    assert list(index.steps(0)) == list(read(path)[1])
    assert [note for note in index.notes if "interrupted" in note] == []


def test_it_is_followed_while_it_is_written(tmp_path: Path) -> None:
    path = headerless(tmp_path)
    printed = genreply("trace", path).out
    path.write_text(path.read_text() + '{"t":1,"kind":"end"}\n')
    followed = genreply("trace", path, "--follow")
    assert followed.out.startswith(printed)
    assert followed.err.splitlines()[0].endswith("it is read as a transcript of another program")


def test_nothing_is_appended_to_it(tmp_path: Path) -> None:
    done = genreply("send", "A", "--record", headerless(tmp_path), "--append")
    assert done.code == 1
    assert "another program wrote it" in done.err


def test_any_kind_that_occurs_can_be_selected(tmp_path: Path) -> None:
    path = tmp_path / "it.jsonl"
    path.write_text(
        '{"t":1,"kind":"gc","at":"<0.1.0>","ms":3}\n{"t":2,"kind":"mark","label":"x"}\n'
    )
    assert genreply("trace", path, "--kind", "gc").out == '0.000000 - gc <0.1.0>: {"ms": 3}\n'
    done = genreply("trace", path, "--kind", "cg")
    assert (done.code, done.out) == (2, "")
    assert "there is no kind of event 'cg'; expected one of gc, mark" in done.err
    assert genreply("trace", path, "--kind", "call").code == 0  # a kind that just does not occur


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(-1e9, 1e9) | st.text(max_size=5)
    | st.sampled_from([ANN, SERVER, reference(1), "c1", "caller", "coordinator", ":normal"]),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3)
    ),
    max_leaves=5,
)  # fmt: skip
NAMES = st.sampled_from([ANN, BOB, SERVER, SOCKET, "caller", "coordinator", "x"])
KIND_NAMES = st.sampled_from([
    "start", "call", "cast", "info", "reply", "late", "duplicate", "noreply", "timeout", "cancel",
    "down", "lost", "crash", "exit", "end", "weird",
])  # fmt: skip
LINES = st.fixed_dictionaries(
    {"t": st.floats(-1e6, 1e6), "kind": KIND_NAMES},
    optional={
        "seq": st.integers(-5, 50), "cause": st.integers(-5, 50), "message": VALUES,
        "call": st.sampled_from([reference(1), reference(2), "c1", "c2"]),
        "from": NAMES, "to": NAMES, "at": NAMES, "module": st.text(max_size=5),
        "name": VALUES, "linked": NAMES, "link": NAMES, "reason": st.text(max_size=3),
        "for": st.text(max_size=2), "blocked": st.floats(0, 5),
    },
)  # fmt: skip


@given(st.lists(LINES | st.dictionaries(st.text(max_size=5), VALUES, max_size=4), max_size=12))
def test_any_lines_are_read_or_refused_with_a_sentence(lines: list[dict[str, Any]]) -> None:
    convert: Callable[[Any, str, int], Step] = ForeignLines()
    for number, line in enumerate(lines, 1):
        with suppress(TranscriptError):
            to_line(convert(json.loads(json.dumps(line)), "it", number))
