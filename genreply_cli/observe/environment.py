"""Watches every node of a program that has not been changed, as the environment asks.

    GENREPLY_RECORD=run.jsonl   write what happens to this file
    GENREPLY_TIMELINE=1         draw it on stderr
    GENREPLY_ATTACH=NAME    let `genreply attach NAME` look at it; 1: the PID is the name
    GENREPLY_REDACT=REGEX       replace each text that matches by ***

Several nodes, or several processes of one program, get a file each: run.jsonl, run-2.jsonl. A file
that exists is never overwritten. Names of sockets are numbered in the same way: NAME, NAME-2.
"""

import os
import re
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

from genreply_cli.errors import os_error_text
from genreply_cli.observe.door import Door
from genreply_cli.observe.watch import (
    Redact,
    Watch,
    complain,
    numbered,
    open_door,
    open_recording,
    timeline_on_stderr,
)
from genreply_cli.otp import Node
from genreply_cli.otp.node import on_open
from genreply_cli.transcript.buffered import BufferedWriter
from genreply_cli.transcript.format import TranscriptError, TranscriptExistsError

OFF: Final = frozenset({"", "0", "false", "no", "off"})
MAX_FILES: Final = 10_000  # of one name


class Environment:
    """What the variables ask for. A relative path is one of the folder where the program began."""

    def __init__(self, variables: Mapping[str, str] = os.environ) -> None:
        record = variables.get("GENREPLY_RECORD")
        self.record = Path.cwd() / record if record else None
        self.timeline = variables.get("GENREPLY_TIMELINE", "").lower() not in OFF
        attach = variables.get("GENREPLY_ATTACH", "")
        self.attach = None if attach.lower() in OFF else attach
        self.redact = _redaction(variables.get("GENREPLY_REDACT"))

    def opened(self, node: Node) -> Callable[[], object]:
        """Watch a node that has opened; return what ends it. It never raises: it complains."""
        writer = None if self.record is None else self._open(node, self.record)
        sinks = [timeline_on_stderr()] if self.timeline and sys.stderr is not None else []
        door = None if self.attach is None else self._open_door(node, self.attach)
        if writer is None and door is None and not sinks:
            return lambda: None
        return Watch(node, writer, sinks=sinks, redact=self.redact, door=door).close

    def _open_door(self, node: Node, asked: str) -> Door | None:
        first = str(os.getpid()) if asked == "1" else asked
        try:
            for number in range(1, MAX_FILES):
                name = first if number == 1 else f"{first}-{number}"
                try:
                    door = open_door(node, name, self.redact)
                except FileExistsError:
                    continue
                if number > 1:
                    complain(f"{first} is in use; attach to this node as {name}")
                return door
        except (ValueError, NotImplementedError) as error:
            complain(f"nobody can attach to this node: {error}")
        except OSError as error:
            complain(f"nobody can attach to this node: {os_error_text(error)}")
        return None

    def _open(self, node: Node, record: Path) -> BufferedWriter | None:
        try:
            for number in range(1, MAX_FILES):
                path = numbered(record, number)
                try:
                    writer = open_recording(node, path)
                except TranscriptExistsError:
                    continue
                if number > 1:
                    complain(f"{record} exists; this node is recorded to {path}")
                return writer
        except TranscriptError as error:
            complain(f"this node is not recorded: {error}")
        except OSError as error:
            complain(f"this node is not recorded: {record}: {os_error_text(error)}")
        return None


def _redaction(pattern: str | None) -> Redact | None:
    """What replaces each match of a pattern; with a wrong pattern, every text: nothing leaks."""
    if not pattern:
        return None
    try:
        found = re.compile(pattern)
    except re.error as error:
        complain(
            f"GENREPLY_REDACT is no regular expression: {error}; all texts are left out of what is"
            " recorded and drawn"
        )
        return lambda _: "***"
    return lambda text: found.sub("***", text)


def install() -> None:
    """Have each node watched that opens from now on."""
    on_open.append(_environment.opened)


def uninstall() -> None:
    """Watch no more nodes: the command genreply records its own by its options."""
    if _environment.opened in on_open:
        on_open.remove(_environment.opened)


_environment = Environment()
install()
