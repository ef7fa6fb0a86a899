"""The cases of otp once more, with each server on another node of a cluster.

Two nodes run in this process, each with a BEAM. A test starts its servers on the one, and has the
other, through which it reaches them: each message goes through both BEAMs. The clock is virtual as
ever, but it jumps only when no message is on its way.
"""

import asyncio
import os
import selectors
from collections.abc import Callable, Coroutine, Iterator
from contextlib import AsyncExitStack
from functools import partial
from typing import Any

import pytest
from peers import NEEDS_ELIXIR
from servers import Echo, all_quiet, placed

from genreply_cli.cluster import Atom, Cluster, RemoteServer
from genreply_cli.cluster.router import Router
from genreply_cli.otp import GenServer, Node, Stop
from genreply_cli.otp.virtual_time import Deadlock, Loop
from tests.otp import test_calls, test_links, test_names_and_stop, test_reply

pytestmark = NEEDS_ELIXIR

ROUNDS = 3  # to the servers and back, until all that was on its way before has come


class Objects:
    """Objects of tests that no term stands for travel as numbers: both nodes are in one process."""

    def __init__(self) -> None:
        self._held: dict[int, Any] = {}

    def hide(self, value: Any) -> Any:
        """A value in which a number stands for each object."""
        if type(value) in {tuple, list}:
            return type(value)(map(self.hide, value))
        if value is None or type(value) in {str, bytes, int, float, bool, Atom}:
            return value
        self._held[len(self._held)] = value
        return (Atom("object"), len(self._held) - 1)

    def find(self, value: Any) -> Any:
        """A value with the objects in the place of their numbers."""
        if type(value) is tuple and len(value) == 2 and value[0] == "object":
            return self._held[value[1]]
        return type(value)(map(self.find, value)) if type(value) in {tuple, list} else value


OBJECTS = Objects()


class Carrying(Router):
    """A router that carries objects. It can keep what it is to tell until others are ready."""

    heard = 0

    def __init__(self, node: str) -> None:
        super().__init__(node)
        self.waits_for = 0
        self._waiting: list[tuple[Any, ...]] = []

    def tell(self, what: str, *arguments: Any) -> None:
        if self.waits_for:
            self._waiting.append((what, *arguments))
        else:
            super().tell(what, *map(OBJECTS.hide, arguments))

    def one_is_ready(self, _: object) -> None:
        self.waits_for -= 1
        if not self.waits_for:
            waiting, self._waiting = self._waiting, []
            for term in waiting:
                self.tell(*term)

    def hear(self, term: tuple[Any, ...]) -> None:
        Carrying.heard += 1
        super().hear(term)

    def read(self, data: bytes, classes: dict[str, type] | None = None) -> Any:
        return OBJECTS.find(super().read(data, classes))


class CarryingCluster(Cluster):
    router: Carrying

    def make_router(self) -> Router:
        self.router = Carrying(self.node)
        return self.router


class ClusterLoop(Loop):
    """A virtual clock that waits for sockets, and jumps only when all messages have come."""

    flush: Callable[[], Coroutine[Any, Any, bool]] | None = None
    flushing: "asyncio.Task[bool] | None" = None

    def jump(self) -> None:
        if self.flush is None:
            self._wait_for_sockets()
        elif self.flushing is None:
            self.flushing = self.create_task(self.flush())
        elif not self.flushing.done():
            self._wait_for_sockets()
        else:
            quiet, self.flushing = self.flushing.result(), None
            if quiet:
                try:
                    super().jump()
                except Deadlock:  # nobody waits for the clock, so there is time to wait here
                    if not self._wait_for_sockets():
                        raise

    def _wait_for_sockets(self) -> bool:
        """Wait until something has come. Returns whether it has."""
        return bool(selectors.DefaultSelector.select(self._selector, 60))  # type: ignore[attr-defined]

    def begin(self) -> None:
        """Start the clock anew, for the next test."""
        self._now = 0.0


