"""A program that runs is looked at from another one; when that leaves, nothing of it stays."""

import asyncio
import json
import os
import re
import signal
import stat
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest
from commands import Done, shell
from terminals import clean

from genreply_cli import paths
from genreply_cli.cli.attach import Program
from genreply_cli.errors import GenreplyError
from genreply_cli.observe import watch
from genreply_cli.otp import GenServer, Node, NoReply, Reply

PROGRAM = """
import asyncio, sys
from genreply_cli.otp import GenServer, Node, NoReply, Reply

class Store(GenServer):
    def handle_call(self, request, from_, state):
        return NoReply(from_)

class Shop(GenServer):
    async def handle_call(self, request, from_, store):
        return Reply(await store.call(request, timeout=600), store)

async def main():
    async with Node():
        shop = Shop.start(Store.start(None, name="store"), name="shop")
        for timeout in (600, None):
            asyncio.create_task(shop.call("pay", timeout=timeout), name=f"pays-{timeout}")
        await asyncio.sleep(0.01)
        print("runs", flush=True)
        while not await asyncio.to_thread(sys.stdin.readline):
            await asyncio.sleep(600)
        shop.send("last")

asyncio.run(main())
"""

FAST = """
import asyncio
from genreply_cli.observe import watch
from genreply_cli.otp import GenServer, Node, Reply

class Echo(GenServer):
    def handle_call(self, request, from_, state):
        return Reply(len(request), state)

async def main():
    async with Node() as node:
        echo = Echo.start(None)
        watch(attach="fast")
        print("runs", flush=True)
        while node.observe is None:
            await asyncio.sleep(0.001)
        while node.observe is not None:
            await echo.call("x" * 100_000)
            await asyncio.sleep(0)
        print("left", flush=True)
        await asyncio.sleep(600)

asyncio.run(main())
"""


@contextmanager
def running(folder: Path, name: str) -> Iterator["subprocess.Popen[str]"]:
    """A program that can be looked at; a line on its stdin ends it."""
    (folder / "app.py").write_text(PROGRAM)
    with subprocess.Popen(
        [sys.executable, "app.py"],
        cwd=folder,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=clean(
            {
                "XDG_STATE_HOME": str(folder),
                "GENREPLY_ATTACH": name,
                "PYTHONPATH": str(Path.cwd()),
            }
        ),
    ) as program:
        assert program.stdout is not None
        try:
            assert program.stdout.readline() == "runs\n"
            yield program
        finally:
            program.kill()


def socket(folder: Path, name: str) -> Path:
    return folder / "genreply" / "sockets" / name


def test_top_lists_the_servers_who_waits_on_them_and_what_they_await(tmp_path: Path) -> None:
    with running(tmp_path, "shop"):
        assert stat.S_IMODE(socket(tmp_path, "shop").stat().st_mode) == 0o600
        assert stat.S_IMODE(socket(tmp_path, "shop").parent.stat().st_mode) == 0o700
        done = shell("genreply top shop --json", tmp_path)
        assert done.code == 0, done.err
        store, shop = json.loads(done.out)["servers"]
        assert (store["name"], store["status"], store["mailbox"]) == ("store", "ready", 0)
        assert [call["name"] for call in store["callers"]] == ["shop"]
        assert (shop["name"], shop["status"], shop["mailbox"]) == ("shop", "busy", 1)
        assert [(call["name"], call["timeout"]) for call in shop["callers"]] == [
            ("caller:pays-600", 600),
            ("caller:pays-None", None),
        ]
        assert 0 < shop["callers"][0]["seconds"] < 600
        assert shop["callers"][1]["seconds"] is None
        assert [call["name"] for call in shop["waits_on"]] == ["store"]
        line = PROGRAM.splitlines().index(
            "        return Reply(await store.call(request, timeout=600), store)"
        )
        assert shop["awaits"][0]["line"] == line + 1
        table = shell("genreply top shop --once; genreply top shop", tmp_path).out.splitlines()
        assert [row.split()[:3] for row in table] == 2 * [
            ["server", "status", "mailbox"],
            ["store", "ready", "0"],
            ["shop", "busy", "1"],
        ]
        assert "caller:pays-None (since when is not known)" in table[2]
        assert table[2].endswith(f"app.py:{line + 1} in Shop.handle_call")


def test_attach_draws_the_timeline_until_the_program_ends(tmp_path: Path) -> None:
    with (
        running(tmp_path, "1") as program,
        subprocess.Popen(
            [sys.executable, "-m", "genreply_cli", "attach", str(program.pid)],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=clean({"XDG_STATE_HOME": str(tmp_path)}),
        ) as attached,
    ):
        assert attached.stdout is not None
        first = [attached.stdout.readline() for _ in range(5)]
        assert "start store: Store, running already" in first[0]
        assert first[2].startswith("server ")
        assert program.communicate("\n", timeout=60)[1] == ""
        out, err = attached.communicate(timeout=60)
        assert 'shop: "last"' in out
        assert "exit shop: ended: shutdown" in out
        assert err == f"note: {program.pid} has ended\n"
        assert attached.returncode == 0
        assert not socket(tmp_path, str(program.pid)).exists()


