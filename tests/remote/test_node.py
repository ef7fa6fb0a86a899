"""An independent client and server, npm's `ws` on Node, speak with genreply."""

import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from commands import genreply
from greeters import served
from terminals import PATIENCE

NODE = shutil.which("node")
MISSING = "npm's ws is not found: npm install --prefix FOLDER ws, and NODE_PATH=FOLDER/node_modules"
SERVER = """
const { WebSocketServer } = require("ws");
const server = new WebSocketServer({ port: 0, host: "127.0.0.1" });
server.on("listening", () => console.log(server.address().port));
server.on("connection", (socket, request) => {
  const answer = (text) => `${text} to you too, ${request.headers["x-name"] ?? "stranger"}!`;
  socket.on("message", (data) => {
    if (data.toString() === "leave") return socket.close(4001, "as asked");
    let asked;
    try { asked = JSON.parse(data); } catch { return socket.send(answer(data)); }
    if (asked.message === "leave") return socket.close(4001, "as asked");
    const { id, message } = asked;
    const frame = JSON.stringify({ id, message: answer(message) });
    setTimeout(() => socket.send(frame), 10 * Math.random());
  });
});
"""
CLIENT = """
const { WebSocket } = require("ws");
const socket = new WebSocket(process.argv[1]);
const heard = [];
socket.on("open", () => { socket.send("Hello"); socket.send('{"id": 7, "message": "Hello"}'); });
socket.on("message", (data) => {
  heard.push(data.toString());
  if (heard.length === 2) socket.send(Buffer.from([0]));
});
socket.on("close", (code, reason) => console.log([...heard, code, reason.toString()].join("\\n")));
"""


def has_ws() -> bool:
    if NODE is None:
        return False
    found = subprocess.run([NODE, "-e", 'require("ws")'], capture_output=True, check=False)
    return found.returncode == 0


pytestmark = pytest.mark.skipif(not has_ws(), reason=MISSING)


@contextmanager
def node_server() -> Iterator[str]:
    process = subprocess.Popen([str(NODE), "-e", SERVER], stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        yield f"ws://127.0.0.1:{process.stdout.readline().strip()}"
    finally:
        process.kill()
        process.communicate()


def test_a_server_on_node_answers_each_overlapping_call() -> None:
    messages = [f"greeting {number}" for number in range(100)]
    with node_server() as url:
        done = genreply("send", "--url", url, "--header", "X-Name: Jo", "-j", "100", *messages)
    assert done.code == 0
    assert done.out.splitlines() == [f"{message} to you too, Jo!" for message in messages]


@pytest.mark.parametrize("coordinator", ["single", "keyed"])
def test_a_server_on_node_that_closes_in_mid_call_is_told_with_its_code(coordinator: str) -> None:
    with node_server() as url:
        done = genreply("send", "--url", url, "-c", coordinator, "Hello", "leave")
    assert (done.code, done.out) == (4, "Hello to you too, stranger!\n")
    assert "the server closed the connection with 4001 (as asked)" in done.err


def test_a_client_on_node_is_answered_and_closed_for_a_binary_frame(tmp_path: Path) -> None:
    with served(tmp_path) as server:
        done = subprocess.run(
            [str(NODE), "-e", CLIENT, server.url],
            capture_output=True,
            text=True,
            check=True,
            timeout=PATIENCE,
        )
    assert done.stdout.splitlines() == [
        "Hello to you too!",
        '{"id": 7, "message": "Hello to you too!"}',
        "1003",
        "expected text, and got a binary frame",
    ]
