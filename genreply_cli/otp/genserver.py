"""GenServer: callbacks for those who write a server, and call, cast, send and the rest for those who use one.

How it works. An instance is a pid: `Coordinator.start_link()` makes one, runs its `init`, and from then on the runtime hands it
one message at a time. Its callbacks get the state and answer with the next one; the state is kept by the runtime and cannot be
reached through the instance, so a callback can be called by hand and its answer compared, with nothing running.

A `call` puts the request and a `From` into the server's mailbox and waits. What `handle_call` answers decides how long: `Reply`
answers at once; `NoReply` goes on with the next message, and the caller waits until somebody, in whatever callback or process,
says `reply(from_, value)`. It waits no longer than its timeout, and it is told at once if the server ends. A reply that comes
after that is dropped. The server never learns of a caller that has gone, as on the BEAM.

Only `call`, `stop`, `receive` and `wait` wait. All else returns at once, and sending to the dead is no error.
"""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, ClassVar, Generic, Literal, Self, TypeVar, overload

from genreply_cli.otp.answers import (
    CANCELLED,
    FAILED,
    REPLIED,
    TIMED_OUT,
    WAITING,
    Down,
    From,
    Ignore,
    Init,
    Monitor,
    NoReply,
    OtherRequest,
    Reply,
    Request,
    Stop,
)
from genreply_cli.otp.exits import (
    BadReturn,
    CallError,
    CallingSelf,
    CallTimeout,
    Exit,
    NoProcess,
    ServerExit,
    StopTimeout,
    is_normal,
    shorten,
)
from genreply_cli.otp.node import Node, node_here, one_turn
from genreply_cli.otp.process import (
    BUSY,
    CALL,
    CAST,
    EXITED,
    INFO,
    NO_ENTRY,
    SYSTEM,
    Process,
    Receiving,
    check_timeout,
    handling,
    logger,
    running,
)

S = TypeVar("S")
T = TypeVar("T")

Answer = NoReply[S] | Stop[S]
CallAnswer = Reply[S] | NoReply[S] | Stop[S]


class _Unborn:
    """What stands for the process of an instance that nobody has started: it is as dead as any."""

    status = EXITED
    reason = "noproc"
    name = None
    id = 0

    def post(self, *_: Any) -> None:
        pass


