"""Steps survive a file; nothing in it controls a terminal; invalid lines get a sentence."""

import io
import json
import os
import re
import stat
import subprocess
import sys
import tracemalloc
import unicodedata
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from commands import genreply
from hypothesis import example, given
from hypothesis import strategies as st
from versions import old_samples

from genreply_cli.transcript.format import (
    DETAILS,
    Header,
    TranscriptError,
    from_line,
    header_line,
    to_line,
)
from genreply_cli.transcript.reader import Steps, read
from genreply_cli.transcript.step import KINDS, NO_MESSAGE, Step
from genreply_cli.transcript.writer import Writer, timestamp

README = Path(__file__).parents[2] / "transcripts" / "README.md"
EXAMPLE = README.read_text(encoding="utf-8").split("```jsonl\n")[1].split("```")[0]

HEADER = '{"format":"genreply","version":2}\n'
STEP = '{"seq":1,"t":0.0,"kind":"mark","label":"x"}\n'
BIDI = "\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"
END = '{"seq":2,"t":0.5,"kind":"end"}\n'


def is_harmless(text: str) -> bool:
    return not {unicodedata.category(character) for character in text} & {
        "Cc",
        "Cs",
        "Zl",
        "Zp",
    } and not set(text) & set(BIDI)


def lines_of(text: str) -> Steps:
    return read(io.BytesIO(text.encode()))[1]


def error_of(read_it: Callable[[], object]) -> str:
    with pytest.raises(TranscriptError) as error:
        read_it()
    text = str(error.value)
    assert is_harmless(text)
    return text


# The law: what is written can be read.


def is_whole(text: str) -> bool:
    """JSON cannot tell a character from its two halves, one after the other."""
    return re.search("[\ud800-\udbff][\udc00-\udfff]", text) is None


ODD = st.sampled_from('\x1b\x9b\u202e\u2066\n\\"\ud800')
TEXT = st.text(st.characters(exclude_categories=()) | ODD, max_size=20).filter(is_whole)
FINITE = st.floats(allow_nan=False, allow_infinity=False)
SECONDS = st.floats(0, 1e9)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | FINITE | TEXT,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXT, inner, max_size=4),
    max_leaves=10,
)
COMMON = {"seq", "t", "kind", "call", "from", "to", "at", "message", "cause"}
NAMES = st.lists(TEXT, max_size=3)
OWN = {
    "timeout": SECONDS | st.none(), "waiting": st.integers(0) | NAMES, "blocked": SECONDS,
    "state": JSON, "keeps": NAMES, "more": st.integers(0), "forgot": NAMES,
    "for": TEXT, "reason": TEXT,
    "calls": st.integers(0), "label": TEXT,
}  # fmt: skip
UNKNOWN = st.dictionaries(
    TEXT.filter(lambda name: name not in COMMON and name not in DETAILS), JSON, max_size=3
)
STEPS = st.builds(
    Step,
    seq=st.integers(1),
    t=SECONDS,
    kind=st.sampled_from(sorted(KINDS)) | TEXT,
    call=st.none() | TEXT,
    source=st.none() | TEXT,
    target=st.none() | TEXT,
    at=st.none() | TEXT,
    message=st.just(NO_MESSAGE) | JSON,
    details=st.builds(
        lambda own, unknown: own | unknown, st.fixed_dictionaries({}, optional=OWN), UNKNOWN
    ),
    cause=st.none() | st.integers(),
)


def written(steps: list[Step], header: Header | None = None) -> str:
    stream = io.StringIO()
    with Writer(stream, header) as writer:
        for step in steps:
            writer.write(step)
    return stream.getvalue()


@given(st.lists(STEPS, max_size=5))
@example([Step(1, 0.1 + 0.2, "reply", message=None, details={"blocked": 1e-9})])
def test_what_is_read_is_what_was_written(steps: list[Step]) -> None:
    text = written(steps)
    assert list(lines_of(text)) == steps
    assert list(read(io.StringIO(text))[1]) == steps


@given(STEPS)
def test_a_line_is_one_line_and_nothing_in_it_steers_a_terminal(step: Step) -> None:
    line = to_line(step)
    assert is_harmless(line)
    assert len(line.splitlines()) == 1
    json.loads(line)


