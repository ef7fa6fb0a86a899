"""The ways in which a process ends and a call fails.

    BaseException
     └─ Exit                     raised in a callback: end this server, for this reason
    Exception
     ├─ CallError                a call, or a stop, did not end well: .server, .request, .timeout
     │   ├─ CallTimeout          (also a TimeoutError) no reply in time; the request stays with the server
     │   ├─ NoProcess            (also a LookupError) there is no such server; nothing was sent
     │   ├─ ServerExit           the server ended before it replied: .reason
     │   ├─ CallingSelf          a server asked itself, which would wait for ever
     │   └─ StopTimeout          (also a TimeoutError) the server did not stop in time; it still will
     ├─ AlreadyStarted           the name is taken, by .process
     └─ BadReturn                (also a TypeError) a callback answered something else than it may

On the BEAM all but the last two are exits of the caller: `exit({:timeout, {GenServer, :call, …}})` and so on.
"""

from typing import Any


class Exit(BaseException):  # the field's own name
    """Raise it in a callback to end the server for `reason`, as `exit(reason)` does in Elixir. `terminate` still runs."""

    def __init__(self, reason: Any = "normal") -> None:
        super().__init__(reason)
        self.reason = reason


class CallError(Exception):
    """A call failed. `server` is as the caller gave it, `request` and `timeout` (seconds, or None for ever) too."""

    why = "failed"

    def __init__(
        self, server: Any, request: Any, timeout: float | None, doing: str = "call"
    ) -> None:
        super().__init__(server, request, timeout)
        self.server = server
        self.request = request
        self.timeout = timeout
        self._doing = doing

    def __str__(self) -> str:
        request = f" with {shorten(self.request)}" if self.request is not None else ""
        limit = "no timeout" if self.timeout is None else f"timeout {self.timeout:g} s"
        return f"{self._doing} {shorten(self.server)}{request}, {limit}: {self.why}"


class CallTimeout(CallError, TimeoutError):
    """No reply came within the timeout. The server is not told; it still handles the request, and a late reply is dropped."""

    @property
    def why(self) -> str:  # type: ignore[override]
        return f"no reply within {self.timeout:g} s; the server keeps the request, and a late reply will be dropped"


class NoProcess(CallError, LookupError):
    """No such server is running: it has ended, was never started, or nobody has that name. Raised at once."""

    why = "no process is running there"


class ServerExit(CallError):
    """The server ended before it replied, for whatever `reason`, "normal" too; an exception is the `__cause__` as well."""

    def __init__(
        self, server: Any, request: Any, timeout: float | None, reason: Any, doing: str = "call"
    ) -> None:
        super().__init__(server, request, timeout, doing)
        self.reason = reason

    @property
    def why(self) -> str:  # type: ignore[override]
        return f"the server exited before it replied, reason {shorten(self.reason)}"


class CallingSelf(CallError):
    """A server called, or stopped, itself: it would wait for a reply that only it could give."""

    why = "a server cannot wait for itself; use cast, send or Continue"


class StopTimeout(CallError, TimeoutError):
    """The server did not stop in time. It is not killed: it stops when it comes to it."""

    @property
    def why(self) -> str:  # type: ignore[override]
        return f"it did not stop within {self.timeout:g} s; it will, when it comes to it"


class AlreadyStarted(Exception):  # the field's own name
    """The name is taken: `process` runs under it. `init` was not run."""

    def __init__(self, process: Any, name: Any) -> None:
        super().__init__(process, name)
        self.process = process
        self.name = name

    def __str__(self) -> str:
        return f"the name {self.name!r} is taken by {self.process!r}"


class BadReturn(TypeError):  # the field's own name
    """A callback answered something else than it may; `answer` is what it answered."""

    def __init__(self, server: Any, callback: str, answer: Any, about: str, expected: str) -> None:
        super().__init__(
            f"{server!r} answered {shorten(answer)} to {about} in {callback}; expected {expected}"
        )
        self.answer = answer


def shorten(value: Any, limit: int = 200) -> str:
    """The `repr` of a value, of at most `limit` characters, whatever that `repr` does."""
    try:
        text = repr(value)
    except Exception as error:  # a user's __repr__ must not hide the failure that we are telling
        text = f"<{type(value).__name__} whose repr raised {type(error).__name__}>"
    return text if len(text) <= limit else text[: limit - 1] + "…"


def is_quiet(reason: Any) -> bool:
    """Whether a reason is an ordinary end ("normal", "shutdown", ("shutdown", x)), of which no crash report is made."""
    return is_normal(reason) or (isinstance(reason, str) and reason == "shutdown") or (
        isinstance(reason, tuple) and len(reason) == 2 and isinstance(reason[0], str) and reason[0] == "shutdown"
    )  # fmt: skip


def is_normal(reason: Any) -> bool:
    """Whether links ignore this reason."""
    return isinstance(reason, str) and reason == "normal"
