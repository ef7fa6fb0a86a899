"""`genreply learn`: shows a lesson, reads what the learner types, runs it, and checks it."""

import sys
import time
from collections.abc import Callable
from typing import Any, Final

from genreply_cli.errors import ExitStatus
from genreply_cli.learn import exercise, progress
from genreply_cli.learn.lesson_view import say, show
from genreply_cli.learn.lessons import LESSONS, Lesson
from genreply_cli.session.session import session
from genreply_cli.terminal.output import OutputOptions
from genreply_cli.terminal.screen import Screen
from genreply_cli.text import visible, well_formed
from genreply_cli.timeline.kinds import is_drawn
from genreply_cli.transcript.step import Step

PROMPT: Final = "your answer> "
HINTS: Final = frozenset({"hint", "?", "help"})
LEAVES: Final = frozenset({"q", "quit", "exit", ":q"})


def overview(screen: Screen) -> int:
    """Show where the learner stands."""
    done = progress.passed()
    screen.say("A GenServer's deferred reply, in six lessons.")
    screen.say("")
    for number, lesson in enumerate(LESSONS, 1):
        screen.say(f"[{'x' if number in done else ' '}] {number}  {lesson.title}", wraps=False)
    screen.say("")
    if next_one := following(done):
        screen.say(f"Next: genreply learn {next_one}")
    else:
        screen.say("You have passed all six. Go on with: genreply compare")
        screen.say("To begin again: genreply learn --reset")
    return ExitStatus.OK


def following(done: set[int]) -> int | None:
    """The first lesson that is not passed yet."""
    return next((n for n, _ in enumerate(LESSONS, 1) if n not in done), None)


def reset(screen: Screen) -> int:
    """Forget which lessons are passed, and put the learner's file aside."""
    aside = exercise.set_aside()
    progress.forget()
    screen.say("Your progress is forgotten. Begin with: genreply learn 1")
    if aside is not None:
        screen.say(f"Your file of lesson 3 is now {visible(str(aside))}", wraps=False)
    return ExitStatus.OK


def hint(number: int, screen: Screen) -> int:
    """Show the hint of a lesson."""
    lesson = LESSONS[number - 1]
    _ask(lesson, screen, f"Lesson {number}: ")
    say(screen, f"Hint: {lesson.hint}")
    return ExitStatus.OK


def print_lesson(number: int, screen: Screen) -> int:
    """Show the text of a lesson, and ask nothing."""
    lesson = LESSONS[number - 1]
    show(lesson, number, screen)
    _ask(lesson, screen)
    return ExitStatus.OK


def teach(number: int, screen: Screen, pace: float) -> int:
    """Give a lesson, until it is passed or the learner leaves. Returns the exit status."""
    lesson = LESSONS[number - 1]
    show(lesson, number, screen)
    if lesson.read is None:
        exercise.make_file()
    _ask(lesson, screen)
    while (text := _read_line(lesson)) is not None:
        word = text.strip().lower()
        if word in LEAVES:
            break
        if word in HINTS:
            say(screen, f"Hint: {lesson.hint}")
            continue
        if lesson.read is not None and not word:
            continue
        passed, sentence = _try(lesson, text, screen, pace)
        say(screen, f"{'Right.' if passed else 'Not yet.'} {sentence}", style=_style(passed))
        if passed:
            return _passed(number, screen)
    say(screen, f"Lesson {number} is not passed yet. A hint: genreply learn {number} --hint")
    return ExitStatus.INVALID


def _ask(lesson: Lesson, screen: Screen, before: str = "") -> None:
    """Show the question of a lesson, and the file that it is about."""
    say(screen, f"{before}{lesson.question}")
    if lesson.read is None:
        screen.say(f"  {visible(str(exercise.path()))}", wraps=False)


def _passed(number: int, screen: Screen) -> int:
    done = progress.passed() | {number}
    progress.keep(done)
    next_one = following(done)
    all_passed = "You have passed all six lessons. Go on with: genreply compare"
    then = f"Next: genreply learn {next_one}" if next_one else all_passed
    say(screen, LESSONS[number - 1].moral, then)
    return ExitStatus.OK


def _style(passed: bool) -> str:
    return "green" if passed else "yellow"


def _read_line(lesson: Lesson) -> str | None:
    """A line that the learner has typed; None at the end of the input."""
    prompt = "Enter runs it> " if lesson.read is None else PROMPT
    if sys.stdin.isatty() and sys.stdout.isatty():
        try:
            return well_formed(input(f"\n{prompt}"))
        except EOFError:
            print()
            return None
    line = sys.stdin.readline()
    if line:
        print(f"\n{prompt}{visible(well_formed(line.rstrip()))}")
    return well_formed(line) if line else None


def _try(lesson: Lesson, text: str, screen: Screen, pace: float) -> tuple[bool, str]:
    """Run what the learner has typed or edited, show it, and check it."""
    try:
        value = text if lesson.read is None else lesson.read(text.strip())
        steps = _steps_of(lesson, value)
    except (ValueError, exercise.ExerciseError) as error:
        return False, str(error)
    screen.say("")
    screen.begin_again()
    for step in steps:
        if is_drawn(step, states=False) and pace and step.kind != "start":
            screen.stream.flush()
            time.sleep(pace)
        screen.show(step)
    screen.stream.flush()
    return lesson.check(value, steps)


def _steps_of(lesson: Lesson, value: Any) -> list[Step]:
    if lesson.scenario is None:
        return exercise.run_file(exercise.path())
    settings, script = lesson.settings(value), lesson.scenario.script
    steps: list[Step] = []

    async def main() -> None:
        async with session(settings.start, [steps.append]) as (coordinator, _):
            await script(coordinator, settings)

    settings.run(main())
    return steps


def on_stdout(action: Callable[[Screen], int], options: OutputOptions) -> int:
    """Do it with a screen on stdout."""
    return action(Screen(sys.stdout, options, legend=True))
