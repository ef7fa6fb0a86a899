"""Forge one thing in a transcript that is right: it is found, once, and named by its own line."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from commands import genreply

from genreply_cli.paths import samples

Line = dict[str, Any]
Forge = Callable[[list[Line], int], object]

OLD = Path(__file__).parent.parent / "transcript" / "version1"
STATES = {  # a state of the coordinator, as data
    "nothing": {"State": {"async_pid": {"process": "websocket"}, "caller": None}},
    "c2": {"State": {"async_pid": {"process": "websocket"}, "caller": {"call": "c2"}}},
}

# What the samples do not have: a monitor, a message in vain, a caller that was cancelled, an exit
# that was asked for, and a server that is started in a callback.
UNUSUAL = """
{"format":"genreply","version":2,"by":"genreply 0.1.0","clock":"virtual"}
{"seq":1,"t":0.0,"kind":"start","at":"boss","module":"Boss"}
{"seq":2,"t":0.0,"kind":"start","at":"worker","module":"Worker","linked":"boss"}
{"seq":3,"t":0.0,"kind":"call","call":"c1","from":"caller","to":"boss","message":"a","timeout":9.0}
{"seq":4,"t":0.0,"kind":"start","call":"c1","at":"helper","module":"Helper","cause":3}
{"seq":5,"t":0.0,"kind":"cast","call":"c1","from":"boss","to":"helper","message":[{"call":"c1"}],"cause":3}
{"seq":6,"t":0.0,"kind":"noreply","call":"c1","at":"boss","waiting":1,"cause":3}
{"seq":7,"t":1.0,"kind":"call","call":"c2","from":"caller-2","to":"boss","message":"b","timeout":null}
{"seq":8,"t":1.0,"kind":"noreply","call":"c2","at":"boss","waiting":2,"cause":7}
{"seq":9,"t":2.0,"kind":"reply","call":"c1","from":"helper","to":"caller","message":1,"blocked":2.0,"cause":5}
{"seq":10,"t":2.0,"kind":"exit","call":"c1","at":"helper","reason":"normal","cause":5}
{"seq":11,"t":2.0,"kind":"down","call":"c1","from":"helper","to":"worker","reason":"normal","cause":5}
{"seq":12,"t":2.0,"kind":"lost","call":"c1","from":"worker","to":"helper","message":"x","sent":"cast","cause":11}
{"seq":13,"t":3.0,"kind":"cancel","call":"c2","from":"caller-2","to":"boss","timeout":null,"blocked":2.0}
{"seq":14,"t":3.0,"kind":"info","from":"caller-3","to":"boss","message":"c"}
{"seq":15,"t":3.0,"kind":"exit","at":"boss","reason":"boom","cause":14}
{"seq":16,"t":3.0,"kind":"exit","at":"worker","reason":"boom","link":"boss","cause":14}
{"seq":17,"t":3.0,"kind":"end","calls":2,"replied":1,"timed_out":0,"failed":1,"dropped":0}
""".strip()


def sources() -> dict[str, str]:
    """The texts of transcripts that are right, by name."""
    new = {name: path.read_text() for name, path in samples().items()}
    old = {f"old {path.stem}": path.read_text() for path in OLD.glob("*.jsonl")}
    return {**new, **old, "unusual": UNUSUAL}


def put(**fields: Any) -> Forge:
    """The line has these values."""
    return lambda lines, at: lines[at].update(fields)


def put_from(name: str) -> Forge:
    return lambda lines, at: lines[at].update({"from": name})


def put_for(call: str) -> Forge:
    return lambda lines, at: lines[at].update({"for": call})


def take_out(*fields: str) -> Forge:
    """The line lacks these fields."""
    return lambda lines, at: [lines[at].pop(field) for field in fields]


def drop(lines: list[Line], at: int) -> None:
    """The line is missing."""
    del lines[at]


def leave_out(lines: list[Line], at: int) -> None:
    """The line is missing, and this is concealed: later lines have other numbers."""
    gone = lines.pop(at)["seq"]
    for line in lines[at:]:
        line["seq"] -= 1
        if line.get("cause", 0) > gone:
            line["cause"] -= 1


def insert(**fields: Any) -> Forge:
    """There is a line more, and later ones have other numbers."""

    def forge(lines: list[Line], at: int) -> None:
        seq = lines[at]["seq"]
        for line in lines[at:]:
            line["seq"] += 1
            if line.get("cause", 0) >= seq:
                line["cause"] += 1
        lines.insert(at, {"seq": seq, "t": lines[at]["t"], **fields})

    return forge


def repeat(lines: list[Line], at: int) -> None:
    """The line before is there twice."""
    lines.insert(at, dict(lines[at - 1]))


def change_places(lines: list[Line], at: int) -> None:
    """The line and the next one have changed places."""
    lines[at], lines[at + 1] = lines[at + 1], lines[at]


def swap_callers(other: int) -> Forge:
    """Two replies have each other's caller."""

    def forge(lines: list[Line], at: int) -> None:
        first, second = lines[at], lines[other - 1]
        for field in ("call", "to", "blocked"):
            first[field], second[field] = second[field], first[field]
        first["blocked"], second["blocked"] = 0.22, 0.28  # as if it were true

    return forge


