"""Numbers the steps of a recording, and finds the step of an earlier event."""

from array import array
from bisect import bisect_left
from typing import Final

RECENT: Final = 1 << 13  # events whose steps are found without a search; most causes are


class Numbers:
    """Numbers the steps 1, 2, 3 …

    The steps of a node's events are numbered as its events are, plus a constant, plus the notes and
    states in between.
    """

    def __init__(self) -> None:
        self.latest_step = 0
        self._first_event = 1  # of this node
        self._next_event = 0
        self._shift = 0
        self._notes = array("Q")  # for each note, the event after which it was made
        self._recent = array("Q", bytes(8 * RECENT))  # the steps of the latest events, in a ring

    def of_event(self, event: int) -> int:
        """The number of the step of a new event."""
        self.latest_step = step = self.latest_step + 1
        if event != self._next_event:  # the first event of a node
            self._first_event = event
            self._shift = step - event
            del self._notes[:]
        self._next_event = event + 1
        self._recent[event % RECENT] = step
        return step

    def of_note(self) -> int:
        """The number of a step that is no event."""
        self.latest_step += 1
        if self._next_event:
            self._notes.append(self._next_event - 1)
        return self.latest_step

    def of_cause(self, event: int | None) -> int | None:
        """The step of an earlier event; None for an event before this node or this recording."""
        if event is None or not self._first_event <= event < self._next_event:
            return None
        if event >= self._next_event - RECENT:
            return self._recent[event % RECENT]
        return event + self._shift + bisect_left(self._notes, event)
