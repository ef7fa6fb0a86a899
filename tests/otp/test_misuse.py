"""Misuse is an error at once: it names the server, what came, and what was expected."""

import asyncio
from collections.abc import Callable
from typing import Any, ClassVar

import pytest
from servers import Boom, Doer, Keeper, Starting, Unshowable, all_quiet, outcome, tried

from genreply_cli.otp import (
    AlreadyStarted,
    BadReturn,
    CallError,
    CallingSelf,
    CallTimeout,
    Continue,
    Event,
    Exit,
    GenServer,
    Ignore,
    Init,
    Node,
    NoProcess,
    NoReply,
    Reply,
    ServerExit,
    Stop,
    StopTimeout,
    call,
    cast,
    debug,
    demonitor,
    exit,
    link,
    monitor,
    note,
    reply,
    send,
    send_after,
    stop,
    unlink,
    whereis,
)
from genreply_cli.otp.virtual_time import Loop, run


def says(error: BaseException, *parts: str) -> bool:
    """Whether the error's text has all the parts; what is missing is shown by the assertion."""
    missing = [part for part in parts if part not in str(error)]
    assert missing == [], f"{type(error).__name__}: {error}"
    return True


class Answering(GenServer[Any]):
    """Answers what it is told, in every callback."""

    def init(self) -> Any:
        return "state"

    def handle_call(self, request: Any, from_: Any, state: Any) -> Any:
        return request

    def handle_cast(self, request: Any, state: Any) -> Any:
        return request

    def handle_info(self, message: Any, state: Any) -> Any:
        return message

    def handle_continue(self, continuation: Any, state: Any) -> Any:
        return continuation


class AsyncAnswering(Answering):
    """The same, with async callbacks."""

    async def handle_call(self, request: Any, from_: Any, state: Any) -> Any:
        await asyncio.sleep(1)
        return request

    async def handle_cast(self, request: Any, state: Any) -> Any:
        return request

    async def handle_info(self, message: Any, state: Any) -> Any:
        await asyncio.sleep(0)
        return message

    async def handle_continue(self, continuation: Any, state: Any) -> Any:
        await asyncio.sleep(1)
        return continuation


BOTH = pytest.mark.parametrize("server_type", [Answering, AsyncAnswering], ids=["def", "async def"])

# --- no node

NEED_A_NODE: dict[str, Callable[[], Any]] = {
    "start": Doer.start,
    "start_link": lambda: Doer.start_link(name="doer"),
    "whereis": lambda: whereis("doer"),
    "cast": lambda: cast("doer", "message"),
    "send": lambda: send("doer", "message"),
    "send_after": lambda: send_after("doer", 1, "message"),
    "exit": lambda: exit("doer", "boom"),
    "note": lambda: note("message"),
}


@pytest.mark.parametrize("what", NEED_A_NODE)
@pytest.mark.parametrize("in_a_loop", [False, True])
def test_without_a_node_every_function_that_needs_one_says_how_to_open_it(
    what: str, in_a_loop: bool
) -> None:
    async def main() -> Any:
        return tried(NEED_A_NODE[what])

    failed = run(main()) if in_a_loop else tried(NEED_A_NODE[what])
    assert type(failed) is RuntimeError
    assert says(failed, "no node is running", "async with Node()", "Node.in_thread()")


@pytest.mark.parametrize("waiting", [call, stop])
def test_without_a_node_what_waits_says_so_too(waiting: Any) -> None:
    failed = run(outcome(waiting("doer", "message")))
    assert type(failed) is RuntimeError
    assert says(failed, "no node is running", "async with Node()")


async def test_a_node_that_is_open_cannot_be_opened_again() -> None:
    async with Node() as node:
        with pytest.raises(RuntimeError, match="open already"):
            async with node:
                pass
        assert await Doer.start().call(lambda: "still here") == "still here"


def test_when_the_node_is_closed_its_servers_are_gone_and_what_is_sent_to_them_is_lost() -> None:
    async def main() -> None:
        async with Node():
            doer = Doer.start(heard := list[Any]())
        doer.send("message")
        doer.cast("message")
        doer.exit("boom")
        failed = await outcome(doer.call("request"))
        assert type(failed) is NoProcess
        assert says(failed, repr(doer), "'request'")
        assert await doer.wait() == "shutdown"
        assert len(heard) == 1

    run(main())


