"""Another node of an Erlang cluster, in a process of its own, that evaluates Elixir."""

import os
import shutil
import socket
import subprocess
import sys
from pathlib import Path

import pytest

import genreply_cli

COORDINATORS = Path(genreply_cli.__file__).parent / "elixir" / "coordinators.exs"
PEER = Path(__file__).parent.parent / "cluster" / "peer.exs"

NEEDS_ELIXIR = pytest.mark.skipif(
    shutil.which("elixir") is None and not os.environ.get("GENREPLY_NEED_ERL"),
    reason="no `elixir` on the path; apt-get install elixir, to test a cluster",
)


def free_port() -> int:
    """A port of this machine that nobody listens on."""
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        port: int = listening.getsockname()[1]
        return port


class Peer:
    """A node of Elixir. `node` is its name."""

    def __init__(self, node: str) -> None:
        self.node = node
        self.process = subprocess.Popen(
            ["elixir", "-r", str(COORDINATORS), str(PEER), node],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=sys.stderr,
            text=True,
            env=os.environ | {"ELIXIR_ERL_OPTIONS": "-kernel inet_dist_use_interface {127,0,0,1}"},
        )
        assert self._line() == "ready"

    def eval(self, code: str) -> str:
        """What a line of Elixir evaluates to, as `inspect` writes it."""
        self.begin(code)
        return self.result()

    def begin(self, code: str) -> None:
        """Have a line evaluated, and do not wait."""
        assert "\n" not in code
        assert self.process.stdin is not None
        self.process.stdin.write(f"{code}\n")
        self.process.stdin.flush()

    def result(self) -> str:
        """What the line evaluates to that was begun."""
        return self._line()

    def _line(self) -> str:
        assert self.process.stdout is not None
        return self.process.stdout.readline().rstrip("\n")

    def close(self) -> None:
        """End the node."""
        self.process.kill()
        self.process.communicate()
