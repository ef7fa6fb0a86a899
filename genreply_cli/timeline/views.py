"""The names of the views in which a timeline is drawn."""

from typing import Final, Literal, get_args

View = Literal["wide", "narrow", "smallest", "plain", "accessible"]
VIEWS: Final[tuple[View, ...]] = get_args(View)