@given(
    st.tuples(
        TEXT,
        TEXT,
        st.none() | TEXT,
        TEXT,
        st.none() | st.integers(),
        st.dictionaries(TEXT, JSON, max_size=3),
    ).map(lambda fields: Header(*fields))
)
def test_a_header_is_read_as_it_was_written(header: Header) -> None:
    assert read(io.StringIO(written([], header)))[0] == header


def test_the_example_of_the_format_is_written_byte_for_byte() -> None:
    header, steps = read(io.BytesIO(EXAMPLE.encode()))
    assert written(list(steps), header) == EXAMPLE


def test_control_characters_are_written_by_their_numbers() -> None:
    line = to_line(Step(1, 0.0, "mark", details={"label": '\n\t\x1b\x9b\u202e\u2028\x7f"\\n\\é中'}))
    assert line.endswith(r'"label":"\u000a\u0009\u001b\u009b\u202e\u2028\u007f\"\\n\\é中"}')


def test_a_stream_that_is_not_utf_8_gets_ascii() -> None:
    raw = io.BytesIO()
    stream = io.TextIOWrapper(raw, encoding="latin-1", write_through=True)
    Writer(stream).write(Step(1, 0.0, "mark", details={"label": "é中👋"}))
    assert raw.getvalue().endswith(b'"label":"\\u00e9\\u4e2d\\ud83d\\udc4b"}\n')
    assert [step.details for step in read(io.BytesIO(raw.getvalue()))[1]] == [{"label": "é中👋"}]


def test_a_recording_of_another_program_is_read_and_what_it_leaves_out_is_inferred() -> None:
    header, steps = read(io.StringIO(
        '{"format":"genreply","version":1,"by":"Elixir 1.14.0 on OTP 25","title":"hello",'
        '"clock":"real"}\r\n'
        '{"seq":1,"t":0.0,"kind":"call","call":"c1","from":"caller","to":"coordinator",'
        '"message":["greet","Hello world"]}\r\n'
        '{"seq":2,"t":2.1e-5,"kind":"cast","from":"coordinator","to":"websocket",'
        '"message":["send_message","Hello world"]}\r\n'
    ))  # fmt: skip
    assert header == Header(by="Elixir 1.14.0 on OTP 25", title="hello", clock="real", version=1)
    assert list(steps) == [
        Step(1, 0.0, "call", "c1", "caller", "coordinator", message=["greet", "Hello world"]),
        Step(
            2,
            2.1e-5,
            "cast",
            "c1",
            "coordinator",
            "websocket",
            message=["send_message", "Hello world"],
            cause=1,
        ),
    ]


def test_unknown_keys_are_kept_and_unknown_kinds_let_through() -> None:
    header, steps = read(io.StringIO(
        '{"format":"genreply","version":1,"mood":"good"}\n{"seq":1,"t":0,"kind":"retry","blocked":"yes","x":[1]}\n'
    ))  # fmt: skip
    assert header.more == {"mood": "good"}
    assert list(steps) == [Step(1, 0, "retry", details={"blocked": "yes", "x": [1]})]


# Files.


def test_each_line_is_on_the_disk_when_write_returns_and_only_the_owner_may_read_it(
    tmp_path: Path,
) -> None:
    path = tmp_path / "lunch.jsonl"
    with Writer(path, Header(by="me")) as writer:
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        for count in range(1, 4):
            writer.write(Step(count, 0.0, "mark"))
            assert len(path.read_text().splitlines()) == count + 1


def test_a_file_that_exists_is_not_overwritten_unless_asked(tmp_path: Path) -> None:
    path = tmp_path / "lunch.jsonl"
    path.write_text("precious")
    path.chmod(0o644)
    assert (
        error_of(lambda: Writer(path))
        == f"{path}: exists already; overwrite it, append to it, or choose another name"
    )
    assert path.read_text() == "precious"
    Writer(str(path), overwrite=True).close()
    assert read(path)[0] == Header()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_appending_continues_a_file_under_its_own_header(tmp_path: Path) -> None:
    path = tmp_path / "lunch.jsonl"
    for number in (1, 2):
        with Writer(path, Header(title=f"number {number}"), append=True) as writer:
            writer.write(Step(number, 0.0, "mark"))
    header, steps = read(path)
    assert (header.title, list(steps)) == ("number 1", [Step(1, 0.0, "mark"), Step(2, 0.0, "mark")])


