"""`genreply trace --list` shows the samples and one's own sessions, to be replayed by number."""

from pathlib import Path

import pytest
from commands import Done, shell

from genreply_cli.paths import samples


@pytest.fixture
def state(tmp_path: Path) -> Path:
    """A state folder that has two sessions, and a file that is none."""
    sessions = tmp_path / "genreply" / "sessions"
    sessions.mkdir(parents=True)
    for number, name in enumerate(["late", "overlap-single"], 1):
        (sessions / f"2026010{number}T100000.000000-1.jsonl").write_bytes(
            samples()[name].read_bytes()
        )
    (sessions / "20250101T100000.000000-1.jsonl").write_text("nonsense")
    return tmp_path


def trace(state: Path, argument: str) -> Done:
    return shell(f"genreply trace {argument}", state)


def test_one_s_own_sessions_are_listed_by_number_with_what_became_of_their_calls(
    state: Path,
) -> None:
    listed = trace(state, "--list")
    rows = listed.out.splitlines()[len(samples()) :]
    assert [row.split("   ")[0].split()[0] for row in rows] == ["1", "2", "3"]
    assert rows[0].endswith("3 calls, 1 wrong, 2 timed out")
    assert rows[1].endswith("2 calls, 1 timed out")
    assert "it cannot be read" in rows[2]
    assert "NAME or NUMBER" in listed.err


def test_a_session_is_replayed_by_its_number(state: Path) -> None:
    assert trace(state, "2").out == trace(state, "late").out
    assert trace(state, "1").out == trace(state, "overlap-single").out
    beyond = trace(state, "9")
    assert beyond.code == 5
    assert "there is no such file, and 3 sessions to replay by number" in beyond.err
