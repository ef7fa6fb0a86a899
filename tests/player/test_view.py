"""The picture of the player, drawn without a terminal."""

from collections.abc import Iterator
from dataclasses import replace
from itertools import takewhile

import pytest
from hypothesis import given
from hypothesis import strategies as st
from recordings import index_at, index_of, index_of_lines, many, read_all, steps_of

from genreply_cli import paths as kept
from genreply_cli.player.keys import Search, press, select
from genreply_cli.player.panels import Style, describe_snapshot, scrubber
from genreply_cli.player.state import State
from genreply_cli.player.view import render
from genreply_cli.text import cells
from genreply_cli.timeline.kinds import is_drawn
from genreply_cli.timeline.timeline import Timeline, view_for
from genreply_cli.transcript.filters import Filters
from genreply_cli.transcript.format import to_line
from genreply_cli.transcript.index import Index
from genreply_cli.transcript.snapshot import Snapshot
from genreply_cli.transcript.step import Step

SAMPLES = {name: read_all(index_at(path)) for name, path in kept.samples().items()}
LONG = read_all(index_of(many(600)))


STEERING = {chr(code) for code in (*range(0x20), *range(0x7F, 0xA0), 0x202E)}


def at(number: int, **more: object) -> State:
    return State(number=number, playing=False, **more)  # type: ignore[arg-type]


def drawn(
    state: State, index: Index, width: int = 120, height: int = 30, style: Style | None = None
) -> list[str]:
    """The screen as text, without the blanks at the ends of its rows."""
    rows = render(state, index, width, height, style or Style()).rows
    return ["".join(text for text, _ in row).rstrip() for row in rows]


def test_the_whole_picture() -> None:
    assert "\n".join(drawn(at(9), SAMPLES["hello"], height=15)) == PICTURE


PICTURE = """\
 REPLAY hello.jsonl                                               paused    1x    event 10 of 12    +0.250 s of 0.250 s
      time  call kind     caller          coordinator           websocket message
  +0.000 s  c1   call     ├───────────────────►║                    │     greet "Hello world"
  +0.000 s  c1   cast     ┃                    ╟───────────────────►│     send_message "Hello world"
  +0.000 s  c1   noreply  ┃                    ■                    │     caller c1 kept, not answered; 1 waiting
  +0.100 s  -    mark     ┃                    □                    │     the caller waits; the server is free
> +0.250 s  c1   info     ┃                    □◄───────────────────┤     message_received "Hello world to you too!"
  +0.250 s  c1   reply    │◄┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┤                    │     "Hello world to you too!"   blocked 250 ms
  +0.250 s  -    end      │                    │                    │     replied 1
 ━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━●─────────────────────────────
 state here: the coordinator keeps c1 (0.250 s)   answered 0   timed out 0   dropped 0
 why: websocket sends a message to coordinator, and nothing to the caller: message_received "Hello world to you too!".
 Next, handle_info of coordinator sees it; reply(from, ...) unblocks c1.

 space play   . next   , back   [ ] marker   0-9 jump   + - speed   c call   b cause   / find   e why   ? keys   q quit"""  # noqa: E501


@pytest.mark.parametrize("name", SAMPLES)
@pytest.mark.parametrize("width", [120, 80, 40])
def test_each_place_is_drawn_as_by_a_replay_from_the_start(name: str, width: int) -> None:
    index, steps = SAMPLES[name], steps_of(kept.samples()[name])
    timeline, standing = Timeline(width - 1, view_for(width), entire=True), Snapshot()
    started = Snapshot()
    for step in takewhile(lambda step: step.kind in {"start", "state"}, steps):
        started.update(step)
    timeline.go_on_from(started)
    rows: list[str] = []
    for number, step in enumerate(steps):
        rows += timeline.lines(step)
        if not is_drawn(step):
            continue
        for each in (step, *takewhile(lambda each: not is_drawn(each), steps[number + 1 :])):
            standing.update(each)
        screen = drawn(at(number), index, width, 60)
        seen = screen[1 : len(rows) + 1]
        assert [row[1:] for row in seen] == rows, (number, screen)
        assert [row[0] for row in seen] == [*" " * (len(rows) - 1), ">"]
        told = f" state here: {describe_snapshot(standing, step.t)} why: "
        assert " ".join(told.split()) in " ".join(" ".join(screen).split())


