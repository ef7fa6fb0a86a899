"""What callbacks return, and what the runtime does then; crashes, idle timeouts, `terminate`."""

import asyncio
import logging
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
from servers import (
    Boom,
    Doer,
    Starting,
    Stateless,
    Terminated,
    TrappingDoer,
    Unshowable,
    all_quiet,
    kinds,
    now,
    outcome,
    raising,
)

from genreply_cli import coordinator, websocket
from genreply_cli.otp import (
    Continue,
    Event,
    Exit,
    GenServer,
    Init,
    NoReply,
    Reply,
    ServerExit,
    Stop,
    Timeout,
    debug,
    note,
    send_after,
)

Handler = Callable[[Any], Any]  # what a message has a Scripted do: its state in, an answer out


class Scripted(GenServer[Any]):
    """Each message is a function of the state, which gives the answer."""

    def init(self, state: Any = None) -> Any:
        return state

    def handle_call(self, request: Handler, from_: Any, state: Any) -> Any:
        return request(state)

    def handle_cast(self, request: Handler, state: Any) -> Any:
        return request(state)

    def handle_info(self, message: Any, state: Any) -> Any:
        return message(state)

    def handle_continue(self, continuation: Handler, state: Any) -> Any:
        return continuation(state)


class AsyncScripted(Scripted):
    """The same with async callbacks, which wait a while before they answer."""

    async def handle_call(self, request: Handler, from_: Any, state: Any) -> Any:
        await asyncio.sleep(0.1)
        return request(state)

    async def handle_cast(self, request: Handler, state: Any) -> Any:
        await asyncio.sleep(0.1)
        return request(state)

    async def handle_info(self, message: Handler, state: Any) -> Any:
        await asyncio.sleep(0.1)
        return message(state)

    async def handle_continue(self, continuation: Handler, state: Any) -> Any:
        await asyncio.sleep(0.1)
        return continuation(state)


def spied(server: type[Scripted], terminated: list[Any]) -> type[Scripted]:
    """The same server, with a `terminate` that keeps what it is given."""

    class Spied(server):  # type: ignore[misc, valid-type]
        def terminate(self, reason: Any, state: Any) -> None:
            terminated.append((reason, state))

    return Spied


def have(server: GenServer[Any], callback: str, do: Handler) -> None:
    """Have the server do it in that callback."""
    ways: dict[str, Callable[[], Any]] = {
        "handle_call": lambda: asyncio.create_task(outcome(server.call(do))),
        "handle_cast": lambda: server.cast(do),
        "handle_info": lambda: server.send(do),
        "handle_continue": lambda: server.cast(lambda state: NoReply(state, then=Continue(do))),
    }
    ways[callback]()


CALLBACKS = ["handle_call", "handle_cast", "handle_info", "handle_continue"]
BOTH = pytest.mark.parametrize("server", [Scripted, AsyncScripted], ids=["def", "async def"])
EACH = pytest.mark.parametrize("callback", CALLBACKS)

# --- crashes


def noting(steps: list[Any], step: Any, then: Handler | None = None) -> Handler:
    """A handler that adds the step to the list, and has `then` continue it."""

    def handler(state: Any) -> Any:
        steps.append(step)
        return NoReply(state, then=None if then is None else Continue(then))

    return handler


@BOTH
@EACH
async def test_an_exception_ends_the_server_and_terminate_gets_the_state_from_before(
    server: Any, callback: str
) -> None:
    why = Boom()
    crashing = spied(server, terminated := list[Any]()).start("old")
    have(crashing, callback, raising(why))
    assert await crashing.wait() is why
    assert terminated == [(why, "old")]


@BOTH
@EACH
async def test_exit_ends_the_server_for_its_reason_and_terminate_runs(
    server: Any, callback: str
) -> None:
    ending = spied(server, terminated := list[Any]()).start("old")
    have(ending, callback, raising(Exit("enough")))
    assert await ending.wait() == "enough"
    assert terminated == [("enough", "old")]


