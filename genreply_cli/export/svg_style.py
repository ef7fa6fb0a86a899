"""The colours, fonts and lines of the SVG picture, on light and on dark."""

from collections.abc import Iterable
from typing import Final, NamedTuple


class Shade(NamedTuple):
    """The colours of a picture on one kind of background."""

    ink: str
    paper: str
    dim: str
    faint: str  # lifelines
    wrong: str
    right: str
    hues: tuple[str, ...]  # of calls, in turn


# No hue is red, and with any kind of colour blindness two that follow each other can be told apart.
LIGHT: Final = Shade(
    "#0f172a", "#ffffff", "#5b6b82", "#b6c2d1", "#c81e1e", "#15803d",
    ("#1565c0", "#b45f06", "#7b3fb5", "#00796b", "#8a6d00", "#ad1a72"),
)  # fmt: skip
DARK: Final = Shade(
    "#e6edf5", "#0e1626", "#9fb0c6", "#46566e", "#ff7b7b", "#4ade80",
    ("#6cb2ff", "#ffb266", "#c9a2ff", "#4fd6c0", "#e6c94f", "#ff8ac8"),
)  # fmt: skip
HUES: Final = len(LIGHT.hues)

SANS: Final = "system-ui,-apple-system,'Segoe UI',Roboto,'Noto Sans','DejaVu Sans',sans-serif"
MONO: Final = "ui-monospace,SFMono-Regular,Menlo,Consolas,'DejaVu Sans Mono',monospace"

Rule = tuple[str, str]  # selectors, between commas, and what they say


def style(uid: str, font: int) -> str:
    """The style sheet of the picture with this id: it holds for no other one in the same page."""
    shapes, light, dark = (
        _scoped(uid, rules) for rules in (_shapes(font), _colours(LIGHT), _colours(DARK))
    )
    return (
        f"<style>{shapes}{light}@media screen and (prefers-color-scheme:dark){{{dark}}}</style>\n"
    )


def _scoped(uid: str, rules: Iterable[Rule]) -> str:
    return "".join(
        f"{','.join(f'#{uid} {selector}' for selector in selectors.split(','))}{{{rule}}}"
        for selectors, rule in rules
    )


def _shapes(font: int) -> list[Rule]:
    """Fonts and lines. `font` is the size of the messages, in pixels."""
    halo = "paint-order:stroke;stroke-width:4px;stroke-linejoin:round"
    return [
        ("text", f"font:{font}px {SANS};white-space:pre"),
        (".title", f"font:600 21px {SANS}"),
        (".sub", f"font-size:{max(13, font - 1)}px"),
        (".time", f"font:{font - 1}px {MONO};text-anchor:end"),
        (".label", f"font:{font}px {MONO};{halo}"),
        (".name", f"font-family:{SANS};font-weight:600"),
        (".head", f"font-size:{font}px;font-weight:600;text-anchor:middle"),
        (".call", f"font:600 {font - 2}px {MONO};text-anchor:middle"),
        (".call.start", "text-anchor:start"),
        (".note.wrong,.differs .note", "font-weight:600"),
        (".unlike", f"font:700 {font + 5}px {SANS};text-anchor:middle;{halo}"),
        (".legend", "font-size:13px"),
        (".sign", "font-weight:700;text-anchor:middle"),
        (".lifeline", "stroke-width:1.5"),
        (".arrow", "fill:none;stroke-width:2"),
        (".answer", "stroke-dasharray:7 4"),
        (".ghost", "fill:none;stroke-width:2.2;stroke-dasharray:.1 5;stroke-linecap:round"),
        (".faint", "opacity:.45"),
        (".open", "stroke-dasharray:none"),
        (".bar", "stroke-width:1.6"),
        (".queued,.vain", "stroke-dasharray:4 3"),
        (".line", "stroke-width:1;stroke-dasharray:2 5"),
        (".cross,.tear", "fill:none;stroke-width:2.4;stroke-linecap:round"),
        (".check", "fill:none;stroke-width:2;stroke-linecap:round"),
    ]


def _colours(shade: Shade) -> list[Rule]:
    """Those of calls come first; what is wrong is red all the same."""
    rules = [
        ("text", f"fill:{shade.ink}"),
        (".paper", f"fill:{shade.paper}"),
        (".sub,.time,.note,.legend", f"fill:{shade.dim}"),
        (".label,.unlike", f"stroke:{shade.paper}"),
        (".lifeline,.line", f"stroke:{shade.faint}"),
        (".box", f"fill:{shade.paper};stroke:{shade.dim}"),
        (".arrow,.ghost,.cross,.bar", f"stroke:{shade.dim}"),
        (".solid", f"fill:{shade.dim}"),
        (".bar", f"fill:{shade.dim};fill-opacity:.18"),
        (".handling", "fill-opacity:.85"),
        (".queued,.vain,.over", "fill-opacity:.04"),
    ]
    for number, hue in enumerate(shade.hues):
        lines = ",".join(f".h{number} .{name}" for name in ("arrow", "ghost", "bar"))
        areas = ",".join(f".h{number} .{name}" for name in ("solid", "call", "label", "bar"))
        rules += [(lines, f"stroke:{hue}"), (areas, f"fill:{hue}")]
    return [
        *rules,
        (".label .name,.label.name", f"fill:{shade.ink}"),
        (".wrong .arrow,.wrong .cross,.tear,.bar.vain", f"stroke:{shade.wrong}"),
        (".wrong .solid,.note.wrong,.wrong .badge", f"fill:{shade.wrong}"),
        (".right .badge,.note.right", f"fill:{shade.right}"),
        (".sign", f"fill:{shade.paper}"),
        (".check", f"stroke:{shade.paper}"),
    ]
