"""A transcript as one HTML page: the picture, which plays; each event in words, beside its code.

The page needs no other file. All of the transcript is text in it, and its script is always the
same, so that nothing that a transcript says can be code.
"""

from base64 import b64encode
from collections.abc import Iterable, Iterator, Sequence
from functools import cache
from hashlib import sha256
from html import escape
from importlib.resources import files
from pathlib import Path
from typing import Final

from genreply_cli.analysis.stats import Stats
from genreply_cli.explain.meaning import meaning
from genreply_cli.explain.quotes import Code
from genreply_cli.explain.story import Sentence, StoryTeller
from genreply_cli.export import svg
from genreply_cli.export.chart import EVERYTHING, Chart
from genreply_cli.export.chart_words import subtitle, title
from genreply_cli.export.outcomes import CallFacts, Calls
from genreply_cli.export.svg_layout import Layout
from genreply_cli.export.svg_picture import data, hue
from genreply_cli.text import visible
from genreply_cli.timeline.kinds import endpoints, style_of
from genreply_cli.transcript.filters import Selection
from genreply_cli.transcript.format import Header
from genreply_cli.transcript.pretty import pretty_name, pretty_state
from genreply_cli.transcript.step import Step

MAX_CALLS: Final = 200  # that are listed above the picture
MAX_TOLD: Final = 8  # calls of which it is told in words what became of them
SIGNS: Final = {"right": "\N{CHECK MARK}", "wrong": "\N{MULTIPLICATION SIGN}"}


def render(
    header: Header,
    steps: Iterable[Step],
    *,
    selection: Selection = EVERYTHING,
    sources: Path | None = None,
) -> Iterator[str]:
    """The page of the selected steps, piece by piece. See `StoryTeller` for the sources."""
    chart, calls = Chart(selection), Calls()
    for step in steps:
        chart.update(step)
        calls.update(step)
        if step.ends_call and step.call is not None and step.call not in chart.numbers:
            calls.facts.pop(step.call, None)  # it is not shown
    chart.close()
    layout = Layout(chart)
    yield document_head(title(header, chart.counts.calls))
    yield f'<p class="about">{escape(about(header, chart.counts.calls))}</p>\n'
    yield from _calls(calls.facts, chart)
    yield figure_head(layout)
    yield from svg.render_inside(header, chart, layout)
    yield f"</figure>\n{_DOCK}<h2>Event by event</h2>\n"
    yield from _events(chart, sources)
    yield "<h2>In numbers</h2>\n<pre>"
    stats = Stats()
    for step in chart.steps:
        stats.update(step)
    yield escape("\n".join(stats.lines()))
    yield f"</pre>\n{document_end()}"


# --- parts that other pages have, too ---


@cache
def asset(name: str) -> str:
    """The text of a file beside this module."""
    return (files("genreply_cli.export") / name).read_text(encoding="utf-8")


def document_head(title: str) -> str:
    """The page up to its heading. Only this script and these styles are let in."""
    digest = b64encode(sha256(asset("page.js").encode()).digest()).decode()
    policy = (
        f"default-src 'none'; style-src 'unsafe-inline'; script-src 'sha256-{digest}';"
        " base-uri 'none'; form-action 'none'"
    )
    return (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">\n'
        f"<title>{escape(title)}</title>\n<style>\n{asset('page.css')}</style>\n</head>\n<body>\n"
        f"<h1>{escape(title)}</h1>\n"
    )


def figure_head(layout: Layout) -> str:
    """A figure that is still open. In a narrow window it shows the picture without its notes."""
    return f'<figure style="--whole:{layout.width / layout.lanes_width:.3f}">\n'


def document_end() -> str:
    """The script, and the end of the page."""
    return f"<script>{asset('page.js')}</script>\n</body>\n</html>\n"


def about(header: Header, calls: int) -> str:
    """How a recording was made: its settings, on which clock and when, by which program."""
    known = {"coordinator", "server", "delay", "timeout", "faults"}  # the subtitle has these
    others = {name: value for name, value in header.settings.items() if name not in known}
    facts = others | {"seed": header.seed, "clock": header.clock, "recorded by": header.by}
    if header.clock != "virtual":  # where it is 1970 always
        facts["on"] = header.created
    found = [
        f"{pretty_name(name)} {visible(str(value))}"
        for name, value in facts.items()
        if value not in (None, [], "")
    ]
    return " · ".join([subtitle(header, calls) if header.title else "", *found]).removeprefix(" · ")