class GenServer(Generic[S]):
    """A server with a state of type `S`. Override the callbacks; each may be `def` or, `init` excepted, `async def`.

    An `async def` callback that waits keeps its own server busy, and nobody else. An exception that leaves a callback ends the
    server: `terminate` gets the state from before the callback, and whoever waits for a reply gets `ServerExit`.
    """

    trap_exit: ClassVar[bool] = (
        False  # True: exit signals arrive as Exited in handle_info, instead of ending the server
    )

    _process: Process = _Unborn()  # type: ignore[assignment]  # until it is started

    # --- callbacks ----------------------------------------------------------------------------------------------------------

    def init(self, *args: Any) -> S | Init[S] | Stop[S] | Ignore:
        """Make the first state. It runs inside `start`; what takes long belongs into `handle_continue`."""
        return args[0] if len(args) == 1 else args  # type: ignore[return-value]  # as `use GenServer` does

    def handle_call(
        self, request: Any, from_: From[Any], state: S
    ) -> CallAnswer[S] | Awaitable[CallAnswer[S]]:
        """A request, whose caller waits: answer Reply, NoReply (and reply later) or Stop."""
        raise RuntimeError(
            f"{self!r} was called with {shorten(request)}, but defines no handle_call"
        )

    def handle_cast(self, request: Any, state: S) -> Answer[S] | Awaitable[Answer[S]]:
        """A request that nobody waits for: answer NoReply or Stop."""
        raise RuntimeError(f"{self!r} was cast {shorten(request)}, but defines no handle_cast")

    def handle_info(self, message: Any, state: S) -> Answer[S] | Awaitable[Answer[S]]:
        """Any other message: from `send` and `send_after`, and Timeout, Down and Exited. The default logs and ignores it."""
        logger.error("%r received unexpected message in handle_info: %s", self, shorten(message))
        return NoReply(state)

    def handle_continue(self, continuation: Any, state: S) -> Answer[S] | Awaitable[Answer[S]]:
        """What an answer put off with `then=Continue(continuation)`; runs before any message."""
        raise RuntimeError(
            f"{self!r} was to continue with {shorten(continuation)}, but defines no handle_continue"
        )

    def terminate(self, reason: Any, state: S) -> object:
        """The server is about to end. Not called when it is killed, by `exit` or by a link, unless it traps exits."""
        return None

    # --- starting -----------------------------------------------------------------------------------------------------------

    @classmethod
    def start(cls, *args: Any, name: Any = None, timeout: float | None = None) -> Self:
        """Start a server: run `init(*args)`, and return the instance (None if `init` answers Ignore).

        `name`, any hashable, registers it. Raises what `init` raises, `ServerExit` if it answers Stop, `AlreadyStarted`, and
        TimeoutError if `init` took longer than `timeout` seconds.
        """
        return cls._start(args, name, timeout, None)

    @classmethod
    def start_link(cls, *args: Any, name: Any = None, timeout: float | None = None) -> Self:
        """`start`, and link it with the process that starts it: when one ends abnormally, so does the other.

        A plain task is no process: what it starts has no parent, and does not take the task along.
        """
        return cls._start(args, name, timeout, running.get())

    @classmethod
    def _start(
        cls,
        args: tuple[Any, ...],
        name: Any,
        timeout: float | None,
        parent: "GenServer[Any] | None",
    ) -> Self:
        node = node_here()
        if timeout is not None:
            check_timeout(timeout)
        server = cls()
        process = Process(server, node, name, None if parent is None else parent._process)
        server._process = process
        node.enrol(process)
        node.tell("start", server, None, detail=parent)
        if process.parent is not None:
            process.link(process.parent)
        began = node.loop.time()
        try:
            answer = process.context.run(server.init, *args)
            if isinstance(answer, Coroutine):
                answer.close()
                raise TypeError(
                    f"{cls.__qualname__}.init is async, but start does not wait; move what waits to handle_continue"
                )
            if isinstance(answer, Reply | NoReply):
                raise BadReturn(
                    server, "init", answer, shorten(args), "a state, Init, Stop or Ignore"
                )
            if timeout is not None and node.loop.time() - began > timeout:
                raise TimeoutError(f"{server!r} took longer than {timeout:g} s in init")
            if process.status is not EXITED and not isinstance(answer, Stop | Ignore):
                process.started(answer)
        except BaseException as error:
            if not isinstance(error, Exit):
                node.tell("crash", server, None, error)
            process.exit(error.reason if isinstance(error, Exit) else error)
            raise
        if isinstance(answer, Ignore):
            process.exit("normal")
            return None  # type: ignore[return-value]  # typed for the many servers that never answer Ignore
        if isinstance(answer, Stop):
            process.exit(answer.reason)
        if process.status is EXITED:
            raise _because(ServerExit(server, None, timeout, process.reason, "start"))
        return server

    # --- for those who use the server ---------------------------------------------------------------------------------------

    @overload
    async def call(self, request: Request[T], timeout: float | None = 5.0) -> T: ...
    @overload
    async def call(self, request: OtherRequest | None, timeout: float | None = 5.0) -> Any: ...
    async def call(self, request: Any, timeout: float | None = 5.0) -> Any:
        """Send a request and wait for its reply, up to `timeout` seconds (None: for ever).

        Raises `CallTimeout`, `NoProcess` at once if there is no such server, `ServerExit` as soon as the server ends, for any
        reason, and `CallingSelf`. A timeout takes nothing back: the request is handled all the same, and its reply is dropped.
        """
        if timeout is not None and timeout != 5.0:
            check_timeout(timeout)
        process = self._process
        if process.status is EXITED:
            self._tell_of_nobody(request, timeout)
            raise NoProcess(self, request, timeout)
        node = process.node
        caller: Any = running.get()
        if caller is None:
            caller = asyncio.current_task(node.loop)
            if caller is None:
                node.check_thread()
        elif caller is self and asyncio.current_task(node.loop) is process.runner:
            raise CallingSelf(self, request, timeout)
        from_: From[Any] = From(caller, self, timeout)
        process.open[from_] = None
        drains = timeout != 0 and node.may_drain()
        process.post(CALL, request, from_)
        if drains:
            node.drain()
        elif timeout == 0:
            node.give_up(from_, TIMED_OUT, timeout)
        if from_._status is WAITING:
            try:
                if not drains:  # in the next turn of the loop, most calls are answered: a future would be for nothing
                    await one_turn()
                if from_._status is WAITING:
                    await node.wait_for(from_, timeout)
            except BaseException:  # the caller was cancelled; nothing else happens to the server
                if from_._status is WAITING:
                    node.give_up(from_, CANCELLED, None)
                raise
        if from_._status is REPLIED:
            return from_._outcome
        if from_._status is TIMED_OUT:
            raise CallTimeout(self, request, timeout)
        raise _because(ServerExit(self, request, timeout, from_._outcome))

    def _tell_of_nobody(self, request: Any, timeout: float | None) -> None:
        if self._process.id:
            node = self._process.node
            from_: From[Any] = From(node.who(), self, timeout)
            from_._status, from_._outcome = FAILED, "noproc"
            node.tell("call", from_.caller, self, request, from_, timeout)
            node.tell("down", self, from_.caller, "noproc", from_)

    async def _ask_system(
        self, function: Callable[[Process], T], timeout: float | None, doing: str
    ) -> T:
        """Have the process run a function between two messages. Nobody is told: looking on is no message of the program."""
        if timeout is not None:
            check_timeout(timeout)
        process = self._process
        if process.status is EXITED:
            raise NoProcess(self, None, timeout, doing)
        if running.get() is self and asyncio.current_task() is process.runner:
            raise CallingSelf(self, None, timeout, doing)
        outcome: asyncio.Future[T] = process.node.loop.create_future()

        def answer(process: Process) -> None:
            try:
                result = function(process)
            except Exception as error:
                if not outcome.done():
                    outcome.set_exception(error)
            else:
                if not outcome.done():
                    outcome.set_result(result)

        def ended(reason: Any) -> None:
            if not outcome.done():
                outcome.set_exception(_because(ServerExit(self, None, timeout, reason, doing)))

        process.post(SYSTEM, answer)
        process.waiters[ended] = None
        try:
            async with asyncio.timeout(timeout) as limit:
                return await outcome
        except TimeoutError:
            if limit.expired():
                raise CallTimeout(self, None, timeout, doing) from None
            raise
        finally:
            process.waiters.pop(ended, None)
            if outcome.done() and not outcome.cancelled():
                outcome.exception()  # seen, even if whoever asked was killed in the same moment; asyncio would complain

    def cast(self, request: Any) -> None:
        """Send a request that nobody waits for. Never raises: to a dead server, it is lost."""
        self._process.post(CAST, request)

    def send(self, message: Any) -> None:
        """Send any message; it arrives in `handle_info`. Never raises: to a dead server, it is lost."""
        self._process.post(INFO, message)

    async def stop(self, reason: Any = "normal", timeout: float | None = None) -> None:
        """Have the server stop for `reason`, after the messages that are in its mailbox, and wait until it has.

        Raises `NoProcess`, `ServerExit` if it ended for another reason or before it came to this, `CallingSelf`, and
        `StopTimeout` after `timeout` seconds (None: never); the server stops all the same.
        """
        if timeout is not None:
            check_timeout(timeout)
        process = self._process
        if process.status is EXITED:
            raise NoProcess(self, reason, timeout, "stop")
        if running.get() is self and asyncio.current_task() is process.runner:
            raise CallingSelf(self, reason, timeout, "stop")
        came_to_it = False

        def end(process: Process) -> None:
            nonlocal came_to_it
            came_to_it = True
            process.finish(Stop(reason, process.state), NO_ENTRY)

        process.post(SYSTEM, end)
        try:
            async with asyncio.timeout(timeout) as limit:
                ended = await self.wait()
        except TimeoutError:
            if limit.expired():
                raise StopTimeout(self, reason, timeout, "stop") from None
            raise
        if not came_to_it or (ended is not reason and ended != reason):
            raise _because(ServerExit(self, reason, timeout, ended, "stop"))

    def exit(self, reason: Any) -> None:
        """Send an exit signal. "kill" ends any server, as "killed"; others end it without `terminate`, unless it traps exits.

        "normal" does nothing to a server that does not trap, except to the one that says it to itself.
        """
        process = self._process
        if process.status is EXITED:
            return
        process.node.check_thread()
        sender = running.get()
        to_itself = sender is self and (
            process.status is not BUSY or asyncio.current_task() is process.runner
        )
        if to_itself and not self.trap_exit and is_normal(reason):
            process.die(process, reason)
        else:
            process.signal(
                None if sender is None else sender._process,
                reason,
                kill=isinstance(reason, str) and reason == "kill",
            )
        if to_itself and process.status is EXITED:
            raise Exit(process.reason)  # it does not come back from killing itself

    async def wait(self) -> Any:
        """Wait until the server has ended, and return its exit reason: how a plain task monitors it."""
        process = self._process
        if process.status is not EXITED:
            ended = process.node.loop.create_future()

            def hear(reason: Any) -> None:
                if not ended.done():
                    ended.set_result(reason)

            process.waiters[hear] = None
            try:
                await ended
            finally:
                process.waiters.pop(hear, None)
        return process.reason

    @property
    def alive(self) -> bool:
        """Whether it is running."""
        return self._process.status is not EXITED

    @property
    def name(self) -> Any:
        """The name under which it is registered, or None."""
        return self._process.name

    def __repr__(self) -> str:
        return f"{type(self).__qualname__}<{self._process.id}>"

    # --- for the server itself ----------------------------------------------------------------------------------------------

    @staticmethod
    def reply(from_: From[T], value: T) -> None:
        """Answer a caller that `handle_call` kept waiting. Any process may, at any time; only the first answer arrives.

        If the caller has gone (timeout, cancellation, or its server has ended), the reply is dropped. Never raises for that.
        """
        if not isinstance(from_, From):
            raise TypeError(
                f"reply was given {shorten(from_)}; expected the From that handle_call was given"
            )
        from_.server._process.node.reply(from_, value)

    async def receive(self, kind: type[T], timeout: float | None = None) -> T:
        """Inside an `async def` callback: wait for the first message of a type, as Elixir's `receive` block does.

        The other messages stay in the mailbox, in their order. A GenServer should not use it: until the message comes it is
        deaf to everybody else. It is here to show just that. Raises TimeoutError after `timeout` seconds (None: never).
        """
        if timeout is not None:
            check_timeout(timeout)
        process = self._process
        if running.get() is not self or asyncio.current_task() is not process.runner:
            raise RuntimeError(
                f"receive takes from the mailbox of {self!r}, which only its own async callbacks may do"
            )
        receiving = process.receiving = Receiving(kind, process.node.loop.create_future())
        process.scheduled = process.queued
        try:
            receiving.look(process.mailbox)
            async with asyncio.timeout(timeout):
                message, event = await receiving.future
        except TimeoutError:
            raise TimeoutError(f"{self!r} received no {kind.__name__} within {timeout} s") from None
        finally:
            process.receiving = None
            process.queued, process.scheduled = process.scheduled, True
        handling.set(event)
        return message  # type: ignore[no-any-return]  # it is of the type that was asked for


