"""The laws of processes: one acts while it lives, ends once, and takes linked ones along."""

from genreply_cli.analysis.blame import BrokenLaws, Recording, Suspect, shown
from genreply_cli.analysis.processes import Processes
from genreply_cli.transcript.step import NO_MESSAGE, Step, is_caller

OTHER_KIND = "expected another kind of event, by its other fields"


class ProcessLaws:
    """Adds the laws of processes that a step breaks to the broken ones."""

    def __init__(self, recording: Recording, broken: BrokenLaws, processes: Processes) -> None:
        self._recording = recording
        self._broken = broken
        self._processes = processes
        self._absent_names: set[str] = set()  # fields without a name that were reported

    def check_start(self, step: Step) -> None:
        """A process starts that does not live. That to which it is linked, or its owner, lives."""
        field = "owner" if "owner" in step.details else "linked"
        linked = step.details.get(field)
        if step.at is None:
            self._broken.add(Suspect("at", "expected the name of a process, found none"))
        elif step.at in self._processes.alive and not self._recording.gaps:
            problem = f"expected a process that does not live; {shown(step.at)} lives"
            self._broken.add(Suspect("at", problem))
        elif linked not in {None, *self._processes.alive} and not self._recording.gaps:
            problem = f"expected a process that lives, found {shown(linked)}"
            self._broken.add(Suspect(field, problem))

    def check_exit(self, step: Step) -> None:
        """A process that lives ends. If a link took it along, the other end has ended."""
        self.check_place(step)
        link = step.details.get("link")
        if link is None or self._recording.gaps:
            return
        if not self._processes.is_known(link):
            problem = f"expected a process that was started, found {shown(link)}"
            self._broken.add(Suspect("link", problem))
        elif link in self._processes.alive:
            problem = f"expected a process that has exited; {shown(link)} lives"
            self._broken.add(Suspect("link", problem))

    def check_message(self, step: Step) -> None:
        """A message reaches a process that lives."""
        self.check_source(step)
        if step.target is None or step.target not in self._processes.alive:
            self.add_unknown("to", "a process that lives,", step.target)
        self.check_has_message(step)

    def check_lost(self, step: Step) -> None:
        """A message is lost if its target has ended."""
        self.check_source(step)
        if step.target in self._processes.alive and not self._recording.gaps:
            problem = f"expected a process that has ended; {shown(step.target)} lives"
            sent = step.details.get("sent", "cast")
            self._broken.add(
                Suspect("to", problem), Suspect("kind", f"expected {shown(sent)}, found lost", sent)
            )
        self.check_has_message(step)

    def check_place(self, step: Step) -> None:
        """A step happens at a process that lives."""
        if step.at is None or step.at not in self._processes.alive:
            self.add_unknown("at", "a process that lives,", step.at)

    def check_source(self, step: Step) -> None:
        """The source is a caller, or a process, which may have ended."""
        source = step.source
        if source is None or not self._processes.is_known(source):
            self.add_unknown("from", "a caller, or a process that was started;", source)

    def check_new_caller(self, step: Step) -> None:
        """Callers are numbered as they come."""
        caller = step.source
        if caller is None or not self._recording.whole or caller in self._processes.alive:
            return
        expected = self._processes.expected_caller(caller)
        if expected is not None:
            problem = f"expected {expected} as the next caller, found {shown(caller)}"
            self._broken.add(Suspect("from", problem))

    def check_target(self, step: Step) -> None:
        """The target of a call was started. It may have ended."""
        if step.target is None or not self._processes.is_known(step.target):
            self.add_unknown("to", "a process that was started,", step.target)

    def check_end_of_server(self, step: Step, *, in_vain: bool | None) -> None:
        """A `down` tells why a process has exited. `in_vain`: it had before the call."""
        server, reason = step.source, step.details.get("reason")
        if not self._recording.whole or server is None:
            return
        lives = server in self._processes.alive
        passed_on = bool(step.details.get("passed_on"))
        if lives is not passed_on:
            wanted, found = ("lives", "has exited") if passed_on else ("has exited", "lives")
            problem = f"expected a process that {wanted}; {shown(server)} {found}"
            self._broken.add(Suspect("from", problem), Suspect("kind", OTHER_KIND))
        elif passed_on:
            return
        elif in_vain:
            if reason != "noproc":
                problem = "expected noproc: the process had exited before the call"
                self._broken.add(Suspect("reason", f"{problem}; found {shown(reason)}"))
        elif in_vain is not None or reason != "noproc":  # a monitor may come too late, as well
            expected = self._processes.reason(server)
            if expected is not None and expected != reason:
                problem = f"expected {shown(expected)}, the reason of its exit"
                self._broken.add(Suspect("reason", f"{problem}; found {shown(reason)}"))

    def check_has_message(self, step: Step) -> None:
        """A message has a content, even if it is None."""
        if step.message is NO_MESSAGE:
            self._broken.add(
                Suspect("message", "expected a message, found none"), Suspect("kind", OTHER_KIND)
            )

    def add_unknown(self, field: str, expected: str, name: str | None) -> None:
        """Add a process that is not there, but one that never started only once."""
        if name is not None and not self._processes.is_known(name):
            self._processes.start(name)
        elif name is None:
            if field in self._absent_names:
                return
            self._absent_names.add(field)
        if not self._recording.gaps:
            self._broken.add(Suspect(field, f"expected {expected} found {shown(name)}"))
        elif name is not None and not is_caller(name):
            self._processes.start(name)
