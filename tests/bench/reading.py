"""What it costs to draw a timeline and to read a transcript, for the developers of genreply.

    PYTHONPATH=tests/helpers python tests/bench/reading.py [--rounds N] [--scale X]

Rows after 20,000 greetings take as long as the first rows; --check and --print are measured beside
json.loads alone, and the memory of --check beside that of the sample hello. The goals: a ratio of
1.00 for rows and for memory.
"""

import argparse
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final, Literal

from long_transcripts import greetings_seen, transcript

from genreply_cli.analysis.check import Checker
from genreply_cli.bench.figures import Comparison, measure
from genreply_cli.bench.run import table
from genreply_cli.terminal.output import OutputOptions
from genreply_cli.terminal.screen import Screen
from genreply_cli.timeline.timeline import Timeline
from genreply_cli.transcript.reader import read
from genreply_cli.transcript.step import Step

DRAWN_BEFORE = 20_000  # greetings that a timeline has drawn already, of five rows each
DRAWN = 1_000  # greetings whose drawing is measured
READ = 40_000  # greetings in the transcript that is read


def comparisons(path: str, scale: float) -> Iterator[Comparison]:
    """Everything to measure, with a long transcript at `path`."""
    yield drawing("plain", scale)
    yield drawing("wide", scale)
    parsed = "json.loads alone"
    yield Comparison("trace --check", "events/s", lambda: check(path), lambda: parse(path), parsed)
    yield Comparison("trace --print", "events/s", lambda: show(path), lambda: parse(path), parsed)
    memory = "trace --check, memory"
    yield Comparison(
        memory, "MB", lambda: peak_memory(path), lambda: peak_memory("hello"), "hello --check"
    )


def drawing(view: Literal["plain", "wide"], scale: float) -> Comparison:
    """Rows per second of a timeline that has drawn many already, beside the first rows."""
    timeline = Timeline(120, view)

    def draw(timeline: Timeline, greetings: int) -> float:
        steps = list(greetings_seen(max(1, int(greetings * scale))))
        began = time.perf_counter()
        for step in steps:
            timeline.lines(step)
        return len(steps) / (time.perf_counter() - began)

    draw(timeline, DRAWN_BEFORE)
    return Comparison(
        f"a row, {view}",
        "rows/s",
        lambda: draw(timeline, DRAWN),
        lambda: draw(Timeline(120, view), DRAWN),
        "the first rows",
    )


def check(path: str) -> float:
    """Events per second of `--check`. Raises RuntimeError if something is found wrong."""
    wrong: list[tuple[str, str]] = []
    rate = events_per_second(path, Checker(lambda *problem: wrong.append(problem)).update)
    if wrong:
        raise RuntimeError(f"a valid transcript was found wrong: {wrong[0]}")
    return rate


def show(path: str) -> float:
    """Events per second of `--print`, in the plain view."""
    with Path(os.devnull).open("w", encoding="utf-8") as nowhere:
        return events_per_second(path, Screen(nowhere, OutputOptions("plain")).show)


def events_per_second(path: str, update: Callable[[Step], object]) -> float:
    """How fast a transcript is read, with something done for each step."""
    began, count = time.perf_counter(), 0
    for step in read(path)[1]:
        update(step)
        count += 1
    return count / (time.perf_counter() - began)


def parse(path: str) -> float:
    """Lines per second that are parsed as JSON, with nothing else done."""
    began, count = time.perf_counter(), 0
    with Path(path).open("rb") as lines:
        for line in lines:
            json.loads(line)
            count += 1
    return count / (time.perf_counter() - began)


def peak_memory(source: str) -> float:
    """The most resident memory of `genreply trace SOURCE --check`, in MB."""
    command = [sys.executable, "-c", PEAK_MEMORY, "trace", source, "--check"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return int(done.stdout.split()[-1]) / 1024


# On Linux, ru_maxrss includes what the process used before exec; VmHWM does not.
PEAK_MEMORY: Final = """
import resource, sys
from pathlib import Path
from genreply_cli.__main__ import run
code = run(sys.argv[1:])
status = Path("/proc/self/status")
high = status.read_text().partition("VmHWM:")[2].split() if status.exists() else []
unit = 1024 if sys.platform == "darwin" else 1
print(high[0] if high else resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // unit)
sys.exit(code)
"""


def main(arguments: list[str] | None = None) -> None:
    """Measure everything, and print a table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--scale", type=float, default=1.0, help="0.1 measures a tenth as long")
    options = parser.parse_args(arguments)
    with transcript(max(1, int(READ * options.scale))) as path:
        figures = [measure(each, options.rounds) for each in comparisons(path, options.scale)]
    print("\n".join(table(figures)))


if __name__ == "__main__":
    main()
