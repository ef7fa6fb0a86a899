"""The table of /commands, what each of them does, and the help made from the table."""

from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping
from functools import partial
from itertools import islice
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from genreply_cli.errors import GenreplyError
from genreply_cli.explain.notation import Notation
from genreply_cli.export.formats import endings
from genreply_cli.otp import From, GenServer, debug
from genreply_cli.repl import files
from genreply_cli.repl.help_text import GREETINGS, KEYS, overview
from genreply_cli.repl.shell import Shell
from genreply_cli.repl.stepping import mailbox_line
from genreply_cli.session import parsing
from genreply_cli.session.faults import FAULT_KINDS
from genreply_cli.session.parsing import COORDINATORS
from genreply_cli.session.served import OWN_COORDINATORS, Served
from genreply_cli.text import visible
from genreply_cli.timeline.kinds import is_drawn
from genreply_cli.timeline.lines import plain_line
from genreply_cli.timeline.views import VIEWS
from genreply_cli.transcript.pretty import pretty, pretty_message, pretty_state, typed_duration
from genreply_cli.transcript.snapshot import Snapshot

if TYPE_CHECKING:
    from genreply_cli.session.requests import Requests

MAX_BURST: Final = 10_000  # calls
MAX_KEPT: Final = 20  # calls that /state shows
MAX_COMPLETIONS: Final = 50  # paths
MAX_MESSAGE: Final = 200  # characters of a message that /calls shows
STATE_TIMEOUT: Final = 0.5  # seconds that /state waits for a busy process

Run = Callable[[Shell, str], Awaitable[None] | None]
"""Does what a command says; the text is its argument. Raises ValueError or GenreplyError."""


# --- calls -------------------------------------------------------------------------------


def _calls(shell: Shell, _: str) -> None:
    if not shell.callers.in_flight:
        shell.frontend.say("no call is in flight")
    for call in shell.callers.in_flight.values():
        place = _place(shell.history.snapshot, call.name)
        limit = "" if call.timeout is None else f" of {typed_duration(call.timeout)}"
        typed = call.message[:MAX_MESSAGE]
        message = pretty(typed) if shell.requests is None else visible(typed)
        shell.frontend.say(f"{call.name:5} {call.waited:.1f} s{limit}  {place}  {message}")


def _place(snapshot: Snapshot, name: str) -> str:
    """Where a call is that has not ended."""
    call = snapshot.open.get(name)
    if call is None:
        return "not handled yet"
    standing, server = snapshot.standing(call)
    match standing:
        case "kept" | "waiting":
            return f"{standing} at {server} since +{call.kept_since or call.since:.3f} s"
        case "forgotten":
            return f"forgotten by {server}, and waits in vain"
        case "handling":
            return f"handled by {server} since +{call.since:.3f} s"
    return "not handled yet"


async def _wait(shell: Shell, name: str) -> None:
    in_flight = shell.callers.in_flight
    calls = [shell.find_in_flight(name)] if name else list(in_flight.values())
    await shell.wait_for(calls, give_up=False)


def _cancel(shell: Shell, name: str) -> None:
    in_flight = list(shell.callers.in_flight.values())
    only_one = not name and len(in_flight) == 1
    for call in in_flight if name == "all" or only_one else [shell.find_in_flight(name)]:
        call.give_up()


def _show(shell: Shell, name: str) -> None:
    steps = shell.history.steps_of(shell.history.find_call(name))
    shell.frontend.say("\n".join(map(plain_line, filter(is_drawn, steps))))


def _explain(shell: Shell, name: str) -> None:
    from genreply_cli.explain.render import explain_calls

    call = shell.history.find_call(name)
    shell.frontend.draw(partial(explain_calls, list(shell.history.steps), [call]))


async def _burst(shell: Shell, argument: str) -> None:
    number, _, message = argument.partition(" ")
    if not message.strip():
        raise ValueError("/burst needs a number and a text, as in: /burst 50 hello")
    await shell.burst(parsing.count(number, MAX_BURST), message)