@pytest.mark.parametrize(
    ("mistake", "error"),
    [
        (lambda state: 1 / 0, ZeroDivisionError),
        (lambda state: dict[str, str]()["key"], KeyError),
        (lambda state: state.nothing, AttributeError),
        (lambda state: int("text"), ValueError),
        (lambda state: [].pop(), IndexError),
        (lambda state: Scripted.start(name=[]), TypeError),
    ],
)
async def test_pythons_own_errors_are_reasons_as_they_are(
    mistake: Handler, error: type[Exception]
) -> None:
    server = Scripted.start()
    failed = await outcome(server.call(mistake))
    assert type(failed) is ServerExit
    assert type(failed.reason) is error
    assert failed.__cause__ is failed.reason is await server.wait()


async def test_a_cast_to_a_server_without_handle_cast_returns_and_crashes_it() -> None:
    bare = Stateless.start()
    assert bare.cast("unknown") is None  # type: ignore[func-returns-value]
    reason = await bare.wait()
    assert type(reason) is RuntimeError
    for part in (repr(bare), "'unknown'", "handle_cast"):
        assert part in str(reason)


async def test_a_call_to_a_server_without_handle_call_crashes_it() -> None:
    bare = Stateless.start()
    failed = await outcome(bare.call("unknown"))
    assert type(failed) is ServerExit
    assert type(failed.reason) is RuntimeError
    for part in (repr(bare), "'unknown'", "handle_call"):
        assert part in str(failed.reason)


async def test_a_continue_without_handle_continue_fails_loudly() -> None:
    bare = Starting.start(lambda: Init(None, then=Continue("unknown")))
    reason = await bare.wait()
    assert type(reason) is RuntimeError
    for part in (repr(bare), "'unknown'", "handle_continue"):
        assert part in str(reason)


async def test_a_message_to_a_server_without_handle_info_is_logged_and_survived(
    caplog: pytest.LogCaptureFixture,
) -> None:
    bare = Starting.start(lambda: "state")
    bare.send("unknown")
    assert await debug.get_state(bare) == "state"
    [record] = caplog.records
    assert record.levelno == logging.ERROR
    for part in (repr(bare), "'unknown'", "handle_info"):
        assert part in record.getMessage()


async def test_a_server_without_terminate_ends_all_the_same() -> None:
    bare = Stateless.start()
    await bare.stop("enough")
    assert await bare.wait() == "enough"


async def test_a_match_that_matches_nothing_answers_none_and_that_is_a_crash() -> None:
    class Matching(Stateless):
        def handle_info(self, message: Any, state: None) -> Any:
            match message:
                case "known":
                    return NoReply(state)

    matching = Matching.start()
    matching.send("known")
    matching.send("unknown")
    assert isinstance(await matching.wait(), TypeError)


async def test_an_attribute_error_in_a_handler_is_not_taken_for_a_missing_handler(
    caplog: pytest.LogCaptureFixture,
) -> None:
    server = Scripted.start()
    server.send(lambda state: state.handle_info)
    assert type(await server.wait()) is AttributeError


# --- answers


@BOTH
async def test_the_caller_has_its_reply_before_handle_continue_runs(
    server: Any, events: list[Event]
) -> None:
    def go_on(state: Any) -> Any:
        note("continued")
        return NoReply(state)

    assert (
        await server.start().call(lambda state: Reply("reply", state, then=Continue(go_on)))
        == "reply"
    )
    await asyncio.sleep(1)
    assert kinds(events)[-2:] == ["reply", "note"]


async def test_the_caller_goes_on_while_handle_continue_waits() -> None:
    steps: list[Any] = []

    class Slow(Scripted):
        async def handle_continue(self, continuation: Any, state: Any) -> Any:
            await asyncio.sleep(3)
            steps.append(("continued", now()))
            return NoReply(state)

    slow = Slow.start()
    steps.append((await slow.call(lambda state: Reply("reply", state, then=Continue())), now()))
    await asyncio.sleep(5)
    assert steps == [("reply", 0.0), ("continued", 3.0)]


