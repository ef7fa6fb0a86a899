"""The story of a call in words, each sentence beside the lines of Python and of Elixir that did it.

    for line, style in render(explain(steps, "c2"), width=120):
        console.print(line, style=style)

`Stories` is the same while the steps come: it keeps no more than it has to, however many calls there are.
"""

from collections import deque
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Final, NamedTuple

from genreply_cli.explain.meaning import action, handling, meaning
from genreply_cli.explain.quotes import Code, elixir_lines, python_lines
from genreply_cli.session.network import KINDS
from genreply_cli.text import cells
from genreply_cli.transcript.pretty import pretty_message, pretty_name
from genreply_cli.transcript.step import Step
from genreply_cli.variations import COORDINATORS

if TYPE_CHECKING:
    pass

FEW: Final = (
    3  # calls whose stories are all told; of more only the first that went wrong, and the last
)
REMEMBERED: Final = 1000  # calls that have ended well, and may still have something to say

DESIGNS: Final = {cls.__name__: name for name, (cls, _) in COORDINATORS.items()}


class Sentence(NamedTuple):
    """One sentence of a story. Without code if nothing in the exhibits did it."""

    t: float
    sentence: str
    python: Code | None = None
    elixir: Code | None = None


class Story:
    """What has become of one call, as far as it is known."""

    def __init__(self, call: str, asked: str) -> None:
        self.call = call
        self.asked = asked
        self.went_wrong = False  # no answer, or somebody else's
        self.answered = False
        self.forgotten = False  # another caller has taken its place
        self._told: list[tuple[int, Sentence]] = []  # with the number of the step
        self._unheard: dict[
            int, Sentence
        ] = {}  # what is to be said of an answer, unless something comes of it
        self._kinds: dict[int, str] = {}

    def tell(
        self, step: Step, sentence: str, happens: str | None = None, design: str | None = None
    ) -> None:
        """One more sentence, and what happens in the exhibits."""
        self._told.append((step.seq, _told(step, sentence, happens, design)))
        self._kinds[step.seq] = step.kind

    def unheard(self, step: Step, sentence: str, design: str | None) -> None:
        """The same, unless something comes of the step, and only if the call has its answer already."""
        self._unheard[step.seq] = _told(step, sentence, "nobody", design)

    def heard(self, cause: int | None) -> str | None:
        """Something has come of a step, of this kind."""
        self._unheard.pop(cause or 0, None)
        return self._kinds.get(cause or 0)

    def __iter__(self) -> Iterator[Sentence]:
        for number, told in self._told:
            yield told
            if self.answered and number in self._unheard:
                yield self._unheard[number]


def _told(step: Step, sentence: str, happens: str | None, design: str | None) -> Sentence:
    if happens is None or design is None:
        return Sentence(step.t, sentence)
    return Sentence(step.t, sentence, python_lines(happens, design), elixir_lines(happens, design))


# --- what there is to say ----------------------------------------------------------------------------------------------------

# What one design does in its own way.
BY_DESIGN: Final = {
    (
        "cast",
        "blocking",
    ): "It waits for the answer inside handle_call, and hears nothing else meanwhile.",
    ("noreply", "single"): "There is one slot, and this caller is in it now.",
    ("noreply", "fifo"): "This caller is the last in the queue now.",
    ("noreply", "keyed"): "It is kept under the reference that its question got.",
    ("reply", "immediate"): "That is not the answer: there is none yet.",
    ("wrong", "single"): "Whoever is in the slot gets what comes.",
    (
        "wrong",
        "fifo",
    ): "The first in the queue gets what comes, and an answer was lost, repeated or overtaken.",
    ("wrong", "blocking"): "It took the first message that came for the answer.",
}


