"""Tasks and sources: they work for the process that has started them, and end with it."""

import asyncio
import gc
import warnings
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any, Self

import pytest
from servers import Boom, Doer, Keeper, all_quiet, now, outcome, tried

from genreply_cli.otp import (
    Down,
    Event,
    From,
    GenServer,
    Init,
    Item,
    MailboxFull,
    Node,
    NoReply,
    Opened,
    Result,
    Stop,
    Task,
    about,
    debug,
    reply,
    start_source,
    start_task,
)
from genreply_cli.otp.virtual_time import run
from genreply_cli.transcript.tracer import Tracer


class Connection:
    """It takes a second to open and half of one to close, and gives a number each second."""

    def __init__(self, log: list[Any], items: int = 1000) -> None:
        self.log = log
        self.items = items

    async def __aenter__(self) -> Self:
        await asyncio.sleep(1)
        self.log.append(("opened", now()))
        return self

    async def __aexit__(self, *_: object) -> None:
        await asyncio.sleep(0.5)
        self.log.append(("closed", now()))

    async def __aiter__(self) -> AsyncIterator[int]:
        try:
            for number in range(self.items):
                await asyncio.sleep(1)
                yield number
        finally:
            self.log.append(("read", now()))


async def owner_of(start: Callable[[], Any]) -> tuple[Doer, Any, list[Any]]:
    """A server that owns what the function starts, that task or source, and what it hears."""
    doer = Doer.start(heard := list[Any]())
    return doer, await doer.call(start), heard


async def fail() -> None:
    raise Boom


# --- tasks


async def test_the_result_of_a_task_is_one_message_with_the_task_as_its_reference() -> None:
    _, task, heard = await owner_of(lambda: start_task(asyncio.sleep(2, "done")))
    await asyncio.sleep(10)
    assert heard == [Result(task, "done")]
    assert heard[0].ref is task


async def test_the_error_of_a_task_is_a_down_and_does_no_harm_to_its_owner() -> None:
    doer, task, heard = await owner_of(lambda: start_task(fail()))
    await asyncio.sleep(1)
    [down] = heard
    assert (down.ref, down.process, type(down.reason)) == (task, task, Boom)
    assert doer.alive


async def test_a_server_handles_messages_while_its_task_works() -> None:
    doer, task, heard = await owner_of(lambda: start_task(asyncio.sleep(2, "done")))
    doer.send("meanwhile")
    assert await doer.call(lambda: "answer") == "answer"
    assert now() == 0
    await asyncio.sleep(3)
    assert heard == ["meanwhile", Result(task, "done")]


async def test_a_task_may_call_its_owner() -> None:
    doer = Doer.start(heard := list[Any]())
    task = await doer.call(lambda: start_task(doer.call(lambda: "answer")))
    await all_quiet()
    assert heard == [Result(task, "answer")]


async def test_a_task_that_is_cancelled_sends_nothing_any_more() -> None:
    def work() -> Task:
        done, slow = start_task(asyncio.sleep(0)), start_task(asyncio.sleep(10))
        started.extend([done, slow])
        return slow

    async def look() -> None:
        await asyncio.sleep(1)  # the result of the first one waits in the mailbox
        for task in started:
            task.cancel()

    started: list[Task] = []
    doer, _, heard = await owner_of(work)
    await doer.call(look)
    await asyncio.sleep(20)
    assert heard == []


# --- sources


async def test_a_source_sends_each_item_and_then_its_end() -> None:
    _, source, heard = await owner_of(lambda: start_source(Connection([], 2).__aiter__()))
    await asyncio.sleep(10)
    assert heard == [Item(source, 0), Item(source, 1), Down(source, source, "normal")]


async def test_an_async_context_manager_is_entered_and_its_value_reaches_the_owner() -> None:
    connection = Connection(log := list[Any](), 1)
    _, source, heard = await owner_of(lambda: start_source(connection))
    await asyncio.sleep(10)
    end = Down(source, source, "normal")
    assert heard == [Opened(source, connection), Item(source, 0), end]
    assert log == [("opened", 1), ("read", 2), ("closed", 2.5)]


async def test_a_source_that_fails_sends_its_error_at_its_end() -> None:
    async def broken() -> AsyncIterator[int]:
        yield 1
        raise Boom

    doer, source, heard = await owner_of(lambda: start_source(broken()))
    await asyncio.sleep(1)
    assert heard[0] == Item(source, 1)
    assert type(heard[1].reason) is Boom
    assert doer.alive


