"""The programs of `service.md` against real servers: a WebSocket, a child process, TCP, Redis."""

import asyncio
import contextlib
import importlib.util
import json
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from cookbook import PAGE, PROGRAMS
from redis.asyncio import Redis
from websockets.asyncio.server import ServerConnection, serve

from genreply_cli.otp import CallTimeout, Node, debug

HERE = Path(__file__).parent
PATIENCE = 60  # seconds, for a busy machine

REDIS = shutil.which("redis-server")
needs_redis = pytest.mark.skipif(REDIS is None, reason="needs apt-get install redis-server")


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
    clients = {f"{name}_client.py" for name in ("websocket", "mcp", "lines", "redis")}
    assert lines.keys() == clients | {"test_words.py"}
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
    tools = [sys.executable, str(HERE / "mcp_server.py"), "--after-ping"]
    command = [sys.executable, str(program("mcp_client.py")), *tools]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=PATIENCE)
    assert (done.stdout, done.returncode) == ("adder\n3\n", 0)
    assert done.stderr == "ping: no ping\n"


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


def test_a_child_that_dies_is_told_to_its_callers_and_started_again(
    program: Callable[[str], Path],
) -> None:
    module = load(program("mcp_client.py"))

    class Again(module.Tools):  # type: ignore[misc, name-defined]  # it has been loaded just now
        reconnect = True

    async def story() -> None:
        tools = Again.start(sys.executable, str(HERE / "mcp_server.py"))
        await tools.connected(PATIENCE)
        slow = ("tools/call", {"name": "slow", "arguments": {"seconds": PATIENCE}})
        asked = [asyncio.create_task(tools.ask(slow, None)) for _ in range(10)]
        dies = tools.ask(("tools/call", {"name": "die", "arguments": {}}), None)
        outcomes = await asyncio.gather(*asked, dies, return_exceptions=True)
        assert {type(outcome) for outcome in outcomes} == {ConnectionError}
        add = ("tools/call", {"name": "add", "arguments": {"a": 20, "b": 22}})
        assert (await tools.ask(add, PATIENCE))["content"][0]["text"] == "42"
        assert len((await debug.get_state(tools)).callers) == 0

    run_in_node(story)


def test_a_peer_that_does_not_read_holds_the_producer_up_and_gets_all_of_it_later(
    program: Callable[[str], Path],
) -> None:
    module = load(program("websocket_client.py"))
    frames = [f"{n:03} " + 500_000 * "x" for n in range(60)]
    read: list[str] = []
    reads = asyncio.Event()

    async def peer(connection: ServerConnection) -> None:
        await reads.wait()
        read.extend([str(frame) async for frame in connection])
        assert connection.close_code == 1000

    async def produce(client: Any) -> None:
        for frame in frames:
            await client.tell(frame, None)

    async def story() -> None:
        async with serve(peer, "127.0.0.1", 0) as server:
            client = module.Client.start(f"ws://127.0.0.1:{server.sockets[0].getsockname()[1]}")
            producing = asyncio.create_task(produce(client))
            with contextlib.suppress(CallTimeout):  # it stands behind a frame that cannot be sent
                while not producing.done():
                    await client.tell("in between", 0.5)
            assert not producing.done()
            state = await debug.get_state(client)
            assert len(state.callers) <= 1  # the producer, and nobody else
            reads.set()
            await producing
            await client.stop()
        assert [frame for frame in read if frame != "in between"] == frames

    run_in_node(story)


