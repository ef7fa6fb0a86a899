"""A WebSocket behind a bad network: answers are delayed, dropped, repeated or reordered, or it crashes; from one seed."""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

from genreply_cli.otp import GenServer, note, send_after
from genreply_cli.websocket import WebSocket

if TYPE_CHECKING:
    import random

KINDS = {
    "drop": "the answer never comes",
    "late": "the answer comes after its caller has given up",
    "duplicate": "the answer comes twice",
    "reorder": "the answer is overtaken by the next one",
    "crash": "the socket crashes instead of answering",
}

LATE_BY = 0.5  # seconds after the caller's timeout
REORDER_DELAY = 0.25  # seconds for which a reordered answer is held back, to be overtaken


@dataclass(frozen=True)
class Fault:
    """One thing that a network does wrong: to the next answer only, or to each with a probability of `rate`."""

    kind: str
    rate: float | None = None

    def __str__(self) -> str:
        return self.kind if self.rate is None else f"{self.kind}:{self.rate:g}"


@dataclass
class Network:
    """What a network does to the answers that pass through it. All its chances come from one seed."""

    delay: tuple[float, float] = (0.0, 0.0)  # seconds, from and to
    faults: tuple[Fault, ...] = ()
    timeout: float | None = 5.0  # seconds for which callers wait: "late" comes after that
    seed: int = 0
    fixed: bool = True  # it stays as it is
    one_shot: Counter[str] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        self.one_shot = Counter(fault.kind for fault in self.faults if fault.rate is None)

    def adopt_setting(self, setting: str, other: "Network") -> None:
        """Have this setting of another network from now on. What is under way arrives as it would have."""
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
        """Where all chances come from."""
        import random  # most networks leave nothing to chance, and most commands should start quickly

        return random.Random(self.seed)  # noqa: S311  # nothing secret: the same seed has to give the same faults

    def connector(
        self, socket: type[WebSocket], name: str = "websocket"
    ) -> Callable[[GenServer[Any]], WebSocket]:
        """How a coordinator gets a socket of this type with this network in between."""
        perfect = self.fixed and not self.faults and self.delay == (0.0, 0.0)
        return lambda caller: socket.start_link(
            caller if perfect else FaultyLink(caller, self), name=name
        )

    def strikes(self, kind: str) -> bool:
        """Whether a fault of this kind happens to this answer."""
        if self.one_shot[kind]:
            self.one_shot[kind] -= 1
            return True
        return any(
            fault.kind == kind and fault.rate and self.chance.random() < fault.rate
            for fault in self.faults
        )


class FaultyLink:
    """What stands for the caller on the far side of the network: it passes on what is sent to it, as well as it can."""

    def __init__(self, caller: GenServer[Any], network: Network) -> None:
        self.caller = caller
        self.network = network

    def send(self, message: Any) -> None:
        """Pass an answer on, or do to it what the network does. Raises RuntimeError where the socket is to crash."""
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
                send_after(self.caller, delay, message)
            else:
                self.caller.send(message)

    def _strikes(self, kind: str) -> bool:
        strikes = self.network.strikes(kind)
        if strikes:
            note(("fault", {"what": kind}))
        return strikes