@pytest.mark.parametrize("append", [True, False])
def test_a_file_that_is_being_written_has_no_second_writer(append: bool, tmp_path: Path) -> None:
    path = tmp_path / "lunch.jsonl"
    with Writer(path) as first:
        first.write(Step(1, 0.0, "mark"))
        with pytest.raises(TranscriptError) as raised:
            Writer(path, append=append, overwrite=not append)
        assert "is being written by another program; wait for its end" in str(raised.value)
        done = genreply("send", "A", "--record", path, "--append" if append else "--overwrite")
        assert (done.code, done.err.count("error:")) == (1, 1)
        assert "is being written by another program" in done.err
        first.write(Step(2, 0.0, "mark"))
    assert [step.seq for step in read(path)[1]] == [1, 2]
    with Writer(path, append=append, overwrite=not append) as second:
        second.write(Step(3, 0.0, "mark"))
    assert [step.seq for step in read(path)[1]][-1] == 3


def test_a_session_that_goes_on_keeps_its_file_from_others(tmp_path: Path) -> None:
    """Two sessions that append to one file: one of them is refused, and no line is mixed."""
    path = tmp_path / "it.jsonl"
    assert genreply("send", "A", "--record", path).code == 0
    command = [sys.executable, "-m", "genreply_cli", "send", "B", "--record", str(path), "--append"]
    both = [
        subprocess.Popen([*command, "--delay", delay], stderr=subprocess.PIPE)
        for delay in ("1s", "1s")
    ]
    errors = [one.communicate()[1].decode() for one in both]
    assert sorted(one.returncode for one in both) == [0, 1]
    assert sum("is being written by another program" in error for error in errors) == 1
    done = genreply("trace", path, "--check")
    assert (done.code, done.out) == (0, "")


def test_a_transcript_of_version_1_is_not_continued(tmp_path: Path) -> None:
    path = tmp_path / "it.jsonl"
    path.write_bytes(before := old_samples()["hello"].read_bytes())
    done = genreply("send", "A", "--record", path, "--append")
    assert done.code == 1
    assert "is a transcript of version 1, and is not continued with version 2" in done.err
    assert path.read_bytes() == before


@pytest.mark.parametrize(
    "cut", ['{"seq":2,"t":', '{"seq":2,"t":\n', '{"seq":2,"t":\n\n', '{"seq":2,"label":"é', "\n\n"]
)
def test_appending_takes_a_cut_last_line_off(cut: str, tmp_path: Path) -> None:
    path = tmp_path / "lunch.jsonl"
    path.write_bytes((HEADER + STEP + cut).encode()[: -1 if cut.endswith("é") else None])
    with Writer(path, append=True) as writer:
        writer.write(Step(2, 0.5, "end"))
    assert path.read_text() == HEADER + STEP + '{"seq":2,"t":0.500000,"kind":"end"}\n'


def test_appending_to_a_last_line_without_its_end_keeps_the_line(tmp_path: Path) -> None:
    path = tmp_path / "lunch.jsonl"
    path.write_text(HEADER + '{"seq":1,"t":0.0,"kind":"mark","label":"' + "x" * 200_000 + '"}')
    with Writer(path, append=True) as writer:
        writer.write(Step(2, 0.5, "end"))
    assert [step.seq for step in read(path)[1]] == [1, 2]


def test_what_is_no_transcript_is_not_appended_to(tmp_path: Path) -> None:
    path = tmp_path / "notes.txt"
    path.write_text("buy milk\n")
    assert "is no transcript" in error_of(lambda: Writer(path, append=True))
    assert path.read_text() == "buy milk\n"


def test_a_device_may_be_written_to_since_nothing_is_lost() -> None:
    with Writer("/dev/null") as writer:
        writer.write(Step(1, 0.0, "end"))


def test_a_place_that_cannot_be_written_to_gets_a_sentence(tmp_path: Path) -> None:
    assert error_of(lambda: Writer(tmp_path / "no" / "such.jsonl")).endswith(
        "cannot be written: no such file or directory"
    )
    assert error_of(lambda: Writer(tmp_path, overwrite=True)).endswith(
        "cannot be written: is a directory"
    )
    assert "cannot be written" in error_of(lambda: Writer("a\0b"))


