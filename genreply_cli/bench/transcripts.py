"""What reading a transcript costs: events a second, and memory. For `genreply bench`."""

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from genreply_cli.analysis.check import Checker
from genreply_cli.terminal.output import OutputOptions
from genreply_cli.terminal.screen import Screen
from genreply_cli.transcript.reader import read
from genreply_cli.transcript.step import Step
from genreply_cli.transcript.writer import Writer


def greetings_seen(greetings: int, seq: int = 0) -> Iterator[Step]:
    """What is seen of so many greetings, one after the other; `seq` is the number of the step before."""
    for number in range(1, greetings + 1):
        call, then, now = f"c{number}", number / 10, (number + 1) / 10
        yield Step(
            seq + 1,
            then,
            "call",
            call,
            "caller",
            "coordinator",
            message=["greet", "Hello"],
            details={"timeout": 5.0},
        )
        yield Step(
            seq + 2,
            then,
            "cast",
            call,
            "coordinator",
            "websocket",
            message=["send_message", "Hello"],
            cause=seq + 1,
        )
        yield Step(
            seq + 3,
            then,
            "noreply",
            call,
            at="coordinator",
            details={"waiting": [call]},
            cause=seq + 1,
        )
        received = ["message_received", "Hello to you too!"]
        yield Step(
            seq + 4, now, "info", call, "websocket", "coordinator", message=received, cause=seq + 2
        )
        replied = {"blocked": 0.1}
        yield Step(
            seq + 5,
            now,
            "reply",
            call,
            "coordinator",
            "caller",
            message=received[1],
            details=replied,
            cause=seq + 4,
        )
        seq += 5


@contextmanager
def transcript(greetings: int) -> Iterator[str]:
    """A file with so many greetings, for as long as it is needed."""
    with tempfile.TemporaryDirectory() as folder:
        path = str(Path(folder) / "long.jsonl")
        with Writer(path) as writer:
            for seq, name in enumerate(("coordinator", "websocket"), 1):
                writer.write(Step(seq, 0.0, "start", at=name))
            for step in greetings_seen(greetings, 2):
                writer.write(step)
        yield path


def check(path: str) -> float:
    """Events a second of `--check`."""
    wrong: list[tuple[str, str]] = []
    rate = _rate(path, Checker(lambda field, problem: wrong.append((field, problem))).update)
    if wrong:
        raise RuntimeError(f"a transcript that is right was found wrong: {wrong[0]}")
    return rate


def draw(path: str) -> float:
    """Events a second of `--print`, in the plain view."""
    with Path(os.devnull).open("w", encoding="utf-8") as nowhere:
        return _rate(path, Screen(nowhere, OutputOptions("plain")).show)


def _rate(path: str, see: Callable[[Step], object]) -> float:
    began, count = time.perf_counter(), 0
    for step in read(path)[1]:
        see(step)
        count += 1
    return count / (time.perf_counter() - began)


def parse(path: str) -> float:
    """Lines a second that are only parsed, as JSON."""
    began, count = time.perf_counter(), 0
    with Path(path).open("rb") as lines:
        for line in lines:
            json.loads(line)
            count += 1
    return count / (time.perf_counter() - began)


def peak_memory(source: str) -> float:
    """The resident memory of `genreply trace SOURCE --check` at its highest, in MB."""
    command = [sys.executable, "-c", _PEAK, "trace", source, "--check"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)  # noqa: S603  # itself
    return int(done.stdout.split()[-1]) / 1024


# Linux counts what a process had before it became another program into its ru_maxrss, but not into its VmHWM.
_PEAK: Final = """
import resource, sys
from pathlib import Path
from genreply_cli.__main__ import run
code = run(sys.argv[1:])
status = Path("/proc/self/status")
told = status.read_text().partition("VmHWM:")[2].split() if status.exists() else []
print(told[0] if told else resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // (1024 if sys.platform == "darwin" else 1))
sys.exit(code)
"""
