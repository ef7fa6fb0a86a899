"""How a node ends its processes: in an order, side by side, within one grace time.

What depends on others stops before them, so that it can still use them: a server before those that
it has started, that it was given when it started, or that it monitors. Those that do not depend on
each other stop side by side; they are told in turn, the newest first.

Nothing that hangs can hold this up. After half of the grace time, all that still run are told to
stop, whatever they depend on. Shortly before its end, what still runs is killed. The rest of the
time is for the tasks and sources that the processes own, to leave their `async with` blocks.
"""

import asyncio
from collections.abc import Iterable, Iterator
from typing import Any, Final, Protocol

GRACE_SECONDS: Final = 5.0  # for all processes of a node together, and for what they own
SECONDS_IN_ORDER: Final = 2.5  # of it: until then, a process that hangs keeps others waiting
SECONDS_TO_STOP: Final = 4.0  # of it: then what still runs is killed


class _Closable(Protocol):
    """What closing needs to know of a process."""

    starter: Any  # the process that has started it, or None

    @property
    def alive(self) -> bool: ...
    def uses(self) -> Iterable[Any]: ...
    def shut_down(self) -> None: ...
    def exit(self, reason: Any) -> None: ...


class Closing:
    """Stops these processes, of which the oldest comes first. The node tells it who has exited."""

    def __init__(self, processes: Iterable[_Closable]) -> None:
        self._left = dict.fromkeys(reversed(list(processes)))  # the newest first
        self._used = order(self._left)
        self._users = dict.fromkeys(self._left, 0)  # how many that use it are left
        for used in self._used.values():
            for process in used:
                self._users[process] += 1
        self._told: set[_Closable] = set()
        self._gone: list[_Closable] = []  # that have exited since the last look
        self._changed = asyncio.Event()

    def exited(self, process: _Closable) -> None:
        """Take note that a process has exited."""
        if process in self._left:
            del self._left[process]
            self._gone.append(process)
            self._changed.set()

    async def run(self, deadline: float) -> None:
        """Stop them all; the grace time ends at `deadline`, on the clock of the loop."""
        begin = deadline - GRACE_SECONDS
        await self._wait_until(begin + SECONDS_IN_ORDER, [p for p in self._left if self._free(p)])
        await self._wait_until(begin + SECONDS_TO_STOP, list(self._left))
        for process in list(self._left):
            process.exit("killed")

    def _free(self, process: _Closable) -> bool:
        return not self._users[process]

    async def _wait_until(self, when: float, stopping: list[_Closable]) -> None:
        """Stop these, and then those that nothing uses any more, until they are gone or `when`."""
        try:
            async with asyncio.timeout_at(when):
                while self._left or self._gone:
                    for process in stopping:
                        if process.alive and process not in self._told:
                            self._told.add(process)
                            process.shut_down()
                    await self._changed.wait()
                    stopping = self._take_gone()
        except TimeoutError:
            pass

    def _take_gone(self) -> list[_Closable]:
        """Return what is free to stop now, since others have exited."""
        free = []
        while self._gone:
            for process in self._used[self._gone.pop()]:
                self._users[process] -= 1
                if self._free(process):
                    free.append(process)
        self._changed.clear()
        return free


def order(processes: dict[_Closable, None]) -> dict[_Closable, list[_Closable]]:
    """Return for each process those that must not stop before it. There is no circle among them.

    Where processes use each other, the one that was found first goes first: a server that has
    started another goes before it, otherwise the newer one.
    """
    used: dict[_Closable, list[_Closable]] = {process: [] for process in processes}
    for process in processes:
        if process.starter in used:
            used[process.starter].append(process)
    for process, others in used.items():
        others.extend(other for other in process.uses() if other is not process.starter)
    kept: dict[_Closable, list[_Closable]] = {}
    rest: dict[_Closable, Iterator[_Closable]] = {}
    done: set[_Closable] = set()
    for root in processes:
        path = [root]
        while path:  # by hand: a long chain would overflow the stack
            process = path[-1]
            if process not in kept:
                kept[process] = []
                rest[process] = iter(used[process])
            other = next(rest[process], None)
            if other is None:
                done.add(path.pop())
            elif other in used and (other in done or other not in kept):  # else it is on the path
                kept[process].append(other)
                if other not in done:
                    path.append(other)
    return kept
