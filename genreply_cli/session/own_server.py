"""A server of the user's own, in the place of the coordinators: SERVER on the command line.

It is `module:Class`, `path/to/file.py:Class`, or a factory in the place of the class: a function
that starts the server and returns it.
"""

import ast
import importlib
import importlib.util
import sys
import traceback
from collections.abc import Callable, Mapping
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any, NamedTuple, cast

from genreply_cli.errors import ExitStatus, GenreplyError
from genreply_cli.otp import GenServer
from genreply_cli.session.requests import Requests
from genreply_cli.session.served import ONLY_COORDINATORS
from genreply_cli.text import visible

if TYPE_CHECKING:
    from genreply_cli.session.network import Network


class OwnServer(NamedTuple):
    """How a server is started, and what a typed line calls."""

    label: str  # `mine.py:Stack`, without folders
    make: Callable[..., Any]  # the class, or the factory
    arguments: tuple[Any, ...] = ()
    call: str | None = None  # the request, or the method, that each line calls

    @property
    def name(self) -> str:
        """The name of the server in transcripts, and of what is typed."""
        return self.label.rpartition(":")[2].rpartition(".")[2].lower()

    @property
    def prompt(self) -> str:
        """What stands before a line that is typed."""
        return f"{self.name}> "

    @property
    def invitation(self) -> str:
        """What to type."""
        return f"type a request of {visible(self.label)}; it waits for its reply"

    @property
    def refused(self) -> Mapping[str, str]:
        """What only the coordinators have."""
        why = f"{self.label} has no %s: only the coordinators have one"
        return {name: why % name for name in ONLY_COORDINATORS}

    @property
    def processes(self) -> tuple[str, ...]:
        """It alone: what it is linked to is not known before it runs."""
        return (self.name,)

    async def open(self) -> None:
        """Nothing is needed."""

    def start(self, design: str, network: "Network", suffix: str) -> GenServer[Any]:
        """Start it in the running node. Raises GenreplyError if it cannot be started."""
        try:
            if isinstance(self.make, type):
                server: Any = cast(type[GenServer[Any]], self.make).start_link(
                    *self.arguments, name=f"{self.name}{suffix}"
                )
            else:
                server = self.make(*self.arguments)
        except Exception as error:
            text = visible(f"{type(error).__name__}: {error}")
            raise GenreplyError(
                f"{self.label} could not be started: {text}",
                hint="--start VALUE gives it an argument; repeat it for more",
                exit_code=ExitStatus.USAGE,
            ) from None
        if not isinstance(server, GenServer):
            kind = type(server).__name__
            raise GenreplyError(
                f"{self.label} returned a {kind}; expected a server that it started"
            )
        return server

    def is_running(self, server: GenServer[Any]) -> bool:
        """Whether it has not ended."""
        return server.alive

    def client(self, server: Any) -> "Client":
        """What calls it with lines."""
        return Client(server, self.requests(server))

    @property
    def identity(self) -> Mapping[str, Any]:
        """What the header of a transcript says."""
        return {"server": self.label}

    def requests(self, server: GenServer[Any]) -> Requests:
        """What this server can be asked. Raises GenreplyError if there is no request `call`."""
        try:
            return Requests(type(server), self.call)
        except ValueError as error:
            raise GenreplyError(str(error), exit_code=ExitStatus.USAGE) from None


class Client:
    """Calls a server with lines as they are typed, in the way in which one greets a coordinator."""

    def __init__(self, server: GenServer[Any], requests: Requests) -> None:
        self._server = server
        self._requests = requests

    async def greet(self, msg: str, timeout: float | None = 5.0) -> Any:
        """Make the call that a line stands for, and return its reply.

        Raises what the call raises, and GenreplyError if the line stands for no call.
        """
        try:
            ask = self._requests.call(msg)
        except ValueError as error:
            raise GenreplyError(str(error), exit_code=ExitStatus.USAGE) from None
        return await ask(self._server, timeout)


def load(spec: str, start: list[str], call: str | None) -> OwnServer:
    """The server that `SERVER` names. Raises GenreplyError with a sentence."""
    place, _, name = spec.rpartition(":") if ":" in spec else (spec, "", "")
    path = Path(place)
    is_file = place.endswith(".py") or "/" in place
    module = _import(place, path if is_file else None)
    shown = path.name if is_file else place
    made = _find(module, name, shown)
    found = name or made.__name__
    return OwnServer(f"{shown}:{found}", made, tuple(map(_value, start)), call)


def _import(name: str, path: Path | None) -> ModuleType:
    folder = "" if path is None else str(path.resolve().parent)
    if folder not in sys.path:
        sys.path.insert(0, folder)  # as `python path/to/file.py` does
    try:
        if path is None:
            return importlib.import_module(name)
        if not path.is_file():
            raise _usage(f"there is no file {visible(name)}")
        spec = importlib.util.spec_from_file_location(path.stem, path)
        assert spec is not None  # it ends with .py, or is read as if it did
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        sys.modules[path.stem] = module  # its dataclasses look there for their type hints
        spec.loader.exec_module(module)
    except GenreplyError:
        raise
    except BaseException as error:
        if isinstance(error, KeyboardInterrupt):
            raise
        lines = [frame.lineno for frame in traceback.extract_tb(error.__traceback__)]
        line = getattr(error, "lineno", None) or lines[-1]
        text = visible(f"{type(error).__name__}: {error}")
        where = "" if path is None else f", line {line}"
        raise _usage(f"{visible(name)} cannot be imported{where}: {text}") from None
    return module


def _find(module: ModuleType, name: str, shown: str) -> Any:
    servers = [
        each
        for each in vars(module).values()
        if isinstance(each, type)
        and issubclass(each, GenServer)
        and each.__module__ == module.__name__
    ]
    names = ", ".join(each.__name__ for each in servers) or "none"
    if not name:
        if len(servers) == 1:
            return servers[0]
        raise _usage(f"which server of {shown}? expected {shown}:NAME; its servers: {names}")
    made: Any = module
    for part in name.split("."):
        made = getattr(made, part, None)
    if made is None:
        raise _usage(f"{shown} has no {visible(name)}; its servers: {names}")
    if isinstance(made, type) and not issubclass(made, GenServer):
        raise _usage(f"{shown}:{visible(name)} is no GenServer; its servers: {names}")
    if not callable(made):
        raise _usage(f"{shown}:{visible(name)} is neither a class nor a factory")
    return made


def _usage(problem: str) -> GenreplyError:
    return GenreplyError(
        problem,
        hint="SERVER is module:Class, path/to/file.py:Class, or a factory in place of the class",
        exit_code=ExitStatus.USAGE,
    )


def _value(text: str) -> Any:
    try:
        return ast.literal_eval(text)
    except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError):
        return text