class Elsewhere:
    """Two nodes of a cluster: servers run on the one, and tests on the other."""

    def __init__(self, runner: asyncio.Runner, loop: ClusterLoop) -> None:
        self._runner, self._loop = runner, loop
        self._stack = AsyncExitStack()
        self._placed = 0

    async def open(self) -> None:
        self._node = await self._stack.enter_async_context(Node())
        self._here, self._there = [
            await self._stack.enter_async_context(
                CarryingCluster(f"{which}{os.getpid()}@127.0.0.1")
            )
            for which in ("tests", "servers")
        ]
        self._echo = self.place(Echo.start())
        signalled, stopped = self.place(Echo.start()), self.place(Echo.start())
        signalled.exit("boom")  # the BEAMs load their code for this now, which takes a while
        assert await signalled.wait() == "boom"
        await stopped.stop()
        assert await self._echo.call("ready") == "ready"
        self._ours = set(self._node.processes)
        self._loop.flush = self.flush

    async def close(self) -> None:
        self._loop.flush = None
        await self._stack.aclose()

    def place(self, server: GenServer[Any]) -> RemoteServer:
        """What stands for a server of a test on the node of the tests."""
        self._placed += 1
        name = f"server{self._placed}"
        ready = asyncio.ensure_future(self._there.serve(name, server))
        self._here.router.waits_for += 1
        ready.add_done_callback(self._here.router.one_is_ready)
        return self._here.server(name, self._there.node)

    async def flush(self) -> bool:
        """Go there and back a few times. Returns whether nothing else came meanwhile."""
        before = Carrying.heard
        for _ in range(ROUNDS):
            await self._echo.call("flush", None)
        return Carrying.heard - before == 2 * ROUNDS

    def run(self, case: Callable[..., Coroutine[Any, Any, None]], arguments: dict[str, Any]) -> int:
        """Run a test of otp. Returns how many servers it has started there."""
        self._loop.begin()
        before = self._placed
        self._runner.run(self._run(case, arguments))
        return self._placed - before

    async def _run(
        self, case: Callable[..., Coroutine[Any, Any, None]], arguments: dict[str, Any]
    ) -> None:
        token = placed.set(self.place)
        try:
            await case(**arguments)
        finally:
            placed.reset(token)
            for process in set(self._node.processes) - self._ours:
                process.exit("killed")
            await all_quiet()


@pytest.fixture(scope="module")
def elsewhere() -> Iterator[Elsewhere]:
    loop = ClusterLoop()
    with (
        pytest.MonkeyPatch.context() as environment,
        asyncio.Runner(loop_factory=lambda: loop) as runner,
    ):
        environment.setenv("ERL_FLAGS", "+S 1")  # what is ready runs in its turn
        both = Elsewhere(runner, loop)
        runner.run(both.open())
        yield both
        runner.run(both.close())


