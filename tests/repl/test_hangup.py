"""The terminal goes away while hangups are ignored, as under nohup."""

import os
import pty
import subprocess
import sys
from pathlib import Path

from terminals import clean


def test_a_terminal_that_has_gone_ends_the_session_even_if_hangups_are_ignored(
    tmp_path: Path,
) -> None:
    ours, theirs = pty.openpty()
    command = f"trap '' HUP; exec '{sys.executable}' -m genreply_cli repl --delay 0"
    child = subprocess.Popen(
        ["bash", "-c", command],
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        start_new_session=True,
        env=clean({"XDG_STATE_HOME": str(tmp_path), "TERM": "xterm-256color"}),
    )
    os.close(theirs)
    seen = b""
    while b"greet>" not in seen:
        seen += os.read(ours, 65536)
    os.write(ours, b"/burst 200 x\r")
    while b"message" not in seen:  # the rows begin to be drawn
        seen += os.read(ours, 65536)
    os.close(ours)
    assert child.wait(timeout=60) in {0, 1}
