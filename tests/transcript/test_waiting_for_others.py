"""A server may answer callers that wait while it handles something else, which is not wrong."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
from servers import all_quiet

from genreply_cli.analysis.check import Checker
from genreply_cli.otp import From, GenServer, Node, NoReply, Reply, cast, reply, send_after
from genreply_cli.otp.virtual_time import run
from genreply_cli.transcript.format import Header
from genreply_cli.transcript.infer import Inference
from genreply_cli.transcript.step import Step, is_answer
from genreply_cli.transcript.tracer import Tracer

Waiting = list[tuple[Any, From[Any]]]


class Lock(GenServer[Waiting]):
    """Whoever gives it back lets the next one have it."""

    def init(self) -> Waiting:
        return []

    def handle_call(self, request: Any, from_: From[Any], state: Waiting) -> Any:
        if request == "acquire":
            return NoReply([*state, (request, from_)]) if state else Reply("yours", [("", from_)])
        if state[1:]:
            reply(state[1][1], "yours")
        return Reply("released", state[1:])


class Batch(GenServer[Waiting]):
    """Answers all at once, when a timer that the first one has set runs out."""

    def init(self) -> Waiting:
        return []

    def handle_call(self, request: Any, from_: From[Any], state: Waiting) -> Any:
        if not state:
            send_after(self, 0.05, "flush")
        return NoReply([*state, (request, from_)])

    def handle_info(self, message: Any, state: Waiting) -> Any:
        for request, from_ in state:
            reply(from_, f"{request} is done")
        return NoReply([])


class Pool(Batch):
    """Has one helper, who is given the next task when the one before is done."""

    dispatch_first = False

    def handle_call(self, request: Any, from_: From[Any], state: Waiting) -> Any:
        if not state:
            cast("finder", (self, request))
        return NoReply([*state, (request, from_)])

    def handle_info(self, message: Any, state: Waiting) -> Any:
        (_, from_), *rest = state
        if not self.dispatch_first:
            reply(from_, message)
        if rest:
            cast("finder", (self, rest[0][0]))
        if self.dispatch_first:
            reply(from_, message)
        return NoReply(rest)


class QuickPool(Pool):
    """The same; it is quicker to give out the next task first."""

    dispatch_first = True


class LookUp(Batch):
    """Asks another process for all at once, when a timer runs out."""

    def handle_info(self, message: Any, state: Waiting) -> Any:
        if message != "flush":
            return super().handle_info(message, state)
        cast("finder", (self, "all"))
        return NoReply(state)


class Mixed(Batch):
    """Answers the first one who waits with what another process has found out for the last one."""

    def handle_call(self, request: Any, from_: From[Any], state: Waiting) -> Any:
        cast("finder", (self, request))
        return NoReply([*state, (request, from_)])

    def handle_info(self, message: Any, state: Waiting) -> Any:
        reply(state[-1][1], message)
        return NoReply(state)


class Finder(Batch):
    def handle_cast(self, request: Any, state: Waiting) -> Any:
        asker, question = request
        asker.send(f"found {question}")
        return NoReply(state)


def steps_of(server: type[GenServer[Waiting]], *requests: str) -> list[Step]:
    """What is recorded if callers make these calls at once."""
    steps: list[Step] = []

    async def main() -> None:
        tracer = Tracer()
        async with Node(lambda event: steps.append(tracer(event))):
            Finder.start(name="finder")
            called = server.start()
            calls = [asyncio.create_task(called.call(request, 1.0)) for request in requests]
            await asyncio.wait(calls)
            await all_quiet()
            for call in calls:
                call.exception()
        steps.append(tracer.end())

    run(main())
    return steps


def as_written_by_another_program(steps: list[Step]) -> list[Step]:
    """The steps with nothing but what a stranger would record; what is left out is inferred."""
    inference = Inference()
    told = {"module", "reason", "timeout", "linked"}
    return [
        inference.update(
            step._replace(
                cause=None,
                call=step.call if step.kind in {"call", "reply", "timeout"} else None,
                details={name: step.details[name] for name in told & step.details.keys()},
            )
        )
        for step in steps
    ]


@pytest.mark.parametrize("seen", [list, as_written_by_another_program])
@pytest.mark.parametrize(
    ("server", "requests"),
    [
        (Lock, ("acquire", "acquire", "release")),
        *((server, ("A", "B", "C")) for server in (Batch, Pool, QuickPool, LookUp)),
    ],
)
def test_who_waits_is_answered_and_nothing_is_wrong(
    server: type[GenServer[Waiting]],
    requests: tuple[str, ...],
    seen: Callable[[list[Step]], list[Step]],
) -> None:
    steps = seen(steps_of(server, *requests))
    assert [step.outcome for step in steps if is_answer(step)] == ["replied"] * 3
    assert problems(steps) == []


def test_an_answer_of_another_process_to_another_call_is_one_to_a_wrong_caller() -> None:
    steps = steps_of(Mixed, "A", "B")
    wrong = [step for step in steps if step.outcome == "wrong caller"]
    assert [(step.call, step.details["for"]) for step in wrong] == [("c2", "c1")]
    assert problems(steps) == []


def test_earlier_recordings_that_call_it_wrong_are_possible_as_well() -> None:
    steps = steps_of(Batch, "A", "B")
    older = [
        step._replace(details={**step.details, "for": "c1"})
        if step.kind == "reply" and step.call == "c2"
        else step
        for step in steps[:-1]
    ]
    assert problems(older) == []


def problems(steps: list[Step]) -> list[tuple[int, str, str]]:
    found: list[tuple[int, str, str]] = []
    checker = Checker(
        lambda *problem: found.append(problem), Header(by="genreply", clock="virtual")
    )
    for step in steps:
        checker.update(step)
    return found
