"""Where things are written: no home, /dev/stdout as a file, other file systems, many sessions."""

import subprocess
import sys
from pathlib import Path

import pytest
from commands import shell
from terminals import clean

from genreply_cli import paths
from genreply_cli.transcript.format import Header
from genreply_cli.transcript.writer import Writer

HOMELESS = "unset HOME XDG_STATE_HOME; export PYTHONPATH={}; setpriv --reuid 54321 --regid 54321 "
AS_STRANGER = f"{HOMELESS} --clear-groups {sys.executable} -m genreply_cli".format(
    ":".join(filter(None, [str(Path(paths.__file__).parent.parent), *sys.path]))
)
can_be_a_stranger = (
    subprocess.run(
        ["bash", "-c", f"{AS_STRANGER} --version"], capture_output=True, check=False
    ).returncode
    == 0
)
NO_HOME = "there is no home directory; set HOME or XDG_STATE_HOME"


@pytest.mark.skipif(not can_be_a_stranger, reason="needs to become a user without a home")
@pytest.mark.parametrize(
    ("command", "out", "err", "code"),
    [
        ("repl --delay 0", "Hi to you too!\n", f"note: this session is not recorded: {NO_HOME}", 0),
        ("send Hi", "Hi to you too!\n", "", 0),
        ("trace", None, "no session has been recorded yet; here are the samples", 0),
        ("trace --follow", "", f"error: {NO_HOME}", 1),
    ],
)
def test_without_a_home_nothing_is_kept_and_all_else_works(
    command: str, out: str | None, err: str, code: int, tmp_path: Path
) -> None:
    done = shell(f"cd /; echo Hi | ({AS_STRANGER} {command})", tmp_path)
    assert done.code == code
    assert out is None or done.out == out
    assert done.err.partition("\n")[0] == err


@pytest.mark.parametrize("home", ["", "relative"])
def test_a_home_that_is_no_folder_is_none(home: str, tmp_path: Path) -> None:
    script = f"cd '{tmp_path}'; unset XDG_STATE_HOME; echo Hi | HOME={home} genreply repl --delay 0"
    done = shell(script, tmp_path)
    assert done.out == "Hi to you too!\n"
    assert done.err == f"note: this session is not recorded: {NO_HOME}\n"
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    "name", ["/dev/stdout", "/dev/fd/1", "/proc/self/fd/1", "/dev/fd/3", "link"]
)
@pytest.mark.parametrize("rest", ["--as svg", "--as text", "--as html"])
def test_an_export_to_what_is_open_is_written_where_it_is(
    name: str, rest: str, tmp_path: Path
) -> None:
    script = f"""
        cd '{tmp_path}'; ln -s /dev/stdout link; genreply trace late {rest} >expected
        {{ echo before; genreply trace late {rest} -o {name} 3>&1; echo after; }} >found
        (echo before; cat expected; echo after) | cmp - found"""
    assert shell(script, tmp_path) == (0, "", "")


@pytest.mark.parametrize("name", ["/dev/stdout", "/dev/fd/3"])
def test_a_recording_to_what_is_open_is_written_where_it_is(name: str, tmp_path: Path) -> None:
    script = f"""
        cd '{tmp_path}'
        for i in 1 2; do
            genreply send Hi --clock virtual --events >expected
            (exec 3>&1; genreply send Hi --clock virtual --record {name} --quiet) >>found
        done
        cat expected expected | cmp - <(grep -v '^Hi to you' found)"""
    assert shell(script, tmp_path) == (0, "", "")


WITHOUT_LINKS = """
import errno, sys
def refuse(event, arguments):
    if event == "os.link":
        raise OSError(errno.EPERM, "Operation not permitted")
sys.addaudithook(refuse)
from genreply_cli.__main__ import main
main()
"""


def test_an_export_needs_no_hard_links(tmp_path: Path) -> None:
    command = [sys.executable, "-c", WITHOUT_LINKS, "trace", "late", "-o", "it.svg"]

    def export() -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            command, cwd=tmp_path, env=clean({}), capture_output=True, text=True, check=False
        )

    assert export().returncode == 0
    written = (tmp_path / "it.svg").read_text()
    assert written.endswith("</svg>\n")
    again = export()
    assert (again.returncode, again.stderr.partition("\n")[0]) == (
        1,
        "error: it.svg: exists already",
    )
    assert [path.name for path in tmp_path.iterdir()] == ["it.svg"]
    assert (tmp_path / "it.svg").read_text() == written


def test_a_session_that_is_being_written_is_never_removed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    oldest = paths.new_session()
    with Writer(oldest, Header()):
        for _ in range(2 * paths.MAX_SESSIONS):
            Writer(paths.new_session(), Header()).close()
        assert oldest.exists()
    ended = paths.new_session()
    assert not oldest.exists()
    assert len(list(ended.parent.iterdir())) == paths.MAX_SESSIONS - 1
