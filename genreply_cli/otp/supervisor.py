"""Supervisor: starts servers in order, starts them again when they end, stops them in reverse.

    sockets = ChildSpec("socket", partial(Socket.start_link, url, name="socket"))
    callers = ChildSpec("caller", partial(Caller.start_link, name="caller"))
    await Supervisor.start_link([sockets, callers], Strategy("rest_for_one")).wait()

It is Elixir's `Supervisor`. A restarted child is another GenServer, so callers that are to survive
a restart use its name: `await call("caller", request)`.
"""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Literal, NamedTuple

from genreply_cli.otp.answers import Exited, NoReply, Raise, Reply, Stop
from genreply_cli.otp.calls import From
from genreply_cli.otp.exits import ChildError, Exit, ServerExit, describe, is_quiet, shorten
from genreply_cli.otp.functions import link
from genreply_cli.otp.genserver import GenServer
from genreply_cli.otp.status import CAST, check_timeout, logger

RESTARTS: Final = ("permanent", "transient", "temporary")
STRATEGIES: Final = ("one_for_one", "rest_for_one", "one_for_all")


def _check_word(what: str, word: Any, words: tuple[str, ...]) -> None:
    if word not in words:
        expected = f"{', '.join(map(repr, words[:-1]))} or {words[-1]!r}"
        raise ValueError(f"{what} is {shorten(word)}; expected {expected}")


@dataclass(frozen=True)
class ChildSpec:
    """How a supervisor starts, restarts and stops one child: Elixir's child specification.

    `start` takes no arguments and returns a server, as `partial(Counter.start_link, 0)` does; or
    None, if its `init` returns Ignore.

    `restart` says when it is started again: "permanent", always; "transient", if it did not end
    with "normal", "shutdown" or ("shutdown", x); "temporary", never.

    `shutdown` is how many seconds it has to stop in, before it is killed; or "infinity"; or
    "brutal_kill", to kill it at once. By default 5.0, or "infinity" if `type` is "supervisor".

    Raises ValueError or TypeError for anything else.
    """

    id: Any
    start: Callable[[], GenServer[Any] | None]
    restart: Literal["permanent", "transient", "temporary"] = "permanent"
    shutdown: float | Literal["brutal_kill", "infinity"] | None = None
    type: Literal["worker", "supervisor"] = "worker"

    def __post_init__(self) -> None:
        if not callable(self.start):
            raise TypeError(
                f"the start of the child {self.id!r} is {shorten(self.start)}; "
                "expected a function, as partial(Counter.start_link, 0)"
            )
        _check_word("restart", self.restart, RESTARTS)
        _check_word("type", self.type, ("worker", "supervisor"))
        if isinstance(self.shutdown, str):
            _check_word("shutdown", self.shutdown, ("brutal_kill", "infinity"))
        elif self.shutdown is not None:
            check_timeout(self.shutdown)


@dataclass(frozen=True)
class Strategy:
    """Which children are restarted when one ends, and how often, as in Elixir.

    "one_for_one": only that one. "rest_for_one": also those that were started after it.
    "one_for_all": all. With more than `max_restarts` restarts within `max_seconds`, the supervisor
    stops its children and ends with the reason "shutdown".
    """

    name: Literal["one_for_one", "rest_for_one", "one_for_all"] = "one_for_one"
    max_restarts: int = 3
    max_seconds: float = 5.0

    def __post_init__(self) -> None:
        _check_word("strategy", self.name, STRATEGIES)
        if not isinstance(self.max_restarts, int) or self.max_restarts < 0:
            given = shorten(self.max_restarts)
            raise ValueError(f"max_restarts is {given}; expected a number of restarts, as 3")
        check_timeout(self.max_seconds)

    def allows(self, restarts: list[float], now: float) -> bool:
        """Add a restart to the times of the earlier ones, and return whether the limit allows it.

        Times are in seconds; those that are too old to count are removed from the list.
        """
        restarts[:] = [*(when for when in restarts if when >= now - self.max_seconds), now]
        return len(restarts) <= self.max_restarts


class ChildInfo(NamedTuple):
    """One child, as `which_children` tells of it.

    `process` is the server, None if it does not run, or "restarting" if its restart has failed and
    is tried again.
    """

    id: Any
    process: GenServer[Any] | Literal["restarting"] | None
    type: str


class ChildCounts(NamedTuple):
    """What `count_children` returns: how many are known, run, are supervisors, are workers."""

    specs: int
    active: int
    supervisors: int
    workers: int


