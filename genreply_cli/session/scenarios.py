"""The scripted demos, one short async function each.

`python -m genreply_cli.session.scenarios FOLDER` records them. They run on the virtual clock, so a
demo gives the same bytes each time.
"""

import asyncio
import sys
from collections.abc import Callable, Coroutine
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from genreply_cli.otp import CallError, note
from genreply_cli.session.faults import Fault
from genreply_cli.session.recording import header
from genreply_cli.session.session import session
from genreply_cli.session.settings import Settings
from genreply_cli.transcript.writer import Writer
from genreply_cli.variations import AnyCoordinator

Script = Callable[[AnyCoordinator, Settings], Coroutine[Any, Any, None]]


@dataclass(frozen=True)
class Scenario:
    """A demo: what it shows, its settings, and what happens in it.

    `marks` are sentences for people, each with the time in seconds at which the recording has it.
    The player jumps from one to the next.
    """

    title: str
    settings: Settings
    script: Script
    marks: tuple[tuple[float, str], ...] = ()


async def hello(coordinator: AnyCoordinator, settings: Settings) -> None:
    """One greeting, from the call to the deferred reply."""
    await coordinator.greet("Hello world", settings.timeout)


async def hello_and_answer(coordinator: AnyCoordinator, settings: Settings) -> None:
    """One greeting, and time for an answer that nobody waits for."""
    await hello(coordinator, settings)
    await asyncio.sleep(2 * settings.delay[1])


async def overlap(coordinator: AnyCoordinator, settings: Settings) -> None:
    """Three callers, each of which calls before the previous one has its answer."""

    async def ask(message: str) -> None:
        with suppress(CallError):
            await coordinator.greet(message, settings.timeout)

    async with asyncio.TaskGroup() as callers:
        for message in ("A", "B", "C"):
            callers.create_task(ask(message))
            await asyncio.sleep(0.03)


async def late(coordinator: AnyCoordinator, settings: Settings) -> None:
    """A caller gives up, its late answer is dropped, and the next greeting gets its own answer."""
    with suppress(CallError):
        await coordinator.greet("Hello", settings.timeout)
    await asyncio.sleep(0.5)
    await coordinator.greet("Hello again")


def _virtual(
    coordinator: str, delay: float, timeout: float, *faults: Fault, seed: int = 0
) -> Settings:
    return Settings(coordinator, (delay, delay), timeout, faults, seed, clock="virtual")


SCENARIOS = {
    "hello": Scenario(
        "one greeting: kept, answered later",
        _virtual("single", 0.25, 5.0),
        hello,
        ((0.1, "the caller waits; the server is free"),),
    ),
    "blocking": Scenario(
        "the server waits in its handler: the callers are served one after the other",
        _virtual("blocking", 0.25, 5.0),
        overlap,
        (
            (0.1, "the server is deaf to B and C"),
            (0.4, "B is served now; C waits"),
        ),
    ),
    "immediate": Scenario(
        "the server replies ok at once: the answer comes, and nobody waits for it",
        _virtual("immediate", 0.25, 5.0),
        hello_and_answer,
        ((0.1, "the call is over, with no answer yet"),),
    ),
    "overlap-single": Scenario(
        "three callers, one slot: the last one gets the first answer, the others time out",
        _virtual("single", 0.25, 1.0),
        overlap,
        (
            (0.1, "three wait; the slot keeps C"),
            (0.5, "A and B wait in vain"),
        ),
    ),
    "overlap-keyed": Scenario(
        "the same three callers, each kept under its own reference",
        _virtual("keyed", 0.25, 1.0),
        overlap,
        ((0.1, "each of the three is kept"),),
    ),
    "late": Scenario(
        "a caller gives up; the answer comes, and is dropped",
        _virtual("single", 0.3, 0.1),
        late,
        (
            (0.2, "the caller is gone; its answer comes"),
            (0.45, "the next call gets its own answer"),
        ),
    ),
    "drop": Scenario(
        "an answer is lost: each caller in the queue gets the answer to the next one",
        _virtual("fifo", 0.25, 1.0, Fault("drop")),
        overlap,
        (
            (0.1, "the answer to A is lost"),
            (0.5, "C waits in vain"),
        ),
    ),
    "duplicate": Scenario(
        "an answer comes twice: the second time, the next caller in the queue gets it",
        _virtual("fifo", 0.25, 1.0, Fault("duplicate")),
        overlap,
        ((0.1, "A's answer will come twice"),),
    ),
    "reorder": Scenario(
        "an answer is overtaken: no caller in the queue gets its own",
        _virtual("fifo", 0.25, 1.0, Fault("reorder")),
        overlap,
        (
            (0.1, "the answer to A is held back"),
            (0.4, "only A's answer is to come"),
        ),
    ),
    "crash": Scenario(
        "the socket crashes: all who wait are told at once",
        _virtual("fifo", 0.25, 5.0, Fault("crash", 0.4)),
        overlap,
        (
            (0.02, "at the next greeting the socket crashes"),
            (0.05, "the next call finds nobody"),
        ),
    ),
}


async def _mark(time: float, label: str) -> None:
    await asyncio.sleep(time)
    note(("mark", {"label": label}))


def record(scenario: Scenario, path: Path) -> None:
    """Run a demo and write its transcript."""

    async def main() -> None:
        started = session(scenario.settings.start, [writer.write])
        async with started as (coordinator, _), asyncio.TaskGroup() as tasks:
            for time, label in scenario.marks:
                tasks.create_task(_mark(time, label))
            tasks.create_task(scenario.script(coordinator, scenario.settings))

    with Writer(path, header(scenario.settings, scenario.title), overwrite=True) as writer:
        scenario.settings.run(main())


if __name__ == "__main__":
    for name, scenario in SCENARIOS.items():
        record(scenario, Path(sys.argv[1]) / f"{name}.jsonl")
