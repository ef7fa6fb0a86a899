"""Tests of a cluster have an epmd of their own, and one node of Elixir for all tests of a file."""

import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from peers import Peer, free_port


@pytest.fixture(scope="session", autouse=True)
def _own_epmd(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """An epmd on a port of its own, and a home with a cookie of its own."""
    home: Path = tmp_path_factory.mktemp("home")
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("HOME", str(home))
        environment.setenv("ERL_EPMD_PORT", str(free_port()))
        environment.setenv("ERL_EPMD_ADDRESS", "127.0.0.1")
        environment.delenv("XDG_CONFIG_HOME", raising=False)
        if shutil.which("epmd"):
            subprocess.run(["epmd", "-daemon"], check=True)
        yield
        if shutil.which("epmd"):
            subprocess.run(["epmd", "-kill"], capture_output=True, check=False)


@pytest.fixture(scope="module")
def peer() -> Iterator[Peer]:
    """A node of Elixir."""
    started = Peer(f"ex{os.getpid()}@127.0.0.1")
    yield started
    started.close()
