"""A trace keeps to the documented format, whatever the transcript says."""

import json
from typing import Any

from hostile import recordings
from hypothesis import given
from recordings import steps_of

from genreply_cli.export.perfetto import MAX_CAUSES, render
from genreply_cli.paths import samples
from genreply_cli.transcript.format import Header
from genreply_cli.transcript.reader import read
from genreply_cli.transcript.step import Step


def trace_of(steps: list[Step]) -> list[dict[str, Any]]:
    traced: list[dict[str, Any]] = json.loads("".join(render(Header(), steps)))["traceEvents"]
    return traced


def test_a_trace_has_a_track_a_process_slices_for_blocked_callers_and_arrows_for_causes() -> None:
    steps = steps_of(samples()["overlap-single"])
    traced = trace_of(steps)
    tracks = {
        event["tid"]: event["args"]["name"] for event in traced if event["name"] == "thread_name"
    }
    assert sorted(tracks.values()) == [
        "caller",
        "caller-2",
        "caller-3",
        "coordinator",
        "genreply",
        "websocket",
    ]
    slices = [
        (tracks[e["tid"]], e["name"], round(e["ts"]), round(e["dur"]))
        for e in traced
        if e["ph"] == "X" and e["cat"] == "blocked"
    ]
    assert slices == [
        ("caller-3", 'c3 greet "C": wrong caller', 60000, 190000),
        ("caller", 'c1 greet "A": timed out', 0, 1000000),
        ("caller-2", 'c2 greet "B": timed out', 30000, 1000000),
    ]
    assert sum(event["ph"] == "i" for event in traced) == len(steps)
    assert sum(event["ph"] == "s" for event in traced) == sum(
        step.cause is not None for step in steps
    )


@given(recordings)
def test_a_trace_keeps_to_the_documented_format(steps: list[Step]) -> None:
    traced = trace_of(steps)
    named = {event["tid"] for event in traced if event["ph"] == "M"}
    begun: dict[int, float] = {}
    lasting: dict[str, int] = {}  # asynchronous slices that have begun and not ended
    marks = {(event["tid"], event["ts"]) for event in traced if event["ph"] == "i"}
    for event in traced:
        assert {"ph", "pid", "tid", "name"} <= event.keys()
        assert event["tid"] in named
        match event["ph"]:
            case "X":
                assert event["ts"] >= 0
                assert event["dur"] >= 0
            case "b" | "e":
                assert event["id"]
                lasting[event["id"]] = lasting.get(event["id"], 0) + (event["ph"] == "b") * 2 - 1
                assert lasting[event["id"]] in {0, 1}
            case "C":
                assert event["args"]["calls"] >= 0
            case "i":
                assert event["s"] == "t"
            case "s":
                begun[event["id"]] = event["ts"]
                assert (event["tid"], event["ts"]) in marks
            case "f":
                assert event["bp"] == "e"
                assert begun[event["id"]] <= event["ts"]
                assert (event["tid"], event["ts"]) in marks
            case other:
                assert other == "M"


def test_what_happened_at_the_same_time_keeps_its_order_in_a_trace() -> None:
    times = [event["ts"] for event in trace_of(steps_of(samples()["crash"])) if event["ph"] == "i"]
    assert times == sorted(set(times))


def test_a_cause_of_long_ago_has_no_arrow_but_costs_no_memory() -> None:
    steps = [
        Step(seq, 0.0, "mark", cause=1 if seq > 1 else None) for seq in range(1, MAX_CAUSES + 10)
    ]
    assert sum(event["ph"] == "s" for event in trace_of(steps)) == MAX_CAUSES


def test_callers_come_first_and_in_order() -> None:
    traced = trace_of(steps_of(samples()["overlap-single"]))
    names = {e["tid"]: e["args"]["name"] for e in traced if e["name"] == "thread_name"}
    order = {e["tid"]: e["args"]["sort_index"] for e in traced if e["name"] == "thread_sort_index"}
    sorted_names = [names[track] for track in sorted(names, key=lambda track: order[track])]
    assert {"caller", "caller-2", "caller-3"} == set(sorted_names[:3])
    assert sorted_names[3:] == ["coordinator", "websocket", "genreply"]


def test_the_failure_is_named_and_the_header_is_told() -> None:
    header, steps = read(str(samples()["overlap-single"]))
    trace = json.loads("".join(render(header, steps)))
    names = [event["name"] for event in trace["traceEvents"]]
    assert 'c3 reply "A to you too!" (WRONG CALLER: asked by c1)' in names
    assert trace["otherData"]["settings.coordinator"] == "single"
    assert trace["otherData"]["title"] == header.title


def test_a_counter_says_how_many_callers_wait() -> None:
    traced = trace_of(steps_of(samples()["overlap-single"]))
    assert [e["args"]["calls"] for e in traced if e["ph"] == "C"] == [1, 2, 3, 2, 1, 0]


def test_what_a_server_keeps_is_an_asynchronous_slice() -> None:
    def step(seq: int, t: float, kind: str, call: str | None, **more: Any) -> Step:
        return Step(seq, t, kind, call, at="shop", details=more)

    traced = trace_of(
        [
            step(1, 0.0, "start", None, module="Shop"),
            step(2, 1.0, "state", "c1", state={}, keeps=["c1"]),
            step(3, 2.0, "state", "c2", state={}, keeps=["c2"], forgot=["c1"]),
            step(4, 3.0, "exit", None, reason="normal"),
        ]
    )
    kept = [(e["ph"], e["name"], round(e["ts"] / 1e6)) for e in traced if e.get("cat") == "kept"]
    assert kept == [
        ("b", "keeps c1", 1),
        ("e", "keeps c1", 2),
        ("b", "keeps c2", 2),
        ("e", "keeps c2", 3),
    ]


def test_handlers_of_one_server_that_overlap_are_asynchronous_slices_and_none_is_dropped() -> None:
    rows: list[tuple[float, str, str]] = [
        (0.1, "call", "c1"), (0.2, "call", "c2"), (0.3, "call", "c3"),
        (0.4, "reply", "c2"), (0.5, "reply", "c1"), (0.6, "reply", "c3"),
    ]  # fmt: skip
    steps = [
        Step(number, t, kind, call=call, source=f"caller-{call}", target="server", message="x")
        if kind == "call"
        else Step(number, t, kind, call=call, source="server", target=f"caller-{call}", message="y")
        for number, (t, kind, call) in enumerate(rows, 1)
    ]
    handlers = [event for event in trace_of(steps) if event.get("cat") == "handler"]
    assert [(e["ph"], e["name"], round(e["ts"] / 1e6, 1)) for e in handlers] == [
        ("b", "handles c2", 0.2),
        ("e", "handles c2", 0.4),
        ("X", "handles c1", 0.1),
        ("X", "handles c3", 0.5),
    ]