def _cast(shell: Shell, text: str) -> None:
    requests = _requests(shell)
    shell.supervisor.ensure_running().cast(requests.cast(text))


def _send(shell: Shell, text: str) -> None:
    requests = _requests(shell)
    shell.supervisor.ensure_running().send(requests.info(text))


def _requests(shell: Shell) -> "Requests":
    assert shell.requests is not None  # a coordinator refuses these commands
    return shell.requests


# --- settings ----------------------------------------------------------------------------


def _setting(name: str) -> Run:
    """Change a setting for the messages that follow; without an argument, show it."""

    async def change(shell: Shell, text: str) -> None:
        if not text:
            shell.frontend.say(f"{name} is {shell.as_typed(name)}")
            return
        shell.settings.with_setting(name, text)  # raises ValueError before anything is recorded
        before = shell.supervisor.coordinator
        _record(shell, f"{name} {text}")
        shell.supervisor.change(name, text)
        now = shell.settings.as_typed(name)
        shell.frontend.say(f"{name} is {now} for what is sent from now on")
        if shell.supervisor.coordinator is not before:
            await shell.coordinator_started()

    return change


def _set(shell: Shell, _: str) -> None:
    for name in SETTINGS:
        if name not in shell.settings.server.refused:
            shell.frontend.say(f"{name:12} {shell.as_typed(name)}")


# --- processes ---------------------------------------------------------------------------


async def _state(shell: Shell, _: str) -> None:
    coordinator = shell.supervisor.coordinator
    called = shell.settings.server.name
    if not coordinator.alive:
        shell.frontend.say(f"no {called} is running; the next call, or /restart, starts one")
        return
    processes = await shell.supervisor.processes()
    statuses = [await debug.status(server, STATE_TIMEOUT) for server in processes]
    tracer = shell.observers.tracer
    names = [tracer.name(server) for server in processes]
    notation = Notation(
        lambda value: tracer.call(value) if isinstance(value, From) else tracer.name(value)
    )
    kept = list(_kept_calls(shell.history.snapshot, names[0]))
    linked = f", linked to {', '.join(names[1:])}" if names[1:] else ""
    lines = [
        f"{names[0]} is {type(coordinator).__name__}{linked}",
        *_written(shell, notation, names[0], statuses[0].state),
        *kept[:MAX_KEPT],
        *([f"  and {len(kept) - MAX_KEPT:,} more"] if len(kept) > MAX_KEPT else []),
        *(
            mailbox_line(name, map(_message(shell, notation), status.mailbox))
            for name, status in zip(names, statuses, strict=True)
        ),
    ]
    shell.frontend.say("\n".join(lines))


def _message(shell: Shell, notation: Notation) -> Callable[[Any], str]:
    """How a message is written: to a coordinator as in Elixir, to another as it is recorded."""
    if shell.requests is None:
        return notation.message
    return lambda message: pretty_message(shell.observers.tracer.as_recorded(message))


def _written(shell: Shell, notation: Notation, name: str, state: Any) -> Iterator[str]:
    """The state of a server: of a coordinator in both languages, of another as it is recorded."""
    if shell.requests is None:
        yield f"  Python  {notation.python(state)}"
        yield f"  Elixir  {notation.elixir(state)}"
    else:
        recorded = shell.history.snapshot.states.get(name)
        yield f"  state  {'not known' if recorded is None else pretty_state(recorded.state)}"


def _kept_calls(snapshot: Snapshot, coordinator: str) -> Iterator[str]:
    """The calls that a coordinator keeps, and those that it has forgotten while they wait."""
    for call in snapshot.open.values():
        match snapshot.standing(call):
            case "kept" | "waiting", server if server == coordinator:
                yield f"  keeps {call.call}, since +{call.kept_since or call.since:.3f} s"
            case "forgotten", server if server == coordinator:
                yield f"  {call.call} still waits, but nothing in the state leads to it"
    for name in snapshot.keeps(coordinator) or ():
        if name not in snapshot.open:
            yield f"  keeps {name}, which does not wait any more"


