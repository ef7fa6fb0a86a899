"""Random access to the steps of a transcript, and to the state after any number of them.

    index = Index(file, "lunch.jsonl")
    for _ in index.scan(): …                # in small slices, so that a player can go on
    index.step(4), index.snapshot(5)        # the fifth step; the state after five steps

First, lines are counted and the file is cut into blocks of whole lines, which is quick. Then all
steps are read: a snapshot is taken every 2,048 steps, and the first invalid line ends the index.
Only the blocks used last are kept, so memory grows with the number of blocks, not of steps.
"""

import io
import os
import weakref
from array import array
from bisect import bisect_right
from collections import OrderedDict
from collections.abc import Callable, Generator, Iterable, Iterator
from stat import S_ISREG
from typing import IO, Final

from genreply_cli.transcript.format import TranscriptError, from_line, header_line, to_line
from genreply_cli.transcript.reader import Steps, cut_note, from_last_line, no_end_note
from genreply_cli.transcript.snapshot import Snapshot
from genreply_cli.transcript.step import Step

BLOCK_BYTES: Final = 1 << 16  # a longer line has a block of its own
CACHED_BLOCKS: Final = 16  # blocks whose parsed steps are kept
SNAPSHOT_EVERY: Final = 2048  # steps
MAX_ASKED: Final = 64  # states that were asked for lately and are kept
MAX_OPEN_ASKED: Final = 256  # open calls; of states with more, only the latest one is kept

Wanted = Callable[[Step], bool]
LineFilter = Callable[[bytes], object]  # false for a line whose step cannot be wanted


