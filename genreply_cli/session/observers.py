"""The observers of a session: events become steps, which go to timelines and transcripts."""

import asyncio
from collections.abc import Callable, Iterable, MutableMapping
from contextlib import suppress
from weakref import WeakKeyDictionary

from genreply_cli.otp import Event
from genreply_cli.streams import StdoutError
from genreply_cli.transcript.step import Step
from genreply_cli.transcript.tracer import Tracer

Observer = Callable[[Step], object]  # it is called with each step


class Observers:
    """Makes one step of each event, and gives each step to every sink.

    A state makes a step only if it differs from the last one of its server.

    A sink that raises an OSError is removed, and the error kept in `failures`; the session goes on.
    Only a failure of stdout, as after `| head`, ends it: `leave` is called.
    """

    def __init__(
        self,
        sinks: Iterable[Observer],
        before: Iterable[Step],
        leave: Callable[[BaseException], None],
    ) -> None:
        self.sinks = list(sinks)
        self.failures: list[Exception] = []
        self.tracer = Tracer(asyncio.get_running_loop().time, callbacks=True).continue_after(before)
        self._leave = leave
        self.pending_answers = 0  # answers that the socket will still send
        self.calls: MutableMapping[object, int] = WeakKeyDictionary()  # task -> its latest call
        self.on_call: Callable[[object, int], object] = self._note_call
        self._changed = asyncio.Event()

    def observe(self, event: Event) -> None:
        """Observe one event of a node."""
        step = self.tracer.state(event) if event.kind == "state" else self.tracer(event)
        if step is not None:
            if event.kind == "call":
                self.on_call(event.source, self.tracer.next_call - 1)
            self.emit(step)

    def _note_call(self, source: object, number: int) -> None:
        if isinstance(source, asyncio.Task):
            self.calls[source] = number

    def emit(self, step: Step) -> None:
        """Give a step to all sinks."""
        self._count(step)
        for sink in list(self.sinks):
            try:
                sink(step)
            except (OSError, ValueError) as error:  # ValueError: a stream that has been closed
                self.sinks.remove(sink)
                if isinstance(error, StdoutError):
                    self._leave(error)
                else:
                    self.failures.append(error)

    def _count(self, step: Step) -> None:
        match step.kind, step.details.get("what"):
            case ("cast", _) if _is(step, "send_message"):
                self.pending_answers += 1
            case ("fault", "duplicate"):
                self.pending_answers += 1
            case ("info", _) if _is(step, "message_received"):
                self.pending_answers -= 1
            case ("fault", "drop"):
                self.pending_answers -= 1
            case ("exit", _):
                self.pending_answers = 0
        self._changed.set()

    async def linger(self, seconds: float) -> None:
        """Wait for the pending answers, for so many seconds at most."""
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                while self.pending_answers > 0:
                    self._changed.clear()
                    await self._changed.wait()


def _is(step: Step, tag: str) -> bool:
    """Whether a message is a question to a socket, or its answer, and nothing else."""
    return isinstance(step.message, list) and step.message[:1] == [tag]
