"""A network with a real connection in it: its sockets are real ones, all to one server."""

from collections.abc import Callable
from typing import Any

from genreply_cli.otp import GenServer
from genreply_cli.remote.dialer import Dialer
from genreply_cli.remote.socket import RealKeyedWebSocket, RealWebSocket
from genreply_cli.remote.target import Target
from genreply_cli.session.network import Network
from genreply_cli.variations import KeyedWebSocket
from genreply_cli.websocket import WebSocket


class RemoteNetwork(Network):
    """A network that adds its delays and faults to what comes from a real server."""

    def __init__(self, target: Target, *arguments: Any) -> None:
        super().__init__(*arguments)
        self.dialer = Dialer(target)

    @property
    def reconnects(self) -> bool:
        """Whether a lost connection is to be made again before it is needed."""
        return self.dialer.was_connected

    def connector(
        self, socket: type[WebSocket], name: str = "websocket"
    ) -> Callable[[GenServer[Any]], Any]:
        """A function that starts a real socket in the place of one of this type."""
        real = RealKeyedWebSocket if issubclass(socket, KeyedWebSocket) else RealWebSocket
        return lambda caller: real.start_link(self.link(caller), self.dialer, name=name)
