"""Signals from outside: which end a command, how it ends, and which stay ignored."""

import contextlib
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pexpect
import pytest
from terminals import Terminal, clean

GENREPLY = [sys.executable, "-m", "genreply_cli"]
SENDS = ["send", "Hi", "--events", "--timeout", "infinity", "--delay"]


def started(
    arguments: list[str], state: Path, ignored: list[signal.Signals], prefix: tuple[str, ...] = ()
) -> "subprocess.Popen[bytes]":
    """A command, when it has sent its greeting or follows a transcript."""

    def ignore() -> None:
        for number in ignored:
            signal.signal(number, signal.SIG_IGN)

    process = subprocess.Popen(
        [*prefix, *GENREPLY, *arguments],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        env=clean({"XDG_STATE_HOME": str(state)}),
        preexec_fn=ignore,  # noqa: PLW1509
    )
    assert process.stdout is not None
    while not (b"noreply" in (line := process.stdout.readline()) or line.startswith(b"note")):
        assert line
    return process


@pytest.mark.parametrize("arguments", [[*SENDS, "3600"], ["trace", "--follow"]])
def test_ctrl_c_ends_a_command_by_its_signal(arguments: list[str], tmp_path: Path) -> None:
    process = started(arguments, tmp_path, [])
    process.send_signal(signal.SIGINT)
    out, _ = process.communicate()
    assert process.returncode == -signal.SIGINT
    assert b"Traceback" not in out


@pytest.mark.parametrize(("key", "status"), [("\x03", -signal.SIGINT), ("q", 0), ("\x04", 0)])
def test_of_the_keys_that_leave_a_transcript_that_is_followed_in_rows_ctrl_c_is_a_signal(
    terminal: Callable[..., Terminal], key: str, status: int
) -> None:
    screen = terminal("trace", "--follow", "--print")
    screen.wait_for("q leaves")
    while screen.child.isalive():
        screen.child.send(key)  # until the program has the keyboard, the terminal has the keys
        with contextlib.suppress(pexpect.TIMEOUT, pexpect.EOF):
            screen.child.expect(pexpect.EOF, timeout=0.2)
    assert screen.end() == status


def test_a_loop_in_a_shell_ends_with_ctrl_c(tmp_path: Path) -> None:
    loop = f"for i in 1 2 3; do {' '.join([*GENREPLY, *SENDS, '3600'])}; done"
    with subprocess.Popen(
        ["bash", "-c", loop],
        stdout=subprocess.PIPE,
        env=clean({"XDG_STATE_HOME": str(tmp_path)}),
        start_new_session=True,
    ) as process:
        assert process.stdout is not None
        while b"noreply" not in process.stdout.readline():
            pass
        os.killpg(process.pid, signal.SIGINT)
        rest = process.stdout.read()
    assert process.returncode == -signal.SIGINT
    assert rest.count(b'"kind":"call"') == 0


@pytest.mark.parametrize("number", [signal.SIGHUP, signal.SIGINT, signal.SIGTERM])
def test_a_signal_that_is_ignored_stays_ignored(number: signal.Signals, tmp_path: Path) -> None:
    process = started([*SENDS, "300ms"], tmp_path, [number])
    process.send_signal(number)
    out, _ = process.communicate()
    assert process.returncode == 0
    assert b'"kind":"reply"' in out


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 143), (signal.SIGHUP, 129)])
@pytest.mark.parametrize("arguments", [[*SENDS, "3600"], ["trace", "--follow"]])
def test_a_termination_is_the_exit_status(
    arguments: list[str], number: signal.Signals, code: int, tmp_path: Path
) -> None:
    process = started(arguments, tmp_path, [])
    process.send_signal(number)
    out, _ = process.communicate()
    assert process.returncode == code
    assert b"Traceback" not in out


UNSHARE = ("unshare", "--pid", "--fork", "--kill-child")
can_unshare = (
    shutil.which("unshare") is not None
    and subprocess.run([*UNSHARE, "true"], capture_output=True, check=False).returncode == 0
)


@pytest.mark.skipif(not can_unshare, reason="needs to make a namespace of processes")
@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
@pytest.mark.parametrize("arguments", [[*SENDS, "3600"], ["trace", "--follow"]])
def test_the_first_process_of_a_container_ends_too(
    arguments: list[str], number: signal.Signals, code: int, tmp_path: Path
) -> None:
    with started(arguments, tmp_path, [], UNSHARE) as process:
        children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text()
        os.kill(int(children), number)
        assert process.stdout is not None
        process.stdout.read()
    assert process.returncode == code