# --- the same, for processes and names -------------------------------------------------------------------------------------


def whereis(name: Any) -> GenServer[Any] | None:
    """The running server of that name, or None."""
    try:
        process = node_here().names.get(name)
    except TypeError:
        raise TypeError(
            f"{shorten(name)} is no server; expected a GenServer that was started, or a registered name"
        ) from None
    return None if process is None else process.server


async def call(server: Any, request: Any, timeout: float | None = 5.0) -> Any:
    """`server.call(request, timeout)`, where `server` may be a registered name; errors repeat it as it was given."""
    if timeout is not None:
        check_timeout(timeout)
    found = _find(server)
    if found is None:
        raise NoProcess(server, request, timeout)
    try:
        return await found.call(request, timeout)
    except CallError as error:
        if error.server is found:
            error.server = server
        raise


def cast(server: Any, request: Any) -> None:
    """`server.cast(request)`, where `server` may be a registered name. Sent to nobody, it is lost."""
    found = _find(server)
    if found is None:
        _lose("cast", server, request)
    else:
        found.cast(request)


def send(server: Any, message: Any) -> None:
    """`server.send(message)`, where `server` may be a registered name. Sent to nobody, it is lost."""
    found = _find(server)
    if found is None:
        _lose("info", server, message)
    else:
        found.send(message)


