"""Watches a node that runs: each event becomes a step, which is written to a file and drawn."""

import atexit
import os
import sys
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Self

from genreply_cli import __version__
from genreply_cli.errors import os_error_text
from genreply_cli.observe.door import Door
from genreply_cli.observe.redaction import redacted
from genreply_cli.otp import Event, Node
from genreply_cli.otp.node import current_node
from genreply_cli.otp.virtual_time import Loop
from genreply_cli.text import visible
from genreply_cli.transcript.buffered import BufferedWriter
from genreply_cli.transcript.format import Header
from genreply_cli.transcript.step import Step
from genreply_cli.transcript.tracer import Tracer
from genreply_cli.transcript.writer import timestamp

Redact = Callable[[str], str]
Sink = Callable[[Step], object]


def watch(
    node: Node | None = None,
    *,
    record: str | os.PathLike[str] | None = None,
    timeline: bool = False,
    redact: Redact | None = None,
    overwrite: bool = False,
    attach: str | None = None,
) -> "Watch":
    """Watch a node from now on: that of the running event loop, or the one that is given.

    With `record`, all steps are written to this file; with `timeline`, they are drawn on stderr.
    `redact` is called with each text of a step (messages, states, reasons, names), and what it
    returns is written and drawn in its place; if it raises, the text is left out.

    With `attach`, `genreply attach NAME` and `genreply top NAME` can look at the node, through a
    Unix socket that only the user of this program may use. While nobody does, it costs nothing.

    Leaving a `with` block, or `close`, ends it and writes the last line of the file, `end`. If the
    program ends first, that line is written then. A program that is killed loses the steps of the
    last 50 milliseconds at most.

    Raises TranscriptError if the file cannot be written, and also if it exists, unless `overwrite`
    is true; RuntimeError if no node is running; ValueError for a wrong name, FileExistsError if a
    program that runs has it, and another OSError if the socket cannot be opened.
    """
    node = current_node() if node is None else node
    door = None if attach is None else open_door(node, attach, redact)
    try:
        writer = None if record is None else open_recording(node, record, overwrite=overwrite)
    except BaseException:
        if door is not None:
            door.close()
        raise
    sinks = [timeline_on_stderr()] if timeline else []
    return Watch(node, writer, sinks=sinks, redact=redact, door=door)


def open_recording(
    node: Node, path: str | os.PathLike[str], *, overwrite: bool = False
) -> BufferedWriter:
    """A new transcript file for what happens in a node. Raises TranscriptError."""
    return BufferedWriter(path, _header(node), overwrite=overwrite)


def numbered(record: Path, number: int) -> Path:
    """The file of one of several nodes or processes: run.jsonl, run-2.jsonl, run-3.jsonl …"""
    return record if number == 1 else record.with_stem(f"{record.stem}-{number}")


def open_door(node: Node, name: str, redact: Redact | None = None) -> Door:
    """Let others look at a node, under a name. Raises ValueError and OSError, as `Door` does."""

    def follow(sink: Sink) -> Watch:
        return Watch(node, sinks=[sink], redact=redact)

    return Door(node, name, _header(node), follow, redact)


def _header(node: Node) -> Header:
    clock = "virtual" if isinstance(node.loop, Loop) else "real"
    title = Path(sys.argv[0]).name if sys.argv and sys.argv[0] else None
    if threading.current_thread() is not threading.main_thread():
        title = f"{title or 'a program'}, thread {threading.current_thread().name}"
    return Header(timestamp(clock), f"genreply {__version__}", title, clock)


def timeline_on_stderr() -> Sink:
    """What draws each step on stderr, as wide as the terminal, or as plain lines elsewhere."""
    from genreply_cli.terminal.screen import Screen

    return Screen(sys.stderr).show


class Watch:
    """Gives each step of a node to a file and to other sinks, until it is closed.

    A sink that raises an OSError gets no more steps; it is said once on stderr, and the program
    goes on.
    """

    def __init__(
        self,
        node: Node,
        writer: BufferedWriter | None = None,
        *,
        sinks: Sequence[Sink] = (),
        redact: Redact | None = None,
        door: Door | None = None,
    ) -> None:
        self._writer = writer
        self._door = door
        self._sinks = [*([] if writer is None else [writer.write]), *sinks]
        self._redact = redact
        self.tracer = Tracer(node.loop.time, callbacks=True)
        self._detach: Callable[[], None] | None = (
            node.add_observer(self._observe, states=True) if self._sinks else _nothing
        )
        atexit.register(self.close)
        self._began_late = bool(node.processes)
        for process in node.processes:
            module = type(process.server).__name__
            callbacks = self.tracer.callbacks_of(process.server)
            self._emit(
                self.tracer.note(
                    "start", at=process.server, module=module, **callbacks, already=True
                )
            )

    def close(self) -> None:
        """Stop watching, and write the last line. To close it again does nothing."""
        if self._detach is None:
            return
        self._detach()
        self._detach = None
        if self._door is not None:
            self._door.close()
        atexit.unregister(self.close)
        self._emit(self.tracer.end())
        if self._writer is not None:
            try:
                self._writer.close()
            except OSError as error:
                complain(f"nothing more is recorded: {os_error_text(error)}")

    def _observe(self, event: Event) -> None:
        if self._began_late:
            event = self._without_earlier_calls(event)
        step = self.tracer.state(event) if event.kind == "state" else self.tracer(event)
        if step is not None:
            self._emit(step)

    def _without_earlier_calls(self, event: Event) -> Event:
        """The event as far as it is known: nothing was seen of a call that began earlier."""
        if event.kind != "call" and event.about is not None and not self.tracer.saw(event.about):
            label = f"{event.kind}: of a call that began before this recording"
            note = ("mark", {"label": label})
            event = event._replace(kind="note", message=note, about=None)
        if (
            event.call is not None
            and event.call is not event.about
            and not self.tracer.saw(event.call)
        ):
            event = event._replace(call=None)
        return event

    def _emit(self, step: Step) -> None:
        if self._redact is not None:
            step = redacted(step, self._redact)
        for sink in self._sinks:
            try:
                sink(step)
            except (OSError, ValueError) as error:  # ValueError: a stream that has been closed
                self._sinks = [each for each in self._sinks if each is not sink]
                text = os_error_text(error) if isinstance(error, OSError) else str(error)
                complain(f"nothing more is recorded or drawn there: {text}")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


def _nothing() -> None:
    pass


def complain(text: str) -> None:
    """Say something on stderr, if there is one that takes it."""
    with suppress(OSError, ValueError, AttributeError):
        sys.stderr.write(f"genreply: {visible(text)}\n")
