"""A step as one line of text: for files and pipes, and as a sentence for screen readers."""

from genreply_cli.text import visible
from genreply_cli.timeline.kinds import endpoints, style_of
from genreply_cli.transcript.pretty import pretty_name
from genreply_cli.transcript.step import Step


def plain_line(step: Step) -> str:
    """`0.000112 c1 call caller -> coordinator: greet "Hello"`; never cut."""
    call = "-" if step.call is None else visible(step.call)
    place = " -> ".join(pretty_name(end) for end in endpoints(step) if end is not None)
    kind = "forget" if step.forgot else visible(step.kind)
    head = " ".join(filter(None, [f"{step.t:.6f}", call, kind, place]))
    body, note = style_of(step).wording(step).at_length()
    text = " ".join(filter(None, [body, note and f"({note})"]))
    return f"{head}: {text}" if text else head


def accessible_line(step: Step, *more: str) -> str:
    """`0.000 seconds, c1: caller asks coordinator, and waits: greet "Hello".`

    `more` words say what goes wrong at this moment.
    """
    style = style_of(step)
    sentence = style.sentence.format(
        source=pretty_name(step.source),
        target=pretty_name(step.target),
        at=pretty_name(step.at),
        kind=visible(step.kind),
    )
    call = "" if step.call is None else f", {visible(step.call)}"
    words = [*style.wording(step).at_length(), *more]
    text = ", ".join(filter(None, words))
    return f"{step.t:.3f} seconds{call}: {sentence}: {text}."
