"""How a process ends, and how a call fails.

    BaseException
     └─ Exit                raised in a callback: end this server, for this reason
    Exception
     ├─ CallError           a call, or a stop, did not end well: .server, .request, .timeout
     │   ├─ CallTimeout     (also a TimeoutError) no reply in time; .told says if the server knows
     │   ├─ NoProcess       (also a LookupError) there is no such server; nothing was sent
     │   ├─ ServerExit      the server ended before it replied: .reason
     │   ├─ MailboxFull     (also an asyncio.QueueFull) .limit messages wait; nothing was sent
     │   ├─ CallingSelf     a server called itself: it would wait for ever
     │   └─ StopTimeout     (also a TimeoutError) it did not stop in time; it still will
     ├─ AlreadyStarted      the name is taken, by .process
     ├─ ChildError          a supervisor cannot do that with its child .id: .reason
     └─ BadReturn           (also a TypeError) a callback returned something else than it may

On the BEAM all but MailboxFull and the last three are exits of the caller, such as
`exit({:timeout, {GenServer, :call, …}})`.

All of them can be copied and pickled, and so raised in another process of the operating system.
There, a server is its name, or its `repr` if it has none. What pickle cannot bring back is its
`repr`, too.
"""

from asyncio import QueueFull
from typing import Any, Final

NEVER_WAIT: Final = (
    "cast",
    "send to",
    "link with",
    "monitor",
    "where",
)  # operations that have no timeout


class _Portable:
    """An error that copy and pickle keep what it is, with all that is in it."""

    args: tuple[Any, ...]

    def __reduce__(self) -> tuple[Any, ...]:
        args = [_Carried(value) for value in self.args]
        fields = {name: _Carried(value) for name, value in vars(self).items()}
        return _arrive, (type(self), args, fields)


class _Shown(str):
    """The `repr` of what could not be carried along. It is shown without quotes, as it was."""

    __slots__ = ()

    def __repr__(self) -> str:
        return str(self)


class _Carried:
    """A value in an error that is copied or pickled."""

    def __init__(self, value: Any) -> None:
        self.value = value
        if hasattr(type(value), "_process"):  # a GenServer, which stands above this module
            name = value._process.name
            self.value = _Shown(shorten(value)) if name is None else name

    def __deepcopy__(self, memo: dict[int, Any]) -> "_Carried":
        import copy

        try:
            return _Carried(copy.deepcopy(self.value, memo))
        except Exception:
            return self

    def __reduce__(self) -> tuple[Any, ...]:
        import pickle

        try:
            pickled = pickle.dumps(self.value)
            pickle.loads(pickled)  # noqa: S301 - some errors can be pickled, not brought back
        except Exception:
            pickled = pickle.dumps(_Shown(shorten(self.value)))
        return _unpack, (pickled,)


def _unpack(pickled: bytes) -> _Carried:
    import pickle

    return _Carried(pickle.loads(pickled))  # noqa: S301 - as any pickle that is loaded


def _arrive(cls: type[BaseException], args: list[_Carried], fields: dict[str, _Carried]) -> Any:
    error = cls.__new__(cls)
    error.args = tuple(carried.value for carried in args)
    error.__dict__.update((name, carried.value) for name, carried in fields.items())
    if isinstance(error, ServerExit) and isinstance(error.reason, BaseException):
        error.__cause__ = error.reason
    return error


class Exit(_Portable, BaseException):
    """Raise it in a callback to end the server for `reason`, as `exit(reason)` does in Elixir.

    `terminate` still runs.
    """

    def __init__(self, reason: Any = "normal") -> None:
        super().__init__(reason)
        self.reason = reason


