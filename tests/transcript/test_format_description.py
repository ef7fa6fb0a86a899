"""transcripts/README.md describes all that a transcript may hold, and its examples are valid."""

import asyncio
import re
from contextlib import suppress
from functools import cache
from itertools import product
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from commands import genreply
from servers import Doer, all_quiet

from genreply_cli.cluster.remote import RemoteCaller
from genreply_cli.errors import ExitStatus
from genreply_cli.observe import Watch
from genreply_cli.otp import (
    Event,
    Node,
    Raise,
    ServerExit,
    cast,
    current_call,
    fail,
    monitor,
    note,
    send,
    start_task,
)  # fmt: skip
from genreply_cli.otp.virtual_time import run
from genreply_cli.paths import samples
from genreply_cli.session.batch import greet_all
from genreply_cli.session.faults import FAULT_KINDS, Fault
from genreply_cli.session.session import session
from genreply_cli.session.settings import Settings
from genreply_cli.transcript.format import DETAILS, HEADER, header_line, to_line
from genreply_cli.transcript.reader import read
from genreply_cli.transcript.step import KINDS, NO_MESSAGE, Step
from genreply_cli.transcript.tracer import Tracer
from genreply_cli.transcript.writer import timestamp
from genreply_cli.variations import COORDINATORS

README = Path(__file__).parents[2] / "transcripts" / "README.md"
TEXT = README.read_text(encoding="utf-8")
EXAMPLES = re.findall(r"```jsonl\n(.*?)```", TEXT, re.DOTALL)


class Row(NamedTuple):
    """A row of the table of kinds."""

    where: str
    required: set[str]
    optional: set[str]


def table(heading: str) -> dict[str, list[str]]:
    """The table below a heading: the code in the first cell of each row -> the other cells."""
    section = TEXT.split(f"## {heading}\n", 1)[1].split("\n## ", 1)[0]
    rows = re.findall(r"^\| (`.*?) \|$", section, re.MULTILINE)
    cells = [row.split(" | ") for row in rows]
    return {name.strip("`"): rest for first, *rest in cells for name in first.split(", ")}


def described() -> dict[str, Row]:
    rows = {}
    for kind, (where, fields, _) in table("Kinds of steps").items():
        optional = set(re.findall(r"\*`(\w+)`\*", fields))
        rows[kind] = Row(where, set(re.findall(r"`(\w+)`", fields)) - optional, optional)
    return rows


def test_every_kind_has_a_row_and_no_other() -> None:
    rows = described()
    assert set(rows) == {*KINDS, "note"}
    for kind, facts in KINDS.items():
        assert rows[kind].where in {facts.where, "-"}
        assert ("message" in rows[kind].required) == facts.has_message


def test_every_checked_field_is_described() -> None:
    fields = {field for row in described().values() for field in row.required | row.optional}
    assert fields == {*DETAILS, "message"}
    assert set(table("The header")) == {"format", "version", *HEADER}
    common = {"seq", "t", "kind", "call", "from", "to", "at", "message", "cause"}
    assert set(table("Fields of every step")) == common


@pytest.mark.parametrize("number", range(len(EXAMPLES)))
def test_each_example_is_valid(number: int, tmp_path: Path) -> None:
    path = tmp_path / "example.jsonl"
    path.write_text(EXAMPLES[number], encoding="utf-8")
    done = genreply("trace", path, "--check")
    assert (done.code, done.out) == (0, "")
    assert done.err.endswith("nothing wrong\n")
    assert "note:" not in done.err


def test_the_first_example_is_written_like_this_byte_for_byte(tmp_path: Path) -> None:
    path = tmp_path / "example.jsonl"
    path.write_text(EXAMPLES[0], encoding="utf-8")
    header, steps = read(path)
    assert "\n".join([header_line(header), *map(to_line, steps), ""]) == EXAMPLES[0]


