"""The BEAM beside this program: starts `erl` as a node of a cluster, and passes frames.

What runs there is `bridge.erl`. It is compiled once for each release of Erlang, and kept in the
cache folder. The two talk over a Unix socket in a folder that only its owner can enter. When one of
them ends, so does the other: the BEAM halts when the socket closes.
"""

import asyncio
import hashlib
import logging
import os
import re
import shutil
import subprocess
import tempfile
from collections import deque
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any, Final

from genreply_cli.cluster.terms import LONGEST_ATOM, decode, encode, name_of
from genreply_cli.otp.exits import shorten

log = logging.getLogger("genreply_cli.cluster")

SECONDS_TO_END: Final = 5.0  # that `erl` has when its socket has closed, before it is killed
LONGEST_LINE: Final = 10_000  # characters that are kept of a line that `erl` prints
NODE_NAME: Final = re.compile(r"[\w-]+@[\w.-]+", re.ASCII)
COOKIE: Final = re.compile(rb"[ -~]{1,255}")
LOOPBACK: Final = "127.0.0.1"

# Loads the bridge, compiles it if it must, and starts it. Paths come in the environment, so that no
# path has to be quoted.
START: Final = """
Source = os:getenv("GENREPLY_BRIDGE"),
Cached = os:getenv("GENREPLY_BRIDGE_CACHE") ++ "-otp" ++ erlang:system_info(otp_release) ++ ".beam",
Load = fun(Code) -> code:load_binary(bridge, Cached, Code) end,
Found = case file:read_file(Cached) of {ok, Code} -> Load(Code); Missing -> Missing end,
case Found of
    {module, _} -> ok;
    {error, _} ->
        {ok, bridge, Compiled} = compile:file(Source, [binary]),
        New = Cached ++ "." ++ os:getpid(),
        _ = filelib:ensure_dir(New),
        _ = file:write_file(New, Compiled) =:= ok andalso file:rename(New, Cached),
        {module, _} = Load(Compiled)
end,
bridge:start(os:getenv("GENREPLY_BRIDGE_SOCKET")).
"""


class ClusterError(Exception):
    """No BEAM runs beside this program. The text says why, and what to do."""


@dataclass(frozen=True)
class Settings:
    """How `erl` is started.

    `name` is the name of the node, as `py@127.0.0.1`. `cookie_file` holds the secret that nodes of
    a cluster share; without it, Erlang takes `~/.erlang.cookie`, or makes one. `listen` is the
    address on which other nodes can reach this one. With `tls`, a file for Erlang's
    `ssl_dist_optfile`, nodes talk TLS. Process groups need a node that is not `hidden`: it is then
    connected with all nodes of the cluster.
    """

    name: str
    cookie_file: Path | None = None
    listen: str = LOOPBACK
    tls: Path | None = None
    hidden: bool = True

    def command(self, erl: str) -> list[str]:
        """The command line of `erl`. The cookie is never in it: others can read command lines."""
        name = "-name" if "." in self.name.partition("@")[2] else "-sname"
        address = "{" + self.listen.replace(".", ",") + "}"
        tls = []
        if self.tls is not None:  # Erlang finds this file by an absolute path only
            tls = ["-proto_dist", "inet_tls", "-ssl_dist_optfile", str(self.tls.absolute())]
        return [
            erl, "-noshell", "-noinput", *(["-hidden"] if self.hidden else []), "+Bi",
            "+sbwt", "none",  # it leaves the processor to Python while it waits
            name, self.name,
            "-kernel", "inet_dist_use_interface", address, "-kernel", "logger_level", "error",
            *tls, "-eval", START,
        ]  # fmt: skip

    def environment(self, folder: str) -> dict[str, str]:
        """The environment of `erl`, which finds there what `START` needs."""
        source = files(__package__).joinpath("bridge.erl").read_bytes()
        bridge = Path(folder, "bridge.erl")
        bridge.write_bytes(source)
        given = Path(os.environ.get("XDG_CACHE_HOME", ""))
        cache = given if given.is_absolute() else Path(os.environ.get("HOME", folder), ".cache")
        version = hashlib.sha256(source).hexdigest()[:16]
        variables = os.environ | {
            "GENREPLY_BRIDGE": str(bridge),
            "GENREPLY_BRIDGE_CACHE": f"{cache}/genreply/bridge-{version}",
            "GENREPLY_BRIDGE_SOCKET": f"{folder}/socket",
            "ERL_CRASH_DUMP_SECONDS": "0",
        }
        variables.setdefault("ERL_EPMD_ADDRESS", self.listen)
        if self.cookie_file is not None:  # Erlang reads it from its home folder only
            cookie = Path(folder, ".erlang.cookie")
            cookie.touch(0o600)
            cookie.write_bytes(_cookie_in(self.cookie_file))
            cookie.chmod(0o400)
            variables["HOME"] = folder
            variables.pop("XDG_CONFIG_HOME", None)
        return variables


