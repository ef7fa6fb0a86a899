"""The player without a screen: its state, moved on by the clock and the keys.

    playback = Playback(index, State(), changed)
    playback.press(".")                  # at any time
    await playback.run()                 # until the user leaves

Reading and searching are done in slices of some milliseconds, so that a key never waits for long.
"""

import asyncio
from array import array
from bisect import bisect_left
from collections.abc import Callable, Coroutine, Iterator
from dataclasses import replace
from itertools import islice, tee
from math import inf
from time import perf_counter
from typing import Any, Final

from genreply_cli.player.following import Follower
from genreply_cli.player.keys import Search, failures, press, select, select_new
from genreply_cli.player.pacing import play
from genreply_cli.player.state import (
    State,
    at_end,
    clamp,
    is_newest,
    is_shown,
    pace_of,
    to_newest,
    visible_steps,
)
from genreply_cli.transcript.index import Index
from genreply_cli.transcript.tail import POLL_SECONDS

SLICE_SECONDS: Final = 0.005  # of work, before other tasks get their turn
SILENT_SECONDS: Final = 0.05  # work that takes less is done at once, and not announced
REDRAW_SECONDS: Final = 0.1  # between two pictures while it plays and nothing happens


class Playback:
    """A state that moves on. `changed` is called whenever there is something new to show."""

    def __init__(
        self,
        index: Index,
        state: State,
        changed: Callable[[], object] = lambda: None,
        follower: Follower | None = None,
    ) -> None:
        self.index = index
        self._follower = follower  # None: the transcript does not grow
        self.state = state
        self.search_progress: float | None = None  # from 0 to 1; None: no search is running
        self.failures = array("Q")  # the numbers of the failures that have been found so far
        self._searched = 0  # how many steps have been searched for failures
        self._changed = changed
        self._waited = 0.0  # seconds at speed 1 from the current step to `_since`
        self._since = 0.0  # on the clock of the loop
        self._playing: asyncio.Task[None] | None = None
        self._searching: asyncio.Task[None] | None = None
        self._left = asyncio.Event()
        self._failure: BaseException | None = None

    async def run(self) -> None:
        """Play until the user leaves. Raises what a task has raised meanwhile."""
        _run_for(self.index.scan(), SILENT_SECONDS)
        tasks = [self._start(self._read_on()), self._start(self._redraw())]
        if self._follower is not None:
            tasks.append(self._start(self._follow(self._follower)))
        try:
            self._begin()
            await self._left.wait()
        finally:
            for task in (*tasks, self._playing, self._searching):
                if task is not None:
                    task.cancel()
        if self._failure is not None:
            raise self._failure

    def _begin(self) -> None:
        """Begin with the index at hand: at its start, or at its end if it is being written."""
        self._since = _now()
        state = clamp(self.state, self.index)
        if state.following:
            state = to_newest(state, self.index)
        self._set_state(state, restart=True)
        if self.state.filters:
            filters = self.state.filters
            self._search(select(self.state, self.index, filters, str(filters)))

    async def _follow(self, follower: Follower) -> None:
        """Take in what is written, and go on to a transcript that takes the place of this one."""
        arrived = False  # at the newest step, for the first time
        while True:
            await asyncio.sleep(POLL_SECONDS)
            if self.index.counted and not arrived:
                arrived = True
                self._set_state(to_newest(self.state, self.index))
            live = self.state.playing and is_newest(self.state, self.index)
            before = self.index.total
            other = follower.poll()
            if other is not None:
                self.index, live, before = other, self.state.playing, 0
                self.failures, self._searched = array("Q"), 0
                self._set_state(replace(self.state, number=0, call_filter=None))
                await self._read_on()
                self._begin()
            elif self.index.grow():
                await self._read_on()
                self._set_state(select_new(self.state, self.index))
            if live and self.index.total > before:
                self._set_state(to_newest(self.state, self.index))

    def press(self, key: str, data: str = "") -> None:
        """Take a key, named as prompt_toolkit names it. It ends a search that is running."""
        if self._searching is not None:
            self._searching.cancel()
        self._searching = self.search_progress = None
        state, search = press(self.state, self.index, key, data)
        self._set_state(state)
        if search is not None:
            self._search(search)

    @property
    def waited(self) -> float:
        """How long the current step has been current when it was recorded, in seconds.

        It is never longer than the time to the next step, however long the step is shown.
        """
        shown = self._shown_for
        if self.state.idle_limit is not None:
            shown = min(shown, self.state.idle_limit)
        return min(shown, self._recorded_wait())

    def _recorded_wait(self) -> float:
        """The recorded seconds from the current step to the next one that is shown."""
        here = self.index.step(self.state.number)
        shown = islice(self._shown_numbers(), 1, 2)
        later = next(filter(None, map(self.index.step, shown)), None)
        return inf if here is None or later is None else max(0.0, later.t - here.t)

    def _shown_numbers(self) -> Iterator[int]:
        """The numbers of the steps that are shown, from the current one on."""
        steps = visible_steps(self.state, self.index)
        start = bisect_left(steps, self.state.number)
        numbers = (steps[place] for place in range(start, len(steps)))
        return (number for number in numbers if is_shown(self.state, self.index, number))

    @property
    def _shown_for(self) -> float:
        """How long the current step has been shown, in seconds at speed 1."""
        if not self.state.playing or at_end(self.state, self.index):
            return self._waited
        return self._waited + (_now() - self._since) * self.state.speed

    def clamp_scroll(self, max_scroll: int) -> None:
        """Keep the overlay from being scrolled past its end."""
        if self.state.scroll > max_scroll:
            self.state = replace(self.state, scroll=max_scroll)

    def _set_state(self, state: State, *, restart: bool = False) -> None:
        before, waited = self.state, self._shown_for
        self.state, self._since = state, _now()
        same_step = (state.number, state.call_filter) == (before.number, before.call_filter)
        self._waited = waited if same_step else 0.0
        same_pace = (state.playing, state.speed, state.pace) == (
            before.playing,
            before.speed,
            before.pace,
        )
        if restart or not same_step or not same_pace:
            if self._playing is not None:
                self._playing.cancel()
            self._playing = self._start(self._play()) if state.playing else None
        if state.leaving:
            self._left.set()
        self._changed()

    async def _play(self) -> None:
        """Go from step to step, to each when it is due, up to the end."""
        speed, idle_limit, waited = self.state.speed, self.state.idle_limit, self._waited
        while not at_end(self.state, self.index):
            shown, upcoming = tee(self._shown_numbers())
            known = filter(None, map(self.index.step, shown))
            pace = pace_of(self.state, self.index)
            async for _ in play(known, speed, idle_limit, waited, pace):
                number = next(upcoming)
                if number != self.state.number:
                    self.state = replace(self.state, number=number, status="")
                    self._waited, self._since = 0.0, _now()
                    self._changed()
            waited = 0.0
            await asyncio.sleep(0)  # more of them are being counted
        self._playing = None
        if self.state.following:  # more may come
            return
        leaving = self.state.leaving or self.state.exit_at_end
        self._set_state(replace(self.state, playing=False, leaving=leaving))

    async def _read_on(self) -> None:
        while _run_for(self.index.scan(), SLICE_SECONDS):
            self._changed()
            await asyncio.sleep(0)
        self._set_state(clamp(self.state, self.index))
        found = self._note_failures(self._searched)
        while _run_for(found, SLICE_SECONDS):
            self._changed()
            await asyncio.sleep(0)
        self._changed()

    def _note_failures(self, start: int) -> Iterator[None]:
        self._searched = self.index.total
        for number in failures(self.index, start):
            if number is not None:
                self.failures.append(number)
            yield

    def _search(self, search: Search) -> None:
        if not self._continue_search(search, SILENT_SECONDS):
            self._searching = self._start(self._finish_search(search))

    async def _finish_search(self, search: Search) -> None:
        done = False
        while not done:
            await asyncio.sleep(0)
            done = self._continue_search(search, SLICE_SECONDS)
        self._searching = None

    def _continue_search(self, search: Search, seconds: float) -> bool:
        """Search for so long. True if the search is done, and its state set."""
        until = perf_counter() + seconds
        try:
            while perf_counter() < until:
                self.search_progress = next(search)
        except StopIteration as found:
            self.search_progress = None
            self._set_state(found.value)
            return True
        self._changed()
        return False

    async def _redraw(self) -> None:
        while True:
            await asyncio.sleep(REDRAW_SECONDS)
            if self._playing is not None:
                self._changed()

    def _start(self, work: Coroutine[Any, Any, None]) -> "asyncio.Task[None]":
        task = asyncio.get_running_loop().create_task(work)
        task.add_done_callback(self._task_ended)
        return task

    def _task_ended(self, task: "asyncio.Task[None]") -> None:
        if not task.cancelled() and task.exception() is not None:
            self._failure = task.exception()
            self._left.set()


def _now() -> float:
    return asyncio.get_running_loop().time()


def _run_for(work: Iterator[None], seconds: float) -> bool:
    """Work for so long. True if there is more to do."""
    until = perf_counter() + seconds
    return any(perf_counter() >= until for _ in work)