# --- no server


async def test_an_instance_that_nobody_started_is_no_process() -> None:
    unborn, doer = Keeper(), Doer.start()
    for failed in (
        await outcome(unborn.call("request")),
        await outcome(call(unborn, "request")),
        await outcome(unborn.stop()),
    ):
        assert type(failed) is NoProcess
        assert failed.server is unborn
        assert says(failed, "Keeper")
    assert not unborn.alive
    assert unborn.name is None
    for function in (link, monitor):
        assert type(await doer.call(lambda function=function: tried(function, unborn))) is NoProcess
    unborn.cast("lost")
    unborn.send("lost")
    unborn.exit("kill")


@pytest.mark.parametrize("server", [["a", "list"], {"a": "dict"}, bytearray(b"x")])
async def test_what_can_be_neither_a_server_nor_a_name_is_a_type_error_that_shows_it(
    server: Any,
) -> None:
    doer = Doer.start()
    failures = [
        await outcome(call(server, "request")),
        await outcome(stop(server)),
        *(tried(function, server, "message") for function in (cast, send, exit)),
        *[
            await doer.call(lambda function=function: tried(function, server))
            for function in (link, unlink, monitor)
        ],
        tried(whereis, server),
    ]
    for failed in failures:
        assert type(failed) is TypeError
        assert says(failed, repr(server), "GenServer", "name")


@pytest.mark.parametrize("server", [42, Doer, lambda: None, 1.5])
async def test_what_nobody_is_called_is_no_process_and_shown_as_it_was_given(server: Any) -> None:
    for failed in (await outcome(call(server, "request")), await outcome(stop(server))):
        assert type(failed) is NoProcess
        assert failed.server is server
        assert says(failed, repr(server), "no process")


async def test_linking_or_monitoring_what_does_not_run_says_so_and_not_that_a_call_failed() -> None:
    doer, unborn = Doer.start(), Keeper()
    for function in (link, monitor):
        failed = await doer.call(lambda function=function: tried(function, unborn))
        assert type(failed) is NoProcess
        assert says(failed, repr(unborn), function.__name__, "no process")
        assert "call" not in str(failed)


async def test_calling_oneself_says_what_to_do_instead() -> None:
    doer = Doer.start()
    failed = await doer.call(lambda: outcome(doer.call("request")))
    assert type(failed) is CallingSelf
    assert says(failed, repr(doer), "'request'", "cast", "Continue")


# --- bad timeouts

BAD_TIMEOUTS: dict[str, tuple[Any, type[Exception]]] = {
    "negative": (-1, ValueError),
    "not a number": (float("nan"), ValueError),
    "infinite": (float("inf"), ValueError),
    "text": ("5", TypeError),
    "a truth": (True, TypeError),
    "a list": ([], TypeError),
}
EACH_BAD_TIMEOUT = pytest.mark.parametrize(
    ("timeout", "error"), BAD_TIMEOUTS.values(), ids=BAD_TIMEOUTS
)


@EACH_BAD_TIMEOUT
async def test_a_bad_timeout_says_what_came_and_that_seconds_are_expected(
    timeout: Any, error: type[Exception]
) -> None:
    keeper = Keeper.start()
    failures = [
        await outcome(keeper.call("request", timeout)),
        await outcome(call(keeper, "request", timeout)),
        await outcome(call("nobody", "request", timeout)),
        await outcome(keeper.stop("normal", timeout)),
        await outcome(stop(keeper, "normal", timeout)),
        await outcome(debug.get_state(keeper, timeout)),
        tried(send_after, keeper, timeout, "message"),
        tried(Keeper.start, timeout=timeout),
    ]
    for failed in failures:
        assert type(failed) is error
        assert says(failed, "timeout", repr(timeout), "seconds")
    assert await debug.get_state(keeper) == {}


@EACH_BAD_TIMEOUT
async def test_a_bad_timeout_of_receive_is_raised_in_the_handler(
    timeout: Any, error: type[Exception]
) -> None:
    doer = Doer.start()
    failed = await doer.call(lambda: outcome(doer.receive(str, timeout)))
    assert type(failed) is error
    assert says(failed, "timeout", repr(timeout), "seconds")


