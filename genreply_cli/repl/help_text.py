"""All that can be typed at a glance, as /help shows it on a terminal."""

import re
from collections.abc import Collection, Iterator, Mapping
from typing import Final

from genreply_cli.text import wrap

Span = tuple[str, str]  # text, and its style as Rich names it
Groups = Mapping[str, Mapping[str, str]]  # what can be typed, and what it does
_COMMAND: Final = re.compile(r"/\w+")
TWO_COLUMNS: Final = 72  # a terminal of at least this width has two columns
HEAD: Final = 12  # cells for the name of a group
NO_BREAK: Final = "\xa0"  # a blank within a name: no row ends there
NAME: Final = 14  # cells for a command or a key

# fmt: off
GREETINGS: Final = (
    ("text", "a greeting, or a request; it blocks until the deferred reply"),
    ("text &", r"in the background; text \& keeps the ampersand"),
    ("//text", "a greeting that begins with a slash"),
)
KEYS: Final = (
    ("Enter, Alt-Enter", "send; start a new line in the same greeting"),
    ("Tab, right", "complete; take the suggestion"),
    ("up, down, Ctrl-R", "lines typed before; search in them"),
    ("Ctrl-C", "give up the call that blocks; else clear the line"),
    ("Ctrl-Z", "send the call that blocks to the background"),
    ("Ctrl-D", "leave"),
)
OVERVIEW: Final[Groups] = {
    "greetings": {
        "text": "waits for a reply", "text &": "in the background",
        "//text": "greets with /text", r"text \&": "ends with &"},
    "calls": {
        "/calls": "those in flight", "/wait": "for their replies",
        "/cancel": "give up a call", "/burst": "many at once",
        "/cast": "and do not wait", "/send": "for handle_info",
        "/show": "a call in events", "/explain": "a call in words"},
    "settings": {
        "/delay": "of the answers", "/timeout": "of the callers",
        "/coordinator": "which design", "/fault": "of the network",
        "/seed": "of random choices", "/set": "show them all"},
    "processes": {
        "/state": "who is kept", "/step": "message by message",
        "/crash": "end a process", "/restart": "a new server"},
    "transcript": {
        "/mark": "put a marker in", "/replay": "watch it again",
        "/save": "copy it to a file", "/export": "draw a picture"},
    "screen": {
        "/view": "how rows are drawn", "/clear": "all rows",
        "/help": "this, or a command", "/quit": "leave"},
    "keys": {
        "Enter": "send", "Alt-Enter": "a new line",
        "Tab": "complete", "right": "take a suggestion",
        "up, down": "lines before", "Ctrl-R": "search in them",
        "Ctrl-C": "give up, or clear", "Ctrl-Z": "to the background",
        "Ctrl-D": "leave"},
}
# fmt: on


def overview(
    columns: int, lines: int | None = None, commands: Collection[str] | None = None
) -> Iterator[list[Span]]:
    """All at a glance, in groups, in rows of at most so many cells if there are 40 of them.

    Where these are more than so many lines, there are the names alone. `commands` are those that
    can be typed here, if that is not all of them.
    """
    groups = {
        group: {
            name: does
            for name, does in entries.items()
            if commands is None or not _COMMAND.fullmatch(name) or name[1:] in commands
        }
        for group, entries in OVERVIEW.items()
    }
    rows = list(_explained(groups, columns))
    if lines is not None and len(rows) > lines:
        rows = list(_names(groups, columns))
    return iter([*rows, [("/help burst explains that command", "dim")]])


def _names(groups: Groups, columns: int) -> Iterator[list[Span]]:
    for group, entries in groups.items():
        whole = [name.replace(" ", NO_BREAK) for name in entries]
        names = wrap("  ".join(whole), max(1, columns - HEAD))
        for number, row in enumerate(names):
            head = "" if number else group
            yield [(f"{head:{HEAD}}", "bold"), (row.strip(" ").replace(NO_BREAK, " "), "cyan")]


def _explained(groups: Groups, columns: int) -> Iterator[list[Span]]:
    wide = columns >= TWO_COLUMNS
    for group, entries in groups.items():
        if not wide:
            yield [(group, "bold")]
        head = group if wide else ""
        for pair in _in_pairs(list(entries.items()), wide=wide):
            row: list[Span] = [(f"{head:{HEAD if wide else 2}}", "bold")]
            for number, (name, does) in enumerate(pair, 1):
                room = (columns - HEAD) // 2 - NAME if number < len(pair) else 0
                row += [(f"{name:{NAME}}", "cyan"), (f"{does:{room}}", "")]
            yield row
            head = ""


def _in_pairs(entries: list[tuple[str, str]], *, wide: bool) -> list[list[tuple[str, str]]]:
    size = 2 if wide else 1
    return [entries[start : start + size] for start in range(0, len(entries), size)]