class CallError(_Portable, Exception):
    """A call failed. `server` and `request` are those of the caller; `timeout` is in seconds.

    `timeout` is None if there was no limit. `why` says in a few words what went wrong.
    """

    def __init__(
        self, server: Any, request: Any, timeout: float | None, operation: str = "call"
    ) -> None:
        super().__init__(server, request, timeout)
        self.server = server
        self.request = request
        self.timeout = timeout
        self._operation = operation

    @property
    def why(self) -> str:
        """What went wrong, in a few words."""
        return "failed"

    def __str__(self) -> str:
        request = f" with {shorten(self.request)}" if self.request is not None else ""
        limit = ", no timeout" if self.timeout is None else f", timeout {self.timeout:g} s"
        if self._operation in NEVER_WAIT:
            limit = ""
        return f"{self._operation} {shorten(self.server)}{request}{limit}: {self.why}"


class CallTimeout(CallError, TimeoutError):
    """No reply came within the timeout. The server still handles it, and a late reply is dropped.

    `told` is True if the server is told that the caller has gone, for it monitors the call
    (`monitor(from_)`), and otherwise False. It is None if that is not known: the server runs
    elsewhere, or no call of a request has timed out, but one of `debug`.
    """

    told: bool | None = None

    @property
    def why(self) -> str:
        """What went wrong, in a few words."""
        if self._operation != "call":  # of debug
            return f"the server did not come to it within {self.timeout:g} s; it still will"
        known = {True: "the server is told, and ", False: "the server is not told, and ", None: ""}
        return f"no reply within {self.timeout:g} s; {known[self.told]}a late reply is dropped"


class NoProcess(CallError, LookupError):
    """No such server is running: it has ended or was never started, or the name is not registered.

    Raised at once. If the server is known to have ended, `reason` says why, and `ended_ago` how
    many seconds before this; otherwise both are None.
    """

    def __init__(
        self, server: Any, request: Any, timeout: float | None, operation: str = "call"
    ) -> None:
        super().__init__(server, request, timeout, operation)
        self.reason: Any = None
        self.ended_ago: float | None = None
        if hasattr(type(server), "_process"):  # a GenServer, which stands above this module
            process = server._process
            if process.ended_at is not None:
                self.reason = process.reason
                self.ended_ago = process.node.loop.time() - process.ended_at

    @property
    def why(self) -> str:
        """What went wrong, in a few words."""
        text = "no process is running there"
        if self.ended_ago is not None:
            ago = f"{self.ended_ago:.3f} s" if self.ended_ago >= 0.001 else "less than 1 ms"
            text += f"; it ended {ago} ago, reason {shorten(self.reason)}"
        return text


class ServerExit(CallError):
    """The server ended before it replied, for any `reason`, "normal" too.

    A reason that is an exception is the `__cause__` as well.
    """

    def __init__(
        self, server: Any, request: Any, timeout: float | None, reason: Any, operation: str = "call"
    ) -> None:
        super().__init__(server, request, timeout, operation)
        self.reason = reason
        self.__cause__ = reason if isinstance(reason, BaseException) else None

    @property
    def why(self) -> str:
        """What went wrong, in a few words."""
        before = {"call": "it replied", "start": "it had started"}.get(self._operation, "that")
        return f"the server exited before {before}, reason {shorten(self.reason)}"


class MailboxFull(CallError, QueueFull):
    """The server was started with a `mailbox_limit`, and as many messages wait. Nothing was sent.

    Raised at once, by `call`, `cast` and `send`. `limit` is the `mailbox_limit`.
    """

    def __init__(
        self, server: Any, request: Any, timeout: float | None, limit: int, operation: str = "call"
    ) -> None:
        super().__init__(server, request, timeout, operation)
        self.limit = limit

    @property
    def why(self) -> str:
        """What went wrong, in a few words."""
        return f"its mailbox is full, with a limit of {self.limit}; nothing was sent"


class CallingSelf(CallError):
    """A server called, or stopped, itself: it would wait for a reply that only it could give."""

    @property
    def why(self) -> str:
        """What went wrong, in a few words."""
        return "a server cannot wait for itself; use cast, send or Continue"


