"""What the page of the cluster shows is what happens, but for times and the names of nodes."""

import os
import re
import subprocess
import sys
import threading
from pathlib import Path

from peers import NEEDS_ELIXIR, Peer

import genreply_cli.cluster

PAGE = (Path(genreply_cli.cluster.__file__).parent / "README.md").read_text()
BLOCKS = re.findall(r"^```\w*\n(.*?)^```$", PAGE, re.DOTALL | re.MULTILINE)
[JOIN, CALL, THEIRS, START, SEND] = BLOCKS

pytestmark = NEEDS_ELIXIR


def shown(text: str, py: str, ex: str) -> list[str]:
    """The lines of a timeline without what differs each time; nodes are named as on the page."""
    text = text.replace(py, "py@127.0.0.1").replace(ex, "ex@127.0.0.1")
    text = re.sub(r"genreply-\d+@", "genreply-1@", text)
    text = re.sub(r"blocked \d\.\d{3} s", "blocked", text)
    return re.sub(r"^\d+\.\d{6} ", "", text, flags=re.MULTILINE).splitlines()


def elixir(block: str) -> tuple[str, str]:
    """What is typed into IEx, and what it prints."""
    typed, printed = block.splitlines()
    return typed.removeprefix("iex> "), printed


def test_elixir_calls_python(peer: Peer) -> None:
    py = f"page{os.getpid()}@127.0.0.1"
    command = [sys.executable, "-m", "genreply_cli", "join", py]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        wanted = shown(THEIRS, py, peer.node)
        lines: list[str] = []
        done = threading.Event()

        def read() -> None:
            assert process.stderr is not None
            for line in process.stderr:
                lines.append(line)
                if " reply " in line:
                    done.set()

        reader = threading.Thread(target=read)
        reader.start()
        said = process.stdout.readline()
        assert shown(said, py, peer.node) == JOIN.splitlines()[1:]
        typed, printed = elixir(CALL)
        assert peer.eval(typed.replace("py@127.0.0.1", py)) == printed
        assert done.wait(60)
        process.kill()
        reader.join()
    seen = shown("".join(lines), py, peer.node)
    assert [line for line in seen if line in wanted] == wanted


def test_python_calls_elixir(peer: Peer) -> None:
    typed, printed = elixir(START)
    assert peer.eval(typed) == printed
    command = ["send", "Hello", "--at", peer.node, "--timeline"]
    assert SEND.splitlines()[0] == '$ genreply send "Hello" --at ex@127.0.0.1 --timeline'
    sent = subprocess.run(
        [sys.executable, "-m", "genreply_cli", *command],
        capture_output=True,
        text=True,
        check=True,
    )
    seen = shown(sent.stderr + sent.stdout, "py", peer.node)
    wanted = shown("".join(SEND.splitlines(keepends=True)[1:]), "py", peer.node)
    assert seen == wanted
