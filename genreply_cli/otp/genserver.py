"""GenServer: start a server, call it, send to it, stop it.

How it works. An instance is a pid: `Coordinator.start_link()` makes one and runs its `init`. From
then on the runtime hands it one message at a time. Its callbacks (`callbacks`) get the state and
return the next one. The runtime keeps the state, and it cannot be reached through the instance.

A `call` puts the request and a `From` into the mailbox of the server, and waits. What `handle_call`
returns decides how long: `Reply` answers at once; with `NoReply`, the server goes on with its next
message, and the caller waits until some callback or process calls `reply(from_, value)`. It waits
no longer than its timeout, and not at all if the server ends. A reply that comes after that is
dropped. The server is not told that a caller has gone, unless it asks for that: `monitor(from_)`.

Only `call`, `stop`, `receive` and `wait` wait. All else returns at once, and sending to a server
that has ended is no error. Mailboxes have no limit, unless `start` is given one.
"""

import asyncio
from threading import get_ident
from typing import TYPE_CHECKING, Any, Self, TypeVar, Unpack, overload

from genreply_cli.otp.answers import Ignore, OtherRequest, Raise, Stop
from genreply_cli.otp.callbacks import Callbacks
from genreply_cli.otp.calls import (
    CANCELLED,
    FAILED,
    REPLIED,
    TIMED_OUT,
    WAITING,
    From,
    Pending,
    Raised,
    answer_call,
    fail_call,
    reply_future,
)
from genreply_cli.otp.exits import (
    CallingSelf,
    CallTimeout,
    Exit,
    NoProcess,
    ServerExit,
    StopTimeout,
    copy_error,
    is_normal,
    shorten,
)
from genreply_cli.otp.node import current_node, failed
from genreply_cli.otp.process import NOT_STARTED, Process
from genreply_cli.otp.status import (
    BUSY,
    CALL,
    CAST,
    EXITED,
    INFO,
    NO_ENTRY,
    READY,
    SYSTEM,
    check_limit,
    check_timeout,
    running,
)

if TYPE_CHECKING:
    from genreply_cli.otp.signatures import (
        Asks,
        Calls,
        Casts,
        Options,
        Takes0,
        Takes1,
        Takes2,
        Takes3,
        Takes4,
    )

A = TypeVar("A")
B = TypeVar("B")
C = TypeVar("C")
D = TypeVar("D")
G = TypeVar("G")
Q = TypeVar("Q")
S = TypeVar("S")
T = TypeVar("T")


