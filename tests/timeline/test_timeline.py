"""Pictures of timelines, and laws of all rows: none is too wide, controls a terminal or changes."""

# ruff: noqa: E501  # the rows of a terminal with 112 columns stand here as they are drawn
# ruff: noqa: RUF001  # the glyphs of the pictures

import io
import subprocess
import sys
import unicodedata
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from rich.cells import cell_len
from rich.console import Console
from rich.text import Text

from genreply_cli.text import crop
from genreply_cli.timeline.lines import accessible_line, plain_line
from genreply_cli.timeline.timeline import Timeline, view_for
from genreply_cli.timeline.views import VIEWS, View
from genreply_cli.transcript.step import KINDS, NO_MESSAGE, Step


def step(
    kind: str,
    call: str | None = None,
    source: str | None = None,
    target: str | None = None,
    **more: Any,
) -> Step:
    """A step by its essentials; what is no field of a step is a detail."""
    fields = {name: more.pop(name) for name in ("t", "at", "message", "cause") if name in more}
    if "for_" in more:
        more["for"] = more.pop("for_")
    return Step(1, fields.pop("t", 0.0), kind, call, source, target, details=more, **fields)


SETTING = [
    step("start", at="coordinator", module="Coordinator"),
    step("start", at="websocket", module="WebSocket", linked="coordinator"),
]
GREETING = [
    *SETTING,
    step(
        "call", "c1", "caller", "coordinator", t=0.000112, message=["greet", "Hello"], timeout=5.0
    ),
    step("noreply", "c1", at="coordinator", t=0.00014, waiting=["c1"]),
    step("cast", "c1", "coordinator", "websocket", t=0.000595, message=["send_message", "Hello"]),
    step(
        "info",
        "c1",
        "websocket",
        "coordinator",
        t=0.251033,
        message=["message_received", "Hello to you too!"],
    ),
    step(
        "reply",
        "c1",
        "coordinator",
        "caller",
        t=0.25109,
        message="Hello to you too!",
        blocked=0.250978,
    ),
]


def drawn(
    steps: list[Step], width: int = 120, view: View | None = None, *, ascii_only: bool = False
) -> str:
    timeline = Timeline(width, view, ascii_only=ascii_only)
    return "\n".join(line for each in steps for line in timeline.lines(each))


def last(steps: list[Step], width: int = 120, view: View | None = None) -> str:
    return drawn([*SETTING, *steps], width, view).splitlines()[-1]


# The pictures.


@pytest.mark.parametrize("width", [112, 120, 200])
def test_one_greeting_wide(width: int) -> None:
    assert (
        drawn(GREETING, width)
        == """\
     time  call kind     caller          coordinator           websocket message
 +0.000 s  c1   call     ├───────────────────►│                    │     greet "Hello"
 +0.000 s  c1   noreply  ┃                    ■                    │     caller c1 kept, not answered; 1 waiting
 +0.001 s  c1   cast     ┃                    ├───────────────────►│     send_message "Hello"
 +0.251 s  c1   info     ┃                    │◄───────────────────┤     message_received "Hello to you too!"
 +0.251 s  c1   reply    │◄┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┤                    │     "Hello to you too!"   blocked 251 ms"""
    )


def test_one_greeting_in_ascii() -> None:
    assert (
        drawn(GREETING, ascii_only=True)
        == """\
     time  call kind     caller          coordinator           websocket message
 +0.000 s  c1   call     |------------------->|                    |     greet "Hello"
 +0.000 s  c1   noreply  #                    O                    |     caller c1 kept, not answered; 1 waiting
 +0.001 s  c1   cast     #                    |------------------->|     send_message "Hello"
 +0.251 s  c1   info     #                    |<-------------------|     message_received "Hello to you too!"
 +0.251 s  c1   reply    |<...................|                    |     "Hello to you too!"   blocked 251 ms"""
    )


