"""Reads the lines of a transcript that another program wrote.

Such a file may have no header, no `seq`, times that do not begin at 0, and much that it leaves out.
"""

from typing import Any

from genreply_cli.transcript.format import to_step
from genreply_cli.transcript.infer import Inference
from genreply_cli.transcript.step import Step


class ForeignLines:
    """Call it with the JSON of each line, in order; it returns the completed step.

    The numbers and times of the steps begin with those of the first step.
    """

    def __init__(self) -> None:
        self._inference = Inference()
        self._first_seq: int | None = None
        self._first_t: float | None = None
        self._seq = 0

    def __call__(self, values: Any, file: str, line: int) -> Step:
        """The step of a line. Raises TranscriptError, which names the file and the line."""
        if type(values) is dict and "format" not in values:
            self._shift(values)
        return self._inference.update(to_step(values, file, line))

    def _shift(self, values: dict[str, Any]) -> None:
        seq, t, cause = values.get("seq"), values.get("t"), values.get("cause")
        if seq is None:
            values["seq"] = self._seq + 1
        elif type(seq) is int:
            if self._first_seq is None:
                self._first_seq = seq
            values["seq"] = seq - self._first_seq + 1
            if type(cause) is int:
                values["cause"] = cause - self._first_seq + 1
        if type(t) is int or type(t) is float:
            if self._first_t is None:
                self._first_t = t
            values["t"] = max(0.0, round(t - self._first_t, 6))
        if type(values.get("seq")) is int:
            self._seq = values["seq"]
