"""How servers end with their node, with their parent, and with a task group that has failed."""

import asyncio
from collections.abc import Callable
from typing import Any, Self

import pytest
from hypothesis import given
from hypothesis import strategies as st
from servers import Boom, Doer, Echo, TrappingDoer, now, outcome

from genreply_cli.otp import (
    AlreadyStarted,
    Event,
    GenServer,
    Init,
    Node,
    NoReply,
    Reply,
    call,
    monitor,
    send_after,
    start_task,
    whereis,
)
from genreply_cli.otp.closing import order
from genreply_cli.otp.virtual_time import run


async def stuck() -> None:
    await asyncio.sleep(1000)


def closed(start: Callable[[], Any]) -> float:
    """Start something in a node, and return how long the node takes to close a second later."""

    async def main() -> float:
        async with Node():
            start()
            await asyncio.sleep(1)
        return now() - 1

    return run(main())


# --- one grace time


@pytest.mark.parametrize("many", [1, 3, 100])
def test_servers_that_hang_share_one_grace_time(many: int) -> None:
    def start() -> None:
        for _ in range(many):
            TrappingDoer.start().cast(stuck)

    assert closed(start) == 4


class Ending(GenServer[Any]):
    """Takes some seconds to end, and notes when it has begun and ended."""

    trap_exit = True

    def init(self, name: str, seconds: float, ends: list[Any], *uses: Any) -> Any:
        self.ends, self.label, self.seconds = ends, name, seconds
        return [use() if isinstance(use, type(stuck)) else use for use in uses]

    def handle_call(self, request: Any, from_: Any, state: Any) -> Any:
        return Reply(request(), state)

    async def terminate(self, reason: Any, uses: Any) -> None:
        self.ends.append((self.label, now()))
        await asyncio.sleep(self.seconds)
        self.ends.append((f"{self.label} has ended", now()))


def test_servers_that_do_not_depend_on_each_other_stop_side_by_side() -> None:
    ends: list[Any] = []
    assert closed(lambda: [Ending.start(name, 2, ends) for name in "ab"]) == 2
    assert ends == [("b", 1), ("a", 1), ("b has ended", 3), ("a has ended", 3)]


def dependent(way: str, ends: list[Any]) -> None:
    """Two servers: the owner uses the connection."""
    match way:
        case "starts":
            Ending.start("owner", 1, ends, lambda: Ending.start("connection", 1, ends))
        case "starts and links":
            Ending.start("owner", 1, ends, lambda: Ending.start_link("connection", 1, ends))
        case "is given":
            Ending.start("owner", 1, ends, Ending.start("connection", 1, ends))
        case "monitors an older one":
            connection = Ending.start("connection", 1, ends)
            Ending.start("owner", 1, ends, lambda: monitor(connection))
        case "monitors a newer one":
            owner = Ending.start("owner", 1, ends)
            connection = Ending.start("connection", 1, ends)
            asyncio.ensure_future(owner.call(lambda: monitor(connection)))  # noqa: RUF006


@pytest.mark.parametrize(
    "way",
    ["starts", "starts and links", "is given", "monitors an older one", "monitors a newer one"],
)
def test_a_server_stops_before_those_that_it_uses(way: str) -> None:
    ends: list[Any] = []
    assert closed(lambda: dependent(way, ends)) == 2
    assert [what for what, _ in ends] == [
        "owner", "owner has ended", "connection", "connection has ended",
    ]  # fmt: skip


def test_a_server_that_hangs_does_not_keep_what_it_uses_from_an_orderly_end() -> None:
    ends: list[Any] = []
    assert (
        closed(
            lambda: Ending.start("owner", 100, ends, lambda: Ending.start("connection", 1, ends))
        )
        == 4
    )
    assert ends == [("owner", 1), ("connection", 3.5), ("connection has ended", 4.5)]


def test_what_a_killed_server_owns_has_the_last_second_to_close() -> None:
    ends: list[float] = []

    async def work() -> None:
        try:
            await stuck()
        finally:
            await asyncio.sleep(0.75)
            ends.append(now())

    class Hanging(TrappingDoer):
        def init(self, heard: Any = None) -> Any:
            start_task(work())
            return []

    assert closed(lambda: Hanging.start().cast(stuck)) == 4.75
    assert ends == [5.75]


def test_what_does_not_close_in_time_is_cancelled_again() -> None:
    async def work() -> None:
        try:
            await stuck()
        finally:
            await stuck()

    class Owner(Doer):
        def init(self, heard: Any = None) -> Any:
            start_task(work())
            return []

    assert closed(Owner.start) == 5


class Using:
    """What `order` needs of a process."""

    def __init__(self) -> None:
        self.starter: Any = None
        self.used: list[Any] = []

    def uses(self) -> list[Any]:
        return self.used