@pytest.mark.parametrize("width", [80, 99])
def test_one_greeting_in_compact_lanes(width: int) -> None:
    assert (
        drawn(GREETING, width)
        == """\
  time    kind caller     coord      ws  message
+0.000 c1 call    ├────────►│         │  greet "Hello"
+0.000 c1 noreply ┃         ■         │  kept; 1 waiting
+0.001 c1 cast    ┃         ├────────►│  send_message "Hello"
+0.251 c1 info    ┃         │◄────────┤  "Hello to you too!"
+0.251 c1 reply   │◄┈┈┈┈┈┈┈┈┤         │  "Hello to you too!" 251 ms"""
    )


@pytest.mark.parametrize("width", [60, 71])
def test_one_greeting_narrow(width: int) -> None:
    assert (
        drawn(GREETING, width)
        == """\
+0.000 c1 call    caller>coord  greet "Hello"
+0.000 c1 noreply coord         kept; 1 waiting
+0.001 c1 cast    coord>ws      send_message "Hello"
+0.251 c1 info    ws>coord      "Hello to you too!"
+0.251 c1 reply   coord>caller  "Hello to you too!" 251 ms"""
    )


def test_one_greeting_below_60_columns() -> None:
    assert (
        drawn(GREETING, 59)
        == """\
+0.000 c1 call    greet "Hello"
+0.000 c1 noreply kept; 1 waiting
+0.001 c1 cast    send_message "Hello"
+0.251 c1 info    "Hello to you too!"
+0.251 c1 reply   "Hello to you too!" 251 ms"""
    )


def test_one_greeting_plain() -> None:
    assert (
        drawn(GREETING, view="plain")
        == """\
0.000000 - start coordinator: Coordinator
0.000000 - start websocket: WebSocket, linked to coordinator
0.000112 c1 call caller -> coordinator: greet "Hello"
0.000140 c1 noreply coordinator: caller kept, 1 waiting
0.000595 c1 cast coordinator -> websocket: send_message "Hello"
0.251033 c1 info websocket -> coordinator: message_received "Hello to you too!"
0.251090 c1 reply coordinator -> caller: "Hello to you too!" (blocked 0.251 s)"""
    )


def test_one_greeting_in_sentences() -> None:
    assert (
        drawn(GREETING, view="accessible")
        == """\
0.000 seconds, c1: caller asks coordinator, and waits: greet "Hello".
0.000 seconds, c1: coordinator goes on without an answer: caller kept, 1 waiting.
0.001 seconds, c1: coordinator casts to websocket: send_message "Hello".
0.251 seconds, c1: websocket sends to coordinator: message_received "Hello to you too!".
0.251 seconds, c1: coordinator answers caller: "Hello to you too!", blocked 0.251 s."""
    )


def asked(call: str, caller: str = "caller", t: float = 0.0) -> Step:
    return step("call", call, caller, "coordinator", t=t, message=["greet", "A"], timeout=5.0)


def test_a_caller_that_gives_up() -> None:
    gave_up = step("timeout", "c2", "caller", "coordinator", t=9.1, timeout=5.0, blocked=5.0)
    assert last([asked("c2"), gave_up]) == (
        " +9.100 s  c2   timeout  ×                    │                    │     gave up after 5.000 s; nobody is told"
    )


def test_a_late_answer_is_dropped() -> None:
    gave_up = step("timeout", "c2", "caller", "coordinator", t=9.1, timeout=5.0, blocked=5.0)
    late = step("late", "c2", "coordinator", "caller", t=9.6, message="A", ago=0.5)
    assert last([asked("c2"), gave_up, late]) == (
        " +9.600 s  c2   late     ×◄┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┤                    │     dropped: caller c2 left 0.500 s ago"
    )


def test_the_wrong_caller_is_told_as_such() -> None:
    wrong = step(
        "reply",
        "c6",
        "coordinator",
        "caller",
        t=0.4,
        message="A to you too!",
        blocked=0.1,
        for_="c5",
    )
    assert last([asked("c6"), wrong]) == (
        ' +0.400 s  c6   reply    !◄┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┤                    │     "A to you too!"   WRONG CALLER: asked by c5'
    )


def test_whoever_waited_in_vain_is_told_who_got_the_answer() -> None:
    gave_up = step(
        "timeout",
        "c5",
        "caller",
        "coordinator",
        t=5.3,
        timeout=5.0,
        blocked=5.0,
        went_to="c6",
        went_at=0.4,
    )
    assert last([asked("c5"), gave_up]) == (
        " +5.300 s  c5   timeout  ×                    │                    │     gave up; its answer went to c6 at +0.400 s"
    )


