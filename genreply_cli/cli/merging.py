"""`genreply trace A --with B`: two recordings of one session, from two nodes, as one transcript."""

import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from genreply_cli.cli.source import invalid, open_transcript
from genreply_cli.errors import ExitStatus, GenreplyError, tell
from genreply_cli.text import visible
from genreply_cli.transcript.format import TranscriptError
from genreply_cli.transcript.merge import MergeError, Recording, merge
from genreply_cli.transcript.pretty import duration
from genreply_cli.transcript.writer import Writer


@contextmanager
def merged(first: str, second: str) -> Iterator[tuple[str, list[str]]]:
    """The path of the merged transcript, and what the two recordings say differently.

    A note says how far the clocks were apart. Both recordings are kept in memory meanwhile.
    Raises GenreplyError.
    """
    try:
        both = merge(_recording(first), _recording(second))
    except MergeError as error:
        raise GenreplyError(visible(str(error)), exit_code=ExitStatus.INVALID) from None
    tell(f"note: {_clocks(both.ahead, both.uncertainty)}")
    with tempfile.TemporaryDirectory(prefix="genreply-") as folder:
        path = Path(folder, "merged.jsonl")
        writer = Writer(path, both.header)
        with writer:
            for step in both.steps:
                writer.write(step)
        yield str(path), both.contradictions


def _recording(source: str) -> Recording:
    with closing(open_transcript(source)) as steps:
        try:
            return Recording(steps.file, steps.header, list(steps))
        except TranscriptError as error:
            raise invalid(error) from None


def _clocks(ahead: float, uncertainty: float | None) -> str:
    if not ahead:
        return "both recordings have one clock, as far as their calls can tell"
    way = "after" if ahead < 0 else "before"
    how_sure = "at least" if uncertainty is None else f"give or take {duration(uncertainty)}"
    return f"the second recording began {duration(abs(ahead))} {way} the first, {how_sure}"
