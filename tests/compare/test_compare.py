"""`genreply compare`: what must hold of each coordinator, and what is printed and drawn of it."""

import json
import re
import time
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest
from commands import Done, genreply
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as some

from genreply_cli.compare.rows import BAD, GOOD, POOR, Plan, Row, all_rows
from genreply_cli.compare.table import VERDICT_WIDTH, lines
from genreply_cli.compare.trial import CALLS_EACH, FAULTS, Counts, run_trial, settings_for
from genreply_cli.session.parsing import COORDINATORS

PLAN = Plan(callers=4, runs=3)
ROWS = {(row.coordinator, row.fault): row for row in all_rows(PLAN)}
# faults that lose, repeat or overtake an answer: afterwards it is not the next caller's
CONFUSING = {"reorder", "drop", "duplicate", "late"}

law = settings(deadline=None, max_examples=10, suppress_health_check=[HealthCheck.too_slow])
a_seed, some_callers = some.integers(0, 10**6), some.integers(2, 8)


def _compare(*arguments: str | int | Path) -> Done:
    return genreply("compare", *map(str, arguments))


def counts_of(coordinator: str, fault: str, callers: int, seed: int) -> Counts:
    counts = Counts()
    run_trial(settings_for(coordinator, fault, seed), callers, counts)
    assert counts.calls == callers * CALLS_EACH
    return counts


@law
@given(fault=some.sampled_from([*FAULTS]), callers=some.integers(1, 8), seed=a_seed)
def test_keyed_is_never_wrong_and_only_a_struck_answer_is_missing(
    fault: str, callers: int, seed: int
) -> None:
    counts = counts_of("keyed", fault, callers, seed)
    assert (counts.wrong, counts.only_ok, counts.untouched) == (0, 0, 0)
    assert counts.told == 0 or fault == "crash"


@law
@given(fault=some.sampled_from(["none", "delay"]), callers=some_callers, seed=a_seed)
def test_single_is_wrong_if_calls_overlap(fault: str, callers: int, seed: int) -> None:
    counts = counts_of("single", fault, callers, seed)
    assert counts.at_once > 1
    assert counts.wrong > 0


@law
@given(fault=some.sampled_from([*FAULTS]), seed=a_seed)
def test_single_is_right_if_no_two_answers_are_under_way(fault: str, seed: int) -> None:
    counts = counts_of("single", fault, 1, seed)
    assert counts.wrong == 0 or counts.at_once > 1
    assert fault in CONFUSING or counts.wrong == 0


@law
@given(fault=some.sampled_from([*FAULTS]), callers=some_callers, seed=a_seed)
def test_fifo_is_right_until_an_answer_is_lost_repeated_or_overtaken(
    fault: str, callers: int, seed: int
) -> None:
    counts = counts_of("fifo", fault, callers, seed)
    assert counts.wrong == 0 or (fault in CONFUSING and counts.strikes > 0)
    assert counts.timed_out == 0 or fault in CONFUSING


@law
@given(
    fault=some.sampled_from(sorted({*FAULTS} - {"duplicate"})), callers=some_callers, seed=a_seed
)
def test_blocking_is_never_concurrent_and_never_wrong_unless_an_answer_is_repeated(
    fault: str, callers: int, seed: int
) -> None:
    counts = counts_of("blocking", fault, callers, seed)
    assert (counts.at_once, counts.wrong) == (1, 0)


@law
@given(fault=some.sampled_from([*FAULTS]), callers=some_callers, seed=a_seed)
def test_immediate_answers_nobody(fault: str, callers: int, seed: int) -> None:
    counts = counts_of("immediate", fault, callers, seed)
    assert (counts.right, counts.wrong) == (0, 0)


def test_a_lost_answer_makes_blocking_deaf() -> None:
    counts = ROWS["blocking", "drop"].counts
    assert counts.strikes == PLAN.runs  # it asks for no other answer after that
    assert counts.right_after == 0
    assert ROWS["blocking", "drop"].verdict.mark == POOR


@pytest.mark.parametrize("coordinator", COORDINATORS)
def test_a_crash_is_told_to_those_who_wait_and_the_next_server_answers(coordinator: str) -> None:
    counts = ROWS[coordinator, "crash"].counts
    assert counts.strikes > 0
    assert (counts.told > 0) == (coordinator != "immediate")  # whose callers wait for nothing


