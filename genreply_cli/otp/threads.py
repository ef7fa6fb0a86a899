"""A node and the threads beside its own: a node in a thread, and functions that run in it.

An asyncio program needs none of this. `Node` inherits `Threads`.
"""

import asyncio
import inspect
import threading
from collections.abc import Awaitable, Callable
from contextlib import AbstractContextManager, suppress
from threading import get_ident
from typing import TYPE_CHECKING, Any, Generic, ParamSpec, Self, TypeVar, overload

P = ParamSpec("P")
T = TypeVar("T")


class Threads:
    """What a node does for other threads."""

    __slots__ = ()

    loop: asyncio.AbstractEventLoop
    thread_id: int  # 0 if the node is not open

    if TYPE_CHECKING:

        def __init__(self, observe: Callable[[Any], object] | None = None) -> None: ...
        async def __aenter__(self) -> Self: ...
        async def __aexit__(self, *_: object) -> None: ...

    @classmethod
    def in_thread(cls, observe: Callable[[Any], object] | None = None) -> "NodeThread[Self]":
        """Open a node in a thread of its own: `with Node.in_thread() as node: node.run(…)`.

        Leaving the block closes the node and waits for the thread. Raises what keeps the thread
        from opening the node: OSError, if no file descriptor is left for an event loop.
        """
        return NodeThread(cls(observe))

    @overload
    def run(self, function: Callable[P, Awaitable[T]], *args: P.args, **kwargs: P.kwargs) -> T: ...
    @overload
    def run(self, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T: ...
    def run(self, function: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        """Call a function, async or not, in the node's thread, and block this thread until it ends.

        Returns what it returns and raises what it raises: `node.run(coordinator.greet, "Hello")` is
        an ordinary function call that waits for a deferred reply. What it returns is awaited, if
        that can be awaited. Ctrl-C cancels it there. Raises RuntimeError in the node's own thread,
        which would wait for itself, and on a closed node.
        """
        if asyncio.iscoroutine(function):
            function.close()
            raise TypeError(
                f"node.run was given the coroutine {function.__qualname__}(…); "
                "expected a function and its arguments, as in node.run(coordinator.greet, 'Hello')"
            )
        if not self.thread_id:
            raise RuntimeError(
                "this node is not running; use it inside `with Node.in_thread() as node:`"
            )
        if get_ident() == self.thread_id:
            raise RuntimeError(
                "node.run() blocks, and this is the thread that would have to do the work; "
                "await it instead"
            )

        finished = threading.Lock()  # half the cost of a concurrent.futures.Future
        finished.acquire()
        outcome: list[tuple[Any, BaseException | None]] = []
        task: asyncio.Task[None] | None = None
        given_up = False  # by Ctrl-C

        async def do() -> None:
            try:
                result = function(*args, **kwargs)
                outcome.append((await result if inspect.isawaitable(result) else result, None))
            except BaseException as error:
                outcome.append((None, error))
            finally:
                finished.release()

        def begin() -> None:
            nonlocal task
            if not given_up:
                task = self.loop.create_task(do())

        def cancel() -> None:
            if task is not None:
                task.cancel()

        try:
            self.loop.call_soon_threadsafe(begin)
            finished.acquire()
        except BaseException:  # Ctrl-C, at any point
            given_up = True
            with suppress(RuntimeError):  # the node has closed meanwhile
                self.loop.call_soon_threadsafe(cancel)
            raise
        [(value, failure)] = outcome
        if failure is not None:
            raise failure
        return value


N = TypeVar("N", bound=Threads)


class NodeThread(AbstractContextManager[N], Generic[N]):
    """What `Node.in_thread()` returns: `with` opens the node in a thread, and gives it."""

    def __init__(self, node: N) -> None:
        self._node = node
        self._began = threading.Event()  # the node is open, or never will be
        self._failures: list[BaseException] = []

    def __enter__(self) -> N:
        self._leave = asyncio.Event()
        self._thread = threading.Thread(target=self._run_loop, name="genreply node", daemon=True)
        self._thread.start()
        try:
            self._began.wait()
            if self._failures:
                raise self._failures[0]
        except BaseException:
            self._close()
            raise
        return self._node

    def __exit__(self, *_: object) -> None:
        self._close()

    def _close(self) -> None:
        self._began.wait()  # again, if Ctrl-C has ended the first wait
        if not self._failures:
            with suppress(RuntimeError):  # a SystemExit in a callback has closed it
                self._node.loop.call_soon_threadsafe(self._leave.set)
        self._thread.join()

    async def _serve(self) -> None:
        async with self._node:
            self._began.set()
            await self._leave.wait()

    def _run_loop(self) -> None:
        try:
            with asyncio.Runner() as runner:
                runner.run(self._serve())
        except BaseException as error:
            if self._began.is_set():
                raise
            self._failures.append(error)
        finally:
            self._began.set()

    if not TYPE_CHECKING:  # a type checker says it without this

        def __getattr__(self, name: str) -> Any:
            raise AttributeError(
                f"Node.in_thread() has no {name!r}, and is no node yet; "
                "write `with Node.in_thread() as node:`, and use the node in that block"
            )
