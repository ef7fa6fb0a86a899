"""A kind of step is described in three tables, and nowhere else is there a list of kinds."""

import ast
from collections.abc import Iterator
from pathlib import Path
from typing import get_args

import genreply_cli
from genreply_cli.explain.meaning import MEANINGS
from genreply_cli.otp.events import Kind
from genreply_cli.session.faults import FAULT_KINDS
from genreply_cli.timeline.kinds import STYLES
from genreply_cli.transcript.step import DROPPED, ENDED, KINDS, Step

PACKAGE = Path(genreply_cli.__file__).parent
TABLES = {"transcript/step.py", "timeline/kinds.py", "explain/meaning.py"}
RUNTIME = "otp/"  # names its events itself: it knows nothing of transcripts
VARIANTS = {
    "passed on",
    "wrong",
    "raised",
    "forget",
    "message",
    "stopped",
    "linked",
    "nobody",
    "monitor",
    "gave up",
    "unknown fault",
    "note",
}


def test_the_three_tables_have_the_same_kinds() -> None:
    assert set(STYLES) - VARIANTS == set(KINDS)
    assert set(MEANINGS) - VARIANTS == set(KINDS)


def test_every_event_of_the_runtime_is_a_kind_of_step_but_for_notes_of_the_program() -> None:
    assert set(get_args(Kind)) - {"note"} <= set(KINDS)


def test_no_other_module_has_a_list_of_kinds() -> None:
    modules = {str(path.relative_to(PACKAGE)): path for path in PACKAGE.rglob("*.py")}
    assert modules.keys() >= TABLES
    found = {
        name: lists
        for name, path in modules.items()
        if name not in TABLES
        and not name.startswith(RUNTIME)
        and (lists := list(lists_of_kinds(ast.parse(path.read_text()))))
    }
    assert found == {}


def test_the_messages_of_a_mailbox_are_those_that_go_to_a_process() -> None:
    assert [kind for kind, facts in KINDS.items() if facts.queued] == ["call", "cast", "info"]


def test_such_lists_would_be_found() -> None:
    for source in (
        'frozenset({"reply", "timeout", "cancel", "down"})',
        '{"call": "ask", "cast": "pass on", "noreply": "keep"}',
        '["crash", "exit", "down"]',
        '("late", "down", "lost")',
    ):
        assert list(lists_of_kinds(ast.parse(source)))


def lists_of_kinds(module: ast.Module) -> Iterator[list[str]]:
    """The sets, dicts, lists and tuples with three or more strings, most of them kinds."""
    for node in ast.walk(module):
        match node:
            case ast.Set(elts=items) | ast.List(elts=items) | ast.Tuple(elts=items):
                names = [item.value for item in items if isinstance(item, ast.Constant)]
            case ast.Dict(keys=keys):
                names = [key.value for key in keys if isinstance(key, ast.Constant)]
            case _:
                continue
        if set(names) <= set(FAULT_KINDS):  # three faults have the names of steps
            continue
        kinds = [name for name in names if isinstance(name, str) and name in KINDS]
        if len(kinds) >= 3 and 2 * len(kinds) > len(names):
            yield kinds


def test_outcomes_come_in_the_order_of_the_table() -> None:
    assert ENDED == ("replied", "wrong caller", "error", "timed out", "cancelled", "failed")
    assert DROPPED == ("late", "duplicate", "lost")


def test_what_a_step_says_of_its_call() -> None:
    """The kind decides; an answer for another call and the message of a monitor are exceptions."""
    assert [kind for kind in KINDS if step(kind).ends_call] == ["reply", "timeout", "cancel"]
    assert step("reply").outcome == "replied"
    assert step("reply", **{"for": "c2"}).outcome == "wrong caller"
    assert step("late", **{"for": "c2"}).outcome == "late"
    assert (step("down").outcome, step("down").ends_call) == (None, False)
    told = step("down", blocked=1.0)
    assert (told.outcome, told.ends_call) == ("failed", True)
    assert (step("tomorrow").outcome, step("tomorrow").ends_call) == (None, False)


def step(kind: str, **details: object) -> Step:
    return Step(1, 0.0, kind, "c1", details=details)
