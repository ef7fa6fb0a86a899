"""The benchmark measures what it says, on both sides. How fast it is, is no test."""

import json

import pytest

from genreply_cli.bench.run import Bench, run


@pytest.mark.parametrize("coordinator", [None, "single", "keyed"])
def test_each_figure_is_measured_on_both_sides(coordinator: str | None) -> None:
    bench = Bench(coordinator, rounds=1, scale=0.0005)
    figures = [measure() for name, measure in bench.figures() if name != "timer"]
    assert all(figure.genreply > 0 and figure.baseline > 0 for figure in figures)
    assert all(figure.ratio == figure.genreply / figure.baseline for figure in figures)
    assert len(figures) == (10 if coordinator == "single" else 11)


def test_json_says_on_what_it_was_measured(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(coordinator="single", loop="asyncio", rounds=1, scale=0.0005, as_json=True) == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["loop"], told["coordinator"]) == ("asyncio", "single")
    assert [figure["unit"] for figure in told["figures"]] == [
        "greetings/s", "bytes", "s", "greetings/s", "greetings/s", "rows/s", "rows/s",
        "events/s", "events/s", "MB",
    ]  # fmt: skip


def test_the_table_has_a_line_a_figure(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(coordinator="single", loop="asyncio", rounds=1, scale=0.0005, as_json=False) == 0
    assert [line.split("  ")[0] for line in capsys.readouterr().out.splitlines()[1:]] == [
        "one caller", "a waiting call", "50 waiting calls answered", "one caller, observed", "a plain thread",
        "a row, plain", "a row, wide", "trace --check", "trace --print", "trace --check, memory",
    ]  # fmt: skip
