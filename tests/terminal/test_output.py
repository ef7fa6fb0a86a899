"""How a stream is written to: the flags, the environment and the stream decide, in this order."""

import inspect
import io
import re
from collections.abc import Mapping
from itertools import product
from typing import Any

import pytest
import typer

from genreply_cli.cli.app import app
from genreply_cli.cli.send import SendOptions
from genreply_cli.terminal.output import OutputOptions, choose_mode
from genreply_cli.terminal.progress import ProgressBar
from genreply_cli.terminal.screen import Screen
from genreply_cli.timeline.views import View
from genreply_cli.transcript.step import Step


class Stream(io.TextIOWrapper):
    """A stream that is a terminal, or is not."""

    def __init__(self, *, terminal: bool, encoding: str = "utf-8") -> None:
        super().__init__(io.BytesIO(), encoding=encoding, write_through=True)
        self._terminal = terminal

    def isatty(self) -> bool:
        return self._terminal

    @property
    def written(self) -> str:
        assert isinstance(self.buffer, io.BytesIO)
        return self.buffer.getvalue().decode(self.encoding)


TERMINAL, PIPE = True, False


def environments(**values: list[str | None]) -> list[dict[str, str]]:
    """Every combination; None: not set."""
    chosen = product(*values.values())
    return [
        {name: value for name, value in zip(values, each, strict=True) if value is not None}
        for each in chosen
    ]


EVERY = environments(
    NO_COLOR=[None, "", "1"],
    FORCE_COLOR=[None, "", "0", "1"],
    ACCESSIBLE=[None, "", "0", "False", "1"],
    TERM=[None, "xterm-256color", "dumb"],
)
VIEWS: list[View | None] = [None, "wide", "narrow", "smallest", "plain", "accessible"]

# --- colours ---

COLOURS: list[tuple[bool, dict[str, str], bool]] = [
    (TERMINAL, {}, True),
    (PIPE, {}, False),
    (TERMINAL, {"TERM": "dumb"}, False),
    (TERMINAL, {"NO_COLOR": "1"}, False),
    (TERMINAL, {"NO_COLOR": "0"}, False),  # any value that is not empty
    (TERMINAL, {"NO_COLOR": ""}, True),
    (PIPE, {"FORCE_COLOR": "1"}, True),
    (PIPE, {"FORCE_COLOR": "3"}, True),
    (PIPE, {"FORCE_COLOR": "0"}, False),
    (PIPE, {"FORCE_COLOR": ""}, False),
    (TERMINAL, {"FORCE_COLOR": "0"}, True),
    (TERMINAL, {"FORCE_COLOR": "1", "TERM": "dumb"}, True),
    (TERMINAL, {"FORCE_COLOR": "1", "NO_COLOR": "1"}, False),
    (PIPE, {"FORCE_COLOR": "1", "NO_COLOR": "1"}, False),
]


@pytest.mark.parametrize(("terminal", "environment", "color"), COLOURS)
def test_colours_follow_the_environment_and_the_stream(
    terminal: bool, environment: dict[str, str], color: bool
) -> None:
    assert choose_mode(Stream(terminal=terminal), OutputOptions(), environment).color is color


@pytest.mark.parametrize("terminal", [TERMINAL, PIPE])
def test_a_flag_for_colours_is_stronger_than_all_else(terminal: bool) -> None:
    stream = Stream(terminal=terminal)
    for environment in EVERY:
        assert choose_mode(stream, OutputOptions(color="always"), environment).color
        assert not choose_mode(stream, OutputOptions(color="never"), environment).color


# --- views ---

