"""What is published: the wheel has what users need, and its types reach them."""

import json
import os
import re
import shutil
import subprocess
import sys
import zipapp
from pathlib import Path

import pytest
from cookbook import PROGRAMS
from terminals import clean
from wheels import ROOT, Installation

GREETING = """
from typing import Any
from genreply_cli.coordinator import Coordinator, Greet
from genreply_cli.otp import From, GenServer, call, debug, reply, send_after, whereis

async def main(coordinator: Coordinator, from_: From[str], counter: GenServer[int]) -> None:
    answer: int = await coordinator.greet("Hello")  # E: Incompatible types in assignment
    number: int = await coordinator.call(Greet("Hello"))  # E: "Greet"; expected "Asks[Greet, int]"
    right: str = await coordinator.call(Greet("Hello"))
    reply(from_, 5)  # E: Cannot infer value of type parameter "T" of "reply"
    anything: int = await counter.call("how many?")
    reveal_type(await coordinator.call(Greet("Hello")))  # E: Revealed type is "str"
    reveal_type(await call("coordinator", Greet("Hello")))  # E: Revealed type is "str"
    reveal_type(Coordinator.start_link())  # E: "genreply_cli.coordinator.Coordinator"
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
    def handle_info(self, message: Any, state: int) -> Reply[int]:  # E: "Reply[int, Any]" of
        return Reply("to whom?", state)

    def handle_cast(self, request: Any, state: int) -> NoReply[str]:  # E: "NoReply[str]"
        return NoReply("a state of another type")
"""

CALLERS = """
import asyncio
from dataclasses import dataclass
from functools import partial
from typing import Any
from genreply_cli.coordinator import Coordinator, Greet
from genreply_cli.otp import (
    ChildSpec, From, GenServer, Node, NoReply, Raise, Reply, Request, call, reply,
)

@dataclass(frozen=True)
class Size(Request[int]):
    unit: str

@dataclass(frozen=True)
class Name(Request[str]):
    pass

@dataclass(frozen=True)
class Grow:
    by: int

class Nothing(GenServer[int]):
    def init(self) -> int:
        return 0

class Page(GenServer[int]):
    def init(self, url: str, size: int = 3) -> int:
        return size

    def handle_call(self, request: Size, from_: From[int], state: int) -> Reply[int]:
        return Reply(state, state)

    def handle_cast(self, request: Grow, state: int) -> NoReply[int]:
        return NoReply(state + request.by)

    async def size(self) -> int:
        return await self.call(Size("px"))

class Both(Page):
    def handle_call(self, request: Size | Name, from_: From[Any], state: int) -> Reply[int]:
        return Reply(state, state)

class Checked(GenServer[int]):
    def handle_call(
        self, request: Size | Name, from_: From[Any], state: int
    ) -> Reply[int, int | str]:
        if request == Name():
            return Reply(b"a name", state)  # E: bytes
        return Reply(state, state) if isinstance(request, Size) else Reply(Raise(KeyError()), state)

class One(GenServer[int]):
    async def handle_call(self, request: Size, from_: From[int], state: int) -> Reply[int, int]:
        if state:
            return Reply("text", state)  # E: "str"
        reply(from_, "text")  # E: reply
        return Reply(state, state)

class Names(GenServer[int]):
    def init(self, *names: str) -> int:
        return len(names)

class Five(GenServer[int]):
    def init(self, a: str, b: str, c: str, d: str, e: str) -> int:
        return 5

async def start(unknown: type[GenServer[Any]]) -> None:
    page: Page = Page.start("url")
    page = Page.start_link("url", 3, name="page", timeout=1.0, mailbox_limit=10)
    page = await asyncio.to_thread(Page.start, "url", 3)
    nothing: Nothing = Nothing.start()
    names: Names = Names.start("a", "b", "c")
    five: Five = Five.start("a", "b", "c", "d", "e", name="five")
    server: GenServer[Any] = unknown.start(1, 2, 3, name="unknown")
    spec = ChildSpec("page", partial(Page.start_link, "url", name="page"))
    Page.start()  # E: at least one argument
    Page.start(3)  # E: "start" of "GenServer" matches argument type "int"
    Page.start_link("url", "large")  # E: matches argument types "str", "str"
    Page.start("url", 3, 4)  # E: matches argument types "str", "int", "int"
    Page.start("url", timeot=3)  # E: did you mean "timeout"
    Page.start("url", timeout="3")  # E: matches argument types "str", "str"
    Nothing.start_link(3)  # E: matches argument type "int"
    Names.start("a", 3)  # E: matches argument types "str", "int"
    Five.start("a", "b", "c", "d")  # E: Too few arguments
    other: Nothing = Page.start("url")  # E: Incompatible types in assignment

async def use(page: Page, both: Both, unknown: GenServer[Any]) -> None:
    size: int = await page.call(Size("px"), timeout=3)
    name: str = await both.call(Name())
    size = await unknown.call(Size("px"))
    greeting: str = await call("coordinator", Greet("Hello"))
    page.cast(Grow(3))
    await page.call(Name())  # E: incompatible type "Name"
    await page.call(Size("px"), timeot=3)  # E: did you mean "timeout"
    page.cast(3)  # E: Argument 1 to "cast"
    wrong: str = await page.call(Size("px"))  # E: expected "Asks[Size, str]"
    wrong = await unknown.call(Size("px"))  # E: expected "Asks[Any, str]"
    size = await call("coordinator", Greet("Hello"))  # E: expected "Request[int]"

def elsewhere(node: Node) -> None:
    page: Page = node.run(Page.start, "url", 3, name="page")
    size: int = node.run(page.call, Size("px"), timeout=3)
    size = node.run(page.size)
    node.run(Page.start, "url", "large")  # E: "run" of
    node.run(page.call, Size("px"), timeot=3)  # E: "run" of
    node.run(page.size, 3)  # E: "run" of
    wrong: str = node.run(page.size)  # E: str
"""


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Installation:
    """The wheel, installed in a folder that has nothing to do with the source tree."""
    return Installation(tmp_path_factory.mktemp("installed"))


