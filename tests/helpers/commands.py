"""Commands run in this process, which is quick, or in a shell: what they print, their status."""

import io
import re
import subprocess
import sys
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from tempfile import TemporaryFile
from typing import NamedTuple

from terminals import clean
from wheels import ROOT

from genreply_cli.__main__ import run


class Done(NamedTuple):
    """What came of a command."""

    code: int
    out: str
    err: str


def genreply(*arguments: str | Path, stdin: str | bytes = b"") -> Done:
    """Run a command; neither end of it is a terminal."""
    out, err, before = io.StringIO(), io.StringIO(), sys.stdin
    with TemporaryFile("w+", encoding="utf-8") as file:
        file.buffer.write(stdin.encode() if isinstance(stdin, str) else stdin)
        file.seek(0)
        sys.stdin = file
        try:
            with redirect_stdout(out), redirect_stderr(err):
                code = run(list(map(str, arguments)))
        finally:
            sys.stdin = before
    return Done(code, out.getvalue(), err.getvalue())


def code_blocks(language: str) -> list[str]:
    """The blocks of code of the README in a language."""
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    return re.findall(rf"^```{language}\n(.*?)^```$", readme, re.DOTALL | re.MULTILINE)


def shell(script: str, state: Path, **environment: str) -> Done:
    """Run a script of bash, for which `genreply` is a command. Its environment is clean.

    `state` is the folder for sessions and history.
    """
    genreply = f'genreply() {{ "{sys.executable}" -m genreply_cli "$@"; }}'
    done = subprocess.run(
        ["bash", "-c", f"{genreply}\n{script}"],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        env=clean({"XDG_STATE_HOME": str(state), **environment}),
    )
    return Done(done.returncode, done.stdout, done.stderr)
