"""The page of `genreply serve` in headless Chromium: it greets, and shows the timeline live."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from browser import CHROMIUM, MISSING, Browser
from greeters import served

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason=MISSING)

ROWS = """[...document.querySelectorAll("tbody tr")].map((row) =>
    [1, 2, 4].map((cell) => row.cells[cell].textContent).join(" "))"""
CONNECTED = "document.querySelector('.connection').textContent === 'connected'"


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with Browser() as browser:
        yield browser


def rows(browser: Browser) -> list[str]:
    found: list[str] = browser.run(ROWS)
    return found


def greet(browser: Browser, text: str) -> None:
    browser.run(f"document.querySelector('input').value = {json.dumps(text)}")
    browser.run("document.querySelector('form').requestSubmit()")


def shows(word: str, times: int) -> str:
    return f"{ROWS}.filter((row) => row.split(' ')[1] === '{word}').length >= {times}"


def test_a_greeting_and_its_timeline(browser: Browser, tmp_path: Path) -> None:
    with served(tmp_path) as server:
        browser.visit(server.url.replace("ws:", "http:"))
        browser.wait_until(CONNECTED)
        greet(browser, "Hello <b>\u202e")
        browser.wait_until(shows("reply", 1))
        found = rows(browser)
        assert found[0].startswith("- start connected to ws://127.0.0.1:")
        assert [row.split()[1] for row in found[1:]] == ["call", "cast", "noreply", "info", "reply"]
        assert found[1] == 'c1 call greet "Hello <b>\\u{202e}"'
        assert found[3] == "c1 noreply caller c1 kept, not answered; 1 waiting"
        assert found[5].startswith('c1 reply "Hello <b>\\u{202e} to you too!"   blocked 0.')
        greet(browser, "x" * 500)
        browser.wait_until(shows("reply", 2))
        replies = browser.run(
            "[...document.querySelectorAll('.replies li')].map((item) =>"
            " item.firstChild.textContent)"
        )
        assert replies == ["Hello <b>\\u{202e} to you too!", f"{'x' * 500} to you too!"]
        assert browser.run("document.documentElement.scrollWidth <= window.innerWidth")
        assert browser.problems == []
        assert [url for url in browser.requests if not url.endswith(f"{server.port}/")] == []


def test_five_at_once_each_get_their_own_answer(browser: Browser, tmp_path: Path) -> None:
    with served(tmp_path, "--delay", "1ms..60ms", "--seed", "4") as server:
        browser.visit(server.url.replace("ws:", "http:"))
        browser.wait_until(CONNECTED)
        browser.run("document.querySelector('input').value = 'Hi'")
        browser.run("document.querySelector('[name=five]').click()")
        browser.wait_until(shows("reply", 5))
        replies = [row for row in rows(browser) if row.split()[1] == "reply"]
        for number in range(1, 6):
            assert any(row.startswith(f'c{number} reply "Hi {number} to') for row in replies)


def test_duplicates_and_the_end_of_the_server_are_shown(browser: Browser, tmp_path: Path) -> None:
    with served(tmp_path, "--fault", "duplicate", "--fault", "drop:1") as server:
        browser.visit(server.url.replace("ws:", "http:"))
        browser.wait_until(CONNECTED)
        greet(browser, "Hello")
        browser.wait_until(shows("noreply", 1))
        server.end()
        browser.wait_until(shows("down", 1))
        assert [row.partition("after")[0] for row in rows(browser)[-2:]] == [
            "- exit closed with 1001",
            "c1 down the connection was closed ",
        ]
    with served(tmp_path, "--fault", "duplicate", port=server.port):
        greet(browser, "Hello again")
        browser.wait_until(shows("dup", 1))
        assert "c2 dup dropped: c2 was answered 0.0" in rows(browser)[-1]
