"""`genreply join` serves the coordinator to a cluster; `genreply send --at` greets elsewhere."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from commands import genreply
from peers import NEEDS_ELIXIR, Peer
from terminals import Terminal

from genreply_cli.cli.help import EXAMPLES
from genreply_cli.session.elsewhere import At, parse_at

Join = Callable[..., tuple[str, "subprocess.Popen[str]"]]


@pytest.fixture
def join() -> Iterator[Join]:
    """Starts `genreply join`, and waits until it serves. Gives the name of the node."""
    started: list[subprocess.Popen[str]] = []

    def start(*options: Any) -> tuple[str, "subprocess.Popen[str]"]:
        node = f"py{os.getpid()}x{len(started)}@127.0.0.1"
        process = subprocess.Popen(
            [sys.executable, "-m", "genreply_cli", "join", node, *map(str, options)],
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        started.append(process)
        assert process.stdout is not None
        assert process.stdout.readline().startswith(f"{node} serves :")
        return node, process

    yield start
    for process in started:
        process.kill()
        process.communicate()


def send(*arguments: Any) -> "subprocess.CompletedProcess[str]":
    """`genreply send` in a process of its own: a BEAM cannot be waited for on a virtual clock."""
    command = [sys.executable, "-m", "genreply_cli", "send", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


@NEEDS_ELIXIR
def test_iex_and_send_get_the_deferred_reply_of_the_coordinator_that_has_joined(
    join: Join, peer: Peer, tmp_path: Path
) -> None:
    theirs, ours = tmp_path / "theirs.jsonl", tmp_path / "ours.jsonl"
    node, process = join("--record", theirs)
    call = f'GenServer.call({{:coordinator, :"{node}"}}, {{:greet, "Hello"}})'
    assert peer.eval(call) == '"Hello to you too!"'
    greeted = send("Hi", "--at", node, "--record", ours, "--no-timeline")
    assert (greeted.returncode, greeted.stdout) == (0, "Hi to you too!\n")
    process.send_signal(signal.SIGINT)
    process.wait()
    assert process.returncode == -signal.SIGINT
    for path in (theirs, ours):
        assert genreply("trace", path, "--check").code == 0
    both = genreply("trace", ours, "--with", theirs, "--print")
    assert f'caller@{peer.node} -> coordinator: greet "Hello"' in both.out
    assert 'caller -> coordinator: greet "Hi"' in both.out
    again = genreply("trace", ours, "--rerun")
    assert again.code == 5
    assert "other nodes took part in it" in again.err


@NEEDS_ELIXIR
def test_ctrl_c_while_a_caller_elsewhere_waits_ends_the_call_and_says_nothing_else(
    peer: Peer, tmp_path: Path
) -> None:
    node = f"ends{os.getpid()}@127.0.0.1"
    command = [sys.executable, "-m", "genreply_cli", "join", node, "--delay", "60s"]
    with subprocess.Popen(
        [*command, "--record", tmp_path / "it.jsonl"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        assert process.stdout.readline().startswith(node)
        call = f'GenServer.call({{:coordinator, :"{node}"}}, {{:greet, "Hi"}}, :infinity)'
        peer.begin(f"try do {call} catch :exit, reason -> elem(reason, 0) end")
        for line in process.stderr:
            if " noreply " in line:
                break
        process.send_signal(signal.SIGINT)
        rest = process.stderr.read().splitlines()
    assert peer.result() == f'{{:nodedown, :"{node}"}}'
    kinds = [line.split()[2] for line in rest]
    assert kinds == ["exit", "cancel", "down", "end:"], rest
    assert genreply("trace", tmp_path / "it.jsonl", "--check").code == 0


@NEEDS_ELIXIR
def test_send_greets_the_articles_own_coordinator_in_elixir(peer: Peer) -> None:
    peer.eval("{:ok, c} = Coordinator.start(); Process.register(c, :articles)")
    greeted = send("Hello", "--at", f"{peer.node}/articles", "--timeline", "--view", "plain")
    assert (greeted.returncode, greeted.stdout) == (0, "Hello to you too!\n")
    assert f'caller -> articles@{peer.node}: greet "Hello"' in greeted.stderr


STACK = """
from dataclasses import dataclass
from genreply_cli.otp import GenServer, Reply

@dataclass(frozen=True)
class Push:
    item: int

@dataclass(frozen=True)
class Pop:
    pass

class Stack(GenServer):
    def init(self, *items):
        return list(items)

    def handle_call(self, request: Push | Pop, from_, state):
        match request:
            case Push(item):
                return Reply("pushed", [*state, item])
            case Pop():
                return Reply(state[-1], state[:-1])