class Index:
    """The steps of a transcript in a seekable file. Raises TranscriptError without a valid header.

    `notes` and `problem` are for a file that the caller has copied from a transcript: what was
    noted of the original, and the error that ended it. `growing`: the file is still written, a last
    line without its end is left for later, and `grow` takes in what has come.
    """

    def __init__(
        self,
        file: IO[bytes],
        name: str,
        notes: Iterable[str] | None = None,
        problem: TranscriptError | None = None,
        *,
        growing: bool = False,
    ) -> None:
        self.name = name
        file.seek(0)
        steps = Steps(file, name)
        self.header = steps.header
        self.total = 0  # steps that have been counted and are not known to be invalid
        self.counted = False  # whether all lines have been counted
        self.last_time: float | None = None  # of the last step in seconds, once all are counted
        self.notes = list(notes or ())  # sentences for the user, once all are counted
        self.problem = problem  # why there are no more steps
        self._has_notes = notes is not None
        self._file = os.dup(file.fileno())  # the caller may close its own
        weakref.finalize(self, os.close, self._file)
        self._growing = growing
        self._end = file.tell()  # the offset up to which lines have been counted
        self._size = self._end  # the offset up to which they may be counted
        self._measure()
        self._next_line = 2  # the number of the line at `_end`
        self._offsets = array("Q")  # of each block, in bytes
        self._first = array("Q")  # the number of its first step
        self._line = array("Q")  # and of its first line
        self._blocks: OrderedDict[int, list[Step]] = OrderedDict()
        self._raw: tuple[int, list[bytes]] = -1, []  # the block that was read last, and its lines
        self._snapshots = [Snapshot()]
        self._scanned = Snapshot()  # the state where the second pass is
        self._asked = OrderedDict({0: Snapshot()})  # by steps: states that were asked for lately
        self._scan = self._scan_all()

    def scan(self) -> Iterator[None]:
        """Count and read all steps in slices. A later call goes on where another stopped."""
        return self._scan

    @property
    def progress(self) -> float:
        """How much has been scanned, from 0 to 1. The first tenth is the counting."""
        if not self.counted:
            return 0.1 * self._end / max(1, self._size)
        return (1 + 9 * self._scanned.steps / self.total) / 10 if self.total else 1.0

    def _scan_all(self) -> Iterator[None]:
        yield from self._count_lines()
        if self._growing:
            self.counted = True
            self._update_last_time()
        else:
            self._check_last_line()
        yield
        yield from self._read_counted()

    def _read_counted(self) -> Iterator[None]:
        while self._scanned.steps < self.total:
            block = self._block_of(self._scanned.steps)
            for step in self._steps(block)[self._scanned.steps - self._first[block] :]:
                if self._scanned.steps == self.total:  # an invalid line has been found meanwhile
                    break
                self._scanned.update(step)
                # a snapshot with many open calls is large: then the next one is taken later
                distance = max(SNAPSHOT_EVERY, len(self._scanned.open) // 2)
                if self._scanned.steps - self._snapshots[-1].steps >= distance:
                    self._snapshots.append(self._scanned.copy())
            yield

    def grow(self) -> bool:
        """Take in the lines that were written since. Returns whether there are some.

        What they say is read by `scan`. The index must have been made with `growing`.
        """
        before = self._size
        self._measure()
        if self._size == before or not self.counted or self.problem is not None:
            self._size = before
            return False
        if len(self._offsets) and self._end - self._offsets[-1] < BLOCK_BYTES:
            self._reopen_last_block()
        for _ in self._count_lines():
            pass
        self._update_last_time()
        self._scan = self._read_counted()
        return True

    def _measure(self) -> None:
        """Find out how long the file is; if it is growing, up to the end of its last whole line."""
        size = os.fstat(self._file).st_size
        while self._growing and size > self._size:
            start = max(self._size, size - BLOCK_BYTES)
            whole = os.pread(self._file, size - start, start).rfind(b"\n") + 1
            if whole:
                size = start + whole
                break
            size = start
        self._size = max(size, self._size)

    def _reopen_last_block(self) -> None:
        """Count the last block again, together with what comes after it."""
        block = len(self._offsets) - 1
        self._end, self.total = self._offsets.pop(), self._first.pop()
        self._next_line = self._line.pop()
        self._blocks.pop(block, None)
        self._raw = -1, []

    def _count_lines(self) -> Iterator[None]:
        while self._end < self._size and (block := self._block_at(self._end)):
            lines = io.BytesIO(block).readlines()
            count = sum(map(bool, map(bytes.strip, lines)))
            if count:
                self._offsets.append(self._end)
                self._first.append(self.total)
                self._line.append(self._next_line)
                self.total += count
            self._end += len(block)
            self._next_line += len(lines)
            yield

    def _block_at(self, offset: int, size: int = BLOCK_BYTES) -> bytes:
        """The whole lines from this offset: many short ones or a long one. The last may be cut."""
        while True:
            room = min(size, self._size - offset)
            block = os.pread(self._file, room, offset)
            if offset + room >= self._size or len(block) < room:
                return block
            whole = block.rfind(b"\n") + 1
            if whole:
                return block[:whole]
            size *= 4

    def _check_last_line(self) -> None:
        """Find out whether the recording has an end, or a cut last line."""
        last: Step | None = None
        if self.total:
            line, raw = self._lines(len(self._offsets) - 1)[-1]
            try:
                last = from_last_line(raw, self.name, line)
            except TranscriptError as error:
                self._truncate_at(self.total - 1, error)
            else:
                if last is None:
                    self.notes.append(cut_note(self.name, line))
                    self.total -= 1
        if self.problem is None and not self._has_notes and (last is None or last.kind != "end"):
            self.notes.append(no_end_note(self.name))
        self.counted = True
        self._update_last_time()

    def step(self, number: int) -> Step | None:
        """One step by its number from 0, or None: an invalid line may just have been found."""
        return next(self.steps(number, number + 1), None)

    def steps(self, start: int, stop: int | None = None) -> Iterator[Step]:
        """The steps from `start` to before `stop`, or to before the first invalid line."""
        number = start
        while (stop is None or number < stop) and 0 <= number < self.total:
            block = self._block_of(number)
            first, steps = self._first[block], self._steps(block)
            if number - first >= len(steps):
                return
            end = self.total if stop is None else min(stop, self.total)
            yield from steps[number - first : end - first]
            number = first + len(steps)

    def snapshot(self, count: int) -> Snapshot | None:
        """The state after `count` steps, as a copy, or None if the scan has not come that far."""
        number = bisect_right(self._snapshots, count, key=lambda snapshot: snapshot.steps) - 1
        known = (self._snapshots[number], *self._asked.values(), self._scanned)
        nearest = max(
            (snapshot for snapshot in known if snapshot.steps <= count),
            key=lambda snapshot: snapshot.steps,
        )
        if count > self._scanned.steps and count - nearest.steps > SNAPSHOT_EVERY:
            return None
        snapshot = nearest.copy()
        for step in self.steps(nearest.steps, count):
            snapshot.update(step)
        if len(snapshot.open) > MAX_OPEN_ASKED:
            self._asked.clear()
        self._asked[count] = snapshot
        self._asked.move_to_end(count)
        if len(self._asked) > MAX_ASKED:
            self._asked.popitem(last=False)
        return snapshot.copy()

    def find(
        self, start: int, stop: int, wanted: Wanted, line_filter: LineFilter = bool
    ) -> Generator[float, None, int | None]:
        """Search for the first wanted step from `start` to before `stop`, forwards or backwards.

        A generator: it yields its progress from 0 to 1, so that a caller can do other things in
        between, and returns the number of the step, or None.
        """
        for progress, number in self.find_all(start, stop, wanted, line_filter):
            if number is not None:
                return number
            yield progress
        return None

    def find_all(
        self, start: int, stop: int, wanted: Wanted, line_filter: LineFilter = bool
    ) -> Iterator[tuple[float, int | None]]:
        """Search for all wanted steps. Yields the progress, with a step's number or with None."""
        way = 1 if start <= stop else -1
        number = start
        while number != stop and 0 <= number < self.total:
            block = self._block_of(number)
            first = self._first[block]
            for offset, (line, raw) in list(enumerate(self._lines(block)))[number - first :: way]:
                if first + offset == stop:
                    return
                if line_filter(raw):
                    step = self._parse(first + offset, raw, line)
                    if step is None:
                        return
                    if wanted(step):
                        yield abs(first + offset - start) / abs(stop - start), first + offset
            number = first - 1 if way < 0 else self._after(block)
            yield min(1.0, abs(number - start) / abs(stop - start)), None

    def _block_of(self, number: int) -> int:
        return bisect_right(self._first, number) - 1

    def _after(self, block: int) -> int:
        return self._first[block + 1] if block + 1 < len(self._first) else self.total

    def _lines(self, block: int) -> list[tuple[int, bytes]]:
        """The lines of a block that are not blank, each with its line number."""
        offset = self._offsets[block]
        end = self._offsets[block + 1] if block + 1 < len(self._offsets) else self._end
        if self._raw[0] != block:
            self._raw = block, io.BytesIO(os.pread(self._file, end - offset, offset)).readlines()
        return [
            (line, raw) for line, raw in enumerate(self._raw[1], self._line[block]) if raw.strip()
        ]

    def _steps(self, block: int) -> list[Step]:
        """The steps of a block, up to the first invalid line."""
        steps = self._blocks.get(block)
        if steps is None:
            steps = self._blocks[block] = []
            first = self._first[block]
            lines = self._lines(block)[: self.total - first]
            for number, (line, raw) in enumerate(lines, first):
                step = self._parse(number, raw, line)
                if step is None:
                    break
                steps.append(step)
            if first + len(lines) < min(self.total, self._after(block)):
                changed = TranscriptError("has become shorter while it was read", self.name)
                self._truncate_at(first + len(lines), changed)
            if len(self._blocks) > CACHED_BLOCKS:
                self._blocks.popitem(last=False)
        else:
            self._blocks.move_to_end(block)
        return steps

    def _parse(self, number: int, raw: bytes, line: int) -> Step | None:
        try:
            return from_line(raw, self.name, line)
        except TranscriptError as error:
            self._truncate_at(number, error)
            return None

    def _truncate_at(self, number: int, problem: TranscriptError) -> None:
        """End the index before the step of this number, which is invalid."""
        if number < self.total:
            self.problem, self.notes = problem, []  # the notes were about the end of the file
            self.total = number
            self._blocks.clear()
            if self.counted:
                self._update_last_time()

    def _update_last_time(self) -> None:
        last = None
        while self.total and last is None:  # reading it may find an earlier invalid line
            last = self.step(self.total - 1)
        self.last_time = None if last is None else last.t


def indexed(
    steps: Steps, wanted: Callable[[Iterable[Step]], Iterable[Step]] | None = None
) -> Index:
    """The index of a transcript, or of the steps that `wanted` lets through.

    Selected steps, and a transcript from a pipe or of another program, are first copied to a
    temporary file. It has no name and goes with the index.
    """
    file = steps.lines
    if (
        wanted is None
        and not steps.header.foreign
        and isinstance(file, io.BufferedReader)
        and S_ISREG(os.fstat(file.fileno()).st_mode)
    ):
        return Index(file, steps.file)
    import tempfile

    problem = None
    with tempfile.TemporaryFile() as spool:
        spool.write(header_line(steps.header).encode() + b"\n")
        try:
            for step in steps if wanted is None else wanted(steps):
                spool.write(to_line(step).encode() + b"\n")
        except TranscriptError as error:
            problem = error
        spool.flush()
        return Index(spool, steps.file, steps.notes, problem)