@dataclass
class Child:
    """A child that a supervisor knows."""

    spec: ChildSpec
    process: GenServer[Any] | Literal["restarting"] | None = None


@dataclass
class Children:
    """The state of a supervisor: its children in the order of their start."""

    strategy: Strategy
    by_id: dict[Any, Child] = field(default_factory=dict)
    restarts: list[float] = field(default_factory=list)  # when they were, in seconds


@dataclass(frozen=True)
class _Do:
    """A request to a supervisor: run one of its methods with the state and these arguments."""

    function: Callable[..., Any]
    argument: Any = None


@dataclass(frozen=True)
class _TryAgain:
    """A cast of a supervisor to itself: the restart of this child has failed."""

    child: Child


class Supervisor(GenServer[Children]):
    """A server that starts other servers, and keeps them running.

    Start it with a list of `ChildSpec` and a `Strategy`. The children start in this order; if one
    fails to, those before it are stopped, and `start` raises ServerExit with the reason
    ("shutdown", ("failed_to_start_child", id, reason)). `start` does not wait, as it does in
    Elixir, until they have stopped.

    Like any server, it can be subclassed, named, stopped and supervised by another one.
    """

    trap_exit = True

    async def start_child(self, spec: ChildSpec) -> GenServer[Any] | None:
        """Start another child, and return it; None if its `init` returns Ignore.

        Raises ChildError if there is a child with its id, or if it does not start.
        """
        return await self.call(_Do(_start_child, spec), None)  # type: ignore[no-any-return]

    async def terminate_child(self, child_id: Any) -> None:
        """Stop a child. It is not started again before `restart_child`.

        A temporary child is forgotten, too. Raises ChildError if there is no such child.
        """
        await self.call(_Do(_terminate_child, child_id), None)

    async def restart_child(self, child_id: Any) -> GenServer[Any] | None:
        """Start a child that does not run, and return it.

        Raises ChildError if there is no such child, if it runs, or if it does not start.
        """
        return await self.call(_Do(_restart_child, child_id), None)  # type: ignore[no-any-return]

    async def delete_child(self, child_id: Any) -> None:
        """Forget a child that does not run. Raises ChildError if it runs, or is not known."""
        await self.call(_Do(_delete_child, child_id), None)

    async def which_children(self) -> list[ChildInfo]:
        """Return what is known of each child, in the order of their start."""
        return await self.call(_Do(_which_children), None)  # type: ignore[no-any-return]

    async def count_children(self) -> ChildCounts:
        """Return how many children there are."""
        return await self.call(_Do(_count_children), None)  # type: ignore[no-any-return]

    def init(
        self, children: Sequence[ChildSpec] = (), strategy: Strategy = Strategy()
    ) -> Children | Stop[Children]:
        """Start the children."""
        state = Children(strategy)
        for spec in children:
            if spec.id in state.by_id:
                raise ValueError(f"two children have the id {spec.id!r}; each needs its own")
            child = state.by_id[spec.id] = Child(spec)
            try:
                _start(state, child)
            except ChildError as error:
                for started in reversed(state.by_id.values()):
                    if isinstance(started.process, GenServer):
                        started.process.exit("shutdown")
                reason = ("failed_to_start_child", spec.id, error.reason)
                return Stop(("shutdown", reason), state)
        return state

    async def handle_call(self, request: _Do, from_: From[Any], state: Children) -> Reply[Children]:
        """Do what a method asks for."""
        try:
            answer = request.function(state, request.argument)
            return Reply(await answer if asyncio.iscoroutine(answer) else answer, state)
        except ChildError as error:
            return Reply(Raise(error), state)

    async def handle_cast(
        self, request: _TryAgain, state: Children
    ) -> NoReply[Children] | Stop[Children]:
        """Try a restart again, if nobody has stopped or restarted the child in the meantime."""
        child = request.child
        if child.process == "restarting" and state.by_id.get(child.spec.id) is child:
            return await self._restart(state, child)
        return NoReply(state)

    async def handle_info(
        self, message: Any, state: Children
    ) -> NoReply[Children] | Stop[Children]:
        """Restart a child that has ended, or forget it."""
        if not isinstance(message, Exited):
            logger.error("%s received unexpected message: %s", describe(self), shorten(message))
            return NoReply(state)
        for child in state.by_id.values():
            if message.process is not None and child.process is message.process:
                break
        else:
            return NoReply(state)  # it was stopped on purpose, or is no child
        restart = child.spec.restart
        if restart == "permanent" or (restart == "transient" and not is_quiet(message.reason)):
            return await self._restart(state, child)
        _ended(state, child)
        return NoReply(state)

    async def terminate(self, reason: Any, state: Children) -> None:
        """Stop the children, the last one first."""
        await _stop(state, list(state.by_id.values()))

    async def _restart(self, state: Children, child: Child) -> NoReply[Children] | Stop[Children]:
        """Restart a child, and others with it if the strategy says so."""
        if not state.strategy.allows(state.restarts, asyncio.get_running_loop().time()):
            _ended(state, child)
            most, seconds = state.strategy.max_restarts, state.strategy.max_seconds
            text = "%s ends: more than %d restarts within %g s, the last of the child %s"
            logger.error(text, describe(self), most, seconds, shorten(child.spec.id))
            return Stop("shutdown", state)
        children = list(state.by_id.values())
        if state.strategy.name == "one_for_one":
            children = [child]
        elif state.strategy.name == "rest_for_one":
            children = children[children.index(child) :]
        child.process = None
        await _stop(state, children)
        for each in children:
            if state.by_id.get(each.spec.id) is not each:
                continue  # a temporary child
            try:
                _start(state, each)
            except ChildError:
                each.process = "restarting"
                self._process.post(CAST, _TryAgain(each))
                break
        return NoReply(state)


