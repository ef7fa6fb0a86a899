"""What a session calls: the program's own coordinators, or another server in their place."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final, Protocol

from genreply_cli.variations import COORDINATORS

if TYPE_CHECKING:
    from genreply_cli.otp import GenServer
    from genreply_cli.session.network import Network
    from genreply_cli.session.outcome import Greets
    from genreply_cli.session.requests import Requests

ONLY_COORDINATORS: Final = ("delay", "coordinator", "fault", "seed")  # have these settings


class Served(Protocol):
    """A server that lines are sent to: how it is started, and what can be done with it."""

    @property
    def name(self) -> str:
        """What it is called in sentences, and in the transcript."""

    @property
    def label(self) -> str:
        """What it is called by those who have chosen it."""

    @property
    def prompt(self) -> str:
        """What stands before a line that is typed."""

    @property
    def invitation(self) -> str:
        """What to type, and what happens then."""

    @property
    def refused(self) -> Mapping[str, str]:
        """The commands of the REPL that are not for it, and why."""

    @property
    def processes(self) -> tuple[str, ...]:
        """Names of the processes that it always has: what `/crash` can end."""

    async def open(self) -> None:
        """Get ready to be started, in the running node. Raises GenreplyError."""

    def start(self, design: str, network: "Network", suffix: str) -> "GenServer[Any]":
        """Start it in the running node, under a name with this suffix. Raises GenreplyError.

        `design` and `network` are for a coordinator.
        """

    def is_running(self, server: "GenServer[Any]") -> bool:
        """Whether what has been started need not be started again."""

    def client(self, server: Any) -> "Greets":
        """What is greeted to call the server that has been started."""

    def requests(self, server: "GenServer[Any]") -> "Requests | None":
        """What it can be asked; None for a coordinator, which takes any text."""

    @property
    def identity(self) -> Mapping[str, Any]:
        """How the header of a transcript says what it is. A coordinator is said by its design."""


class Coordinators:
    """The program's own coordinators, one of the designs, each with a fake or a real socket."""

    name = "coordinator"
    label = "the coordinator"
    prompt = "greet> "
    invitation = "type a greeting; it waits for its deferred reply"
    processes = ("coordinator", "websocket")
    identity: Mapping[str, Any] = MappingProxyType({})
    refused: Mapping[str, str] = MappingProxyType(
        {
            name: f"/{name} is for a server of your own, as in: genreply repl SERVER"
            for name in ("cast", "send")
        }
    )

    async def open(self) -> None:
        """Nothing is needed."""

    def start(self, design: str, network: "Network", suffix: str) -> "GenServer[Any]":
        """Start a coordinator of this design, and its socket."""
        coordinator, socket = COORDINATORS[design]
        connect = network.connector(socket, f"websocket{suffix}")
        return coordinator.start_link(connect, name=f"coordinator{suffix}")

    def is_running(self, server: "GenServer[Any]") -> bool:
        """Whether it has not ended."""
        return server.alive

    def client(self, server: Any) -> "Greets":
        """A coordinator itself has the method for it."""
        return server  # type: ignore[no-any-return]  # it greets

    def requests(self, server: "GenServer[Any]") -> None:
        """It takes any text."""


OWN_COORDINATORS: Final = Coordinators()
