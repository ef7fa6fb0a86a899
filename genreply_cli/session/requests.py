"""The requests of a server, found by its type hints, and how a typed line becomes one.

    requests = Requests(Stack)
    requests.call("push 3")       # a call with Push(3), or of the method `push`
    requests.cast("Clear")        # the message Clear()

Values are typed as Python writes them (`3`, `[1, 2]`, `"a b"`); anything else is text.
"""

import ast
import inspect
import re
from collections.abc import Awaitable, Callable, Iterator, Mapping
from typing import Any, Final, TypeAlias, Union, get_args, get_origin, get_type_hints

from genreply_cli.otp import GenServer
from genreply_cli.text import visible

Ask: TypeAlias = Callable[[GenServer[Any], float | None], Awaitable[Any]]
_NAMED: Final = re.compile(r"\s*([A-Za-z_]\w*)\s*(.*?)\s*", re.DOTALL)
_SIMPLE: Final = frozenset(
    {object, str, int, float, bool, bytes, tuple, list, dict, set, frozenset, type(None)}
)
MAX_SHOWN: Final = 60  # characters of a line that is quoted in a sentence


class Requests:
    """What a server of this class can be asked, cast and sent.

    `call` names the request or the method that each line calls; without it, a line begins with the
    name, unless there is only one request.
    """

    def __init__(self, server: type[GenServer[Any]], call: str | None = None) -> None:
        self.calls = _hinted(server, "handle_call")
        self.casts = _hinted(server, "handle_cast")
        self.infos = _hinted(server, "handle_info")
        self.methods = dict(_methods(server))
        known = {**self.methods, **self.calls}
        if call is not None and call not in known:
            names = ", ".join(known) or "none"
            raise ValueError(
                f"{server.__name__} has no request or method {call!r}; it has: {names}"
            )
        self._only = call
        if call is None and len(self.calls) == 1:
            [(only, request)] = self.calls.items()
            if _parameters(request):  # a line that has no name is its value
                self._only = only

    def names(self) -> list[str]:
        """What a line that calls may begin with."""
        return [*self.calls, *self.methods]

    def call(self, text: str) -> Ask:
        """The call that a line stands for. Raises ValueError with a sentence."""
        name, rest = _split(text)
        if self._only is not None and not (name == self._only and _in_parentheses(rest)):
            name, rest = self._only, text.strip()
        if name in self.calls:
            request = _construct(name, self.calls[name], rest)
        elif name in self.methods:
            return _call_of(name, self.methods[name], rest)
        else:
            request = self._value(text, self.calls, self.names())
        return lambda server, timeout: server.call(request, timeout)

    def cast(self, text: str) -> Any:
        """The message that is cast. Raises ValueError with a sentence."""
        return self._message(text, self.casts)

    def info(self, text: str) -> Any:
        """The message that is sent. Raises ValueError with a sentence."""
        return self._message(text, self.infos)

    def _message(self, text: str, kinds: Mapping[str, type]) -> Any:
        if not text.strip():
            raise ValueError(f"which message? {_listed(kinds)}")
        name, rest = _split(text)
        if name in kinds:
            return _construct(name, kinds[name], rest)
        return self._value(text, kinds, list(kinds))

    @staticmethod
    def _value(text: str, kinds: Mapping[str, type], names: list[str]) -> Any:
        """A line that begins with no name: a value, if the server takes any value."""
        if kinds:
            shown = visible(text.strip()[:MAX_SHOWN])
            raise ValueError(f"there is no request {shown!r}; {_listed(names)}")
        return _literal(text)


def _listed(names: Any) -> str:
    listed = ", ".join(names)
    return f"expected one of: {listed}" if listed else "expected a value, like 3 or (1, 2)"


def _split(text: str) -> tuple[str, str]:
    named = _NAMED.fullmatch(text)
    return (named[1], named[2]) if named is not None else ("", text)


def _in_parentheses(text: str) -> bool:
    return text.startswith("(") and text.endswith(")")


# --- what a class says of itself ---------------------------------------------------------


def _hinted(server: type, callback: str) -> dict[str, type]:
    """The classes that the type hint of a callback's message names, by their names."""
    function = getattr(server, callback, None)
    if function is None or function is getattr(GenServer, callback, None):
        return {}
    try:
        hints = get_type_hints(function)
        parameter = list(inspect.signature(function).parameters)[1]
    except Exception:  # a hint may name what is not imported when the program runs
        return {}
    return {kind.__name__: kind for kind in _classes(hints.get(parameter))}


