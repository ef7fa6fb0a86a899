"""The state at a step: open calls, what servers keep and handle, living and ended processes.

    snapshot = Snapshot()
    for step in steps:
        snapshot.update(step)

What a server keeps is known where its states are recorded (`states`). Elsewhere it is only known
which calls wait after a NoReply (`waiting`). Nothing is remembered of a call that has ended but its
count, and its name while a server keeps it, so `copy` costs as much as is open.
"""

from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any, Final, Literal, NamedTuple, Self

from genreply_cli.transcript.counts import Counts
from genreply_cli.transcript.step import Step, is_caller

MAX_ENDED: Final = 8  # ended processes that are remembered
MAX_SLOT_HISTORY: Final = 4  # calls of one slot that are remembered
MAX_GONE: Final = 1000  # calls in a mailbox whose callers have gone


# How a call that has not ended stands:
#   kept       its From stands in the state of a server
#   forgotten  it stood there, and does no more: its caller waits in vain
#   waiting    a server returned NoReply for it; what that server keeps is not known
#   handling   its handler runs
#   taken up   its message has led to something; whether its handler runs is not known
#   queued     nothing has come of it yet
#   lost       the server that was called has ended
Standing = Literal["kept", "forgotten", "waiting", "handling", "taken up", "queued", "lost"]


class OpenCall(NamedTuple):
    """A call that has not ended. Times are seconds since the recording began."""

    call: str
    since: float
    caller: str | None
    callee: str | None
    message: Any
    timeout: float | None  # None: the caller waits for as long as it takes
    held_by: str | None = None  # the process that returned NoReply for it
    kept_since: float | None = None
    seq: int = 0  # of its step
    taken_up: bool = False  # its message has caused another step of the call
    forgotten_by: str | None = None  # the server that kept it, and whose state leads to it no more


class Kept(NamedTuple):
    """A call whose From stands in the state of a server."""

    call: str
    since: float  # seconds since the recording began
    seq: int  # of the `state` step that has it first
    outcome: str | None = None  # how the call has ended; None: its caller waits


class ServerState(NamedTuple):
    """The state of a server, as its latest `state` step has it."""

    state: Any  # as data; transcripts/README.md describes it
    seq: int  # of the step
    keeps: dict[str, Kept]  # by call, in the order of the state
    more: int  # values that were not looked into: further calls may stand there
    slots: dict[
        str, tuple[str, ...]
    ]  # by field: the calls that stood in it one by one, latest last


class _Asked(NamedTuple):
    """A call that a server has not handled to the end."""

    seq: int  # of its step
    taken_up: bool = False


