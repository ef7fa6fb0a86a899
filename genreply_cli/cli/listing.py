"""`genreply trace --list`: the samples, and one's own sessions."""

import sys
from pathlib import Path
from typing import Final

from genreply_cli import paths
from genreply_cli.text import counted, visible
from genreply_cli.transcript.counts import Counts
from genreply_cli.transcript.format import TranscriptError
from genreply_cli.transcript.reader import read

MAX_COUNTED_BYTES: Final = 4 << 20  # of a session: to count the calls of a longer one takes long


def list_transcripts() -> int:
    """Print the samples: name, and what it shows. Then one's own sessions: number, when, calls."""
    for name, path in paths.samples().items():
        header, steps = read(path)
        steps.close()
        print(f"{name:16} {header.title or ''}".rstrip())
    for number, path in enumerate(paths.sessions(), 1):
        print(f"{number:<16} {_described(path)}")
    sys.stdout.flush()  # if nothing reads it, there is nothing more to say
    numbers = " or NUMBER" if paths.sessions() else ""
    print(f"replay one with: genreply trace NAME{numbers}", file=sys.stderr)
    return 0


def _described(path: Path) -> str:
    """When a session was recorded, and what became of its calls."""
    counts = Counts()
    try:
        header, steps = read(path)
        when = visible((header.created or "at an unknown time").replace("T", " ")[:19])
        if path.stat().st_size > MAX_COUNTED_BYTES:
            steps.close()
            return f"{when}   calls not counted: it is long"
        for step in steps:
            counts.update(step)
    except (TranscriptError, OSError):
        return f"it cannot be read: genreply trace {path} --check"
    told = {
        "wrong": counts.outcomes["wrong caller"],
        "timed out": counts.outcomes["timed out"],
        "without an end": counts.still_open,
    }
    calls = counted(counts.calls, "call")
    return f"{when}   {', '.join([calls, *(f'{n} {what}' for what, n in told.items() if n)])}"