async def _crash(shell: Shell, which: str) -> None:
    called = shell.settings.server.name
    known = shell.settings.server.processes
    if not which:
        raise ValueError(f"/crash needs a process, as in: /crash {known[-1]}")
    processes: dict[str, GenServer[Any]] = {called: shell.supervisor.coordinator}
    if shell.supervisor.coordinator.alive and which != called:
        servers = await shell.supervisor.processes()
        processes |= {_bare_name(shell.observers.tracer.name(each)): each for each in servers[1:]}
    parsing.choice(which, [*{**dict.fromkeys(known), **processes}], "process to crash")
    if not shell.supervisor.coordinator.alive:
        raise GenreplyError(
            f"the {which} has ended already",
            hint="the next call, or /restart, starts a new one",
        )
    _record(shell, f"crash {which}")
    processes[which].exit(RuntimeError(f"/crash {which}"))
    shell.frontend.say(f"the next call, or /restart, starts a new {called}")


def _bare_name(name: str) -> str:
    """A name without its number: `websocket` for `websocket-2`."""
    stem, _, number = name.rpartition("-")
    return stem if number.isdecimal() and stem else name


async def _restart(shell: Shell, _: str) -> None:
    _record(shell, "restart")
    shell.supervisor.restart()
    await shell.coordinator_started()


async def _step(shell: Shell, switch: str) -> None:
    if not switch:
        shell.frontend.say(f"stepping is {'off' if shell.stepper is None else 'on'}")
    elif parsing.choice(switch, ["on", "off"], "way to step") == "on":
        await shell.start_stepping()
    else:
        await shell.stop_stepping()


# --- the transcript ----------------------------------------------------------------------


def _record(shell: Shell, command: str) -> None:
    """Record a command that changes what happens, so that it can be run again."""
    step = shell.observers.tracer.note("mark", label=f"/{command}", command=command)
    shell.observers.emit(step)


def _mark(shell: Shell, label: str) -> None:
    if not label:
        raise ValueError("/mark needs a label, as in: /mark lunch")
    shell.observers.emit(shell.observers.tracer.note("mark", label=label))


# --- the screen --------------------------------------------------------------------------


def _help(shell: Shell, name: str) -> None:
    columns, server = shell.frontend.columns, shell.settings.server
    if name or columns is None:
        shell.frontend.say("\n".join(help_of(name, server) if name else help_of_all(server)))
        return
    rows = list(overview(columns, shell.frontend.lines, offered(server)))
    shell.frontend.draw(lambda screen: screen.say_rows(rows))


def _view(shell: Shell, name: str) -> None:
    if not name:
        raise ValueError("/view needs a view, as in: /view narrow")
    shell.frontend.set_view(parsing.choice(name, VIEW_NAMES, "view"))


def _clear(shell: Shell, _: str) -> None:
    shell.frontend.clear()


def _quit(shell: Shell, _: str) -> None:
    shell.leaving = shell.may_leave()


# --- the table ---------------------------------------------------------------------------


class CommandSpec(NamedTuple):
    """What a command does, and how it is used."""

    run: Run
    argument: str
    does: str
    example: str
    words: tuple[
        str, ...
    ] = ()  # what completes the argument; for those in upper case see `completions`


SETTINGS: Final = ("delay", "timeout", "coordinator", "fault", "seed")
VIEW_NAMES: Final = ("auto", *VIEWS, "off")
DELAYS: Final = ("0", "400ms", "2s", "100ms..1s")
TIMEOUTS: Final = ("5", "1s", "250ms", "infinity")
FAULTS: Final = (*FAULT_KINDS, "off")
PROCESSES: Final = OWN_COORDINATORS.processes