@BOTH
@EACH
async def test_a_continue_runs_before_what_is_queued_even_what_the_server_sent_to_itself(
    server: Any, callback: str
) -> None:
    continuing = server.start()

    def begin(state: Any) -> Any:
        steps.append("begin")
        continuing.send(noting(steps, "to itself"))
        return NoReply(state, then=Continue(noting(steps, "continue", then=noting(steps, "again"))))

    steps: list[str] = []
    have(continuing, callback, begin)
    await asyncio.sleep(10)
    assert steps == ["begin", "continue", "again", "to itself"]


async def test_the_state_is_passed_on_and_a_reply_carries_the_object_itself() -> None:
    server = Scripted.start(["a"])
    listed = await server.call(lambda state: Reply(state, state))
    listed.append("b")  # Python passes references: this is the server's own list
    assert await server.call(lambda state: Reply(list(state), state)) == ["a", "b"]
    assert await server.call(lambda state: Reply(None, (*state, "c"))) is None
    assert await debug.get_state(server) == ("a", "b", "c")


def test_a_callback_can_be_called_by_hand_with_nothing_running() -> None:
    class Spy(list[Any]):
        send = list.append

    state = websocket.State(caller=(spy := Spy()))
    assert websocket.WebSocket().handle_cast(websocket.SendMessage("Hello"), state) == NoReply(
        state
    )
    assert spy == [websocket.MessageReceived("Hello to you too!")]


async def test_each_callback_of_one_greeting_runs_once_in_its_process_and_in_this_order() -> None:
    ran: list[Any] = []

    class Socket(websocket.WebSocket):
        def handle_cast(self, request: Any, state: Any) -> Any:
            ran.append((self, "handle_cast"))
            return super().handle_cast(request, state)

    class Coordinator(coordinator.Coordinator):
        def handle_call(self, request: Any, from_: Any, state: Any) -> Any:
            ran.append((self, "handle_call"))
            return super().handle_call(request, from_, state)

        def handle_info(self, message: Any, state: Any) -> Any:
            ran.append((self, "handle_info"))
            return super().handle_info(message, state)

    greeter = Coordinator.start_link(Socket.start_link)
    socket = (await debug.get_state(greeter)).async_pid
    await greeter.greet("Hello")
    assert ran == [(greeter, "handle_call"), (socket, "handle_cast"), (greeter, "handle_info")]


# --- terminate


@BOTH
@EACH
async def test_terminate_gets_the_reason_and_the_new_state_of_a_stop(
    server: Any, callback: str
) -> None:
    ending = spied(server, terminated := list[Any]()).start("old")
    have(ending, callback, lambda state: Stop("enough", "new"))
    assert await ending.wait() == "enough"
    assert terminated == [("enough", "new")]


async def test_terminate_runs_on_a_stop_from_outside() -> None:
    ending = spied(Scripted, terminated := list[Any]()).start("state")
    await ending.stop("enough")
    assert terminated == [("enough", "state")]


@pytest.mark.parametrize("how", ["kill", "boom", "shutdown"])
async def test_terminate_does_not_run_on_an_exit_signal_that_is_not_trapped(how: str) -> None:
    ending = spied(Scripted, terminated := list[Any]()).start()
    ending.exit(how)
    await ending.wait()
    assert terminated == []


async def test_terminate_does_not_run_on_kill_even_if_exits_are_trapped() -> None:
    ending = TrappingDoer.start(heard := list[Any]())
    ending.exit("kill")
    assert await ending.wait() == "killed"
    assert heard == []


