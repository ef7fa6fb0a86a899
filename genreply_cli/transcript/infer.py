"""Fills in what a transcript of another program leaves out.

    inference = Inference()
    for step in steps:
        show(inference.update(step))

A tracer that knows nothing of genreply writes process identifiers and references, and often no
`cause`, `call`, `blocked` or `for`. What can be derived from the steps so far is filled in; the
other fields stay empty. A complete step is returned as it is.

It is a fold: a step depends on the steps before it, never on later ones. So a transcript that is
followed while it is written looks as it does afterwards.
"""

import re
from collections.abc import Mapping
from typing import Any, Final, NamedTuple, TypeVar

from genreply_cli.transcript.causes import Inboxes, Received, content_of
from genreply_cli.transcript.counts import Counts
from genreply_cli.transcript.step import NO_MESSAGE, Step, is_caller

MAX_REMEMBERED: Final = 50_000  # calls, callers and ended processes, each
MAX_LINK_DELAY: Final = 0.01  # seconds from the exit of a process to that of a linked one
REFERENCE_END: Final = 8  # characters of a reference that are shown

_PID: Final = re.compile(r"(?:#?PID)?(<\d+\.\d+\.\d+>)")
_REFERENCE: Final = re.compile(r"#?Ref(?:erence)?<([\d.]+)>")
_REASON: Final = re.compile(r":(normal|shutdown|noproc|killed)")  # as Elixir writes it
_CALL_NUMBER: Final = re.compile(r"c([1-9]\d{0,17})")

Key = TypeVar("Key")
Value = TypeVar("Value")


class _Recent(dict[Key, Value]):
    """A dict that forgets its oldest entry when there are too many."""

    def __setitem__(self, key: Key, value: Value) -> None:
        super().__setitem__(key, value)
        if len(self) > MAX_REMEMBERED:
            del self[next(iter(self))]


class _Call:
    """What is remembered of a call."""

    __slots__ = ("answered", "began", "callee", "caller", "ended", "name", "seq", "went")

    def __init__(self, step: Step) -> None:
        self.name = step.call or ""
        self.seq = step.seq
        self.began = step.t
        self.caller = step.source
        self.callee = step.target
        self.ended: float | None = None
        self.answered = False  # it has ended with a reply
        self.went: dict[str, Any] = {}  # to which call its answer went instead, and when

    def end(self, t: float, *, answered: bool = False) -> None:
        """The caller does not wait any more."""
        if self.ended is None:
            self.ended, self.answered = t, answered

    def blocked(self, step: Step) -> dict[str, float]:
        """For how long the caller had waited at this step, as a field of it."""
        return {"blocked": round(step.t - self.began, 6)}


class _Cause(NamedTuple):
    """What led to a step: the number of a step, and if that is known, the message."""

    seq: int | None = None
    message: Received | None = None
    proven: bool = False

    @property
    def call(self) -> str | None:
        return None if self.message is None else self.message.call

    @property
    def proves_call(self) -> bool:
        """Whether it is certain that the step belongs to the call of the message."""
        return self.proven and self.message is not None and self.message.proven


