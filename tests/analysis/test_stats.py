"""What became of the calls, in numbers."""

from collections.abc import Iterable

from hypothesis import given
from hypothesis import strategies as st

from genreply_cli.analysis.stats import MAX_BARS, Stats
from genreply_cli.paths import samples
from genreply_cli.transcript.reader import read
from genreply_cli.transcript.step import Step


def stats_of(steps: Iterable[Step]) -> Stats:
    stats = Stats()
    for step in steps:
        stats.update(step)
    return stats


def waited(*seconds: float) -> Stats:
    return stats_of(
        step
        for number, wait in enumerate(seconds, 1)
        for step in (
            Step(1, 0.0, "call", f"c{number}"),
            Step(2, wait, "reply", f"c{number}", details={"blocked": wait}),
        )
    )


def test_a_sample_in_numbers() -> None:
    assert stats_of(read(samples()["overlap-single"])[1]).lines() == [
        "calls                  3   in 1.030 s",
        "  wrong caller          1",
        "  timed out             2",
        "  duplicate             2",
        "waits",
        "  min                 190 ms",
        "  median             1.000 s",
        "  p95                1.000 s",
        "  max                1.000 s",
        "  longest            1.000 s   c1",
        "waits up to",
        "          200 ms        1   ████████████████████",
        "          500 ms        0",
        "             1 s        2   ████████████████████████████████████████",
        "events",
        "  call                  3",
        "  cast                  3",
        "  duplicate             2",
        "  end                   1",
        "  info                  3",
        "  mark                  2",
        "  noreply               3",
        "  reply                 1",
        "  start                 2",
        "  state                 5",
        "  timeout               2",
    ]


def test_each_outcome_is_counted_under_its_own_name() -> None:
    kinds = ["reply", "timeout", "cancel", "down", "late", "duplicate", "lost"]
    steps = [Step(1, 0.0, kind, "c1", details={"blocked": 1.0}) for kind in kinds]
    wrong = Step(1, 0.0, "reply", "c1", details={"for": "c2"})
    names = [
        "replied",
        "timed out",
        "cancelled",
        "failed",
        "late",
        "duplicate",
        "lost",
        "wrong caller",
    ]
    assert stats_of([*steps, wrong]).counts.outcomes == dict.fromkeys(names, 1)


def test_a_monitor_that_is_told_is_no_call_that_failed() -> None:
    assert stats_of([Step(1, 0.0, "down", details={"reason": "normal"})]).counts.outcomes == {}


def test_a_summary_in_one_line() -> None:
    stats = waited(0.25, 0.5, 5.0)
    stats.update(Step(9, 6.0, "call", "c4"))
    assert (
        stats.summary()
        == "calls 4, replied 3, still open 1; median wait 500 ms, longest 5.000 s (c3)"
    )
    assert Stats().summary() == "calls 0"


def test_without_glyphs_the_bars_are_ascii() -> None:
    assert all(map(str.isascii, waited(0.1, 0.2).lines(ascii_only=True)))


def test_a_kind_from_outside_cannot_steer_the_terminal() -> None:
    assert stats_of([Step(1, 0.0, "\x1b[2J")]).lines()[-1] == "  \\x1b[2J               1"


@given(st.lists(st.floats(0, 1e9), min_size=1))
def test_every_wait_is_in_the_histogram_once(seconds: list[float]) -> None:
    stats = waited(*seconds)
    rows = stats.histogram()
    assert sum(count for _, count in rows) == len(seconds)
    assert len(rows) <= MAX_BARS + 6
    assert [edge for edge, _ in rows] == sorted({edge for edge, _ in rows})
    assert max(seconds) <= rows[-1][0] + 1e-6
    assert rows[0][1]
    assert rows[-1][1]


@given(st.lists(st.floats(0, 1e9), min_size=1))
def test_quantiles_are_in_order_and_among_the_waits(seconds: list[float]) -> None:
    told = list(waited(*seconds).quantiles().values())
    assert told == sorted(told)
    assert (told[0], told[-1]) == (min(seconds), max(seconds))
    assert told[2] in seconds
