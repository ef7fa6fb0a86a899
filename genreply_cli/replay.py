"""genreply trace: a transcript, drawn as it was seen: at its own pace on a terminal, printed elsewhere."""

import asyncio
import os
import sys
from typing import IO

from genreply_cli import state
from genreply_cli.errors import GenreplyError
from genreply_cli.player import play
from genreply_cli.screen import Screen, Wishes
from genreply_cli.transcript import Steps, TranscriptError, read

INVALID = 5  # the exit status for what is no transcript


def run(
    source: str | None,
    *,
    show_samples: bool = False,
    speed: float = 1.0,
    paced: bool | None = None,
    explain: bool = False,
    call: str | None = None,
    wishes: Wishes | None = None,
) -> int:
    """Replay a file, a sample by its name, stdin (`-`), or the last session, and return the exit status.

    `paced=None` keeps the recorded pace if stdout is a terminal. `explain` tells the stories of its calls instead, or that of
    one `call`.
    """
    if show_samples:
        return list_samples()
    if source is None:
        last = state.last_session()
        if last is None:
            print("no session has been recorded yet; here are the samples", file=sys.stderr)
            return list_samples()
        source = str(last)
    steps = open_transcript(source)
    screen = Screen(sys.stdout, wishes)
    show = screen.show
    try:
        if explain:
            from genreply_cli.explain import tell_of

            tell_of(steps, call, screen)
        elif sys.stdout.isatty() if paced is None else paced:

            async def replay() -> None:
                async for step in play(steps, speed):
                    show(step)

            asyncio.run(replay())
        else:
            for step in steps:
                show(step)
        sys.stdout.flush()
    except TranscriptError as error:
        sys.stdout.flush()
        raise _invalid(error) from None
    finally:
        steps.close()
    for note in steps.notes:
        print(f"note: {note}", file=sys.stderr)
    return 0


def open_transcript(source: str) -> Steps:
    """The steps of a file, of a sample, or of stdin. Raises GenreplyError with a sentence."""
    stream: str | IO[bytes] = source
    if source == "-":
        stream = sys.stdin.buffer
    elif not os.path.lexists(source):
        stream = str(state.samples().get(source, source))
    try:
        return read(stream)[1]
    except TranscriptError as error:
        raise _invalid(error) from None


def list_samples() -> int:
    """Print the samples: name, and what it shows."""
    for name, path in state.samples().items():
        header, steps = read(path)
        steps.close()
        print(f"{name:16} {header.title or ''}".rstrip())
    print("replay one with: genreply trace NAME", file=sys.stderr)
    return 0


def _invalid(error: TranscriptError) -> GenreplyError:
    return GenreplyError(str(error), hint="genreply trace --list shows the samples", exit_code=INVALID)
