"""Which lessons are passed: kept in the state folder, as JSON."""

import json
import os

from genreply_cli import paths
from genreply_cli.errors import GenreplyError, os_error_text, tell
from genreply_cli.text import visible


def passed() -> set[int]:
    """The numbers of the lessons that are passed. A file that cannot be read counts as none."""
    try:
        kept = json.loads((paths.folder() / "learn.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return set()
    found = kept.get("passed") if isinstance(kept, dict) else None
    return {each for each in found if type(each) is int} if isinstance(found, list) else set()


def keep(lessons: set[int]) -> None:
    """Remember which lessons are passed. If that is impossible, a note on stderr says so."""
    try:
        folder = paths.folder()
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        file = folder / f".learn.json.{os.getpid()}"
        file.write_text(json.dumps({"passed": sorted(lessons)}) + "\n", encoding="utf-8")
        file.replace(folder / "learn.json")
    except OSError as error:
        tell(f"note: your progress cannot be kept, {_problem(error)}")


def forget() -> None:
    """Forget which lessons are passed. Raises GenreplyError if that is impossible."""
    try:
        (paths.folder() / "learn.json").unlink(missing_ok=True)
    except NotADirectoryError:
        pass  # nothing can have been kept there
    except OSError as error:
        raise GenreplyError(f"your progress cannot be forgotten, {_problem(error)}") from None


def _problem(error: OSError) -> str:
    where = f": {visible(str(error.filename))}" if error.filename else ""
    return f"{os_error_text(error)}{where}"
