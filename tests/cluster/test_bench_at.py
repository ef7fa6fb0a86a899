"""`genreply bench --at` measures calls to another node, beside those that the BEAM makes."""

import json
import subprocess
import sys
from typing import Any

import pytest
from commands import genreply
from peers import NEEDS_ELIXIR, Peer


def bench(*arguments: Any) -> "subprocess.CompletedProcess[str]":
    """`genreply bench` in a process of its own, with few calls."""
    command = [sys.executable, "-m", "genreply_cli", "bench", "--rounds", "1", *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False)


@NEEDS_ELIXIR
def test_python_and_the_beam_call_the_same_process(peer: Peer) -> None:
    peer.eval("{:ok, c} = KeyedCoordinator.start(); Process.register(c, :measured)")
    measured = bench("--at", f"{peer.node}/measured", "--scale", "0.01", "--json")
    assert measured.stderr == ""
    figures = json.loads(measured.stdout)["figures"]
    assert [figure["name"] for figure in figures] == ["one caller", "1,000 callers"]
    for figure in figures:
        assert figure["unit"] == "greetings/s"
        assert figure["beside"] == "a BEAM node that calls the same"
        assert figure["ratio"] == figure["genreply"] / figure["baseline"] > 0


@NEEDS_ELIXIR
@pytest.mark.parametrize(
    ("place", "problem"),
    [
        ("{node}/nobody", "no process is named nobody on {node}"),
        ("nowhere@127.0.0.1", "no connection to the node nowhere@127.0.0.1"),
    ],
)
def test_who_cannot_be_called_is_named(peer: Peer, place: str, problem: str) -> None:
    failed = bench("--at", place.format(node=peer.node))
    assert failed.returncode == 4
    assert problem.format(node=peer.node) in failed.stderr
    assert "Traceback" not in failed.stderr


@NEEDS_ELIXIR
def test_a_group_is_not_measured() -> None:
    refused = genreply("bench", "--at", "a@127.0.0.1/group:greeters")
    assert refused.code == 2
    assert "a group is not measured; expected --at NODE or --at NODE/NAME" in " ".join(
        refused.err.split()
    )
