"""Where sessions, the history of typed lines, and the samples are kept."""

import atexit
import errno
import os
import re
from contextlib import suppress
from datetime import UTC, datetime
from fcntl import LOCK_EX, LOCK_NB, flock
from functools import cache
from pathlib import Path
from zipimport import zipimporter

MAX_SESSIONS = 100  # that are kept; older ones are removed when a new one begins


def folder() -> Path:
    """`$XDG_STATE_HOME/genreply`, or `~/.local/state/genreply`. It need not exist.

    Raises OSError if there is no home directory.
    """
    given = Path(os.environ.get("XDG_STATE_HOME", ""))
    return (given if given.is_absolute() else _home() / ".local" / "state") / "genreply"


def _home() -> Path:
    try:
        home = Path(os.environ.get("HOME", "~")).expanduser()
    except RuntimeError:  # HOME is not set, and the system does not know this user
        home = Path()
    if not home.is_absolute():
        problem = "there is no home directory; set HOME or XDG_STATE_HOME"
        raise FileNotFoundError(errno.ENOENT, problem)
    return home


def history() -> Path:
    """The file of typed lines, which only its owner can read; made if need be. Raises OSError."""
    path = _private(folder()) / "history"
    if path.is_dir():
        raise IsADirectoryError(errno.EISDIR, "it is a directory", str(path))
    path.touch(0o600)
    path.chmod(0o600)
    return path


def new_session() -> Path:
    """A path for a new recording; its folder exists. Raises OSError."""
    sessions = _private(folder() / "sessions")
    for old in sorted(sessions.glob("*.jsonl"))[: -(MAX_SESSIONS - 1)]:
        with suppress(OSError):
            _remove_unless_written(old)
    return sessions / f"{datetime.now(UTC):%Y%m%dT%H%M%S.%f}-{os.getpid()}.jsonl"


def _remove_unless_written(session: Path) -> None:
    """Remove a recording. Raises OSError if it is being written: its writer has locked it."""
    descriptor = os.open(session, os.O_RDWR)
    try:
        flock(descriptor, LOCK_EX | LOCK_NB)
        session.unlink()
    finally:
        os.close(descriptor)


def sessions() -> list[Path]:
    """The sessions that were recorded and kept, the last one first."""
    try:
        return sorted((folder() / "sessions").glob("*.jsonl"), reverse=True)
    except OSError:
        return []


def last_session() -> Path | None:
    """The session that was recorded last, or None."""
    return next(iter(sessions()), None)


def samples() -> dict[str, Path]:
    """The sample transcripts that come with genreply, by name."""
    here = Path(__file__).parent
    folders = (here / "transcripts", here.parent / "transcripts")  # installed; in the source tree
    found = next((each for each in folders if each.is_dir()), None) or _unpacked_samples()
    return {path.stem: path for path in sorted(found.glob("*.jsonl"))}


@cache
def _unpacked_samples() -> Path:
    """A folder with the samples of a package inside a zip file. It is removed at the end."""
    from importlib.resources import files
    from tempfile import TemporaryDirectory

    folder = TemporaryDirectory(prefix="genreply-")
    atexit.register(folder.cleanup)
    packed = files("genreply_cli") / "transcripts"
    for sample in packed.iterdir() if packed.is_dir() else ():
        (Path(folder.name) / sample.name).write_bytes(sample.read_bytes())
    return Path(folder.name)


def socket_of(name: str) -> Path:
    """The socket of a program that lets others look at it. Raises ValueError for a wrong name."""
    if not re.fullmatch(r"\w[\w.-]{0,39}", name, re.ASCII):
        raise ValueError(
            f"{name!r} is no name of a program; expected up to 40 letters, digits, _, - and dots"
        )
    return folder() / "sockets" / name


def new_socket(name: str) -> Path:
    """A path for a new socket, in a folder that only its owner can enter. Raises OSError."""
    path = socket_of(name)
    _private(path.parent)
    return path


def socket_names() -> list[str]:
    """The names of programs that have let others look at them, and may have ended."""
    try:
        return sorted(path.name for path in (folder() / "sockets").iterdir())
    except OSError:
        return []


def read_source(path: Path) -> str:
    """The text of a file of this package, also if that is inside a zip file. Raises OSError."""
    loader = globals()["__loader__"]
    if isinstance(loader, zipimporter):
        return loader.get_data(str(path)).decode()
    return path.read_text(encoding="utf-8")


def _private(path: Path) -> Path:
    """The folder, made if need be, which only its owner can enter. Raises OSError."""
    folder().parent.mkdir(parents=True, exist_ok=True)
    for each in (folder(), path):
        each.mkdir(mode=0o700, exist_ok=True)
    return path
