"""Everything impossible in a transcript is reported; what the runtime records is possible."""

import asyncio
import json
import re
import tracemalloc
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from commands import genreply
from hypothesis import example, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from versions import old_samples

from genreply_cli.analysis.calls import EndedCalls
from genreply_cli.analysis.check import Checker
from genreply_cli.paths import samples
from genreply_cli.session.batch import greet_all
from genreply_cli.session.faults import FAULT_KINDS, Fault
from genreply_cli.session.session import session
from genreply_cli.session.settings import Settings
from genreply_cli.transcript.format import Header
from genreply_cli.transcript.reader import read
from genreply_cli.transcript.step import Step
from genreply_cli.variations import COORDINATORS

Lines = list[dict[str, Any]]
Finding = tuple[int, str, str]  # line, field and sentence


def lines_of(sample: str) -> Lines:
    return [json.loads(line) for line in old_samples()[sample].read_text().splitlines()]


def checked(lines: Lines, tmp_path: Path) -> tuple[int, list[str]]:
    path = tmp_path / "it.jsonl"
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    done = genreply("trace", path, "--check")
    return done.code, [line.removeprefix(f"{path}, ") for line in done.out.splitlines()]


@pytest.mark.parametrize("name", samples())
def test_nothing_is_wrong_with_a_sample(name: str) -> None:
    done = genreply("trace", name, "--check")
    assert (done.code, done.out) == (0, "")
    assert re.fullmatch(r"\d+ events, \d+ calls?: nothing wrong\n", done.err)


def change(line: int, **fields: Any) -> Callable[[Lines], None]:
    return lambda lines: lines[line - 1].update(fields)


def drop(line: int) -> Callable[[Lines], None]:
    return lambda lines: lines.__delitem__(line - 1)


def insert(line: int, **fields: Any) -> Callable[[Lines], None]:
    return lambda lines: lines.insert(line - 1, fields)


# overlap-single: lines 4, 7, 10 call; 14 c3 is answered, meant for c1; 16, 18 duplicates;
# 19, 20 timeouts; 21 end
# late: lines 4 call c1, 7 c1 times out, 9 late; 10 call c2, 14 its reply; 15 end
# fmt: off
TAMPERED: list[tuple[str, Callable[[Lines], None], list[Finding]]] = [
    ("late", change(4, seq=7), [
        (4, "seq", "expected 3, found 7"),
    ]),
    ("late", drop(8), [(8, "seq", "expected 7, found 8")]),
    ("late", change(8, t=0.01), [(8, "t", "expected 0.100000 or later, found 0.010000")]),
    ("late", change(8, cause=7), [(8, "cause", "expected the seq of an earlier event, found 7")]),
    ("late", change(8, cause=-1), [(8, "cause", "expected the seq of an earlier event, found -1")]),
    ("late", change(8, call="c9"), [(8, "call", "expected a call that has begun, found c9")]),
    ("late", change(10, call="c1"), [
        (10, "call", "expected a new call; c1 has ended without an answer before"),
    ]),
    ("late", change(7, **{"from": "caller-2"}), [
        (7, "from", "expected caller, which made the call; found caller-2"),
    ]),
    ("late", change(7, to="websocket"), [
        (7, "to", "expected coordinator, which was called; found websocket"),
    ]),
    ("late", change(7, blocked=0.2), [
        (7, "blocked", "expected 0.100000, the time since the call; found 0.200000"),
    ]),
    ("late", change(9, ago=0.3), [
        (9, "ago", "expected 0.200000, the time since the call has ended; found 0.300000"),
    ]),
    ("late", change(9, kind="duplicate"), [
        (9, "kind", "expected late; c1 has ended without an answer before"),
    ]),
    ("late", change(9, kind="reply"), [
        (9, "kind", "expected late; c1 has ended without an answer before"),
    ]),
    ("late", change(14, kind="late"), [
        (14, "kind", "expected reply; c2 still waits"),
    ]),
    ("late", change(14, to="caller-7"), [
        (14, "to", "expected caller, which made the call; found caller-7"),
    ]),
    ("late", change(15, calls=7), [(15, "calls", "expected 2, as counted; found 7")]),
    ("overlap-single", change(21, replied=0), [(21, "replied", "expected 1, as counted; found 0")]),
    ("overlap-single", change(21, wrong_caller=1), [
        (21, "replied", "expected 0, as counted; found 1"),
    ]),
    ("late", change(15, wrong_caller=1), [
        (15, "wrong_caller", "expected 0, as counted; found 1"),
    ]),
    ("late", change(12, waiting=2), [(12, "waiting", "expected 1, found 2")]),  # as in version 2
    ("late", change(12, waiting=["c1", "c2"]), [(12, "waiting", "expected c2, found c1, c2")]),
    ("late", change(5, to="nobody-here"), [
        (5, "to", "expected a process that lives, found nobody-here"),
    ]),
    ("late", change(5, **{"from": "\x1b[2J"}), [
        (5, "from", "expected a caller, or a process that was started; found \\x1b[2J"),
    ]),
    ("late", lambda lines: lines[3].__delitem__("message"), [
        (4, "message", "expected a message, found none"),
    ]),
    ("late", insert(16, seq=15, t=1.0, kind="mark", label="x"), [
        (16, "kind",
         "expected nothing after the end, or the start of an appended recording; found mark"),
    ]),
    ("late", change(8, kind=3), [(8, "kind", "expected text, found 3")]),
    ("overlap-single", change(14, **{"for": "c9"}), [
        (14, "for", "expected c1, to which its cause belongs; found c9"),
    ]),
    ("overlap-single", change(14, **{"for": "c3"}), [
        (14, "for", "expected c1, to which its cause belongs; found c3"),
    ]),
    ("overlap-single", change(16, kind="late"), [
        (16, "kind", "expected duplicate; c3 was answered before"),
    ]),
    ("overlap-single", change(19, went_to="c1"), [
        (19, "went_to", "expected c3, which got its answer; found c1"),
    ]),
    ("crash", change(13, link="nobody"), [
        (13, "link", "expected a process that was started, found nobody"),
    ]),
    ("crash", drop(11), [(11, "seq", "expected 10, found 11")]),
    ("crash", change(14, to="caller-2"), [
        (14, "to", "expected caller, which made the call; found caller-2"),
    ]),
]
# fmt: on