def test_mypy_finds_what_is_wrong_and_nothing_else(installed: Installation, tmp_path: Path) -> None:
    expected, files = [], []
    programs = {"greeting.py": GREETING, "server.py": SERVER, "callers.py": CALLERS} | PROGRAMS
    for name, program in programs.items():
        file = tmp_path / name
        file.write_text(program)
        files.append(str(file))
        marks = [line.partition("  # E: ")[2] for line in program.split("\n")]
        expected += [(name, number, mark) for number, mark in enumerate(marks, 1) if mark]
    command = [sys.executable, "-m", "mypy", "--strict", "--no-error-summary"]
    command += ["--python-executable", str(installed.python), "--cache-dir", str(tmp_path)]
    done = subprocess.run(
        [*command, *files], capture_output=True, text=True, check=False, cwd=tmp_path
    )
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


PYRIGHT = shutil.which("pyright", path=str(Path(sys.executable).parent)) or shutil.which("pyright")


@pytest.mark.skipif(PYRIGHT is None, reason="needs pyright: npm install --global pyright")
def test_pyright_finds_the_same_wrong_arguments(installed: Installation, tmp_path: Path) -> None:
    for name, program in ({"callers.py": CALLERS} | PROGRAMS).items():
        (tmp_path / name).write_text(program)
    command = [str(PYRIGHT), "--pythonpath", str(installed.python), "--outputjson", str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=tmp_path)
    told = json.loads(done.stdout)["generalDiagnostics"]
    lines = {(Path(each["file"]).name, each["range"]["start"]["line"]) for each in told}
    marked = enumerate(CALLERS.splitlines())
    expected = {("callers.py", at) for at, line in marked if "# E: " in line}
    assert lines == expected, done.stdout


def test_the_wheel_has_the_types_the_samples_and_the_elixir(installed: Installation) -> None:
    samples = {f"genreply_cli/transcripts/{path.name}" for path in ROOT.glob("transcripts/*.jsonl")}
    assert samples
    elixir = {f"genreply_cli/elixir/{name}.exs" for name in ("coordinators", "tracer", "scenarios")}
    needed = {"genreply_cli/py.typed"} | elixir | samples
    assert needed <= installed.files()


def test_the_wheel_has_every_module_and_no_tests(installed: Installation) -> None:
    modules = {str(path.relative_to(ROOT)) for path in ROOT.glob("genreply_cli/**/*.py")}
    assert {name for name in installed.files() if name.endswith(".py")} == modules


@pytest.mark.parametrize(
    ("arguments", "output"),
    [
        (["send", "Hello world"], "Hello world to you too!\n"),
        (
            ["trace", "crash", "--kind", "timeout", "--kind", "crash"],
            "0.030000 c2 crash websocket: RuntimeError: injected by --fault crash\n",
        ),
    ],
)
def test_the_installed_command_works_outside_the_source_tree(
    installed: Installation, tmp_path: Path, arguments: list[str], output: str
) -> None:
    environment = os.environ | {"PYTHONPATH": str(installed.packages)}
    command = [sys.executable, "-m", "genreply_cli", *arguments]
    done = subprocess.run(
        command, capture_output=True, text=True, check=True, cwd=tmp_path, env=environment
    )
    assert done.stdout == output
    where = [sys.executable, "-c", "import genreply_cli; print(genreply_cli.__file__)"]
    found = subprocess.run(
        where, capture_output=True, text=True, check=True, cwd=tmp_path, env=environment
    )
    assert Path(found.stdout.strip()).is_relative_to(installed.packages)


def test_a_zipapp_has_its_samples_and_its_sources(installed: Installation, tmp_path: Path) -> None:
    archive = tmp_path / "genreply.pyz"
    zipapp.create_archive(installed.packages, archive, main="genreply_cli.__main__:main")
    for arguments in (
        ["--list"],
        ["late"],
        ["late", "--check"],
        ["overlap-single", "--explain"],
        ["overlap-single", "--diff", "overlap-keyed", "--call", "c1"],
        ["late", "--as", "html"],
    ):
        done, usual = (
            subprocess.run(
                [sys.executable, *program, "trace", *arguments],
                capture_output=True,
                check=False,
                cwd=tmp_path,
                env=clean({"TMPDIR": str(tmp_path)}),
            )
            for program in ([archive], ["-m", "genreply_cli"])
        )
        assert (done.returncode, done.stdout) == (usual.returncode, usual.stdout)
        assert done.stderr == usual.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["genreply.pyz"]


def test_the_command_has_the_name_of_the_package_too(installed: Installation) -> None:
    (names,) = installed.packages.glob("*.dist-info/entry_points.txt")
    pattern = re.compile(r"^(\S+) = genreply_cli.__main__:main$", re.MULTILINE)
    assert pattern.findall(names.read_text()) == ["genreply", "genreply-cli"]
