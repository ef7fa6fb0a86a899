"""The page plays in Chromium, and is whole on paper, in narrow windows and without scripts."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from browser import CHROMIUM, MISSING, Browser
from commands import genreply
from hostile import HOSTILE

from genreply_cli.export.html import render
from genreply_cli.paths import samples
from genreply_cli.transcript.format import Header
from genreply_cli.transcript.step import Step

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason=MISSING)

COUNT = "document.querySelector('.count').textContent"
CARD = "document.querySelector('.card').innerText"
NOW = "[...document.querySelectorAll('figure .now')].map((mark) => mark.dataset.seq).join()"
LIT = """[...document.querySelectorAll('.calls .on')]
    .map((call) => call.innerText.split(' ')[0]).join()"""
CURTAIN = "Number(document.querySelector('.curtain').getAttribute('height'))"
# texts of the picture that are not wholly inside the window
CUT = """[...document.querySelectorAll('h1, p, li, figure text, pre, .calls a, .dock button')]
    .filter((element) => element.getClientRects().length)
    .filter((element) => !(isNarrow && element.matches('.note, .note *')))
    .map((element) => [element.textContent, element.getBoundingClientRect()])
    .filter(([, box]) => box.left < -1 || box.right > innerWidth + 1)
    .map(([text]) => text)"""


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with Browser() as browser:
        yield browser


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The page of three callers and one slot."""
    path = tmp_path_factory.mktemp("page") / "it.html"
    assert genreply("trace", "overlap-single", "-o", path).code == 0
    return path


def wrong_reply() -> int:
    """The number of the event that gives the first answer to the wrong caller."""
    lines = samples()["overlap-single"].read_text().splitlines()
    return next(number for number, line in enumerate(lines) if '"for"' in line)


def test_the_keys_step_forward_and_back_and_the_words_stand_beside_the_event(
    browser: Browser, page: Path
) -> None:
    browser.open(page)
    assert browser.run(COUNT).endswith(" events")
    assert browser.run(CURTAIN) == 0, "nothing is covered before the first step"
    browser.press("ArrowRight")
    assert browser.run(COUNT).startswith("1 of ")
    assert browser.run(NOW) == "1"
    assert "coordinator is started." in browser.run(CARD)
    browser.press("ArrowRight", "ArrowRight", "ArrowLeft")
    assert browser.run(COUNT).startswith("2 of ")
    browser.press("End")
    last = browser.run("document.querySelectorAll('.events > li').length")
    assert browser.run(COUNT) == f"{last} of {last}"
    browser.press("ArrowRight")
    assert browser.run(COUNT) == f"{last} of {last}"
    browser.press("Home")
    covered = browser.run(CURTAIN)
    assert covered > 300, "what is still to come is covered"
    browser.press("Escape")
    assert browser.run(COUNT) == f"{last} events"
    browser.press("ArrowLeft")
    assert browser.run(COUNT) == f"{last} of {last}"
    assert browser.problems == []


def test_an_anchor_shows_its_event_with_both_codes(browser: Browser, page: Path) -> None:
    browser.open(page, f"#e{wrong_reply()}")
    browser.wait_until(f"{COUNT}.startsWith('{wrong_reply()} of')")
    card = browser.run(CARD)
    assert "WRONG CALLER: coordinator replies" in card
    assert "Python, coordinator.py" in card
    assert "Elixir, coordinators.exs" in card
    assert browser.run(NOW) == str(wrong_reply())
    browser.press("ArrowLeft")
    assert browser.run("location.hash") == f"#e{wrong_reply() - 1}"


def test_what_a_row_says_is_dim_until_it_is_true(browser: Browser, page: Path) -> None:
    browser.open(page, f"#e{wrong_reply() - 1}")
    browser.wait_until(f"{COUNT}.startsWith('{wrong_reply() - 1} of')")
    dim = "[...document.querySelectorAll('figure .note.future')].map((note) => note.textContent)"
    assert browser.run(dim) == ["WRONG: c3 gets c1's answer"]
    browser.press("ArrowRight")
    assert browser.run(dim) == []


