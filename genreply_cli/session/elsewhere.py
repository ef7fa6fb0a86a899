"""The coordinator of another node of a cluster, in the place of one's own: `--at NODE`."""

import asyncio
import os
import re
import socket
from collections.abc import Mapping
from contextlib import suppress
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from genreply_cli.cluster import Cluster, ClusterError, RemoteServer
from genreply_cli.cluster.beam import LOOPBACK
from genreply_cli.cluster.terms import LONGEST_ATOM
from genreply_cli.coordinator import Greet
from genreply_cli.errors import ExitStatus, GenreplyError
from genreply_cli.otp import GenServer, NoProcess
from genreply_cli.otp.exits import shorten
from genreply_cli.session.served import ONLY_COORDINATORS

if TYPE_CHECKING:
    from genreply_cli.session.network import Network

CONNECT_SECONDS: Final = 2.0  # that are waited for a connection before the first call
MEMBERS_SECONDS: Final = 1.0  # until a group without members is taken for one that has none
QUIET_SECONDS: Final = 0.15  # without a new member, until all are taken for known
PAUSE_SECONDS: Final = 0.02  # between two questions who is in it
REFUSED: Final = (*ONLY_COORDINATORS, "cast", "send", "state", "crash", "restart", "step")
_AT: Final = re.compile(r"([\w-]+@[\w.-]+)(?:/(group:)?([\w-]+))?", re.ASCII)


class At(NamedTuple):
    """Who is greeted: the process of a name on a node, or those of a group that the node knows."""

    node: str
    name: str = "coordinator"
    is_group: bool = False
    cookie_file: Path | None = None

    def __str__(self) -> str:
        return f"{self.node}/{'group:' if self.is_group else ''}{self.name}"

    @property
    def own_name(self) -> str:
        """The name of the node that this program starts, of the same kind as the other one."""
        host = self.node.partition("@")[2]
        if "." not in host:
            own = socket.gethostname().partition(".")[0]
        else:
            own = LOOPBACK if host == LOOPBACK else socket.gethostbyname(socket.gethostname())
        return f"genreply-{os.getpid()}@{own}"


def parse_at(text: str) -> At:
    """`NODE`, `NODE/NAME` or `NODE/group:NAME`. Raises ValueError with a sentence."""
    found = _AT.fullmatch(text)
    if found is None or max(len(part or "") for part in found.groups()) > LONGEST_ATOM:
        raise ValueError(
            f"{shorten(text)} is no place in a cluster; expected one like py@127.0.0.1,"
            " py@127.0.0.1/coordinator or py@127.0.0.1/group:greeters"
        )
    node, group, name = found.groups()
    return At(node, name or "coordinator", group is not None)


class Elsewhere:
    """A coordinator of another node, as what is called. With a group, its members take turns."""

    name = "coordinator"
    prompt = "greet> "
    processes = ()

    def __init__(self, at: At) -> None:
        self._at = at
        self.cluster = Cluster(at.own_name, cookie_file=at.cookie_file, hidden=not at.is_group)
        self._turns = count()

    @property
    def label(self) -> str:
        """Where it is."""
        return str(self._at)

    @property
    def invitation(self) -> str:
        """What to type."""
        return f"type a greeting for {self._at}; it waits for its deferred reply"

    @property
    def refused(self) -> Mapping[str, str]:
        """What can only be done with a server that this program has started."""
        why = f"/%s is for a server that runs in this program; {self._at} runs elsewhere"
        return {name: why % name for name in REFUSED}

    async def open(self) -> None:
        """Become a node of the cluster. Raises GenreplyError."""
        try:
            await self.cluster.__aenter__()
            with suppress(TimeoutError):  # a node that hangs: the call then says so
                async with asyncio.timeout(CONNECT_SECONDS):
                    await self.cluster.connect(self._at.node)
            if self._at.is_group:
                await self._wait_for_members()
        except ClusterError as error:
            raise GenreplyError(str(error)) from None

    def start(self, design: str, network: "Network", suffix: str) -> GenServer[Any]:
        """Return what stands here for the node of the server, which runs already."""
        return self.cluster.process

    def is_running(self, server: GenServer[Any]) -> bool:
        """It is started by others; a call tells if it has ended."""
        return True

    def client(self, server: Any) -> "Elsewhere":
        """What is greeted."""
        return self

    def requests(self, server: GenServer[Any]) -> None:
        """It takes any text."""

    @property
    def identity(self) -> Mapping[str, Any]:
        """What the header of a transcript says."""
        return {"node": self._at.own_name, "at": str(self._at)}

    async def _wait_for_members(self) -> None:
        """Wait until the members are known: nodes that meet tell each other, which takes a moment.

        They are known when there are some, and no other has come for a while.
        """
        known, quiet = 0, 0.0
        with suppress(TimeoutError):
            async with asyncio.timeout(MEMBERS_SECONDS):
                while not known or quiet < QUIET_SECONDS:
                    members = len(await self.cluster.members(self._at.name))
                    quiet = quiet + PAUSE_SECONDS if members == known else 0.0
                    known = members
                    await asyncio.sleep(PAUSE_SECONDS)

    async def greet(self, msg: str, timeout: float | None = 5.0) -> str:
        """Greet, and wait for the deferred reply from there."""
        try:
            server = await self._server()
        except ClusterError as error:
            raise GenreplyError(str(error), exit_code=ExitStatus.NO_SERVER) from None
        if server is None:
            raise NoMembers(self._at.name, Greet(msg), timeout)
        return await server.call(Greet(msg), timeout)  # type: ignore[no-any-return]  # it is text

    async def _server(self) -> RemoteServer | None:
        if not self._at.is_group:
            return self.cluster.server(self._at.name, self._at.node)
        members = await self.cluster.members(self._at.name)
        return members[next(self._turns) % len(members)] if members else None


class NoMembers(NoProcess):
    """A group has no members."""

    @property
    def why(self) -> str:
        """What went wrong, in a few words."""
        return f"the group {self.server} has no members on the nodes that are connected"
