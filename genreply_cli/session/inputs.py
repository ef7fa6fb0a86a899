"""The inputs of a recording: what happened in it because someone outside wanted it."""

from dataclasses import dataclass, field
from typing import Any, Final

from genreply_cli.session.recording import check_repeatable, not_repeatable
from genreply_cli.transcript.format import Header
from genreply_cli.transcript.pretty import pretty_message, pretty_name
from genreply_cli.transcript.step import Step, is_caller

SAME_INSTANT_SECONDS: Final = 0.005  # on a real clock, inputs this close came at once
SETTING_COMMANDS: Final = frozenset({"coordinator", "delay", "timeout", "fault", "seed"})
COMMANDS: Final = SETTING_COMMANDS | {"crash", "restart"}  # those that a mark may carry


@dataclass(frozen=True, slots=True, kw_only=True)
class Input:
    """Something that came from outside, recorded as the step `seq` at `t` seconds."""

    t: float
    seq: int
    immediate: bool = False  # at the same instant as the input before it, or as a reply


@dataclass(frozen=True, slots=True, kw_only=True)
class Call(Input):
    """A caller greets."""

    call: str
    caller: str
    message: str
    timeout: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Cancel(Input):
    """A caller is cancelled while it waits."""

    call: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Mark(Input):
    """A mark is made. With a `command` it is the record of a command that changed something."""

    details: dict[str, Any]
    command: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class StartCoordinator(Input):
    """A coordinator is started, as the `number`th of the recording."""

    number: int


@dataclass(frozen=True, slots=True, kw_only=True)
class StopReplaced(Input):
    """The coordinators that have been replaced are stopped."""


@dataclass
class Inputs:
    """The inputs of a recording, read from its steps. `update` raises GenreplyError."""

    real: bool = False  # recorded on a real clock: what happens at one instant takes some time
    inputs: list[Input] = field(default_factory=list)
    steps: int = 0  # how many there are, without the `end` step
    seconds: float = 0.0  # how long the recording is
    states: bool = False  # it has the states of servers, as version 1 has not
    ended: bool = False  # it has an `end` step: the recording was not interrupted
    command_labels: list[str] = field(default_factory=list)  # look like commands, and are none
    _coordinators: dict[str, None] = field(default_factory=dict)  # in the order of their starts
    _unblocked: dict[str, float] = field(default_factory=dict)  # caller: when its last call ended
    _previous: Input | None = None  # the input that was the step before

    @classmethod
    def of(cls, header: Header) -> "Inputs":
        """No inputs yet, of a recording with this header. Raises GenreplyError if it has none."""
        check_repeatable(header)
        return cls(real=header.clock != "virtual")

    def update(self, step: Step) -> None:
        """Read one more step. Raises GenreplyError if it is not a step that can be repeated."""
        self.seconds = max(self.seconds, step.t)
        if step.kind == "end":
            self.ended = True
            return
        if self.ended:
            raise not_repeatable("another recording is appended to it")
        self.steps += 1
        self.states |= step.kind == "state"
        self._previous = self._input(step)
        if self._previous is not None:
            self.inputs.append(self._previous)
        caller = step.target if step.kind in {"reply", "down"} else step.source
        if step.ends_call and caller is not None:
            self._unblocked[caller] = step.t

    def _input(self, step: Step) -> Input | None:
        t, seq, at = step.t, step.seq, step.at
        immediate = self._previous is not None and self._is_now(self._previous.t, t)
        match step.kind:
            case "call":
                return self._call(step, immediate=immediate)
            case "cancel" if step.call is not None:
                return Cancel(t=t, seq=seq, immediate=immediate, call=step.call)
            case "mark":
                return self._mark(step, immediate=immediate)
            case "start" if at is not None and is_coordinator_start(step):
                self._coordinators[at] = None
                return StartCoordinator(t=t, seq=seq, number=len(self._coordinators))
            case "exit" if at in self._coordinators and step.details.get("reason") == "shutdown":
                return StopReplaced(t=t, seq=seq)
        return None

    def _is_now(self, earlier: float, t: float) -> bool:
        return t - earlier <= (SAME_INSTANT_SECONDS if self.real else 0.0)

    def _call(self, step: Step, *, immediate: bool) -> Call:
        match step.message:
            case ["greet", str(message)] if step.call is not None and step.source is not None:
                pass
            case _:
                found = pretty_message(step.message) or "a call without a message"
                raise not_repeatable(f"expected greetings, found {found}")
        if not is_caller(step.source):
            process = pretty_name(step.source)
            raise not_repeatable(
                f"{process} is a process that asks, and only a caller can be made to ask"
            )
        if not self.real and self._unblocked.get(step.source) == step.t:
            immediate = True  # this caller calls again in the same turn of the event loop
        return Call(
            t=step.t,
            seq=step.seq,
            immediate=immediate,
            call=step.call,
            caller=step.source,
            message=message,
            timeout=step.details.get("timeout"),
        )

    def _mark(self, step: Step, *, immediate: bool) -> Mark:
        details = dict(step.details)
        command, label = details.get("command"), details.get("label")
        if command is None and isinstance(label, str):
            slash, name = label[:1], label[1:].partition(" ")[0]
            if slash == "/" and name in COMMANDS:
                self.command_labels.append(label)
        return Mark(t=step.t, seq=step.seq, immediate=immediate, details=details, command=command)


def is_coordinator_start(step: Step) -> bool:
    """Whether a coordinator starts: a session starts no other process that is linked to none."""
    return step.kind == "start" and step.details.get("linked") is None
