"""A node is watched from its own code: in a file, on stderr, without secrets."""

import asyncio
import contextlib
import io
from collections.abc import Coroutine
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from commands import genreply

from genreply_cli.observe import watch
from genreply_cli.otp import Event, From, GenServer, Node, NoReply, Reply, virtual_time
from genreply_cli.otp.node import current_node
from genreply_cli.transcript.format import TranscriptExistsError
from genreply_cli.transcript.reader import read
from genreply_cli.transcript.step import Step


@dataclass
class Push:
    value: object


@dataclass
class Crash:
    password: str


class Stack(GenServer[list[object]]):
    def init(self) -> list[object]:
        return []

    def handle_call(self, request: Any, from_: Any, state: list[object]) -> Reply[Any]:
        if type(request) is Crash:
            raise ValueError(f"no such user: {request.password}")
        return Reply(len(state), [*state, request.value])


def in_node(main: Coroutine[Any, Any, None]) -> None:
    async def opened() -> None:
        async with Node():
            await main

    virtual_time.run(opened())


def steps_of(path: Path) -> list[Step]:
    return list(read(str(path))[1])


def test_a_running_node_is_recorded_from_attach_to_detach(tmp_path: Path) -> None:
    path = tmp_path / "run.jsonl"

    async def main() -> None:
        stack = Stack.start()
        await stack.call(Push("before"))
        with watch(record=path):
            await stack.call(Push("meanwhile"))
        await stack.call(Push("after"))

    in_node(main())
    steps = steps_of(path)
    assert [step.kind for step in steps] == ["start", "call", "state", "reply", "end"]
    assert steps[0].details["module"] == "Stack"
    assert steps[0].details["already"] is True
    assert [step.message for step in steps if step.kind == "call"] == [["push", "meanwhile"]]
    assert read(str(path))[0].clock == "virtual"
    assert genreply("trace", path, "--check").code == 0


def test_of_a_call_that_began_earlier_nothing_is_claimed(tmp_path: Path) -> None:
    path = tmp_path / "run.jsonl"

    class Keeper(GenServer[list[From[Any]]]):
        def init(self) -> list[From[Any]]:
            return []

        def handle_call(self, request: Any, from_: Any, state: Any) -> NoReply[Any]:
            return NoReply([*state, from_])

        def handle_cast(self, message: Any, state: Any) -> NoReply[Any]:
            for from_ in state:
                GenServer.reply(from_, message)
            return NoReply([])

    async def main() -> None:
        keeper = Keeper.start()
        earlier = asyncio.create_task(keeper.call("earlier"))
        await asyncio.sleep(1)
        with watch(record=path):
            known = asyncio.create_task(keeper.call("known"))
            await asyncio.sleep(1)
            keeper.cast("answer")
            assert await earlier == await known == "answer"

    in_node(main())
    steps = steps_of(path)
    assert genreply("trace", path, "--check").code == 0
    assert [step.target for step in steps if step.kind == "reply"] == ["caller"]
    [mark] = [step for step in steps if step.kind == "mark"]
    assert mark.details["label"] == "reply: of a call that began before this recording"


def test_a_node_that_was_watched_is_as_it_was_before() -> None:
    seen: list[Event] = []

    async def main() -> None:
        async with Node(seen.append) as node:
            before = (node.observe, node.states)
            one, other = watch(node), watch(node)
            one.close()
            other.close()
            one.close()
            await Stack.start().call(Push(1))
            assert node.states == before[1]

    virtual_time.run(main())
    assert [event.kind for event in seen] == ["start", "call", "reply", "exit"]


def test_the_end_line_is_written_when_the_program_fails(tmp_path: Path) -> None:
    path = tmp_path / "run.jsonl"

    async def main() -> None:
        with watch(record=path):
            await Stack.start().call(Push(1))
            raise ValueError("the program has a fault")

    with pytest.raises(ValueError, match="has a fault"):
        in_node(main())
    assert steps_of(path)[-1].kind == "end"


def test_a_file_that_exists_is_left_alone_unless_it_may_be_overwritten(tmp_path: Path) -> None:
    path = tmp_path / "run.jsonl"
    path.write_text("precious")

    async def main() -> None:
        before = current_node().observe
        with pytest.raises(TranscriptExistsError):
            watch(record=path)
        assert current_node().observe is before
        watch(record=path, overwrite=True).close()

    in_node(main())
    assert [step.kind for step in steps_of(path)] == ["end"]


