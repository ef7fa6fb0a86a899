"""The page of the server: a caller, a coordinator and a socket in the browser, and their timeline.

All of it is one static file. It loads nothing, and connects to its own server only.
"""

import json
from base64 import b64encode
from functools import cache
from hashlib import sha256
from importlib.resources import files

from genreply_cli.timeline.kinds import STYLES


@cache
def html() -> str:
    """The page, with its styles and its script inside."""
    page = _asset("page.html").replace("/* page.css */", _asset("page.css"))
    return page.replace("/* page.js */", _script())


@cache
def policy() -> str:
    """What the page may do: run this one script, and connect to the server that it came from."""
    digest = b64encode(sha256(_script().encode()).digest()).decode()
    return (
        f"default-src 'none'; style-src 'unsafe-inline'; script-src 'sha256-{digest}';"
        " connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )


@cache
def _script() -> str:
    """The script, with the words, marks and colours that the timeline has everywhere."""
    kinds = {
        kind: {"word": style.word, "mark": style.mark, "colour": style.colour}
        for kind, style in STYLES.items()
    }
    return _asset("page.js").replace("/* kinds */ {}", json.dumps(kinds))


def _asset(name: str) -> str:
    return (files("genreply_cli.serve") / name).read_text(encoding="utf-8")
