"""What Tab offers in a shell for the values of options, and for transcripts."""

import subprocess
import sys
from pathlib import Path

import pytest
from terminals import clean


def offered(line: str, folder: Path) -> list[str]:
    """What bash is offered at the end of a line."""
    program = "import sys; sys.argv[0] = 'genreply'; from genreply_cli.__main__ import main; main()"
    asked = {
        "_GENREPLY_COMPLETE": "complete_bash",
        "COMP_WORDS": line,
        "COMP_CWORD": str(len(line.split(" ")) - 1),
    }
    done = subprocess.run(
        [sys.executable, "-c", program],
        env=clean(asked),
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )
    return done.stdout.split()


@pytest.mark.parametrize(
    ("line", "values"),
    [
        ("genreply send --coordinator k", ["keyed"]),
        ("genreply send -c s", ["single"]),
        ("genreply repl --coordinator f", ["fifo"]),
        ("genreply bench -c b", ["blocking"]),
        ("genreply send --fault d", ["drop", "duplicate"]),
        ("genreply send --clock v", ["virtual"]),
        ("genreply trace --view a", ["accessible"]),
        ("genreply send --color n", ["never"]),
        ("genreply trace --kind rep", ["reply"]),
        ("genreply trace --as s", ["svg"]),
        ("genreply bench --loop u", ["uvloop"]),
        ("genreply trace over", ["overlap-keyed", "overlap-single", "overtime.jsonl"]),
        ("genreply trace late --diff hel", ["hello"]),
        ("genreply tr", ["trace"]),
    ],
)
def test_tab_offers_the_values_that_begin_so(line: str, values: list[str], tmp_path: Path) -> None:
    (tmp_path / "overtime.jsonl").touch()
    assert offered(line, tmp_path) == values
