"""Supervisors: the same outcomes as Elixir's, which supervisor.exs has recorded."""

import asyncio
import shutil
import subprocess
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, cast

import pytest
from servers import Boom, Doer, Terminated, TrappingDoer, all_quiet, now, outcome, tried

from genreply_cli.otp import (
    ChildError,
    ChildSpec,
    Exited,
    GenServer,
    Ignore,
    NoProcess,
    ServerExit,
    Stop,
    Strategy,
    Supervisor,
    call,
    whereis,
)

HERE = Path(__file__).parent
SCRIPT = HERE / "supervisor.exs"
RECORDED = (HERE / "supervisor.txt").read_text().splitlines()


class Log:
    """What the workers of a scenario have done, and how often each has been started."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.starts: dict[str, int] = {}

    def __str__(self) -> str:
        return ", ".join(self.lines)


class Worker(GenServer[None]):
    """Logs its start and its stop; some of its starts fail."""

    trap_exit = True

    def init(self, log: Log, name: str, fails: Any) -> Any:
        self.log, self.called = log, name
        log.starts[name] = number = log.starts.get(name, 0) + 1
        if fails == "ignore":
            return Ignore()
        if number in fails:
            log.lines.append(f"fail {name}")
            return Stop("boom")
        log.lines.append(f"start {name}")
        return None

    def handle_call(self, request: Any, from_: Any, state: None) -> Any:
        return Stop(request, state, reply="ok")

    def handle_info(self, message: Any, state: None) -> Any:
        return Stop(message.reason, state)

    def terminate(self, reason: Any, state: None) -> None:
        self.log.lines.append(f"stop {self.called}")


def child(log: Log, name: str, fails: Any = (), **options: Any) -> ChildSpec:
    return ChildSpec(name, partial(Worker.start_link, log, name, fails, name=name), **options)


def start(*children: ChildSpec, strategy: Any = "one_for_one", most: int = 3) -> Supervisor:
    return Supervisor.start_link(list(children), Strategy(strategy, max_restarts=most))


async def end(name: str, reason: Any) -> None:
    await call(name, reason)
    await all_quiet()


async def which(supervisor: Supervisor) -> str:
    def said(process: Any) -> str:
        return "running" if isinstance(process, GenServer) else process or "undefined"

    children = await supervisor.which_children()
    return ", ".join(f"{info.id} {said(info.process)}" for info in children)


async def counted(supervisor: Supervisor) -> str:
    counts = (await supervisor.count_children())._asdict()
    return ", ".join(f"{name} {number}" for name, number in counts.items())


async def ended(supervisor: Supervisor) -> str:
    return "runs" if supervisor.alive else f"ended {inspect(await supervisor.wait())}"


def inspect(reason: Any) -> str:
    """The reason as Elixir shows it."""
    if isinstance(reason, tuple):
        return f"{{{', '.join(map(inspect, reason))}}}"
    return f":{reason}"


async def scenarios() -> list[str]:
    """Do what supervisor.exs does, and return what it prints."""
    said: list[str] = []

    def say(title: str, *parts: Any) -> None:
        said.append(f"{title}: {'; '.join(map(str, parts))}")

    for strategy in ("one_for_one", "rest_for_one", "one_for_all"):
        for name in "abc":
            log = Log()
            supervisor = start(*(child(log, each) for each in "abc"), strategy=strategy)
            await end(name, "boom")
            parts = [str(log), await which(supervisor), await counted(supervisor)]
            await supervisor.stop("shutdown")
            say(f"{strategy}, {name} crashes", *parts, log)

    for restart in ("permanent", "transient", "temporary"):
        for reason in ("normal", "shutdown", ("shutdown", "x"), "boom"):
            supervisor = start(child(Log(), "a", restart=restart))
            await end("a", reason)
            parts = [await which(supervisor), await counted(supervisor)]
            say(f"{restart}, {inspect(reason)}", *parts)
            await supervisor.stop("shutdown")

    for most in (0, 1, 3):
        log = Log()
        supervisor = start(child(log, "a"), child(log, "b"), most=most)
        for _ in range(most):
            await end("a", "boom")
        before = await ended(supervisor)
        await end("a", "boom")
        say(f"max_restarts {most}", before, await ended(supervisor), log)

    for failing in ([2], [2, 3], [2, 3, 4], [2, 3, 4, 5]):
        for strategy in ("one_for_one", "rest_for_one", "one_for_all"):
            log = Log()
            children = child(log, "a"), child(log, "b", failing), child(log, "c")
            supervisor = start(*children, strategy=strategy)
            await end("b", "boom")
            parts = [str(log), await ended(supervisor)]
            say(f"{strategy}, restart fails {len(failing)} times", *parts)
            if supervisor.alive:
                await supervisor.stop("shutdown")

    for strategy in ("rest_for_one", "one_for_all"):
        log = Log()
        children = child(log, "a"), child(log, "b", restart="temporary"), child(log, "c")
        supervisor = start(*children, strategy=strategy)
        await end("a", "boom")
        parts = [str(log), await which(supervisor), await counted(supervisor)]
        await supervisor.stop("shutdown")
        say(f"{strategy} with a temporary child", *parts)

    log = Log()
    failure = tried(start, child(log, "a"), child(log, "b"), child(log, "c", [1]))
    await all_quiet()
    say("a child fails at the start", inspect(failure.reason), log)

    log = Log()
    ignoring = child(log, "b", "ignore", restart="temporary")
    supervisor = start(child(log, "a", "ignore"), ignoring, child(log, "c"))
    say("children that ignore", await which(supervisor), await counted(supervisor))
    assert await supervisor.start_child(child(log, "d", "ignore")) is None
    say("start_child that ignores", "undefined", await which(supervisor))
    await supervisor.stop("shutdown")

    await _steps(say)

    log = Log()
    killed = child(log, "b", shutdown="brutal_kill")
    supervisor = start(child(log, "a"), killed, child(log, "c"))
    await supervisor.stop("shutdown")
    say("a supervisor stops", log)

    log = Log()
    inner = partial(Supervisor.start_link, [child(log, "b")], Strategy(max_restarts=1))
    nested = ChildSpec("inner", inner, type="supervisor")
    supervisor = start(child(log, "a"), nested, child(log, "c"), strategy="rest_for_one")
    for _ in range(2):
        await end("b", "boom")
    parts = [str(log), await which(supervisor), await counted(supervisor)]
    await supervisor.stop("shutdown")
    say("a nested supervisor gives up", *parts)
    return said


async def _steps(say: Callable[..., None]) -> None:
    log = Log()
    supervisor = start(child(log, "a"))
    begin, failing = supervisor.start_child, child(log, "c", [1, 2])
    terminate, restart = supervisor.terminate_child, supervisor.restart_child
    temporary = child(log, "d", restart="temporary")
    steps: list[tuple[str, Any, Any]] = [
        ("start", begin, child(log, "a")), ("start", begin, child(log, "b")),
        ("restart", restart, "a"), ("delete", supervisor.delete_child, "a"),
        ("terminate", terminate, "a"), ("start", begin, child(log, "a")),
        ("terminate", terminate, "a"), ("restart", restart, "a"), ("terminate", terminate, "a"),
        ("delete", supervisor.delete_child, "a"), ("delete", supervisor.delete_child, "a"),
        ("restart", restart, "a"), ("terminate", terminate, "a"), ("start", begin, failing),
        ("start", begin, failing), ("start", begin, temporary), ("terminate", terminate, "d"),
        ("delete", supervisor.delete_child, "d"),
    ]  # fmt: skip
    for name, method, given in steps:
        result: Any = await outcome(method(given))
        if isinstance(result, ChildError):
            result = "failed with :boom" if result.reason == "boom" else result.reason
        elif result is None:
            result = "ok"
        else:
            assert result.alive
            result = "running"
        whom = given.id if isinstance(given, ChildSpec) else given
        say(f"{name} {whom}", result, await which(supervisor))
    await supervisor.stop("shutdown")


async def test_a_supervisor_does_what_elixirs_does() -> None:
    assert await scenarios() == RECORDED


@pytest.mark.skipif(shutil.which("elixir") is None, reason="needs Elixir: apt install elixir")
def test_elixirs_supervisor_still_does_what_is_recorded() -> None:
    done = subprocess.run(
        ["elixir", str(SCRIPT)], capture_output=True, text=True, check=True, timeout=120
    )
    assert done.stdout.splitlines() == RECORDED


# --- beyond what is recorded


def named(name: str, server: type[Doer] = Doer, **options: Any) -> ChildSpec:
    return ChildSpec(name, partial(server.start_link, name=name), **options)


async def test_callers_by_name_reach_the_server_that_was_started_again() -> None:
    start(named("a"))
    first = whereis("a")
    assert first is not None
    first.exit("boom")
    await all_quiet()
    assert await call("a", lambda: "here") == "here"
    assert whereis("a") is not first


async def test_restarts_that_are_longer_ago_than_max_seconds_do_not_count() -> None:
    supervisor = Supervisor.start_link([named("a")], Strategy(max_restarts=1, max_seconds=5.0))
    for _ in range(5):
        whereis("a").exit("boom")  # type: ignore[union-attr]  # it runs
        await asyncio.sleep(5.1)
        assert supervisor.alive
    for _ in range(2):
        whereis("a").exit("boom")  # type: ignore[union-attr]
        await all_quiet()
    assert await supervisor.wait() == "shutdown"


class Stuck(TrappingDoer):
    """Never ends of its own accord."""

    async def terminate(self, reason: Any, heard: list[Any]) -> Any:
        await asyncio.sleep(1000)


@pytest.mark.parametrize(("shutdown", "seconds"), [(2.0, 2.0), (None, 5.0), (30, 30.0), (0, 0.0)])
async def test_a_child_that_does_not_stop_is_killed_after_its_time(
    shutdown: Any, seconds: float
) -> None:
    supervisor = start(named("a", Stuck, shutdown=shutdown))
    stuck, begin = whereis("a"), now()
    await supervisor.terminate_child("a")
    assert now() - begin == pytest.approx(seconds)
    assert stuck is not None
    assert await stuck.wait() == "killed"


async def test_with_infinity_a_supervisor_waits_as_long_as_it_takes() -> None:
    supervisor = start(named("a", Stuck, shutdown="infinity"))
    begin = now()
    await supervisor.terminate_child("a")
    assert now() - begin == pytest.approx(1000)


async def test_a_child_that_was_started_without_a_link_is_restarted_too() -> None:
    start(ChildSpec("a", partial(Doer.start, name="a")))
    first = whereis("a")
    assert first is not None
    first.exit("boom")
    await all_quiet()
    assert whereis("a") is not None is not first


async def test_a_supervisor_that_is_killed_takes_its_children_along() -> None:
    supervisor = start(named("a"), named("b", TrappingDoer))
    children = [whereis("a"), whereis("b")]
    supervisor.exit("kill")
    await all_quiet()
    assert [each.alive for each in children if each is not None] == [False, False]


async def test_an_exception_in_init_is_why_a_child_did_not_start() -> None:
    class Broken(GenServer[None]):
        def init(self) -> None:
            raise Boom("why")

    supervisor = start()
    with pytest.raises(ChildError, match=r"the child 'a' did not start: Boom\('why'\)"):
        await supervisor.start_child(ChildSpec("a", Broken.start_link))
    with pytest.raises(ServerExit) as raised:
        start(ChildSpec("a", Broken.start_link))
    kind, (words, id, error) = raised.value.reason
    assert (kind, words, id, type(error)) == ("shutdown", "failed_to_start_child", "a", Boom)


async def test_exit_signals_and_messages_of_others_do_not_matter() -> None:
    supervisor = start(named("a"))
    before = whereis("a")
    supervisor.exit("boom")
    supervisor.send(Exited(None, "boom"))
    supervisor.send("hello")
    await all_quiet()
    assert (whereis("a"), supervisor.alive) == (before, True)


async def test_a_subclass_makes_its_children_from_its_arguments() -> None:
    class Doers(Supervisor):
        def init(self, *names: Any) -> Any:
            return super().init([named(name) for name in names], Strategy("one_for_all"))

    supervisor = Doers.start_link("a", "b")
    assert [info.id for info in await supervisor.which_children()] == ["a", "b"]
    await supervisor.stop()
    with pytest.raises(NoProcess):
        await call("a", lambda: None)


@pytest.mark.parametrize(
    ("make", "sentence"),
    [
        (lambda: ChildSpec("a", cast(Any, 7)), "start of the child 'a' is .*; expected a function"),
        (lambda: named("a", restart="always"), "restart is 'always'; expected 'permanent', "),
        (lambda: named("a", shutdown="now"), "shutdown is 'now'; expected 'brutal_kill' or"),
        (lambda: named("a", shutdown=-1), "timeout is -1; expected 0 seconds or more"),
        (lambda: named("a", type="boss"), "type is 'boss'; expected 'worker' or 'supervisor'"),
        (lambda: Strategy("all"), "strategy is 'all'; expected 'one_for_one', "),  # type: ignore[arg-type]
        (lambda: Strategy(max_restarts=-1), "max_restarts is -1; expected a number of restarts"),
        (lambda: start(named("a"), named("a")), "two children have the id 'a'"),
    ],
)
async def test_what_cannot_be_meant_is_said_at_once(make: Any, sentence: str) -> None:
    with pytest.raises((TypeError, ValueError), match=sentence):
        make()


async def test_children_are_stopped_in_their_order_when_the_supervisor_ends() -> None:
    heard: list[Any] = []
    children = [
        ChildSpec(each, partial(TrappingDoer.start_link, heard)) for each in ("a", "b", "c")
    ]
    await start(*children).stop()
    assert heard == [Terminated("shutdown")] * 3