class Timer:
    """A message that is to be sent later."""

    def __init__(self, node: Node, server: Any, handle: asyncio.TimerHandle) -> None:
        self._node = node
        self._server = server
        self._handle: asyncio.TimerHandle | None = handle

    def cancel(self) -> float | Literal[False]:
        """Do not send it. Returns the seconds left, or False if it was sent or cancelled before, or the server has ended."""
        handle, self._handle = self._handle, None
        if handle is None:
            return False
        self._node.drop_timer(handle)
        if isinstance(self._server, GenServer) and not self._server.alive:
            return False
        return max(0.0, handle.when() - self._node.loop.time())


def send_after(server: Any, delay: float, message: Any) -> Timer:
    """`send(server, message)` in `delay` seconds; a name is looked up then."""
    check_timeout(delay)
    node = node_here()

    def fire() -> None:
        timer._handle = None
        send(server, message)

    timer = Timer(node, server, node.after(delay, fire))
    return timer


def reply(from_: From[T], value: T) -> None:
    """`GenServer.reply`."""
    GenServer.reply(from_, value)


async def stop(server: Any, reason: Any = "normal", timeout: float | None = None) -> None:
    """`server.stop(reason, timeout)`, where `server` may be a registered name."""
    found = _find(server)
    if found is None:
        raise NoProcess(server, reason, timeout, "stop")
    try:
        await found.stop(reason, timeout)
    except CallError as error:
        if error.server is found:
            error.server = server
        raise


