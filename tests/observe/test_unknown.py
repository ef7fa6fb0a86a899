"""What a recording does not know, it says: readers, tasks that were left, threads, other tasks."""

import asyncio
import threading
from collections.abc import Coroutine
from contextlib import suppress
from pathlib import Path
from typing import Any

from commands import genreply

from genreply_cli.observe import watch
from genreply_cli.otp import Continue, From, GenServer, Init, Node, NoReply, Reply, debug
from genreply_cli.otp.virtual_time import run
from genreply_cli.transcript.format import Header
from genreply_cli.transcript.reader import read
from genreply_cli.transcript.step import Step


class Line(GenServer[list[From[str]]]):
    """Gives each line that is read to the caller that waits longest; reads when it is asked to."""

    def init(self) -> list[From[str]]:
        return []

    def handle_call(self, request: str, from_: From[str], waiting: list[From[str]]) -> Any:
        if request == "read":
            asyncio.create_task(read_lines(self)).add_done_callback(lambda _: None)
            return Reply("ok", waiting)
        return NoReply([*waiting, from_])

    def handle_info(self, line: str, waiting: list[From[str]]) -> Any:
        if waiting:
            GenServer.reply(waiting[0], line)
        return NoReply(waiting[1:])


async def read_lines(server: Line) -> None:
    for number in range(2):
        await asyncio.sleep(0.01)
        server.send(f"line {number}")


class Worker(GenServer["Owner"]):
    """Leaves a task that goes on after its end, and that began for a message of its owner."""

    def init(self, owner: "Owner") -> Init["Owner"]:
        return Init(owner, then=Continue("begin"))

    def handle_continue(self, _: str, owner: "Owner") -> NoReply["Owner"]:
        asyncio.create_task(self.go_on(owner)).add_done_callback(lambda _: None)
        return NoReply(owner)

    async def go_on(self, owner: "Owner") -> None:
        for _ in range(4):
            await asyncio.sleep(0.01)
            self.send("to itself")
            owner.cast("to its owner")
            with suppress(Exception):
                await owner.call("a call")


class Owner(GenServer[Worker | None]):
    def init(self) -> None:
        return None

    async def handle_call(self, request: str, from_: From[str], worker: Worker | None) -> Any:
        if request == "start":
            return Reply("ok", Worker.start(self))
        return Reply(request, worker)

    def handle_cast(self, message: str, worker: Worker | None) -> NoReply[Worker | None]:
        return NoReply(worker)


def recorded(path: Path, program: Coroutine[Any, Any, object]) -> tuple[Header, list[Step]]:
    async def main() -> None:
        async with Node():
            with watch(record=path):
                await program

    run(main())
    return checked(path)


def checked(path: Path) -> tuple[Header, list[Step]]:
    done = genreply("trace", path, "--check")
    assert done.code == 0, done.out
    header, steps = read(str(path))
    return header, list(steps)


def test_lines_of_a_reader_that_was_started_in_a_call_are_no_answers_to_it(tmp_path: Path) -> None:
    path = tmp_path / "run.jsonl"

    async def program() -> None:
        server = Line.start()
        waiting = asyncio.create_task(server.call("wait"), name="fetch")
        await server.call("read")
        await waiting
        await asyncio.sleep(0.1)

    _, steps = recorded(path, program())
    assert [step.details.get("for") for step in steps if step.kind == "reply"] == [None, None]
    told = genreply("trace", path, "--explain").out
    assert 'line replies "line 0"; caller:fetch goes on' in told
    assert 'line sends to line: "line 1"' in told
    for claim in ("WRONG", "answered", "nobody", "nothing to the caller"):
        assert claim not in told
    assert "no caller is kept" not in genreply("trace", path, "--print").out


def test_a_task_that_goes_on_after_the_end_of_its_server_breaks_no_law(tmp_path: Path) -> None:
    async def program() -> None:
        owner = Owner.start()
        await owner.call("start")
        worker = await debug.get_state(owner)
        assert worker is not None
        await worker.stop()
        await asyncio.sleep(0.1)

    _, steps = recorded(tmp_path / "run.jsonl", program())
    assert {(step.kind, step.source) for step in steps if step.source == "worker"} >= {
        ("lost", "worker"),
        ("cast", "worker"),
        ("call", "worker"),
    }


def test_a_node_in_a_thread_has_its_thread_in_the_title_and_other_threads_are_unknown(
    tmp_path: Path,
) -> None:
    path = tmp_path / "run.jsonl"
    with Node.in_thread() as node:

        def begin() -> tuple[Line, Any]:
            return Line.start(), watch(record=path)

        server, watching = node.run(begin)
        thread = threading.Thread(target=server.send, args=["from a thread"])
        thread.start()
        thread.join()
        node.run(server.call, "read")
        node.run(watching.close)
    header, steps = checked(path)
    assert str(header.title).endswith(", thread genreply node")
    sent = next(step for step in steps if step.kind == "info")
    assert (sent.source, sent.call) == ("caller:unknown", None)
