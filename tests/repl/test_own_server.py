"""A server that this program has never seen: called, cast to, crashed, started again, replayed."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from terminals import Terminal, clean

from genreply_cli.otp import GenServer, Node
from genreply_cli.otp.virtual_time import run
from genreply_cli.repl.commands import completions
from genreply_cli.session.own_server import OwnServer, load
from genreply_cli.session.requests import Requests
from genreply_cli.session.settings import Settings

STACK = """
from dataclasses import dataclass
from genreply_cli.otp import From, GenServer, NoReply, Reply

@dataclass(frozen=True)
class Push:
    item: object

@dataclass(frozen=True)
class Put:
    key: str
    value: object

@dataclass(frozen=True)
class Pop:
    pass

class Stack(GenServer[list]):
    def init(self, *items): return list(items)

    async def size(self, timeout=5.0): return len(await self.call(Put("size", 0), timeout))

    def handle_call(self, request: Pop | Put, from_: From, state):
        if isinstance(request, Put): return Reply((request.key, request.value), state)
        return Reply(state[0], state[1:])

    def handle_cast(self, request: Push, state): return NoReply([request.item, *state])

    def handle_info(self, message, state): return NoReply([message, *state])

def make(*items): return Stack.start_link(*items, name="made")
"""


def genreply(*arguments: str, stdin: str = "") -> "subprocess.CompletedProcess[str]":
    """In a process of its own, which has not imported the file."""
    return subprocess.run(
        [sys.executable, "-m", "genreply_cli", *arguments],
        input=stdin,
        capture_output=True,
        text=True,
        check=False,
        env=clean({}),
    )


@pytest.fixture
def mine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / "mine.py"
    path.write_text(STACK)
    monkeypatch.chdir(tmp_path)
    return path


def stack() -> Any:
    """The class, as this process imports it."""
    return load("mine.py:Stack", [], None).make


def typed(server: str, *lines: str, start: tuple[str, ...] = ()) -> tuple[list[str], list[str]]:
    """What is printed on stdout and on stderr when these lines are typed."""
    arguments = [argument for value in start for argument in ("--start", value)]
    done = genreply(
        "repl", server, *arguments, "--record", "r.jsonl", stdin="\n".join([*lines, ""])
    )
    return done.stdout.splitlines(), done.stderr.splitlines()


def test_calls_casts_messages_and_the_state(mine: Path) -> None:
    lines = "Pop", "/cast Push 3", '/cast Push("a b")', "/send [1, 2]", "Pop", "/state", "size"
    out, err = typed("./mine.py:Stack", *lines, start=("1", "two"))
    assert out == [
        "1",
        "[1, 2]",
        "stack is Stack",
        '  state  ["a b", 3, "two"]',
        "  stack's mailbox: empty",
        "2",
    ]
    assert err == []


def test_the_mailbox_is_shown_whatever_is_in_it(mine: Path) -> None:
    shown = """
class Bad:
    def __repr__(self): raise ValueError("no text")

class Flooded(Stack):
    def handle_call(self, request: object, from_: From, state):
        for message in (Put("a", Bad()), ("tag", Bad()), [Bad()], {Bad(): 1}): self.send(message)
        return Reply("sent", state)
