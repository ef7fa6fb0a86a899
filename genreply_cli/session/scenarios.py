"""The scripted demos, one short async function each.

`python -m genreply_cli.session.scenarios FOLDER` records them. They run on the virtual clock, so a
demo gives the same bytes each time.
"""

import asyncio
import sys
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from genreply_cli.otp import CallError
from genreply_cli.session.faults import Fault
from genreply_cli.session.recording import header
from genreply_cli.session.session import session
from genreply_cli.session.settings import Settings
from genreply_cli.transcript.writer import Writer
from genreply_cli.variations import AnyCoordinator

Script = Callable[[AnyCoordinator, Settings], Awaitable[None]]


@dataclass(frozen=True)
class Scenario:
    """A demo: what it shows, its settings, and what happens in it."""

    title: str
    settings: Settings
    script: Script


async def hello(coordinator: AnyCoordinator, settings: Settings) -> None:
    """One greeting, from the call to the deferred reply."""
    await coordinator.greet("Hello world", settings.timeout)


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
    "hello": Scenario("one greeting: kept, answered later", _virtual("single", 0.25, 5.0), hello),
    "overlap-single": Scenario(
        "three callers, one slot: the last one gets the first answer, the others time out",
        _virtual("single", 0.25, 1.0),
        overlap,
    ),
    "overlap-keyed": Scenario(
        "the same three callers, each kept under its own reference",
        _virtual("keyed", 0.25, 1.0),
        overlap,
    ),
    "late": Scenario(
        "a caller gives up; the answer comes, and is dropped", _virtual("single", 0.3, 0.1), late
    ),
    "crash": Scenario(
        "the socket crashes: all who wait are told at once",
        _virtual("fifo", 0.25, 5.0, Fault("crash", 0.4)),
        overlap,
    ),
}


def record(scenario: Scenario, path: Path) -> None:
    """Run a demo and write its transcript."""

    async def main() -> None:
        async with session(scenario.settings.start, [writer.write]) as (coordinator, _):
            await scenario.script(coordinator, scenario.settings)

    with Writer(path, header(scenario.settings, scenario.title), overwrite=True) as writer:
        scenario.settings.run(main())


if __name__ == "__main__":
    for name, scenario in SCENARIOS.items():
        record(scenario, Path(sys.argv[1]) / f"{name}.jsonl")