def test_buttons_play_pause_and_step(browser: Browser, page: Path) -> None:
    browser.open(page)
    browser.run("document.querySelector('.speed').value = '4'")
    browser.run("document.querySelector('.play').click()")
    browser.wait_until(f"{COUNT}.startsWith('3 of')")
    assert browser.run("document.querySelector('.play').textContent") == "Pause"
    browser.press(" ")
    assert browser.run("document.querySelector('.play').textContent") == "Play"
    browser.run("document.querySelector('.back').click()")
    at = int(browser.run(COUNT).split()[0])
    browser.run("document.querySelector('.next').click()")
    assert int(browser.run(COUNT).split()[0]) == at + 1
    browser.run("document.querySelector('.all').click()")
    assert browser.run(COUNT).endswith(" events")
    browser.run(
        "(() => { const range = document.querySelector('.track input');"
        " range.value = 5; range.dispatchEvent(new Event('input')); })()"
    )
    assert browser.run(COUNT).startswith("5 of")


def test_playing_stops_at_the_end(browser: Browser, page: Path) -> None:
    browser.open(page)
    browser.run("document.querySelector('.speed').value = '4'")
    browser.press("End", "ArrowLeft", " ")
    browser.wait_until("document.querySelector('.play').textContent === 'Play'")
    last = browser.run("document.querySelectorAll('.events > li').length")
    assert browser.run(COUNT) == f"{last} of {last}"


def test_a_call_that_is_pointed_at_lights_up_everywhere(browser: Browser, page: Path) -> None:
    browser.open(page)
    browser.point_at(".calls li:nth-child(2) a")
    assert browser.run(LIT) == "c2"
    dark = browser.run(
        "[...document.querySelectorAll('figure .period')]"
        ".filter((bar) => getComputedStyle(bar).opacity === '1').every("
        "(bar) => bar.textContent.includes('c2'))"
    )
    assert dark
    browser.point_at("h1")
    assert browser.run(LIT) == ""
    browser.run("document.querySelector('.calls li:nth-child(3) a').focus()")
    assert browser.run(LIT) == "c3"


def test_a_page_asks_for_nothing_else(browser: Browser, page: Path) -> None:
    browser.open(page, dark=True)
    browser.press("End")
    assert browser.requests == [page.as_uri()]
    assert browser.problems == []


@pytest.mark.parametrize("name", samples())
@pytest.mark.parametrize("width", [1300, 500])
def test_nothing_is_cut(browser: Browser, tmp_path: Path, name: str, width: int) -> None:
    path = tmp_path / "it.html"
    genreply("trace", name, "-o", path)
    browser.open(path, width=width)
    browser.press("Home", "End")
    narrow = "true" if width == 500 else "false"
    assert browser.run(f"((isNarrow) => {CUT})({narrow})") == []
    assert browser.run("document.documentElement.scrollWidth") <= width


def test_without_scripts_it_is_a_page_to_be_read(browser: Browser, page: Path) -> None:
    browser.open(page, scripts=False)
    browser.send("Emulation.setScriptExecutionDisabled", value=False)  # to look at it
    assert browser.run("document.querySelector('.dock').getClientRects().length") == 0
    hidden = "[...document.querySelectorAll('.events > li')].filter((it) => !it.offsetHeight)"
    assert browser.run(f"{hidden}.length") == 0


def test_on_paper_it_is_whole_and_light(browser: Browser, page: Path) -> None:
    browser.open(page, f"#e{wrong_reply()}", width=800)
    browser.press("Home")
    browser.prefer("dark", media="print")
    assert browser.run("document.querySelector('.dock').getClientRects().length") == 0
    assert browser.run("document.querySelector('.curtain').getClientRects().length") == 0
    dimmed = (
        "[...document.querySelectorAll('.step')].filter((it) => getComputedStyle(it).opacity < 1)"
    )
    assert browser.run(f"{dimmed}.length") == 0
    assert browser.run("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    assert browser.run("document.querySelector('figure svg').getBoundingClientRect().right") <= 800


def test_whatever_a_transcript_says_runs_no_script(browser: Browser, tmp_path: Path) -> None:
    evil = f"{HOSTILE}</script><script>document.title = 'broken'</script>\u2028"
    steps = [
        Step(1, 0.0, "call", evil, "caller", "coordinator", message=["greet", evil]),
        Step(2, 0.1, "reply", evil, "coordinator", "caller", message=evil, details={"for": evil}),
        Step(3, 0.2, "mark", details={"label": evil}),
    ]
    path = tmp_path / "it.html"
    header = Header(title="fine", by=evil, settings={evil: evil})
    path.write_text("".join(render(header, steps)), encoding="utf-8")
    browser.open(path)
    browser.press("ArrowRight", "ArrowRight", "ArrowRight")
    assert browser.run(COUNT) == "3 of 3"
    assert browser.run("document.title") == "fine"
    assert browser.run("document.scripts.length") == 1
    assert (browser.problems, browser.requests) == ([], [path.as_uri()])
