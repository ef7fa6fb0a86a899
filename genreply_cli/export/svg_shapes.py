"""The shapes of the SVG picture, and text as XML."""

from html import escape

from genreply_cli.export.svg_layout import Box


def xml(text: str) -> str:
    """Visible text as XML. Two characters pass `visible` that XML may not hold."""
    return escape(text.replace("\ufffe", "\\ufffe").replace("\uffff", "\\uffff"))


def text(kind: str, x: float, y: float, content: str) -> str:
    """A line of text, which is escaped."""
    return f'<text class="{kind}" x="{x:g}" y="{y:g}">{xml(content)}</text>'


def rectangle(kind: str, box: Box, radius: float = 5) -> str:
    """A rectangle with round corners."""
    place = f'x="{box.x:g}" y="{box.y:g}" width="{box.width:g}" height="{box.height:g}"'
    return f'<rect class="{kind}" {place} rx="{radius:g}"/>'


def path(kind: str, data: str) -> str:
    """A line or shape, as SVG writes it."""
    return f'<path class="{kind}" d="{data}"/>'


def horizontal(kind: str, start: float, end: float, y: float) -> str:
    """A horizontal line."""
    return path(kind, f"M{start:g} {y:g}H{end:g}")


def solid_head(x: float, y: float, direction: int) -> str:
    """The head of an arrow whose sender waits, or of an answer."""
    return path("solid", f"M{x:g} {y:g}l{-10 * direction} -5v10z")


def open_head(kind: str, x: float, y: float, direction: int) -> str:
    """The head of an arrow whose sender goes on."""
    back = x - 8 * direction
    return path(f"{kind} open", f"M{back:g} {y - 5:g}L{x:g} {y:g}L{back:g} {y + 5:g}")


def loop(kind: str, x: float, y: float) -> str:
    """An arrow from a lane to itself."""
    return path(kind, f"M{x:g} {y - 6:g}h18a6 6 0 0 1 0 12h-9") + solid_head(x + 1, y + 6, -1)


def cross(x: float, y: float, arm: float) -> str:
    """The end of a wait, of a message in vain, or of a process."""
    side = 2 * arm
    return path(
        "cross", f"M{x - arm:g} {y - arm:g}l{side:g} {side:g}m0 {-side:g}l{-side:g} {side:g}"
    )


def bang(x: float, y: float, radius: float) -> str:
    """A disc with an exclamation mark."""
    sign = text("sign", x, y + radius / 2, "!")
    return f'<circle class="badge" cx="{x:g}" cy="{y:g}" r="{radius:g}"/>{sign}'


def tick(x: float, y: float, radius: float) -> str:
    """A disc with a check mark."""
    k = radius / 9
    data = f"M{x - 4 * k:g} {y:g}l{3 * k:g} {3 * k:g}l{5 * k:g} {-6 * k:g}"
    disc = f'<circle class="badge" cx="{x:g}" cy="{y:g}" r="{radius:g}"/>'
    return disc + path("check", data)


def tear(box: Box) -> str:
    """The torn end of a bar."""
    part = box.width / 4
    return path(
        "tear",
        f"M{box.x - 2:g} {box.bottom:g}l{part + 1:g} -6l{part:g} 6l{part:g} -6l{part + 1:g} 6",
    )
