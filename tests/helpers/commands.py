"""Commands run in this process, which is quick: what they print, and their exit status."""

import io
import sys
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from typing import NamedTuple

from genreply_cli.__main__ import run


class Done(NamedTuple):
    """What came of a command."""

    code: int
    out: str
    err: str


def genreply(*arguments: str | Path, stdin: bytes = b"") -> Done:
    """Run a command; neither end of it is a terminal."""
    out, err, before = io.StringIO(), io.StringIO(), sys.stdin
    sys.stdin = io.TextIOWrapper(io.BytesIO(stdin))
    try:
        with redirect_stdout(out), redirect_stderr(err):
            code = run(list(map(str, arguments)))
    finally:
        sys.stdin = before
    return Done(code, out.getvalue(), err.getvalue())
