"""A process: it runs the callbacks of a server, one message at a time, and keeps its state.

A process is no task. It is a queue of entries and a flag. Processes with entries stand in the run
queue of the node. A plain callback is called on the spot; so is an `async def` one up to its first
wait, where a task takes over (`async_callbacks`). Each process has a `contextvars.Context` in which
all its callbacks run; it says which server is running and which event is being handled.

The states of a process, and the flags that go with each, are drawn up in `status`.
"""

import asyncio
import math
from collections.abc import Callable, Coroutine
from typing import Any, Final

from genreply_cli.otp.answers import NOTHING, Continue, Ignore, Init, NoReply, Reply, Stop, Timeout
from genreply_cli.otp.async_callbacks import PENDING, AsyncRunner, SelectiveReceive
from genreply_cli.otp.calls import WAITING, From, answer_call
from genreply_cli.otp.ending import Ending
from genreply_cli.otp.exits import BadReturn, Exit, shorten
from genreply_cli.otp.run_queue import MESSAGES_PER_RUN
from genreply_cli.otp.status import (
    BUSY,
    CALL,
    CAST,
    CONTINUE,
    EXITED,
    INFO,
    ITEM,
    READY,
    SUSPENDED,
    SYSTEM,
    TERMINATE,
    Entry,
    bad_part,
    handling,
)

ANSWERS: Final = (Reply, NoReply, Stop)


