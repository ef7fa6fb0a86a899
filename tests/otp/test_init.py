"""The start of a server: what `init` may answer, how it may fail, and whose child it is."""

import asyncio
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
from servers import (
    Boom,
    Doer,
    Starting,
    Terminated,
    TrappingDoer,
    all_quiet,
    kinds,
    now,
    outcome,
    raising,
    tried,
)

from genreply_cli.coordinator import Coordinator
from genreply_cli.otp import (
    AlreadyStarted,
    BadReturn,
    CallTimeout,
    Continue,
    Event,
    Exit,
    Exited,
    GenServer,
    Ignore,
    Init,
    NoReply,
    Reply,
    ServerExit,
    Stop,
    Timeout,
    debug,
    send,
    whereis,
)
from genreply_cli.otp.virtual_time import Loop

# --- links and parents


async def test_start_link_links_both_ways() -> None:
    parent = Doer.start()
    child = await parent.call(Doer.start_link)
    assert (await debug.status(parent)).links == (child,)
    assert (await debug.status(child)).links == (parent,)
    assert (await debug.status(child)).parent is parent
    child.exit("boom")
    assert await parent.wait() == "boom"
    parent = Doer.start()
    child = await parent.call(Doer.start_link)
    parent.exit("boom")
    assert await child.wait() == "boom"


async def test_start_links_nobody() -> None:
    parent = Doer.start()
    child = await parent.call(Doer.start)
    assert (await debug.status(child)).links == (await debug.status(parent)).links == ()
    child.exit("boom")
    assert await child.wait() == "boom"
    assert parent.alive


async def test_what_a_plain_task_start_links_has_no_parent_and_leaves_the_task_alone() -> None:
    child = Doer.start_link()
    assert (await debug.status(child)).parent is None
    child.exit("boom")
    assert await child.wait() == "boom"


async def test_what_init_start_links_is_linked_to_the_new_server_and_not_to_its_starter() -> None:
    starter = Doer.start()
    coordinator = await starter.call(Coordinator.start)
    socket = (await debug.get_state(coordinator)).async_pid
    status = await debug.status(socket)
    assert (status.parent, status.links) == (coordinator, (coordinator,))
    assert (await debug.status(starter)).links == ()
    socket.exit("boom")
    assert await coordinator.wait() == "boom"
    assert starter.alive


# --- what init answers


async def test_what_init_answers_is_the_state() -> None:
    server = Starting.start(lambda: {"any": "state"})
    assert await debug.get_state(server) == {"any": "state"}


async def test_none_is_a_state_too() -> None:
    server = Starting.start(lambda: None)
    assert server.alive
    assert await debug.get_state(server) is None


async def test_without_an_init_the_argument_is_the_state() -> None:
    class Bare(GenServer[Any]):
        pass

    assert await debug.get_state(Bare.start("argument")) == "argument"
    assert await debug.get_state(Bare.start("a", "b")) == ("a", "b")


async def test_ignore_starts_nothing_and_is_no_failure() -> None:
    assert Starting.start(Ignore, name="ignored") is None
    assert whereis("ignored") is None


async def test_an_ignored_start_link_ends_normally_and_frees_the_name() -> None:
    starter = TrappingDoer.start(heard := list[Any]())
    assert await starter.call(
        lambda: (Starting.start_link(Ignore, name="ignored"), whereis("ignored"))
    ) == (None, None)
    await all_quiet()
    [exited] = heard
    assert (type(exited), type(exited.process), exited.reason) == (Exited, Starting, "normal")
    assert not exited.process.alive


async def test_an_ignored_start_link_does_not_hurt_a_starter_that_does_not_trap() -> None:
    starter = Doer.start(heard := list[Any]())
    assert await starter.call(lambda: Starting.start_link(Ignore)) is None
    assert starter.alive
    assert heard == []


async def test_stop_from_init_is_an_error_of_start_with_that_reason() -> None:
    with pytest.raises(ServerExit) as failed:
        Starting.start(lambda: Stop("no network"), name="stopped")
    assert failed.value.reason == "no network"
    assert "'no network'" in str(failed.value)
    assert "Starting" in str(failed.value)
    assert whereis("stopped") is None


