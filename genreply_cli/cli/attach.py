"""`genreply attach` and `genreply top`, as people type them: look at a program that runs."""

import json
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Annotated, Any, Final, Self

import typer

from genreply_cli import paths
from genreply_cli.cli.options import option
from genreply_cli.errors import ExitStatus, GenreplyError, os_error_text, tell
from genreply_cli.text import cells, visible

ANSWER_SECONDS: Final = 5.0  # after which the program's event loop is said to be busy
REFRESH_SECONDS: Final = 0.5
EPILOG = (
    "The program must have been started with GENREPLY_ATTACH=NAME (or =1: its PID is the name), or"
    ' have called watch(attach="NAME"). Nothing of it is changed, and nothing stays when you leave,'
    " with Ctrl-C. Exit status: 0 it was shown, 2 a mistake in what was typed, 4 there is no such"
    " program."
)
NAME_HELP = "The name that the program was given, or its PID."
MOST_SHOWN: Final = 3  # calls of one server
HEAD: Final = ("server", "status", "mailbox", "who waits on it", "it waits for")


def attach(
    name: Annotated[str, typer.Argument(metavar="PID|NAME", help=NAME_HELP)],
) -> Callable[[], int]:
    """Show the servers of a program that runs, and draw its timeline from now on."""

    def show() -> int:
        with Program(name) as program:
            return _attach(program)

    return show


def top(
    name: Annotated[str, typer.Argument(metavar="PID|NAME", help=NAME_HELP)],
    once: Annotated[bool, option("--once", help="Print the table once.")] = False,
    json: Annotated[bool, option("--json", help="Print it once, as JSON.")] = False,
) -> Callable[[], int]:
    """Show the servers of a program that runs, who waits on them, and what they wait for."""

    def show() -> int:
        with Program(name) as program:
            return _top(program, once, as_json=json)

    return show


class Program:
    """The connection with a program, which has `patience` seconds for an answer.

    Raises GenreplyError in all that it does.
    """

    def __init__(self, name: str, patience: float = ANSWER_SECONDS) -> None:
        from genreply_cli.observe.door import connect, lines_of

        self.name = visible(name)
        self._patience = patience
        try:
            self._socket = paths.socket_of(name)
            self._connection = connect(self._socket)
        except (FileNotFoundError, ConnectionRefusedError):
            raise GenreplyError(
                f"no program that runs has opened a socket as {self.name}; {_others()}",
                hint=f"GENREPLY_ATTACH={'NAME' if name.isdecimal() else self.name} python app.py",
                exit_code=ExitStatus.NO_SERVER,
            ) from None
        except ValueError as error:
            raise GenreplyError(str(error), exit_code=ExitStatus.USAGE) from None
        except OSError as error:
            raise GenreplyError(f"{self.name}: {os_error_text(error)}") from None
        self._lines = lines_of(self._connection)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._lines.close()
        self._connection.close()

    def ask(self, request: str) -> str:
        """Send a request, and return the line that comes first."""
        try:
            self._connection.settimeout(self._patience)
            self._connection.sendall(f"{request}\n".encode())
            line: str = self._lines.readline()
            self._connection.settimeout(None)
        except TimeoutError:
            raise GenreplyError(
                f"{self.name} has not answered in {self._patience:g} seconds: its event loop is"
                " busy, or the program is stopped",
                exit_code=ExitStatus.TIMED_OUT,
            ) from None
        except OSError:
            line = ""
        return line if line.endswith("\n") else ""  # else it was cut

    def servers(self) -> Any:
        """The servers as they are now. None if the program has ended."""
        line = self.ask("servers")
        return json.loads(line) if line else None

    def first_servers(self) -> Any:
        """The servers as they are now. Raises GenreplyError if the program ends meanwhile."""
        found = self.servers()
        if found is None:
            raise GenreplyError(f"{self.name} has ended", exit_code=ExitStatus.NO_SERVER)
        return found

    def next_line(self) -> str:
        """The next line of the timeline; empty if there will be no more."""
        try:
            line = str(self._lines.readline())
        except OSError:
            line = ""
        return line if line.endswith("\n") else ""  # else it was cut

    def tell_why_it_is_over(self) -> ExitStatus:
        """Say whether the program has ended; if it runs, it has left a reader that is too slow."""
        from genreply_cli.observe.door import connect

        try:
            connect(self._socket).close()
        except OSError:
            tell(f"note: {self.name} has ended")
            return ExitStatus.OK
        raise GenreplyError(
            f"{self.name} runs, and was too fast for what reads this: it has broken off",
            hint=f"genreply attach {self.name} begins again, and genreply top {self.name} is short",
        )