# --- bad answers

NONSENSE = [
    None,
    "garbage",
    ("noreply", "state"),
    True,
    NoReply,
    Continue("x"),
    Init("state"),
    Ignore(),
    Boom("as an answer"),
]


@BOTH
@pytest.mark.parametrize("answer", NONSENSE, ids=repr)
async def test_a_callback_that_answers_nonsense_crashes_and_says_what_was_expected(
    server_type: Any, answer: Any
) -> None:
    server = server_type.start()
    failed = await outcome(server.call(answer))
    assert type(failed) is ServerExit
    reason = failed.reason
    assert type(reason) is BadReturn
    assert isinstance(reason, TypeError)
    assert reason.answer is answer
    assert says(reason, repr(server), repr(answer), "handle_call", "Reply, NoReply or Stop")
    for way, callback in (("cast", "handle_cast"), ("send", "handle_info")):
        server = server_type.start()
        getattr(server, way)(answer)
        reason = await server.wait()
        assert type(reason) is BadReturn
        assert says(reason, repr(server), repr(answer), callback, "NoReply or Stop")
    server = server_type.start()
    server.cast(NoReply("state", then=Continue(answer)))
    reason = await server.wait()
    assert type(reason) is BadReturn
    assert says(reason, repr(server), repr(answer), "handle_continue", "NoReply or Stop")


@BOTH
@pytest.mark.parametrize("way", ["cast", "send", "continue"])
@pytest.mark.parametrize(
    "answer", [Reply("reply", "state"), Stop("why", "state", reply=None)], ids=repr
)
async def test_a_reply_from_any_callback_but_handle_call_is_refused(
    server_type: Any, way: str, answer: Any
) -> None:
    server = server_type.start()
    if way == "continue":
        server.cast(NoReply("state", then=Continue(answer)))
    else:
        getattr(server, way)(answer)
    reason = await server.wait()
    assert type(reason) is BadReturn
    assert says(reason, repr(server), repr(answer), "expected NoReply or Stop")


@pytest.mark.parametrize("answer", [Reply("reply", "state"), NoReply("state")], ids=repr)
async def test_an_answer_to_a_message_is_none_to_init(answer: Any) -> None:
    failed = tried(Starting.start, lambda: answer, name="starting")
    assert type(failed) is BadReturn
    assert says(failed, "Starting", repr(answer), "init", "Init, Stop or Ignore")
    assert whereis("starting") is None


BAD_PARTS: list[tuple[dict[str, Any], str]] = [
    ({"then": "next"}, "expected then=Continue(…), not then='next'"),
    ({"then": Continue}, "expected then=Continue(…), not then=<class"),
    ({"then": ("continue", 1)}, "expected then=Continue(…), not then=('continue', 1)"),
    ({"then": 0, "timeout": 1}, "expected then=Continue(…), not then=0"),
    ({"timeout": -1}, "expected timeout=seconds, 0 or more and finite, or None, not timeout=-1"),
    ({"timeout": "soon"}, "0 or more and finite, or None, not timeout='soon'"),
    ({"timeout": False}, "0 or more and finite, or None, not timeout=False"),
    ({"timeout": float("nan")}, "0 or more and finite, or None, not timeout=nan"),
    ({"timeout": float("inf")}, "0 or more and finite, or None, not timeout=inf"),
    ({"timeout": []}, "0 or more and finite, or None, not timeout=[]"),
    ({"timeout": 10**400}, "0 or more and finite, or None, not timeout=1000"),
    ({"then": Continue(NoReply("newer")), "timeout": -1}, "or None, not timeout=-1"),
]
EACH_BAD_PART = pytest.mark.parametrize(
    ("parts", "text"), BAD_PARTS, ids=[text.rpartition("not ")[2] for _, text in BAD_PARTS]
)


class AnsweringToTheEnd(Answering):
    """Writes down what `terminate` got."""

    ends: ClassVar[list[tuple[Any, Any]]] = []

    def terminate(self, reason: Any, state: Any) -> None:
        self.ends.append((reason, state))