class StopTimeout(CallError, TimeoutError):
    """The server did not stop in time. It is not killed: it still stops when it comes to it."""

    @property
    def why(self) -> str:
        """What went wrong, in a few words."""
        return f"it did not stop within {self.timeout:g} s; it will, when it comes to it"


class AlreadyStarted(_Portable, Exception):
    """The `name` is taken, by the server `process`. `init` was not run."""

    def __init__(self, process: Any, name: Any) -> None:
        super().__init__(process, name)
        self.process = process
        self.name = name

    def __str__(self) -> str:
        return f"the name {self.name!r} is taken by {self.process!r}"


class ChildError(_Portable, Exception):
    """A supervisor cannot do what it was asked to do with its child `id`.

    `reason` is "already_started", "already_present", "not_found", "running" or "restarting", as in
    Elixir. If the start of the child has failed, it is the exit reason or the exception.
    """

    def __init__(self, child_id: Any, reason: Any) -> None:
        super().__init__(child_id, reason)
        self.id = child_id
        self.reason = reason

    def __str__(self) -> str:
        known = {
            "already_started": "runs already",
            "already_present": "is known already, and does not run; use restart_child",
            "not_found": "is not known to this supervisor",
            "running": "still runs; use terminate_child first",
            "restarting": "is being restarted",
        }
        said = known.get(self.reason) if isinstance(self.reason, str) else None
        return f"the child {self.id!r} {said or f'did not start: {shorten(self.reason)}'}"


class BadReturn(_Portable, TypeError):
    """A callback returned something else than it may. `answer` is what it returned."""

    def __init__(self, server: Any, callback: str, answer: Any, about: str, expected: str) -> None:
        super().__init__(
            f"{server!r} answered {shorten(answer)} to {about} in {callback}; expected {expected}"
        )
        self.answer = answer


def shorten(value: Any, limit: int = 200) -> str:
    """Return the `repr` of a value, at most `limit` characters of it. Never raises."""
    try:
        text = repr(value)
    except Exception as error:  # it must not hide the failure that is being described
        text = f"<{type(value).__name__} whose repr raised {type(error).__name__}>"
    return text if len(text) <= limit else text[: limit - 1] + "…"


def copy_error(error: Exception) -> Exception:
    """Return an error like this one, to be raised anew; the same one if it cannot be copied.

    It has the traceback, the cause, the notes and all other attributes of the first one.
    """
    import copy

    try:
        copied = copy.copy(error)
        if type(copied) is not type(error) or copied is error or copied.args != error.args:
            raise TypeError
    except Exception:  # its class is made in another way than its args say
        try:
            copied = type(error).__new__(type(error), *error.args)
            copied.args = error.args
            copied.__dict__.update(error.__dict__)
        except Exception:
            return error.with_traceback(None)  # tracebacks must not pile up in it
    if hasattr(copied, "__notes__"):
        copied.__notes__ = list(copied.__notes__)
    copied.__cause__ = error.__cause__
    copied.__context__ = error.__context__
    copied.__suppress_context__ = error.__suppress_context__
    return copied.with_traceback(error.__traceback__)


def describe(actor: Any) -> str:
    """Return a server or a task as reports tell of it: a registered server by its name, too."""
    name = getattr(getattr(actor, "_process", None), "name", None)
    return shorten(actor) if name is None else f"{shorten(name)} ({shorten(actor)})"


def is_normal(reason: Any) -> bool:
    """Whether links ignore this reason."""
    return isinstance(reason, str) and reason == "normal"


def is_quiet(reason: Any) -> bool:
    """Whether it is no crash: "normal", "shutdown" or ("shutdown", x). Crashes are logged."""
    if isinstance(reason, tuple) and len(reason) == 2:
        reason = reason[0]
        return isinstance(reason, str) and reason == "shutdown"
    return isinstance(reason, str) and reason in ("normal", "shutdown")
