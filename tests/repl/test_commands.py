"""What a typed line means."""

import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from genreply_cli.export.formats import endings
from genreply_cli.repl.commands import COMMANDS, completions, find, help_of, help_of_all
from genreply_cli.repl.help_text import KEYS, OVERVIEW, overview
from genreply_cli.repl.syntax import Command, Greeting, parse
from genreply_cli.session import parsing
from genreply_cli.session.faults import FAULT_KINDS, parse_faults
from genreply_cli.session.own_server import OwnServer
from genreply_cli.session.served import OWN_COORDINATORS
from genreply_cli.variations import COORDINATORS

STACK = OwnServer("mine.py:Stack", object)


@pytest.mark.parametrize(
    ("line", "meaning"),
    [
        ("Hello", Greeting("Hello")),
        ("  Hello  ", Greeting("  Hello  ")),
        ("", None),
        ("   ", None),
        ("/help", Command("help")),
        ("/help  burst ", Command("help", "burst")),
        ("/burst 50 hello you", Command("burst", "50 hello you")),
        ("/", Command("")),
        ("//help", Greeting("/help")),
        ("//", Greeting("/")),
        ("Hello &", Greeting("Hello", background=True)),
        ("Hello &  ", Greeting("Hello", background=True)),
        ("two\nlines &", Greeting("two\nlines", background=True)),
        ("//help &", Greeting("/help", background=True)),
        ("R&D", Greeting("R&D")),
        ("Hello&", Greeting("Hello&")),
        ("&", Greeting("&")),
        (r"Hello \&", Greeting("Hello &")),
        (r"Hello \\&", Greeting(r"Hello \&")),
        (r"a \& b", Greeting(r"a \& b")),
    ],
)
def test_what_a_line_means(line: str, meaning: Greeting | Command | None) -> None:
    assert parse(line) == meaning


@given(st.text(min_size=1).filter(str.strip))
def test_any_text_can_be_said(text: str) -> None:
    line = f"/{text}" if text.startswith("/") else text
    ends = re.fullmatch(r"(.*\S\s+\\*)&\s*", line, re.DOTALL)
    if ends is None:
        assert parse(line) == Greeting(text)
    else:  # as it stands it would be in the background, or lose a backslash
        assert parse(f"{ends[1]}\\&") == Greeting(text.rstrip())


def test_each_command_can_be_obeyed() -> None:
    assert [name for name, command in COMMANDS.items() if not callable(command.run)] == []


def test_an_unknown_command_gets_a_guess() -> None:
    with pytest.raises(
        ValueError,
        match=r"there is no command /dealy; did you mean /delay\? \(//dealy greets with /dealy\)",
    ):
        find("dealy")
    with pytest.raises(ValueError, match="there is no command /; /help lists the commands"):
        find("")


@pytest.mark.parametrize("name", COMMANDS)
def test_each_command_has_help_with_an_example_that_is_one(name: str) -> None:
    title, *_, example = help_of(name)
    assert title == f"{f'/{name} {COMMANDS[name].argument}'.strip()}: {COMMANDS[name].does}"
    assert parse(example.strip()) == Command(name, example.strip().removeprefix(f"/{name}").strip())
    server = STACK if name in OWN_COORDINATORS.refused else OWN_COORDINATORS
    assert any(line.startswith(f"  /{name}") for line in help_of_all(server))


def test_a_server_of_ones_own_is_offered_what_it_has() -> None:
    told = "\n".join(help_of_all(STACK))
    assert all((f"  /{name}" in told) != (name in STACK.refused) for name in COMMANDS)
    offered = [word.strip() for word, _ in completions("/", [], list, STACK)]
    assert offered == [f"/{name}" for name in COMMANDS if name not in STACK.refused]
    assert [word for word, _ in completions("/crash ", [], list, STACK)] == ["stack"]
    assert help_of("crash", STACK)[1:] == ["  with stack", "  /crash stack"]
    rows = ["".join(text for text, _ in row) for row in overview(79, None, ["state", "send"])]
    assert not any("/delay" in row for row in rows)
    assert "coordinator" not in told
    assert "websocket" not in told


