"""A server as plain functions: for code in other threads, which has no event loop.

    class Greeter(Facade[Coordinator]):
        greet = Blocking(Coordinator.greet)

    with Node.in_thread() as node:
        greeter = Greeter(node.run(Coordinator.start_link))
        print(greeter.greet("Hello"))

Type checkers and editors know the arguments, the result and the docstring of `greeter.greet`: they
are those of `Coordinator.greet`.
"""

import functools
import types
from collections.abc import Awaitable, Callable
from typing import Any, Concatenate, Generic, ParamSpec, Self, TypeVar, overload

from genreply_cli.otp.exits import shorten
from genreply_cli.otp.genserver import GenServer
from genreply_cli.otp.process import NOT_STARTED

G = TypeVar("G", bound=GenServer[Any])
P = ParamSpec("P")
T = TypeVar("T")


class Facade(Generic[G]):
    """A base for classes whose methods are `Blocking`. `server` is the server that they call.

    Raises TypeError for what is no server, and ValueError for one that was never started.
    """

    def __init__(self, server: G) -> None:
        if not isinstance(server, GenServer):
            raise TypeError(f"{type(self).__name__} was given {shorten(server)}; expected a server")
        if server._process is NOT_STARTED:
            raise ValueError(
                f"{type(self).__name__} was given {server!r}, which was never started; "
                f"expected what node.run({type(server).__name__}.start) returns"
            )
        self.server = server


class Blocking(Generic[G, P, T]):
    """An async method of a server as a plain method of its `Facade`, with the same docstring.

    The method runs in the thread of the server's node, and blocks the thread that calls it: see
    `Node.run`, which says what is raised.
    """

    def __init__(self, method: Callable[Concatenate[G, P], Awaitable[T]]) -> None:
        @functools.wraps(method)
        def run(self: Facade[G], /, *args: P.args, **kwargs: P.kwargs) -> T:
            server = self.server
            return server._process.node.run(method, server, *args, **kwargs)

        self._run = run

    @overload
    def __get__(self, facade: None, owner: type[Facade[G]]) -> Self: ...
    @overload
    def __get__(self, facade: Facade[G], owner: type[Facade[G]]) -> Callable[P, T]: ...
    def __get__(self, facade: Facade[G] | None, owner: type[Facade[G]]) -> Any:
        return self._run if facade is None else types.MethodType(self._run, facade)
