"""Recordings that try to break out of whatever shows them."""

from hypothesis import strategies as st

from genreply_cli.transcript.step import KINDS, NO_MESSAGE, Step

HOSTILE = (
    '</text></svg><script>alert("&amp;")</script>\x1b[2J\u202e\x00\ud800\ufffe]]>;%%{end}#35;\n'
)

_names = (
    st.none()
    | st.sampled_from(["caller", "caller-2", "coordinator", "websocket", HOSTILE])
    | st.text(max_size=4)
)
_messages = [NO_MESSAGE, None, HOSTILE, ["greet", HOSTILE], {HOSTILE: [1, {"repr": HOSTILE}]}]
_details = [
    {},
    {"blocked": 1.0},
    {"for": HOSTILE},
    {"state": {HOSTILE: [[HOSTILE, {"call": HOSTILE}]]}, "keeps": [HOSTILE], "forgot": [HOSTILE]},
    {"label": HOSTILE, "error": HOSTILE, "reason": HOSTILE},
]
_steps = st.builds(
    Step,
    seq=st.integers(1, 9),
    t=st.floats(0, 1e9),
    kind=st.sampled_from([*sorted(KINDS), HOSTILE]),
    call=st.none() | st.sampled_from(["c1", "c2", HOSTILE]),
    source=_names,
    target=_names,
    at=_names,
    message=st.sampled_from(_messages),
    details=st.sampled_from(_details),
    cause=st.none() | st.integers(1, 9),
)
recordings = st.lists(_steps, max_size=12)