class Link(asyncio.Protocol):
    """The connection with the BEAM: `tell` it a term, and `listen` to what it tells.

    `connected` is set to the first connection; any other one is refused. `started` is done when the
    bridge has said who it is, and `closed` when the connection has ended.
    """

    def __init__(self, connected: "asyncio.Future[Link]") -> None:
        self.node = ""  # the full name of the node, when the BEAM has said it
        self.release = ""  # of Erlang, as "25"
        self._connected = connected
        self._loop = asyncio.get_running_loop()
        self.started: asyncio.Future[None] = self._loop.create_future()
        self.closed: asyncio.Future[None] = self._loop.create_future()
        self._transport: asyncio.WriteTransport
        self._broken: Exception | None = None
        self._unread = bytearray()
        self._early: list[list[Any]] = []  # frames that have come before somebody listens
        self._hear: Callable[[list[Any]], object] = self._early.append
        self._has_written = False  # in this turn of the event loop
        self._unsent: list[bytes] = []

    def listen(self, hear: Callable[[list[Any]], object]) -> None:
        """Call a function with the terms of each frame, as erlang_py decodes them."""
        self._hear = hear
        for terms in self._early:
            hear(terms)

    def tell(self, *term: Any) -> None:
        """Send a term, a tuple of these values. Raises NotATerm; then nothing was sent.

        The first term of a turn of the event loop is sent at once, and all others together.
        """
        term_data = encode(term)
        frame = len(term_data).to_bytes(4, "big") + term_data
        if self._has_written:
            self._unsent.append(frame)
        else:
            self._has_written = True
            self._transport.write(frame)
            self._loop.call_soon(self._send_rest)

    def close(self) -> None:
        """Close the connection. The BEAM halts."""
        self._send_rest()
        self._transport.close()

    def _send_rest(self) -> None:
        self._has_written = False
        if self._unsent:
            self._transport.write(b"".join(self._unsent))
            self._unsent.clear()

    # --- called by asyncio

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        if self._connected.done():
            transport.abort()
        else:
            self._connected.set_result(self)

    def data_received(self, data: bytes) -> None:
        unread = self._unread
        unread += data
        begin = 0
        try:
            while len(unread) >= begin + 4:
                end = begin + 4 + int.from_bytes(unread[begin : begin + 4], "big")
                if len(unread) < end:
                    break
                self._take(decode(bytes(unread[begin + 4 : end])))
                begin = end
        except Exception as error:
            self._broken = error
            self._transport.abort()
        del unread[:begin]

    def _take(self, terms: list[Any]) -> None:
        if not self.started.done():
            first = terms.pop(0)
            self.node, self.release = name_of(first[1]), first[2].value.decode()
            self.started.set_result(None)
        self._hear(terms)

    def connection_lost(self, exc: Exception | None) -> None:
        if not self.started.done():
            self.started.set_exception(ClusterError("erl ended before it was ready"))
        if self.closed.done():  # nobody waits for it any more
            return
        if self._broken is None:
            self.closed.set_result(None)
        else:
            self.closed.set_exception(self._broken)


@asynccontextmanager
async def run(settings: Settings) -> AsyncIterator[Link]:
    """Run a BEAM as long as the block lasts. Raises ClusterError if it does not start."""
    check_name(settings.name)
    with tempfile.TemporaryDirectory(prefix="genreply-", ignore_cleanup_errors=True) as folder:
        connected: asyncio.Future[Link] = asyncio.get_running_loop().create_future()
        listening = await asyncio.get_running_loop().create_unix_server(
            lambda: Link(connected), f"{folder}/socket"
        )
        async with listening:
            erl = await _start(settings, folder)
            try:
                either: set[asyncio.Future[Any]] = {connected, erl.closed}
                await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
                if not connected.done():
                    raise ClusterError(erl.why_it_ended(settings))
                link = connected.result()
                await link.started
                yield link
            finally:
                if connected.done():
                    connected.result().close()
                await erl.end()


