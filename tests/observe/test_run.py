"""Programs that know nothing of genreply's tools: recorded as they are, they behave as before."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from commands import code_blocks, genreply, shell
from terminals import clean
from wheels import ROOT

from genreply_cli.transcript.reader import read
from genreply_cli.transcript.step import Step

STACK = """
import asyncio, os, signal, sys, threading, time
from genreply_cli.otp import GenServer, Node, Reply

class Stack(GenServer):
    def init(self):
        return []

    def handle_call(self, request, from_, state):
        if request == "hang":
            time.sleep(0.2)  # more than a recording is behind
            os.kill(os.getpid(), signal.SIGKILL)
        return Reply(len(state), [*state, request])

async def push(*values):
    async with Node():
        stack = Stack.start()
        for value in values:
            await stack.call(value)
"""


def program(folder: Path, text: str) -> Path:
    path = folder / "app.py"
    path.write_text(f"{STACK}\n{text}\n")
    return path


def execute(*arguments: str | Path, stdin: str = "") -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *map(str, arguments)],
        input=stdin,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
        env=clean({}),
    )


def test_the_commands_of_the_readme_record_and_draw_a_program(tmp_path: Path) -> None:
    program(tmp_path, "asyncio.run(push(*sys.argv))")
    [block] = [each for each in code_blocks("sh") if "genreply run" in each]
    lines = block.splitlines()
    timeline = shell(f"cd '{tmp_path}'; {lines[0]}", tmp_path, PYTHONPATH=str(ROOT))
    assert (timeline.code, timeline.out) == (0, "")
    assert "call" in timeline.err
    recorded = shell(f"cd '{tmp_path}'; {lines[1]}", tmp_path, PYTHONPATH=str(ROOT))
    assert recorded.code == 0
    assert [step.kind for step in steps_of(tmp_path / "run.jsonl")].count("call") == 2
    assert len(lines) == 2


def steps_of(path: Path) -> list[Step]:
    assert genreply("trace", path, "--check").code == 0
    return list(read(str(path))[1])


@pytest.mark.parametrize(
    ("text", "last"),
    [
        ("asyncio.run(push(1)); print(sys.stdin.read(), sys.argv[1:], sys.path[0])", "end"),
        ("asyncio.run(push(1)); raise ValueError('a fault')", "end"),
        ("asyncio.run(push(1)); sys.exit(7)", "end"),
        ("asyncio.run(push(1)); os.close(1); os.write(2, b'still there'); os._exit(3)", "end"),
        ("asyncio.run(push('hang'))", "call"),
        ("asyncio.run(push(1))\nif os.fork(): sys.exit(os.wait()[1])\nos._exit(0)", "end"),
    ],
    ids=["stdin", "crash", "exit", "stdout", "kill", "fork"],
)
def test_a_program_behaves_as_under_python_and_is_recorded(
    text: str, last: str, tmp_path: Path
) -> None:
    app, record = program(tmp_path, text), tmp_path / "run.jsonl"
    alone = execute(app, "--flag", "-m", stdin="typed\n")
    seen = execute(
        "-m", "genreply_cli", "run", "--record", record, app, "--flag", "-m", stdin="typed\n"
    )
    assert (seen.returncode, seen.stdout, seen.stderr) == (
        alone.returncode,
        alone.stdout,
        alone.stderr,
    )
    steps = steps_of(record)
    assert "call" in {step.kind for step in steps}
    assert steps[-1].kind == last


def test_each_node_and_each_process_has_a_file(tmp_path: Path) -> None:
    text = """
def child():
    asyncio.run(push("of the child"))

async def main():
    async with Node():
        stack = Stack.start()
        await stack.call("of the parent")
        pid = os.fork()
        if not pid:
            thread = threading.Thread(target=child)
            thread.start()
            thread.join()
            os._exit(0)
        os.waitpid(pid, 0)
        await stack.call("of the parent")

asyncio.run(main())
"""
    record = tmp_path / "run.jsonl"
    done = execute(
        "-m", "genreply_cli", "run", "--record", record, "--redact", "^of", program(tmp_path, text)
    )
    assert done.returncode == 0, done.stderr
    said = [
        [step.message for step in steps_of(path) if step.kind == "call"]
        for path in (record, tmp_path / "run-2.jsonl")
    ]
    assert said == [["*** the parent"] * 2, ["*** the child"]]
    assert "run-2.jsonl" in done.stderr


def test_the_timeline_is_on_stderr_and_a_module_runs_by_its_name(tmp_path: Path) -> None:
    program(tmp_path, "asyncio.run(push('Hi')); print('done')")
    done = subprocess.run(
        [sys.executable, "-m", "genreply_cli", "run", "-m", "app", "--flag"],
        capture_output=True,
        text=True,
        check=True,
        cwd=tmp_path,
        env=clean({}),
        timeout=60,
    )
    assert done.stdout == "done\n"
    assert 'c1 call caller -> stack: "Hi"' in done.stderr


def test_a_signal_reaches_the_program_itself(tmp_path: Path) -> None:
    app = program(tmp_path, "print('ready', flush=True); time.sleep(60)")
    with subprocess.Popen(
        [sys.executable, "-m", "genreply_cli", "run", str(app)],
        stdout=subprocess.PIPE,
        env=clean({}),
    ) as running:
        assert running.stdout is not None
        assert running.stdout.readline() == b"ready\n"
        os.kill(running.pid, signal.SIGTERM)
        assert running.wait(60) == -signal.SIGTERM


def test_what_cannot_be_recorded_is_said_before_the_program_runs(tmp_path: Path) -> None:
    record = tmp_path / "run.jsonl"
    record.write_text("precious")
    done = genreply("run", "--record", record, "app.py")
    assert (done.code, done.out) == (1, "")
    assert "exists already" in done.err
    assert record.read_text() == "precious"
    assert genreply("run", "--redact", "(", "app.py").code == 2


def test_a_command_of_genreply_records_itself_only_once(tmp_path: Path) -> None:
    record = tmp_path / "run.jsonl"
    subprocess.run(
        [sys.executable, "-m", "genreply_cli", "send", "Hi"],
        check=True,
        capture_output=True,
        env=clean({"GENREPLY_RECORD": str(record), "XDG_STATE_HOME": str(tmp_path)}),
        timeout=60,
    )
    assert {step.kind for step in steps_of(record)} >= {"call", "end"}
    assert not (tmp_path / "run-2.jsonl").exists()


def test_overwrite_replaces_the_files_of_all_nodes_and_nothing_else(tmp_path: Path) -> None:
    app = program(tmp_path, "asyncio.run(push(1))\nif sys.argv[1:]: asyncio.run(push(2))")
    record, second = tmp_path / "run.jsonl", tmp_path / "run-2.jsonl"
    notes = tmp_path / "run-3.jsonl"
    command = ["-m", "genreply_cli", "run", "--record", str(record), "--overwrite", str(app)]
    notes.write_text("my notes\n")
    assert execute(*command, "two").returncode == 0
    assert (len(steps_of(record)), len(steps_of(second))) == (7, 7)
    assert execute(*command).returncode == 0
    assert len(steps_of(record)) == 7
    assert not second.exists()
    assert notes.read_text() == "my notes\n"