def test_on_the_virtual_clock_every_recording_is_of_the_same_day() -> None:
    assert timestamp("virtual") == "1970-01-01T00:00:00Z"
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", timestamp("real"))


# Notes for the user.


def test_a_whole_recording_has_nothing_to_be_told() -> None:
    steps = lines_of(HEADER + STEP + END)
    assert [step.kind for step in steps] == ["mark", "end"]
    assert (steps.no_end, steps.cut, steps.notes) == (False, False, [])


def test_a_recording_without_an_end_was_interrupted() -> None:
    steps = lines_of(HEADER + STEP)
    assert [step.kind for step in steps] == ["mark"]
    assert (steps.no_end, steps.cut) == (True, False)
    assert steps.notes == [
        "the transcript: it has no end line; it is still being written, or was interrupted"
    ]


@pytest.mark.parametrize(
    "cut",
    ['{"seq":2', '{"seq":2\n', "{", '{"seq":2,"label":"é', '{"seq":2}]', '{"seq"', "x", "\x00\x00"],
)
def test_a_cut_last_line_is_told_and_ignored(cut: str) -> None:
    steps = read(io.BytesIO((HEADER + STEP + cut).encode()[: -1 if cut.endswith("é") else None]))[1]
    assert [step.kind for step in steps] == ["mark"]
    assert steps.cut
    assert steps.notes[0] == "the transcript, line 3: the last line is cut; it is ignored"


@given(st.integers(len(HEADER), len(EXAMPLE.encode())))
def test_a_recording_may_be_cut_anywhere_after_its_header(length: int) -> None:
    header = EXAMPLE.index("\n") + 1
    text = EXAMPLE.encode()[: max(length, header)]
    whole = list(lines_of(EXAMPLE))
    steps = read(io.BytesIO(text))[1]
    kept = list(steps)
    assert kept == whole[: len(kept)]
    assert len(kept) >= text.count(b"\n") - 1
    assert steps.no_end == (kept != whole)


def test_blank_lines_say_nothing() -> None:
    assert len(list(lines_of(HEADER + "\n" + STEP + "\r\n  \n" + END + "\n\n"))) == 2


# Files that are refused.


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ("[]", "line 2: expected a JSON object, found []"),
        (
            "hello",
            "line 2: expected a JSON object, found something else at column 1 (Expecting value)",
        ),
        ('{"seq":1} {}', "line 2: expected a JSON object, found something after it, at column 10"),
        (
            '{"t":0,"kind":"mark"}',
            'line 2, field "seq": expected a whole number from 1, found none',
        ),
        (
            '{"seq":0,"t":0,"kind":"mark"}',
            'line 2, field "seq": expected a whole number from 1, found 0',
        ),
        (
            '{"seq":true,"t":0,"kind":"mark"}',
            'line 2, field "seq": expected a whole number from 1, found true',
        ),
        (
            '{"seq":1,"t":"0","kind":"mark"}',
            'line 2, field "t": expected a number of seconds, 0 or more, found "0"',
        ),
        (
            '{"seq":1,"t":-1,"kind":"mark"}',
            'line 2, field "t": expected a number of seconds, 0 or more, found -1',
        ),
        (
            '{"seq":1,"t":true,"kind":"mark"}',
            'line 2, field "t": expected a number of seconds, 0 or more, found true',
        ),
        (
            '{"seq":1,"t":1e300,"kind":"mark"}',
            'line 2, field "t": expected a number of seconds, 0 or more, found 1e+300',
        ),
        (
            '{"seq":1,"t":1e999,"kind":"mark"}',
            "line 2: expected a JSON object, found a number that is too large",
        ),
        (
            '{"seq":1,"t":NaN,"kind":"mark"}',
            "line 2: expected a JSON object, found NaN, which JSON does not have",
        ),
        ('{"seq":1,"t":0}', 'line 2, field "kind": expected text, found none'),
        ('{"seq":1,"t":0,"kind":"mark","call":1}', 'line 2, field "call": expected text, found 1'),
        (
            '{"seq":1,"t":0,"kind":"mark","from":[]}',
            'line 2, field "from": expected text, found []',
        ),
        (
            '{"seq":1,"t":0,"kind":"mark","cause":"1"}',
            'line 2, field "cause": expected a whole number, found "1"',
        ),
        ('{"seq":1,"t":0,"kind":"mark","label":["\x1b"]}', None),
        (
            '{"seq":1,"t":0,"kind":"mark","label":["\\u001b"]}',
            'line 2, field "label": expected text, found ["\\u001b"]',
        ),
        (
            '{"seq":1,"t":0,"kind":"noreply","waiting":[1]}',
            'line 2, field "waiting": expected a number of calls, or a list of them, found [1]',
        ),
        (
            '{"seq":1,"t":0,"kind":"reply","ago":"x"}',
            'line 2, field "ago": expected a number of seconds, 0 or more, found "x"',
        ),
        (
            '{"seq":1,"t":0,"kind":"end","calls":-1}',
            'line 2, field "calls": expected a whole number, 0 or more, found -1',
        ),
    ],
)
def test_a_bad_line_says_where_and_what_was_expected(line: str, problem: str | None) -> None:
    text = error_of(lambda: list(lines_of(HEADER + line + "\n" + END)))
    assert text.startswith("the transcript, line 2")
    assert problem is None or text == f"the transcript, {problem}"


