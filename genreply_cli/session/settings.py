"""The settings of a session: which server, behind which network, on which clock."""

from collections.abc import Coroutine
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar, cast

from genreply_cli.errors import ExitStatus, GenreplyError
from genreply_cli.session import parsing, real_time
from genreply_cli.session.faults import Fault, parse_faults
from genreply_cli.session.network import Network
from genreply_cli.session.served import OWN_COORDINATORS, Served
from genreply_cli.transcript.pretty import typed_duration
from genreply_cli.variations import AnyCoordinator

if TYPE_CHECKING:
    from genreply_cli.remote.target import Target
    from genreply_cli.session.outcome import Greets

T = TypeVar("T")


class Settings(NamedTuple):
    """The settings of a session. Times are seconds; `seed` decides all random choices."""

    coordinator: str = "keyed"
    delay: tuple[float, float] = (0.0, 0.0)  # of an answer in the network, from and to
    timeout: float | None = 5.0  # of a call; None is infinity
    faults: tuple[Fault, ...] = ()
    seed: int = 0
    clock: str = "real"  # or "virtual"
    target: "Target | None" = None  # a real server, in the place of the fake one
    server: Served = OWN_COORDINATORS  # what is called

    @property
    def can_answer_wrongly(self) -> bool:
        """Whether a call may get no answer, or that of another one, though it waits long enough."""
        return (
            self.coordinator != "keyed"
            or bool(self.faults)
            or self.target is not None
            or self.server is not OWN_COORDINATORS
        )

    def network(self, *, fixed: bool = True) -> Network:
        """The network between the socket and its coordinator."""
        properties = self.delay, self.faults, self.timeout, self.seed, fixed
        if self.target is None:
            return Network(*properties)
        from genreply_cli.session.remote_network import RemoteNetwork

        return RemoteNetwork(self.target, *properties)

    def start(self, network: Network | None = None, number: int = 1) -> AnyCoordinator:
        """Start the server in the running node, under a name with the `number`.

        The first one has no number: `coordinator`, `coordinator-2` … Raises GenreplyError.
        """
        suffix = "" if number == 1 else f"-{number}"
        return cast(
            AnyCoordinator, self.server.start(self.coordinator, network or self.network(), suffix)
        )

    def client(self, server: AnyCoordinator) -> "Greets":
        """What is greeted to call this server."""
        return self.server.client(server)

    def with_setting(self, name: str, text: str) -> "Settings":
        """These settings with one changed, given as typed. Raises ValueError with a sentence."""
        match name:
            case "coordinator":
                name = parsing.choice(text, parsing.COORDINATORS, "coordinator")
                return self._replace(coordinator=name)
            case "delay":
                return self._replace(delay=parsing.delay(text))
            case "timeout":
                return self._replace(timeout=parsing.timeout(text))
            case "fault":
                return self._replace(faults=parse_faults(text))
            case "seed":
                return self._replace(seed=parsing.seed(text))
        raise ValueError(f"there is no setting {name!r}")

    def as_typed(self, name: str) -> str:
        """A setting as it would be typed."""
        match name:
            case "delay":
                least, most = self.delay
                short, long = map(typed_duration, (least, most))
                return short if least == most else f"{short}..{long}"
            case "timeout":
                return "infinity" if self.timeout is None else typed_duration(self.timeout)
            case "fault":
                return " ".join(map(str, self.faults)) or "off"
        return str(getattr(self, name))

    def run(self, main: Coroutine[Any, Any, T]) -> T:
        """Run a program on the clock of these settings. Raises GenreplyError for a deadlock."""
        if self.clock == "virtual":
            from genreply_cli.otp import virtual_time

            try:
                return virtual_time.run(main)
            except virtual_time.Deadlock:
                problem = "a caller waits for ever, for an answer that will never come"
                raise GenreplyError(
                    problem,
                    hint="give it a --timeout, or --clock real",
                    exit_code=ExitStatus.TIMED_OUT,
                ) from None
        return real_time.run(main)