def _classes(hint: Any) -> Iterator[type]:
    if isinstance(hint, type):
        if hint not in _SIMPLE and get_origin(hint) is None:
            yield hint
        return
    origin = get_origin(hint)
    if origin is Union or type(hint).__name__ == "UnionType":
        for part in get_args(hint):
            yield from _classes(part)
    elif isinstance(origin, type):
        yield from _classes(origin)  # a request of some type: Push[int]


def _methods(server: type) -> Iterator[tuple[str, Callable[..., Any]]]:
    """The async methods that a class offers its clients."""
    for name, value in inspect.getmembers(server, inspect.iscoroutinefunction):
        if not name.startswith("_") and not hasattr(GenServer, name):
            yield name, value


def _parameters(made: Callable[..., Any]) -> list[inspect.Parameter]:
    """What has to be, or can be, given to make a request, or to call a method."""
    try:
        parameters = list(inspect.signature(made).parameters.values())
    except (TypeError, ValueError):
        return []
    if not isinstance(made, type):
        parameters = parameters[1:]  # without `self`
    return [each for each in parameters if each.name != "timeout" or isinstance(made, type)]


# --- values ------------------------------------------------------------------------------


def _literal(text: str) -> Any:
    try:
        return ast.literal_eval(text.strip())
    except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError):
        return text.strip()


def _construct(name: str, made: type, rest: str) -> Any:
    arguments, named = _arguments(name, made, rest)
    try:
        return made(*arguments, **named)
    except Exception as error:  # of the user's own class
        raise ValueError(f"{name} cannot be made: {type(error).__name__}: {error}") from None


def _call_of(name: str, method: Callable[..., Any], rest: str) -> Ask:
    arguments, named = _arguments(name, method, rest)
    takes_timeout = "timeout" in inspect.signature(method).parameters

    async def ask(server: GenServer[Any], timeout: float | None) -> Any:
        options = {"timeout": timeout} if takes_timeout else {}
        return await method(server, *arguments, **named, **options)

    return ask


def _arguments(name: str, made: Callable[..., Any], rest: str) -> tuple[list[Any], dict[str, Any]]:
    """The values typed after a name. Raises ValueError if they are too few or too many."""
    parameters = _parameters(made)
    arguments, named = _typed_values(made, parameters, rest)
    signature = inspect.Signature(parameters)
    try:
        signature.bind(*arguments, **named)
    except TypeError as error:
        takes = ", ".join(each.name for each in parameters) or "no values"
        raise ValueError(f"{name} takes {takes}: {error}") from None
    return arguments, named


def _typed_values(
    made: Callable[..., Any], parameters: list[inspect.Parameter], rest: str
) -> tuple[list[Any], dict[str, Any]]:
    if not rest:
        return [], {}
    if len(parameters) == 1 and parameters[0].kind is not inspect.Parameter.VAR_POSITIONAL:
        is_text = _hint_of(made, parameters[0].name) is str
        inside = _in_call(rest) if _in_parentheses(rest) else None
        if inside is not None and len(inside[0]) + len(inside[1]) == 1 and not rest.endswith(",)"):
            return inside
        return [rest if is_text else _literal(rest)], {}
    inside = _in_call(rest if _in_parentheses(rest) else f"({rest})")
    if inside is not None:
        return inside
    return [_literal(word) for word in rest.split(None, max(0, len(parameters) - 1))], {}


def _hint_of(made: Callable[..., Any], parameter: str) -> Any:
    try:
        owner = made.__init__ if isinstance(made, type) else made  # type: ignore[misc]
        return get_type_hints(owner).get(parameter)
    except Exception:
        return None


def _in_call(text: str) -> tuple[list[Any], dict[str, Any]] | None:
    """The values in `(1, key="a")`; None if one of them is no literal."""
    try:
        call = ast.parse(f"f{text}", mode="eval").body
        if not isinstance(call, ast.Call):
            return None
        named = {str(each.arg): ast.literal_eval(each.value) for each in call.keywords if each.arg}
        return [ast.literal_eval(each) for each in call.args], named
    except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError):
        return None