# fmt: off
COMMANDS: Final[Mapping[str, CommandSpec]] = {
    "help": CommandSpec(_help, "[COMMAND]",
        "list the commands, or explain one", "/help burst", ("COMMAND",)),
    "calls": CommandSpec(_calls, "",
        "the calls in flight: time waited, process that keeps them, message", "/calls"),
    "wait": CommandSpec(_wait, "[ID]",
        "block until that call, or all calls, have their reply", "/wait c2", ("ID",)),
    "cancel": CommandSpec(_cancel, "ID",
        "give up that call, or all; its answer will be dropped", "/cancel c2", ("ID", "all")),
    "show": CommandSpec(_show, "[ID]",
        "all events of that call, or of the last one", "/show c2", ("CALL",)),
    "state": CommandSpec(_state, "",
        "the state of the server, its callers, what is in its mailbox", "/state"),
    "explain": CommandSpec(_explain, "[ID]",
        "explain that call, or the last one, beside the code", "/explain c2", ("CALL",)),
    "cast": CommandSpec(_cast, "MESSAGE",
        "cast to your own server, and wait for nothing", "/cast Clear", ("CAST",)),
    "send": CommandSpec(_send, "MESSAGE",
        "send your own server a message for handle_info", "/send 3", ("SEND",)),
    "burst": CommandSpec(_burst, "N TEXT",
        "make that many calls at once, in the background", "/burst 50 hello"),
    "set": CommandSpec(_set, "",
        "all settings that are in force", "/set"),
    "delay": CommandSpec(_setting("delay"), "[TIME]",
        "how long the socket takes from now on", "/delay 100ms..1s", DELAYS),
    "timeout": CommandSpec(_setting("timeout"), "[TIME]",
        "how long a caller waits from now on", "/timeout 2", TIMEOUTS),
    "coordinator": CommandSpec(_setting("coordinator"), "[NAME]",
        "which design keeps the callers from now on", "/coordinator single", COORDINATORS),
    "fault": CommandSpec(_setting("fault"), "[KIND[:RATE]...]",
        "network faults from now on: once, in the next answer, or at a rate",
        "/fault drop:0.3", FAULTS),
    "seed": CommandSpec(_setting("seed"), "[N]",
        "seed of all random choices from now on", "/seed 7"),
    "crash": CommandSpec(_crash, "WHICH",
        "end the server, or a process that it is linked to, now", "/crash websocket", PROCESSES),
    "restart": CommandSpec(_restart, "",
        "start a new server now", "/restart"),
    "step": CommandSpec(_step, "[on|off]",
        "hold all messages back; Enter delivers the next one", "/step on", ("on", "off")),
    "mark": CommandSpec(_mark, "LABEL",
        "put a marker into the transcript", "/mark lunch"),
    "save": CommandSpec(files.save, "FILE",
        "copy the transcript of this session so far", "/save lunch.jsonl",
        ("FILE", "--overwrite")),
    "export": CommandSpec(files.export, "FILE",
        f"a picture of this session: {', '.join(endings())}",
        "/export lunch.svg --call c2",
        ("FILE", "--call", "--from", "--overwrite")),
    "replay": CommandSpec(files.replay, "",
        "replay this session; q comes back", "/replay"),
    "view": CommandSpec(_view, "NAME",
        "how the timeline is drawn", "/view narrow", VIEW_NAMES),
    "clear": CommandSpec(_clear, "",
        "clear the screen", "/clear"),
    "quit": CommandSpec(_quit, "",
        "leave, as Ctrl-D does", "/quit"),
}

ONE_WORD: Final = ("[COMMAND]", "[ID]", "ID", "[NAME]", "[N]", "WHICH", "[on|off]", "NAME")

ALIASES: Final[Mapping[str, str]] = {"?": "help", "h": "help", "exit": "quit", "q": "quit"}
# fmt: on


