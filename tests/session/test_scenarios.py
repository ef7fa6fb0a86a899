"""The samples are what the demos give, byte for byte."""

from pathlib import Path

import pytest

from genreply_cli.learn.lessons import LESSONS
from genreply_cli.paths import samples
from genreply_cli.session.faults import FAULT_KINDS
from genreply_cli.session.scenarios import SCENARIOS, record
from genreply_cli.transcript.reader import read
from genreply_cli.variations import COORDINATORS


def test_there_is_a_sample_for_each_demo() -> None:
    assert sorted(samples()) == sorted(SCENARIOS)


def test_there_is_a_sample_for_each_fault_and_for_each_coordinator_of_a_lesson() -> None:
    assert set(FAULT_KINDS) <= set(SCENARIOS)
    shown = {COORDINATORS[scenario.settings.coordinator][0] for scenario in SCENARIOS.values()}
    assert {lesson.coordinator for lesson in LESSONS} <= shown


@pytest.mark.parametrize("name", SCENARIOS)
def test_a_sample_has_a_title_and_marks_for_people(name: str) -> None:
    header, steps = read(samples()[name])
    assert header.title == SCENARIOS[name].title
    marks = [(step.t, step.details["label"]) for step in steps if step.kind == "mark"]
    assert tuple(marks) == SCENARIOS[name].marks
    assert marks


@pytest.mark.parametrize("name", SCENARIOS)
def test_a_demo_gives_its_sample_again(name: str, tmp_path: Path) -> None:
    record(SCENARIOS[name], tmp_path / "again.jsonl")
    assert (tmp_path / "again.jsonl").read_bytes() == samples()[name].read_bytes()