async def test_a_context_manager_whose_value_cannot_be_read_says_so_in_its_end() -> None:
    @asynccontextmanager
    async def useless() -> AsyncIterator[int]:
        yield 5

    _, _, heard = await owner_of(lambda: start_source(useless()))
    await asyncio.sleep(1)
    assert str(heard[-1].reason).endswith("gave 5; expected an async iterable")


# --- the limit


class Slow(GenServer[list[Any]]):
    """Takes a second for each message, and keeps how far its source was then."""

    def init(self, limit: int, read: list[int], seen: list[Any]) -> Init[list[Any]]:
        async def numbers() -> AsyncIterator[int]:
            for number in range(50):
                read.append(number)
                yield number

        start_source(numbers(), limit=limit)
        self.read = read
        return Init(seen)

    async def handle_info(self, message: Any, seen: list[Any]) -> NoReply[list[Any]]:
        await asyncio.sleep(1)
        if isinstance(message, Item):
            seen.append((message.value, len(self.read)))
        return NoReply(seen)


@pytest.mark.parametrize("limit", [1, 3, 100])
async def test_a_source_is_read_no_further_than_its_limit_while_its_owner_is_busy(
    limit: int,
) -> None:
    Slow.start(limit, [], seen := list[Any]())
    await asyncio.sleep(100)
    assert [value for value, _ in seen] == list(range(50))
    assert max(far - value for value, far in seen) == min(limit + 1, 50)


async def test_a_slow_server_keeps_no_more_frames_than_its_source_may_read_ahead() -> None:
    class Frame:
        """10 kB of a stream; it counts those that are kept."""

        kept = most = 0

        def __init__(self) -> None:
            self.content = bytes(10_000)
            Frame.kept += 1
            Frame.most = max(Frame.most, Frame.kept)

        def __del__(self) -> None:
            Frame.kept -= 1

    async def stream() -> AsyncIterator[Frame]:
        for _ in range(15_000):
            yield Frame()

    class Counting(GenServer[int]):
        def init(self) -> int:
            start_source(stream())
            return 0

        async def handle_info(self, message: Any, count: int) -> Any:
            if isinstance(message, Down):
                return Stop(("counted", count), count)
            await asyncio.sleep(0.0002)
            return NoReply(count + 1)

    assert await Counting.start().wait() == ("counted", 15_000)
    assert 100 <= Frame.most <= 104  # 1 MB


async def test_a_suspended_server_holds_its_source_back() -> None:
    slow = Slow.start(2, read := list[int](), [])
    await debug.suspend(slow)
    await asyncio.sleep(10)
    assert len(read) <= 3
    await debug.resume(slow)
    await asyncio.sleep(100)
    assert len(read) == 50


async def test_a_server_that_receives_the_items_out_of_turn_makes_room_as_well() -> None:
    class Receiving(Doer):
        async def handle_cast(self, request: Any, heard: list[Any]) -> NoReply[list[Any]]:
            start_source(Connection([], 10).__aiter__(), limit=1)
            heard.extend([(await self.receive(Item)).value for _ in range(10)])
            return NoReply(heard)

    Receiving.start(heard := list[Any]()).cast(None)
    await asyncio.sleep(100)
    assert heard[:10] == list(range(10))


async def test_items_take_no_room_in_a_limited_mailbox() -> None:
    doer = Doer.start(heard := list[Any](), mailbox_limit=1)
    await doer.call(lambda: start_source(Connection([], 50).__aiter__()))
    doer.cast(lambda: asyncio.sleep(30))
    await asyncio.sleep(20)
    doer.send("fits")
    with pytest.raises(MailboxFull):
        doer.send("does not")
    await asyncio.sleep(60)
    assert "fits" in heard
    assert len(heard) == 52


# --- the end of the owner


class Owner(Doer):
    """Owns a source and a task, and can be stuck in a callback."""

    def init(self, log: list[Any] | None = None) -> Any:
        self.log = [] if log is None else log
        start_source(Connection(self.log))
        start_task(self.work())
        return []

    async def work(self) -> None:
        try:
            await asyncio.sleep(1000)
        finally:
            self.log.append(("task", now()))


class TrappingOwner(Owner):
    trap_exit = True


async def stuck() -> None:
    await asyncio.sleep(1000)


def crash() -> None:
    raise Boom


class Parent(Doer):
    """Its child is linked to it."""

    def init(self, kind: Any = None, log: Any = None) -> Any:
        return [kind.start_link(log)]


