"""A transcript as one HTML page that needs nothing from elsewhere: the picture, and all it shows as a table."""

from collections.abc import Iterator, Sequence
from html import escape
from typing import Any, Final

from genreply_cli.analysis.stats import Stats
from genreply_cli.export.svg import draw
from genreply_cli.text import visible
from genreply_cli.timeline.kinds import endpoints, style_of
from genreply_cli.transcript.format import Header
from genreply_cli.transcript.pretty import pretty_name
from genreply_cli.transcript.step import Step


def page(header: Header, steps: Sequence[Step]) -> Iterator[str]:
    """The page, piece by piece. No script, no link, no font: whatever the transcript says is text."""
    title = escape(visible(header.title or "A genreply transcript"))
    yield _HEAD.format(title=title)
    yield f"<h1>{title}</h1>\n<p>{escape(_about(header))}</p>\n<figure>\n"
    yield from draw(header, steps, standalone=False)
    yield "</figure>\n<h2>In numbers</h2>\n<pre>"
    stats = Stats()
    for step in steps:
        stats.update(step)
    yield escape("\n".join(stats.lines()))
    yield "</pre>\n<h2>Event by event</h2>\n<table>\n<thead><tr><th>time</th><th>call</th><th>event</th>"
    yield "<th>who</th><th>what</th></tr></thead>\n<tbody>\n"
    for step in steps:
        said = style_of(step).wording(step)
        who = " → ".join(pretty_name(end) for end in endpoints(step) if end is not None)
        what = " ".join(filter(None, [*said.at_length()]))
        columns = [
            f"{step.t:.6f}",
            "" if step.call is None else pretty_name(step.call),
            visible(step.kind),
            who,
            what,
        ]
        yield f"<tr>{''.join(f'<td>{escape(column)}</td>' for column in columns)}</tr>\n"
    yield "</tbody>\n</table>\n</body>\n</html>\n"


def _about(header: Header) -> str:
    told: dict[str, Any] = {
        "recorded": header.created,
        "by": header.by,
        "clock": header.clock,
        "seed": header.seed,
    }
    told |= header.settings
    return ", ".join(
        f"{pretty_name(name)} {visible(str(value))}"
        for name, value in told.items()
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
th,td{{text-align:left;padding:.2rem .8rem;border-bottom:1px solid #8884;vertical-align:top;overflow-wrap:anywhere}}
td:first-child,td:nth-child(2){{white-space:nowrap}}
</style>
</head>
<body>
"""
