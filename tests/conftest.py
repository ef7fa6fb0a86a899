"""How tests run: an `async def` test runs in a node of its own, on the virtual clock.

So it takes no time, however long it waits. The fixture `events` is the list of all events that the
observer of this node is told; without the fixture, the node has no observer.
"""

import inspect
import os
import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings
from terminals import LINES, Terminal

from genreply_cli.otp import Event, Node
from genreply_cli.otp.virtual_time import run

# A shell that runs the tests in the background ignores Ctrl-C, and nohup ignores the end of the
# terminal; the programs would inherit that.
signal.signal(signal.SIGINT, signal.default_int_handler)
signal.signal(signal.SIGHUP, signal.SIG_DFL)
signal.signal(signal.SIGTERM, signal.SIG_DFL)

settings.register_profile("the same each time", derandomize=True, deadline=None, database=None)
settings.load_profile("the same each time")


def pytest_xdist_auto_num_workers(config: pytest.Config) -> int:
    """Use all cores for the whole suite. A part of it starts faster in this process.

    Two processes share a core, because tests of terminals wait for half of their time.
    """
    whole = config.args == config.getini("testpaths") and not config.option.keyword
    return min(2 * (os.cpu_count() or 1), 8) if whole else 0


@pytest.fixture
def events() -> list[Event]:
    return []


@pytest.fixture
def terminal(tmp_path: Path) -> Iterator[Callable[..., Terminal]]:
    """Starts programs in terminals, and closes these after the test."""
    opened: list[Terminal] = []

    def start(
        *arguments: str,
        columns: int = 120,
        lines: int = LINES,
        stdin: str = "",
        reader: str = "",
        **environment: str,
    ) -> Terminal:
        started = Terminal(list(arguments), columns, tmp_path, environment, lines, stdin, reader)
        opened.append(started)
        return started

    yield start
    for each in opened:
        each.close()


@pytest.hookimpl(tryfirst=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> bool | None:
    test = pyfuncitem.obj
    if not inspect.iscoroutinefunction(test):
        return None
    arguments: dict[str, Any] = {
        name: pyfuncitem.funcargs[name] for name in inspect.signature(test).parameters
    }
    events = arguments.get("events")

    async def in_a_node() -> None:
        async with Node(None if events is None else events.append):
            await test(**arguments)

    run(in_a_node())
    return True
