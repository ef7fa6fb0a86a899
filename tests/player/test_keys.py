"""What each key does, without a screen and without a clock."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from recordings import index_at, index_of, index_of_lines, many, read_all

from genreply_cli import paths as kept
from genreply_cli.player.keys import (
    COMMANDS,
    KEYS,
    MAX_SPEED,
    MIN_SPEED,
    NAMED_KEYS,
    NO_CALL,
    PAGE_EVENTS,
    press,
)
from genreply_cli.player.state import CallFilter, State, at_end, clamp, pace_of, visible_steps
from genreply_cli.player.view import render
from genreply_cli.timeline.lines import plain_line
from genreply_cli.transcript.format import to_line
from genreply_cli.transcript.index import Index
from genreply_cli.transcript.step import Step

SAMPLES = {name: read_all(index_at(path)) for name, path in kept.samples().items()}
LONG = read_all(index_of(many(600)))
PAUSED = State(playing=False)


def pressed(state: State, index: Index, *keys: str) -> State:
    """The state after these keys; a word is typed letter by letter."""
    for key in keys:
        for one in [key] if key in NAMED_KEYS else key:
            state, search = press(state, index, one, one)
            while search is not None:
                try:
                    assert 0 <= next(search) <= 1
                except StopIteration as found:
                    state, search = found.value, None
    return state


def at(number: int) -> State:
    return State(number=number, playing=False)


def test_one_event_on_and_one_back() -> None:
    for on, back in ((".", ","), ("right", "left"), ("j", "k"), ("down", "up")):
        assert pressed(PAUSED, LONG, on, on, on).number == 3
        assert pressed(PAUSED, LONG, on, on, back).number == 1
    assert pressed(PAUSED, LONG, ",").number == 0
    assert pressed(at(LONG.total - 1), LONG, ".").number == LONG.total - 1
    assert not pressed(State(number=3), LONG, ".").playing  # stepping pauses


def test_pages() -> None:
    assert pressed(PAUSED, LONG, "pagedown").number == PAGE_EVENTS
    assert pressed(at(50), LONG, "pageup").number == 50 - PAGE_EVENTS
    assert pressed(at(3), LONG, "pageup").number == 0


def test_space_plays_and_pauses_and_at_the_end_plays_it_again() -> None:
    assert pressed(PAUSED, LONG, " ") == State()
    assert pressed(State(), LONG, " ") == PAUSED
    assert pressed(at(LONG.total - 1), LONG, " ") == State()


def test_digits_and_the_ends() -> None:
    for digit in range(10):
        assert pressed(at(77), LONG, str(digit)).number == LONG.total * digit // 10
    assert pressed(at(77), LONG, "g").number == pressed(at(77), LONG, "home").number == 0
    assert (
        pressed(at(77), LONG, "G").number == pressed(at(77), LONG, "end").number == LONG.total - 1
    )
    assert pressed(State(), LONG, "5").playing  # it plays on from there


def test_the_events_of_a_call_one_by_one() -> None:
    steps = list(LONG.steps(0))
    start = next(number for number, step in enumerate(steps) if step.call == "c7")
    visited, state = [start], at(start)
    while not (state := pressed(state, LONG, "n")).status:
        visited.append(state.number)
    assert visited == [number for number, step in enumerate(steps) if step.call == "c7"]
    assert state.status == "there is no later event of c7"
    back = [state.number]
    while not (state := pressed(state, LONG, "N")).status:
        back.append(state.number)
    assert back == visited[::-1]
    assert pressed(PAUSED, LONG, "n").status == NO_CALL


def test_a_call_whose_name_is_written_with_escapes_is_found() -> None:
    lines = [
        b'{"seq":1,"t":0,"kind":"call","call":"c1"}',
        rb'{"seq":2,"t":0,"kind":"reply","call":"\u0063\u0031"}',
    ]
    index = read_all(index_of_lines(b"\n".join(lines) + b"\n"))
    assert pressed(PAUSED, index, "n").number == 1


def test_marks_and_failures() -> None:
    found, state = [], PAUSED
    while not (state := pressed(state, LONG, "]")).status:
        found.append(state.number)
    steps = list(LONG.steps(0))
    assert found == [
        number for number, step in enumerate(steps) if step.kind in {"mark", "timeout"}
    ]
    assert state.status == "there is no later mark or failure"
    back = [state.number]
    while not (state := pressed(state, LONG, "[")).status:
        back.append(state.number)
    assert back == found[::-1]


@pytest.mark.parametrize(
    ("name", "kinds"),
    [
        ("crash", ["mark", "fault", "crash", "exit", "exit", "down", "down", "mark", "down"]),
        ("late", ["timeout", "mark", "late", "mark"]),
        ("hello", ["mark"]),
        (
            "overlap-single",
            [
                "state",
                "state",
                "mark",
                "reply",
                "duplicate",
                "duplicate",
                "mark",
                "timeout",
                "timeout",
            ],
        ),
    ],
)
def test_the_marks_and_the_failures_of_the_samples(name: str, kinds: list[str]) -> None:
    index, state, found = SAMPLES[name], PAUSED, []
    while not (state := pressed(state, index, "]")).status:
        step = index.step(state.number)
        assert step is not None
        found.append(step.kind)
    assert found == kinds


def test_speed_doubles_and_halves_within_limits() -> None:
    assert pressed(PAUSED, LONG, "+", "+", "+", "-").speed == 4
    assert pressed(PAUSED, LONG, *"+" * 20).speed == MAX_SPEED
    assert pressed(PAUSED, LONG, *"-" * 20).speed == MIN_SPEED
    assert pressed(PAUSED, LONG, *"+++=").speed == 1
    assert pressed(State(speed=1000), LONG, "+").speed == 1000  # as it was asked for
    assert pressed(State(speed=1000), LONG, "-").speed == 500


def test_only_one_call_and_all_again() -> None:
    numbers = [number for number, step in enumerate(LONG.steps(0)) if step.call == "c7"]
    only = pressed(at(numbers[1]), LONG, "c")
    assert only.call_filter is not None
    assert (only.call_filter.label, list(only.call_filter.numbers), only.number) == (
        "c7",
        numbers,
        numbers[1],
    )
    assert pressed(only, LONG, ".").number == numbers[2]
    assert pressed(only, LONG, ",", ",").number == numbers[0]
    assert pressed(only, LONG, "G").number == numbers[-1]
    assert pressed(only, LONG, "g").number == numbers[0]
    assert pressed(only, LONG, "]").status == "there is no later mark or failure"  # of this call
    again = pressed(only, LONG, "G", "c")
    assert (again.call_filter, again.number) == (None, numbers[-1])
    assert pressed(PAUSED, LONG, "c").status == NO_CALL


def test_a_call_is_shown_with_what_became_of_its_answer_and_with_what_led_to_its_own() -> None:
    index = SAMPLES["overlap-single"]
    calls = [step.call for step in index.steps(0)]
    for call, others, cause in (("c1", {"c2", "c3"}, "call"), ("c3", {"c1", "c2"}, "info")):
        only = pressed(at(calls.index(call)), index, "c").call_filter
        assert only is not None
        shown = {number: index.step(number) for number in only.numbers}
        assert {step.call for step in shown.values() if step} - {call} == others
        assert {step.kind for number in only.faint if (step := shown[number])} == {cause}


def test_find_goes_from_one_to_the_next_and_begins_again() -> None:
    wanted = [
        number
        for number, step in enumerate(LONG.steps(0))
        if "hello 59" in plain_line(step).casefold()
    ]
    state = pressed(at(wanted[0]), LONG, "/", "HELLO 59", "c-m")
    assert (state.number, state.search_input, state.search) == (wanted[1], None, "HELLO 59")
    state = pressed(state, LONG, "/", "c-m")  # the same again
    assert state.number == wanted[2]
    state = pressed(at(wanted[-1]), LONG, "/", "hello 59", "c-m")
    assert (state.number, state.status) == (
        wanted[0],
        'no later event has "hello 59": back to the first that has it',
    )
    nowhere = pressed(state, LONG, "/", "xyzzy", "c-m")
    assert (nowhere.number, nowhere.status) == (state.number, 'no event has "xyzzy"')
    assert (
        pressed(at(1), SAMPLES["hello"], "/", "linked", "c-m").status
        == 'no other event has "linked"'
    )


def test_what_is_typed_can_be_changed_and_given_up() -> None:
    assert pressed(PAUSED, LONG, "/", "qx", "c-h", "?").search_input == "q?"
    assert pressed(PAUSED, LONG, "/", "qx", "c-u").search_input == ""
    assert pressed(PAUSED, LONG, "/", "c-h").search_input is None
    assert pressed(PAUSED, LONG, "/", "x", "escape") == PAUSED
    assert pressed(PAUSED, LONG, "/", "x", "c-c") == PAUSED  # and it does not leave
    assert pressed(PAUSED, LONG, "/", "c-m") == PAUSED  # nothing to find
    pasted, _ = press(pressed(PAUSED, LONG, "/"), LONG, "<bracketed-paste>", "a\x1b[2J")
    assert pasted.search_input == "a\x1b[2J"


def test_the_payload_and_the_keys_go_away_as_they_came() -> None:
    for key, shown in (("c-m", "payload"), ("?", "keys")):
        state = pressed(at(4), LONG, key)
        assert (state.overlay, state.number) == (shown, 4)
        assert pressed(state, LONG, "down", "pagedown", "up").scroll == PAGE_EVENTS // 2
        assert pressed(state, LONG, "G", "g").scroll == 0
        assert (
            pressed(state, LONG, "escape")
            == pressed(state, LONG, "q")
            == pressed(state, LONG, "c-m")
            == at(4)
        )
        assert pressed(state, LONG, "c-c").leaving
    assert pressed(at(4), LONG, "?", "?") == at(4)


def test_why_comes_and_goes() -> None:
    shown = [pressed(PAUSED, LONG, *"e" * times).explanation for times in range(4)]
    assert shown == ["why", "code", "none", "why"]
    assert pressed(PAUSED, LONG, "e", "e", "e") == PAUSED


def test_b_goes_to_the_cause_and_capital_b_to_the_first_effect() -> None:
    index = SAMPLES["late"]
    late = next(n for n, step in enumerate(index.steps(0)) if step.kind == "late")
    cause = pressed(at(late), index, "b")
    assert index.step(cause.number).kind == "info"  # type: ignore[union-attr]
    assert pressed(cause, index, "B").number == late
    assert pressed(at(0), index, "b").status == "what led to this event is not recorded"
    last = at(index.total - 1)
    assert pressed(last, index, "B").status == "no event is recorded that this one led to"


def test_a_cause_that_a_filter_hides_is_shown_among_all_events() -> None:
    steps = [
        Step(1, 0.0, "info", None, "b", "a", message="x"),
        Step(2, 0.0, "reply", "c1", "a", "caller", message="x", cause=1),
    ]
    only = replace(at(1), call_filter=CallFilter("c1", [1]))
    went = pressed(only, read_all(index_of(steps)), "b")
    assert (went.number, went.call_filter) == (0, None)
    assert went.status == "event 1 is of another call: all events are shown again"


def test_a_cause_outside_the_transcript_is_named_as_that() -> None:
    steps = [Step(7, 0.0, "reply", "c1", "a", "caller", message="x", cause=3)]
    index = read_all(index_of(steps))
    assert pressed(at(0), index, "b").status == (
        "the event that led to this one is not in this transcript"
    )


def test_the_time_for_each_event_is_the_usual_one_in_a_short_recording_only() -> None:
    assert pace_of(State(), SAMPLES["hello"]) == 0.7
    assert pace_of(State(), LONG) == 0.0
    assert pace_of(State(pace=0.0), SAMPLES["hello"]) == 0.0


def test_the_time_for_each_event_becomes_longer_and_shorter() -> None:
    index = SAMPLES["hello"]
    longer = pressed(State(), index, ">")
    assert (longer.pace, longer.status) == (1.5, "each event for at least 1.500 s")
    assert pressed(longer, index, ">", ">").pace == 3.0
    shortest = pressed(State(), index, *"<<<<<<")
    assert (shortest.pace, shortest.status) == (0.0, "at its own pace")


def test_equals_goes_back_to_the_speed_and_the_pace_of_the_beginning() -> None:
    begun = State(speed=4.0, pace=0.1, usual=(4.0, 0.1))
    changed = pressed(begun, LONG, "+", "+", ">", "=")
    assert (changed.speed, changed.pace) == (4.0, 0.1)


@pytest.mark.parametrize("key", ["q", "c-c", "c-d", "<sigint>"])
def test_leaving(key: str) -> None:
    assert pressed(State(), LONG, key).leaving


def test_other_keys_do_nothing() -> None:
    assert pressed(at(3), LONG, "x", "ü", "%", "escape") == at(3)


def test_all_keys_of_the_table_are_there_and_no_key_is_there_twice() -> None:
    names = [name for key in KEYS for name in key.names]
    assert len(names) == len(set(names))
    promised = {"right", "left", "c-m", *" .,nN][0123456789gG+-=<>bBc/e?q"}
    assert promised <= set(names)


def test_where_there_is_nothing_no_key_does_harm() -> None:
    index = read_all(index_of_lines(b""))
    for key in COMMANDS:
        state = pressed(State(), index, key)
        assert state.number == 0
        assert render(state, index, 80, 24).rows
    assert at_end(State(), index)


def test_when_an_invalid_line_shortens_the_transcript_the_state_is_moved_back_inside() -> None:
    line = to_line(Step(1, 0.0, "mark", "c1")).encode() + b"\n"
    index = index_of_lines(line * 5 + b"nonsense\n" + line * 2000)
    while not index.counted:
        next(index.scan())
    state = State(number=9, call_filter=CallFilter("c1", [2, 4, 9]))
    assert clamp(state, index) == state
    read_all(index)
    assert clamp(state, index) == State(number=4, call_filter=CallFilter("c1", [2, 4]))
    assert clamp(State(number=9, call_filter=CallFilter("c1", [9])), index) == State(number=4)


# --- the law ---

WALK = st.lists(
    st.sampled_from([*COMMANDS, "escape", "/Hello", "/to you", "c-m", "c-h"]), max_size=25
)


@given(st.sampled_from([*SAMPLES.values(), LONG]), WALK)
def test_any_walk_leaves_what_a_fresh_replay_to_the_same_event_shows(
    index: Index, keys: list[str]
) -> None:
    state = pressed(State(), index, *keys)
    assert 0 <= state.number < index.total
    assert state.number in visible_steps(state, index)
    fresh = read_all(index_of(list(index.steps(0))))
    fresh.name = index.name
    assert fresh.snapshot(state.number + 1) == index.snapshot(state.number + 1)
    for width, height in ((120, 30), (80, 24), (40, 12)):
        assert render(state, index, width, height) == render(state, fresh, width, height)
