"""What `genreply trace` prints: any part of a transcript, in any view, as events or counted."""

import json
from pathlib import Path

import pytest
from commands import genreply

from genreply_cli.paths import samples


@pytest.mark.parametrize("name", samples())
def test_the_events_of_a_transcript_are_the_transcript(name: str) -> None:
    assert genreply("trace", name, "--events").out == samples()[name].read_text()


def test_events_are_a_transcript_again_on_stdin_too() -> None:
    some = genreply(
        "trace",
        "-",
        "--events",
        "--kind",
        "call",
        "--kind",
        "reply",
        stdin=samples()["hello"].read_bytes(),
    ).out
    assert [json.loads(line).get("kind", "header") for line in some.splitlines()] == [
        "header",
        "call",
        "reply",
    ]
    again = genreply("trace", "-", "--print", stdin=some.encode())
    assert again.out == (
        '0.000000 c1 call caller -> coordinator: greet "Hello world"\n'
        '0.250000 c1 reply coordinator -> caller: "Hello world to you too!" (blocked 0.250 s)\n'
    )


def test_filters_go_together_and_shift_no_times() -> None:
    done = genreply(
        "trace", "late", "--call", "c1", "--call", "c3", "--from", "100ms", "--to", "0.3"
    )
    assert [" ".join(line.split()[:3]).rstrip(":") for line in done.out.splitlines()] == [
        "0.100000 c1 timeout", "0.300000 c1 info", "0.300000 c1 late"
    ]  # fmt: skip


def test_a_call_is_shown_with_what_became_of_its_answer_and_with_what_led_to_its_own() -> None:
    sample = samples()["overlap-single"]
    rows = [genreply("trace", "overlap-single", "--call", call).out for call in ("c1", "c3")]
    assert rows[0].splitlines()[3:] == [
        '0.030000 c2 call caller-2 -> coordinator: greet "B"',
        (
            "0.030000 c2 forget coordinator: c1 forgotten:"
            " nothing in the coordinator leads to it any more"
        ),
        '0.250000 c1 info websocket -> coordinator: message_received "A to you too!"',
        '0.250000 c3 reply coordinator -> caller-3: "A to you too!" (WRONG CALLER: asked by c1)',
        "1.000000 c1 timeout caller: gave up; its answer went to c3 at +0.250 s",
    ]
    kinds = [" ".join(row.split()[1:3]).rstrip(":") for row in rows[1].splitlines()]
    assert [kind for kind in kinds if " state" not in kind and " forget" not in kind] == [
        "c3 call", "c3 cast", "c3 noreply", "c1 info", "c3 reply", "c2 info", "c3 duplicate",
        "c3 info", "c3 duplicate", "c1 timeout", "c2 timeout",
    ]  # fmt: skip
    for call, expected in zip(("c1", "c3"), rows, strict=True):
        piped = genreply("trace", "-", "--print", "--call", call, stdin=sample.read_bytes())
        assert piped.out == expected
        text = genreply("trace", "overlap-single", "--as", "text", "--call", call)
        assert text.out == expected


def test_what_a_filter_skips_is_followed_all_the_same() -> None:
    whole = genreply("trace", "overlap-single", "--view", "wide").out.splitlines()
    for flags in (["--call", "c3"], ["--kind", "reply"], ["--from", "0.2"], ["--to", "0.2"]):
        part = genreply("trace", "overlap-single", "--view", "wide", *flags).out.splitlines()
        assert len(part) > 1
        assert set(part) <= set(whole)


def test_forgotten_callers_are_found_by_the_word_of_their_rows() -> None:
    done = genreply("trace", "overlap-single", "--kind", "forget")
    assert [line.split(":")[0] for line in done.out.splitlines()] == [
        "0.030000 c2 forget coordinator", "0.060000 c3 forget coordinator"
    ]  # fmt: skip


def test_a_hint_can_be_pasted(tmp_path: Path) -> None:
    bad = tmp_path / "a b.jsonl"
    bad.write_bytes(samples()["hello"].read_bytes() + b"bad\nbad\n")
    assert f"genreply trace '{bad}' --check" in genreply("trace", str(bad)).err
    assert "genreply trace" not in genreply("trace", "-", stdin=bad.read_bytes()).err


def test_it_is_told_if_nothing_passes() -> None:
    done = genreply("trace", "late", "--call", "c9")
    assert (done.code, done.out, done.err) == (0, "", "note: no event passes --call c9\n")


@pytest.mark.parametrize("view", ["wide", "narrow", "smallest", "plain", "accessible"])
def test_every_view_can_be_printed(view: str) -> None:
    done = genreply("trace", "hello", "--view", view)
    assert "Hello world to you too!" in done.out
    assert "\x1b" not in done.out