def test_what_is_still_to_come_is_dimmed_below_the_current_event() -> None:
    rows = render(at(12), SAMPLES["overlap-single"], 120, 24).rows
    [here] = [place for place, row in enumerate(rows) if row and row[0][0] == ">"]
    to_come = rows[here + 1 : here + 4]
    assert [{look for text, look in row if text.strip()} for row in to_come] == [{"dim"}] * 3
    assert "c3   cast" in "".join(text for text, _ in to_come[0])


def test_the_scrubber_shows_where_one_is_and_where_the_failures_are() -> None:
    index = read_all(index_of(many(30)))
    style = Style(failures=[0, index.total - 1])
    assert scrubber(at(0), index, 22, style) == [
        (" ", ""), ("●", "bold red"), ("─" * 18, "dim"), ("!", "red"),
    ]  # fmt: skip
    half = "".join(text for text, _ in scrubber(at(index.total // 2), index, 22, style))
    assert half == f" !{'━' * 8}●{'─' * 9}!"
    assert scrubber(at(0), index, 9, style) == []


def test_why_is_shown_with_the_lines_of_both_languages() -> None:
    index = SAMPLES["hello"]
    wide = drawn(at(9, explanation="code"), index)
    assert any("Python, websocket.py:" in row and "│ Elixir, coord" in row for row in wide)
    below = drawn(at(9, explanation="code"), index, 80, 30)
    [python] = [place for place, row in enumerate(below) if "Python, websocket.py:" in row]
    assert below[python + 1].strip() == "state.caller.send(MessageReceived(response))"
    assert "Elixir, coordinators.exs:" in below[python + 2]


@given(
    st.integers(0, LONG.total - 1), st.integers(1, 140), st.integers(1, 50),
    st.sampled_from(["", "keys", "payload"]), st.sampled_from([None, "", "Hello", "你好" * 30]),
    st.booleans(), st.sampled_from(["why", "code", "none"]),
)  # fmt: skip
def test_it_fits_any_screen(
    number: int,
    width: int,
    height: int,
    shown: str,
    typing: str | None,
    ascii_only: bool,
    why: str,
) -> None:
    state = at(number, overlay=shown, search_input=typing, explanation=why, scroll=3)
    rows = render(state, LONG, width, height, Style(ascii_only=ascii_only)).rows
    assert len(rows) == height
    for row in rows:
        text = "".join(text for text, _ in row)
        assert cells(text) <= width
        assert not ascii_only or typing or text.isascii()
    if not shown and height > 1 and width > 20:
        assert any(row and row[0][0] == ">" for row in rows)


def test_a_place_deep_in_a_long_recording_is_drawn_like_any_other() -> None:
    screen = drawn(at(2000), LONG)
    assert screen[1].split() == [
        "time",
        "call",
        "kind",
        "caller",
        "caller-2",
        "caller-3",
        "coordinator",
        "websocket",
        "message",
    ]
    assert [row[0] for row in screen[2:26] if row.startswith(">")] == [">"]
    assert sum("┃" in row for row in screen) > 10  # who was blocked before is known


def found(search: Search) -> State:
    """The state to which a search leads."""

    def run() -> Iterator[object]:
        yield (yield from search)

    *_, state = run()
    assert isinstance(state, State)
    return state


@pytest.mark.parametrize("name", SAMPLES)
def test_what_a_filter_leaves_out_is_followed_all_the_same(name: str) -> None:
    index = SAMPLES[name]
    for call in {step.call for step in index.steps(0) if step.call is not None}:
        state = found(select(at(0), index, Filters(frozenset({call})), call))
        assert state.call_filter is not None
        for number in state.call_filter.numbers:
            rows = drawn(replace(state, number=number), index, height=60)
            whole = drawn(at(number), index, height=60)
            current = next(row for row in rows if row.startswith(">"))
            assert current in whole


def test_before_all_is_read_it_is_said_that_things_are_not_known() -> None:
    index = index_of(many(3000))
    while not index.counted:
        next(index.scan())
    screen = drawn(at(index.total - 5), index)
    assert any(row.startswith(">") for row in screen)
    assert " state: still reading (10 %)" in screen
    read_all(index)
    assert any(
        row.startswith(" state here: waiting at the coordinator")
        for row in drawn(at(index.total - 5), index)
    )


def test_hostile_text_stays_text() -> None:
    evil = "a\x1b[2J\x07\u202e你好 [red]👩\u200d🚀"
    steps = [
        Step(1, 0.0, "call", f"c{evil}", f"caller{evil}", f"to{evil}", message=["greet", evil]),
        Step(2, 0.0, "noreply", f"c{evil}", at=f"to{evil}"),
        Step(3, 0.0, f"kind{evil}", f"c{evil}", at=evil, details={evil: {evil: [evil] * 50}}),
    ]
    index = index_of(steps)
    index.name = f"/some/{evil}.jsonl"
    read_all(index)
    for number in range(3):
        for shown in ("", "payload", "keys"):
            for typing in (None, evil):
                for width in (120, 80, 40, 10):
                    text = "\n".join(
                        drawn(
                            at(number, overlay=shown, search_input=typing, search=evil, status=""),
                            index,
                            width,
                            60,
                        )
                    )
                    assert not STEERING & set(text.replace("\n", ""))
    assert "\\x1b[2J" in "".join(drawn(at(2, overlay="payload"), index))


def test_the_payload_is_shown_whole() -> None:
    text = " ".join(f"word{number}" for number in range(400))
    nested = {"list": list(range(60)), "wide": "你好" * 100}
    index = read_all(
        index_of(
            [Step(1, 0.0, "call", "c1", "caller", "coordinator", message=["greet", text, nested])]
        )
    )
    for width in (120, 40):
        first = render(at(0, overlay="payload"), index, width, 20)
        assert first.max_scroll > 0
        seen = []
        for scroll in range(first.max_scroll + 1):
            screen = drawn(at(0, overlay="payload", scroll=scroll), index, width, 20)
            seen += [row for row in screen if row not in seen]
        joined = " ".join(row.strip() for row in seen)
        assert all(f"word{number}" in joined for number in range(400))
        assert "59" in joined
        assert (
            drawn(at(0, overlay="payload", scroll=10**9), index, width, 20) == screen
        )  # and no further


def test_a_giant_payload_is_not_shown_to_the_last_letter() -> None:
    index = read_all(index_of([Step(1, 0.0, "mark", details={"label": "x" * 5_000_000})]))
    screen = drawn(at(0, overlay="payload", scroll=10**9), index)
    assert any("4,800,002 characters more" in row for row in screen)


def test_a_bad_line_is_told_of_at_its_place() -> None:
    line = to_line(Step(1, 0.0, "mark", details={"label": "fine"})).encode() + b"\n"
    index = read_all(index_of_lines(line * 3 + b"nonsense\n" + line))
    assert not any("error:" in row for row in drawn(at(1), index))
    screen = drawn(at(2), index)
    assert any(
        row.startswith("error: made.jsonl, line 5: expected a JSON object") for row in screen
    )
    assert "broken    at the end" in screen[0]


def test_an_interrupted_recording_says_so() -> None:
    index = read_all(index_of([Step(1, 0.0, "mark", details={"label": "fine"})]))
    assert "no end yet    at the end    1x    event 1 of 1" in drawn(at(0), index)[0]


def test_the_status_says_as_much_as_there_is_room_for() -> None:
    index = SAMPLES["late"]
    assert drawn(at(3, speed=0.125), index)[0].endswith(
        "paused    1/8x    event 4 of 20    +0.000 s of 0.900 s"
    )
    assert (
        drawn(State(number=3), index, 60)[0]
        == " REPLAY late.jsonl          playing  1x  4/20  +0.000/0.900"
    )
    assert drawn(State(number=3), index, 40)[0].split() == ["late.jsonl", "playing", "1x", "4/20"]
    assert drawn(State(number=3), index, 20)[0].strip() == "playing 4/20"
    assert drawn(State(number=3), index, 6)[0].strip() == "4/20"
    assert "searching 42 %" in drawn(at(3), index, style=Style(search_progress=0.42))[0]
    assert (
        "+0.150 s of" in drawn(State(number=3), index, style=Style(waited=0.15))[0]
    )  # it goes on between two events


def test_in_words() -> None:
    standing = Snapshot()
    for step in (
        Step(1, 0.0, "call", "c1", "caller", "a"),
        Step(2, 0.0, "call", "c2", "caller-2", "a"),
        Step(3, 0.5, "noreply", "c1", at="a"),
        Step(4, 0.5, "exit", at="b", details={"reason": "x"}),
        Step(5, 1.0, "lost", "c1", "a", "b"),
    ):
        standing.update(step)
    counts = "answered 0   timed out 0   dropped 0   lost 1"
    waiting = "waiting at the a (what it keeps is not recorded): c1 (0.500 s)"
    others = "not handled yet: c2 (1.000 s); the b has ended"
    assert describe_snapshot(standing, 1.0) == f"{waiting}; {others}   {counts}"
    standing.update(Step(6, 1.0, "cast", "c2", "a", "b", cause=2))
    told = describe_snapshot(standing, 1.0)
    assert "c1 (0.500 s); taken up: c2 (1.000 s); the b" in told
    for number in range(3, 9):
        standing.update(Step(number, 1.0, "call", f"c{number}", "caller", "a"))
        standing.update(Step(number, 1.0, "noreply", f"c{number}", at="a"))
    assert "c4 (0.000 s), c5 (0.000 s) and 3 more" in describe_snapshot(standing, 1.0)


@pytest.mark.parametrize(
    ("name", "number", "told"),
    [
        ("overlap-single", 7, "the coordinator keeps c1 (0.000 s)"),
        ("overlap-single", 11, "the coordinator keeps c2 (0.000 s); forgotten: c1 (0.030 s)"),
        (
            "overlap-single", 18,
            "the coordinator keeps c3 (answered); forgotten: c1 (0.250 s), c2 (0.220 s)",
        ),
        ("overlap-single", 26, "the coordinator keeps c3 (answered)"),
        (
            "overlap-keyed", 15,
            "the coordinator keeps c1 (0.060 s), c2 (0.030 s), c3 (0.000 s)",
        ),
        ("overlap-keyed", 18, "the coordinator keeps c2 (0.220 s), c3 (0.190 s)"),
        ("overlap-keyed", 26, "no call waits"),
    ],
)  # fmt: skip
def test_the_state_panel_says_what_the_coordinator_really_keeps(
    name: str, number: int, told: str
) -> None:
    [state] = [row for row in drawn(at(number), SAMPLES[name]) if row.startswith(" state here: ")]
    assert state.startswith(f" state here: {told}   answered")


def test_a_state_that_has_forgotten_no_caller_is_passed_by() -> None:
    index = SAMPLES["overlap-single"]
    places = [0]
    while (following := press(at(places[-1]), index, ".")[0].number) != places[-1]:
        places.append(following)
    kinds = [(step.kind, bool(step.forgot)) for step in map(index.step, places) if step is not None]
    assert ("state", False) not in kinds
    assert kinds.count(("state", True)) == 2
    assert len(places) == sum(is_drawn(step) for step in index.steps(0))
    back = [places[-1]]
    while (before := press(at(back[-1]), index, ",")[0].number) != back[-1]:
        back.append(before)
    assert back == places[::-1]
    every = State(playing=False, states=True)
    assert press(replace(every, number=1), index, ".")[0].number == 2


def test_a_blocking_coordinator_is_said_to_handle_the_call() -> None:
    snapshot = Snapshot()
    for step in (
        Step(1, 0.0, "state", at="a", details={"state": None, "keeps": []}),
        Step(2, 0.0, "call", "c1", "caller", "a"),
        Step(3, 0.0, "call", "c2", "caller-2", "a"),
        Step(4, 0.0, "cast", "c1", "a", "b", cause=2),
    ):
        snapshot.update(step)
    told = describe_snapshot(snapshot, 1.0)
    assert told.startswith("the a is handling c1 (1.000 s); not handled yet: c2 (1.000 s)   ")
