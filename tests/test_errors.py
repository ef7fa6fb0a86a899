"""Errors end a command with one sentence and a promised exit status."""

import errno
import signal

import pytest

from genreply_cli.errors import ExitStatus, GenreplyError, complain, os_error_text, signal_status


def test_the_exit_statuses_are_those_that_are_promised() -> None:
    assert {status.name: int(status) for status in ExitStatus} == {
        "OK": 0,
        "FAULT": 1,
        "USAGE": 2,
        "TIMED_OUT": 3,
        "NO_SERVER": 4,
        "INVALID": 5,
        "WRONG_ANSWER": 6,
        "ERROR_REPLY": 7,
    }


def test_a_signal_ends_a_command_as_shells_report_it() -> None:
    statuses = [signal_status(n) for n in (signal.SIGHUP, signal.SIGINT, signal.SIGTERM)]
    assert statuses == [129, 130, 143]


def test_an_error_is_printed_with_its_hint_and_cannot_steer_the_terminal(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert complain("no file \x1b[2J", ExitStatus.INVALID, "try another\x07") == 5
    assert capsys.readouterr() == ("", "error: no file \\x1b[2J\n       try another\\x07\n")


def test_an_error_of_the_operating_system_is_told_in_its_words() -> None:
    missing = FileNotFoundError(errno.ENOENT, "No such file or directory", "x")
    assert os_error_text(missing) == "no such file or directory"
    assert os_error_text(ValueError("embedded null byte")) == "embedded null byte"


def test_an_error_of_genreply_is_a_fault_unless_it_says_otherwise() -> None:
    assert GenreplyError("it broke").exit_code == ExitStatus.FAULT
    assert GenreplyError("what?", exit_code=ExitStatus.USAGE).exit_code == 2
