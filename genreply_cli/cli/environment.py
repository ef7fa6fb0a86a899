"""Options that come from the environment: what does not fit a command is left out of it."""

import os
import re
from functools import partial
from typing import Any, Final

import typer
from typer.core import TyperCommand

# lists of texts, which may have blanks and commas
OF_LINES: Final = frozenset({"GENREPLY_SAY", "GENREPLY_HEADER"})


class ConflictError(typer.BadParameter):
    """A usage error: options with these flags do not go together, or one lacks another one."""

    def __init__(self, problem: str, *flags: str) -> None:
        super().__init__(problem)
        self.flags = frozenset(flags)


class Command(TyperCommand):
    """A command with options that the environment may set.

    A variable is for all commands, so in a conflict its option is left out, and the command runs
    as if the variable were not set. Options that are typed are never left out.
    """

    def __init__(self, *arguments: Any, **settings: Any) -> None:
        super().__init__(*arguments, **settings)
        for option in self.params:
            if option.nargs != 1 or getattr(option, "multiple", False):
                option.value_from_envvar = partial(_list_in, option)  # type: ignore[method-assign]

    def invoke(self, ctx: Any) -> Any:
        """Run the command, with as many of the variables as fit."""
        while True:
            try:
                return super().invoke(ctx)
            except ConflictError as conflict:
                if not self._leave_out_one(ctx, conflict.flags):
                    raise

    def _leave_out_one(self, ctx: Any, flags: frozenset[str]) -> bool:
        for option in reversed(self.params):
            name = option.name or ""
            source = ctx.get_parameter_source(name)
            if flags & {*option.opts} and source is not None and source.name == "ENVIRONMENT":
                ctx.params[name] = option.type_cast_value(ctx, option.get_default(ctx))
                ctx.set_parameter_source(name, type(source).DEFAULT)
                return True
        return False


def _list_in(option: Any, _: object) -> list[str] | None:
    """The values that a variable lists: between commas or blanks, or a line each."""
    text = os.environ.get(option.envvar or "", "")
    parts = text.splitlines() if option.envvar in OF_LINES else re.split(r"[,\s]+", text)
    return [part for part in parts if part.strip()] or None
