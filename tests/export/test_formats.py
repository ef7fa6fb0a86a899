"""Each format is a row of the table and a module; a file appears when all of it is written."""

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
