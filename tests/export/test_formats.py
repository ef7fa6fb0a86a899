"""Each format is a row of the table and a module; a file appears when all of it is written."""

import os
import stat
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest
from commands import genreply

from genreply_cli.export.formats import FORMATS, MAX_PICTURE_EVENTS
from genreply_cli.paths import samples


@pytest.mark.parametrize("form", FORMATS)
def test_each_row_of_the_table_has_a_module_that_renders(form: str) -> None:
    assert callable(import_module(f"genreply_cli.export.{form}").render)
    assert all(ending.startswith(".") for ending in FORMATS[form].endings)


def test_no_two_formats_share_an_ending() -> None:
    endings = [ending for form in FORMATS.values() for ending in form.endings]
    assert len(endings) == len(set(endings))


@pytest.mark.parametrize("form", FORMATS)
@pytest.mark.parametrize("name", samples())
def test_an_export_is_the_same_each_time_to_a_file_and_to_stdout(
    form: str, name: str, tmp_path: Path
) -> None:
    path = tmp_path / f"it{FORMATS[form].endings[0]}"
    assert genreply("trace", name, "-o", path) == (0, "", "")
    assert (
        path.read_text()
        == genreply("trace", name, "--as", form).out
        == genreply("trace", name, "--as", form, "-o", "-").out
    )


def test_text_is_the_plain_timeline() -> None:
    assert (
        genreply("trace", "late", "--as", "text").out
        == genreply("trace", "late", "--print", "--plain").out
    )


def test_a_file_is_not_overwritten_unless_that_is_asked_for(tmp_path: Path) -> None:
    path = tmp_path / "it.svg"
    path.write_text("precious")
    refused = genreply("trace", "hello", "-o", path)
    hint = "choose another name; genreply trace takes --overwrite"
    assert (refused.code, refused.err) == (1, f"error: {path}: exists already\n       {hint}\n")
    assert path.read_text() == "precious"
    assert genreply("trace", "hello", "-o", path, "--overwrite").code == 0
    assert path.read_text().startswith("<?xml")


def test_what_is_read_is_not_overwritten(tmp_path: Path) -> None:
    recording, other = tmp_path / "it.txt", tmp_path / "other.svg"
    recording.write_bytes(samples()["hello"].read_bytes())
    other.write_bytes(samples()["late"].read_bytes())
    links = [tmp_path / "link.txt", tmp_path / "link.svg", tmp_path / "link.html"]
    for link in links:
        link.symlink_to(recording)
    for output in (recording, *links):
        for source, stdin in ((recording, b""), ("-", None)):
            with recording.open("rb") as file:
                done = subprocess.run(
                    [
                        sys.executable,
                        "-m",
                        "genreply_cli",
                        "trace",
                        source,
                        "-o",
                        output,
                        "--overwrite",
                    ],
                    stdin=file if stdin is None else subprocess.DEVNULL,
                    capture_output=True,
                    text=True,
                    check=False,
                )
            assert done.returncode == 2
            assert f"{output}: is what is read, and would be lost" in done.stderr
    pair = genreply("trace", recording, "--diff", other, "-o", other, "--overwrite")
    assert (pair.code, "is what is read" in pair.err) == (2, True)
    assert recording.read_bytes() == samples()["hello"].read_bytes()
    assert other.read_bytes() == samples()["late"].read_bytes()


def test_an_export_has_the_mode_of_any_new_file_or_of_the_one_that_it_replaces(
    tmp_path: Path,
) -> None:
    path = tmp_path / "it.svg"
    before = os.umask(0o027)
    try:
        assert genreply("trace", "hello", "-o", path).code == 0
        assert stat.S_IMODE(path.stat().st_mode) == 0o640
        path.chmod(0o604)
        assert genreply("trace", "hello", "-o", path, "--overwrite").code == 0
        assert stat.S_IMODE(path.stat().st_mode) == 0o604
        recording = tmp_path / "it.txt"
        assert genreply("send", "A", "--record", recording).code == 0
        assert genreply("trace", "hello", "-o", recording, "--overwrite").code == 0
        assert stat.S_IMODE(recording.stat().st_mode) == 0o600
    finally:
        os.umask(before)


def test_what_goes_wrong_on_the_way_leaves_nothing_behind(tmp_path: Path) -> None:
    broken = tmp_path / "broken.jsonl"
    broken.write_text(samples()["hello"].read_text() + "no JSON\n" + '{"seq":9}\n')
    assert genreply("trace", broken, "-o", tmp_path / "it.txt").code == 5
    assert sorted(tmp_path.iterdir()) == [broken]


@pytest.mark.parametrize(
    ("arguments", "code", "sentence"),
    [
        (
            ["-o", "it.png"],
            2,
            "'it.png' does not say what it is to be; expected a name that ends in one of .mmd",
        ),
        (["--as", "sgv"], 2, "did you mean svg?"),
        (["--as", "svg", "--stats"], 2, "--stats and --as exclude each other"),
        (
            ["--as", "svg", "-o", "no/such/folder/it.svg"],
            1,
            "no/such/folder/it.svg: cannot be written: no such file",
        ),
        (["--as", "svg", "--overwrite"], 2, "--overwrite is for --output FILE, which is missing"),
        (["--as", "svg", "-o", "/"], 1, "/: is a directory; expected a file to write to"),
    ],
)
def test_what_cannot_be_exported_gets_a_sentence(
    arguments: list[str], code: int, sentence: str
) -> None:
    done = genreply("trace", "hello", *arguments)
    assert (done.code, done.out) == (code, "")
    assert sentence in done.err


@pytest.mark.parametrize("form", ["mermaid", "svg", "html"])
def test_a_picture_of_too_much_is_refused_and_of_a_part_of_it_is_not(
    form: str, tmp_path: Path
) -> None:
    path = tmp_path / "it.jsonl"
    path.write_text(
        '{"format":"genreply","version":1}\n'
        + "".join(
            f'{{"seq":{seq},"t":{seq / 10},"kind":"mark","label":"x"}}\n'
            for seq in range(1, MAX_PICTURE_EVENTS + 2)
        )
    )
    done = genreply("trace", path, "--as", form)
    assert (done.code, done.out) == (2, "")
    assert "pick a part with --call" in done.err
    assert genreply("trace", path, "--as", form, "--from", "499").code == 0
