"""A supervised coordinator: started again after a crash, and replaced by another on request."""

import asyncio
from itertools import count
from typing import Any, Final, cast

from genreply_cli.errors import ExitStatus, GenreplyError
from genreply_cli.otp import GenServer, Strategy, debug
from genreply_cli.session.settings import Settings
from genreply_cli.variations import AnyCoordinator
from genreply_cli.websocket import WebSocket

LIMIT: Final = Strategy("one_for_one", max_restarts=2, max_seconds=5.0)  # of restarts by itself
STATE_TIMEOUT: Final = 0.5  # seconds to wait for the state of the coordinator


class Supervisor:
    """Starts coordinators, one after the other, all behind the same network; or one's own server.

    It starts one again only when the next greeting needs it, so that users see that none was
    running. Its limit is that of an `otp.Supervisor`. It is none itself, because that starts a
    child again at once, and is a process: a timeline would show it, though nobody greets it.
    """

    def __init__(self, settings: Settings, hint: str = "/restart starts it") -> None:
        self._hint = hint  # for a user whose coordinator is not started again
        self.settings = settings
        self.network = settings.network(fixed=False)
        self._numbers = count(1)  # of the coordinators, which name them
        self._restarts: list[float] = []  # when they were
        self.replaced: list[AnyCoordinator] = []  # and not stopped yet
        self.coordinator = self._start()

    def ensure_running(self) -> AnyCoordinator:
        """The coordinator, or a new one after a crash. Raises GenreplyError after too many."""
        if self.settings.server.is_running(self.coordinator):
            return self.coordinator
        if not LIMIT.allows(self._restarts, asyncio.get_running_loop().time()):
            raise GenreplyError(
                f"the {self.settings.server.name} crashed {LIMIT.max_restarts + 1} times"
                f" within {LIMIT.max_seconds:g} s, so it is not started again by itself",
                hint=self._hint,
                exit_code=ExitStatus.NO_SERVER,
            )
        return self._replace()

    def reconnect(self) -> AnyCoordinator | None:
        """Start a new coordinator if the connection of this one was lost, which ended it."""
        return self._replace() if self.network.reconnects and not self.coordinator.alive else None

    async def greet(self, msg: str, timeout: float | None = 5.0) -> Any:
        """Greet the coordinator that is running, or a new one after a crash."""
        return await self.settings.client(self.ensure_running()).greet(msg, timeout)

    def restart(self) -> AnyCoordinator:
        """Start a new coordinator in any case, and forget earlier crashes."""
        self._restarts.clear()
        return self._replace()

    def change(self, name: str, text: str) -> Settings:
        """Change a setting for future greetings. Raises ValueError with a sentence."""
        before, self.settings = self.settings, self.settings.with_setting(name, text)
        self.network.adopt_setting(name, self.settings.network())
        if before.coordinator != self.settings.coordinator:
            self._replace()
        return self.settings

    async def processes(self) -> list[GenServer[Any]]:
        """The server, and those that are linked to it. Raises CallError if it does not answer."""
        status = await debug.status(self.coordinator, STATE_TIMEOUT)
        return [status.server, *status.links]

    async def socket(self) -> WebSocket:
        """The socket of the coordinator. Raises CallError if the coordinator does not answer."""
        server = cast(GenServer[Any], self.coordinator)  # each design has a state of its own
        state: Any = await debug.get_state(server, STATE_TIMEOUT)
        socket: WebSocket = state.async_pid
        return socket

    def stop_replaced(self) -> None:
        """Stop the coordinators that were replaced, because no caller waits for them any more."""
        for coordinator in self.replaced:
            coordinator.exit("shutdown")
        self.replaced.clear()

    def _replace(self) -> AnyCoordinator:
        if self.coordinator.alive:
            self.replaced.append(self.coordinator)
        self.coordinator = self._start()
        return self.coordinator

    def _start(self) -> AnyCoordinator:
        return self.settings.start(self.network, next(self._numbers))