def test_a_crash_takes_the_coordinator_down_and_its_caller_is_told() -> None:
    error = "RuntimeError: injected by --fault crash"
    steps = [
        *SETTING,
        asked("c4", t=2.0),
        step("crash", "c4", at="websocket", t=2.002, error=error),
        step("exit", "c4", at="websocket", t=2.002, reason=error),
        step("exit", "c4", at="coordinator", t=2.002, reason=error, link="websocket"),
        step("down", "c4", "coordinator", "caller", t=2.002, reason=error, blocked=0.002),
    ]
    assert drawn(steps).splitlines()[2:] == [
        " +2.002 s  -    crash    ┃                    │                    ×     RuntimeError: injected by --fault crash",
        " +2.002 s  -    exit     ┃                    ×◄┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┤     linked, so the coordinator goes down too",
        (
            " +2.002 s  c4   down     │◄┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈×                          "
            "coordinator died before it replied   after 2 ms"
        ),
    ]


def test_a_second_answer_a_cancelled_caller_and_what_is_sent_to_the_dead() -> None:
    steps = [
        *SETTING,
        asked("c1"),
        step("reply", "c1", "coordinator", "caller", t=0.1, message="A", blocked=0.1),
        step("duplicate", "c1", "coordinator", "caller", t=0.3, message="A", ago=0.2, for_="c9"),
        asked("c2", t=1.0),
        step("cancel", "c2", "caller", "coordinator", t=1.5, timeout=5.0, blocked=0.5),
        step(
            "lost",
            None,
            "coordinator",
            "websocket",
            t=2.0,
            message=["send_message", "A"],
            sent="cast",
        ),
        step("fault", "c2", at="websocket", t=2.0, what="drop"),
        step("exit", at="websocket", t=2.5, reason="normal"),
        step("mark", t=3.0, label="lunch"),
        step("end", t=3.0, calls=2, replied=1, timed_out=0, failed=1, dropped=1),
    ]
    assert drawn(steps).splitlines()[3:] == [
        " +0.300 s  c1   dup      ×◄┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┤                    │     dropped; it was c9's answer",
        ' +1.000 s  c2   call     ├───────────────────►│                    │     greet "A"',
        " +1.500 s  c2   cancel   ×                    │                    │     cancelled after 0.500 s; nobody is told",
        ' +2.000 s  -    lost     │                    ├───────────────────►×     send_message "A"   lost: websocket has ended',
        " +2.000 s  c2   fault    │                    │                    !     drop: this answer will never come",
        " +2.500 s  -    exit     │                    │                    ×     ended: normal",
        " +3.000 s  -    mark     │                    │                          lunch",
        " +3.000 s  -    end      │                    │                          replied 1, failed 1, dropped 1",
    ]


def test_plain_says_all_there_is_to_say() -> None:
    steps = [
        step("reply", "c6", "coordinator", "caller", t=0.4, message="A", blocked=0.1, for_="c5"),
        step("late", "c2", "coordinator", "caller", t=9.6, message="A", ago=0.5, for_="c1"),
        step("exit", "c4", at="coordinator", t=2.002, reason="RuntimeError: x", link="websocket"),
        step(
            "down", "c4", "coordinator", "caller", t=2.002, reason="RuntimeError: x", blocked=0.002
        ),
        step("down", None, "coordinator", "watcher", t=2.002, reason="normal"),
        step("mark", t=3.0, label="lunch"),
        step("end", t=3.0, calls=2, replied=1, timed_out=0, failed=1, dropped=1),
        step("retry", "c1", "a", "b", message=["x"], often=2),
        step("reply", "c1", "coordinator", "caller", message=None),
        step("info", None, "coordinator", "coordinator", message=["timeout"]),
    ]
    assert [plain_line(each) for each in steps] == [
        '0.400000 c6 reply coordinator -> caller: "A" (WRONG CALLER: asked by c5)',
        '9.600000 c2 late coordinator -> caller: "A" (dropped: caller c2 left 0.500 s ago; asked by c1)',
        "2.002000 c4 exit websocket -> coordinator: linked, so the coordinator goes down too (RuntimeError: x)",
        "2.002000 c4 down coordinator -> caller: coordinator died before it replied: RuntimeError: x (after 0.002 s)",
        "2.002000 - down coordinator -> watcher: coordinator died: normal",
        "3.000000 - mark: lunch",
        "3.000000 - end: calls 2, replied 1, timed out 0, failed 1, dropped 1",
        '0.000000 c1 retry a -> b: x {"often": 2}',
        "0.000000 c1 reply coordinator -> caller: null",
        "0.000000 - info coordinator -> coordinator: timeout",
    ]


