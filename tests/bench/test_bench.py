"""The benchmark measures what it says, on both sides. How fast it is, is no test."""

import gc
import json
import os
import re
import runpy
import signal
from collections.abc import Callable
from itertools import count
from pathlib import Path

import pytest
from terminals import Terminal

from genreply_cli.bench.figures import Bench, Comparison, Figure, measure
from genreply_cli.bench.run import run, table
from genreply_cli.errors import Terminated

READING = Path(__file__).parent / "reading.py"
SMALL = 0.0005  # the scale: 10 greetings of one caller, 50 waiting calls

TABLE = """\
                                  genreply    baseline  ratio good
one caller                         349,604      84,868   4.07 high greetings/s, beside raw asyncio
recorded                             9,000     100,000   0.09 high greetings/s, beside a; goal: 0.25
100 waiting calls answered           0.166       0.109   1.51 low  s, beside raw asyncio
a 10 ms timer meanwhile               19.4        11.5   1.69 low  ms, beside raw asyncio
"""


@pytest.mark.parametrize("coordinator", [None, "single", "keyed"])
def test_both_sides_of_each_comparison_do_the_same_work(coordinator: str | None) -> None:
    ticks = count()  # a clock that is one second later at each look
    bench = Bench(coordinator, scale=SMALL, clock=lambda: float(next(ticks)))
    sides = {
        each.name: (each.genreply(), each.baseline(), each.unit) for each in bench.comparisons()
    }
    ours, raw, _ = sides.pop("a waiting call")
    assert min(ours, raw) > 100  # bytes
    overlapping = {
        "1,000 callers": (1000.0, 1000.0, "greetings/s"),
        "1,000 callers, observed": (1000.0, 1000.0, "greetings/s"),
        "1,000 callers, recorded": (1000.0, 1000.0, "greetings/s"),
        "a 10 ms timer meanwhile": (1000.0, 1000.0, "ms"),
    }
    assert sides == {
        "one caller": (10.0, 10.0, "greetings/s"),
        "50 waiting calls answered": (1.0, 1.0, "s"),
        "one caller, observed": (10.0, 10.0, "greetings/s"),
        "a plain thread": (1.0, 10.0, "greetings/s"),
    } | ({} if coordinator == "single" else overlapping)


def test_the_sides_are_measured_in_turn_and_medians_are_taken() -> None:
    measured: list[str] = []
    ours, raw = iter([8.0, 2.0, 6.0]), iter([2.0, 4.0, 1.0])

    def side(name: str) -> float:
        measured.append(name)
        return next(ours if name == "ours" else raw)

    comparison = Comparison("a", "MB", lambda: side("ours"), lambda: side("raw"), "b")
    assert measure(comparison, rounds=3) == Figure("a", "MB", 6.0, 2.0, 4.0, "b")
    assert measured == ["raw", "ours"] * 3


def test_json_says_on_what_it_was_measured(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(coordinator="single", loop="asyncio", rounds=1, scale=SMALL, as_json=True) == 0
    printed = json.loads(capsys.readouterr().out)
    assert (printed["loop"], printed["coordinator"]) == ("asyncio", "single")
    assert [figure["unit"] for figure in printed["figures"]] == [
        "greetings/s", "bytes", "s", "greetings/s", "greetings/s",
    ]  # fmt: skip
    assert all(
        figure["ratio"] == figure["genreply"] / figure["baseline"] > 0
        for figure in printed["figures"]
    )


def test_the_table_has_a_line_for_each_figure(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(coordinator="single", loop="asyncio", rounds=1, scale=SMALL, as_json=False) == 0
    assert [line.split("  ")[0] for line in capsys.readouterr().out.splitlines()[1:]] == [
        "one caller", "a waiting call", "50 waiting calls answered", "one caller, observed",
        "a plain thread",
    ]  # fmt: skip


@pytest.mark.parametrize("look", [1, 2])
def test_an_interrupted_measurement_leaves_no_task_behind_and_says_nothing(
    look: int, caplog: pytest.LogCaptureFixture
) -> None:
    def interrupted_clock() -> float:
        if next(looks) == look:
            raise KeyboardInterrupt
        return 0.0

    bench = Bench(scale=SMALL, clock=interrupted_clock)
    timed = [each for each in bench.comparisons() if each.unit != "bytes"]
    for side in (side for each in timed for side in (each.genreply, each.baseline)):
        looks = count(1)
        with pytest.raises(KeyboardInterrupt):
            side()
    gc.collect()  # a task whose exception was not retrieved would say so
    assert caplog.messages == []


def test_a_signal_is_raised_when_the_event_loop_has_ended_the_measurement_and_not_amid_it() -> None:
    def clock() -> float:
        os.kill(os.getpid(), signal.SIGTERM)
        looks.append("went on")
        return 1.0

    bench = Bench(scale=SMALL, clock=clock)
    timed = [each for each in bench.comparisons() if each.unit != "bytes"]
    in_a_loop = [each for each in timed if each.name != "a plain thread"]
    for side in (side for each in in_a_loop for side in (each.genreply, each.baseline)):
        looks: list[str] = []
        with pytest.raises(Terminated):
            side()
        assert looks


def test_ctrl_c_ends_it_with_one_line(terminal: Callable[..., Terminal]) -> None:
    bench = terminal("bench", "--rounds", "1", columns=120)
    bench.wait_for("waiting calls answered")
    bench.send_all("\x03")
    assert bench.end() == -signal.SIGINT  # which shells report as 130
    assert re.fullmatch(r"interrupted: \d of 9 figures had been measured", bench.rows[-1])


def test_the_table_has_as_many_digits_as_the_unit_needs() -> None:
    figures = [
        Figure("one caller", "greetings/s", 349_604.4, 84_868.0, 4.07, "raw asyncio"),
        Figure("recorded", "greetings/s", 9000.0, 100_000.0, 0.09, "a", 0.25),
        Figure("100 waiting calls answered", "s", 0.1664, 0.109, 1.514, "raw asyncio"),
        Figure("a 10 ms timer meanwhile", "ms", 19.42, 11.5, 1.69, "raw asyncio"),
    ]
    assert list(table(figures)) == TABLE.splitlines()


def test_the_script_for_developers_measures_rows_and_reading(
    capsys: pytest.CaptureFixture[str],
) -> None:
    runpy.run_path(str(READING))["main"](["--rounds", "1", "--scale", str(SMALL)])
    row = re.compile(r"(.{30}) +([\d,.]+) +([\d,.]+) +[\d.]+ (?:high|low ) (\S+), beside (.+)")
    rows = [row.fullmatch(line) for line in capsys.readouterr().out.splitlines()[1:]]
    assert [match and (match[1].rstrip(), match[4], match[5]) for match in rows] == [
        ("a row, plain", "rows/s", "the first rows"),
        ("a row, wide", "rows/s", "the first rows"),
        ("trace --check", "events/s", "json.loads alone"),
        ("trace --print", "events/s", "json.loads alone"),
        ("trace --check, memory", "MB", "hello --check"),
    ]
