"""Which field of a step is wrong, if laws are broken that tie several fields together.

A reply goes to the caller of its call. If it does not, `to` may be wrong, or `call`. The field that
all broken laws of a step share is to blame, and only this one is reported. The value that
was expected there is used from then on, so that a fault that follows from it is not reported again.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum
from typing import Any, Final, NamedTuple

from genreply_cli.transcript.pretty import pretty_name


class Unknown(Enum):
    """The type of `UNKNOWN`: None is a value that may be expected."""

    VALUE = "unknown"


UNKNOWN: Final = Unknown.VALUE


@dataclass
class Recording:
    """What the laws of a recording depend on."""

    foreign: bool  # another program made it: what it does not say is not asked of it
    virtual: bool  # its clock is exact
    t: float = 0.0  # of the latest step
    gaps: bool = False  # lines are missing, or could not be understood

    @property
    def whole(self) -> bool:
        """Whether it says everything: what it does not say did not happen."""
        return not self.foreign and not self.gaps


class Suspect(NamedTuple):
    """A field that may be wrong, what to report then, and the value that it should have."""

    field: str
    problem: str
    expected: Any = UNKNOWN


class BrokenLaws:
    """The laws that one step breaks."""

    def __init__(self) -> None:
        self._laws: list[tuple[Suspect, ...]] = []

    def __bool__(self) -> bool:
        return bool(self._laws)

    def add(self, *suspects: Suspect) -> None:
        """A law is broken, by one of these fields. The likeliest comes first."""
        self._laws.append(suspects)

    def blame(self) -> Iterator[Suspect]:
        """The fewest fields that explain all broken laws, which are forgotten with this."""
        laws, self._laws = self._laws, []
        while laws:
            suspects = [suspect for law in laws for suspect in law]
            fields = dict.fromkeys(suspect.field for suspect in suspects)
            field = max(fields, key=lambda name: sum(name in _fields(law) for law in laws))
            same = [suspect for suspect in suspects if suspect.field == field]
            expected = next(
                (each.expected for each in same if each.expected is not UNKNOWN), UNKNOWN
            )
            yield same[0]._replace(expected=expected)
            laws = [law for law in laws if field not in _fields(law)]


def _fields(law: tuple[Suspect, ...]) -> set[str]:
    return {suspect.field for suspect in law}


def shown(value: Any) -> str:
    """A value as a sentence shows it."""
    if isinstance(value, list):
        names = ", ".join(map(pretty_name, value[:8])) or "none"
        return f"{names} …" if len(value) > 8 else names
    return "none" if value is None else pretty_name(value)