class Inference:
    """Call `update` with each step, in order; it returns the completed step."""

    def __init__(self) -> None:
        self._processes: _Recent[str, str] = _Recent()  # names, by process identifier
        self._caller_names: _Recent[str, str] = _Recent()  # the same
        self._taken: _Recent[str, int] = _Recent()  # how many processes have a name: x, x-2, x-3
        self._callers = 0
        self._call_names: _Recent[str, str] = _Recent()  # by reference
        self._call_number = 0
        self._calls: _Recent[str, _Call] = _Recent()
        self._last_calls: _Recent[str, _Call] = _Recent()  # by caller
        self._inboxes = Inboxes()
        self._parents: _Recent[str, str] = _Recent()  # the process that a process is linked to
        self._ends: _Recent[str, Step] = _Recent()  # the last crash or exit of each process
        self._last_end: str | None = None  # the process that ended last
        self._gone: _Recent[str, None] = _Recent()  # identifiers of processes that have ended
        self._counts = Counts()

    def update(self, step: Step) -> Step:
        """The step with all that is known about it."""
        if step.kind in {"cast", "info"} and step.target in self._gone:
            step = step._replace(kind="lost", details={**step.details, "sent": step.kind})
        elif step.kind == "exit" and step.at is not None and _PID.fullmatch(step.at):
            self._gone[step.at] = None
        step = self._complete(self._with_names(step))
        if step.message is not NO_MESSAGE:
            readable = self._readable(step.message)
            if readable != step.message:
                step = step._replace(message=readable)
        self._counts.update(step)
        return step

    def _complete(self, step: Step) -> Step:
        match step.kind:
            case "call":
                return self._call(step)
            case "cast" | "info" | "lost":
                return self._send(step)
            case "reply" | "late" | "duplicate":
                return self._reply(step)
            case "noreply":
                return self._noreply(step)
            case "timeout" | "cancel":
                return self._give_up(step)
            case "down":
                return self._down(step)
            case "start":
                return self._start(step)
            case "crash" | "fault" | "state":
                return self._crash(step)
            case "exit":
                return self._exit(step)
            case "end":
                return self._end(step)
            case _:
                return step

    # Names ----------------------------------------------------------------------------------------

    def _with_names(self, step: Step) -> Step:
        """The step with names instead of process identifiers and references."""
        from_caller = to_caller = False
        match step.kind:
            case "call" | "cast" | "timeout" | "cancel":
                from_caller = True
            case "reply" | "late" | "duplicate":
                to_caller = True
        source = self._name(step.source, caller=from_caller)
        target = self._name(step.target, caller=to_caller)
        call = self._call_name(step.call, new=step.kind == "call")
        if step.kind == "start" and step.at is not None and _PID.fullmatch(step.at):
            self._name_process(step.at, step.details)
        at = self._name(step.at)
        details = {
            name: self._name(step.details[name])
            for name in ("linked", "owner", "link")
            if isinstance(step.details.get(name), str)
        }
        reason = step.details.get("reason")
        if isinstance(reason, str) and (match := _REASON.fullmatch(reason)) is not None:
            details["reason"] = match[1]
        if (source, target, at, call) == (step.source, step.target, step.at, step.call) and all(
            step.details[name] == value for name, value in details.items()
        ):
            return step
        return step._replace(
            source=source,
            target=target,
            at=at,
            call=call,
            details={**step.details, **details},
        )

    def _name(self, process: str | None, *, caller: bool = False) -> str | None:
        """The name of a process. A new one that calls, and has received nothing, is a caller."""
        if process is None:
            return None
        match = _PID.fullmatch(process)
        if match is None:
            if process not in self._taken:
                self._note_name(process)
            return process
        name = self._known_name(process)
        if name is None and caller:
            name = self._caller_names[process] = self._new_caller()
        elif name is None:
            name = self._processes[process] = match[1]
        return name

    def _known_name(self, process: str) -> str | None:
        return self._processes.get(process) or self._caller_names.get(process)

    def _note_name(self, name: str) -> None:
        """The file itself uses this name, so no other process gets it."""
        if is_caller(name):
            number = name.partition("-")[2]
            if len(number) < 10:
                self._callers = max(self._callers, int(number or 1))
        else:
            self._taken[name] = 1

    def _name_process(self, process: str, start: Mapping[str, Any]) -> None:
        """Name a process that starts: as it is registered, or after its module."""
        if self._known_name(process) is None:
            name, module = start.get("name"), start.get("module")
            if isinstance(name, str) and name.removeprefix(":"):
                self._processes[process] = self._new_name(name.removeprefix(":"))
            elif isinstance(module, str) and (last := module.rpartition(".")[2]):
                self._processes[process] = self._new_name(last.lower())

    def _new_caller(self) -> str:
        self._callers += 1
        return "caller" if self._callers == 1 else f"caller-{self._callers}"

    def _new_name(self, base: str) -> str:
        number = self._taken[base] = self._taken.get(base, 0) + 1
        return base if number == 1 else f"{base}-{number}"

    def _call_name(self, call: str | None, *, new: bool) -> str | None:
        """The name of a call: c1, c2 … for a reference, and for a new call without a name."""
        if call is None:
            return self._new_call_name() if new else None
        if not _REFERENCE.fullmatch(call):
            number = _CALL_NUMBER.fullmatch(call)
            if number is not None:
                self._call_number = max(self._call_number, int(number[1]))
            return call
        name = self._call_names.get(call)
        if name is None:
            name = self._call_names[call] = self._new_call_name()
        return name

    def _new_call_name(self) -> str:
        self._call_number += 1
        return f"c{self._call_number}"

    def _readable(self, value: Any) -> Any:
        """A message with names for process identifiers, and with the ends of references."""
        if isinstance(value, str):
            if "<" not in value:
                return value
            value = _PID.sub(lambda pid: self._known_name(pid[0]) or pid[1], value)
            return _REFERENCE.sub(lambda ref: f"…{ref[1][-REFERENCE_END:]}", value)
        if isinstance(value, list):
            return [self._readable(item) for item in value]
        if isinstance(value, dict):
            return {name: self._readable(item) for name, item in value.items()}
        return value

    # Causes ---------------------------------------------------------------------------------------

    def _cause(self, step: Step, process: str | None, not_before: int = 0) -> _Cause:
        """What led to a step of this process: no message before step `not_before`."""
        if process is None:
            return _Cause(step.cause)
        if step.cause is not None:
            message = self._inboxes.confirm_cause(process, step.cause)
            return _Cause(step.cause, message, proven=True)
        content = None if step.message is NO_MESSAGE else content_of(step.message)
        found = self._inboxes.find_cause(process, content, not_before)
        if found is None:
            return _Cause()
        return _Cause(found.message.seq, found.message, found.proven)

    def _receive(self, step: Step, *, proven: bool, loose: bool = False) -> None:
        """The target of a step has received its message."""
        if step.target is not None and not is_caller(step.target):
            content, is_call = content_of(step.message), step.kind == "call"
            received = Received(step.seq, step.call, proven, content, is_call, loose)
            self._inboxes.add(step.target, received)

    def _send(self, step: Step) -> Step:
        cause = self._cause(step, step.source)
        named = step.call is not None
        step = step._replace(cause=cause.seq, call=step.call if named else cause.call)
        if step.kind != "lost":
            loose = step.source == step.target
            loose = loose or (cause.message is not None and cause.message.is_loose)
            self._receive(step, proven=named or cause.proves_call, loose=loose)
        return step

    # Calls ----------------------------------------------------------------------------------------

    def _call(self, step: Step) -> Step:
        step = step._replace(cause=self._cause(step, step.source).seq)
        if step.call is not None and step.call not in self._calls:
            call = _Call(step)
            self._calls[step.call] = call
            if step.source is not None:
                self._last_calls[step.source] = call
        self._receive(step, proven=True)
        return step

    def _find_call(self, step: Step, caller: str | None, callee: str | None) -> _Call | None:
        """The call of a step, by its name, or else the last call of this caller."""
        if step.call is not None:
            return self._calls.get(step.call)
        last = None if caller is None else self._last_calls.get(caller)
        return last if last is not None and callee in {None, last.callee} else None

    def _noreply(self, step: Step) -> Step:
        call = None if step.call is None else self._calls.get(step.call)
        if call is not None and call.callee == step.at and step.cause is None:
            step = step._replace(cause=call.seq)
        cause = self._cause(step, step.at)
        return step._replace(cause=cause.seq, call=step.call or cause.call)

    def _reply(self, step: Step) -> Step:
        call = self._find_call(step, step.target, step.source)
        asked = call is not None and call.callee == step.source
        cause = self._cause(step, step.source, call.seq if call is not None and asked else 0)
        name = step.call if call is None else call.name
        details = dict(step.details)
        if "for" not in details and name is not None and cause.call not in {None, name}:
            if cause.proves_call:
                if self._is_meant_for_its_call(cause.message):
                    details["for"] = cause.call
            elif step.cause is None:  # too uncertain to say that the caller is a wrong one
                cause = _Cause()
        kind = step.kind
        if call is not None:
            if kind == "reply" and call.ended is not None:
                kind = "duplicate" if call.answered else "late"
            if kind == "reply":
                details.setdefault("blocked", round(step.t - call.began, 6))
                call.end(step.t, answered=True)
            elif call.ended is not None:
                details.setdefault("ago", round(step.t - call.ended, 6))
            self._note_wrong_answer(details.get("for"), call, step.t)
        target = step.target if call is None else step.target or call.caller
        return step._replace(kind=kind, call=name, target=target, details=details, cause=cause.seq)

    def _is_meant_for_its_call(self, message: Received | None) -> bool:
        """Whether it is known that an answer to a message is meant for the call of the message.

        It is not if the message is the call itself, or one of a process to itself, or if the call
        was answered before: whoever handles that may answer others that wait.
        """
        if message is None or message.is_call or message.is_loose:
            return False
        call = None if message.call is None else self._calls.get(message.call)
        return call is None or not call.answered

    def _note_wrong_answer(self, intended: Any, call: _Call, t: float) -> None:
        """The answer to one call went to another."""
        if isinstance(intended, str) and (missed := self._calls.get(intended)) is not None:
            missed.went = {"went_to": call.name, "went_at": round(t, 6)}

    def _give_up(self, step: Step) -> Step:
        call = self._find_call(step, step.source, step.target)
        if call is None:
            return step
        call.end(step.t)
        return step._replace(
            call=call.name,
            source=step.source or call.caller,
            target=step.target or call.callee,
            details=_with_missing(step.details, {**call.blocked(step), **call.went}),
        )

    def _down(self, step: Step) -> Step:
        """A caller learns that its server has ended; or a monitor does, which waits for no call."""
        waits = step.call is not None or (step.target is not None and is_caller(step.target))
        call = self._find_call(step, step.target, step.source) if waits else None
        if call is None or call.ended is not None or step.target not in {None, call.caller}:
            self._receive(step, proven=False)
            return step
        call.end(step.t)
        end = None if call.callee is None else self._ends.get(call.callee)
        told = step.cause is not None or end is None or step.details.get("reason") == "noproc"
        return step._replace(
            call=call.name,
            source=step.source or call.callee,
            target=call.caller,
            details=_with_missing(step.details, call.blocked(step)),
            cause=step.cause if told or end is None else end.cause,
        )

    # Processes ------------------------------------------------------------------------------------

    def _start(self, step: Step) -> Step:
        if step.at is not None:
            self._inboxes.forget(step.at)
            self._ends.pop(step.at, None)
            if isinstance(step.details.get("linked"), str):
                self._parents[step.at] = step.details["linked"]
        return step

    def _crash(self, step: Step) -> Step:
        """What a process does in a callback, without a message."""
        cause = self._cause(step, step.at)
        step = step._replace(cause=cause.seq, call=step.call or cause.call)
        if step.kind == "crash" and step.at is not None:
            self._ends[step.at] = step
        return step

    def _exit(self, step: Step) -> Step:
        """A process ends: after a crash of its own, or because a linked process ended."""
        if step.at is None:
            return step
        process = step.at
        crash = self._ends.get(process)
        link = step.details.get("link")
        if crash is None and link is None:
            link = self._find_link(step, process)
        reason = crash if link is None else self._ends.get(link)
        if reason is not None:
            details = step.details if link is None else {**step.details, "link": link}
            call = step.call or reason.call
            step = step._replace(call=call, details=details, cause=step.cause or reason.cause)
        self._ends[process], self._last_end = step, process
        self._inboxes.forget(process)
        return step

    def _find_link(self, step: Step, process: str) -> str | None:
        """The linked process that ended just before this one, for the same reason."""
        parent = self._parents.get(process)
        last = self._last_end
        child = last if last is not None and self._parents.get(last) == process else None
        for other in (parent, child):
            end = None if other is None else self._ends.get(other)
            if (
                end is not None
                and end.details.get("reason") == step.details.get("reason") not in {None, "normal"}
                and step.t - end.t <= MAX_LINK_DELAY
            ):
                return other
        return None

    def _end(self, step: Step) -> Step:
        counts = self._counts.at_end()
        return (
            step
            if counts.keys() & step.details
            else step._replace(details={**step.details, **counts})
        )


def _with_missing(details: Mapping[str, Any], more: Mapping[str, Any]) -> dict[str, Any]:
    """The details, and of the others those that they lack."""
    return {**details, **{name: value for name, value in more.items() if name not in details}}