PLAIN: list[Any] = [
    test_calls.test_a_timeout_names_server_request_and_timeout_and_is_a_timeout_error,
    test_calls.test_a_call_waits_five_seconds_unless_it_is_told_otherwise,
    test_calls.test_a_call_without_a_timeout_waits_for_as_long_as_it_takes,
    test_calls.test_no_process_names_server_and_request_and_is_a_lookup_error,
    test_calls.test_a_reason_that_is_no_exception_is_no_cause,
    test_calls.test_a_stop_that_takes_too_long_names_server_and_timeout,
    test_calls.test_a_timeout_of_zero_sends_the_request_all_the_same,
    test_calls.test_a_late_reply_is_not_delivered_anywhere,
    test_calls.test_of_calls_with_one_timeout_the_others_still_fall_due_when_one_was_answered,
    test_calls.test_callers_of_a_killed_server_hear_killed_and_terminate_does_not_run,
    test_calls.test_a_server_that_stops_with_a_reply_answers_its_caller_and_fails_the_other,
    test_calls.test_a_trapping_caller_is_not_interrupted_by_an_exit_or_any_other_message,
    test_calls.test_cancelling_a_caller_neither_stops_the_handler_nor_takes_the_request_back,
    test_calls.test_a_request_whose_caller_timed_out_in_the_queue_is_handled_all_the_same,
    test_calls.test_a_timeout_does_not_interrupt_the_handler,
    test_calls.test_a_caller_that_dies_leaves_the_handler_and_the_server_alone,
    test_reply.test_any_process_that_has_the_from_may_reply,
    test_reply.test_a_plain_task_may_reply,
    test_reply.test_a_reply_frees_the_caller_at_once_though_the_handler_goes_on_working,
    test_reply.test_of_two_replies_the_first_counts_and_the_second_goes_nowhere,
    test_reply.test_a_second_reply_to_the_same_from_leaves_the_server_and_the_next_call_alone,
    test_reply.test_who_is_answered_in_terminate_does_not_see_the_exit,
    test_reply.test_a_thousand_callers_answered_in_any_order_each_get_their_own_answer,
    test_links.test_a_handler_is_never_entered_again_while_it_waits_whatever_it_waits_for,
    test_links.test_infos_that_come_during_a_nested_call_are_handled_after_it_in_order,
    test_links.test_cast_and_send_return_at_once_to_the_busy_and_the_dead,
    test_links.test_a_normal_end_is_a_message_to_a_linked_process_that_traps,
    test_links.test_a_kill_arrives_as_killed_at_linked_processes,
    test_links.test_a_process_that_ends_itself_with_kill_does_not_kill_a_trapping_one,
    test_links.test_an_exit_signal_normal_does_nothing_to_another_process_that_does_not_trap,
    test_links.test_kill_cannot_be_trapped_and_shows_as_killed,
    test_links.test_an_exit_signal_to_the_dead_or_to_nobody_is_no_error,
    test_links.test_nothing_passes_a_link_that_was_undone,
    test_links.test_linking_twice_is_linking_once,
    test_links.test_linking_the_dead_fails_in_a_process_that_does_not_trap_as_any_error_does,
    test_links.test_linking_the_dead_is_answered_by_a_message_to_a_process_that_traps,
    test_links.test_a_monitor_of_a_killed_process_is_told_killed,
    test_links.test_each_of_two_monitors_is_told,
    test_links.test_the_monitored_side_notices_nothing_and_does_not_hear_of_the_watchers_end,
    test_links.test_monitoring_the_dead_is_answered_at_once,
    test_links.test_demonitor_leaves_the_monitor_of_another_process_alone,
    test_links.test_nothing_is_told_after_demonitor,
    test_links.test_many_monitors_hear_in_their_order_but_not_those_that_end_with_the_watched,
    test_links.test_a_plain_task_monitors_by_waiting,
    test_names_and_stop.test_stop_waits_its_turn_behind_the_messages_that_are_queued,
    test_names_and_stop.test_a_stop_that_times_out_leaves_the_server_to_stop_when_it_is_ready,
    test_names_and_stop.test_a_stop_that_times_out_in_the_queue_is_not_taken_back,
    test_names_and_stop.test_cancelling_who_stops_a_server_does_not_keep_it_from_stopping,
    test_names_and_stop.test_stopping_the_dead_or_nobody_is_no_process,
    test_names_and_stop.test_stop_raises_if_the_server_ends_for_another_reason,
    test_names_and_stop.test_of_two_stops_the_first_counts,
    test_reply.test_a_from_that_is_thrown_away_leaves_its_caller_waiting_for_the_whole_timeout,
]
REASONS = [{"reason": reason} for reason in ("normal", "shutdown", "boom", ("shutdown", 1), None)]
NOTHING: list[dict[str, Any]] = [{}]
GIVEN: list[tuple[Any, list[dict[str, Any]]]] = [
    (test_calls.test_every_call_times_out_exactly_when_it_should, [{"timeouts": [3.0, 2.0, 1.0]}]),
    (
        test_calls.test_a_timeout_that_is_no_time_is_a_value_error_and_nothing_is_sent,
        [{"timeout": -1}],
    ),
    (
        test_calls.test_a_timeout_that_is_no_number_is_a_type_error_and_nothing_is_sent,
        [{"timeout": "5"}],
    ),
    (
        test_calls.test_when_a_server_ends_its_deferred_current_and_queued_callers_all_hear_it_at_once,
        [{"ends": partial(Stop, each["reason"]), **each} for each in REASONS],
    ),
    (
        test_calls.test_anything_is_a_reply_and_nothing_in_it_is_taken_for_a_failure,
        [{"value": value, "deferred": True, "is_async": False} for value in (None, False, "")],
    ),
    (
        test_links.test_a_call_sees_the_effect_of_every_cast_and_send_that_its_caller_made_before,
        [{"journal_type": each} for each in (test_links.Journal, test_links.AsyncJournal)],
    ),
    (
        test_links.test_an_abnormal_end_takes_a_linked_process_along_without_terminate,
        REASONS[1:],
    ),
    (
        test_links.test_an_end_is_passed_on_along_a_chain_of_links_with_the_same_reason,
        REASONS[1:],
    ),
    (
        test_links.test_an_abnormal_end_is_a_message_to_a_linked_process_that_traps,
        REASONS[1:],
    ),
    (test_links.test_a_monitor_is_told_once_of_the_end_for_any_reason, REASONS),
    (
        test_links.test_a_down_that_has_come_stays_unless_it_is_flushed,
        [{"flush": flush, "stays": not flush} for flush in (True, False)],
    ),
    (
        test_links.test_links_hear_of_an_end_before_monitors_do_also_down_the_line,
        [{"down_the_line": yes} for yes in (True, False)],
    ),
    (
        test_names_and_stop.test_stop_ends_a_server_for_that_reason_for_callers_monitors_and_links_alike,
        REASONS,
    ),
    (test_names_and_stop.test_a_stop_with_a_timeout_that_is_none_stops_nothing, [{"timeout": "1"}]),
]


@pytest.mark.parametrize(
    ("case", "arguments"),
    [
        pytest.param(case, arguments, id=case.__name__)
        for case, each in [*GIVEN, *((case, NOTHING) for case in PLAIN)]
        for arguments in each
    ],
)
def test_of_otp(elsewhere: Elsewhere, case: Any, arguments: dict[str, Any]) -> None:
    assert elsewhere.run(case, arguments) > 0
