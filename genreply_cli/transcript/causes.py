"""Works out which message led a process to do what it did.

Whatever a process does was caused by one of the messages that it received. Which one it was is
judged in this order:

1. If the process has received only one message, that one.
2. If the content of one message only is found again in what the process sends, that one: the reply
   "A to you too!" was caused by the message ["message_received", "A to you too!"].
3. If all other messages have had an effect before, that one; if all have had one, the message that
   had an effect last. This is likely, but not proven.

Otherwise the cause stays unknown.
"""

import re
from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

MAX_PROCESSES: Final = 1000  # whose messages are remembered
MAX_MESSAGES: Final = 4096  # of one process
MAX_ALIKE: Final = 8  # messages with the same value; more prove nothing
MAX_VALUES: Final = 64  # of one message
MAX_WORDS: Final = 24  # of one text

_WORD: Final = re.compile(r"\w+|[^\w\s]+")

Value = str | int | float


def content_of(message: Any) -> frozenset[Value]:
    """The texts and numbers in a message. A text that stands first names the message: its tag."""
    if isinstance(message, list) and len(message) > 1 and isinstance(message[0], str):
        message = message[1:]
    return frozenset(value for _, value in zip(range(MAX_VALUES), _values(message), strict=False))


def _values(value: Any) -> Iterator[Value]:
    if isinstance(value, bool) or value == "":
        return  # they are in too many messages
    if isinstance(value, str | int | float):
        yield value
    elif isinstance(value, list | dict):
        for item in value.values() if isinstance(value, dict) else value:
            yield from _values(item)


def _parts(texts: Iterable[str]) -> Iterator[str]:
    """Everything from the beginning of a word to the end of the same or a later word."""
    for text in texts:
        words = [
            match.span() for _, match in zip(range(MAX_WORDS), _WORD.finditer(text), strict=False)
        ]
        for first, (begin, _) in enumerate(words):
            for _, end in words[first:]:
                yield text[begin:end]


@dataclass(frozen=True, slots=True, eq=False)
class Received:
    """A message that a process has received."""

    seq: int
    call: str | None  # that it belongs to
    proven: bool  # that it belongs to this call
    content: frozenset[Value]
    is_call: bool = False
    is_loose: bool = False  # an answer that it leads to may be meant for any call


class Cause(NamedTuple):
    """The message that led to something."""

    message: Received
    proven: bool


@dataclass
class _Inbox:
    """The messages that one process has received, by their seq."""

    messages: dict[int, Received] = field(default_factory=dict)
    with_value: dict[Value, deque[Received]] = field(default_factory=dict)
    without_effect: set[int] = field(default_factory=set)  # messages that have caused nothing yet
    latest: Received | None = None  # the message that caused something last
    forgotten: bool = False  # that there was a message

    def add(self, message: Received) -> None:
        self.messages[message.seq] = message
        self.without_effect.add(message.seq)
        for value in message.content:
            self.with_value.setdefault(value, deque(maxlen=MAX_ALIKE)).append(message)
        if len(self.messages) > MAX_MESSAGES:
            self._forget(next(iter(self.messages.values())))

    def record(self, cause: Received | None) -> None:
        """This message has had an effect."""
        if cause is not None:
            self.latest = cause
            self.without_effect.discard(cause.seq)

    def _forget(self, message: Received) -> None:
        self.forgotten = True
        del self.messages[message.seq]
        self.without_effect.discard(message.seq)
        for value in message.content:
            alike = self.with_value.get(value)
            if alike and alike[0] is message:
                alike.popleft()
                if not alike:
                    del self.with_value[value]

    def judge(self, content: frozenset[Value] | None, not_before: int) -> Cause | None:
        """The cause of what the process does now; with content, if it sends a message."""
        if (only := self._only_one(not_before)) is not None:
            return Cause(only, proven=True)
        alike: set[Received] = set()
        if content is not None:
            texts = [value for value in content if isinstance(value, str)]
            for values in (texts, _parts(texts), content):
                alike = self._with_values(values, not_before)
                if len(alike) == 1:
                    return Cause(alike.pop(), proven=values is not content)
                if alike:
                    break
        return self._likely(alike, not_before)

    def _only_one(self, not_before: int) -> Received | None:
        """The only message since `not_before`, if there is just one."""
        if self.forgotten and not not_before:
            return None
        newest = reversed(self.messages.values())
        message, before = next(newest, None), next(newest, None)
        if message is None or message.seq < not_before:
            return None
        return message if before is None or before.seq < not_before else None

    def _likely(self, alike: set[Received], not_before: int) -> Cause | None:
        """The only message without an effect yet, or else the one that had an effect last."""
        if alike:
            waiting = {message.seq for message in alike} & self.without_effect
        else:
            waiting = {seq for seq in self.without_effect if seq >= not_before}
        if len(waiting) == 1:
            return Cause(self.messages[waiting.pop()], proven=False)
        latest = self.latest
        if waiting or latest is None or latest.seq < not_before or (alike and latest not in alike):
            return None
        return Cause(latest, proven=False)

    def _with_values(self, values: Iterable[Value], not_before: int) -> set[Received]:
        return {
            message
            for value in values
            for message in self.with_value.get(value, ())
            if message.seq >= not_before
        }


class Inboxes:
    """What all processes have received, by their names."""

    def __init__(self) -> None:
        self._inboxes: dict[str, _Inbox] = {}

    def add(self, process: str, message: Received) -> None:
        """The process has received a message."""
        inbox = self._inboxes.get(process)
        if inbox is None:
            inbox = self._inboxes[process] = _Inbox()
            if len(self._inboxes) > MAX_PROCESSES:
                del self._inboxes[next(iter(self._inboxes))]
        inbox.add(message)

    def find_cause(
        self,
        process: str,
        content: frozenset[Value] | None = None,
        not_before: int = 0,
    ) -> Cause | None:
        """What led a process to what it does now: no message before step `not_before`."""
        inbox = self._inboxes.get(process)
        if inbox is None:
            return None
        cause = inbox.judge(content, not_before)
        inbox.record(None if cause is None else cause.message)
        return cause

    def confirm_cause(self, process: str, cause: int) -> Received | None:
        """The message of step `cause`, which is known to have led to what the process does now."""
        inbox = self._inboxes.get(process)
        if inbox is None:
            return None
        message = inbox.messages.get(cause)
        inbox.record(message)
        return message

    def forget(self, process: str) -> None:
        """The process has ended, or begins anew."""
        self._inboxes.pop(process, None)