@pytest.mark.parametrize(
    "line",
    [
        '{"seq":1,"t":0,"kind":"mark","message":' + "[" * 100_000 + "]" * 100_000 + "}",
        '{"seq":1,"t":0,"kind":"mark","message":' + "[" * 101 + "]" * 101 + "}",
        '{"a":' * 300 + "1" + "}" * 300,
        '{"seq":' + "9" * 5000 + ',"t":0,"kind":"mark"}',
        '{"seq":1,"t":' + "9" * 4000 + ',"kind":"mark"}',
        '{"seq":1,"t":0,"kind":"reply","blocked":' + "9" * 400 + "}",
    ],
    ids=["very deep", "too deep", "deep objects", "too long", "too late", "too late to tell"],
)
def test_what_nests_too_deep_or_counts_too_far_is_refused_like_any_bad_line(line: str) -> None:
    assert error_of(lambda: list(lines_of(HEADER + line + "\n" + END))).startswith(
        "the transcript, line 2"
    )
    assert error_of(lambda: from_line(line)).startswith("the transcript, line 2")


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b"", "is empty; expected a transcript, which begins with a header"),
        (b"\n", "is no transcript: its first line is no JSON object"),
        (b"buy milk\n", "is no transcript: its first line is no JSON object"),
        (b"\x7fELF\x02\x01\x01\x00\xff\xfe", "is no transcript: it does not begin with UTF-8 text"),
        (b"\x00" * 5000, "is no transcript: its first line is no JSON object"),
        (b"[" * 100_000, "is no transcript: its first line is no JSON object"),
        (b"x" * 3_000_000, "is no transcript: its first line is no JSON object"),
        (b"[1]\n", 'is no transcript: its first line does not say "format":"genreply"'),
        (
            b'{"version":2,"width":80}\n',
            'is no transcript: its first line does not say "format":"genreply"',
        ),
        (b'{"format":"genreply"}\n', 'line 1, field "version": expected 1 or 2, found none'),
        (
            b'{"format":"genreply","version":"1"}\n',
            'line 1, field "version": expected 1 or 2, found "1"',
        ),
        (
            b'{"format":"genreply","version":true}\n',
            'line 1, field "version": expected 1 or 2, found true',
        ),
        (
            b'{"format":"genreply","version":3,"seed":"new"}\n',
            (
                "is a transcript of version 3, and this genreply reads versions up to 2;"
                " a newer genreply reads it"
            ),
        ),
        (
            b'{"format":"genreply","version":1,"seed":"7"}\n',
            'line 1, field "seed": expected a whole number, found "7"',
        ),
        (
            b'{"format":"genreply","version":1,"settings":[]}\n',
            'line 1, field "settings": expected a JSON object, found []',
        ),
    ],
    ids=range(15),
)
def test_what_is_no_transcript_gets_a_sentence_of_its_own(
    content: bytes, problem: str, tmp_path: Path
) -> None:
    path = tmp_path / "x.jsonl"
    path.write_bytes(content)
    text = error_of(lambda: read(path))
    assert text.removeprefix(str(path)).lstrip(":, ") == problem


