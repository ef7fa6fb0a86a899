"""The samples as version 1 of the format had them, which are still read."""

from pathlib import Path

FOLDER = Path(__file__).parents[1] / "transcript" / "version1"


def old_samples() -> dict[str, Path]:
    """Path by name."""
    return {path.stem: path for path in sorted(FOLDER.glob("*.jsonl"))}