async def test_a_trapping_starter_of_a_failing_start_link_gets_the_error_and_a_message() -> None:
    starter = TrappingDoer.start(heard := list[Any]())
    failed = await starter.call(lambda: tried(Starting.start_link, lambda: Stop("no network")))
    await all_quiet()
    assert (type(failed), failed.reason) == (ServerExit, "no network")
    assert [(type(message), message.reason) for message in heard] == [(Exited, "no network")]
    assert starter.alive


async def test_a_starter_that_does_not_trap_dies_of_a_failed_start_link_that_it_catches() -> None:
    starter = Doer.start(heard := list[Any]())
    failed = await outcome(
        starter.call(lambda: tried(Starting.start_link, lambda: Stop("no network")))
    )
    assert (type(failed), failed.reason) == (ServerExit, "no network")
    assert await starter.wait() == "no network"
    assert heard == []


async def test_a_starter_survives_a_start_link_that_stops_normally() -> None:
    starter = Doer.start()
    failed = await starter.call(lambda: tried(Starting.start_link, lambda: Stop("normal")))
    assert (type(failed), failed.reason) == (ServerExit, "normal")
    assert starter.alive


async def test_a_starter_survives_a_failing_start_without_a_link() -> None:
    starter = Doer.start()
    failed = await starter.call(lambda: tried(Starting.start, raising(Boom())))
    assert type(failed) is Boom
    assert starter.alive


async def test_what_init_raises_start_raises_and_the_name_is_free_at_once() -> None:
    why = Boom("no network")
    with pytest.raises(Boom) as failed:
        Starting.start(raising(why), name="raised")
    assert failed.value is why
    assert whereis("raised") is None
    server = Starting.start(lambda: "state", name="raised")
    assert whereis("raised") is server


async def test_an_exit_in_init_reaches_the_starter_with_its_reason_and_frees_the_name() -> None:
    with pytest.raises(ServerExit) as failed:
        Starting.start(raising(Exit("no network")), name="exited")
    assert failed.value.reason == "no network"
    assert whereis("exited") is None


@pytest.mark.parametrize("start", [Starting.start, Starting.start_link])
async def test_an_exit_in_init_ends_that_server_and_not_a_starter_that_traps_exits(
    start: Any,
) -> None:
    starter = TrappingDoer.start(heard := list[Any]())
    failed = await starter.call(lambda: tried(start, raising(Exit("no network"))))
    assert (type(failed), failed.reason) == (ServerExit, "no network")
    await all_quiet()
    assert starter.alive
    assert [each.reason for each in heard] == ["no network"] * (start == Starting.start_link)


@pytest.mark.parametrize("kind", [Init, Stop, Ignore, Reply, NoReply])
async def test_an_answer_without_its_parentheses_is_no_first_state(kind: Any) -> None:
    with pytest.raises(BadReturn, match="expected a state, Init, Stop or Ignore"):
        Starting.start(lambda: kind)


@pytest.mark.parametrize(
    "answer", [Ignore, lambda: Stop("no"), raising(Boom()), raising(Exit("no"))]
)
async def test_terminate_does_not_run_after_a_failed_init(answer: Any, events: list[Event]) -> None:
    terminated: list[Any] = []

    class Failing(Starting):
        trap_exit = True

        def terminate(self, reason: Any, state: Any) -> None:
            terminated.append(reason)

    tried(Failing.start, answer)
    assert terminated == []
    assert kinds(events)[-1] == "exit"


async def test_init_with_other_arguments_than_it_takes_is_a_type_error_and_starts_nothing() -> None:
    start: Any = Doer.start
    with pytest.raises(TypeError, match="init"):
        start("one", "two", name="doer")
    assert whereis("doer") is None


async def test_a_server_that_a_link_takes_down_in_its_own_init_does_not_start() -> None:
    class Dying(GenServer[str]):
        def init(self) -> str:
            Doer.start_link().exit("boom")
            return "state"

    with pytest.raises(ServerExit) as failed:
        Dying.start(name="dying")
    assert failed.value.reason == "boom"
    assert not failed.value.server.alive
    assert whereis("dying") is None