def test_what_cannot_be_opened_gets_a_sentence_of_its_own(tmp_path: Path) -> None:
    assert (
        error_of(lambda: read(tmp_path / "none.jsonl"))
        == f"{tmp_path}/none.jsonl: there is no such file"
    )
    assert error_of(lambda: read(tmp_path)) == f"{tmp_path}: is a directory; expected a transcript"
    assert "cannot be read" in error_of(lambda: read("a\0b"))
    assert "\\x1b[2J" in error_of(lambda: read("\x1b[2J"))


@pytest.mark.skipif(
    os.geteuid() == 0, reason="root may read every file: run the tests as another user"
)
def test_what_may_not_be_read_gets_a_sentence_of_its_own(tmp_path: Path) -> None:
    path = tmp_path / "secret.jsonl"
    path.touch(0o000)
    assert error_of(lambda: read(path)) == f"{path}: cannot be read: permission denied"


def test_bytes_that_are_no_text_are_refused_where_they_are() -> None:
    text = (HEADER + STEP).encode() + b'{"seq":2,"label":"\xff"}\n' + END.encode()
    problem = error_of(lambda: list(read(io.BytesIO(text))[1]))
    assert (
        problem == "the transcript, line 3: expected a JSON object, found bytes that are no UTF-8"
    )
    stream = io.TextIOWrapper(io.BytesIO(HEADER.encode() + b"\xff" * 20_000), encoding="utf-8")
    assert "UTF-8" in error_of(lambda: list(read(stream)[1]))


def test_a_byte_order_mark_is_no_obstacle() -> None:
    assert len(list(read(io.BytesIO(b"\xef\xbb\xbf" + (HEADER + STEP).encode()))[1])) == 1


LINES = st.lists(TEXT | JSON.map(json.dumps)).map("\n".join)


@given(st.binary() | LINES.map(lambda lines: (HEADER + lines).encode("utf-8", "surrogatepass")))
def test_whatever_is_in_a_file_it_is_read_or_refused_with_a_sentence(content: bytes) -> None:
    refused = ""
    try:
        assert all(isinstance(step, Step) for step in read(io.BytesIO(content))[1])
    except TranscriptError as error:
        refused = str(error)
    assert is_harmless(refused)


# Reading line by line.


def test_steps_are_read_as_they_are_asked_for() -> None:
    steps = lines_of(HEADER + STEP + "garbage\n" + END)
    assert next(steps).kind == "mark"
    with pytest.raises(TranscriptError):
        next(steps)


def test_a_long_transcript_takes_no_more_memory_than_a_short_one(tmp_path: Path) -> None:
    def peak(count: int) -> int:
        path = tmp_path / f"{count}.jsonl"
        with Writer(path) as writer:
            for seq in range(1, count + 1):
                writer.write(
                    Step(
                        seq,
                        seq / 10,
                        "call",
                        f"c{seq}",
                        "caller",
                        "coordinator",
                        message=["greet", "Hello"],
                    )
                )
        tracemalloc.start()
        for _ in read(path)[1]:
            pass
        used = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return used

    peak(10)
    assert peak(20_000) < peak(200) + 20_000


def test_the_file_is_closed_by_whoever_leaves_early(tmp_path: Path) -> None:
    path = tmp_path / "lunch.jsonl"
    path.write_text(EXAMPLE)
    steps = read(path)[1]
    assert next(steps).kind == "start"
    steps.close()
    assert list(steps) == []
    del steps
    read(
        path
    )  # not even begun: a file left open would be a ResourceWarning, and warnings are errors here


def test_header_line_begins_as_the_format_says() -> None:
    assert header_line(Header()).startswith('{"format":"genreply","version":2,"created":null,')


def test_reading_and_writing_load_neither_rich_nor_asyncio() -> None:
    import subprocess

    code = "import sys, genreply_cli.transcript.reader; print(' '.join(sys.modules))"
    loaded = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    ).stdout.split()
    assert not {"rich", "asyncio", "prompt_toolkit", "typer"} & set(loaded)


def test_the_details_of_a_step_may_be_anything_in_a_kind_of_tomorrow() -> None:
    values: Any = {"reason": {"code": 7}}
    assert from_line('{"seq":1,"t":0,"kind":"future","reason":{"code":7}}').details == values
