"""genreply bench: measures what a deferred reply costs, and prints a table or JSON."""

import json
import signal
import sys
from collections.abc import Iterator
from dataclasses import asdict
from typing import TYPE_CHECKING

from genreply_cli.bench.figures import Bench, Comparison, Figure, LoopFactory, measure
from genreply_cli.errors import GenreplyError, signal_status

if TYPE_CHECKING:
    from genreply_cli.remote.target import Target
    from genreply_cli.session.elsewhere import At


def run(
    *,
    coordinator: str | None,
    loop: str,
    rounds: int,
    scale: float,
    as_json: bool,
    target: "Target | None" = None,
    at: "At | None" = None,
) -> int:
    """Measure everything, and print it; with a target, over a connection to this server.

    With a place in a cluster, between the nodes.

    Returns the exit status. Raises GenreplyError if there is no connection.
    """
    figures: list[Figure] = []
    comparisons = list(_comparisons(coordinator, target, at, _loop_factory(loop), scale))
    try:
        figures.extend(_with_progress(comparisons, rounds))
    except KeyboardInterrupt:
        done = f"{len(figures)} of {len(comparisons)} figures had been measured"
        print(f"interrupted: {done}", file=sys.stderr)
        return signal_status(signal.SIGINT)
    if as_json:
        run_on = {"python": sys.version.split()[0], "loop": loop, "coordinator": coordinator}
        facts = [asdict(figure) | {"good": figure.good} for figure in figures]
        print(json.dumps({**run_on, "figures": facts}, indent=2))
    else:
        print("\n".join(table(figures)))
    return 0


def _comparisons(
    coordinator: str | None,
    target: "Target | None",
    at: "At | None",
    loop_factory: LoopFactory,
    scale: float,
) -> Iterator[Comparison]:
    if at is not None:
        from genreply_cli.bench.elsewhere import ClusterBench

        return ClusterBench(at, loop_factory, scale).comparisons()
    if target is None:
        return Bench(coordinator, loop_factory, scale).comparisons()
    from genreply_cli.bench.remote import RemoteBench

    return RemoteBench(target, coordinator or "keyed", loop_factory, scale).comparisons()


def table(figures: list[Figure]) -> Iterator[str]:
    """The lines of a table, with a heading."""
    yield f"{'':30} {'genreply':>11} {'baseline':>11} {'ratio':>6} good"
    for figure in figures:
        digits = {"s": 3, "ms": 1, "MB": 1}.get(figure.unit, 0)
        sides = f"{figure.genreply:11,.{digits}f} {figure.baseline:11,.{digits}f}"
        compared = f"{sides} {figure.ratio:6.2f} {figure.good:4}"
        goal = "" if figure.goal is None else f"; goal: {figure.goal:.2f}"
        yield f"{figure.name:30} {compared} {figure.unit}, beside {figure.beside}{goal}"


def _loop_factory(loop: str) -> LoopFactory:
    """The event loop of that name; None is asyncio's own. Raises GenreplyError without uvloop."""
    if loop == "asyncio":
        return None
    try:
        import uvloop
    except ImportError:
        hint = "pip install 'genreply-cli[fast]'"
        raise GenreplyError("uvloop is not installed", hint=hint) from None
    factory: LoopFactory = uvloop.new_event_loop
    return factory


def _with_progress(comparisons: list[Comparison], rounds: int) -> Iterator[Figure]:
    """Measure the comparisons, with a progress bar on a terminal."""
    if not sys.stderr.isatty():
        yield from (measure(comparison, rounds) for comparison in comparisons)
        return
    from rich.console import Console
    from rich.progress import Progress

    with Progress(console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task("", total=len(comparisons))
        for comparison in comparisons:
            progress.update(task, description=comparison.name)
            yield measure(comparison, rounds)
            progress.advance(task)