@pytest.mark.parametrize(
    ("trapping", "reason", "ends", "terminates"),
    [
        (False, "normal", False, False),
        (True, "normal", True, True),
        (False, "boom", True, False),
        (True, "boom", True, True),
        (False, "shutdown", True, False),
        (True, "shutdown", True, True),
    ],
)
async def test_when_the_parent_ends_a_server_ends_if_it_traps_or_the_reason_is_abnormal(
    trapping: bool, reason: str, ends: bool, terminates: bool
) -> None:
    heard: list[Any] = []
    parent = Doer.start()
    child = await parent.call(lambda: (TrappingDoer if trapping else Doer).start_link(heard))
    await parent.stop(reason)
    await all_quiet()
    assert child.alive is not ends
    assert heard == ([Terminated(reason)] if terminates else [])
    assert not ends or await child.wait() == reason


async def test_the_exit_of_a_parent_waits_behind_the_messages_of_a_trapping_server() -> None:
    parent = Doer.start()
    heard: list[Any] = []
    child = await parent.call(lambda: TrappingDoer.start_link(heard))
    child.send("queued before")
    parent.exit("boom")
    assert await child.wait() == "boom"
    assert heard == ["queued before", Terminated("boom")]


@pytest.mark.parametrize("is_async", [False, True])
async def test_an_exception_in_terminate_replaces_the_reason_and_the_reply_is_sent_all_the_same(
    is_async: bool,
) -> None:
    why = Boom("in terminate")

    class Failing(Scripted):
        def terminate(self, reason: Any, state: Any) -> Any:
            return self.later() if is_async else raising(why)(state)

        async def later(self) -> None:
            await asyncio.sleep(1)
            raise why

    failing = Failing.start()
    assert await failing.call(lambda state: Stop("first", state, reply="goodbye")) == "goodbye"
    assert await failing.wait() is why


@pytest.mark.parametrize("is_async", [False, True])
async def test_the_crash_that_led_to_a_failing_terminate_is_the_context_of_its_error(
    is_async: bool,
) -> None:
    class Failing(Scripted):
        def terminate(self, reason: Any, state: Any) -> Any:
            return self.later() if is_async else raising(Boom("second"))(state)

        async def later(self) -> None:
            await asyncio.sleep(1)
            raise Boom("second")

    failing = Failing.start()
    failing.cast(raising(first := Boom("first")))
    reason = await failing.wait()
    assert str(reason) == "second"
    assert reason.__context__ is first


async def test_stop_raises_the_reason_that_an_exception_in_terminate_made() -> None:
    why = Boom("in terminate")

    class Failing(Scripted):
        def terminate(self, reason: Any, state: Any) -> None:
            raise why

    failing = Failing.start()
    failed = await outcome(failing.stop("normal"))
    assert (type(failed), failed.reason, failed.__cause__) == (ServerExit, why, why)


async def test_an_exit_in_terminate_replaces_the_reason_too() -> None:
    class Ending(Scripted):
        def terminate(self, reason: Any, state: Any) -> None:
            raise Exit(("instead of", reason))

    ending = Ending.start()
    ending.send(lambda state: Stop("first", state))
    assert await ending.wait() == ("instead of", "first")


async def test_messages_behind_a_stop_are_never_handled() -> None:
    handled: list[Any] = []
    server = spied(Scripted, terminated := list[Any]()).start()
    server.cast(lambda state: Stop("normal", "stopped"))
    for number in range(3):
        handle: Any = partial(lambda number, _: handled.append(number), number)
        server.cast(handle)
        server.send(handle)
    assert await server.wait() == "normal"
    await all_quiet()
    assert (handled, terminated) == ([], [("normal", "stopped")])


@pytest.mark.parametrize(("signal", "reason"), [("kill", "killed"), ("boom", "boom")])
async def test_an_exit_signal_during_terminate_ends_it_for_that_reason(
    signal: str, reason: str
) -> None:
    steps: list[str] = []

    class Slow(Scripted):
        async def terminate(self, reason: Any, state: Any) -> None:
            steps.append("begins")
            await asyncio.sleep(2)
            steps.append("not reached")

    slow = Slow.start()
    slow.cast(lambda state: Stop("enough", state))
    await asyncio.sleep(1)
    slow.exit(signal)
    assert await slow.wait() == reason
    await asyncio.sleep(2)
    assert steps == ["begins"]


