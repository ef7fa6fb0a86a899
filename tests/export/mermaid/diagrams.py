"""Writes Mermaid diagrams of the samples and of hostile texts to a folder, for check.mjs."""

import random
import sys
from pathlib import Path

from genreply_cli.export.mermaid import render
from genreply_cli.paths import samples
from genreply_cli.transcript.format import Header
from genreply_cli.transcript.reader import read
from genreply_cli.transcript.step import Step

# fmt: off
HOSTILE = [
    "end", "END", "end end", "loop end", "alt", "par", "opt x", "rect rgb(0,0,0)",
    "note right of p1: x", "activate p1", "%%", "%% comment", "%%{init: {}}%%", "---", "title: x",
    ";", "a;b", "#", "#35;", "# ;", "a\nb", "\n", "", " ", ":", "wrap:x", "nowrap: x", ":wrap:",
    "->>", "p1->>p2: x", "p1-->>-p2", "+", "-", "()", "<br/>", "<script>alert(1)</script>",
    "&amp;", '"', "'", "`", "$$x^2$$", "\\", "\\n", "{", "}", "[", "]", "@{ type: x }", "@", "as",
    "as x", "participant x", "box", "create p9", "destroy p1", "links p1: {}", "autonumber",
    "accTitle: x", "accDescr { x }", "style x:#;", "classDef a:#b;", "😀", "你好", "\u202e",
    "\x1b[2J", "\x00", "\ud800", "e\u0301", "\u200d", "\t", "critical", "break", "and", "else",
    "over", "left of", "direction",
]
# fmt: on


def steps_of(texts: list[str]) -> list[Step]:
    a, b, c, d, e = texts
    return [
        Step(1, 0.0, "start", at=a, details={"module": b}),
        Step(2, 0.0, "call", c, "caller", a, message=[d, e], details={"timeout": 1.0}),
        Step(3, 0.0, "noreply", c, at=a, details={"waiting": [c]}),
        Step(4, 0.1, "cast", c, a, b, message=e),
        Step(5, 0.1, "reply", c, a, "caller", message=d, details={"blocked": 0.1, "for": e}),
        Step(6, 0.2, "timeout", e, d, a, details={"went_to": b}),
        Step(7, 0.2, "late", e, a, d, message=b),
        Step(8, 0.2, "lost", e, d, c, message=b),
        Step(9, 0.2, "crash", e, at=a, details={"error": d}),
        Step(10, 0.2, "exit", e, at=a, details={"reason": d, "link": b}),
        Step(11, 0.2, "down", e, a, d, details={"reason": d, "blocked": 0.1}),
        Step(12, 0.2, "mark", details={"label": e}),
        Step(13, 0.2, e or "x", at=b, message=d),
        Step(14, 0.2, a or "x"),
    ]


def main(folder: Path, count: int = 2000) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for name, path in samples().items():
        header, steps = read(path)
        (folder / f"sample-{name}.mmd").write_text("".join(render(header, list(steps))))
    (folder / "empty.mmd").write_text("".join(render(Header(), [])))
    chance = random.Random(0)
    for number in range(count):
        texts = [
            chance.choice(HOSTILE)
            if chance.random() < 0.7
            else "".join(chr(chance.randrange(1, 0x3000)) for _ in range(5))
            for _ in range(5)
        ]
        text = "".join(render(Header(title=texts[0]), steps_of(texts)))
        (folder / f"hostile-{number}.mmd").write_text(text, errors="backslashreplace")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