ENDS: dict[str, Callable[[Any, Any], Any]] = {
    "it stops": lambda _, owner: asyncio.ensure_future(outcome(owner.stop())),
    "it crashes": lambda _, owner: owner.cast(crash),
    "an exit signal": lambda _, owner: owner.exit("boom"),
    "killed": lambda _, owner: owner.exit("kill"),
    "its parent crashes": lambda parent, _: parent.cast(crash),
    "its parent is killed": lambda parent, _: parent.exit("kill"),
    "its node closes": lambda *_: None,
}


@pytest.mark.parametrize("busy", [False, True])
@pytest.mark.parametrize("kind", [Owner, TrappingOwner])
@pytest.mark.parametrize("way", ENDS)
def test_what_a_process_owns_ends_with_it_and_leaves_its_blocks(
    way: str, kind: type[Owner], busy: bool
) -> None:
    log: list[Any] = []

    async def main() -> list[str]:
        async with Node():
            parent = Parent.start(kind, log)
            [owner] = await debug.get_state(parent)
            await asyncio.sleep(1)
            if busy:
                owner.cast(stuck)
                await asyncio.sleep(1.5)
            ENDS[way](parent, owner)
            if not busy:
                await asyncio.sleep(2)
        return [task.get_name() for task in asyncio.all_tasks()][1:]

    assert run(main()) == []
    assert [what for what, _ in log] in (
        ["opened", "task", "read", "closed"],
        ["opened", "read", "task", "closed"],
    )


def test_the_node_waits_for_a_generator_that_is_held_back_at_its_yield() -> None:
    log: list[float] = []

    async def numbers() -> AsyncIterator[int]:
        try:
            for number in range(10):
                yield number
        finally:
            await asyncio.sleep(0.5)
            log.append(now())

    async def main() -> list[str]:
        async with Node():
            doer = Doer.start()
            await doer.call(lambda: start_source(numbers(), limit=1))
            doer.cast(stuck)
            await asyncio.sleep(1)
        return [task.get_name() for task in asyncio.all_tasks()][1:]

    assert run(main()) == []
    assert log == [1.5]


def test_a_task_that_has_not_begun_when_its_owner_ends_is_no_complaint_of_python() -> None:
    async def main() -> None:
        async with Node():
            doer = Doer.start()

            def work() -> None:
                start_task(fail())
                doer.exit("kill")

            await doer.call(work)

    with warnings.catch_warnings():
        warnings.simplefilter("error")
        run(outcome(main()))
        gc.collect()


async def test_a_source_that_is_cancelled_is_left_and_sends_nothing_any_more() -> None:
    log: list[Any] = []
    _, source, heard = await owner_of(lambda: start_source(Connection(log)))
    await asyncio.sleep(2.5)
    source.cancel()
    await asyncio.sleep(10)
    assert log == [("opened", 1), ("read", 2.5), ("closed", 3)]
    assert [type(message) for message in heard] == [Opened, Item]
    assert source.owner.alive


class Told(Connection):
    """It keeps why it is left."""

    async def __aexit__(self, *reason: object) -> None:
        self.log.append(reason[0])


@pytest.mark.parametrize(
    ("end", "reason"),
    [
        (lambda owner, _: owner.exit("boom"), asyncio.CancelledError),
        (lambda owner, _: owner.exit("kill"), asyncio.CancelledError),
        (lambda owner, _: owner.cast(crash), asyncio.CancelledError),
        (lambda _, source: source.cancel(), asyncio.CancelledError),
        (lambda owner, _: asyncio.ensure_future(owner.stop()), None),
        (lambda owner, _: owner.exit("shutdown"), None),
        (lambda *_: None, None),  # the node closes
    ],
)
def test_the_stop_of_its_owner_is_no_error_of_a_connection(
    end: Callable[[Any, Any], Any], reason: Any
) -> None:
    log: list[Any] = []

    async def main() -> None:
        async with Node():
            owner, source, _ = await owner_of(lambda: start_source(Told(log)))
            await asyncio.sleep(1.5)
            end(owner, source)
            await asyncio.sleep(1)

    run(main())
    assert log == [("opened", 1), ("read", log[1][1]), reason]


# --- which call something belongs to


async def test_what_a_source_sends_belongs_to_no_call(events: list[Event]) -> None:
    doer, source, _ = await owner_of(lambda: start_source(Connection([], 2)))
    await asyncio.sleep(10)
    sent = [event for event in events if event.source is source]
    assert [event.kind for event in sent] == ["start", "info", "info", "info", "exit", "down"]
    assert {event.target for event in sent if event.kind in ("info", "down")} == {doer}
    assert {event.call for event in sent if event.kind != "start"} == {None}
    assert {event.cause for event in sent[1:]} == {None}