async def test_a_stop_may_reply_none_which_is_not_the_same_as_no_reply() -> None:
    assert await Scripted.start().call(lambda state: Stop("normal", state, reply=None)) is None
    assert (
        type(await outcome(Scripted.start().call(lambda state: Stop("normal", state))))
        is ServerExit
    )


async def test_during_terminate_a_cast_is_lost_and_a_call_fails_when_the_server_is_gone() -> None:
    handled: list[Any] = []

    class Slow(Scripted):
        async def terminate(self, reason: Any, state: Any) -> None:
            await asyncio.sleep(2)

    slow = Slow.start()
    stopping = asyncio.create_task(slow.stop("enough"))
    await asyncio.sleep(1)
    assert slow.cast(handled.append) is None  # type: ignore[func-returns-value]
    failed = await outcome(slow.call(handled.append))
    assert (type(failed), failed.reason, now()) == (ServerExit, "enough", 2.0)
    await stopping
    assert handled == []


# --- idle timeouts


class Idle(GenServer[list[Any]]):
    """Answers with the idle timeout that it is told, and keeps when it heard what."""

    def init(self, heard: list[Any]) -> list[Any]:
        return heard

    def handle_call(self, request: float | None, from_: Any, heard: list[Any]) -> Any:
        return Reply("reply", heard, timeout=request)

    def handle_cast(self, request: float | None, heard: list[Any]) -> Any:
        return NoReply(heard, timeout=request)

    def handle_info(self, message: Any, heard: list[Any]) -> Any:
        heard.append((now(), message))
        return NoReply(heard)

    def handle_continue(self, continuation: float | None, heard: list[Any]) -> Any:
        return NoReply(heard, timeout=continuation)


async def test_after_a_reply_with_a_timeout_silence_is_told_once() -> None:
    idle = Idle.start(heard := list[Any]())
    assert await idle.call(60) == "reply"
    await asyncio.sleep(1000)
    assert heard == [(60.0, Timeout())]


async def test_after_a_noreply_with_a_timeout_silence_is_told_once() -> None:
    idle = Idle.start(heard := list[Any]())
    idle.cast(60)
    await asyncio.sleep(1000)
    assert heard == [(60.0, Timeout())]


@pytest.mark.parametrize("way", ["call", "cast", "info"])
async def test_any_message_cancels_an_idle_timeout_for_good(way: str) -> None:
    idle = Idle.start(heard := list[Any]())
    await idle.call(60)
    await asyncio.sleep(59)
    if way == "call":
        await idle.call(None)
    elif way == "cast":
        idle.cast(None)
    else:
        idle.send("hello")
    await asyncio.sleep(1000)
    assert heard == ([(59.0, "hello")] if way == "info" else [])


async def test_a_later_answer_with_a_timeout_starts_it_anew() -> None:
    idle = Idle.start(heard := list[Any]())
    await idle.call(60)
    await asyncio.sleep(59)
    await idle.call(60)
    await asyncio.sleep(1000)
    assert heard == [(119.0, Timeout())]


async def test_a_timeout_of_zero_is_told_at_once_when_nothing_is_queued() -> None:
    idle = Idle.start(heard := list[Any]())
    await idle.call(0)
    await asyncio.sleep(1000)
    assert heard == [(0.0, Timeout())]


async def test_a_timeout_of_zero_loses_against_a_message_that_is_queued() -> None:
    idle = Idle.start(heard := list[Any]())
    idle.cast(0)
    idle.send("queued")
    await asyncio.sleep(1000)
    assert heard == [(0.0, "queued")]


