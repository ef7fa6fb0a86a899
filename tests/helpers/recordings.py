"""Recordings to be played: made of steps, of lines, or of many calls."""

import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from genreply_cli.transcript.format import Header, header_line, to_line
from genreply_cli.transcript.index import Index
from genreply_cli.transcript.reader import read
from genreply_cli.transcript.step import Step

HEADER = header_line(Header()).encode() + b"\n"


def index_of_lines(lines: bytes, name: str = "made.jsonl") -> Index:
    """The index of a transcript with these lines after its header."""
    with tempfile.TemporaryFile() as file:
        file.write(HEADER + lines)
        file.flush()
        return Index(file, name)


def index_of(steps: Iterable[Step]) -> Index:
    return index_of_lines("".join(to_line(step) + "\n" for step in steps).encode())


def index_at(path: Path) -> Index:
    with path.open("rb") as file:
        return Index(file, str(path))


def read_all(index: Index) -> Index:
    """The same index, when it has read all there is."""
    for _ in index.scan():
        pass
    return index


def steps_of(path: Path) -> list[Step]:
    return list(read(path)[1])


def many(calls: int) -> Iterator[Step]:
    """The steps of so many calls by three callers that overlap.

    Every tenth call gets no answer in time, and every hundredth is followed by a mark.
    """
    seq = 0

    def caller(call: int) -> str:
        return f"caller-{call % 3 + 1}" if call % 3 else "caller"

    def step(t: float, kind: str, call: int | None = None, **more: Any) -> Step:
        nonlocal seq
        seq += 1
        ends = {name: more.pop(name, None) for name in ("source", "target", "at")}
        details = {name: value for name, value in more.items() if name != "message"}
        message = {"message": more["message"]} if "message" in more else {}
        return Step(
            seq,
            round(t, 6),
            kind,
            None if call is None else f"c{call}",
            **ends,
            **message,
            details=details,
        )

    yield step(0, "start", at="coordinator", module="Coordinator")
    yield step(0, "start", at="websocket", module="WebSocket", linked="coordinator")
    for call in range(1, calls + 1):
        t, text = call * 0.1, f"Hello {call}"
        ends = {"source": caller(call), "target": "coordinator"}
        yield step(t, "call", call, **ends, message=["greet", text], timeout=1.0)
        yield step(t, "noreply", call, at="coordinator", waiting=[f"c{call}"])
        ends = {"source": "coordinator", "target": "websocket"}
        yield step(t, "cast", call, **ends, message=["send_message", text])
        before = call - 2  # two are always open
        if before > 0 and before % 10:
            ends = {"source": "websocket", "target": "coordinator"}
            yield step(t + 0.05, "info", before, **ends, message=["message_received", "ok"])
            ends = {"source": "coordinator", "target": caller(before)}
            yield step(t + 0.05, "reply", before, **ends, message=f"ok {before}", blocked=0.25)
        elif before > 0:
            details = {"timeout": 1.0, "blocked": 0.25}
            yield step(t + 0.05, "timeout", before, source=caller(before), **details)
        if not call % 100:
            yield step(t + 0.06, "mark", label=f"mark {call}")
    yield step(calls * 0.1 + 1, "end", calls=calls)
