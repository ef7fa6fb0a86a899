"""Works out which message a process was handling when it did something.

A process handles one message at a time, so whatever it does was caused by one of the messages that
it received. Which one it was is judged in this order:

1. If only one message can be it, that one.
2. If the content of only one of them is found again in what was sent, that one: the reply "A to
   you too!" was caused by the message ["message_received", "A to you too!"].
3. If the process has received just one message since it last did something, that one; if it has
   received none, the message that it was handling then. This is likely, but not proven.

Otherwise the cause stays unknown.
"""

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

MAX_MESSAGES: Final = 1024  # of one process, that may still be handled
MAX_PROCESSES: Final = 10_000
MAX_VALUES: Final = 64  # of one message, that are compared


class Content(NamedTuple):
    """The values in a message, without its tag."""

    texts: frozenset[str]
    numbers: frozenset[float]


def content_of(message: Any) -> Content:
    """The texts and numbers in a message. A text that stands first names the message: its tag."""
    texts: set[str] = set()
    numbers: set[float] = set()
    if isinstance(message, list) and len(message) > 1 and isinstance(message[0], str):
        message = message[1:]
    for count, value in enumerate(_values(message)):
        if count == MAX_VALUES:
            break
        if isinstance(value, str):
            texts.add(value)
        else:
            numbers.add(value)
    return Content(frozenset(texts - {""}), frozenset(numbers))


def _values(value: Any) -> Iterator[str | float]:
    if isinstance(value, str) or (isinstance(value, int | float) and not isinstance(value, bool)):
        yield value
    elif isinstance(value, list | dict):
        for item in value.values() if isinstance(value, dict) else value:
            yield from _values(item)


@dataclass(frozen=True, slots=True)
class Received:
    """A message that a process has received."""

    seq: int
    call: str | None  # that it belongs to
    proven: bool  # that it belongs to this call
    content: Content


class Cause(NamedTuple):
    """The message that a process was handling."""

    message: Received
    proven: bool


@dataclass
class _Inbox:
    """What one process has received, and has not handled before its present message."""

    messages: deque[Received] = field(default_factory=lambda: deque(maxlen=MAX_MESSAGES))
    handling: Received | None = None
    acted: int = 0  # the seq of what it did last
    overflowed: bool = False  # messages were forgotten

    def add(self, message: Received) -> None:
        self.overflowed |= len(self.messages) == MAX_MESSAGES
        self.messages.append(message)

    def handle(self, message: Received) -> None:
        """The process handles this message now, and is through with the one before."""
        if message is not self.handling:
            self.handling = message
            self.messages.remove(message)

    def candidates(self, not_before: int) -> list[Received]:
        known = [*self.messages] if self.handling is None else [self.handling, *self.messages]
        return [message for message in known if message.seq >= not_before]

    def judge(self, content: Content | None, not_before: int) -> Cause | None:
        """The cause of what the process does now, with this content."""
        candidates = self.candidates(not_before)
        if len(candidates) == 1:
            return Cause(candidates[0], not self.overflowed)
        if content is not None:
            for similar in (_same_text, _text_in_text, _same_number):
                alike = [message for message in candidates if similar(message.content, content)]
                if len(alike) == 1:
                    proven = similar is not _same_number and not self.overflowed
                    return Cause(alike[0], proven)
                if alike:
                    candidates = alike
                    break
        new = [message for message in candidates if message.seq > self.acted]
        if len(new) == 1:
            return Cause(new[0], proven=False)
        if not new and self.handling is not None and self.handling in candidates:
            return Cause(self.handling, proven=False)
        return None


def _same_text(one: Content, other: Content) -> bool:
    return not one.texts.isdisjoint(other.texts)


def _text_in_text(one: Content, other: Content) -> bool:
    return any(
        _is_part(mine, theirs) or _is_part(theirs, mine)
        for mine in one.texts
        for theirs in other.texts
    )


def _is_part(part: str, text: str) -> bool:
    """Whether `part` stands in `text`, and begins and ends where its words do."""
    begin = text.find(part)
    while begin >= 0:
        end = begin + len(part)
        if not _joined(text[begin - 1 : begin], part[:1]) and not _joined(
            part[-1:], text[end : end + 1]
        ):
            return True
        begin = text.find(part, begin + 1)
    return False


def _joined(before: str, after: str) -> bool:
    """Whether two characters stand in one word."""
    return before.isalnum() and after.isalnum()


def _same_number(one: Content, other: Content) -> bool:
    return not one.numbers.isdisjoint(other.numbers)


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
        self, process: str, seq: int, content: Content | None = None, not_before: int = 0
    ) -> Cause | None:
        """What caused step `seq` of a process: no message before step `not_before`."""
        inbox = self._inboxes.get(process)
        if inbox is None:
            return None
        cause = inbox.judge(content, not_before)
        if cause is not None:
            inbox.handle(cause.message)
        inbox.acted = seq
        return cause

    def confirm_cause(self, process: str, seq: int, cause: int) -> Received | None:
        """The message of step `cause`, which is known to have caused step `seq` of this process."""
        inbox = self._inboxes.get(process)
        if inbox is None:
            return None
        inbox.acted = seq
        for message in inbox.candidates(cause):
            if message.seq == cause:
                inbox.handle(message)
                return message
        return None

    def forget(self, process: str) -> None:
        """The process has ended, or begins anew."""
        self._inboxes.pop(process, None)
