"""The line that says which call blocks: every screen between two writes, on the virtual clock."""

import asyncio
import re
from collections.abc import Awaitable, Callable, Iterator

import pytest
from terminals import EmulatedTerminal

from genreply_cli.otp.virtual_time import run
from genreply_cli.session.batch import greet_all
from genreply_cli.session.session import session
from genreply_cli.session.settings import Settings
from genreply_cli.terminal.output import OutputOptions
from genreply_cli.terminal.screen import Screen

BLOCKED = re.compile(r"^c\d+ bl")


@pytest.fixture(params=[False, True], ids=["keeps its rows", "wraps its rows again"])
def emulated(
    request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> Iterator[EmulatedTerminal]:
    monkeypatch.setenv("TERM", "xterm-256color")
    with EmulatedTerminal(rewraps=request.param) as terminal:
        yield terminal


def greet(
    screen: Screen,
    *messages: str,
    delay: float,
    jobs: int = 1,
    meanwhile: Callable[[], Awaitable[object]] | None = None,
) -> None:
    """Greet with these messages, and show it as `genreply send` does."""
    settings = Settings(delay=(delay, delay))

    async def send() -> None:
        async with session(settings.start, [screen.show]) as (coordinator, _):
            with screen.show_blocked_calls(settings.timeout):
                async for outcomes in greet_all(coordinator, messages, settings.timeout, jobs):
                    screen.hide()
                    for outcome in outcomes:
                        screen.stream.write(f"{outcome.reply}\n")

    async def both() -> None:
        sending = asyncio.create_task(send())
        if meanwhile is not None:
            await meanwhile()
        await sending

    run(both())


def test_it_leaves_in_the_same_write_as_the_reply_comes(emulated: EmulatedTerminal) -> None:
    greet(Screen(emulated), "A", delay=1.0)
    lines = [row for rows in emulated.screens for row in rows if BLOCKED.search(row)]
    tenths = ["0.1", "0.2", "0.3", "0.4", "0.5", "0.6", "0.7", "0.8", "0.9", "1.0"]
    assert list(dict.fromkeys(lines)) == [f"c1 blocked {seconds} s of 5s" for seconds in tenths]
    for rows in emulated.screens:
        replied = any(" reply " in row for row in rows)
        assert not (replied and any(map(BLOCKED.search, rows))), rows
    assert len(emulated.rows) == 7  # the header, five rows, the reply
    assert emulated.rows[-1] == "A to you too!"
    assert not emulated.screen.cursor.hidden


def test_it_is_the_last_row_however_many_calls_block(emulated: EmulatedTerminal) -> None:
    emulated.resize(40)
    greet(Screen(emulated), *map(str, range(12)), delay=0.35, jobs=12)
    with_line = [rows for rows in emulated.screens if any(map(BLOCKED.search, rows))]
    assert all(sum(bool(BLOCKED.search(row)) for row in rows) == 1 for rows in with_line)
    assert with_line[0][-1] == "c1 blocked 0.1 s of 5s   and 11 more"
    assert max(len(rows[-1]) for rows in with_line) <= 39


def test_a_call_that_does_not_block_for_long_is_not_mentioned(
    emulated: EmulatedTerminal,
) -> None:
    greet(Screen(emulated), "A", "B", "C", delay=0.09)
    assert not any(BLOCKED.search(row) for rows in emulated.screens for row in rows)


@pytest.mark.parametrize(
    "columns", [[40, 120], [14, 9, 40, 11, 30], [8, 120, 8, 120], [119, 20, 7]]
)
def test_however_often_the_window_changes_there_is_one_line_and_in_the_end_none(
    emulated: EmulatedTerminal, columns: list[int]
) -> None:
    async def resize() -> None:
        await asyncio.sleep(0.25)
        for number in columns:
            emulated.resize(number)
            await asyncio.sleep(0.15)
            lines = [row for row in emulated.rows if row.startswith("c1 bl"[:number])]
            assert len(lines) == 1
        emulated.resize(120)

    screen = Screen(emulated, OutputOptions("smallest"))
    greet(screen, "A", "B", delay=2.0, jobs=2, meanwhile=resize)
    assert not any(BLOCKED.search(row) for row in emulated.rows)


@pytest.mark.parametrize("emulated", [False], indirect=True)
def test_a_row_is_as_wide_as_the_terminal_is_when_it_is_drawn(emulated: EmulatedTerminal) -> None:
    async def resize() -> None:
        await asyncio.sleep(0.3)  # c1 blocks
        emulated.resize(40)
        await asyncio.sleep(0.4)  # c2 does
        emulated.resize(120)

    greet(Screen(emulated), "A", "B", "C", delay=0.4, meanwhile=resize)
    rows = emulated.rows
    kinds = [found[0] for row in rows if (found := re.search(r"\bc\d +[a-z]+ ", row))]
    assert [kind.split() for kind in kinds] == [
        [call, kind]
        for call in ("c1", "c2", "c3")
        for kind in ("call", "cast", "noreply", "info", "reply")
    ]
    assert any(re.match(r"\+0\.\d+ c2 call    greet \"B\"", row) for row in rows)  # narrow
    assert any(re.search(r" c3 +reply .*◄┈+┤", row) for row in rows)  # wide again
    replies = [row for row in rows if row.endswith(" to you too!")]
    assert replies == ["A to you too!", "B to you too!", "C to you too!"]
    headers = sum(row.lstrip().startswith("time ") for row in rows)
    hints = sum(row.startswith("lanes need ") for row in rows)
    assert (len(rows), hints) == (3 * 6 + headers + hints, 1)


def test_a_terminal_that_has_just_become_narrower_does_not_wrap_the_line(
    emulated: EmulatedTerminal,
) -> None:
    """The size that a program is told may be an old one."""

    async def resize() -> None:
        await asyncio.sleep(0.25)
        emulated.screen.resize(columns=9)
        await asyncio.sleep(0.25)
        assert [row[:8] for row in emulated.rows if BLOCKED.search(row)] == ["c1 block"]
        emulated.screen.resize(columns=120)

    greet(Screen(emulated), "A", delay=2.0, meanwhile=resize)
    assert not any(BLOCKED.search(row) for row in emulated.rows)


@pytest.mark.parametrize(
    "options",
    [
        OutputOptions(accessible=True),
        OutputOptions("wide", accessible=True),
        OutputOptions("plain"),
    ],
)
def test_where_nothing_may_be_redrawn_there_is_no_line(
    emulated: EmulatedTerminal, options: OutputOptions
) -> None:
    greet(Screen(emulated, options), "A", delay=1.0)
    assert not any(BLOCKED.search(row) for rows in emulated.screens for row in rows)


def test_a_screen_reader_is_told_now_and_then_in_sentences(
    emulated: EmulatedTerminal,
) -> None:
    screen = Screen(emulated, OutputOptions(accessible=True))

    async def block() -> None:
        began = asyncio.get_running_loop().time()
        with screen.show_blocked_calls(None, "Ctrl-C gives up", {"c1": began}):
            await asyncio.sleep(11)

    run(block())
    assert emulated.rows == [
        "c1 blocked 5.0 s   Ctrl-C gives up",
        "c1 blocked 10.0 s   Ctrl-C gives up",
    ]
