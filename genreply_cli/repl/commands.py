"""What may be typed in the REPL, and what it means: greetings, and commands that begin with a slash."""

import textwrap
from collections.abc import Iterator, Mapping
from typing import Final, NamedTuple

from genreply_cli.session import parsing
from genreply_cli.session.faults import FAULT_KINDS
from genreply_cli.session.parsing import COORDINATORS
from genreply_cli.timeline.views import VIEWS

VIEW_NAMES: Final = ("auto", *VIEWS, "off")

# What commands there are ------------------------------------------------------------------------------------------------------


class Usage(NamedTuple):
    """How a command is used. `words` are what its argument may begin with; "ID" stands for the calls in flight."""

    argument: str
    does: str
    example: str
    words: tuple[str, ...] = ()


COMMANDS: Final[Mapping[str, Usage]] = {
    "help": Usage("[COMMAND]", "list the commands, or tell of one", "/help burst"),
    "calls": Usage("", "the calls in flight: what they ask, how long they have waited, where they are kept", "/calls"),
    "wait": Usage("[ID]", "block until that call has its reply; without ID, until all have", "/wait c2", ("ID",)),
    "cancel": Usage("ID", "give up that call, or all; its answer will be dropped", "/cancel c2", ("ID", "all")),
    "show": Usage("ID", "what that call asked and what came of it, whole", "/show c2", ("ID",)),
    "state": Usage("", "the coordinator's state, in Python and in Elixir; whom it keeps; both mailboxes", "/state"),
    "explain": Usage("[ID]", "that call, or the last, in words, beside the lines that did it", "/explain c2", ("ID",)),
    "burst": Usage("N TEXT", "that many greetings at once, in the background", "/burst 50 hello"),
    "delay": Usage("[TIME]", "how long the socket takes from now on", "/delay 100ms..1s", ("0", "400ms", "2s", "100ms..1s")),
    "timeout": Usage("[TIME]", "how long a caller waits from now on", "/timeout 2", ("5", "1s", "250ms", "infinity")),
    "coordinator": Usage("[NAME]", "which design keeps the callers from now on", "/coordinator single", COORDINATORS),
    "fault": Usage("[KIND[:RATE]...]", "what the network does wrong from now on: to the next answer, or at a rate",
                   "/fault drop:0.3", (*FAULT_KINDS, "off")),
    "seed": Usage("[N]", "where all chances come from, from now on", "/seed 7"),
    "crash": Usage("WHICH", "end the coordinator or the websocket, now", "/crash websocket", ("coordinator", "websocket")),
    "restart": Usage("", "start a new coordinator, now", "/restart"),
    "step": Usage("[on|off]", "hold all messages back; Enter delivers the next one", "/step on", ("on", "off")),
    "mark": Usage("LABEL", "put a marker into the transcript", "/mark lunch"),
    "save": Usage("FILE", "copy the transcript of this session so far", "/save lunch.jsonl"),
    "export": Usage("FILE", "a picture of this session: .svg, .html, .mmd, .txt or .json", "/export lunch.svg"),
    "replay": Usage("", "replay this session; q comes back", "/replay"),
    "view": Usage("[NAME]", "how the timeline is drawn", "/view narrow", VIEW_NAMES),
    "clear": Usage("", "clear the screen", "/clear"),
    "quit": Usage("", "leave, as Ctrl-D does", "/quit"),
}  # fmt: skip

KEYS: Final = (
    ("Enter, Alt-Enter", "send; a new line in the same greeting"),
    ("Tab, right", "complete; take the suggestion"),
    ("up, down, Ctrl-R", "what was typed before; search in it"),
    ("Ctrl-C", "give up the call that blocks, and only that; else clear the line"),
    ("Ctrl-Z", "put the call that blocks into the background"),
    ("Ctrl-D", "leave"),
)


def find(name: str) -> Usage:
    """How a command is used. Raises ValueError with a sentence."""
    if name in COMMANDS:
        return COMMANDS[name]
    close = parsing.closest(name, COMMANDS)
    meant = "/help lists the commands" if close is None else f"did you mean /{close}?"
    raise ValueError(f"there is no command /{name}; {meant} (//{name} greets with /{name})")


def help_of(name: str) -> list[str]:
    """One command, with an example. Raises ValueError with a sentence."""
    usage = find(name.removeprefix("/"))
    title = " ".join(filter(None, [f"/{name.removeprefix('/')}", usage.argument]))
    words = ", ".join(word for word in usage.words if word != "ID")
    return [f"{title}: {usage.does}", *([f"  with {words}"] if words else []), f"  {usage.example}"]


def help_of_all(columns: int | None = None) -> list[str]:
    """The list of what can be typed; where there are only so many columns, the words are wrapped beside it, or below it."""
    rows = [
        ("text", "a greeting; it blocks until the deferred reply"),
        ("text &", r"in the background; text \& keeps the ampersand"),
        ("//text", "a greeting that begins with a slash"),
        *(
            (" ".join(filter(None, [f"/{name}", usage.argument])), usage.does)
            for name, usage in COMMANDS.items()
        ),
        *KEYS,
    ]
    width = max(len(what) for what, _ in rows)
    if columns is None:
        return [f"  {what:{width}}  {does}" for what, does in rows]
    beside = columns - width - 4 >= width
    indent = width + 4 if beside else 6
    lines = []
    for what, does in rows:
        first, *rest = textwrap.wrap(does, max(10, columns - indent))
        lines += (
            [f"  {what:{width}}  {first}"] if beside else [f"  {what}", f"{' ' * indent}{first}"]
        )
        lines += [f"{' ' * indent}{line}" for line in rest]
    return lines


def completions(line: str, calls: list[str]) -> Iterator[tuple[str, str]]:
    """What the last word of a line may become, each with what it is; `calls` are those in flight."""
    if not line.startswith("/") or line.startswith("//"):
        return
    name, space, argument = line[1:].partition(" ")
    if not space:
        yield from (
            (f"/{each}", usage.does) for each, usage in COMMANDS.items() if each.startswith(name)
        )
        return
    if name == "help":
        words = list(COMMANDS)
    else:
        usage = COMMANDS.get(name)
        words = (
            []
            if usage is None
            else [each for word in usage.words for each in (calls if word == "ID" else [word])]
        )
    last = argument.rpartition(" ")[2]
    if name == "fault" or " " not in argument:
        yield from ((word, "") for word in words if word.startswith(last))
