"""Two transcripts as one HTML page: the same callers in two designs, and what became of them."""

from collections.abc import Iterator
from html import escape

from genreply_cli.analysis.diff import CallSummary, differences
from genreply_cli.export import svg
from genreply_cli.export.html import document_end, document_head, figure_head
from genreply_cli.export.outcomes import CallFacts
from genreply_cli.export.side_by_side import Compared, SideBySide, Transcript
from genreply_cli.export.svg_picture import data, hue
from genreply_cli.text import counted
from genreply_cli.transcript.pretty import pretty_name


def render(one: Transcript, other: Transcript) -> Iterator[str]:
    """The page, piece by piece. It has no player; a call that is pointed at lights up in both."""
    both = SideBySide(one, other)
    yield document_head(both.title)
    yield from _calls(both)
    yield '<div class="beside">\n'
    for side, transcript in enumerate(both.transcripts):
        chart, layout = both.charts[side], both.layouts[side]
        yield f"<section><h2>{escape(both.headings()[side])}</h2>\n{figure_head(layout)}"
        yield from svg.render_inside(transcript.header, chart, layout)
        yield "</figure></section>\n"
    yield "</div>\n<h2>In words</h2>\n<pre>"
    summaries = [CallSummary(header).update_all(steps) for header, steps in both.transcripts]
    yield escape("\n".join(differences(*summaries)) or "no difference")
    yield f"</pre>\n{document_end()}"


def _calls(both: SideBySide) -> Iterator[str]:
    """A table of the calls: what became of each, left and right."""
    calls, alike = both.listed()
    yield '<table class="pair calls-table"><thead><tr><th>call</th><th></th>'
    yield "".join(f"<th>{escape(heading)}</th>" for heading in both.headings())
    yield "</tr></thead>\n<tbody>\n"
    for compared in calls:
        yield _row(both, compared)
    if alike:
        yield f'<tr><td colspan="4">{counted(alike, "call")} came out alike</td></tr>\n'
    yield "</tbody></table>\n"


def _row(both: SideBySide, compared: Compared) -> str:
    call, facts = compared
    chart = both.charts[0]
    caller = next((each.caller for each in facts if each is not None), "")
    kind = "differs" if compared.differs else "alike"
    mark = "\N{NOT EQUAL TO}" if compared.differs else "="
    return (
        f'<tr class="{kind}{hue(chart, call)}"{data(chart, [call])} tabindex="0">'
        f'<td><b class="hue">{escape(pretty_name(call))}</b> {escape(caller)}</td><td>{mark}</td>'
        f"{''.join(map(_cell, facts))}</tr>\n"
    )


def _cell(facts: CallFacts | None) -> str:
    if facts is None:
        return "<td>not asked</td>"
    kind = "right" if facts.outcome.is_right else "wrong"
    return f'<td class="{kind}">{escape(facts.outcome.text)}</td>'