class GenServer(Callbacks[S]):
    """A server with a state of type `S`: subclass it, and override the callbacks.

    What is inherited from `Callbacks` is what a server does; the methods here are for its users. An
    instance is a pid: it may be sent in messages, compared, and used as a key.
    """

    _process: Process = NOT_STARTED
    _answers_later = False

    @overload
    @classmethod
    def start(cls: "type[Takes0[G]]", **options: "Unpack[Options]") -> G: ...
    @overload
    @classmethod
    def start(cls: "type[Takes1[G, A]]", a: A, /, **options: "Unpack[Options]") -> G: ...
    @overload
    @classmethod
    def start(cls: "type[Takes2[G, A, B]]", a: A, b: B, /, **options: "Unpack[Options]") -> G: ...
    @overload
    @classmethod
    def start(
        cls: "type[Takes3[G, A, B, C]]", a: A, b: B, c: C, /, **options: "Unpack[Options]"
    ) -> G: ...
    @overload
    @classmethod
    def start(
        cls: "type[Takes4[G, A, B, C, D]]", a: A, b: B, c: C, d: D, /, **options: "Unpack[Options]"
    ) -> G: ...
    @overload
    @classmethod
    def start(
        cls, a: Any, b: Any, c: Any, d: Any, e: Any, /, *args: Any, **options: "Unpack[Options]"
    ) -> Self: ...
    @classmethod
    def start(
        cls,
        *args: Any,
        name: Any = None,
        timeout: float | None = None,
        mailbox_limit: int | None = None,
    ) -> Any:
        """Start a server: run `init(*args)` and return the instance, or None if it returns Ignore.

        `name`, any hashable, registers it. Raises the error that `init` raises, `ServerExit` if it
        returns `Stop` or raises `Exit`, `AlreadyStarted` if the name is taken, and RuntimeError if
        no node is running. Raises TimeoutError if `init` took longer than `timeout` seconds,
        whatever came of it: the server is killed, and a starter to which it is linked is unharmed.

        With a `mailbox_limit`, `call`, `cast` and `send` raise `MailboxFull` when so many messages
        wait in the mailbox. What comes by itself is never refused, though it waits there, too: a
        message of `send_after`, `Timeout`, `Down`, `Exited`, `Opened` and `Result`. An `Item` is
        not counted: each source has a limit of its own.
        """
        return cls._start(args, name, timeout, mailbox_limit, None)

    @overload
    @classmethod
    def start_link(cls: "type[Takes0[G]]", **options: "Unpack[Options]") -> G: ...
    @overload
    @classmethod
    def start_link(cls: "type[Takes1[G, A]]", a: A, /, **options: "Unpack[Options]") -> G: ...
    @overload
    @classmethod
    def start_link(
        cls: "type[Takes2[G, A, B]]", a: A, b: B, /, **options: "Unpack[Options]"
    ) -> G: ...
    @overload
    @classmethod
    def start_link(
        cls: "type[Takes3[G, A, B, C]]", a: A, b: B, c: C, /, **options: "Unpack[Options]"
    ) -> G: ...
    @overload
    @classmethod
    def start_link(
        cls: "type[Takes4[G, A, B, C, D]]", a: A, b: B, c: C, d: D, /, **options: "Unpack[Options]"
    ) -> G: ...
    @overload
    @classmethod
    def start_link(
        cls, a: Any, b: Any, c: Any, d: Any, e: Any, /, *args: Any, **options: "Unpack[Options]"
    ) -> Self: ...
    @classmethod
    def start_link(
        cls,
        *args: Any,
        name: Any = None,
        timeout: float | None = None,
        mailbox_limit: int | None = None,
    ) -> Any:
        """`start`, and link the server to the process that starts it.

        When one of the two ends abnormally, so does the other. A plain task is no process: a server
        that it starts has no parent, and does not take the task along.
        """
        return cls._start(args, name, timeout, mailbox_limit, running.get())

    @classmethod
    def _start(
        cls,
        args: tuple[Any, ...],
        name: Any,
        timeout: float | None,
        mailbox_limit: int | None,
        parent: "GenServer[Any] | None",
    ) -> Self:
        node = current_node()
        if timeout is not None:
            check_timeout(timeout)
        if mailbox_limit is not None:
            check_limit(mailbox_limit, "mailbox_limit", ", or None for no limit")
        server = cls()
        process = Process(server, node, name, None if parent is None else parent._process)
        process.mailbox_limit = mailbox_limit
        object.__setattr__(server, "_process", process)  # its class may be a frozen dataclass
        node.register(process)
        node.emit("start", server, None, detail=parent)
        if process.parent is not None:
            process.link(process.parent)
        if isinstance(process.start(args, timeout), Ignore):
            return None  # type: ignore[return-value]  # for the many servers that never do this
        if process.status is EXITED:
            raise ServerExit(server, None, timeout, process.reason, "start")
        return server

    @overload
    async def call(self: "Calls[Q]", request: "Asks[Q, T]", timeout: float | None = 5.0) -> T: ...
    @overload
    async def call(self, request: OtherRequest | None, timeout: float | None = 5.0) -> Any: ...
    async def call(self, request: Any, timeout: float | None = 5.0) -> Any:
        """Send a request, and wait for its reply up to `timeout` seconds (None: for ever).

        Raises `CallTimeout`; `NoProcess` at once if the server has ended; `ServerExit` as soon as
        it ends before it replies, for any reason; `MailboxFull`; `CallingSelf`; and any error that
        the server replies with, by `Raise`. A timeout takes
        nothing back: the server still handles the request, and its reply is dropped.
        """
        if timeout is not None and timeout != 5.0:
            check_timeout(timeout)
        process = self._process
        if process.status is EXITED:
            self._emit_no_process(request, timeout)
            raise failed(NoProcess(self, request, timeout))
        node = process.node
        caller: Any = running.get()
        task = None
        if caller is None:
            caller = task = asyncio.current_task(node.loop)
            if caller is None:
                node.check_thread()
        elif caller is self and process.is_running_here():
            raise CallingSelf(self, request, timeout)
        if process.mailbox_limit is not None:
            process.check_room(self, request, timeout, "call")
        calls = process.open_calls
        from_: From[Any] = From(caller, self, timeout, calls)
        calls[from_] = None
        drains = timeout != 0 and node.may_drain()
        process.post(CALL, request, from_)
        ready = node.ready
        if ready and ready[-1] is not process and process.status is READY and timeout != 0:
            node.stand_back(process)
        if drains:
            node.drain(task or asyncio.current_task(node.loop))
        elif timeout == 0:
            fail_call(from_, TIMED_OUT)
        if from_._status is WAITING:
            try:
                # after the turn, most calls are answered, and need no future
                if not drains and not self._answers_later:
                    await node.wait_for_turn()
                if from_._status is WAITING:
                    await reply_future(from_, timeout)
            except BaseException:  # the caller was cancelled; nothing else happens to the server
                if from_._status is WAITING:
                    fail_call(from_, CANCELLED)
                raise
        if from_._status is REPLIED:
            value = from_._outcome
            if type(value) is Raise:
                raise copy_error(value.error)
            return value
        raise failed(self._failure(request, from_))

    def send_request(
        self, request: Any, timeout: float | None = 5.0, *, caller: Any = None
    ) -> "asyncio.Future[Any]":
        """Make a call and return at once: a future gets the reply, or the error that `call` raises.

        It is Erlang's `gen_server:send_request`. Cancelling the future gives the call up. `caller`
        is who asks, for the observer and in `From.caller`: the running process or task, or any
        object that stands for a caller elsewhere. Raises `MailboxFull`.
        """
        if timeout is not None:
            check_timeout(timeout)
        node = current_node()
        process = self._process
        future: asyncio.Future[Any] = node.loop.create_future()
        if caller is None:
            caller = node.current_actor()
        if process.status is EXITED:
            self._emit_no_process(request, timeout, caller)
            future.set_exception(failed(NoProcess(self, request, timeout), future))
            return future
        if process.mailbox_limit is not None:
            process.check_room(self, request, timeout, "call")
        from_: From[Any] = From(caller, self, timeout, process.open_calls)
        process.open_calls[from_] = None
        reply_future(from_, timeout)  # for its deadline
        from_._future = Pending(
            from_, future, lambda: failed(self._failure(request, from_), future)
        )
        process.post(CALL, request, from_)
        return future

    def _failure(self, request: Any, from_: From[Any]) -> Exception:
        """Return the error for the caller of a call that has ended without a reply."""
        if from_._status is TIMED_OUT:
            error = CallTimeout(self, request, from_.timeout)
            error.told = bool(from_._outcome)
            return error
        if isinstance(from_._outcome, Raised):
            return from_._outcome.error
        return ServerExit(self, request, from_.timeout, from_._outcome)

    def _emit_no_process(self, request: Any, timeout: float | None, caller: Any = None) -> None:
        process = self._process
        if process is not NOT_STARTED:
            node = process.node
            from_: From[Any] = From(caller or node.current_actor(), self, timeout)
            from_._status, from_._outcome = FAILED, "noproc"
            node.emit("call", from_.caller, self, request, from_, timeout)
            node.emit("down", self, from_.caller, "noproc", from_)

    def cast(self: "Casts[Q]", request: Q) -> None:
        """Send a request that gets no reply, from any thread.

        Raises `MailboxFull`. If the server has ended, the request is lost. In another thread than
        the node's, it does not wait for the node, unless the server has a `mailbox_limit`.
        """
        process = self._process
        if process.status is not EXITED and get_ident() != process.node.thread_id:
            process.send_from_outside(GenServer.cast, request)
            return
        if process.mailbox_limit is not None:
            process.check_room(self, request, None, "cast")
        process.post(CAST, request)

    def send(self, message: Any) -> None:
        """Send any message, from any thread; `handle_info` gets it.

        Raises `MailboxFull`. If the server has ended, the message is lost. Other threads than the
        node's: see `cast`.
        """
        process = self._process
        if process.status is not EXITED and get_ident() != process.node.thread_id:
            process.send_from_outside(GenServer.send, message)
            return
        if process.mailbox_limit is not None:
            process.check_room(self, message, None, "send to")
        process.post(INFO, message)

    async def stop(self, reason: Any = "normal", timeout: float | None = None) -> None:
        """Have the server stop for `reason`, and wait until it has.

        It first handles the messages that are in its mailbox. Raises `NoProcess`; `ServerExit` if
        it ended for another reason or before it came to this; `CallingSelf`; and `StopTimeout`
        after `timeout` seconds (None: never), when it still stops later.
        """
        process = self._process
        process.check_can_wait(self, reason, timeout, "stop")
        stopping = False

        def terminate(process: Process) -> None:
            nonlocal stopping
            stopping = True
            process.terminate(Stop(reason, process.state), NO_ENTRY)

        process.post(SYSTEM, terminate)
        ended = process.node.loop.create_future()
        await process.wait_for(ended, timeout, StopTimeout(self, reason, timeout, "stop"))
        if not stopping or (process.reason is not reason and process.reason != reason):
            raise failed(ServerExit(self, reason, timeout, process.reason, "stop"))

    def exit(self, reason: Any) -> None:
        """Send an exit signal: it ends the server without `terminate`, unless it traps exits.

        "kill" ends any server, and its exit reason is "killed". "normal" does nothing to a server
        that does not trap exits, except to the one that sends it to itself. Never raises; a server
        that ends itself leaves its callback at once, by `Exit`.
        """
        process = self._process
        if process.status is EXITED:
            return
        process.node.check_thread()
        sender = running.get()
        to_itself = sender is self and (process.status is not BUSY or process.is_running_here())
        if to_itself and not self.trap_exit and is_normal(reason):
            process.exit_by_signal(process, reason)
        else:
            process.receive_exit_signal(
                None if sender is None else sender._process,
                reason,
                kill=isinstance(reason, str) and reason == "kill",
            )
        if to_itself and process.status is EXITED:
            raise Exit(process.reason)

    def link_changed(self, other: "GenServer[Any]", *, linked: bool) -> None:
        """Take note of a link with another server, or that it was undone. By default, do nothing.

        The runtime calls it. It is for a server that stands for one elsewhere, with which it is
        then linked, too. It is not called when one of the two ends.
        """

    async def wait(self) -> Any:
        """Wait until the server has ended, and return its exit reason.

        This is how a plain task monitors a server. Returns at once if it has ended already.
        """
        process = self._process
        if process.status is not EXITED:
            await process.wait_for(process.node.loop.create_future())
        return process.reason

    @property
    def alive(self) -> bool:
        """Whether it has been started and has not ended."""
        return self._process.alive

    @property
    def name(self) -> Any:
        """The name under which it is registered, or None."""
        return self._process.name

    def __repr__(self) -> str:
        return f"{type(self).__qualname__}<{self._process.id}>"

    def __copy__(self) -> Self:
        return self

    def __deepcopy__(self, memo: dict[int, Any]) -> Self:
        return self

    def __reduce__(self) -> Any:
        raise TypeError(f"{shorten(self)} cannot be pickled: a server lives here; send its name")

    @staticmethod
    def reply(from_: From[T], value: T | Raise) -> None:
        """Reply to a caller that `handle_call` has kept waiting, from any process, at any time.

        Only the first reply arrives. If the caller has gone (a timeout, a cancellation, the end of
        the server), the reply is dropped, and nothing is raised. Raises TypeError if `from_` is no
        From.
        """
        if not isinstance(from_, From):
            raise TypeError(
                f"reply was given {shorten(from_)}; expected the From that handle_call was given"
            )
        answer_call(from_, value)

    @staticmethod
    def fail(from_: From[Any], reason: Any, error: Exception | None = None) -> None:
        """End a call without a reply: `ServerExit` with this reason is raised in its caller.

        With `error`, that is raised instead. It is for a server that stands for another one, and
        passes on that this one has ended. Does nothing if the caller has gone.
        """
        if from_._calls is not None and from_._status is WAITING:
            fail_call(from_, FAILED, reason, error)

    async def receive(self, kind: type[T], timeout: float | None = None) -> T:
        """Inside an `async def` callback: wait for the first message of a type, and return it.

        It is Elixir's `receive` block: the other messages stay in the mailbox, in their order. A
        GenServer should not use it, since it handles no other message until this one comes; it is
        here to show just that. Raises TimeoutError after `timeout` seconds (None: never), and
        RuntimeError outside a callback of this server.
        """
        if timeout is not None:
            check_timeout(timeout)
        process = self._process
        if process is NOT_STARTED or not process.is_running_here():
            raise RuntimeError(
                f"receive takes from the mailbox of {self!r}, "
                "which only its own async callbacks may do"
            )
        try:
            return await process.receive(kind, timeout)  # type: ignore[no-any-return]  # a T
        except TimeoutError:
            raise TimeoutError(f"{self!r} received no {kind.__name__} within {timeout} s") from None