CHOICES: list[tuple[bool, OutputOptions, dict[str, str], View | None]] = [
    (TERMINAL, OutputOptions(), {}, None),
    (PIPE, OutputOptions(), {}, "plain"),
    (TERMINAL, OutputOptions(), {"TERM": "dumb"}, "plain"),
    (TERMINAL, OutputOptions(), {"ACCESSIBLE": "1"}, "accessible"),
    (PIPE, OutputOptions(), {"ACCESSIBLE": "yes"}, "accessible"),
    (TERMINAL, OutputOptions(), {"ACCESSIBLE": "1", "TERM": "dumb"}, "accessible"),
    (TERMINAL, OutputOptions(), {"ACCESSIBLE": "0"}, None),
    (TERMINAL, OutputOptions(), {"ACCESSIBLE": "False"}, None),
    (TERMINAL, OutputOptions(), {"ACCESSIBLE": ""}, None),
    (TERMINAL, OutputOptions(accessible=True), {"ACCESSIBLE": "0"}, "accessible"),
    (PIPE, OutputOptions(accessible=True), {}, "accessible"),
    (TERMINAL, OutputOptions(color="always"), {"TERM": "dumb"}, "plain"),  # colours are no view
    (PIPE, OutputOptions(color="always"), {"FORCE_COLOR": "1"}, "plain"),
]


@pytest.mark.parametrize(("terminal", "wishes", "environment", "view"), CHOICES)
def test_the_view_follows_the_environment_and_the_stream(
    terminal: bool, wishes: OutputOptions, environment: dict[str, str], view: View | None
) -> None:
    assert choose_mode(Stream(terminal=terminal), wishes, environment).view == view


@pytest.mark.parametrize("terminal", [TERMINAL, PIPE])
@pytest.mark.parametrize("view", VIEWS[1:])
def test_a_view_that_was_asked_for_is_stronger_than_all_else(terminal: bool, view: View) -> None:
    stream = Stream(terminal=terminal)
    assert {
        choose_mode(stream, OutputOptions(view), environment).view for environment in EVERY
    } == {view}


def test_something_moves_only_on_a_terminal_and_never_in_plain_or_accessible() -> None:
    for terminal, view, color, environment in product(
        [TERMINAL, PIPE], VIEWS, ["auto", "always", "never"], EVERY
    ):
        mode = choose_mode(Stream(terminal=terminal), OutputOptions(view, color), environment)
        redrawn = terminal and environment.get("TERM") != "dumb"
        assert mode.terminal == redrawn
        listened_to = mode.view == "accessible" or environment.get("ACCESSIBLE") == "1"
        assert mode.can_redraw == (redrawn and mode.view != "plain" and not listened_to)


def test_a_listener_may_ask_for_lanes_and_gets_them_without_anything_that_moves() -> None:
    mode = choose_mode(Stream(terminal=True), OutputOptions("wide", accessible=True), {})
    assert (mode.view, mode.can_redraw) == ("wide", False)


# --- glyphs ---


@pytest.mark.parametrize(
    ("encoding", "environment", "ascii_only"),
    [
        ("utf-8", {}, False),
        ("utf-16", {}, False),
        ("ascii", {}, True),
        ("latin-1", {}, True),
        ("cp437", {}, True),  # it has the lines, and not the dotted ones
        ("utf-8", {"LC_ALL": "C"}, True),
        ("utf-8", {"LC_ALL": "POSIX"}, True),
        ("utf-8", {"LC_ALL": "C.UTF-8"}, False),
        ("utf-8", {"LC_ALL": "", "LANG": "C"}, False),  # Python makes C.UTF-8 of it
    ],
)
@pytest.mark.parametrize("terminal", [TERMINAL, PIPE])
def test_ascii_is_for_streams_that_cannot_show_the_glyphs(
    terminal: bool, encoding: str, environment: Mapping[str, str], ascii_only: bool
) -> None:
    stream = Stream(terminal=terminal, encoding=encoding)
    assert choose_mode(stream, OutputOptions(), environment).ascii_only is ascii_only
    assert choose_mode(stream, OutputOptions(ascii_only=True), environment).ascii_only


@pytest.mark.parametrize("view", VIEWS)
def test_what_an_encoding_cannot_hold_is_written_as_an_escape(
    view: View | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "120")
    stream = Stream(terminal=False, encoding="ascii")
    Screen(stream, OutputOptions(view)).show(
        Step(1, 0.0, "call", "c1", "caller", "coordinator", message=["greet", "你好"])
    )
    assert 'greet "\\u4f60\\u597d"' in stream.written


# --- what is written ---

SAID = Step(1, 0.0, "call", "c1", "caller", "coordinator", message=["greet", "Hello " * 30])