def _start_child(state: Children, spec: ChildSpec) -> GenServer[Any] | None:
    known = state.by_id.get(spec.id)
    if known is not None:
        running = isinstance(known.process, GenServer)
        raise ChildError(spec.id, "already_started" if running else "already_present")
    child = state.by_id[spec.id] = Child(spec)
    try:
        return _start(state, child)
    except ChildError:
        del state.by_id[spec.id]
        raise


async def _terminate_child(state: Children, child_id: Any) -> None:
    await _stop(state, [_known(state, child_id)])


def _restart_child(state: Children, child_id: Any) -> GenServer[Any] | None:
    return _start(state, _not_running(state, child_id))


def _delete_child(state: Children, child_id: Any) -> None:
    _not_running(state, child_id)
    del state.by_id[child_id]


def _which_children(state: Children, _: None) -> list[ChildInfo]:
    children = state.by_id.values()
    return [ChildInfo(each.spec.id, each.process, each.spec.type) for each in children]


def _count_children(state: Children, _: None) -> ChildCounts:
    children = list(state.by_id.values())
    active = sum(isinstance(each.process, GenServer) and each.process.alive for each in children)
    supervisors = sum(each.spec.type == "supervisor" for each in children)
    return ChildCounts(len(children), active, supervisors, len(children) - supervisors)


def _known(state: Children, child_id: Any) -> Child:
    if child_id not in state.by_id:
        raise ChildError(child_id, "not_found")
    return state.by_id[child_id]


def _not_running(state: Children, child_id: Any) -> Child:
    child = _known(state, child_id)
    if child.process is not None:
        raise ChildError(child_id, "restarting" if child.process == "restarting" else "running")
    return child


def _start(state: Children, child: Child) -> GenServer[Any] | None:
    """Start a child. Raises ChildError."""
    try:
        process = child.spec.start()
        if process is not None and not isinstance(process, GenServer):
            raise TypeError(f"start returned {shorten(process)}; expected a GenServer, or None")
        if process is not None:
            link(process)  # start_link has done so; start has not
    except (Exception, Exit) as error:
        reason = error.reason if isinstance(error, Exit | ServerExit) else error
        raise ChildError(child.spec.id, reason) from error
    child.process = process
    if process is None:
        _ended(state, child)
    return process


async def _stop(state: Children, children: list[Child]) -> None:
    """Stop these children, the last one first. Each has its own time to stop in."""
    for child in reversed(children):
        process = child.process
        _ended(state, child)
        if not isinstance(process, GenServer):
            continue
        shutdown = child.spec.shutdown
        if shutdown is None:
            shutdown = "infinity" if child.spec.type == "supervisor" else 5.0
        if shutdown != "brutal_kill":
            process.exit("shutdown")
            try:
                async with asyncio.timeout(None if shutdown == "infinity" else shutdown):
                    await process.wait()
            except TimeoutError:
                logger.error("%s did not stop within %s s", describe(process), shutdown)
        process.exit("kill")
        await process.wait()


def _ended(state: Children, child: Child) -> None:
    """Note that a child does not run. One that is temporary is forgotten."""
    child.process = None
    if child.spec.restart == "temporary":
        state.by_id.pop(child.spec.id, None)
