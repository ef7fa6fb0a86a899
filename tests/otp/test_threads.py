"""A node in a thread of its own: the only tests of otp with real threads, in real time."""

import asyncio
import inspect
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from servers import Boom, Doer, Keeper, Stateless, Terminated, kinds, raising, tried

from genreply_cli.coordinator import Coordinator
from genreply_cli.otp import (
    Blocking,
    CallTimeout,
    Event,
    Facade,
    From,
    GenServer,
    MailboxFull,
    Node,
    NoProcess,
    NoReply,
    Reply,
    ServerExit,
    call,
    cast,
    debug,
    reply,
    whereis,
)


class Asked(Keeper):
    """A Keeper that tells other threads when it has been asked."""

    def init(self, state: Any) -> Any:  # type: ignore[override]
        return state

    def handle_call(self, request: Any, from_: From[Any], state: Any) -> Any:
        callers, asked = state
        callers[request] = from_
        asked.set()
        return NoReply(state)


def test_greet_is_an_ordinary_function_call_that_waits_for_a_deferred_reply() -> None:
    with Node.in_thread() as node:
        coordinator = node.run(Coordinator.start_link)
        assert node.run(coordinator.greet, "Hello") == "Hello to you too!"
        assert [node.run(coordinator.greet, name) for name in "abc"] == [
            "a to you too!",
            "b to you too!",
            "c to you too!",
        ]


def test_plain_functions_run_in_the_thread_of_the_node_with_their_arguments() -> None:
    with Node.in_thread() as node:
        thread = node.run(threading.get_ident)
        assert thread != threading.get_ident()
        assert node.run(dict, [("a", 1)], b=2) == {"a": 1, "b": 2}
        doer = node.run(Doer.start, name="doer")
        assert node.run(whereis, "doer") is doer
        assert node.run(call, "doer", threading.get_ident) == thread


def test_the_calling_thread_is_blocked_until_the_reply_and_others_are_not() -> None:
    with Node.in_thread() as node, ThreadPoolExecutor(1) as threads:
        keeper = node.run(Asked.start, (callers := dict[Any, Any](), asked := threading.Event()))
        asking = threads.submit(lambda: node.run(keeper.call, "request", None))
        assert asked.wait(10)
        assert not asking.done()
        node.run(reply, callers["request"], "answer")
        assert asking.result() == "answer"


def test_many_threads_may_call_at_the_same_time_and_each_gets_its_own_answer() -> None:
    class Echo(Stateless):
        async def handle_call(self, request: Any, from_: From[Any], state: None) -> Any:
            await asyncio.sleep(0)
            return Reply(request, state)

    with Node.in_thread() as node, ThreadPoolExecutor(8) as threads:
        echo = node.run(Echo.start)
        assert list(threads.map(lambda number: node.run(echo.call, number), range(500))) == list(
            range(500)
        )


