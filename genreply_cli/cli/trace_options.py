"""The options of `genreply trace`, and which of them go together."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Literal

import typer

from genreply_cli.cli.environment import ConflictError
from genreply_cli.cli.options import is_typed, require
from genreply_cli.export.formats import FORMATS, format_of
from genreply_cli.player.state import State
from genreply_cli.terminal.output import OutputOptions
from genreply_cli.transcript.filters import Filters

Task = Literal[
    "play", "print", "events", "stats", "explain", "check", "diff", "rerun", "export", "list"
]


WHOLE_TASKS: Final = frozenset({"check", "rerun"})  # they take no part of a transcript


@dataclass(frozen=True)
class TraceOptions:
    """Which transcript, which part of it, and what to do with it."""

    source: str | None = None  # a file, a sample by its name, `-` for stdin; None: the last session
    task: Task = "play"
    filters: Filters = field(default_factory=Filters)
    skip_bad: bool = False  # leave out lines that cannot be read
    follow: bool = False  # keep reading while it is written
    json: bool = False  # --stats as JSON
    merged_with: str | None = None  # the recording of another node of the same session
    other: str | None = None  # --diff with this one
    times: bool = False  # --diff and --rerun compare times, too
    format: str = ""  # --as
    output: str | None = None  # -o
    overwrite: bool = False
    sources: Path | None = None  # the folder of the program that was recorded; None: the current
    scale: float | None = None  # of an SVG; None: as it is
    player: State = field(default_factory=State)  # how the player begins
    output_options: OutputOptions = field(default_factory=OutputOptions)

    def check(self) -> None:
        """Raise a usage error if options do not go together."""
        start, stop = self.filters.start, self.filters.stop
        compares = self.task in {"diff", "rerun"}
        require("--json", self.json, "--stats or --check", self.task in {"stats", "check"})
        if self.skip_bad and (self.follow or self.task in {"check", "list"}):
            raise ConflictError(
                "--skip-bad leaves out lines that cannot be read; --check names them all,"
                " and --follow and --list do not need it",
                *("--skip-bad", "--follow", f"--{self.task}"),
            )
        is_scalable = self.task == "export" and FORMATS[self.format].takes_scale
        require("--scale", self.scale is not None, "an export as svg", is_scalable)
        if self.task == "export" and self.other is not None:
            pairs = [name for name, form in FORMATS.items() if form.has_pairs]
            if self.format not in pairs:
                raise ConflictError(
                    f"two transcripts beside each other are drawn as {' or '.join(pairs)},"
                    f" and not as {self.format}",
                    *("--diff", "--as", "--output"),
                )
        explains = self.task == "explain" or (
            self.task == "export" and FORMATS[self.format].takes_sources
        )
        require("--source", self.sources is not None, "--explain, or an export as html", explains)
        require("--overwrite", self.overwrite, "--output FILE", self.output is not None)
        if self.follow and (self.task not in {"play", "print", "events"} or self.source == "-"):
            raise ConflictError(
                "--follow shows a file as it is written; it goes with --print and --events only",
                *("--follow", "--diff", "--as", "--output", f"--{self.task}"),
            )
        if self.merged_with is not None and (self.follow or self.task in {"rerun", "list"}):
            raise ConflictError(
                "--with merges two recordings that have ended;"
                " leave out --follow, --rerun and --list",
                *("--with", "--follow", "--rerun", "--list"),
            )
        if self.source == "-" == self.merged_with:
            raise ConflictError("stdin can be read once; give --with a file", "--with")
        require("--times", self.times, "--diff FILE or --rerun", compares)
        if self.source == "-" == self.other:
            raise ConflictError("stdin can be read once; give --diff a file", "--diff")
        if start is not None and stop is not None and start > stop:
            raise ConflictError(
                f"--from {start:g} is after --to {stop:g}; expected the earlier time first",
                *("--from", "--to"),
            )
        if self.task == "explain" and (self.filters.kinds or start is not None or stop is not None):
            raise ConflictError(
                "--explain tells the whole story of a call; leave out --kind, --from and --to",
                *("--explain", "--kind", "--from", "--to"),
            )
        if self.filters and self.task in WHOLE_TASKS:
            raise ConflictError(
                f"--{self.task} looks at the whole transcript;"
                " leave out --call, --kind, --from and --to",
                *(f"--{self.task}", "--call", "--kind", "--from", "--to"),
            )

    @property
    def states(self) -> bool:
        """Whether each state of a server is shown, and not only one that has forgotten a caller."""
        return "state" in self.filters.kinds


def refuse_mixture(context: typer.Context, form: Any, output: str | None, diff: Any) -> None:
    """Raise a usage error if one of these is typed, and the environment says another thing."""
    flags = "--as", "--output"
    typed = {name for name in ("form", "output", "diff") if is_typed(context, name)}
    if typed and form is not None and output is not None and len(typed & {"form", "output"}) == 1:
        try:
            fits = format_of(output) == form
        except ValueError:
            fits = "output" in typed
        if not fits:
            raise ConflictError(f"{output} is no name for {form}", *flags)
    given = {"diff": diff is not None, "export": form is not None or output is not None}
    are_typed = {"diff" in typed, bool(typed & {"form", "output"})}
    if all(given.values()) and len(are_typed) == 2:
        raise ConflictError("--diff and --output differ", "--diff", *flags)