# --- the calls ---


def _calls(facts: dict[str, CallFacts], chart: Chart) -> Iterator[str]:
    """What became of each call; a link to its first event. Of many calls it is told in one sign."""
    first: dict[str | None, int] = {}  # event of each call
    for step in chart.steps:
        first.setdefault(step.call, step.seq)
    listed = {call: each for call, each in facts.items() if call in first}
    if not 0 < len(listed) <= MAX_CALLS:
        return
    yield '<ul class="calls">\n'
    for call, (caller, _, outcome) in listed.items():
        kind = "right" if outcome.is_right else "wrong"
        told = escape(outcome.text)
        shown = f"{escape(caller)} {_told(kind, told)}"
        if len(listed) > MAX_TOLD:
            shown = _told(kind, SIGNS[kind])
        yield f'<li><a class="{hue(chart, call).strip()}" href="#e{first[call]}"'
        yield f'{data(chart, [call])} title="{escape(caller)} {told}">'
        yield f"<b>{escape(pretty_name(call))}</b> {shown}</a></li>\n"
    yield "</ul>\n"


def _told(kind: str, text: str) -> str:
    return f'<span class="{kind}">{text}</span>'


# --- the events ---


def _events(chart: Chart, sources: Path | None) -> Iterator[str]:
    stories = StoryTeller(sources=sources)
    for step in chart.steps:
        stories.update(step)
    told = stories.sentences()
    yield '<ol class="events">\n'
    for step in chart.steps:
        yield from _event(step, told.get(step.seq, []), chart)
    yield "</ol>\n"


def _event(step: Step, told: Sequence[Sentence], chart: Chart) -> Iterator[str]:
    style = style_of(step)
    owner = step.details.get("for")
    calls = [step.call, owner if isinstance(owner, str) else None]
    place = " → ".join(pretty_name(end) for end in endpoints(step) if end is not None)
    wrong = " wrong" if "red" in style.colour else ""
    wording = " ".join(filter(None, style.wording(step).at_length()))
    yield f'<li id="e{step.seq}" data-seq="{step.seq}" data-t="{step.t:g}"'
    yield f' class="event{hue(chart, step.call)}"{data(chart, calls)}>\n<div class="line">'
    yield f'<a class="number" href="#e{step.seq}">{step.seq}</a><time>{step.t:.6f} s</time>'
    if step.call is not None:
        yield f'<b class="hue">{escape(pretty_name(step.call))}</b>'
    yield f'<b class="kind{wrong}">{escape(style.word)}</b><span>{escape(place)}</span>'
    yield f'<span class="mono">{escape(wording)}</span></div>\n'
    last_code = ""
    for sentence in told or [Sentence(step.t, meaning(step))]:
        yield f"<p>{escape(sentence.sentence)}</p>\n"
        code = _code(sentence)
        yield "" if code == last_code else code
        last_code = code
    if step.forgot:  # the sentences do not say it
        state = pretty_state(step.details.get("state"))
        yield f'<p class="state">Its state now: <code>{escape(state)}</code></p>\n'
    yield "</li>\n"


def _code(sentence: Sentence) -> str:
    """The lines of Python and of Elixir, beside each other."""
    columns = (("Python", sentence.python), ("Elixir", sentence.elixir))
    found = "".join(_quoted(language, code) for language, code in columns if code is not None)
    return f'<div class="code">{found}</div>\n' if found else ""


def _quoted(language: str, code: Code) -> str:
    text = escape("\n".join(code.lines))
    lines = f"<pre>{text}</pre>" if text else ""
    place = f"{language}, {code.place}" + (f": {code.missing}" if code.missing else "")
    return f"<div><small>{escape(place)}</small>{lines}</div>"


_DOCK: Final = """<section class="dock" aria-label="Player" hidden>
<div class="controls">
<button type="button" class="back">Back</button>
<button type="button" class="play">Play</button>
<button type="button" class="next">Next</button>
<button type="button" class="all">Whole picture</button>
<button type="button" class="zoom">Zoom</button>
<label>Speed <select class="speed"><option value="0.5">0.5</option><option selected>1</option>\
<option>2</option><option>4</option></select></label>
<div class="track"><input type="range" min="0" value="0" aria-label="Event"></div>
<output class="count"></output>
</div>
<div class="card" aria-live="polite"><p>Step through it with the arrow keys; the space bar plays. \
Point at a call to follow it.</p></div>
</section>
"""
