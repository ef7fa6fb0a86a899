"""How a process ends: by a crash, a stop or an exit signal; and who is told of it."""

import asyncio
from collections import deque
from collections.abc import Iterator
from typing import Any, Self

from genreply_cli.otp.answers import NOTHING, Down, Exited, Monitor, Stop
from genreply_cli.otp.callbacks import Report
from genreply_cli.otp.calls import FAILED, From, MonitoredCall, answer_call, fail_call
from genreply_cli.otp.closing import GRACE_SECONDS
from genreply_cli.otp.exits import Exit, describe, is_normal, is_quiet, shorten
from genreply_cli.otp.mailbox import Mailbox
from genreply_cli.otp.status import BUSY, EXITED, INFO, STARTING, STOPPING, TERMINATE, Entry, logger


class Ending(Mailbox):
    """What ends a process, and what it does then."""

    __slots__ = ()

    # --- because of itself

    def crash(self, error: BaseException, entry: Entry) -> None:
        """End because a callback has raised; `terminate` gets the state from before.

        KeyboardInterrupt and SystemExit are raised again.
        """
        kind, message, from_, _ = entry
        if self.status is not EXITED:
            reason = error.reason if isinstance(error, Exit) else error
            if kind is TERMINATE and error.__context__ is None:
                first = message[0].reason
                if isinstance(first, BaseException):
                    error.__context__ = first  # as Python does where terminate is not async
            if not isinstance(error, Exit):
                self.node.emit("crash", self.server, None, error)
            if kind is TERMINATE:
                self._after_terminate(message, reason, from_)
            else:
                self.terminate(Stop(reason, self.state), entry)
        if isinstance(error, KeyboardInterrupt | SystemExit):
            raise error

    def terminate(self, stop: Stop[Any], entry: Entry) -> None:
        """Run the callback `terminate`, then exit. `entry` is what led to it."""
        self.status = STOPPING
        from_ = None if stop.reply is NOTHING else entry[2]
        terminate: Entry = (TERMINATE, (stop, entry), from_, entry[3])
        try:
            self.handle_return(self.server.terminate(stop.reason, stop.state), terminate)
        except BaseException as error:
            self.crash(error, terminate)

    def _after_terminate(
        self, ending: tuple[Stop[Any], Entry], reason: Any, from_: From[Any] | None
    ) -> None:
        """Send the last reply, log a crash, and exit, in this order."""
        stop, entry = ending
        if from_ is not None:
            answer_call(from_, stop.reply)
        if not is_quiet(reason):
            self._log_crash(reason, stop.state, entry)
        self.exit(reason)

    def _log_crash(self, reason: Any, state: Any, entry: Entry) -> None:
        kind, message, from_, _ = entry
        state, message, reason = self.report(state, message, reason)
        client = None if from_ is None else from_.caller
        linked = [process.server for process in self.links]
        lines = [
            f"{describe(self.server)} terminating, reason {shorten(reason)}",
            f"last message ({kind}): {shorten(message)}",
            f"state: {shorten(state)}",
            *([f"client: {describe(client)}"] if from_ is not None else []),
            *([f"linked: {', '.join(map(describe, linked))}"] if linked else []),
        ]
        extra = {"server": self.server, "last_message": message, "state": state, "reason": reason}
        extra |= {"client": client, "linked": linked}
        raised = reason if isinstance(reason, BaseException) else None
        logger.error("%s", "\n  ".join(lines), exc_info=raised, extra=extra)

    def report(self, state: Any, message: Any = None, reason: Any = None) -> Report:
        """Return what may be shown of these: see `Callbacks.format_status`."""
        try:
            shown = self.server.format_status(Report(state, message, reason))
            if not isinstance(shown, Report):
                raise TypeError(f"format_status returned {type(shown).__name__}; expected a Report")
        except Exception as error:  # what it was to hide must not be shown
            hidden = f"hidden: format_status raised {type(error).__name__}"
            return Report(hidden, hidden, hidden)
        return shown

    def shut_down(self) -> None:
        """Have it stop because its node closes."""
        if self.status is BUSY and not self.server.trap_exit:  # an exit signal would end it, too
            self.exit("shutdown")
        else:
            self.post_stop("shutdown")

    # --- because of others

    def receive_exit_signal(self, source: Self | None, reason: Any, *, kill: bool = False) -> None:
        """Do what an exit signal asks for. It comes from a link, or from `exit`."""
        if self.status is EXITED:
            return
        if not kill and self.server.trap_exit:
            if source is not None and source is (self.parent or self):  # without one, it is its own
                self.killed_by = self.parent
                self.post_stop(reason)
                gone = source is self or source.status is EXITED  # a supervisor sets its own limit
                if (
                    gone and self.orphaned is None
                ):  # a callback that hangs must not make it immortal
                    self.orphaned = self.node.call_later(GRACE_SECONDS, self.exit, "killed")
            else:
                self.post(INFO, Exited(None if source is None else source.server, reason))
        elif kill or not is_normal(reason):
            self.exit_by_signal(source, "killed" if kill else reason)

    def exit_by_signal(self, source: Self | None, reason: Any) -> None:
        """Exit because of an exit signal: `terminate` is not run."""
        self.killed_by = source
        if self.status is STARTING and self.parent is not None and self.parent.server.trap_exit:
            self.unlink(self.parent)  # its call of `start` fails: it gets no Exited as well
        self.exit(reason)

    def exit(self, reason: Any) -> None:
        """Exit now. First the name is free; then callers, links and monitors are notified."""
        if self.status is EXITED:
            return
        node = self.node
        self.status = EXITED
        self.reason = reason
        self.ended_at = node.loop.time()
        self.state = None
        self.scheduled = True  # for ever
        self.mailbox = deque(maxlen=0)
        self.starter, self.given = None, ()
        self._cancel_idle()
        if self.orphaned is not None:
            node.cancel_timer(self.orphaned)
        node.unregister(self)
        killer = None if self.killed_by is None else self.killed_by.server
        node.emit("exit", self.server, None, reason, detail=killer)
        for from_ in list(self.open_calls):
            fail_call(from_, FAILED, reason)
        for waiter in self.waiters:
            if not waiter.done():
                waiter.set_result(reason)
        self.waiters.clear()
        for monitor, watched in self.monitored.items():
            watched.monitors.pop(monitor, None)
        self.monitored = {}
        for linked in self.links:
            linked.links.pop(self, None)
        if self.links or self.monitors:
            node.notify_exit(self)
        if self.async_runner is not None:
            self.async_runner.cancel()
        for task in self.owned or ():
            task.cancel()

    def own(self, task: "asyncio.Task[None]") -> None:
        """Have a task end with this process, or with the node."""
        if self.owned is None:
            self.owned = {}
        self.owned[task] = None
        task.add_done_callback(self.owned.pop)
        self.home.track_task(task)

    def notify_links_and_monitors(self) -> None:
        """Send the exit signal to links, then a Down for each monitor."""
        for linked in self.links:
            linked.receive_exit_signal(self, self.reason)
        for monitor, watcher in list(self.monitors.items()):
            if watcher.monitored.pop(monitor, None) is not None:  # else it has exited meanwhile
                watcher.send_down(monitor, self.reason, self.server)
        self.links, self.monitors = {}, {}

    def send_down(self, ref: Monitor, reason: Any, ended: Any) -> None:
        """Tell this process that what it monitors has ended: a process, or a call given up."""
        self.post(INFO, Down(ref, ref.process, reason), ended=ended)

    # --- who is told

    def link(self, other: Self) -> None:
        """Link the two: each gets an exit signal when the other exits."""
        if other is not self:
            self.links[other] = other.links[self] = None
            self._tell_of_link(other, linked=True)

    def unlink(self, other: Self) -> None:
        """Undo `link`."""
        self.links.pop(other, None)
        other.links.pop(self, None)
        self._tell_of_link(other, linked=False)

    def _tell_of_link(self, other: Self, *, linked: bool) -> None:
        self.server.link_changed(other.server, linked=linked)
        other.server.link_changed(self.server, linked=linked)

    def monitor(self, other: Self | MonitoredCall, ref: Monitor) -> None:
        """Have this process sent a `Down` when the other exits, or the caller gives up."""
        self.monitored[ref] = other
        other.monitors[ref] = self

    def demonitor(self, ref: Monitor, *, flush: bool) -> None:
        """Undo `monitor`; with `flush`, also take a `Down` that has come out of the mailbox."""
        watched = self.monitored.pop(ref, None)
        if watched is not None:
            del watched.monitors[ref]
        if flush:
            self.take_back(ref)

    def uses(self) -> Iterator[Any]:
        """Yield the processes that this one was given when it started, and what it monitors."""
        yield from (server._process for server in self.given)
        yield from self.monitored.values()
