"""What the greeter answers to a text frame: the text alone, the text with its id, or JSON-RPC."""

import json
from typing import Any, Final

METHOD_NOT_FOUND: Final = -32601  # the codes of errors in JSON-RPC 2.0
INVALID_PARAMS: Final = -32602


def answer_to(frame: str) -> str | None:
    """The frame that answers this one; None if it needs no answer.

    `{"id": 7, "message": "Hello"}` is answered with its id. JSON-RPC 2.0 has a method `greet`, with
    one text as its parameter. Every other text is a greeting as it stands.
    """
    match _parsed(frame):
        case {"jsonrpc": "2.0", "method": str(method), **rest}:
            return _json_rpc(method, rest)
        case {"id": None | str() | int() | float() as number, "message": str(message)}:
            return json.dumps({"id": number, "message": greeting_back(message)})
    return greeting_back(frame)


def greeting_back(message: str) -> str:
    """What the greeter says to a message."""
    return f"{message} to you too!"


def _json_rpc(method: str, request: dict[Any, Any]) -> str | None:
    if "id" not in request:
        return None  # a notification, which the standard leaves without an answer
    answer: dict[str, Any]
    match method, request.get("params"):
        case "greet", [str(message)] | {"message": str(message)}:
            answer = {"result": greeting_back(message)}
        case "greet", _:
            problem = 'expected one text, as in ["Hello"] or {"message": "Hello"}'
            answer = {"error": {"code": INVALID_PARAMS, "message": problem}}
        case _:
            problem = "there is no such method; expected greet"
            answer = {"error": {"code": METHOD_NOT_FOUND, "message": problem}}
    return json.dumps({"jsonrpc": "2.0", "id": request["id"], **answer})


def _parsed(frame: str) -> Any:
    if not frame.lstrip().startswith("{"):
        return None
    try:
        return json.loads(frame, parse_constant=_refuse)
    except (ValueError, RecursionError):
        return None


def _refuse(constant: str) -> None:
    raise ValueError(f"{constant} is not JSON")