def test_callers_have_the_names_of_their_tasks(tmp_path: Path) -> None:
    path = tmp_path / "run.jsonl"

    async def main() -> None:
        with watch(record=path):
            stack = Stack.start()
            async with asyncio.TaskGroup() as group:
                for name in ("fetch", "fetch", None):
                    group.create_task(stack.call(Push(1)), name=name)

    in_node(main())
    assert genreply("trace", path, "--check").code == 0
    callers = [step.source for step in steps_of(path) if step.kind == "call"]
    assert callers == ["caller:fetch", "caller:fetch-2", "caller"]


def test_without_a_node_it_is_said_how_to_open_one() -> None:
    with pytest.raises(RuntimeError, match="open one with `async with Node"):
        watch()


def test_secrets_are_left_out_of_messages_states_errors_and_names(tmp_path: Path) -> None:
    path = tmp_path / "run.jsonl"
    shown = io.StringIO()

    async def main() -> None:
        with (
            contextlib.redirect_stderr(shown),
            watch(record=path, timeline=True, redact=lambda text: text.replace("hunter2", "***")),
        ):
            stack = Stack.start(name="of hunter2")
            await stack.call(Push({"hunter2": ["hunter2", {"in": "my hunter2"}]}))
            with contextlib.suppress(Exception):
                await stack.call(Crash("hunter2"))

    in_node(main())
    assert "hunter2" not in path.read_text() + shown.getvalue()
    assert "no such user: ***" in path.read_text()
    assert "no such user: ***" in shown.getvalue()


def test_a_redact_that_raises_leaks_nothing(tmp_path: Path) -> None:
    path = tmp_path / "run.jsonl"

    def redact(text: str) -> str:
        raise KeyError(text)

    async def main() -> None:
        with watch(record=path, redact=redact):
            await Stack.start().call(Push("hunter2"))

    in_node(main())
    assert "hunter2" not in path.read_text()
    assert "(redact failed)" in path.read_text()


def test_hostile_values_are_recorded(tmp_path: Path) -> None:
    path = tmp_path / "run.jsonl"

    class Hostile:
        def __repr__(self) -> str:
            raise RuntimeError("no text")

    async def main() -> None:
        with watch(record=path):
            stack = Stack.start()
            await stack.call(Push(Hostile()))
            await stack.call(Push("x" * 10_000_000))

    in_node(main())
    small, large = (step.message[1] for step in steps_of(path) if step.kind == "call")
    assert small == {"repr": "<Hostile whose repr raised RuntimeError>"}
    assert large == "x" * 10_000_000


class Hostile:
    """It raises whatever is asked of it."""

    def __getattribute__(self, name: str) -> Any:
        raise RuntimeError("hunter2")

    def __repr__(self) -> str:
        raise RuntimeError("hunter2")


class HostileDict(dict[str, object]):
    def items(self) -> Any:
        raise RuntimeError("hunter2")

    def __len__(self) -> int:
        raise RuntimeError("hunter2")


class HostileList(list[object]):
    def __iter__(self) -> Any:
        raise RuntimeError("hunter2")


class HostileInt(int):
    def bit_length(self) -> int:
        raise RuntimeError("hunter2")


@pytest.mark.parametrize("kind", [Hostile, HostileDict, HostileList, HostileInt])
def test_a_value_whose_methods_raise_loses_no_event(tmp_path: Path, kind: type) -> None:
    path = tmp_path / "run.jsonl"

    async def main() -> None:
        with watch(record=path):
            stack = Stack.start()
            await stack.call(Push(kind()))
            await stack.call(Push([kind(), {"a": kind()}]))

    in_node(main())
    kinds = [step.kind for step in steps_of(path)]
    assert [kinds.count(each) for each in ("call", "state", "reply", "end")] == [2, 3, 2, 1]
    assert genreply("trace", path, "--check").code == 0
    assert "hunter2" not in path.read_text()


def test_a_node_in_a_thread_is_watched_from_another_thread(tmp_path: Path) -> None:
    path = tmp_path / "run.jsonl"
    with Node.in_thread() as node, watch(node, record=path):
        node.run(_push)
    assert [step.kind for step in steps_of(path)][-2:] == ["reply", "end"]


async def _push() -> None:
    await Stack.start().call(Push(1))


def test_a_disk_that_is_full_ends_the_recording_and_not_the_program() -> None:
    shown = io.StringIO()

    async def main() -> None:
        with contextlib.redirect_stderr(shown), watch(record="/dev/full"):
            stack = Stack.start()
            for number in range(3):
                assert await stack.call(Push("x" * 2_000_000)) == number

    asyncio.run(_opened(main()))
    assert "genreply: nothing more is recorded" in shown.getvalue()
    assert shown.getvalue().count("genreply:") == 1


async def _opened(main: Coroutine[Any, Any, None]) -> None:
    async with Node():
        await main
