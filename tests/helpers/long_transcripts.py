"""Long transcripts, which are written where they are needed."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from genreply_cli.transcript.step import Step
from genreply_cli.transcript.writer import Writer

STEPS_EACH = 5  # of a greeting


def greetings_seen(greetings: int, seq: int = 0) -> Iterator[Step]:
    """The steps of so many greetings in sequence; `seq` is the number of the step before."""
    received = ["message_received", "Hello to you too!"]
    for number in range(1, greetings + 1):
        call, then, now = f"c{number}", number / 10, (number + 1) / 10
        coordinator, socket, caller = "coordinator", "websocket", "caller"
        greet, timeout = ["greet", "Hello"], {"timeout": 5.0}
        yield Step(seq + 1, then, "call", call, caller, coordinator, None, greet, timeout)
        send = ["send_message", "Hello"]
        yield Step(seq + 2, then, "cast", call, coordinator, socket, None, send, cause=seq + 1)
        waiting = {"waiting": [call]}
        yield Step(seq + 3, then, "noreply", call, at=coordinator, details=waiting, cause=seq + 1)
        yield Step(seq + 4, now, "info", call, socket, coordinator, None, received, cause=seq + 2)
        reply, blocked = received[1], {"blocked": 0.1}
        yield Step(seq + 5, now, "reply", call, coordinator, caller, None, reply, blocked, seq + 4)
        seq += STEPS_EACH


@contextmanager
def transcript(greetings: int) -> Iterator[str]:
    """The path of a transcript of so many greetings, which exists while the context is open."""
    with tempfile.TemporaryDirectory() as folder:
        path = str(Path(folder) / "long.jsonl")
        with Writer(path) as writer:
            for seq, name in enumerate(("coordinator", "websocket"), 1):
                writer.write(Step(seq, 0.0, "start", at=name))
            for step in greetings_seen(greetings, 2):
                writer.write(step)
        yield path
