"""Standard streams that are full, closed or slow: what each command says, and its exit status."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from commands import shell
from terminals import clean

FULL = "error: standard output: no space left on device"
COMMANDS = [
    "send Hi",
    "send Hi --json",
    "send Hi --events",
    "send Hi --as-done --timeline",
    "--help",
    "send --help",
    "--version",
    "trace late",
    "trace late --events",
    "trace late --stats --json",
    "trace late --explain",
    "trace late --check --json",
    "trace late --as svg",
    "trace late --diff hello",
    "trace --list",
    "bench --scale 0.0001 --rounds 1",
]
needs_full = pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no /dev/full")


@needs_full
@pytest.mark.parametrize("command", COMMANDS)
def test_a_full_disk_below_stdout_is_one_sentence(command: str, tmp_path: Path) -> None:
    done = shell(f"genreply {command} >/dev/full", tmp_path)
    assert done.err.splitlines()[-1] == FULL
    assert done.err.count("error: ") == 1
    assert done.code == 1


@needs_full
@pytest.mark.parametrize("lines", ["Hi", "/help", "/state", "Hi &", "/burst 3 Hi"])
def test_a_repl_ends_with_one_sentence_where_stdout_is_full(lines: str, tmp_path: Path) -> None:
    script = f"printf '{lines}\nagain\n' | genreply repl --delay 0 --no-record >/dev/full"
    done = shell(script, tmp_path)
    assert (done.err, done.code) == (f"{FULL}\n", 1)


@pytest.mark.parametrize("command", ["send Hi --count 10000", "trace late", "--help"])
def test_a_reader_that_has_gone_is_no_error(command: str, tmp_path: Path) -> None:
    done = shell(f"genreply {command} > >(exit); echo $? >&2", tmp_path)
    assert done.err in {"141\n", "0\n"}  # little output may fit into the pipe before it closes


@needs_full
@pytest.mark.parametrize("stderr", ["2>/dev/full", "2> >(exit)", "2>&-"])
@pytest.mark.parametrize(
    ("command", "code"),
    [
        ("send A --timeline", 0),
        ("send A --explain", 0),
        ("send A --delay 1 --timeout 0.1 --clock virtual", 3),
        ("send A --fault crash", 4),
        ("send A --dealy 1", 2),
        ("trace nosuch", 5),
        ("trace late --check", 0),
        ("trace --list", 0),
    ],
)
def test_what_stderr_does_not_take_changes_neither_the_result_nor_the_status(
    command: str, code: int, stderr: str, tmp_path: Path
) -> None:
    usual = shell(f"genreply {command} 2>/dev/null", tmp_path)
    assert usual.code == code
    assert shell(f"genreply {command} {stderr}", tmp_path) == usual


@pytest.mark.parametrize("unbuffered", ["", "1"])
@pytest.mark.parametrize("form", [[], ["--json"], ["--events"]])
def test_a_pipe_that_does_not_block_loses_nothing(
    form: list[str], unbuffered: str, tmp_path: Path
) -> None:
    command = ["send", "x" * 100, "--count", "3000", "--clock", "virtual", *form]
    program = [sys.executable, "-m", "genreply_cli", *command]
    environment = clean({"XDG_STATE_HOME": str(tmp_path), "PYTHONUNBUFFERED": unbuffered})
    expected = subprocess.run(program, capture_output=True, check=True, env=environment).stdout
    reader, writer = os.pipe()
    os.set_blocking(writer, False)
    with open(reader, "rb") as pipe:  # noqa: PTH123
        with subprocess.Popen(program, stdout=writer, env=environment) as process:
            os.close(writer)
            found = pipe.read()
        assert process.returncode == 0
    assert found == expected


def test_the_clock_of_the_calls_stands_still_while_the_reader_does_not_read(tmp_path: Path) -> None:
    """A timeout of a millisecond passes by far while the pipe is full: nothing reads from it."""
    code = (
        "import asyncio, os, sys, threading, time\n"
        "from genreply_cli.session import real_time\n"
        "from genreply_cli.streams import write_all\n"
        "reader, writer = os.pipe()\n"
        "os.set_blocking(writer, False)\n"
        "full = threading.Event()\n"
        "def read():\n"
        "    began = time.monotonic()\n"
        "    while time.monotonic() < began + 0.3: pass\n"
        "    while os.read(reader, 65536): pass\n"
        "async def main():\n"
        "    loop = asyncio.get_running_loop()\n"
        "    before, real = loop.time(), time.monotonic()\n"
        "    thread = threading.Thread(target=read)\n"
        "    thread.start()\n"
        "    write_all(writer, b'x' * 1_000_000)\n"
        "    print(loop.time() - before < 0.1 <= time.monotonic() - real)\n"
        "    os.close(writer)\n"
        "    thread.join()\n"
        "real_time.run(main())\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "True\n"


@pytest.mark.parametrize(
    "command",
    [
        "genreply send $'caf\\xe9' {}",
        "printf 'caf\\xe9' | genreply send - {}",
        "genreply send $'caf\\xe9' {} --record it >/dev/null; cat it",
    ],
)
@pytest.mark.parametrize("form", ["--json", "--events"])
def test_bytes_that_are_not_utf8_give_json_that_every_program_reads(
    command: str, form: str, tmp_path: Path
) -> None:
    done = shell(f"cd '{tmp_path}'; {command.format(form)}", tmp_path)
    lines = [json.loads(line) for line in done.out.splitlines()]
    assert lines
    json.dumps(lines, ensure_ascii=False).encode()  # no half of a character is left
    assert "caf\ufffd to you too!" in json.dumps(lines, ensure_ascii=False)
