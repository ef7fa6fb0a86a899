"""A recording that is run again gives the same events; --diff tells what differs, call by call."""

import asyncio
import io
import json
import subprocess
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from commands import genreply
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from genreply_cli.paths import samples
from genreply_cli.session.batch import greet_all
from genreply_cli.session.faults import FAULT_KINDS, Fault
from genreply_cli.session.recording import header
from genreply_cli.session.session import session
from genreply_cli.session.settings import Settings
from genreply_cli.transcript.writer import Writer
from genreply_cli.variations import COORDINATORS


@pytest.mark.parametrize("name", samples())
def test_a_sample_comes_out_the_same_to_the_microsecond(name: str) -> None:
    done = genreply("trace", name, "--rerun", "--times")
    assert (done.code, done.out) == (0, "")
    assert done.err.startswith("equal: ")


@hypothesis_settings(max_examples=150)
@given(
    coordinator=st.sampled_from(sorted(COORDINATORS)),
    delay=st.sampled_from([(0.0, 0.0), (0.1, 0.1), (0.0, 0.4)]),
    timeout=st.sampled_from([0.05, 0.3, 5.0]),
    faults=st.lists(
        st.builds(
            Fault, st.sampled_from(sorted(FAULT_KINDS)), st.sampled_from([None, 0.1, 0.3, 0.9])
        ),
        max_size=3,
    ),
    jobs=st.integers(1, 5),
    seed=st.integers(0, 99),
    given_up=st.sampled_from([0.07, 0.13, 0.52, 10.0]),  # never just when something else happens
)
def test_whatever_was_recorded_on_the_virtual_clock_comes_out_the_same(
    coordinator: str,
    delay: tuple[float, float],
    timeout: float,
    faults: list[Fault],
    jobs: int,
    seed: int,
    given_up: float,
) -> None:
    settings = Settings(coordinator, delay, timeout, tuple(faults), seed, clock="virtual")
    file = io.StringIO()

    async def main() -> None:
        async with session(settings.start, [Writer(file, header(settings)).write]) as (
            server,
            watch,
        ):
            with suppress(TimeoutError):
                async with asyncio.timeout(given_up):
                    async for _ in greet_all(server, list("ABCDEFGH"), timeout, jobs):
                        pass
            assert watch is not None
            await watch.linger(1.0)

    settings.run(main())
    done = genreply("trace", "-", "--rerun", "--times", stdin=file.getvalue().encode())
    assert (done.out, done.code) == ("", 0)


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["--jobs", "3", "--count", "20"],
        ["--jobs", "3", "--coordinator", "single", "--delay", "30ms", "--timeout", "90ms"],
        [
            "--jobs",
            "2",
            "--fault",
            "drop:0.3",
            "--fault",
            "duplicate:0.3",
            "--timeout",
            "20ms",
            "--seed",
            "7",
        ],
        ["--fault", "crash:0.5", "--seed", "3"],
        ["--coordinator", "blocking", "--jobs", "3", "--delay", "20ms"],
    ],
)
def test_what_took_its_own_time_comes_out_the_same_too(
    arguments: list[str], tmp_path: Path
) -> None:
    path = tmp_path / "it.jsonl"
    genreply("send", "A", "B", "C", *arguments, "--record", path)
    done = genreply("trace", path, "--rerun")
    assert (done.out, done.code) == ("", 0)


def test_a_caller_that_was_cancelled_is_cancelled_again(tmp_path: Path) -> None:
    path = tmp_path / "it.jsonl"
    settings = Settings("single", (0.25, 0.25), clock="virtual")

    async def main() -> None:
        with Writer(path, header(settings)) as writer:
            async with session(settings.start, [writer.write]) as (server, watch):
                with suppress(TimeoutError):
                    async with asyncio.timeout(0.1):
                        await server.greet("never mind")
                assert watch is not None
                watch.emit(watch.tracer.note("mark", label="given up"))
                await server.greet("Hello")

    settings.run(main())
    assert '"kind":"cancel"' in path.read_text()
    assert genreply("trace", path, "--rerun", "--times").code == 0


def tampered(sample: str, change: Callable[[list[dict[str, Any]]], None], path: Path) -> Path:
    lines = [json.loads(line) for line in samples()[sample].read_text().splitlines()]
    change(lines)
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    return path


