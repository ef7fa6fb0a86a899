"""Three overlapping callers of each coordinator, under each fault: `Demo.run()` of the Elixir."""

import asyncio
from itertools import product

from genreply_cli.session.faults import FAULT_KINDS, Fault
from genreply_cli.session.outcome import greet
from genreply_cli.session.session import session
from genreply_cli.session.settings import Settings
from genreply_cli.transcript.step import Step
from genreply_cli.variations import COORDINATORS

CASES = list(product(COORDINATORS, ["none", *FAULT_KINDS]))  # a design, and a fault


def played(design: str, fault: str) -> tuple[list[Step], list[str]]:
    """The steps of such a session, and for each call its reply, or else its status."""
    steps: list[Step] = []
    faults = () if fault == "none" else (Fault(fault),)
    settings = Settings(design, (0.2, 0.2), 1.5, faults, clock="virtual")

    async def main() -> list[str]:
        async with session(settings.start, [steps.append]) as (server, watch):
            callers = []
            for number, message in enumerate("ABC", 1):
                greeting = greet(server, number, message, settings.timeout)
                callers.append(asyncio.create_task(greeting, name="caller"))
                await asyncio.sleep(0.05)
            outcomes = [await caller for caller in callers]
            assert watch is not None
            await watch.linger(10)
            return [outcome.reply or outcome.status for outcome in outcomes]

    return steps, settings.run(main())
