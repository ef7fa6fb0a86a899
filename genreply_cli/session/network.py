"""A bad network behind a WebSocket: it delays, drops, repeats or reorders the answers."""

from collections import Counter
from collections.abc import Callable
from functools import cached_property
from typing import TYPE_CHECKING, Any

from genreply_cli.otp import GenServer, note, send_after
from genreply_cli.session.faults import Fault
from genreply_cli.websocket import Caller, WebSocket

if TYPE_CHECKING:
    import random

LATE_BY = 0.5  # seconds after the caller's timeout
REORDER_DELAY = 0.25  # seconds for which a reordered answer is held back, to be overtaken


class Network:
    """What a network does to the answers that pass through it. `seed` decides random choices."""

    @property
    def reconnects(self) -> bool:
        """Whether a lost connection is to be made again before it is needed."""
        return False

    def __init__(
        self,
        delay: tuple[float, float] = (0.0, 0.0),
        faults: tuple[Fault, ...] = (),
        timeout: float | None = 5.0,
        seed: int = 0,
        fixed: bool = True,
    ) -> None:
        self.delay = delay  # seconds, from and to
        self.faults = faults
        self.timeout = timeout  # seconds for which callers wait: "late" comes after that
        self.seed = seed
        self.fixed = fixed  # no setting will be changed
        self.one_shot = Counter(fault.kind for fault in faults if fault.rate is None)  # to come

    def adopt_setting(self, setting: str, other: "Network") -> None:
        """Copy one setting from another network. Answers already sent are not affected."""
        match setting:
            case "delay":
                self.delay = other.delay
            case "timeout":
                self.timeout = other.timeout
            case "fault":
                self.faults, self.one_shot = other.faults, other.one_shot
            case "seed":
                self.seed, self.chance = other.seed, other.chance

    @cached_property
    def chance(self) -> "random.Random":
        """The source of all random choices."""
        import random  # imported late, because most commands make no random choices

        return random.Random(self.seed)  # noqa: S311  # no secret: equal seeds give equal faults

    def connector(
        self, socket: type[WebSocket], name: str = "websocket"
    ) -> Callable[[GenServer[Any]], Any]:
        """A function that starts a socket of this type for a coordinator, behind this network."""
        return lambda caller: socket.start_link(self.link(caller), name=name)

    def link(self, caller: GenServer[Any]) -> "GenServer[Any] | FaultyLink":
        """What the socket of this coordinator sends its answers to."""
        perfect = self.fixed and not self.faults and self.delay == (0.0, 0.0)
        return caller if perfect else FaultyLink(caller, self)

    def strikes(self, kind: str) -> bool:
        """Whether a fault of this kind happens to this answer."""
        if self.one_shot[kind]:
            self.one_shot[kind] -= 1
            return True
        return any(
            fault.kind == kind and fault.rate and self.chance.random() < fault.rate
            for fault in self.faults
        )


def note_fault(kind: str) -> None:
    """Record that a fault happens to an answer."""
    note(("fault", {"what": kind}))


class FaultyLink:
    """The socket's end of the network. The socket sends to it as if it were the caller.

    `later` sends after a delay; `tell` is called with the kind of each fault that strikes.
    """

    def __init__(
        self,
        caller: Caller,
        network: Network,
        later: Callable[[Any, float, Any], object] = send_after,
        tell: Callable[[str], object] = note_fault,
    ) -> None:
        self.caller = self.__wrapped__ = caller  # in recorded states it is shown as the caller
        self.network = network
        self._later = later
        self._tell = tell

    def send(self, message: Any) -> None:
        """Pass an answer on, with what the network does to it. Raises RuntimeError for a crash."""
        delay = self.network.chance.uniform(*self.network.delay)
        if self._strikes("crash"):
            raise RuntimeError("injected by --fault crash")
        if self._strikes("drop"):
            return
        if self._strikes("late"):
            delay += LATE_BY + (self.network.timeout or 0.0)
        if self._strikes("reorder"):
            delay += REORDER_DELAY
        for _ in range(2 if self._strikes("duplicate") else 1):
            if delay > 0:
                self._later(self.caller, delay, message)
            else:
                self.caller.send(message)

    def _strikes(self, kind: str) -> bool:
        strikes = self.network.strikes(kind)
        if strikes:
            self._tell(kind)
        return strikes
