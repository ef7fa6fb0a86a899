"""Exit statuses and the sentences of errors: said once, and the same everywhere."""

import errno
import os
import re
import signal
from pathlib import Path

import pytest

from genreply_cli.errors import ExitStatus, complain, os_error_text, signal_status

ROOT = Path(__file__).parent.parent
DOCUMENTED = dict(
    re.findall(r"^\| ([\d, ]+) \| (.+) \|$", (ROOT / "README.md").read_text(), re.MULTILINE)
)


def test_the_table_in_the_readme_has_every_exit_status_and_what_it_means() -> None:
    documented = {int(code): meaning for code, meaning in DOCUMENTED.items() if code in "0123456"}
    assert documented == {int(status): status.meaning for status in ExitStatus}


def test_the_table_in_the_readme_has_every_signal_that_ends_a_command() -> None:
    ended_by = ["129, 130, 143", "141"]
    assert [key for key in DOCUMENTED if key not in "0123456"] == ended_by
    signals = [signal.SIGHUP, signal.SIGINT, signal.SIGTERM, signal.SIGPIPE]
    assert [signal_status(number) for number in signals] == list(
        map(int, ", ".join(ended_by).split(", "))
    )


def test_an_exit_status_is_a_number_like_any_other() -> None:
    assert (int(ExitStatus.TIMED_OUT), f"{ExitStatus.TIMED_OUT}") == (3, "3")


@pytest.mark.parametrize(
    ("error", "text"),
    [
        (FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT)), "no such file or directory"),
        (IsADirectoryError(errno.EISDIR, "it is a directory", "/x"), "it is a directory"),
        (OSError("Broken"), "Broken"),
        (ValueError("I/O operation on closed file."), "I/O operation on closed file."),
        (OSError(errno.EIO, "bad \x1b name"), "bad \\x1b name"),
        (OSError(), ""),
    ],
)
def test_an_os_error_is_told_in_one_way(error: Exception, text: str) -> None:
    assert os_error_text(error) == text


def test_a_complaint_is_one_line_on_stderr_and_its_hint_another(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert complain("a\nb", ExitStatus.USAGE) == 2
    assert complain("no", ExitStatus.FAULT, "try\x1b this") == 1
    assert capsys.readouterr() == ("", "error: a\\nb\nerror: no\n       try\\x1b this\n")