class StoryTeller:
    """Call it with each step, in order; it keeps the stories worth telling. `only`: of this call alone.

    Which design is at work is seen from the steps, unless it is given by its name.
    """

    def __init__(self, only: str | None = None, design: str | None = None) -> None:
        self.calls = 0
        self._only = only
        self._given = self._design = design
        self._stories: dict[str, Story] = {}
        self._open: dict[str, None] = {}  # calls that wait
        self._ended: deque[str] = deque()  # calls that may be forgotten
        self._wrong: str | None = None  # the first that went wrong
        self._last: str | None = None
        self._slot: str | None = None  # whose caller stands where there is room for one
        self._inside: str | None = None  # for which call the server waits in its handler
        self._crashed: set[str] = set()

    def __call__(self, step: Step) -> None:
        """One more step."""
        if step.kind == "start" and self._given is None:
            self._design = DESIGNS.get(str(step.details.get("module")), self._design)
        if step.kind == "call" and step.call is not None:
            self._begin(step.call, pretty_message(step.message))
        for story in self._concerned(step):
            self._tell(story, step)
        self._note(step)

    def _begin(self, call: str, asked: str) -> None:
        if self._only in {None, call}:
            self.calls += 1
            self._last = call
            self._stories[call] = Story(call, asked)
            self._open[call] = None

    def _concerned(self, step: Step) -> list[Story]:
        """The stories that a step belongs to: that of its call, of the call that it was meant for, of all who are hit by it."""
        calls = [step.call, step.details.get("for")]
        if step.kind in {"crash", "exit"}:
            calls += self._open
        elif step.kind == "noreply" and self._design == "single":
            calls.append(self._slot)
        own = dict.fromkeys(call for call in calls if isinstance(call, str))
        return [self._stories[call] for call in own if call in self._stories]

    def _tell(self, story: Story, step: Step) -> None:
        design, says = self._design, meaning(step)
        cause = story.heard(step.cause)
        match step.kind:
            case "noreply" if step.call != story.call:
                if story.call in self._open and not story.forgotten:
                    story.forgotten = True
                    says = f"{pretty_name(step.at)} keeps one caller, and from now on that is the one of {pretty_name(step.call)}"
                    story.tell(
                        step,
                        f"{says}: the caller of {pretty_name(story.call)} is forgotten.",
                        "keep",
                        design,
                    )
            case "crash":
                story.tell(step, says, _crashing(step, cause), design)
            case "exit" if step.details.get("link") is not None:
                story.tell(step, says, "link", design)
            case "exit" if step.at in self._crashed:
                pass  # that is said already
            case "fault":
                what = str(step.details.get("what"))
                if what != "crash":  # that will be said
                    story.tell(step, says, what if what in KINDS else None, design)
            case kind:
                look = "wrong" if kind == "reply" and "for" in step.details else kind
                own = BY_DESIGN.get((look, str(design)))
                story.tell(step, f"{says} {own}" if own else says, action(step), design)
        if step.kind == "call" and design == "blocking" and self._inside is not None:
            deaf = f"{pretty_name(step.target)} does not hear it yet: it waits inside handle_call, for the answer to"
            story.tell(step, f"{deaf} {pretty_name(self._inside)}.", "wait inside", design)
        elif step.kind == "info":
            story.unheard(step, f"{pretty_name(step.target)} has nobody to give it to.", design)

    def _note(self, step: Step) -> None:
        """What has to be known for the steps that follow."""
        match step.kind:
            case "noreply":
                self._slot = step.call
            case "cast":
                self._inside = step.call
            case "reply" | "late" | "duplicate":
                self._inside = None
            case "crash" if step.at is not None:
                self._crashed.add(step.at)
            case "exit" | "start":
                self._slot = self._inside = None
                self._crashed.discard(step.at or "")
        story = self._stories.get(step.call or "")
        if story is None:
            return
        story.answered = story.answered or step.kind == "reply"
        story.went_wrong = (
            story.went_wrong
            or (step.ends_call and step.outcome != "replied")
            or "for" in step.details
        )
        if story.went_wrong and self._wrong is None:
            self._wrong = story.call
        if step.ends_call and story.call in self._open:
            del self._open[story.call]
            self._ended.append(story.call)
        while len(self._ended) > REMEMBERED:
            old = self._ended.popleft()
            if old not in {self._wrong, self._last}:
                del self._stories[old]

    def worth_telling(self) -> list[Story]:
        """All if they are few; else the first that went wrong, and the last."""
        if self.calls <= FEW:
            return list(self._stories.values())
        return [
            self._stories[call]
            for call in dict.fromkeys([self._wrong, self._last])
            if call is not None
        ]


def _crashing(step: Step, cause: str | None) -> str | None:
    """Where a process crashes: in what it does with the message that it was handling."""
    if str(step.details.get("error")).endswith("injected by --fault crash"):
        return "crash"
    return handling(cause)


def explain(steps: Iterable[Step], call: str, coordinator: str | None = None) -> list[Sentence]:
    """The story of one call. Its design is seen from the steps, unless it is given by its name; [] if there is no such call."""
    stories = StoryTeller(call, coordinator)
    for step in steps:
        stories(step)
    return [told for story in stories.worth_telling() for told in story]


# --- how it is shown ---------------------------------------------------------------------------------------------------------


def _wrapped(text: str, room: int) -> list[str]:
    """The text in rows of at most so many cells, broken between words if it can be; each has the indent of the first."""
    indent = text[: min(len(text) - len(text.lstrip()), room // 2)]
    room -= len(indent)
    rows, row = [], ""
    for word in text.lstrip().split(" "):
        if row and cells(row) + 1 + cells(word) > room:
            rows.append(row)
            row = word
        else:
            row = f"{row} {word}" if row else word
        while cells(row) > room:
            cut = next(
                at
                for at in range(min(len(row), 2 * room), 0, -1)
                if cells(row[:at]) <= room or at == 1
            )
            rows.append(row[:cut])
            row = row[cut:]
    return [indent + each for each in [*rows, row]]
