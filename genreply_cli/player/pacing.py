"""The steps of a transcript, each at its time on the clock of the event loop."""

from collections.abc import AsyncIterator, Iterable, Iterator

from genreply_cli.transcript.step import Step

Paced = Iterable[tuple[float, Step]]  # how long to wait, in seconds, before each step


def paced(steps: Iterable[Step]) -> Iterator[tuple[float, Step]]:
    """Each step with the seconds since the step before it.

    They are 0 for the first step, and for one that goes back in time. They are 0, too, for the
    first step after those that start the servers: nothing has happened until then.
    """
    before: float | None = None
    idle = True
    for step in steps:
        yield (0.0 if before is None or idle else max(0.0, step.t - before)), step
        before = step.t if before is None else max(before, step.t)
        idle = idle and step.kind == "start"


def cap_idle(steps: Paced, limit: float | None) -> Iterator[tuple[float, Step]]:
    """No wait longer than `limit` seconds. None leaves them as they are."""
    for wait, step in steps:
        yield (wait if limit is None else min(wait, limit)), step


def at_least(steps: Paced, pace: float) -> Iterator[tuple[float, Step]]:
    """No wait shorter than `pace` seconds, but for the first step, which does not wait."""
    for number, (wait, step) in enumerate(steps):
        yield (max(wait, pace) if number else wait), step


def at_speed(steps: Paced, speed: float) -> Iterator[tuple[float, Step]]:
    """Twice as fast for a speed of 2, without any wait for infinity."""
    for wait, step in steps:
        yield wait / speed, step


async def play(
    steps: Iterable[Step],
    speed: float = 1.0,
    idle_limit: float | None = None,
    waited: float = 0.0,
    pace: float = 0.0,
) -> AsyncIterator[Step]:
    """The steps, each when it is due. After a slow consumer the next steps come at once.

    `idle_limit` and `pace`, the longest and the shortest wait, and `waited`, the time since the
    first step, are seconds before `speed` is applied. Where they contradict each other, `pace`
    counts. Raises ValueError for a speed or a limit that makes no sense.
    """
    import asyncio

    if not speed > 0:
        raise ValueError(f"speed is {speed!r}; expected more than 0")
    if idle_limit is not None and not idle_limit >= 0:
        raise ValueError(f"idle_limit is {idle_limit!r}; expected 0 seconds or more, or None")
    clock = asyncio.get_running_loop().time
    due = clock() - waited / speed
    for wait, step in at_speed(at_least(cap_idle(paced(steps), idle_limit), pace), speed):
        due += wait
        await asyncio.sleep(max(0.0, due - clock()))
        yield step