"""


@NEEDS_ELIXIR
def test_a_server_of_ones_own_is_served(join: Join, peer: Peer, tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text(STACK)
    node, _ = join("--serve", f"stack={tmp_path / 'mine.py'}:Stack", "--start", 1)
    there = f'{{:stack, :"{node}"}}'
    assert peer.eval(f"GenServer.call({there}, {{:push, 3}})") == '"pushed"'
    assert peer.eval(f"for _ <- 1..2, do: GenServer.call({there}, :pop)") == "[3, 1]"


@NEEDS_ELIXIR
def test_after_a_crash_another_coordinator_is_served(join: Join, peer: Peer) -> None:
    node, _ = join()
    call = f'GenServer.call({{:coordinator, :"{node}"}}, :what)'
    crashed = peer.eval(f"try do {call} catch :exit, reason -> elem(reason, 0) end")
    assert crashed.startswith('{:python, "AttributeError"')
    greet = f'GenServer.call({{:coordinator, :"{node}"}}, {{:greet, "again"}})'
    for _ in range(100):
        answer = peer.eval(f"try do {greet} catch :exit, _ -> Process.sleep(20) end")
        if answer != ":ok":
            break
    assert answer == '"again to you too!"'


@NEEDS_ELIXIR
def test_the_members_of_a_group_take_turns_and_the_others_go_on_when_one_is_killed(
    join: Join, tmp_path: Path
) -> None:
    first, _ = join("--group", "greeters", "--record", tmp_path / "first.jsonl")
    _, second = join("--group", "greeters", "--connect", first)
    at = f"{first}/group:greeters"
    greeted = send(*map(str, range(10)), "--at", at, "-j", 10)
    assert greeted.stdout == "".join(f"{number} to you too!\n" for number in range(10))
    seen = genreply("trace", tmp_path / "first.jsonl", "--events", "--kind", "call").out
    assert seen.count('"kind":"call"') == 5
    second.kill()
    second.wait()
    for _ in range(100):
        greeted = send("A", "B", "--at", at)
        if greeted.returncode == 0:
            break
    assert greeted.stdout == "A to you too!\nB to you too!\n"


@NEEDS_ELIXIR
@pytest.mark.parametrize(
    ("place", "problem"),
    [
        ("{node}/nobody", "no process is named nobody on {node}"),
        ("nowhere@127.0.0.1", "no connection to the node nowhere@127.0.0.1"),
        ("{node}/group:none", "the group none has no members"),
    ],
)
def test_who_cannot_be_reached_is_named_at_once_with_exit_status_4(
    peer: Peer, place: str, problem: str
) -> None:
    failed = send("Hello", "--at", place.format(node=peer.node))
    assert failed.returncode == 4
    assert problem.format(node=peer.node) in failed.stderr
    assert "Traceback" not in failed.stderr


def test_a_place_is_a_node_and_perhaps_a_name_or_a_group() -> None:
    assert parse_at("py@127.0.0.1") == At("py@127.0.0.1", "coordinator", False)
    assert parse_at("py@host/room") == At("py@host", "room", False)
    assert parse_at("py@host/group:g") == At("py@host", "g", True)
    assert At("py@127.0.0.1").own_name.endswith("@127.0.0.1")
    assert "." not in At("py@host").own_name.partition("@")[2]
    for wrong in ("", "py", "py@", "@host", "a b@host", "py@host/", "py@host/a/b", "py@h/group:"):
        with pytest.raises(ValueError, match="is no place in a cluster"):
            parse_at(wrong)


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        (["send", "Hi", "--at", "x"], "'x' is no place in a cluster"),
        (["repl", "--at", "a@h", "--delay", "1s"], "leave it out with --at"),
        (["repl", "mine.py:Stack", "--at", "a@h"], "--at is for the coordinators"),
        (["send", "Hi", "--cookie-file", "x"], "--cookie-file is for --at, which is missing"),
        (["send", "Hi", "--at", "a@h", "--delay", "1s"], "leave it out with --at"),
        (["send", "Hi", "--at", "a@h", "--clock", "virtual"], "leave it out with --at"),
        (["join", "x"], "'x' is no name of a node; expected one like py@127.0.0.1"),
        (["join", "a@no.such.host.invalid"], "is no known host, so no other node can reach a@no"),
        (["join", "a@127.0.0.9"], "127.0.0.9 is 127.0.0.9, and the node would listen on 127.0.0.1"),
        (["join", "a@127.0.0.1", "--serve", ""], "'' is no name in a cluster; expected 1 to 255"),
        (["join", "a@127.0.0.1", "--group", "x" * 256], "is no name in a cluster"),
        (["join", "a@127.0.0.1", "--connect", "x y"], "'x y' is no name of a node"),
        (["join", f"{'x' * 256}@127.0.0.1"], "is no name of a node"),
        (["send", "Hi", "--at", f"a@127.0.0.1/{'x' * 256}"], "is no place in a cluster"),
        (["join", "a@h", "--listen", "0.0.0.0"], "expected --tls FILE as well, or --insecure"),
        (["join", "a@h", "--listen", "x"], "'x' is no address"),
        (["join", "a@127.0.0.1", "--start", "1"], "--start is for a SERVER of your own"),
        (["join", "a@127.0.0.1", "--serve", "x=no_such:X"], "no_such cannot be imported"),
        (
            ["join", "a@127.0.0.1", "--serve", "x=a:X", "--delay", "1s"],
            "--delay is for the coordinators",
        ),
    ],
)
def test_what_does_not_fit_is_refused(arguments: list[str], problem: str) -> None:
    refused = genreply(*arguments)
    assert refused.code == 2
    assert problem in " ".join(refused.err.split())


@NEEDS_ELIXIR
@pytest.mark.parametrize(
    ("cookie", "mode", "problem"),
    [
        (None, 0o600, "cannot be read: No such file or directory"),
        (b"", 0o600, "holds no cookie: expected one line of 1 to 255 printable ASCII characters"),
        (b"\n", 0o600, "holds no cookie"),
        (b"one\nsecret\n", 0o600, "holds no cookie"),
        (b"secret\xff", 0o600, "holds no cookie"),
        (b"secret" * 50, 0o600, "holds no cookie"),
        (b"secret\n", 0o644, "others can read or change the cookie file"),
    ],
)
def test_a_cookie_file_that_is_no_good_is_refused_and_not_shown(
    tmp_path: Path, cookie: bytes | None, mode: int, problem: str
) -> None:
    file = tmp_path / "it"
    if cookie is not None:
        file.write_bytes(cookie)
        file.chmod(mode)
    refused = send("Hi", "--at", "nowhere@127.0.0.1", "--cookie-file", file)
    assert refused.returncode == 1
    assert problem in " ".join(refused.stderr.split())
    assert "secret" not in refused.stderr


@NEEDS_ELIXIR
def test_the_cookie_is_in_no_arguments_and_no_transcript(join: Join, tmp_path: Path) -> None:
    file = tmp_path / "it"
    file.write_text("a-secret-word\n")
    file.chmod(0o600)
    node, _ = join("--cookie-file", file, "--record", tmp_path / "it.jsonl")
    greeted = send("Hi", "--at", node, "--cookie-file", file, "--timeline")
    assert greeted.stdout == "Hi to you too!\n"
    assert "a-secret-word" not in greeted.stderr + (tmp_path / "it.jsonl").read_text()
    for command in Path("/proc").glob("[0-9]*/cmdline"):
        with suppress(OSError):
            assert b"a-secret-word" not in command.read_bytes()


def test_without_erlang_one_sentence_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GENREPLY_ERL", "no-such-erl")
    for arguments in (["join", "py@127.0.0.1"], ["send", "Hi", "--at", "py@127.0.0.1"]):
        missing = genreply(*arguments)
        assert missing.code == 2
        assert "apt-get install erlang-base (Debian), brew install erlang (macOS)" in " ".join(
            missing.err.split()
        )


@NEEDS_ELIXIR
def test_the_repl_greets_a_coordinator_of_another_node(
    join: Join, terminal: Callable[..., Terminal], tmp_path: Path
) -> None:
    record = tmp_path / "it.jsonl"
    node, process = join("--delay", "10ms")
    session = terminal("repl", "--at", node, "--record", str(record), "--timeout", "20")
    session.wait_for(f"type a greeting for {node}/coordinator; it waits for its deferred reply")
    session.child.send("Hello\r")
    session.wait_for(lambda rows: rows[-2:] == ["Hello to you too!", "greet>"])
    session.child.send("/state\r")
    session.wait_for(f"/state is for a server that runs in this program; {node}/coordinator runs")
    session.child.send("/set\r")
    session.wait_for("timeout      20")
    process.kill()
    process.wait()
    session.child.send("Are you there?\r")
    session.wait_for("c2 got no reply")
    session.child.send("\x04")
    assert session.end() == 0
    assert genreply("trace", record, "--check").code == 0
    assert (
        genreply("trace", record, "--events", "--kind", "reply").out.count("Hello to you too!") == 1
    )


@NEEDS_ELIXIR
def test_the_repl_says_who_cannot_be_reached_and_goes_on(peer: Peer) -> None:
    at = f"{peer.node}/nobody"
    done = subprocess.run(
        [sys.executable, "-m", "genreply_cli", "repl", "--at", at],
        input="A\n/delay 1s\nB\nC\n/help\n",
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0
    assert done.stderr.count(f"no process is named nobody on {peer.node}") == 3
    assert f"/delay is for a server that runs in this program; {at} runs" in done.stderr
    assert "/calls" in done.stdout
    assert "/delay" not in done.stdout


@NEEDS_ELIXIR
def test_the_examples_of_the_help_serve(join: Join, tmp_path: Path) -> None:
    for command, _ in EXAMPLES["join"]:
        options = command.replace("it.jsonl", str(tmp_path / "it.jsonl")).split()[3:]
        assert join(*options)[1].poll() is None
