"""Transcripts of version 1 are read by all tools, and nothing is said that they do not record."""

import json
from pathlib import Path

import pytest
from commands import genreply
from recordings import index_at, read_all
from versions import old_samples, without_marks

from genreply_cli.export.formats import FORMATS
from genreply_cli.paths import samples
from genreply_cli.player.state import State
from genreply_cli.player.view import render
from genreply_cli.transcript.reader import read

OLD = old_samples()


def test_each_is_a_sample_of_today() -> None:
    assert OLD
    assert set(OLD) <= set(samples())


@pytest.mark.parametrize("name", OLD)
def test_they_are_valid_and_are_copied_as_they_are(name: str) -> None:
    checked = genreply("trace", OLD[name], "--check")
    assert (checked.code, checked.out) == (0, "")
    assert genreply("trace", OLD[name], "--events").out == OLD[name].read_text()
    assert read(OLD[name])[0].version == 1


@pytest.mark.parametrize("name", OLD)
def test_they_say_the_same_as_those_of_today_but_for_what_servers_keep(
    name: str, tmp_path: Path
) -> None:
    """Run again, and compared with a sample of today, they are equal; and so are all rows."""
    sample = tmp_path / f"{name}.jsonl"
    sample.write_text(without_marks(samples()[name]))
    assert genreply("trace", OLD[name], "--rerun", "--times").code == 0
    assert genreply("trace", OLD[name], "--diff", sample, "--times").code == 0
    assert genreply("trace", sample, "--diff", OLD[name]).code == 0
    for view in ("wide", "narrow", "smallest", "accessible", "plain"):
        rows = without_server_glyphs(genreply("trace", OLD[name], "--view", view).out)
        today = without_server_glyphs(genreply("trace", sample, "--view", view).out)
        shown = [row for row in today[:-1] if "forgot" not in row]
        pairs = [pair for pair in zip(rows[:-1], shown, strict=True) if "in vain" not in pair[1]]
        assert [row for row, _ in pairs] == [row for _, row in pairs]
        has_wrong_answers = name == "overlap-single"  # which version 1 counts as replies
        assert (rows[-1] == today[-1]) is not has_wrong_answers
    stats, today_stats = (
        json.loads(genreply("trace", source, "--stats", "--json").out)
        for source in (OLD[name], sample)
    )
    del today_stats["kinds"]["state"]
    assert stats == today_stats


def without_server_glyphs(text: str) -> list[str]:
    """The rows without the signs of what servers keep and of handlers that run."""
    return text.translate(str.maketrans("║╟╢□", "│├┤│")).splitlines()


@pytest.mark.parametrize("name", OLD)
def test_a_row_does_not_say_that_a_caller_is_kept_where_that_is_not_recorded(name: str) -> None:
    assert "□" not in genreply("trace", OLD[name], "--view", "wide").out
    assert "□" in genreply("trace", name, "--view", "wide").out


@pytest.mark.parametrize("name", OLD)
def test_their_calls_are_explained(name: str) -> None:
    story = genreply("trace", OLD[name], "--explain")
    assert (story.code, story.err) == (0, "")
    if name == "overlap-single":
        assert story.out.count("the caller of c1 is forgotten.") == 1
        assert story.out.count("the caller of c2 is forgotten.") == 1


@pytest.mark.parametrize("name", OLD)
@pytest.mark.parametrize("form", FORMATS)
def test_they_are_exported(name: str, form: str) -> None:
    done = genreply("trace", OLD[name], "--as", form)
    assert (done.code, done.err) == (0, "")
    assert done.out


@pytest.mark.parametrize("name", OLD)
def test_the_player_says_who_waits_and_that_no_more_is_recorded(name: str) -> None:
    index = read_all(index_at(OLD[name]))
    for number, step in enumerate(index.steps(0)):
        rows = render(State(number=number, playing=False), index, 120, 30).rows
        text = " ".join(" ".join("".join(text for text, _ in row) for row in rows).split())
        assert "keeps c" not in text
        if step.kind == "noreply":
            assert "waiting at the coordinator (what it keeps is not recorded): c" in text


def test_the_number_of_those_who_wait_may_be_a_list_of_them(tmp_path: Path) -> None:
    path = tmp_path / "it.jsonl"
    text = OLD["overlap-single"].read_text()
    path.write_text(text.replace('"waiting":["c1","c2"]', '"waiting":2'))
    assert genreply("trace", path, "--check").code == 0
    assert genreply("trace", path).out == genreply("trace", OLD["overlap-single"]).out
