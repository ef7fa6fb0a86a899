"""What `--help` shows besides the options themselves: examples first, and options in groups."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from typer.core import TyperGroup

from genreply_cli.cli.environment import Command

Examples = Sequence[tuple[str, str]]  # what to type, and what it does

# A test runs each of them.
EXAMPLES: Final[Mapping[str, Examples]] = {
    "genreply": (
        ('genreply send "Hello world" --timeline', "one greeting, step by step"),
        ("genreply learn", "deferred replies in six lessons"),
        ("genreply compare --runs 2", "which design survives what"),
    ),
    "send": (
        ('genreply send "Hello world" --delay 250ms --timeline', "see each message"),
        ("genreply send A B C --jobs 3 --coordinator keyed", "three callers at once"),
        ("printf 'A\\nB\\n' | genreply send - --json", "each line is a call"),
    ),
    "repl": (
        ("genreply repl --say Hello", "greet with this first"),
        ("genreply repl --coordinator single --delay 100ms", "the article's own design"),
        ("printf 'A\\n/calls\\n' | genreply repl --no-record", "in a pipe: no prompt"),
    ),
    "trace": (
        ("genreply trace --list", "samples, and your own sessions"),
        ("genreply trace late", "play one; off a terminal, print it"),
        ("genreply trace overlap-single --as svg", "a picture of it"),
    ),
    "bench": (
        ("genreply bench --rounds 1 --scale 0.001", "a short look"),
        ("genreply bench -c keyed --rounds 1 --scale 0.001", "one of the coordinators"),
        ("genreply bench --json --rounds 1 --scale 0.001", "for programs"),
    ),
    "serve": (
        ("genreply serve --port 0", "on a port that is free"),
        ("genreply serve --port 0 --delay 100ms..1s", "slow answers"),
        ("genreply serve --port 0 --fault drop:0.2", "a fifth of them is lost"),
    ),
    "join": (
        ("genreply join py@127.0.0.1", "other nodes call it by name"),
        ("genreply join py@127.0.0.1 --delay 250ms", "slow answers"),
        ("genreply join py@127.0.0.1 --record it.jsonl", "keep what happens"),
    ),
    "run": (
        ("genreply run app.py", "draw your own GenServers"),
        ("genreply run --record run.jsonl app.py", "record them"),
        ("genreply run -m app", "a module, as with python -m"),
    ),
    "attach": (
        ("genreply attach shop", "it runs with GENREPLY_ATTACH=shop"),
        ("genreply attach 4711", "by its PID: GENREPLY_ATTACH=1"),
        ("genreply attach shop | grep timeout", "in a pipe: plain rows"),
    ),
    "top": (
        ("genreply top shop", "a table that is refreshed"),
        ("genreply top shop --once", "print it once"),
        ("genreply top shop --json", "for programs"),
    ),
    "compare": (
        ("genreply compare", "designs under faults"),
        ("genreply compare --callers 2 --runs 3 --seed 7", "another trial"),
        ("genreply compare --runs 3 -o it.html", "a picture, as a page"),
    ),
    "learn": (
        ("genreply learn", "where you stand"),
        ("genreply learn 3 --print", "the text of the third lesson"),
        ("echo C | genreply learn 4", "answer without a terminal"),
    ),
}

# Options that belong to none of these groups come last.
GROUPS: Final[Mapping[str, Mapping[str, Sequence[str]]]] = {
    "trace": {
        "Which part": ("--list", "--call", "--kind", "--from", "--to", "--with", "--skip-bad"),
        "Play": ("--speed", "--idle-limit", "--pace", "--step", "--exit-at-end", "--follow"),
        "Print": (
            *("--print", "--events", "--stats", "--json", "--explain"),
            *("--view", "--plain", "--accessible", "--ascii", "--color"),
        ),
        "Prove": ("--check", "--diff", "--rerun", "--times"),
        "Export": ("--as", "--output", "--overwrite", "--scale", "--source"),
    },
}


def write_examples(name: str, formatter: Any) -> None:
    """Write the examples of a command, each with what it does."""
    examples = EXAMPLES.get(name, ())
    if examples:
        formatter.write_paragraph()
        formatter.write_text("Examples:")
        width = max(len(command) for command, _ in examples)
        for command, what in examples:
            line = f"  {command:{width}}  {what}"
            beside = len(line) <= formatter.width
            formatter.write(f"{line if beside else f'  {command}'}\n")


class DocumentedCommand(Command):
    """A command whose help begins with examples. Its options may be in groups."""

    def format_help_text(self, ctx: Any, formatter: Any) -> None:
        write_examples(ctx.info_name, formatter)
        super().format_help_text(ctx, formatter)

    def format_options(self, ctx: Any, formatter: Any) -> None:
        groups = GROUPS.get(ctx.info_name)
        if groups is None:
            super().format_options(ctx, formatter)
            return
        records = {each: each.get_help_record(ctx) for each in self.get_params(ctx)}
        group_of = {flag: group for group, flags in groups.items() for flag in flags}
        found: dict[str, list[tuple[str, str]]] = {"Arguments": [], **{name: [] for name in groups}}
        for parameter, record in records.items():
            if record is not None:
                is_option = parameter.param_type_name == "option"
                flags = [group_of[flag] for flag in parameter.opts if flag in group_of]
                group = next(iter(flags), "Others") if is_option else "Arguments"
                found.setdefault(group, []).append(record)
        for group, rows in found.items():
            with formatter.section(group):
                formatter.write_dl(rows)


class DocumentedGroup(TyperGroup):
    """All commands, with examples first."""

    def format_help_text(self, ctx: Any, formatter: Any) -> None:
        write_examples("genreply", formatter)
        super().format_help_text(ctx, formatter)

    def format_options(self, ctx: Any, formatter: Any) -> None:
        options = [", ".join(each.opts) for each in self.get_params(ctx)]
        formatter.write_paragraph()
        formatter.write_text(f"Options: {', '.join(options)}")  # in a line: all fits a screen
        self.format_commands(ctx, formatter)