# Lanes.


def test_each_caller_has_a_lane_of_its_own_while_they_are_few() -> None:
    assert (
        drawn([*SETTING, asked("c1"), asked("c2", "caller-2"), asked("c3", "caller-3")])
        == """\
     time  call kind     caller          coordinator           websocket message
 +0.000 s  c1   call     ├───────────────────►│                    │     greet "A"
     time  call kind     caller      caller-2       coordinator      websocket message
 +0.000 s  c2   call     ┃               ├──────────────►│               │     greet "A"
     time  call kind     caller  caller-2    caller-3   coordinator  websocket message
 +0.000 s  c3   call     ┃           ┃           ├──────────►│           │     greet "A\""""
    )


def test_more_callers_than_there_is_room_for_have_short_names_and_narrow_lanes() -> None:
    steps = [*SETTING, *(asked(f"c{number}", f"caller-{number}") for number in range(1, 6))]
    assert drawn(steps).splitlines()[-2:] == [
        "     time  call kind caller-1 caller-2 caller-3 caller-4 caller-5 coord  ws    message",
        ' +0.000 s  c5   call     ┃        ┃        ┃        ┃        ├─────►│     │    greet "A"',
    ]


def test_more_callers_than_lanes_share_one_and_each_row_names_its_caller() -> None:
    steps = [*SETTING, *(asked(f"c{number}", f"caller-{number}") for number in range(1, 9))]
    steps.append(step("reply", "c4", "coordinator", "caller-4", message="A", blocked=0.25))
    assert drawn(steps).splitlines()[-4:] == [
        "     time  call kind     callers         coordinator           websocket message",
        ' +0.000 s  c7   call     ├─caller-7──────────►│                    │     greet "A"',
        ' +0.000 s  c8   call     ├─caller-8──────────►│                    │     greet "A"',
        ' +0.000 s  c4   reply    ┃◄caller-4┈┈┈┈┈┈┈┈┈┈┈┤                    │     "A"   blocked 250 ms',
    ]


def test_callers_that_come_one_after_the_other_have_few_headings() -> None:
    steps = [*SETTING]
    for number in range(1, 50):
        call, caller = f"c{number}", f"caller-{number}"
        steps += [asked(call, caller), step("reply", call, "coordinator", caller, message="A")]
    assert drawn(steps).count("time") == 9
    again = [*SETTING]
    for number in range(1, 50):
        call = f"c{number}"
        again += [asked(call), step("reply", call, "coordinator", "caller", message="A")]
    assert drawn(again).count("time") == 1


def test_a_caller_that_comes_again_has_its_lane_again() -> None:
    steps = [*SETTING, asked("c1"), asked("c2", "caller-2")]
    steps.append(step("reply", "c1", "coordinator", "caller", message="A"))
    steps.append(step("reply", "c2", "coordinator", "caller-2", message="A"))
    rows = drawn([*steps, asked("c3", "caller-2")]).splitlines()
    assert rows[-1].index("├") == rows[-2].index("◄") - 1


def test_a_lane_that_another_caller_takes_has_its_name() -> None:
    steps = [*SETTING]
    for number in range(1, 5):
        call, caller = f"c{number}", f"caller-{number}"
        steps += [asked(call, caller), step("reply", call, "coordinator", caller, message="A")]
    assert drawn(steps).splitlines()[-3:] == [
        "     time  call kind     caller-4 caller-2   caller-3   coordinator  websocket message",
        ' +0.000 s  c4   call     ├──────────────────────────────────►│           │     greet "A"',
        ' +0.000 s  c4   reply    │◄┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┤           │     "A"',
    ]