@cache
def recorded() -> list[Step]:
    """Steps of all kinds, as a tracer makes them: from samples, sessions with faults, a program."""
    steps = [step for path in samples().values() for step in read(path)[1]]
    for coordinator, fault in product(COORDINATORS, FAULT_KINDS):
        steps += session_steps(coordinator, fault)
    return steps + program_steps() + late_steps()


def late_steps() -> list[Step]:
    """A recording that begins when a server runs already."""
    steps: list[Step] = []

    async def main() -> None:
        async with Node() as node:
            Doer.start()
            Watch(node, sinks=[steps.append]).close()

    run(main())
    return steps


def session_steps(coordinator: str, fault: str) -> list[Step]:
    """Several callers in a session with a fault; the first of them are cancelled."""
    faults = (Fault(fault, 0.5),)
    settings = Settings(coordinator, (0.1, 0.3), 1.0, faults, seed=3, clock="virtual")
    steps: list[Step] = []

    async def greet(server: Any) -> None:
        async for _ in greet_all(server, list("ABCDEFGH"), 1.0, 4):
            pass

    async def main() -> None:
        async with session(settings.start, [steps.append], states=True) as (server, _):
            with suppress(TimeoutError):
                async with asyncio.timeout(0.25):
                    await greet(server)
            await greet(server)

    settings.run(main())
    return steps


def program_steps() -> list[Step]:
    """A program with a monitor, a task, a lost message, a mark, a note and a long state."""
    steps: list[Step] = []

    async def main() -> None:
        tracer = Tracer(asyncio.get_running_loop().time)

        def observe(event: Event) -> None:
            step = tracer.state(event) if event.kind == "state" else tracer(event)
            if step is not None:
                steps.append(step)

        async with Node(observe, states=True):
            watched, watcher = Doer.start(), Doer.start([1] * 40)
            await watcher.call(lambda: monitor(watched))
            await watcher.call(lambda: start_task(asyncio.sleep(0)))
            elsewhere = RemoteCaller("caller@ex@127.0.0.1")
            elsewhere.reference = "ex@127.0.0.1/7"
            watched.send_request(lambda: None, caller=elsewhere)
            await all_quiet()
            with suppress(ValueError):
                await watched.call(lambda: Raise(ValueError("no")))
            with suppress(ServerExit):
                await watched.call(lambda: fail_this_call("gone"))
            watched.exit("boom")
            await all_quiet()
            send(watched, "hello")
            cast(watched, "hello")
            note("anything")
            note(("mark", {"label": "lunch"}))
            note(("mark", {"label": "/restart", "command": "restart"}))
        steps.append(tracer.end())

    run(main())
    return steps


def fail_this_call(reason: str) -> None:
    call = current_call()
    assert call is not None
    fail(call, reason)


def test_steps_of_every_kind_are_recorded_here() -> None:
    assert {step.kind for step in recorded()} == {*KINDS, "note"}
    fields = {field for step in recorded() for field in step.details}
    assert fields == set(DETAILS)


def test_a_tracer_writes_the_fields_that_are_described_for_the_kind() -> None:
    rows = described()
    for step in recorded():
        row = rows[step.kind]
        fields = set(step.details) | (set() if step.message is NO_MESSAGE else {"message"})
        assert row.required <= fields <= row.required | row.optional, step
        two_ends = step.source is not None and step.target is not None
        assert two_ends == (row.where == "from-to"), step
        assert (step.at is not None) == (row.where == "at") or row.where == "*at*", step


def test_the_description_is_no_sample() -> None:
    assert "README" not in samples()
    assert "README" not in genreply("trace", "--list").out


def test_the_time_on_the_virtual_clock_is_the_one_described() -> None:
    assert f"`{timestamp('virtual')}`" in TEXT


def test_the_exit_statuses_described_are_those_that_concern_files() -> None:
    section = TEXT.split("## Exit statuses", 1)[1]
    statuses = [int(number) for number in re.findall(r"^\| (\d+) \|", section, re.MULTILINE)]
    assert statuses == [ExitStatus.OK, ExitStatus.FAULT, ExitStatus.USAGE, ExitStatus.INVALID]