@pytest.mark.parametrize("row", ROWS.values(), ids=lambda row: f"{row.coordinator}-{row.fault}")
def test_a_verdict_says_what_the_numbers_say(row: Row) -> None:
    counts, verdict = row.counts, row.verdict
    assert (verdict.mark == BAD) == bool(counts.wrong + counts.only_ok)
    assert counts.told == 0 or row.fault == "crash"
    if verdict.mark == GOOD:
        assert counts.untouched == 0
    assert ("every caller" in verdict.sentence) == (counts.right == counts.calls)
    assert len(verdict.sentence) <= VERDICT_WIDTH


def test_twice_the_same_bytes_and_another_seed_gives_others() -> None:
    first, again = (_compare("--runs", 1, "--callers", 3) for _ in "12")
    other = _compare("--runs", 1, "--callers", 3, "--seed", 8)
    assert first == again
    assert first.code == 0
    assert first.err == ""
    assert other.out != first.out


def test_off_a_terminal_each_row_is_one_line_without_escapes() -> None:
    out = _compare("--runs", 1, "--callers", 2).out
    assert "\x1b" not in out
    table = [line for line in out.splitlines() if re.match(r"  \w", line)]
    assert len(table) == len(COORDINATORS) * len(FAULTS)


@pytest.mark.parametrize("width", [60, 80, 119, 120, 160])
def test_a_terminal_has_no_line_that_is_wider(width: int) -> None:
    drawn = list(lines([*ROWS.values()], width, colour=False))
    assert max(map(len, drawn)) <= width
    told = " ".join(" ".join(drawn).split())
    assert all(row.verdict.sentence in told for row in ROWS.values())


def test_json_has_the_rows_with_their_numbers() -> None:
    done = _compare("--json", "--callers", 4, "--runs", 3)
    read = json.loads(done.out)
    assert (read["callers"], read["runs"], read["seed"]) == PLAN
    assert read["rows"] == [row.as_json() for row in ROWS.values()]


def test_the_picture_is_xml_and_says_every_verdict_on_light_and_on_dark(tmp_path: Path) -> None:
    path = tmp_path / "it.svg"
    assert _compare("--callers", 4, "--runs", 3, "-o", path).code == 0
    picture = path.read_text()
    titles = ET.fromstring(picture).iter("{http://www.w3.org/2000/svg}title")
    said = [element.text or "" for element in titles]
    assert said[0] == "Which design survives which fault"
    assert said[1:] == [
        f"{row.coordinator}, {row.fault}: {row.verdict.sentence}" for row in ROWS.values()
    ]
    assert "prefers-color-scheme:dark" in picture


def test_the_page_and_the_matrix_have_a_place_for_each_row(tmp_path: Path) -> None:
    page, matrix = tmp_path / "it.html", tmp_path / "it.md"
    for path in (page, matrix):
        assert _compare("--callers", 4, "--runs", 3, "-o", path).code == 0
    assert page.read_text().count("<tr>") == 1 + len(ROWS)
    marks = [row.verdict.mark for row in ROWS.values()]
    assert page.read_text().count('<span class="right">') == marks.count(GOOD)
    assert page.read_text().count('<span class="wrong">') == marks.count(BAD)
    table = matrix.read_text().splitlines()
    assert {line.count("|") for line in table} == {len(FAULTS) + 2}
    assert table[-1].startswith("| `keyed` | right |")


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (
            ["-o", "it.png"],
            "'it.png' has no ending that says a format; expected .svg, .html or .md",
        ),
        (["--callers"], "--callers needs a value\n       try genreply compare --help"),
        (["--callers", "0"], "'0' is no whole number from 1 to 200"),
        (["--runs", "x"], "'x' is no whole number from 1 to 10,000"),
        (["--json", "-o", "it.svg"], "--json and --output exclude each other; give one of them"),
        (["--seed", "-1"], "'-1' is no seed; expected a whole number, like 7"),
    ],
)
def test_what_does_not_fit_is_named(arguments: list[str], sentence: str) -> None:
    done = _compare(*arguments)
    assert done.code == 2
    assert sentence in done.err


def test_a_file_that_exists_is_left_alone_before_anything_is_run(tmp_path: Path) -> None:
    path = tmp_path / "it.svg"
    path.write_text("mine")
    began = time.process_time()
    done = _compare("--runs", 10_000, "-o", path)
    assert done.code == 1
    assert done.err.endswith("exists already\n       choose another name, or add --overwrite\n")
    assert path.read_text() == "mine"
    assert time.process_time() - began < 5
    assert _compare("--runs", 1, "-o", path, "--overwrite").code == 0
    assert "<svg" in path.read_text()