class AsyncAnsweringToTheEnd(AsyncAnswering, AnsweringToTheEnd):
    """The same, with async callbacks."""


@pytest.mark.parametrize("server_type", [AnsweringToTheEnd, AsyncAnsweringToTheEnd])
@pytest.mark.parametrize("answer_type", [Reply, NoReply])
@EACH_BAD_PART
async def test_an_answer_with_a_bad_part_ends_the_server_before_its_caller_is_given_the_reply(
    server_type: Any, answer_type: Any, parts: dict[str, Any], text: str
) -> None:
    server = server_type.start()
    answer = Reply("reply", "new", **parts) if answer_type is Reply else NoReply("new", **parts)
    failed = await outcome(server.call(answer))
    assert type(failed) is ServerExit
    assert type(failed.reason) is BadReturn
    assert failed.reason.answer is answer
    assert says(failed.reason, repr(server), "handle_call", text)
    assert server.ends.pop() == (failed.reason, "state")


@pytest.mark.parametrize("server_type", [AnsweringToTheEnd, AsyncAnsweringToTheEnd])
@pytest.mark.parametrize("callback", ["handle_cast", "handle_info", "handle_continue"])
@EACH_BAD_PART
async def test_every_callback_that_answers_with_a_bad_part_ends_with_the_state_from_before_it(
    server_type: Any, callback: str, parts: dict[str, Any], text: str
) -> None:
    server = server_type.start()
    answer = NoReply("new", **parts)
    if callback == "handle_cast":
        server.cast(answer)
    elif callback == "handle_info":
        server.send(answer)
    else:
        server.cast(NoReply("state of the cast", then=Continue(answer)))
    reason = await server.wait()
    assert type(reason) is BadReturn
    assert says(reason, repr(server), callback, text)
    before = "state of the cast" if callback == "handle_continue" else "state"
    assert server.ends.pop() == (reason, before)


@EACH_BAD_PART
async def test_an_init_that_answers_with_a_bad_part_starts_nothing(
    parts: dict[str, Any], text: str
) -> None:
    failed = tried(Starting.start, lambda: Init("state", **parts), name="starting")
    assert type(failed) is BadReturn
    assert says(failed, "Starting", "in init", text)
    assert whereis("starting") is None


def test_an_observer_sees_neither_a_state_nor_a_reply_of_an_answer_with_a_bad_part() -> None:
    events: list[Event] = []

    async def main() -> None:
        async with Node(events.append, states=True):
            server = Answering.start()
            await outcome(server.call(Reply("reply", "new", timeout=-1)))
            bad: Any = 1
            assert isinstance(tried(Starting.start, lambda: Init("new", then=bad)), BadReturn)

    run(main())
    assert [event.kind for event in events if event.message == "new"] == []
    assert "reply" not in {event.kind for event in events}


@pytest.mark.parametrize(
    "timeout", [10**400, 10**5000, float("inf")], ids=["1e400", "1e5000", "inf"]
)
async def test_a_timeout_that_no_clock_can_count_is_refused_and_nothing_is_sent(
    timeout: Any,
) -> None:
    keeper = Keeper.start()
    failed = await outcome(keeper.call("request", timeout))
    assert type(failed) is ValueError
    assert says(failed, "expected fewer seconds, or None to wait for ever")
    assert await debug.get_state(keeper) == {}


async def test_an_async_init_is_refused_with_where_to_put_what_waits_and_starts_nothing() -> None:
    class Connecting(GenServer[Any]):
        async def init(self) -> Any:
            return "state"

    failed = tried(Connecting.start, name="connecting")
    assert type(failed) is TypeError
    assert says(failed, "Connecting", "init", "async", "handle_continue")
    assert whereis("connecting") is None


async def test_an_init_that_blocks_longer_than_its_timeout_is_an_error_and_starts_nothing() -> None:
    class Blocking(GenServer[Any]):
        def init(self) -> Any:
            loop: Any = asyncio.get_running_loop()
            loop.call_later(3, lambda: None)
            assert isinstance(loop, Loop)
            loop.jump()  # as if it had taken three seconds
            return "state"

    failed = tried(Blocking.start, name="blocking", timeout=1)
    assert type(failed) is TimeoutError
    assert says(failed, "Blocking", "1 s", "init")
    assert whereis("blocking") is None