@pytest.mark.parametrize(
    ("signal", "reason"), [("boom", "boom"), ("normal", "normal"), ("kill", "killed")]
)
async def test_a_server_that_exits_itself_in_its_own_init_does_not_start(
    signal: str, reason: str
) -> None:
    class Dying(GenServer[str]):
        def init(self) -> str:
            self.exit(signal)
            return "state"

    with pytest.raises(ServerExit) as failed:
        Dying.start(name="dying")
    assert failed.value.reason == reason
    assert whereis("dying") is None


@pytest.mark.parametrize("signal", ["boom", "normal", "kill"])
async def test_a_trapping_starter_hears_only_from_start_of_a_child_that_exits_itself_in_init(
    signal: str,
) -> None:
    starter = TrappingDoer.start(heard := list[Any]())

    class Dying(GenServer[str]):
        def init(self) -> str:
            self.exit(signal)
            return "state"

    failed = await starter.call(lambda: tried(Dying.start_link))
    await all_quiet()
    assert failed.reason == {"kill": "killed"}.get(signal, signal)
    assert heard == []
    assert (await debug.status(starter)).links == ()


async def test_a_server_has_its_name_when_its_init_runs_and_what_is_sent_to_it_then_waits() -> None:
    class Named(Doer):
        def init(self, heard: Any = None) -> Any:
            heard.append(whereis("named") is self)
            send("named", "to myself")
            return heard

    Named.start(heard := list[Any](), name="named")
    await all_quiet()
    assert heard == [True, "to myself"]


# --- Init: what comes first


class Beginning(GenServer[list[Any]]):
    """Records all messages in the order in which it handles them."""

    def init(self, init: Any, steps: list[Any]) -> Any:
        return init(self, steps)

    def handle_call(self, request: Any, from_: Any, steps: list[Any]) -> Any:
        steps.append(("call", request))
        return Reply(list(steps), steps)

    def handle_info(self, message: Any, steps: list[Any]) -> Any:
        steps.append(("info", message, now()))
        return NoReply(steps)

    def handle_continue(self, continuation: Any, steps: list[Any]) -> Any:
        steps.append(("continue", continuation))
        return NoReply(steps)


async def test_an_idle_timeout_of_init_comes_once_after_so_much_silence() -> None:
    Beginning.start(lambda self, steps: Init(steps, timeout=0.03), steps := list[Any]())
    await asyncio.sleep(10)
    assert steps == [("info", Timeout(), 0.03)]


async def test_an_idle_timeout_of_init_is_cancelled_by_any_message() -> None:
    server = Beginning.start(lambda self, steps: Init(steps, timeout=0.03), steps := list[Any]())
    await asyncio.sleep(0.02)
    server.send("hello")
    await asyncio.sleep(10)
    assert steps == [("info", "hello", 0.02)]


async def test_a_timeout_of_zero_in_init_loses_against_a_message_that_init_sent_to_itself() -> None:
    def init(self: Any, steps: list[Any]) -> Any:
        self.send("to myself")
        return Init(steps, timeout=0)

    Beginning.start(init, steps := list[Any]())
    await asyncio.sleep(10)
    assert steps == [("info", "to myself", 0.0)]


async def test_a_continue_of_init_runs_before_any_message_even_those_of_init_to_itself() -> None:
    def init(self: Any, steps: list[Any]) -> Any:
        self.send("to myself")
        return Init(steps, then=Continue("first"))

    server = Beginning.start(init, steps := list[Any]())
    assert await server.call("from outside") == [
        ("continue", "first"),
        ("info", "to myself", 0.0),
        ("call", "from outside"),
    ]
    assert steps == [("continue", "first"), ("info", "to myself", 0.0), ("call", "from outside")]


async def test_start_returns_before_a_long_continue_is_through_and_calls_wait_for_it() -> None:
    class Connecting(Beginning):
        async def handle_continue(self, continuation: Any, steps: list[Any]) -> Any:
            await asyncio.sleep(3)
            return super().handle_continue(continuation, steps)

    server = Connecting.start(
        lambda self, steps: Init(steps, then=Continue("connect")), steps := list[Any]()
    )
    assert (now(), steps) == (0.0, [])
    assert await server.call("ask") == [("continue", "connect"), ("call", "ask")]
    assert now() == 3.0