@pytest.mark.parametrize(("sample", "tamper", "findings"), TAMPERED)
def test_what_was_tampered_with_is_found(
    sample: str, tamper: Callable[[Lines], None], findings: list[Finding], tmp_path: Path
) -> None:
    lines = lines_of(sample)
    tamper(lines)
    expected = [f'line {line}, field "{field}": {text}' for line, field, text in findings]
    assert checked(lines, tmp_path) == (5, expected)


def test_all_that_is_wrong_is_told_and_counted(tmp_path: Path) -> None:
    path = tmp_path / "it.jsonl"
    lines = old_samples()["hello"].read_text().splitlines()
    path.write_text(
        "\n".join([*lines[:3], "no JSON", lines[4].replace("0.0", '"soon"'), *lines[5:]]) + "\n"
    )
    done = genreply("trace", path, "--check")
    assert done.code == 5
    assert [line.split(", line ")[1].split(":")[0] for line in done.out.splitlines()] == [
        "4",
        '5, field "t"',
    ]
    assert done.err == "6 events, 0 calls: 2 things wrong\n"


def interrupted_late() -> str:
    """The sample `late` up to where its second call has been passed on."""
    return "".join(samples()["late"].read_text().splitlines(keepends=True)[:16])


def test_a_recording_that_was_interrupted_may_have_open_calls(tmp_path: Path) -> None:
    path = tmp_path / "it.jsonl"
    path.write_text(interrupted_late())
    done = genreply("trace", path, "--check")
    assert (done.code, done.out) == (0, "")
    assert done.err.splitlines()[1:] == [
        "note: calls that were still open when the recording ended: 1",
        "15 events, 2 calls: nothing wrong",
    ]


def test_a_recording_may_be_continued_even_one_that_was_interrupted(tmp_path: Path) -> None:
    path = tmp_path / "it.jsonl"
    path.write_text(interrupted_late())
    for _ in range(2):
        assert (
            genreply(
                "send", "A", "B", "--jobs", "2", "--clock", "virtual", "--record", path, "--append"
            ).code
            == 0
        )
    done = genreply("trace", path, "--check")
    assert (done.code, done.out) == (0, "")
    assert done.err.endswith("53 events, 6 calls: nothing wrong\n")