async def test_none_as_a_timeout_means_none() -> None:
    idle = Idle.start(heard := list[Any]())
    await idle.call(None)
    idle.cast(None)
    await asyncio.sleep(1_000_000)
    assert heard == []
    assert idle.alive


async def test_an_answer_with_a_continue_and_a_timeout_leaves_the_timeout_to_the_continue() -> None:
    class Both(Idle):
        def handle_cast(self, request: Any, heard: list[Any]) -> Any:
            return NoReply(heard, then=Continue(request), timeout=1)

    both = Both.start(heard := list[Any]())
    both.cast(None)
    await asyncio.sleep(1000)
    assert heard == []
    both.cast(5)
    await asyncio.sleep(1000)
    assert heard == [(1005.0, Timeout())]


async def test_an_idle_timeout_is_not_told_while_an_async_handler_is_at_work() -> None:
    class Busy(Idle):
        async def handle_info(self, message: Any, heard: list[Any]) -> Any:
            await asyncio.sleep(10)
            return super().handle_info(message, heard)

    busy = Busy.start(heard := list[Any]())
    await busy.call(5)
    busy.send("work")
    await asyncio.sleep(1000)
    assert heard == [(10.0, "work")]


async def test_a_look_at_the_state_starts_an_idle_timeout_anew_and_does_not_cancel_it() -> None:
    idle = Idle.start(heard := list[Any]())
    await idle.call(60)
    await asyncio.sleep(50)
    await debug.get_state(idle)
    await asyncio.sleep(1000)
    assert heard == [(110.0, Timeout())]


async def test_get_state_does_not_bring_back_an_idle_timeout_that_a_message_has_cancelled() -> None:
    idle = Idle.start(heard := list[Any]())
    await idle.call(60)
    idle.send("hello")
    await debug.get_state(idle)
    await asyncio.sleep(1000)
    assert heard == [(0.0, "hello")]


async def test_send_after_delivers_a_message_once_and_when_it_is_due() -> None:
    idle = Idle.start(heard := list[Any]())
    send_after(idle, 2.5, "later")
    await asyncio.sleep(1000)
    assert heard == [(2.5, "later")]


async def test_cancelling_a_timer_tells_the_seconds_that_were_left_and_nothing_comes() -> None:
    idle = Idle.start(heard := list[Any]())
    timer = send_after(idle, 2.5, "later")
    await asyncio.sleep(1)
    assert timer.cancel() == 1.5
    assert timer.cancel() is False
    await asyncio.sleep(1000)
    assert heard == []


async def test_cancelling_a_timer_that_has_fired_is_false() -> None:
    idle = Idle.start(heard := list[Any]())
    timer = send_after(idle, 2.5, "later")
    await asyncio.sleep(3)
    assert timer.cancel() is False
    assert heard == [(2.5, "later")]


async def test_cancelling_a_timer_is_false_for_a_server_that_has_ended_but_not_for_a_name() -> None:
    idle = Idle.start(heard := list[Any](), name="idle")
    timer, by_name = send_after(idle, 2.5, "later"), send_after("idle", 2.5, "later")
    await idle.stop()
    assert timer.cancel() is send_after(idle, 1, "later").cancel() is False
    assert by_name.cancel() == 2.5
    assert heard == []


async def test_send_after_looks_a_name_up_when_it_is_due() -> None:
    send_after("idle", 2.5, "later")
    await asyncio.sleep(2)
    Idle.start(heard := list[Any](), name="idle")
    await asyncio.sleep(2)
    assert heard == [(2.5, "later")]


async def test_what_is_sent_after_to_a_server_that_has_ended_is_lost() -> None:
    idle = Idle.start(heard := list[Any]())
    send_after(idle, 2.5, "later")
    await idle.stop()
    await asyncio.sleep(1000)
    assert heard == []


