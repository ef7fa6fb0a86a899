"""The samples are what the demos give, byte for byte."""

from pathlib import Path

import pytest

from genreply_cli.paths import samples
from genreply_cli.session.scenarios import SCENARIOS, record


def test_there_is_a_sample_for_each_demo() -> None:
    assert sorted(samples()) == sorted(SCENARIOS)


@pytest.mark.parametrize("name", SCENARIOS)
def test_a_demo_gives_its_sample_again(name: str, tmp_path: Path) -> None:
    record(SCENARIOS[name], tmp_path / "again.jsonl")
    assert (tmp_path / "again.jsonl").read_bytes() == samples()[name].read_bytes()