@pytest.mark.parametrize("columns", [40, 60, 100, 120, 200])
@pytest.mark.parametrize("color", ["always", "never"])
@pytest.mark.parametrize("view", ["wide", "narrow", "smallest"])
@pytest.mark.parametrize("term", ["xterm", "dumb"])
def test_a_row_is_as_wide_as_the_stream_and_not_as_another(
    columns: int, color: str, view: View, term: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", str(columns))
    monkeypatch.setenv("TERM", term)
    stream = Stream(terminal=False)
    Screen(stream, OutputOptions(view, color)).show(SAID)
    plain = Stream(terminal=False)
    Screen(plain, OutputOptions(view, "never")).show(SAID)
    rows = plain.written.splitlines()
    assert max(map(len, rows)) == columns
    assert ("\x1b[" in stream.written) == (color == "always")
    assert _without_colours(stream.written).splitlines() == rows


def test_off_writes_nothing() -> None:
    stream = Stream(terminal=True)
    Screen(stream, OutputOptions("off")).show(SAID)
    assert stream.written == ""


@pytest.mark.parametrize("view", ["plain", "accessible"])
def test_a_whole_line_has_no_colours_and_is_not_cut(
    view: View, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "40")
    stream = Stream(terminal=True)
    Screen(stream, OutputOptions(view, "always")).show(SAID)
    assert "Hello " * 30 in stream.written
    assert "\x1b" not in stream.written


def _without_colours(text: str) -> str:
    return re.sub(r"\x1b\[[\d;]*m", "", text)


def bar(stream: Stream, wishes: OutputOptions) -> str:
    shown = ProgressBar(stream, 10, wishes)
    shown.draw()
    shown.advance()
    shown.draw()
    shown.close()
    return stream.written


def test_a_bar_is_only_where_something_may_move(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.delenv("NO_COLOR", raising=False)
    assert "1/10" in bar(Stream(terminal=True), OutputOptions())
    assert bar(Stream(terminal=False), OutputOptions(color="always")) == ""
    assert bar(Stream(terminal=True), OutputOptions("accessible")) == ""
    monkeypatch.setenv("ACCESSIBLE", "1")
    assert bar(Stream(terminal=True), OutputOptions()) == ""
    monkeypatch.delenv("ACCESSIBLE")
    monkeypatch.setenv("TERM", "dumb")
    assert bar(Stream(terminal=True), OutputOptions()) == ""


def test_a_bar_keeps_to_the_mode(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm")
    colourless = bar(Stream(terminal=True), OutputOptions(color="never"))
    assert "━" in colourless
    assert _without_colours(colourless) == colourless
    assert bar(Stream(terminal=True), OutputOptions(ascii_only=True)).isascii()


# --- the flags and their variables ---

COMMANDS: dict[str, Any] = typer.main.get_command(app).commands  # type: ignore[attr-defined]
SEND = COMMANDS["send"]


WITHOUT_VARIABLES = {"server", "start", "call"}  # they start code of the user's own


def options(command: str) -> list[Any]:
    return [
        each
        for each in COMMANDS[command].params
        if each.param_type_name == "option" and each.name not in {"help", *WITHOUT_VARIABLES}
    ]


OPTIONS: dict[str, Any] = {option.name: option for option in options("send")}
TEXTS = {
    "coordinator": "fifo", "delay": "100ms..1s", "timeout": "infinity", "fault": "drop:0.5",
    "count": "3", "jobs": "4", "view": "smallest", "color": "never", "record": "lunch.jsonl",
    "linger": "2s", "seed": "7", "clock": "virtual",
    "url": "ws://127.0.0.1:1/", "header": "X-Team: blue", "subprotocol": "chat",
    "ca_file": "ca.pem", "request": '["{id}", "{message}"]', "id_at": "/id",
    "answer_at": "/message", "error_at": "/error", "at": "py@127.0.0.1", "cookie_file": "cookie",
}  # fmt: skip


def parsed(*arguments: str) -> dict[str, Any]:
    found: dict[str, Any] = SEND.make_context("send", ["Hello", *arguments]).params
    return found


def sent(*arguments: str) -> SendOptions:
    """Where `genreply send` would write to."""
    context = SEND.make_context("send", list(arguments))
    todo = SEND.invoke(context)
    output = inspect.getclosurevars(todo).nonlocals["output"]
    assert isinstance(output, SendOptions)
    return output


@pytest.fixture
def _no_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    for option in OPTIONS.values():
        monkeypatch.delenv(option.envvar, raising=False)


@pytest.mark.parametrize("command", ["send", "repl"])
def test_each_option_has_the_variable_of_its_name(command: str) -> None:
    assert {option.opts[0]: option.envvar for option in options(command)} == {
        option.opts[0]: "GENREPLY_" + option.opts[0].removeprefix("--").replace("-", "_").upper()
        for option in options(command)
    }


@pytest.mark.usefixtures("_no_variables")
@pytest.mark.parametrize("name", OPTIONS)
def test_a_variable_does_what_its_flag_does(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    option = OPTIONS[name]
    flag, text = option.opts[0], TEXTS.get(name, "1")
    assert option.is_flag == (name not in TEXTS)
    wanted = parsed(flag) if option.is_flag else parsed(flag, text)
    assert wanted != parsed()
    monkeypatch.setenv(option.envvar, text)
    assert parsed() == wanted


@pytest.mark.usefixtures("_no_variables")
def test_a_flag_is_stronger_than_its_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GENREPLY_COORDINATOR", "fifo")
    monkeypatch.setenv("GENREPLY_TIMELINE", "1")
    assert parsed("--coordinator", "single")["coordinator"] == "single"
    assert parsed("--no-timeline")["timeline"] is False


@pytest.mark.usefixtures("_no_variables")
def test_a_variable_may_say_no_and_may_be_empty(monkeypatch: pytest.MonkeyPatch) -> None:
    default = parsed()
    for name, option in OPTIONS.items():
        if option.is_flag:
            monkeypatch.setenv(option.envvar, "0")
            assert parsed()[name] is False
        monkeypatch.setenv(option.envvar, "")
        assert parsed() == default


TYPED: list[tuple[dict[str, str], list[str], View | str | None]] = [
    ({"PLAIN": "1"}, ["--view", "wide"], "wide"),
    ({"ACCESSIBLE": "1"}, ["--view", "wide"], "wide"),
    ({"VIEW": "wide"}, ["--plain"], "plain"),
    ({"VIEW": "off"}, ["--plain"], "plain"),
    ({"VIEW": "off"}, ["--timeline"], None),
    ({"VIEW": "narrow"}, ["--timeline"], "narrow"),
    ({"QUIET": "1"}, ["--view", "smallest"], "smallest"),
    ({"TIMELINE": "0"}, ["--accessible"], "accessible"),
    ({"TIMELINE": "1"}, ["--quiet"], "nothing"),
    ({"TIMELINE": "1"}, ["--view", "off"], "nothing"),
    ({"TIMELINE": "1"}, [], None),
    ({"VIEW": "wide"}, ["--no-timeline"], "nothing"),
    ({"VIEW": "wide", "PLAIN": "1"}, [], "plain"),
    ({"PLAIN": "0", "VIEW": "wide"}, [], "wide"),
]


@pytest.mark.usefixtures("_no_variables")
@pytest.mark.parametrize(("variables", "flags", "view"), TYPED)
def test_what_is_typed_is_stronger_than_what_the_environment_says_of_the_same(
    variables: dict[str, str], flags: list[str], view: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(f"GENREPLY_{name}", value)
    output = sent("A", *flags)
    assert output.timeline is (view != "nothing")
    assert output.output_options is None or output.output_options.view == view


@pytest.mark.usefixtures("_no_variables")
def test_a_flag_puts_aside_the_variable_that_it_excludes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GENREPLY_EVENTS", "1")
    monkeypatch.setenv("GENREPLY_APPEND", "1")
    assert sent("A", "--json").json
    assert not sent("A", "--json").events
    assert sent("A", "--record", "x.jsonl", "--overwrite").overwrite
    assert not sent("A", "--record", "x.jsonl", "--overwrite").append
    assert sent("A", "--record", "x.jsonl").append


@pytest.mark.usefixtures("_no_variables")
def test_several_faults_fit_one_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GENREPLY_FAULT", "drop late:0.5")
    assert parsed() == parsed("--fault", "drop", "--fault", "late:0.5")
