"""The servers of a node as data: status, mailbox, who waits on whom, and what a busy one awaits."""

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from genreply_cli.otp import Node
from genreply_cli.otp.debug import OpenCall, Overview, Place, servers
from genreply_cli.transcript.tracer import Tracer


def snapshot(node: Node, tracer: Tracer, redact: Callable[[str], str] | None) -> str:
    """One line of JSON with all servers of a node. The tracer gives names, `redact` changes them.

    Seconds that a caller has waited are null if they are not known: its call has no timeout.
    """

    def name(actor: Any) -> str:
        text = tracer.name(actor)
        if redact is None:
            return text
        try:
            return str(redact(text))
        except Exception:
            return "(redact failed)"

    overviews = servers(node)
    return json.dumps(
        {"pid": os.getpid(), "servers": [_server(each, overviews, name) for each in overviews]}
    )


def _server(
    overview: Overview, overviews: list[Overview], name: Callable[[Any], str]
) -> dict[str, Any]:
    """One server. It waits on those that it has called, and its callers wait on it."""
    return {
        "name": name(overview.server),
        "module": type(overview.server).__name__,
        "status": overview.status,
        "mailbox": overview.mailbox,
        "callers": [_call(call, name(call.from_.caller)) for call in overview.calls],
        "waits_on": [
            _call(call, name(other.server))
            for other in overviews
            for call in other.calls
            if call.from_.caller is overview.server
        ],
        "awaits": [_place(place) for place in overview.where],
    }


def _call(call: OpenCall, name: str) -> dict[str, Any]:
    waited = None if call.waited is None else round(call.waited, 3)
    return {"name": name, "seconds": waited, "timeout": call.from_.timeout}


def _place(place: Place) -> dict[str, Any]:
    file = Path(place.file)
    if file.is_relative_to(Path.cwd()):
        file = file.relative_to(Path.cwd())
    return {"file": str(file), "line": place.line, "function": place.function}
