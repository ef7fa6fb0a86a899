"""`genreply trace` prints any file, or says in a sentence why it cannot.

There is no traceback, no hang, and nothing that controls a terminal.
`GENREPLY_HOSTILE=10000 pytest tests/transcript/test_hostile.py` tries more files.
"""

import json
import os
import re
import xml.etree.ElementTree as ET
from pathlib import Path
from typing import Any

import pytest
from commands import genreply
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from genreply_cli.paths import samples
from genreply_cli.transcript.format import DETAILS
from genreply_cli.transcript.step import KINDS

MANY = int(os.environ.get("GENREPLY_HOSTILE", "400"))
SAMPLES = {name: path.read_bytes() for name, path in samples().items()}
KEYS = [
    "seq",
    "t",
    "kind",
    "call",
    "from",
    "to",
    "at",
    "message",
    "cause",
    *DETAILS,
    "settings",
    "seed",
    "version",
    "x\x1b[2J",
]
STEERING = re.compile(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")

TASKS = [
    ["--print"], ["--print", "--view", "wide"], ["--view", "narrow"], ["--view", "accessible"],
    ["--events"], ["--stats"], ["--stats", "--json"], ["--check"], ["--rerun"],
    ["--diff", "late"], ["--diff", "late", "--times"],
    ["--as", "mermaid"], ["--as", "svg"], ["--as", "html"], ["--as", "text"], ["--as", "perfetto"],
    ["--call", "c1", "--from", "0", "--to", "1"],
]  # fmt: skip

values: st.SearchStrategy[Any] = st.sampled_from([
    None, True, -1, 0, 1, 2, 7, 1e11, 1e300, -0.5, 10**30,
    "", "c1", "c2", "c99999999999", "caller", "caller-2", "coordinator", "websocket",
    "\x1b[2J\u202e", "😀", *sorted(KINDS),
    [], ["c1"], ["greet", "x"], ["greet", 1], {}, {"repr": "\x00"}, [[[[]]]],
])  # fmt: skip


@st.composite
def mutated(draw: st.DrawFn) -> bytes:
    """A sample with some lines changed, left out, doubled or moved, and perhaps cut."""
    lines = [
        json.loads(line) for line in SAMPLES[draw(st.sampled_from(sorted(SAMPLES)))].splitlines()
    ]
    for _ in range(draw(st.integers(1, 4))):
        place = draw(st.integers(0, len(lines) - 1))
        match draw(st.integers(0, 5)):
            case 0 if len(lines) > 1:
                del lines[place]
            case 1:
                lines.insert(place, dict(lines[draw(st.integers(0, len(lines) - 1))]))
            case 2:
                lines[place].pop(draw(st.sampled_from(KEYS)), None)
            case 3:
                lines[0].setdefault("settings", {})
                if isinstance(lines[0]["settings"], dict):
                    lines[0]["settings"][
                        draw(st.sampled_from(["coordinator", "delay", "timeout", "faults", "x"]))
                    ] = draw(values)
            case _:
                lines[place][draw(st.sampled_from(KEYS))] = draw(values)
    text = "".join(json.dumps(line) + "\n" for line in lines).encode()
    return text[: draw(st.integers(0, len(text)))] if draw(st.booleans()) else text


@st.composite
def damaged(draw: st.DrawFn) -> bytes:
    """A sample with some bytes changed."""
    data = bytearray(SAMPLES[draw(st.sampled_from(sorted(SAMPLES)))])
    for _ in range(draw(st.integers(1, 5))):
        start = draw(st.integers(0, len(data)))
        data[start : start + draw(st.integers(0, 4))] = draw(st.binary(max_size=4))
    return bytes(data)


headed = st.binary(max_size=200).map(lambda data: b'{"format":"genreply","version":1}\n' + data)


@settings(max_examples=MANY, suppress_health_check=list(HealthCheck))
@given(data=mutated() | damaged() | headed | st.binary(max_size=300), task=st.sampled_from(TASKS))
def test_whatever_a_file_holds_there_is_a_replay_or_a_sentence(
    data: bytes, task: list[str]
) -> None:
    done = genreply("trace", "-", *task, stdin=data)
    assert done.code in {0, 5}, done.err
    assert "Traceback" not in done.err
    assert done.code == 0 or done.err
    assert not STEERING.search(done.out + done.err)
    if task[-1] == "svg" and done.out:
        ET.fromstring(done.out)
    if task[-1] in {"--json", "perfetto"} and done.code == 0:
        json.loads(done.out)


LONG = (
    b'{"format":"genreply","version":1}\n{"seq":1,"t":0.0,"kind":"mark","label":"'
    + b"x" * 20_000_000
)


@pytest.mark.parametrize("task", [["--check"], ["--view", "wide"], ["--stats"], ["--as", "svg"]])
@pytest.mark.parametrize("end", [b"", b'"}\n', b'\n{"seq":2}\n'])
def test_a_line_of_any_length_is_read_or_refused(task: list[str], end: bytes) -> None:
    done = genreply("trace", "-", *task, stdin=LONG + end)
    assert done.code == (5 if end.startswith(b"\n") else 0)
    assert len(done.out) < 10_000


def test_a_newer_version_and_other_files_get_a_sentence_each(tmp_path: Path) -> None:
    newer = genreply("trace", "-", stdin=b'{"format":"genreply","version":3}\n')
    assert (newer.code, "a newer genreply reads it" in newer.err) == (5, True)
    for data in (
        b"",
        b"\x89PNG\r\n\x1a\n\x00",
        b"[]\n",
        b'{"a": 1}\n',
        b"\xff\xfe{\x00",
        b"\n\n\n",
        b"x" * (3 << 20),
    ):
        done = genreply("trace", "-", "--check", stdin=data)
        assert (done.code, done.out, done.err.count("\n")) == (5, "", 2)
