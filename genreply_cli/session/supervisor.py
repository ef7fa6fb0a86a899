"""A coordinator that is always there: started again when it has crashed, and replaced when another design is wanted."""

import asyncio
from collections import deque
from typing import Any, cast

from genreply_cli.errors import ExitStatus, GenreplyError
from genreply_cli.otp import GenServer, debug
from genreply_cli.session.settings import Settings
from genreply_cli.variations import AnyCoordinator
from genreply_cli.websocket import WebSocket

MAX_CRASHES = 3  # so many, within
CRASH_WINDOW = 5.0  # so long, are too many: it is not started again by itself


class Supervisor:
    """Starts coordinators, one after the other, all behind the same network. It answers with the one that is to be asked now.

    It starts one again only when it is asked for, so that people see that there was none. As in OTP, what counts is how many
    times that happens within some seconds.
    """

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.network = settings.network(steady=False)
        self.started = 0
        self._crashes: deque[float] = deque(maxlen=MAX_CRASHES)
        self.replaced: list[AnyCoordinator] = []  # replaced, while their calls were under way
        self.coordinator = self._start()

    def ensure_running(self) -> AnyCoordinator:
        """The coordinator; if it has crashed, a new one. Raises GenreplyError if that happens too often."""
        if self.coordinator.alive:
            return self.coordinator
        self._crashes.append(asyncio.get_running_loop().time())
        if (
            len(self._crashes) == MAX_CRASHES
            and self._crashes[-1] - self._crashes[0] <= CRASH_WINDOW
        ):
            problem = f"the coordinator crashed {MAX_CRASHES} times within {CRASH_WINDOW:g} s, so it is not started again by itself"
            raise GenreplyError(problem, hint="/restart starts it", exit_code=ExitStatus.NO_SERVER)
        return self._replace()

    def restart(self) -> AnyCoordinator:
        """A new coordinator in any case; earlier crashes are forgotten."""
        self._crashes.clear()
        return self._replace()

    def change(self, name: str, text: str) -> Settings:
        """Change a setting, for what is sent from now on. Raises ValueError with a sentence."""
        before, self.settings = self.settings, self.settings.with_setting(name, text)
        self.network.adopt_setting(name, self.settings.network())
        if before.coordinator != self.settings.coordinator:
            self._replace()
        return self.settings

    async def socket(self) -> WebSocket:
        """The socket of the coordinator. Raises CallError if it cannot be asked for it."""
        state: Any = await debug.get_state(cast(GenServer[Any], self.coordinator), 0.5)
        socket: WebSocket = state.async_pid
        return socket

    def stop_replaced(self) -> None:
        """Nobody waits any more for those that were replaced."""
        for coordinator in self.replaced:
            coordinator.exit("shutdown")
        self.replaced.clear()

    def _replace(self) -> AnyCoordinator:
        if self.coordinator.alive:
            self.replaced.append(self.coordinator)
        self.coordinator = self._start()
        return self.coordinator

    def _start(self) -> AnyCoordinator:
        self.started += 1
        return self.settings.start(self.network, self.started)
