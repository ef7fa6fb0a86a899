"""A transcript as one HTML page: the picture, its numbers, and a table of all events."""

from collections.abc import Iterable, Iterator
from html import escape
from typing import Any, Final

from genreply_cli.analysis.stats import Stats
from genreply_cli.export import svg
from genreply_cli.text import visible
from genreply_cli.timeline.kinds import endpoints, style_of
from genreply_cli.transcript.format import Header
from genreply_cli.transcript.pretty import pretty_name
from genreply_cli.transcript.step import Step


def render(header: Header, steps: Iterable[Step]) -> Iterator[str]:
    """The page, piece by piece.

    It has no scripts, links or fonts, and needs no other file. All of the transcript is text in it.
    """
    steps = list(steps)
    stats = Stats()
    for step in steps:
        stats.update(step)
    title = escape(visible(header.title or "A genreply transcript"))
    yield _HEAD.format(title=title)
    yield f"<h1>{title}</h1>\n<p>{escape(_about(header))}</p>\n<figure>\n"
    yield from svg.render(header, steps, standalone=False)
    yield "</figure>\n<h2>In numbers</h2>\n<pre>"
    yield escape("\n".join(stats.lines()))
    yield "</pre>\n<h2>Event by event</h2>\n<table>\n<thead><tr><th>time</th><th>call</th>"
    yield "<th>event</th><th>who</th><th>what</th></tr></thead>\n<tbody>\n"
    for step in steps:
        cells = "".join(f"<td>{escape(column)}</td>" for column in _columns(step))
        yield f"<tr>{cells}</tr>\n"
    yield "</tbody>\n</table>\n</body>\n</html>\n"


def _columns(step: Step) -> list[str]:
    wording = style_of(step).wording(step)
    return [
        f"{step.t:.6f}",
        "" if step.call is None else pretty_name(step.call),
        visible(step.kind),
        " → ".join(pretty_name(end) for end in endpoints(step) if end is not None),
        " ".join(filter(None, wording.at_length())),
    ]


def _about(header: Header) -> str:
    facts: dict[str, Any] = {
        "recorded": header.created,
        "by": header.by,
        "clock": header.clock,
        "seed": header.seed,
        **header.settings,
    }
    return ", ".join(
        f"{pretty_name(name)} {visible(str(value))}"
        for name, value in facts.items()
        if value not in (None, [])
    )


_HEAD: Final = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<title>{title}</title>
<style>
:root{{color-scheme:light dark}}
body{{font-family:system-ui,sans-serif;margin:2rem;line-height:1.5}}
figure{{margin:0;overflow-x:auto}}
table{{border-collapse:collapse;font-family:ui-monospace,monospace;font-size:.85rem}}
th,td{{text-align:left;padding:.2rem .8rem;border-bottom:1px solid #8884;\
vertical-align:top;overflow-wrap:anywhere}}
td:first-child,td:nth-child(2){{white-space:nowrap}}
</style>
</head>
<body>
"""
