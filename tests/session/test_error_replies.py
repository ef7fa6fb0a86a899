"""A reply that is an error is one outcome, called alike by all that tells of the call."""

import json
from pathlib import Path

import pytest
from commands import Done, genreply, shell
from recordings import index_at, read_all, steps_of

from genreply_cli.player.keys import failures
from genreply_cli.player.panels import describe_snapshot
from genreply_cli.player.state import State
from genreply_cli.player.view import render
from genreply_cli.transcript.snapshot import Snapshot

PICKY = """
from genreply_cli.otp import CallTimeout, GenServer, Raise, Reply

class Picky(GenServer):
    def init(self): return None

    def handle_call(self, request, from_, state):
        answers = {
            "no": Raise(ValueError("not today")),
            "late": Raise(CallTimeout("another server", None, 2.0)),
            "alike": {"raise": "ValueError: not today"},
        }
        return Reply(answers.get(request, request), state)
"""


@pytest.fixture
def picky(tmp_path: Path) -> list[str]:
    path = tmp_path / "picky.py"
    path.write_text(PICKY)
    return ["--server", f"{path}:Picky"]


def recorded(picky: list[str], folder: Path) -> tuple[Path, Done]:
    """A recording of calls, the second of which is answered with an error."""
    path = folder / "errors.jsonl"
    return path, genreply("send", *picky, "--record", path, '"yes"', '"no"', '"yes"')


def test_send_names_the_error_and_has_an_exit_status_for_it(picky: list[str]) -> None:
    done = genreply("send", *picky, '"yes"', '"no"')
    assert (done.code, done.out) == (7, "yes\n")
    assert done.err.startswith("error: c2 got an error: ValueError: not today\n")
    assert genreply("send", *picky, "--strict", '"no"').code == 7


def test_json_names_the_status_and_the_error(picky: list[str]) -> None:
    done = genreply("send", *picky, "--json", '"no"')
    said = json.loads(done.out)
    assert (done.code, done.err) == (7, "")
    assert (said["status"], said["error"]) == ("error", "ValueError: not today")
    assert "reply" not in said


def test_an_error_of_a_call_may_be_a_reply_as_well(picky: list[str]) -> None:
    """The server passes on that another one has not answered in time; it has answered itself."""
    said = json.loads(genreply("send", *picky, "--json", '"late"').out)
    assert said["status"] == "error"
    assert said["error"].startswith("CallTimeout: call 'another server'")


def test_a_value_that_looks_like_an_error_is_none(picky: list[str], tmp_path: Path) -> None:
    path = tmp_path / "alike.jsonl"
    done = genreply("send", *picky, "--record", path, '"alike"')
    assert (done.code, done.out) == (0, "{'raise': 'ValueError: not today'}\n")
    assert steps_of(path)[-1].details["replied"] == 1


def test_all_views_of_a_recording_call_it_an_error(picky: list[str], tmp_path: Path) -> None:
    path, _ = recorded(picky, tmp_path)
    row, end = "raises ValueError: not today", "calls 3, replied 2, errors 1"
    rows = genreply("trace", path, "--print").out
    assert f"c2 reply picky -> caller: {row}" in rows
    assert end in rows
    assert "answers caller with an error" in genreply("trace", path, "--view", "accessible").out
    assert "error 1" in " ".join(genreply("trace", path, "--stats").out.split())
    assert json.loads(genreply("trace", path, "--stats", "--json").out)["outcomes"]["error"] == 1
    story = genreply("trace", path, "--explain", "--call", "c2").out
    assert "picky replies with the error ValueError: not today; caller raises it" in story
    for ending, text in {
        "svg": "c2 gets an error",
        "html": '<span class="wrong">got an error',
        "mmd": "c2 reply raises ValueError: not today",
        "perfetto.json": 'c2 \\"no\\": error',
    }.items():
        out = path.with_suffix(f".{ending}")
        assert genreply("trace", path, "-o", out).code == 0
        assert text in out.read_text()
    picture = path.with_suffix(".svg").read_text()
    assert "picky.py:Picky: 3 calls" in picture
    assert "2 answered, 1 got an error" in picture


def test_the_player_finds_and_counts_it(picky: list[str], tmp_path: Path) -> None:
    path, _ = recorded(picky, tmp_path)
    snapshot = Snapshot()
    for step in (steps := steps_of(path)):
        snapshot.update(step)
    assert "answered 2" in (told := describe_snapshot(snapshot, snapshot.t))
    assert "errors 1" in told
    index = read_all(index_at(path))
    found = [number for number in failures(index) if number is not None]
    assert [steps[number].call for number in found] == ["c2"]
    rows = render(State(number=found[0], explanation="code"), index, 120, 30).rows
    text = " ".join(" ".join(part for part, _ in row) for row in rows)
    assert "picky itself has not failed" in " ".join(text.split())
    assert "the code of a server of your own is shown by: genreply trace" in text


def test_earlier_recordings_that_count_it_as_replied_read_as_before(
    picky: list[str], tmp_path: Path
) -> None:
    path, _ = recorded(picky, tmp_path)
    assert genreply("trace", path, "--check").code == 0
    text = path.read_text()
    assert '"replied":2,"errors":1' in text
    path.write_text(text.replace('"replied":2,"errors":1', '"replied":3'))
    assert genreply("trace", path, "--check").code == 0
    path.write_text(text.replace('"replied":2,"errors":1', '"replied":3,"errors":1'))
    assert genreply("trace", path, "--check").code == 5


def test_the_repl_shows_the_error_and_goes_on(picky: list[str], tmp_path: Path) -> None:
    lines = """printf '"no"\\n"yes"\\n/show c1\\n'"""
    done = shell(f"{lines} | genreply repl {picky[1]} --strict", tmp_path)
    assert done.code == 7
    assert "error: c1 got an error: ValueError: not today\n" in done.err
    assert done.out.startswith("yes\n")
    assert "c1 reply picky -> caller: raises ValueError: not today" in done.out


PROXY = """
from genreply_cli.otp import GenServer, NoReply, Reply, fail

class Proxy(GenServer):
    def init(self): return None

    def handle_call(self, request, from_, state):
        if request == "yes": return Reply(request, state)
        fail(from_, request)
        return NoReply(state)
"""


def test_a_call_that_a_living_process_fails_is_not_said_to_have_met_a_dead_one(
    tmp_path: Path,
) -> None:
    server, path = tmp_path / "proxy.py", tmp_path / "failed.jsonl"
    server.write_text(PROXY)
    done = genreply(
        "send", "--server", f"{server}:Proxy", "--record", path, "noproc", "gone", "yes"
    )
    assert done.out == "yes\n"
    assert genreply("trace", path, "--check").code == 0
    rows = genreply("trace", path, "--print").out
    assert "c1 down proxy -> caller: proxy fails the call: noproc (after " in rows
    assert "c2 down proxy -> caller: proxy fails the call: gone (after " in rows
    told = genreply("trace", path, "--explain").out
    assert "proxy fails the call, after" in told
    forged = tmp_path / "forged.jsonl"
    forged.write_text(
        path.read_text().replace(', "passed_on": true', "").replace(',"passed_on":true', "")
    )
    assert (
        "expected a process that has exited; proxy lives"
        in genreply("trace", forged, "--check").out
    )
