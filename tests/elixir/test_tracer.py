"""The article's modules on a real BEAM node, recorded by tracer.exs and read by genreply."""

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
from commands import genreply

import genreply_cli

ELIXIR = Path(genreply_cli.__file__).parent / "elixir"
OUTCOMES = {
    "hello": ["info"],
    "overlap": ["info", "info", "info", "timeout", "timeout"],
    "late": ["timeout", "info", "late", "info"],
    "crash": [],
}
SCENARIOS = list(OUTCOMES)

pytestmark = pytest.mark.skipif(
    shutil.which("elixir") is None,
    reason="no `elixir` on the path; install Elixir to record a real BEAM node",
)


def run(*arguments: str | Path) -> str:
    """What a run of elixir prints."""
    command = ["elixir", *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


@pytest.fixture(scope="module")
def recordings(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("beam")
    recordings = {name: folder / f"{name}.jsonl" for name in SCENARIOS}
    for name, path in recordings.items():
        for times in ("1", "5", "25"):  # a busy machine needs longer waits
            path.write_text(run(ELIXIR / "scenarios.exs", name, times))
            if outcomes(path) == OUTCOMES[name]:
                break
    return recordings


def outcomes(path: Path) -> list[str]:
    """The kinds of steps that depend on how long the waits are, in their order."""
    told = [step.split()[1] for step in kinds(path)]
    return [kind for kind in told if kind in {"info", "timeout", "late"}]


def kinds(path: Path) -> list[str]:
    """The kinds of the steps, with whom they belong to."""
    steps = [json.loads(line) for line in genreply("trace", path, "--events").out.splitlines()[1:]]
    return [f"{step.get('call', '-')} {step['kind']}" for step in steps]


def test_the_tracer_writes_what_the_beam_shows_and_no_more(recordings: dict[str, Path]) -> None:
    for path in recordings.values():
        header, *steps = map(json.loads, path.read_text().splitlines())
        assert header["by"].startswith("Elixir ")
        assert steps[0]["at"].startswith("#PID<")
        assert {step["call"][:12] for step in steps if "call" in step} == {"#Reference<0"}
        written = {name for step in steps for name in step}
        assert not written & {"cause", "for", "blocked", "ago", "link", "waiting"}


@pytest.mark.parametrize("name", SCENARIOS)
@pytest.mark.parametrize("view", ["plain", "wide", "narrow", "smallest", "accessible"])
def test_every_view_shows_it(recordings: dict[str, Path], name: str, view: str) -> None:
    done = genreply("trace", recordings[name], "--view", view)
    assert (done.code, done.err) == (0, "")
    assert "Hello" in done.out or '"A"' in done.out
    assert "#PID" not in done.out
    assert "#Ref" not in done.out


@pytest.mark.parametrize("name", SCENARIOS)
@pytest.mark.parametrize("form", ["svg", "html", "mermaid", "perfetto", "text"])
def test_every_export_shows_it(recordings: dict[str, Path], name: str, form: str) -> None:
    done = genreply("trace", recordings[name], "--as", form)
    assert (done.code, done.err) == (0, "")
    assert "caller" in done.out
    assert "#PID" not in done.out


@pytest.mark.parametrize("name", SCENARIOS)
def test_nothing_is_wrong_with_it(recordings: dict[str, Path], name: str) -> None:
    done = genreply("trace", recordings[name], "--check")
    assert (done.code, done.out) == (0, "")


def test_one_greeting_is_kept_and_answered_later(recordings: dict[str, Path]) -> None:
    assert kinds(recordings["hello"]) == [
        "- start", "- start", "c1 call", "c1 cast", "c1 info", "c1 reply", "- end",
    ]  # fmt: skip


def test_the_wrong_caller_is_seen(recordings: dict[str, Path]) -> None:
    path = recordings["overlap"]
    shown = genreply("trace", path).out
    assert 'c3 reply coordinator -> caller-3: "A to you too!" (WRONG CALLER: asked by c1)' in shown
    assert "c1 timeout caller: gave up; its answer went to c3" in shown
    assert "c2 timeout caller-2: gave up; its answer went to c3" in shown
    explained = genreply("trace", path, "--explain", "--call", "c1").out
    assert 'WRONG CALLER: coordinator replies "A to you too!" to caller-3' in explained
    assert "coordinators.exs:39: GenServer.reply(state.caller, msg)" in explained


def test_a_caller_gives_up_and_the_answer_is_late(recordings: dict[str, Path]) -> None:
    assert kinds(recordings["late"]) == [
        "- start", "- start", "c1 call", "c1 cast", "c1 timeout", "c1 info", "c1 late",
        "c2 call", "c2 cast", "c2 info", "c2 reply", "- end",
    ]  # fmt: skip


def test_the_socket_crashes_and_all_who_wait_are_told(recordings: dict[str, Path]) -> None:
    path = recordings["crash"]
    ends = ["- exit", "- exit", "c1 down", "c2 down", "- end"]
    assert kinds(path) == [
        "- start",
        "- start",
        *["c1 call", "c1 cast", "c2 call", "c2 cast"],
        *ends,
    ]
    assert "exit websocket -> coordinator: linked" in genreply("trace", path).out


OWN = r"""
defmodule MyApp.Stack do
  use GenServer
  def init(items), do: {:ok, items}
  def handle_call(:pop, _from, [top | rest]), do: {:reply, top, rest}
  def handle_cast({:push, item}, items), do: {:noreply, [item | items]}
end

{:ok, _} = GenServer.start(MyApp.Stack, ["hello"], name: MyApp.Stack)
GenreplyTracer.start(hd(System.argv()), [MyApp.Stack])
nasty = "\e[31m\u202e\"\\\n\u2028é"
values = [nasty, <<255>>, 1.5e-7, nil, true, :atom, {1, [2 | 3]}, %{"b" => %{1 => 2}, a: 1}, 1..2]
for value <- values, do: GenServer.cast(MyApp.Stack, {:push, value})
for _ <- values, do: GenServer.call(MyApp.Stack, :pop)
spawn(fn -> GenServer.call(MyApp.Stack, :oops) end)
Process.sleep(100)
GenreplyTracer.stop()
"""


def test_a_server_of_ones_own_is_recorded(tmp_path: Path) -> None:
    script, path = tmp_path / "own.exs", tmp_path / "own.jsonl"
    script.write_text("Logger.configure(level: :none)\n" + OWN)
    run("-r", ELIXIR / "tracer.exs", script, path)
    text = path.read_text()
    assert not {character for character in text if not character.isprintable()} - {"\n"}
    steps: list[dict[str, Any]] = [json.loads(line) for line in text.splitlines()[1:]]
    pushed = [step["message"][1] for step in steps if step["kind"] == "cast"]
    assert pushed == [
        '\x1b[31m\u202e"\\\n\u2028é', {"repr": "<<255>>"}, 1.5e-7, None, True, "atom",
        [1, {"repr": "[2 | 3]"}], {"a": 1, "b": {"repr": "%{1 => 2}"}}, {"repr": "1..2"},
    ]  # fmt: skip
    shown = genreply("trace", path).out
    assert "start MyApp.Stack: MyApp.Stack" in shown
    assert 'c1 call caller -> MyApp.Stack: "pop"' in shown
    assert "exit MyApp.Stack: ended: function_clause" in shown


def test_it_does_not_overwrite_a_file(tmp_path: Path) -> None:
    path = tmp_path / "it.jsonl"
    path.write_text("mine")
    code = f'GenreplyTracer.start("{path}", [])'
    command = ["elixir", "-r", str(ELIXIR / "tracer.exs"), "-e", code]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 1
    assert "file already exists" in done.stderr
    assert path.read_text() == "mine"


def test_an_unknown_scenario_is_refused_with_the_names_of_all() -> None:
    command = ["elixir", str(ELIXIR / "scenarios.exs"), "lunch"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == "usage: elixir scenarios.exs hello|overlap|late|crash [TIMES]\n"
