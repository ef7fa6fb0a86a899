"""What a user is told when something cannot be done: one sentence, perhaps a hint, and an exit status."""


class GenreplyError(Exception):
    """A sentence for the user: what came, and what was expected. `hint` says what to type next."""

    def __init__(self, problem: str, *, hint: str | None = None, exit_code: int = 1) -> None:
        super().__init__(problem)
        self.hint = hint
        self.exit_code = exit_code


class Terminated(BaseException):
    """SIGTERM came. What has to be closed is closed on the way out."""
