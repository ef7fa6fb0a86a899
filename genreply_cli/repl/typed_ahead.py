"""What is typed while a call blocks: shown meanwhile, and given to the prompts that follow."""

from prompt_toolkit.key_binding.key_processor import KeyPress
from prompt_toolkit.keys import Keys

from genreply_cli.repl.paste import is_text, unix_lines

_ENTER = {Keys.ControlM, Keys.ControlJ}


class TypedAhead:
    """Keys that wait for the next prompts, which get them just as they are.

    So each line that ends with Enter runs, one after the other, and the rest stands in the prompt
    after the last of these.
    """

    def __init__(self) -> None:
        self._lines: list[list[KeyPress]] = [[]]  # the last one has no Enter yet

    def add(self, press: KeyPress) -> None:
        """Add a key that has been pressed."""
        line = self._lines[-1]
        is_end = press.key in _ENTER and not (line and line[-1].key == Keys.Escape)
        line.append(press)
        if is_end:
            self._lines.append([])

    def presses(self) -> list[KeyPress]:
        """All keys, in their order."""
        return [press for line in self._lines for press in line]

    def lines(self) -> list[str]:
        """What the keys type, as far as it is known without a prompt, in lines that wait to run.

        The last one has no Enter yet.
        """
        *whole, rest = self._lines
        return [*(_text(line[:-1]) for line in whole), _text(rest)]

    def drop_lines(self) -> list[str]:
        """Forget the lines that end with Enter. Returns them."""
        *dropped, _ = self.lines()
        del self._lines[:-1]
        return dropped


def _text(line: list[KeyPress]) -> str:
    """What these keys type. A key that a prompt has to interpret is shown by its name: `<up>`."""
    text = ""
    for press in line:
        match press.key:
            case Keys.ControlH | Keys.Backspace:
                text = text[:-1]
            case Keys.ControlU:
                text = ""
            case Keys.Escape:  # it modifies the next key: Alt-Enter
                pass
            case Keys.BracketedPaste | Keys.ControlM | Keys.ControlJ:
                text += unix_lines(press.data)
            case key:
                text += press.data if is_text(press) else f"<{getattr(key, 'value', key)}>"
    return text
