"""A transcript as a list: any step by its number from 0, and how things stood there, without reading all that came before.

    index = Index(file, "lunch.jsonl")
    for _ in index.read_on(): …             # in small slices, between whatever else is to be done
    index.step(4), index.standing(5)        # the fifth step; how things stand after five

The file is cut into blocks of whole lines, which is quick: it takes only the counting of lines. Then all steps are read once, to
note now and then how things stand, and whether a line is bad; what comes from there on does not count. What has been looked at
last is kept, so memory grows with the number of blocks, not of steps.
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
from genreply_cli.transcript.reader import Steps, cut_note, from_last_line, interrupted_note
from genreply_cli.transcript.snapshot import Snapshot
from genreply_cli.transcript.step import Step

BLOCK_BYTES: Final = 1 << 16  # bytes; a longer line has a block of its own
CACHED_BLOCKS: Final = 16  # blocks whose steps are kept
SNAPSHOT_EVERY: Final = 2048  # steps from one note of how things stand to the next

Wanted = Callable[[Step], bool]
LineFilter = Callable[
    [bytes], object
]  # False for a line that need not be parsed, since its step cannot be wanted


class Index:
    """The steps of a transcript in a seekable file. Raises TranscriptError if it is none.

    Who has made the file knows what is to be told of it: that is `notes` then, and perhaps a `problem`.
    """

    def __init__(
        self,
        file: IO[bytes],
        name: str,
        notes: Iterable[str] | None = None,
        problem: TranscriptError | None = None,
    ) -> None:
        self.name = name
        file.seek(0)
        steps = Steps(file, name, lambda: None)
        self.header = steps.header
        self.total = 0  # steps, as far as they have been counted
        self.counted = False  # to the end
        self.last_time: float | None = None  # the time of the last step, when all are counted
        self.notes = list(notes or ())  # what a reader should be told, when all are counted
        self.problem = problem  # why there are no more
        self._file = os.dup(file.fileno())  # so that whoever has opened it may close it
        weakref.finalize(self, os.close, self._file)
        self._size = os.fstat(self._file).st_size
        self._end = file.tell()  # of what has been counted
        self._offsets = array("Q")  # where each block begins
        self._first = array("Q")  # the number of its first step
        self._line = array("Q")  # and of its first line
        self._blocks: OrderedDict[int, list[Step]] = OrderedDict()
        self._raw: tuple[int, list[bytes]] = -1, []  # the block that was read last
        self._snapshots = [Snapshot()]  # how things stand, in order
        self._scanned = Snapshot()  # where it has been read to
        self._last_asked = Snapshot()  # where it was asked for last
        self._reading = self._read_on()
        self._told = notes is not None

    # --- reading it all, in slices ---------------------------------------------------------------------------------------------

    def scan(self) -> Iterator[None]:
        """Read on; stop wherever you like, and go on by asking again."""
        return self._reading

    @property
    def progress(self) -> float:
        """How much has been read, from 0 to 1: the first tenth is the counting."""
        if not self.counted:
            return 0.1 * self._end / max(1, self._size)
        return (1 + 9 * self._scanned.steps / self.total) / 10 if self.total else 1.0

    def _read_on(self) -> Iterator[None]:
        line = 2
        while self._end < self._size and (block := self._block_at(self._end)):
            lines = io.BytesIO(block).readlines()
            count = sum(map(bool, map(bytes.strip, lines)))
            if count:
                self._offsets.append(self._end)
                self._first.append(self.total)
                self._line.append(line)
                self.total += count
            self._end += len(block)
            line += len(lines)
            yield
        self._look_at_the_end()
        yield
        number = 0
        while self._scanned.steps < self.total:
            for step in self._steps(number)[self._scanned.steps - self._first[number] :]:
                if self._scanned.steps == self.total:  # a bad line has been found meanwhile
                    break
                self._scanned.update(step)
                # as far apart as there is open: they take no more memory than the steps
                if self._scanned.steps - self._snapshots[-1].steps >= max(
                    SNAPSHOT_EVERY, len(self._scanned.open) // 2
                ):
                    self._snapshots.append(self._scanned.copy())
            number += 1
            yield

    def _block_at(self, offset: int, size: int = BLOCK_BYTES) -> bytes:
        """The whole lines from here on: many short ones, or a long one; the last one need not be whole."""
        while True:
            room = min(size, self._size - offset)
            block = os.pread(self._file, room, offset)
            if offset + room >= self._size or len(block) < room:
                return block
            whole = block.rfind(b"\n") + 1
            if whole:
                return block[:whole]
            size *= 4

    def _look_at_the_end(self) -> None:
        """What the last line says of the recording: that it ended, that it was interrupted, that a line was cut."""
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
        if self.problem is None and not self._told and (last is None or last.kind != "end"):
            self.notes.append(interrupted_note(self.name))
        self.counted = True
        self._find_the_last()

    # --- what there is ---------------------------------------------------------------------------------------------------------

    def step(self, number: int) -> Step | None:
        """One step, or None if there is none: a bad line has been found, perhaps just now."""
        return next(self.steps(number, number + 1), None)

    def steps(self, start: int, stop: int | None = None) -> Iterator[Step]:
        """The steps from one number up to another, as far as there are any."""
        number = start
        while (stop is None or number < stop) and 0 <= number < self.total:
            block = self._block_of(number)
            steps = self._steps(block)
            begin = number - self._first[block]
            if begin >= len(steps):
                return
            end = None if stop is None else stop - self._first[block]
            yield from steps[
                begin : min(end if end is not None else len(steps), self.total - self._first[block])
            ]
            number = self._first[block] + len(steps)

    def snapshot(self, count: int) -> Snapshot | None:
        """How things stand after so many steps, or None if that is not known yet. It is the caller's own."""
        known = self._snapshots[bisect_right(self._snapshots, count, key=lambda one: one.steps) - 1]
        known = max(
            (one for one in (known, self._last_asked, self._scanned) if one.steps <= count),
            key=lambda one: one.steps,
        )
        if count > self._scanned.steps and count - known.steps > SNAPSHOT_EVERY:
            return None
        standing = known.copy()
        for step in self.steps(known.steps, count):
            standing.update(step)
        self._last_asked = standing
        return standing.copy()

    def find(
        self, start: int, stop: int, wanted: Wanted, likely: LineFilter = bool
    ) -> Generator[float, None, int | None]:
        """The number of the first wanted step from `start` to before `stop`, which may be the smaller.

        It yields how far it has come, from 0 to 1, so that others get their turn.
        """
        for far, number in self.find_all(start, stop, wanted, likely):
            if number is not None:
                return number
            yield far
        return None

    def find_all(
        self, start: int, stop: int, wanted: Wanted, likely: LineFilter = bool
    ) -> Iterator[tuple[float, int | None]]:
        """How far it has come, again and again, and the number of each step that is wanted."""
        way = 1 if start <= stop else -1
        number = start
        while number != stop and 0 <= number < self.total:
            block = self._block_of(number)
            first = self._first[block]
            for offset, (line, raw) in list(enumerate(self._lines(block)))[number - first :: way]:
                if first + offset == stop:
                    return
                if likely(raw):
                    step = self._parse(first + offset, raw, line)
                    if step is None:
                        return
                    if wanted(step):
                        yield abs(first + offset - start) / abs(stop - start), first + offset
            number = first - 1 if way < 0 else self._after(block)
            yield min(1.0, abs(number - start) / abs(stop - start)), None

    # --- blocks ----------------------------------------------------------------------------------------------------------------

    def _block_of(self, number: int) -> int:
        return bisect_right(self._first, number) - 1

    def _after(self, block: int) -> int:
        return self._first[block + 1] if block + 1 < len(self._first) else self.total

    def _lines(self, block: int) -> list[tuple[int, bytes]]:
        """The lines of a block that are not blank, with their numbers."""
        offset = self._offsets[block]
        end = self._offsets[block + 1] if block + 1 < len(self._offsets) else self._end
        if self._raw[0] != block:
            self._raw = block, io.BytesIO(os.pread(self._file, end - offset, offset)).readlines()
        return [
            (line, raw) for line, raw in enumerate(self._raw[1], self._line[block]) if raw.strip()
        ]

    def _steps(self, block: int) -> list[Step]:
        """The steps of a block, as far as it is good."""
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
        """The step of this number is bad: it and what comes after it do not count."""
        if number < self.total:
            self.problem, self.notes = problem, []  # what the end says does not matter any more
            self.total = number
            self._blocks.clear()
            if self.counted:
                self._find_the_last()

    def _find_the_last(self) -> None:
        last = None
        while self.total and last is None:  # looking at it may find a bad line before it
            last = self.step(self.total - 1)
        self.last_time = None if last is None else last.t


def indexed(
    steps: Steps, wanted: Callable[[Iterable[Step]], Iterable[Step]] | None = None
) -> Index:
    """The index of a transcript, or of what is wanted of it.

    A part of it, or what comes from a pipe, is first kept in a file without a name, which goes with the index.
    """
    file = steps.lines
    if (
        wanted is None
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