async def test_timers_that_are_due_together_fire_in_the_order_in_which_they_were_set() -> None:
    idle = Idle.start(heard := list[Any]())
    for number in range(50):
        send_after(idle, 1, number)
    await asyncio.sleep(2)
    assert heard == [(1.0, number) for number in range(50)]


# --- the crash report


@BOTH
async def test_the_report_of_a_crash_says_who_what_last_with_which_state_why_and_for_whom(
    server: Any, caplog: pytest.LogCaptureFixture
) -> None:
    crashing, client = server.start("the state before", name="the server"), Doer.start()
    handler = raising(why := Boom("why"))
    await client.call(lambda: outcome(crashing.call(handler)))
    record: Any
    [record] = caplog.records
    assert record.levelno == logging.ERROR
    assert (record.server, record.last_message, record.state, record.reason, record.client) == (
        crashing, handler, "the state before", why, client,
    )  # fmt: skip
    assert record.exc_info[1] is why
    assert record.exc_info[2] is not None
    text = record.getMessage()
    assert text.startswith(f"'the server' ({crashing!r}) terminating, reason Boom('why')")
    for part in (repr(handler), "'the state before'", f"client: {client!r}"):
        assert part in text


async def test_reports_name_the_client_the_links_and_a_server_without_a_callback_by_their_names(
    caplog: pytest.LogCaptureFixture,
) -> None:
    client = TrappingDoer.start(name="the client")
    server = await client.call(lambda: Scripted.start_link("state"))
    bare = Stateless.start(name=("the", "bare"))
    bare.send("message")
    await client.call(lambda: outcome(server.call(raising(Boom("why")))))
    failed = await outcome(bare.call("request"))
    unexpected, report, last = (record.getMessage() for record in caplog.records)
    assert unexpected.startswith(f"('the', 'bare') ({bare!r}) received unexpected message")
    assert f"client: 'the client' ({client!r})" in report
    assert f"linked: 'the client' ({client!r})" in report
    assert str(failed.reason).startswith(f"('the', 'bare') ({bare!r}) was called with 'request'")
    assert last.startswith(f"('the', 'bare') ({bare!r}) terminating")


async def test_the_report_of_a_crash_names_the_linked_processes(
    caplog: pytest.LogCaptureFixture,
) -> None:
    parent = TrappingDoer.start()
    server = await parent.call(Scripted.start_link)
    server.cast(raising(Boom("why")))
    await server.wait()
    record: Any
    [record] = caplog.records
    assert record.linked == [parent]
    assert repr(parent) in record.getMessage()


@pytest.mark.parametrize("reason", ["normal", "shutdown", ("shutdown", "with a value")])
async def test_an_ordinary_end_is_not_reported(
    reason: Any, caplog: pytest.LogCaptureFixture
) -> None:
    server = Scripted.start()
    server.cast(lambda state: Stop(reason, state))
    assert await server.wait() == reason
    assert caplog.records == []


async def test_an_abnormal_stop_is_reported_with_the_new_state(
    caplog: pytest.LogCaptureFixture,
) -> None:
    server = Scripted.start("old")
    server.cast(lambda state: Stop("out of tea", "new"))
    await server.wait()
    record: Any
    [record] = caplog.records
    assert (record.server, record.state, record.reason, record.client) == (
        server,
        "new",
        "out of tea",
        None,
    )


async def test_a_server_that_is_killed_by_a_signal_is_not_reported(
    caplog: pytest.LogCaptureFixture,
) -> None:
    server = Scripted.start()
    server.exit("boom")
    await server.wait()
    assert caplog.records == []


async def test_a_state_that_cannot_be_shown_does_not_hide_the_crash(
    caplog: pytest.LogCaptureFixture,
) -> None:
    server = Scripted.start(Unshowable())
    server.cast(raising(why := Boom("why")))
    assert await server.wait() is why
    [record] = caplog.records
    assert "Boom('why')" in record.getMessage()
    assert "Unshowable" in record.getMessage()