def test_what_fails_there_is_raised_here() -> None:
    with Node.in_thread() as node:
        keeper = node.run(Keeper.start)
        assert type(tried(node.run, keeper.call, "request", 0)) is CallTimeout
        assert type(tried(node.run, call, "nobody", "request")) is NoProcess
        assert type(tried(node.run, lambda: 1 // 0)) is ZeroDivisionError
        doer = node.run(Doer.start)
        failed = tried(node.run, doer.call, raising(why := Boom("why")))
        assert (type(failed), failed.reason) == (ServerExit, why)


def test_leaving_it_stops_its_servers_and_its_thread() -> None:
    with Node.in_thread() as node:
        thread = node.run(threading.current_thread)
        doer = node.run(Doer.start, heard := list[Any]())
    assert heard == [Terminated("shutdown")]
    assert not doer.alive
    assert not thread.is_alive()


def test_leaving_it_by_an_exception_stops_it_too() -> None:
    def leave() -> None:
        with Node.in_thread() as node:
            seen.append(node.run(threading.current_thread))
            raise Boom

    seen: list[threading.Thread] = []
    with pytest.raises(Boom):
        leave()
    assert not seen[0].is_alive()


def test_two_nodes_in_two_threads_know_nothing_of_each_other() -> None:
    with Node.in_thread() as one, Node.in_thread() as other:
        first, second = one.run(Doer.start, name="doer"), other.run(Doer.start, name="doer")
        assert first is not second
        assert one.run(whereis, "doer") is first
        assert other.run(whereis, "doer") is second


def test_the_observer_is_called_in_the_thread_of_the_node() -> None:
    events: list[Event] = []
    threads: set[int] = set()

    def observe(event: Event) -> None:
        events.append(event)
        threads.add(threading.get_ident())

    with Node.in_thread(observe) as node:
        node.run(node.run(Coordinator.start_link).greet, "Hello")
        thread = node.run(threading.get_ident)
    assert threads == {thread}
    assert kinds(events)[:7] == ["start", "start", "call", "cast", "noreply", "info", "reply"]


@pytest.mark.parametrize("fatal", [SystemExit, KeyboardInterrupt])
def test_what_ends_the_program_in_a_handler_ends_it_in_the_thread_that_called_too(
    fatal: type[BaseException],
) -> None:
    def end() -> None:
        raise fatal

    def program() -> None:
        with Node.in_thread() as node:
            node.run(node.run(Doer.start).call, end)

    with pytest.raises(fatal):
        program()


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_node_whose_thread_was_ended_by_a_handler_says_so_and_can_be_left() -> None:
    def end() -> None:
        raise SystemExit

    with Node.in_thread() as node:
        doer, thread = node.run(Doer.start), node.run(threading.current_thread)
        tried(node.run, doer.cast, end)
        thread.join(10)
        failed = tried(node.run, doer.call, "request")
        assert type(failed) is RuntimeError
        assert "not running" in str(failed)


NO_DESCRIPTOR_LEFT = """
import os, resource
from genreply_cli.otp import Node
free = os.dup(0)
os.close(free)
limits = resource.getrlimit(resource.RLIMIT_NOFILE)
resource.setrlimit(resource.RLIMIT_NOFILE, (free, limits[1]))
try:
    with Node.in_thread():
        print("it is open")
except OSError as error:
    print(error)
resource.setrlimit(resource.RLIMIT_NOFILE, limits)
with Node.in_thread() as node:
    print(node.run(int, "3"))
"""

NO_LOOP = """
import asyncio, sys, threading
from genreply_cli.otp import Node
class Policy(asyncio.DefaultEventLoopPolicy):
    def new_event_loop(self):
        sys.exit("there is no loop")
asyncio.set_event_loop_policy(Policy())
try:
    with Node.in_thread():
        print("it is open")
except SystemExit as error:
    print(error)
print(threading.active_count())
"""


@pytest.mark.parametrize(
    ("program", "says"),
    [
        (NO_DESCRIPTOR_LEFT, ["[Errno 24] Too many open files", "3"]),
        (NO_LOOP, ["there is no loop", "1"]),
    ],
)
def test_what_ends_the_thread_before_its_loop_runs_is_raised_in_the_caller(
    program: str, says: list[str]
) -> None:
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", program],
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert done.stdout.splitlines() == says


# --- misuse


def test_a_coroutine_where_a_function_is_wanted_is_a_type_error_that_says_how_to_write_it() -> None:
    with Node.in_thread() as node:
        coordinator = node.run(Coordinator.start_link)
        failed = tried(node.run, coordinator.greet("Hello"))
        assert type(failed) is TypeError
        for part in ("node.run", "coroutine", "greet", "function"):
            assert part in str(failed)
        assert node.run(coordinator.greet, "Hello") == "Hello to you too!"


@pytest.mark.parametrize("what", [None, "greet", 7])
def test_what_cannot_be_called_is_a_type_error(what: Any) -> None:
    with Node.in_thread() as node:
        failed = tried(node.run, what)
        assert type(failed) is TypeError
        assert repr(what) in str(failed) or type(what).__name__ in str(failed)


def test_run_in_the_nodes_own_thread_would_wait_for_itself_and_says_so() -> None:
    with Node.in_thread() as node:
        failed = node.run(lambda: tried(node.run, lambda: "never"))
        assert type(failed) is RuntimeError
        assert "await" in str(failed)


def test_run_after_the_node_was_left_says_so_and_does_not_hang() -> None:
    with Node.in_thread() as node:
        doer = node.run(Doer.start)
    failed = tried(node.run, doer.call, "request")
    assert type(failed) is RuntimeError
    assert "node" in str(failed)


def test_run_of_a_node_that_was_never_opened_says_so() -> None:
    failed = tried(Node().run, lambda: "never")
    assert type(failed) is RuntimeError
    assert "node" in str(failed)


class Log(GenServer[list[Any]]):
    """Keeps what it hears, and in which thread."""

    def init(self) -> list[Any]:
        return []

    def handle_call(self, request: Any, from_: From[Any], state: list[Any]) -> Any:
        return Reply(state, state)

    def handle_cast(self, request: Any, state: list[Any]) -> Any:
        return NoReply([*state, ("cast", request, threading.get_ident())])

    def handle_info(self, message: Any, state: list[Any]) -> Any:
        return NoReply([*state, ("send", message, threading.get_ident())])


@pytest.mark.parametrize("limit", [None, 100])
@pytest.mark.parametrize("busy", [False, True])
def test_casts_and_sends_from_another_thread_come_in_their_order(
    limit: int | None, busy: bool
) -> None:
    with Node.in_thread() as node:
        log = node.run(Log.start, mailbox_limit=limit)
        held = threading.Event()
        if busy:
            node.loop.call_soon_threadsafe(held.wait, 0.05 if limit else 10)
        for number in range(20):
            (log.cast if number % 2 else log.send)(number)
        held.set()
        thread = node.run(threading.get_ident)
        assert node.run(log.call, "all") == [
            ("cast" if number % 2 else "send", number, thread) for number in range(20)
        ]


def test_a_full_mailbox_is_an_error_in_the_other_thread_too() -> None:
    with Node.in_thread() as node:
        log = node.run(Log.start, mailbox_limit=1)
        node.run(debug.suspend, log)
        log.cast(1)
        failed = tried(log.send, 2)
        assert type(failed) is MailboxFull
        node.run(debug.resume, log)
        assert [each[1] for each in node.run(log.call, "all")] == [1]


def test_a_message_to_a_server_that_has_ended_is_lost_in_any_thread() -> None:
    with Node.in_thread() as node:
        log = node.run(Log.start)
        node.run(log.stop)
        log.cast(1)
    log.send(2)
    assert not log.alive


def test_what_a_cast_of_another_thread_leads_to_has_that_thread_as_no_process() -> None:
    events: list[Event] = []
    with Node.in_thread(events.append) as node:
        log = node.run(Log.start)
        log.cast("x")
        node.run(log.call, "all")
    [cast_event] = [event for event in events if event.kind == "cast"]
    assert (cast_event.source, cast_event.target, cast_event.message) == (None, log, "x")


def test_run_waits_for_a_future_as_for_a_coroutine() -> None:
    with Node.in_thread() as node:
        log = node.run(Log.start)
        assert node.run(log.send_request, "all") == []


@pytest.mark.parametrize("busy", [False, True])
def test_ctrl_c_in_run_is_a_keyboard_interrupt_whether_the_node_is_busy_or_not(busy: bool) -> None:
    program = f"""
import asyncio, os, signal, sys, threading, time
from genreply_cli.otp import Node
held, entered = threading.Event(), threading.Event()
told = []
main = threading.get_ident()
async def ask():
    entered.set()
    try:
        await asyncio.sleep(60)
    finally:
        told.append("cancelled")
def interrupt():
    entered.wait(20)
    while sys._current_frames()[main].f_code is not Node.run.__code__:
        time.sleep(0.001)
    os.kill(os.getpid(), signal.SIGINT)
with Node.in_thread() as node:
    if {busy}:
        node.loop.call_soon_threadsafe(lambda: (entered.set(), held.wait(20)))
    threading.Thread(target=interrupt).start()
    try:
        node.run(ask)
    except BaseException as error:
        told.append(type(error).__name__)
    held.set()
print(*sorted(told))
"""
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=True
    )
    assert (done.stdout, done.stderr) == (
        "KeyboardInterrupt\n" if busy else "KeyboardInterrupt cancelled\n",
        "",
    )


def test_in_thread_without_with_says_so() -> None:
    failed = tried(getattr, Node.in_thread(), "run")
    assert type(failed) is AttributeError
    assert "with Node.in_thread() as node:" in str(failed)


class Greeter(Facade[Coordinator]):
    greet = Blocking(Coordinator.greet)


def test_a_facade_makes_a_greeting_a_plain_call_with_its_docstring_and_its_signature() -> None:
    with Node.in_thread() as node:
        greeter = Greeter(node.run(Coordinator.start_link))
        answer: str = greeter.greet("Hello")
        assert answer == "Hello to you too!"
        assert greeter.greet(msg="Hi", timeout=None) == "Hi to you too!"
        assert inspect.signature(greeter.greet) == inspect.signature(greeter.server.greet)
        assert not inspect.iscoroutinefunction(greeter.greet)
        assert Greeter.greet.__doc__ == Coordinator.greet.__doc__
        assert type(tried(greeter.greet, "Hello", 0)) is CallTimeout
        assert "await" in str(node.run(lambda: tried(greeter.greet, "Hello")))


@pytest.mark.parametrize("server", [None, Coordinator, Coordinator()])
def test_a_facade_of_no_server_says_what_it_expects(server: Any) -> None:
    failed = tried(Greeter, server)
    assert type(failed) in (TypeError, ValueError)
    assert "expected" in str(failed)


def test_an_exit_signal_from_another_thread_is_refused() -> None:
    with Node.in_thread() as node:
        doer = node.run(Doer.start)
        failed = tried(doer.exit, "boom")
        assert type(failed) is RuntimeError
        assert "node.run(" in str(failed)
        assert node.run(doer.call, lambda: "alive") == "alive"


def test_a_reply_from_another_thread_is_refused() -> None:
    with Node.in_thread() as node, ThreadPoolExecutor(1) as threads:
        keeper = node.run(Asked.start, (callers := dict[Any, Any](), asked := threading.Event()))
        asking = threads.submit(lambda: node.run(keeper.call, "request", None))
        assert asked.wait(10)
        failed = tried(reply, callers["request"], "from another thread")
        node.run(reply, callers["request"], "from its own")
        assert type(failed) is RuntimeError
        assert "node.run(" in str(failed)
        assert asking.result() == "from its own"


def test_a_call_from_another_threads_loop_is_refused_and_not_delivered() -> None:
    with Node.in_thread() as node:
        doer = node.run(Doer.start, heard := list[Any]())
        failed = tried(asyncio.run, doer.call(lambda: heard.append("called"), 1))
        assert type(failed) is RuntimeError
        assert "node.run(" in str(failed)
        node.run(doer.call, lambda: None)
        assert heard == []


def test_start_and_names_in_another_thread_say_that_no_node_is_running_there() -> None:
    with Node.in_thread() as node:
        node.run(Doer.start, name="doer")
        for function in (Doer.start, lambda: whereis("doer"), lambda: cast("doer", "message")):
            failed = tried(function)
            assert type(failed) is RuntimeError
            assert "no node is running here" in str(failed)
            assert "node.run(" in str(failed)