# --- the rest


async def test_a_child_that_calls_its_starter_in_init_times_out_and_takes_it_down() -> None:
    class Child(GenServer[Any]):
        def init(self, starter: Any) -> Any:
            return Init(starter, then=Continue("call back"))

        async def handle_continue(self, continuation: Any, starter: Any) -> Any:
            await starter.call(lambda: "never comes to it", 1.0)
            return NoReply(starter)

        def handle_call(self, request: Any, from_: Any, starter: Any) -> Any:
            return Reply("ready", starter)

    starter = Doer.start()

    async def start_and_wait() -> Any:
        return await outcome(Child.start_link(starter).call("are you ready?", None))

    failed = await outcome(starter.call(start_and_wait, None))
    assert (type(failed), type(failed.reason), now()) == (ServerExit, CallTimeout, 1.0)
    assert failed.reason.server is starter


def takes(seconds: float, ends: Callable[[], Any]) -> Callable[[], Any]:
    """What an init does that blocks so long, and ends in this way."""

    def init() -> Any:
        loop: Any = asyncio.get_running_loop()
        assert isinstance(loop, Loop)
        loop.call_later(seconds, lambda: None)
        loop.jump()
        return ends()

    return init


ENDS: dict[str, Callable[[], Any]] = {
    "a state": lambda: "state",
    "stops": lambda: Stop("boom"),
    "ignores": Ignore,
    "raises": raising(Boom("boom")),
    "exits": raising(Exit("boom")),
}


@pytest.mark.parametrize("ends", ENDS.values(), ids=ENDS)
@pytest.mark.parametrize("start", [Starting.start, Starting.start_link])
@pytest.mark.parametrize("starter_type", [Doer, TrappingDoer])
async def test_a_start_that_runs_out_of_time_kills_the_server_and_leaves_its_starter_unharmed(
    starter_type: type[Doer], start: Any, ends: Callable[[], Any], events: list[Event]
) -> None:
    starter = starter_type.start(heard := list[Any]())
    failed = await starter.call(partial(tried, start, takes(3, ends), name="late", timeout=1))
    assert type(failed) is TimeoutError
    assert whereis("late") is None
    await all_quiet()
    assert (starter.alive, heard) == (True, [])
    assert (await debug.status(starter)).links == ()
    assert [event.message for event in events if event.kind in ("exit", "crash")] == ["killed"]


@pytest.mark.parametrize("starter_type", [Doer, TrappingDoer])
async def test_a_start_in_time_that_raises_takes_a_linked_starter_along_unless_it_traps_exits(
    starter_type: type[Doer],
) -> None:
    starter = starter_type.start()
    init = takes(0.5, raising(Boom("boom")))
    await outcome(starter.call(partial(tried, Starting.start_link, init, timeout=1)))
    assert starter.alive is starter_type.trap_exit


async def test_a_start_timeout_is_kept_by_an_init_that_takes_no_time() -> None:
    server = Starting.start(lambda: "state", timeout=0.5)
    assert server.alive


async def test_a_taken_name_is_already_started_for_start_and_start_link_and_init_is_not_run(
    events: list[Event],
) -> None:
    holder = Doer.start(name="taken")
    starter = TrappingDoer.start(heard := list[Any]())
    ran: list[str] = []
    for start in (Starting.start, Starting.start_link):
        failed = await starter.call(
            partial(tried, start, partial(ran.append, "init"), name="taken")
        )
        assert (type(failed), failed.process) == (AlreadyStarted, holder)
    await all_quiet()
    assert (ran, heard) == ([], [])
    assert (await debug.status(starter)).links == ()
    assert whereis("taken") is holder
    assert kinds(events).count("start") == 2


async def test_a_stopped_server_can_be_started_again_under_its_name() -> None:
    first = Doer.start(heard := list[Any](), name="doer")
    await first.stop()
    second = Doer.start(name="doer")
    assert heard == [Terminated("normal")]
    assert whereis("doer") is second
    assert first is not second
    assert not first.alive