@given(st.lists(st.tuples(st.integers(0, 9), st.lists(st.integers(0, 9), max_size=4)), max_size=10))
def test_the_order_has_no_circle_and_keeps_what_is_in_none(edges: Any) -> None:
    nodes: list[Any] = [Using() for _ in edges]
    for node, (starter, uses) in zip(nodes, edges, strict=True):
        older = nodes[: nodes.index(node)]
        node.starter = older[starter] if starter < len(older) else None
        node.used = [nodes[number] for number in uses if number < len(nodes)]
    kept = order(dict.fromkeys(reversed(nodes)))
    left, ended = dict(kept), set[Any]()
    users = {node: {user for user in kept if node in kept[user]} for node in nodes}
    while left:
        free = [node for node in left if users[node] <= ended]
        assert free, "a circle"
        ended.update(free)
        left = {node: used for node, used in left.items() if node not in ended}


# --- a parent that has ended


async def test_a_server_that_traps_exits_outlives_its_parent_by_five_seconds_at_most() -> None:
    class Parent(Doer):
        def init(self, heard: Any = None) -> Any:
            children.append(TrappingDoer.start_link())
            return []

    children: list[TrappingDoer] = []
    parent = Parent.start()
    [child] = children
    child.cast(stuck)
    await asyncio.sleep(1)
    parent.exit("kill")
    assert await child.wait() == "killed"
    assert now() == 6


async def test_a_server_that_traps_exits_has_time_to_end_after_its_parent() -> None:
    class Parent(Doer):
        def init(self, heard: Any = None) -> Any:
            children.append(Ending.start_link("child", 3, heard))
            return []

    children: list[Ending] = []
    parent = Parent.start(ends := list[Any]())
    parent.exit("kill")
    assert await children[0].wait() == "killed"
    assert ends == [("child", 0), ("child has ended", 3)]


# --- task groups


class Grouped(GenServer[Any]):
    """Enters a task group in a callback; `terminate` leaves it."""

    def init(self) -> Init[Any]:
        return Init(None)

    async def handle_cast(self, request: Any, _: Any) -> NoReply[Any]:
        group = await asyncio.TaskGroup().__aenter__()
        group.create_task(self.break_down())
        return NoReply(group)

    async def break_down(self) -> None:
        await asyncio.sleep(1)
        raise Boom

    async def terminate(self, reason: Any, group: Any) -> None:
        await group.__aexit__(None, None, None)


async def test_an_idle_server_whose_task_group_fails_ends_with_that_error() -> None:
    grouped = Grouped.start()
    grouped.cast("begin")
    reason = await grouped.wait()
    assert now() == 1
    assert isinstance(reason, BaseExceptionGroup)
    assert [type(error) for error in reason.exceptions] == [Boom]


async def test_an_idle_server_whose_task_group_fails_ends_also_if_it_never_leaves_the_group() -> (
    None
):
    class Careless(Grouped):
        def terminate(self, reason: Any, group: Any) -> Any:
            return None

    careless = Careless.start()
    careless.cast("begin")
    reason = await careless.wait()
    assert now() == 1
    assert type(reason) is asyncio.CancelledError
    assert "as a task group does when it fails" in str(reason)


# --- nodes that join


class Library:
    """A package that hides a node and a server in itself."""

    def __init__(self, observe: Callable[[Event], object] | None = None, name: Any = None) -> None:
        self.node = Node(observe)
        self.name = name

    async def __aenter__(self) -> Self:
        await self.node.__aenter__()
        self.server = Echo.start(name=self.name)
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.node.__aexit__()


async def test_leaving_a_node_that_has_joined_stops_its_own_servers_alone() -> None:
    ours = Echo.start()
    async with Library() as one:
        async with Library() as two:
            assert [await each.call(1) for each in (ours, one.server, two.server)] == [1, 1, 1]
        assert [each.alive for each in (ours, one.server, two.server)] == [True, True, False]
    assert [each.alive for each in (ours, one.server, two.server)] == [True, False, False]
    assert Echo.start().alive


def test_nodes_may_be_left_in_any_order() -> None:
    async def main() -> Any:
        one, two = Library(), Library()
        await one.__aenter__()
        await two.__aenter__()
        await one.__aexit__()
        assert [one.server.alive, two.server.alive] == [False, True]
        late = Echo.start()
        assert await two.server.call("still here") == await late.call("still here")
        await two.__aexit__()
        assert not late.alive
        return await outcome(two.server.call("too late"))

    assert "no process is running there" in str(run(main()))


async def test_nodes_that_have_joined_share_their_names() -> None:
    async with Library(name="echo"):
        assert await call("echo", 1) == 1
        with pytest.raises(AlreadyStarted):
            await Library(name="echo").__aenter__()
    assert whereis("echo") is None


async def test_the_observer_of_each_node_is_told_of_all(events: list[Event]) -> None:
    theirs: list[Event] = []
    async with Library(theirs.append) as library:
        await Echo.start().call("ours")
        await library.server.call("theirs")
    told = len(theirs)
    Echo.start()
    assert theirs == events[:told]
    assert len(events) == told + 1


async def test_timers_that_were_set_in_a_joined_node_end_with_it() -> None:
    ours = Doer.start(heard := list[Any]())
    send_after(ours, 10, "ours")
    async with Node():
        send_after(ours, 10, "theirs")
    await asyncio.sleep(20)
    assert heard == ["ours"]


async def test_what_a_server_of_a_joined_node_starts_ends_with_that_node() -> None:
    async with Node():
        doer = Doer.start()
        child = await doer.call(Echo.start)
    assert not child.alive
