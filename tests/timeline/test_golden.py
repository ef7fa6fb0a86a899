"""Every sample is drawn in every view as it was when its picture was looked at.

`.venv/bin/python tests/timeline/test_golden.py` draws the pictures anew.
"""

from pathlib import Path

import pytest

from genreply_cli.paths import samples
from genreply_cli.timeline.timeline import Timeline
from genreply_cli.timeline.views import View
from genreply_cli.transcript.reader import read

GOLDEN = Path(__file__).parent / "golden"
VIEWS: dict[str, tuple[int, View | None, bool]] = {  # columns, what is asked for, ASCII only
    "wide-120": (120, None, False),
    "wide-100": (100, None, False),
    "wide-80": (80, None, False),
    "narrow": (66, None, False),
    "smallest": (40, None, False),
    "ascii": (120, None, True),
    "plain": (80, "plain", False),
    "accessible": (80, "accessible", False),
}
PICTURES = [(name, view) for name in samples() for view in VIEWS]


def drawn(name: str, view: str) -> str:
    width, asked, ascii_only = VIEWS[view]
    timeline = Timeline(width, asked, ascii_only=ascii_only)
    steps = read(str(samples()[name]))[1]
    try:
        return "".join(f"{line}\n" for step in steps for line in timeline.lines(step))
    finally:
        steps.close()


@pytest.mark.parametrize(("name", "view"), PICTURES)
def test_a_sample_is_drawn_as_ever(name: str, view: str) -> None:
    assert drawn(name, view) == (GOLDEN / f"{name}.{view}.txt").read_text(encoding="utf-8")


def test_there_is_a_picture_for_each_sample_and_view_and_no_other() -> None:
    assert {path.name for path in GOLDEN.iterdir()} == {
        f"{name}.{view}.txt" for name, view in PICTURES
    }


@pytest.mark.parametrize(("name", "view"), PICTURES)
def test_a_picture_is_no_wider_than_was_asked_for(name: str, view: str) -> None:
    width, asked, ascii_only = VIEWS[view]
    lines = (GOLDEN / f"{name}.{view}.txt").read_text(encoding="utf-8").splitlines()
    assert lines
    assert all(line == line.rstrip() for line in lines)
    assert asked is not None or max(map(len, lines)) <= width
    assert not ascii_only or all(map(str.isascii, lines))


if __name__ == "__main__":
    GOLDEN.mkdir(exist_ok=True)
    for old in GOLDEN.glob("*.txt"):
        old.unlink()
    for name, view in PICTURES:
        (GOLDEN / f"{name}.{view}.txt").write_text(drawn(name, view), encoding="utf-8")