def test_a_late_answer_names_the_caller_whose_lane_another_has_taken() -> None:
    steps = [*SETTING]
    for number in range(1, 5):
        gave_up = step("timeout", f"c{number}", f"caller-{number}", "coordinator", blocked=1.0)
        steps += [asked(f"c{number}", f"caller-{number}"), gave_up]
    late = step("late", "c1", "coordinator", "caller-1", message="A", ago=0.5)
    assert "×◄caller-1┈" in drawn([*steps, late]).splitlines()[-1]


def test_a_faint_arrow_goes_to_the_caller_that_should_have_had_a_wrong_answer() -> None:
    steps = [*SETTING, asked("c1"), asked("c2", "caller-2"), asked("c3", "caller-3")]
    wrong = {"message": "A", "blocked": 0.1}
    to_third = step("reply", "c3", "coordinator", "caller-3", for_="c1", **wrong)
    to_first = step("reply", "c1", "coordinator", "caller", for_="c2", **wrong)
    assert [
        row[25:75].rstrip() for row in drawn([*steps, to_third, to_first]).splitlines()[-2:]
    ] == [
        "┃◁· · · · · ┃ · · · · · !◄┈┈┈┈┈┈┈┈┈┈┤           │",
        "!◄┈┈┈┈┈┈┈┈┈┈┃◁┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┤           │",
    ]


def test_a_restart_takes_the_lanes_of_the_dead() -> None:
    steps = [
        *GREETING,
        step("exit", at="coordinator", reason="x"),
        step("exit", at="websocket", reason="x", link="coordinator"),
    ]
    steps += [
        step("start", at="coordinator-2", module="Coordinator"),
        step("start", at="websocket-2", module="WebSocket"),
    ]
    assert [line.split()[3:-1] for line in drawn(steps).splitlines() if "time" in line] == [
        ["caller", "coordinator", "websocket"],
        ["caller", "coordinator-2"],
        ["caller", "coordinator-2", "websocket-2"],
    ]  # fmt: skip


def test_a_server_that_waits_for_another_is_a_blocked_caller_too() -> None:
    steps = [
        step("call", "c1", "a", "b", message=["x"]),
        step("noreply", "c1", at="b", waiting=["c1"]),
    ]
    assert (
        drawn(steps).splitlines()[-1].startswith(" +0.000 s  c1   noreply  ┃                    ■")
    )


def test_a_server_that_is_deaf_differs_from_one_that_keeps_its_callers() -> None:
    states = [
        step("state", at="coordinator", state={}, keeps=[]),
        step("state", "c1", at="coordinator", state={}, keeps=["c1"], cause=1),
    ]
    beginning = [*SETTING, states[0], asked("c1")]
    second, late = asked("c2", "caller-2"), step("mark", label="meanwhile")
    keeping = drawn([*beginning, states[1], second, late]).splitlines()
    deaf = drawn([*beginning, second, late]).splitlines()
    assert [row[25:65].rstrip() for row in (deaf[1], deaf[-1])] == [
        "├───────────────────►║", "┃               ┃               ║"
    ]  # fmt: skip
    forgot = step("state", "c2", at="coordinator", state={}, keeps=["c2"], forgot=["c1"], cause=1)
    assert [row[25:65].rstrip() for row in keeping[-2:]] == [
        "┃               ├──────────────►║", "┃               ┃               ║"
    ]  # fmt: skip
    kept = drawn([*beginning, states[1], second, forgot, late]).splitlines()[-1]
    assert kept[25:65].rstrip() == "┃               ┃               □"
    answered = step("reply", "c2", "coordinator", "caller-2", message="A", blocked=0.1)
    nobody = drawn([*beginning, states[1], second, forgot, answered, late]).splitlines()[-1]
    assert nobody[25:65].rstrip() == "┃               │               │"  # c1 waits in vain


def test_a_message_to_oneself_turns_round() -> None:
    assert last([step("info", None, "websocket", "websocket", message=["timeout"])]) == (
        " +0.000 s  -    info     │                    ├╮    timeout"
    )


