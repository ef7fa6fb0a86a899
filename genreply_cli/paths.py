"""Where sessions, the history of typed lines, and the samples are kept."""

import errno
import os
from datetime import UTC, datetime
from pathlib import Path

MAX_SESSIONS = 100  # that are kept; older ones are removed when a new one begins


def folder() -> Path:
    """`$XDG_STATE_HOME/genreply`, or `~/.local/state/genreply`. It need not exist."""
    home = os.environ.get("XDG_STATE_HOME")
    return (
        Path(home) if home and Path(home).is_absolute() else Path.home() / ".local" / "state"
    ) / "genreply"


def history() -> Path:
    """The file of typed lines, made if need be, readable by nobody else. Raises OSError."""
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
        old.unlink(missing_ok=True)
    return sessions / f"{datetime.now(UTC):%Y%m%dT%H%M%S.%f}-{os.getpid()}.jsonl"


def last_session() -> Path | None:
    """The session that was recorded last, or None."""
    return max((folder() / "sessions").glob("*.jsonl"), default=None)


def samples() -> dict[str, Path]:
    """The sample transcripts that come with genreply, by name."""
    here = Path(__file__).parent
    places = (here / "transcripts", here.parent / "transcripts")  # installed; in the source tree
    found = next((place for place in places if place.is_dir()), here)
    return {path.stem: path for path in sorted(found.glob("*.jsonl"))}


def _private(path: Path) -> Path:
    folder().parent.mkdir(parents=True, exist_ok=True)
    for place in (folder(), path):
        place.mkdir(mode=0o700, exist_ok=True)
    return path