def test_the_lines_program_matches_answers_without_keys(
    program: Callable[[str], Path], capsys: pytest.CaptureFixture[str]
) -> None:
    module = load(program("lines_client.py"))

    answers = asyncio.Event()

    async def peer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await answers.wait()
        async for line in reader:
            writer.write(line.upper())
        writer.close()

    async def story() -> None:
        server = await asyncio.start_server(peer, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        client = module.Client.start("127.0.0.1", port)
        words = [f"word {n}" for n in range(100)]
        asked = [asyncio.create_task(client.ask(word, PATIENCE)) for word in words]
        while len((await debug.get_state(client)).sent) < 100:  # noqa: ASYNC110  # no event tells it
            await asyncio.sleep(0.001)
        asked[49].cancel()
        answers.set()
        outcomes = await asyncio.gather(*asked, return_exceptions=True)
        assert isinstance(outcomes.pop(49), asyncio.CancelledError)
        assert outcomes == [word.upper() for word in words if word != "word 49"]
        await client.stop()
        await module.main("127.0.0.1", port)
        server.close()
        while len(asyncio.all_tasks()) > 1:  # noqa: ASYNC110  # asyncio's, of the peer
            await asyncio.sleep(0.001)

    run_in_node(story)
    assert capsys.readouterr().out == "HELLO THERE\n"


def test_the_program_on_the_virtual_clock_prints_what_the_page_shows(
    program: Callable[[str], Path],
) -> None:
    command = [sys.executable, str(program("test_words.py"))]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=PATIENCE)
    assert done.stdout
    assert f"```\n{done.stdout}```" in PAGE


class RedisServer:
    """A redis-server with a socket in a folder of its own. It is killed, and started again."""

    def __init__(self, folder: str) -> None:
        self.folder = folder
        self.url = f"unix://{folder}/socket"
        self.process: subprocess.Popen[str] | None = None

    def start(self) -> None:
        command = [str(REDIS), "--port", "0", "--unixsocket", f"{self.folder}/socket"]
        command += ["--save", "", "--dir", self.folder]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        assert self.process.stdout
        while "accept connections" not in self.process.stdout.readline():
            assert self.process.poll() is None, "redis-server has ended"

    def kill(self) -> None:
        if self.process is not None:
            self.process.kill()
            self.process.communicate()
            self.process = None


@pytest.fixture
def redis() -> Iterator[RedisServer]:
    with tempfile.TemporaryDirectory(prefix="redis-") as folder:  # a short path, as sockets need it
        server = RedisServer(folder)
        server.start()
        yield server
        server.kill()


@contextlib.asynccontextmanager
async def prices(url: str) -> AsyncIterator[None]:
    """Somebody who listens to the channel `prices`."""
    client = Redis.from_url(url, decode_responses=True)
    async with client, client.pubsub() as pubsub:
        await pubsub.subscribe("prices")
        await pubsub.get_message(timeout=PATIENCE)

        async def answer() -> None:
            async for message in pubsub.listen():
                asked = json.loads(message["data"])
                if asked["ask"] == "silence":
                    continue
                text = json.dumps({"id": asked["id"], "answer": asked["ask"]})
                await client.publish(asked["answer_to"], text)

        answering = asyncio.create_task(answer())
        yield
        answering.cancel()
        await asyncio.gather(answering, return_exceptions=True)


@needs_redis
def test_the_redis_program_asks_over_pubsub_and_is_told_if_nobody_listens(
    program: Callable[[str], Path], redis: RedisServer, capsys: pytest.CaptureFixture[str]
) -> None:
    module = load(program("redis_client.py"))

    async def story() -> None:
        async with prices(redis.url):
            await module.main(redis.url)

    asyncio.run(story())
    assert capsys.readouterr().out == "apple\nnobody listens to nobody\n"


@needs_redis
def test_all_who_ask_over_redis_are_told_when_it_is_killed_and_it_may_come_back(
    program: Callable[[str], Path], redis: RedisServer
) -> None:
    module = load(program("redis_client.py"))

    async def story() -> None:
        asker = module.Asker.start(redis.url)
        async with prices(redis.url):
            asked = [asyncio.create_task(asker.ask(("prices", n), PATIENCE)) for n in range(200)]
            assert await asyncio.gather(*asked) == list(range(200))
            silent = [
                asyncio.create_task(asker.ask(("prices", "silence"), None)) for _ in range(50)
            ]
            while len((await debug.get_state(asker)).sent) < 50:  # noqa: ASYNC110  # no event tells it
                await asyncio.sleep(0.01)
            redis.kill()
            outcomes = await asyncio.gather(*silent, return_exceptions=True)
            assert {type(outcome) for outcome in outcomes} == {ConnectionError}
        redis.start()
        await until_connected(asker)
        async with prices(redis.url):
            assert await asker.ask(("prices", "again"), PATIENCE) == "again"

    run_in_node(story)