class Forgery(NamedTuple):
    """A forgery of a line, with the field that is found in that line, and other findings."""

    source: str
    line: int
    forge: Forge
    field: str
    others: tuple[tuple[int, str], ...] = ()  # where more than one line was forged


# Lines of overlap-single: 2, 3 starts; 6, 10, 14 calls of c1, c2, c3, each with a cast, a state and
# a noreply; 19 info for c1; 20 c3 gets the reply for c1; 21, 23 infos for c2 and c3; 22, 24
# duplicates; 26, 27 c1 and c2 time out; 28 end.
# Lines of late: 6 call of c1, 10 it times out, 12 info, 13 late; 15 call of c2, 20 its reply.
# Lines of crash: 15 fault, 16 crash, 17, 18 exits, 19, 20 downs, 22 call in vain, 23 its down.
# Lines of overlap-keyed: 20, 23, 26 replies, each with a state after it.
# fmt: off
FORGERIES = {
    # whose answer it was
    "for taken out of a wrong reply": Forgery("overlap-single", 20, take_out("for"), "for"),
    "for of another call": Forgery("overlap-single", 20, put_for("c2"), "for"),
    "for of no call": Forgery("overlap-single", 20, put_for("c9"), "for"),
    "for added to a right reply": Forgery("late", 20, put_for("c1"), "for"),
    "for added to a late answer": Forgery("late", 13, put_for("c2"), "for"),
    "for taken out of a duplicate": Forgery("overlap-single", 22, take_out("for"), "for"),
    "for added to a duplicate": Forgery("overlap-single", 24, put_for("c1"), "for"),
    "for taken out, in version 1": Forgery("old overlap-single", 14, take_out("for"), "for"),
    "the callers of two replies swapped":
        Forgery("overlap-keyed", 20, swap_callers(23), "for", ((23, "for"),)),
    "a reply to another caller": Forgery("overlap-single", 20, put(to="caller-2"), "to"),
    "a reply to another call": Forgery("overlap-single", 20, put(call="c2"), "call"),
    "a right reply to another call": Forgery("overlap-keyed", 20, put(call="c2"), "call"),
    "a reply from another process": Forgery("late", 20, put_from("websocket"), "from"),
    "a duplicate from another process":
        Forgery("overlap-single", 22, put_from("websocket"), "from"),
    "a duplicate to another caller": Forgery("overlap-single", 22, put(to="caller-2"), "to"),
    "a duplicate of another call": Forgery("overlap-single", 22, put(call="c1"), "call"),
    "a late answer to another caller": Forgery("late", 13, put(to="caller-2"), "to"),
    "a reply without a message": Forgery("late", 20, take_out("message"), "message"),
    "a reply by one who has passed the call on":
        Forgery("unusual", 10, put_from("worker"), "from"),
    # where the answer went
    "went_to taken out": Forgery("overlap-single", 26, take_out("went_to"), "went_to"),
    "went_to and went_at taken out":
        Forgery("overlap-single", 26, take_out("went_to", "went_at"), "went_to"),
    "went_to of another call": Forgery("overlap-single", 26, put(went_to="c2"), "went_to"),
    "went_to added": Forgery("late", 10, put(went_to="c2", went_at=0.05), "went_to"),
    "went_to added to a cancelled call":
        Forgery("unusual", 14, put(went_to="c1", went_at=2.0), "went_to"),
    "went_at too late": Forgery("overlap-single", 26, put(went_at=0.3), "went_at"),
    "went_at taken out": Forgery("overlap-single", 27, take_out("went_at"), "went_at"),
    # what led to what
    "a cause that is a start": Forgery("late", 20, put(cause=1), "cause"),
    "a cause that is a state": Forgery("late", 20, put(cause=16), "cause"),
    "a cause that is a reply": Forgery("overlap-single", 24, put(cause=19), "cause"),
    "a cause that is a cast to another process":
        Forgery("overlap-single", 20, put(cause=6), "cause"),
    "a cause that is a cast of another call": Forgery("overlap-single", 19, put(cause=10), "call"),
    "a cause that was handled before": Forgery("overlap-single", 15, put(cause=9), "cause"),
    "a cause that was answered before": Forgery("overlap-keyed", 26, put(cause=21), "cause"),
    "a cause to come": Forgery("late", 20, put(cause=20), "cause"),
    "a message of another call": Forgery("overlap-single", 19, put(call="c2"), "call"),
    "a message of no call": Forgery("overlap-single", 19, take_out("call"), "call"),
    "a message from another process":
        Forgery("overlap-single", 19, put_from("coordinator"), "from"),
    "a message from a process that never started":
        Forgery("overlap-single", 19, put_from("ghost"), "from"),
    "a message to a process that never started":
        Forgery("overlap-single", 19, put(to="ghost"), "to"),
    "a message without content": Forgery("late", 7, take_out("message"), "message"),
    # how calls begin and end
    "a call of a name that was used": Forgery("overlap-single", 14, put(call="c2"), "call"),
    "a call of a name to come": Forgery("overlap-single", 14, put(call="c7"), "call"),
    "a call by a caller that waits": Forgery("overlap-single", 14, put_from("caller-2"), "from"),
    "a call by a caller to come": Forgery("overlap-single", 14, put_from("caller-7"), "from"),
    "a call to a process that never started": Forgery("late", 15, put(to="ghost"), "to"),
    "a call without a message": Forgery("late", 15, take_out("message"), "message"),
    "a cast that is a call": Forgery("late", 15, put(kind="cast"), "kind"),
    "a noreply of another process": Forgery("late", 18, put(at="websocket"), "at"),
    "a noreply for a call that has ended": Forgery("late", 18, put(call="c1"), "call"),
    "a noreply for a call that is kept": Forgery("overlap-single", 17, put(call="c1"), "call"),
    "one more that waits": Forgery("overlap-single", 17, put(waiting=4), "waiting"),
    "one more that waits in vain": Forgery("overlap-single", 17, put(in_vain=3), "in_vain"),
    "one less that waits in vain": Forgery("overlap-single", 17, put(in_vain=1), "in_vain"),
    "one that waits in vain": Forgery("overlap-single", 9, put(in_vain=1), "in_vain"),
    "one less that waits, in version 1":
        Forgery("old overlap-single", 12, put(waiting=["c2", "c3"]), "waiting"),
    "a timeout before its time":
        Forgery("overlap-single", 26, put(t=0.9, blocked=0.9), "t"),
    "a timeout after its time":
        Forgery("overlap-single", 27, put(t=1.5, blocked=1.47), "t"),
    "another timeout than that of the call":
        Forgery("overlap-single", 27, put(timeout=2.0), "timeout"),
    "a timeout by another caller": Forgery("overlap-single", 27, put_from("caller-3"), "from"),
    "a timeout at another server": Forgery("overlap-single", 27, put(to="websocket"), "to"),
    "a timeout of a call that was answered": Forgery("overlap-single", 27, put(call="c3"), "call"),
    "a timeout that is a reply": Forgery("overlap-single", 26, put(kind="reply"), "kind"),
    "a reply that is a timeout": Forgery("late", 20, put(kind="timeout"), "kind"),
    "a reply that is late": Forgery("late", 20, put(kind="late"), "kind"),
    "a late answer that is a reply": Forgery("late", 13, put(kind="reply"), "kind"),
    "a duplicate that is a reply": Forgery("overlap-single", 22, put(kind="reply"), "kind"),
    "a second end of a call":
        Forgery("late", 21, insert(kind="timeout", call="c2", to="coordinator", timeout=5.0,
                                   **{"from": "caller"}), "kind"),
    "blocked for longer": Forgery("late", 20, put(blocked=0.31), "blocked"),
    "dropped earlier": Forgery("late", 13, put(ago=0.1), "ago"),
    # how processes live and end
    "a second start": Forgery("overlap-single", 10, insert(kind="start", at="websocket"), "at"),
    "a second start, linked":
        Forgery("overlap-single", 10, insert(kind="start", at="websocket", linked="coordinator"),
                "at"),
    "a second start of the first process":
        Forgery("overlap-single", 19, insert(kind="start", at="coordinator"), "at"),
    "a start that is linked to no process": Forgery("late", 3, put(linked="ghost"), "linked"),
    "an exit of another process": Forgery("crash", 18, put(at="websocket"), "at"),
    "an exit of no process": Forgery("crash", 17, put(at="ghost"), "at"),
    "an exit by a link to itself": Forgery("crash", 18, put(link="coordinator"), "link"),
    "an exit by a link that never was": Forgery("crash", 18, put(link="ghost"), "link"),
    "an exit by a link whose other end lives": Forgery("unusual", 11, put(link="boss"), "link"),
    "a crash of a process that has ended":
        Forgery("unusual", 14, insert(kind="crash", at="helper"), "at"),
    "an end that was another's, for a caller": Forgery("crash", 19, put_from("websocket"), "from"),
    "an end told to another caller": Forgery("crash", 20, put(to="caller"), "to"),
    "an end before its time": Forgery("unusual", 12, put_from("boss"), "from"),
    "normal for noproc": Forgery("crash", 23, put(reason="normal"), "reason"),
    "noproc for a crash": Forgery("crash", 19, put(reason="noproc"), "reason"),
    "another reason than that of the exit": Forgery("unusual", 12, put(reason="boom"), "reason"),
    "a message in vain that was not": Forgery("unusual", 13, put(to="boss"), "to"),
    "a message to a process that has ended":
        Forgery("unusual", 13, put(kind="cast"), "to"),
    "a reply by a server that has ended":
        Forgery("crash", 23, put(kind="reply", message="A to you too!"), "kind"),
    # what servers keep
    "keeps a call that is not in the state":
        Forgery("overlap-single", 16, put(keeps=["c1"]), "keeps"),
    "keeps one call more": Forgery("overlap-single", 16, put(keeps=["c3", "c1"]), "keeps"),
    "keeps nothing": Forgery("overlap-single", 8, put(keeps=[]), "keeps"),
    "keeps a call that has not begun":
        Forgery("late", 8, put(keeps=["c2"], state=STATES["c2"]), "keeps"),
    "a state with another call in it":
        Forgery("late", 8, put(state=STATES["c2"]), "state"),
    "a state without the call": Forgery("late", 8, put(state=STATES["nothing"]), "keeps"),
    "a state of another process": Forgery("late", 17, put(at="websocket"), "at"),
    "a state that has not changed":
        Forgery("late", 9, lambda lines, at: insert(**{
            field: value for field, value in lines[at - 1].items() if field not in {"seq", "t"}
        })(lines, at), "state"),
    "forgot taken out": Forgery("overlap-single", 12, take_out("forgot"), "forgot"),
    "forgot of another call": Forgery("overlap-single", 12, put(forgot=["c2"]), "forgot"),
    "forgot one more": Forgery("overlap-single", 16, put(forgot=["c2", "c1"]), "forgot"),
    "forgot a call that was answered": Forgery("overlap-keyed", 21, put(forgot=["c1"]), "forgot"),
    # the lines themselves
    "a missing line": Forgery("overlap-single", 14, drop, "seq"),
    "a missing start": Forgery("overlap-single", 3, drop, "seq"),
    "a missing exit": Forgery("crash", 18, drop, "seq"),
    "a missing end of a call": Forgery("crash", 19, drop, "seq"),
    "a missing reply, concealed": Forgery("late", 20, leave_out, "replied"),
    "a missing reply, concealed, of a call that was kept":
        Forgery("overlap-keyed", 26, leave_out, "forgot"),
    "a line that is there twice": Forgery("overlap-single", 14, repeat, "seq"),
    "two lines that have changed places": Forgery("overlap-single", 15, change_places, "seq"),
    "another number": Forgery("overlap-single", 14, put(seq=21), "seq"),
    "a smaller number": Forgery("overlap-single", 14, put(seq=4), "seq"),
    "back in time": Forgery("overlap-single", 19, put(t=0.01), "t"),
    "another number of calls": Forgery("overlap-single", 28, put(calls=4), "calls"),
    "another number of replies": Forgery("overlap-single", 28, put(replied=2), "replied"),
    "another number of answers that were dropped": Forgery("late", 21, put(dropped=0), "dropped"),
    "something after the end":
        Forgery("late", 22, lambda lines, at: lines.append(
            {"seq": 21, "t": 1.0, "kind": "mark", "label": "x"}), "kind"),
}
# fmt: on


def findings(lines: list[Line]) -> list[tuple[int, str, str]]:
    """What --check finds."""
    text = "".join(json.dumps(line) + "\n" for line in lines)
    done = genreply("trace", "-", "--check", "--json", stdin=text.encode())
    result = json.loads(done.out)
    assert result["valid"] == (done.code == 0) == (not result["findings"])
    return [(each["line"], each["field"], each["problem"]) for each in result["findings"]]


@pytest.mark.parametrize("source", sources())
def test_nothing_is_wrong_before_it_is_forged(source: str) -> None:
    assert findings([json.loads(line) for line in sources()[source].splitlines()]) == []


@pytest.mark.parametrize("name", FORGERIES)
def test_a_forgery_is_found_once_and_in_its_own_line(name: str) -> None:
    forgery = FORGERIES[name]
    lines = [json.loads(line) for line in sources()[forgery.source].splitlines()]
    forgery.forge(lines, forgery.line - 1)
    found = findings(lines)
    expected = [(forgery.line, forgery.field), *forgery.others]
    assert [(line, field) for line, field, _ in found] == expected, found
