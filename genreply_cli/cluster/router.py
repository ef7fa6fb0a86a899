"""Passes on what the BEAM and the servers here tell each other.

Numbers name what the two talk about: a call from here, a served server, a server elsewhere.
"""

import asyncio
import itertools
from contextvars import Context
from functools import partial
from typing import Any

from genreply_cli.cluster.beam import ClusterError, Link, log
from genreply_cli.cluster.remote import (
    NO_CONNECTION,
    Answered,
    Failed,
    Gone,
    RemoteCaller,
    RemoteCallers,
    RemoteServer,
    reason_in,
    term_of_error,
    term_of_reason,
)
from genreply_cli.cluster.terms import Atom, NotATerm, name_of, value_in
from genreply_cli.otp import CallError, GenServer, MailboxFull, note, start_task


class Served:
    """A server that the cluster knows by a name."""

    __slots__ = ("messages", "name", "server")

    def __init__(self, name: str, server: GenServer[Any], messages: dict[str, type]) -> None:
        self.name = name
        self.server = server
        self.messages = messages


class Router:
    """What is known of both sides. `link` leads to the BEAM, as soon as it runs."""

    def __init__(self, node: str) -> None:
        self.node = node
        self.link: Link | None = None
        self._ended = False
        self._next_number = itertools.count(1).__next__
        self._asked: dict[int, asyncio.Future[Any]] = {}
        self._served: dict[int, Served] = {}
        self._servers: dict[int, RemoteServer] = {}
        self._known: dict[Any, int] = {}
        self._callers = RemoteCallers()
        self._calls: set[asyncio.Future[Any]] = set()  # of other nodes, which wait for a reply
        self._watching: set[asyncio.Task[None]] = set()  # the served servers, for their ends

    # --- to the BEAM

    def tell(self, what: str, *arguments: Any) -> None:
        """Tell the BEAM something. Raises NotATerm, and ClusterError if the BEAM has ended."""
        if self.link is None or self._ended:
            raise ClusterError(f"the BEAM of {self.node} has ended")
        self.link.tell(Atom(what), *arguments)

    def ask(self, what: str, *arguments: Any) -> "asyncio.Future[Any]":
        """Ask the BEAM something. The future gets the answer."""
        number = self._next_number()
        self.tell(what, number, *arguments)
        future = self._asked[number] = asyncio.get_running_loop().create_future()
        return future

    async def serve(self, name: str, server: GenServer[Any], messages: dict[str, type]) -> None:
        """Register a server, and wait until that has worked."""
        loop = asyncio.get_running_loop()
        number = self._next_number()
        self.tell("serve", number, Atom(name))
        self._served[number] = Served(name, server, messages)
        future = self._asked[number] = loop.create_future()
        await future
        watching = loop.create_task(self._tell_of_end(number, server))
        self._watching.add(watching)
        watching.add_done_callback(self._watching.discard)

    async def _tell_of_end(self, number: int, server: GenServer[Any]) -> None:
        """Tell the cluster when a served server ends, and why."""
        reason = await server.wait()
        if self._served.pop(number, None) is not None and not self._ended:
            self.tell("to", number, (Atom("exit"), term_of_reason(reason)))

    def number_of(self, server: GenServer[Any]) -> int:
        """The number of a served server. Raises ClusterError if it is none."""
        for number, served in self._served.items():
            if served.server is server:
                return number
        raise ClusterError(f"{server!r} is not served by {self.node}")

    def server(self, to: Any, node: str) -> RemoteServer:
        """What stands for a process elsewhere: the one with a name there, or with this pid."""
        key = (to, node)
        known = self._servers.get(self._known.get(key, 0))
        if known is not None and known.alive:
            return known
        number = self._next_number()
        label = to if isinstance(to, Atom) else "process"
        server = RemoteServer.start(
            self.node, partial(self._tell_about, number), self._next_number, name=f"{label}@{node}"
        )
        self._servers[number], self._known[key] = server, number
        try:
            self.tell("server", number, (to, Atom(node)) if isinstance(to, Atom) else to)
        except ClusterError:
            server.send(Gone(NO_CONNECTION))
        return server

    def _tell_about(self, number: int, what: str, *arguments: Any) -> None:
        if not self._ended:
            self.tell("to", number, (Atom(what), *arguments) if arguments else Atom(what))

    # --- from the BEAM

    def read(self, data: bytes, classes: dict[str, type] | None = None) -> Any:
        """Return the value of a term from another node."""
        return value_in(data, classes)

    def hear_all(self, terms: list[Any]) -> None:
        """Pass on what the BEAM has told in one frame."""
        for term in terms:
            self.hear(term)

    def hear(self, term: tuple[Any, ...]) -> None:
        """Pass on what the BEAM has told."""
        match name_of(term[0]), *term[1:]:
            case "call", number, node, from_, request, label:
                caller = name_of(node), _reference(label)
                self._call(self._served.get(number), from_.value, request.value, *caller)
            case "cast", number, request:
                self._pass_on(number, request, GenServer.cast)
            case "info", number, message:
                self._pass_on(number, message, GenServer.send)
            case "answer", number, call, value if number in self._servers:
                self._servers[number].send(Answered(call, self.read(value.value)))
            case "failed", number, call, reason if number in self._servers:
                self._servers[number].send(Failed(call, reason_in(reason.value)))
            case "told", number, value if number in self._asked:
                asked = self._asked.pop(number)
                if not asked.done():  # who asked may have given up
                    asked.set_result(value)
            case "exit", number, reason if number in self._served:
                # outside of any process: no process of this node has sent the signal
                Context().run(self._served[number].server.exit, reason_in(reason.value))
            case "stop", number, reason if number in self._served:
                start_task(self._served[number].server.stop(reason_in(reason.value)))
            case "ended", number, reason:
                self._worker_ended(number, reason_in(reason.value))
            case "nodeup", node:
                note(f"the node {name_of(node)} is up")
            case "nodedown", node, _:
                note(f"the node {name_of(node)} is down")

    def _call(
        self,
        served: Served | None,
        from_: bytes,
        request: bytes,
        node: str,
        reference: str | None,
    ) -> None:
        if served is None:  # it has ended meanwhile, and the caller is told of that
            return
        caller = self._callers.take(node, reference)
        try:
            reply = served.server.send_request(
                self.read(request, served.messages), timeout=None, caller=caller
            )
        except MailboxFull as error:
            log.warning("%s", error)
            self._callers.give_back(node, caller)
            return
        self._calls.add(reply)
        reply.add_done_callback(partial(self._replied, served, from_, node, caller))

    def _replied(
        self,
        served: Served,
        from_: Any,
        node: str,
        caller: RemoteCaller,
        reply: "asyncio.Future[Any]",
    ) -> None:
        """Send a reply to its caller elsewhere. Of an end of the server, the BEAM tells him.

        A reply that is no term is a fault of the server, and ends it.
        """
        self._calls.discard(reply)
        self._callers.give_back(node, caller)
        if reply.cancelled() or self._ended:
            return
        error = reply.exception()
        if isinstance(error, CallError) and error.server is served.server:
            return
        try:
            answer = term_of_error(error) if isinstance(error, Exception) else reply.result()
            self.tell("reply", from_, answer)
        except NotATerm as error:
            log.error("%r replied with what cannot be sent to %s: %s", served.server, node, error)
            served.server.exit(error)

    def _pass_on(self, number: int, message: Any, send: Any) -> None:
        served = self._served.get(number)
        if served is not None:
            try:
                send(served.server, self.read(message.value, served.messages))
            except MailboxFull as error:
                log.warning("%s", error)

    def _worker_ended(self, number: int, reason: Any) -> None:
        """What worked for a number on the BEAM has ended."""
        server = self._servers.pop(number, None)
        if server is not None:
            server.send(Gone(reason))
            return
        asked = self._asked.pop(number, None)
        served = self._served.pop(number, None)
        if asked is not None and served is not None and not asked.done():
            asked.set_exception(ClusterError(f"the name {served.name} is taken on {self.node}"))
        elif served is not None:  # another node has killed it
            served.server.exit("kill")

    def lose(self) -> None:
        """The BEAM has ended: tell all who wait. Callers of other nodes have gone with it."""
        self._ended = True
        for call in list(self._calls):
            call.cancel()
        for watching in self._watching:
            watching.cancel()
        error = ClusterError(f"the BEAM of {self.node} has ended")
        for future in self._asked.values():
            if not future.done():
                future.set_exception(error)
        self._asked.clear()
        for server in self._servers.values():
            server.send(Gone(NO_CONNECTION))
        self._servers.clear()


def _reference(label: Any) -> str | None:
    """What a call is called in the whole cluster, if its caller is another node of ours."""
    match label:
        case (node, int(number)):
            return f"{name_of(node)}/{number}"
    return None
