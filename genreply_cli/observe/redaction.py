"""Leaves secrets out of steps: a function of the user's is called with each text of a step."""

from collections.abc import Callable, Mapping
from typing import Any, Final

from genreply_cli.transcript.step import NO_MESSAGE, Step

FAILED: Final = "(redact failed)"  # instead of a text for which `redact` raised


def redacted(step: Step, redact: Callable[[str], str]) -> Step:
    """The step with each text replaced: in its message, in its details, and in names."""

    def text(value: str) -> str:
        try:
            return str(redact(value))
        except Exception:
            return FAILED

    def name(value: str | None) -> str | None:
        return None if value is None else text(value)

    return step._replace(
        source=name(step.source),
        target=name(step.target),
        at=name(step.at),
        message=step.message if step.message is NO_MESSAGE else _value(step.message, text),
        details=_value(step.details, text, keys=False),
    )


def _value(value: Any, text: Callable[[str], str], *, keys: bool = True) -> Any:
    """A value of JSON with each text replaced, and the keys of objects as well."""
    if isinstance(value, str):
        return text(value)
    if isinstance(value, list):
        return [_value(item, text) for item in value]
    if isinstance(value, Mapping):
        return {text(key) if keys else key: _value(item, text) for key, item in value.items()}
    return value
