"""The real clock of a session. It stands still while the output waits for a slow reader.

Such a reader (a pager, a terminal after Ctrl-S) keeps the event loop from running. If the clock
went on meanwhile, calls would time out whose answers had no chance to arrive.
"""

import asyncio
import time
from collections.abc import Coroutine
from typing import Any, TypeVar

from genreply_cli.streams import Waited

T = TypeVar("T")


class _Loop(asyncio.SelectorEventLoop):
    def time(self) -> float:
        return time.monotonic() - Waited.seconds


def run(main: Coroutine[Any, Any, T]) -> T:
    """Run a program like `asyncio.run`, on this clock."""
    with asyncio.Runner(loop_factory=_Loop) as runner:
        return runner.run(main)
