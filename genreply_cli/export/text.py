"""A transcript as the plain timeline: one line for each step."""

from collections.abc import Iterable, Iterator

from genreply_cli.timeline.lines import plain_line
from genreply_cli.transcript.format import Header
from genreply_cli.transcript.step import Step


def render(_: Header, steps: Iterable[Step]) -> Iterator[str]:
    """The timeline, line by line."""
    for step in steps:
        yield f"{plain_line(step)}\n"
