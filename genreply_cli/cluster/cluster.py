"""A node of a real Erlang cluster: serve GenServers there, and call those of other nodes.

    async with Node(), Cluster("py@127.0.0.1") as cluster:
        await cluster.serve("coordinator", Coordinator.start(), Greet)
        elsewhere = cluster.server("coordinator", "ex@127.0.0.1")
        print(await elsewhere.call(Greet("Hello")))

A BEAM runs beside the program (`beam`), and is what other nodes see: names, monitors, links, node
down and cookies are Erlang's own. A served server has a process there, which passes on what it is
sent. A server elsewhere has a GenServer here that stands for it (`RemoteServer`): it keeps each
caller, passes the request on, and replies when the answer comes.
"""

import asyncio
from contextvars import copy_context
from pathlib import Path
from typing import Any, Self

from genreply_cli.cluster.beam import LOOPBACK, ClusterError, Settings, run
from genreply_cli.cluster.remote import NO_CONNECTION, RemoteServer
from genreply_cli.cluster.router import Router
from genreply_cli.cluster.terms import Atom, by_tag, name_of
from genreply_cli.otp import Down, GenServer, NoReply, Result, Stop, start_task


class Cluster:
    """A node of an Erlang cluster, as long as the block lasts. Open it inside a `Node`.

    `name` is the name of the node, as `py@127.0.0.1`; other nodes reach it on the address `listen`.
    The cookie is the secret that all nodes of a cluster share, and whoever has it can run any
    program as you. It is read from `cookie_file`, or from Erlang's own `~/.erlang.cookie`. `tls` is
    a file for Erlang's `ssl_dist_optfile`. A `hidden` node is connected with those that it
    talks to; process groups need one that is not, which is connected with all nodes of the cluster.

    Its methods raise ClusterError if the BEAM has ended; so does opening it, if it does not start.
    """

    def __init__(
        self,
        name: str,
        *,
        cookie_file: Path | None = None,
        listen: str = LOOPBACK,
        tls: Path | None = None,
        hidden: bool = True,
    ) -> None:
        self._settings = Settings(name, cookie_file, listen, tls, hidden)

    async def __aenter__(self) -> Self:
        self._router = self.make_router()
        started: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.process = ClusterProcess.start(
            self._settings, self._router, started, name=self._settings.name
        )
        await started
        return self

    def make_router(self) -> Router:
        """Return what passes messages on; a subclass may have its own."""
        return Router(self._settings.name)

    async def __aexit__(self, *_: object) -> None:
        if self.process.alive:
            await self.process.stop("shutdown")

    @property
    def node(self) -> str:
        """The name of this node."""
        return self._settings.name

    async def serve(self, name: str, server: GenServer[Any], *messages: type) -> None:
        """Register a server in the cluster under a name, and return when it can be called there.

        `messages` are the dataclasses that are made of the terms of other nodes: `Greet("Hello")`
        of `{:greet, "Hello"}`. All else comes as plain values. The end of the server is told to all
        there who call, monitor or link it. Raises ClusterError if the name is taken, and TypeError
        if two of the messages would have one form there.
        """
        await self._router.serve(name, server, by_tag(messages))

    def server(self, name: str, node: str) -> RemoteServer:
        """Return a GenServer that stands for the process that has this name on a node, as a pid.

        It can be called, linked and monitored like any other, and it ends when the process ends,
        for the same reason. Then ask again for the next process of that name.
        """
        return self._router.server(Atom(name), node)

    async def connect(self, node: str) -> bool:
        """Connect with a node. Returns whether it has worked.

        If this node is not hidden, it is then connected with all nodes that the other one knows.
        """
        what = "connect" if self._settings.hidden else "connect_all"
        return await self._router.ask(what, Atom(node)) is True

    async def wait(self) -> None:
        """Wait until the BEAM has ended, and raise ClusterError."""
        await self.process.wait()
        raise ClusterError(f"the BEAM of {self.node} has ended")

    async def processes(self) -> int:
        """Return how many processes run on the BEAM of this node: a leak shows here."""
        return await self._router.ask("count")  # type: ignore[no-any-return]  # an int

    async def time_calls(
        self, name: str, node: str, request: Any, callers: int, each: int
    ) -> float:
        """Return the seconds that callers on the BEAM of this node need, without Python.

        So many of them call the process of this name on a node, each so many times in sequence: to
        compare. Raises ClusterError if a call fails.
        """
        to = (Atom(name), Atom(node))
        microseconds = await self._router.ask("time_calls", to, request, callers, each)
        if not isinstance(microseconds, int):
            raise ClusterError(f"a call of {self.node} to {name} on {node} has failed")
        return microseconds / 1e6

    def join(self, group: str, server: GenServer[Any]) -> None:
        """Add a served server to a process group, which all nodes see: Erlang's `pg`."""
        self._router.tell("to", self._router.number_of(server), (Atom("join"), Atom(group)))

    async def members(self, group: str) -> list[RemoteServer]:
        """Return what stands for the processes of a group, those of all nodes."""
        pids = await self._router.ask("members", Atom(group))
        return [self._router.server(pid, name_of(pid.node)) for pid in pids]


class ClusterProcess(GenServer[None]):
    """Owns the BEAM, which ends with it."""

    def init(self, settings: Settings, router: Router, started: "asyncio.Future[None]") -> None:
        self._router = router
        self._started = started
        self._beam = start_task(self._live(settings), name="beam")

    async def _live(self, settings: Settings) -> None:
        """Run the BEAM, and pass on what it tells, until it ends."""
        async with run(settings) as link:
            self._router.link, self._router.node = link, link.node
            self._started.set_result(None)
            context = copy_context()  # what comes is passed on by this process
            link.listen(lambda terms: context.run(self._router.hear_all, terms))
            await link.closed

    def handle_info(self, message: Result | Down, state: None) -> NoReply[None] | Stop[None]:
        match message:
            case Down(self._beam, reason=error) if not self._started.done():
                self._started.set_exception(error)
                return Stop("normal", state)
            case Down(self._beam, reason=error):
                return Stop(error, state)
            case Result(self._beam):  # the BEAM has ended
                return Stop(NO_CONNECTION, state)
        return NoReply(state)  # of a task that has stopped a server, as another node had asked

    def terminate(self, reason: Any, state: None) -> None:
        self._router.lose()