def test_what_did_not_happen_does_not_come_out(tmp_path: Path) -> None:
    path = tampered(
        "hello", lambda lines: lines[11].update(message="Goodbye"), tmp_path / "it.jsonl"
    )
    done = genreply("trace", path, "--rerun")
    assert (done.code, done.out, done.err) == (5, (
        "c1: replied, but otherwise\n"
        '  - reply coordinator -> caller: "Goodbye"\n'
        '  + reply coordinator -> caller: "Hello world to you too!"\n'
    ), "different\n")  # fmt: skip


def test_another_seed_is_another_network(tmp_path: Path) -> None:
    path = tmp_path / "it.jsonl"
    genreply(
        "send",
        *"ABCDEFGH",
        "--fault",
        "drop:0.5",
        "--timeout",
        "1",
        "--clock",
        "virtual",
        "--seed",
        "1",
        "--record",
        path,
    )
    assert genreply("trace", path, "--rerun").code == 0
    path.write_text(path.read_text().replace('"seed":1', '"seed":2', 1))
    done = genreply("trace", path, "--rerun")
    assert done.code == 5
    assert "replied here, timed out there" in done.out


@pytest.mark.parametrize("name", samples())
def test_a_recording_is_run_up_to_where_it_was_interrupted(name: str, tmp_path: Path) -> None:
    lines = samples()[name].read_text().splitlines(keepends=True)
    for left in range(1, len(lines)):
        path = tmp_path / "it.jsonl"
        path.write_text("".join(lines[:left]))
        done = genreply("trace", path, "--rerun", "--times")
        assert (done.out, done.code) == ("", 0)


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (
            lambda lines: lines[0]["settings"].update(flavour="x"),
            "this genreply does not know its setting flavour",
        ),
        (
            lambda lines: lines[0]["settings"].update(coordinator="y"),
            "which of the coordinators it shows",
        ),
        (
            lambda lines: lines[0]["settings"].update(delay=[2, 1]),
            "from what to what an answer is delayed",
        ),
        (
            lambda lines: lines[0]["settings"].update(timeout="x"),
            "its header does not say for how long a caller waits",
        ),
        (lambda lines: lines[0]["settings"].update(faults=["rain"]), "there is no fault 'rain'"),
        (lambda lines: lines[0].pop("settings"), "which of the coordinators it shows"),
        (lambda lines: lines[5].update(message=["pop"]), "expected greetings, found pop"),
        (
            lambda lines: lines[5].pop("message"),
            "expected greetings, found a call without a message",
        ),
        (
            lambda lines: lines[5].update({"from": "stack"}),
            "stack is a process that asks, and only a caller can be made to ask",
        ),
        (lambda lines: lines.extend(lines[1:]), "another recording is appended to it"),
    ],
)
def test_what_cannot_be_run_again_gets_a_sentence(
    change: Callable[[list[dict[str, Any]]], None], sentence: str, tmp_path: Path
) -> None:
    done = genreply("trace", tampered("hello", change, tmp_path / "it.jsonl"), "--rerun")
    assert (done.code, done.out) == (5, "")
    assert done.err.startswith("error: it cannot be run again: ")
    assert sentence in done.err


def test_a_transcript_is_equal_to_itself_times_included() -> None:
    assert genreply("trace", "crash", "--diff", "crash", "--times") == (0, "", "equal: 3 calls\n")


def test_what_differs_is_told_call_by_call() -> None:
    done = genreply(
        "trace", "overlap-single", "--diff", "overlap-keyed", "--call", "c1", "--call", "c3"
    )
    assert (done.code, done.err) == (5, "different\n")
    assert done.out == (
        'setting coordinator: "single" here, "keyed" there\n'
        "c1: timed out here, replied there\n"
        "  - state coordinator: State(async_pid=websocket, caller=c1)\n"
        "  + state coordinator:"
        " KeyedState(async_pid=websocket, callers={ref_1: c1})\n"
        '  - timeout caller: timeout 1.0, went_to "c3"\n'
        '  + reply coordinator -> caller: "A to you too!"\n'
        "  + state coordinator:"
        " KeyedState(async_pid=websocket, callers={ref_2: c2, ref_3: c3})\n"
        "c3: answered with the answer for another here, replied there\n"
        '  - state coordinator: State(async_pid=websocket, caller=c3) (forgot ["c2"])\n'
        "  + state coordinator: KeyedState(async_pid=websocket,"
        " callers={ref_1: c1, ref_2: c2, ref_3: c3})\n"
        '  - reply coordinator -> caller-3: "A to you too!" (for "c1")\n'
        '  - duplicate coordinator -> caller-3: "B to you too!" (for "c2")\n'
        '  - duplicate coordinator -> caller-3: "C to you too!"\n'
        '  + reply coordinator -> caller-3: "C to you too!"\n'
        "  + state coordinator: KeyedState(async_pid=websocket, callers={})\n"
    )