def run(shell: Shell, name: str, argument: str) -> Awaitable[None] | None:
    """Run the command of that name. Raises ValueError with a sentence, or GenreplyError."""
    command = find(name)
    why_not = shell.settings.server.refused.get(ALIASES.get(name, name))
    if why_not is not None:
        raise ValueError(why_not)
    words = argument.split()
    if not command.argument and words:
        raise ValueError(f"/{name} takes no words; found {argument!r}")
    if command.argument in ONE_WORD and len(words) > 1:
        raise ValueError(f"/{name} takes one word, as in: {command.example}; found {argument!r}")
    return command.run(shell, argument)


def find(name: str) -> CommandSpec:
    """The command of that name. Raises ValueError with a sentence."""
    name = ALIASES.get(name, name)
    if name in COMMANDS:
        return COMMANDS[name]
    close = parsing.closest(name, COMMANDS)
    hint = "/help lists the commands" if close is None else f"did you mean /{close}?"
    raise ValueError(f"there is no command /{name}; {hint} (//{name} greets with /{name})")


# --- help and completion -----------------------------------------------------------------


def offered(server: Served) -> list[str]:
    """The commands for this server."""
    return [name for name in COMMANDS if name not in server.refused]


def help_of(name: str, server: Served = OWN_COORDINATORS) -> list[str]:
    """The lines of help for one command. Raises ValueError with a sentence."""
    name = name.removeprefix("/")
    command = find(name)
    name = ALIASES.get(name, name)
    words, example = command.words, command.example
    if words == PROCESSES and server.processes:
        words, example = server.processes, example.replace(PROCESSES[-1], server.processes[-1])
    listed = ", ".join(word for word in words if not word.isupper())
    return [
        f"{_usage(name, command)}: {command.does}",
        *([f"  with {listed}"] if listed else []),
        f"  {example}",
    ]


def help_of_all(server: Served = OWN_COORDINATORS) -> list[str]:
    """A line of help for each thing that can be typed."""
    rows = [
        *GREETINGS,
        *((_usage(name, COMMANDS[name]), COMMANDS[name].does) for name in offered(server)),
        *KEYS,
    ]
    width = max(len(usage) for usage, _ in rows)
    return [f"  {usage:{width}}  {does}" for usage, does in rows]


def _usage(name: str, command: CommandSpec) -> str:
    return f"/{name} {command.argument}".rstrip()


def completions(
    line: str,
    in_flight: Iterable[str],
    known: Callable[[], Iterable[str]],
    server: Served = OWN_COORDINATORS,
    requests: "Requests | None" = None,
) -> Iterator[tuple[str, str]]:
    """What the last word of a line may become, each with its meaning.

    `known` gives the calls that can be shown, whether they have ended or not; `requests` are those
    of the server, if it does not take any text.
    """
    if not line.startswith("/") or line.startswith("//"):
        names = () if requests is None else requests.names()
        yield from ((name, "") for name in names if line and name.startswith(line))
        return
    name, space, argument = line[1:].partition(" ")
    if not space:
        for each in offered(server):
            if each.startswith(name):
                command = COMMANDS[each]
                yield f"/{each}{' ' if command.argument else ''}", command.does
        return
    if name not in offered(server):
        return
    words = COMMANDS[name].words
    if words == PROCESSES:
        words = server.processes
    before, _, last = argument.rpartition(" ")
    if before.endswith("--call"):
        words = ("CALL",)
    elif before and name != "fault" and "FILE" not in words:
        return
    for word in words:
        match word:
            case "ID":
                found: Iterable[str] = in_flight
            case "CALL":
                found = known()
            case "CAST":
                found = () if requests is None else requests.casts
            case "SEND":
                found = () if requests is None else requests.infos
            case "FILE":
                found = islice(files.complete_path(last), MAX_COMPLETIONS)
            case "COMMAND":
                found = offered(server)
            case _:
                found = [word]
        for each in found:
            if each.startswith(last):
                yield each, ""