@dataclass(slots=True)
class Snapshot:
    """A fold over steps. Calls and processes are in the order in which they were first seen."""

    t: float = 0.0  # of the latest step
    steps: int = 0
    open: dict[str, OpenCall] = field(default_factory=dict)
    alive: dict[str, None] = field(default_factory=dict)
    ended: dict[str, str | None] = field(default_factory=dict)  # process -> reason, latest last
    modules: dict[str, str] = field(default_factory=dict)  # process -> its class, if recorded
    states: dict[str, ServerState] = field(default_factory=dict)  # by server
    counts: Counts = field(default_factory=Counts)
    _keepers: dict[str, list[str]] = field(default_factory=dict)  # call -> servers
    _mailboxes: dict[str, OrderedDict[str, _Asked]] = field(default_factory=dict)  # by server

    def update(self, step: Step) -> None:
        """Follow a step."""
        kind, call = step.kind, step.call
        self.steps += 1
        self.t = step.t
        self.counts.update(step)
        server = step.source if step.at is None else step.at
        if server in self._mailboxes:
            self._follow_handling(server, step)
        match kind:
            case "call" if call is not None and call not in self.open:
                self._open_call(step, call)
            case "noreply" if call in self.open:
                self.open[call] = self.open[call]._replace(held_by=step.at, kept_since=step.t)
            case "state" if step.at is not None:
                self._record_state(step, step.at)
            case "exit" if step.at is not None:
                self._record_exit(step.at, step.details.get("reason"))
                return
            case "start" if step.at is not None:
                self.ended.pop(step.at, None)
                if "module" in step.details:
                    self.modules[step.at] = str(step.details["module"])
                self._forget_server(step.at)  # of a recording that was continued after a kill
            case _ if call in self.open and step.ends_call:
                self._end_call(step, call)
            case _ if call in self.open and step.cause == self.open[call].seq:
                self.open[call] = self.open[call]._replace(taken_up=True)
        for name in (step.at, step.source, step.target):
            if (
                name is not None
                and name not in self.alive
                and name not in self.ended
                and not is_caller(name)
            ):
                self.alive[name] = None

    # --- what is asked of it

    def keeps(self, server: str) -> dict[str, Kept] | None:
        """The calls that stand in the state of a server; None if that is not known, or not whole.

        Among them may be calls that have ended.
        """
        state = self.states.get(server)
        return None if state is None or state.more else state.keeps

    def standing(self, call: OpenCall) -> tuple[Standing, str | None]:
        """How an open call stands, and at which server."""
        if call.forgotten_by is not None:
            return "forgotten", call.forgotten_by
        for keeper in self._keepers.get(call.call, ()):
            return "kept", keeper
        if call.held_by is not None:
            return "waiting", call.held_by
        callee = call.callee or ""
        if callee in self.ended:
            return "lost", callee
        if not call.taken_up:
            return "queued", callee
        is_sure = callee in self.states and self.handling(callee) == call.call
        return ("handling" if is_sure else "taken up"), callee

    def waiting(self) -> dict[str, list[OpenCall]]:
        """The calls that wait after a NoReply, by the server that returned it, longest first.

        The server may have forgotten them (`forgotten_by`).
        """
        waiting: dict[str, list[OpenCall]] = {}
        for call in self.open.values():
            if call.held_by is not None:
                waiting.setdefault(call.held_by, []).append(call)
        for calls in waiting.values():
            calls.sort(key=lambda call: call.kept_since or 0.0)
        return waiting

    def keeps_a_waiting_caller(self, server: str) -> bool:
        """Whether a server keeps a call whose caller waits. False if its states are not recorded.

        Where a state was too long to look into, a call that waits after a NoReply counts as kept.
        """
        state = self.states.get(server)
        if state is None:
            return False
        if any(call.outcome is None for call in state.keeps.values()):
            return True
        return state.more > 0 and any(
            call.held_by == server and call.forgotten_by is None for call in self.open.values()
        )

    def handling(self, server: str) -> str | None:
        """The call that a server is handling: its handler has not returned.

        It is the first call that the server has got and has not answered, neither with a reply nor
        with NoReply. A call whose caller has gone counts only if its handler has begun.
        """
        mailbox = self._mailboxes.get(server)
        if not mailbox:
            return None
        call, asked = next(iter(mailbox.items()))
        return call if asked.taken_up or call in self.open else None

    def has_begun(self, call: str | None, server: str) -> bool:
        """Whether the handler of a call has begun, and has not returned, at this server."""
        mailbox = self._mailboxes.get(server)
        if mailbox is None or call is None:
            return False
        return call in mailbox and mailbox[call].taken_up

    def has_no_caller(self, server: str) -> bool:
        """Whether a server keeps no caller and has no call to handle. False if that is unknown."""
        return self.keeps(server) == {} and server not in self._mailboxes

    # --- calls

    def _open_call(self, step: Step, call: str) -> None:
        timeout = step.details.get("timeout")
        self.open[call] = OpenCall(
            call, step.t, step.source, step.target, step.message, timeout, seq=step.seq
        )
        if step.target is not None:
            mailbox = self._mailboxes.setdefault(step.target, OrderedDict())
            mailbox[call] = _Asked(step.seq)
            if len(mailbox) > len(self.open) + MAX_GONE:
                mailbox.popitem(last=False)

    def _end_call(self, step: Step, call: str) -> None:
        callee = self.open.pop(call).callee
        given_up = step.kind in {"timeout", "cancel"}  # the callee does not know of it
        if not given_up and callee in self._mailboxes:
            self._return(callee, call)
        for server in self._keepers.get(call, ()):
            keeps = self.states[server].keeps
            keeps = {**keeps, call: keeps[call]._replace(outcome=step.outcome)}
            self.states[server] = self.states[server]._replace(keeps=keeps)

    def _follow_handling(self, server: str, step: Step) -> None:
        """Find out from a step of this server which calls it has handled to the end."""
        mailbox, call = self._mailboxes[server], step.call
        asked = None if call is None else mailbox.get(call)
        if call is None or asked is None:
            return
        if step.cause == asked.seq:
            while next(iter(mailbox)) != call:  # the handlers of the calls before it have returned
                mailbox.popitem(last=False)
            if not asked.taken_up:
                mailbox[call] = asked._replace(taken_up=True)
        if step.returns and (step.kind != "state" or step.cause == asked.seq):
            self._return(server, call)

    def _return(self, server: str, call: str) -> None:
        """The handler of a call has returned."""
        mailbox = self._mailboxes[server]
        mailbox.pop(call, None)
        if not mailbox:
            del self._mailboxes[server]

    def _forget_server(self, server: str) -> None:
        """Forget what a server keeps and handles."""
        self._mailboxes.pop(server, None)
        state = self.states.pop(server, None)
        if state is not None:
            self._forget_keeper(server, state.keeps)

    # --- servers

    def _record_state(self, step: Step, server: str) -> None:
        before = self.states.get(server)
        keeps: dict[str, Kept] = {}
        for call in step.details.get("keeps") or ():
            known = None if before is None else before.keeps.get(call)
            keeps[call] = known or Kept(
                call, step.t, step.seq, None if call in self.open else "ended"
            )
        slots = dict(_slots(step.details.get("state")))
        if before is not None:
            slots = {
                name: _moved(before.slots.get(name, ()), calls[-1]) for name, calls in slots.items()
            }
            self._forget_keeper(server, before.keeps)
        for call in keeps:
            self._keepers[call] = [*self._keepers.get(call, ()), server]
            if call in self.open and self.open[call].forgotten_by is not None:
                self.open[call] = self.open[call]._replace(forgotten_by=None)
        more = step.details.get("more") or 0
        self.states[server] = ServerState(step.details.get("state"), step.seq, keeps, more, slots)
        for call in step.forgot:
            if call in self.open:
                self.open[call] = self.open[call]._replace(forgotten_by=server)

    def _forget_keeper(self, server: str, keeps: dict[str, Kept]) -> None:
        for call in keeps:
            keepers = [other for other in self._keepers.pop(call) if other != server]
            if keepers:
                self._keepers[call] = keepers

    def _record_exit(self, name: str, reason: str | None) -> None:
        self.alive.pop(name, None)
        self.ended.pop(name, None)
        self.ended[name] = reason
        if len(self.ended) > MAX_ENDED:
            oldest = next(iter(self.ended))
            del self.ended[oldest]
            self.modules.pop(oldest, None)
        self._forget_server(name)
        for call, held in self.open.items():
            if held.held_by == name:  # the process that held it will not answer any more
                self.open[call] = held._replace(held_by=None, kept_since=None)

    def copy(self) -> Self:
        """A copy that is updated on its own."""
        return replace(
            self,
            open=dict(self.open),
            alive=dict(self.alive),
            ended=dict(self.ended),
            modules=dict(self.modules),
            states=dict(self.states),
            counts=self.counts.copy(),
            _keepers=dict(self._keepers),
            _mailboxes={server: mailbox.copy() for server, mailbox in self._mailboxes.items()},
        )


def _slots(state: Any) -> Iterator[tuple[str, tuple[str, ...]]]:
    """The fields of a state that hold one call each, and that call."""
    match state:
        case {"call": str(call), **others} if not others:
            yield "", (call,)
        case dict() if len(state) == 1 and isinstance(fields := next(iter(state.values())), dict):
            yield from _fields_with_a_call(fields)
        case dict():
            yield from _fields_with_a_call(state)


def _fields_with_a_call(fields: dict[str, Any]) -> Iterator[tuple[str, tuple[str, ...]]]:
    for name, value in fields.items():
        match value:
            case {"call": str(call), **others} if not others:
                yield name, (call,)


def _moved(slot: tuple[str, ...], call: str) -> tuple[str, ...]:
    """The history of a slot in which this call stands now."""
    return slot if slot[-1:] == (call,) else (*slot, call)[-MAX_SLOT_HISTORY:]
