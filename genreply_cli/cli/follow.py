"""`genreply trace --follow`: shows a transcript while it is written."""

import asyncio
import sys
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from genreply_cli import paths
from genreply_cli.cli.source import invalid, is_sample
from genreply_cli.cli.trace_options import TraceOptions
from genreply_cli.errors import GenreplyError, os_error_text, tell
from genreply_cli.session.signals import until_terminated
from genreply_cli.terminal.screen import Screen
from genreply_cli.text import visible
from genreply_cli.transcript.format import TranscriptError
from genreply_cli.transcript.index import Index
from genreply_cli.transcript.reader import headerless_note
from genreply_cli.transcript.step import Step
from genreply_cli.transcript.tail import POLL_SECONDS, follow
from genreply_cli.transcript.writer import Writer

if TYPE_CHECKING:
    from genreply_cli.player.following import Follower


def follow_to_screen(wanted: TraceOptions) -> int:
    """Show a transcript while it is written; without a file, the last session and then the next.

    On a terminal the player shows it. Returns the exit status. Raises GenreplyError.
    """
    path = None if wanted.source is None else Path(wanted.source)
    _announce(path)
    try:
        if wanted.task == "play" and _can_play(wanted) and _play(wanted, path):
            return 0
        following = _print(wanted, path)
        at_keyboard = sys.stdin.isatty() and sys.stdout.isatty()
        asyncio.run(until_terminated(_until_left(following) if at_keyboard else following))
    except TranscriptError as error:
        raise invalid(error) from None
    return 0


def _announce(path: Path | None) -> None:
    """Say what is waited for. Raises GenreplyError if it will never come."""
    if path is None:
        try:
            paths.folder()
        except OSError as error:
            raise GenreplyError(os_error_text(error)) from None
        if paths.last_session() is None:
            note = "no session has been recorded yet; begin one with genreply repl"
            tell(f"note: {note}, in another terminal")
        return
    if is_sample(str(path)):
        raise GenreplyError(
            f"{path} is a sample, and is not being written", hint=f"genreply trace {path}"
        )
    if path.exists():
        return
    if not path.parent.is_dir():
        raise GenreplyError(f"{visible(str(path))}: there is no such folder")
    note = f"{visible(str(path))} does not exist yet; it is shown as soon as it is written"
    tell(f"note: {note}; Ctrl-C leaves")


# --- in the player


def _can_play(wanted: TraceOptions) -> bool:
    if not sys.stdout.isatty():
        return False
    from genreply_cli.player.app import can_run

    return can_run(wanted.output_options)


def _play(wanted: TraceOptions, path: Path | None) -> bool:
    """Follow in the player. False if that is not possible: another program writes the file."""
    from genreply_cli.player.app import run_player
    from genreply_cli.player.following import Follower

    follower = Follower(path, paths.last_session if path is None else None)
    try:
        index = asyncio.run(until_terminated(_first_index(follower)))
        if index.header.foreign:
            return False
        state = replace(wanted.player, states=wanted.states, filters=wanted.filters, following=True)
        last = run_player(index, state, wanted.output_options, follower)
    finally:
        follower.close()
    if last.problem is not None:
        raise invalid(last.problem)
    return True


async def _first_index(follower: "Follower") -> Index:
    while (index := follower.poll()) is None:  # noqa: ASYNC110  # a file is no event
        await asyncio.sleep(POLL_SECONDS)
    return index


# --- in rows


async def _print(wanted: TraceOptions, path: Path | None) -> None:
    """Print the steps of a transcript as they come; None: of one session after the other."""

    async def between_reads() -> None:
        sys.stdout.flush()
        await asyncio.sleep(POLL_SECONDS)

    show: Callable[[Step], object] = _ignore  # until the header has come
    skip: Callable[[Step], object] = _ignore
    async for item in follow(path, between_reads, paths.last_session if path is None else None):
        if isinstance(item, Step):
            (show if wanted.filters.shows(item) else skip)(item)
            continue
        # a header: a transcript begins
        if item.absent:
            tell(f"note: {headerless_note(str(path))}")
        print(f"note: following {visible(str(path or paths.last_session()))}", file=sys.stderr)
        if wanted.task == "events":
            show, skip = Writer(sys.stdout, item).write, _ignore
        else:
            screen = Screen(sys.stdout, wanted.output_options, states=wanted.states)
            show, skip = screen.show, screen.skip


async def _until_left(following: Coroutine[Any, Any, None]) -> None:
    """Run until a key leaves. Raises KeyboardInterrupt if it is Ctrl-C."""
    task = asyncio.ensure_future(following)
    keys: set[str] = set()

    def leave(key: str) -> None:
        keys.add(key)
        task.cancel()

    with _leaving(leave):
        await asyncio.wait([task])
    if "c-c" in keys:
        raise KeyboardInterrupt
    if not task.cancelled():
        task.result()


def _ignore(_: Step) -> None:
    pass


@contextmanager
def _leaving(leave: Callable[[str], object]) -> Iterator[None]:
    """Meanwhile, `q`, Ctrl-D and Ctrl-C call `leave`. No other key does or shows anything."""
    from prompt_toolkit.input import create_input

    keyboard = create_input()

    def on_keys() -> None:
        for press in keyboard.read_keys():
            if press.key in {"q", "c-c", "c-d"}:
                leave(press.key)

    tell("note: q leaves")
    with keyboard.raw_mode(), keyboard.attach(on_keys):
        yield
