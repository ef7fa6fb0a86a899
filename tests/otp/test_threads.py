"""A node in a thread of its own: the only tests of otp with real threads, in real time."""

import asyncio
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from servers import Boom, Doer, Keeper, Stateless, Terminated, kinds, raising, tried

from genreply_cli.coordinator import Coordinator
from genreply_cli.otp import (
    CallTimeout,
    Event,
    From,
    Node,
    NoProcess,
    NoReply,
    Reply,
    ServerExit,
    call,
    cast,
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
        asking = threads.submit(node.run, keeper.call, "request", None)
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


@pytest.mark.parametrize("way", ["cast", "send"])
def test_a_message_from_another_thread_is_refused_and_not_delivered(way: str) -> None:
    with Node.in_thread() as node:
        doer = node.run(Doer.start, heard := list[Any]())
        failed = tried(getattr(doer, way), lambda: heard.append("cast"))
        assert type(failed) is RuntimeError
        assert "another thread" in str(failed)
        assert "node.run(" in str(failed)
        node.run(doer.call, lambda: None)
        assert heard == []


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
        asking = threads.submit(node.run, keeper.call, "request", None)
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
