"""What came from outside in a recording."""

from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

from genreply_cli.errors import ExitStatus, GenreplyError
from genreply_cli.session import parsing
from genreply_cli.session.settings import Settings
from genreply_cli.transcript.format import Header
from genreply_cli.transcript.pretty import pretty_message, pretty_name
from genreply_cli.transcript.step import Step, is_caller
from genreply_cli.variations import COORDINATORS

SETTINGS: Final = {"coordinator", "delay", "timeout", "faults"}


AT_ONCE: Final = 0.005  # seconds within which a real clock sees what happened at once


class Call(NamedTuple):
    """Somebody asks."""

    t: float
    seq: int
    call: str
    caller: str
    message: str
    timeout: float | None
    together: bool  # with the input before it
    follows_reply: bool  # at once after the answer to the same caller's call before


class Cancel(NamedTuple):
    """Somebody is cancelled while waiting."""

    t: float
    seq: int
    call: str
    together: bool = False


class Mark(NamedTuple):
    """Somebody makes a mark, which may say what was typed."""

    t: float
    seq: int
    details: dict[str, Any]
    together: bool = False


class StartCoordinator(NamedTuple):
    """A coordinator is started in the place of another one."""

    t: float
    seq: int
    number: int
    together: bool = False


class StopReplaced(NamedTuple):
    """Nobody waits any more for those that were replaced."""

    t: float
    seq: int
    together: bool = False


Input = Call | Cancel | Mark | StartCoordinator | StopReplaced


def settings_of(header: Header) -> Settings:
    """The settings that a recording was made with, on the virtual clock. Raises GenreplyError if they are not known."""
    told = header.settings
    unknown = sorted(set(told) - SETTINGS)
    if unknown:
        raise _cannot(f"this genreply does not know its setting {pretty_name(unknown[0])}")
    coordinator, delay, timeout, faults = (
        told.get(name) for name in ("coordinator", "delay", "timeout", "faults")
    )
    if not isinstance(coordinator, str) or coordinator not in COORDINATORS:
        raise _cannot("its header does not say which of the coordinators it shows")
    if not (
        isinstance(delay, list)
        and len(delay) == 2
        and all(map(_is_time, delay))
        and delay[0] <= delay[1]
    ):
        raise _cannot("its header does not say from what to what an answer is delayed")
    if timeout is not None and not _is_time(timeout):
        raise _cannot("its header does not say for how long a caller waits")
    try:
        struck = tuple(
            parsing.fault(str(fault)) for fault in (faults if isinstance(faults, list) else [])
        )
    except ValueError as error:
        raise _cannot(str(error)) from None
    return Settings(
        coordinator, (delay[0], delay[1]), timeout, struck, header.seed or 0, clock="virtual"
    )


def _is_time(value: Any) -> bool:
    return type(value) in {int, float} and 0 <= value < 1e9


def _cannot(why: str) -> GenreplyError:
    hint = "what genreply send and genreply repl record can be run again, and so can the samples"
    return GenreplyError(f"it cannot be run again: {why}", hint=hint, exit_code=ExitStatus.INVALID)


@dataclass
class Inputs:
    """What came from outside, read from the steps of a recording. Call `see` with each; raises GenreplyError."""

    real: bool = False  # recorded on a real clock: what happened at once has taken a little time
    instant: bool = False  # without delay: answers come at once
    inputs: list[Input] = field(default_factory=list)
    steps: int = 0  # how many there are, without the end
    seconds: float = 0.0
    ended: bool = False
    _answered: dict[str, float] = field(
        default_factory=dict
    )  # when each caller has got an answer, of whatever kind
    _latest: Input | None = None  # the input that was the step before

    @classmethod
    def of(cls, header: Header) -> "Inputs":
        """Those of a recording with this header, yet to be seen."""
        delay = header.settings.get("delay")
        return cls(real=header.clock != "virtual", instant=delay == [0, 0])

    def see(self, step: Step) -> None:
        """One more step."""
        self.seconds = max(self.seconds, step.t)
        if step.kind == "end":
            self.ended = True
            return
        if self.ended:
            raise _cannot("another recording is appended to it")
        self.steps += 1
        before, self._latest = self._latest, None
        match step.kind:
            case "call":
                self._latest = self._ask(step, before)
            case "cancel" if step.call is not None:
                self._latest = Cancel(step.t, step.seq, step.call, self._together(step, before))
            case "mark":
                self._latest = Mark(
                    step.t, step.seq, dict(step.details), self._together(step, before)
                )
            case "start" if number := _number(step.at):
                self._latest = StartCoordinator(step.t, step.seq, number)
            case "exit" if (
                _number(step.at) is not None and step.details.get("reason") == "shutdown"
            ):
                self._latest = StopReplaced(step.t, step.seq)
            case "reply" | "down" if step.target is not None:
                self._answered[step.target] = step.t
            case "timeout" if step.source is not None:
                self._answered[step.source] = step.t
        if step.kind == "cancel" and step.source is not None:
            self._answered[step.source] = step.t
        if self._latest is not None:
            self.inputs.append(self._latest)

    def _together(self, step: Step, before: Input | None) -> bool:
        return before is not None and step.t - before.t <= (AT_ONCE if self.real else 0.0)

    def _ask(self, step: Step, before: Input | None) -> Call:
        match step.message:
            case ["greet", str(message)] if step.call is not None and step.source is not None:
                pass
            case _:
                raise _cannot(
                    f"expected greetings, found {pretty_message(step.message) or 'a call without a message'}"
                )
        if not is_caller(step.source):
            raise _cannot(
                f"{pretty_name(step.source)} is a process that asks, and only a caller can be made to ask"
            )
        answered = self._answered.get(step.source)
        at_once = 0.0 if not self.real else AT_ONCE if self.instant else -1.0
        again = answered is not None and step.t - answered <= at_once
        together = self._together(step, before)
        return Call(
            step.t,
            step.seq,
            step.call,
            step.source,
            message,
            step.details.get("timeout"),
            together,
            again,
        )


def _number(name: str | None) -> int | None:
    """Which of the coordinators this is: 0 for the first, 2 for `coordinator-2`; None for anybody else."""
    stem, _, digits = (name or "").partition("-")
    if stem != "coordinator" or (digits and not (digits.isdecimal() and len(digits) < 6)):
        return None
    return int(digits or 0)
