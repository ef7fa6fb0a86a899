"""What type checkers see of a server: the arguments of `init`, the requests of `handle_call`.

Only type checkers import this. A server is a `Takes1` if its `init` can be called with one
argument, and so on. So `start`, `call` and `cast` learn from the server what they may be given.

`S` is the class of the server. Python cannot say "this class, if it has such an `init`", but it can
say "whatever has such an `init`, and is an `S` when it is copied": a server is its own copy.
"""

from typing import Any, Protocol, TypedDict, TypeVar

A_contra = TypeVar("A_contra", contravariant=True)
B_contra = TypeVar("B_contra", contravariant=True)
C_contra = TypeVar("C_contra", contravariant=True)
D_contra = TypeVar("D_contra", contravariant=True)
Q_contra = TypeVar("Q_contra", contravariant=True)
Q_co = TypeVar("Q_co", covariant=True)
R_co = TypeVar("R_co", covariant=True)
S_co = TypeVar("S_co", covariant=True)


class Options(TypedDict, total=False):
    """What `start` takes by name. None of it is for `init`."""

    name: Any
    timeout: float | None
    mailbox_limit: int | None


class Own(Protocol[S_co]):
    """A server, whose class is `S_co`: its copy is the server itself."""

    def __copy__(self) -> S_co: ...


class Takes0(Own[S_co], Protocol[S_co]):
    """A server that can be started without arguments."""

    def init(self) -> Any: ...


class Takes1(Own[S_co], Protocol[S_co, A_contra]):
    """A server that can be started with one argument."""

    def init(self, a: A_contra, /) -> Any: ...


class Takes2(Own[S_co], Protocol[S_co, A_contra, B_contra]):
    """A server that can be started with two arguments."""

    def init(self, a: A_contra, b: B_contra, /) -> Any: ...


class Takes3(Own[S_co], Protocol[S_co, A_contra, B_contra, C_contra]):
    """A server that can be started with three arguments."""

    def init(self, a: A_contra, b: B_contra, c: C_contra, /) -> Any: ...


class Takes4(Own[S_co], Protocol[S_co, A_contra, B_contra, C_contra, D_contra]):
    """A server that can be started with four arguments."""

    def init(self, a: A_contra, b: B_contra, c: C_contra, d: D_contra, /) -> Any: ...


class Calls(Protocol[Q_contra]):
    """A server whose `handle_call` takes requests of this type."""

    def handle_call(self, request: Q_contra, from_: Any, state: Any, /) -> Any: ...


class Casts(Protocol[Q_contra]):
    """A server whose `handle_cast` takes requests of this type."""

    _process: Any  # which `cast` uses

    def handle_cast(self, request: Q_contra, state: Any, /) -> Any: ...


class Asks(Protocol[Q_co, R_co]):
    """A `Request[R]`, whose class is `Q`."""

    def _asks(self) -> tuple[Q_co, R_co]: ...