def test_numbers_can_be_had_of_a_part_and_as_json() -> None:
    told = genreply("trace", "late", "--stats").out.splitlines()
    assert told[:2] == ["calls                  2   in 900 ms", "  replied               1"]
    values = json.loads(genreply("trace", "late", "--stats", "--json", "--call", "c1").out)
    assert values["outcomes"]["timed_out"] == values["calls"] == 1
    assert values["longest"] == {"call": "c1", "seconds": 0.1}


@pytest.mark.parametrize(
    ("arguments", "code", "sentence"),
    [
        (["lat"], 5, "did you mean the sample late? try: genreply trace late"),
        (["no/such.jsonl"], 5, "genreply trace --list shows the samples"),
        (["late", "--kind", "replay"], 2, "did you mean reply?"),
        (["late", "--from", "soon"], 2, "expected something like 250ms, 1.5s or 2"),
        (["late", "--json"], 2, "--json is for --stats or --check, which is missing"),
        (
            ["late", "--print", "--stats"],
            2,
            "--print and --stats exclude each other; give one of them",
        ),
        (
            ["late", "--check", "--call", "c1"],
            2,
            "--check looks at the whole transcript; leave out --call",
        ),
    ],
)
def test_what_cannot_be_done_gets_a_sentence(
    arguments: list[str], code: int, sentence: str
) -> None:
    done = genreply("trace", *arguments)
    assert (done.code, done.out) == (code, "")
    assert sentence in done.err


def test_a_transcript_that_breaks_off_is_printed_up_to_there(tmp_path: Path) -> None:
    path = tmp_path / "it.jsonl"
    path.write_text(samples()["hello"].read_text().replace('"t":0.250000', '"t":"soon"', 1))
    done = genreply("trace", path)
    assert done.code == 5
    assert len(done.out.splitlines()) == 6
    assert done.err.startswith(f'error: {path}, line 11, field "t": expected a number of seconds')


def test_all_calls_that_are_asked_for_are_explained_in_the_order_of_asking() -> None:
    done = genreply("trace", "overlap-single", "--explain", "--call", "c3", "--call", "c1")
    titles = [line for line in done.out.splitlines() if line.startswith("c")]
    assert titles == ['c1: greet "A"', 'c3: greet "C"']
    assert done.code == 0


@pytest.mark.parametrize("part", [["--kind", "reply"], ["--from", "1s"], ["--to", "1s"]])
def test_a_story_is_told_whole_or_not_at_all(part: list[str]) -> None:
    done = genreply("trace", "late", "--explain", *part)
    assert (done.code, done.out) == (2, "")
    assert "--explain tells the whole story of a call; leave out --kind" in done.err


def test_a_check_as_json_is_one_object() -> None:
    events = len(genreply("trace", "late", "--events").out.splitlines()) - 1
    done = genreply("trace", "late", "--check", "--json")
    expected = {"valid": True, "events": events, "calls": 2, "findings": [], "notes": []}
    assert (done.code, json.loads(done.out), done.err) == (0, expected, "")
    lines = genreply("trace", "late", "--events").out.replace('"ago":0.2', '"ago":0.1')
    forged = genreply("trace", "-", "--check", "--json", stdin=lines.encode())
    result = json.loads(forged.out)
    assert (forged.code, result["valid"]) == (5, False)
    (finding,) = result["findings"]
    assert finding["field"] == "ago"
    assert (
        finding["problem"] == "expected 0.200000, the time since the call has ended; found 0.100000"
    )


def test_a_recording_that_is_broken_in_the_middle_of_a_line_can_be_salvaged(tmp_path: Path) -> None:
    lines = samples()["late"].read_bytes().splitlines(keepends=True)
    broken = tmp_path / "broken.jsonl"
    broken.write_bytes(b"".join([*lines[:6], lines[6][:30] + b"\xff\x00\n", *lines[7:]]))
    assert genreply("trace", broken).code == 5
    whole = genreply("trace", "late").out.splitlines()
    salvaged = genreply("trace", broken, "--skip-bad")
    assert salvaged.code == 0
    assert len(set(whole) - set(salvaged.out.splitlines())) <= 1
    assert "note: left out: " in salvaged.err
    assert "line 7" in salvaged.err
    assert genreply("trace", broken, "--skip-bad", "--call", "c2").code == 0
    assert genreply("trace", broken, "--skip-bad", "--stats").code == 0
    assert genreply("trace", broken, "--skip-bad", "--check").code == 2
