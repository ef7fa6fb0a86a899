"""The rows of the comparison as text: a table for people, and a matrix in Markdown."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from genreply_cli.compare.rows import BAD, POOR, Plan, Row
from genreply_cli.compare.trial import CALLS_EACH, DELAY, FAULTS, RATE, TIMEOUT
from genreply_cli.session.parsing import COORDINATORS
from genreply_cli.text import wrap

COLUMNS: Final = ("right", "wrong", "only ok", "timed out", "told", "longest")
FAULT_WIDTH: Final = 11
VERDICT_WIDTH: Final = 64  # of the longest verdict that stands beside its numbers
COLOURS: Final = {BAD: "\x1b[31m", POOR: "\x1b[33m"}
NO_COLOUR: Final = "\x1b[0m"


def heading(plan: Plan) -> str:
    """What was run, in a sentence or two."""
    calls = plan.callers * CALLS_EACH * plan.runs
    return (
        f"{plan.callers} caller{'s' if plan.callers > 1 else ''} at once,"
        f" {calls:,} calls a row. An answer takes {DELAY * 1000:g} ms,"
        f" a caller waits {TIMEOUT:g} s. A fault strikes {RATE * 100:g}% of the answers"
        f" (seed {plan.seed})."
    )


def lines(rows: Sequence[Row], width: int | None, *, colour: bool) -> Iterator[str]:
    """The table. With no `width`, as off a terminal, each row is one line."""
    table = [_cells(row) for row in rows]
    rooms = [2 + max(map(len, column)) for column in zip(COLUMNS, *table, strict=True)]
    beside = width is None or width >= FAULT_WIDTH + sum(rooms) + 2 + VERDICT_WIDTH
    last = None
    for row, cells in zip(rows, table, strict=True):
        if row.coordinator != last:
            last = row.coordinator
            yield from ("", f"{last:{FAULT_WIDTH}}{_aligned(COLUMNS, rooms)}")
        sentence = row.verdict.sentence
        verdict = [sentence] if beside or width is None else wrap(sentence, width - 4)
        if colour and (code := COLOURS.get(row.verdict.mark)):
            verdict = [f"{code}{line}{NO_COLOUR}" for line in verdict]
        numbers = f"  {row.fault:{FAULT_WIDTH - 2}}{_aligned(cells, rooms)}"
        if beside:
            yield f"{numbers}  {verdict[0]}"
        else:
            yield from (numbers, *(f"    {line}" for line in verdict))


def _aligned(cells: Iterable[str], rooms: Iterable[int]) -> str:
    return "".join(f"{cell:>{room}}" for cell, room in zip(cells, rooms, strict=True))


def _cells(row: Row) -> list[str]:
    counts = row.counts
    values = (counts.right, counts.wrong, counts.only_ok, counts.timed_out, counts.told)
    return [*(f"{value:,}" if value else "-" for value in values), f"{counts.longest_wait:.3f} s"]


def markdown(rows: Sequence[Row]) -> Iterator[str]:
    """A matrix of verdicts: a row for each coordinator, a column for each fault."""
    yield f"| | {' | '.join(FAULTS)} |\n"
    yield f"| --- {'| --- ' * len(FAULTS)}|\n"
    for coordinator in COORDINATORS:
        cells = [row.verdict.short for row in rows if row.coordinator == coordinator]
        yield f"| `{coordinator}` | {' | '.join(cells)} |\n"
