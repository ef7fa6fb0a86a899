"""The programs of `service.md` against a real WebSocket server and a real child process."""

import asyncio
import contextlib
import importlib.util
import re
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

import genreply_cli
from genreply_cli.otp import CallTimeout, Node, debug

HERE = Path(__file__).parent
PATIENCE = 60  # seconds, for a busy machine

GUIDE = (Path(genreply_cli.__file__).parent / "service.md").read_text()
PROGRAMS = dict(re.findall(r"<!-- (\w+\.py) -->\n```python\n(.*?)```", GUIDE, re.DOTALL))


@pytest.fixture
def program(tmp_path: Path) -> Callable[[str], Path]:
    def write(name: str) -> Path:
        path = tmp_path / name
        path.write_text(PROGRAMS[name])
        return path

    return write


def load(path: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


class EchoServer:
    """`echo_server.py` in a child process. It is killed, and started again on the same port."""

    def __init__(self) -> None:
        self.port = 0
        self.process: subprocess.Popen[str] | None = None

    def start(self, least: float, most: float) -> None:
        command = [sys.executable, str(HERE / "echo_server.py")]
        command += map(str, (self.port, least, most))
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        assert self.process.stdout
        self.port = int(self.process.stdout.readline())

    def kill(self) -> None:
        if self.process is not None:
            self.process.kill()
            self.process.communicate()
            self.process = None


@pytest.fixture
def server() -> Iterator[EchoServer]:
    server = EchoServer()
    yield server
    server.kill()


def run_in_node(story: Callable[[], Awaitable[None]]) -> None:
    """Run a story in a node; no task may be left behind it."""

    async def whole() -> None:
        async with asyncio.timeout(PATIENCE):
            async with Node():
                await story()
            assert asyncio.all_tasks() == {asyncio.current_task()}

    asyncio.run(whole())


def test_the_programs_are_as_short_as_promised_and_none_is_missing() -> None:
    lines = {
        name: len([line for line in _class_lines(text) if line.strip()])
        for name, text in PROGRAMS.items()
    }
    assert set(lines) == {"websocket_client.py", "mcp_client.py"}
    assert lines["websocket_client.py"] <= 25
    assert lines["mcp_client.py"] <= 40


def _class_lines(program: str) -> list[str]:
    """The client: its classes and what they import, without the `main` that shows it."""
    client = program.partition("async def main")[0].splitlines()
    for_main = {"import asyncio", "import sys", "from genreply_cli.otp import Node"}
    return [line for line in client if line not in for_main]


def test_the_websocket_program_prints_its_answers(
    program: Callable[[str], Path], server: EchoServer
) -> None:
    server.start(0, 0.05)
    command = [sys.executable, str(program("websocket_client.py")), f"ws://127.0.0.1:{server.port}"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=PATIENCE)
    assert (done.stdout, done.stderr, done.returncode) == ("Hello there\n", "", 0)


def test_the_mcp_program_prints_its_answers(program: Callable[[str], Path]) -> None:
    tools = [sys.executable, str(HERE / "mcp_server.py")]
    command = [sys.executable, str(program("mcp_client.py")), *tools]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=PATIENCE)
    assert (done.stdout, done.returncode) == ("adder\n3\n", 0)
    assert done.stderr == "ping: no ping\n"


def test_the_programs_have_strict_types(program: Callable[[str], Path], tmp_path: Path) -> None:
    for name in PROGRAMS:
        program(name)
    command = [
        sys.executable,
        "-m",
        "mypy",
        "--strict",
        f"--cache-dir={tmp_path / 'c'}",
        str(tmp_path),
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


def test_a_thousand_callers_get_their_own_answers_and_are_all_told_when_the_server_is_killed(
    program: Callable[[str], Path], server: EchoServer
) -> None:
    server.start(0, 0.05)
    module = load(program("websocket_client.py"))

    async def story() -> None:
        client = module.Client.start(f"ws://127.0.0.1:{server.port}")
        words = [f"word {n}" for n in range(1000)]
        assert await asyncio.gather(*(client.ask(word, PATIENCE) for word in words)) == words

        server.kill()
        with contextlib.suppress(ConnectionError):
            await client.ask("may find the connection still there")
        server.start(PATIENCE, PATIENCE)
        await until_connected(client)
        asked = [asyncio.create_task(client.ask(word, None)) for word in words]
        while len((await debug.get_state(client)).sent) < 1000:  # noqa: ASYNC110  # no event tells it
            await asyncio.sleep(0.01)
        server.kill()
        killed = time.monotonic()
        outcomes = await asyncio.gather(*asked, return_exceptions=True)
        assert {type(outcome) for outcome in outcomes} == {ConnectionError}
        assert time.monotonic() - killed < 5  # a tenth of a second, where nothing else runs
        assert len(set(map(id, outcomes))) == 1000

        server.start(0, 0)
        await until_connected(client)
        assert await client.ask("again", PATIENCE) == "again"

        server.kill()
        server.start(PATIENCE, PATIENCE)
        await until_connected(client)
        gone = await asyncio.gather(
            *(client.ask(word, 0.001) for word in words[:500]), return_exceptions=True
        )
        assert {type(outcome) for outcome in gone} == {CallTimeout}
        state = await debug.get_state(client)
        assert (state.callers, state.keys, state.sent) == ({}, {}, set())

    run_in_node(story)


async def until_connected(client: Any) -> None:
    """Wait for the connection, however many attempts that takes."""
    while True:
        with contextlib.suppress(ConnectionError):
            await client.connected(PATIENCE)
            await client.connected(PATIENCE)
            if (await debug.get_state(client)).writer is not None:
                return


def test_a_tool_that_fails_is_an_error_and_one_that_is_given_up_is_cancelled(
    program: Callable[[str], Path], capfd: pytest.CaptureFixture[str]
) -> None:
    module = load(program("mcp_client.py"))

    async def story() -> None:
        tools = module.Tools.start(sys.executable, str(HERE / "mcp_server.py"))
        for name, arguments in (("add", {"a": 1, "b": 2}), ("none", {})):
            request = ("tools/call", {"name": name, "arguments": arguments})
            if name == "add":
                sums = await asyncio.gather(*(tools.ask(request, PATIENCE) for _ in range(200)))
                assert [answer["content"][0]["text"] for answer in sums] == ["3"] * 200
            else:
                with pytest.raises(RuntimeError, match="Unknown tool: none"):
                    await tools.ask(request, PATIENCE)
        slow = ("tools/call", {"name": "slow", "arguments": {"seconds": PATIENCE}})
        asked = asyncio.create_task(tools.ask(slow, None))
        said = ""
        while "began" not in said:
            await asyncio.sleep(0.01)
            said += capfd.readouterr().err
        asked.cancel()
        while "was cancelled" not in said:
            await asyncio.sleep(0.01)
            said += capfd.readouterr().err
        assert (await debug.get_state(tools)).callers == {}
        last = asyncio.create_task(tools.ask(slow, None))
        while said.count("began") < 2:
            await asyncio.sleep(0.01)
            said += capfd.readouterr().err
        await tools.stop()
        with pytest.raises(Exception, match="exited before it replied"):
            await last

    run_in_node(story)
