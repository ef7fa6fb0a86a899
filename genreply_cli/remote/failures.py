"""Why a connection cannot be made, or has ended: one sentence for each kind of failure."""

import socket
import ssl
from http import HTTPStatus
from typing import Any, Final

from websockets.exceptions import (
    ConnectionClosed,
    InvalidHandshake,
    InvalidStatus,
    InvalidURI,
    NegotiationError,
)
from websockets.frames import CLOSE_CODE_EXPLANATIONS, CloseCode

from genreply_cli.errors import os_error_text
from genreply_cli.remote.proxy import ProxyError
from genreply_cli.remote.target import Target, without_secrets
from genreply_cli.text import visible

REFUSALS: Final = {HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN, HTTPStatus.TOO_MANY_REQUESTS}
MAX_SHOWN: Final = 100  # characters of what a server has sent


def why_not_connected(target: Target, error: BaseException) -> str:
    """Why there is no connection: `cannot connect to ws://…: connection refused`."""
    if isinstance(error, ConnectionResetError | EOFError | ssl.SSLEOFError):
        tls = " before TLS was agreed on; try ws://" if target.scheme == "wss" else ""
        return f"cannot connect to {target.shown}: it broke off{tls}"
    return f"cannot connect to {target.shown}: {problem_of(error)}"


def why_closed(connection: Any, error: Any) -> str:
    """Why a connection has ended, with the code of its close frame and the reason there."""
    protocol = connection.protocol
    ours = protocol.close_sent is not None and not protocol.close_rcvd_then_sent
    close = protocol.close_sent if ours else protocol.close_rcvd
    if close is not None and close.code == CloseCode.NO_STATUS_RCVD:
        return "the server closed the connection without a code"
    if close is not None:
        meaning = close.reason or CLOSE_CODE_EXPLANATIONS.get(close.code, "")
        told = f" ({visible(meaning)})" if meaning else ""
        if ours:
            return f"the connection was closed with {close.code:d}{told}"
        return f"the server closed the connection with {close.code:d}{told}"
    broke = "the connection broke off without a close frame"
    cause = error.__cause__ if isinstance(error, ConnectionClosed) else error
    return f"{broke}: {problem_of(cause)}" if isinstance(cause, OSError) else broke


def problem_of(error: BaseException) -> str:
    """What is wrong with a connection, to be read after a colon."""
    match error:
        case ProxyError():
            cause = error.__cause__
            return str(error) if cause is None else f"{error}: {problem_of(cause)}"
        case ConnectionRefusedError():
            return "connection refused"
        case socket.gaierror():
            return "there is no host of this name"
        case ssl.SSLCertVerificationError():
            why = error.verify_message.rstrip(".")
            return f"its certificate is not accepted: {why}; see --ca-file"
        case ssl.SSLError():
            return f"TLS failed: {error.reason or os_error_text(error)}"
        case InvalidStatus():
            return _refusal(error.response.status_code, error.response.headers.get_all("Location"))
        case NegotiationError():
            return f"no agreement with the server: {visible(str(error))}"
        case InvalidURI():  # which repeats the whole address
            return "this is no address of a WebSocket server"
        case InvalidHandshake() | EOFError():
            return "no WebSocket server is there"
        case TimeoutError():
            return "no answer in time"
        case UnicodeError():
            return "there can be no host of this name"
        case OSError() if error.args and "Connect call failed" in str(error):
            return "connection refused"
        case OSError():
            return os_error_text(error)
    return f"{type(error).__name__}: {visible(str(error))}"


def _refusal(status: int, location: list[str]) -> str:
    """What an HTTP answer means that opens no WebSocket."""
    if status in REFUSALS or status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        return f"the server refuses the connection with HTTP {status}"
    leads = f", which leads to {without_secrets(location[0][:MAX_SHOWN])}" if location else ""
    return f"no WebSocket server is there: it answered with HTTP {status}{leads}"