def test_in_version_1_waiting_is_a_list(tmp_path: Path) -> None:
    path = tmp_path / "it.jsonl"
    path.write_text(
        old_samples()["late"].read_text().replace('"waiting":["c1"]', '"waiting":["c2"]')
    )
    found = genreply("trace", path, "--check")
    assert found.out == f'{path}, line 6, field "waiting": expected c1, found c2\n'


def test_what_came_after_the_interruption_is_not_taken_for_what_came_before(tmp_path: Path) -> None:
    path = tmp_path / "it.jsonl"
    path.write_text(interrupted_late())
    assert genreply("send", "A", "--clock", "virtual", "--record", path, "--append").code == 0
    assert genreply("trace", path, "--check").out == ""
    lines = path.read_text().splitlines(keepends=True)
    last = max(number for number, line in enumerate(lines) if '"waiting":1' in line)
    lines[last] = lines[last].replace('"waiting":1', '"waiting":2')
    path.write_text("".join(lines))
    assert 'field "waiting": expected 1, found 2' in genreply("trace", path, "--check").out


@hypothesis_settings(max_examples=200)
@given(
    coordinator=st.sampled_from(sorted(COORDINATORS)),
    delay=st.sampled_from([(0.0, 0.0), (0.1, 0.1), (0.0, 0.4)]),
    timeout=st.sampled_from([0.05, 0.3, 5.0]),
    faults=st.lists(
        st.builds(Fault, st.sampled_from(sorted(FAULT_KINDS)), st.none() | st.floats(0, 0.5)),
        max_size=3,
    ),
    jobs=st.integers(1, 5),
    seed=st.integers(0, 99),
    given_up=st.floats(0, 1),
)
@example("single", (0.1, 0.1), 5.0, [], 5, 0, 0.05)
@example("blocking", (0.1, 0.1), 0.05, [], 2, 0, 0.0)  # cancelled before callers are added
def test_what_the_runtime_records_is_never_wrong(
    coordinator: str,
    delay: tuple[float, float],
    timeout: float,
    faults: list[Fault],
    jobs: int,
    seed: int,
    given_up: float,
) -> None:
    settings = Settings(coordinator, delay, timeout, tuple(faults), seed, clock="virtual")
    steps: list[Step] = []

    async def ask(server: Any) -> None:
        async for _ in greet_all(server, list("ABCDEFGH"), timeout, jobs):
            pass

    async def main() -> None:
        async with session(settings.start, [steps.append]) as (server, watch):
            with suppress(TimeoutError):
                async with asyncio.timeout(given_up * 10):
                    await ask(server)
            await ask(server)
            assert watch is not None
            await watch.linger(1.0)

    settings.run(main())
    findings: list[Finding] = []
    laws = Checker(lambda *finding: findings.append(finding), Header(clock="virtual"))
    for step in steps:
        laws.update(step)
    assert findings == []
    assert laws.notes() == []


@given(
    st.lists(
        st.tuples(
            st.integers(-1, 9000).map(lambda number: f"c{number}") | st.text(max_size=3),
            st.integers(1, 3),
        )
    )
)
def test_the_fate_of_a_call_is_the_one_that_was_put_last(puts: list[tuple[str, int]]) -> None:
    states, plain = EndedCalls(), {}
    for t, (call, state) in enumerate(puts):
        states.put(call, state, float(t))
        plain[call] = state, float(t)
    assert {call: states.of(call) for call in plain} == plain
    assert states.of("c99999") == (0, 0.0)


def test_a_call_with_a_huge_number_takes_no_more_room_than_another() -> None:
    states = EndedCalls()
    tracemalloc.start()
    try:
        states.put("c123456789012", 2, 1.0)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert states.of("c123456789012") == (2, 1.0)
    assert peak < 10_000


def test_the_samples_are_read_as_they_were_written() -> None:
    header, steps = read(samples()["hello"])
    assert header.title == "one greeting: kept, answered later"
    assert len(list(steps)) == 12