class Process(Ending):
    """What the runtime does with one server. Users hold `server`, and cannot get at this."""

    __slots__ = ()

    # --- its messages

    def become_ready(self) -> None:
        """Handle messages from now on."""
        self.status = READY
        if self.queued:
            self.queued = False
            return
        self.scheduled = bool(self.mailbox)
        if self.scheduled:
            self.node.schedule(self)

    def run(self) -> None:
        """Handle messages until there are none, the status changes, or others must have a turn.

        The commonest answers are dealt with here, which is fast, all others in `handle_return`.
        """
        if self.status is not READY:
            self._run_while_not_ready()
            return
        mailbox, server, states = self.mailbox, self.server, self.node.states
        messages_left = MESSAGES_PER_RUN
        while mailbox:
            if not messages_left:
                self.node.schedule(self)
                return
            messages_left -= 1
            entry = mailbox.popleft()
            kind, message, from_, event = entry
            if self.idle_timeout is not None and kind is not SYSTEM:
                self._cancel_idle()
            if event is not None:
                handling.set(event)
            try:
                if kind is CALL:
                    answer: Any = server.handle_call(message, from_, self.state)
                elif kind is CAST:
                    answer = server.handle_cast(message, self.state)
                elif kind is INFO:
                    answer = server.handle_info(message, self.state)
                elif kind is CONTINUE:
                    answer = server.handle_continue(message, self.state)
                elif kind is ITEM:
                    message.ref.make_room()
                    answer = server.handle_info(message, self.state)
                else:
                    answer = None
                    self._handle_system(message)
                if type(answer) is NoReply and answer.then is None is answer.timeout:
                    self.state = answer.state
                    if states:
                        self.node.emit_state(server, answer.state)
                    if kind is CALL and event is not None and from_._status is WAITING:
                        self.node.emit("noreply", server, None, None, from_)
                elif (
                    type(answer) is Reply and kind is CALL and answer.then is None is answer.timeout
                ):
                    self.state = answer.state
                    if states:
                        self.node.emit_state(server, answer.state)
                    answer_call(from_, answer.value)
                else:
                    self.handle_return(answer, entry)
            except BaseException as error:
                self.crash(error, entry)
            if self.status is not READY:
                if not self.alive:  # it was killed in the callback, which then returned a state
                    self.state = None
                return
        self.scheduled = False

    def _run_while_not_ready(self) -> None:
        self.queued = False
        if self.receiving is not None:
            self.scheduled = False
            self.receiving.scan(self.mailbox)
        elif self.status is SUSPENDED:
            kinds = [entry[0] for entry in self.mailbox]
            self.scheduled = SYSTEM in kinds
            if self.scheduled:
                index = kinds.index(SYSTEM)
                function = self.mailbox[index][1]
                del self.mailbox[index]
                self._handle_system(function)

    def _handle_system(self, function: Callable[["Process"], None]) -> None:
        """Run a function of the process: for `stop`, `debug`, or a parent that has exited."""
        handling.set(None)  # no message has led to this
        function(self)
        if self.status is SUSPENDED:  # there may be more system entries, further behind
            self.node.schedule(self)
        elif self.idle_timeout is not None and self.status is READY:
            self._set_idle(self.idle_timeout)

    async def receive(self, type_: Any, timeout: float | None) -> Any:
        """Take the first message of a type out of the mailbox. Raises TimeoutError."""
        receiving = self.receiving = SelectiveReceive(type_, self.node.loop.create_future())
        self.scheduled = self.queued  # so that the next message has the mailbox scanned
        try:
            receiving.scan(self.mailbox)
            async with asyncio.timeout(timeout):
                message, event, error = await receiving.future
        finally:
            self.receiving = None
            self.queued, self.scheduled = self.scheduled, True
        if error is not None:
            raise error
        handling.set(event)
        return message

    # --- for debug

    def suspend(self) -> None:
        """Handle nothing but system entries until `resume`."""
        self.status = SUSPENDED
        if self.idle is not None:
            self.idle.cancel()

    def resume(self) -> None:
        """End `suspend`. The idle timeout starts anew."""
        if self.status is SUSPENDED:
            self.become_ready()
            if self.idle_timeout is not None:
                self._set_idle(self.idle_timeout)

    def step(self) -> None:
        """Handle one message, and what it continues with, then be suspended again."""
        if self.status is SUSPENDED and self.mailbox:
            self.mailbox.insert(1, (SYSTEM, Process.suspend, None, None))
            self.resume()

    # --- callbacks and their answers

    def start(self, args: tuple[Any, ...], timeout: float | None) -> Any:
        """Run `init`, and do what it asks for. Returns its answer; raises the error that it raises.

        Raises TimeoutError if it took longer than `timeout` seconds, whatever its outcome.
        """
        self.given = tuple(given for given in args if hasattr(type(given), "_process"))
        clock = self.node.loop.time
        limit = math.inf if timeout is None else clock() + timeout
        answer, failure = None, None
        try:
            answer = self.node.run_apart(self.context.run, self.server.init, *args)
            self._check_init(answer, args)
        except BaseException as error:
            if clock() <= limit or isinstance(error, KeyboardInterrupt | SystemExit):
                if isinstance(error, Exit):  # of this server, not of its starter
                    self.exit(error.reason)
                    return None
                self.node.emit("crash", self.server, None, error)
                self.exit(error)
                raise
            failure = error
        if clock() > limit:
            self._void_start()
            text = f"{self.server!r} took longer than {timeout:g} s in init"
            raise TimeoutError(text) from failure
        if isinstance(answer, Stop | Ignore):
            self.exit(answer.reason if isinstance(answer, Stop) else "normal")
        elif self.status is not EXITED:
            self._take_first_state(answer if isinstance(answer, Init) else Init(answer))
        return answer

    def _void_start(self) -> None:
        """End a server whose starter waits no longer. It is killed, and the starter is unharmed."""
        if self.parent is not None:
            self.unlink(self.parent)
        self.killed_by = self.parent
        self.exit("killed")

    def _check_init(self, answer: Any, args: tuple[Any, ...]) -> None:
        if isinstance(answer, Coroutine):
            answer.close()
            raise TypeError(
                f"{type(self.server).__qualname__}.init is async, but start does not wait; "
                "move what waits to handle_continue"
            )
        expected = None
        is_class = isinstance(answer, type) and issubclass(answer, (*ANSWERS, Init, Ignore))
        if is_class or isinstance(answer, Reply | NoReply):
            expected = "a state, Init, Stop or Ignore"
        elif isinstance(answer, Init):
            expected = bad_part(answer.then, answer.timeout)
        if expected is not None:
            raise BadReturn(self.server, "init", answer, shorten(args), expected)

    def _take_first_state(self, init: Init[Any]) -> None:
        self.state = init.state
        self.node.emit_state(self.server, init.state, init.then)
        if init.then is not None:
            self._continue_with(init.then, handling.get())
        self.become_ready()
        if init.timeout is not None:
            self._set_idle(init.timeout)

    def handle_return(self, answer: Any, entry: Entry) -> None:
        """Do what the answer of a callback asks for. Raises BadReturn if it is no answer."""
        kind, message, from_, event = entry
        if kind is SYSTEM:
            return
        if not isinstance(answer, ANSWERS) and isinstance(answer, Coroutine):
            if self.async_runner is None:
                self.async_runner = AsyncRunner(self)
            answer = self.async_runner.start(answer, entry)
            if answer is PENDING:
                return
        if self.status is EXITED:
            return
        if kind is TERMINATE:
            self._after_terminate(message, message[0].reason, from_)
            return
        if isinstance(answer, Stop) and (kind is CALL or answer.reply is NOTHING):
            self.terminate(answer, entry)
            return
        if isinstance(answer, NoReply) or (isinstance(answer, Reply) and kind is CALL):
            expected = bad_part(answer.then, answer.timeout)
        else:
            expected = "Reply, NoReply or Stop" if kind is CALL else "NoReply or Stop"
            if isinstance(answer, Stop):
                expected += " without a reply"
        if expected is not None:
            callback = f"handle_{INFO if kind is ITEM else kind}"
            raise BadReturn(self.server, callback, answer, shorten(message), expected)
        self.state = answer.state
        self.node.emit_state(self.server, answer.state, answer.then)
        if isinstance(answer, Reply):
            answer_call(from_, answer.value)
        elif from_ is not None and event is not None and from_._status is WAITING:
            self.node.emit("noreply", self.server, None, None, from_)
        if answer.then is not None:
            self._continue_with(answer.then, event)
        if self.status is BUSY:  # an async callback has returned
            self.become_ready()
        if answer.timeout is not None:
            self._set_idle(answer.timeout)

    def _continue_with(self, then: Continue, event: Any) -> None:
        self.mailbox.appendleft((CONTINUE, then.continuation, None, event))

    # --- the idle timeout

    def _set_idle(self, timeout: float) -> None:
        """Send `Timeout()` in so many seconds, if no message has come by then."""
        if self.idle is not None:
            self.idle.cancel()
        self.idle_timeout = timeout
        self.idle = self.node.loop.call_later(timeout, self._send_timeout, context=self.context)

    def _send_timeout(self) -> None:
        if self.status is READY and not self.mailbox and self.idle_timeout is not None:
            self.idle = self.idle_timeout = None
            self.post(INFO, Timeout())


class NotStarted(Process):
    """Stands for the process of a server that was never started: it behaves as if it had exited."""

    __slots__ = ()

    def __init__(self) -> None:
        self.status = EXITED
        self.reason = "noproc"
        self.ended_at = None
        self.name = None
        self.id = 0
        self.mailbox_limit = None

    def post(
        self, kind: str, message: Any, from_: From[Any] | None = None, ended: Any = None
    ) -> None:
        """Drop the message."""


NOT_STARTED: Final = NotStarted()
