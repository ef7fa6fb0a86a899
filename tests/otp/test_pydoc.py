"""`pydoc genreply_cli.otp` is a manual page, and its example runs."""

import doctest
import pydoc

import genreply_cli.otp
from genreply_cli.otp import exits


def test_the_example_gives_what_it_shows() -> None:
    failed, tried = doctest.testmod(genreply_cli.otp)
    assert (failed, tried > 3) == (0, True)


def test_the_page_has_the_theory_the_answers_and_all_failures_of_a_call() -> None:
    page = pydoc.plain(pydoc.render_doc(genreply_cli.otp))
    beginning = page.split("PACKAGE CONTENTS")[0]
    for heading in ("THEORY OF OPERATION", "WHAT A CALLBACK RETURNS", "HOW A CALL FAILS"):
        assert heading in beginning
    failures = [
        each.__name__
        for each in exits.CallError.__subclasses__()
        if each.__module__ == exits.__name__
    ]
    for failure in {*failures} - {"StopTimeout"}:
        assert f"    {failure}" in beginning, failure