# --- the rest


@pytest.mark.parametrize("from_", [None, "caller", Keeper(), 7, []])
@pytest.mark.parametrize("replying", [reply, GenServer.reply])
async def test_a_reply_to_what_is_no_from_says_what_came_and_where_a_from_comes_from(
    replying: Any, from_: Any
) -> None:
    failed = tried(replying, from_, "answer")
    assert type(failed) is TypeError
    assert says(failed, "reply", repr(from_), "From", "handle_call")


async def test_a_taken_name_says_by_whom() -> None:
    doer = Doer.start(name="doer")
    failed = tried(Keeper.start, name="doer")
    assert type(failed) is AlreadyStarted
    assert says(failed, repr(doer), "'doer'")


@pytest.mark.parametrize("function", [link, unlink, monitor])
async def test_what_is_for_processes_says_so_to_a_plain_task(function: Any) -> None:
    doer = Doer.start()
    failed = tried(function, doer)
    assert type(failed) is RuntimeError
    assert says(failed, function.__name__, "process", "plain task")
    assert doer.alive


async def test_a_plain_task_that_monitors_is_told_how_to_wait() -> None:
    assert says(tried(monitor, Doer.start()), "await server.wait()")


@pytest.mark.parametrize("ref", [None, "ref", Keeper()])
async def test_demonitor_of_what_is_no_monitor_says_what_came_and_what_was_expected(
    ref: Any,
) -> None:
    failed = tried(demonitor, ref)
    assert type(failed) is TypeError
    assert says(failed, repr(ref), "monitor")


async def test_receive_from_outside_says_whose_mailbox_it_is() -> None:
    doer, other = Doer.start(), Doer.start()
    for failed in (
        await outcome(doer.receive(str)),
        await other.call(lambda: outcome(doer.receive(str))),
    ):
        assert type(failed) is RuntimeError
        assert says(failed, "receive", repr(doer), "async callbacks")
    doer.send("for its own handler")
    await all_quiet()
    assert await debug.get_state(doer) == ["for its own handler"]


async def test_receive_from_a_task_that_a_handler_has_started_is_from_outside_too() -> None:
    doer = Doer.start()
    task = await doer.call(lambda: asyncio.create_task(outcome(doer.receive(str))))
    failed = await task
    assert type(failed) is RuntimeError
    assert says(failed, "receive", repr(doer))


@pytest.mark.parametrize("kind", ["text", None, 7])
async def test_receive_of_what_is_no_type_is_a_type_error_in_the_handler_and_nowhere_else(
    kind: Any,
) -> None:
    doer, other = Doer.start(), Doer.start()
    asking = asyncio.create_task(outcome(doer.call(lambda: outcome(doer.receive(kind, 1)))))
    await all_quiet()
    doer.send("message")
    assert await other.call(lambda: "not concerned") == "not concerned"
    failed = await asking
    assert type(failed) is TypeError
    assert says(failed, "receive", repr(kind), "type")


async def test_a_request_that_cannot_be_shown_does_not_hide_why_a_call_failed() -> None:
    failed = await outcome(Keeper.start().call(Unshowable(), 1))
    assert says(failed, "Unshowable", "no reply within 1 s")


async def test_a_request_as_long_as_a_book_is_shortened_in_errors() -> None:
    failed = await outcome(Keeper.start().call("x" * 100_000, 1))
    assert len(str(failed)) < 1000


def test_the_errors_can_be_told_apart_and_caught_together() -> None:
    assert all(
        issubclass(error, CallError)
        for error in (CallTimeout, NoProcess, ServerExit, CallingSelf, StopTimeout)
    )
    assert issubclass(CallTimeout, TimeoutError)
    assert issubclass(StopTimeout, TimeoutError)
    assert issubclass(NoProcess, LookupError)
    assert issubclass(BadReturn, TypeError)
    assert not issubclass(
        Exit, Exception
    )  # `except Exception` in a callback does not keep a server from ending
    assert not issubclass(CallTimeout, StopTimeout)