def test_more_servers_than_there_is_room_for_share_the_last_lane() -> None:
    steps = [
        step("call", f"c{number}", "caller", f"server-{number}", message=["x"])
        for number in range(1, 20)
    ]
    assert drawn(steps, 100).splitlines()[-16:-13] == [
        "     time  call kind  caller server-1 server-2 server-3      others  message",
        " +0.000 s  c5   call     ├─────────────────────────────server-5►│    x",
        " +0.000 s  c6   call     ├─────────────────────────────server-6►│    x",
    ]


def test_long_names_of_calls_widen_their_column_and_the_header_says_so() -> None:
    rows = drawn([*SETTING, asked("c1"), asked("c123456")]).splitlines()
    assert [row[:36] for row in rows] == [
        "     time  call kind     caller     ",
        " +0.000 s  c1   call     ├──────────",
        "     time  call    kind     caller  ",
        " +0.000 s  c123456 call     ├───────",
    ]


# Room.


def test_the_view_follows_the_width() -> None:
    assert [view_for(width) for width in (100, 72, 71, 60, 59)] == [
        "wide",
        "wide",
        "narrow",
        "narrow",
        "smallest",
    ]


def test_a_long_message_is_cut_and_the_news_behind_it_is_kept() -> None:
    wrong = step(
        "reply", "c6", "coordinator", "caller", t=0.4, message="A" * 1000, blocked=0.1, for_="c5"
    )
    assert last([asked("c6"), wrong], 112).endswith('│     "AAAAAAAAAAAAAA…   WRONG CALLER, not c5')
    assert last([asked("c6"), wrong], 60).endswith('"AAAAA… WRONG CALLER, not c5')
    assert "A" * 1000 in plain_line(wrong)


def test_wide_characters_take_their_cells() -> None:
    steps = [*SETTING, step("call", "c1", "caller", "coordinator", message=["greet", "中文" * 40])]
    row = drawn(steps, 100).splitlines()[-1]
    assert row.endswith("…")
    assert cell_len(row) in {99, 100}


def test_the_clock_gives_up_decimals_before_its_column() -> None:
    rows = [
        Timeline(100).lines(step("mark", t=t, label="x"))[-1][:10]
        for t in (9.9996, 99.9999, 1234.5678, 1234567.0)
    ]
    assert rows == ["+10.000 s ", "+100.00 s ", "+1234.6 s ", "+1234567 s"]


def test_cropping_says_that_there_was_more() -> None:
    assert [crop("Hello", room) for room in (9, 5, 4, 1, 0)] == ["Hello", "Hello", "Hel…", "…", ""]
    assert [crop("Hello", room, "...") for room in (5, 4, 3, 2, 0)] == [
        "Hello",
        "H...",
        "...",
        "..",
        "",
    ]


# Laws.

ODD = st.sampled_from('中👩👧e1\u0301\u200d\ufe0f\x1b\n\t\u202e"\\[')
TEXT = st.text(st.characters(exclude_categories=()) | ODD, max_size=30)
NAMES = (
    st.sampled_from(
        [
            "caller",
            "caller-2",
            "caller-3",
            "caller-4",
            "caller-99",
            "coordinator",
            "websocket",
            "中文",
        ]
    )
    | TEXT
)
CALLS = st.integers(1, 5).map("c{}".format)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=6,
)
SECONDS = st.floats(0, 1e9)
DETAILS = st.fixed_dictionaries({}, optional={
    "module": TEXT, "linked": NAMES, "timeout": st.none() | SECONDS,
    "waiting": st.lists(CALLS, max_size=3), "blocked": SECONDS, "ago": SECONDS,
    "for": CALLS, "went_to": CALLS, "went_at": SECONDS,
    "error": TEXT, "reason": TEXT, "link": NAMES, "what": TEXT, "label": TEXT,
    "calls": st.integers(0), "dropped": st.integers(0), "unheard": JSON,
})  # fmt: skip
STEPS = st.builds(
    Step,
    seq=st.just(1),
    t=SECONDS,
    kind=st.sampled_from(sorted(KINDS)) | TEXT,
    call=st.none() | CALLS | TEXT,
    source=st.none() | NAMES,
    target=st.none() | NAMES,
    at=st.none() | NAMES,
    message=st.just(NO_MESSAGE) | JSON | st.lists(TEXT, max_size=3),
    details=DETAILS,
)
STEERING = {"Cc", "Cs", "Zl", "Zp"}
BIDI = set("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")


