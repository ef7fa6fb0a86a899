"""A recording keeps where callbacks are; they are shown if they are still those that ran."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from commands import genreply
from terminals import clean

from genreply_cli.observe import watch
from genreply_cli.otp import Continue, From, GenServer, Node, NoReply, Reply
from genreply_cli.otp.virtual_time import run
from genreply_cli.transcript.callbacks import places_of
from genreply_cli.transcript.reader import read

PROGRAM = """\
import asyncio
from genreply_cli.otp import GenServer, Node, NoReply, Reply


class Coordinator(GenServer):  # as an exhibit is called
    def init(self):
        return []

    def handle_call(self, request, from_, waiting):
        if request == "now":
            return Reply("here", waiting)
        return NoReply([*waiting, from_])

    def handle_cast(self, answer, waiting):
        for from_ in waiting:
            GenServer.reply(from_, answer)
        return NoReply([])


async def main():
    async with Node():
        server = Coordinator.start()
        await server.call("now")
        later = asyncio.create_task(server.call("later"))
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        server.cast("at last")
        await later


asyncio.run(main())
"""
HANDLE_CAST = """\
           Python, app/mine.py:14: def handle_cast(self, answer, waiting):
           Python, app/mine.py:15:     for from_ in waiting:
           Python, app/mine.py:16:         GenServer.reply(from_, answer)
           Python, app/mine.py:17:     return NoReply([])
"""


@pytest.fixture
def recorded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder in which a program ran: `app/mine.py` recorded itself to `run.jsonl`."""
    (tmp_path / "app").mkdir()
    (tmp_path / "app" / "mine.py").write_text(PROGRAM)
    environment = clean({}) | {"GENREPLY_RECORD": "run.jsonl"}
    command = [sys.executable, "app/mine.py"]
    subprocess.run(command, cwd=tmp_path, env=environment, check=True, timeout=60)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_a_callback_stands_beside_what_it_did(recorded: Path) -> None:
    told = genreply("trace", "run.jsonl", "--explain", "--call", "c2").out
    assert told.count("mine.py:9: def handle_call(self, request, from_, waiting):") == 1
    assert HANDLE_CAST in told
    assert "Elixir" not in told  # it is not the exhibit of this name
    assert str(recorded) not in (recorded / "run.jsonl").read_text()
    assert genreply("trace", "run.jsonl", "--check").code == 0


def test_the_page_shows_it_and_another_folder_can_be_named(
    recorded: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    elsewhere = recorded / "elsewhere"
    elsewhere.mkdir()
    monkeypatch.chdir(elsewhere)
    page = genreply("trace", "../run.jsonl", "--as", "html").out
    where = "app/mine.py:14: is not there; --source DIR says where the program is"
    assert where in page
    page = genreply("trace", "../run.jsonl", "--as", "html", "--source", "..").out
    assert "app/mine.py:14</small><pre>def handle_cast" in page


def test_lines_that_have_changed_are_not_shown(recorded: Path) -> None:
    source = recorded / "app" / "mine.py"
    source.write_text(source.read_text().replace("NoReply([])", "NoReply(waiting)"))
    told = genreply("trace", "run.jsonl", "--explain", "--call", "c2").out
    assert "mine.py:14: has changed since it was recorded" in told
    assert "for from_ in waiting" not in told
    assert "mine.py:9: def handle_call" in told  # this one has not


@pytest.mark.parametrize("file", ["/etc/hostname", "../mine.py", "app"])
def test_only_files_of_the_folder_are_read(recorded: Path, file: str) -> None:
    (recorded.parent / "mine.py").write_text(PROGRAM)
    lines = (recorded / "run.jsonl").read_text().splitlines()
    start = json.loads(lines[1])
    start["callbacks"]["handle_cast"]["file"] = file
    (recorded / "run.jsonl").write_text("\n".join([lines[0], json.dumps(start), *lines[2:]]))
    told = genreply("trace", "run.jsonl", "--explain", "--call", "c2").out
    assert "for from_ in waiting" not in told
    assert f"{file}:14: is not" in told


def test_a_folder_that_is_none_is_refused() -> None:
    done = genreply("trace", "late", "--explain", "--source", "nowhere")
    assert done.code == 2
    assert "'nowhere' is no folder; expected the one where the program ran" in done.err
    done = genreply("trace", "late", "--stats", "--source", ".")
    assert done.code == 2
    assert "--explain, or an export as html" in done.err


@pytest.mark.parametrize("folder", ["/", "site-packages"])
def test_no_path_from_the_root_and_none_of_what_is_installed_is_kept(
    recorded: Path, folder: str
) -> None:
    (recorded / "app").rename(recorded / "site-packages")
    script = recorded / "site-packages" / "mine.py"
    record = recorded / "again.jsonl"
    environment = clean({}) | {"GENREPLY_RECORD": str(record)}
    cwd = Path("/") if folder == "/" else recorded
    subprocess.run([sys.executable, script], cwd=cwd, env=environment, check=True, timeout=60)
    files = [
        place["file"]
        for step in read(str(record))[1]
        for place in step.details.get("callbacks", {}).values()
    ]
    assert files == (["mine.py"] * 3 if folder == "/" else [])


class Continues(GenServer[None]):
    """What it does after handle_call may be done by handle_continue: the recording is the same."""

    def init(self) -> None:
        return None

    def handle_call(self, request: str, from_: From[str], state: None) -> Any:
        return NoReply(state, then=Continue(from_)) if request == "later" else Reply("a", state)

    def handle_continue(self, continuation: From[str], state: None) -> NoReply[None]:
        GenServer.reply(continuation, "b")
        return NoReply(state)


def test_what_may_have_been_done_in_one_of_two_callbacks_has_no_code(tmp_path: Path) -> None:
    path = tmp_path / "run.jsonl"

    async def main() -> None:
        async with Node():
            with watch(record=path):
                server = Continues.start()
                Continues.start()
                await server.call("later")

    run(main())
    assert [step.kind for step in read(str(path))[1] if "callbacks" in step.details] == ["start"]
    told = genreply("trace", path, "--explain", "--source", Path.cwd()).out
    assert "def handle_call" in told  # it kept the caller
    assert "def handle_continue" not in told
    assert told.count("def ") == 1


def test_callbacks_of_installed_packages_and_of_genreply_are_not_kept() -> None:
    class Inherits(GenServer[None]):
        pass

    assert places_of(Inherits) == {}
    assert set(places_of(Continues)) == {"init", "handle_call", "handle_continue"}
