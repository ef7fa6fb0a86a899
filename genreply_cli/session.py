"""A coordinator at work: which one, behind which network, with how much patience."""

from dataclasses import dataclass
from typing import Any

from genreply_cli.faults import Fault, Network
from genreply_cli.variations import COORDINATORS, AnyCoordinator


@dataclass(frozen=True)
class Settings:
    """What a session is run with; all its chances come from `seed`."""

    coordinator: str = "keyed"
    delay: tuple[float, float] = (0.0, 0.0)  # seconds for which the network takes its time, from and to
    timeout: float | None = 5.0  # seconds for which a caller waits; None: for ever
    faults: tuple[Fault, ...] = ()
    seed: int = 0

    def plain(self) -> dict[str, Any]:
        """The settings as the header of a transcript has them."""
        return {
            "coordinator": self.coordinator,
            "delay": list(self.delay),
            "timeout": self.timeout,
            "faults": [str(fault) for fault in self.faults],
        }


def start(settings: Settings) -> AnyCoordinator:
    """Start the coordinator, and with it its socket, in the node that is running here."""
    coordinator, socket = COORDINATORS[settings.coordinator]
    network = Network(settings.delay, settings.faults, settings.timeout, settings.seed)
    return coordinator.start_link(network.between(socket), name="coordinator")
