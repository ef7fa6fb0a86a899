"""The samples as version 1 of the format had them, which are still read."""

import json
from pathlib import Path

FOLDER = Path(__file__).parents[1] / "transcript" / "version1"


def without_marks(path: Path) -> str:
    """A sample of today as it was recorded before the samples had marks."""
    header, *lines = map(json.loads, path.read_text().splitlines())
    kept = [line for line in lines if line["kind"] != "mark"]
    seq = {line["seq"]: number for number, line in enumerate(kept, 1)}
    for line in kept:
        line["seq"] = seq[line["seq"]]
        if "cause" in line:
            line["cause"] = seq[line["cause"]]
    return "".join(f"{json.dumps(line)}\n" for line in [header, *kept])


def old_samples() -> dict[str, Path]:
    """Path by name."""
    return {path.stem: path for path in sorted(FOLDER.glob("*.jsonl"))}