"""
    mine.write_text(STACK + shown)
    out, err = typed("./mine.py:Flooded", "/step on", "7", "", "/state")
    bad = "<Bad whose repr raised ValueError>"
    row = f'put "a", {bad}; tag {bad}; [{bad}]; <dict whose repr raised ValueError>'
    assert out.count(f"  flooded's mailbox: {row}") == 2
    assert err == []


def test_after_a_crash_a_new_one_is_started_and_the_recording_is_replayed(mine: Path) -> None:
    out, err = typed("./mine.py:Stack", "Pop", "/cast Push 3", "Pop", "/crash stack", "/state")
    assert "error: c1 got no reply: the server exited, IndexError: list index out of range" in err
    assert out[0] == "3"
    assert out[-1] == "no stack is running; the next call, or /restart, starts one"
    told = genreply("trace", "r.jsonl").stdout
    assert "crash stack: IndexError: list index out of range" in told
    assert "start stack-2: Stack" in told
    assert genreply("trace", "r.jsonl", "--check").returncode == 0
    explained = genreply("trace", "r.jsonl", "--explain").stdout
    assert "stack-2 replies 3" in explained
    refused = genreply("trace", "r.jsonl", "--rerun")
    assert "it cannot be run again: its server is mine.py:Stack" in refused.stderr


@pytest.mark.parametrize("server", ["mine:Stack", "mine.py:make", "mine.py", "mine:make"])
def test_a_server_is_a_class_in_a_module_or_a_file_or_what_a_factory_starts(
    mine: Path, server: str
) -> None:
    done = genreply("send", "Pop", "Put a 3", "--server", server, "--start", "7", "--start", "8")
    assert (done.stdout, done.returncode) == ("7\n('a', 3)\n", 0)


@pytest.mark.parametrize(
    ("server", "problem"),
    [
        ("none.py:Stack", "there is no file none.py"),
        ("none:Stack", "none cannot be imported: ModuleNotFoundError: No module named 'none'"),
        ("mine.py:Stak", "mine.py has no Stak; its servers: Stack"),
        ("mine.py:Push", "mine.py:Push is no GenServer; its servers: Stack"),
        (
            "mine.py:Stack --call push",
            "Stack has no request or method 'push'; it has: size, Pop, Put",
        ),
        ("mine.py:Stack --delay 1s", "--delay is for the coordinators"),
    ],
)
def test_what_is_no_server_gets_a_sentence(mine: Path, server: str, problem: str) -> None:
    done = genreply("send", "Pop", "--server", *server.split())
    assert done.returncode == 2
    assert done.stderr.startswith(f"error: {problem}") or f": {problem}" in done.stderr
    assert "Traceback" not in done.stderr


def test_an_error_while_the_file_is_imported_names_its_line(mine: Path) -> None:
    mine.write_text("x = 1\ny = nothing\n")
    done = genreply("send", "Pop", "--server", "mine.py:Stack")
    problem = "mine.py cannot be imported, line 2: NameError: name 'nothing' is not defined"
    assert problem in done.stderr


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ("Pup", "there is no request 'Pup'; expected one of: Pop, Put, size"),
        ("Put 3", "Put takes key, value: missing a required argument: 'value'"),
        ("Pop 3", "Pop takes no values: too many positional arguments"),
        ("/cast Push", "Push takes item: missing a required argument: 'item'"),
        ("/cast", "which message? expected one of: Push"),
        ("/delay 1s", "mine.py:Stack has no delay: only the coordinators have one"),
    ],
)
def test_what_cannot_be_asked_gets_a_sentence_and_is_not_sent(
    mine: Path, line: str, problem: str
) -> None:
    out, err = typed("mine.py:Stack", line, "Put a 1")
    assert (out, err) == (["('a', 1)"], [f"error: {problem}"])


def test_values_are_python_literals_or_bare_text(mine: Path) -> None:
    requests = Requests(stack())
    made = [requests.cast(text).item for text in ("Push 3", "Push a b", "Push (1, 2)", "Push(4)")]
    assert made == [3, "a b", (1, 2), 4]
    assert requests.cast("Push(item='x')").item == "x"
    assert requests.info("plain text") == "plain text"
    assert requests.info("{'a': [1]}") == {"a": [1]}


def test_its_own_requests_are_completed(mine: Path) -> None:
    server, requests = OwnServer("mine.py:Stack", stack()), Requests(stack())

    def offered(line: str) -> list[str]:
        return [word for word, _ in completions(line, (), list, server, requests)]

    assert offered("P") == ["Pop", "Put"]
    assert offered("/cast P") == ["Push"]


def test_the_coordinators_are_servers_like_any_other() -> None:
    done = genreply("send", "Hello", "3", "--server", "genreply_cli.variations:KeyedCoordinator")
    assert done.stdout == "Hello to you too!\n3 to you too!\n"


def test_a_server_that_calls_another_does_not_shift_the_names_of_the_calls(mine: Path) -> None:
    mine.write_text(
        STACK
        + """
class Front(GenServer[Stack]):
    def init(self): return Stack.start_link(name="back")
    async def handle_call(self, request, from_, state):
        if request == "fail": raise ValueError(request)
        return Reply(await state.call(Put(request, 1)), state)
"""
    )
    out, err = typed("mine.py:Front", "a", "b", "fail")
    assert out == ["('a', 1)", "('b', 1)"]
    assert err == ["error: c5 got no reply: the server exited, ValueError: fail"]
    done = genreply("send", "a", "b", "fail", "--server", "mine.py:Front", "--json")
    assert [line[:14] for line in done.stdout.splitlines()] == [
        '{"call": "c1",', '{"call": "c3",', '{"call": "c5",',
    ]  # fmt: skip


def test_what_is_started_is_a_server_of_the_running_node(mine: Path) -> None:
    async def start() -> GenServer[list[int]]:
        async with Node():
            return Settings(server=load("mine.py:Stack", ["1"], None)).start(number=2)  # type: ignore[return-value]

    assert type(run(start())).__name__ == "Stack"


def test_a_server_that_is_restarted_ends_though_it_has_casts_behind_it(mine: Path) -> None:
    typed("mine.py:Stack", "/cast Push 1", "/restart", "/cast Push 2", "Pop")
    told = genreply("trace", "r.jsonl").stdout
    assert "exit stack: ended: shutdown" in told
    assert " reply stack-2 -> " in told


def test_stepping_delivers_its_messages_one_by_one(mine: Path) -> None:
    out, _ = typed("mine.py:Stack", "/step on", "/cast Push 1", "Pop", "", "", "/step off")
    assert [line for line in out if line.startswith("delivered")] == [
        "delivered to stack: push 1",
        "delivered to stack: pop",
    ]


def test_at_a_prompt_it_says_whose_requests_are_typed(
    mine: Path, terminal: Callable[..., Terminal]
) -> None:
    session = terminal("repl", str(mine) + ":Stack", "--start", "7", "--no-history")
    session.wait_for("type a request of mine.py:Stack; it waits for its reply")
    session.child.send("Pop\r")
    session.wait_for(lambda rows: rows[-2:] == ["7", "stack>"])
