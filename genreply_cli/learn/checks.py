"""The predicates that lessons pass on: what was typed, beside what the transcript says.

Each returns whether it holds, and a sentence that says why, or that helps.
"""

from typing import Any, Final

from genreply_cli.transcript.pretty import duration, pretty
from genreply_cli.transcript.step import Step

TOLERANCE: Final = 0.1  # seconds that a guessed time may be off

Result = tuple[bool, str]


def longest_wait(guess: float, steps: list[Step]) -> Result:
    """The guess is about the time for which the last caller was blocked."""
    blocked = [step.details["blocked"] for step in steps if step.kind == "reply"]
    waited = duration(blocked[-1])
    if abs(guess - blocked[-1]) <= TOLERANCE:
        return (
            True,
            f"C was blocked for {waited}: until the answers to A and B had come, and its own.",
        )
    if abs(guess - blocked[0]) <= TOLERANCE:
        return False, (
            f"{duration(blocked[0])} is how long A was blocked. C waits for the answers to A and B,"
            " too: see when its cast to the socket is sent."
        )
    return (
        False,
        f"In this run it was another time than {duration(guess)}: see how long C was blocked.",
    )


def reply_text(guess: str, steps: list[Step]) -> Result:
    """The guess is what the caller got."""
    reply = next(step for step in steps if step.kind == "reply")
    answer = next(step for step in steps if step.kind == "info")
    got, later = str(reply.message), answer.t - reply.t
    if guess.lower() == got.lower():
        sentence = f"It got {pretty(got)}. The answer came {duration(later)} later, to nobody."
        return True, sentence
    if "too" in guess.lower():
        return False, (
            f"That is the answer of the socket. It came {duration(later)} after the caller had its"
            " reply, when nobody waited any more. What was that reply?"
        )
    return False, f"It got no {pretty(guess)}. See the row of the reply: what goes to the caller?"


def deferred_reply(_: object, steps: list[Step]) -> Result:
    """Each call is kept, and gets its own answer, while the server is free."""
    if crash := next((step for step in steps if step.kind == "crash"), None):
        return False, f"The {crash.at} crashed: {crash.details['error']}. See the row of the crash."
    for call in [step for step in steps if step.kind == "call"]:
        own = [step for step in steps if step.call == call.call]
        failed = _why_not_deferred(call, own)
        if failed is not None:
            return False, failed
    return True, "Each caller was kept, and got its own answer, and meanwhile the server was free."


def _why_not_deferred(call: Step, steps: list[Step]) -> str | None:
    """What is wrong with the reply to this call; None if it was deferred, and is right."""
    kinds = [step.kind for step in steps]
    asked = _text_of(call.message)
    if "cast" not in kinds:
        return "The greeting is not sent to the socket. Keep the line with send_message."
    if "info" not in kinds:
        return "No answer came: was the greeting sent to the socket as it is?"
    if "reply" not in kinds:
        states = [step.details.get("keeps") or [] for step in steps if step.kind == "state"]
        if any(call.call in keeps for keeps in states):
            return "The caller is kept, but nobody replies to it: handle_info has to do that."
        return (
            "Nobody replies to the caller, and nothing leads to it: keep from_ in the state, with"
            " replace(state, caller=from_), and reply in handle_info."
        )
    reply = next(step for step in steps if step.kind == "reply")
    if kinds.index("reply") < kinds.index("info"):
        return (
            f"The caller got {pretty(reply.message)} before the answer was there. Return"
            " NoReply from handle_call, and reply in handle_info."
        )
    if str(reply.message) != f"{asked} to you too!":
        return (
            f"The caller that asked {pretty(asked)} got {pretty(reply.message)}."
            " Reply with message.msg, which is the answer of the socket."
        )
    if "noreply" not in kinds or kinds.index("noreply") > kinds.index("info"):
        return (
            "The answer is right, but the handler waited for it, and the server was deaf"
            " meanwhile. Return NoReply from handle_call, and reply in handle_info."
        )
    if {"duplicate", "late"} & {*kinds}:
        return "The caller got a second reply, which was dropped. Reply once to each call."
    return None


def who_got_the_first_answer(guess: str, steps: list[Step]) -> Result:
    """The guess is the caller to whom the answer to A was sent."""
    letters = {s.call: letter for s, letter in zip(_calls(steps), "ABC", strict=False)}
    first = next(step for step in steps if step.kind == "reply")
    got = letters[first.call]
    if guess == got:
        asked = letters[first.details.get("for", first.call)]
        return True, f"{got} got the answer to {asked}: whoever is in the slot gets what comes."
    if guess == "nobody":
        return False, "The slot was not empty when the answer came. Who was in it?"
    return False, (
        f"{guess} was in the slot, until another caller took its place, before the first answer"
        " came. Who came last?"
    )


def gave_up_and_was_late(_: object, steps: list[Step]) -> Result:
    """The first caller gave up, its answer was dropped, and the second one has its own."""
    first, *others = _calls(steps)
    end = next(step for step in steps if step.ends_call and step.call == first.call)
    late = next((step for step in steps if step.kind == "late" and step.call == first.call), None)
    blocked = duration(end.details["blocked"])
    if end.kind != "timeout":
        return False, f"The first caller had its answer after {blocked}. Choose a shorter timeout."
    if late is None:
        return False, "The first caller gave up, but the run ended before its answer came."
    right = [s for s in steps if s.kind == "reply" and s.call in {call.call for call in others}]
    ago = duration(late.t - end.t)
    next_one = " The next call got its own answer." if right else " The next call gave up, too."
    return (
        True,
        f"It gave up after {blocked}. {ago} later its answer came, and was dropped.{next_one}",
    )


def told_at_once(guess: int, steps: list[Step]) -> Result:
    """The guess is how many callers were told of the crash."""
    told = [s for s in steps if s.kind == "down" and s.ends_call]
    if guess == len(told):
        longest = duration(max(step.details["blocked"] for step in told))
        return True, f"All {guess} were told; none waited longer than {longest}."
    if guess < len(told):
        return False, (
            f"There were more than {guess}. All callers of a server are told when it ends, and not"
            " only the one whose answer was due: count the rows below the crash."
        )
    return False, f"There were fewer than {guess}: count the rows below the crash."


def _calls(steps: list[Step]) -> list[Step]:
    return [step for step in steps if step.kind == "call"]


def _text_of(message: Any) -> str:
    """The greeting in the message of a call: "A" of ["greet", "A"]."""
    return str(message[-1]) if isinstance(message, list) and message else str(message)