def _others() -> str:
    """Which programs there are instead."""
    from genreply_cli.observe.door import connect

    names = []
    for name in paths.socket_names():
        with suppress(OSError), connect(paths.socket_of(name)):
            names.append(visible(name))
    return f"there are {', '.join(names[:8])}" if names else "no program has"


def _attach(program: Program) -> int:
    from genreply_cli.terminal.screen import Screen
    from genreply_cli.transcript.format import to_step

    program.ask("timeline\nservers")
    screen = Screen(sys.stdout)
    while line := program.next_line():
        values = json.loads(line)
        if "servers" in values:
            for row in _plain(values):
                screen.say(row, wraps=False)
        else:
            screen.show(to_step(values, program.name, 1))
        sys.stdout.flush()
    return program.tell_why_it_is_over()


def _top(program: Program, once: bool, *, as_json: bool) -> int:
    found = program.first_servers()
    if as_json:
        print(json.dumps(found))
    elif once or not sys.stdout.isatty():
        print("\n".join(_plain(found)))
    else:
        _keep_showing(program, found)
    return ExitStatus.OK


def _keep_showing(program: Program, found: Any) -> None:
    """Refresh the table until the program ends, or Ctrl-C."""
    from rich.live import Live
    from rich.table import Table
    from rich.text import Text

    with Live(auto_refresh=False) as live:
        while found is not None:
            table = Table(*HEAD, title=f"{program.name}, PID {found['pid']}")
            for row in _rows(found):
                table.add_row(*map(Text, row))
            live.update(table, refresh=True)
            time.sleep(REFRESH_SECONDS)
            found = program.servers()
    program.tell_why_it_is_over()


def _plain(found: Any) -> list[str]:
    """The table as lines of text."""
    rows = [HEAD, *_rows(found)]
    widths = [max(cells(row[column]) for row in rows) for column in range(len(HEAD))]
    return [
        "  ".join(
            text + " " * (width - cells(text)) for text, width in zip(row, widths, strict=True)
        ).rstrip()
        for row in rows
    ]


def _rows(found: Any) -> list[tuple[str, ...]]:
    return [
        tuple(
            map(
                visible,
                (
                    server["name"],
                    server["status"],
                    str(server["mailbox"]),
                    _calls(server["callers"]) or "-",
                    ", ".join(filter(None, (_calls(server["waits_on"]), _place(server)))) or "-",
                ),
            )
        )
        for server in found["servers"]
    ]


def _calls(calls: Any) -> str:
    """Who waits, or is waited for, and since when."""
    shown = [
        f"{call['name']} ({'since when is not known' if call['seconds'] is None else since})"
        for call in calls[:MOST_SHOWN]
        for since in [f"{call['seconds'] or 0:.1f} s"]
    ]
    more = len(calls) - MOST_SHOWN
    return ", ".join([*shown, f"{more} more"] if more > 0 else shown)


def _place(server: Any) -> str:
    """In which line a busy server waits."""
    if not server["awaits"]:
        return ""
    place = server["awaits"][0]
    return f"{place['file']}:{place['line']} in {place['function']}"