def is_harmless(text: str) -> bool:
    return not any(
        unicodedata.category(character) in STEERING or character in BIDI for character in text
    )


@given(
    st.lists(STEPS, max_size=12),
    st.integers(1, 140),
    st.sampled_from(["wide", "narrow", "smallest", None]),
    st.booleans(),
)
@settings(max_examples=200)
def test_no_row_is_wider_than_the_terminal(
    steps: list[Step], width: int, view: View | None, ascii_only: bool
) -> None:
    timeline = Timeline(width, view, ascii_only=ascii_only)
    for each in steps:
        for row in timeline.rows(each):
            assert cell_len(row.plain) <= width


@given(st.lists(STEPS, max_size=6), st.sampled_from(VIEWS), st.booleans())
@example([step("crash", "\x1b[2J", at="\u202e", error="\ud800\n")], "wide", False)
def test_nothing_from_outside_steers_a_terminal(
    steps: list[Step], view: View, ascii_only: bool
) -> None:
    timeline = Timeline(112, view, ascii_only=ascii_only)
    assert all(is_harmless(line) for each in steps for line in timeline.lines(each))


@settings(max_examples=30)
@given(st.lists(STEPS, max_size=8), st.sampled_from(VIEWS))
def test_what_was_drawn_stays_whatever_comes_after(steps: list[Step], view: View) -> None:
    whole = drawn(steps, 112, view)
    assert whole.startswith(drawn(steps[: len(steps) // 2], 112, view))


@given(st.lists(STEPS, max_size=6), st.sampled_from(VIEWS))
def test_rows_for_rich_say_what_the_lines_say(steps: list[Step], view: View) -> None:
    timeline, again = Timeline(112, view), Timeline(112, view)
    assert [row.plain for each in steps for row in timeline.rows(each)] == [
        line for each in steps for line in again.lines(each)
    ]


@given(STEPS)
def test_plain_and_accessible_are_one_line_each(each: Step) -> None:
    assert len(plain_line(each).splitlines()) == len(accessible_line(each).splitlines()) == 1


FAILURES = [
    (
        step(
            "reply",
            "c123",
            "coordinator",
            "caller-2",
            message="A to you too!",
            blocked=0.19,
            for_="c122",
        ),
        "WRONG CALLER",
    ),
    (step("timeout", "c123", "caller", "coordinator", blocked=5.0), "gave up"),
    (
        step("timeout", "c123", "caller", "coordinator", blocked=5.0, went_to="c124", went_at=0.25),
        "c124",
    ),
    (step("cancel", "c123", "caller", "coordinator", blocked=12.5), "cancelled"),
    (
        step("late", "c123", "coordinator", "caller", message="A to you too!", ago=0.5, for_="c1"),
        "dropped",
    ),
    (
        step(
            "duplicate",
            "c123",
            "coordinator",
            "caller",
            message="A to you too!",
            ago=0.5,
            for_="c1",
        ),
        "dropped",
    ),
    (step("lost", "c123", "coordinator", "websocket", message=["send_message", "A"]), "lost"),
    (
        step("crash", "c123", at="websocket", error="RuntimeError: injected by --fault crash"),
        "injected by",
    ),
    (step("exit", "c123", at="websocket", reason="RuntimeError: no more of this"), "no more of"),
    (
        step(
            "reply", "c123", "coordinator", "caller", blocked=1.5, message={"raise": "OSError: no"}
        ),
        "OSError: no",
    ),
    (
        step("exit", "c123", at="coordinator", reason="RuntimeError: boom", link="websocket"),
        "linked",
    ),
    (
        step("down", "c123", "coordinator", "caller", reason="RuntimeError: boom", blocked=12.5),
        "died",
    ),
    (
        step("down", "c123", "coordinator", "caller", reason="noproc", blocked=0.0),
        "nobody is there",
    ),
    (step("fault", "c123", at="websocket", what="duplicate"), "duplicate"),
]


@pytest.mark.parametrize(("failure", "keyword"), FAILURES)
@pytest.mark.parametrize("width", [40, 59, 60, 80, 99, 100, 120])
def test_what_has_gone_wrong_is_said_whole_however_little_room_there_is(
    failure: Step, keyword: str, width: int
) -> None:
    assert keyword in last([asked("c122"), asked("c123"), failure], width)


def test_the_lane_of_a_process_that_has_ended_ends_until_it_is_started_again() -> None:
    steps = [
        asked("c1"),
        step("crash", "c1", at="websocket", error="boom"),
        step("exit", "c1", at="websocket", reason="boom"),
        step("exit", "c1", at="coordinator", reason="boom", link="websocket"),
        step("down", "c1", "coordinator", "caller", reason="boom", blocked=0.1),
        step("mark", label="all is quiet"),
        step("start", at="coordinator", module="Coordinator"),
        step("mark", label="and goes on"),
    ]
    assert [line[25:70].rstrip() for line in drawn([*SETTING, *steps], 112).splitlines()[2:]] == [
        "┃                    │                    ×",
        "┃                    ×◄┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┤",
        "│◄┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈×",
        "│",
        "│                    ●",
        "│                    │",
    ]


@given(st.sampled_from(sorted(KINDS)), st.integers(1, 140), st.text(st.characters(codec="ascii")))
def test_with_ascii_glyphs_only_the_text_of_others_may_be_anything_else(
    kind: str, width: int, text: str
) -> None:
    said = dict.fromkeys(["error", "reason", "label", "link", "what", "for"], text)
    each = step(kind, text, text, text, message=[text], waiting=[text], blocked=0.1, **said)
    for view in VIEWS:
        assert drawn([*SETTING, each], width, view, ascii_only=True).isascii()


def test_colours_are_those_of_the_kind() -> None:
    def styles(each: Step) -> set[str]:
        row = Timeline(120).rows(each)[-1]
        return {str(span.style) for span in row.spans if span.style != "dim"}

    assert styles(asked("c1")) == {"cyan"}
    assert styles(step("reply", "c1", "coordinator", "caller", message="A", blocked=0.1)) == {
        "bold green"
    }
    assert styles(
        step("reply", "c1", "coordinator", "caller", message="A", blocked=0.1, for_="c2")
    ) == {"bold red"}
    assert styles(step("timeout", "c1", "caller", "coordinator", blocked=5.0)) == {"bold red"}


def test_a_console_of_rich_prints_the_rows_as_they_are() -> None:
    for width in (112, 80, 40):
        file = io.StringIO()
        console = Console(file=file, width=width, markup=False, emoji=False, highlight=False)
        timeline = Timeline(width)
        for each in GREETING:
            for row in timeline.rows(each):
                console.print(row)
        assert file.getvalue().rstrip("\n") == drawn(GREETING, width)


def test_markup_of_the_user_is_text() -> None:
    row = Timeline(120).rows(step("mark", label="[red]:smile:[/]"))[-1]
    assert isinstance(row, Text)
    assert row.plain.endswith("[red]:smile:[/]")


def test_plain_lines_are_made_without_rich() -> None:
    code = (
        "import sys\n"
        "from genreply_cli.timeline.timeline import Timeline\n"
        "from genreply_cli.transcript.step import Step\n"
        "step = Step(1, 0.0, 'mark', details={'label': '\\u4e2d'})\n"
        "for view in ('plain', 'accessible'):\n"
        "    Timeline(80, view).lines(step)\n"
        "print(' '.join(sys.modules))"
    )
    loaded = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    ).stdout.split()
    assert not {"rich", "asyncio", "prompt_toolkit", "typer"} & set(loaded)


def test_the_names_of_the_lanes_are_drawn_again_with_a_call_after_so_many_rows() -> None:
    timeline = Timeline()
    timeline.max_rows_below = 3
    rows = []
    for number in range(1, 5):
        for each in (asked(f"c{number}"), step("reply", f"c{number}", "coordinator", "caller")):
            rows += timeline.lines(each)
    assert ["time" if "time" in row else row.split()[2] for row in rows] == [
        "time", "c1", "c1", "c2", "c2", "time", "c3", "c3", "c4", "c4",
    ]  # fmt: skip