def test_a_call_may_be_in_one_of_them_only() -> None:
    here, there = (
        genreply("trace", "late", "--diff", "hello"),
        genreply("trace", "hello", "--diff", "late"),
    )
    assert "c2: only here, replied\n" in here.out
    assert "c2: only there, replied\n" in there.out
    assert here.out.count("  - ") == there.out.count("  + ")


def test_time_makes_a_difference_only_if_asked_for(tmp_path: Path) -> None:
    path = tampered("hello", lambda lines: lines[6].update(t=0.1), tmp_path / "it.jsonl")
    assert genreply("trace", "hello", "--diff", path).code == 0
    assert genreply("trace", "hello", "--diff", path, "--times").code == 5


def test_a_call_of_many_events_is_compared_without_taking_for_ever(tmp_path: Path) -> None:
    marks = [
        {"seq": seq, "t": 0.0, "kind": "mark", "label": str(seq % 7)} for seq in range(10, 9010)
    ]
    longer = tampered("hello", lambda lines: lines.extend(marks), tmp_path / "longer.jsonl")
    done = genreply("trace", longer, "--diff", "hello")
    assert (done.code, done.out.count("\n")) == (5, 9001)


def converse(lines: list[str], path: Path) -> None:
    """Type lines at a REPL that records to `path`."""
    command = [
        sys.executable,
        "-m",
        "genreply_cli",
        "repl",
        "--delay",
        "20ms",
        "--record",
        str(path),
    ]
    text = "\n".join(lines)
    subprocess.run(command, input=text, capture_output=True, text=True, check=False, timeout=60)


def test_a_session_of_the_repl_comes_out_the_same_whatever_was_changed_in_it(
    tmp_path: Path,
) -> None:
    path = tmp_path / "it.jsonl"
    lines = [
        "A", "B &", "/timeout 300ms", "/delay 30ms", "C",
        "/coordinator single", "D &", "E &", "/wait", "/crash websocket", "F",
        "/fault drop", "/timeout 100ms", "G", "/seed 3", "/restart", "/delay 10ms..60ms", "H",
        "/coordinator keyed", "I &", "/cancel", "/mark lunch", "/mark /delay of a train", "J",
        "/coordinator fifo", "/burst 5 K", "/wait", "/crash coordinator", "L",
    ]  # fmt: skip
    converse(lines, path)
    checked = genreply("trace", path, "--check")
    assert (checked.code, checked.out) == (0, "")
    done = genreply("trace", path, "--rerun")
    assert (done.out, done.err, done.code) == ("", "equal: 16 calls\n", 0)


def test_a_label_is_never_executed(tmp_path: Path) -> None:
    path = tmp_path / "it.jsonl"
    converse(["A", "/mark /crash websocket", "B", "/mark /restart", "C"], path)
    done = genreply("trace", path, "--rerun")
    assert (done.out, done.err, done.code) == ("", "equal: 3 calls\n", 0)


def test_a_recording_with_commands_in_labels_only_gets_a_note(tmp_path: Path) -> None:
    path = tmp_path / "it.jsonl"
    converse(["A", "/crash websocket", "/mark lunch", "B"], path)
    assert '"label":"/crash websocket","command":"crash websocket"' in path.read_text()
    assert genreply("trace", path, "--rerun").code == 0
    path.write_text(path.read_text().replace(',"command":"crash websocket"', ""))
    done = genreply("trace", path, "--rerun")
    assert done.code == 5
    assert done.err.endswith(
        "note: labels such as /crash websocket are never executed;"
        " earlier versions of genreply recorded commands in labels only\n"
    )


def test_a_mark_with_unknown_fields_is_made_again(tmp_path: Path) -> None:
    mark = {"seq": 3, "t": 0.0, "kind": "mark", "label": "x", "self": 1, "source": None}
    path = tampered(
        "hello", lambda lines: lines.__setitem__(slice(3, None), [mark]), tmp_path / "it.jsonl"
    )
    assert genreply("trace", path, "--rerun").code == 0


def test_times_are_compared_only_where_the_clock_was_virtual(tmp_path: Path) -> None:
    path = tmp_path / "it.jsonl"
    genreply("send", "A", "--record", path)
    done = genreply("trace", path, "--rerun", "--times")
    assert (done.code, done.out) == (2, "")
    assert "this one took its own time" in done.err
