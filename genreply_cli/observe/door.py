"""A Unix socket through which others look at a node that runs: `genreply attach`, `genreply top`.

The socket stands in a folder that only its owner can enter, and has the mode 0600. Whoever connects
sends lines of text, and gets lines of JSON:

    servers    the servers as they are now, in one object (snapshot.py)
    timeline   a transcript from now on: its header, and each step

When the connection ends, nothing is left of it: no observer, no task. A reader that is too slow for
the program is disconnected, so that the program neither waits for it nor grows.
"""

import errno
import os
import socket
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, Final, Protocol

from genreply_cli import paths
from genreply_cli.observe.snapshot import snapshot
from genreply_cli.otp import Node
from genreply_cli.transcript.format import Header, header_line, to_line
from genreply_cli.transcript.step import Step
from genreply_cli.transcript.tracer import Tracer

MAX_BUFFERED: Final = 8 << 20  # bytes that a slow reader may be behind
MAX_REQUEST: Final = 1000  # bytes of a line that somebody sends


class Following(Protocol):
    """A watch that gives its steps to one reader."""

    tracer: Tracer

    def close(self) -> None: ...


Follow = Callable[[Callable[[Step], object]], Following]


class Door:
    """Lets others look at a node, until it is closed.

    `follow` begins to watch the node, and gives each step to the function that it is called with.
    Raises OSError if the socket cannot be opened; FileExistsError if a program that runs has one of
    this name.
    """

    def __init__(
        self,
        node: Node,
        name: str,
        header: Header,
        follow: Follow,
        redact: Callable[[str], str] | None = None,
    ) -> None:
        self.node = node
        self.header = header
        self.follow = follow
        self.redact = redact
        self.name = name
        self.visitors: set[_Visitor] = set()
        self._process = os.getpid()
        self._path = paths.new_socket(name)
        self._socket = _listen(self._path)
        node.loop.add_reader(self._socket, self._accept)

    def _accept(self) -> None:
        with suppress(OSError):
            connection, _ = self._socket.accept()
            connection.setblocking(False)
            _Visitor(self, connection)

    def close(self) -> None:
        """Let nobody look any more. To close it again does nothing."""
        if self._socket.fileno() == -1:
            return
        self.node.loop.remove_reader(self._socket)
        self._socket.close()
        if os.getpid() == self._process:  # a child of os.fork leaves the socket to its parent
            self._path.unlink(missing_ok=True)
        for visitor in list(self.visitors):
            visitor.leave()


class _Visitor:
    """One connection. It is served by callbacks of the event loop, without a task."""

    def __init__(self, door: Door, connection: socket.socket) -> None:
        self._door = door
        self._loop = door.node.loop
        self._connection = connection
        self._tracer = Tracer(self._loop.time)  # gives servers and callers their names
        self._watch: Following | None = None
        self._request = b""
        self._unsent = bytearray()
        self._is_left_behind = False
        door.visitors.add(self)
        self._loop.add_reader(connection, self._read)

    def _read(self) -> None:
        try:
            data = self._connection.recv(MAX_REQUEST)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        *lines, self._request = (self._request + data).split(b"\n")
        if not data or len(self._request) > MAX_REQUEST:
            self.leave()
            return
        for line in lines:
            if line == b"servers":
                self._send(snapshot(self._door.node, self._tracer, self._door.redact))
            elif line == b"timeline" and self._watch is None:
                self._send(header_line(self._door.header))
                self._watch = self._door.follow(self._show)
                self._tracer = self._watch.tracer

    def _show(self, step: Step) -> None:
        self._send(to_line(step))

    def _send(self, line: str) -> None:
        if self._connection.fileno() == -1 or self._is_left_behind:
            return
        waits = bool(self._unsent)
        self._unsent += line.encode() + b"\n"
        if len(self._unsent) > MAX_BUFFERED:
            self._unsent.clear()
            self._is_left_behind = True  # what came next would be read as a part of this line
            self._loop.call_soon(self.leave)  # an observer is being called: it must not go now
        elif not waits:
            self._write()

    def _write(self) -> None:
        try:
            del self._unsent[: self._connection.send(self._unsent)]
        except BlockingIOError:
            pass
        except OSError:  # it has gone: `_read` is told, too
            self._unsent.clear()
        if self._unsent:
            self._loop.add_writer(self._connection, self._write)
        else:
            self._loop.remove_writer(self._connection)

    def leave(self) -> None:
        """End the connection, and all that there is because of it."""
        self._door.visitors.discard(self)
        if self._connection.fileno() == -1:
            return
        if self._watch is not None:
            self._watch.close()
        self._loop.remove_reader(self._connection)
        self._loop.remove_writer(self._connection)
        with suppress(OSError):
            self._connection.send(self._unsent)
        self._connection.close()


def _listen(path: Path) -> socket.socket:
    """A socket that listens at a path. What a program that has been killed left there is removed.

    Raises FileExistsError if a program listens there.
    """
    with suppress(FileNotFoundError, ConnectionRefusedError), connect(path):
        raise FileExistsError(errno.EEXIST, "a program that runs has this name", str(path))
    path.unlink(missing_ok=True)
    listening = socket.socket(socket.AF_UNIX)
    try:
        listening.bind(str(path))
        path.chmod(0o600)
        listening.listen()
        listening.setblocking(False)
    except BaseException:
        listening.close()
        raise
    return listening


def connect(path: Path) -> socket.socket:
    """Connect with the door at a path. Raises OSError."""
    connection = socket.socket(socket.AF_UNIX)
    try:
        connection.connect(str(path))
    except BaseException:
        connection.close()
        raise
    return connection


def lines_of(connection: socket.socket) -> Any:
    """What the other side sends, as a file of lines."""
    return connection.makefile("r", encoding="utf-8", newline="\n")