def exit(server: Any, reason: Any) -> None:
    """`server.exit(reason)`, where `server` may be a registered name."""
    found = _find(server)
    if found is not None:
        found.exit(reason)


def link(server: Any) -> None:
    """Link the running process with another: when one ends abnormally, so does the other, unless it traps exits."""
    process = _running("link")
    found = _find(server)
    if found is not None and found.alive:
        process.link(found._process)
    elif found is not None and found._process.id and process.server.trap_exit:
        process.signal(found._process, "noproc")
    else:
        raise NoProcess(server, None, None, "link with")


def unlink(server: Any) -> None:
    """Nothing passes between the running process and the other any more. An Exited that has come already stays."""
    process = _running("unlink")
    found = _find(server)
    if found is not None and found.alive:
        process.unlink(found._process)


def monitor(server: Any) -> Monitor:
    """Have the running process sent one `Down` when the other ends, for any reason; the other notices nothing."""
    watcher = _running("monitor", " A plain task uses `await server.wait()`.")
    found = _find(server)
    if found is not None and not found._process.id:
        raise NoProcess(server, None, None, "monitor")
    ref = Monitor(server if found is None else found, watcher.server)
    if found is None or not found.alive:
        watcher.hear_down(ref, "noproc")
    elif found is not watcher.server:  # nobody hears of its own end
        found._process.monitors[ref] = watcher.monitored[ref] = None
    return ref


def demonitor(ref: Monitor, flush: bool = False) -> None:
    """Send no `Down` for this monitor; with `flush`, take one that has come already out of the mailbox.

    Monitors of other processes are left alone.
    """
    if not isinstance(ref, Monitor):
        raise TypeError(f"demonitor was given {shorten(ref)}; expected what monitor returned")
    caller = running.get()
    if caller is not None and caller is not ref.watcher:
        return
    watcher = ref.watcher._process
    if ref in watcher.monitored:
        del watcher.monitored[ref]
        del ref.process._process.monitors[ref]
    if flush:
        kept = [
            entry
            for entry in watcher.mailbox
            if not (isinstance(entry[1], Down) and entry[1].ref is ref)
        ]
        if len(kept) != len(watcher.mailbox):
            watcher.mailbox.clear()
            watcher.mailbox.extend(kept)


def note(message: Any) -> None:
    """Tell the observer something of your own, as `:seq_trace.print` does; it belongs to the call that is being handled."""
    node = node_here()
    node.tell("note", node.who(), None, message)


def _find(server: Any) -> GenServer[Any] | None:
    return server if isinstance(server, GenServer) else whereis(server)


def _running(what: str, hint: str = "") -> Process:
    server = running.get()
    if server is None:
        raise RuntimeError(f"{what} is for processes, and this is a plain task.{hint}")
    return server._process


def _lose(kind: str, server: Any, message: Any) -> None:
    node = node_here()
    node.tell("lost", node.who(), server, message, detail=kind)


def _because(error: ServerExit) -> ServerExit:
    error.__cause__ = error.reason if isinstance(error.reason, BaseException) else None
    return error
