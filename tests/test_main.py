"""What the process of a command is set up with."""

import subprocess
import sys


def test_garbage_is_collected_as_usual_once_the_command_has_been_imported() -> None:
    code = (
        "import gc\nfrom genreply_cli.__main__ import run\n"
        "usual = gc.get_threshold()\ngc.disable()\ncode = run(['trace', '--list'])\n"
        "print(code, gc.isenabled(), gc.get_threshold() == usual, gc.get_freeze_count() > 10_000)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "0 True True True"