@pytest.mark.parametrize("columns", [119, 79, 59, 39])
def test_the_help_fits_the_terminal(columns: int) -> None:
    rows = ["".join(text for text, _ in row).rstrip() for row in overview(columns)]
    assert max(map(len, rows)) <= columns
    if columns >= 79:
        assert len(rows) < 24  # with the prompt below it
    for name in [
        *(f"/{name}" for name in COMMANDS),
        *(key for keys, _ in KEYS for key in keys.split(", ")),
    ]:
        assert any(name in row for row in rows), name


def test_where_the_overview_is_longer_than_the_terminal_it_has_the_names_alone() -> None:
    rows = ["".join(text for text, _ in row).rstrip() for row in overview(39, 23)]
    assert len(rows) <= 23
    assert max(map(len, rows)) <= 39
    assert len(list(overview(39, 60))) > 23
    assert all(any(f"/{name}" in row for row in rows) for name in COMMANDS)


def test_the_help_and_the_readme_name_each_format_of_an_export() -> None:
    readme = (Path(__file__).parents[2] / "genreply_cli" / "cli" / "README.md").read_text("utf-8")
    for ending in endings():
        assert f"(`{ending}`)" in readme
        assert ending in COMMANDS["export"].does


def test_the_texts_of_the_overview_leave_a_blank_between_two_columns() -> None:
    assert max(len(does) for group in OVERVIEW.values() for does in group.values()) <= 18


def test_the_overview_has_each_command_once() -> None:
    commands = [name for group in OVERVIEW.values() for name in group if re.match(r"/\w", name)]
    assert sorted(commands) == sorted(f"/{name}" for name in COMMANDS)


@pytest.mark.parametrize(("typed", "meant"), [("q", "quit"), ("exit", "quit"), ("h", "help")])
def test_a_short_name_stands_for_a_command(typed: str, meant: str) -> None:
    assert find(typed) is COMMANDS[meant]
    assert help_of(typed) == help_of(meant)


def test_help_may_be_asked_for_with_a_slash() -> None:
    assert help_of("/burst") == help_of("burst")


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("/del", ["/delay "]),
        ("/c", ["/calls", "/cancel ", "/coordinator ", "/crash ", "/clear"]),
        ("/coordinator s", ["single"]),
        ("/fault du", ["duplicate"]),
        ("/fault drop du", ["duplicate"]),
        ("/coordinator single k", []),
        ("/wait ", ["c2", "c3"]),
        ("/cancel a", ["all"]),
        ("/help bu", ["burst"]),
        ("/show ", ["c3", "c2", "c1"]),
        ("/explain c1", ["c1"]),
        ("/export x.svg --c", ["--call"]),
        ("/export x.svg --call c", ["c3", "c2", "c1"]),
        ("/nonsense ", []),
        ("//c", []),
        ("c", []),
    ],
)
def test_what_a_word_may_become(line: str, words: list[str]) -> None:
    assert [word for word, _ in completions(line, ["c2", "c3"], known)] == words


def known() -> list[str]:
    return ["c3", "c2", "c1"]


def test_a_path_is_completed_as_in_a_shell(tmp_path: Path) -> None:
    (tmp_path / "lunch.jsonl").touch()
    (tmp_path / "lunch").mkdir()
    (tmp_path / ".hidden").touch()
    found = [word for word, _ in completions(f"/save {tmp_path}/", [], known)]
    assert found == [f"{tmp_path}/lunch/", f"{tmp_path}/lunch.jsonl"]
    found = [word for word, _ in completions(f"/export x --overwrite {tmp_path}/.", [], known)]
    assert found == [f"{tmp_path}/.hidden"]


def test_the_names_that_can_be_typed_are_those_that_there_are() -> None:
    assert set(parsing.COORDINATORS) == set(COORDINATORS)
    for kind in FAULT_KINDS:
        assert [str(fault) for fault in parse_faults(f"{kind} {kind}:0.5")] == [
            kind,
            f"{kind}:0.5",
        ]
    assert parse_faults("off") == ()
    assert COMMANDS["fault"].words == (*FAULT_KINDS, "off")
