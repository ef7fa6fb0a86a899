"""Types are for the reader: what is wrong with a server or a call is an error before anything runs."""

import re
import subprocess
import sys
from pathlib import Path

GREETING = """
from typing import Any
from genreply_cli.coordinator import Coordinator, Greet
from genreply_cli.otp import From, GenServer, NoReply, Reply, Timer, debug, reply, send_after, whereis

async def main(coordinator: Coordinator, from_: From[str], counter: GenServer[int]) -> None:
    answer: int = await coordinator.greet("Hello")  # E: Incompatible types in assignment
    number: int = await coordinator.call(Greet("Hello"))  # E: "Greet"; expected "Request[int]"
    right: str = await coordinator.call(Greet("Hello"))
    reply(from_, 5)  # E: Cannot infer value of type parameter "T" of "reply"
    anything: int = await counter.call("how many?")
    reveal_type(await coordinator.call(Greet("Hello")))  # E: Revealed type is "str"
    reveal_type(Coordinator.start_link())  # E: Revealed type is "genreply_cli.coordinator.Coordinator"
    reveal_type(whereis("coordinator"))  # E: GenServer[Any] | None"
    reveal_type(send_after(coordinator, 1, "tick"))  # E: functions.Timer"
    reveal_type(coordinator.alive)  # E: Revealed type is "bool"

async def look(counter: GenServer[int]) -> None:
    reveal_type(await debug.get_state(counter))  # E: Revealed type is "int"
"""

SERVER = """
from typing import Any
from genreply_cli.otp import From, GenServer, NoReply, Reply, Stop

class Counter(GenServer[int]):
    def init(self) -> int:
        return 0

    def handle_call(self, request: str, from_: From[int], state: int) -> Reply[int] | Stop[int]:
        return Reply(state, state) if request == "get" else Stop("normal", state, reply=state)

    async def handle_cast(self, request: int, state: int) -> NoReply[int]:
        return NoReply(state + request)

class Wrong(GenServer[int]):
    def handle_info(self, message: Any, state: int) -> Reply[int]:  # E: Return type "Reply[int]" of "handle_info" incompatible
        return Reply("to whom?", state)

    def handle_cast(self, request: Any, state: int) -> NoReply[str]:  # E: "NoReply[str]" of "handle_cast"
        return NoReply("a state of another type")
"""


def test_mypy_finds_what_is_wrong_and_nothing_else(tmp_path: Path) -> None:
    expected, files = [], []
    for name, program in (("greeting", GREETING), ("server", SERVER)):
        file = tmp_path / f"{name}.py"
        file.write_text(program)
        files.append(str(file))
        marks = [line.partition("  # E: ")[2] for line in program.split("\n")]
        expected += [(f"{name}.py", number, mark) for number, mark in enumerate(marks, 1) if mark]
    command = [
        sys.executable,
        "-m",
        "mypy",
        "--strict",
        "--no-error-summary",
        "--cache-dir",
        str(tmp_path),
    ]
    root = Path(__file__).parent.parent.parent
    done = subprocess.run([*command, *files], capture_output=True, text=True, check=False, cwd=root)
    told = re.findall(r"(\w+\.py):(\d+): (?:error|note): (.*)", done.stdout)
    lines = {(name, number) for name, number, _ in expected}
    unexpected = [line for line in told if (line[0], int(line[1])) not in lines]
    assert unexpected == []
    missing = [
        (name, number, mark)
        for name, number, mark in expected
        if not any((name, number) == (file, int(at)) and mark in text for file, at, text in told)
    ]
    assert missing == [], done.stdout