class Asking(Keeper):
    """Answers each call by a task."""

    def handle_call(self, request: Any, from_: From[Any], callers: Any) -> NoReply[Any]:
        task = start_task(asyncio.sleep(1, request), about=from_ if request == "mine" else None)
        return NoReply(callers | {task: from_})

    def handle_info(self, message: Any, callers: Any) -> NoReply[Any]:
        reply(callers[message.ref], message.value)
        return NoReply(callers)


@pytest.mark.parametrize(("request_", "belongs"), [("mine", True), ("nobody's", False)])
async def test_the_result_of_a_task_belongs_to_the_call_that_it_is_about(
    events: list[Event], request_: str, belongs: bool
) -> None:
    assert await Asking.start().call(request_) == request_
    [result] = [event for event in events if isinstance(event.message, Result)]
    [answer] = [event for event in events if event.kind == "reply"]
    assert (result.call is answer.about) is belongs
    assert (answer.call is answer.about) is belongs


async def test_a_block_says_which_call_it_is_about(events: list[Event]) -> None:
    callers: dict[Any, Any] = {}
    keeper, echo = Keeper.start(callers), Doer.start()
    asking = [asyncio.create_task(outcome(keeper.call(name))) for name in "ab"]
    await all_quiet()

    def work() -> None:
        for name in "ab":
            with about(callers[name]):
                echo.send(name)
        with about(None):
            echo.send("none")

    await Doer.start().call(work)
    sent = {event.message: event.call for event in events if event.kind == "info"}
    assert sent == {"a": callers["a"], "b": callers["b"], "none": None}
    with about(callers["a"]):
        echo.send("outside")
    assert (events[-1].call, events[-1].cause) == (callers["a"], None)
    for task in asking:
        task.cancel()


async def test_a_transcript_names_a_source_after_its_owner(events: list[Event]) -> None:
    await owner_of(lambda: start_source(Connection([], 1), name="socket"))
    await asyncio.sleep(10)
    tracer = Tracer()
    steps = [tracer(event) for event in events]
    assert {step.source for step in steps if step.kind == "info"} == {"doer.socket"}


class Lazy(GenServer[Any]):
    """Connects when it is first called, and answers with what its connection reads."""

    def init(self) -> Any:
        return {}

    async def answers(self) -> AsyncIterator[str]:
        while True:
            text = await self.asked.get()
            await asyncio.sleep(1)
            yield text

    def handle_call(self, request: str, from_: From[Any], callers: Any) -> NoReply[Any]:
        if not callers:
            self.asked: asyncio.Queue[str] = asyncio.Queue()
            start_source(self.answers())
        self.asked.put_nowait(request)
        return NoReply(callers | {request: from_})

    def handle_info(self, message: Item, callers: Any) -> NoReply[Any]:
        reply(callers[message.value], message.value)
        return NoReply(callers)


async def test_right_answers_of_a_source_that_was_opened_in_a_call_are_not_shown_as_wrong(
    events: list[Event],
) -> None:
    lazy = Lazy.start()
    assert await asyncio.gather(*map(lazy.call, "abc")) == ["a", "b", "c"]
    assert await lazy.call("d") == "d"
    tracer = Tracer()
    replies = [step for step in map(tracer, events) if step.kind == "reply"]
    assert [(step.call, step.message) for step in replies] == [
        ("c1", "a"), ("c2", "b"), ("c3", "c"), ("c4", "d"),
    ]  # fmt: skip
    assert not any("for" in step.details for step in replies)


# --- mistakes


async def test_a_plain_task_is_no_owner() -> None:
    for start in (lambda: start_task(fail()), lambda: start_source(Connection([]))):
        assert "is for processes, and this is a plain task" in str(tried(start))


@pytest.mark.parametrize("start", [start_task, start_source])
async def test_what_is_neither_a_coroutine_nor_a_source_is_refused(start: Any) -> None:
    error = (await owner_of(lambda: tried(start, 5)))[1]
    assert type(error) is TypeError
    assert "was given 5; expected a" in str(error)


@pytest.mark.parametrize("limit", [0, -1, 1.5, True, None])
async def test_a_source_needs_room_for_one_item(limit: Any) -> None:
    async def start() -> Any:
        return tried(start_source, Connection([]), limit=limit)

    error = (await owner_of(start))[1]
    assert "expected a whole number of messages" in str(error) or "1 message or more" in str(error)
