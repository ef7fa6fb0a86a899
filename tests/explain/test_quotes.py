"""What is quoted stands in the exhibits, and the Elixir does what the Python does."""

import inspect
import shutil
import subprocess
from itertools import product
from pathlib import Path

import pytest
from demos import CASES, played

from genreply_cli import coordinator, variations, websocket
from genreply_cli.explain.meaning import MEANINGS
from genreply_cli.explain.quotes import (
    ACTIONS,
    ELIXIR,
    SNIPPETS,
    Code,
    find_elixir,
    find_python,
    quote,
)
from genreply_cli.session import network
from genreply_cli.session.faults import FAULT_KINDS
from genreply_cli.variations import COORDINATORS

MODULES = coordinator, variations, websocket, network
SOURCES = {Path(inspect.getfile(module)).name: inspect.getsource(module) for module in MODULES}
SOURCES[ELIXIR.name] = ELIXIR.read_text()

NOT_DONE = {
    ("blocking", "keep"), ("immediate", "keep"), ("immediate", "wait inside"),
    ("single", "wait inside"), ("fifo", "wait inside"), ("keyed", "wait inside"),
    ("immediate", "reply later"), ("blocking", "forget"), ("immediate", "forget"),
    ("single", "forget"), ("fifo", "forget"), ("blocking", "ignore"), ("blocking", "reply later"),
}  # fmt: skip  # what a design does not do


@pytest.mark.parametrize(
    ("exhibit", "action"),
    [(exhibit, action) for exhibit, actions in SNIPPETS.items() for action in actions],
)
def test_each_snippet_is_found_exactly_once_in_its_source(exhibit: type, action: str) -> None:
    python, elixir = SNIPPETS[exhibit][action]
    name = exhibit.__name__
    if python is not None:
        assert find_python(exhibit, python), f"not once in class {name}, {action}:\n{python}"
    if elixir is not None:
        assert find_elixir(exhibit, elixir), f"not once in defmodule {name}, {action}:\n{elixir}"


@pytest.mark.parametrize(("design", "action"), list(product(COORDINATORS, sorted(ACTIONS))))
def test_each_action_of_a_design_is_quoted_in_both_languages(design: str, action: str) -> None:
    python, elixir = quote(action, design)
    assert (python is None) == ((design, action) in NOT_DONE)
    assert (elixir is None) == ((design, action) in NOT_DONE)


@pytest.mark.parametrize(("design", "action"), list(product(COORDINATORS, sorted(ACTIONS))))
def test_a_quote_shows_the_lines_that_stand_at_its_place(design: str, action: str) -> None:
    for code in filter(None, quote(action, design)):
        source = SOURCES[code.file].splitlines()[code.number - 1 :]
        assert code.lines[0] in source[0]
        margin = source[0].index(code.lines[0])
        for line in code.lines[1:]:
            where = next(row for row in source[1:] if row.strip() == line.strip())
            assert where == " " * margin + line


def test_a_snippet_that_stands_twice_or_not_at_all_is_not_found() -> None:
    assert find_python(coordinator.Coordinator, "state.async_pid.send_message(msg)")
    assert find_python(coordinator.Coordinator, "state") is None
    assert find_python(coordinator.Coordinator, "state.callers") is None
    assert find_python(coordinator.Coordinator, "return NoReply(state)\nmatch message:") is None
    assert find_elixir(coordinator.Coordinator, "{:noreply") is None
    assert find_elixir(coordinator.Greet, "{:noreply, state}") is None


def test_every_action_that_a_kind_of_step_stands_for_has_its_snippets() -> None:
    named = {action for row in MEANINGS.values() for action in (row.action, row.handling)}
    assert named - {None, "{what}"} <= ACTIONS
    assert set(FAULT_KINDS) <= ACTIONS


def lines_of(code: Code | None) -> tuple[str, ...]:
    return () if code is None else code.lines


def test_the_reply_is_the_line_that_replies() -> None:
    quotes = {design: quote("reply", design) for design in COORDINATORS}
    assert {design: lines_of(python) for design, (python, _) in quotes.items()} == {
        "blocking": ("return Reply(msg, state)",),
        "immediate": ('return Reply("ok", state)',),
        "single": ("GenServer.reply(state.caller, msg)",),
        "fifo": ("GenServer.reply(state.callers.popleft(), message.msg)",),
        "keyed": ("GenServer.reply(state.callers.pop(ref), msg)",),
    }
    assert {design: lines_of(elixir) for design, (_, elixir) in quotes.items()} == {
        "blocking": ("{:reply, answer, state}",),
        "immediate": ('{:reply, "ok", state}',),
        "single": ("GenServer.reply(state.caller, msg)",),
        "fifo": ("GenServer.reply(from, msg)",),
        "keyed": ("GenServer.reply(from, msg)",),
    }


def test_without_the_sources_nothing_is_quoted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("genreply_cli.explain.quotes.ELIXIR", Path("/nowhere"))
    assert find_elixir(coordinator.Coordinator, "GenServer.reply(state.caller, msg)") is None


def test_the_elixir_does_what_the_python_does() -> None:
    """Every coordinator under every fault. Skipped where Elixir is not installed."""
    command = shutil.which("elixir")
    if command is None:
        pytest.skip("no `elixir` on the path; install Elixir to run the lines that are quoted")
    expected = [", ".join([*case, *played(*case)[1]]) for case in CASES]
    for times in (1, 5, 25):  # Elixir waits in real time: on a busy machine, its demo needs longer
        network = f"delay: {200 * times}, timeout: {1500 * times}, late: {500 * times}"
        demo = f"Demo.run(%{{{network}, hold: {250 * times}}}, {50 * times})"
        outcomes = subprocess.check_output([command, "-r", ELIXIR, "-e", demo], text=True)
        if outcomes.splitlines() == expected:
            return
    assert outcomes.splitlines() == expected
