"""What a tracer remembers of a call, and of a server."""

from typing import Any

from genreply_cli.transcript.states import StateWriter


class TracedCall:
    """What a tracer remembers of a call, for as long as its `From` exists, which refers to it."""

    __slots__ = (
        "answer_went", "answered_in", "asked", "asked_at", "ended_at", "handed_on",
        "is_forgotten", "name", "of_others", "sent", "sent_in", "server", "tracer",
    )  # fmt: skip

    def __init__(self, name: str, tracer: object = None, of_others: Any = None) -> None:
        self.name = name
        self.tracer = tracer
        self.of_others: TracedCall | None = of_others  # what another tracer remembers of it
        self.asked: int | None = None  # the event with which it began
        self.asked_at: float | None = None
        self.ended_at: float | None = None
        self.server: TracedServer | None = None  # that keeps its caller waiting
        self.is_forgotten = False  # by that server: its caller waits in vain
        self.answer_went: tuple[str, float] | None = None  # to which other call, and when
        self.answered_in: int | None = None  # the message whose handler has answered it
        self.sent_in: int | None = None  # the message whose handler has sent messages of it last
        self.sent: tuple[int, ...] = ()  # those messages
        self.handed_on = False  # its From was in a message: others may answer it


class TracedServer:
    """What is remembered of a server."""

    def __init__(self, states: StateWriter) -> None:
        self.states = states
        self.waiting = 0  # how many calls it keeps waiting
        self.in_vain = 0  # how many of those it has forgotten
        self.described: dict[str, Any] | None = None  # its last state as data
        self.written: dict[str, Any] | None = None  # the details of its last `state` step
        self.keeps: dict[str, TracedCall] = {}  # the calls that stood in that state

    def forget(self, call: TracedCall) -> None:
        """Nothing in the state leads to a call any more, whose caller waits."""
        if call.server is self:
            call.is_forgotten = True
            self.in_vain += 1

    def remember(self, call: TracedCall) -> None:
        """A call stands in the state, or waits no longer."""
        if call.is_forgotten and call.server is self:
            call.is_forgotten = False
            self.in_vain -= 1
