"""The player at work, without a screen: its state moves on by the clock and by keys, while the transcript is read on.

    performance = Performance(index, State(), changed)
    performance.press(".")                  # at any time
    await performance.run()                 # until somebody leaves

Only one thing is done at a time, in slices of some milliseconds, so that a key never waits for long.
"""

import asyncio
from bisect import bisect_left
from collections.abc import Callable, Coroutine, Iterator
from dataclasses import replace
from time import perf_counter
from typing import Any, Final

from genreply_cli.player.keys import Search, press
from genreply_cli.player.pacing import play
from genreply_cli.player.state import State, at_end, clamp, visible_steps
from genreply_cli.transcript.index import Index

SLICE: Final = 0.005  # seconds, until others get their turn
SILENT_SECONDS: Final = 0.05  # seconds: what is done within them need not be told
REDRAW_EVERY: Final = 0.1  # seconds between two pictures while it plays and nothing happens


class Playback:
    """`changed` is told whenever there is something new to see."""

    def __init__(
        self, index: Index, state: State, changed: Callable[[], object] = lambda: None
    ) -> None:
        self.index = index
        self.state = state
        self.looking: float | None = None  # how far a hunt has come, from 0 to 1
        self._changed = changed
        self._waited = 0.0  # recorded seconds from the step that is looked at, to:
        self._since = 0.0  # on the clock of the loop
        self._playing: asyncio.Task[None] | None = None
        self._hunting: asyncio.Task[None] | None = None
        self._left = asyncio.Event()
        self._failure: BaseException | None = None

    async def run(self) -> None:
        """Play until somebody leaves."""
        _run_for(self.index.scan(), SILENT_SECONDS)
        tasks = [self._start(self._read_on()), self._start(self._tick())]
        self._since = _now()
        try:
            self._set_state(clamp(self.state, self.index), anew=True)
            await self._left.wait()
        finally:
            for task in (*tasks, self._playing, self._hunting):
                if task is not None:
                    task.cancel()
        if self._failure is not None:
            raise self._failure

    def press(self, key: str, data: str = "") -> None:
        """A key, by the name that prompt_toolkit gives it. What was looked for is looked for no longer."""
        if self._hunting is not None:
            self._hunting.cancel()
        self._hunting = self.looking = None
        state, hunt = press(self.state, self.index, key, data)
        self._set_state(state)
        if hunt is not None and not self._continue_search(hunt, SILENT_SECONDS):
            self._hunting = self._start(self._hunt(hunt))

    @property
    def waited(self) -> float:
        """Recorded seconds since the step that is looked at, as far as it has been played."""
        if not self.state.playing or at_end(self.state, self.index):
            return self._waited
        waited = self._waited + (_now() - self._since) * self.state.speed
        return waited if self.state.idle_limit is None else min(waited, self.state.idle_limit)

    def turned(self, deepest: int) -> None:
        """What is shown over the timeline can be turned so far, and no further."""
        if self.state.scroll > deepest:
            self.state = replace(self.state, scroll=deepest)

    def _set_state(self, state: State, *, anew: bool = False) -> None:
        """From now on it is like this."""
        before, waited = self.state, self.waited
        self.state, self._since = state, _now()
        same_step = (state.number, state.call_filter) == (before.number, before.call_filter)
        self._waited = waited if same_step else 0.0
        if anew or not same_step or (state.playing, state.speed) != (before.playing, before.speed):
            if self._playing is not None:
                self._playing.cancel()
            self._playing = self._start(self._play()) if state.playing else None
        if state.leaving:
            self._left.set()
        self._changed()

    async def _play(self) -> None:
        """From step to step, each when it is due, up to the end."""
        speed, idle_limit, waited = self.state.speed, self.state.idle_limit, self._waited
        while not at_end(self.state, self.index):
            steps = visible_steps(self.state, self.index)
            numbers = steps[bisect_left(steps, self.state.number) :]
            coming = iter(numbers)
            async for _ in play(
                filter(None, map(self.index.step, numbers)), speed, idle_limit, waited
            ):
                number = next(coming)
                if number != self.state.number:
                    self.state, self._waited, self._since = (
                        replace(self.state, number=number, status=""),
                        0.0,
                        _now(),
                    )
                    self._changed()
            waited = 0.0
            await asyncio.sleep(0)  # more of them are being counted
        self._playing = None
        self._set_state(
            replace(self.state, playing=False, leaving=self.state.leaving or self.state.exit_at_end)
        )

    async def _read_on(self) -> None:
        while _run_for(self.index.scan(), SLICE):
            self._changed()
            await asyncio.sleep(0)
        self._set_state(clamp(self.state, self.index))

    async def _hunt(self, hunt: Search) -> None:
        over = False
        while not over:
            await asyncio.sleep(0)
            over = self._continue_search(hunt, SLICE)
        self._hunting = None

    def _continue_search(self, hunt: Search, seconds: float) -> bool:
        """Hunt for so long. Whether it is over."""
        until = perf_counter() + seconds
        try:
            while perf_counter() < until:
                self.looking = next(hunt)
        except StopIteration as found:
            self.looking = None
            self._set_state(found.value)
            return True
        self._changed()
        return False

    async def _tick(self) -> None:
        while True:
            await asyncio.sleep(REDRAW_EVERY)
            if self._playing is not None:
                self._changed()

    def _start(self, what: Coroutine[Any, Any, None]) -> "asyncio.Task[None]":
        task = asyncio.get_running_loop().create_task(what)
        task.add_done_callback(self._ended)
        return task

    def _ended(self, task: "asyncio.Task[None]") -> None:
        if not task.cancelled() and task.exception() is not None:
            self._failure = task.exception()
            self._left.set()


def _now() -> float:
    return asyncio.get_running_loop().time()


def _run_for(work: Iterator[None], seconds: float) -> bool:
    """Work for so long. Whether there is more to do."""
    until = perf_counter() + seconds
    return any(perf_counter() >= until for _ in work)