def check_name(name: str) -> None:
    """Raise ClusterError if this is no name of a node."""
    if not NODE_NAME.fullmatch(name) or len(name) > LONGEST_ATOM:
        raise ClusterError(f"{shorten(name)} is no name of a node; expected one like py@127.0.0.1")


def _cookie_in(file: Path) -> bytes:
    """Read a cookie. Raises ClusterError for one that Erlang does not take, and does not show it.

    As with Erlang's own file, others must not be able to read it.
    """
    try:
        cookie = file.read_bytes().strip()
        mode = file.stat().st_mode
    except OSError as error:
        raise ClusterError(
            f"the cookie file {str(file)!r} cannot be read: {error.strerror}"
        ) from error
    if mode & 0o077:
        raise ClusterError(
            f"others can read or change the cookie file {str(file)!r}; chmod 600 makes it yours"
        )
    if not COOKIE.fullmatch(cookie):
        raise ClusterError(
            f"the cookie file {str(file)!r} holds no cookie:"
            f" expected one line of 1 to {LONGEST_ATOM} printable ASCII characters"
        )
    return cookie


def find_erl() -> str:
    """The path of `erl`. Raises ClusterError if there is none."""
    wanted = os.environ.get("GENREPLY_ERL") or "erl"
    erl = shutil.which(wanted)
    if erl is None:
        found = (
            "" if wanted == "erl" else f", and GENREPLY_ERL names {wanted!r}, which is no command"
        )
        raise ClusterError(
            f"this needs Erlang{found}: "
            "apt-get install erlang-base (Debian), brew install erlang (macOS)"
        )
    return erl


class _Erl(asyncio.SubprocessProtocol):
    """The process of the BEAM: what it has printed last, and its end."""

    transport: asyncio.SubprocessTransport

    def __init__(self) -> None:
        loop = asyncio.get_running_loop()
        self.exited: asyncio.Future[None] = loop.create_future()
        self.closed: asyncio.Future[None] = loop.create_future()  # it has ended and said all
        self._said: deque[str] = deque(maxlen=20)
        self._rest = ""  # of a line whose end has not come

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.SubprocessTransport)
        self.transport = transport

    def pipe_data_received(self, fd: int, data: bytes) -> None:
        *lines, rest = (self._rest + data.decode(errors="replace")).split("\n")
        self._rest = rest[-LONGEST_LINE:]
        for line in lines:
            self._said.append(line.rstrip())
            log.debug("erl: %s", self._said[-1])

    def process_exited(self) -> None:
        self.exited.set_result(None)

    def connection_lost(self, exc: Exception | None) -> None:
        self.closed.set_result(None)

    def why_it_ended(self, settings: Settings) -> str:
        """Why it has ended before it was ready."""
        said = [*self._said, self._rest]
        text = "\n".join(said)
        if "seems to be in use" in text:
            return f"a node named {settings.name} runs already; choose another name"
        if "nodistribution" in text:
            return f"Erlang does not take {settings.name!r} as the name of a node"
        if "bad_ssl_dist_optfile" in text:
            return f"Erlang cannot use the TLS options in {str(settings.tls)!r}"
        if cookie := re.search(r'\{auth,\{"([^"]+)"', text):
            return f"Erlang cannot use its cookie: {cookie[1]}"
        last = next((line for line in reversed(said) if line), "nothing")
        status = self.transport.get_returncode()
        return f"erl ended with status {status} before it was ready; it said: {last[:200]}"

    async def end(self) -> None:
        """Wait until it has ended, and kill it if that takes too long, or if this is cancelled.

        Its helper processes may keep its output open, so that is closed here.
        """
        try:
            await asyncio.wait([self.exited], timeout=SECONDS_TO_END)
        finally:
            self.transport.close()  # kills a process that still runs
            await self.closed


async def _start(settings: Settings, folder: str) -> _Erl:
    erl = find_erl()
    environment = settings.environment(folder)
    _, started = await asyncio.get_running_loop().subprocess_exec(
        _Erl,
        *settings.command(erl),
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        start_new_session=True,  # Ctrl-C in a terminal is for Python, which closes the socket
    )
    return started