class Echo(GenServer[None]):
    """Replies with the request."""

    def handle_call(self, request: str, from_: object, state: None) -> Reply[None]:
        return Reply(request, state)

    def handle_info(self, message: object, state: None) -> NoReply[None]:
        return NoReply(state)


def test_who_leaves_leaves_no_observer_and_no_task(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))

    async def main() -> None:
        async with Node() as node:
            echo = Echo.start(None, name="secret")
            with watch(attach="echo", redact=lambda text: text.replace("secret", "***")):
                with pytest.raises(FileExistsError):
                    watch(attach="echo")
                assert node.observe is None
                before = asyncio.all_tasks()
                reader, writer = await asyncio.open_unix_connection(paths.socket_of("echo"))
                writer.write(b"timeline\nservers\n")
                lines = [await reader.readline() for _ in range(3)]
                assert json.loads(lines[0])["format"] == "genreply"
                assert node.observe is not None
                assert await echo.call("secret") == "secret"
                lines += [await reader.readline() for _ in range(3)]
                assert b"secret" not in b"".join(lines)
                assert [json.loads(line)["kind"] for line in lines[3:]] == [
                    "call",
                    "state",
                    "reply",
                ]
                writer.close()
                while node.observe is not None:  # noqa: ASYNC110  # no event tells of it
                    await asyncio.sleep(0)
                assert not node.states
                assert asyncio.all_tasks() == before
            assert not paths.socket_of("echo").exists()

    asyncio.run(main())


def test_a_reader_that_stands_still_is_disconnected(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))

    async def main() -> None:
        async with Node() as node:
            echo = Echo.start(None)
            with watch(attach="echo"):
                _, writer = await asyncio.open_unix_connection(paths.socket_of("echo"), limit=1)
                writer.write(b"timeline\n")
                while node.observe is None:  # noqa: ASYNC110  # no event tells of it
                    await asyncio.sleep(0)
                for _ in range(1000):
                    await echo.call("x" * 100_000)
                    if node.observe is None:
                        break
                    await asyncio.sleep(0)
                assert node.observe is None
                writer.close()

    asyncio.run(main())


def test_attach_that_is_too_slow_does_not_say_that_the_program_has_ended(tmp_path: Path) -> None:
    home = clean({"XDG_STATE_HOME": str(tmp_path), "PYTHONPATH": str(Path.cwd())})
    app = tmp_path / "fast.py"
    app.write_text(FAST)
    with ExitStack() as stack:

        def begin(*command: str) -> "subprocess.Popen[str]":
            return stack.enter_context(
                subprocess.Popen(
                    [sys.executable, *command],
                    stdout=subprocess.PIPE,
                    stderr=subprocess.PIPE,
                    text=True,
                    env=home,
                )
            )

        program = begin(str(app))
        stack.callback(program.kill)
        assert program.stdout is not None
        assert program.stdout.readline() == "runs\n"
        reader = begin("-m", "genreply_cli", "attach", "fast")
        assert program.stdout.readline() == "left\n"  # nobody has read what attach prints
        _, said = reader.communicate(timeout=60)
    assert reader.returncode == 1
    assert "fast runs, and was too fast for what reads this: it has broken off" in said
    assert "has ended" not in said


def test_a_program_whose_event_loop_is_blocked_is_said_to_be_busy(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    with running(tmp_path, "shop") as program:
        program.send_signal(signal.SIGSTOP)
        busy = re.escape("not answered in 0.05 seconds: its event loop is busy, or the program is")
        with Program("shop", patience=0.05) as shop, pytest.raises(GenreplyError, match=busy):
            shop.first_servers()


def test_the_program_of_another_user_is_not_let_in(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    with running(tmp_path, "shop"):
        is_root, nobody = os.geteuid() == 0, 65534
        folder = socket(tmp_path, "shop").parent
        if is_root:
            os.seteuid(nobody)
        else:
            folder.chmod(0)
        try:
            with pytest.raises(GenreplyError, match="shop: permission denied"):
                Program("shop")
        finally:
            if is_root:
                os.seteuid(0)
            else:
                folder.chmod(0o700)


def test_a_name_that_is_in_use_gets_a_number_and_that_of_a_killed_program_is_free(
    tmp_path: Path,
) -> None:
    with running(tmp_path, "shop") as first:
        with running(tmp_path, "shop") as second:
            assert shell("genreply top shop-2 --once", tmp_path).code == 0
            _, err = second.communicate("\n", timeout=60)
            assert err == "genreply: shop is in use; attach to this node as shop-2\n"
        first.send_signal(signal.SIGKILL)
        first.wait()
        assert shell("genreply top shop --once", tmp_path).code == 4
    with running(tmp_path, "shop"):
        assert shell("genreply top shop --once", tmp_path).code == 0


@pytest.mark.parametrize("command", ["attach", "top"])
def test_a_program_that_is_not_there_is_one_sentence(command: str, tmp_path: Path) -> None:
    assert shell(f"genreply {command} shop", tmp_path) == Done(
        4,
        "",
        "error: no program that runs has opened a socket as shop; no program has\n"
        "       GENREPLY_ATTACH=shop python app.py\n",
    )
    done = shell(f"genreply {command} ../shop", tmp_path)
    assert (done.code, done.out) == (2, "")
    assert "is no name of a program; expected up to 40 letters" in done.err
